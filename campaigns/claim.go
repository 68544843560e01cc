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
	BlockedAt time.Time // staff keep them from claiming; zero = not
}

// atWeChat is the openid by which the official account knows the visitor, "" for a name
// that stands in for one: of a mini program alone, or of somebody who erased their data.
func (v *Visitor) atWeChat() wechat.OpenID {
	if strings.Contains(string(v.OpenID), ":") {
		return ""
	}
	return v.OpenID
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
	EventUndone    EventKind = "undone"   // staff took a redemption back
	EventGifted    EventKind = "gifted"   // given to somebody, maybe not accepted yet
	EventReturned  EventKind = "returned" // the gift came back
	EventDeleted   EventKind = "deleted"
	EventRestored  EventKind = "restored" // a deleted member card, taken again
	EventExpired   EventKind = "expired"
	EventVoided    EventKind = "voided"
	EventRefunded  EventKind = "refunded" // the whole price was paid back

	// Notes in the history that move nothing.
	EventViewed  EventKind = "viewed"
	EventUpdated EventKind = "updated" // points, balance or data of a member card
	EventPaid    EventKind = "paid"    // the visitor paid with the card
)

// Event is one row of a claim's history. At is when it happened as far as its source
// knows; Detail is a short code (a reason, an errcode), never personal data.
type Event struct {
	Kind   EventKind
	Source Source
	At     time.Time
	Detail string
	Code   CardCode // for EventConfirmed: the code the platform told us
	Sealed string   // for EventReported: the encrypted code that the wallet sheet gave
}

// The reasons of a release.
const (
	ReasonExpired = "hold_expired"
	ReasonWallet  = "wallet_refused"
	ReasonStaff   = "staff"
	// ReasonNotPaid is of a card that nobody paid for in time.
	ReasonNotPaid = "not_paid"
	// ReasonRefunded is of a card whose price was paid back.
	ReasonRefunded = "refunded"
)

// DetailOrganic is the detail of a confirmation whose card was not taken on our page.
const DetailOrganic = "organic"

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
	RedeemedAt    time.Time // of the redemption in effect
	UndoneAt      time.Time // the newest; redemptions up to then do not count
	GiftedAt      time.Time // the newest; in effect unless ReturnedAt is as new
	ReturnedAt    time.Time // the newest
	DeletedAt     time.Time // the newest; in effect unless RestoredAt is newer
	RestoredAt    time.Time // the newest
	ExpiredAt     time.Time
	VoidedAt      time.Time
	RefundedAt    time.Time
	ReleaseReason string
	Sealed        string  // the encrypted code that the page handed over, a hint for reconciling
	GiftOf        ClaimID // the giver's claim, whose unit of stock this card is; 0 = none
	Takes         string  // what the rules took for it besides the stock, in the store's own words

	// Asks is what the rules ask of a new claim; nil once it is stored.
	Asks *Conditions
	// Private are the keys of answers that a new claim stores encrypted.
	Private []string
}

// Overdue reports whether the claim's hold is over although the sweeper has not returned
// its unit yet.
func (c *Claim) Overdue(now time.Time) bool {
	return (c.State == Held || c.State == Opened) && now.After(c.HoldUntil)
}

// Fold is the state that a set of events amounts to, when all happened at one time. Order
// and repetition do not matter. No event gives Held, the state a claim is born with.
func Fold(kinds ...EventKind) ClaimState {
	var c Claim
	for _, kind := range kinds {
		c.Apply(Event{Kind: kind, At: time.Unix(1, 0)})
	}
	return c.fold()
}

// fold is the state that the claim's times amount to. A confirmation outranks a release:
// the person has the card. Whatever can only happen to a card in a wallet confirms it.
func (c *Claim) fold() ClaimState {
	deleted, gifted := !c.DeletedAt.IsZero(), !c.GiftedAt.IsZero()
	switch {
	case !c.RedeemedAt.IsZero():
		return Redeemed
	case !c.VoidedAt.IsZero():
		return Voided
	case !c.RefundedAt.IsZero():
		return Released
	case deleted && !c.RestoredAt.After(c.DeletedAt):
		return Deleted
	case !c.ExpiredAt.IsZero():
		return Expired
	case c.GiftedAt.After(c.ReturnedAt):
		return Gifted
	case deleted || gifted || !c.ConfirmedAt.IsZero() || !c.ReturnedAt.IsZero() || !c.RestoredAt.IsZero():
		return Confirmed
	case !c.ReleasedAt.IsZero():
		return Released
	case !c.ReportedAt.IsZero():
		return Reported
	case !c.OpenedAt.IsZero():
		return Opened
	}
	return Held
}

// Apply adds an event to the claim in memory and reports whether anything changed.
// Repeats and latecomers are safe: the result depends on the set of events alone.
func (c *Claim) Apply(e Event) bool {
	before := *c
	at := e.At.UTC().Truncate(time.Millisecond) // as it is stored, so that what is read back compares equal
	first := func(t *time.Time) {
		if t.IsZero() || at.Before(*t) {
			*t = at
		}
	}
	last := func(t *time.Time) {
		if at.After(*t) {
			*t = at
		}
	}
	switch e.Kind {
	case EventOpened:
		first(&c.OpenedAt)
	case EventReported:
		first(&c.ReportedAt)
		if c.Sealed == "" {
			c.Sealed = e.Sealed
		}
	case EventReleased:
		first(&c.ReleasedAt)
		if !c.ReleasedAt.Equal(before.ReleasedAt) {
			c.ReleaseReason = e.Detail
		}
	case EventConfirmed:
		first(&c.ConfirmedAt)
	case EventRestored:
		first(&c.ConfirmedAt)
		last(&c.RestoredAt)
	case EventRedeemed:
		if at.After(c.UndoneAt) {
			first(&c.RedeemedAt)
		}
	case EventUndone:
		// Only our own codes are taken back, by a write that is guarded by the redemption, so
		// these two never arrive out of order.
		last(&c.UndoneAt)
		if !c.RedeemedAt.After(c.UndoneAt) {
			c.RedeemedAt = time.Time{}
		}
	case EventRefunded:
		first(&c.RefundedAt)
		c.ReleaseReason = ReasonRefunded
	case EventGifted:
		last(&c.GiftedAt)
	case EventReturned:
		last(&c.ReturnedAt)
	case EventDeleted:
		last(&c.DeletedAt)
	case EventExpired:
		first(&c.ExpiredAt)
	case EventVoided:
		first(&c.VoidedAt)
	case EventHeld, EventCancelled, EventViewed, EventUpdated, EventPaid:
		return false
	}
	if c.Code == "" && (e.Kind == EventConfirmed || e.Kind == EventRestored) {
		c.Code = e.Code
	}
	c.State = c.fold()
	return c.State != before.State || c.Code != before.Code || c.Sealed != before.Sealed || c.times() != before.times()
}

// times are the moments that the state is made of.
func (c *Claim) times() (all [13]int64) {
	for i, t := range []time.Time{
		c.OpenedAt, c.ReportedAt, c.ConfirmedAt, c.ReleasedAt, c.RedeemedAt, c.GiftedAt, c.ReturnedAt, c.DeletedAt, c.RestoredAt, c.ExpiredAt, c.VoidedAt,
		c.UndoneAt, c.RefundedAt,
	} {
		if !t.IsZero() {
			all[i] = t.UnixMilli()
		}
	}
	return all
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
