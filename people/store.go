package people

import (
	"context"
	"time"
)

// Store keeps people, sessions, second steps, one-time tokens, API tokens and the audit. All times are UTC.
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
	// SetPassword replaces the hash and ends what the old one let in: all of the person's
	// sessions but the one with the id keep, nil = all, and all unused one-time tokens;
	// ErrPersonNotFound.
	SetPassword(ctx context.Context, id ID, hash string, keep []byte) error
	// SetName replaces the name; ErrPersonNotFound.
	SetName(ctx context.Context, id ID, name string) error
	// SetRole replaces the role, in a statement that guards that somebody enabled who has a
	// password stays an owner; ErrLastOwner, ErrPersonNotFound.
	SetRole(ctx context.Context, id ID, role Role) error
	// SetDisabled shuts out, with the guard of SetRole, and ends sessions and one-time tokens,
	// or lets in again; ErrLastOwner, ErrPersonNotFound.
	SetDisabled(ctx context.Context, id ID, off bool) error
	// DropInvitation removes a person who has no password and was never seen, with their
	// one-time tokens; ErrInvitationUsed.
	DropInvitation(ctx context.Context, id ID) error
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
	// ListSessions returns the living sessions of a person, "" = of everybody, the one used
	// last first.
	ListSessions(ctx context.Context, id ID, now time.Time) ([]Session, error)
	// DeleteSessionsOf ends the sessions of a person but the one with the id keep, nil = all,
	// and their unused one-time tokens that sign in.
	DeleteSessionsOf(ctx context.Context, id ID, keep []byte) error
	// DeleteExpiredSessions removes sessions with ExpiresAt ≤ now or SeenAt ≤ now−IdleLife,
	// and one-time tokens with ExpiresAt ≤ now.
	DeleteExpiredSessions(ctx context.Context, now time.Time) error

	// PutOneTime stores a one-time token.
	PutOneTime(ctx context.Context, t OneTime) error
	// TakeOneTime removes and returns the token with this hash and purpose if
	// ExpiresAt > now, in one guarded statement: of parallel callers one gets it.
	// ErrOneTimeUsed otherwise.
	TakeOneTime(ctx context.Context, hash []byte, purpose string, now time.Time) (OneTime, error)

	// ReplaceOneTime stores a one-time token in place of those with its person and purpose.
	ReplaceOneTime(ctx context.Context, t OneTime) error
	// FindOneTime is TakeOneTime without taking it.
	FindOneTime(ctx context.Context, hash []byte, purpose string, now time.Time) (OneTime, error)
	// ListOneTimes returns the tokens of a purpose with ExpiresAt > now, without their hashes.
	ListOneTimes(ctx context.Context, purpose string, now time.Time) ([]OneTime, error)

	// TwoStep is the person's second step with its secret in clear; the zero TwoStep without one.
	TwoStep(ctx context.Context, id ID) (TwoStep, error)
	// StartTwoStep stores a secret that waits to be confirmed, in place of one that does;
	// ErrTwoStepOn when one is confirmed.
	StartTwoStep(ctx context.Context, id ID, secret string, now time.Time) error
	// ConfirmTwoStep turns on the secret that was started then, with its last step taken and the
	// hashes of the recovery codes; ErrTwoStepOn when that one does not wait any more.
	ConfirmTwoStep(ctx context.Context, id ID, started, now time.Time, step int64, recovery [][]byte) error
	// TakeStep moves LastStep forward, in one guarded statement: of parallel callers with one
	// step one gets it; ErrCode.
	TakeStep(ctx context.Context, id ID, step int64) error
	// TakeRecoveryCode removes a code, likewise; ErrCode.
	TakeRecoveryCode(ctx context.Context, id ID, hash []byte) error
	// DropTwoStep removes the secret and the recovery codes; nothing when there are none.
	DropTwoStep(ctx context.Context, id ID) error

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
