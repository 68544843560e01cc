package db

import (
	"context"
	"fmt"
	"math"
	"strings"

	"kaquan/people"
)

const auditColumns = `id, at, actor_id, actor_name, action, object_kind, object_id, detail, ip`

// auditQuery are the conditions of a filter.
func auditQuery(f people.AuditFilter) *claimQuery {
	q := &claimQuery{}
	for _, same := range []struct{ column, value string }{
		{"actor_id", string(f.Actor)}, {"action", f.Action}, {"object_kind", f.ObjectKind}, {"object_id", f.ObjectID},
	} {
		if same.value != "" {
			q.and(same.column+" = ?1", same.value)
		}
	}
	if f.Before != "" {
		q.and("id < ?1", f.Before)
	}
	if f.Person != "" {
		q.and("(actor_id = ?1 OR actor_name >= ?2 AND actor_name < ?3)", f.Person, f.Person, f.Person+"\U0010FFFF")
	}
	if !f.From.IsZero() {
		q.and("at >= ?1", ms(f.From))
	}
	if !f.To.IsZero() {
		q.and("at < ?1", ms(f.To))
	}
	if len(f.Actions) == 0 {
		return q
	}
	var (
		starts []string
		args   []any
	)
	for _, word := range f.Actions { // what stands behind a dot sorts before a slash
		args = append(args, word+".", word+"/")
		starts = append(starts, fmt.Sprintf("action >= ?%d AND action < ?%d", len(args)-1, len(args)))
	}
	q.and("("+strings.Join(starts, " OR ")+")", args...)
	return q
}

// ListAudit implements people.Store.
func (d *DB) ListAudit(ctx context.Context, f people.AuditFilter) ([]people.AuditEntry, error) {
	limit := f.Limit
	if limit <= 0 {
		limit = math.MaxInt32
	}
	q := auditQuery(f)
	text := "SELECT " + auditColumns + " FROM audit"
	if len(q.where) > 0 {
		text += " WHERE " + strings.Join(q.where, " AND ")
	}
	rows, err := d.rows(ctx, fmt.Sprintf("%s ORDER BY id DESC LIMIT %d", text, limit), q.args...)
	return collect(rows, err, func(row scanner) (e people.AuditEntry, err error) {
		err = row.Scan(&e.ID, (*instant)(&e.At), &e.Actor, &e.ActorName, &e.Action, &e.ObjectKind, &e.ObjectID, &e.Detail, &e.IP)
		return e, err
	})
}
