package db

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"kaquan/stores"
)

const (
	staffColumns = `m.id, m.account_id, m.place_id, m.name, m.role, m.pin_hash, m.tries, m.locked_until, m.visitor_id, m.disabled, m.created_at, m.last_seen_at`

	staffList = `SELECT ` + staffColumns + `, p.name, p.code,
  (SELECT COUNT(*) FROM staff_sessions x WHERE x.staff_id = m.id AND x.expires_at > $1)
FROM staff m LEFT JOIN places p ON p.id = m.place_id`

	qStaffAt = `SELECT ` + staffColumns + ` FROM staff m JOIN places p ON p.id = m.place_id
WHERE m.place_id = $1 AND m.disabled = 0 AND p.disabled = 0 ORDER BY m.name`

	qStaffNames = `SELECT place_id, name FROM staff WHERE account_id = $1`
	qStaff      = `SELECT ` + staffColumns + ` FROM staff m WHERE m.id = $1`

	qStaffByVisitor = `SELECT ` + staffColumns + ` FROM staff m JOIN places p ON p.id = m.place_id
WHERE m.visitor_id = $1 AND m.visitor_id <> 0 AND m.disabled = 0 AND p.disabled = 0`

	qCountStaff   = `SELECT COUNT(*) FROM staff WHERE account_id = $1`
	qPlaceAccount = `SELECT COUNT(*) FROM places WHERE id = $1 AND account_id = $2`
	qInsertStaff  = `INSERT INTO staff (id, account_id, place_id, name, role, pin_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`
	qUpdateStaff  = `UPDATE staff SET place_id = $2, name = $3, role = $4 WHERE id = $1`
	qStaffPlace   = `SELECT place_id FROM staff WHERE id = $1`
	qSetPIN       = `UPDATE staff SET pin_hash = $2, tries = 0, locked_until = 0 WHERE id = $1`
	qSwitchStaff  = `UPDATE staff SET disabled = $2 WHERE id = $1`

	// A try counts before it is checked. After a lock the count starts again.
	qTakeTry = `UPDATE staff SET tries = CASE WHEN locked_until > 0 THEN 1 ELSE tries + 1 END,
  locked_until = CASE WHEN locked_until = 0 AND tries + 1 >= $3 THEN CAST($4 AS BIGINT) ELSE 0 END
WHERE id = $1 AND locked_until <= $2
RETURNING id, account_id, place_id, name, role, pin_hash, tries, locked_until, visitor_id, disabled, created_at, last_seen_at`

	qStaffSeen = `UPDATE staff SET tries = 0, locked_until = 0, last_seen_at = $2
WHERE id = $1 AND disabled = 0 AND EXISTS (SELECT 1 FROM places p WHERE p.id = staff.place_id AND p.disabled = 0)`

	qInsertStaffSession = `INSERT INTO staff_sessions (hash, staff_id, csrf, created_at, expires_at, ip, agent) VALUES ($1, $2, $3, $4, $5, $6, $7)`

	qStaffSession = `SELECT x.hash, x.staff_id, x.csrf, x.created_at, x.expires_at, x.ip, x.agent, ` + staffColumns + `, ` + placeColumns + `
FROM staff_sessions x JOIN staff m ON m.id = x.staff_id JOIN places p ON p.id = m.place_id
WHERE x.hash = $1 AND x.expires_at > $2 AND m.disabled = 0 AND p.disabled = 0`

	qCountStaffSessions = `SELECT COUNT(*) FROM staff_sessions WHERE staff_id = $1 AND expires_at > $2`

	qDropStaffSession     = `DELETE FROM staff_sessions WHERE hash = $1`
	qDropStaffSessions    = `DELETE FROM staff_sessions WHERE staff_id = $1`
	qDropOldStaffSessions = `DELETE FROM staff_sessions WHERE expires_at <= $1`
	qDropOldBinds         = `DELETE FROM staff_binds WHERE expires_at <= $1`
	qDropBind             = `DELETE FROM staff_binds WHERE staff_id = $1`

	qPutBind = `INSERT INTO staff_binds (staff_id, hash, expires_at) VALUES ($1, $2, $3)
ON CONFLICT (staff_id) DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at`

	qBindOf = `SELECT ` + staffColumns + `, ` + placeColumns + `
FROM staff_binds b JOIN staff m ON m.id = b.staff_id JOIN places p ON p.id = m.place_id
WHERE b.hash = $1 AND b.expires_at > $2 AND m.disabled = 0 AND p.disabled = 0`

	qTakeBind        = `DELETE FROM staff_binds WHERE hash = $1 AND expires_at > $2 RETURNING staff_id`
	qSetStaffVisitor = `UPDATE staff SET visitor_id = $2 WHERE id = $1 AND disabled = 0`
	qUnbind          = `UPDATE staff SET visitor_id = 0 WHERE id = $1`
)

func staffTargets(m *stores.Staff) []any {
	return []any{&m.ID, &m.Account, &m.Place, &m.Name, &m.Role, &m.PINHash, &m.Tries, (*instant)(&m.LockedUntil), &m.Visitor, &m.Disabled, (*instant)(&m.CreatedAt), (*instant)(&m.LastSeenAt)}
}

func scanStaff(row scanner) (m stores.Staff, err error) {
	err = row.Scan(staffTargets(&m)...)
	return m, none(err, stores.ErrStaffNotFound)
}

// StaffList implements stores.Store.
func (d *DB) StaffList(ctx context.Context, f stores.StaffFilter, now time.Time) ([]stores.StaffRow, error) {
	q := &listQuery{}
	q.args = append(q.args, ms(now))
	switch {
	case f.Place != 0:
		q.and("m.place_id = ?1 AND +m.account_id = ?2", int64(f.Place), string(f.Account))
	default:
		q.and("m.account_id = ?1", string(f.Account))
	}
	if f.Search != "" {
		q.and("instr(lower(m.name), ?1) > 0", strings.ToLower(f.Search))
	}
	if f.Active {
		q.and("m.disabled = 0")
	}
	if f.After != 0 {
		q.and("m.id < ?1", int64(f.After))
	}
	q.args = append(q.args, f.Limit)
	rows, err := d.read.QueryContext(ctx, q.statement(staffList, "m.id DESC")+q.limit(), q.args...)
	return collect(rows, err, func(row scanner) (r stores.StaffRow, err error) {
		err = row.Scan(append(staffTargets(&r.Staff), &r.PlaceName, &r.PlaceCode, &r.Sessions)...)
		return r, err
	})
}

// StaffAt implements stores.Store.
func (d *DB) StaffAt(ctx context.Context, place stores.PlaceID) ([]stores.Staff, error) {
	rows, err := d.rows(ctx, qStaffAt, int64(place))
	return collect(rows, err, scanStaff)
}

// StaffNames implements stores.Store.
func (d *DB) StaffNames(ctx context.Context, account stores.AccountID) (map[stores.StaffName]bool, error) {
	all := map[stores.StaffName]bool{}
	rows, err := d.rows(ctx, qStaffNames, string(account))
	_, err = collect(rows, err, func(row scanner) (n stores.StaffName, err error) {
		err = row.Scan(&n.Place, &n.Name)
		all[n] = true
		return n, err
	})
	return all, err
}

// Staff implements stores.Store.
func (d *DB) Staff(ctx context.Context, id stores.StaffID) (stores.Staff, error) {
	return scanStaff(d.row(ctx, qStaff, int64(id)))
}

// StaffByVisitor implements stores.Store.
func (d *DB) StaffByVisitor(ctx context.Context, visitor stores.VisitorID) (stores.Staff, error) {
	return scanStaff(d.row(ctx, qStaffByVisitor, int64(visitor)))
}

// atPlace checks that a place of the account exists.
func atPlace(tx *Tx, place stores.PlaceID, account stores.AccountID) error {
	var n int
	if err := tx.row(qPlaceAccount, int64(place), string(account)).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return stores.ErrPlaceNotFound.On("place")
	}
	return nil
}

// CreateStaff implements stores.Store.
func (d *DB) CreateStaff(ctx context.Context, list []stores.Staff, a stores.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		var n int
		if err := tx.row(qCountStaff, string(list[0].Account)).Scan(&n); err != nil {
			return err
		}
		if n+len(list) > stores.MaxStaff {
			return stores.ErrTooMany
		}
		for i := range list {
			m := &list[i]
			if err := atPlace(tx, m.Place, m.Account); err != nil {
				return err
			}
			if _, err := tx.exec(qInsertStaff, int64(m.ID), string(m.Account), int64(m.Place), m.Name, string(m.Role), m.PINHash, ms(m.CreatedAt)); err != nil {
				return nameTaken(err)
			}
		}
		return note(tx, a, "staff", list[0].ID.String())
	})
}

func nameTaken(err error) error {
	if isDuplicate(err) {
		return stores.ErrNameTaken.Because(err)
	}
	return err
}

// UpdateStaff implements stores.Store.
func (d *DB) UpdateStaff(ctx context.Context, m stores.Staff, a stores.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		var place stores.PlaceID
		if err := tx.row(qStaffPlace, int64(m.ID)).Scan(&place); err != nil {
			return none(err, stores.ErrStaffNotFound)
		}
		if err := atPlace(tx, m.Place, m.Account); err != nil {
			return err
		}
		if err := tx.changed(stores.ErrStaffNotFound, qUpdateStaff, int64(m.ID), int64(m.Place), m.Name, string(m.Role)); err != nil {
			return nameTaken(err)
		}
		if place != m.Place {
			if _, err := tx.exec(qDropStaffSessions, int64(m.ID)); err != nil {
				return err
			}
		}
		return note(tx, a, "staff", m.ID.String())
	})
}

// changeStaff runs one statement about a member and, when signOut is set, ends the sessions.
func (d *DB) changeStaff(ctx context.Context, id stores.StaffID, signOut bool, a stores.Audit, query string, args ...any) (ended int64, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		if err := tx.changed(stores.ErrStaffNotFound, query, append([]any{int64(id)}, args...)...); err != nil {
			return err
		}
		if signOut {
			if ended, err = tx.exec(qDropStaffSessions, int64(id)); err != nil {
				return err
			}
			// A link that is out could bring the same person back.
			if _, err = tx.exec(qDropBind, int64(id)); err != nil {
				return err
			}
		}
		return note(tx, a, "staff", id.String())
	})
	return ended, err
}

// SetPIN implements stores.Store.
func (d *DB) SetPIN(ctx context.Context, id stores.StaffID, hash string, a stores.Audit) error {
	_, err := d.changeStaff(ctx, id, true, a, qSetPIN, hash)
	return err
}

// SwitchStaff implements stores.Store.
func (d *DB) SwitchStaff(ctx context.Context, id stores.StaffID, off bool, a stores.Audit) error {
	_, err := d.changeStaff(ctx, id, off, a, qSwitchStaff, off)
	return err
}

// Unbind implements stores.Store.
func (d *DB) Unbind(ctx context.Context, id stores.StaffID, a stores.Audit) error {
	_, err := d.changeStaff(ctx, id, true, a, qUnbind)
	return err
}

// RevokeStaffSessions implements stores.Store.
func (d *DB) RevokeStaffSessions(ctx context.Context, id stores.StaffID, a stores.Audit) (int, error) {
	var ended int64
	err := d.Write(ctx, func(tx *Tx) (err error) {
		if _, err = scanStaff(tx.row(qStaff, int64(id))); err != nil {
			return err
		}
		if ended, err = tx.exec(qDropStaffSessions, int64(id)); err != nil {
			return err
		}
		return note(tx, a, "staff", id.String())
	})
	return int(ended), err
}

// TakeTry implements stores.Store.
func (d *DB) TakeTry(ctx context.Context, id stores.StaffID, now time.Time) (m stores.Staff, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		m, err = scanStaff(tx.row(qTakeTry, int64(id), ms(now), stores.MaxTries, ms(now.Add(stores.LockTime))))
		if !errors.Is(err, stores.ErrStaffNotFound) {
			return err
		}
		m, err = scanStaff(tx.row(qStaff, int64(id)))
		if err == nil {
			return stores.Locked(m.LockedUntil.Sub(now))
		}
		return err
	})
	return m, err
}

// StartStaffSession implements stores.Store.
func (d *DB) StartStaffSession(ctx context.Context, x stores.Session, a stores.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		if err := tx.changed(stores.ErrStaffNotFound, qStaffSeen, int64(x.Staff), ms(x.CreatedAt)); err != nil {
			return err
		}
		if _, err := tx.exec(qInsertStaffSession, x.Hash, int64(x.Staff), x.CSRF, ms(x.CreatedAt), ms(x.ExpiresAt), x.IP, x.Agent); err != nil {
			return err
		}
		return note(tx, a, "staff", x.Staff.String())
	})
}

// StaffSession implements stores.Store.
func (d *DB) StaffSession(ctx context.Context, hash []byte, now time.Time) (x stores.Session, m stores.Staff, p stores.Place, err error) {
	targets := []any{&x.Hash, &x.Staff, &x.CSRF, (*instant)(&x.CreatedAt), (*instant)(&x.ExpiresAt), &x.IP, &x.Agent}
	targets = append(append(targets, staffTargets(&m)...), placeTargets(&p)...)
	err = d.row(ctx, qStaffSession, hash, ms(now)).Scan(targets...)
	return x, m, p, none(err, stores.ErrNoSession)
}

// CountStaffSessions implements stores.Store.
func (d *DB) CountStaffSessions(ctx context.Context, id stores.StaffID, now time.Time) (n int, err error) {
	err = d.row(ctx, qCountStaffSessions, int64(id), ms(now)).Scan(&n)
	return n, err
}

// EndStaffSession implements stores.Store.
func (d *DB) EndStaffSession(ctx context.Context, hash []byte) error {
	return d.change(ctx, nil, qDropStaffSession, hash)
}

// DeleteExpiredStaff implements stores.Store.
func (d *DB) DeleteExpiredStaff(ctx context.Context, now time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(qDropOldStaffSessions, ms(now)); err != nil {
			return err
		}
		_, err := tx.exec(qDropOldBinds, ms(now))
		return err
	})
}

// PutBind implements stores.Store.
func (d *DB) PutBind(ctx context.Context, id stores.StaffID, hash []byte, until time.Time, a stores.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		if _, err := scanStaff(tx.row(qStaff, int64(id))); err != nil {
			return err
		}
		if _, err := tx.exec(qPutBind, int64(id), hash, ms(until)); err != nil {
			return err
		}
		return note(tx, a, "staff", id.String())
	})
}

// BindOf implements stores.Store.
func (d *DB) BindOf(ctx context.Context, hash []byte, now time.Time) (m stores.Staff, p stores.Place, err error) {
	err = d.row(ctx, qBindOf, hash, ms(now)).Scan(append(staffTargets(&m), placeTargets(&p)...)...)
	return m, p, none(err, stores.ErrBindUsed)
}

// Bind implements stores.Store.
func (d *DB) Bind(ctx context.Context, hash []byte, visitor stores.VisitorID, a stores.Audit) (m stores.Staff, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		var id int64
		if err := tx.row(qTakeBind, hash, ms(a.At)).Scan(&id); err != nil {
			return none(err, stores.ErrBindUsed)
		}
		err := tx.changed(stores.ErrBindUsed, qSetStaffVisitor, id, int64(visitor))
		if isDuplicate(err) {
			return stores.ErrVisitorBound.Because(err)
		}
		if err != nil {
			return err
		}
		if m, err = scanStaff(tx.row(qStaff, id)); err != nil {
			return err
		}
		a.Actor.Staff, a.Actor.Name = m.ID, m.Name
		return note(tx, a, "staff", m.ID.String())
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = stores.ErrBindUsed
	}
	return m, err
}
