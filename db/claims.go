package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kaquan/campaigns"
)

const (
	claimColumns = `k.id, k.campaign_id, k.visitor_id, k.account_id, k.ref, k.issuer, k.state, k.code, k.idem_key, k.channel, k.day, k.hold_until,
k.created_at, k.opened_at, k.reported_at, k.confirmed_at, k.released_at, k.redeemed_at, k.release_reason, k.consent, k.answers,
k.gift_of, k.gifted_at, k.returned_at, k.deleted_at, k.restored_at, k.expired_at, k.voided_at,
k.undone_at, k.refunded_at, k.secret_code, k.takes`

	qInsertClaim = `INSERT INTO claims (id, campaign_id, visitor_id, account_id, ref, issuer, state, code, idem_key, channel, day, hold_until,
  created_at, confirmed_at, consent, holder_name, holder_phone, phone_tail, answers)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
ON CONFLICT (visitor_id, campaign_id, idem_key) DO NOTHING`

	// One unit of stock, if the campaign is open at this moment and has one.
	qTakeStock = `UPDATE campaign_stock SET held = held + $2, confirmed = confirmed + $3
WHERE campaign_id = $1 AND held + confirmed < total
  AND EXISTS (SELECT 1 FROM campaigns WHERE id = $1 AND status = 'published' AND starts_at <= $4 AND ends_at > $4)`

	qMoveStock = `UPDATE campaign_stock SET held = held + $2, confirmed = confirmed + $3 WHERE campaign_id = $1`

	// One unit of the person's limits, if there is one; $4 and $5 are the limits.
	qTakeQuota = `INSERT INTO visitor_quotas (visitor_id, campaign_id, taken, day, day_taken)
VALUES ($1, $2, 1, $3, 1)
ON CONFLICT (visitor_id, campaign_id) DO UPDATE SET
  taken = visitor_quotas.taken + 1,
  day_taken = CASE WHEN visitor_quotas.day = $3 THEN visitor_quotas.day_taken + 1 ELSE 1 END,
  day = $3
WHERE visitor_quotas.taken < $4
  AND ($5 = 0 OR visitor_quotas.day <> $3 OR visitor_quotas.day_taken < $5)`

	qMoveQuota = `UPDATE visitor_quotas SET
  taken = CASE WHEN taken + $4 < 0 THEN 0 ELSE taken + $4 END,
  day_taken = CASE WHEN day <> $3 THEN day_taken WHEN day_taken + $4 < 0 THEN 0 ELSE day_taken + $4 END
WHERE visitor_id = $1 AND campaign_id = $2`

	qQuota = `SELECT taken, day, day_taken FROM visitor_quotas WHERE visitor_id = $1 AND campaign_id = $2`
	qUsage = `SELECT coalesce(q.taken, 0), coalesce(q.day, ''), coalesce(q.day_taken, 0),
  EXISTS (SELECT 1 FROM claims k WHERE k.visitor_id = $1 AND k.campaign_id = $2)
FROM (SELECT 1) LEFT JOIN visitor_quotas q ON q.visitor_id = $1 AND q.campaign_id = $2`

	qInsertEvent = `INSERT INTO claim_events (claim_id, at, kind, source, detail) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (claim_id, at, kind, source) DO NOTHING`

	qClaimByID  = `SELECT ` + claimColumns + ` FROM claims k WHERE k.id = $1`
	qClaimByKey = `SELECT ` + claimColumns + ` FROM claims k WHERE k.visitor_id = $1 AND k.campaign_id = $2 AND k.idem_key = $3`

	qClaimsOf = `SELECT ` + claimColumns + ` FROM claims k
WHERE k.visitor_id = $1 AND k.campaign_id = $2 AND k.state <> 'released'
  AND NOT EXISTS (SELECT 1 FROM visitors WHERE id = $1 AND erased_at > 0)
ORDER BY k.id DESC`

	qUpdateClaim = `UPDATE claims SET state = $3, code = $4, hold_until = $5, opened_at = $6, reported_at = $7, confirmed_at = $8,
  released_at = $9, redeemed_at = $10, release_reason = $11, gifted_at = $12, returned_at = $13, deleted_at = $14, restored_at = $15,
  expired_at = $16, voided_at = $17, undone_at = $18, refunded_at = $19, secret_code = $20
WHERE id = $1 AND state = $2`

	qExpiredHolds = `SELECT ` + claimColumns + ` FROM claims k
WHERE k.hold_until < $1 AND k.state IN ('held', 'opened', 'reported')
ORDER BY k.hold_until LIMIT $2`

	qHistory = `SELECT kind, source, at, detail FROM claim_events WHERE claim_id = $1 ORDER BY at, kind`

	qCountBuckets = `SELECT
  COUNT(*) FILTER (WHERE state IN ('held', 'opened', 'reported')),
  COUNT(*) FILTER (WHERE state NOT IN ('held', 'opened', 'reported', 'released'))
FROM claims WHERE campaign_id = $1 AND gift_of = 0`

	qStock = `SELECT total, held, confirmed FROM campaign_stock WHERE campaign_id = $1`
)

// reportGrace is how long a unit stays set aside after the browser said the wallet took
// the card: WeChat repeats a lost event after some minutes.
const reportGrace = 15 * time.Minute

func scanClaim(row scanner) (*campaigns.Claim, error) {
	var c campaigns.Claim
	if err := row.Scan(claimTargets(&c)...); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return nil, campaigns.ErrNotFound
		}
		return nil, fmt.Errorf("read claim: %w", err)
	}
	return &c, nil
}

// claimTargets are the scan targets of claimColumns.
func claimTargets(c *campaigns.Claim) []any {
	return []any{
		&c.ID, &c.Campaign, &c.Visitor, &c.Account, &c.Ref, &c.Issuer, &c.State, &c.Code, &c.Key, &c.Channel, &c.Day, (*instant)(&c.HoldUntil),
		(*instant)(&c.CreatedAt), (*instant)(&c.OpenedAt), (*instant)(&c.ReportedAt), (*instant)(&c.ConfirmedAt), (*instant)(&c.ReleasedAt),
		(*instant)(&c.RedeemedAt), &c.ReleaseReason, &c.ConsentText, (*answers)(&c.Answers), &c.GiftOf, (*instant)(&c.GiftedAt),
		(*instant)(&c.ReturnedAt), (*instant)(&c.DeletedAt), (*instant)(&c.RestoredAt), (*instant)(&c.ExpiredAt), (*instant)(&c.VoidedAt),
		(*instant)(&c.UndoneAt), (*instant)(&c.RefundedAt), &c.Sealed, &c.Takes,
	}
}

// instant scans stored milliseconds into a time.
type instant time.Time

// Scan implements sql.Scanner.
func (i *instant) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T", v)
	}
	*i = instant(at(n))
	return nil
}

// answers scans the stored JSON of a form.
type answers campaigns.Answers

// Scan implements sql.Scanner.
func (a *answers) Scan(v any) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("answers are stored as %T", v)
	}
	if text == "{}" {
		*a = nil
		return nil
	}
	return json.Unmarshal([]byte(text), (*map[string]string)(a))
}

// Hold implements campaigns.Store.
func (d *DB) Hold(ctx context.Context, claim *campaigns.Claim, limits campaigns.Limits, events []campaigns.Event) (*campaigns.Claim, error) {
	result := claim
	text := "{}"
	if len(claim.Answers) > 0 {
		text = jsonText(d.sealAnswers(claim))
	}
	name, phone := holder(claim)
	err := d.Write(ctx, func(tx *Tx) error {
		// A cookie of another browser may outlive the visitor's data.
		gone, blocked, err := standing(tx, claim.Visitor)
		switch {
		case err != nil:
			return err
		case gone:
			return campaigns.ErrVisitorNotFound
		}
		n, err := tx.exec(qInsertClaim, int64(claim.ID), int64(claim.Campaign), int64(claim.Visitor), string(claim.Account), string(claim.Ref),
			string(claim.Issuer), string(claim.State), string(claim.Code), claim.Key, claim.Channel, claim.Day, ms(claim.HoldUntil),
			ms(claim.CreatedAt), ms(claim.ConfirmedAt), claim.ConsentText, name, phone, tail(phone), text)
		if isDuplicate(err) { // the code or the ref exists already
			return campaigns.ErrCodeTaken.Because(err)
		}
		if err != nil {
			return err
		}
		if n == 0 {
			result, err = scanClaim(tx.row(qClaimByKey, int64(claim.Visitor), int64(claim.Campaign), claim.Key))
			return err
		}
		if blocked { // what they claimed before stays theirs
			return campaigns.ErrBlocked
		}
		asks := claim.Asks
		if asks != nil {
			if err := d.admit(tx, asks); err != nil {
				return err
			}
		}
		held, confirmed := moves(campaigns.Returned, claim.State.Bucket())
		n, err = tx.exec(qTakeStock, int64(claim.Campaign), held, confirmed, ms(claim.CreatedAt))
		if err != nil {
			return err
		}
		if n == 0 {
			return whyNoStock(tx, claim)
		}
		n, err = tx.exec(qTakeQuota, int64(claim.Visitor), int64(claim.Campaign), claim.Day, limits.PerPerson, limits.PerDay)
		if err != nil {
			return err
		}
		if n == 0 {
			return whyNoQuota(tx, claim, limits)
		}
		if asks != nil {
			if err := d.take(tx, claim, asks); err != nil {
				return err
			}
		}
		for _, e := range events {
			if err := insertEvent(tx, claim.ID, e); err != nil {
				return err
			}
		}
		return nil
	})
	claim.Asks = nil
	if err != nil {
		return nil, err
	}
	return result, nil
}

func insertEvent(tx *Tx, id campaigns.ClaimID, e campaigns.Event) error {
	_, err := tx.exec(qInsertEvent, int64(id), ms(e.At), string(e.Kind), string(e.Source), e.Detail)
	return err
}

// The keys whose answers staff search for.
const holderName, holderPhone = "name", "phone"

// holder picks what staff search for: the name and the mobile number, by the keys that
// the editor gives them.
func holder(c *campaigns.Claim) (name, phone string) {
	open := func(key string) string {
		if contains(c.Private, key) {
			return ""
		}
		return c.Answers[key]
	}
	return open(holderName), open(holderPhone)
}

func tail(phone string) string { return phone[max(0, len(phone)-4):] }

// moves is how a claim's step from one bucket to another changes held and confirmed.
func moves(from, to campaigns.Bucket) (held, confirmed int) {
	count := func(b campaigns.Bucket, by int) {
		switch b {
		case campaigns.SetAside:
			held += by
		case campaigns.GivenOut:
			confirmed += by
		case campaigns.Returned:
		}
	}
	count(from, -1)
	count(to, +1)
	return held, confirmed
}

func whyNoStock(tx *Tx, claim *campaigns.Claim) error {
	c, err := scanCampaign(tx.row(qCampaignByID, int64(claim.Campaign)))
	switch {
	case err != nil:
		return err
	case c.State(claim.CreatedAt) != campaigns.Running:
		return campaigns.ErrNotOpen
	}
	return campaigns.ErrSoldOut
}

func whyNoQuota(tx *Tx, claim *campaigns.Claim, limits campaigns.Limits) error {
	var (
		taken, dayTaken int
		day             string
	)
	if err := tx.row(qQuota, int64(claim.Visitor), int64(claim.Campaign)).Scan(&taken, &day, &dayTaken); err != nil {
		return err
	}
	if taken < limits.PerPerson {
		return campaigns.ErrDayLimit
	}
	return campaigns.ErrLimit
}

// Record implements campaigns.Store.
func (d *DB) Record(ctx context.Context, id campaigns.ClaimID, e campaigns.Event, guard []campaigns.ClaimState) (*campaigns.Claim, error) {
	var claim *campaigns.Claim
	err := d.Write(ctx, func(tx *Tx) error {
		var err error
		if claim, err = scanClaim(tx.row(qClaimByID, int64(id))); err != nil {
			return err
		}
		if len(guard) > 0 && !contains(guard, claim.State) {
			return nil
		}
		return record(tx, claim, e)
	})
	if err != nil {
		return nil, err
	}
	return claim, nil
}

func contains[T comparable](states []T, s T) bool {
	for _, state := range states {
		if state == s {
			return true
		}
	}
	return false
}

// record writes an event and everything that follows from it: the claim's row, the
// stock, the person's quota. claim is brought up to date.
func record(tx *Tx, claim *campaigns.Claim, e campaigns.Event) error {
	if err := insertEvent(tx, claim.ID, e); err != nil {
		return err
	}
	before := claim.State
	if claim.Takes != "" {
		var err error
		if e.Code, err = poolCode(tx, claim, e); err != nil {
			return err
		}
	}
	if !claim.Apply(e) {
		return nil
	}
	if e.Kind == campaigns.EventReported && claim.State == campaigns.Reported {
		if until := e.At.Add(reportGrace); until.After(claim.HoldUntil) {
			claim.HoldUntil = until
		}
	}
	n, err := tx.exec(qUpdateClaim, int64(claim.ID), string(before), string(claim.State), string(claim.Code), ms(claim.HoldUntil),
		ms(claim.OpenedAt), ms(claim.ReportedAt), ms(claim.ConfirmedAt), ms(claim.ReleasedAt), ms(claim.RedeemedAt), claim.ReleaseReason,
		ms(claim.GiftedAt), ms(claim.ReturnedAt), ms(claim.DeletedAt), ms(claim.RestoredAt), ms(claim.ExpiredAt), ms(claim.VoidedAt),
		ms(claim.UndoneAt), ms(claim.RefundedAt), claim.Sealed)
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("claim %v left state %s meanwhile", claim.ID, before)
	}
	from, to := before.Bucket(), claim.State.Bucket()
	if from == to || claim.GiftOf != 0 {
		return nil // a gift is the unit of its giver
	}
	held, confirmed := moves(from, to)
	if _, err := tx.exec(qMoveStock, int64(claim.Campaign), held, confirmed); err != nil {
		return err
	}
	if err := moveTaken(tx, claim, from, to); err != nil {
		return err
	}
	quota := 0
	if to == campaigns.Returned {
		quota = -1
	} else if from == campaigns.Returned {
		quota = +1
	}
	if quota != 0 {
		_, err = tx.exec(qMoveQuota, int64(claim.Visitor), int64(claim.Campaign), claim.Day, quota)
	}
	return err
}

// ReleaseExpired implements campaigns.Store.
func (d *DB) ReleaseExpired(ctx context.Context, now time.Time, limit int) (int, error) {
	var released int
	err := d.Write(ctx, func(tx *Tx) error {
		rows, err := tx.rows(qExpiredHolds, ms(now), limit)
		expired, err := collect(rows, err, scanClaim)
		if err != nil {
			return err
		}
		for _, claim := range expired {
			e := campaigns.Event{Kind: campaigns.EventReleased, Source: campaigns.FromSystem, At: now, Detail: campaigns.ReasonExpired}
			if err := record(tx, claim, e); err != nil {
				return err
			}
		}
		released = len(expired)
		return nil
	})
	return released, err
}

// ClaimByID implements campaigns.Store.
func (d *DB) ClaimByID(ctx context.Context, id campaigns.ClaimID) (*campaigns.Claim, error) {
	return d.opened(scanClaim(d.row(ctx, qClaimByID, int64(id))))
}

// ClaimByKey implements campaigns.Store.
func (d *DB) ClaimByKey(ctx context.Context, campaign campaigns.ID, visitor campaigns.VisitorID, key string) (*campaigns.Claim, error) {
	return scanClaim(d.row(ctx, qClaimByKey, int64(visitor), int64(campaign), key))
}

// ClaimsOf implements campaigns.Store.
func (d *DB) ClaimsOf(ctx context.Context, campaign campaigns.ID, visitor campaigns.VisitorID) ([]campaigns.Claim, error) {
	rows, err := d.rows(ctx, qClaimsOf, int64(visitor), int64(campaign))
	return collect(rows, err, func(row scanner) (campaigns.Claim, error) {
		c, err := scanClaim(row)
		if err != nil {
			return campaigns.Claim{}, err
		}
		return *c, nil
	})
}

// Usage implements campaigns.Store.
func (d *DB) Usage(ctx context.Context, campaign campaigns.ID, visitor campaigns.VisitorID, day string) (total, today int, some bool, err error) {
	var last string
	err = d.row(ctx, qUsage, int64(visitor), int64(campaign)).Scan(&total, &last, &today, &some)
	if last != day {
		today = 0
	}
	return total, today, some, err
}

// History implements campaigns.Store.
func (d *DB) History(ctx context.Context, id campaigns.ClaimID) ([]campaigns.Event, error) {
	rows, err := d.rows(ctx, qHistory, int64(id))
	return collect(rows, err, func(row scanner) (e campaigns.Event, err error) {
		err = row.Scan(&e.Kind, &e.Source, (*instant)(&e.At), &e.Detail)
		return e, err
	})
}

// CheckStock implements campaigns.Store. Both sides are read in one transaction.
func (d *DB) CheckStock(ctx context.Context, id campaigns.ID) (counted, stored campaigns.Stock, err error) {
	tx, err := d.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return counted, stored, err
	}
	defer func() { _ = tx.Rollback() }()
	err = tx.QueryRowContext(ctx, qStock, int64(id)).Scan(&stored.Total, &stored.Held, &stored.Confirmed)
	if errors.Is(err, sql.ErrNoRows) {
		return counted, stored, campaigns.ErrCampaignNotFound
	}
	if err != nil {
		return counted, stored, err
	}
	counted.Total = stored.Total
	err = tx.QueryRowContext(ctx, qCountBuckets, int64(id)).Scan(&counted.Held, &counted.Confirmed)
	return counted, stored, err
}
