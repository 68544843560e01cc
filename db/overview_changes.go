package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"kaquan/campaigns"
)

const (
	qStatusNow = `SELECT status, starts_at, ends_at, pause_reason, version FROM campaigns WHERE id = $1`
	qAddTag    = `INSERT INTO campaign_tags (campaign_id, tag)
SELECT $1, $2 WHERE EXISTS (SELECT 1 FROM campaigns WHERE id = $1) AND (SELECT count(*) FROM campaign_tags WHERE campaign_id = $1) < $3
ON CONFLICT DO NOTHING`
	qDropTag     = `DELETE FROM campaign_tags WHERE campaign_id = $1 AND tag = $2`
	qInsertUndo  = `INSERT INTO campaign_undos (id, person_id, at, steps) VALUES ($1, $2, $3, $4)`
	qTakeUndo    = `UPDATE campaign_undos SET done_at = $4 WHERE id = $1 AND person_id = $2 AND at >= $3 AND done_at = 0 RETURNING steps`
	qDropOldUndo = `DELETE FROM campaign_undos WHERE at < $1`
)

// undoSteps is what a change did, as it is stored.
type undoSteps struct {
	Statuses []statusStep   `json:"statuses,omitempty"`
	Tag      string         `json:"tag,omitempty"`
	Added    bool           `json:"added,omitempty"`
	Tagged   []campaigns.ID `json:"tagged,omitempty"`
}

type statusStep struct {
	ID      campaigns.ID     `json:"id"`
	Was     campaigns.Status `json:"was"`
	Reason  string           `json:"reason,omitempty"`
	Version int64            `json:"version"` // after the change
}

func statusNow(tx *Tx, id campaigns.ID) (c campaigns.StatusNow, found bool, err error) {
	err = tx.row(qStatusNow, int64(id)).Scan(&c.Status, (*instant)(&c.StartsAt), (*instant)(&c.EndsAt), &c.PauseReason, &c.Version)
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	return c, err == nil, err
}

func keepUndo(tx *Tx, note campaigns.UndoNote, steps undoSteps) error {
	if _, err := tx.exec(qDropOldUndo, ms(note.At.Add(-campaigns.UndoLife))); err != nil {
		return err
	}
	_, err := tx.exec(qInsertUndo, note.ID, note.Person, ms(note.At), jsonText(steps))
	return err
}

// ChangeStatuses implements campaigns.BulkStore.
func (d *DB) ChangeStatuses(ctx context.Context, ids []campaigns.ID, decide func(campaigns.StatusNow) (campaigns.Status, string, bool), a campaigns.Audit, note campaigns.UndoNote) (changed int, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		var steps undoSteps
		for _, id := range ids {
			c, found, err := statusNow(tx, id)
			if err != nil {
				return err
			}
			to, reason, ok := decide(c.At(a.At))
			if !found || !ok || to == c.Status {
				continue
			}
			n, err := tx.exec(qSetStatus, int64(id), string(to), reason, ms(a.At), string(c.Status))
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			if err := noteStatus(tx, id, a); err != nil {
				return err
			}
			steps.Statuses = append(steps.Statuses, statusStep{id, c.Status, c.PauseReason, c.Version + 1})
		}
		if changed = len(steps.Statuses); changed == 0 {
			return nil
		}
		return keepUndo(tx, note, steps)
	})
	return changed, err
}

// ChangeTags implements campaigns.BulkStore.
func (d *DB) ChangeTags(ctx context.Context, ids []campaigns.ID, tag string, add bool, a campaigns.Audit, note campaigns.UndoNote) (changed int, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		steps := undoSteps{Tag: tag, Added: add}
		for _, id := range ids {
			n, err := setTag(tx, id, tag, add)
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			if err := audit(tx, a, "campaign", id.String()); err != nil {
				return err
			}
			steps.Tagged = append(steps.Tagged, id)
		}
		if changed = len(steps.Tagged); changed == 0 {
			return nil
		}
		return keepUndo(tx, note, steps)
	})
	return changed, err
}

func setTag(tx *Tx, id campaigns.ID, tag string, add bool) (int64, error) {
	if add {
		return tx.exec(qAddTag, int64(id), tag, campaigns.MaxTags)
	}
	return tx.exec(qDropTag, int64(id), tag)
}

func noteTag(tx *Tx, id campaigns.ID, a campaigns.Audit) error {
	return audit(tx, a, "campaign", id.String())
}

// UndoChange implements campaigns.BulkStore.
func (d *DB) UndoChange(ctx context.Context, id, person string, oldest time.Time, a campaigns.Audit) (changed, skipped int, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		changed, skipped = 0, 0
		var (
			text  string
			steps undoSteps
		)
		err := tx.row(qTakeUndo, id, person, ms(oldest), ms(a.At)).Scan(&text)
		if errors.Is(err, sql.ErrNoRows) {
			return campaigns.ErrUndoGone
		}
		if err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(text), &steps); err != nil {
			return err
		}
		back := func(id campaigns.ID, n int64, err error, note func(*Tx, campaigns.ID, campaigns.Audit) error) error {
			if err != nil {
				return err
			}
			if n == 0 {
				skipped++
				return nil
			}
			changed++
			return note(tx, id, a)
		}
		for _, step := range steps.Statuses {
			c, found, err := statusNow(tx, step.ID)
			if err != nil {
				return err
			}
			var n int64
			if found && c.Version == step.Version {
				n, err = tx.exec(qSetStatus, int64(step.ID), string(step.Was), step.Reason, ms(a.At), string(c.Status))
			}
			if err := back(step.ID, n, err, noteStatus); err != nil {
				return err
			}
		}
		for _, tagged := range steps.Tagged {
			n, err := setTag(tx, tagged, steps.Tag, !steps.Added)
			if err := back(tagged, n, err, noteTag); err != nil {
				return err
			}
		}
		return nil
	})
	return changed, skipped, err
}
