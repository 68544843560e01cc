package stores_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"kaquan/db"
	"kaquan/db/dbtest"
	"kaquan/fault"
	"kaquan/stores"
)

// plain is a hasher that is fast enough for tests.
type plain struct{}

func (plain) Hash(_ context.Context, secret string) (string, error) { return "plain:" + secret, nil }

func (plain) Check(_ context.Context, secret, hash string) (bool, error) {
	return hash == "plain:"+secret, nil
}

// world is the service on a real database, with a clock that the test moves.
type world struct {
	testing.TB
	*stores.Service
	db  *db.DB
	mu  sync.Mutex
	now time.Time
}

const account = stores.AccountID(dbtest.Account)

var boss = stores.Actor{ID: "p1", Name: "老板", IP: "127.0.0.1"}

func open(tb testing.TB) *world {
	tb.Helper()
	w := &world{TB: tb, db: dbtest.Open(tb), now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}
	dbtest.Seed(tb, w.db, w.clock)
	w.Service = stores.New(stores.Options{Store: w.db, Hasher: plain{}, Now: w.clock})
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// refused fails the test unless err is the refusal.
func (w *world) refused(err, want error) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Fatalf("got %v, want %v", err, want)
	}
}

func (w *world) place(name string, parent stores.PlaceID) stores.Place {
	w.Helper()
	p, err := w.CreatePlace(w.Context(), boss, account, stores.PlaceDraft{Kind: stores.ShopKind, Name: name, Code: strings.ToLower(name), Parent: parent})
	w.ok(err)
	return p
}

func (w *world) article(code string) stores.Goods {
	w.Helper()
	g, err := w.CreateGoods(w.Context(), boss, account, stores.GoodsDraft{Barcode: code, Name: "拿铁 " + code, Price: "12.50", Minimum: "5"})
	w.ok(err)
	return g
}

func (w *world) move(p stores.Place, g stores.Goods, quantity int64, key string) (stores.Movement, error) {
	kind := stores.In
	if quantity < 0 {
		kind = stores.Out
	}
	return w.Move(w.Context(), stores.Move{Account: account, Place: p.ID, Goods: g.ID, Kind: kind, Quantity: quantity, By: boss, Key: key})
}

func (w *world) level(p stores.Place, g stores.Goods) int64 {
	w.Helper()
	n, err := w.Level(w.Context(), p.ID, g.ID)
	w.ok(err)
	return n
}

func (w *world) addsUp() {
	w.Helper()
	_, wrong, err := w.Verify(w.Context(), account)
	w.ok(err)
	if len(wrong) > 0 {
		w.Fatalf("stock is not the sum of its movements: %+v", wrong)
	}
}

func fields(err error) string {
	var names []string
	for _, e := range fault.All(err) {
		names = append(names, e.Field)
	}
	return strings.Join(names, " ")
}
