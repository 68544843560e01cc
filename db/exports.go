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
)

const (
	exportColumns = `id, account_id, kind, format, state, owner_kind, owner_id, owner_name, reason, filter, columns, masked, life,
created_at, started_at, updated_at, done_at, expires_at, rows, total, size, sha256, problem, retried, taken, taken_by, taken_at`

	qInsertExport = `INSERT INTO export_jobs (id, account_id, kind, format, state, owner_kind, owner_id, owner_name, reason, filter, columns, masked, life,
created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`

	qCountOpenExports = `SELECT COUNT(*) FROM export_jobs WHERE owner_kind = $1 AND owner_id = $2 AND state IN ('waiting', 'working')`

	qOpenExports = `SELECT ` + exportColumns + ` FROM export_jobs
WHERE owner_kind = $1 AND owner_id = $2 AND state IN ('waiting', 'working') ORDER BY created_at`

	qRetryExport = `UPDATE export_jobs SET retried = 1 WHERE id = $1 AND state IN ('failed', 'cancelled') AND retried = 0`

	qCancelExport = `UPDATE export_jobs SET state = 'cancelled', done_at = $2 WHERE id = $1 AND state IN ('waiting', 'working')`

	qExport        = `SELECT ` + exportColumns + ` FROM export_jobs WHERE id = $1`
	qRecentExports = `SELECT ` + exportColumns + ` FROM export_jobs ORDER BY created_at DESC LIMIT $1`

	qSaveExport = `UPDATE export_jobs SET state = $2, updated_at = $3, done_at = $4, expires_at = $5, rows = $6, total = $7, size = $8, sha256 = $9,
started_at = $10, problem = $11
WHERE id = $1 AND state IN ('waiting', 'working')`

	qCountExport = `UPDATE export_jobs SET taken = taken + 1, taken_by = $2, taken_at = $3 WHERE id = $1`

	qFailExports = `UPDATE export_jobs SET state = 'failed', problem = 'stopped', done_at = $2
WHERE state IN ('waiting', 'working') AND updated_at < $1
RETURNING ` + exportColumns

	qExpireExports = `UPDATE export_jobs SET state = 'expired'
WHERE state = 'ready' AND expires_at <= $1
RETURNING ` + exportColumns
)

func scanExport(row scanner) (e campaigns.Export, err error) {
	var filter, columns string
	var life int64
	err = row.Scan(&e.ID, &e.Account, &e.Kind, &e.Format, &e.State, &e.Owner.Kind, &e.Owner.ID, &e.Owner.Name, &e.Reason, &filter, &columns, &e.Masked, &life,
		(*instant)(&e.CreatedAt), (*instant)(&e.StartedAt), (*instant)(&e.UpdatedAt), (*instant)(&e.DoneAt), (*instant)(&e.ExpiresAt),
		&e.Rows, &e.Total, &e.Size, &e.SHA256, &e.Problem, &e.Retried, &e.Taken, &e.TakenBy, (*instant)(&e.TakenAt))
	if errors.Is(err, sql.ErrNoRows) {
		return e, campaigns.ErrNoExport
	}
	if err == nil {
		err = json.Unmarshal([]byte(filter), &e.Filter)
	}
	if err != nil {
		return e, fmt.Errorf("read export: %w", err)
	}
	e.Life = time.Duration(life) * time.Millisecond
	if columns != "" {
		e.Columns = strings.Fields(columns)
	}
	return e, nil
}

// CreateExport implements campaigns.Exports.
func (d *DB) CreateExport(ctx context.Context, e campaigns.Export, limit int) error {
	return d.Write(ctx, func(tx *Tx) error { return insertExport(tx, &e, limit) })
}

func insertExport(tx *Tx, e *campaigns.Export, limit int) error {
	var open int
	if err := tx.row(qCountOpenExports, e.Owner.Kind, e.Owner.ID).Scan(&open); err != nil {
		return err
	}
	if open >= limit {
		return campaigns.ErrExportMany
	}
	_, err := tx.exec(qInsertExport, e.ID, string(e.Account), string(e.Kind), string(e.Format), string(e.State), e.Owner.Kind, e.Owner.ID, e.Owner.Name,
		e.Reason, jsonText(e.Filter), strings.Join(e.Columns, " "), e.Masked, e.Life.Milliseconds(), ms(e.CreatedAt), ms(e.UpdatedAt))
	return err
}

// RetryExport implements campaigns.Exports.
func (d *DB) RetryExport(ctx context.Context, old string, e campaigns.Export, limit int) error {
	return d.Write(ctx, func(tx *Tx) error {
		n, err := tx.exec(qRetryExport, old)
		if err == nil && n == 0 {
			err = campaigns.ErrExportOver
		}
		if err != nil {
			return err
		}
		return insertExport(tx, &e, limit)
	})
}

// CancelExport implements campaigns.Exports.
func (d *DB) CancelExport(ctx context.Context, id string, now time.Time) (e campaigns.Export, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(qCancelExport, id, ms(now)); err != nil {
			return err
		}
		e, err = scanExport(tx.row(qExport, id))
		if err == nil && e.State != campaigns.ExportCancelled {
			err = campaigns.ErrExportOver
		}
		return err
	})
	return e, err
}

// OpenExports implements campaigns.Exports.
func (d *DB) OpenExports(ctx context.Context, owner campaigns.ExportOwner) ([]campaigns.Export, error) {
	rows, err := d.rows(ctx, qOpenExports, owner.Kind, owner.ID)
	return collect(rows, err, scanExport)
}

// ExportByID implements campaigns.Exports.
func (d *DB) ExportByID(ctx context.Context, id string) (campaigns.Export, error) {
	return scanExport(d.row(ctx, qExport, id))
}

// RecentExports implements campaigns.Exports.
func (d *DB) RecentExports(ctx context.Context, limit int) ([]campaigns.Export, error) {
	rows, err := d.rows(ctx, qRecentExports, limit)
	return collect(rows, err, scanExport)
}

// SaveExport implements campaigns.Exports.
func (d *DB) SaveExport(ctx context.Context, e campaigns.Export) error {
	return d.Write(ctx, func(tx *Tx) error {
		n, err := tx.exec(qSaveExport, e.ID, string(e.State), ms(e.UpdatedAt), ms(e.DoneAt), ms(e.ExpiresAt), e.Rows, e.Total, e.Size, e.SHA256,
			ms(e.StartedAt), string(e.Problem))
		if err == nil && n == 0 {
			err = campaigns.ErrExportOver
		}
		return err
	})
}

// CountExport implements campaigns.Exports.
func (d *DB) CountExport(ctx context.Context, id, by string, now time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qCountExport, id, by, ms(now))
		return err
	})
}

// EndExports implements campaigns.Exports.
func (d *DB) EndExports(ctx context.Context, silent, now time.Time) (ended []campaigns.Export, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		rows, err := tx.rows(qFailExports, ms(silent), ms(now))
		failed, err := collect(rows, err, scanExport)
		if err != nil {
			return err
		}
		rows, err = tx.rows(qExpireExports, ms(now))
		expired, err := collect(rows, err, scanExport)
		ended = append(failed, expired...)
		return err
	})
	return ended, err
}
