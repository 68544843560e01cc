package wechat

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	renewLimit  = 25 * time.Second // of one renewal, waiting for other processes included
	leaseLimit  = 20 * time.Second // more than two calls; then the holder counts as dead
	storeLimit  = 5 * time.Second  // for what must be written although the caller is gone
	leasePoll   = 200 * time.Millisecond
	stormLimit  = 10 * time.Second // at most one renewal after a rejection in this time
	firstRetry  = time.Second
	lastRetry   = 2 * time.Minute
	hopelessGap = 8 * time.Minute  // more patience in the background when waiting alone will not help
	storeCheck  = 15 * time.Second // how soon Run sees what another process stored
)

// State is what the health board shows about one kind.
type State struct {
	Kind        Kind
	Present     bool   // usable now
	Tail        string // the value's last four characters
	Source      string
	FetchedAt   time.Time
	ExpiresAt   time.Time
	NextRefresh time.Time // zero when nothing is planned
	LastError   error     // nil once a fetch has succeeded
	LastErrorAt time.Time
}

// Keeper holds one account's token and tickets. A usable value is answered from memory;
// otherwise one caller of all processes fetches, under a lease of the Store, and the
// others wait for it. Safe for concurrent use.
type Keeper struct {
	credentials Credentials
	client      *client
	store       Store
	now         func() time.Time
	log         *slog.Logger
	owner       string // of leases; differs between keepers, also in one process
	slots       map[Kind]*slot
}

// slot is one kind's value and what happened to it.
type slot struct {
	kind    Kind
	current atomic.Pointer[Token]

	mu        sync.Mutex
	renewal   *renewal // the running one
	due       time.Time
	failures  int
	retryAt   time.Time // callers get err until then
	tendAt    time.Time // Run leaves it alone until then
	err       error
	errAt     time.Time
	refusedAt time.Time // start of the last renewal after a rejection
}

// renewal is one search for a value; any number of callers wait for it.
type renewal struct {
	done   chan struct{}
	cancel context.CancelFunc
	token  Token
	err    error
}

func newKeeper(c Credentials, h *client, o HubOptions) *Keeper {
	k := &Keeper{
		credentials: c, client: h, store: o.Store, now: o.Now, log: o.Log.With("account", c.Account),
		owner: o.Owner + "/" + rand.Text()[:8], slots: map[Kind]*slot{},
	}
	for _, kind := range Kinds() {
		k.slots[kind] = &slot{kind: kind}
	}
	return k
}

// Format shows whose keeper it is, and no value.
func (k *Keeper) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "keeper of %s", k.credentials.AppID)
}

func (k *Keeper) slot(kind Kind) (*slot, error) {
	if s := k.slots[kind]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("wechat: no kind %q", kind)
}

// Token returns a usable value. Without one it fetches; while fetching keeps failing, it
// answers the last error at once until the next attempt is due. The fetch goes on when
// ctx ends, for the other callers.
func (k *Keeper) Token(ctx context.Context, kind Kind) (Token, error) {
	s, err := k.slot(kind)
	if err != nil {
		return Token{}, err
	}
	if t := s.current.Load(); t != nil && t.usable(k.now()) {
		return *t, nil
	}
	return k.renew(ctx, s, reasonAbsent, "")
}

// Rejected is for callers to whom WeChat refused value with 40001, 40014 or 42001. It
// returns a value to repeat the call with once: the stored one if that differs already,
// else a new one. Ten seconds must pass between two renewals of this sort; until then
// the answer is ErrRefusedAgain.
func (k *Keeper) Rejected(ctx context.Context, kind Kind, value string) (Token, error) {
	s, err := k.slot(kind)
	if err != nil {
		return Token{}, err
	}
	if t := s.current.Load(); t != nil && t.Value != value && t.usable(k.now()) {
		return *t, nil
	}
	return k.renew(ctx, s, reasonRejected, value)
}

// Refresh fetches although nothing is due, because a person asked for it. With the
// stable interface the value may stay the same.
func (k *Keeper) Refresh(ctx context.Context, kind Kind) (Token, error) {
	s, err := k.slot(kind)
	if err != nil {
		return Token{}, err
	}
	return k.renew(ctx, s, reasonManual, "")
}

// States reports every kind, in the order of Kinds, with what other processes stored.
func (k *Keeper) States(ctx context.Context) ([]State, error) {
	out := make([]State, 0, len(k.slots))
	for _, kind := range Kinds() {
		s := k.slots[kind]
		if err := k.adoptNewer(ctx, s); err != nil {
			return nil, err
		}
		state := State{Kind: kind}
		s.mu.Lock()
		if t := s.current.Load(); t != nil {
			state.Present, state.Tail, state.Source = t.usable(k.now()), Mask(t.Value), t.Source
			state.FetchedAt, state.ExpiresAt, state.NextRefresh = t.FetchedAt, t.ExpiresAt, s.due
		}
		if s.err != nil {
			state.LastError, state.LastErrorAt, state.NextRefresh = s.err, s.errAt, s.tendAt
		}
		s.mu.Unlock()
		out = append(out, state)
	}
	return out, nil
}

// Run keeps every kind fresh until ctx ends; then it waits for what it started.
func (k *Keeper) Run(ctx context.Context) {
	defer k.settle()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		wait := storeCheck
		for _, kind := range Kinds() {
			next := k.tend(ctx, k.slots[kind])
			wait = min(wait, max(next.Sub(k.now()), firstRetry))
		}
		timer.Reset(wait)
	}
}

// tend renews one kind if it is time, and tells when to look again.
func (k *Keeper) tend(ctx context.Context, s *slot) time.Time {
	if err := k.adoptNewer(ctx, s); err != nil {
		return k.now().Add(storeCheck)
	}
	reason := reasonDue
	t, now := s.current.Load(), k.now()
	if t == nil || !t.usable(now) {
		reason = reasonAbsent
	}
	s.mu.Lock()
	due, tendAt := s.due, s.tendAt
	s.mu.Unlock()
	if reason == reasonDue && now.Before(due) {
		return due
	}
	if now.Before(tendAt) {
		return tendAt
	}
	_, _ = k.renew(ctx, s, reason, "") // recorded and logged where it failed
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.tendAt
	}
	return s.due
}

// settle ends the running renewals and waits for them.
func (k *Keeper) settle() {
	for _, s := range k.slots {
		s.mu.Lock()
		r := s.renewal
		s.mu.Unlock()
		if r != nil {
			r.cancel()
			<-r.done
		}
	}
}

// renew joins the running renewal or starts one. refused is the value of a rejection.
func (k *Keeper) renew(ctx context.Context, s *slot, reason, refused string) (Token, error) {
	if err := ctx.Err(); err != nil {
		return Token{}, err
	}
	s.mu.Lock()
	r := s.renewal
	if r == nil {
		t, now := s.current.Load(), k.now()
		switch {
		case t == nil || !t.usable(now):
		case reason == reasonAbsent, reason == reasonDue && now.Before(s.due), reason == reasonRejected && t.Value != refused:
			s.mu.Unlock() // somebody was faster
			return *t, nil
		}
		if reason != reasonManual && now.Before(s.retryAt) {
			defer s.mu.Unlock()
			return Token{}, s.err
		}
		if reason == reasonRejected {
			if since := now.Sub(s.refusedAt); since >= 0 && since < stormLimit {
				s.mu.Unlock()
				return Token{}, ErrRefusedAgain
			}
			s.refusedAt = now
		}
		// The renewal belongs to all who wait, so one who gives up must not end it.
		flight, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewLimit)
		r = &renewal{done: make(chan struct{}), cancel: cancel}
		s.renewal = r
		go k.run(flight, s, r, reason, refused)
	}
	s.mu.Unlock()
	select {
	case <-r.done:
		return r.token, r.err
	case <-ctx.Done():
		return Token{}, ctx.Err()
	}
}

// run does a renewal and notes its outcome before anybody can start the next.
func (k *Keeper) run(ctx context.Context, s *slot, r *renewal, reason, refused string) {
	defer r.cancel()
	r.token, r.err = k.find(ctx, s, reason, refused)
	s.mu.Lock()
	switch {
	case r.err == nil:
		k.adopt(s, r.token)
	case errors.Is(r.err, context.Canceled): // by settle: says nothing about WeChat
	case errors.As(r.err, new(needsToken)):
		// The token has its own back-off; with one here too, a ticket would stay away
		// long after the token is back.
		s.err, s.errAt = r.err, k.now()
		s.tendAt = s.errAt.Add(storeCheck)
	default:
		s.failures++
		s.err, s.errAt = r.err, k.now()
		s.retryAt = s.errAt.Add(backoff(s.failures))
		s.tendAt = s.retryAt
		var api *APIError
		if errors.As(r.err, &api) && !api.Retryable() && !api.tokenRefused() {
			s.tendAt = s.retryAt.Add(hopelessGap)
		}
		k.log.Warn("wechat value not renewed", "kind", s.kind, "reason", reason, "failures", s.failures, "err", r.err)
	}
	s.renewal = nil
	s.mu.Unlock()
	close(r.done)
}

// needsToken is why a ticket could not even be asked for.
type needsToken struct{ error }

func (e needsToken) Unwrap() error { return e.error }

// backoff doubles from one second to two minutes, with jitter downwards so that
// processes do not come back together.
func backoff(failures int) time.Duration {
	d := min(firstRetry<<min(failures-1, 10), lastRetry)
	return d - time.Duration(mathrand.Int64N(int64(d/5)))
}

// adopt makes t the current value; s.mu is held.
func (k *Keeper) adopt(s *slot, t Token) {
	s.current.Store(&t)
	s.due = t.FetchedAt.Add(time.Duration(float64(t.life()) * (0.78 + 0.04*mathrand.Float64())))
	s.failures, s.err = 0, nil
	s.errAt, s.retryAt, s.tendAt = time.Time{}, time.Time{}, time.Time{}
}

// adoptNewer takes over what another process, or an earlier run of this one, stored.
func (k *Keeper) adoptNewer(ctx context.Context, s *slot) error {
	t, err := k.load(ctx, s.kind)
	if err != nil || !t.usable(k.now()) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.current.Load(); c == nil || t.FetchedAt.After(c.FetchedAt) || !c.usable(k.now()) {
		k.adopt(s, t)
	}
	return nil
}

// load reads the store; no value is the zero Token, which is never usable.
func (k *Keeper) load(ctx context.Context, kind Kind) (Token, error) {
	t, err := k.store.LoadToken(ctx, k.credentials.AppID, kind)
	if errors.Is(err, ErrNoToken) {
		return Token{}, nil
	}
	return t, err
}

// find gets a value from the store or from WeChat. Only the holder of the lease asks
// WeChat; the others look at the store until the holder has saved or given up.
func (k *Keeper) find(ctx context.Context, s *slot, reason, refused string) (Token, error) {
	lease := "token/" + string(k.credentials.AppID) + "/" + string(s.kind)
	before, err := k.load(ctx, s.kind)
	if err != nil {
		return Token{}, err
	}
	good := func(t Token) bool {
		if !t.usable(k.now()) {
			return false
		}
		switch reason {
		case reasonRejected:
			return t.Value != refused
		case reasonDue, reasonManual:
			return !t.FetchedAt.Equal(before.FetchedAt)
		}
		return true
	}
	if good(before) {
		return before, nil
	}
	var access Token
	if s.kind != AccessToken {
		// Before the lease, which would otherwise be held for two renewals.
		if access, err = k.Token(ctx, AccessToken); err != nil {
			return Token{}, needsToken{err}
		}
	}
	for {
		now := k.now()
		held, err := k.store.AcquireLease(ctx, lease, k.owner, now, now.Add(leaseLimit))
		if err != nil {
			return Token{}, err
		}
		if held {
			break
		}
		select {
		case <-ctx.Done():
			return Token{}, ctx.Err()
		case <-time.After(leasePoll):
		}
		if t, err := k.load(ctx, s.kind); err != nil || good(t) {
			return t, err
		}
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeLimit)
		defer cancel()
		if err := k.store.ReleaseLease(ctx, lease, k.owner); err != nil {
			k.log.Warn("wechat lease not released", "kind", s.kind, "err", err)
		}
	}()
	if t, err := k.load(ctx, s.kind); err != nil || good(t) {
		return t, err
	}
	return k.fetch(ctx, s.kind, access, reason)
}

// fetch asks WeChat. A ticket whose token is refused is asked for once more.
func (k *Keeper) fetch(ctx context.Context, kind Kind, access Token, reason string) (Token, error) {
	t, err := k.ask(ctx, kind, access, reason)
	var api *APIError
	if kind != AccessToken && errors.As(err, &api) && api.tokenRefused() {
		renewed, renewal := k.Rejected(ctx, AccessToken, access.Value)
		if errors.Is(renewal, ErrRefusedAgain) {
			return Token{}, err
		}
		if renewal != nil {
			return Token{}, renewal
		}
		t, err = k.ask(ctx, kind, renewed, reason)
	}
	if err != nil {
		return Token{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeLimit)
	defer cancel()
	if err := k.store.SaveToken(ctx, t); err != nil {
		// Better used from memory than lost: with the classic interface the one before
		// is dying already.
		k.log.Error("wechat value not stored", "kind", kind, "err", err)
	}
	return t, nil
}

// ask makes one call and records it.
func (k *Keeper) ask(ctx context.Context, kind Kind, access Token, reason string) (Token, error) {
	start := time.Now() // for the duration; k.now may be a test's
	f := Fetch{AppID: k.credentials.AppID, Kind: kind, At: k.now(), Reason: reason}
	t, err := k.request(ctx, kind, access)
	f.Source, f.OK, f.Took = t.Source, err == nil, time.Since(start)
	var api *APIError
	if errors.As(err, &api) {
		f.ErrCode, f.Message, f.RID = api.Code, api.Message, api.RID
	} else if err != nil {
		f.Message = clean(err.Error(), []string{k.credentials.Secret, access.Value})
	}
	rec, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeLimit)
	defer cancel()
	if e := k.store.RecordFetch(rec, f); e != nil {
		k.log.Warn("wechat fetch not recorded", "kind", kind, "err", e)
	}
	return t, err
}
