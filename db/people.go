package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"kaquan/people"
)

var _ people.Store = (*DB)(nil)

const (
	personColumns = `p.id, p.login, p.name, p.role, p.password_hash, p.language, p.disabled, p.created_at, p.last_seen_at,
  EXISTS (SELECT 1 FROM two_steps t WHERE t.person_id = p.id AND t.confirmed_at > 0)`

	qInsertPerson = `INSERT INTO people (id, login, name, role, password_hash, language, disabled, created_at, last_seen_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

	qInsertFirstPerson = `INSERT INTO people (id, login, name, role, password_hash, language, disabled, created_at, last_seen_at)
SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS TEXT),
  CAST($7 AS INTEGER), CAST($8 AS BIGINT), CAST($9 AS BIGINT)
WHERE NOT EXISTS (SELECT 1 FROM people)`

	qPersonByLogin = `SELECT ` + personColumns + ` FROM people p WHERE p.login = $1`
	qPersonByID    = `SELECT ` + personColumns + ` FROM people p WHERE p.id = $1`
	qListPeople    = `SELECT ` + personColumns + ` FROM people p ORDER BY p.created_at, p.id`
	qCountPeople   = `SELECT COUNT(*) FROM people`
	qSetPassword   = `UPDATE people SET password_hash = $2 WHERE id = $1`
	qRehash        = `UPDATE people SET password_hash = $3 WHERE id = $1 AND password_hash = $2`
	qPersonSeen    = `UPDATE people SET last_seen_at = $2 WHERE id = $1`

	// Somebody else who owns the place and can sign in; $1 is the one who is about to stop.
	otherOwner = `EXISTS (SELECT 1 FROM people o WHERE o.role = 'owner' AND o.disabled = 0 AND o.password_hash <> '' AND o.id <> $1)`

	qSetName = `UPDATE people SET name = $2 WHERE id = $1`
	qSetRole = `UPDATE people SET role = $2
WHERE id = $1 AND (role <> 'owner' OR $2 = 'owner' OR disabled = 1 OR password_hash = '' OR ` + otherOwner + `)`
	qDisablePerson = `UPDATE people SET disabled = 1
WHERE id = $1 AND (role <> 'owner' OR disabled = 1 OR password_hash = '' OR ` + otherOwner + `)`
	qEnablePerson   = `UPDATE people SET disabled = 0 WHERE id = $1`
	qDropInvitation = `DELETE FROM people WHERE id = $1 AND password_hash = '' AND last_seen_at = 0`

	qInsertSession = `INSERT INTO sessions (id, person_id, csrf, ip, agent, created_at, seen_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

	sessionColumns = `s.id, s.person_id, s.csrf, s.ip, s.agent, s.created_at, s.seen_at, s.expires_at`

	qSessionByID = `SELECT ` + sessionColumns + `, ` + personColumns + `
FROM sessions s JOIN people p ON p.id = s.person_id
WHERE s.id = $1`

	qListSessions = `SELECT ` + sessionColumns + ` FROM sessions s
WHERE (s.person_id = $1 OR $1 = '') AND s.expires_at > $2 AND s.seen_at > $3
ORDER BY s.seen_at DESC, s.created_at DESC, s.id`

	qTouchSession    = `UPDATE sessions SET seen_at = $2 WHERE id = $1 RETURNING person_id`
	qDropSession     = `DELETE FROM sessions WHERE id = $1`
	qDropSessionsOf  = `DELETE FROM sessions WHERE person_id = $1 AND id IS NOT $2`
	qDropOneTimesOf  = `DELETE FROM one_time_tokens WHERE person_id = $1`
	qDropSignInsOf   = `DELETE FROM one_time_tokens WHERE person_id = $1 AND purpose IN ('login', 'second')`
	qDropOneTimesFor = `DELETE FROM one_time_tokens WHERE person_id = $1 AND purpose = $2`
	qDropOldSessions = `DELETE FROM sessions WHERE expires_at <= $1 OR seen_at <= $2`
	qDropOldOneTimes = `DELETE FROM one_time_tokens WHERE expires_at <= $1`
	qInsertOneTime   = `INSERT INTO one_time_tokens (hash, purpose, person_id, expires_at) VALUES ($1, $2, $3, $4)`
	qFindOneTime     = `SELECT person_id, expires_at FROM one_time_tokens WHERE hash = $1 AND purpose = $2 AND expires_at > $3`
	qListOneTimes    = `SELECT person_id, expires_at FROM one_time_tokens WHERE purpose = $1 AND expires_at > $2`
	qTakeOneTime     = `DELETE FROM one_time_tokens WHERE hash = $1 AND purpose = $2 AND expires_at > $3 RETURNING person_id, expires_at`
)

func personTargets(p *people.Person) []any {
	return []any{&p.ID, &p.Login, &p.Name, &p.Role, &p.PasswordHash, &p.Language, &p.Disabled, (*instant)(&p.CreatedAt), (*instant)(&p.LastSeenAt), &p.TwoStep}
}

func sessionTargets(s *people.Session) []any {
	return []any{&s.ID, &s.Person, &s.CSRF, &s.IP, &s.Agent, (*instant)(&s.CreatedAt), (*instant)(&s.SeenAt), (*instant)(&s.ExpiresAt)}
}

func scanPerson(row scanner) (people.Person, error) {
	var p people.Person
	err := row.Scan(personTargets(&p)...)
	if errors.Is(err, sql.ErrNoRows) {
		return p, people.ErrPersonNotFound
	}
	return p, err
}

func personArgs(p people.Person) []any {
	return []any{string(p.ID), p.Login, p.Name, string(p.Role), p.PasswordHash, p.Language, p.Disabled, ms(p.CreatedAt), ms(p.LastSeenAt)}
}

// change runs one statement and, when notFound is given, returns it for no changed row.
func (d *DB) change(ctx context.Context, notFound error, query string, args ...any) error {
	return d.Write(ctx, func(tx *Tx) error {
		n, err := tx.exec(query, args...)
		if err == nil && n == 0 {
			return notFound
		}
		return err
	})
}

// CreateFirstPerson implements people.Store.
func (d *DB) CreateFirstPerson(ctx context.Context, p people.Person) error {
	return d.change(ctx, people.ErrSetupDone, qInsertFirstPerson, personArgs(p)...)
}

// CreatePerson implements people.Store.
func (d *DB) CreatePerson(ctx context.Context, p people.Person) error {
	err := d.change(ctx, nil, qInsertPerson, personArgs(p)...)
	if isDuplicate(err) {
		return people.ErrLoginTaken.Because(err)
	}
	return err
}

// PersonByLogin implements people.Store.
func (d *DB) PersonByLogin(ctx context.Context, login string) (people.Person, error) {
	return scanPerson(d.row(ctx, qPersonByLogin, login))
}

// PersonByID implements people.Store.
func (d *DB) PersonByID(ctx context.Context, id people.ID) (people.Person, error) {
	return scanPerson(d.row(ctx, qPersonByID, string(id)))
}

// ListPeople implements people.Store.
func (d *DB) ListPeople(ctx context.Context) ([]people.Person, error) {
	rows, err := d.rows(ctx, qListPeople)
	return collect(rows, err, scanPerson)
}

// CountPeople implements people.Store.
func (d *DB) CountPeople(ctx context.Context) (int, error) {
	var n int
	err := d.row(ctx, qCountPeople).Scan(&n)
	return n, err
}

// SetPassword implements people.Store.
func (d *DB) SetPassword(ctx context.Context, id people.ID, hash string, keep []byte) error {
	return d.Write(ctx, func(tx *Tx) error {
		if err := tx.changed(people.ErrPersonNotFound, qSetPassword, string(id), hash); err != nil {
			return err
		}
		return tx.shutOut(id, keep, qDropOneTimesOf)
	})
}

// shutOut ends the sessions of a person but one, and the tokens that the statement drops.
func (tx *Tx) shutOut(id people.ID, keep []byte, oneTimes string) error {
	if _, err := tx.exec(qDropSessionsOf, string(id), keep); err != nil {
		return err
	}
	_, err := tx.exec(oneTimes, string(id))
	return err
}

// SetName implements people.Store.
func (d *DB) SetName(ctx context.Context, id people.ID, name string) error {
	return d.change(ctx, people.ErrPersonNotFound, qSetName, string(id), name)
}

// SetRole implements people.Store.
func (d *DB) SetRole(ctx context.Context, id people.ID, role people.Role) error {
	return d.Write(ctx, func(tx *Tx) error { return tx.guardOwner(qSetRole, string(id), string(role)) })
}

// SetDisabled implements people.Store.
func (d *DB) SetDisabled(ctx context.Context, id people.ID, off bool) error {
	return d.Write(ctx, func(tx *Tx) error {
		if !off {
			return tx.changed(people.ErrPersonNotFound, qEnablePerson, string(id))
		}
		if err := tx.guardOwner(qDisablePerson, string(id)); err != nil {
			return err
		}
		return tx.shutOut(id, nil, qDropOneTimesOf)
	})
}

// guardOwner runs a statement that changes nobody when the place would be without an owner;
// its first argument is the person.
func (tx *Tx) guardOwner(query, id string, args ...any) error {
	n, err := tx.exec(query, append([]any{id}, args...)...)
	if err != nil || n > 0 {
		return err
	}
	if _, err := scanPerson(tx.row(qPersonByID, id)); err != nil {
		return err
	}
	return people.ErrLastOwner
}

// DropInvitation implements people.Store.
func (d *DB) DropInvitation(ctx context.Context, id people.ID) error {
	return d.Write(ctx, func(tx *Tx) error {
		if err := tx.changed(people.ErrInvitationUsed, qDropInvitation, string(id)); err != nil {
			return err
		}
		_, err := tx.exec(qDropOneTimesOf, string(id))
		return err
	})
}

// Rehash implements people.Store.
func (d *DB) Rehash(ctx context.Context, id people.ID, old, hash string) error {
	return d.change(ctx, nil, qRehash, string(id), old, hash)
}

// CreateSession implements people.Store.
func (d *DB) CreateSession(ctx context.Context, s people.Session) error {
	return d.Write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(qInsertSession, s.ID, string(s.Person), s.CSRF, s.IP, s.Agent, ms(s.CreatedAt), ms(s.SeenAt), ms(s.ExpiresAt)); err != nil {
			return err
		}
		_, err := tx.exec(qPersonSeen, string(s.Person), ms(s.CreatedAt))
		return err
	})
}

// SessionByID implements people.Store.
func (d *DB) SessionByID(ctx context.Context, hash []byte) (people.Session, people.Person, error) {
	var (
		s people.Session
		p people.Person
	)
	err := d.row(ctx, qSessionByID, hash).Scan(append(sessionTargets(&s), personTargets(&p)...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return s, p, people.ErrNoSession
	}
	if err != nil {
		return s, p, fmt.Errorf("read session: %w", err)
	}
	return s, p, nil
}

// TouchSession implements people.Store.
func (d *DB) TouchSession(ctx context.Context, hash []byte, now time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		var person string
		err := tx.row(qTouchSession, hash, ms(now)).Scan(&person)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = tx.exec(qPersonSeen, person, ms(now))
		return err
	})
}

// DeleteSession implements people.Store.
func (d *DB) DeleteSession(ctx context.Context, hash []byte) error {
	return d.change(ctx, nil, qDropSession, hash)
}

// ListSessions implements people.Store.
func (d *DB) ListSessions(ctx context.Context, id people.ID, now time.Time) ([]people.Session, error) {
	rows, err := d.rows(ctx, qListSessions, string(id), ms(now), ms(now.Add(-people.IdleLife)))
	return collect(rows, err, func(row scanner) (s people.Session, err error) {
		return s, row.Scan(sessionTargets(&s)...)
	})
}

// DeleteSessionsOf implements people.Store.
func (d *DB) DeleteSessionsOf(ctx context.Context, id people.ID, keep []byte) error {
	return d.Write(ctx, func(tx *Tx) error { return tx.shutOut(id, keep, qDropSignInsOf) })
}

// DeleteExpiredSessions implements people.Store.
func (d *DB) DeleteExpiredSessions(ctx context.Context, now time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(qDropOldSessions, ms(now), ms(now.Add(-people.IdleLife))); err != nil {
			return err
		}
		_, err := tx.exec(qDropOldOneTimes, ms(now))
		return err
	})
}

// PutOneTime implements people.Store.
func (d *DB) PutOneTime(ctx context.Context, t people.OneTime) error {
	return d.change(ctx, nil, qInsertOneTime, t.Hash, t.Purpose, string(t.Person), ms(t.ExpiresAt))
}

// ReplaceOneTime implements people.Store.
func (d *DB) ReplaceOneTime(ctx context.Context, t people.OneTime) error {
	return d.Write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(qDropOneTimesFor, string(t.Person), t.Purpose); err != nil {
			return err
		}
		_, err := tx.exec(qInsertOneTime, t.Hash, t.Purpose, string(t.Person), ms(t.ExpiresAt))
		return err
	})
}

// FindOneTime implements people.Store.
func (d *DB) FindOneTime(ctx context.Context, hash []byte, purpose string, now time.Time) (people.OneTime, error) {
	t := people.OneTime{Hash: hash, Purpose: purpose}
	err := d.row(ctx, qFindOneTime, hash, purpose, ms(now)).Scan(&t.Person, (*instant)(&t.ExpiresAt))
	if errors.Is(err, sql.ErrNoRows) {
		return people.OneTime{}, people.ErrOneTimeUsed
	}
	return t, err
}

// ListOneTimes implements people.Store.
func (d *DB) ListOneTimes(ctx context.Context, purpose string, now time.Time) ([]people.OneTime, error) {
	rows, err := d.rows(ctx, qListOneTimes, purpose, ms(now))
	return collect(rows, err, func(row scanner) (people.OneTime, error) {
		t := people.OneTime{Purpose: purpose}
		return t, row.Scan(&t.Person, (*instant)(&t.ExpiresAt))
	})
}

// TakeOneTime implements people.Store.
func (d *DB) TakeOneTime(ctx context.Context, hash []byte, purpose string, now time.Time) (people.OneTime, error) {
	t := people.OneTime{Hash: hash, Purpose: purpose}
	err := d.Write(ctx, func(tx *Tx) error {
		return tx.row(qTakeOneTime, hash, purpose, ms(now)).Scan(&t.Person, (*instant)(&t.ExpiresAt))
	})
	if errors.Is(err, sql.ErrNoRows) {
		return people.OneTime{}, people.ErrOneTimeUsed
	}
	return t, err
}

// Audit implements people.Store.
func (d *DB) Audit(ctx context.Context, e people.AuditEntry) error {
	return d.change(ctx, nil, qAudit, e.ID, ms(e.At), string(e.Actor), e.ActorName, e.Action, e.ObjectKind, e.ObjectID, e.Detail, e.IP)
}
