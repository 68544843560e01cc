package orders

import (
	"context"
	"time"

	"kaquan/campaigns"
)

// Store is what the room needs from the database. Every method that writes is one
// transaction.
type Store interface {
	Merchant(ctx context.Context, account campaigns.AccountID) (Merchant, error)
	SaveMerchant(ctx context.Context, m Merchant, audit campaigns.Audit) error
	// Merchants lists the accounts that have one.
	Merchants(ctx context.Context) ([]campaigns.AccountID, error)

	CampaignByID(ctx context.Context, id campaigns.ID) (*campaigns.Campaign, error)
	ClaimByID(ctx context.Context, id campaigns.ClaimID) (*campaigns.Claim, error)

	// OpenOrder inserts an order for a claim that is held until after its end, or returns the
	// one that the claim has. ErrOver when the claim is not.
	OpenOrder(ctx context.Context, o Order) (Order, error)
	// SetPrepaid keeps the prepay id of an open order. A repeat is safe.
	SetPrepaid(ctx context.Context, id ID, prepay string, until, next time.Time) error
	OrderByID(ctx context.Context, id ID) (Order, error)
	OrderByNumber(ctx context.Context, account campaigns.AccountID, number string) (Order, error)
	OrderOfClaim(ctx context.Context, claim campaigns.ClaimID) (Order, error)
	// NewestOrder is the visitor's last one in a campaign; ErrNotFound.
	NewestOrder(ctx context.Context, campaign campaigns.ID, visitor campaigns.VisitorID) (Order, error)

	// MarkPaid is the one way in which an order becomes paid: guarded, and with it the claim
	// is confirmed; of a claim that was released, if there is stock; otherwise all of the
	// money is put on its way back. fresh is false when it was paid before. Code is for a card
	// of ours.
	MarkPaid(ctx context.Context, id ID, p Payment) (o Order, fresh bool, err error)
	// CloseOrder ends an open order that WeChat says nobody paid, and releases the claim. A
	// repeat is safe.
	CloseOrder(ctx context.Context, id ID, now time.Time) error
	// Due lists open orders that WeChat is to be asked about.
	Due(ctx context.Context, now time.Time, limit int) ([]Order, error)
	// PostponeOrder sets when WeChat is asked about an open order again.
	PostponeOrder(ctx context.Context, id ID, next time.Time, tries int) error

	// AskRefund sets a part of a paid order's money aside to go back; ErrTooMuch, ErrNotPaid,
	// ErrUsed. The same Number stores it once.
	AskRefund(ctx context.Context, r Refund, audit campaigns.Audit) (Refund, error)
	// ApproveRefund lets it go: of the whole order the card is taken back, guarded by its not
	// being used (ErrUsed). ErrRefundState when somebody was first.
	ApproveRefund(ctx context.Context, id RefundID, audit campaigns.Audit) (Refund, error)
	// RejectRefund gives the asked money free again. ErrRefundState.
	RejectRefund(ctx context.Context, id RefundID, audit campaigns.Audit) (Refund, error)
	// MoveRefund notes what WeChat says of a refund: sent, done, or a problem. With the last
	// of the money the order is Refunded. A repeat is safe; what is done stays done.
	MoveRefund(ctx context.Context, id RefundID, to RefundState, n RefundNews) (Refund, error)
	RefundByID(ctx context.Context, id RefundID) (Refund, error)
	RefundByNumber(ctx context.Context, account campaigns.AccountID, number string) (Refund, error)
	RefundsOf(ctx context.Context, order ID) ([]Refund, error)
	Refunds(ctx context.Context, f RefundFilter) ([]RefundRow, error)
	// DueRefunds lists refunds that are to be sent or asked about.
	DueRefunds(ctx context.Context, now time.Time, limit int) ([]Refund, error)

	Orders(ctx context.Context, f Filter) ([]Row, error)
	// OrdersOn lists the orders paid, and the refunds done or under way, of a day.
	OrdersOn(ctx context.Context, account campaigns.AccountID, from, to time.Time) ([]Order, []Refund, error)
	Sums(ctx context.Context, account campaigns.AccountID, from, to time.Time, monthly bool) ([]Sum, error)
	CheckMoney(ctx context.Context, account campaigns.AccountID) (Money, error)

	// NoteNotice keeps a raw notification, sealed, and counts it.
	NoteNotice(ctx context.Context, n Notice) error
	NoticeCounts(ctx context.Context, account campaigns.AccountID, since time.Time) (map[string]int, error)
	TrimNotices(ctx context.Context, before time.Time) error

	// SaveBill stores what a bill told: fees, and the differences of its day, replacing those
	// of an earlier look that are still open.
	SaveBill(ctx context.Context, run BillRun, fees map[ID]int64, found []Difference) error
	BillRuns(ctx context.Context, account campaigns.AccountID, limit int) ([]BillRun, error)
	BillDifferences(ctx context.Context, account campaigns.AccountID, open bool, limit int) ([]Difference, error)
	ResolveDifference(ctx context.Context, id int64, by, note string, now time.Time) error

	// Unshipped lists paid orders of mini programs whose delivery WeChat has to be told of.
	Unshipped(ctx context.Context, now time.Time, limit int) ([]Order, error)
	// SetShipped notes that it was told (next zero), or when it is tried again.
	SetShipped(ctx context.Context, id ID, at, next time.Time) error
}

// Payment is what MarkPaid needs to know.
type Payment struct {
	Transaction string
	PaidAt      time.Time
	Now         time.Time
	Code        campaigns.CardCode // for a card of ours; a pool gives its own
	// RefundNumber is of the refund, should nothing be left to hand over.
	RefundNumber string
}

// Notice is one notification as it came.
type Notice struct {
	Account campaigns.AccountID
	Kind    string // payment or refund
	Result  string // applied, repeated, unknown, mismatch, error, or a pay.Reason
	Number  string // ours, when it could be read
	At      time.Time
	Body    []byte
}
