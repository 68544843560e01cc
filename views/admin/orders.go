package admin

import (
	"context"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/orders"
	"kaquan/views/ui"
)

// The addresses of the pages about money.
const (
	OrdersPath  = "/admin/orders"
	RefundsPath = "/admin/refunds"
	FinancePath = "/admin/finance"
)

// OrderPath is the address of an order's page.
func OrderPath(id orders.ID) string { return OrdersPath + "/" + strconv.FormatInt(int64(id), 10) }

// RefundPath is the address of a refund's page.
func RefundPath(id orders.RefundID) string {
	return RefundsPath + "/" + strconv.FormatInt(int64(id), 10)
}

// Money is what every page about orders has.
type Money struct {
	Shop
	CanAsk     bool // for refunds
	CanApprove bool
}

// OrderQuery is the filter as the address has it.
type OrderQuery struct {
	Campaign, State, Search, From, To, Before string
}

func (q *OrderQuery) pairs(before string) []string {
	return []string{"campaign", q.Campaign, "state", q.State, "q", q.Search, "from", q.From, "to", q.To, "before", before}
}

func (q *OrderQuery) filters() bool { return q.Campaign+q.State+q.Search+q.From+q.To != "" }

// Orders is the table of orders.
type Orders struct {
	Money
	Query     OrderQuery
	Rows      orders.OrderPage
	Campaigns []ui.Option // those with a price
}

func (m *Orders) next() string {
	if m.Rows.Next == 0 {
		return ""
	}
	return m.At(OrdersPath, m.Query.pairs(strconv.FormatInt(int64(m.Rows.Next), 10))...)
}

// OrderView is one order with its refunds.
type OrderView struct {
	Money
	Row     orders.Row
	Refunds []orders.Refund
	Form    RefundForm
}

// RefundForm is what was typed about a refund.
type RefundForm struct{ Key, Kind, Amount, Reason string }

func (m *OrderView) left() int64 { return m.Row.Fen - m.Row.BackFen }

// asks reports whether a refund can be asked for.
func (m *OrderView) asks() bool {
	return m.CanAsk && m.Row.State == orders.Paid && m.left() > 0 && m.Row.ClaimState != campaigns.Redeemed
}

func (f *RefundForm) amount(ctx context.Context, m *Shop) ui.Input {
	return ui.Input{
		Name: "amount", Label: i18n.T(ctx, "pay.refund.amount"), Value: f.Amount, Errors: m.Errors.Of("amount"), Autocomplete: "off",
		Attrs: attrs("inputmode", "decimal", "maxlength", "14"),
	}
}

func (f *RefundForm) reason(ctx context.Context, m *Shop) ui.Input {
	return ui.Input{
		Name: "reason", Label: i18n.T(ctx, "pay.refund.reason"), Hint: i18n.T(ctx, "pay.refund.reason.hint"), Value: f.Reason, Errors: m.Errors.Of("reason"),
		Required: true, Max: 80, Autocomplete: "off",
	}
}

// Refunds is the queue of refunds.
type Refunds struct {
	Money
	All    bool
	Rows   []orders.RefundRow
	Before string
	Next   orders.RefundID
}

func (m *Refunds) scope() string {
	if m.All {
		return "all"
	}
	return ""
}

func (m *Refunds) next() string {
	if m.Next == 0 {
		return ""
	}
	return m.At(RefundsPath, "show", m.scope(), "before", strconv.FormatInt(int64(m.Next), 10))
}

// RefundView is one refund, with what deciding it does.
type RefundView struct {
	Money
	Refund orders.Refund
	Row    orders.Row
}

// whole reports whether the refund takes the card back: nothing of the money stays.
func (m *RefundView) whole() bool {
	return m.Refund.Whole || m.Refund.State == orders.Asked && m.Row.BackFen == m.Row.Fen
}

// Finance is the page with totals and bills.
type Finance struct {
	Money
	Monthly     bool
	From, To    string
	Sums        []orders.Sum
	Total       orders.Sum
	Identity    orders.Money
	Runs        []orders.BillRun
	Differences []orders.Difference
	AllTasks    bool
	Day         string // proposed for a comparison
	Merchant    bool
}

func net(s *orders.Sum) int64 { return s.PaidFen - s.BackFen - fee(s.FeeMilliFen) }

// fee is WeChat's in fen, rounded.
func fee(milli int64) int64 {
	if milli < 0 {
		return -fee(-milli)
	}
	return (milli + 500) / 1000
}

func moneyClass(column string) string {
	switch column {
	case "amount", "back", "fee", "orders", "income", "outcome", "net", "lines", "differs", "ours", "theirs":
		return "text-md-end"
	}
	return ""
}

var orderColours = map[orders.State]string{
	orders.Created: "status-secondary", orders.Prepaid: "status-yellow", orders.Paid: "status-green", orders.Refunding: "status-orange",
	orders.Refunded: "status-secondary", orders.Closed: "status-secondary",
}

var refundColours = map[orders.RefundState]string{
	orders.Asked: "status-yellow", orders.Approved: "status-azure", orders.Sent: "status-azure", orders.Back: "status-green", orders.Rejected: "status-secondary",
	orders.Failed: "status-red", orders.Abnormal: "status-red",
}

func orderStates(ctx context.Context) []ui.Option {
	options := []ui.Option{{Label: i18n.T(ctx, "pay.orders.state.any")}}
	for _, s := range orders.States() {
		options = append(options, ui.Option{Value: string(s), Label: i18n.T(ctx, "pay.state."+string(s))})
	}
	return options
}

// refundReason is why money goes back: what staff typed, or one of our own reasons.
func refundReason(ctx context.Context, r *orders.Refund) string {
	switch r.Reason {
	case orders.WhyNoStock, orders.WhyGone, "visitor":
		return i18n.T(ctx, "pay.order.reason."+r.Reason)
	}
	return r.Reason
}

func refundBy(ctx context.Context, r *orders.Refund) string {
	if r.AskedBy == "" {
		return i18n.T(ctx, "pay.order.nobody")
	}
	return r.AskedBy
}

// person is how the table calls a visitor.
func person(r *orders.Row) string {
	v := campaigns.Visitor{ID: r.Visitor}
	if r.Nickname == "" {
		return v.Alias()
	}
	return r.Nickname + " · " + v.Alias()
}

func dated(ctx context.Context, t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return i18n.DateTime(ctx, t, zone)
}

func orderClaimPath(id campaigns.ClaimID) templ.SafeURL {
	return templ.URL("/admin/claims/" + id.String())
}
