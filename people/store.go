package people

import (
	"context"
	"time"
)

// Store keeps people, sessions, one-time tokens, API tokens and the audit. All times are UTC.
type Store interface {
	// CreateFirstPerson stores p if there is nobody yet, in one guarded statement;
	// otherwise ErrSetupDone.
	CreateFirstPerson(ctx context.Context, p Person) error
	// CreatePerson stores p; ErrLoginTaken.
	CreatePerson(ctx context.Context, p Person) error
	// PersonByLogin finds a person by the cleaned login; ErrPersonNotFound.
	PersonByLogin(ctx context.Context, login string) (Person, error)
	// PersonByID finds a person; ErrPersonNotFound.
	PersonByID(ctx context.Context, id ID) (Person, error)
	// ListPeople returns everybody by CreatedAt, then ID.
	ListPeople(ctx context.Context) ([]Person, error)
	// CountPeople counts everybody, the disabled too.
	CountPeople(ctx context.Context) (int, error)
	// SetPassword replaces the hash; ErrPersonNotFound.
	SetPassword(ctx context.Context, id ID, hash string, now time.Time) error
	// Rehash replaces the hash only where it still is old; otherwise nothing happens.
	Rehash(ctx context.Context, id ID, old, hash string) error

	// CreateSession stores the session and sets its person's LastSeenAt to CreatedAt.
	CreateSession(ctx context.Context, s Session) error
	// SessionByID finds the session with the token's hash and its person, whatever the
	// session's age; ErrNoSession.
	SessionByID(ctx context.Context, hash []byte) (Session, Person, error)
	// TouchSession sets SeenAt, and LastSeenAt of the person; nothing when it is gone.
	TouchSession(ctx context.Context, hash []byte, now time.Time) error
	// DeleteSession ends a session; nothing when it is gone.
	DeleteSession(ctx context.Context, hash []byte) error
	// DeleteSessionsOf ends all sessions of a person and their unused one-time tokens.
	DeleteSessionsOf(ctx context.Context, id ID) error
	// DeleteExpiredSessions removes sessions with ExpiresAt ≤ now or SeenAt ≤ now−IdleLife,
	// and one-time tokens with ExpiresAt ≤ now.
	DeleteExpiredSessions(ctx context.Context, now time.Time) error

	// PutOneTime stores a one-time token.
	PutOneTime(ctx context.Context, t OneTime) error
	// TakeOneTime removes and returns the token with this hash and purpose if
	// ExpiresAt > now, in one guarded statement: of parallel callers one gets it.
	// ErrOneTimeUsed otherwise.
	TakeOneTime(ctx context.Context, hash []byte, purpose string, now time.Time) (OneTime, error)

	// CreateAPIToken stores t.
	CreateAPIToken(ctx context.Context, t APIToken) error
	// APITokenByHash finds a token, whatever its state; ErrAPITokenNotFound.
	APITokenByHash(ctx context.Context, hash []byte) (APIToken, error)
	// ListAPITokens returns every token, the newest first.
	ListAPITokens(ctx context.Context) ([]APIToken, error)
	// RevokeAPIToken sets RevokedAt unless it is set; ErrAPITokenNotFound.
	RevokeAPIToken(ctx context.Context, id string, now time.Time) error
	// AddAPIUse adds the counts, all or none, and moves LastUsedAt forward only.
	AddAPIUse(ctx context.Context, uses []APIUse) error

	// Preferences are what the person chose so far.
	Preferences(ctx context.Context, id ID) (Preferences, error)
	// Prefer replaces one choice by its name; an empty value forgets it.
	Prefer(ctx context.Context, id ID, name, value string) error

	// Audit appends an entry.
	Audit(ctx context.Context, e AuditEntry) error
	// ListAudit returns matching entries, the newest first.
	ListAudit(ctx context.Context, f AuditFilter) ([]AuditEntry, error)
}
