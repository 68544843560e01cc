package web

import (
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/orders"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// handleFinance adds the money up and lists what bills said.
func (s *Server) handleFinance(c *fiber.Ctx, who *signedIn) (err error) {
	ctx := c.UserContext()
	m := &admin.Finance{Monthly: c.Query("by") == "month", AllTasks: c.Query("tasks") == "all"}
	if m.Money, err = s.money(c, who, "pay.finance.title", ui.Errors{}); err != nil {
		return err
	}
	if m.Account == "" {
		return render(c, fiber.StatusOK, admin.FinancePage(m))
	}
	account := campaigns.AccountID(m.Account)
	today := s.Now().In(campaigns.Shanghai())
	m.Day = today.AddDate(0, 0, -1).Format(time.DateOnly)
	m.From, m.To = day(c.Query("from")), day(c.Query("to"))
	if m.To == "" {
		m.To = today.Format(time.DateOnly)
	}
	if m.From == "" {
		from := startOfDay(m.To, -30)
		if m.Monthly {
			y, month, _ := startOfDay(m.To, 0).Date()
			from = time.Date(y, month-11, 1, 0, 0, 0, 0, campaigns.Shanghai())
		}
		m.From = from.Format(time.DateOnly)
	}
	if m.Sums, err = s.Orders.Sums(ctx, account, startOfDay(m.From, 0), startOfDay(m.To, 1), m.Monthly); err != nil {
		return err
	}
	for _, sum := range m.Sums {
		m.Total.Orders += sum.Orders
		m.Total.PaidFen += sum.PaidFen
		m.Total.Backs += sum.Backs
		m.Total.BackFen += sum.BackFen
		m.Total.FeeMilliFen += sum.FeeMilliFen
	}
	if m.Identity, err = s.Orders.CheckMoney(ctx, account); err != nil {
		return err
	}
	if m.Runs, err = s.Orders.BillRuns(ctx, account); err != nil {
		return err
	}
	if m.Differences, err = s.Orders.Differences(ctx, account, !m.AllTasks); err != nil {
		return err
	}
	_, err = s.Orders.Merchant(ctx, account)
	if m.Merchant = err == nil; err != nil && !errors.Is(err, orders.ErrNoMerchant) {
		return err
	}
	return render(c, fiber.StatusOK, admin.FinancePage(m))
}

// handleCompare compares a day that is over with WeChat's bill.
func (s *Server) handleCompare(c *fiber.Ctx, who *signedIn) error {
	account, err := s.reachAccount(c)
	if err != nil {
		return err
	}
	back := s.atAccount(c, admin.FinancePath)
	chosen := day(c.FormValue("day"))
	if chosen == "" || !startOfDay(chosen, 1).Before(s.Now()) && !s.earlyBills(c, account) {
		s.flash(c, "warning", "pay.finance.not_over")
		return seeOther(c, back)
	}
	ctx := c.UserContext()
	if err := s.People.Record(ctx, who.Person, s.clientIP(c), "orders.compare", "account", account, map[string]any{"day": chosen}); err != nil {
		return err
	}
	run, err := s.Orders.Reconcile(ctx, campaigns.AccountID(account), startOfDay(chosen, 0))
	if err != nil {
		return s.sorry(c, err, back)
	}
	kind := "success"
	if run.Differs > 0 {
		kind = "warning"
	}
	s.flash(c, kind, "pay.finance.compared", "day", run.Day, "rows", run.Rows, "differs", run.Differs)
	return seeOther(c, back)
}

// earlyBills reports whether the account's WeChat is a rehearsal, which has the bill of the
// running day.
func (s *Server) earlyBills(c *fiber.Ctx, account string) bool {
	a, err := s.Accounts.Account(c.UserContext(), campaigns.AccountID(account))
	return err == nil && a.Credentials.Sandbox
}

// handleDifferenceResolve closes a task with a note on what was found out.
func (s *Server) handleDifferenceResolve(c *fiber.Ctx, who *signedIn) error {
	back := s.atAccount(c, admin.FinancePath)
	note := oneLine(typed(c, "note"), 200)
	if note == "" {
		s.flash(c, "warning", "campaign.error.required")
		return seeOther(c, back)
	}
	ctx, id := c.UserContext(), number(c.Params("id"))
	if err := s.Orders.ResolveDifference(ctx, who.actor(c), id, note); err != nil {
		return s.sorry(c, err, back)
	}
	if err := s.People.Record(ctx, who.Person, s.clientIP(c), "orders.difference.resolve", "difference", c.Params("id"), map[string]any{"note": note}); err != nil {
		return err
	}
	s.flash(c, "success", "pay.finance.resolved")
	return seeOther(c, back)
}
