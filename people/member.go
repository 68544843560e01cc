package people

import (
	"context"
	"encoding/hex"
	"time"
)

// How long a link to set a password works.
const (
	InvitationLife = 72 * time.Hour
	ResetLife      = 24 * time.Hour
)

// Member is a person with what the page of people tells about them.
type Member struct {
	Person
	Sessions  []Session // living, the one used last first
	LinkUntil time.Time // when their link to set a password ends; zero = they have none
}

// Pending reports whether the person was invited and has set no password yet.
func (p *Person) Pending() bool { return p.PasswordHash == "" }

// Key names the session in forms. It opens nothing: it is no token.
func (s *Session) Key() string { return hex.EncodeToString(s.ID) }

// Members lists everybody, the oldest first.
func (s *Service) Members(ctx context.Context) ([]Member, error) {
	all, err := s.store.ListPeople(ctx)
	if err != nil {
		return nil, err
	}
	now := s.now().UTC()
	sessions, err := s.store.ListSessions(ctx, "", now)
	if err != nil {
		return nil, err
	}
	links, err := s.store.ListOneTimes(ctx, forPassword, now)
	if err != nil {
		return nil, err
	}
	members := make([]Member, len(all))
	for i := range all {
		m := &members[i]
		m.Person = all[i]
		for _, x := range sessions {
			if x.Person == m.ID {
				m.Sessions = append(m.Sessions, x)
			}
		}
		for _, t := range links {
			if t.Person == m.ID {
				m.LinkUntil = t.ExpiresAt
			}
		}
	}
	return members, nil
}

// Member finds one of them; ErrPersonNotFound.
func (s *Service) Member(ctx context.Context, id ID) (Member, error) {
	members, err := s.Members(ctx)
	if err != nil {
		return Member{}, err
	}
	for i := range members {
		if members[i].ID == id {
			return members[i], nil
		}
	}
	return Member{}, ErrPersonNotFound
}

// Invite makes a person without a password and the token of the link with which they set
// one, once, within InvitationLife. Problems as for CreatePerson.
func (s *Service) Invite(ctx context.Context, actor Person, n NewPerson) (p Person, token string, err error) {
	if err := n.clean(false); err != nil {
		return p, "", err
	}
	p = s.row(n, "")
	if err := s.store.CreatePerson(ctx, p); err != nil {
		return p, "", onLogin(err)
	}
	s.note(ctx, actor, n.IP, "people.invite", "person", string(p.ID), map[string]any{"login": p.Login, "role": p.Role})
	token, err = s.passwordLink(ctx, p)
	return p, token, err
}

// NewPasswordLink makes the token of a link with which the person sets a password, once,
// within InvitationLife or ResetLife, and ends the one before. What they have now, password
// and sessions, stays until the link is used. ErrPersonNotFound, ErrDisabled.
func (s *Service) NewPasswordLink(ctx context.Context, actor Person, ip string, id ID) (token string, err error) {
	p, err := s.store.PersonByID(ctx, id)
	if err != nil {
		return "", err
	}
	if p.Disabled {
		return "", ErrDisabled
	}
	if token, err = s.passwordLink(ctx, p); err != nil {
		return "", err
	}
	if p.Pending() {
		s.note(ctx, actor, ip, "people.invite_again", "person", string(id), map[string]any{"login": p.Login})
	} else {
		s.note(ctx, actor, ip, "people.reset_link", "person", string(id), map[string]any{"login": p.Login})
	}
	return token, nil
}

// Withdraw removes somebody who was invited and never came in; ErrInvitationUsed.
func (s *Service) Withdraw(ctx context.Context, actor Person, ip string, id ID) error {
	p, err := s.store.PersonByID(ctx, id)
	if err != nil {
		return err
	}
	if err := s.store.DropInvitation(ctx, id); err != nil {
		return err
	}
	s.note(ctx, actor, ip, "people.withdraw", "person", string(id), map[string]any{"login": p.Login})
	return nil
}

// SetRole gives the person another role, at once. ErrLastOwner when nobody else who can
// sign in would own the place, ErrPersonNotFound, a fault on role. A repeat is safe.
func (s *Service) SetRole(ctx context.Context, actor Person, ip string, id ID, role Role) error {
	if !role.known() {
		return errRole()
	}
	p, err := s.store.PersonByID(ctx, id)
	if err != nil || p.Role == role {
		return err
	}
	if err := s.store.SetRole(ctx, id, role); err != nil {
		return err
	}
	s.note(ctx, actor, ip, "people.role", "person", string(id), map[string]any{"login": p.Login, "role": role})
	return nil
}

// SetDisabled shuts the person out, which ends their sessions and links at once, or lets
// them in again. ErrSelf, ErrLastOwner as for SetRole, ErrPersonNotFound. A repeat is safe.
func (s *Service) SetDisabled(ctx context.Context, actor Person, ip string, id ID, off bool) error {
	if off && id == actor.ID {
		return ErrSelf
	}
	p, err := s.store.PersonByID(ctx, id)
	if err != nil {
		return err
	}
	if err := s.store.SetDisabled(ctx, id, off); err != nil {
		return err
	}
	switch {
	case off && !p.Disabled:
		s.note(ctx, actor, ip, "people.disable", "person", string(id), map[string]any{"login": p.Login})
	case !off && p.Disabled:
		s.note(ctx, actor, ip, "people.enable", "person", string(id), map[string]any{"login": p.Login})
	}
	return nil
}

// EndSession ends one session of the person, by its Key. A repeat is safe.
func (s *Service) EndSession(ctx context.Context, actor Person, ip string, id ID, key string) error {
	hash, err := hex.DecodeString(key)
	if err != nil {
		return nil // nobody's
	}
	all, err := s.store.ListSessions(ctx, id, s.now().UTC())
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].Key() != key {
			continue
		}
		if err := s.store.DeleteSession(ctx, hash); err != nil {
			return err
		}
		s.note(ctx, actor, ip, "people.session_end", "person", string(id), nil)
	}
	return nil
}

// EndSessions ends the sessions of the person but the one to keep, "" = none, and their
// links to sign in. A repeat is safe.
func (s *Service) EndSessions(ctx context.Context, actor Person, ip string, id ID, keep []byte) error {
	if _, err := s.store.PersonByID(ctx, id); err != nil {
		return err
	}
	if err := s.store.DeleteSessionsOf(ctx, id, keep); err != nil {
		return err
	}
	s.note(ctx, actor, ip, "people.sessions_end", "person", string(id), nil)
	return nil
}
