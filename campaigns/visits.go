package campaigns

import (
	"context"
	"sync"
	"time"
)

// VisitKey names the visits of a campaign in an hour.
type VisitKey struct {
	Campaign ID
	Hour     time.Time // a whole hour, UTC
}

// VisitStore keeps how often claim pages are opened.
type VisitStore interface {
	// AddVisits adds to the counts, all or none; unknown campaigns are left out.
	AddVisits(ctx context.Context, visits map[VisitKey]int64) error
}

// maxKnownVisitors bounds the memory of an hour. Beyond it a return counts as a visit.
const maxKnownVisitors = 200_000

// visitBook counts visits in memory between two writes. A person counts once an hour;
// strangers, who cannot be told apart, count every time.
type visitBook struct {
	mu     sync.Mutex
	counts map[VisitKey]int64
	hour   time.Time
	known  map[visitor]struct{}
}

type visitor struct {
	campaign ID
	id       VisitorID
}

// Visited counts an opened page; visitor 0 is a stranger. It costs a map entry and never
// waits for the database.
func (s *Service) Visited(campaign ID, id VisitorID) { s.visits.see(campaign, id, s.now().UTC(), true) }

// Greeted remembers that a person was counted already, as the stranger that they were
// before WeChat told who they are.
func (s *Service) Greeted(campaign ID, id VisitorID) {
	s.visits.see(campaign, id, s.now().UTC(), false)
}

// FlushVisits writes what was counted. On an error the counts wait for the next call.
func (s *Service) FlushVisits(ctx context.Context) error {
	counts := s.visits.take()
	if len(counts) == 0 {
		return nil
	}
	if err := s.store.AddVisits(ctx, counts); err != nil {
		s.visits.giveBack(counts)
		return err
	}
	return nil
}

func (b *visitBook) see(campaign ID, id VisitorID, now time.Time, count bool) {
	hour := now.Truncate(time.Hour)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !hour.Equal(b.hour) {
		b.hour, b.known = hour, nil
	}
	if id != 0 {
		who := visitor{campaign, id}
		if _, again := b.known[who]; again {
			return
		}
		if b.known == nil {
			b.known = map[visitor]struct{}{}
		}
		if len(b.known) < maxKnownVisitors {
			b.known[who] = struct{}{}
		}
	}
	if !count {
		return
	}
	if b.counts == nil {
		b.counts = map[VisitKey]int64{}
	}
	b.counts[VisitKey{campaign, hour}]++
}

func (b *visitBook) take() map[VisitKey]int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	counts := b.counts
	b.counts = nil
	return counts
}

func (b *visitBook) giveBack(counts map[VisitKey]int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, n := range b.counts {
		counts[key] += n
	}
	b.counts = counts
}
