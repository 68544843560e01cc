package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"kaquan/campaigns"
)

var _ campaigns.Store = (*DB)(nil)

const (
	campaignColumns = `c.id, c.account_id, c.slug, c.status, c.starts_at, c.ends_at, c.valid_until, c.version, c.per_person, c.per_day,
c.hold_ms, c.issuer, c.card_id, c.zone, c.created_at, c.updated_at, c.name, c.pause_reason, c.form, c.texts, c.share,
c.rules, c.design, c.redeeming, c.notices, c.price, c.ended_at, s.total, s.held, s.confirmed`

	qCampaignByID = `SELECT ` + campaignColumns + `
FROM campaigns c JOIN campaign_stock s ON s.campaign_id = c.id
WHERE c.id = $1`

	qCampaignBySlug = `SELECT ` + campaignColumns + `
FROM campaigns c JOIN campaign_stock s ON s.campaign_id = c.id
WHERE c.slug = $1`

	qCampaigns = `SELECT ` + campaignColumns + `
FROM campaigns c JOIN campaign_stock s ON s.campaign_id = c.id
WHERE $1 = '' OR c.account_id = $1
ORDER BY c.id DESC`

	qInsertCampaign = `INSERT INTO campaigns (id, account_id, slug, status, starts_at, ends_at, valid_until, version, per_person, per_day,
  hold_ms, issuer, card_id, zone, created_at, updated_at, name, pause_reason, form, texts, share, rules, design, redeeming, notices, price)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)`

	qInsertStock = `INSERT INTO campaign_stock (campaign_id, total) VALUES ($1, $2)`

	qUpdateCampaign = `UPDATE campaigns SET slug = $3, starts_at = $4, ends_at = $5, valid_until = $6, version = version + 1,
  per_person = $7, per_day = $8, hold_ms = $9, issuer = $10, card_id = $11, zone = $12, updated_at = $13,
  name = $14, form = $15, texts = $16, share = $17, rules = $18, design = $19, redeeming = $20, notices = $21, price = $22
WHERE id = $1 AND version = $2`

	// A draft has issued nothing, so the guard never stands in its way.
	qSetTotal = `UPDATE campaign_stock SET total = $2 WHERE campaign_id = $1 AND held + confirmed <= $2`

	qSetStatus = `UPDATE campaigns SET status = $2, pause_reason = $3, updated_at = $4, version = version + 1,
  ended_at = CASE WHEN $2 = 'ended' AND ended_at = 0 THEN $4 WHEN $2 IN ('published', 'paused') THEN 0 ELSE ended_at END
WHERE id = $1 AND status = $5`

	qStatus = `SELECT status FROM campaigns WHERE id = $1`

	qAudit = `INSERT INTO audit (id, at, actor_id, actor_name, action, object_kind, object_id, detail, ip)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
)

// zones keeps parsed time zones: loading one reads a file.
var zones sync.Map

func zone(name string) (*time.Location, error) {
	if z, ok := zones.Load(name); ok {
		return z.(*time.Location), nil
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	zones.Store(name, z)
	return z, nil
}

func scanCampaign(row scanner) (*campaigns.Campaign, error) {
	var (
		c                                 campaigns.Campaign
		starts, ends, valid, made, edited int64
		hold                              int64
		zoneName                          string
	)
	err := row.Scan(&c.ID, &c.Account, &c.Slug, &c.Status, &starts, &ends, &valid, &c.Version, &c.Limits.PerPerson, &c.Limits.PerDay,
		&hold, &c.Issuer, &c.CardID, &zoneName, &made, &edited, &c.Name, &c.PauseReason, stored{&c.Form}, stored{&c.Texts},
		stored{&c.Share}, stored{&c.Rules}, stored{&c.Design}, stored{&c.Redeeming}, stored{&c.Notices}, stored{&c.Price}, (*instant)(&c.EndedAt), &c.Stock.Total, &c.Stock.Held, &c.Stock.Confirmed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, campaigns.ErrCampaignNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read campaign: %w", err)
	}
	c.StartsAt, c.EndsAt, c.ValidUntil, c.CreatedAt, c.UpdatedAt = at(starts), at(ends), at(valid), at(made), at(edited)
	c.Hold = time.Duration(hold) * time.Millisecond
	if c.Zone, err = zone(zoneName); err != nil {
		return nil, fmt.Errorf("campaign %v: %w", c.ID, err)
	}
	return &c, nil
}

// stored scans JSON text into what it points to.
type stored struct{ into any }

// Scan implements sql.Scanner.
func (s stored) Scan(v any) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("JSON is stored as %T", v)
	}
	return json.Unmarshal([]byte(text), s.into)
}

// jsonText is v as stored text; the types it is used for always encode.
func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func audit(tx *Tx, a campaigns.Audit, kind, object string) error {
	_, err := tx.exec(qAudit, uuid.Must(uuid.NewV7()).String(), ms(a.At), a.Actor.ID, a.Actor.Name, a.Action, kind, object, a.Detail, a.Actor.IP)
	return err
}

// CreateCampaign implements campaigns.Store.
func (d *DB) CreateCampaign(ctx context.Context, c *campaigns.Campaign, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qInsertCampaign, int64(c.ID), string(c.Account), string(c.Slug), string(c.Status), ms(c.StartsAt), ms(c.EndsAt), ms(c.ValidUntil),
			c.Version, c.Limits.PerPerson, c.Limits.PerDay, c.Hold.Milliseconds(), string(c.Issuer), string(c.CardID), c.Zone.String(),
			ms(c.CreatedAt), ms(c.UpdatedAt), c.Name, c.PauseReason, jsonText(c.Form), jsonText(c.Texts), jsonText(c.Share),
			jsonText(c.Rules), jsonText(c.Design), jsonText(c.Redeeming), jsonText(c.Notices), jsonText(c.Price))
		if isDuplicate(err) {
			return campaigns.ErrSlugTaken.Because(err)
		}
		if err != nil {
			return err
		}
		if _, err = tx.exec(qInsertStock, int64(c.ID), c.Stock.Total); err != nil {
			return err
		}
		if _, err = writeVersion(tx, c, c.Version, a); err != nil {
			return err
		}
		return audit(tx, a, "campaign", c.ID.String())
	})
}

// UpdateCampaign implements campaigns.Store.
func (d *DB) UpdateCampaign(ctx context.Context, c *campaigns.Campaign, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		n, err := tx.exec(qUpdateCampaign, int64(c.ID), c.Version, string(c.Slug), ms(c.StartsAt), ms(c.EndsAt), ms(c.ValidUntil),
			c.Limits.PerPerson, c.Limits.PerDay, c.Hold.Milliseconds(), string(c.Issuer), string(c.CardID), c.Zone.String(),
			ms(c.UpdatedAt), c.Name, jsonText(c.Form), jsonText(c.Texts), jsonText(c.Share),
			jsonText(c.Rules), jsonText(c.Design), jsonText(c.Redeeming), jsonText(c.Notices), jsonText(c.Price))
		switch {
		case isDuplicate(err):
			return campaigns.ErrSlugTaken.Because(err)
		case err != nil:
			return err
		case n == 0:
			return campaigns.ErrEditConflict
		}
		if n, err = tx.exec(qSetTotal, int64(c.ID), c.Stock.Total); err != nil {
			return err
		} else if n == 0 {
			return campaigns.ErrStockBelowIssued
		}
		if goesOn, err := writeVersion(tx, c, c.Version+1, a); err != nil || goesOn {
			return err
		}
		return audit(tx, a, "campaign", c.ID.String())
	})
}

// SetStatus implements campaigns.Store.
func (d *DB) SetStatus(ctx context.Context, id campaigns.ID, from []campaigns.Status, to campaigns.Status, reason string, now time.Time, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		for _, status := range from {
			n, err := tx.exec(qSetStatus, int64(id), string(to), reason, ms(now), string(status))
			if err != nil {
				return err
			}
			if n == 1 {
				return noteStatus(tx, id, a)
			}
		}
		var is campaigns.Status
		err := tx.row(qStatus, int64(id)).Scan(&is)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return campaigns.ErrCampaignNotFound
		case err != nil:
			return err
		case is == to:
			return nil
		}
		return campaigns.ErrWrongState
	})
}

// CampaignByID implements campaigns.Store.
func (d *DB) CampaignByID(ctx context.Context, id campaigns.ID) (*campaigns.Campaign, error) {
	return d.cache.get(ctx, id, func(ctx context.Context) (*campaigns.Campaign, error) {
		return scanCampaign(d.row(ctx, qCampaignByID, int64(id)))
	})
}

// CampaignBySlug implements campaigns.Store.
func (d *DB) CampaignBySlug(ctx context.Context, slug campaigns.Slug) (*campaigns.Campaign, error) {
	return d.cache.get(ctx, slug, func(ctx context.Context) (*campaigns.Campaign, error) {
		return scanCampaign(d.row(ctx, qCampaignBySlug, string(slug)))
	})
}

// Campaigns implements campaigns.Store. An account has at most some thousands of
// campaigns, and the state depends on the clock, so states are sorted out here.
func (d *DB) Campaigns(ctx context.Context, f campaigns.CampaignFilter) ([]*campaigns.Campaign, error) {
	rows, err := d.rows(ctx, qCampaigns, string(f.Account))
	all, err := collect(rows, err, scanCampaign)
	if err != nil {
		return nil, err
	}
	search := strings.ToLower(strings.TrimSpace(f.Search))
	var list []*campaigns.Campaign
	for _, c := range all {
		state := c.State(f.Now)
		if f.State != "" && state != f.State || f.State == "" && state == campaigns.Archived && !f.Archived {
			continue
		}
		if search != "" && !strings.Contains(strings.ToLower(c.Name+" "+string(c.Slug)+" "+c.Texts.Benefit), search) {
			continue
		}
		list = append(list, c)
	}
	campaigns.SortCampaigns(list, f.Now)
	return list, nil
}

// CampaignCounts implements campaigns.Store.
func (d *DB) CampaignCounts(ctx context.Context, account campaigns.AccountID, now time.Time) (map[campaigns.State]int, error) {
	rows, err := d.rows(ctx, qCampaigns, string(account))
	all, err := collect(rows, err, scanCampaign)
	if err != nil {
		return nil, err
	}
	counts := make(map[campaigns.State]int, len(campaigns.States))
	for _, c := range all {
		counts[c.State(now)]++
	}
	return counts, nil
}
