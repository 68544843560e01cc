package web

import (
	"context"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/orders"
	"kaquan/people"
	"kaquan/sheets"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// money is the frame of a page about the account that the request names, or the first.
func (s *Server) money(c *fiber.Ctx, who *signedIn, titleKey string, errs ui.Errors) (admin.Money, error) {
	shop, err := s.shop(c, who, titleKey, errs)
	shop.Page.Nav = "orders"
	return admin.Money{Shop: shop, CanAsk: who.can(people.OrdersRefund), CanApprove: who.can(people.OrdersApprove)}, err
}

// moneyOf is the frame of a page about something that belongs to an account.
func (s *Server) moneyOf(c *fiber.Ctx, who *signedIn, account campaigns.AccountID, title string, errs ui.Errors) (admin.Money, error) {
	accounts, err := s.Accounts.Accounts(c.UserContext())
	m := admin.Money{
		Shop:   admin.Shop{Page: s.page(c, who, "orders", "pay.orders.title"), Account: string(account), Zone: campaigns.Shanghai(), Errors: errs},
		CanAsk: who.can(people.OrdersRefund), CanApprove: who.can(people.OrdersApprove),
	}
	m.Page.Title = title
	if len(accounts) > 1 {
		m.Accounts = slices.DeleteFunc(accountOptions(accounts), func(o ui.Option) bool { return o.Value != m.Account })
	}
	return m, err
}

// number is a plain number of the address; 0 for anything else.
func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func orderQuery(c *fiber.Ctx) admin.OrderQuery {
	q := admin.OrderQuery{Search: oneLine(c.Query("q"), 64), From: day(c.Query("from")), To: day(c.Query("to"))}
	if id := campaigns.ParseID[campaigns.ID](c.Query("campaign")); id != 0 {
		q.Campaign = id.String()
	}
	if state := orders.State(c.Query("state")); slices.Contains(orders.States(), state) {
		q.State = string(state)
	}
	if n := number(c.Query("before")); n > 0 {
		q.Before = strconv.FormatInt(n, 10)
	}
	return q
}

func orderFilter(account string, q *admin.OrderQuery) orders.Filter {
	f := orders.Filter{
		Account: campaigns.AccountID(account), Campaign: campaigns.ParseID[campaigns.ID](q.Campaign), State: orders.State(q.State), Search: q.Search,
		Before: orders.ID(number(q.Before)),
	}
	if q.From != "" {
		f.From = startOfDay(q.From, 0)
	}
	if q.To != "" {
		f.To = startOfDay(q.To, 1)
	}
	return f
}

// handleOrders is the table of orders.
func (s *Server) handleOrders(c *fiber.Ctx, who *signedIn) (err error) {
	ctx := c.UserContext()
	m := &admin.Orders{Query: orderQuery(c)}
	if m.Money, err = s.money(c, who, "pay.orders.title", ui.Errors{}); err != nil {
		return err
	}
	if m.Account != "" {
		if m.Rows, err = s.Orders.List(ctx, orderFilter(m.Account, &m.Query)); err != nil {
			return err
		}
		if m.Campaigns, err = s.pricedOptions(ctx, campaigns.AccountID(m.Account)); err != nil {
			return err
		}
	}
	return render(c, fiber.StatusOK, admin.OrdersPage(m))
}

// pricedOptions are the account's campaigns that cost something.
func (s *Server) pricedOptions(ctx context.Context, account campaigns.AccountID) ([]ui.Option, error) {
	options := []ui.Option{{Label: i18n.T(ctx, "pay.orders.campaign.any")}}
	list, err := s.Campaigns.Campaigns(ctx, campaigns.CampaignFilter{Account: account, Archived: true})
	if err != nil {
		return nil, err
	}
	for _, one := range list {
		if one.Price.Fen > 0 {
			options = append(options, ui.Option{Value: one.ID.String(), Label: one.Name})
		}
	}
	return options, nil
}

// handleOrdersExport is the filtered table as a file.
func (s *Server) handleOrdersExport(format string) adminHandler {
	return func(c *fiber.Ctx, who *signedIn) error {
		account, err := s.reachAccount(c)
		if err != nil {
			return err
		}
		q := orderQuery(c)
		f := orderFilter(account, &q)
		write := sheets.Orders
		if format == "csv" {
			write = sheets.OrdersCSV
		}
		return s.moneyFile(c, who, "orders."+format, func(ctx context.Context, w io.Writer, o sheets.StoreSheet, check func(int) error) error {
			return write(ctx, w, o, s.Orders.Each(ctx, f), check)
		})
	}
}

// moneyFile hands out a file that is whole before its first byte goes out, so that a failure
// is never half a file. write calls check with the number of rows, which records who takes
// what.
func (s *Server) moneyFile(c *fiber.Ctx, who *signedIn, plain string, write func(ctx context.Context, w io.Writer, o sheets.StoreSheet, check func(int) error) error) error {
	ctx, file, closeFile, err := s.openFile(c)
	if err != nil {
		return err
	}
	defer closeFile()
	ip := s.clientIP(c)
	o := sheets.StoreSheet{Title: i18n.T(ctx, "pay.orders.title"), Zone: campaigns.Shanghai(), Created: s.Now()}
	err = write(ctx, file, o, func(rows int) error {
		return s.People.Record(ctx, who.Person, ip, "orders.export", "export", "", map[string]any{"rows": rows, "file": plain})
	})
	var end int64
	if err == nil {
		end, err = file.Seek(0, io.SeekEnd)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = file.Close()
		return err
	}
	name := i18n.T(ctx, "pay.orders.file", "stamp", s.Now().In(campaigns.Shanghai()).Format("20060102_1504"))
	_, ending, _ := strings.Cut(plain, ".")
	asSheet(c, plain, name+"."+ending)
	if ending == "csv" {
		c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	}
	c.Context().SetBodyStream(file, int(end)) // closes it, also when the client hangs up
	return nil
}

// orderRow is an order with what the table shows beside it.
func (s *Server) orderRow(ctx context.Context, id orders.ID) (orders.Row, error) {
	o, err := s.Orders.Order(ctx, id)
	if err != nil {
		return orders.Row{}, err
	}
	page, err := s.Orders.List(ctx, orders.Filter{Account: o.Account, Search: o.Number, Limit: 1})
	if err == nil && len(page.Rows) == 0 {
		err = orders.ErrNotFound
	}
	if err != nil {
		return orders.Row{}, err
	}
	return page.Rows[0], nil
}

// handleOrder is one order with its refunds.
func (s *Server) handleOrder(c *fiber.Ctx, who *signedIn) error {
	return s.showOrder(c, who, fiber.StatusOK, ui.Errors{}, admin.RefundForm{Key: randomText(16)})
}

func (s *Server) showOrder(c *fiber.Ctx, who *signedIn, status int, errs ui.Errors, form admin.RefundForm) error {
	ctx := c.UserContext()
	row, err := s.orderRow(ctx, orders.ID(number(c.Params("id"))))
	if err != nil {
		return err
	}
	m := &admin.OrderView{Row: row, Form: form}
	if m.Refunds, err = s.Orders.RefundsOf(ctx, row.ID); err != nil {
		return err
	}
	if m.Money, err = s.moneyOf(c, who, row.Account, i18n.T(ctx, "pay.order.title", "number", row.Number), errs); err != nil {
		return err
	}
	return render(c, status, admin.OrderPage(m))
}

// handleRefundAsk sets money of an order aside to go back.
func (s *Server) handleRefundAsk(c *fiber.Ctx, who *signedIn) error {
	id := orders.ID(number(c.Params("id")))
	form := admin.RefundForm{Key: oneLine(c.FormValue("key"), 40), Kind: c.FormValue("kind"), Amount: oneLine(typed(c, "amount"), 20), Reason: oneLine(typed(c, "reason"), 200)}
	ask := orders.Ask{Order: id, Reason: form.Reason, Key: form.Key}
	var err error
	if form.Kind == "part" {
		fen, ok := campaigns.ParseYuan(form.Amount)
		if !ok || fen == 0 {
			err = fault.New(fault.Invalid, "orders.error.amount").On("amount")
		}
		ask.Fen = fen
	}
	var r orders.Refund
	if err == nil {
		r, err = s.Orders.AskRefund(c.UserContext(), who.actor(c), ask)
	}
	if err != nil {
		return again(c, err, func(status int, errs ui.Errors) error { return s.showOrder(c, who, status, errs, form) })
	}
	s.flash(c, "success", "pay.refund.asked")
	return seeOther(c, admin.RefundPath(r.ID))
}
