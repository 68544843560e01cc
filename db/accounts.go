package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"kaquan/campaigns"
	"kaquan/wechat"
)

const (
	accountColumns = `id, name, app_id, secret, push_token, aes_key, token_mode, api_url, open_url, js_url, sandbox, created_at, updated_at`

	qAccounts    = `SELECT ` + accountColumns + ` FROM accounts ORDER BY created_at, id`
	qAccountByID = `SELECT ` + accountColumns + ` FROM accounts WHERE id = $1`

	qSaveAccount = `INSERT INTO accounts (` + accountColumns + `)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, app_id = excluded.app_id, secret = excluded.secret, push_token = excluded.push_token,
  aes_key = excluded.aes_key, token_mode = excluded.token_mode, api_url = excluded.api_url, open_url = excluded.open_url,
  js_url = excluded.js_url, sandbox = excluded.sandbox, updated_at = excluded.updated_at`

	qForgetTokens = `DELETE FROM tokens WHERE app_id = $1`
)

// Accounts lists the official accounts, oldest first.
func (d *DB) Accounts(ctx context.Context) ([]campaigns.Account, error) {
	rows, err := d.rows(ctx, qAccounts)
	return collect(rows, err, d.scanAccount)
}

// Account finds one; campaigns.ErrAccountNotFound otherwise.
func (d *DB) Account(ctx context.Context, id campaigns.AccountID) (campaigns.Account, error) {
	return d.scanAccount(d.row(ctx, qAccountByID, string(id)))
}

// SaveAccount inserts an account or writes over it; secrets are sealed on the way. When
// the AppID, the secret or the endpoints change, its tokens are forgotten.
func (d *DB) SaveAccount(ctx context.Context, a campaigns.Account, entry campaigns.Audit) error {
	c := a.Credentials
	return d.Write(ctx, func(tx *Tx) error {
		old, err := d.scanAccount(tx.row(qAccountByID, string(a.ID)))
		if err != nil && !errors.Is(err, campaigns.ErrAccountNotFound) {
			return err
		}
		created := entry.At
		if err == nil {
			created = old.CreatedAt
			o := old.Credentials
			if o.AppID != c.AppID || o.Secret != c.Secret || o.Mode != c.Mode || o.APIURL != c.APIURL {
				for _, app := range []wechat.AppID{o.AppID, c.AppID} {
					if _, err := tx.exec(qForgetTokens, string(app)); err != nil {
						return err
					}
				}
			}
		}
		_, err = tx.exec(qSaveAccount, string(a.ID), a.Name, string(c.AppID), d.seal.seal("secret", c.Secret), d.seal.seal("push_token", c.PushToken),
			d.seal.seal("aes_key", c.AESKey), string(c.Mode), c.APIURL, c.OpenURL, c.JSURL, c.Sandbox, ms(created), ms(entry.At))
		if err != nil {
			return err
		}
		return audit(tx, entry, "account", string(a.ID))
	})
}

func (d *DB) scanAccount(row scanner) (campaigns.Account, error) {
	var (
		a                      campaigns.Account
		secret, token, aes     []byte
		created, updated       int64
		errSecret, errTok, err error
	)
	c := &a.Credentials
	err = row.Scan(&a.ID, &a.Name, &c.AppID, &secret, &token, &aes, &c.Mode, &c.APIURL, &c.OpenURL, &c.JSURL, &c.Sandbox, &created, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		return a, campaigns.ErrAccountNotFound
	}
	if err != nil {
		return a, fmt.Errorf("read account: %w", err)
	}
	a.CreatedAt, a.UpdatedAt = at(created), at(updated)
	c.Account = string(a.ID)
	c.Secret, errSecret = d.seal.open("secret", secret)
	c.PushToken, errTok = d.seal.open("push_token", token)
	c.AESKey, err = d.seal.open("aes_key", aes)
	return a, errors.Join(errSecret, errTok, err)
}

var _ wechat.Store = (*DB)(nil)

const (
	qToken     = `SELECT value, source, fetched_at, expires_at FROM tokens WHERE app_id = $1 AND kind = $2`
	qSaveToken = `INSERT INTO tokens (app_id, kind, value, source, fetched_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (app_id, kind) DO UPDATE SET value = excluded.value, source = excluded.source,
  fetched_at = excluded.fetched_at, expires_at = excluded.expires_at`

	qTakeLease = `INSERT INTO leases (name, owner, until_at) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until_at = excluded.until_at
WHERE leases.until_at <= $4 OR leases.owner = excluded.owner`

	qDropLease = `DELETE FROM leases WHERE name = $1 AND owner = $2`

	qInsertFetch = `INSERT INTO token_fetches (id, app_id, kind, at, took_ms, ok, errcode, message, rid, source, reason)
VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM token_fetches), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

	qFetches = `SELECT kind, at, took_ms, ok, errcode, message, rid, source, reason FROM token_fetches
WHERE app_id = $1 ORDER BY at DESC, id DESC LIMIT $2`

	qTrimFetches = `DELETE FROM token_fetches WHERE at < $1`
)

// LoadToken implements wechat.Store.
func (d *DB) LoadToken(ctx context.Context, app wechat.AppID, kind wechat.Kind) (wechat.Token, error) {
	t := wechat.Token{AppID: app, Kind: kind}
	var (
		value            []byte
		fetched, expires int64
	)
	err := d.row(ctx, qToken, string(app), string(kind)).Scan(&value, &t.Source, &fetched, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return t, wechat.ErrNoToken
	}
	if err != nil {
		return t, fmt.Errorf("read token: %w", err)
	}
	t.FetchedAt, t.ExpiresAt = at(fetched), at(expires)
	t.Value, err = d.seal.open("token", value)
	return t, err
}

// SaveToken implements wechat.Store.
func (d *DB) SaveToken(ctx context.Context, t wechat.Token) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qSaveToken, string(t.AppID), string(t.Kind), d.seal.seal("token", t.Value), t.Source, ms(t.FetchedAt), ms(t.ExpiresAt))
		return err
	})
}

// AcquireLease implements wechat.Store.
func (d *DB) AcquireLease(ctx context.Context, name, owner string, now, until time.Time) (bool, error) {
	var n int64
	err := d.Write(ctx, func(tx *Tx) error {
		var err error
		n, err = tx.exec(qTakeLease, name, owner, ms(until), ms(now))
		return err
	})
	return n == 1, err
}

// ReleaseLease implements wechat.Store.
func (d *DB) ReleaseLease(ctx context.Context, name, owner string) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qDropLease, name, owner)
		return err
	})
}

// RecordFetch implements wechat.Store.
func (d *DB) RecordFetch(ctx context.Context, f wechat.Fetch) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qInsertFetch, string(f.AppID), string(f.Kind), ms(f.At), f.Took.Milliseconds(), f.OK, f.ErrCode, f.Message, f.RID, f.Source, f.Reason)
		return err
	})
}

// Fetches lists the newest token and ticket fetches of an AppID.
func (d *DB) Fetches(ctx context.Context, app wechat.AppID, limit int) ([]wechat.Fetch, error) {
	rows, err := d.rows(ctx, qFetches, string(app), limit)
	return collect(rows, err, func(row scanner) (wechat.Fetch, error) {
		f := wechat.Fetch{AppID: app}
		var took int64
		err := row.Scan(&f.Kind, (*instant)(&f.At), &took, &f.OK, &f.ErrCode, &f.Message, &f.RID, &f.Source, &f.Reason)
		f.Took = time.Duration(took) * time.Millisecond
		return f, err
	})
}

// TrimFetches forgets fetches from before the given time.
func (d *DB) TrimFetches(ctx context.Context, before time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qTrimFetches, ms(before))
		return err
	})
}
