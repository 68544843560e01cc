package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"kaquan/fault"
	"kaquan/wechat"
)

// maxFiles bounds the verification files; a company has a handful of domains.
const maxFiles = 50

// ErrTooManyFiles says that old verification files must go before new ones can come.
var ErrTooManyFiles = fault.New(fault.Invalid, "files.error.many", "max", maxFiles).On("file")

const (
	fileColumns = `name, content, added_by, added_at, served_at`

	qCountFiles = `SELECT count(*) FROM verify_files WHERE name <> $1`
	qSaveFile   = `INSERT INTO verify_files (name, content, added_by, added_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET content = excluded.content, added_by = excluded.added_by, added_at = excluded.added_at, served_at = 0`
	qFiles      = `SELECT ` + fileColumns + ` FROM verify_files ORDER BY added_at DESC, name`
	qFile       = `SELECT ` + fileColumns + ` FROM verify_files WHERE name = $1`
	qDropFile   = `DELETE FROM verify_files WHERE name = $1`
	qFileServed = `UPDATE verify_files SET served_at = $2 WHERE name = $1`
)

// SaveVerifyFile keeps a verification file, over one of the same name.
func (d *DB) SaveVerifyFile(ctx context.Context, f wechat.VerifyFile) error {
	return d.Write(ctx, func(tx *Tx) error {
		var others int
		if err := tx.row(qCountFiles, f.Name).Scan(&others); err != nil {
			return fmt.Errorf("count files: %w", err)
		}
		if others >= maxFiles {
			return ErrTooManyFiles
		}
		_, err := tx.exec(qSaveFile, f.Name, f.Content, f.AddedBy, ms(f.AddedAt))
		return err
	})
}

// VerifyFiles lists the verification files, the newest first.
func (d *DB) VerifyFiles(ctx context.Context) ([]wechat.VerifyFile, error) {
	rows, err := d.rows(ctx, qFiles)
	return collect(rows, err, scanFile)
}

// VerifyFile finds a file by its exact name; found is false when there is none.
func (d *DB) VerifyFile(ctx context.Context, name string) (f wechat.VerifyFile, found bool, err error) {
	f, err = scanFile(d.row(ctx, qFile, name))
	if errors.Is(err, sql.ErrNoRows) {
		return f, false, nil
	}
	return f, err == nil, err
}

// DeleteVerifyFile forgets a file. A repeat is safe.
func (d *DB) DeleteVerifyFile(ctx context.Context, name string) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qDropFile, name)
		return err
	})
}

// VerifyFileServed notes that somebody asked for the file.
func (d *DB) VerifyFileServed(ctx context.Context, name string, now time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qFileServed, name, ms(now))
		return err
	})
}

func scanFile(row scanner) (wechat.VerifyFile, error) {
	var f wechat.VerifyFile
	err := row.Scan(&f.Name, &f.Content, &f.AddedBy, (*instant)(&f.AddedAt), (*instant)(&f.ServedAt))
	return f, err
}
