package orders

import (
	"context"
	"iter"
	"time"

	"kaquan/campaigns"
)

// Order finds one; ErrNotFound.
func (s *Service) Order(ctx context.Context, id ID) (Order, error) { return s.store.OrderByID(ctx, id) }

// RefundsOf lists the refunds of an order, the oldest first.
func (s *Service) RefundsOf(ctx context.Context, id ID) ([]Refund, error) {
	return s.store.RefundsOf(ctx, id)
}

// Refund finds one; ErrNotFound.
func (s *Service) Refund(ctx context.Context, id RefundID) (Refund, error) {
	return s.store.RefundByID(ctx, id)
}

// Refunds lists refunds, the newest first.
func (s *Service) Refunds(ctx context.Context, f RefundFilter) ([]RefundRow, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	return s.store.Refunds(ctx, f)
}

// List is a page of orders, the newest first.
func (s *Service) List(ctx context.Context, f Filter) (OrderPage, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	limit := f.Limit
	f.Limit++
	rows, err := s.store.Orders(ctx, f)
	if err != nil {
		return OrderPage{}, err
	}
	page := OrderPage{Rows: rows}
	if len(rows) > limit {
		page.Rows, page.Next = rows[:limit], rows[limit-1].ID
	}
	return page, nil
}

// Each streams everything that the filter selects, for exports.
func (s *Service) Each(ctx context.Context, f Filter) iter.Seq2[Row, error] {
	f.Before, f.Limit = 0, 1000
	return func(yield func(Row, error) bool) {
		for {
			page, err := s.List(ctx, f)
			if err != nil {
				yield(Row{}, err)
				return
			}
			for _, row := range page.Rows {
				if !yield(row, nil) {
					return
				}
			}
			if f.Before = page.Next; f.Before == 0 {
				return
			}
		}
	}
}

// Sums adds the account's money up by day, or by month, in Shanghai.
func (s *Service) Sums(ctx context.Context, account campaigns.AccountID, from, to time.Time, monthly bool) ([]Sum, error) {
	return s.store.Sums(ctx, account, from, to, monthly)
}

// BillRuns lists the last comparisons with bills.
func (s *Service) BillRuns(ctx context.Context, account campaigns.AccountID) ([]BillRun, error) {
	return s.store.BillRuns(ctx, account, 31)
}

// Differences lists what bills and we do not agree on, the newest first.
func (s *Service) Differences(ctx context.Context, account campaigns.AccountID, open bool) ([]Difference, error) {
	return s.store.BillDifferences(ctx, account, open, 200)
}

// ResolveDifference closes a task with a note on what was found out. A repeat is safe.
func (s *Service) ResolveDifference(ctx context.Context, actor campaigns.Actor, id int64, note string) error {
	if n := []rune(note); len(n) > 200 {
		note = string(n[:200])
	}
	return s.store.ResolveDifference(ctx, id, actor.Name, note, s.now().UTC())
}
