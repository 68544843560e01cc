package stores

import (
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"sync"
	"time"
)

// The names of things. All but MovementID are 63-bit numbers that grow with time and are not
// countable; people and links see them in base 36. Zero names nothing.
type (
	AccountID  string // of the official account that everything here belongs to
	PlaceID    int64
	StaffID    int64
	GoodsID    int64
	CountID    int64
	MovementID int64 // grows by the order of booking; the database gives it
	ClaimID    int64 // a claim of the campaigns room
	VisitorID  int64 // a visitor of the campaigns room
)

func (id PlaceID) String() string    { return base36(int64(id)) }
func (id StaffID) String() string    { return base36(int64(id)) }
func (id GoodsID) String() string    { return base36(int64(id)) }
func (id CountID) String() string    { return base36(int64(id)) }
func (id MovementID) String() string { return base36(int64(id)) }
func (id ClaimID) String() string    { return base36(int64(id)) }

func base36(n int64) string { return strconv.FormatInt(n, 36) }

// ParseID reads an id as links carry it; 0 when it is none.
func ParseID[T PlaceID | StaffID | GoodsID | CountID | MovementID | ClaimID](s string) T {
	n, err := strconv.ParseInt(s, 36, 64)
	if err != nil || n <= 0 || len(s) > 13 {
		return 0
	}
	return T(n)
}

// idMaker hands out growing ids: 42 bits of milliseconds and 21 random ones.
type idMaker struct {
	mu   sync.Mutex
	last int64
}

func (m *idMaker) next(now time.Time) int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	chance := int64(binary.BigEndian.Uint64(b[:]) >> 1)
	id := now.UnixMilli()<<21 | chance&(1<<21-1)
	m.mu.Lock()
	defer m.mu.Unlock()
	if id <= m.last {
		id = m.last + 1 + chance&63
	}
	m.last = id
	return id
}
