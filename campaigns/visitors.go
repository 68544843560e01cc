package campaigns

import (
	"context"
	"iter"
)

// VisitorFilter selects visitors; zero values do not filter. Before is the keyset cursor:
// the id of the last row of the page before.
type VisitorFilter struct {
	Account AccountID
	Search  string // a whole openid, or the start of a nickname
	Before  VisitorID
	Limit   int
}

// VisitorRow is a visitor as lists and exports show one.
type VisitorRow struct {
	Visitor
	Details
	Claims int // that are not released
}

// VisitorPage is one page; Next is the cursor of the following one, 0 at the end.
type VisitorPage struct {
	Rows []VisitorRow
	Next VisitorID
}

// Visitors reads lists of visitors, newest first; whoever erased their data is in none.
type Visitors interface {
	Visitors(ctx context.Context, f VisitorFilter) (VisitorPage, error)
	// EachVisitor streams every filtered visitor.
	EachVisitor(ctx context.Context, f VisitorFilter) iter.Seq2[VisitorRow, error]
	// ClaimCounts counts a campaign's claims by state.
	ClaimCounts(ctx context.Context, campaign ID) (map[ClaimState]int64, error)
}

// Visitors is one page of the filtered visitors.
func (s *Service) Visitors(ctx context.Context, f VisitorFilter) (VisitorPage, error) {
	if f.Limit <= 0 || f.Limit > 500 {
		f.Limit = PageSize
	}
	return s.store.Visitors(ctx, f)
}

// EachVisitor streams the filtered visitors for an export.
func (s *Service) EachVisitor(ctx context.Context, f VisitorFilter) iter.Seq2[VisitorRow, error] {
	return s.store.EachVisitor(ctx, f)
}

// ClaimCounts counts a campaign's claims by state, gifts included.
func (s *Service) ClaimCounts(ctx context.Context, campaign ID) (map[ClaimState]int64, error) {
	return s.store.ClaimCounts(ctx, campaign)
}

// NumbersOf are a campaign's numbers at this moment.
func (s *Service) NumbersOf(ctx context.Context, c *Campaign) (Numbers, error) {
	all, err := s.store.OverviewNumbers(ctx, []NumbersWindow{WindowOf(c, s.now().UTC())})
	return all[c.ID], err
}
