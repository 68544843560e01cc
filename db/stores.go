package db

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"kaquan/campaigns"
	"kaquan/stores"
)

var _ stores.Store = (*DB)(nil)

const (
	placeColumns = `p.id, p.account_id, p.parent_id, p.kind, p.code, p.name, p.address, p.phone, p.disabled, p.created_at`

	qPlaces = `SELECT ` + placeColumns + `, (SELECT COUNT(*) FROM staff m WHERE m.place_id = p.id AND m.disabled = 0)
FROM places p WHERE p.account_id = $1 ORDER BY p.name`

	qPlaceStocks = `SELECT l.place_id, COUNT(*), SUM(l.quantity)
FROM places p JOIN stock_levels l ON l.place_id = p.id AND l.quantity > 0
WHERE p.account_id = $1 GROUP BY l.place_id`

	qPlace = `SELECT ` + placeColumns + ` FROM places p WHERE p.id = $1`

	qInsertPlace = `INSERT INTO places (id, account_id, parent_id, kind, code, name, address, phone, disabled, created_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, 0, $9 WHERE (SELECT COUNT(*) FROM places WHERE account_id = $2) < $10`

	qUpdatePlace = `UPDATE places SET parent_id = $2, kind = $3, code = $4, name = $5, address = $6, phone = $7 WHERE id = $1`

	qSwitchPlace       = `UPDATE places SET disabled = $2 WHERE id = $1`
	qPlaceParent       = `SELECT parent_id FROM places WHERE id = $1 AND account_id = $2`
	qPlaceCodeTaken    = `SELECT COUNT(*) FROM places WHERE account_id = $1 AND code = $2 AND id <> $3`
	qDropPlaceSessions = `DELETE FROM staff_sessions WHERE staff_id IN (SELECT id FROM staff WHERE place_id = $1)`

	// Height is how many places stand on the longest way down from a place.
	qPlaceHeight = `WITH RECURSIVE down (id, depth) AS (
  SELECT id, 1 FROM places WHERE parent_id = $1 AND account_id = $2
  UNION ALL
  SELECT p.id, d.depth + 1 FROM places p JOIN down d ON p.parent_id = d.id WHERE d.depth < 20 AND p.account_id = $2
) SELECT COALESCE(MAX(depth), 0) FROM down`
)

// note appends the audit line of a write of stores.
func note(tx *Tx, a stores.Audit, kind, object string) error {
	actor := campaigns.Actor{ID: a.Actor.ID, Name: a.Actor.Name, IP: a.Actor.IP}
	if a.Actor.Staff != 0 {
		actor.ID = "staff/" + a.Actor.Staff.String()
	}
	if actor.Name == "" {
		actor.Name = "system"
	}
	return audit(tx, campaigns.Audit{Actor: actor, Action: a.Action, Detail: a.Detail, At: a.At}, kind, object)
}

// none is what a query that found nothing means.
func none(err, notFound error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return notFound
	}
	return err
}

// changed runs one statement that must change a row.
func (tx *Tx) changed(notFound error, query string, args ...any) error {
	n, err := tx.exec(query, args...)
	if err == nil && n == 0 {
		return notFound
	}
	return err
}

func placeTargets(p *stores.Place) []any {
	return []any{&p.ID, &p.Account, &p.Parent, &p.Kind, &p.Code, &p.Name, &p.Address, &p.Phone, &p.Disabled, (*instant)(&p.CreatedAt)}
}

// Places implements stores.Store.
func (d *DB) Places(ctx context.Context, account stores.AccountID) ([]stores.PlaceRow, error) {
	rows, err := d.rows(ctx, qPlaces, string(account))
	return collect(rows, err, func(row scanner) (p stores.PlaceRow, err error) {
		err = row.Scan(append(placeTargets(&p.Place), &p.Staff)...)
		return p, err
	})
}

// PlaceStocks implements stores.Store.
func (d *DB) PlaceStocks(ctx context.Context, account stores.AccountID) (map[stores.PlaceID]stores.PlaceStock, error) {
	all := map[stores.PlaceID]stores.PlaceStock{}
	rows, err := d.rows(ctx, qPlaceStocks, string(account))
	_, err = collect(rows, err, func(row scanner) (id stores.PlaceID, err error) {
		var s stores.PlaceStock
		err = row.Scan(&id, &s.Articles, &s.Pieces)
		all[id] = s
		return id, err
	})
	return all, err
}

// Place implements stores.Store.
func (d *DB) Place(ctx context.Context, id stores.PlaceID) (p stores.Place, err error) {
	err = d.row(ctx, qPlace, int64(id)).Scan(placeTargets(&p)...)
	return p, none(err, stores.ErrPlaceNotFound)
}

// CreatePlace implements stores.Store.
func (d *DB) CreatePlace(ctx context.Context, p stores.Place, a stores.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		if err := checkParent(tx, &p); err != nil {
			return err
		}
		err := tx.changed(stores.ErrTooMany, qInsertPlace, int64(p.ID), string(p.Account), int64(p.Parent), string(p.Kind), p.Code, p.Name, p.Address, p.Phone, ms(p.CreatedAt), stores.MaxPlaces)
		if err != nil {
			return placeTaken(tx, &p, err)
		}
		return note(tx, a, "place", p.ID.String())
	})
}

// UpdatePlace implements stores.Store.
func (d *DB) UpdatePlace(ctx context.Context, p stores.Place, a stores.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		if err := checkParent(tx, &p); err != nil {
			return err
		}
		err := tx.changed(stores.ErrPlaceNotFound, qUpdatePlace, int64(p.ID), int64(p.Parent), string(p.Kind), p.Code, p.Name, p.Address, p.Phone)
		if err != nil {
			return placeTaken(tx, &p, err)
		}
		return note(tx, a, "place", p.ID.String())
	})
}

// placeTaken says which of the two unique texts another place has.
func placeTaken(tx *Tx, p *stores.Place, err error) error {
	if !isDuplicate(err) {
		return err
	}
	var n int
	if e := tx.row(qPlaceCodeTaken, string(p.Account), p.Code, int64(p.ID)).Scan(&n); e != nil {
		return e
	}
	if n > 0 {
		return stores.ErrCodeTaken.Because(err)
	}
	return stores.ErrNameTaken.Because(err)
}

// checkParent walks from p up to the root: no circle, no other account, not too deep.
func checkParent(tx *Tx, p *stores.Place) error {
	if p.Parent == 0 {
		return nil
	}
	var depth int
	if err := tx.row(qPlaceHeight, int64(p.ID), string(p.Account)).Scan(&depth); err != nil {
		return err
	}
	depth++
	for parent := p.Parent; parent != 0; depth++ {
		if parent == p.ID || depth >= stores.MaxDepth {
			return stores.ErrParent
		}
		if err := tx.row(qPlaceParent, int64(parent), string(p.Account)).Scan(&parent); err != nil {
			return none(err, stores.ErrParent)
		}
	}
	return nil
}

// SwitchPlace implements stores.Store.
func (d *DB) SwitchPlace(ctx context.Context, id stores.PlaceID, off bool, a stores.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		if err := tx.changed(stores.ErrPlaceNotFound, qSwitchPlace, int64(id), off); err != nil {
			return err
		}
		if off {
			if _, err := tx.exec(qDropPlaceSessions, int64(id)); err != nil {
				return err
			}
		}
		return note(tx, a, "place", id.String())
	})
}

// listQuery is a filtered list as one statement; conditions and arguments are built side by
// side.
type listQuery struct{ claimQuery }

// statement is the list, ordered and cut.
func (q *listQuery) statement(from, order string) string {
	text := from
	for i, condition := range q.where {
		word := "\n  AND "
		if i == 0 {
			word = "\nWHERE "
		}
		text += word + condition
	}
	return text + "\nORDER BY " + order
}

// span keeps what is at From or later and before To.
func (q *listQuery) span(column string, from, to time.Time) {
	if !from.IsZero() {
		q.and(column+" >= ?1", ms(from))
	}
	if !to.IsZero() {
		q.and(column+" < ?1", ms(to))
	}
}
