package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/orders"
)

var _ orders.Store = (*DB)(nil)

const (
	orderColumns = `o.id, o.account_id, o.campaign_id, o.claim_id, o.visitor_id, o.number, o.merchant_id, o.app_id, o.openid, o.client,
o.description, o.fen, o.back_fen, o.state, o.prepay_id, o.prepaid_until, o.transaction_id, o.fee_milli, o.created_at, o.expires_at,
o.paid_at, o.ended_at, o.next_at, o.tries, o.shipped_at, o.ship_at, o.reason, o.client_ip`

	qInsertOrder = `INSERT INTO orders (account_id, campaign_id, claim_id, visitor_id, number, merchant_id, app_id, openid, client, description,
  fen, state, created_at, expires_at, next_at, client_ip)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'created', $12, $13, $14, $15)
ON CONFLICT (claim_id) DO NOTHING`

	qOrderByID     = `SELECT ` + orderColumns + ` FROM orders o WHERE o.id = $1`
	qOrderByNumber = `SELECT ` + orderColumns + ` FROM orders o WHERE o.number = $1 AND o.account_id = $2`
	qOrderOfClaim  = `SELECT ` + orderColumns + ` FROM orders o WHERE o.claim_id = $1`
	qNewestOrder   = `SELECT ` + orderColumns + ` FROM claims k JOIN orders o ON o.claim_id = k.id WHERE k.campaign_id = $1 AND k.visitor_id = $2 ORDER BY o.id DESC LIMIT 1`
	qDueOrders     = `SELECT ` + orderColumns + ` FROM orders o WHERE o.state IN ('created', 'prepaid') AND o.next_at <= $1 ORDER BY o.next_at LIMIT $2`
	qUnshipped     = `SELECT ` + orderColumns + ` FROM orders o WHERE o.ship_at <= $1 AND o.ship_at > 0 ORDER BY o.ship_at LIMIT $2`
	qPaidOn        = `SELECT ` + orderColumns + ` FROM orders o WHERE o.account_id = $1 AND o.paid_at >= $2 AND o.paid_at < $3 AND o.paid_at > 0`

	qSetPrepaid    = `UPDATE orders SET state = 'prepaid', prepay_id = $2, prepaid_until = $3, next_at = $4 WHERE id = $1 AND state IN ('created', 'prepaid')`
	qPostponeOrder = `UPDATE orders SET next_at = $2, tries = $3 WHERE id = $1 AND state IN ('created', 'prepaid')`

	qMarkPaid = `UPDATE orders SET state = 'paid', client_ip = '', transaction_id = $2, paid_at = $3, ship_at = CASE WHEN client = 'mini' THEN $4 ELSE 0 END
WHERE id = $1 AND state IN ('created', 'prepaid', 'closed')`

	qCloseOrder = `UPDATE orders SET state = 'closed', client_ip = '', ended_at = $2 WHERE id = $1 AND state IN ('created', 'prepaid')`

	// All of the money of an order whose card cannot be handed over.
	qSendBack = `UPDATE orders SET state = 'refunding', back_fen = fen, reason = $2, ship_at = 0 WHERE id = $1 AND state = 'paid' AND back_fen = 0`

	// The guard of handing over a card whose unit went back: it changes nothing.
	qStockThere = `UPDATE campaign_stock SET total = total WHERE campaign_id = $1 AND held + confirmed < total`

	qSetShipped = `UPDATE orders SET shipped_at = $2, ship_at = $3 WHERE id = $1`

	orderRow = `SELECT ` + orderColumns + `, c.name, v.nickname, k.state, k.code
FROM orders o
JOIN campaigns c ON c.id = o.campaign_id
JOIN visitors v ON v.id = o.visitor_id
JOIN claims k ON k.id = o.claim_id`

	qMerchant  = `SELECT settings, keys, updated_at FROM merchants WHERE account_id = $1`
	qMerchants = `SELECT account_id FROM merchants ORDER BY account_id`

	qSaveMerchant = `INSERT INTO merchants (account_id, settings, keys, updated_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (account_id) DO UPDATE SET settings = excluded.settings, keys = excluded.keys, updated_at = excluded.updated_at`
)

func orderTargets(o *orders.Order) []any {
	return []any{
		&o.ID, &o.Account, &o.Campaign, &o.Claim, &o.Visitor, &o.Number, &o.MerchantID, &o.AppID, &o.OpenID, &o.Client,
		&o.Description, &o.Fen, &o.BackFen, &o.State, &o.PrepayID, (*instant)(&o.PrepaidUntil), &o.Transaction, &o.FeeMilliFen,
		(*instant)(&o.CreatedAt), (*instant)(&o.ExpiresAt), (*instant)(&o.PaidAt), (*instant)(&o.EndedAt), (*instant)(&o.NextAt), &o.Tries,
		(*instant)(&o.ShippedAt), (*instant)(&o.ShipAt), &o.Reason, &o.ClientIP,
	}
}

func scanOrder(row scanner) (o orders.Order, err error) {
	err = row.Scan(orderTargets(&o)...)
	if errors.Is(err, sql.ErrNoRows) {
		err = orders.ErrNotFound
	}
	return o, err
}

const sealMerchant = "merchant keys"

// merchantKeys are the secrets of a merchant as they are sealed.
type merchantKeys struct {
	V2Key, V3Key, PrivateKeyPEM string
}

// Merchant implements orders.Store.
func (d *DB) Merchant(ctx context.Context, account campaigns.AccountID) (m orders.Merchant, err error) {
	var (
		sealed []byte
		keys   merchantKeys
	)
	err = d.row(ctx, qMerchant, string(account)).Scan(stored{&m.Merchant}, &sealed, (*instant)(&m.UpdatedAt))
	if errors.Is(err, sql.ErrNoRows) {
		return m, orders.ErrNoMerchant
	}
	if err != nil {
		return m, err
	}
	plain, err := d.seal.open(sealMerchant+":"+string(account), sealed)
	if err == nil {
		err = json.Unmarshal([]byte(plain), &keys)
	}
	m.Account, m.V2Key, m.V3Key, m.PrivateKeyPEM = account, keys.V2Key, keys.V3Key, keys.PrivateKeyPEM
	return m, err
}

// SaveMerchant implements orders.Store.
func (d *DB) SaveMerchant(ctx context.Context, m orders.Merchant, a campaigns.Audit) error {
	keys := jsonText(merchantKeys{m.V2Key, m.V3Key, m.PrivateKeyPEM})
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qSaveMerchant, string(m.Account), jsonText(m.Merchant), d.seal.seal(sealMerchant+":"+string(m.Account), keys), ms(m.UpdatedAt))
		if err != nil {
			return err
		}
		return audit(tx, a, "account", string(m.Account))
	})
}

// Merchants implements orders.Store.
func (d *DB) Merchants(ctx context.Context) ([]campaigns.AccountID, error) {
	rows, err := d.rows(ctx, qMerchants)
	return collect(rows, err, func(row scanner) (id campaigns.AccountID, err error) {
		err = row.Scan(&id)
		return id, err
	})
}

// OpenOrder implements orders.Store.
func (d *DB) OpenOrder(ctx context.Context, o orders.Order) (opened orders.Order, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		claim, err := scanClaim(tx.row(qClaimByID, int64(o.Claim)))
		if err != nil {
			return err
		}
		opened, err = scanOrder(tx.row(qOrderOfClaim, int64(o.Claim)))
		if !errors.Is(err, orders.ErrNotFound) {
			return err
		}
		if claim.State.Bucket() != campaigns.SetAside || claim.HoldUntil.Before(o.ExpiresAt) {
			return orders.ErrOver
		}
		_, err = tx.exec(qInsertOrder, string(o.Account), int64(o.Campaign), int64(o.Claim), int64(o.Visitor), o.Number, o.MerchantID, o.AppID,
			string(o.OpenID), string(o.Client), o.Description, o.Fen, ms(o.CreatedAt), ms(o.ExpiresAt), ms(o.NextAt), o.ClientIP)
		if err != nil {
			return err
		}
		opened, err = scanOrder(tx.row(qOrderOfClaim, int64(o.Claim)))
		return err
	})
	return opened, err
}

// SetPrepaid implements orders.Store.
func (d *DB) SetPrepaid(ctx context.Context, id orders.ID, prepay string, until, next time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qSetPrepaid, int64(id), prepay, ms(until), ms(next))
		return err
	})
}

// OrderByID implements orders.Store.
func (d *DB) OrderByID(ctx context.Context, id orders.ID) (orders.Order, error) {
	return scanOrder(d.row(ctx, qOrderByID, int64(id)))
}

// OrderByNumber implements orders.Store.
func (d *DB) OrderByNumber(ctx context.Context, account campaigns.AccountID, number string) (orders.Order, error) {
	return scanOrder(d.row(ctx, qOrderByNumber, number, string(account)))
}

// OrderOfClaim implements orders.Store.
func (d *DB) OrderOfClaim(ctx context.Context, claim campaigns.ClaimID) (orders.Order, error) {
	return scanOrder(d.row(ctx, qOrderOfClaim, int64(claim)))
}

// NewestOrder implements orders.Store.
func (d *DB) NewestOrder(ctx context.Context, campaign campaigns.ID, visitor campaigns.VisitorID) (orders.Order, error) {
	return scanOrder(d.row(ctx, qNewestOrder, int64(campaign), int64(visitor)))
}

// MarkPaid implements orders.Store.
func (d *DB) MarkPaid(ctx context.Context, id orders.ID, p orders.Payment) (o orders.Order, fresh bool, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		if o, err = scanOrder(tx.row(qOrderByID, int64(id))); err != nil {
			return err
		}
		fresh = false
		n, err := tx.exec(qMarkPaid, int64(id), p.Transaction, ms(p.PaidAt), ms(p.Now))
		switch {
		case isDuplicate(err): // the transaction paid another order
			return orders.ErrMismatch.Because(err)
		case err != nil:
			return err
		case n == 0 && o.Transaction != p.Transaction:
			return orders.ErrMismatch
		case n == 0:
			return nil
		}
		fresh = true
		why, err := d.handOver(tx, &o, p)
		if err != nil {
			return err
		}
		if why != "" {
			if err := sendBack(tx, &o, p, why); err != nil {
				return err
			}
		}
		o, err = scanOrder(tx.row(qOrderByID, int64(id)))
		return err
	})
	return o, fresh, err
}

// handOver confirms the claim of a paid order, or says why that cannot be.
func (d *DB) handOver(tx *Tx, o *orders.Order, p orders.Payment) (why string, err error) {
	claim, err := scanClaim(tx.row(qClaimByID, int64(o.Claim)))
	if err != nil {
		return "", err
	}
	switch {
	case claim.State == campaigns.Released && claim.RefundedAt.IsZero():
		n, err := tx.exec(qStockThere, int64(o.Campaign))
		if err != nil || n == 0 {
			return orders.WhyNoStock, err
		}
		if free, err := canRetake(tx, claim); err != nil || !free {
			return orders.WhyNoStock, err
		}
	case claim.State.Bucket() != campaigns.SetAside:
		return orders.WhyGone, nil
	}
	if err := record(tx, claim, campaigns.Event{Kind: campaigns.EventPaid, Source: campaigns.FromSystem, At: p.Now, Detail: fmt.Sprintf("order:%d", o.ID)}); err != nil {
		return "", err
	}
	code := p.Code
	if claim.Issuer == campaigns.CodePool {
		code = "" // the store hands out the pool's
	}
	err = record(tx, claim, campaigns.Event{Kind: campaigns.EventConfirmed, Source: campaigns.FromServer, At: p.Now, Code: code})
	if isDuplicate(err) {
		return "", campaigns.ErrCodeTaken.Because(err)
	}
	return "", err
}

// sendBack puts all of the order's money on its way back.
func sendBack(tx *Tx, o *orders.Order, p orders.Payment, why string) error {
	if _, err := tx.exec(qSendBack, int64(o.ID), why); err != nil {
		return err
	}
	_, err := tx.exec(qInsertRefund, string(o.Account), int64(o.ID), "A"+p.RefundNumber, o.Fen, true, why, string(orders.Approved), "", "", ms(p.Now), ms(p.Now), ms(p.Now))
	return err
}

// CloseOrder implements orders.Store.
func (d *DB) CloseOrder(ctx context.Context, id orders.ID, now time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		o, err := scanOrder(tx.row(qOrderByID, int64(id)))
		if err != nil {
			return err
		}
		n, err := tx.exec(qCloseOrder, int64(id), ms(now))
		if err != nil || n == 0 {
			return err
		}
		claim, err := scanClaim(tx.row(qClaimByID, int64(o.Claim)))
		if err != nil || claim.State.Bucket() != campaigns.SetAside {
			return err
		}
		return record(tx, claim, campaigns.Event{Kind: campaigns.EventReleased, Source: campaigns.FromSystem, At: now, Detail: campaigns.ReasonNotPaid})
	})
}

// Due implements orders.Store.
func (d *DB) Due(ctx context.Context, now time.Time, limit int) ([]orders.Order, error) {
	rows, err := d.rows(ctx, qDueOrders, ms(now), limit)
	return collect(rows, err, scanOrder)
}

// PostponeOrder implements orders.Store.
func (d *DB) PostponeOrder(ctx context.Context, id orders.ID, next time.Time, tries int) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qPostponeOrder, int64(id), ms(next), tries)
		return err
	})
}

// Unshipped implements orders.Store.
func (d *DB) Unshipped(ctx context.Context, now time.Time, limit int) ([]orders.Order, error) {
	rows, err := d.rows(ctx, qUnshipped, ms(now), limit)
	return collect(rows, err, scanOrder)
}

// SetShipped implements orders.Store.
func (d *DB) SetShipped(ctx context.Context, id orders.ID, at, next time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qSetShipped, int64(id), ms(at), ms(next))
		return err
	})
}

// Orders implements orders.Store.
func (d *DB) Orders(ctx context.Context, f orders.Filter) ([]orders.Row, error) {
	args := []any{string(f.Account)}
	where := []string{"o.account_id = $1"}
	add := func(on bool, condition string, value any) {
		if on {
			args = append(args, value)
			where = append(where, strings.ReplaceAll(condition, "$?", fmt.Sprintf("$%d", len(args))))
		}
	}
	add(f.Campaign != 0, "o.campaign_id = $?", int64(f.Campaign))
	add(f.State != "", "o.state = $?", string(f.State))
	add(f.Search != "", "(o.number = $? OR o.transaction_id = $? OR o.claim_id = (SELECT x.id FROM claims x WHERE x.code = $? AND x.account_id = $1 AND x.code <> ''))", f.Search)
	add(!f.From.IsZero(), "o.created_at >= $?", ms(f.From))
	add(!f.To.IsZero(), "o.created_at < $?", ms(f.To))
	add(f.Before != 0, "o.id < $?", int64(f.Before))
	args = append(args, f.Limit)
	rows, err := d.rows(ctx, orderRow+" WHERE "+strings.Join(where, " AND ")+fmt.Sprintf(" ORDER BY o.id DESC LIMIT $%d", len(args)), args...)
	return collect(rows, err, func(row scanner) (r orders.Row, err error) {
		err = row.Scan(append(orderTargets(&r.Order), &r.CampaignName, &r.Nickname, &r.ClaimState, &r.Code)...)
		return r, err
	})
}
