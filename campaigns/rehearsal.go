package campaigns

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"kaquan/fault"
)

// ScratchStore is a throw-away ledger: everything the domain needs, and the accounts that
// its campaigns belong to.
type ScratchStore interface {
	Store
	Accounts
}

// Scratch opens an empty ledger that has nothing to do with the real one. The returned
// function closes it and removes what it left on the disk.
type Scratch func(ctx context.Context) (ScratchStore, func() error, error)

// Behaviour is what one rehearsed visitor does.
type Behaviour string

// The behaviours. Those of the wallet exist for WeChat cards only: a code of ours is
// confirmed by the tap itself.
const (
	ClaimsOnce  Behaviour = "plain"      // taps once and takes the card
	TapsTwice   Behaviour = "double"     // taps twice with the same key
	TriesAgain  Behaviour = "again"      // wants one more than the limits allow
	AnswersBad  Behaviour = "wrong_form" // gets the form wrong, then right
	ComesBack   Behaviour = "returns"    // closes the wallet sheet and comes back
	LeavesIt    Behaviour = "leaves"     // closes the wallet sheet for good
	LosesPush   Behaviour = "push_lost"  // WeChat's message about the card never comes
	LatePush    Behaviour = "push_late"  // it comes after the hold has expired
	maxAttempts           = 6            // taps of one person, so that a limit of 100 ends too
)

// Behaviours lists them in the order in which pages show them.
var Behaviours = []Behaviour{ClaimsOnce, TapsTwice, TriesAgain, AnswersBad, ComesBack, LeavesIt, LosesPush, LatePush}

// Applies reports whether a campaign gives somebody the chance to behave so.
func (b Behaviour) Applies(c *Campaign) bool {
	switch b {
	case AnswersBad:
		return len(c.Form) > 0
	case ComesBack, LeavesIt, LosesPush, LatePush:
		return c.Issuer == WeChatCard
	}
	return true
}

// Curve is how the visitors spread over the campaign.
type Curve string

// The curves.
const (
	Rush    Curve = "rush"    // most come in the first minutes
	Steady  Curve = "steady"  // evenly
	Evening Curve = "evening" // every day around half past eight in the evening
)

// Curves lists them in the order in which pages offer them.
var Curves = []Curve{Rush, Steady, Evening}

// RehearsalSizes are how many visitors a rehearsal may have.
var RehearsalSizes = []int{100, 1000, 5000}

// RehearsalPlan says who comes to a rehearsal. Shares are percents; the rest claims once.
// The same seed gives the same rehearsal.
type RehearsalPlan struct {
	Visitors int
	Curve    Curve
	Shares   map[Behaviour]int
	Seed     uint64
}

// DefaultPlan is a thousand visitors who rush in and are as clumsy as people are.
func DefaultPlan() RehearsalPlan {
	return RehearsalPlan{Visitors: 1000, Curve: Rush, Seed: 1, Shares: map[Behaviour]int{
		TapsTwice: 10, TriesAgain: 8, AnswersBad: 6, ComesBack: 10, LeavesIt: 8, LosesPush: 2, LatePush: 3,
	}}
}

// Share is how many percent behave so.
func (p *RehearsalPlan) Share(b Behaviour) int {
	if b != ClaimsOnce {
		return p.Shares[b]
	}
	rest := 100
	for _, other := range Behaviours[1:] {
		rest -= p.Shares[other]
	}
	return rest
}

// Check returns every problem, on the fields visitors, curve, share_… and shares.
func (p *RehearsalPlan) Check() error {
	var problems fault.List
	bad := func(field, key string, args ...any) {
		problems = append(problems, fault.New(fault.Invalid, key, args...).On(field))
	}
	if !slices.Contains(RehearsalSizes, p.Visitors) {
		bad("visitors", "rehearsal.error.choice")
	}
	if !slices.Contains(Curves, p.Curve) {
		bad("curve", "rehearsal.error.choice")
	}
	for _, b := range Behaviours[1:] {
		if n := p.Shares[b]; n < 0 || n > 100 {
			bad("share_"+string(b), "campaign.error.range", "min", 0, "max", 100)
		}
	}
	if len(problems) == 0 && p.Share(ClaimsOnce) < 0 {
		bad("shares", "rehearsal.error.shares", "sum", 100-p.Share(ClaimsOnce))
	}
	return problems.OrNil()
}

// The refusals of a rehearsal.
var (
	ErrRehearsalBusy = fault.New(fault.Conflict, "rehearsal.error.busy")
	ErrRehearsalLong = fault.New(fault.Conflict, "rehearsal.error.long")
)

// RefusedForm is the reason under which answers that did not pass are counted; the other
// reasons are the keys of the sentences that visitors would have read.
const RefusedForm = "rehearsal.refused.form"

// Rehearsal is what happened. Times are the campaign's, not ours.
type Rehearsal struct {
	Plan       RehearsalPlan
	Levels     []StockLevel // at most maxLevels, the first at the start of the campaign
	Refusals   []Refusals   // by reason, most frequent first
	Turns      []Turn       // one for every behaviour that applies
	Stock      Stock        // at the end, as the guarded counters say
	Counted    Stock        // at the end, as the claim rows say
	DepletedAt time.Time    // when the stock was first gone; zero = never
	PeakHeld   int64
	PeakAt     time.Time
	Expired    int   // holds that were returned by the clock
	TooSlow    int   // people whose hold was over before the card was in the wallet
	Blocked    int   // refusals for want of stock while units were only held
	Repeats    int   // taps that were answered with the claim they had made before
	Late       int   // confirmations after the unit had been returned
	Lost       int   // cards that only the nightly comparison with WeChat found
	Overdraft  int64 // the most by which late confirmations exceeded the total
	Took       time.Duration
}

// StockLevel is how many were left at a moment; negative when overdrawn.
type StockLevel struct {
	At   time.Time
	Left int64
}

// Refusals counts one reason.
type Refusals struct {
	Reason string
	Count  int
}

// Turn is how a group of visitors fared.
type Turn struct {
	Behaviour Behaviour
	People    int
	Served    int // of those, people with at least one card
	Cards     int
}

// Holds reports whether the counters equal the sums over the claims.
func (r *Rehearsal) Holds() bool { return r.Stock == r.Counted }

// Refused is how often a reason came up.
func (r *Rehearsal) Refused(reason string) int {
	for _, tally := range r.Refusals {
		if tally.Reason == reason {
			return tally.Count
		}
	}
	return 0
}

// Finding is something that would have gone wrong, or nearly. Kind picks the sentence.
type Finding struct {
	Kind    string
	Serious bool
	Count   int64
	At      time.Time
	Span    time.Duration
}

// Findings reads the result as a marketer would want to be told.
func (r *Rehearsal) Findings(c *Campaign) []Finding {
	var all []Finding
	add := func(serious bool, kind string, count int64) {
		if count > 0 {
			all = append(all, Finding{Kind: kind, Serious: serious, Count: count})
		}
	}
	if !r.Holds() {
		add(true, "identity", 1)
	}
	window := c.EndsAt.Sub(c.StartsAt)
	if early := c.EndsAt.Sub(r.DepletedAt); !r.DepletedAt.IsZero() && early > window/20 {
		all = append(all, Finding{Kind: "sold_out_early", Serious: true, Count: r.Stock.Total, At: r.DepletedAt, Span: early})
	}
	if left := r.Stock.Left(); left > r.Stock.Total/2 {
		add(false, "left_over", left)
	}
	add(true, "hold_short", int64(r.TooSlow))
	add(true, "overdraft", r.Overdraft)
	add(false, "late", int64(r.Late))
	add(false, "lost", int64(r.Lost))
	add(false, "blocked", int64(r.Blocked))
	add(false, "limit", int64(r.Refused(ErrLimit.Key)))
	add(false, "day_limit", int64(r.Refused(ErrDayLimit.Key)))
	return all
}

// rehearsalLimit is how long a rehearsal may take of our time.
const rehearsalLimit = 8 * time.Second

// Rehearser rehearses campaigns, one at a time.
type Rehearser struct {
	open  Scratch
	busy  atomic.Bool
	limit time.Duration
}

// NewRehearser makes one; open may be nil where nothing is ever rehearsed.
func NewRehearser(open Scratch) *Rehearser { return &Rehearser{open: open, limit: rehearsalLimit} }

// Run lets the plan's visitors come to a copy of the campaign in a ledger of its own: the
// whole stock, from start to end, by the same service and statements that real visitors
// meet. Nothing is written to the real ledger and nobody hears of it. Errors: fault.List
// of the plan or of the campaign's draft, ErrRehearsalBusy, ErrRehearsalLong, the context's.
func (r *Rehearser) Run(ctx context.Context, c *Campaign, plan RehearsalPlan) (result *Rehearsal, err error) {
	if err := plan.Check(); err != nil {
		return nil, err
	}
	if !r.busy.CompareAndSwap(false, true) {
		return nil, ErrRehearsalBusy
	}
	defer r.busy.Store(false)
	limited, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	started := time.Now()
	store, remove, err := r.open(limited)
	if err == nil {
		defer func() { err = errors.Join(err, remove()) }()
		result, err = rehearse(limited, store, c, plan)
	}
	switch {
	case err == nil:
	case ctx.Err() != nil: // a statement that was interrupted says so in its own words
		return nil, errors.Join(ctx.Err(), err)
	case limited.Err() != nil:
		return nil, ErrRehearsalLong.Because(err)
	default:
		return nil, err
	}
	result.Took = time.Since(started)
	return result, nil
}
