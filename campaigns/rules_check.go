package campaigns

import (
	"context"
	"crypto/subtle"
	"errors"
	"sync"
	"time"

	"kaquan/fault"
	"kaquan/wechat"
)

// Followers tells whether somebody follows an account.
type Followers interface {
	Follower(ctx context.Context, account AccountID, person wechat.OpenID) (wechat.Follower, error)
}

const (
	followMemory = time.Minute     // how long a follower is believed without asking again
	strangeTime  = 3 * time.Second // the same for somebody who does not follow: they may do so now
	followLimit  = 2 * time.Second
	maxFollows   = 20_000
)

// followBook remembers for a moment who follows. What WeChat's messages say comes first;
// the rest is asked. Nothing of it is stored: WeChat knows, and one day somebody leaves
// while no message arrives.
type followBook struct {
	mu   sync.Mutex
	book map[followKey]followNote
}

type followKey struct {
	account AccountID
	person  wechat.OpenID
}

type followNote struct {
	follows bool
	until   time.Time
}

func (b *followBook) note(key followKey, follows bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.book == nil || len(b.book) >= maxFollows {
		b.book = make(map[followKey]followNote)
	}
	memory := strangeTime
	if follows {
		memory = followMemory
	}
	b.book[key] = followNote{follows, now.Add(memory)}
}

func (b *followBook) known(key followKey, now time.Time) (follows, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, ok := b.book[key]
	return n.follows, ok && now.Before(n.until)
}

// heard takes what a message of WeChat says about following.
func (b *followBook) heard(p *Push) {
	switch p.Event {
	case "subscribe", "unsubscribe":
		b.note(followKey{p.Account, p.OpenID}, p.Event == "subscribe", p.Received)
	}
}

// follows asks, outside of any transaction. ErrFollowUnknown when nobody can tell.
func (s *Service) follows(ctx context.Context, account AccountID, person wechat.OpenID) error {
	key, now := followKey{account, person}, s.now().UTC()
	follows, known := s.followBook.known(key, now)
	if !known {
		if s.followers == nil {
			return ErrFollowUnknown
		}
		ctx, cancel := context.WithTimeout(ctx, followLimit)
		defer cancel()
		f, err := s.followers.Follower(ctx, account, person)
		if err != nil {
			s.log.Warn("nobody could tell who follows", "account", account, "err", err)
			return ErrFollowUnknown
		}
		follows = f.Subscribed
		s.followBook.note(key, follows, now)
	}
	if !follows {
		return ErrNeedFollow
	}
	return nil
}

// Barred is the reason why this visitor cannot claim now whatever they type: ErrChannel,
// ErrDayShare, ErrNeedFollow, ErrFollowUnknown; nil when nothing is known against it. It
// changes nothing and costs nothing where the rules are off.
func (s *Service) Barred(ctx context.Context, c *Campaign, visitor VisitorID, channel string) error {
	r := &c.Rules
	if err := r.throughChannel(channel); err != nil {
		return err
	}
	if r.DayTotal > 0 {
		taken, err := s.store.ShareTaken(ctx, c.ID, c.ShareDay(s.now()))
		if err != nil {
			return err
		}
		if taken >= r.DayTotal {
			return ErrDayShare
		}
	}
	if !r.Followers || visitor == 0 {
		return nil
	}
	v, err := s.store.VisitorByID(ctx, visitor)
	if errors.Is(err, ErrVisitorNotFound) {
		return nil // the tap says so
	}
	if err != nil {
		return err
	}
	return s.follows(ctx, c.Account, v.OpenID)
}

func (r *Rules) throughChannel(channel string) error {
	if len(r.Channels) == 0 {
		return nil
	}
	for _, code := range r.Channels {
		if code == channel {
			return nil
		}
	}
	return ErrChannel
}

// invited reads the invitation that a tap carries; a problem stands on "invitation".
func (r *Rules) invited(typed string) (string, *fault.Error) {
	if r.Invitation.Mode == NoInvitation {
		return "", nil
	}
	code, ok := NormalInvitation(typed)
	switch {
	case code == "":
		return "", fault.New(fault.Invalid, "claim.invitation_missing").On("invitation")
	case !ok, r.Invitation.Mode == SharedInvitation && subtle.ConstantTimeCompare([]byte(code), []byte(r.Invitation.Code)) != 1:
		return "", ErrInvitation
	}
	return code, nil
}

// admit checks what the rules ask before anything is taken, and says what the store has to
// check and take.
func (s *Service) admit(ctx context.Context, c *Campaign, t Tap, answers Answers, invitation string, now time.Time) (*Conditions, error) {
	r := &c.Rules
	if err := r.throughChannel(t.Channel); err != nil {
		return nil, err
	}
	var v Visitor
	if r.Followers || r.AllowList != "" || r.BlockList != "" {
		var err error
		if v, err = s.store.VisitorByID(ctx, t.Visitor); err != nil {
			return nil, err
		}
	}
	if r.Followers {
		if err := s.follows(ctx, c.Account, v.OpenID); err != nil {
			return nil, err
		}
	}
	return c.conditions(v, answers, invitation, now), nil
}

// CheckRules compares what the rules count with the claims: the shares of the days, the
// answers that claim once, the codes of invitations and pools. Each line names one
// difference; none is good.
func (s *Service) CheckRules(ctx context.Context, id ID) ([]string, error) {
	return s.store.CheckRules(ctx, id)
}

// LookAtRules gathers what preflight needs to know about the rules.
func (s *Service) LookAtRules(ctx context.Context, c *Campaign) (*RulesLook, error) {
	look := &RulesLook{Lists: map[ListID]List{}, Channels: map[string]bool{}}
	for _, id := range []ListID{c.Rules.AllowList, c.Rules.BlockList, c.Rules.Invitation.List} {
		if id == "" {
			continue
		}
		l, err := s.store.ListByID(ctx, id)
		switch {
		case errors.Is(err, ErrListNotFound):
		case err != nil:
			return nil, err
		default:
			look.Lists[id] = l
		}
	}
	if c.Issuer == CodePool {
		p, err := s.store.PoolByID(ctx, c.Rules.Pool)
		switch {
		case errors.Is(err, ErrPoolNotFound):
		case err != nil:
			return nil, err
		default:
			look.Pool = &p
		}
	}
	if len(c.Rules.Channels) > 0 {
		list, err := s.store.Channels(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		for i := range list {
			look.Channels[list[i].Code] = !list[i].Disabled
		}
	}
	return look, nil
}
