package redemption

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"kaquan/campaigns"
	"kaquan/stores"
)

// Service is the room's front door. All methods are safe for concurrent use.
type Service struct {
	store  Store
	places *stores.Service
	cards  Cards
	now    func() time.Time
	log    *slog.Logger

	mu   sync.Mutex
	keys []Key // the newest first; empty until the first use
	read time.Time
}

// Options are the parts a Service is made of.
type Options struct {
	Store  Store
	Places *stores.Service
	Cards  Cards
	Now    func() time.Time // nil = time.Now
	Log    *slog.Logger     // nil = discard
}

// New makes the service.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{store: o.Store, places: o.Places, cards: o.Cards, now: o.Now, log: o.Log}
}

// Now is the service's clock, for pages that show times.
func (s *Service) Now() time.Time { return s.now() }

// keyAge is how long keys are kept in memory: another process may have made one.
const keyAge = time.Minute

// Keys are the signing keys, the newest first, without their secrets: what a till needs
// to check passes without network. The first call of an installation makes a key.
func (s *Service) Keys(ctx context.Context) ([]Key, error) {
	keys, err := s.signers(ctx)
	if err != nil {
		return nil, err
	}
	public := make([]Key, len(keys))
	for i, k := range keys {
		public[i] = Key{ID: k.ID, Public: k.Public, CreatedAt: k.CreatedAt}
	}
	return public, nil
}

func (s *Service) signers(ctx context.Context) ([]Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := s.now().Sub(s.read); len(s.keys) > 0 && age >= 0 && age < keyAge {
		return s.keys, nil
	}
	keys, err := s.store.PassKeys(ctx)
	if err == nil && len(keys) == 0 {
		var k Key
		if k, err = newKey(s.now().UTC()); err == nil {
			err = s.store.AddPassKey(ctx, k, true)
		}
		if err == nil {
			keys, err = s.store.PassKeys(ctx)
		}
	}
	if err != nil {
		return nil, err
	}
	s.keys, s.read = keys, s.now()
	return keys, nil
}

// RenewKey makes a new key for the passes from now on; old passes stay good.
func (s *Service) RenewKey(ctx context.Context) (id string, err error) {
	k, err := newKey(s.now().UTC())
	if err != nil {
		return "", err
	}
	if err := s.store.AddPassKey(ctx, k, false); err != nil {
		return "", err
	}
	s.mu.Lock()
	s.keys = nil
	s.mu.Unlock()
	return k.ID, nil
}

// Pass is the text for the QR code of a card: signed for cards of ours, and the bare code
// for a card of WeChat's, which has its own. "" for a claim without a code.
func (s *Service) Pass(ctx context.Context, claim *campaigns.Claim, c *campaigns.Campaign) (string, error) {
	if claim.Code == "" || claim.Issuer == campaigns.WeChatCard {
		return string(claim.Code), nil
	}
	keys, err := s.signers(ctx)
	if err != nil {
		return "", err
	}
	return keys[0].pass(claim.Code, c.ValidUntil)
}
