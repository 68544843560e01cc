package campaigns

import (
	"context"
	"iter"
	"time"

	"kaquan/wechat"
)

// Store is what the domain needs from the database. Every method that writes is one
// transaction; a guarded write that finds the state changed returns the named error.
type Store interface {
	Profiles
	Inbox
	Reconciliations
	Templates
	Versions
	Channels
	Lists
	Pools
	LowStocks
	Exports
	Visitors
	PeopleImports
	Overviews
	BulkStore
	SavedViews
	VisitStore
	Finder
	Retention
	VoidStore
	BlockStore

	// CreateCampaign inserts c. ErrSlugTaken when the slug exists.
	CreateCampaign(ctx context.Context, c *Campaign, audit Audit) error
	// UpdateCampaign writes everything but the counters and the status, guarded by
	// c.Version (ErrEditConflict); stock below what was issued is refused by the statement.
	UpdateCampaign(ctx context.Context, c *Campaign, audit Audit) error
	// SetStatus moves a campaign from one of the statuses to another, guarded
	// (ErrWrongState). A repeat that finds it there already succeeds.
	SetStatus(ctx context.Context, id ID, from []Status, to Status, reason string, now time.Time, audit Audit) error
	CampaignByID(ctx context.Context, id ID) (*Campaign, error)
	CampaignBySlug(ctx context.Context, slug Slug) (*Campaign, error)
	// Campaigns lists by filter, in the order of product.md UX.2.
	Campaigns(ctx context.Context, f CampaignFilter) ([]*Campaign, error)
	// CampaignCounts counts campaigns by state at now.
	CampaignCounts(ctx context.Context, account AccountID, now time.Time) (map[State]int, error)

	// TouchVisitor inserts or refreshes a visitor by (account, openid) and returns the
	// stored row. A repeat is safe; empty profile fields never erase stored ones.
	TouchVisitor(ctx context.Context, v Visitor) (Visitor, error)
	VisitorByID(ctx context.Context, id VisitorID) (Visitor, error)

	// Hold takes one unit of stock for a new claim, or returns the claim that the same
	// (campaign, visitor, key) made before. The campaign's state, its stock and the
	// person's limits are enforced by the statements themselves: ErrNotOpen, ErrSoldOut,
	// ErrLimit, ErrDayLimit, and what claim.Asks asks: ErrBlocked, ErrNotOnList, ErrDayShare,
	// ErrOncePhone, ErrOncePlate, ErrInvitation; ErrVisitorNotFound for a visitor whose data was erased. With events beyond EventHeld the claim is born further on.
	Hold(ctx context.Context, claim *Claim, limits Limits, events []Event) (*Claim, error)
	// Record adds an event to a claim and moves stock as the new state asks, in one
	// transaction. guard, when not empty, lists the states in which the event may be
	// recorded; otherwise the claim comes back unchanged. Repeats are safe.
	Record(ctx context.Context, id ClaimID, e Event, guard []ClaimState) (*Claim, error)
	// ReleaseExpired returns the stock of up to limit claims whose hold ended before now.
	ReleaseExpired(ctx context.Context, now time.Time, limit int) (int, error)

	ClaimByID(ctx context.Context, id ClaimID) (*Claim, error)
	// ClaimByKey finds the claim an idempotency key made. ErrNotFound when none.
	ClaimByKey(ctx context.Context, campaign ID, visitor VisitorID, key string) (*Claim, error)
	// ClaimsOf lists a visitor's claims in a campaign that are not released, newest first.
	ClaimsOf(ctx context.Context, campaign ID, visitor VisitorID) ([]Claim, error)
	// Usage is how much of the person's limits is used up, counting held claims, and whether
	// there is any claim of theirs at all, in whatever state.
	Usage(ctx context.Context, campaign ID, visitor VisitorID, day string) (total, today int, some bool, err error)
	History(ctx context.Context, id ClaimID) ([]Event, error)

	// Claims is one page of the filtered claims, newest first, by keyset.
	Claims(ctx context.Context, f ClaimFilter) (ClaimPage, error)
	// CountClaims counts the filtered claims up to a ceiling; exact is false beyond it.
	CountClaims(ctx context.Context, f ClaimFilter, ceiling int) (n int, exact bool, err error)
	// EachClaim streams every filtered claim, newest first, for exports.
	EachClaim(ctx context.Context, f ClaimFilter) iter.Seq2[ClaimRow, error]
	// CheckStock recomputes the stock of a campaign from its claim rows.
	CheckStock(ctx context.Context, id ID) (counted Stock, stored Stock, err error)
}

// Gateway is what the domain needs from WeChat; *wechat.Hub is adapted to it in cli.
type Gateway interface {
	// SignCard makes the cardExt string for one tap: a fresh nonce every time. Code and
	// OpenID are offers; what the card does not demand is left out.
	SignCard(ctx context.Context, account AccountID, r wechat.CardRequest) (string, error)
}

// Actor is who does something in the admin; it goes into the audit entry.
type Actor struct {
	ID   string
	Name string
	IP   string
}

// Audit is an audit line that a store writes in the same transaction as the change.
type Audit struct {
	Actor  Actor
	Action string // campaign.create, campaign.pause, …
	Detail string // JSON of what changed, without personal data
	At     time.Time
}

// CampaignFilter selects campaigns; zero values do not filter.
type CampaignFilter struct {
	Account  AccountID
	State    State // "" = all but archived
	Archived bool  // with State "": the archived ones too, after the others
	Search   string
	Now      time.Time
}

// ClaimFilter selects claims; zero values do not filter. Before is the keyset cursor:
// the id of the last row of the page before, 0 for the first page.
type ClaimFilter struct {
	Account  AccountID
	Campaign ID
	States   []ClaimState
	Channel  string
	From, To time.Time // created in [From, To)
	Search   string    // code, phone, last four of a phone, openid, or the start of a name
	Visitor  VisitorID
	Blocked  bool // only of people who are blocked
	Before   ClaimID
	Limit    int
}

// ClaimRow is a claim with what a table or an export shows beside it.
type ClaimRow struct {
	Claim
	CampaignName string
	OpenID       wechat.OpenID
	Nickname     string
	BlockedAt    time.Time // of the person; zero = not blocked
}

// ClaimPage is one page; Next is the cursor of the following one, 0 at the end.
type ClaimPage struct {
	Rows []ClaimRow
	Next ClaimID
}
