package people

import (
	"log/slog"
	"time"

	"github.com/alexedwards/argon2id"
)

// Service is the front door of the package. All methods are safe for concurrent use.
type Service struct {
	store   Store
	now     func() time.Time
	log     *slog.Logger
	hasher  *hasher
	byLogin *limits
	byIP    *limits
	api     *apiCache
}

// Options are the parts a Service may be given.
type Options struct {
	Now    func() time.Time // nil = time.Now
	Log    *slog.Logger     // nil = discard
	Params *argon2id.Params // nil = 64 MiB, three passes, two lanes
}

// New makes the service.
func New(store Store, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Params == nil {
		o.Params = &argon2id.Params{Memory: 64 << 10, Iterations: 3, Parallelism: 2, SaltLength: 16, KeyLength: 32}
	}
	return &Service{
		store: store, now: o.Now, log: o.Log, hasher: newHasher(o.Params),
		byLogin: newLimits(30*time.Second, 8),
		byIP:    newLimits(5*time.Second, 30),
		api:     newAPICache(),
	}
}
