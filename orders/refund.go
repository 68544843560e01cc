package orders

import (
	"context"
	"errors"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/pay"
)

// RefundID names a refund.
type RefundID int64

// RefundState is where a refund stands.
type RefundState string

// The states. Asked waits for the second person; Abnormal and Failed wait for somebody.
const (
	Asked    RefundState = "asked"
	Approved RefundState = "approved" // to be sent
	Sent     RefundState = "sent"     // WeChat accepted it
	Back     RefundState = "back"     // the money is back
	Rejected RefundState = "rejected"
	Failed   RefundState = "failed"   // WeChat refused it: it can be sent again
	Abnormal RefundState = "abnormal" // the payer's account is gone: WeChat's console has a form
)

// RefundStates lists every state in the order of the screens.
func RefundStates() []RefundState {
	return []RefundState{Asked, Approved, Sent, Failed, Abnormal, Back, Rejected}
}

// Refund is money of an order on its way back.
type Refund struct {
	ID       RefundID
	Account  campaigns.AccountID
	Order    ID
	Number   string // out_refund_no: the same at every try
	Fen      int64
	Whole    bool // with it all of the order's money is back, and the card is gone
	Reason   string
	State    RefundState
	Problem  string // WeChat's code, of Failed
	RefundNo string // WeChat's number
	AskedBy  string // "" = the visitor, or nobody
	ByID     string
	SaidBy   string // who approved or rejected it
	AskedAt  time.Time
	SaidAt   time.Time
	BackAt   time.Time
	NextAt   time.Time
	Tries    int
}

// RefundNews is what WeChat says of a refund.
type RefundNews struct {
	Problem  string
	RefundNo string
	BackAt   time.Time
	Next     time.Time // when to ask again
	Tries    int
}

// RefundRow is a refund with its order.
type RefundRow struct {
	Refund
	OrderNumber  string
	OrderFen     int64
	CampaignName string
}

// RefundFilter selects refunds of an account, the newest first.
type RefundFilter struct {
	Account campaigns.AccountID
	States  []RefundState
	Before  RefundID
	Limit   int
}

// Ask is a member of the finance who asks for money to go back.
type Ask struct {
	Order  ID
	Fen    int64 // 0 = all that is left
	Reason string
	Key    string // minted with the form: a repeat asks once
}

const maxReason = 80

// AskRefund sets the money aside; it goes when ApproveRefund says so. Faults on "amount"
// and "reason"; ErrTooMuch, ErrNotPaid, ErrUsed after the card was used.
func (s *Service) AskRefund(ctx context.Context, actor campaigns.Actor, a Ask) (Refund, error) {
	o, err := s.store.OrderByID(ctx, a.Order)
	if err != nil {
		return Refund{}, err
	}
	var problems fault.List
	a.Reason = strings.TrimSpace(a.Reason)
	if n := len([]rune(a.Reason)); n == 0 {
		problems = append(problems, fault.New(fault.Invalid, "campaign.error.required").On("reason"))
	} else if n > maxReason {
		problems = append(problems, fault.New(fault.Invalid, "campaign.error.too_long", "max", maxReason, "count", n).On("reason"))
	}
	if a.Fen == 0 {
		a.Fen = o.Fen - o.BackFen
	}
	if a.Fen < 1 || a.Fen > o.Fen-o.BackFen {
		problems = append(problems, ErrTooMuch)
	}
	if len(a.Key) < 8 || len(a.Key) > 40 {
		problems = append(problems, fault.New(fault.Invalid, "orders.error.key"))
	}
	if len(problems) > 0 {
		return Refund{}, problems
	}
	now := s.now().UTC()
	return s.store.AskRefund(ctx, Refund{
		Account: o.Account, Order: o.ID, Number: "R" + shortKey(a.Key), Fen: a.Fen, Reason: a.Reason, State: Asked,
		AskedBy: actor.Name, ByID: actor.ID, AskedAt: now,
	}, campaigns.Audit{Actor: actor, Action: "orders.refund.ask", Detail: "{}", At: now})
}

// shortKey keeps the signs of a key that a refund's number may have.
func shortKey(key string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '-' || r == '_' {
			return r
		}
		return -1
	}, key)
}

// ApproveRefund is the second step: the card is taken back when it is about the whole, and
// the refund is sent at once, or by the sweeper. ErrUsed, ErrRefundState.
func (s *Service) ApproveRefund(ctx context.Context, actor campaigns.Actor, id RefundID) (Refund, error) {
	r, err := s.store.ApproveRefund(ctx, id, campaigns.Audit{Actor: actor, Action: "orders.refund.approve", Detail: "{}", At: s.now().UTC()})
	if err != nil {
		return r, err
	}
	return s.sendNow(ctx, r)
}

// sendNow sends an approved refund; when that fails the sweeper goes on with it.
func (s *Service) sendNow(ctx context.Context, r Refund) (Refund, error) {
	after := context.WithoutCancel(ctx)
	if err := s.follow(after, r); err != nil {
		return r, err
	}
	return s.store.RefundByID(after, r.ID)
}

// RejectRefund ends it without money moving. ErrRefundState.
func (s *Service) RejectRefund(ctx context.Context, actor campaigns.Actor, id RefundID) (Refund, error) {
	return s.store.RejectRefund(ctx, id, campaigns.Audit{Actor: actor, Action: "orders.refund.reject", Detail: "{}", At: s.now().UTC()})
}

// RetryRefund sends one again that WeChat refused, after whatever was wrong was changed.
func (s *Service) RetryRefund(ctx context.Context, id RefundID) (Refund, error) {
	r, err := s.store.RefundByID(ctx, id)
	if err != nil {
		return r, err
	}
	if r.State != Failed && r.State != Approved {
		return r, ErrRefundState
	}
	r.State = Approved
	return s.sendNow(ctx, r)
}

// RefundOwn gives a visitor their money back for a card that was not used, where the
// campaign's rule allows it. ErrNoRefund, ErrRefundLate, ErrUsed. A repeat is safe.
func (s *Service) RefundOwn(ctx context.Context, id campaigns.ClaimID, visitor campaigns.VisitorID) (Order, error) {
	claim, err := s.mine(ctx, id, visitor)
	if err != nil {
		return Order{}, err
	}
	o, err := s.store.OrderOfClaim(ctx, id)
	if err != nil {
		return o, err
	}
	c, err := s.store.CampaignByID(ctx, claim.Campaign)
	if err != nil {
		return o, err
	}
	now := s.now().UTC()
	switch {
	case o.State == Refunding || o.State == Refunded:
		return o, nil
	case o.State != Paid:
		return o, ErrNotPaid
	case o.BackFen == o.Fen: // staff are at it
		return o, ErrRefundState
	case c.Price.RefundDays == 0:
		return o, ErrNoRefund
	case now.After(o.PaidAt.AddDate(0, 0, c.Price.RefundDays)):
		return o, ErrRefundLate
	}
	actor := campaigns.Actor{Name: "visitor"}
	r, err := s.store.AskRefund(ctx, Refund{
		Account: o.Account, Order: o.ID, Number: "V" + o.Number, Fen: o.Fen - o.BackFen, Reason: "visitor", State: Asked, AskedAt: now,
	}, campaigns.Audit{Actor: actor, Action: "orders.refund.ask", Detail: "{}", At: now})
	if err != nil {
		return o, err
	}
	if r.State == Asked {
		if _, err := s.ApproveRefund(ctx, actor, r.ID); err != nil && !errors.Is(err, ErrRefundState) {
			return o, err
		}
	}
	return s.store.OrderByID(ctx, o.ID)
}

// CanRefundOwn reports whether RefundOwn would pay back.
func (s *Service) CanRefundOwn(o *Order, claim *campaigns.Claim, c *campaigns.Campaign) bool {
	return o.State == Paid && claim.State == campaigns.Confirmed && c.Price.RefundDays > 0 && !s.now().After(o.PaidAt.AddDate(0, 0, c.Price.RefundDays))
}

// follow sends a refund, or asks what became of one that was sent. Only errors of our own
// store come back.
func (s *Service) follow(ctx context.Context, r Refund) error {
	o, err := s.store.OrderByID(ctx, r.Order)
	if err != nil {
		return err
	}
	now := s.now().UTC()
	next := RefundNews{Next: now.Add(refundPause(r.Tries)), Tries: r.Tries + 1, RefundNo: r.RefundNo}
	gateway, err := s.gatewayOf(ctx, o)
	if err != nil {
		return s.refundLater(ctx, r, r.State, next, err)
	}
	if r.State == Approved {
		// The same number at every try: WeChat pays back once.
		answer, err := gateway.Refund(ctx, pay.RefundRequest{
			AppID: o.AppID, OutTradeNo: o.Number, OutRefundNo: r.Number, TotalFen: o.Fen, AmountFen: r.Fen, Reason: r.Reason,
			NotifyURL: s.notifyURL(r.Account, "refund"),
		})
		var refused *pay.Refused
		switch {
		case err == nil:
			return s.refundNews(ctx, r, answer, next)
		case pay.Unknown(err), pay.FrequencyLimited(err), !errors.As(err, &refused):
			return s.refundLater(ctx, r, Approved, next, err)
		}
		next.Problem, next.Next = refused.Code, time.Time{}
		return s.refundLater(ctx, r, Failed, next, err)
	}
	answer, err := gateway.QueryRefund(ctx, pay.RefundRef{AppID: o.AppID, OutRefundNo: r.Number})
	if err != nil {
		return s.refundLater(ctx, r, r.State, next, err)
	}
	return s.refundNews(ctx, r, answer, next)
}

func refundPause(tries int) time.Duration {
	return []time.Duration{15 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}[min(tries, 4)]
}

func (s *Service) refundLater(ctx context.Context, r Refund, state RefundState, n RefundNews, why error) error {
	s.log.WarnContext(ctx, "refund not settled", "account", r.Account, "refund", r.Number, "state", state, "err", why)
	_, err := s.store.MoveRefund(ctx, r.ID, state, n)
	return err
}

// refundNews applies what WeChat says of a refund.
func (s *Service) refundNews(ctx context.Context, r Refund, answer pay.Refund, n RefundNews) error {
	if answer.AmountFen != 0 && answer.AmountFen != r.Fen || answer.OutRefundNo != "" && answer.OutRefundNo != r.Number {
		s.log.ErrorContext(ctx, "a refund does not fit", "account", r.Account, "refund", r.Number)
		return s.refundLater(ctx, r, r.State, n, ErrMismatch)
	}
	n.RefundNo = answer.RefundID
	state := Sent
	switch answer.State {
	case pay.RefundDone:
		state, n.Next, n.BackAt = Back, time.Time{}, answer.DoneAt
		if n.BackAt.IsZero() {
			n.BackAt = s.now().UTC()
		}
	case pay.RefundAbnormal:
		state, n.Next = Abnormal, time.Time{}
	case pay.RefundClosed:
		state, n.Next, n.Problem = Failed, time.Time{}, "CLOSED"
	case pay.RefundPending:
	}
	_, err := s.store.MoveRefund(ctx, r.ID, state, n)
	return err
}
