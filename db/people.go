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
	personColumns = `p.id, p.login, p.name, p.role, p.password_hash, p.language, p.disabled, p.created_at, p.last_seen_at`

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

	qInsertSession = `INSERT INTO sessions (id, person_id, csrf, ip, agent, created_at, seen_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

	qSessionByID = `SELECT s.id, s.person_id, s.csrf, s.ip, s.agent, s.created_at, s.seen_at, s.expires_at, ` + personColumns + `
FROM sessions s JOIN people p ON p.id = s.person_id
WHERE s.id = $1`

	qTouchSession    = `UPDATE sessions SET seen_at = $2 WHERE id = $1 RETURNING person_id`
	qDropSession     = `DELETE FROM sessions WHERE id = $1`
	qDropSessionsOf  = `DELETE FROM sessions WHERE person_id = $1`
	qDropOneTimesOf  = `DELETE FROM one_time_tokens WHERE person_id = $1`
	qDropOldSessions = `DELETE FROM sessions WHERE expires_at <= $1 OR seen_at <= $2`
	qDropOldOneTimes = `DELETE FROM one_time_tokens WHERE expires_at <= $1`
	qInsertOneTime   = `INSERT INTO one_time_tokens (hash, purpose, person_id, expires_at) VALUES ($1, $2, $3, $4)`
	qTakeOneTime     = `DELETE FROM one_time_tokens WHERE hash = $1 AND purpose = $2 AND expires_at > $3 RETURNING person_id, expires_at`
)

func personTargets(p *people.Person) []any {
	return []any{&p.ID, &p.Login, &p.Name, &p.Role, &p.PasswordHash, &p.Language, &p.Disabled, (*instant)(&p.CreatedAt), (*instant)(&p.LastSeenAt)}
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
func (d *DB) SetPassword(ctx context.Context, id people.ID, hash string, _ time.Time) error {
	return d.change(ctx, people.ErrPersonNotFound, qSetPassword, string(id), hash)
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
	err := d.row(ctx, qSessionByID, hash).Scan(append([]any{
		&s.ID, &s.Person, &s.CSRF, &s.IP, &s.Agent, (*instant)(&s.CreatedAt), (*instant)(&s.SeenAt), (*instant)(&s.ExpiresAt),
	}, personTargets(&p)...)...)
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

// DeleteSessionsOf implements people.Store.
func (d *DB) DeleteSessionsOf(ctx context.Context, id people.ID) error {
	return d.Write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(qDropSessionsOf, string(id)); err != nil {
			return err
		}
		_, err := tx.exec(qDropOneTimesOf, string(id))
		return err
	})
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
