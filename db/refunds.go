package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/orders"
	"kaquan/redemption"
)

const (
	refundColumns = `r.id, r.account_id, r.order_id, r.number, r.fen, r.whole, r.reason, r.state, r.problem, r.refund_no, r.asked_by, r.by_id,
r.said_by, r.asked_at, r.said_at, r.back_at, r.next_at, r.tries`

	qInsertRefund = `INSERT INTO refunds (account_id, order_id, number, fen, whole, reason, state, asked_by, by_id, asked_at, said_at, next_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (number) DO NOTHING`

	qRefundByID     = `SELECT ` + refundColumns + ` FROM refunds r WHERE r.id = $1`
	qRefundByNumber = `SELECT ` + refundColumns + ` FROM refunds r WHERE r.number = $1 AND r.account_id = $2`
	qRefundsOf      = `SELECT ` + refundColumns + ` FROM refunds r WHERE r.order_id = $1 ORDER BY r.id`
	qDueRefunds     = `SELECT ` + refundColumns + ` FROM refunds r WHERE r.state IN ('approved', 'sent') AND r.next_at <= $1 ORDER BY r.next_at LIMIT $2`

	qRefundsOn = `SELECT ` + refundColumns + ` FROM refunds r
WHERE r.account_id = $1 AND r.state IN ('sent', 'back', 'abnormal') AND (r.back_at >= $2 AND r.back_at < $3 OR r.back_at = 0 AND r.said_at >= $2 AND r.said_at < $3)`

	qReserveBack = `UPDATE orders SET back_fen = back_fen + $2 WHERE id = $1 AND state = 'paid' AND back_fen + $2 <= fen`
	qFreeBack    = `UPDATE orders SET back_fen = back_fen - $2 WHERE id = $1 AND state = 'paid' AND back_fen >= $2`

	qSayRefund = `UPDATE refunds SET state = $2, said_by = $3, said_at = $4, next_at = $4, whole = $5 WHERE id = $1 AND state = 'asked'`

	qMoveRefund = `UPDATE refunds SET state = $2, problem = $3, refund_no = CASE WHEN $4 = '' THEN refund_no ELSE $4 END, back_at = $5, next_at = $6, tries = $7
WHERE id = $1 AND state IN ('approved', 'sent', 'failed', 'abnormal')`

	// What goes back or is back of an order, this refund included.
	qGoingBack = `SELECT COALESCE(SUM(fen), 0) FROM refunds WHERE order_id = $1 AND (state IN ('approved', 'sent', 'back', 'failed', 'abnormal') OR id = $2)`
	qIsBack    = `SELECT COALESCE(SUM(fen), 0) FROM refunds WHERE order_id = $1 AND state = 'back'`

	qBeginBack = `UPDATE orders SET state = 'refunding', ship_at = 0 WHERE id = $1 AND state = 'paid'`
	qEndBack   = `UPDATE orders SET state = 'refunded', ended_at = $2 WHERE id = $1 AND state = 'refunding'`

	refundRow = `SELECT ` + refundColumns + `, o.number, o.fen, c.name
FROM refunds r
JOIN orders o ON o.id = r.order_id
JOIN campaigns c ON c.id = o.campaign_id
WHERE r.account_id = $1`
)

func refundTargets(r *orders.Refund) []any {
	return []any{
		&r.ID, &r.Account, &r.Order, &r.Number, &r.Fen, &r.Whole, &r.Reason, &r.State, &r.Problem, &r.RefundNo, &r.AskedBy, &r.ByID,
		&r.SaidBy, (*instant)(&r.AskedAt), (*instant)(&r.SaidAt), (*instant)(&r.BackAt), (*instant)(&r.NextAt), &r.Tries,
	}
}

func scanRefund(row scanner) (r orders.Refund, err error) {
	err = row.Scan(refundTargets(&r)...)
	if errors.Is(err, sql.ErrNoRows) {
		err = orders.ErrNotFound
	}
	return r, err
}

// usedCard refuses to pay back for a card that was used.
func usedCard(tx *Tx, id campaigns.ClaimID) (*campaigns.Claim, error) {
	claim, err := scanClaim(tx.row(qClaimByID, int64(id)))
	if err != nil {
		return nil, err
	}
	if claim.State == campaigns.Redeemed {
		return claim, orders.ErrUsed
	}
	// A till that waits for WeChat's word, or was a moment faster.
	_, err = scanRedemption(tx.row(qRedemptionOf, int64(id)))
	switch {
	case err == nil:
		return claim, orders.ErrUsed
	case !errors.Is(err, redemption.ErrNotFound):
		return claim, err
	}
	return claim, nil
}

// AskRefund implements orders.Store.
func (d *DB) AskRefund(ctx context.Context, r orders.Refund, a campaigns.Audit) (asked orders.Refund, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		asked, err = scanRefund(tx.row(qRefundByNumber, r.Number, string(r.Account)))
		switch {
		case err == nil && asked.Order != r.Order:
			return orders.ErrRefundState
		case !errors.Is(err, orders.ErrNotFound):
			return err
		}
		o, err := scanOrder(tx.row(qOrderByID, int64(r.Order)))
		if err != nil {
			return err
		}
		if _, err := usedCard(tx, o.Claim); err != nil {
			return err
		}
		n, err := tx.exec(qReserveBack, int64(r.Order), r.Fen)
		switch {
		case err != nil:
			return err
		case n == 0 && o.State != orders.Paid:
			return orders.ErrNotPaid
		case n == 0:
			return orders.ErrTooMuch
		}
		_, err = tx.exec(qInsertRefund, string(r.Account), int64(r.Order), r.Number, r.Fen, false, r.Reason, string(orders.Asked), r.AskedBy, r.ByID, ms(r.AskedAt), 0, 0)
		if err != nil {
			return err
		}
		if asked, err = scanRefund(tx.row(qRefundByNumber, r.Number, string(r.Account))); err != nil {
			return err
		}
		return audit(tx, a, "order", o.Number)
	})
	return asked, err
}

// ApproveRefund implements orders.Store.
func (d *DB) ApproveRefund(ctx context.Context, id orders.RefundID, a campaigns.Audit) (r orders.Refund, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		if r, err = scanRefund(tx.row(qRefundByID, int64(id))); err != nil {
			return err
		}
		o, err := scanOrder(tx.row(qOrderByID, int64(r.Order)))
		if err != nil {
			return err
		}
		claim, err := usedCard(tx, o.Claim)
		if err != nil {
			return err
		}
		var going int64
		if err := tx.row(qGoingBack, int64(o.ID), int64(id)).Scan(&going); err != nil {
			return err
		}
		n, err := tx.exec(qSayRefund, int64(id), string(orders.Approved), a.Actor.Name, ms(a.At), going == o.Fen)
		if err != nil {
			return err
		}
		if n == 0 {
			return orders.ErrRefundState
		}
		if going == o.Fen {
			if _, err := tx.exec(qBeginBack, int64(o.ID)); err != nil {
				return err
			}
			if err := record(tx, claim, campaigns.Event{Kind: campaigns.EventRefunded, Source: campaigns.FromSystem, At: a.At, Detail: fmt.Sprintf("order:%d", o.ID)}); err != nil {
				return err
			}
		}
		if r, err = scanRefund(tx.row(qRefundByID, int64(id))); err != nil {
			return err
		}
		return audit(tx, a, "order", o.Number)
	})
	return r, err
}

// RejectRefund implements orders.Store.
func (d *DB) RejectRefund(ctx context.Context, id orders.RefundID, a campaigns.Audit) (r orders.Refund, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		if r, err = scanRefund(tx.row(qRefundByID, int64(id))); err != nil {
			return err
		}
		n, err := tx.exec(qSayRefund, int64(id), string(orders.Rejected), a.Actor.Name, ms(a.At), false)
		if err != nil {
			return err
		}
		if n == 0 {
			return orders.ErrRefundState
		}
		if _, err := tx.exec(qFreeBack, int64(r.Order), r.Fen); err != nil {
			return err
		}
		r.State = orders.Rejected
		return audit(tx, a, "refund", r.Number)
	})
	return r, err
}

// MoveRefund implements orders.Store.
func (d *DB) MoveRefund(ctx context.Context, id orders.RefundID, to orders.RefundState, n orders.RefundNews) (r orders.Refund, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qMoveRefund, int64(id), string(to), n.Problem, n.RefundNo, ms(n.BackAt), ms(n.Next), n.Tries)
		if err != nil {
			return err
		}
		if r, err = scanRefund(tx.row(qRefundByID, int64(id))); err != nil || r.State != orders.Back {
			return err
		}
		o, err := scanOrder(tx.row(qOrderByID, int64(r.Order)))
		if err != nil {
			return err
		}
		var back int64
		if err := tx.row(qIsBack, int64(o.ID)).Scan(&back); err != nil || back != o.Fen {
			return err
		}
		_, err = tx.exec(qEndBack, int64(o.ID), ms(r.BackAt))
		return err
	})
	return r, err
}

// RefundByID implements orders.Store.
func (d *DB) RefundByID(ctx context.Context, id orders.RefundID) (orders.Refund, error) {
	return scanRefund(d.row(ctx, qRefundByID, int64(id)))
}

// RefundByNumber implements orders.Store.
func (d *DB) RefundByNumber(ctx context.Context, account campaigns.AccountID, number string) (orders.Refund, error) {
	return scanRefund(d.row(ctx, qRefundByNumber, number, string(account)))
}

// RefundsOf implements orders.Store.
func (d *DB) RefundsOf(ctx context.Context, order orders.ID) ([]orders.Refund, error) {
	rows, err := d.rows(ctx, qRefundsOf, int64(order))
	return collect(rows, err, scanRefund)
}

// DueRefunds implements orders.Store.
func (d *DB) DueRefunds(ctx context.Context, now time.Time, limit int) ([]orders.Refund, error) {
	rows, err := d.rows(ctx, qDueRefunds, ms(now), limit)
	return collect(rows, err, scanRefund)
}

// Refunds implements orders.Store.
func (d *DB) Refunds(ctx context.Context, f orders.RefundFilter) ([]orders.RefundRow, error) {
	args := []any{string(f.Account)}
	query := refundRow
	if len(f.States) > 0 {
		var marks []string
		for _, state := range f.States {
			args = append(args, string(state))
			marks = append(marks, fmt.Sprintf("$%d", len(args)))
		}
		query += " AND r.state IN (" + strings.Join(marks, ", ") + ")"
	}
	if f.Before != 0 {
		args = append(args, int64(f.Before))
		query += fmt.Sprintf(" AND r.id < $%d", len(args))
	}
	args = append(args, f.Limit)
	rows, err := d.rows(ctx, query+fmt.Sprintf(" ORDER BY r.id DESC LIMIT $%d", len(args)), args...)
	return collect(rows, err, func(row scanner) (r orders.RefundRow, err error) {
		err = row.Scan(append(refundTargets(&r.Refund), &r.OrderNumber, &r.OrderFen, &r.CampaignName)...)
		return r, err
	})
}
