package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Backup writes a whole and consistent copy of the database to path while everybody goes
// on working. The file must not exist; a copy that was cut off is removed.
func (d *DB) Backup(ctx context.Context, path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("backup: %s: %w", filepath.Base(path), fs.ErrExist), err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	// Written under another name: whoever finds the file finds all of it.
	part := path + ".part"
	_ = os.Remove(part)
	pool, err := openPool(d.path, url.Values{"_pragma": {"busy_timeout(10000)"}}, 1)
	if err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, `VACUUM INTO '`+strings.ReplaceAll(part, "'", "''")+`'`)
	err = errors.Join(err, pool.Close())
	if err == nil {
		err = os.Chmod(part, 0o600)
	}
	if err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("backup: %w", err), ignoreMissing(os.Remove(part)))
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// CheckCopy reports whether a file is a sound database of this program: SQLite finds no
// damage in it, and its schema is not newer than this program's. It changes nothing.
func CheckCopy(ctx context.Context, path string) (version int64, err error) {
	if _, err := os.Stat(path); err != nil {
		return 0, err
	}
	pool, err := openPool(path, url.Values{"mode": {"ro"}, "_pragma": {"query_only(1)"}}, 1)
	if err != nil {
		return 0, err
	}
	defer func() { _ = pool.Close() }()
	var verdict string
	if err := pool.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&verdict); err != nil {
		return 0, fmt.Errorf("%s is not a database: %w", filepath.Base(path), err)
	}
	if verdict != "ok" {
		return 0, fmt.Errorf("%s is damaged: %s", filepath.Base(path), verdict)
	}
	err = pool.QueryRowContext(ctx, `SELECT MAX(version_id) FROM goose_db_version WHERE is_applied = 1`).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) || err != nil {
		return 0, fmt.Errorf("%s is not a database of Kaquan", filepath.Base(path))
	}
	newest, err := newestSchema()
	if err == nil && version > newest {
		err = fmt.Errorf("%s has schema version %d, this program knows up to %d: use the newer program", filepath.Base(path), version, newest)
	}
	return version, err
}

// newestSchema is the version of the last migration.
func newestSchema() (newest int64, err error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	for _, name := range names {
		var n int64
		if _, err := fmt.Sscanf(filepath.Base(name), "%d_", &n); err != nil {
			return 0, err
		}
		newest = max(newest, n)
	}
	return newest, err
}
