package stores

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"time"

	"kaquan/fault"
)

// SessionLife is how long a member of the staff stays signed in.
const SessionLife = 12 * time.Hour

// BindLife is how long a link for binding a WeChat identity works.
const BindLife = 10 * time.Minute

// Session is one signed-in device of a member of the staff.
type Session struct {
	Hash      []byte // SHA-256 of the token; the token itself is only in the cookie
	Staff     StaffID
	CSRF      string // goes into every form
	CreatedAt time.Time
	ExpiresAt time.Time
	IP        string
	Agent     string
}

// SignIn is what somebody types at the shop's door.
type SignIn struct {
	Place     PlaceID
	Staff     StaffID
	PIN       string
	IP, Agent string
}

// SignIn checks place, person and PIN and starts a session; token goes into the cookie.
// ErrWrongPIN, and ErrLocked (args: minutes) after MaxTries wrong ones for LockTime. A try
// counts before it is checked, so that parallel guesses are counted too.
func (s *Service) SignIn(ctx context.Context, in SignIn) (token string, session Session, m Staff, err error) {
	now := s.Now()
	m, err = s.store.TakeTry(ctx, in.Staff, now)
	if err != nil {
		if fault.CodeOf(err) == fault.NotFound {
			_, _ = s.hasher.Check(ctx, in.PIN, "") // as slow as a known one
			err = ErrWrongPIN
		}
		return "", Session{}, Staff{}, err
	}
	right, err := s.hasher.Check(ctx, in.PIN, m.PINHash)
	if err != nil {
		return "", Session{}, Staff{}, err
	}
	if !right || m.Disabled || m.Place != in.Place {
		if m.Tries >= MaxTries {
			s.log.WarnContext(ctx, "staff locked", "staff", m.ID.String())
		}
		return "", Session{}, Staff{}, ErrWrongPIN
	}
	return s.start(ctx, m, in.IP, in.Agent, "stores.signin.pin")
}

// Locked is ErrLocked with the minutes that are left, at least one.
func Locked(left time.Duration) *fault.Error {
	return fault.New(fault.RateLimited, ErrLocked.Key, "minutes", max(1, int((left+time.Minute-1)/time.Minute))).On("pin")
}

// SignInVisitor starts a session for the member who is bound to a WeChat identity;
// ErrStaffNotFound when nobody is, or the member or the place is disabled.
func (s *Service) SignInVisitor(ctx context.Context, visitor VisitorID, ip, agent string) (token string, session Session, m Staff, err error) {
	if visitor == 0 {
		return "", Session{}, Staff{}, ErrStaffNotFound
	}
	m, err = s.store.StaffByVisitor(ctx, visitor)
	if err != nil {
		return "", Session{}, Staff{}, err
	}
	return s.start(ctx, m, ip, agent, "stores.signin.wechat")
}

func (s *Service) start(ctx context.Context, m Staff, ip, agent, action string) (string, Session, Staff, error) {
	token, now := newToken(), s.Now()
	session := Session{
		Hash: hashToken(token), Staff: m.ID, CSRF: newToken(), CreatedAt: now, ExpiresAt: now.Add(SessionLife),
		IP: cut(ip, 64), Agent: cut(agent, 256),
	}
	// The store refuses when the member or the place was disabled meanwhile.
	if err := s.store.StartStaffSession(ctx, session, s.audit(m.Actor(ip), action)); err != nil {
		return "", Session{}, Staff{}, err
	}
	m.Tries, m.LockedUntil, m.LastSeenAt = 0, time.Time{}, now
	return token, session, m, nil
}

// Session is the living session of token with its member and place; ErrNoSession when it is
// unknown, over, revoked, or the member or the place is disabled.
func (s *Service) Session(ctx context.Context, token string) (Session, Staff, Place, error) {
	if token == "" || len(token) > 100 {
		return Session{}, Staff{}, Place{}, ErrNoSession
	}
	return s.store.StaffSession(ctx, hashToken(token), s.Now())
}

// CountSessions counts the living sessions of a member.
func (s *Service) CountSessions(ctx context.Context, id StaffID) (int, error) {
	return s.store.CountStaffSessions(ctx, id, s.Now())
}

// SignOut ends the session of token. A repeat is safe, and so is a token of nobody.
func (s *Service) SignOut(ctx context.Context, token string) error {
	return s.store.EndStaffSession(ctx, hashToken(token))
}

// CheckCSRF compares the token that came with a form to the session's; ErrCSRF.
func (s *Service) CheckCSRF(session Session, token string) error {
	if session.CSRF == "" || subtle.ConstantTimeCompare([]byte(session.CSRF), []byte(token)) != 1 {
		return ErrCSRF
	}
	return nil
}

// DeleteExpired removes sessions and binding links that are over; call it now and then.
func (s *Service) DeleteExpired(ctx context.Context) error {
	return s.store.DeleteExpiredStaff(ctx, s.Now())
}

// BindLink makes the token of a link with which the member's own WeChat identity is bound; it
// works once, for BindLife. An earlier link of the member stops working.
func (s *Service) BindLink(ctx context.Context, by Actor, id StaffID) (token string, until time.Time, err error) {
	token, until = newToken(), s.Now().Add(BindLife)
	return token, until, s.store.PutBind(ctx, id, hashToken(token), until, s.audit(by, "stores.staff.bind_link"))
}

// BindOf is who a link is for, without using it; ErrBindUsed.
func (s *Service) BindOf(ctx context.Context, token string) (Staff, Place, error) {
	return s.store.BindOf(ctx, hashToken(token), s.Now())
}

// Bind uses the link and binds the visitor. ErrBindUsed; ErrVisitorBound when the identity
// belongs to another member, and then the link still works.
func (s *Service) Bind(ctx context.Context, token string, visitor VisitorID, ip string) (Staff, error) {
	if visitor == 0 {
		return Staff{}, ErrBindUsed
	}
	return s.store.Bind(ctx, hashToken(token), visitor, s.audit(Actor{IP: ip}, "stores.staff.bind"))
}

// Unbind takes the WeChat identity away and ends all sessions. A repeat is safe.
func (s *Service) Unbind(ctx context.Context, by Actor, id StaffID) error {
	return s.store.Unbind(ctx, id, s.audit(by, "stores.staff.unbind"))
}

func newToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
