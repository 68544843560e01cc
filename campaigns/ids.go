package campaigns

import (
	"strconv"
	"sync"
	"time"
)

// ID names a campaign, VisitorID a visitor, ClaimID a claim. They are 63-bit numbers
// that grow with time (42 bits of milliseconds, 21 random bits), so they sort by age and
// are not countable. People and links see them in base 36; zero names nothing.
type (
	ID        int64
	VisitorID int64
	ClaimID   int64
)

func (id ID) String() string        { return strconv.FormatInt(int64(id), 36) }
func (id VisitorID) String() string { return strconv.FormatInt(int64(id), 36) }
func (id ClaimID) String() string   { return strconv.FormatInt(int64(id), 36) }

// ParseID reads an id as links carry it, for any of the three kinds; 0 when it is none.
func ParseID[T ID | VisitorID | ClaimID](s string) T {
	n, err := strconv.ParseInt(s, 36, 64)
	if err != nil || n <= 0 || len(s) > 13 {
		return 0
	}
	return T(n)
}

// idMaker hands out growing ids; one for the process keeps them unique within it.
type idMaker struct {
	mu   sync.Mutex
	last int64
}

func (m *idMaker) next(now time.Time) int64 {
	id := now.UnixMilli()<<21 | int64(randomBelow(1<<21))
	m.mu.Lock()
	defer m.mu.Unlock()
	if id <= m.last {
		id = m.last + 1 + int64(randomBelow(64))
	}
	m.last = id
	return id
}

// FirstClaimID is the smallest id a claim made at t or later can have.
func FirstClaimID(t time.Time) ClaimID { return ClaimID(t.UnixMilli() << 21) }
