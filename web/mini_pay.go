package web

import (
	"context"
	"errors"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/mini"
	"kaquan/orders"
	"kaquan/pay"
)

// miniOrder is what a claim costs, as docs/mini-api.md describes it.
type miniOrder struct {
	State      string `json:"state"`
	Amount     int64  `json:"amount"` // fen
	Back       int64  `json:"back"`   // of it, back or on the way
	ExpiresAt  string `json:"expires_at"`
	PaidAt     string `json:"paid_at"`
	Refundable bool   `json:"refundable"`
}

// miniPayment is the answer of all calls about money; each fills what it knows.
type miniPayment struct {
	Order   *miniOrder      `json:"order"`
	Payment *pay.MiniBridge `json:"payment,omitempty"`
	Claim   *miniClaim      `json:"claim,omitempty"`
	Page    *miniPage       `json:"page,omitempty"`
}

// payRoutes are the calls about the money of a claim.
func (m *minis) payRoutes(v1 fiber.Router) {
	if m.Orders == nil {
		return
	}
	v1.Post("/claims/:id/pay", m.signed(m.writes, m.handlePay))
	v1.Post("/claims/:id/pay/refresh", m.signed(m.writes, m.handlePaid))
	v1.Post("/claims/:id/refund", m.signed(m.writes, m.handleRefund))
}

func (m *minis) orderAnswer(o *orders.Order, c *campaigns.Campaign, claim *campaigns.Claim) *miniOrder {
	state := string(o.State)
	if o.Open() {
		state = "awaiting"
	}
	return &miniOrder{
		State: state, Amount: o.Fen, Back: o.BackFen, ExpiresAt: stamp(o.ExpiresAt), PaidAt: stamp(o.PaidAt),
		Refundable: m.Orders.CanRefundOwn(o, claim, c) && o.BackFen < o.Fen,
	}
}

// addOrder tells of the money of a claim, of a card that has a price.
func (m *minis) addOrder(ctx context.Context, c *campaigns.Campaign, claim *campaigns.Claim, a *miniClaim) {
	if m.Orders == nil || c.Price.Fen == 0 {
		return
	}
	if claim.State.Bucket() == campaigns.SetAside {
		a.HoldUntil = stamp(claim.CreatedAt.Add(c.Price.PayTime()))
	}
	o, err := m.Orders.OrderOfClaim(ctx, claim.ID)
	switch {
	case err == nil:
		a.Order = m.orderAnswer(&o, c, claim)
	case !errors.Is(err, orders.ErrNotFound):
		m.Log.ErrorContext(ctx, "order not read", "claim", claim.ID, "err", err)
	}
}

// handlePay signs the payment dialog for one tap; every tap asks anew.
func (m *minis) handlePay(c *fiber.Ctx, who *mini.Session) error {
	id, campaign, err := m.claimID(c, who)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	o, bridge, err := m.Orders.Pay(ctx, orders.Wish{Claim: id, Visitor: who.Visitor, Client: orders.Mini, AppID: string(who.App), OpenID: who.OpenID, IP: m.clientIP(c)})
	if err != nil {
		return err
	}
	claim, _, err := m.Campaigns.Mine(ctx, id, who.Visitor)
	if err != nil {
		return err
	}
	answer := miniPayment{Order: m.orderAnswer(&o, campaign, claim)}
	if o.Open() {
		dialog := bridge.Mini()
		answer.Payment = &dialog
	}
	return sendJSON(c, fiber.StatusOK, &answer)
}

// handlePaid asks WeChat what became of the payment. That WeChat does not answer is no
// error: the order is told as it stands.
func (m *minis) handlePaid(c *fiber.Ctx, who *mini.Session) error {
	id, campaign, err := m.claimID(c, who)
	if err != nil {
		return err
	}
	o, err := m.Orders.Refresh(c.UserContext(), id, who.Visitor)
	if errors.Is(err, orders.ErrGateway) {
		m.Log.Warn("payment not looked at", "account", campaign.Account, "order", o.Number, "err", err)
		err = nil
	}
	if err != nil {
		return err
	}
	return m.sendPaid(c, who, id, campaign, &o)
}

// handleRefund gives the money of an unused card back.
func (m *minis) handleRefund(c *fiber.Ctx, who *mini.Session) error {
	id, campaign, err := m.claimID(c, who)
	if err != nil {
		return err
	}
	o, err := m.Orders.RefundOwn(c.UserContext(), id, who.Visitor)
	if err != nil {
		return err
	}
	return m.sendPaid(c, who, id, campaign, &o)
}

// sendPaid answers with the order, its claim and the page as they are now.
func (m *minis) sendPaid(c *fiber.Ctx, who *mini.Session, id campaigns.ClaimID, campaign *campaigns.Campaign, o *orders.Order) error {
	ctx := c.UserContext()
	claim, fresh, err := m.Campaigns.Mine(ctx, id, who.Visitor)
	if err != nil {
		return err
	}
	answer := m.claimAnswer(ctx, fresh, claim)
	page, err := m.page(ctx, who, fresh, claim.Channel, false)
	if err != nil {
		return err
	}
	return sendJSON(c, fiber.StatusOK, &miniPayment{Order: m.orderAnswer(o, campaign, claim), Claim: &answer, Page: page})
}
