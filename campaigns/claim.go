package campaigns

import (
	"sort"
	"strings"
	"time"

	"kaquan/wechat"
)

// Ref is the claim's opaque name towards WeChat (outer_str): 12 of [0-9a-z], random.
type Ref string

// CardCode is the code on one card: 12 digits for our own and for WeChat's.
type CardCode string

// Visitor is one person in one official account. A snapshot identity never is one.
type Visitor struct {
	ID        VisitorID
	Account   AccountID
	OpenID    wechat.OpenID
	UnionID   string
	Nickname  string
	Avatar    string
	FirstSeen time.Time
	LastSeen  time.Time
}

// Alias is the short stable name shown for a visitor: many nicknames are only 微信用户.
func (v *Visitor) Alias() string {
	id := strings.ToUpper(v.ID.String())
	return id[max(0, len(id)-4):]
}

// ClaimState is where a claim stands; it is the sum of the claim's events.
type ClaimState string

// The states of a claim.
const (
	Held      ClaimState = "held"
	Opened    ClaimState = "opened"
	Reported  ClaimState = "reported"
	Confirmed ClaimState = "confirmed"
	Redeemed  ClaimState = "redeemed"
	Gifted    ClaimState = "gifted"
	Deleted   ClaimState = "deleted"
	Expired   ClaimState = "expired"
	Voided    ClaimState = "voided"
	Released  ClaimState = "released"
)

// ClaimStates lists every state in the order in which filters show them.
var ClaimStates = []ClaimState{Held, Opened, Reported, Confirmed, Redeemed, Gifted, Deleted, Expired, Voided, Released}

// Bucket is the column of the ledger that a state counts in.
type Bucket int

// The buckets of the stock identity: total = confirmed + held + left.
const (
	Returned Bucket = iota // the unit is back in stock
	SetAside               // held
	GivenOut               // confirmed and beyond
)

// Bucket says where the unit of a claim in this state counts.
func (s ClaimState) Bucket() Bucket {
	switch s {
	case Held, Opened, Reported:
		return SetAside
	case Released:
		return Returned
	}
	return GivenOut
}

// Source says who told us about an event.
type Source string

// The sources of events.
const (
	FromPage      Source = "page"
	FromServer    Source = "server"
	FromPush      Source = "push"
	FromReconcile Source = "reconcile"
	FromStaff     Source = "staff"
	FromSystem    Source = "system"
)

// EventKind is one step of a claim.
type EventKind string

// The kinds of events. Cancelled is a note: the visitor closed the wallet sheet, the
// hold goes on until it expires.
const (
	EventHeld      EventKind = "held"
	EventOpened    EventKind = "opened"
	EventCancelled EventKind = "cancelled"
	EventReported  EventKind = "reported"
	EventConfirmed EventKind = "confirmed"
	EventReleased  EventKind = "released"
	EventRedeemed  EventKind = "redeemed"
	EventGifted    EventKind = "gifted"
	EventDeleted   EventKind = "deleted"
	EventExpired   EventKind = "expired"
	EventVoided    EventKind = "voided"
)

// Event is one row of a claim's history. At is when it happened as far as its source
// knows; Detail is a short code (a reason, an errcode), never personal data.
type Event struct {
	Kind   EventKind
	Source Source
	At     time.Time
	Detail string
	Code   CardCode // for EventConfirmed: the code the platform told us
}

// The reasons of a release.
const (
	ReasonExpired = "hold_expired"
	ReasonWallet  = "wallet_refused"
	ReasonStaff   = "staff"
)

// Claim is one card on its way to one visitor, or there.
type Claim struct {
	ID            ClaimID
	Campaign      ID
	Account       AccountID
	Visitor       VisitorID
	Ref           Ref
	Issuer        Issuer
	State         ClaimState
	Code          CardCode
	Key           string // idempotency key minted with the page
	Channel       string
	Answers       Answers
	ConsentText   string // the version of the consent the visitor ticked; "" = none asked
	Day           string // calendar day it counts for, in the campaign's zone
	HoldUntil     time.Time
	CreatedAt     time.Time
	OpenedAt      time.Time
	ReportedAt    time.Time
	ConfirmedAt   time.Time
	ReleasedAt    time.Time
	RedeemedAt    time.Time
	ReleaseReason string
}

// rank orders the events that decide a state; the highest present one wins, whatever
// the order of arrival. A confirmation outranks a release: the person has the card.
var rank = map[EventKind]struct {
	rank  int
	state ClaimState
}{
	EventHeld:      {1, Held},
	EventOpened:    {2, Opened},
	EventReported:  {3, Reported},
	EventReleased:  {4, Released},
	EventConfirmed: {5, Confirmed},
	EventGifted:    {6, Gifted},
	EventExpired:   {7, Expired},
	EventDeleted:   {8, Deleted},
	EventVoided:    {9, Voided},
	EventRedeemed:  {10, Redeemed},
}

// Fold is the state that a set of events amounts to. Order and repetition do not
// matter. No event gives Held, the state a claim is born with.
func Fold(kinds ...EventKind) ClaimState {
	state, best := Held, 0
	for _, kind := range kinds {
		if r := rank[kind]; r.rank > best {
			state, best = r.state, r.rank
		}
	}
	return state
}

// After is the state of a claim in state s once an event of the kind has arrived too.
func (s ClaimState) After(kind EventKind) ClaimState {
	next, ok := rank[kind]
	if !ok || next.rank <= stateRank[s] {
		return s
	}
	return next.state
}

var stateRank = func() map[ClaimState]int {
	ranks := make(map[ClaimState]int, len(rank))
	for _, r := range rank {
		ranks[r.state] = r.rank
	}
	return ranks
}()

// Apply adds an event to the claim in memory and reports whether anything changed.
// Repeats and latecomers are safe: the result depends on the set of events alone.
func (c *Claim) Apply(e Event) bool {
	before := *c
	first := func(at *time.Time) {
		if at.IsZero() || e.At.Before(*at) {
			*at = e.At
		}
	}
	switch e.Kind {
	case EventOpened:
		first(&c.OpenedAt)
	case EventReported:
		first(&c.ReportedAt)
	case EventReleased:
		first(&c.ReleasedAt)
		if !c.ReleasedAt.Equal(before.ReleasedAt) {
			c.ReleaseReason = e.Detail
		}
	case EventConfirmed:
		first(&c.ConfirmedAt)
		if c.Code == "" {
			c.Code = e.Code
		}
	case EventRedeemed:
		first(&c.RedeemedAt)
	}
	c.State = c.State.After(e.Kind)
	return c.State != before.State || !c.OpenedAt.Equal(before.OpenedAt) || !c.ReportedAt.Equal(before.ReportedAt) ||
		!c.ConfirmedAt.Equal(before.ConfirmedAt) || !c.ReleasedAt.Equal(before.ReleasedAt) ||
		!c.RedeemedAt.Equal(before.RedeemedAt) || c.Code != before.Code
}

// Late reports whether the confirmation came after the unit had been returned: such a
// claim may have overdrawn the stock.
func (c *Claim) Late() bool { return !c.ReleasedAt.IsZero() && c.State.Bucket() == GivenOut }

// Has reports whether the visitor holds the card in this state.
func (s ClaimState) Has() bool { return s == Confirmed || s == Redeemed }

// AnswerKeys are the answered fields in the form's order, then the others by name.
func (c *Claim) AnswerKeys(f Form) []string {
	seen := make(map[string]bool, len(c.Answers))
	var keys []string
	for _, field := range f {
		if _, ok := c.Answers[field.Key]; ok {
			keys, seen[field.Key] = append(keys, field.Key), true
		}
	}
	known := len(keys)
	for key := range c.Answers {
		if !seen[key] {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys[known:])
	return keys
}
