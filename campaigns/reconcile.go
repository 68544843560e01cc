package campaigns

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"kaquan/fault"
	"kaquan/wechat"
)

// CardBook is what WeChat knows about the cards in wallets; *wechat.Account is adapted to
// it in cli. Every call counts against a quota.
type CardBook interface {
	// UserCards lists what a person holds of one card.
	UserCards(ctx context.Context, account AccountID, person wechat.OpenID, card wechat.CardID) ([]wechat.UserCard, error)
	// OpenCode turns the encrypted code that a page handed over into the card's code.
	OpenCode(ctx context.Context, account AccountID, sealed string) (CardCode, error)
	// CheckCode is the state of one card in a wallet.
	CheckCode(ctx context.Context, account AccountID, card wechat.CardID, code CardCode) (wechat.CodeInfo, error)
}

// RunKind says why a reconciliation ran.
type RunKind string

// The kinds of runs.
const (
	RunRecent  RunKind = "recent"  // claims that wait for WeChat
	RunNightly RunKind = "nightly" // every card of the last days
	RunManual  RunKind = "manual"  // like recent, at once
)

// Run is one reconciliation.
type Run struct {
	ID             int64
	Kind           RunKind
	Started, Ended time.Time
	Checked        int    // claims that WeChat was asked about
	Calls          int    // questions
	Repaired       int    // claims that were changed
	Differing      int    // claims that differ and were not changed
	Failed         int    // claims that WeChat did not answer about
	Stopped        string // why it ended early: a Stop…, or ""
}

// Why a run ended early.
const (
	StopTime    = "time"
	StopQuota   = "quota"
	StopRefused = "refused" // the account may not ask, or its credentials are wrong
	StopDown    = "down"    // WeChat does not answer
)

// Difference is a claim about which we and WeChat did not agree.
type Difference struct {
	Run         int64
	Claim       ClaimID
	At          time.Time
	Was, Became ClaimState // the same when nothing was changed
	Found       string     // what WeChat said: a Found…, or the status of the code in lower case
}

// What WeChat said besides the states of codes.
const (
	FoundUnknown = "unknown_code" // WeChat does not know our code
	FoundOther   = "other_person" // somebody else holds the card
	FoundTaken   = "taken"        // the code belongs to another claim
)

// Waiting is a claim with what is needed to ask about it.
type Waiting struct {
	Claim
	OpenID wechat.OpenID
	CardID wechat.CardID
	Tries  int
}

// Reconciliations is what the store does for reconciling.
type Reconciliations interface {
	// Unsettled lists claims made since a time whose card may be in a wallet without our
	// knowing: reported before patience, or opened with the hold over. Claims whose next
	// check is after now are left out.
	Unsettled(ctx context.Context, since, patience, now time.Time, after ClaimID, limit int) ([]Waiting, error)
	// WithCode lists claims made since a time that have a code of WeChat's.
	WithCode(ctx context.Context, since time.Time, after ClaimID, limit int) ([]Waiting, error)
	// CodeTaken reports whether some claim of the account has the code.
	CodeTaken(ctx context.Context, account AccountID, code CardCode) (bool, error)
	// Repair adds events to a claim, as Record does for one, and applies the messages that
	// waited for its code. ErrCodeTaken when another claim has the code.
	Repair(ctx context.Context, id ClaimID, events []Event, mint Mint) (was, became ClaimState, err error)
	// Postpone sets when to ask about a claim again.
	Postpone(ctx context.Context, id ClaimID, next time.Time, tries int) error
	// SaveRun stores a run with its differences and gives it its id.
	SaveRun(ctx context.Context, r Run, found []Difference) (int64, error)
	Runs(ctx context.Context, limit int) ([]Run, error)
	// LastRun is when a run of the kind last started; zero when never.
	LastRun(ctx context.Context, kind RunKind) (time.Time, error)
	// Differences lists them newest first, of one run or (0) of all.
	Differences(ctx context.Context, run int64, limit int) ([]Difference, error)
	// TrimInbox forgets runs, and messages that a claim does not need, before a time.
	TrimInbox(ctx context.Context, before time.Time) error
	AcquireLease(ctx context.Context, name, owner string, now, until time.Time) (bool, error)
	ReleaseLease(ctx context.Context, name, owner string) error
}

// ErrReconciling says that another run is under way.
var ErrReconciling = fault.New(fault.Conflict, "events.reconcile.busy")

const (
	reconcileLease = "reconcile"
	leaseFor       = 5 * time.Minute
	callPause      = 200 * time.Millisecond // five questions a second
	reportPatience = time.Minute            // for the push, before WeChat is asked
	recentSpan     = 24 * time.Hour
	nightlySpan    = 7 * 24 * time.Hour
	nightlyHour    = 3
	reconcileBatch = 100
	downAfter      = 3 // questions in a row without an answer
	erasedPrefix   = "erased:"
)

// backoff is when to ask again about a claim whose card was not found: most were simply
// not taken.
var backoff = []time.Duration{2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour}

// Reconciler compares the ledger with WeChat's and repairs ours. Safe for concurrent use;
// of all processes on a database one runs at a time.
type Reconciler struct {
	service *Service
	book    CardBook
	owner   string
	pause   time.Duration
	log     *slog.Logger
	mu      sync.Mutex
}

// NewReconciler makes one. owner names the process in the lease; pause is the least time
// between two questions, 0 for a fifth of a second.
func NewReconciler(s *Service, book CardBook, owner string, pause time.Duration) *Reconciler {
	if pause == 0 {
		pause = callPause
	}
	return &Reconciler{service: s, book: book, owner: owner, pause: pause, log: s.log}
}

// Nightly runs once a night, as soon as it is due; call it now and then.
func (r *Reconciler) Nightly(ctx context.Context) error {
	now := r.service.now().In(Shanghai())
	due := time.Date(now.Year(), now.Month(), now.Day(), nightlyHour, 0, 0, 0, now.Location())
	if now.Before(due) {
		return nil
	}
	last, err := r.service.store.LastRun(ctx, RunNightly)
	if err != nil || !last.Before(due) {
		return err
	}
	_, err = r.Run(ctx, RunNightly)
	if errors.Is(err, ErrReconciling) {
		return nil
	}
	return err
}

// Run asks WeChat about the claims of its kind and repairs the ledger. It ends early when
// ctx ends or WeChat stops answering, and says so in the run; ErrReconciling when another
// run is under way.
func (r *Reconciler) Run(ctx context.Context, kind RunKind) (Run, error) {
	if !r.mu.TryLock() {
		return Run{}, ErrReconciling
	}
	defer r.mu.Unlock()
	store, now := r.service.store, r.service.now().UTC()
	mine, err := store.AcquireLease(ctx, reconcileLease, r.owner, now, now.Add(leaseFor))
	if err != nil {
		return Run{}, err
	}
	if !mine {
		return Run{}, ErrReconciling
	}
	// What was found is worth keeping also when ctx has ended.
	after := context.WithoutCancel(ctx)
	defer func() { _ = store.ReleaseLease(after, reconcileLease, r.owner) }()
	w := &reconciling{Reconciler: r, run: Run{Kind: kind, Started: now}, stopped: map[AccountID]bool{}}
	err = w.all(ctx)
	if ctx.Err() != nil {
		w.run.Stopped, err = StopTime, nil
	}
	w.run.Ended = r.service.now().UTC()
	if w.run.Checked == 0 && w.run.Failed == 0 && kind == RunRecent {
		return w.run, err
	}
	id, saved := store.SaveRun(after, w.run, w.found)
	w.run.ID = id
	return w.run, errors.Join(err, saved)
}

// reconciling is one run under way.
type reconciling struct {
	*Reconciler
	run     Run
	found   []Difference
	asked   time.Time
	silent  int
	stopped map[AccountID]bool
	leased  time.Time
}

func (w *reconciling) all(ctx context.Context) error {
	store, start := w.service.store, w.run.Started
	span, asOf, patience := recentSpan, start, reportPatience
	if w.run.Kind != RunRecent {
		asOf = start.AddDate(1, 0, 0) // whatever the next check
	}
	if w.run.Kind == RunManual {
		patience = 0 // somebody wants to know now
	}
	if w.run.Kind == RunNightly {
		span = nightlySpan
	}
	since := start.Add(-span)
	err := w.pages(ctx, func(after ClaimID) ([]Waiting, error) {
		return store.Unsettled(ctx, since, start.Add(-patience), asOf, after, reconcileBatch)
	})
	if err != nil || w.run.Kind != RunNightly {
		return err
	}
	return w.pages(ctx, func(after ClaimID) ([]Waiting, error) { return store.WithCode(ctx, since, after, reconcileBatch) })
}

// pages goes through a list of claims, from one to the next, while the lease is ours.
func (w *reconciling) pages(ctx context.Context, read func(after ClaimID) ([]Waiting, error)) error {
	var after ClaimID
	for {
		list, err := read(after)
		if err != nil {
			return err
		}
		for i := range list {
			after = list[i].ID
			if w.stopped[list[i].Account] || w.run.Stopped == StopDown {
				continue
			}
			if err := w.keepLease(ctx); err != nil {
				return err
			}
			if err := w.check(ctx, &list[i]); err != nil {
				return err
			}
		}
		if len(list) < reconcileBatch {
			return nil
		}
	}
}

func (w *reconciling) keepLease(ctx context.Context) error {
	now := w.service.now().UTC()
	if now.Sub(w.leased) < leaseFor/5 {
		return nil
	}
	w.leased = now
	mine, err := w.service.store.AcquireLease(ctx, reconcileLease, w.owner, now, now.Add(leaseFor))
	if err == nil && !mine {
		return ErrReconciling
	}
	return err
}

// check asks about one claim and repairs it. Only errors that end the run come back.
func (w *reconciling) check(ctx context.Context, c *Waiting) error {
	if strings.HasPrefix(string(c.OpenID), erasedPrefix) && c.Code == "" {
		return nil // nobody knows any more whom to ask about
	}
	events, found, err := w.ask(ctx, c)
	if err != nil {
		return w.failed(ctx, c, err)
	}
	w.run.Checked++
	d := Difference{Claim: c.ID, At: w.service.now().UTC(), Was: c.State, Became: c.State, Found: found}
	if len(events) > 0 {
		d.Was, d.Became, err = w.service.store.Repair(ctx, c.ID, events, w.service.mint)
		if errors.Is(err, ErrCodeTaken) {
			d.Was, d.Became, d.Found, err = c.State, c.State, FoundTaken, nil
		}
		if err != nil {
			return err
		}
	}
	switch {
	case d.Became != d.Was:
		w.run.Repaired++
		w.found = append(w.found, d)
	case found != "" && len(events) == 0:
		w.run.Differing++
		w.found = append(w.found, d)
	}
	if c.Code != "" || d.Became.Bucket() == GivenOut {
		return nil
	}
	wait := 24 * time.Hour
	if c.Tries < len(backoff) {
		wait = backoff[c.Tries]
	}
	return w.service.store.Postpone(ctx, c.ID, d.At.Add(wait), c.Tries+1)
}

// failed decides what an unanswered question means for the run.
func (w *reconciling) failed(ctx context.Context, c *Waiting, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	w.run.Failed++
	w.log.Warn("reconcile", "account", c.Account, "claim", c.ID, "err", err)
	var answer *wechat.APIError
	if !errors.As(err, &answer) {
		if w.silent++; w.silent >= downAfter {
			w.run.Stopped = StopDown
		}
		return nil
	}
	w.silent = 0
	switch wechat.Explain(answer.Code).Class {
	case wechat.ClassQuota:
		w.stopped[c.Account], w.run.Stopped = true, StopQuota
	case wechat.ClassPermission, wechat.ClassConfig, wechat.ClassToken:
		w.stopped[c.Account], w.run.Stopped = true, StopRefused
	}
	return nil
}

// ask finds out what became of a claim's card. No events and found "" means that we agree.
func (w *reconciling) ask(ctx context.Context, c *Waiting) (events []Event, found string, err error) {
	if c.Code != "" {
		info, err := w.code(ctx, c, c.Code)
		if errors.Is(err, wechat.ErrCodeUnknown) {
			return nil, FoundUnknown, nil
		}
		if err != nil {
			return nil, "", err
		}
		events, found = w.verdict(c, info)
		return events, found, nil
	}
	if c.Sealed != "" {
		if events, found, err = w.askSealed(ctx, c); err != nil || len(events) > 0 {
			return events, found, err
		}
	}
	if err := w.turn(ctx); err != nil {
		return nil, "", err
	}
	cards, err := w.book.UserCards(ctx, c.Account, c.OpenID, c.CardID)
	if err != nil {
		return nil, "", err
	}
	w.silent = 0
	var (
		unnamed *wechat.CodeInfo
		code    CardCode
	)
	for _, card := range cards {
		taken, err := w.service.store.CodeTaken(ctx, c.Account, CardCode(card.Code))
		if err != nil {
			return nil, "", err
		}
		if taken {
			continue
		}
		info, err := w.code(ctx, c, CardCode(card.Code))
		switch {
		case errors.Is(err, wechat.ErrCodeUnknown):
			continue
		case err != nil:
			return nil, "", err
		case info.OuterStr == string(c.Ref):
			events, found = w.confirm(c, info, CardCode(card.Code))
			return events, found, nil
		case info.OuterStr == "" && unnamed == nil:
			unnamed, code = &info, CardCode(card.Code)
		}
	}
	if unnamed == nil {
		return nil, "", nil
	}
	events, found = w.confirm(c, *unnamed, code)
	return events, found, nil
}

// askSealed follows the encrypted code that the page handed over. It came from a browser,
// so it counts only for a card that WeChat says this very person holds; everything else is
// no finding, and the person's cards are asked about.
func (w *reconciling) askSealed(ctx context.Context, c *Waiting) ([]Event, string, error) {
	if err := w.turn(ctx); err != nil {
		return nil, "", err
	}
	code, err := w.book.OpenCode(ctx, c.Account, c.Sealed)
	var answer *wechat.APIError
	switch {
	case errors.As(err, &answer) && (answer.Class() == wechat.ClassCard || answer.Class() == wechat.ClassInput):
		return nil, "", nil // WeChat cannot open it: it was made up, or is of another account
	case err != nil:
		return nil, "", err
	}
	w.silent = 0
	taken, err := w.service.store.CodeTaken(ctx, c.Account, code)
	if err != nil || taken {
		return nil, "", err
	}
	info, err := w.code(ctx, c, code)
	switch {
	case errors.Is(err, wechat.ErrCodeUnknown):
		return nil, "", nil
	case err != nil:
		return nil, "", err
	case info.OpenID != c.OpenID || info.OuterStr != "" && info.OuterStr != string(c.Ref):
		return nil, "", nil
	}
	events, found := w.confirm(c, info, code)
	return events, found, nil
}

func (w *reconciling) code(ctx context.Context, c *Waiting, code CardCode) (wechat.CodeInfo, error) {
	if err := w.turn(ctx); err != nil {
		return wechat.CodeInfo{}, err
	}
	info, err := w.book.CheckCode(ctx, c.Account, c.CardID, code)
	if err == nil {
		w.silent = 0
	}
	return info, err
}

// turn waits until the next question may be asked.
func (w *reconciling) turn(ctx context.Context) error {
	w.run.Calls++
	wait := time.NewTimer(w.pause - time.Since(w.asked))
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		w.asked = time.Now()
		return nil
	}
}

func (w *reconciling) event(kind EventKind, code CardCode) Event {
	return Event{Kind: kind, Source: FromReconcile, At: w.service.now().UTC(), Code: code}
}

// confirm is the verdict on a card that we did not know of.
func (w *reconciling) confirm(c *Waiting, info wechat.CodeInfo, code CardCode) ([]Event, string) {
	confirmed := *c
	event := w.event(EventConfirmed, code)
	confirmed.Apply(event)
	more, _ := w.verdict(&confirmed, info)
	return append([]Event{event}, more...), strings.ToLower(string(info.Status))
}

// verdict is what WeChat's state of a card means for the claim that has its code.
func (w *reconciling) verdict(c *Waiting, info wechat.CodeInfo) (events []Event, found string) {
	found = strings.ToLower(string(info.Status))
	one := func(kind EventKind) ([]Event, string) { return []Event{w.event(kind, c.Code)}, found }
	over := c.State == Redeemed || c.State == Voided || c.State == Deleted || c.State == Expired
	erased := strings.HasPrefix(string(c.OpenID), erasedPrefix)
	switch info.Status {
	case wechat.CodeNormal:
		switch {
		case info.OpenID != "" && info.OpenID != c.OpenID && !erased:
			return nil, FoundOther
		case c.State == Gifted:
			return one(EventReturned)
		case c.State == Deleted:
			return one(EventRestored)
		case c.State.Bucket() != GivenOut:
			return one(EventConfirmed)
		case c.State == Confirmed:
			return nil, ""
		}
	case wechat.CodeConsumed:
		if c.State == Redeemed {
			return nil, ""
		}
		return one(EventRedeemed)
	case wechat.CodeGifting, wechat.CodeGifted:
		if c.State == Gifted {
			return nil, ""
		}
		if !over {
			return one(EventGifted)
		}
	case wechat.CodeGiftTimeout:
		if c.State == Gifted {
			return one(EventReturned)
		}
		if c.State == Confirmed {
			return nil, ""
		}
	case wechat.CodeExpired:
		if !over {
			return one(EventExpired)
		}
		return nil, ""
	case wechat.CodeDeleted:
		if c.State == Deleted {
			return nil, ""
		}
		if !over {
			return one(EventDeleted)
		}
	case wechat.CodeUnavailable:
		if c.State != Redeemed && c.State != Voided {
			return one(EventVoided)
		}
		return nil, ""
	case "":
		return nil, ""
	}
	return nil, found
}

// Runs are the newest reconciliations.
func (s *Service) Runs(ctx context.Context, limit int) ([]Run, error) {
	return s.store.Runs(ctx, limit)
}

// Differences are the newest ones, of one run or (0) of all.
func (s *Service) Differences(ctx context.Context, run int64, limit int) ([]Difference, error) {
	return s.store.Differences(ctx, run, limit)
}

// TrimInbox forgets what is older than the inbox shows.
func (s *Service) TrimInbox(ctx context.Context) error {
	return s.store.TrimInbox(ctx, s.now().UTC().AddDate(0, 0, -inboxDays))
}

// inboxDays is how long messages and runs are kept.
const inboxDays = 180
