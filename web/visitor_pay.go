package web

import (
	"context"
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/orders"
	"kaquan/views/visitor"
)

// payRoutes are the writes about the money of a claim.
func (v *visitors) payRoutes() {
	if v.Orders == nil {
		return
	}
	for path, handle := range map[string]fiber.Handler{"/pay": v.pay, "/paid": v.paid, "/refund": v.refundOwn} {
		v.app.Get("/c/:slug"+path, v.clean)
		v.app.Post("/c/:slug"+path, v.sameOrigin, v.limit, v.guard, handle)
	}
}

// pay signs the payment dialog for one tap on the button; every tap asks anew.
func (v *visitors) pay(c *fiber.Ctx) error {
	t, id, err := v.mine(c)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	person, err := v.Campaigns.Visitor(ctx, t.session.Visitor)
	if err != nil {
		return err
	}
	o, bridge, err := v.Orders.Pay(ctx, orders.Wish{
		Claim: id, Visitor: person.ID, Client: orders.Page, AppID: string(t.account.Credentials().AppID), OpenID: person.OpenID, IP: v.clientIP(c),
	})
	switch {
	case err != nil:
		return v.unpaid(c, t, err)
	case !o.Open():
		return v.again(c, t, nil)
	}
	return private(c, bridge)
}

// unpaid shows the page with why the payment could not begin, or be looked at.
func (v *visitors) unpaid(c *fiber.Ctx, t *visit, err error) error {
	all := fault.All(err)
	if len(all) == 0 || all[0].Code == fault.Internal || all[0].Code == fault.NotFound {
		return err
	}
	notice := i18n.TArgs(c.UserContext(), all[0].Key, all[0].Args)
	code := ""
	if errors.Is(err, orders.ErrGateway) || errors.Is(err, orders.ErrNoMerchant) { // ours to repair
		code = v.newSupport("pay")
		v.Log.Error("payment not begun", "support_code", code, "account", t.campaign.Account, "err", err)
	}
	return v.again(c, t, func(p *visitor.Page) { p.Notice, p.SupportCode = notice, code })
}

// paid asks WeChat what became of the payment.
func (v *visitors) paid(c *fiber.Ctx) error {
	t, id, err := v.mine(c)
	if err != nil {
		return err
	}
	o, err := v.Orders.Refresh(c.UserContext(), id, t.session.Visitor)
	switch {
	case errors.Is(err, orders.ErrNotFound):
		return v.again(c, t, nil)
	case err != nil && !errors.Is(err, orders.ErrGateway):
		return v.unpaid(c, t, err)
	case err != nil:
		v.Log.Warn("payment not looked at", "account", t.campaign.Account, "order", o.Number, "err", err)
	case !o.Open() && !wantsMain(c):
		return seeOther(c, pagePath(t.campaign.Slug, t.channel))
	}
	return v.again(c, t, func(p *visitor.Page) {
		asked := c.FormValue("closed") == "" // a dialog that says it was closed without paying waits for nothing
		if asked && (p.State == visitor.PayNeeded || p.State == visitor.PayFailed) {
			p.State = visitor.Paying
		}
	})
}

// refundOwn gives the money of an unused card back.
func (v *visitors) refundOwn(c *fiber.Ctx) error {
	t, id, err := v.mine(c)
	if err != nil {
		return err
	}
	if _, err := v.Orders.RefundOwn(c.UserContext(), id, t.session.Visitor); err != nil {
		return v.unpaid(c, t, err)
	}
	if !wantsMain(c) {
		return seeOther(c, pagePath(t.campaign.Slug, t.channel))
	}
	return v.again(c, t, nil)
}

// refundShown is how long the page says that the money went back, unless the visitor goes
// on.
const refundShown = 7 * 24 * time.Hour

// owed looks at the money of a page about a claim; "" leaves the state as it is.
func (s *Server) owed(ctx context.Context, p *visitor.Page, claim *campaigns.Claim) (visitor.State, error) {
	if s.Orders == nil || p.Campaign.Price.Fen == 0 {
		return "", nil
	}
	o, err := s.Orders.OrderOfClaim(ctx, claim.ID)
	switch {
	case errors.Is(err, orders.ErrNotFound): // the button was not pressed yet
	case err != nil:
		return "", err
	default:
		p.Order = &o
		p.CanRefund = s.Orders.CanRefundOwn(&o, claim, p.Campaign) && o.BackFen < o.Fen
	}
	if claim.State.Bucket() != campaigns.SetAside {
		return "", nil
	}
	until := claim.CreatedAt.Add(p.Campaign.Price.PayTime())
	switch {
	case p.Order == nil && claim.Overdue(p.Now):
		return "", nil
	case p.Order == nil, o.State == orders.Created && p.Now.Before(until):
		return visitor.PayNeeded, nil
	case p.Now.Before(until):
		return visitor.PayFailed, nil
	}
	return visitor.Paying, nil // the order is being closed, unless the money comes after all
}

// paidBack reports whether the visitor's last order in the campaign went back, lately, and
// puts it into the page.
func (s *Server) paidBack(ctx context.Context, p *visitor.Page) (bool, error) {
	if s.Orders == nil || p.Campaign.Price.Fen == 0 || p.Visitor == 0 {
		return false, nil
	}
	o, err := s.Orders.NewestOrder(ctx, p.Campaign.ID, p.Visitor)
	switch {
	case errors.Is(err, orders.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case o.State == orders.Refunding, o.State == orders.Refunded && p.Now.Sub(o.EndedAt) < refundShown:
		p.Order = &o
		return true, nil
	}
	return false, nil
}
