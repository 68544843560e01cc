package db

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"kaquan/stores"
)

const (
	movementColumns = `m.id, m.account_id, m.place_id, m.goods_id, m.kind, m.quantity, m.before, m.after, m.reason, m.staff_id, m.by_name, m.claim_id, m.peer_id, m.undoes_id, m.key, m.at`

	// The left joins keep the log the outer loop, so that its index gives the order.
	movementList = `SELECT ` + movementColumns + `, p.name, COALESCE(o.name, ''), g.name, g.barcode, g.unit,
  EXISTS (SELECT 1 FROM movements u WHERE u.undoes_id = m.id AND u.undoes_id <> 0)
FROM movements m
LEFT JOIN places p ON p.id = m.place_id
LEFT JOIN places o ON o.id = m.peer_id
LEFT JOIN goods g ON g.id = m.goods_id`

	qMovement      = movementList + ` WHERE m.id = $1`
	qMovementByKey = `SELECT ` + movementColumns + ` FROM movements m WHERE m.account_id = $1 AND m.key = $2`
	qPlaceState    = `SELECT disabled FROM places WHERE id = $1 AND account_id = $2`
	qGoodsState    = `SELECT archived FROM goods WHERE id = $1 AND account_id = $2`
	qMakeLevel     = `INSERT INTO stock_levels (goods_id, place_id, quantity) VALUES ($1, $2, 0) ON CONFLICT (goods_id, place_id) DO NOTHING`

	qMoveGoods = `UPDATE goods SET stock = stock + $2 WHERE id = $1`

	// Never below zero: what two requests want at once, one gets.
	qMoveLevel = `UPDATE stock_levels SET quantity = quantity + $3 WHERE goods_id = $1 AND place_id = $2 AND quantity + $3 >= 0 RETURNING quantity`

	qLevel = `SELECT quantity FROM stock_levels WHERE goods_id = $1 AND place_id = $2`

	qInsertMovement = `INSERT INTO movements (account_id, place_id, goods_id, kind, quantity, before, after, reason, staff_id, by_name, claim_id, peer_id, undoes_id, key, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING id`

	qLevelsOf = `SELECT p.id, p.name, p.kind, p.disabled, l.quantity
FROM stock_levels l JOIN places p ON p.id = l.place_id WHERE l.goods_id = $1 ORDER BY p.name`

	qCountLevels = `SELECT COUNT(*) FROM stock_levels l JOIN goods g ON g.id = l.goods_id WHERE g.account_id = $1`

	qWrongLevels = `SELECT place_id, goods_id, quantity, total FROM (
  SELECT l.place_id, l.goods_id, l.quantity,
    (SELECT COALESCE(SUM(m.quantity), 0) FROM movements m WHERE m.goods_id = l.goods_id AND m.place_id = l.place_id) AS total
  FROM goods g JOIN stock_levels l ON l.goods_id = g.id WHERE g.account_id = $1
  UNION ALL
  SELECT m.place_id, m.goods_id, 0, SUM(m.quantity) FROM goods g JOIN movements m ON m.goods_id = g.id
  WHERE g.account_id = $1 AND NOT EXISTS (SELECT 1 FROM stock_levels l WHERE l.goods_id = m.goods_id AND l.place_id = m.place_id)
  GROUP BY m.place_id, m.goods_id
  UNION ALL
  SELECT 0, g.id, g.stock, (SELECT COALESCE(SUM(l.quantity), 0) FROM stock_levels l WHERE l.goods_id = g.id)
  FROM goods g WHERE g.account_id = $1
) AS stock WHERE quantity <> total`
)

func movementTargets(m *stores.Movement) []any {
	return []any{
		&m.ID, &m.Account, &m.Place, &m.Goods, &m.Kind, &m.Quantity, &m.Before, &m.After, &m.Reason, &m.Staff, &m.By,
		&m.Claim, &m.Peer, &m.Undoes, &m.Key, (*instant)(&m.At),
	}
}

func scanMovementRow(row scanner) (r stores.MovementRow, err error) {
	err = row.Scan(append(movementTargets(&r.Movement), &r.PlaceName, &r.PeerName, &r.GoodsName, &r.Barcode, &r.Unit, &r.Undone)...)
	return r, none(err, stores.ErrMovementNotFound)
}

// applyMovement books one movement inside the caller's transaction: the level and the line of
// the log together. A request whose key was booked before gives that movement again. On an
// error the caller must give up its write, as the level's row may have been made.
func applyMovement(tx *Tx, m stores.Move) (stores.Movement, error) {
	booked, _, err := bookMovement(tx, &m)
	return booked, err
}

// bookMovement is applyMovement; fresh is false for a repeat.
func bookMovement(tx *Tx, r *stores.Move) (m stores.Movement, fresh bool, err error) {
	if err := r.Check(); err != nil {
		return m, false, err
	}
	err = tx.row(qMovementByKey, string(r.Account), r.Key).Scan(movementTargets(&m)...)
	switch {
	case err == nil && m.Does(r):
		return m, false, nil
	case err == nil:
		return stores.Movement{}, false, stores.ErrKeyReused
	case !errors.Is(err, sql.ErrNoRows):
		return m, false, err
	}
	if err := mayMove(tx, r); err != nil {
		return m, false, err
	}
	if _, err := tx.exec(qMakeLevel, int64(r.Goods), int64(r.Place)); err != nil {
		return m, false, err
	}
	var after int64
	err = tx.row(qMoveLevel, int64(r.Goods), int64(r.Place), r.Quantity).Scan(&after)
	if errors.Is(err, sql.ErrNoRows) {
		var have int64
		if err := tx.row(qLevel, int64(r.Goods), int64(r.Place)).Scan(&have); err != nil {
			return m, false, err
		}
		return m, false, stores.NotEnough(have, -r.Quantity)
	}
	if err != nil {
		return m, false, err
	}
	if _, err := tx.exec(qMoveGoods, int64(r.Goods), r.Quantity); err != nil {
		return m, false, err
	}
	m = stores.Movement{
		Account: r.Account, Place: r.Place, Goods: r.Goods, Kind: r.Kind, Quantity: r.Quantity, Before: after - r.Quantity, After: after,
		Reason: r.Reason, Staff: r.By.Staff, By: r.By.Name, Claim: r.Claim, Peer: r.Peer, Undoes: r.Undoes, Key: r.Key, At: at(ms(r.At)),
	}
	err = tx.row(qInsertMovement, string(m.Account), int64(m.Place), int64(m.Goods), string(m.Kind), m.Quantity, m.Before, m.After, m.Reason,
		int64(m.Staff), m.By, int64(m.Claim), int64(m.Peer), int64(m.Undoes), m.Key, ms(m.At)).Scan(&m.ID)
	if isDuplicate(err) { // the key is free, so the other unique column it is
		return m, false, stores.ErrUndone.Because(err)
	}
	return m, true, err
}

// mayMove checks place and goods; corrections pass where ordinary movements do not.
func mayMove(tx *Tx, r *stores.Move) error {
	correction := r.Kind == stores.Counted || r.Kind == stores.Undo
	var disabled, archived bool
	if err := tx.row(qPlaceState, int64(r.Place), string(r.Account)).Scan(&disabled); err != nil {
		return none(err, stores.ErrPlaceNotFound.On("place"))
	}
	if err := tx.row(qGoodsState, int64(r.Goods), string(r.Account)).Scan(&archived); err != nil {
		return none(err, stores.ErrGoodsNotFound)
	}
	switch {
	case correction:
		return nil
	case disabled && r.Kind == stores.TransferIn:
		return stores.ErrPlaceDisabled.On("to")
	case disabled && r.Kind != stores.TransferOut: // emptying a closed place is what transfers are for
		return stores.ErrPlaceDisabled
	case archived && r.Kind == stores.In:
		return stores.ErrGoodsArchived
	}
	return nil
}

// Move implements stores.Store.
func (d *DB) Move(ctx context.Context, moves []stores.Move, a stores.Audit) ([]stores.Movement, error) {
	var booked []stores.Movement
	err := d.Write(ctx, func(tx *Tx) error {
		news := 0
		booked = make([]stores.Movement, 0, len(moves))
		for i := range moves {
			m, fresh, err := bookMovement(tx, &moves[i])
			if err != nil {
				if len(moves) > 1 {
					return &stores.RowFault{Index: i, Err: err}
				}
				return err
			}
			if fresh {
				news++
			}
			booked = append(booked, m)
		}
		if news == 0 {
			return nil
		}
		return note(tx, a, "movement", booked[0].ID.String())
	})
	return booked, err
}

// UndoMovement implements stores.Store.
func (d *DB) UndoMovement(ctx context.Context, id stores.MovementID, by stores.Actor, reason string, a stores.Audit) ([]stores.Movement, error) {
	var booked []stores.Movement
	err := d.Write(ctx, func(tx *Tx) error {
		r, err := scanMovementRow(tx.row(qMovement, int64(id)))
		if err != nil {
			return err
		}
		if !r.CanUndo() {
			if r.Undone {
				return stores.ErrUndone
			}
			return stores.ErrNoUndo
		}
		legs := []stores.Movement{r.Movement}
		if r.Kind == stores.TransferOut || r.Kind == stores.TransferIn {
			if legs, err = bothLegs(tx, &r.Movement); err != nil {
				return err
			}
		}
		booked = nil
		for i := range legs {
			leg := &legs[i]
			m, err := applyMovement(tx, stores.Move{
				Account: leg.Account, Place: leg.Place, Goods: leg.Goods, Kind: stores.Undo, Quantity: -leg.Quantity, Reason: reason, By: by,
				Claim: leg.Claim, Peer: leg.Peer, Undoes: leg.ID, Key: "undo/" + leg.ID.String(), At: a.At,
			})
			if err != nil {
				return err
			}
			booked = append(booked, m)
		}
		return note(tx, a, "movement", id.String())
	})
	return booked, err
}

// bothLegs are the two movements of a transfer: their keys differ in the ending only.
func bothLegs(tx *Tx, m *stores.Movement) ([]stores.Movement, error) {
	other, ok := strings.CutSuffix(m.Key, "/out")
	if ok {
		other += "/in"
	} else {
		other = strings.TrimSuffix(m.Key, "/in") + "/out"
	}
	var leg stores.Movement
	err := tx.row(qMovementByKey, string(m.Account), other).Scan(movementTargets(&leg)...)
	return []stores.Movement{*m, leg}, none(err, stores.ErrNoUndo)
}

// Movement implements stores.Store.
func (d *DB) Movement(ctx context.Context, id stores.MovementID) (stores.MovementRow, error) {
	return scanMovementRow(d.row(ctx, qMovement, int64(id)))
}

// movementsQuery is the statement of a filter. One condition finds the index, the narrowest
// first; a plus keeps the others from being tried for it.
func movementsQuery(f stores.MovementFilter) (string, []any) {
	q := &listQuery{}
	found := ""
	by := func(condition string, arg any) {
		q.and(found+condition, arg)
		found = "+"
	}
	if f.Goods != 0 {
		by("m.goods_id = ?1", int64(f.Goods))
	}
	if f.Place != 0 {
		by("m.place_id = ?1", int64(f.Place))
	}
	if found != "" {
		by("m.account_id = ?1", string(f.Account))
	} else {
		q.and("m.account_id = ?1", string(f.Account))
	}
	if f.By != "" {
		by("m.by_name = ?1", f.By)
	}
	if f.Kind != "" {
		by("m.kind = ?1", string(f.Kind))
	}
	q.span("m.at", f.From, f.To)
	if c, ok := stores.ParseCursor(f.After); ok {
		q.and("(m.at, m.id) < (?1, ?2)", ms(c.At), int64(c.ID))
	}
	q.args = append(q.args, f.Limit)
	return q.statement(movementList, "m.at DESC, m.id DESC") + q.limit(), q.args
}

// Movements implements stores.Store.
func (d *DB) Movements(ctx context.Context, f stores.MovementFilter) ([]stores.MovementRow, error) {
	query, args := movementsQuery(f)
	rows, err := d.read.QueryContext(ctx, query, args...)
	return collect(rows, err, scanMovementRow)
}

// VerifyStock implements stores.Store.
func (d *DB) VerifyStock(ctx context.Context, account stores.AccountID) (levels int, wrong []stores.Difference, err error) {
	if err := d.row(ctx, qCountLevels, string(account)).Scan(&levels); err != nil {
		return 0, nil, err
	}
	rows, err := d.rows(ctx, qWrongLevels, string(account))
	wrong, err = collect(rows, err, func(row scanner) (w stores.Difference, err error) {
		err = row.Scan(&w.Place, &w.Goods, &w.Level, &w.Sum)
		return w, err
	})
	return levels, wrong, err
}

// Level implements stores.Store.
func (d *DB) Level(ctx context.Context, place stores.PlaceID, goods stores.GoodsID) (n int64, err error) {
	err = d.row(ctx, qLevel, int64(goods), int64(place)).Scan(&n)
	return n, none(err, nil)
}

// LevelsOf implements stores.Store.
func (d *DB) LevelsOf(ctx context.Context, goods stores.GoodsID) ([]stores.PlaceLevel, error) {
	rows, err := d.rows(ctx, qLevelsOf, int64(goods))
	return collect(rows, err, func(row scanner) (l stores.PlaceLevel, err error) {
		err = row.Scan(&l.Place, &l.Name, &l.Kind, &l.Disabled, &l.Quantity)
		return l, err
	})
}
