package people

import (
	"context"
	"strings"

	"kaquan/fault"
)

// Rename changes the person's own name, empty = the login; a fault on name.
func (s *Service) Rename(ctx context.Context, p Person, ip, name string) error {
	if name = strings.TrimSpace(name); name == "" {
		name = p.Login
	}
	if err := nameProblems(name, p.Login).OrNil(); err != nil || name == p.Name {
		return err
	}
	if err := s.store.SetName(ctx, p.ID, name); err != nil {
		return err
	}
	s.note(ctx, p, ip, "people.rename", "person", string(p.ID), map[string]any{"name": name})
	return nil
}

// ChangePassword replaces the person's own password and ends their other sessions and
// unused links. ErrOldPassword on old, a fault.List on password, ErrTooMany and ErrBusy as for
// SignIn: a session that was left open must not be a place to guess.
func (s *Service) ChangePassword(ctx context.Context, p Person, keep Session, ip, old, password string) error {
	if err := s.prove(ctx, p, ip, old, "old"); err != nil {
		return err
	}
	if err := passwordProblems(p.Login, password).OrNil(); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	if err := s.store.SetPassword(ctx, p.ID, hash, keep.ID); err != nil {
		return err
	}
	s.note(ctx, p, ip, "people.password", "person", string(p.ID), nil)
	return nil
}

// prove asks somebody who is signed in for their password; ErrOldPassword on field.
func (s *Service) prove(ctx context.Context, p Person, ip, password, field string) error {
	refund, err := s.limit(ip, p.Login)
	if err != nil {
		return err
	}
	if len(password) > MaxPassword {
		password = ""
	}
	ok, _, err := s.hasher.check(ctx, password, p.PasswordHash)
	switch {
	case err != nil:
		refund()
		return err
	case !ok:
		s.note(ctx, p, ip, "people.password_refused", "person", string(p.ID), nil)
		return ErrOldPassword.On(field)
	}
	refund()
	return nil
}

// Sessions are the person's living sessions, the one used last first.
func (s *Service) Sessions(ctx context.Context, id ID) ([]Session, error) {
	return s.store.ListSessions(ctx, id, s.now().UTC())
}

func errRole() error { return fault.New(fault.Invalid, "people.role.unknown").On("role") }
