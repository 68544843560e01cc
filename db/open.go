package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"modernc.org/sqlite"
)

// DB is the store. All methods are safe for concurrent use until Close.
type DB struct {
	write  *sql.DB
	read   *sql.DB
	writer *writer
	seal   *sealer
	cache  campaignCache
	log    *slog.Logger
	stmts  sync.Map // query text → *sql.Stmt on the read pool
	path   string
}

// Options say where the store is.
type Options struct {
	Path    string // the SQLite file; its folder is made when missing
	KeyFile string // 32 random bytes that seal secrets, made with mode 0600 when missing
	Log     *slog.Logger
	Scratch bool // the file is thrown away after use: nothing waits for the disk
}

// Open opens the file with two pools: one connection that writes with synchronous=FULL
// and readers that cannot write. It does not migrate; see Migrate. Call Close.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(filepath.Dir(o.Path), 0o750); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	seal, err := openSealer(o.KeyFile)
	if err != nil {
		return nil, err
	}
	settings := writing
	if o.Scratch {
		settings = scratching
	}
	write, err := openPool(o.Path, settings, 1)
	if err != nil {
		return nil, err
	}
	read, err := openPool(o.Path, reading, max(4, runtime.NumCPU()))
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	// The first connection creates the file and switches it to WAL, before any reader.
	if err := write.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", o.Path, err), write.Close(), read.Close())
	}
	if err := os.Chmod(o.Path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), write.Close(), read.Close())
	}
	d := &DB{write: write, read: read, seal: seal, log: o.Log, path: o.Path}
	d.writer, err = startWriter(ctx, write, &d.cache)
	if err != nil {
		return nil, errors.Join(err, write.Close(), read.Close())
	}
	return d, nil
}

// Settings go into the connection string: an Exec on a pool would reach one connection
// only. The writer syncs at every commit, which group commit pays for.
var (
	writing = url.Values{
		"_txlock": {"immediate"},
		"_pragma": {
			"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
			"cache_size(-65536)", "temp_store(MEMORY)", "wal_autocheckpoint(4000)",
			"secure_delete(1)", // what a visitor erased is overwritten in the file, older copies of the row too
		},
	}
	scratching = url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(OFF)", "foreign_keys(1)", "cache_size(-65536)", "temp_store(MEMORY)", "wal_autocheckpoint(4000)"},
	}
	reading = url.Values{
		"_pragma": {
			"busy_timeout(10000)", "foreign_keys(1)", "query_only(1)",
			"cache_size(-16384)", "temp_store(MEMORY)", "mmap_size(67108864)",
		},
	}
)

func openPool(path string, q url.Values, conns int) (*sql.DB, error) {
	pool, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	pool.SetConnMaxIdleTime(0)
	return pool, nil
}

// Close answers every write that was accepted, then closes both pools. A repeat is safe.
func (d *DB) Close() error {
	d.writer.stop()
	d.stmts.Range(func(_, s any) bool { _ = s.(*sql.Stmt).Close(); return true })
	return errors.Join(d.read.Close(), d.write.Close())
}

// Ready writes and reads one row: the proof behind /readyz.
func (d *DB) Ready(ctx context.Context) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qReady, "ready", "readyz", time.Now().UnixMilli())
		return err
	})
}

const qReady = `INSERT INTO leases (name, owner, until_at) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET until_at = excluded.until_at`

// WriterStats says how the group-committing writer is doing.
func (d *DB) WriterStats() WriterStats { return d.writer.stats() }

// stmt is the prepared statement of a constant query on the read pool.
func (d *DB) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := d.stmts.Load(query); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := d.read.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if other, loaded := d.stmts.LoadOrStore(query, s); loaded {
		_ = s.Close()
		return other.(*sql.Stmt), nil
	}
	return s, nil
}

// row runs a constant query that gives one row.
func (d *DB) row(ctx context.Context, query string, args ...any) scanner {
	s, err := d.stmt(ctx, query)
	if err != nil {
		return failed{err}
	}
	return s.QueryRowContext(ctx, args...)
}

// rows runs a constant query; the caller closes the rows.
func (d *DB) rows(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := d.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// scanner is a row, of a query or of a result set.
type scanner interface{ Scan(dest ...any) error }

type failed struct{ err error }

func (f failed) Scan(...any) error { return f.err }

// collect scans every row and closes the rows.
func collect[T any](rows *sql.Rows, err error, scan func(scanner) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// The extended result codes of SQLite for a broken UNIQUE or PRIMARY KEY constraint.
const (
	constraintUnique     = 2067
	constraintPrimaryKey = 1555
)

func isDuplicate(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code() == constraintUnique || e.Code() == constraintPrimaryKey)
}

// ms is a time as it is stored: milliseconds in UTC, 0 for the zero time.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// at is the time that ms stored.
func at(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}
