package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// ErrClosed is what a write gets once the store is stopping.
var ErrClosed = errors.New("database is closed")

const (
	queueLength = 4096
	maxGroup    = 64
)

// writer owns the one connection that writes. Requests queue; the writer takes what is
// there, at most maxGroup, runs each in a savepoint inside one transaction, commits with
// synchronous=FULL, and only then answers. So an answered write survives a power cut,
// and one fsync serves the whole group.
type writer struct {
	tx    *Tx
	cache *campaignCache
	queue chan *request
	done  chan struct{}

	mu     sync.RWMutex // guards closed against sends on the queue
	closed bool

	groups, writes atomic.Int64
	largest        atomic.Int64
}

type request struct {
	ctx  context.Context
	fn   func(*Tx) error
	err  error
	done chan struct{}
}

// Tx is the writer's transaction as one request sees it. It is valid only inside the
// function it was given to.
type Tx struct {
	conn    *sql.Conn
	stmts   map[string]*sql.Stmt
	touched bool // a statement of this transaction made cached campaigns old
}

// WriterStats are counts since start, and the queue as it is now.
type WriterStats struct {
	Groups, Writes, LargestGroup int64
	Queued                       int
}

func startWriter(ctx context.Context, pool *sql.DB, cache *campaignCache) (*writer, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("writer: %w", err)
	}
	w := &writer{
		tx:    &Tx{conn: conn, stmts: map[string]*sql.Stmt{}},
		cache: cache,
		queue: make(chan *request, queueLength),
		done:  make(chan struct{}),
	}
	go w.run()
	return w, nil
}

// Write runs fn in the next group and returns when the group is durable. An error of fn
// rolls back fn's changes alone. When ctx ends before fn starts, fn does not run; once
// it has started the answer is waited for, since the outcome is then decided. fn must not
// touch the network, wait for anything, or call Write.
func (d *DB) Write(ctx context.Context, fn func(*Tx) error) error {
	r := &request{ctx: ctx, fn: fn, done: make(chan struct{})}
	if err := d.writer.send(r); err != nil {
		return err
	}
	<-r.done
	return r.err
}

func (w *writer) send(r *request) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return ErrClosed
	}
	select {
	case w.queue <- r:
		return nil
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
}

// stop refuses new writes, finishes the queued ones and waits.
func (w *writer) stop() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.mu.Unlock()
	<-w.done
}

func (w *writer) stats() WriterStats {
	return WriterStats{Groups: w.groups.Load(), Writes: w.writes.Load(), LargestGroup: w.largest.Load(), Queued: len(w.queue)}
}

// busy reports whether requests wait behind the group under way.
func (w *writer) busy() bool { return len(w.queue) > 0 }

func (w *writer) run() {
	defer close(w.done)
	defer func() { _ = w.tx.close() }()
	group := make([]*request, 0, maxGroup)
	for first := range w.queue {
		group = append(group[:0], first)
	take:
		for len(group) < maxGroup {
			select {
			case r, ok := <-w.queue:
				if !ok {
					break take
				}
				group = append(group, r)
			default:
				break take
			}
		}
		w.commit(group)
		for _, r := range group {
			close(r.done)
		}
		w.groups.Add(1)
		w.writes.Add(int64(len(group)))
		if n := int64(len(group)); n > w.largest.Load() {
			w.largest.Store(n)
		}
	}
}

const (
	qBegin    = `BEGIN IMMEDIATE`
	qCommit   = `COMMIT`
	qRollback = `ROLLBACK`
	qSave     = `SAVEPOINT one`
	qKeep     = `RELEASE one`
	qUndo     = `ROLLBACK TO one`
)

// commit runs a group and sets each request's error. When the transaction itself fails,
// nobody is told that their write was kept.
func (w *writer) commit(group []*request) {
	err := w.tx.control(qBegin)
	if err == nil {
		for _, r := range group {
			if r.err = r.ctx.Err(); r.err != nil {
				continue
			}
			if err = w.one(r); err != nil {
				break
			}
		}
		if err == nil {
			err = w.tx.control(qCommit)
		}
		if w.tx.touched {
			w.tx.touched = false
			w.cache.epoch.Add(1)
		}
		if err != nil {
			// SQLite may have rolled back by itself; a second rollback then fails harmlessly.
			_ = w.tx.control(qRollback)
		}
	}
	if err != nil {
		err = fmt.Errorf("commit: %w", err)
		for _, r := range group {
			r.err = err
		}
	}
}

// one runs a request in its savepoint. The returned error means that the transaction is
// lost; the request's own error goes into r.err.
func (w *writer) one(r *request) error {
	if err := w.tx.control(qSave); err != nil {
		return err
	}
	r.err = guarded(r.fn, w.tx)
	if r.err != nil {
		if err := w.tx.control(qUndo); err != nil {
			return errors.Join(r.err, err)
		}
	}
	return w.tx.control(qKeep)
}

// guarded turns a panic of one request into its error, so that the group goes on.
func guarded(fn func(*Tx) error, tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("write panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(tx)
}

// background is the context of all statements of the writer: a request that has started
// is not interrupted half-way, and the driver need not watch for cancellation.
var background = context.Background()

func (tx *Tx) prepare(query string) (*sql.Stmt, error) {
	if s, ok := tx.stmts[query]; ok {
		return s, nil
	}
	s, err := tx.conn.PrepareContext(background, query)
	if err != nil {
		return nil, err
	}
	tx.stmts[query] = s
	return s, nil
}

func (tx *Tx) control(query string) error {
	_, err := tx.exec(query)
	return err
}

// exec runs a constant statement and says how many rows it changed.
func (tx *Tx) exec(query string, args ...any) (int64, error) {
	s, err := tx.prepare(query)
	if err != nil {
		return 0, err
	}
	if touchesCampaigns[query] {
		tx.touched = true
	}
	result, err := s.ExecContext(background, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (tx *Tx) row(query string, args ...any) scanner {
	s, err := tx.prepare(query)
	if err != nil {
		return failed{err}
	}
	return s.QueryRowContext(background, args...)
}

func (tx *Tx) rows(query string, args ...any) (*sql.Rows, error) {
	s, err := tx.prepare(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(background, args...)
}

func (tx *Tx) close() error {
	for _, s := range tx.stmts {
		_ = s.Close()
	}
	return tx.conn.Close()
}
