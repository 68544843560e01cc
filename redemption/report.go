package redemption

import (
	"context"
	"iter"
	"time"

	"kaquan/campaigns"
)

// Redemption finds one; ErrNotFound.
func (s *Service) Redemption(ctx context.Context, id ID) (Row, error) {
	return s.store.Redemption(ctx, id)
}

// Of is the redemption of a claim that is pending or done; ErrNotFound.
func (s *Service) Of(ctx context.Context, claim campaigns.ClaimID) (Redemption, error) {
	return s.store.RedemptionOf(ctx, claim)
}

// List is a page of redemptions, the newest first.
func (s *Service) List(ctx context.Context, f Filter) (Page, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	limit := f.Limit
	f.Limit++
	rows, err := s.store.Redemptions(ctx, f)
	if err != nil {
		return Page{}, err
	}
	page := Page{Rows: rows}
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

// Totals sums the filtered redemptions up by place, person and campaign.
func (s *Service) Totals(ctx context.Context, f Filter) ([]Total, error) {
	return s.store.RedemptionTotals(ctx, f)
}

// Today is the day of the till: the redemptions of its place since midnight in Shanghai,
// the person's own, or with everybody all of them, and their sums.
func (s *Service) Today(ctx context.Context, till *Till, everybody bool, before ID) (Page, []Total, error) {
	y, m, d := s.now().In(campaigns.Shanghai()).Date()
	f := Filter{Account: till.account(), Place: till.Place.ID, From: time.Date(y, m, d, 0, 0, 0, 0, campaigns.Shanghai())}
	if !everybody || !till.Staff.Role.Manages() {
		f.Staff = till.Staff.ID
	}
	totals, err := s.store.RedemptionTotals(ctx, f)
	if err != nil {
		return Page{}, nil, err
	}
	f.Before = before
	page, err := s.List(ctx, f)
	return page, totals, err
}
