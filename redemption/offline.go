package redemption

import (
	"context"
	"errors"
	"strconv"
	"time"

	"kaquan/campaigns"
	"kaquan/stores"
)

// Offline is a card that a till accepted without network.
type Offline struct {
	Text string    // the pass: only signed codes can be accepted without network
	At   time.Time // the till's time
	Key  string
}

// The bounds of what a till may bring in.
const (
	MaxOffline = 200
	offlineAge = 72 * time.Hour
	clockSlack = 5 * time.Minute // a till's clock may be ahead
)

// Synced is what became of one of them. Row says which.
type Synced struct {
	Key        string
	Verdict    Verdict // Good when it was booked
	Redemption Redemption
}

// Sync brings in what a till accepted without network, each by itself: it is booked with
// the till's time, or it is a task for the manager. A repeat with the same keys is safe.
func (s *Service) Sync(ctx context.Context, till *Till, list []Offline) ([]Synced, error) {
	if len(list) > MaxOffline {
		return nil, ErrTooMany
	}
	done := make([]Synced, 0, len(list))
	for _, o := range list {
		if !keyShape.MatchString(o.Key) {
			return done, ErrBadKey
		}
		one, err := s.sync(ctx, till, o)
		if err != nil {
			return done, err
		}
		done = append(done, one)
	}
	return done, nil
}

func (s *Service) sync(ctx context.Context, till *Till, o Offline) (Synced, error) {
	now := s.now().UTC()
	at := o.At.UTC()
	if at.After(now) && at.Before(now.Add(clockSlack)) {
		at = now
	}
	v, err := s.look(ctx, till, o.Text, at, false)
	if err != nil {
		return Synced{}, err
	}
	if v.Verdict == Good && (!v.Scan.Signed || v.Claim.Issuer == campaigns.WeChatCard || at.After(now) || at.Before(now.Add(-offlineAge))) {
		v.Verdict = Unclear // nobody could know at the till that it was good
	}
	r, v, err := s.book(ctx, till, v, o.Key, at, true)
	if err == nil {
		return Synced{Key: o.Key, Verdict: Good, Redemption: r}, nil
	}
	if !errors.Is(err, ErrRefused) {
		return Synced{}, err
	}
	c := Conflict{
		Account: till.account(), Place: till.Place.ID, PlaceName: till.Place.Name, Staff: till.Staff.ID, StaffName: till.Staff.Name,
		Code: v.Scan.Code, Verdict: v.Verdict, At: at, BookedAt: now, Key: o.Key,
	}
	if v.Claim != nil {
		c.Claim = v.Claim.ID
	}
	s.log.WarnContext(ctx, "a card accepted without network could not be redeemed", "account", c.Account, "verdict", c.Verdict, "claim", c.Claim)
	return Synced{Key: o.Key, Verdict: v.Verdict}, s.store.AddConflict(ctx, c)
}

// Conflicts lists the tasks of the account, the newest first; place 0 is all places.
func (s *Service) Conflicts(ctx context.Context, account campaigns.AccountID, place stores.PlaceID, open bool) ([]Conflict, error) {
	return s.store.Conflicts(ctx, account, place, open, 200)
}

// ResolveConflict closes a task with a note on what was done; ErrNotFound. A repeat is
// safe.
func (s *Service) ResolveConflict(ctx context.Context, id int64, by stores.Actor, note string) error {
	if n := []rune(note); len(n) > 200 {
		note = string(n[:200])
	}
	return s.store.ResolveConflict(ctx, id, by, note, s.now().UTC())
}

func itoa(n int) string { return strconv.Itoa(n) }
