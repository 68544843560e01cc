package pay

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Order is what a visitor is to pay. It must be the same at every Prepay of its number.
type Order struct {
	AppID       string // "": the first of the merchant
	OpenID      string // of the payer, for AppID
	OutTradeNo  string // 6 to 32 of 0-9 A-Z a-z _ - | *; unique for the merchant, never reused
	Description string // shown to the payer; cut to 127 bytes, emoji taken out
	Attach      string // comes back unchanged; at most 127 bytes
	AmountFen   int64  // at least 1
	ClientIP    string // of the payer
	NotifyURL   string // absolute, no query
	GoodsTag    string
	ExpiresAt   time.Time // last moment to pay; zero: WeChat's own limit
}

// Format prints the number and the amount, never the payer.
func (o Order) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "order %s of %d fen", o.OutTradeNo, o.AmountFen)
}

// Prepaid is an order that WeChat waits for.
type Prepaid struct {
	ID        string
	ExpiresAt time.Time // two hours after the call was sent; ask again before
}

// OrderRef names an order. v2 wants the app id that it was made for; v3 ignores it.
type OrderRef struct{ AppID, OutTradeNo string }

// State of a payment, in WeChat's words.
type State string

// The states of A6 and B5.
const (
	Paid     State = "SUCCESS"
	Refunded State = "REFUND" // paid, and a refund was asked for, in part or in full
	Unpaid   State = "NOTPAY"
	Shut     State = "CLOSED"
	Revoked  State = "REVOKED"
	Paying   State = "USERPAYING"
	Failed   State = "PAYERROR"
	Accepted State = "ACCEPT"
)

func (s State) known() bool {
	switch s {
	case Paid, Refunded, Unpaid, Shut, Revoked, Paying, Failed, Accepted:
		return true
	}
	return false
}

// Payment is what WeChat says of an order. The amounts, the payer and the ids of WeChat are
// empty before the payment.
type Payment struct {
	MerchantID    string
	AppID         string
	OpenID        string
	OutTradeNo    string
	TransactionID string
	State         State
	AmountFen     int64 // what was asked for; compare this one
	PayerFen      int64 // what the payer gave, less coupons
	Currency      string
	TradeType     string
	BankType      string
	Attach        string
	PaidAt        time.Time // UTC
	EventID       string    // of the notification, v3 only; repeats carry the same
}

// Paid reports whether the money came, whatever happened to it later.
func (p Payment) Paid() bool { return p.State == Paid || p.State == Refunded }

// Open reports whether the order may still become paid.
func (p Payment) Open() bool {
	return p.State == Unpaid || p.State == Paying || p.State == Accepted
}

// Format prints numbers, never the payer.
func (p Payment) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "payment %s %s of %d fen", p.OutTradeNo, p.State, p.AmountFen)
}

// RefundRequest is money that is to go back. Repeat it unchanged after an error.
type RefundRequest struct {
	AppID       string
	OutTradeNo  string
	OutRefundNo string // 1 to 64 of 0-9 A-Z a-z _ - | * @
	TotalFen    int64  // of the order
	AmountFen   int64  // of this refund, 1 to TotalFen
	Reason      string // shown to the payer; cut to 80 bytes
	NotifyURL   string // "": the console's
	FromBalance bool   // take it from the merchant's balance, not from unsettled money
}

// RefundRef names a refund. v2 wants the app id of the order; v3 ignores it.
type RefundRef struct{ AppID, OutRefundNo string }

// RefundState of a refund.
type RefundState string

// The states of A7 and B6, v3's words for both.
const (
	RefundDone     RefundState = "SUCCESS"
	RefundClosed   RefundState = "CLOSED"
	RefundPending  RefundState = "PROCESSING"
	RefundAbnormal RefundState = "ABNORMAL" // the account is gone: someone has to act
)

func refundState(s string) (RefundState, bool) {
	switch s {
	case "SUCCESS":
		return RefundDone, true
	case "CLOSED", "REFUNDCLOSE":
		return RefundClosed, true
	case "PROCESSING":
		return RefundPending, true
	case "ABNORMAL", "CHANGE":
		return RefundAbnormal, true
	}
	return "", false
}

// Refund is what WeChat says of a refund.
type Refund struct {
	MerchantID    string
	OutTradeNo    string
	TransactionID string
	OutRefundNo   string
	RefundID      string
	State         RefundState
	TotalFen      int64 // of the order
	AmountFen     int64 // of the refund
	Account       string
	DoneAt        time.Time // UTC; zero until done
	EventID       string    // of the notification, v3 only
	Unsigned      bool      // a v2 notification: confirm with QueryRefund
}

var (
	tradeNo  = regexp.MustCompile(`^[0-9A-Za-z_\-|*]{6,32}$`)
	refundNo = regexp.MustCompile(`^[0-9A-Za-z_\-|*@]{1,64}$`)
	prepayNo = regexp.MustCompile(`^[0-9A-Za-z_\-]{1,64}$`)
)

const maxFen = 1_000_000_000_00 // far above any card; keeps sums far from the end of int64

// clean is o as it is sent.
func (o Order) clean(m Merchant, now time.Time) (Order, error) {
	app, err := m.app(o.AppID)
	if err != nil {
		return o, err
	}
	o.AppID = app
	o.Description = cut(o.Description, 127)
	o.NotifyURL = strings.TrimSpace(o.NotifyURL)
	switch {
	case !tradeNo.MatchString(o.OutTradeNo):
		return o, &InputError{"out_trade_no", "6 to 32 letters, digits or _-|*"}
	case o.AmountFen < 1 || o.AmountFen > maxFen:
		return o, &InputError{"amount", "not a payable amount"}
	case o.OpenID == "" || len(o.OpenID) > 128 || !plain(o.OpenID):
		return o, &InputError{"openid", "missing or malformed"}
	case o.Description == "":
		return o, &InputError{"description", "empty"}
	case len(o.Attach) > 127 || cut(o.Attach, 127) != o.Attach:
		return o, &InputError{"attach", "longer than 127 bytes, or characters that WeChat refuses"}
	case len(o.GoodsTag) > 32 || !plain(o.GoodsTag):
		return o, &InputError{"goods_tag", "longer than 32 bytes or malformed"}
	case !callable(o.NotifyURL) || o.NotifyURL == "":
		return o, &InputError{"notify_url", "not an absolute address without a query"}
	case o.ClientIP == "" || len(o.ClientIP) > 64 || !plain(o.ClientIP):
		return o, &InputError{"client_ip", "missing or malformed"}
	case !o.ExpiresAt.IsZero() && !o.ExpiresAt.After(now):
		return o, &InputError{"expires_at", "already over"}
	}
	return o, nil
}

func (r RefundRequest) clean(m Merchant) (RefundRequest, error) {
	app, err := m.app(r.AppID)
	if err != nil {
		return r, err
	}
	r.AppID = app
	r.Reason = cut(r.Reason, 80)
	switch {
	case !tradeNo.MatchString(r.OutTradeNo):
		return r, &InputError{"out_trade_no", "6 to 32 letters, digits or _-|*"}
	case !refundNo.MatchString(r.OutRefundNo):
		return r, &InputError{"out_refund_no", "1 to 64 letters, digits or _-|*@"}
	case r.TotalFen < 1 || r.TotalFen > maxFen:
		return r, &InputError{"total", "not a payable amount"}
	case r.AmountFen < 1 || r.AmountFen > r.TotalFen:
		return r, &InputError{"amount", "not between 1 and the total"}
	case !callable(r.NotifyURL):
		return r, &InputError{"notify_url", "not an absolute address without a query"}
	}
	return r, nil
}

// callable reports whether WeChat may call the address; "" is fine.
func callable(address string) bool {
	if address == "" {
		return true
	}
	u, err := url.Parse(address)
	return err == nil && len(address) <= 255 && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" &&
		u.User == nil && !strings.ContainsAny(address, "?#") && plain(address)
}

func plain(s string) bool {
	for _, r := range s {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return true
}

// cut takes out what WeChat refuses (control characters, broken UTF-8, four-byte
// characters) and shortens to a whole number of characters within size bytes.
func cut(s string, size int) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, r > 0xFFFF, r == '\u200d', r == '\ufe0f':
			return -1
		case unicode.IsControl(r):
			return ' '
		}
		return r
	}, s))
	for len(s) > size {
		_, n := utf8.DecodeLastRuneInString(s)
		s = strings.TrimSpace(s[:len(s)-n])
	}
	return s
}
