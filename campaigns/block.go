package campaigns

import (
	"context"
	"slices"
	"time"
)

// BlockStore is what the store does for blocking people.
type BlockStore interface {
	// SetBlocked blocks people from a time on, or with the zero time lets them in again, each
	// with an audit line of its own, and says whom it changed. Hold refuses whoever is blocked
	// (ErrBlocked).
	SetBlocked(ctx context.Context, people []VisitorID, at time.Time, audit Audit) ([]VisitorID, error)
}

// Block keeps the holders of the claims from claiming anything more of the account, and says
// who was not blocked before. What they have stays theirs. A repeat is safe. ErrNotFound,
// ErrManyClaims.
func (s *Service) Block(ctx context.Context, actor Actor, claims []ClaimID) ([]VisitorID, error) {
	if len(claims) > MaxClaims {
		return nil, ErrManyClaims
	}
	var people []VisitorID
	for _, id := range claims {
		claim, err := s.store.ClaimByID(ctx, id)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(people, claim.Visitor) {
			people = append(people, claim.Visitor)
		}
	}
	now := s.now().UTC()
	return s.store.SetBlocked(ctx, people, now, s.audit(actor, "visitor.block", now, nil))
}

// Unblock lets people claim again, and says who was blocked. A repeat is safe. ErrManyClaims.
func (s *Service) Unblock(ctx context.Context, actor Actor, people []VisitorID) ([]VisitorID, error) {
	if len(people) > MaxClaims {
		return nil, ErrManyClaims
	}
	return s.store.SetBlocked(ctx, people, time.Time{}, s.audit(actor, "visitor.unblock", s.now().UTC(), nil))
}
