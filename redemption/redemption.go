package redemption

import (
	"time"

	"kaquan/campaigns"
	"kaquan/stores"
)

// ID names a redemption; it grows by the order of booking.
type ID int64

// State is where a redemption stands.
type State string

// The states. Pending waits for WeChat's word; a card has at most one that is pending or
// done.
const (
	Pending State = "pending"
	Done    State = "done"
	Undone  State = "undone"
	Failed  State = "failed"
)

// States lists every state in the order of the screens.
func States() []State { return []State{Done, Pending, Undone, Failed} }

// UndoTime is how long staff can take a redemption back.
const UndoTime = 5 * time.Minute

// Redemption is one use of one card. Names are as they were then.
type Redemption struct {
	ID        ID
	Account   campaigns.AccountID
	Campaign  campaigns.ID
	Claim     campaigns.ClaimID
	Code      campaigns.CardCode
	Place     stores.PlaceID
	PlaceName string
	Staff     stores.StaffID
	StaffName string
	State     State
	Reason    string    // why it failed: a short code
	Offline   bool      // the till had no network; At is the till's time
	WeChat    bool      // WeChat redeemed the card: nobody can take it back
	At        time.Time // when it was used
	BookedAt  time.Time
	UndoneAt  time.Time
	UndoneBy  string
	Goods     stores.GoodsID
	Quantity  int64 // of the goods that left the stock
	Movement  stores.MovementID
	Key       string // of the request: a repeat gives the same redemption
}

// CanUndo reports whether the redemption may be taken back at now.
func (r *Redemption) CanUndo(now time.Time) bool {
	return r.State == Done && !r.WeChat && now.Before(r.BookedAt.Add(UndoTime))
}

// Row is a redemption with what a table shows beside it.
type Row struct {
	Redemption
	CampaignName string
	Benefit      string
	GoodsName    string
	Visitor      campaigns.VisitorID // whose card it is
}

// Filter selects redemptions of an account; zero values do not filter.
type Filter struct {
	Account  campaigns.AccountID
	Campaign campaigns.ID
	Place    stores.PlaceID
	Staff    stores.StaffID
	State    State
	Code     campaigns.CardCode
	From, To time.Time // booked in [From, To)
	Before   ID        // the cursor: the last id of the page before
	Limit    int       // 0 = 50
}

// Page is a page of redemptions, the newest first; Next is the cursor of the one after, 0
// at the end.
type Page struct {
	Rows []Row
	Next ID
}

// Total counts the redemptions of one person at one place in one campaign.
type Total struct {
	Place        stores.PlaceID
	PlaceName    string
	Staff        stores.StaffID
	StaffName    string
	Campaign     campaigns.ID
	CampaignName string
	Done         int
	Undone       int
	Last         time.Time
}

// Conflict is something accepted without network that could not be booked: a task.
type Conflict struct {
	ID         int64
	Account    campaigns.AccountID
	Place      stores.PlaceID
	PlaceName  string
	Staff      stores.StaffID
	StaffName  string
	Claim      campaigns.ClaimID // 0 = no such card
	Code       campaigns.CardCode
	Verdict    Verdict
	At         time.Time // when the till accepted it
	BookedAt   time.Time
	Key        string
	ResolvedAt time.Time // zero = open
	ResolvedBy string
	Note       string
}
