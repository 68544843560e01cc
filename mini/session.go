package mini

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"time"

	"kaquan/campaigns"
	"kaquan/wechat"
)

// How long a session lives.
const (
	Life      = 30 * 24 * time.Hour // from its issue
	Idle      = 7 * 24 * time.Hour  // from its last use
	renewFrom = 10 * 24 * time.Hour // left, when a client should renew
	seenEvery = time.Minute         // uses are written down no more often
	Devices   = 10                  // sessions of one person that live side by side
	keptAfter = 30 * 24 * time.Hour // rows of dead sessions, so that they are told from unknown ones
)

// Token is what the phone keeps: 32 random bytes as 43 characters. The database has its
// SHA-256 alone. Printing it shows nothing.
type Token string

// Format hides the token.
func (t Token) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("session token")) }

// NewToken draws one.
func NewToken() Token {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	return Token(base64.RawURLEncoding.EncodeToString(raw))
}

var tokenShape = regexp.MustCompile(`^[0-9A-Za-z_-]{43}$`)

// Hash is what is stored of a token.
func (t Token) Hash() []byte {
	sum := sha256.Sum256([]byte(t))
	return sum[:]
}

// Identity is a person in one mini program, joined to a visitor of its official account.
type Identity struct {
	ID      int64
	Account campaigns.AccountID
	App     wechat.AppID
	OpenID  wechat.OpenID // in the mini program; the official account knows another one
	UnionID string
	Visitor campaigns.VisitorID
	Phone   string // verified by WeChat; "" when never given
}

// Format masks the person.
func (i Identity) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "mini identity %d", i.ID) }

// Session is one sign-in of one person on one phone. Times are UTC.
type Session struct {
	Identity
	Hash      []byte
	Key       string `json:"-"` // WeChat's session key; never leaves the server
	IssuedAt  time.Time
	SeenAt    time.Time
	ExpiresAt time.Time
	RevokedAt time.Time // zero while it lives
	Current   bool      // the mini program is still the account's
}

// Format masks the person and the key.
func (s Session) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "mini session of identity %d", s.ID)
}

// ShouldRenew reports whether a client should renew the session now.
func (s *Session) ShouldRenew(now time.Time) bool { return s.ExpiresAt.Sub(now) < renewFrom }

func (s *Session) check(now time.Time) error {
	switch {
	case !s.RevokedAt.IsZero() || !s.Current:
		return ErrRevoked
	case !now.Before(s.ExpiresAt) || now.Sub(s.SeenAt) >= Idle:
		return ErrExpired
	}
	return nil
}

// SignIn redeems a code of wx.login and opens a session. The code works once, so a repeat
// is refused (ErrCodeUsed). Errors: ErrCodeMissing, ErrCodeInvalid, ErrCodeUsed,
// ErrCodeBlocked, ErrTooOften, ErrUnknownProgram, ErrWeChat.
func (s *Service) SignIn(ctx context.Context, app wechat.AppID, code string) (Token, *Session, error) {
	if code == "" {
		return "", nil, ErrCodeMissing
	}
	p, err := s.program(ctx, app)
	if err != nil {
		return "", nil, err
	}
	account, err := s.wechat.Account(ctx, HubID(p.Account))
	if err != nil {
		return "", nil, err
	}
	login, err := account.Code2Session(ctx, code)
	if err != nil {
		return "", nil, loginError(err)
	}
	identity, err := s.join(ctx, Identity{Account: p.Account, App: account.Credentials().AppID, OpenID: login.OpenID, UnionID: login.UnionID})
	if err != nil {
		return "", nil, err
	}
	token, session := s.issue(identity, login.SessionKey)
	if err := s.store.SaveMiniSession(ctx, *session, Devices); err != nil {
		return "", nil, err
	}
	return token, session, nil
}

func (s *Service) issue(i Identity, key string) (Token, *Session) {
	now := s.now().UTC()
	token := NewToken()
	return token, &Session{Identity: i, Hash: token.Hash(), Key: key, IssuedAt: now, SeenAt: now, ExpiresAt: now.Add(Life), Current: true}
}

// Session finds the living session of a token. Errors: ErrNoToken, ErrUnknownToken,
// ErrExpired, ErrRevoked.
func (s *Service) Session(ctx context.Context, token Token) (*Session, error) {
	if token == "" {
		return nil, ErrNoToken
	}
	if !tokenShape.MatchString(string(token)) {
		return nil, ErrUnknownToken
	}
	session, err := s.store.MiniSession(ctx, token.Hash())
	if err != nil {
		return nil, err
	}
	now := s.now().UTC()
	if err := session.check(now); err != nil {
		return nil, err
	}
	if now.Sub(session.SeenAt) >= seenEvery {
		if err := s.store.TouchMiniSession(ctx, session.Hash, now); err != nil {
			return nil, err
		}
		session.SeenAt = now
	}
	return session, nil
}

// Renew swaps the token of a session: the old one is revoked in the same transaction, the
// new one lives for Life. Of two that renew at once, one gets ErrRevoked.
func (s *Service) Renew(ctx context.Context, old *Session) (Token, *Session, error) {
	token, session := s.issue(old.Identity, old.Key)
	if err := s.store.SwapMiniSession(ctx, old.Hash, *session); err != nil {
		return "", nil, err
	}
	return token, session, nil
}

// Revoke ends a session, or with all every session of the person. A repeat is safe.
func (s *Service) Revoke(ctx context.Context, session *Session, all bool) error {
	hash := session.Hash
	if all {
		hash = nil
	}
	return s.store.RevokeMiniSessions(ctx, session.ID, hash, s.now().UTC())
}

// KeyLives asks WeChat whether the session key is still the person's.
func (s *Service) KeyLives(ctx context.Context, session *Session) (bool, error) {
	account, err := s.wechat.Account(ctx, HubID(session.Account))
	if err != nil {
		return false, err
	}
	switch err := account.CheckSessionKey(ctx, session.OpenID, session.Key); {
	case err == nil:
		return true, nil
	case errors.Is(err, wechat.ErrKeyStale):
		return false, nil
	default:
		return false, gatewayError(err)
	}
}

// Trim forgets the rows of sessions that ended long ago.
func (s *Service) Trim(ctx context.Context) error {
	return s.store.TrimMiniSessions(ctx, s.now().UTC().Add(-keptAfter))
}
