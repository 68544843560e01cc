package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kaquan/campaigns"
)

const (
	exportColumns = `id, account_id, kind, format, state, owner_kind, owner_id, owner_name, reason, filter, masked, created_at, updated_at, done_at,
expires_at, rows, total, size, sha256, taken`

	qInsertExport = `INSERT INTO export_jobs (` + exportColumns + `)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`

	qOpenExports = `SELECT COUNT(*) FROM export_jobs WHERE state IN ('waiting', 'working') AND owner_kind = $1 AND owner_id = $2`

	qExport        = `SELECT ` + exportColumns + ` FROM export_jobs WHERE id = $1`
	qRecentExports = `SELECT ` + exportColumns + ` FROM export_jobs ORDER BY created_at DESC LIMIT $1`

	qSaveExport = `UPDATE export_jobs SET state = $2, updated_at = $3, done_at = $4, expires_at = $5, rows = $6, total = $7, size = $8, sha256 = $9
WHERE id = $1 AND state IN ('waiting', 'working')`

	qCountExport = `UPDATE export_jobs SET taken = taken + 1 WHERE id = $1`

	qFailExports = `UPDATE export_jobs SET state = 'failed', done_at = $2
WHERE state IN ('waiting', 'working') AND updated_at < $1
RETURNING ` + exportColumns

	qExpireExports = `UPDATE export_jobs SET state = 'expired'
WHERE state = 'ready' AND expires_at <= $1
RETURNING ` + exportColumns
)

func scanExport(row scanner) (e campaigns.Export, err error) {
	var filter string
	err = row.Scan(&e.ID, &e.Account, &e.Kind, &e.Format, &e.State, &e.Owner.Kind, &e.Owner.ID, &e.Owner.Name, &e.Reason, &filter, &e.Masked,
		(*instant)(&e.CreatedAt), (*instant)(&e.UpdatedAt), (*instant)(&e.DoneAt), (*instant)(&e.ExpiresAt), &e.Rows, &e.Total, &e.Size, &e.SHA256, &e.Taken)
	if errors.Is(err, sql.ErrNoRows) {
		return e, campaigns.ErrNoExport
	}
	if err == nil {
		err = json.Unmarshal([]byte(filter), &e.Filter)
	}
	if err != nil {
		return e, fmt.Errorf("read export: %w", err)
	}
	return e, nil
}

// CreateExport implements campaigns.Exports.
func (d *DB) CreateExport(ctx context.Context, e campaigns.Export, limit int) error {
	return d.Write(ctx, func(tx *Tx) error {
		var open int
		if err := tx.row(qOpenExports, e.Owner.Kind, e.Owner.ID).Scan(&open); err != nil {
			return err
		}
		if open >= limit {
			return campaigns.ErrExportMany
		}
		_, err := tx.exec(qInsertExport, e.ID, string(e.Account), string(e.Kind), string(e.Format), string(e.State), e.Owner.Kind, e.Owner.ID, e.Owner.Name,
			e.Reason, jsonText(e.Filter), e.Masked, ms(e.CreatedAt), ms(e.UpdatedAt), ms(e.DoneAt), ms(e.ExpiresAt), e.Rows, e.Total, e.Size, e.SHA256, e.Taken)
		return err
	})
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
		_, err := tx.exec(qSaveExport, e.ID, string(e.State), ms(e.UpdatedAt), ms(e.DoneAt), ms(e.ExpiresAt), e.Rows, e.Total, e.Size, e.SHA256)
		return err
	})
}

// CountExport implements campaigns.Exports.
func (d *DB) CountExport(ctx context.Context, id string) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qCountExport, id)
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
