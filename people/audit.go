package people

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// AuditEntry is one line of the audit log: who did what to what, when and from where.
type AuditEntry struct {
	ID         string // UUIDv7, so that entries sort by age
	At         time.Time
	Actor      ID     // "" for the program and its command line
	ActorName  string // as it was then
	Action     string // people.signin, claims.export, …
	ObjectKind string
	ObjectID   string
	Detail     string // JSON, without secrets and personal data
	IP         string
}

// AuditFilter selects entries; zero values do not filter.
type AuditFilter struct {
	Actor      ID
	Action     string
	ObjectKind string
	ObjectID   string
	Before     string // only entries older than the one with this id
	Limit      int    // 0 = 100

	Actions  []string  // any of these first words of an action: campaign, people
	Person   string    // an actor's id, or the start of a name as it was then
	From, To time.Time // in [From, To)
}

// system is the actor's name where nobody is signed in.
const system = "system"

// Record appends to the audit that actor did action to an object. detail becomes JSON (nil
// = {}) and must hold neither secrets nor personal data. Callers that hand out personal data
// record first and stop on an error.
func (s *Service) Record(ctx context.Context, actor Person, ip, action, objectKind, objectID string, detail any) error {
	text := []byte("{}")
	if detail != nil {
		var err error
		if text, err = json.Marshal(detail); err != nil {
			return fmt.Errorf("audit %s: %w", action, err)
		}
	}
	name, now := actor.Name, s.now().UTC()
	if actor.ID == "" {
		name = system
	}
	return s.store.Audit(ctx, AuditEntry{
		ID: newUUID(now), At: now, Actor: actor.ID, ActorName: name, Action: action,
		ObjectKind: objectKind, ObjectID: objectID, Detail: string(text), IP: cut(ip, 64),
	})
}

// ListAudit returns matching entries, the newest first.
func (s *Service) ListAudit(ctx context.Context, f AuditFilter) ([]AuditEntry, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	return s.store.ListAudit(ctx, f)
}

// note records what has already happened: a failure can only be logged.
func (s *Service) note(ctx context.Context, actor Person, ip, action, objectKind, objectID string, detail any) {
	if err := s.Record(context.WithoutCancel(ctx), actor, ip, action, objectKind, objectID, detail); err != nil {
		s.log.ErrorContext(ctx, "write audit", "action", action, "error", err)
	}
}
