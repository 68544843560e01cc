package people

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

const (
	apiFresh = time.Second     // how long a token that was read is good for
	apiStale = 2 * time.Second // how long it may serve the others while one caller reads again
)

// APIAccess is a token in use. It is safe for concurrent use.
type APIAccess struct {
	APIToken
	at       time.Time
	checking atomic.Bool // somebody reads it again
	use      *apiUse
}

// Take counts a call and reports whether the token's rate has room for it.
func (a *APIAccess) Take(now time.Time) bool {
	a.use.count.Add(1)
	a.use.last.Store(now.UnixMilli())
	return a.use.limiter.AllowN(now, 1)
}

// apiUse outlives the cached token: the calls not written down yet, and the rate.
type apiUse struct {
	count   atomic.Int64
	last    atomic.Int64 // milliseconds
	limiter *rate.Limiter
}

func (u *apiUse) peek() (int64, time.Time) {
	n, last := u.count.Load(), u.last.Load()
	if last == 0 {
		return n, time.Time{}
	}
	return n, time.UnixMilli(last).UTC()
}

// apiCache keeps tokens that exist, so strangers cannot fill it.
type apiCache struct {
	generation atomic.Uint64 // grows with every change, so that what was read before is not kept
	origins    atomic.Pointer[apiOrigins]
	mu         sync.RWMutex
	byHash     map[[sha256.Size]byte]*APIAccess
	uses       map[string]*apiUse
}

// apiOrigins are those of all living tokens.
type apiOrigins struct {
	set        map[string]bool
	at         time.Time
	generation uint64
}

func (o *apiOrigins) fresh(now time.Time) bool {
	age := now.Sub(o.at)
	return age >= 0 && age < apiStale
}

func newAPICache() *apiCache {
	return &apiCache{byHash: map[[sha256.Size]byte]*APIAccess{}, uses: map[string]*apiUse{}}
}

// recent is the token if it was read lately. When it is about to be too old, one caller
// gets nil and reads it; the others go on with what is known.
func (c *apiCache) recent(hash [sha256.Size]byte, now time.Time) *APIAccess {
	c.mu.RLock()
	a := c.byHash[hash]
	c.mu.RUnlock()
	if a == nil {
		return nil
	}
	switch age := now.Sub(a.at); {
	case age < 0 || age >= apiStale:
		return nil
	case age < apiFresh || !a.checking.CompareAndSwap(false, true):
		return a
	}
	return nil
}

// remember keeps a token that was read at a generation, unless something has changed.
func (c *apiCache) remember(hash [sha256.Size]byte, t APIToken, now time.Time, generation uint64) *APIAccess {
	a := &APIAccess{APIToken: t, at: now, use: c.use(&t)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation.Load() == generation {
		c.byHash[hash] = a
	}
	return a
}

// use is the token's count and rate in this process.
func (c *apiCache) use(t *APIToken) *apiUse {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.uses[t.ID]
	if u == nil {
		u = &apiUse{limiter: rate.NewLimiter(rate.Limit(t.Rate), 4*t.Rate)}
		c.uses[t.ID] = u
	}
	return u
}

// forget makes the next callers read again.
func (c *apiCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation.Add(1)
	clear(c.byHash)
}

func (c *apiCache) takeUses() []APIUse {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var all []APIUse
	for id, u := range c.uses {
		if n := u.count.Swap(0); n > 0 {
			_, last := u.peek()
			all = append(all, APIUse{ID: id, Count: n, LastAt: last})
		}
	}
	return all
}

func (c *apiCache) giveBack(uses []APIUse) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, u := range uses {
		c.uses[u.ID].count.Add(u.Count)
	}
}
