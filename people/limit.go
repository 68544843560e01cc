package people

import (
	"container/list"
	"math"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxLimits bounds each map of limits; beyond it the key unused for longest is forgotten.
const maxLimits = 10_000

// limits is one token bucket per key.
type limits struct {
	every time.Duration
	burst int
	mu    sync.Mutex
	byKey map[string]*list.Element
	order *list.List // of *limit, the latest used first
}

type limit struct {
	key     string
	limiter *rate.Limiter
}

func newLimits(every time.Duration, burst int) *limits {
	return &limits{every: every, burst: burst, byKey: map[string]*list.Element{}, order: list.New()}
}

// take spends one try of key. refund gives it back; ErrTooMany carries the seconds to wait.
func (l *limits) take(key string, now time.Time) (refund func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.byKey[key]
	if e == nil {
		if l.order.Len() >= maxLimits {
			oldest := l.order.Back()
			delete(l.byKey, l.order.Remove(oldest).(*limit).key)
		}
		e = l.order.PushFront(&limit{key, rate.NewLimiter(rate.Every(l.every), l.burst)})
		l.byKey[key] = e
	}
	l.order.MoveToFront(e)
	r := e.Value.(*limit).limiter.ReserveN(now, 1)
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return nil, tooMany(wait)
	}
	// Cancelling "at now" is what makes the limiter count the try as never made.
	return func() { r.CancelAt(now) }, nil
}

func tooMany(wait time.Duration) error {
	e := *ErrTooMany
	e.Args = map[string]any{"seconds": int(math.Ceil(wait.Seconds()))}
	return &e
}

// network is the key of an address: a whole /64 for IPv6, because one person has all of it.
func network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ""
	}
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		prefix, _ := addr.Prefix(64)
		return prefix.String()
	}
	return addr.String()
}
