package orders

import (
	"context"
	"errors"
	"net/http"
	"time"

	"kaquan/campaigns"
	"kaquan/pay"
)

// What becomes of a notification besides the reasons of pay.Reason.
const (
	NoticeApplied  = "applied"
	NoticeRepeated = "repeated"
	NoticeUnknown  = "unknown"  // genuine, of an order that we do not have
	NoticeMismatch = "mismatch" // genuine, of another amount or merchant
	NoticeError    = "error"    // we could not store it: WeChat repeats
)

// MaxNotice bounds the body of a notification.
const MaxNotice = 64 << 10

// Notify takes a payment notification and gives the exact answer that WeChat wants (A5,
// B7). What does not verify changes nothing and is counted; a repeat is safe.
func (s *Service) Notify(ctx context.Context, account campaigns.AccountID, header http.Header, body []byte) (pay.Reply, error) {
	_, gateway, err := s.merchant(ctx, account)
	if err != nil {
		return pay.Reply{}, err
	}
	n := Notice{Account: account, Kind: "payment", At: s.now().UTC(), Body: body}
	p, err := gateway.ParseNotify(ctx, header, body)
	if err != nil {
		n.Result = string(pay.ReasonOf(err))
		return gateway.NotifyFail("refused"), s.note(ctx, n)
	}
	n.Number, n.Result = p.OutTradeNo, NoticeApplied
	o, err := s.store.OrderByNumber(ctx, account, p.OutTradeNo)
	fresh := false
	if err == nil {
		_, fresh, err = s.markPaid(ctx, o, p)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		n.Result = NoticeUnknown
	case errors.Is(err, ErrMismatch):
		n.Result = NoticeMismatch
	case err != nil:
		n.Result = NoticeError
		s.log.ErrorContext(ctx, "payment not stored", "account", account, "order", p.OutTradeNo, "err", err)
	case !fresh:
		n.Result = NoticeRepeated
	}
	if n.Result == NoticeApplied || n.Result == NoticeRepeated {
		return gateway.NotifyOK(), s.note(ctx, n)
	}
	return gateway.NotifyFail(n.Result), s.note(ctx, n)
}

// NotifyRefund is Notify for refunds. One without a signature (v2) only makes us ask.
func (s *Service) NotifyRefund(ctx context.Context, account campaigns.AccountID, header http.Header, body []byte) (pay.Reply, error) {
	_, gateway, err := s.merchant(ctx, account)
	if err != nil {
		return pay.Reply{}, err
	}
	n := Notice{Account: account, Kind: "refund", At: s.now().UTC(), Body: body}
	told, err := gateway.ParseRefundNotify(ctx, header, body)
	if err != nil {
		n.Result = string(pay.ReasonOf(err))
		return gateway.NotifyFail("refused"), s.note(ctx, n)
	}
	n.Number, n.Result = told.OutRefundNo, NoticeApplied
	r, err := s.store.RefundByNumber(ctx, account, told.OutRefundNo)
	switch {
	case errors.Is(err, ErrNotFound):
		n.Result = NoticeUnknown
	case err == nil && r.State == Back:
		n.Result = NoticeRepeated
	case err == nil && told.AmountFen != r.Fen:
		n.Result = NoticeMismatch
		s.log.ErrorContext(ctx, "a refund does not fit", "account", account, "refund", r.Number)
	case err == nil && told.Unsigned:
		if r.State == Approved { // it was accepted, or it would not be notified
			r.State = Sent
		}
		err = s.follow(ctx, r)
	case err == nil:
		err = s.refundNews(ctx, r, told, RefundNews{Next: n.At.Add(time.Minute), Tries: r.Tries})
	}
	if err != nil && n.Result == NoticeApplied {
		n.Result = NoticeError
		s.log.ErrorContext(ctx, "refund not stored", "account", account, "refund", told.OutRefundNo, "err", err)
	}
	if n.Result == NoticeApplied || n.Result == NoticeRepeated {
		return gateway.NotifyOK(), s.note(ctx, n)
	}
	return gateway.NotifyFail(n.Result), s.note(ctx, n)
}

// note keeps and counts a notification; that this fails must not fail the payment.
func (s *Service) note(ctx context.Context, n Notice) error {
	s.meter.PayNotice(string(n.Account), n.Kind, n.Result)
	if len(n.Body) > MaxNotice {
		n.Body = n.Body[:MaxNotice]
	}
	if err := s.store.NoteNotice(ctx, n); err != nil {
		s.log.ErrorContext(ctx, "notification not kept", "account", n.Account, "err", err)
	}
	return nil
}

// noticeAge is how long raw notifications are kept.
const noticeAge = 30 * 24 * time.Hour

// TrimNotices forgets raw notifications that are some weeks old.
func (s *Service) TrimNotices(ctx context.Context) error {
	return s.store.TrimNotices(ctx, s.now().UTC().Add(-noticeAge))
}

// NoticeCounts counts the last day's notifications by result.
func (s *Service) NoticeCounts(ctx context.Context, account campaigns.AccountID) (map[string]int, error) {
	return s.store.NoticeCounts(ctx, account, s.now().UTC().Add(-24*time.Hour))
}
