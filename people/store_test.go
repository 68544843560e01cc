package people_test

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"kaquan/people"
)

// memory keeps the Store's promises without a disk; db's own tests prove them for SQLite.
type memory struct {
	people.Store // nil: members, links and second steps are tested on SQLite

	mu       sync.Mutex
	people   []people.Person
	sessions []people.Session
	once     []people.OneTime
	audit    []people.AuditEntry
	api      []people.APIToken
	apiReads int    // of single tokens
	broken   error  // what AddAPIUse answers
	onCreate func() // runs before a session is stored
	prefer   map[people.ID]people.Preferences
}

var _ people.Store = (*memory)(nil)

func (m *memory) CreateFirstPerson(_ context.Context, p people.Person) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.people) > 0 {
		return people.ErrSetupDone
	}
	m.people = append(m.people, p)
	return nil
}

func (m *memory) CreatePerson(_ context.Context, p people.Person) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, other := range m.people {
		if other.Login == p.Login {
			return people.ErrLoginTaken
		}
	}
	m.people = append(m.people, p)
	return nil
}

func (m *memory) find(match func(people.Person) bool) (people.Person, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := slices.IndexFunc(m.people, match); i >= 0 {
		return m.people[i], nil
	}
	return people.Person{}, people.ErrPersonNotFound
}

func (m *memory) PersonByLogin(_ context.Context, login string) (people.Person, error) {
	return m.find(func(p people.Person) bool { return p.Login == login })
}

func (m *memory) PersonByID(_ context.Context, id people.ID) (people.Person, error) {
	return m.find(func(p people.Person) bool { return p.ID == id })
}

func (m *memory) ListPeople(context.Context) ([]people.Person, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.people), nil
}

func (m *memory) CountPeople(context.Context) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.people), nil
}

func (m *memory) edit(id people.ID, change func(*people.Person)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.people {
		if m.people[i].ID == id {
			change(&m.people[i])
			return nil
		}
	}
	return people.ErrPersonNotFound
}

func (m *memory) SetPassword(ctx context.Context, id people.ID, hash string, keep []byte) error {
	if err := m.edit(id, func(p *people.Person) { p.PasswordHash = hash }); err != nil {
		return err
	}
	return m.DeleteSessionsOf(ctx, id, keep)
}

func (m *memory) Rehash(_ context.Context, id people.ID, old, hash string) error {
	return m.edit(id, func(p *people.Person) {
		if p.PasswordHash == old {
			p.PasswordHash = hash
		}
	})
}

func (m *memory) CreateSession(_ context.Context, s people.Session) error {
	if m.onCreate != nil {
		m.onCreate()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions = append(m.sessions, s)
	return nil
}

func (m *memory) SessionByID(ctx context.Context, hash []byte) (people.Session, people.Person, error) {
	m.mu.Lock()
	i := slices.IndexFunc(m.sessions, func(s people.Session) bool { return bytes.Equal(s.ID, hash) })
	if i < 0 {
		m.mu.Unlock()
		return people.Session{}, people.Person{}, people.ErrNoSession
	}
	s := m.sessions[i]
	m.mu.Unlock()
	p, err := m.PersonByID(ctx, s.Person)
	return s, p, err
}

func (m *memory) TouchSession(_ context.Context, hash []byte, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.sessions {
		if bytes.Equal(m.sessions[i].ID, hash) {
			m.sessions[i].SeenAt = now
		}
	}
	return nil
}

func (m *memory) drop(match func(people.Session) bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions = slices.DeleteFunc(m.sessions, match)
	return nil
}

func (m *memory) DeleteSession(_ context.Context, hash []byte) error {
	return m.drop(func(s people.Session) bool { return bytes.Equal(s.ID, hash) })
}

func (m *memory) DeleteSessionsOf(_ context.Context, id people.ID, keep []byte) error {
	m.mu.Lock()
	m.once = slices.DeleteFunc(m.once, func(t people.OneTime) bool { return t.Person == id })
	m.mu.Unlock()
	return m.drop(func(s people.Session) bool { return s.Person == id && !bytes.Equal(s.ID, keep) })
}

func (m *memory) DeleteExpiredSessions(_ context.Context, now time.Time) error {
	return m.drop(func(s people.Session) bool {
		return !s.ExpiresAt.After(now) || !s.SeenAt.After(now.Add(-people.IdleLife))
	})
}

func (m *memory) PutOneTime(_ context.Context, t people.OneTime) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.once = append(m.once, t)
	return nil
}

func (m *memory) TakeOneTime(_ context.Context, hash []byte, purpose string, now time.Time) (people.OneTime, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.once, func(t people.OneTime) bool {
		return bytes.Equal(t.Hash, hash) && t.Purpose == purpose && t.ExpiresAt.After(now)
	})
	if i < 0 {
		return people.OneTime{}, people.ErrOneTimeUsed
	}
	t := m.once[i]
	m.once = slices.Delete(m.once, i, i+1)
	return t, nil
}

func (m *memory) Preferences(_ context.Context, id people.ID) (people.Preferences, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.prefer[id], nil
}

func (m *memory) Prefer(_ context.Context, id people.ID, name, value string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.prefer == nil {
		m.prefer = map[people.ID]people.Preferences{}
	}
	p := m.prefer[id]
	*p.Field(people.Preference(name)) = value
	m.prefer[id] = p
	return nil
}

func (m *memory) Audit(_ context.Context, e people.AuditEntry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.audit = append(m.audit, e)
	return nil
}

func (m *memory) ListAudit(_ context.Context, f people.AuditFilter) ([]people.AuditEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []people.AuditEntry
	for _, e := range slices.Backward(m.audit) {
		if (f.Action == "" || f.Action == e.Action) && len(found) < f.Limit {
			found = append(found, e)
		}
	}
	return found, nil
}

func (m *memory) CreateAPIToken(_ context.Context, t people.APIToken) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.api = append(m.api, t)
	return nil
}

func (m *memory) APITokenByHash(_ context.Context, hash []byte) (people.APIToken, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.apiReads++
	for _, t := range m.api {
		if bytes.Equal(t.Hash, hash) {
			return t, nil
		}
	}
	return people.APIToken{}, people.ErrAPITokenNotFound
}

func (m *memory) ListAPITokens(context.Context) ([]people.APIToken, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := slices.Clone(m.api)
	slices.Reverse(list)
	return list, nil
}

func (m *memory) RevokeAPIToken(_ context.Context, id string, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.api {
		if m.api[i].ID == id {
			if m.api[i].RevokedAt.IsZero() {
				m.api[i].RevokedAt = now
			}
			return nil
		}
	}
	return people.ErrAPITokenNotFound
}

func (m *memory) AddAPIUse(_ context.Context, uses []people.APIUse) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return m.broken
	}
	for _, u := range uses {
		for i := range m.api {
			if m.api[i].ID == u.ID {
				m.api[i].Uses += u.Count
				m.api[i].LastUsedAt = u.LastAt
			}
		}
	}
	return nil
}
