package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"kaquan/campaigns"
)

const (
	hookColumns   = `w.campaign_id, w.secret, w.since, w.read_at, w.deep_at`
	noticeColumns = `id, campaign_id, event, topic, body, state, created_at, due_at, tried_at, tries, status, answer`

	qHooks = `SELECT ` + hookColumns + ` FROM webhooks w JOIN campaigns c ON c.id = w.campaign_id
WHERE c.status <> 'draft' AND COALESCE(json_extract(c.notices, '$.webhook.url'), '') <> ''`
	qHookOf   = `SELECT ` + hookColumns + ` FROM webhooks w WHERE w.campaign_id = $1`
	qSaveHook = `INSERT INTO webhooks (campaign_id, secret, since, read_at, deep_at) VALUES ($1, $2, $3, $3, $3)
ON CONFLICT (campaign_id) DO UPDATE SET secret = excluded.secret`
	qHookRead = `UPDATE webhooks SET read_at = MAX(read_at, $2), deep_at = MAX(deep_at, $3) WHERE campaign_id = $1`

	qConfirmedNews = `SELECT c.ref, c.code, c.state, c.confirmed_at FROM claims c
WHERE c.campaign_id = $1 AND c.confirmed_at >= $2 AND c.confirmed_at > 0 AND c.gift_of = 0
  AND NOT EXISTS (SELECT 1 FROM notices n WHERE n.campaign_id = $1 AND n.topic = 'claim.confirmed:' || c.ref)
ORDER BY c.confirmed_at LIMIT $3`
	qRedeemedNews = `SELECT c.ref, c.code, c.state, c.redeemed_at FROM claims c
WHERE c.campaign_id = $1 AND c.redeemed_at >= $2 AND c.redeemed_at > 0
  AND NOT EXISTS (SELECT 1 FROM notices n WHERE n.campaign_id = $1 AND n.topic = 'claim.redeemed:' || c.ref || ':' || c.redeemed_at)
ORDER BY c.redeemed_at LIMIT $3`
	qVoidedNews = `SELECT c.ref, c.code, c.state, c.voided_at FROM claims c
WHERE c.campaign_id = $1 AND c.voided_at >= $2 AND c.voided_at > 0
  AND NOT EXISTS (SELECT 1 FROM notices n WHERE n.campaign_id = $1 AND n.topic = 'claim.voided:' || c.ref)
ORDER BY c.voided_at LIMIT $3`

	qQueueNotice = `INSERT INTO notices (campaign_id, event, topic, body, state, created_at, due_at) VALUES ($1, $2, $3, $4, 'waiting', $5, $6)
ON CONFLICT (campaign_id, topic) DO NOTHING`
	qDueNotices     = `SELECT ` + noticeColumns + ` FROM notices WHERE state = 'waiting' AND due_at <= $1 ORDER BY due_at, id LIMIT $2`
	qNoteDelivery   = `UPDATE notices SET state = $2, due_at = $3, tried_at = $4, tries = $5, status = $6, answer = $7 WHERE id = $1`
	qNotices        = `SELECT ` + noticeColumns + ` FROM notices WHERE campaign_id = $1 ORDER BY id DESC LIMIT $2`
	qResendNotice   = `UPDATE notices SET state = 'waiting', due_at = $3, tries = 0 WHERE id = $1 AND campaign_id = $2`
	qTrimDeliveries = `DELETE FROM notices WHERE state <> 'waiting' AND created_at < $1`
)

const hookPurpose = "webhook secret"

var _ campaigns.NoticeStore = (*DB)(nil)

func (d *DB) scanHook(row scanner) (h campaigns.Hook, err error) {
	var sealed []byte
	if err = row.Scan(&h.Campaign, &sealed, (*instant)(&h.Since), (*instant)(&h.ReadAt), (*instant)(&h.DeepAt)); err != nil {
		return h, err
	}
	h.Secret, err = d.seal.open(hookPurpose, sealed)
	return h, err
}

// Hooks implements campaigns.NoticeStore.
func (d *DB) Hooks(ctx context.Context) ([]campaigns.Hook, error) {
	rows, err := d.rows(ctx, qHooks)
	return collect(rows, err, d.scanHook)
}

// HookOf implements campaigns.NoticeStore.
func (d *DB) HookOf(ctx context.Context, campaign campaigns.ID) (h campaigns.Hook, found bool, err error) {
	h, err = d.scanHook(d.row(ctx, qHookOf, int64(campaign)))
	if errors.Is(err, sql.ErrNoRows) {
		return h, false, nil
	}
	return h, err == nil, err
}

// SaveHookSecret implements campaigns.NoticeStore.
func (d *DB) SaveHookSecret(ctx context.Context, campaign campaigns.ID, secret string, a campaigns.Audit) error {
	sealed := d.seal.seal(hookPurpose, secret)
	return d.Write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(qSaveHook, int64(campaign), sealed, ms(a.At)); err != nil {
			return err
		}
		return audit(tx, a, "campaign", campaign.String())
	})
}

// ClaimNews implements campaigns.NoticeStore.
func (d *DB) ClaimNews(ctx context.Context, campaign campaigns.ID, event string, from time.Time, limit int) ([]campaigns.ClaimNews, error) {
	var query string
	switch event {
	case campaigns.ClaimConfirmed:
		query = qConfirmedNews
	case campaigns.ClaimRedeemed:
		query = qRedeemedNews
	case campaigns.ClaimVoided:
		query = qVoidedNews
	default:
		return nil, fmt.Errorf("no claims have the event %q", event)
	}
	rows, err := d.rows(ctx, query, int64(campaign), ms(from), limit)
	return collect(rows, err, func(row scanner) (n campaigns.ClaimNews, err error) {
		return n, row.Scan(&n.Ref, &n.Code, &n.State, (*instant)(&n.At))
	})
}

// QueueNotices implements campaigns.NoticeStore.
func (d *DB) QueueNotices(ctx context.Context, h campaigns.Hook, list []campaigns.Notice) error {
	return d.Write(ctx, func(tx *Tx) error {
		for _, n := range list {
			if _, err := tx.exec(qQueueNotice, int64(n.Campaign), n.Event, n.Topic, n.Body, ms(n.CreatedAt), ms(n.DueAt)); err != nil {
				return err
			}
		}
		_, err := tx.exec(qHookRead, int64(h.Campaign), ms(h.ReadAt), ms(h.DeepAt))
		return err
	})
}

func scanNotice(row scanner) (n campaigns.Notice, err error) {
	return n, row.Scan(&n.ID, &n.Campaign, &n.Event, &n.Topic, &n.Body, &n.State, (*instant)(&n.CreatedAt), (*instant)(&n.DueAt), (*instant)(&n.TriedAt), &n.Tries, &n.Status, &n.Answer)
}

// DueNotices implements campaigns.NoticeStore.
func (d *DB) DueNotices(ctx context.Context, now time.Time, limit int) ([]campaigns.Notice, error) {
	rows, err := d.rows(ctx, qDueNotices, ms(now), limit)
	return collect(rows, err, scanNotice)
}

// NoteDelivery implements campaigns.NoticeStore.
func (d *DB) NoteDelivery(ctx context.Context, n campaigns.Notice) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qNoteDelivery, n.ID, string(n.State), ms(n.DueAt), ms(n.TriedAt), n.Tries, n.Status, n.Answer)
		return err
	})
}

// Notices implements campaigns.NoticeStore.
func (d *DB) Notices(ctx context.Context, campaign campaigns.ID, limit int) ([]campaigns.Notice, error) {
	rows, err := d.rows(ctx, qNotices, int64(campaign), limit)
	return collect(rows, err, scanNotice)
}

// ResendNotice implements campaigns.NoticeStore.
func (d *DB) ResendNotice(ctx context.Context, campaign campaigns.ID, id int64, now time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		changed, err := tx.exec(qResendNotice, id, int64(campaign), ms(now))
		if err == nil && changed == 0 {
			return campaigns.ErrNoticeNotFound
		}
		return err
	})
}

// TrimDeliveries implements campaigns.NoticeStore.
func (d *DB) TrimDeliveries(ctx context.Context, before time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qTrimDeliveries, ms(before))
		return err
	})
}
