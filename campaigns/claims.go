package campaigns

import (
	"context"
	"iter"

	"kaquan/fault"
)

// PageSize is how many claims one page of the table shows.
const PageSize = 50

// Claims is one page of the filtered claims.
func (s *Service) Claims(ctx context.Context, f ClaimFilter) (ClaimPage, error) {
	if f.Limit <= 0 || f.Limit > 500 {
		f.Limit = PageSize
	}
	return s.store.Claims(ctx, f)
}

// CountClaims counts the filtered claims; exact is false when there are more than the ceiling.
func (s *Service) CountClaims(ctx context.Context, f ClaimFilter, ceiling int) (n int, exact bool, err error) {
	return s.store.CountClaims(ctx, f, ceiling)
}

// EachClaim streams the filtered claims for an export.
func (s *Service) EachClaim(ctx context.Context, f ClaimFilter) iter.Seq2[ClaimRow, error] {
	return s.store.EachClaim(ctx, f)
}

// Detail is everything the admin shows about one claim.
type Detail struct {
	Claim    Claim
	Campaign *Campaign
	Visitor  Visitor
	History  []Event
	Others   []ClaimRow // the visitor's other claims, newest first
}

// Detail reads one claim with its person and history; ErrNotFound otherwise.
func (s *Service) Detail(ctx context.Context, id ClaimID) (*Detail, error) {
	claim, err := s.store.ClaimByID(ctx, id)
	if err != nil {
		return nil, err
	}
	d := &Detail{Claim: *claim}
	if d.Campaign, err = s.store.CampaignByID(ctx, claim.Campaign); err != nil {
		return nil, err
	}
	if d.Visitor, err = s.store.VisitorByID(ctx, claim.Visitor); err != nil {
		return nil, err
	}
	if d.History, err = s.store.History(ctx, id); err != nil {
		return nil, err
	}
	page, err := s.store.Claims(ctx, ClaimFilter{Visitor: claim.Visitor, Limit: 20})
	if err != nil {
		return nil, err
	}
	for _, row := range page.Rows {
		if row.ID != id {
			d.Others = append(d.Others, row)
		}
	}
	return d, nil
}

// CheckStock compares the counters of a campaign with its claim rows; a difference is
// ErrLedger with both sides in its arguments.
func (s *Service) CheckStock(ctx context.Context, id ID) (Stock, error) {
	counted, stored, err := s.store.CheckStock(ctx, id)
	if err != nil {
		return stored, err
	}
	if counted != stored {
		return stored, ErrLedger.Because(fault.New(fault.Internal, "ledger.difference",
			"held", counted.Held-stored.Held, "confirmed", counted.Confirmed-stored.Confirmed))
	}
	return stored, nil
}

// ErrLedger says that the counters and the rows of a campaign disagree.
var ErrLedger = fault.New(fault.Internal, "ledger.mismatch")
