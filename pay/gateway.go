package pay

import (
	"context"
	"net/http"
	"time"
)

// Gateway speaks for one merchant. All amounts are fen. It is safe for concurrent use and
// starts no goroutine. Errors are *Refused, *NetworkError, *AnswerError, *InputError or,
// from the two Parse methods, *NotifyError; none of them holds a key or an openid.
type Gateway interface {
	// Prepay registers the order and answers the id for the payment dialog (A2, B3). It may
	// be repeated with the very same order while that is unpaid, also after an error for
	// which Unknown holds; with other values WeChat refuses the number (NumberUsed).
	Prepay(ctx context.Context, o Order) (Prepaid, error)
	// Query asks for the state of an order (A6, B5). NotFound when WeChat does not know it.
	// In v2 name the app id of the order: an answer about another one is an *AnswerError.
	Query(ctx context.Context, r OrderRef) (Payment, error)
	// Close ends an unpaid order (A6, B5); repeat safe. AlreadyPaid: query it, it may be
	// paid. Closed: it was closed before.
	Close(ctx context.Context, r OrderRef) error
	// Refund asks for money to go back (A7, B6). An answer means accepted, not done. It may
	// be repeated with the same OutRefundNo, which refunds once only.
	Refund(ctx context.Context, r RefundRequest) (Refund, error)
	// QueryRefund asks for the state of one refund. NotFound when WeChat does not know it.
	QueryRefund(ctx context.Context, r RefundRef) (Refund, error)
	// Bill fetches the trade bill of a day, which is taken as a date in Beijing. WeChat has
	// it from about 10:00 of the next day on; NotFound until then and for days without trade.
	Bill(ctx context.Context, r BillRequest) (*Bill, error)
	// ParseNotify checks and reads a payment notification. body is the raw body as received.
	// Only paid orders are notified; the caller still compares AmountFen and Currency with
	// its own order. An unknown certificate serial may cause one call to WeChat.
	ParseNotify(ctx context.Context, header http.Header, body []byte) (Payment, error)
	// ParseRefundNotify checks and reads a refund notification. In v2 it carries no
	// signature: Refund.Unsigned is set, so confirm with QueryRefund before money moves.
	ParseRefundNotify(ctx context.Context, header http.Header, body []byte) (Refund, error)
	// NotifyOK is the answer that ends the repeats of a notification.
	NotifyOK() Reply
	// NotifyFail is the answer that asks for another try. The message is shown to WeChat.
	NotifyFail(message string) Reply
	// BridgeParams signs the parameters of the payment dialog, afresh at every call. The
	// prepay id is valid for two hours.
	BridgeParams(prepayID, appID string) (Bridge, error)
	// Check examines the keys and makes one call that changes nothing (B10).
	Check(ctx context.Context) []Finding
	// Version that this gateway speaks.
	Version() Version
	// MerchantID that this gateway speaks for.
	MerchantID() string
}

// Options of New. The zero value of everything but Merchant is ready for use.
type Options struct {
	Merchant  Merchant
	Transport *http.Transport  // nil: a clone of the default one; it is cloned in any case
	Now       func() time.Time // nil: time.Now
	Nonce     func() string    // nil: crypto/rand; at most 32 letters and digits
}

// New makes the gateway of the merchant's version. It makes no call. The error is a
// *KeyError that names the first setting which cannot work. A certificate that expired does
// not count: notifications still have to be read, and Check reports it.
func New(o Options) (Gateway, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	k, findings := load(o.Merchant, o.Now())
	for _, f := range findings {
		if !f.OK() && f.Problem != ProblemExpired {
			return nil, &KeyError{Finding: f}
		}
	}
	c := newCaller(o, k)
	if o.Merchant.Version == V2 {
		return newV2(c, k), nil
	}
	return newV3(c, k), nil
}
