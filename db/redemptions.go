package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/redemption"
	"kaquan/stores"
)

var _ redemption.Store = (*DB)(nil)

const (
	redemptionColumns = `r.id, r.account_id, r.campaign_id, r.claim_id, r.code, r.place_id, r.place_name, r.staff_id, r.staff_name, r.state,
r.reason, r.offline, r.wechat, r.at, r.booked_at, r.undone_at, r.undone_by, r.goods_id, r.quantity, r.movement_id, r.key`

	qInsertRedemption = `INSERT INTO redemptions (account_id, campaign_id, claim_id, code, place_id, place_name, staff_id, staff_name, state,
  offline, wechat, at, booked_at, goods_id, quantity, movement_id, key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) RETURNING id`

	qRedemptionByKey = `SELECT ` + redemptionColumns + ` FROM redemptions r WHERE r.account_id = $1 AND r.key = $2`
	qRedemptionByID  = `SELECT ` + redemptionColumns + ` FROM redemptions r WHERE r.id = $1`
	qRedemptionOf    = `SELECT ` + redemptionColumns + ` FROM redemptions r WHERE r.claim_id = $1 AND r.state IN ('pending', 'done')`

	qWaitingRedemptions = `SELECT ` + redemptionColumns + ` FROM redemptions r WHERE r.state = 'pending' ORDER BY r.id LIMIT $1`

	qFinishRedemption = `UPDATE redemptions SET state = 'done', movement_id = $2 WHERE id = $1 AND state = 'pending'`
	qFailRedemption   = `UPDATE redemptions SET state = 'failed', reason = $2 WHERE id = $1 AND state = 'pending'`
	qUndoRedemption   = `UPDATE redemptions SET state = 'undone', undone_at = $2, undone_by = $3 WHERE id = $1 AND state = 'done' AND booked_at > $4 AND wechat = 0`

	redemptionRow = `SELECT ` + redemptionColumns + `, c.name, c.texts, COALESCE(g.name, ''), cl.visitor_id
FROM redemptions r
JOIN campaigns c ON c.id = r.campaign_id
JOIN claims cl ON cl.id = r.claim_id
LEFT JOIN goods g ON g.id = r.goods_id`

	qRedemption = redemptionRow + ` WHERE r.id = $1`

	redemptionTotals = `SELECT r.place_id, MAX(r.place_name), r.staff_id, MAX(r.staff_name), r.campaign_id, MAX(c.name),
  COUNT(*) FILTER (WHERE r.state = 'done'), COUNT(*) FILTER (WHERE r.state = 'undone'), MAX(r.at)
FROM redemptions r
JOIN campaigns c ON c.id = r.campaign_id`

	conflictColumns = `id, account_id, place_id, place_name, staff_id, staff_name, claim_id, code, verdict, at, booked_at, key, resolved_at, resolved_by, note`

	qAddConflict = `INSERT INTO redemption_conflicts (account_id, place_id, place_name, staff_id, staff_name, claim_id, code, verdict, at, booked_at, key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (account_id, key) DO NOTHING`

	qConflicts = `SELECT ` + conflictColumns + ` FROM redemption_conflicts
WHERE account_id = $1 AND ($2 = 0 OR place_id = $2) AND ($3 = 0 OR resolved_at = 0)
ORDER BY id DESC LIMIT $4`

	qResolveConflict = `UPDATE redemption_conflicts SET resolved_at = $2, resolved_by = $3, note = $4 WHERE id = $1 AND resolved_at = 0`
	qConflictThere   = `SELECT COUNT(*) FROM redemption_conflicts WHERE id = $1`

	qPassKeys = `SELECT id, private, public, created_at FROM pass_keys ORDER BY created_at DESC, id`

	qAddPassKey = `INSERT INTO pass_keys (id, private, public, created_at)
SELECT $1, $2, $3, $4 WHERE $5 = 0 OR NOT EXISTS (SELECT 1 FROM pass_keys)`
)

const sealPassKey = "pass key"

// PassKeys implements redemption.Store.
func (d *DB) PassKeys(ctx context.Context) ([]redemption.Key, error) {
	rows, err := d.rows(ctx, qPassKeys)
	return collect(rows, err, func(row scanner) (k redemption.Key, err error) {
		var sealed []byte
		if err := row.Scan(&k.ID, &sealed, &k.Public, (*instant)(&k.CreatedAt)); err != nil {
			return k, err
		}
		private, err := d.seal.open(sealPassKey, sealed)
		k.Private = []byte(private)
		return k, err
	})
}

// AddPassKey implements redemption.Store.
func (d *DB) AddPassKey(ctx context.Context, k redemption.Key, first bool) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qAddPassKey, k.ID, d.seal.seal(sealPassKey, string(k.Private)), k.Public, ms(k.CreatedAt), first)
		return err
	})
}

// ClaimByCode implements redemption.Store.
func (d *DB) ClaimByCode(ctx context.Context, account campaigns.AccountID, code campaigns.CardCode) (*campaigns.Claim, error) {
	return scanClaim(d.row(ctx, qClaimByCode, string(code), string(account)))
}

func redemptionTargets(r *redemption.Redemption) []any {
	return []any{
		&r.ID, &r.Account, &r.Campaign, &r.Claim, &r.Code, &r.Place, &r.PlaceName, &r.Staff, &r.StaffName, &r.State,
		&r.Reason, &r.Offline, &r.WeChat, (*instant)(&r.At), (*instant)(&r.BookedAt), (*instant)(&r.UndoneAt), &r.UndoneBy, &r.Goods,
		&r.Quantity, &r.Movement, &r.Key,
	}
}

func scanRedemption(row scanner) (r redemption.Redemption, err error) {
	err = row.Scan(redemptionTargets(&r)...)
	if errors.Is(err, sql.ErrNoRows) {
		err = redemption.ErrNotFound
	}
	return r, err
}

func scanRedemptionRow(row scanner) (r redemption.Row, err error) {
	var texts campaigns.Texts
	err = row.Scan(append(redemptionTargets(&r.Redemption), &r.CampaignName, stored{&texts}, &r.GoodsName, &r.Visitor)...)
	if errors.Is(err, sql.ErrNoRows) {
		err = redemption.ErrNotFound
	}
	r.Benefit = texts.Benefit
	return r, err
}

// Redeem implements redemption.Store.
func (d *DB) Redeem(ctx context.Context, r redemption.Redemption, move *stores.Move) (booked redemption.Redemption, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		var again bool
		booked, again, err = d.beginRedemption(tx, r, move)
		if err != nil || again {
			return err
		}
		return redeemClaim(tx, booked.Claim, booked.ID, booked.At)
	})
	return booked, err
}

// Begin implements redemption.Store.
func (d *DB) Begin(ctx context.Context, r redemption.Redemption) (booked redemption.Redemption, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		booked, _, err = d.beginRedemption(tx, r, nil)
		return err
	})
	return booked, err
}

// beginRedemption inserts the row with its movement; again says that the same request did
// so before.
func (d *DB) beginRedemption(tx *Tx, r redemption.Redemption, move *stores.Move) (booked redemption.Redemption, again bool, err error) {
	booked, err = scanRedemption(tx.row(qRedemptionByKey, string(r.Account), r.Key))
	switch {
	case err == nil && booked.Claim != r.Claim:
		return booked, false, redemption.ErrKeyReused
	case err == nil:
		return booked, true, nil
	case !errors.Is(err, redemption.ErrNotFound):
		return booked, false, err
	}
	claim, err := scanClaim(tx.row(qClaimByID, int64(r.Claim)))
	if err != nil {
		return r, false, err
	}
	if claim.State != campaigns.Confirmed {
		return r, false, redemption.ErrRefused
	}
	if !r.At.After(claim.UndoneAt) { // a till's clock that is behind, or the same millisecond
		r.At = claim.UndoneAt.Add(time.Millisecond)
	}
	if move != nil {
		m, err := applyMovement(tx, *move)
		if err != nil {
			return r, false, err
		}
		r.Movement = m.ID
	}
	err = tx.row(qInsertRedemption, string(r.Account), int64(r.Campaign), int64(r.Claim), string(r.Code), int64(r.Place), r.PlaceName,
		int64(r.Staff), r.StaffName, string(r.State), r.Offline, r.WeChat, ms(r.At), ms(r.BookedAt), int64(r.Goods), r.Quantity,
		int64(r.Movement), r.Key).Scan(&r.ID)
	if isDuplicate(err) { // another till is at it
		return r, false, redemption.ErrRefused.Because(err)
	}
	return r, false, err
}

// redeemClaim adds the redemption to the claim's history.
func redeemClaim(tx *Tx, id campaigns.ClaimID, by redemption.ID, at time.Time) error {
	claim, err := scanClaim(tx.row(qClaimByID, int64(id)))
	if err != nil {
		return err
	}
	return record(tx, claim, campaigns.Event{Kind: campaigns.EventRedeemed, Source: campaigns.FromStaff, At: at, Detail: fmt.Sprintf("redemption:%d", by)})
}

// Finish implements redemption.Store.
func (d *DB) Finish(ctx context.Context, id redemption.ID, at time.Time, move *stores.Move) (r redemption.Redemption, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		if r, err = scanRedemption(tx.row(qRedemptionByID, int64(id))); err != nil || r.State != redemption.Pending {
			return err
		}
		if move != nil {
			m, err := applyMovement(tx, *move)
			switch {
			case err == nil:
				r.Movement = m.ID
			case !errors.Is(err, stores.ErrNotEnough):
				return err
			}
			// The card is used up whatever our stock says: the missing movement shows when the
			// goods are counted.
		}
		if _, err := tx.exec(qFinishRedemption, int64(id), int64(r.Movement)); err != nil {
			return err
		}
		r.State = redemption.Done
		return redeemClaim(tx, r.Claim, id, at)
	})
	return r, err
}

// Fail implements redemption.Store.
func (d *DB) Fail(ctx context.Context, id redemption.ID, reason string) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qFailRedemption, int64(id), reason)
		return err
	})
}

// Waiting implements redemption.Store.
func (d *DB) Waiting(ctx context.Context, limit int) ([]redemption.Redemption, error) {
	rows, err := d.rows(ctx, qWaitingRedemptions, limit)
	return collect(rows, err, scanRedemption)
}

// Undo implements redemption.Store.
func (d *DB) Undo(ctx context.Context, id redemption.ID, by stores.Actor, now, earliest time.Time) (r redemption.Redemption, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		if r, err = scanRedemption(tx.row(qRedemptionByID, int64(id))); err != nil {
			return err
		}
		n, err := tx.exec(qUndoRedemption, int64(id), ms(now), by.Name, ms(earliest))
		if err != nil {
			return err
		}
		switch {
		case n == 1:
		case r.State == redemption.Undone:
			return redemption.ErrUndone
		case r.WeChat:
			return redemption.ErrNoUndo
		case r.State != redemption.Done:
			return redemption.ErrRefused
		default:
			return redemption.ErrTooLate
		}
		if r.Movement != 0 {
			back := stores.Move{
				Account: stores.AccountID(r.Account), Place: r.Place, Goods: r.Goods, Kind: stores.Undo, Quantity: r.Quantity, By: by,
				Claim: stores.ClaimID(r.Claim), Undoes: r.Movement, Key: fmt.Sprintf("undo/%d", id), At: now,
			}
			if _, err := applyMovement(tx, back); err != nil {
				return err
			}
		}
		claim, err := scanClaim(tx.row(qClaimByID, int64(r.Claim)))
		if err != nil {
			return err
		}
		if now.Before(claim.RedeemedAt) { // a till's clock was ahead
			now = claim.RedeemedAt
		}
		r.State, r.UndoneAt, r.UndoneBy = redemption.Undone, now, by.Name
		return record(tx, claim, campaigns.Event{Kind: campaigns.EventUndone, Source: campaigns.FromStaff, At: now, Detail: fmt.Sprintf("redemption:%d", id)})
	})
	return r, err
}

// Redemption implements redemption.Store.
func (d *DB) Redemption(ctx context.Context, id redemption.ID) (redemption.Row, error) {
	return scanRedemptionRow(d.row(ctx, qRedemption, int64(id)))
}

// RedemptionOf implements redemption.Store.
func (d *DB) RedemptionOf(ctx context.Context, claim campaigns.ClaimID) (redemption.Redemption, error) {
	return scanRedemption(d.row(ctx, qRedemptionOf, int64(claim)))
}

// redemptionWhere is the condition of a filter with its arguments.
func redemptionWhere(f redemption.Filter) (string, []any) {
	args := []any{string(f.Account)}
	where := []string{"r.account_id = $1"}
	add := func(on bool, condition string, value any) {
		if on {
			args = append(args, value)
			where = append(where, fmt.Sprintf(condition, len(args)))
		}
	}
	add(f.Campaign != 0, "r.campaign_id = $%d", int64(f.Campaign))
	add(f.Place != 0, "r.place_id = $%d", int64(f.Place))
	add(f.Staff != 0, "r.staff_id = $%d", int64(f.Staff))
	add(f.State != "", "r.state = $%d", string(f.State))
	add(f.Code != "", "r.code = $%d", string(f.Code))
	add(!f.From.IsZero(), "r.booked_at >= $%d", ms(f.From))
	add(!f.To.IsZero(), "r.booked_at < $%d", ms(f.To))
	add(f.Before != 0, "r.id < $%d", int64(f.Before))
	return " WHERE " + strings.Join(where, " AND "), args
}

// Redemptions implements redemption.Store.
func (d *DB) Redemptions(ctx context.Context, f redemption.Filter) ([]redemption.Row, error) {
	where, args := redemptionWhere(f)
	args = append(args, f.Limit)
	rows, err := d.rows(ctx, redemptionRow+where+fmt.Sprintf(" ORDER BY r.id DESC LIMIT $%d", len(args)), args...)
	return collect(rows, err, scanRedemptionRow)
}

// RedemptionTotals implements redemption.Store.
func (d *DB) RedemptionTotals(ctx context.Context, f redemption.Filter) ([]redemption.Total, error) {
	where, args := redemptionWhere(f)
	rows, err := d.rows(ctx, redemptionTotals+where+` GROUP BY r.place_id, r.staff_id, r.campaign_id ORDER BY 2, 4, 6`, args...)
	return collect(rows, err, func(row scanner) (t redemption.Total, err error) {
		err = row.Scan(&t.Place, &t.PlaceName, &t.Staff, &t.StaffName, &t.Campaign, &t.CampaignName, &t.Done, &t.Undone, (*instant)(&t.Last))
		return t, err
	})
}

// AddConflict implements redemption.Store.
func (d *DB) AddConflict(ctx context.Context, c redemption.Conflict) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qAddConflict, string(c.Account), int64(c.Place), c.PlaceName, int64(c.Staff), c.StaffName, int64(c.Claim),
			string(c.Code), string(c.Verdict), ms(c.At), ms(c.BookedAt), c.Key)
		return err
	})
}

// Conflicts implements redemption.Store.
func (d *DB) Conflicts(ctx context.Context, account campaigns.AccountID, place stores.PlaceID, open bool, limit int) ([]redemption.Conflict, error) {
	rows, err := d.rows(ctx, qConflicts, string(account), int64(place), open, limit)
	return collect(rows, err, func(row scanner) (c redemption.Conflict, err error) {
		err = row.Scan(&c.ID, &c.Account, &c.Place, &c.PlaceName, &c.Staff, &c.StaffName, &c.Claim, &c.Code, &c.Verdict,
			(*instant)(&c.At), (*instant)(&c.BookedAt), &c.Key, (*instant)(&c.ResolvedAt), &c.ResolvedBy, &c.Note)
		return c, err
	})
}

// ResolveConflict implements redemption.Store.
func (d *DB) ResolveConflict(ctx context.Context, id int64, by stores.Actor, note string, now time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		n, err := tx.exec(qResolveConflict, id, ms(now), by.Name, note)
		if err != nil || n == 1 {
			return err
		}
		var there int
		if err := tx.row(qConflictThere, id).Scan(&there); err != nil {
			return err
		}
		if there == 0 {
			return redemption.ErrNotFound
		}
		return nil
	})
}
