package stores

import (
	"context"
	"errors"
	"time"
)

// CountState is where a count stands.
type CountState string

// The states.
const (
	CountOpen      CountState = "open"
	CountDone      CountState = "closed"
	CountCancelled CountState = "cancelled"
)

// Count is one counting of what is at a place. At most one is open at a place.
type Count struct {
	ID        CountID
	Account   AccountID
	Place     PlaceID
	State     CountState
	By        string
	OpenedAt  time.Time
	ClosedAt  time.Time
	Lines     int
	Different int // lines with a difference when it was closed, or now while it is open
}

// CountLine is one article of a count. Expected is the stock when it was counted; what moves
// between that and the end is kept.
type CountLine struct {
	Goods     GoodsID
	GoodsName string
	Barcode   string
	Unit      string
	Expected  int64
	Seen      int64
	At        time.Time
}

// Difference is how many there are more than expected.
func (l *CountLine) Difference() int64 { return l.Seen - l.Expected }

// OpenCount starts a count at a place; ErrCountOpen when one is under way, with which a repeat is
// harmless.
func (s *Service) OpenCount(ctx context.Context, by Actor, place PlaceID) (Count, error) {
	p, err := s.store.Place(ctx, place)
	if err != nil {
		return Count{}, err
	}
	now := s.Now()
	c := Count{ID: CountID(s.ids.next(now)), Account: p.Account, Place: place, State: CountOpen, By: by.Name, OpenedAt: now}
	return c, s.store.OpenCount(ctx, c, s.audit(by, "stores.count.open"))
}

// Count finds a count with its lines, the last counted first; ErrCountNotFound.
func (s *Service) Count(ctx context.Context, id CountID) (Count, []CountLine, error) {
	return s.store.Count(ctx, id)
}

// Counts lists the account's last counts, the newest first, at most limit.
func (s *Service) Counts(ctx context.Context, account AccountID, limit int) ([]Count, error) {
	return s.store.Counts(ctx, account, limit)
}

// SetSeen writes how many of an article were seen. ErrCountClosed, ErrGoodsNotFound. A repeat is
// safe.
func (s *Service) SetSeen(ctx context.Context, id CountID, goods GoodsID, seen int64) error {
	if seen < 0 || seen > MaxQuantity {
		return invalid("seen", "number")
	}
	return s.store.SetSeen(ctx, id, goods, seen, s.Now())
}

// DropSeen takes a line out of an open count. A repeat is safe.
func (s *Service) DropSeen(ctx context.Context, id CountID, goods GoodsID) error {
	return s.store.DropSeen(ctx, id, goods)
}

// CloseCount ends a count and books every difference, in one transaction. ErrCountClosed when
// somebody else was first.
func (s *Service) CloseCount(ctx context.Context, by Actor, id CountID, reason string) ([]Movement, error) {
	return s.store.CloseCount(ctx, id, by, cut(reason, maxReason), s.audit(by, "stores.count.close"))
}

// CancelCount ends a count without booking anything; ErrCountClosed.
func (s *Service) CancelCount(ctx context.Context, by Actor, id CountID) error {
	return s.store.CancelCount(ctx, id, s.audit(by, "stores.count.cancel"))
}

// RowFault is the refusal of one of several moves; Index says which.
type RowFault struct {
	Index int
	Err   error
}

// Error is the text for the log.
func (e *RowFault) Error() string { return e.Err.Error() }

// Unwrap is the refusal itself.
func (e *RowFault) Unwrap() error { return e.Err }

func asRowFault(err error, target **RowFault) bool { return errors.As(err, target) }
