package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"kaquan/campaigns"
)

const (
	qInsertTemplate = `INSERT INTO campaign_templates (id, account_id, name, body, created_at)
SELECT $1, $2, $3, $4, $5 WHERE (SELECT COUNT(*) FROM campaign_templates) < $6`

	qTemplates = `SELECT id, account_id, name, body, created_at FROM campaign_templates ORDER BY name`

	qDeleteTemplate = `DELETE FROM campaign_templates WHERE id = $1`

	// The counters go first, as the campaign's row is what they hang on; both ask the same.
	qDeleteDraftStock = `DELETE FROM campaign_stock
WHERE campaign_id = $1 AND held = 0 AND confirmed = 0
  AND EXISTS (SELECT 1 FROM campaigns WHERE id = $1 AND status = 'draft')
  AND NOT EXISTS (SELECT 1 FROM claims WHERE campaign_id = $1)`

	qDeleteDraftScans    = `DELETE FROM channel_scans WHERE campaign_id = $1`
	qDeleteDraftChannels = `DELETE FROM channels WHERE campaign_id = $1`

	qDeleteDraft = `DELETE FROM campaigns WHERE id = $1 AND status = 'draft'`
)

// SaveTemplate implements campaigns.Templates.
func (d *DB) SaveTemplate(ctx context.Context, t campaigns.Template, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		n, err := tx.exec(qInsertTemplate, t.ID, string(t.Account), t.Name, jsonText(t), ms(t.CreatedAt), campaigns.MaxTemplates)
		switch {
		case isDuplicate(err):
			return campaigns.ErrTemplateTaken.Because(err)
		case err != nil:
			return err
		case n == 0:
			return campaigns.ErrTemplatesFull
		}
		return audit(tx, a, "template", t.ID)
	})
}

// Templates implements campaigns.Templates.
func (d *DB) Templates(ctx context.Context) ([]campaigns.Template, error) {
	rows, err := d.rows(ctx, qTemplates)
	return collect(rows, err, func(row scanner) (t campaigns.Template, err error) {
		var body string
		if err := row.Scan(&t.ID, &t.Account, &t.Name, &body, (*instant)(&t.CreatedAt)); err != nil {
			return t, err
		}
		if err := json.Unmarshal([]byte(body), &t); err != nil {
			return t, fmt.Errorf("template %s: %w", t.ID, err)
		}
		return t, nil
	})
}

// DeleteTemplate implements campaigns.Templates.
func (d *DB) DeleteTemplate(ctx context.Context, id string, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		n, err := tx.exec(qDeleteTemplate, id)
		if err != nil || n == 0 {
			return err
		}
		return audit(tx, a, "template", id)
	})
}

// DeleteDraft implements campaigns.Templates.
func (d *DB) DeleteDraft(ctx context.Context, id campaigns.ID, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		n, err := tx.exec(qDeleteDraftStock, int64(id))
		if err != nil {
			return err
		}
		if n == 0 {
			err := tx.row(qStatus, int64(id)).Scan(new(string))
			if errors.Is(err, sql.ErrNoRows) {
				return campaigns.ErrCampaignNotFound
			}
			return errors.Join(err, campaigns.ErrWrongState)
		}
		for _, query := range []string{qDeleteDraftScans, qDeleteDraftChannels, qDeleteDraft} {
			if _, err := tx.exec(query, int64(id)); err != nil {
				return err
			}
		}
		return audit(tx, a, "campaign", id.String())
	})
}
