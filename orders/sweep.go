package orders

import (
	"context"
	"errors"
	"time"

	"kaquan/campaigns"
	"kaquan/pay"
)

// backoff is when WeChat is asked about an open order, each after the one before
// (protocol D1).
var backoff = []time.Duration{10 * time.Second, 30 * time.Second, time.Minute, 3 * time.Minute, 10 * time.Minute, 30 * time.Minute}

// Sweep asks about open orders that are due, closes those whose time is over, and sends and
// follows refunds. It says how many it looked at. Call it every few seconds.
func (s *Service) Sweep(ctx context.Context) (int, error) {
	const batch = 50
	now := s.now().UTC()
	list, err := s.store.Due(ctx, now, batch)
	if err != nil {
		return 0, err
	}
	for i := range list {
		if err := s.sweep(ctx, list[i], now); err != nil {
			return i, err
		}
	}
	refunds, err := s.store.DueRefunds(ctx, now, batch)
	if err != nil {
		return len(list), err
	}
	for i := range refunds {
		if err := s.follow(ctx, refunds[i]); err != nil {
			return len(list) + i, err
		}
	}
	return len(list) + len(refunds), ctx.Err()
}

// sweep settles one open order as far as WeChat answers. Only errors of our own store come
// back: one merchant that cannot be reached must not hold up the others.
func (s *Service) sweep(ctx context.Context, o Order, now time.Time) error {
	gateway, err := s.gatewayOf(ctx, o)
	if err != nil {
		return s.later(ctx, o, now, err)
	}
	if !now.Before(o.ExpiresAt) {
		return s.end(ctx, gateway, o, now)
	}
	if o.State == Created { // the visitor's request was cut off before WeChat answered
		return s.later(ctx, o, now, nil)
	}
	asked, err := s.ask(ctx, gateway, o)
	if err != nil || asked.Open() {
		return s.later(ctx, o, now, err)
	}
	return nil
}

// end closes an order at WeChat and then here; who paid in the last second is found by
// asking.
func (s *Service) end(ctx context.Context, gateway pay.Gateway, o Order, now time.Time) error {
	ref := pay.OrderRef{AppID: o.AppID, OutTradeNo: o.Number}
	err := gateway.Close(ctx, ref)
	switch {
	case err == nil, pay.NotFound(err), pay.Closed(err):
		p, asked := gateway.Query(ctx, ref)
		if asked == nil && p.Paid() {
			_, _, err := s.markPaid(ctx, o, p)
			return s.later(ctx, o, now, err)
		}
		if asked != nil && !pay.NotFound(asked) {
			return s.later(ctx, o, now, asked)
		}
		return s.store.CloseOrder(ctx, o.ID, now)
	case errors.As(err, new(*pay.Refused)): // perhaps since it is paid: not every code says so
		asked, failed := s.ask(ctx, gateway, o)
		if failed != nil {
			err = failed
		} else if !asked.Open() {
			return nil
		}
	}
	return s.later(ctx, o, now, err)
}

// later sets when an order is asked about next.
func (s *Service) later(ctx context.Context, o Order, now time.Time, why error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if why != nil {
		s.log.WarnContext(ctx, "order not settled", "account", o.Account, "order", o.Number, "tries", o.Tries, "err", why)
	}
	wait := backoff[min(o.Tries+1, len(backoff)-1)]
	next := now.Add(wait)
	if now.Before(o.ExpiresAt) && next.After(o.ExpiresAt) {
		next = o.ExpiresAt // to close it in time
	}
	if !now.Before(o.ExpiresAt) { // the claim waits for it
		next = now.Add(min(wait, time.Minute))
	}
	return s.store.PostponeOrder(ctx, o.ID, next, o.Tries+1)
}

// Ship tells WeChat of deliveries that it waits for: until then the money of a mini
// program's order is frozen (protocol D2). It says how many were told.
func (s *Service) Ship(ctx context.Context) (int, error) {
	if s.shipping == nil {
		return 0, nil
	}
	now := s.now().UTC()
	list, err := s.store.Unshipped(ctx, now, 50)
	if err != nil {
		return 0, err
	}
	told := 0
	for _, o := range list {
		if err := s.shipping.UploadShipping(ctx, o.Account, o, now); err != nil {
			s.log.WarnContext(ctx, "delivery not reported", "account", o.Account, "order", o.Number, "err", err)
			if err := s.store.SetShipped(ctx, o.ID, time.Time{}, now.Add(10*time.Minute)); err != nil {
				return told, err
			}
			continue
		}
		if err := s.store.SetShipped(ctx, o.ID, now, time.Time{}); err != nil {
			return told, err
		}
		told++
	}
	return told, ctx.Err()
}

// CheckMoney computes the identity of the account's money from the rows.
func (s *Service) CheckMoney(ctx context.Context, account campaigns.AccountID) (Money, error) {
	return s.store.CheckMoney(ctx, account)
}
