package db

import (
	"context"
	"time"

	"kaquan/stores"
)

const (
	countColumns = `c.id, c.account_id, c.place_id, c.state, c.by_name, c.opened_at, c.closed_at,
  (SELECT COUNT(*) FROM count_lines l WHERE l.count_id = c.id),
  (SELECT COUNT(*) FROM count_lines l WHERE l.count_id = c.id AND l.seen <> l.expected)`

	qOpenCount  = `INSERT INTO counts (id, account_id, place_id, state, by_name, opened_at) VALUES ($1, $2, $3, 'open', $4, $5)`
	qStockCount = `SELECT ` + countColumns + ` FROM counts c WHERE c.id = $1`
	qCounts     = `SELECT ` + countColumns + ` FROM counts c WHERE c.account_id = $1 ORDER BY c.id DESC LIMIT $2`
	qCountLines = `SELECT l.goods_id, g.name, g.barcode, g.unit, l.expected, l.seen, l.at
FROM count_lines l JOIN goods g ON g.id = l.goods_id WHERE l.count_id = $1 ORDER BY l.at DESC, l.goods_id`

	qSetSeen = `INSERT INTO count_lines (count_id, goods_id, expected, seen, at)
VALUES ($1, $2, COALESCE((SELECT quantity FROM stock_levels WHERE goods_id = $2 AND place_id = $3), 0), $4, $5)
ON CONFLICT (count_id, goods_id) DO UPDATE SET expected = excluded.expected, seen = excluded.seen, at = excluded.at`

	qDropSeen = `DELETE FROM count_lines WHERE count_id = $1 AND goods_id = $2`
	qEndCount = `UPDATE counts SET state = $2, closed_at = $3 WHERE id = $1 AND state = 'open'`
)

func scanCount(row scanner) (c stores.Count, err error) {
	err = row.Scan(&c.ID, &c.Account, &c.Place, &c.State, &c.By, (*instant)(&c.OpenedAt), (*instant)(&c.ClosedAt), &c.Lines, &c.Different)
	return c, none(err, stores.ErrCountNotFound)
}

func scanCountLine(row scanner) (l stores.CountLine, err error) {
	err = row.Scan(&l.Goods, &l.GoodsName, &l.Barcode, &l.Unit, &l.Expected, &l.Seen, (*instant)(&l.At))
	return l, err
}

// OpenCount implements stores.Store.
func (d *DB) OpenCount(ctx context.Context, c stores.Count, a stores.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qOpenCount, int64(c.ID), string(c.Account), int64(c.Place), c.By, ms(c.OpenedAt))
		if isDuplicate(err) {
			return stores.ErrCountOpen.Because(err)
		}
		if err != nil {
			return err
		}
		return note(tx, a, "count", c.ID.String())
	})
}

// Count implements stores.Store.
func (d *DB) Count(ctx context.Context, id stores.CountID) (stores.Count, []stores.CountLine, error) {
	c, err := scanCount(d.row(ctx, qStockCount, int64(id)))
	if err != nil {
		return c, nil, err
	}
	rows, err := d.rows(ctx, qCountLines, int64(id))
	lines, err := collect(rows, err, scanCountLine)
	return c, lines, err
}

// Counts implements stores.Store.
func (d *DB) Counts(ctx context.Context, account stores.AccountID, limit int) ([]stores.Count, error) {
	rows, err := d.rows(ctx, qCounts, string(account), limit)
	return collect(rows, err, scanCount)
}

// openCount is the count, refused when it is over.
func openCount(tx *Tx, id stores.CountID) (stores.Count, error) {
	c, err := scanCount(tx.row(qStockCount, int64(id)))
	if err == nil && c.State != stores.CountOpen {
		err = stores.ErrCountClosed
	}
	return c, err
}

// SetSeen implements stores.Store.
func (d *DB) SetSeen(ctx context.Context, id stores.CountID, goods stores.GoodsID, seen int64, now time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		c, err := openCount(tx, id)
		if err != nil {
			return err
		}
		var archived bool
		if err := tx.row(qGoodsState, int64(goods), string(c.Account)).Scan(&archived); err != nil {
			return none(err, stores.ErrGoodsNotFound)
		}
		_, err = tx.exec(qSetSeen, int64(id), int64(goods), int64(c.Place), seen, ms(now))
		return err
	})
}

// DropSeen implements stores.Store.
func (d *DB) DropSeen(ctx context.Context, id stores.CountID, goods stores.GoodsID) error {
	return d.Write(ctx, func(tx *Tx) error {
		if _, err := openCount(tx, id); err != nil {
			return err
		}
		_, err := tx.exec(qDropSeen, int64(id), int64(goods))
		return err
	})
}

// endCount ends an open count; of two callers one does.
func endCount(tx *Tx, id stores.CountID, state stores.CountState, now time.Time) (stores.Count, error) {
	c, err := openCount(tx, id)
	if err != nil {
		return c, err
	}
	return c, tx.changed(stores.ErrCountClosed, qEndCount, int64(id), string(state), ms(now))
}

// CloseCount implements stores.Store.
func (d *DB) CloseCount(ctx context.Context, id stores.CountID, by stores.Actor, reason string, a stores.Audit) ([]stores.Movement, error) {
	var booked []stores.Movement
	err := d.Write(ctx, func(tx *Tx) error {
		c, err := endCount(tx, id, stores.CountDone, a.At)
		if err != nil {
			return err
		}
		rows, err := tx.rows(qCountLines, int64(id))
		lines, err := collect(rows, err, scanCountLine)
		if err != nil {
			return err
		}
		booked = nil
		for i := range lines {
			l := &lines[i]
			var level int64
			if err := none(tx.row(qLevel, int64(l.Goods), int64(c.Place)).Scan(&level), nil); err != nil {
				return err
			}
			// What moved since the shelf was counted stays; what would be less than nothing is none.
			difference := max(level+l.Difference(), 0) - level
			if difference == 0 {
				continue
			}
			m, err := applyMovement(tx, stores.Move{
				Account: c.Account, Place: c.Place, Goods: l.Goods, Kind: stores.Counted, Quantity: difference, Reason: reason, By: by,
				Key: "count/" + id.String() + "/" + l.Goods.String(), At: a.At,
			})
			if err != nil {
				return err
			}
			booked = append(booked, m)
		}
		return note(tx, a, "count", id.String())
	})
	return booked, err
}

// CancelCount implements stores.Store.
func (d *DB) CancelCount(ctx context.Context, id stores.CountID, a stores.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		if _, err := endCount(tx, id, stores.CountCancelled, a.At); err != nil {
			return err
		}
		return note(tx, a, "count", id.String())
	})
}
