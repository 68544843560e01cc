package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"kaquan/people"
)

const (
	apiTokenColumns = `id, hash, tail, name, scopes, accounts, ips, origins, hosts, rate, created_by, created_at, expires_at, revoked_at, last_used_at, uses`

	qInsertAPIToken = `INSERT INTO api_tokens (` + apiTokenColumns + `)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`

	qAPITokenByHash = `SELECT ` + apiTokenColumns + ` FROM api_tokens WHERE hash = $1`
	qListAPITokens  = `SELECT ` + apiTokenColumns + ` FROM api_tokens ORDER BY created_at DESC, id DESC`
	qRevokeAPIToken = `UPDATE api_tokens SET revoked_at = CASE revoked_at WHEN 0 THEN $2 ELSE revoked_at END WHERE id = $1`
	qAddAPIUse      = `UPDATE api_tokens SET uses = uses + $2, last_used_at = CASE WHEN last_used_at < $3 THEN $3 ELSE last_used_at END WHERE id = $1`
)

// jsonList writes a list as JSON; nil is [].
func jsonList[T any](list []T) (string, error) {
	if list == nil {
		return "[]", nil
	}
	text, err := json.Marshal(list)
	return string(text), err
}

// jsonScan reads what jsonList wrote.
type jsonScan[T any] struct{ into *[]T }

// Scan implements sql.Scanner.
func (j jsonScan[T]) Scan(v any) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("a list is stored as %T", v)
	}
	if text == "[]" {
		*j.into = nil
		return nil
	}
	return json.Unmarshal([]byte(text), j.into)
}

func scanAPIToken(row scanner) (people.APIToken, error) {
	var t people.APIToken
	err := row.Scan(
		&t.ID, &t.Hash, &t.Tail, &t.Name, jsonScan[people.Scope]{&t.Scopes}, jsonScan[string]{&t.Accounts}, jsonScan[netip.Prefix]{&t.IPs},
		jsonScan[string]{&t.Origins}, jsonScan[string]{&t.Hosts}, &t.Rate, &t.CreatedBy,
		(*instant)(&t.CreatedAt), (*instant)(&t.ExpiresAt), (*instant)(&t.RevokedAt), (*instant)(&t.LastUsedAt), &t.Uses,
	)
	if errors.Is(err, sql.ErrNoRows) {
		return t, people.ErrAPITokenNotFound
	}
	return t, err
}

// CreateAPIToken implements people.Store.
func (d *DB) CreateAPIToken(ctx context.Context, t people.APIToken) error {
	var lists [5]string
	var errs [5]error
	lists[0], errs[0] = jsonList(t.Scopes)
	lists[1], errs[1] = jsonList(t.Accounts)
	lists[2], errs[2] = jsonList(t.IPs)
	lists[3], errs[3] = jsonList(t.Origins)
	lists[4], errs[4] = jsonList(t.Hosts)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	return d.change(
		ctx, nil, qInsertAPIToken, t.ID, t.Hash, t.Tail, t.Name, lists[0], lists[1], lists[2], lists[3], lists[4], t.Rate, t.CreatedBy,
		ms(t.CreatedAt), ms(t.ExpiresAt), ms(t.RevokedAt), ms(t.LastUsedAt), t.Uses,
	)
}

// APITokenByHash implements people.Store.
func (d *DB) APITokenByHash(ctx context.Context, hash []byte) (people.APIToken, error) {
	return scanAPIToken(d.row(ctx, qAPITokenByHash, hash))
}

// ListAPITokens implements people.Store.
func (d *DB) ListAPITokens(ctx context.Context) ([]people.APIToken, error) {
	rows, err := d.rows(ctx, qListAPITokens)
	return collect(rows, err, scanAPIToken)
}

// RevokeAPIToken implements people.Store.
func (d *DB) RevokeAPIToken(ctx context.Context, id string, now time.Time) error {
	return d.change(ctx, people.ErrAPITokenNotFound, qRevokeAPIToken, id, ms(now))
}

// AddAPIUse implements people.Store.
func (d *DB) AddAPIUse(ctx context.Context, uses []people.APIUse) error {
	return d.Write(ctx, func(tx *Tx) error {
		for _, u := range uses {
			if _, err := tx.exec(qAddAPIUse, u.ID, u.Count, ms(u.LastAt)); err != nil {
				return err
			}
		}
		return nil
	})
}
