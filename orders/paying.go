package orders

import (
	"cmp"
	"context"
	"errors"
	"time"

	"kaquan/campaigns"
	"kaquan/pay"
	"kaquan/wechat"
)

// Wish is a visitor's wish to pay for a claim of theirs. AppID and OpenID belong together:
// of the official account on the page, of the mini program there.
type Wish struct {
	Claim   campaigns.ClaimID
	Visitor campaigns.VisitorID
	Client  Client
	AppID   string
	OpenID  wechat.OpenID
	IP      string
}

// A busy WeChat is asked for an order so often, with the same parameters (protocol B9).
const (
	prepayTries = 3
	busyPause   = 150 * time.Millisecond
)

// pause waits; false when the context ended before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// prepayMargin is how long before its end a prepay id is not handed out any more.
const prepayMargin = 10 * time.Minute

// Pay opens the claim's order, or the one that is open, and signs the payment dialog
// afresh. The price is the campaign's. An order that turns out to be paid comes back as
// Paid with an empty Bridge. ErrOver, ErrFree, ErrOtherClient, ErrNoMerchant, ErrGateway,
// campaigns.ErrForeignClaim. A repeat is safe.
func (s *Service) Pay(ctx context.Context, w Wish) (Order, pay.Bridge, error) {
	claim, err := s.mine(ctx, w.Claim, w.Visitor)
	if err != nil {
		return Order{}, pay.Bridge{}, err
	}
	c, err := s.store.CampaignByID(ctx, claim.Campaign)
	if err != nil {
		return Order{}, pay.Bridge{}, err
	}
	if c.Price.Fen <= 0 {
		return Order{}, pay.Bridge{}, ErrFree
	}
	m, _, err := s.merchant(ctx, claim.Account)
	if err != nil {
		return Order{}, pay.Bridge{}, err
	}
	o, err := s.open(ctx, claim, c, &m, w)
	switch {
	case err != nil:
		return o, pay.Bridge{}, err
	case !o.Open():
		return o, pay.Bridge{}, nil
	case o.Client != w.Client || o.OpenID != w.OpenID:
		return o, pay.Bridge{}, ErrOtherClient
	}
	gateway, err := s.gatewayOf(ctx, o)
	if err != nil {
		return o, pay.Bridge{}, err
	}
	if o, err = s.prepay(ctx, gateway, o); err != nil || !o.Open() {
		return o, pay.Bridge{}, err
	}
	bridge, err := gateway.BridgeParams(o.PrepayID, o.AppID)
	if err != nil {
		return o, bridge, ErrGateway.Because(err)
	}
	return o, bridge, nil
}

func (s *Service) mine(ctx context.Context, id campaigns.ClaimID, visitor campaigns.VisitorID) (*campaigns.Claim, error) {
	claim, err := s.store.ClaimByID(ctx, id)
	if err != nil {
		return nil, err
	}
	if visitor == 0 || claim.Visitor != visitor {
		return nil, campaigns.ErrForeignClaim
	}
	return claim, nil
}

// open finds or makes the claim's order.
func (s *Service) open(ctx context.Context, claim *campaigns.Claim, c *campaigns.Campaign, m *Merchant, w Wish) (Order, error) {
	o, err := s.store.OrderOfClaim(ctx, claim.ID)
	if !errors.Is(err, ErrNotFound) {
		o.ClientIP = cmp.Or(o.ClientIP, w.IP) // of an order from before addresses were kept
		return o, err
	}
	now := s.now().UTC()
	o = Order{
		Account: claim.Account, Campaign: claim.Campaign, Claim: claim.ID, Visitor: claim.Visitor, Number: newNumber(now),
		MerchantID: m.ID, AppID: w.AppID, OpenID: w.OpenID, Client: w.Client, ClientIP: w.IP, Description: c.Texts.Benefit, Fen: c.Price.Fen,
		State: Created, CreatedAt: now, ExpiresAt: claim.CreatedAt.Add(c.Price.PayTime()), NextAt: now.Add(backoff[0]),
	}
	if now.Add(time.Minute).After(o.ExpiresAt) { // WeChat wants at least a minute
		return Order{}, ErrOver
	}
	return s.store.OpenOrder(ctx, o)
}

// prepay has the order known to WeChat and a prepay id in hand.
func (s *Service) prepay(ctx context.Context, gateway pay.Gateway, o Order) (Order, error) {
	now := s.now().UTC()
	if o.PrepayID != "" && now.Add(prepayMargin).Before(o.PrepaidUntil) {
		return o, nil
	}
	if !now.Before(o.ExpiresAt) {
		return o, ErrOver
	}
	wanted := pay.Order{
		AppID: o.AppID, OpenID: string(o.OpenID), OutTradeNo: o.Number, Description: o.Description, AmountFen: o.Fen, ClientIP: o.ClientIP,
		NotifyURL: s.notifyURL(o.Account, "notify"), ExpiresAt: o.ExpiresAt,
	}
	prepaid, err := gateway.Prepay(ctx, wanted)
	for again := 1; again < prepayTries && pay.Busy(err) && pause(ctx, busyPause); again++ {
		prepaid, err = gateway.Prepay(ctx, wanted)
	}
	switch {
	case pay.AlreadyPaid(err), pay.Closed(err), pay.NumberUsed(err):
		return s.ask(ctx, gateway, o)
	case err != nil:
		s.log.WarnContext(ctx, "order not taken by WeChat Pay", "account", o.Account, "order", o.Number, "err", err)
		return o, ErrGateway.Because(err)
	}
	o.State, o.PrepayID, o.PrepaidUntil = Prepaid, prepaid.ID, prepaid.ExpiresAt
	return o, s.store.SetPrepaid(ctx, o.ID, prepaid.ID, prepaid.ExpiresAt, now.Add(backoff[0]))
}

// Refresh asks WeChat what became of the claim's order, as a visitor does who has paid. It
// ends where a notification would. A repeat is safe.
func (s *Service) Refresh(ctx context.Context, id campaigns.ClaimID, visitor campaigns.VisitorID) (Order, error) {
	if _, err := s.mine(ctx, id, visitor); err != nil {
		return Order{}, err
	}
	o, err := s.store.OrderOfClaim(ctx, id)
	if err != nil || !o.Open() || o.State == Created {
		return o, err
	}
	gateway, err := s.gatewayOf(ctx, o)
	if err != nil {
		return o, err
	}
	return s.ask(ctx, gateway, o)
}

// OrderOfClaim finds the order of a claim; ErrNotFound.
func (s *Service) OrderOfClaim(ctx context.Context, claim campaigns.ClaimID) (Order, error) {
	return s.store.OrderOfClaim(ctx, claim)
}

// NewestOrder finds the visitor's last order in a campaign; ErrNotFound.
func (s *Service) NewestOrder(ctx context.Context, campaign campaigns.ID, visitor campaigns.VisitorID) (Order, error) {
	return s.store.NewestOrder(ctx, campaign, visitor)
}

// ask queries one order and applies the answer.
func (s *Service) ask(ctx context.Context, gateway pay.Gateway, o Order) (Order, error) {
	p, err := gateway.Query(ctx, pay.OrderRef{AppID: o.AppID, OutTradeNo: o.Number})
	switch {
	case pay.NotFound(err):
		return o, nil
	case err != nil:
		return o, ErrGateway.Because(err)
	case p.Paid():
		paid, _, err := s.markPaid(ctx, o, p)
		return paid, err
	}
	return o, nil
}

// markPaid is where every road to a paid order ends. The amount, the currency, the app and
// the merchant must be the order's (protocol B7).
func (s *Service) markPaid(ctx context.Context, o Order, p pay.Payment) (Order, bool, error) {
	if p.AmountFen != o.Fen || p.Currency != "" && p.Currency != "CNY" || p.MerchantID != "" && p.MerchantID != o.MerchantID ||
		p.AppID != "" && p.AppID != o.AppID || p.OutTradeNo != o.Number || p.TransactionID == "" {
		s.log.ErrorContext(ctx, "a payment does not fit its order", "account", o.Account, "order", o.Number, "fen", p.AmountFen, "want", o.Fen)
		return o, false, ErrMismatch
	}
	now := s.now().UTC()
	paidAt := p.PaidAt
	if paidAt.IsZero() {
		paidAt = now
	}
	var (
		paid  Order
		fresh bool
		err   error
	)
	for draw := range 3 { // a code drawn twice is refused by the store
		paid, fresh, err = s.store.MarkPaid(ctx, o.ID, Payment{
			Transaction: p.TransactionID, PaidAt: paidAt, Now: now, Code: campaigns.NewCode(), RefundNumber: newNumber(now),
		})
		if !errors.Is(err, campaigns.ErrCodeTaken) || draw == 2 {
			break
		}
	}
	if err == nil && fresh && paid.State == Refunding {
		s.log.WarnContext(ctx, "a late payment goes back", "account", o.Account, "order", o.Number, "reason", paid.Reason)
	}
	return paid, fresh, err
}
