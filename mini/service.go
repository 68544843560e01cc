package mini

import (
	"context"
	"errors"
	"time"

	"kaquan/campaigns"
	"kaquan/wechat"
)

// Store is what the package needs from the database. Every method that writes is one
// transaction. Secrets, session keys and phone numbers are sealed on the way.
type Store interface {
	// MiniProgram answers ErrProgramNotFound when the account has none.
	MiniProgram(ctx context.Context, account campaigns.AccountID) (Program, error)
	MiniPrograms(ctx context.Context) ([]Program, error)
	// SaveMiniProgram answers ErrAppTaken when the AppID is anybody else's.
	SaveMiniProgram(ctx context.Context, p Program, a campaigns.Audit) error
	DeleteMiniProgram(ctx context.Context, account campaigns.AccountID, a campaigns.Audit) error

	// MiniIdentity answers ErrIdentityNotFound.
	MiniIdentity(ctx context.Context, app wechat.AppID, person wechat.OpenID) (Identity, error)
	// VisitorByUnion is the oldest visitor with the unionid, of the account's own pages if
	// there is one; campaigns.ErrVisitorNotFound otherwise.
	VisitorByUnion(ctx context.Context, account campaigns.AccountID, unionID string) (campaigns.Visitor, error)
	// SaveMiniIdentity inserts the identity or gives the stored one its visitor and
	// unionid, which a visitor without one gets too. When that moves it from a visitor that only it had made, the visitor's
	// claims and used-up limits move along. One that comes back after an erasure
	// inherits the limits used up before.
	SaveMiniIdentity(ctx context.Context, i Identity, now time.Time) (Identity, error)
	SaveMiniPhone(ctx context.Context, identity int64, phone string, now time.Time) error
	// MiniIdentities are those of a visitor that were not erased.
	MiniIdentities(ctx context.Context, visitor campaigns.VisitorID) ([]Identity, error)

	// SaveMiniSession inserts a session and revokes the person's oldest beyond keep.
	SaveMiniSession(ctx context.Context, s Session, keep int) error
	// MiniSession answers ErrUnknownToken.
	MiniSession(ctx context.Context, hash []byte) (*Session, error)
	TouchMiniSession(ctx context.Context, hash []byte, now time.Time) error
	// SwapMiniSession revokes the session of the hash and inserts s; ErrRevoked when it
	// was revoked before.
	SwapMiniSession(ctx context.Context, old []byte, s Session) error
	// RevokeMiniSessions revokes the identity's session with the hash, or all for nil.
	RevokeMiniSessions(ctx context.Context, identity int64, hash []byte, now time.Time) error
	TrimMiniSessions(ctx context.Context, before time.Time) error

	// SetMiniNickname and SetMiniAvatar write over what was there, "" too. The picture of
	// before is forgotten; without a body there is none.
	SetMiniNickname(ctx context.Context, visitor campaigns.VisitorID, nickname string) error
	SetMiniAvatar(ctx context.Context, visitor campaigns.VisitorID, name, address string, body []byte, now time.Time) error
	// MiniAvatar answers ErrAvatarNotFound.
	MiniAvatar(ctx context.Context, name string) ([]byte, error)
}

// Programs hands out accounts by hub id; *wechat.Hub is one whose Find knows FindIn.
type Programs interface {
	Account(ctx context.Context, id string) (*wechat.Account, error)
}

// Checker decides whether a text may stand in a profile.
type Checker func(ctx context.Context, s *Session, text string) (bool, error)

// Service is the door of the package. All methods are safe for concurrent use.
type Service struct {
	store     Store
	campaigns *campaigns.Service
	wechat    Programs
	public    string
	check     Checker
	now       func() time.Time
	drawing   chan struct{}
}

// Options are the parts a Service is made of.
type Options struct {
	Store     Store
	Campaigns *campaigns.Service
	WeChat    Programs
	PublicURL string           // where pictures are served, without a slash at the end
	Check     Checker          // nil = WeChat's content check
	Now       func() time.Time // nil = time.Now
}

// New makes the service.
func New(o Options) *Service {
	s := &Service{store: o.Store, campaigns: o.Campaigns, wechat: o.WeChat, public: o.PublicURL, check: o.Check, now: o.Now, drawing: make(chan struct{}, 2)}
	if s.now == nil {
		s.now = time.Now
	}
	if s.check == nil {
		s.check = s.askWeChat
	}
	return s
}

// madeHere marks openids of visitors that came by a mini program alone: its openids mean
// nothing to the official account, so they must not be taken for the account's own.
const madeHere = "mini:"

// join finds or makes the visitor behind a person: the identity's own, better the one of
// the account's pages with the same unionid.
func (s *Service) join(ctx context.Context, i Identity) (Identity, error) {
	known, err := s.store.MiniIdentity(ctx, i.App, i.OpenID)
	if err != nil && !errors.Is(err, ErrIdentityNotFound) {
		return i, err
	}
	if i.UnionID == "" {
		i.UnionID = known.UnionID
	}
	i.Visitor = known.Visitor
	if i.UnionID != "" {
		v, err := s.store.VisitorByUnion(ctx, i.Account, i.UnionID)
		if err != nil && !errors.Is(err, campaigns.ErrVisitorNotFound) {
			return i, err
		}
		if err == nil {
			i.Visitor = v.ID
		}
	}
	if i.Visitor == 0 {
		v, err := s.campaigns.Visit(ctx, campaigns.Visitor{Account: i.Account, OpenID: madeHere + i.OpenID, UnionID: i.UnionID})
		if err != nil {
			return i, err
		}
		i.Visitor = v.ID
	}
	if i.Visitor == known.Visitor && i.UnionID == known.UnionID {
		return known, nil
	}
	return s.store.SaveMiniIdentity(ctx, i, s.now().UTC())
}

// Joined reports whether the person is known from the account's own pages too.
func Joined(v campaigns.Visitor) bool {
	return len(v.OpenID) < len(madeHere) || v.OpenID[:len(madeHere)] != madeHere
}
