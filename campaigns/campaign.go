package campaigns

import (
	"cmp"
	"slices"
	"time"

	"kaquan/wechat"
)

// AccountID names an official account of this installation.
type AccountID string

// Slug is the campaign's name in links: /c/{slug}.
type Slug string

// Status is what staff decided. Together with the clock it gives the State.
type Status string

// The stored statuses.
const (
	StatusDraft     Status = "draft"
	StatusPublished Status = "published"
	StatusPaused    Status = "paused"
	StatusEnded     Status = "ended"
	StatusArchived  Status = "archived"
)

// State is what a visitor or a marketer sees at one moment.
type State string

// The states, in the order of a campaign's life.
const (
	Unpublished State = "draft"
	Scheduled   State = "scheduled"
	Running     State = "running"
	Paused      State = "paused"
	Ended       State = "ended"
	Archived    State = "archived"
)

// States lists every state in the order in which lists show them.
var States = []State{Running, Scheduled, Paused, Unpublished, Ended, Archived}

// Issuer is the way a card is handed over.
type Issuer string

const (
	// OwnCode hands over a code of ours (QR and 12 digits); it works for every account.
	OwnCode Issuer = "own_code"
	// WeChatCard puts an existing WeChat card into the visitor's wallet.
	WeChatCard Issuer = "wechat_card"
	// CodePool hands over a code that staff uploaded.
	CodePool Issuer = "code_pool"
)

// Limits of a campaign; counts of claims. Zero PerDay means no daily limit.
type Limits struct {
	PerPerson int // at least 1
	PerDay    int // per person and calendar day in the campaign's zone; 0 = none
}

// Texts are the words of the claim page that belong to the campaign.
type Texts struct {
	Benefit      string `json:"benefit"`    // the benefit in large type, at most 24 characters
	Brand        string `json:"brand"`      // who gives it, at most 24 characters
	Intro        string `json:"intro"`      // one short paragraph, at most 200 characters
	Terms        string `json:"terms"`      // the rules, folded below, at most 4000 characters
	Purpose      string `json:"purpose"`    // what the form's answers are used for, at most 60 characters
	Contact      string `json:"contact"`    // how to reach the organiser, at most 60 characters
	Colour       string `json:"colour"`     // theme colour #rrggbb, "" = the default
	ShowStock    bool   `json:"show_stock"` // whether visitors see how many are left
	RetentionDay int    `json:"retention"`  // days after the end when personal data goes, 0 = 90
}

// Share is the card that friends see.
type Share struct {
	Title string `json:"title"` // at most 18 characters advised, 40 allowed
	Desc  string `json:"desc"`  // at most 60 characters
	Image string `json:"image"` // absolute http(s) address, "" = none
}

// Stock is the stock of a campaign, as the guarded counters say.
// The identity Total = Confirmed + Held + Left() holds by definition of Left; what
// `kaquan verify` proves is that the counters equal the sums over the claim rows.
type Stock struct {
	Total     int64
	Held      int64 // set aside and not yet confirmed
	Confirmed int64 // confirmed and beyond (redeemed, gifted, deleted, expired, voided)
}

// Left is what can still be given out; negative when late confirmations overdrew it.
func (s Stock) Left() int64 { return s.Total - s.Held - s.Confirmed }

// Overdraft is by how many late confirmations exceed the total; 0 normally.
func (s Stock) Overdraft() int64 { return max(0, -s.Left()) }

// Issued is what cannot be taken back: the lowest total an edit may set.
func (s Stock) Issued() int64 { return s.Held + s.Confirmed }

// Campaign is one give-away: a card plus time, stock, limits, form and page.
// Times are UTC instants; the calendar belongs to Zone.
type Campaign struct {
	ID          ID
	Account     AccountID
	Slug        Slug
	Name        string // for staff, at most 60 characters
	Status      Status
	PauseReason string // shown to visitors while paused
	StartsAt    time.Time
	EndsAt      time.Time
	EndedAt     time.Time // when staff ended it; zero = they did not
	ValidUntil  time.Time // last instant the card can be used; zero = as long as the campaign says
	Zone        *time.Location
	Stock       Stock
	Limits      Limits
	Hold        time.Duration // how long a unit stays set aside
	Issuer      Issuer
	CardID      wechat.CardID // for WeChatCard
	Form        Form
	Texts       Texts
	Share       Share
	Rules       Rules
	Design      Design
	Redeeming   Redeeming
	Notices     Notices
	Price       Price
	Version     int64 // grows with every edit; an edit names the version it read
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// State is the campaign's state at now: a pure function of the row and the clock.
func (c *Campaign) State(now time.Time) State {
	switch c.Status {
	case StatusDraft:
		return Unpublished
	case StatusEnded:
		return Ended
	case StatusArchived:
		return Archived
	case StatusPublished, StatusPaused:
		switch {
		case !now.Before(c.EndsAt):
			return Ended
		case c.Status == StatusPaused:
			return Paused
		case now.Before(c.StartsAt):
			return Scheduled
		}
		return Running
	}
	return Unpublished
}

// Day is the calendar day of now in the campaign's zone, as 2006-01-02.
func (c *Campaign) Day(now time.Time) string { return now.In(c.Zone).Format(time.DateOnly) }

// Shanghai is the default zone of accounts and campaigns.
func Shanghai() *time.Location {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		return time.FixedZone("Asia/Shanghai", 8*60*60)
	}
	return zone
}

// SortCampaigns puts campaigns in the order of the list: running (ending soonest first),
// scheduled, paused, draft, ended, archived; newest first within the others.
func SortCampaigns(list []*Campaign, now time.Time) {
	place := make(map[State]int, len(States))
	for i, state := range States {
		place[state] = i
	}
	slices.SortStableFunc(list, func(a, b *Campaign) int {
		sa, sb := a.State(now), b.State(now)
		if sa != sb {
			return place[sa] - place[sb]
		}
		if sa == Running {
			return a.EndsAt.Compare(b.EndsAt)
		}
		return cmp.Compare(b.ID, a.ID)
	})
}
