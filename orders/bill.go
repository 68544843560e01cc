package orders

import (
	"context"
	"time"

	"kaquan/campaigns"
	"kaquan/pay"
)

// BillRun is one comparison of a day with WeChat's bill.
type BillRun struct {
	Account campaigns.AccountID
	Day     string // 2006-01-02 in Shanghai
	At      time.Time
	Rows    int
	PaidFen int64
	BackFen int64
	FeeFen  int64 // rounded
	Differs int
	Problem string // why there is no result: a short code
}

// What differs.
const (
	DifferNotHere  = "not_here"  // in the bill, not with us
	DifferNotThere = "not_there" // with us, not in the bill
	DifferAmount   = "amount"
	DifferState    = "state" // WeChat has money that we count as unpaid
)

// Difference is a task: an order or a refund about which the bill and we do not agree.
type Difference struct {
	ID         int64
	Account    campaigns.AccountID
	Day        string
	What       string // a Differ…
	Kind       string // payment or refund
	Number     string
	Order      ID    // 0 = none of ours
	OursFen    int64 // 0 = nothing
	TheirsFen  int64
	FoundAt    time.Time
	ResolvedAt time.Time // zero = open
	ResolvedBy string
	Note       string
}

// Reconcile compares a day, which must be over, with WeChat's bill: what is missing on
// either side, amounts and states that differ. A payment that we missed is asked about at
// once. A repeat looks again.
func (s *Service) Reconcile(ctx context.Context, account campaigns.AccountID, day time.Time) (BillRun, error) {
	zone := campaigns.Shanghai()
	y, m, d := day.In(zone).Date()
	from := time.Date(y, m, d, 0, 0, 0, 0, zone)
	run := BillRun{Account: account, Day: from.Format(time.DateOnly), At: s.now().UTC()}
	_, gateway, err := s.merchant(ctx, account)
	if err != nil {
		return run, err
	}
	bill, err := gateway.Bill(ctx, pay.BillRequest{Day: from})
	if err != nil && !pay.NotFound(err) {
		run.Problem = "bill"
		return run, ErrGateway.Because(err)
	}
	b := comparison{service: s, run: &run, gateway: gateway, fees: map[ID]int64{}, payments: map[string]Order{}, refunds: map[string]Refund{}}
	paid, refunds, err := s.store.OrdersOn(ctx, account, from, from.AddDate(0, 0, 1))
	if err != nil {
		return run, err
	}
	for _, o := range paid {
		b.payments[o.Number] = o
	}
	for _, r := range refunds {
		b.refunds[r.Number] = r
	}
	if bill != nil {
		for row, err := range bill.Rows() {
			if err != nil {
				return run, ErrGateway.Because(err)
			}
			if err := b.row(ctx, row); err != nil {
				return run, err
			}
		}
	}
	for _, o := range b.payments {
		b.found(DifferNotThere, "payment", o.Number, o.ID, o.Fen, 0)
	}
	for _, r := range b.refunds {
		if r.State == Back { // one under way may be of another day's bill
			b.found(DifferNotThere, "refund", r.Number, r.Order, r.Fen, 0)
		}
	}
	run.Differs = len(b.differences)
	return run, s.store.SaveBill(ctx, run, b.fees, b.differences)
}

// comparison is one day's work. What is left in payments and refunds is not in the bill.
type comparison struct {
	service     *Service
	run         *BillRun
	gateway     pay.Gateway
	payments    map[string]Order
	refunds     map[string]Refund
	fees        map[ID]int64
	differences []Difference
}

func (b *comparison) found(what, kind, number string, order ID, ours, theirs int64) {
	b.differences = append(b.differences, Difference{
		Account: b.run.Account, Day: b.run.Day, What: what, Kind: kind, Number: number, Order: order, OursFen: ours, TheirsFen: theirs, FoundAt: b.run.At,
	})
}

func (b *comparison) row(ctx context.Context, row pay.BillRow) error {
	b.run.Rows++
	b.run.FeeFen = b.run.FeeFen + (row.FeeMilliFen+sign(row.FeeMilliFen)*500)/1000
	if row.State == pay.Refunded { // the columns of a refund hold zeros in the row of a payment
		return b.refund(ctx, row)
	}
	b.run.PaidFen += row.OrderFen
	o, known := b.payments[row.OutTradeNo]
	delete(b.payments, row.OutTradeNo)
	if !known {
		var err error
		o, err = b.service.store.OrderByNumber(ctx, b.run.Account, row.OutTradeNo)
		if err != nil {
			b.found(DifferNotHere, "payment", row.OutTradeNo, 0, 0, row.OrderFen)
			return nil
		}
		if o.Open() || o.State == Closed { // a notification was lost: the bill is the last road
			if o, err = b.service.ask(ctx, b.gateway, o); err != nil {
				return err
			}
		}
		if o.PaidAt.IsZero() {
			b.found(DifferState, "payment", o.Number, o.ID, 0, row.OrderFen)
			return nil
		}
	}
	b.fees[o.ID] += row.FeeMilliFen
	if o.Fen != row.OrderFen {
		b.found(DifferAmount, "payment", o.Number, o.ID, o.Fen, row.OrderFen)
	}
	return nil
}

func (b *comparison) refund(ctx context.Context, row pay.BillRow) error {
	b.run.BackFen += row.RefundAskedFen
	r, known := b.refunds[row.OutRefundNo]
	delete(b.refunds, row.OutRefundNo)
	if !known {
		var err error
		r, err = b.service.store.RefundByNumber(ctx, b.run.Account, row.OutRefundNo)
		if err != nil {
			b.found(DifferNotHere, "refund", row.OutRefundNo, 0, 0, row.RefundAskedFen)
			return nil
		}
	}
	b.fees[r.Order] += row.FeeMilliFen
	if r.Fen != row.RefundAskedFen {
		b.found(DifferAmount, "refund", r.Number, r.Order, r.Fen, row.RefundAskedFen)
	}
	return nil
}

func sign(n int64) int64 {
	if n < 0 {
		return -1
	}
	return 1
}

// Nightly compares yesterday for every merchant, once WeChat has the bill (from about ten
// in the morning); call it now and then.
func (s *Service) Nightly(ctx context.Context) error {
	now := s.now().In(campaigns.Shanghai())
	if now.Hour() < 10 {
		return nil
	}
	day := now.AddDate(0, 0, -1)
	accounts, err := s.store.Merchants(ctx)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		runs, err := s.store.BillRuns(ctx, account, 1)
		if err != nil {
			return err
		}
		if len(runs) > 0 && runs[0].Day == day.Format(time.DateOnly) {
			continue
		}
		if _, err := s.Reconcile(ctx, account, day); err != nil {
			s.log.WarnContext(ctx, "bill not compared", "account", account, "day", day.Format(time.DateOnly), "err", err)
		}
	}
	return ctx.Err()
}
