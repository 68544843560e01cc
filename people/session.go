package people

import (
	"context"
	"crypto/subtle"
	"errors"
	"strings"
	"time"
)

// How long a session lasts: IdleLife after its last request, and never beyond SessionLife.
const (
	IdleLife    = 12 * time.Hour
	SessionLife = 7 * 24 * time.Hour

	touchEvery = time.Minute // SeenAt is this coarse, or every page view would be a write
)

// Session is one signed-in browser.
type Session struct {
	ID        []byte // SHA-256 of the token; the token itself is only in the cookie
	Person    ID
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time
	IP        string
	Agent     string
	CSRF      string // goes into every form
}

// Session returns the live session of token and its person, and marks it as seen.
// ErrNoSession when it is unknown, ended, idle for IdleLife, past SessionLife, or when its
// person is disabled.
func (s *Service) Session(ctx context.Context, token string) (Session, Person, error) {
	if token == "" {
		return Session{}, Person{}, ErrNoSession
	}
	session, p, err := s.store.SessionByID(ctx, hashToken(token))
	if err != nil {
		return Session{}, Person{}, err
	}
	now := s.now().UTC()
	if p.Disabled || !now.Before(session.ExpiresAt) || !now.Before(session.SeenAt.Add(IdleLife)) {
		if err := s.store.DeleteSession(ctx, session.ID); err != nil {
			s.log.WarnContext(ctx, "delete ended session", "error", err)
		}
		return Session{}, Person{}, ErrNoSession
	}
	if now.Sub(session.SeenAt) >= touchEvery {
		if err := s.store.TouchSession(ctx, session.ID, now); err != nil {
			s.log.WarnContext(ctx, "touch session", "error", err)
		}
		session.SeenAt, p.LastSeenAt = now, now
	}
	return session, p, nil
}

// SignOut ends the session of token. A repeat is safe, and so is a token of nobody.
func (s *Service) SignOut(ctx context.Context, token string) error {
	session, p, err := s.store.SessionByID(ctx, hashToken(token))
	if errors.Is(err, ErrNoSession) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.store.DeleteSession(ctx, session.ID); err != nil {
		return err
	}
	s.note(ctx, p, session.IP, "people.signout", "person", string(p.ID), nil)
	return nil
}

// CheckCSRF compares the token that came with a request to the session's; ErrCSRF.
func (s *Service) CheckCSRF(session Session, token string) error {
	if session.CSRF == "" || subtle.ConstantTimeCompare([]byte(session.CSRF), []byte(token)) != 1 {
		return ErrCSRF
	}
	return nil
}

// DeleteExpired removes ended sessions and one-time tokens; call it now and then.
func (s *Service) DeleteExpired(ctx context.Context) error {
	return s.store.DeleteExpiredSessions(ctx, s.now().UTC())
}

// start makes a session for p.
func (s *Service) start(ctx context.Context, p Person, ip, agent string) (string, Session, error) {
	token, now := newToken(), s.now().UTC()
	session := Session{
		ID: hashToken(token), Person: p.ID, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(SessionLife),
		IP: cut(ip, 64), Agent: cut(agent, 256), CSRF: newToken(),
	}
	if err := s.store.CreateSession(ctx, session); err != nil {
		return "", Session{}, err
	}
	return token, session, nil
}

// cut is foreign text in at most n bytes of valid UTF-8.
func cut(text string, n int) string {
	return strings.ToValidUTF8(text[:min(len(text), n)], "")
}
