package web

import (
	"strconv"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/orders"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

const refundsShown = 50

// handleRefunds is the queue: what waits for somebody, or everything.
func (s *Server) handleRefunds(c *fiber.Ctx, who *signedIn) (err error) {
	m := &admin.Refunds{All: c.Query("show") == "all"}
	if m.Money, err = s.money(c, who, "pay.refund.title", ui.Errors{}); err != nil {
		return err
	}
	if m.Account == "" {
		return render(c, fiber.StatusOK, admin.RefundsPage(m))
	}
	f := orders.RefundFilter{Account: campaigns.AccountID(m.Account), Before: orders.RefundID(number(c.Query("before"))), Limit: refundsShown + 1}
	if f.Before > 0 {
		m.Before = strconv.FormatInt(int64(f.Before), 10)
	}
	if !m.All {
		f.States = []orders.RefundState{orders.Asked, orders.Approved, orders.Failed, orders.Abnormal}
	}
	if m.Rows, err = s.Orders.Refunds(c.UserContext(), f); err != nil {
		return err
	}
	if len(m.Rows) > refundsShown {
		m.Rows = m.Rows[:refundsShown]
		m.Next = m.Rows[refundsShown-1].ID
	}
	return render(c, fiber.StatusOK, admin.RefundsPage(m))
}

func refundID(c *fiber.Ctx) orders.RefundID { return orders.RefundID(number(c.Params("id"))) }

// handleRefund is one refund with the second step.
func (s *Server) handleRefund(c *fiber.Ctx, who *signedIn) error {
	return s.showRefund(c, who, fiber.StatusOK, ui.Errors{})
}

func (s *Server) showRefund(c *fiber.Ctx, who *signedIn, status int, errs ui.Errors) error {
	ctx := c.UserContext()
	r, err := s.Orders.Refund(ctx, refundID(c))
	if err != nil {
		return err
	}
	m := &admin.RefundView{Refund: r}
	if m.Row, err = s.orderRow(ctx, r.Order); err != nil {
		return err
	}
	if m.Money, err = s.moneyOf(c, who, r.Account, i18n.T(ctx, "pay.refund.page", "amount", i18n.Money(r.Fen)), errs); err != nil {
		return err
	}
	return render(c, status, admin.RefundPage(m))
}

// handleRefundApprove lets the money go, once the tick says that its amount was read.
func (s *Server) handleRefundApprove(c *fiber.Ctx, who *signedIn) error {
	if c.FormValue("confirm") != "1" {
		errs := ui.Errors{}
		errs.Add("confirm", i18n.T(c.UserContext(), "orders.error.confirm"))
		return s.showRefund(c, who, fiber.StatusUnprocessableEntity, errs)
	}
	r, err := s.Orders.ApproveRefund(c.UserContext(), who.actor(c), refundID(c))
	return s.afterRefund(c, r, err, "pay.refund.approved")
}

// handleRefundReject ends it without money moving.
func (s *Server) handleRefundReject(c *fiber.Ctx, who *signedIn) error {
	r, err := s.Orders.RejectRefund(c.UserContext(), who.actor(c), refundID(c))
	return s.afterRefund(c, r, err, "pay.refund.rejected")
}

// handleRefundRetry sends one again that WeChat refused.
func (s *Server) handleRefundRetry(c *fiber.Ctx, who *signedIn) error {
	id := refundID(c)
	if err := s.People.Record(c.UserContext(), who.Person, s.clientIP(c), "orders.refund.retry", "refund", strconv.FormatInt(int64(id), 10), nil); err != nil {
		return err
	}
	r, err := s.Orders.RetryRefund(c.UserContext(), id)
	return s.afterRefund(c, r, err, "pay.refund.retried")
}

func (s *Server) afterRefund(c *fiber.Ctx, r orders.Refund, err error, done string) error {
	back := admin.RefundPath(refundID(c))
	switch {
	case err != nil:
		return s.sorry(c, err, back)
	case r.State == orders.Failed:
		s.flash(c, "danger", "pay.refund.failed", "code", r.Problem)
	default:
		s.flash(c, "success", done)
	}
	return seeOther(c, back)
}
