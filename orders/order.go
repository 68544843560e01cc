package orders

import (
	"crypto/rand"
	"time"

	"kaquan/campaigns"
	"kaquan/wechat"
)

// ID names an order; it grows by the order of creation.
type ID int64

// State is where an order stands.
type State string

// The states. Paid stays while parts go back; Refunding and Refunded are of the whole.
const (
	Created   State = "created"   // before WeChat knew it
	Prepaid   State = "prepaid"   // WeChat waits for the payer
	Paid      State = "paid"      // the money came
	Refunding State = "refunding" // all of it is on its way back
	Refunded  State = "refunded"  // all of it is back
	Closed    State = "closed"    // nobody paid
)

// States lists every state in the order of the screens.
func States() []State { return []State{Paid, Prepaid, Created, Refunding, Refunded, Closed} }

// Client is where the payment dialog opens.
type Client string

// The clients.
const (
	Page Client = "page" // the claim page inside WeChat
	Mini Client = "mini" // the mini program
)

// Order is what one claim costs. Whatever WeChat compares is frozen in it.
type Order struct {
	ID           ID
	Account      campaigns.AccountID
	Campaign     campaigns.ID
	Claim        campaigns.ClaimID
	Visitor      campaigns.VisitorID
	Number       string // out_trade_no: unguessable, one for each claim
	MerchantID   string
	AppID        string
	OpenID       wechat.OpenID
	Client       Client
	ClientIP     string // of whoever placed it, the same at every repeat; "" once it is paid or closed
	Description  string
	Fen          int64 // the price
	BackFen      int64 // asked back, or back already
	State        State
	PrepayID     string
	PrepaidUntil time.Time // the prepay id is good until then
	Transaction  string    // WeChat's number of the payment
	FeeMilliFen  int64     // WeChat's fee, from the bill: 1/1000 fen
	CreatedAt    time.Time
	ExpiresAt    time.Time
	PaidAt       time.Time
	EndedAt      time.Time // closed or wholly back
	NextAt       time.Time // when WeChat is asked next
	Tries        int
	ShippedAt    time.Time // the mini program's duty of delivery was done; zero = not yet
	ShipAt       time.Time // when that is tried next; zero = nothing to do
	Reason       string    // why it goes back by itself: a Why…
}

// Why money goes back without anybody asking.
const (
	WhyNoStock = "no_stock" // paid after the hold was over, and nothing was left
	WhyGone    = "gone"     // the card was withdrawn meanwhile
)

// Open reports whether it can still become paid in the ordinary way.
func (o *Order) Open() bool { return o.State == Created || o.State == Prepaid }

// Format of a number: two letters, the day, and 20 signs of chance (103 bits).
func newNumber(now time.Time) string {
	const signs = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ" // 34; I and O are not read aloud well
	b := make([]byte, 0, 28)
	b = now.In(campaigns.Shanghai()).AppendFormat(append(b, "KQ"...), "060102")
	var chance [1]byte
	for len(b) < 28 {
		_, _ = rand.Read(chance[:])
		if n := int(chance[0]); n < 34*7 { // evenly
			b = append(b, signs[n%34])
		}
	}
	return string(b)
}

// Row is an order with what a table shows beside it.
type Row struct {
	Order
	CampaignName string
	Nickname     string
	ClaimState   campaigns.ClaimState
	Code         campaigns.CardCode
}

// Filter selects orders of an account; zero values do not filter.
type Filter struct {
	Account  campaigns.AccountID
	Campaign campaigns.ID
	State    State
	Search   string    // a number of ours, of WeChat's, or a card's code
	From, To time.Time // created in [From, To)
	Before   ID        // the cursor: the last id of the page before
	Limit    int       // 0 = 50
}

// OrderPage is a page of orders, the newest first; Next is the cursor of the one after, 0 at
// the end.
type OrderPage struct {
	Rows []Row
	Next ID
}

// Sum is the money of a day or of a month in the account's zone.
type Sum struct {
	Period      string // 2006-01-02 or 2006-01
	Orders      int    // paid
	PaidFen     int64
	BackFen     int64 // back, by the day on which it was back
	Backs       int
	FeeMilliFen int64
}

// Money is the identity that always holds: Paid = Kept + Returning + Returned, in fen; and
// every paid order has its card, or its money on the way back.
type Money struct {
	PaidFen      int64
	KeptFen      int64 // of orders whose card was given, less what went back in parts
	ReturningFen int64
	ReturnedFen  int64
	WithoutCard  int // paid orders without a card and without a refund: always 0
	WithoutPay   int // cards of paid campaigns that nobody paid for: always 0
}

// Holds reports whether the identity does.
func (m *Money) Holds() bool {
	return m.PaidFen == m.KeptFen+m.ReturningFen+m.ReturnedFen && m.WithoutCard == 0 && m.WithoutPay == 0
}
