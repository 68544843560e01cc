package people

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// SignIn checks login and password and starts a session; token goes into the browser's
// cookie and nowhere else.
//
// ErrSignIn for an unknown login, a wrong password and a disabled person alike, after the
// same work. ErrTooMany with "seconds" when the login or the address failed too often;
// tries that succeed do not count. ErrBusy when no turn came before ctx ended.
//
// ErrSecondStep when the person has two-step sign-in on: nothing is signed in, and token is
// only good for SecondStep, once, within SecondLife.
func (s *Service) SignIn(ctx context.Context, login, password, ip, agent string) (token string, session Session, err error) {
	login = CleanLogin(login)
	refund, err := s.limit(ip, login)
	if err != nil {
		return "", Session{}, err
	}
	p, err := s.verify(ctx, login, password)
	switch {
	case errors.Is(err, ErrSignIn):
		// The login itself stays out of the log and the audit: people type passwords into that
		// field. An unknown login is recorded too, or the missing write would give it away.
		s.log.InfoContext(ctx, "sign-in refused", "person", string(p.ID))
		s.note(ctx, Person{}, ip, "people.signin.refused", "person", string(p.ID), nil)
		return "", Session{}, err
	case err != nil:
		refund()
		return "", Session{}, err
	}
	refund()
	if p.TwoStep {
		return s.askCode(ctx, p, password)
	}
	token, session, err = s.start(ctx, p, ip, agent)
	if err != nil {
		return "", Session{}, err
	}
	if err := s.confirm(ctx, p, password); err != nil {
		return "", Session{}, errors.Join(err, s.store.DeleteSession(context.WithoutCancel(ctx), session.ID))
	}
	s.note(ctx, p, ip, "people.signin", "person", string(p.ID), nil)
	return token, session, nil
}

// askCode makes the token that SecondStep takes.
func (s *Service) askCode(ctx context.Context, p Person, password string) (string, Session, error) {
	token, err := s.issue(ctx, forSecond, p.ID, SecondLife)
	if err != nil {
		return "", Session{}, err
	}
	if err := s.confirm(ctx, p, password); err != nil {
		_, dropped := s.store.TakeOneTime(context.WithoutCancel(ctx), hashToken(token), forSecond, s.now().UTC())
		return "", Session{}, errors.Join(err, dropped)
	}
	return token, Session{}, ErrSecondStep
}

// confirm looks at the person again after a session was started: a password reset ends all
// sessions, but cannot see one that starts between the check of the old password and now.
func (s *Service) confirm(ctx context.Context, p Person, password string) error {
	again, err := s.store.PersonByID(ctx, p.ID)
	switch {
	case err != nil:
		return err
	case again.Disabled || again.TwoStep && !p.TwoStep:
		return ErrSignIn
	case again.PasswordHash == p.PasswordHash:
		return nil
	}
	// A parallel sign-in may only have renewed the hash.
	ok, _, err := s.hasher.check(ctx, password, again.PasswordHash)
	if err == nil && !ok {
		err = ErrSignIn
	}
	return err
}

// verify returns the person whose password this is. With ErrSignIn the person is whose
// login it was, if anybody's.
func (s *Service) verify(ctx context.Context, login, password string) (Person, error) {
	p, err := s.store.PersonByLogin(ctx, login)
	if err != nil && !errors.Is(err, ErrPersonNotFound) {
		return Person{}, err
	}
	if len(password) > MaxPassword {
		password = "" // never anybody's, and not worth hashing
	}
	ok, old, err := s.hasher.check(ctx, password, p.PasswordHash)
	if err != nil {
		return Person{}, err
	}
	if !ok || p.Disabled {
		return p, ErrSignIn
	}
	if old {
		s.rehash(ctx, &p, password)
	}
	return p, nil
}

// rehash renews a hash that was made with other parameters; a failure waits for next time.
func (s *Service) rehash(ctx context.Context, p *Person, password string) {
	hash, err := s.hasher.hash(ctx, password)
	if err == nil {
		err = s.store.Rehash(ctx, p.ID, p.PasswordHash, hash)
	}
	if err != nil {
		s.log.WarnContext(ctx, "renew password hash", "person", string(p.ID), "error", err)
		return
	}
	p.PasswordHash = hash
}

// limit spends one try of the address and of the login.
func (s *Service) limit(ip, login string) (refund func(), err error) {
	now := s.now()
	refundIP, err := s.byIP.take(network(ip), now)
	if err != nil {
		return nil, err
	}
	if login == "" || len(login) > MaxLogin { // nobody's, and no key to fill the map with
		return refundIP, nil
	}
	refundLogin, err := s.byLogin.take(login, now)
	if err != nil {
		return nil, err
	}
	return func() { refundIP(); refundLogin() }, nil
}

// OneTime is a token that signs in or sets up once. The store knows only its hash.
type OneTime struct {
	Hash      []byte
	Purpose   string
	Person    ID // "" for the setup
	ExpiresAt time.Time
}

const (
	forSetup    = "setup"
	forLogin    = "login"
	forSecond   = "second"   // the password was right
	forPassword = "password" // of an invitation or a reset

	setupLife = 30 * time.Minute
)

// IssueLoginLink makes a token with which the person signs in once within life.
// ErrPersonNotFound.
func (s *Service) IssueLoginLink(ctx context.Context, person ID, life time.Duration) (token string, err error) {
	if _, err := s.store.PersonByID(ctx, person); err != nil {
		return "", err
	}
	return s.issue(ctx, forLogin, person, life)
}

// SignInByLink spends the token and starts a session, without a second step: links are made
// on the server, and the audit says when one was left out. ErrOneTimeUsed when it is unknown,
// spent or over, or when its person is gone or disabled. ErrTooMany as for SignIn.
func (s *Service) SignInByLink(ctx context.Context, token, ip, agent string) (string, Session, error) {
	refund, err := s.limit(ip, "")
	if err != nil {
		return "", Session{}, err
	}
	once, err := s.store.TakeOneTime(ctx, hashToken(token), forLogin, s.now().UTC())
	if err != nil {
		return "", Session{}, err
	}
	refund()
	p, err := s.store.PersonByID(ctx, once.Person)
	if errors.Is(err, ErrPersonNotFound) || err == nil && p.Disabled {
		return "", Session{}, ErrOneTimeUsed.Because(err)
	}
	if err != nil {
		return "", Session{}, err
	}
	cookie, session, err := s.start(ctx, p, ip, agent)
	if err != nil {
		return "", Session{}, err
	}
	if p.TwoStep {
		s.note(ctx, p, ip, "people.signin.link_only", "person", string(p.ID), nil)
	} else {
		s.note(ctx, p, ip, "people.signin.link", "person", string(p.ID), nil)
	}
	return cookie, session, nil
}

// IssueSetupToken makes the token for Setup, good for 30 minutes; ErrSetupDone when there is
// somebody already. Earlier tokens stay good until they end or one of them is used.
func (s *Service) IssueSetupToken(ctx context.Context) (string, error) {
	if err := s.empty(ctx); err != nil {
		return "", err
	}
	return s.issue(ctx, forSetup, "", setupLife)
}

// Setup makes the first person, an owner, and signs them in. The token is spent only when n
// keeps the rules. A fault.List on the fields, ErrSetupToken, or ErrSetupDone: of parallel
// callers one becomes the owner.
func (s *Service) Setup(ctx context.Context, token string, n NewPerson) (Person, string, error) {
	refund, err := s.limit(n.IP, "")
	if err != nil {
		return Person{}, "", err
	}
	if err := s.empty(ctx); err != nil {
		return Person{}, "", err
	}
	n.Role = Owner
	if err := n.clean(true); err != nil {
		return Person{}, "", err
	}
	if _, err := s.store.TakeOneTime(ctx, hashToken(token), forSetup, s.now().UTC()); err != nil {
		if errors.Is(err, ErrOneTimeUsed) {
			err = ErrSetupToken.Because(err)
		}
		return Person{}, "", err
	}
	refund()
	// The token is spent: a visitor who goes away now must not leave the place without an owner.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	p, err := s.person(ctx, n)
	if err != nil {
		return Person{}, "", err
	}
	if err := s.store.CreateFirstPerson(ctx, p); err != nil {
		return Person{}, "", onLogin(err)
	}
	s.note(ctx, p, n.IP, "people.setup", "person", string(p.ID), map[string]any{"login": p.Login})
	cookie, _, err := s.start(ctx, p, n.IP, n.Agent)
	return p, cookie, err
}

// empty is nil while there is nobody, ErrSetupDone afterwards.
func (s *Service) empty(ctx context.Context) error {
	n, err := s.store.CountPeople(ctx)
	if err != nil {
		return err
	}
	if n > 0 {
		return ErrSetupDone
	}
	return nil
}

func (s *Service) issue(ctx context.Context, purpose string, person ID, life time.Duration) (string, error) {
	token := newToken()
	err := s.store.PutOneTime(ctx, OneTime{Hash: hashToken(token), Purpose: purpose, Person: person, ExpiresAt: s.now().UTC().Add(life)})
	if err != nil {
		return "", fmt.Errorf("issue one-time token: %w", err)
	}
	return token, nil
}
