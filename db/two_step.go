package db

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"kaquan/people"
)

const (
	qTwoStep = `SELECT t.secret, t.started_at, t.confirmed_at, t.last_step,
  (SELECT COUNT(*) FROM recovery_codes c WHERE c.person_id = t.person_id)
FROM two_steps t WHERE t.person_id = $1`

	qStartTwoStep = `INSERT INTO two_steps (person_id, secret, started_at) VALUES ($1, $2, $3)
ON CONFLICT (person_id) DO UPDATE SET secret = excluded.secret, started_at = excluded.started_at, last_step = 0
WHERE two_steps.confirmed_at = 0`

	qConfirmTwoStep = `UPDATE two_steps SET confirmed_at = $3, last_step = $4 WHERE person_id = $1 AND started_at = $2 AND confirmed_at = 0`
	qTakeStep       = `UPDATE two_steps SET last_step = $2 WHERE person_id = $1 AND confirmed_at > 0 AND last_step < $2`
	qDropTwoStep    = `DELETE FROM two_steps WHERE person_id = $1`

	qInsertRecovery = `INSERT INTO recovery_codes (person_id, hash) VALUES ($1, $2)`
	qTakeRecovery   = `DELETE FROM recovery_codes WHERE person_id = $1 AND hash = $2`
	qDropRecovery   = `DELETE FROM recovery_codes WHERE person_id = $1`
)

// sealTwoStep names the secret of one person, so that it opens for nobody else.
func sealTwoStep(id people.ID) string { return "two-step:" + string(id) }

// TwoStep implements people.Store.
func (d *DB) TwoStep(ctx context.Context, id people.ID) (t people.TwoStep, err error) {
	var sealed []byte
	err = d.row(ctx, qTwoStep, string(id)).Scan(&sealed, (*instant)(&t.StartedAt), (*instant)(&t.ConfirmedAt), &t.LastStep, &t.Recovery)
	if errors.Is(err, sql.ErrNoRows) {
		return people.TwoStep{}, nil
	}
	if err != nil {
		return people.TwoStep{}, err
	}
	t.Secret, err = d.seal.open(sealTwoStep(id), sealed)
	return t, err
}

// StartTwoStep implements people.Store.
func (d *DB) StartTwoStep(ctx context.Context, id people.ID, secret string, now time.Time) error {
	return d.change(ctx, people.ErrTwoStepOn, qStartTwoStep, string(id), d.seal.seal(sealTwoStep(id), secret), ms(now))
}

// ConfirmTwoStep implements people.Store.
func (d *DB) ConfirmTwoStep(ctx context.Context, id people.ID, started, now time.Time, step int64, recovery [][]byte) error {
	return d.Write(ctx, func(tx *Tx) error {
		if err := tx.changed(people.ErrTwoStepOn, qConfirmTwoStep, string(id), ms(started), ms(now), step); err != nil {
			return err
		}
		if _, err := tx.exec(qDropRecovery, string(id)); err != nil {
			return err
		}
		for _, hash := range recovery {
			if _, err := tx.exec(qInsertRecovery, string(id), hash); err != nil {
				return err
			}
		}
		return nil
	})
}

// TakeStep implements people.Store.
func (d *DB) TakeStep(ctx context.Context, id people.ID, step int64) error {
	return d.change(ctx, people.ErrCode, qTakeStep, string(id), step)
}

// TakeRecoveryCode implements people.Store.
func (d *DB) TakeRecoveryCode(ctx context.Context, id people.ID, hash []byte) error {
	return d.change(ctx, people.ErrCode, qTakeRecovery, string(id), hash)
}

// DropTwoStep implements people.Store.
func (d *DB) DropTwoStep(ctx context.Context, id people.ID) error {
	return d.Write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(qDropRecovery, string(id)); err != nil {
			return err
		}
		_, err := tx.exec(qDropTwoStep, string(id))
		return err
	})
}
