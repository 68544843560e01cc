package wechat

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"
)

// HubOptions are what a Hub works with. Store and Find must be given.
type HubOptions struct {
	Store Store
	// Find reads an account's credentials; its errors are passed on as they are.
	Find       func(ctx context.Context, account string) (Credentials, error)
	HTTP       *http.Client // nil for one with the defaults; redirects are never followed
	Now        func() time.Time
	Log        *slog.Logger
	Owner      string        // names this process in leases
	PushWindow time.Duration // how far a push's timestamp may be away; 0 for ten minutes
}

const (
	credentialsAge = 2 * time.Second // how long found credentials are good for
	accountsCheck  = 3 * time.Second // how soon Run sees that accounts came or went
	pushWindow     = 10 * time.Minute
)

// Hub hands out the accounts of this process, one Account for each. Safe for concurrent
// use.
type Hub struct {
	o       HubOptions
	mu      sync.RWMutex
	entries map[string]entry
}

type entry struct {
	account *Account
	foundAt time.Time
}

// NewHub starts nothing; see Run.
func NewHub(o HubOptions) *Hub {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.PushWindow <= 0 {
		o.PushWindow = pushWindow
	}
	return &Hub{o: o, entries: map[string]entry{}}
}

// Format shows how many accounts are in use.
func (h *Hub) Format(f fmt.State, _ rune) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	_, _ = fmt.Fprintf(f, "wechat hub with %d accounts", len(h.entries))
}

// Account returns the account with its present credentials, at most some seconds old. It
// answers Find's error when there is no such account.
func (h *Hub) Account(ctx context.Context, id string) (*Account, error) {
	h.mu.RLock()
	e, known := h.entries[id]
	h.mu.RUnlock()
	if known && h.recent(e) {
		return e.account, nil
	}
	if known {
		// One caller reads; the others go on with what is known.
		h.mu.Lock()
		e = h.entries[id]
		if e.account != nil && h.recent(e) {
			h.mu.Unlock()
			return e.account, nil
		}
		if e.account != nil { // else Run has removed it
			h.entries[id] = entry{account: e.account, foundAt: h.o.Now()}
		}
		h.mu.Unlock()
	}
	c, err := h.o.Find(ctx, id)
	h.mu.Lock()
	defer h.mu.Unlock()
	e = h.entries[id]
	if err != nil {
		if e.account != nil {
			h.entries[id] = entry{account: e.account} // the next caller reads again
		}
		return nil, err
	}
	if e.account == nil || e.account.credentials != c {
		next := h.newAccount(c)
		if before := e.account; before != nil && before.credentials.AppID == c.AppID {
			if next.formerKey = before.formerKey; before.credentials.AESKey != c.AESKey {
				next.formerKey = before.credentials.AESKey
			}
		}
		e.account = next
	}
	h.entries[id] = entry{account: e.account, foundAt: h.o.Now()}
	return e.account, nil
}

func (h *Hub) recent(e entry) bool {
	age := h.o.Now().Sub(e.foundAt)
	return age >= 0 && age < credentialsAge
}

func (h *Hub) newAccount(c Credentials) *Account {
	client := newClient(h.o.HTTP, c.APIURL, h.o.Now)
	return &Account{credentials: c, client: client, keeper: newKeeper(c, client, h.o), now: h.o.Now, pushWindow: h.o.PushWindow}
}

// running is one account's keeper at work.
type running struct {
	account *Account
	stop    func()
}

// Run keeps the values of all accounts fresh until ctx ends. It asks ids every few
// seconds, so new, changed and removed accounts need no restart, and returns when
// everything it started has ended.
func (h *Hub) Run(ctx context.Context, ids func(context.Context) ([]string, error)) {
	work := map[string]running{}
	defer func() {
		for _, r := range work {
			r.stop()
		}
	}()
	for timer := time.NewTimer(0); ; timer.Reset(accountsCheck) {
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		wanted, err := ids(ctx)
		if err != nil {
			if ctx.Err() == nil {
				h.o.Log.Warn("accounts not listed", "err", err)
			}
			continue
		}
		h.follow(ctx, work, wanted)
	}
}

// follow starts and stops keepers until they are those of the wanted accounts.
func (h *Hub) follow(ctx context.Context, work map[string]running, wanted []string) {
	for id, r := range work {
		if !slices.Contains(wanted, id) {
			r.stop()
			delete(work, id)
			h.mu.Lock()
			delete(h.entries, id)
			h.mu.Unlock()
		}
	}
	for _, id := range wanted {
		account, err := h.Account(ctx, id)
		if err != nil {
			if ctx.Err() == nil {
				h.o.Log.Warn("account not readable", "account", id, "err", err)
			}
			continue
		}
		if r, runs := work[id]; runs {
			if r.account == account {
				continue
			}
			r.stop()
		}
		own, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			account.keeper.Run(own)
		}()
		work[id] = running{account: account, stop: func() { cancel(); <-done }}
	}
}
