package web

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiterSize bounds the keys of one generation; two are kept.
const limiterSize = 8192

// limiter is a rate limit per key. The keys that were not seen for a while are forgotten,
// so that strangers cannot fill the memory.
type limiter struct {
	mu         sync.Mutex
	limit      rate.Limit
	burst      int
	now        func() time.Time
	young, old map[string]*rate.Limiter
}

func newLimiter(perSecond float64, burst int, now func() time.Time) *limiter {
	return &limiter{limit: rate.Limit(perSecond), burst: burst, now: now, young: map[string]*rate.Limiter{}}
}

// allow takes one token of the key.
func (l *limiter) allow(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.young[key]
	if one == nil {
		if one = l.old[key]; one == nil {
			one = rate.NewLimiter(l.limit, l.burst)
		}
		if len(l.young) >= limiterSize {
			l.old, l.young = l.young, make(map[string]*rate.Limiter, limiterSize)
		}
		l.young[key] = one
	}
	return one.AllowN(l.now(), 1)
}
