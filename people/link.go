package people

import (
	"context"
	"errors"
	"time"
)

// passwordLink makes the token of a link to set a password; the one before ends.
func (s *Service) passwordLink(ctx context.Context, p Person) (token string, err error) {
	life := ResetLife
	if p.Pending() {
		life = InvitationLife
	}
	token = newToken()
	return token, s.store.ReplaceOneTime(ctx, OneTime{Hash: hashToken(token), Purpose: forPassword, Person: p.ID, ExpiresAt: s.now().UTC().Add(life)})
}

// PasswordLink is whose password the token of a link sets; nothing is spent.
// ErrPasswordLink when it is unknown, spent or over, or when its person is gone or
// disabled. ErrTooMany as for SignIn.
func (s *Service) PasswordLink(ctx context.Context, token, ip string) (Person, error) {
	refund, err := s.limit(ip, "")
	if err != nil {
		return Person{}, err
	}
	once, err := s.store.FindOneTime(ctx, hashToken(token), forPassword, s.now().UTC())
	if errors.Is(err, ErrOneTimeUsed) {
		return Person{}, ErrPasswordLink.Because(err)
	}
	refund()
	if err != nil {
		return Person{}, err
	}
	p, err := s.store.PersonByID(ctx, once.Person)
	if errors.Is(err, ErrPersonNotFound) || err == nil && p.Disabled {
		return Person{}, ErrPasswordLink.Because(err)
	}
	return p, err
}

// SetPasswordByLink spends the token, sets the password and ends what the old one let in.
// It is spent only when the password keeps the rules: a fault.List on password. The person
// is signed in, unless they have a second step: then cookie is "". Errors as for
// PasswordLink; of parallel callers one sets the password.
func (s *Service) SetPasswordByLink(ctx context.Context, token, password, ip, agent string) (p Person, cookie string, err error) {
	if p, err = s.PasswordLink(ctx, token, ip); err != nil {
		return p, "", err
	}
	if err := passwordProblems(p.Login, password).OrNil(); err != nil {
		return p, "", err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return p, "", err
	}
	if _, err := s.store.TakeOneTime(ctx, hashToken(token), forPassword, s.now().UTC()); err != nil {
		if errors.Is(err, ErrOneTimeUsed) {
			err = ErrPasswordLink.Because(err)
		}
		return p, "", err
	}
	// The token is spent: a visitor who goes away now must not be left without a password.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	if err := s.store.SetPassword(ctx, p.ID, hash, nil); err != nil {
		return p, "", err
	}
	if p.Pending() {
		s.note(ctx, p, ip, "people.join", "person", string(p.ID), nil)
	} else {
		s.note(ctx, p, ip, "people.reset_used", "person", string(p.ID), nil)
	}
	if p.TwoStep {
		return p, "", nil
	}
	cookie, _, err = s.start(ctx, p, ip, agent)
	return p, cookie, err
}
