package db

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/orders"
)

const (
	qInsertNotice = `INSERT INTO pay_notices (account_id, kind, result, number, at, body) VALUES ($1, $2, $3, $4, $5, $6)`
	qNoticeCounts = `SELECT result, COUNT(*) FROM pay_notices WHERE account_id = $1 AND at >= $2 GROUP BY result`
	qTrimNotices  = `DELETE FROM pay_notices WHERE at < $1`

	qSaveBillRun = `INSERT INTO bill_runs (account_id, day, at, lines, paid_fen, back_fen, fee_fen, differs) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (account_id, day) DO UPDATE SET at = excluded.at, lines = excluded.lines, paid_fen = excluded.paid_fen, back_fen = excluded.back_fen,
  fee_fen = excluded.fee_fen, differs = excluded.differs`

	qSetFee = `UPDATE orders SET fee_milli = $2 WHERE id = $1`

	qDropDifferences = `DELETE FROM bill_differences WHERE account_id = $1 AND day = $2 AND resolved_at = 0`

	qAddDifference = `INSERT INTO bill_differences (account_id, day, what, kind, number, order_id, ours_fen, theirs_fen, found_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (account_id, day, what, number) DO NOTHING`

	qBillRuns = `SELECT account_id, day, at, lines, paid_fen, back_fen, fee_fen, differs FROM bill_runs WHERE account_id = $1 ORDER BY day DESC LIMIT $2`

	qBillDifferences = `SELECT id, account_id, day, what, kind, number, order_id, ours_fen, theirs_fen, found_at, resolved_at, resolved_by, note
FROM bill_differences WHERE account_id = $1 AND ($2 = 0 OR resolved_at = 0) ORDER BY id DESC LIMIT $3`

	qResolveDifference = `UPDATE bill_differences SET resolved_at = $2, resolved_by = $3, note = $4 WHERE id = $1 AND resolved_at = 0`

	// Days are those of Shanghai, which has had no daylight saving time since 1991.
	qPaidSums = `SELECT (paid_at + 28800000) / 86400000, COUNT(*), SUM(fen), SUM(fee_milli) FROM orders
WHERE account_id = $1 AND paid_at >= $2 AND paid_at < $3 AND paid_at > 0 GROUP BY 1 ORDER BY 1`

	qBackSums = `SELECT (back_at + 28800000) / 86400000, COUNT(*), SUM(fen) FROM refunds
WHERE account_id = $1 AND back_at >= $2 AND back_at < $3 AND back_at > 0 GROUP BY 1 ORDER BY 1`

	qMoney = `SELECT
  COALESCE(SUM(o.fen), 0),
  COALESCE(SUM(CASE WHEN k.state NOT IN ('held', 'opened', 'reported', 'released') THEN o.fen - (SELECT COALESCE(SUM(r.fen), 0) FROM refunds r
    WHERE r.order_id = o.id AND r.state IN ('approved', 'sent', 'failed', 'abnormal', 'back')) ELSE 0 END), 0),
  COALESCE(SUM((SELECT COALESCE(SUM(r.fen), 0) FROM refunds r WHERE r.order_id = o.id AND r.state IN ('approved', 'sent', 'failed', 'abnormal'))), 0),
  COALESCE(SUM((SELECT COALESCE(SUM(r.fen), 0) FROM refunds r WHERE r.order_id = o.id AND r.state = 'back')), 0),
  COUNT(*) FILTER (WHERE o.state = 'paid' AND k.state IN ('held', 'opened', 'reported', 'released'))
FROM orders o JOIN claims k ON k.id = o.claim_id
WHERE o.account_id = $1 AND o.paid_at > 0`

	qPriced = `SELECT c.id, c.price FROM campaigns c WHERE c.account_id = $1 AND c.price <> '{}'`

	qUnpaidCards = `SELECT COUNT(*) FROM claims k WHERE k.campaign_id = $1 AND k.gift_of = 0
  AND k.state NOT IN ('held', 'opened', 'reported', 'released')
  AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.claim_id = k.id AND o.paid_at > 0)`

	qLentUniques     = `SELECT COUNT(*) FROM claim_uniques WHERE claim_id = $1`
	qLentInvitations = `SELECT COUNT(*) FROM list_rows WHERE claim_id = $1 AND claim_id <> 0`
	qLentPoolCodes   = `SELECT COUNT(*) FROM pool_codes WHERE claim_id = $1 AND claim_id <> 0`
)

// canRetake reports whether what a released claim had taken besides the stock is still
// there for it.
func canRetake(tx *Tx, claim *campaigns.Claim) (bool, error) {
	for _, part := range []struct{ letter, query string }{{tookUnique, qLentUniques}, {tookInvitation, qLentInvitations}, {tookPoolCode, qLentPoolCodes}} {
		if !strings.Contains(claim.Takes, part.letter) {
			continue
		}
		var n int
		if err := tx.row(part.query, -int64(claim.ID)).Scan(&n); err != nil || n == 0 {
			return false, err
		}
	}
	return true, nil
}

// NoteNotice implements orders.Store.
func (d *DB) NoteNotice(ctx context.Context, n orders.Notice) error {
	body := d.seal.seal("pay notice", string(n.Body))
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qInsertNotice, string(n.Account), n.Kind, n.Result, n.Number, ms(n.At), body)
		return err
	})
}

// NoticeCounts implements orders.Store.
func (d *DB) NoticeCounts(ctx context.Context, account campaigns.AccountID, since time.Time) (map[string]int, error) {
	counts := map[string]int{}
	rows, err := d.rows(ctx, qNoticeCounts, string(account), ms(since))
	_, err = collect(rows, err, func(row scanner) (n int, err error) {
		var result string
		err = row.Scan(&result, &n)
		counts[result] = n
		return n, err
	})
	return counts, err
}

// TrimNotices implements orders.Store.
func (d *DB) TrimNotices(ctx context.Context, before time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qTrimNotices, ms(before))
		return err
	})
}

// SaveBill implements orders.Store.
func (d *DB) SaveBill(ctx context.Context, run orders.BillRun, fees map[orders.ID]int64, found []orders.Difference) error {
	return d.Write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(qSaveBillRun, string(run.Account), run.Day, ms(run.At), run.Rows, run.PaidFen, run.BackFen, run.FeeFen, run.Differs); err != nil {
			return err
		}
		for id, fee := range fees {
			if _, err := tx.exec(qSetFee, int64(id), fee); err != nil {
				return err
			}
		}
		if _, err := tx.exec(qDropDifferences, string(run.Account), run.Day); err != nil {
			return err
		}
		for _, f := range found {
			if _, err := tx.exec(qAddDifference, string(f.Account), f.Day, f.What, f.Kind, f.Number, int64(f.Order), f.OursFen, f.TheirsFen, ms(f.FoundAt)); err != nil {
				return err
			}
		}
		return nil
	})
}

// BillRuns implements orders.Store.
func (d *DB) BillRuns(ctx context.Context, account campaigns.AccountID, limit int) ([]orders.BillRun, error) {
	rows, err := d.rows(ctx, qBillRuns, string(account), limit)
	return collect(rows, err, func(row scanner) (r orders.BillRun, err error) {
		err = row.Scan(&r.Account, &r.Day, (*instant)(&r.At), &r.Rows, &r.PaidFen, &r.BackFen, &r.FeeFen, &r.Differs)
		return r, err
	})
}

// BillDifferences implements orders.Store.
func (d *DB) BillDifferences(ctx context.Context, account campaigns.AccountID, open bool, limit int) ([]orders.Difference, error) {
	rows, err := d.rows(ctx, qBillDifferences, string(account), open, limit)
	return collect(rows, err, func(row scanner) (f orders.Difference, err error) {
		err = row.Scan(&f.ID, &f.Account, &f.Day, &f.What, &f.Kind, &f.Number, &f.Order, &f.OursFen, &f.TheirsFen, (*instant)(&f.FoundAt),
			(*instant)(&f.ResolvedAt), &f.ResolvedBy, &f.Note)
		return f, err
	})
}

// ResolveDifference implements orders.Store.
func (d *DB) ResolveDifference(ctx context.Context, id int64, by, note string, now time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qResolveDifference, id, ms(now), by, note)
		return err
	})
}

// OrdersOn implements orders.Store.
func (d *DB) OrdersOn(ctx context.Context, account campaigns.AccountID, from, to time.Time) ([]orders.Order, []orders.Refund, error) {
	rows, err := d.rows(ctx, qPaidOn, string(account), ms(from), ms(to))
	paid, err := collect(rows, err, scanOrder)
	if err != nil {
		return nil, nil, err
	}
	rows, err = d.rows(ctx, qRefundsOn, string(account), ms(from), ms(to))
	back, err := collect(rows, err, scanRefund)
	return paid, back, err
}

// Sums implements orders.Store.
func (d *DB) Sums(ctx context.Context, account campaigns.AccountID, from, to time.Time, monthly bool) ([]orders.Sum, error) {
	period := func(day int64) string {
		date := time.Unix(day*86400, 0).UTC()
		if monthly {
			return date.Format("2006-01")
		}
		return date.Format(time.DateOnly)
	}
	var (
		list []orders.Sum
		at   = map[string]int{}
	)
	add := func(day int64) *orders.Sum {
		name := period(day)
		if _, known := at[name]; !known {
			at[name] = len(list)
			list = append(list, orders.Sum{Period: name})
		}
		return &list[at[name]]
	}
	rows, err := d.rows(ctx, qPaidSums, string(account), ms(from), ms(to))
	_, err = collect(rows, err, func(row scanner) (day int64, err error) {
		var count int
		var fen, fee int64
		if err = row.Scan(&day, &count, &fen, &fee); err == nil {
			s := add(day)
			s.Orders, s.PaidFen, s.FeeMilliFen = s.Orders+count, s.PaidFen+fen, s.FeeMilliFen+fee
		}
		return day, err
	})
	if err != nil {
		return nil, err
	}
	rows, err = d.rows(ctx, qBackSums, string(account), ms(from), ms(to))
	_, err = collect(rows, err, func(row scanner) (day int64, err error) {
		var count int
		var fen int64
		if err = row.Scan(&day, &count, &fen); err == nil {
			s := add(day)
			s.Backs, s.BackFen = s.Backs+count, s.BackFen+fen
		}
		return day, err
	})
	slices.SortFunc(list, func(a, b orders.Sum) int { return strings.Compare(b.Period, a.Period) })
	return list, err
}

// CheckMoney implements orders.Store. Everything is read in one transaction.
func (d *DB) CheckMoney(ctx context.Context, account campaigns.AccountID) (m orders.Money, err error) {
	tx, err := d.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return m, err
	}
	defer func() { _ = tx.Rollback() }()
	err = tx.QueryRowContext(ctx, qMoney, string(account)).Scan(&m.PaidFen, &m.KeptFen, &m.ReturningFen, &m.ReturnedFen, &m.WithoutCard)
	if err != nil {
		return m, fmt.Errorf("money: %w", err)
	}
	type priced struct {
		id    int64
		price campaigns.Price
	}
	rows, err := tx.QueryContext(ctx, qPriced, string(account))
	list, err := collect(rows, err, func(row scanner) (p priced, err error) {
		err = row.Scan(&p.id, stored{&p.price})
		return p, err
	})
	if err != nil {
		return m, err
	}
	for _, c := range list {
		var n int
		if c.price.Fen <= 0 {
			continue
		}
		if err := tx.QueryRowContext(ctx, qUnpaidCards, c.id).Scan(&n); err != nil {
			return m, err
		}
		m.WithoutPay += n
	}
	return m, nil
}
