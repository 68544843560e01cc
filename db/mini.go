package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"kaquan/campaigns"
	"kaquan/mini"
	"kaquan/wechat"
)

var _ mini.Store = (*DB)(nil)

const (
	miniProgramColumns = `account_id, app_id, secret, api_url, created_at, updated_at`

	qMiniPrograms    = `SELECT ` + miniProgramColumns + ` FROM mini_programs ORDER BY account_id`
	qMiniProgram     = `SELECT ` + miniProgramColumns + ` FROM mini_programs WHERE account_id = $1`
	qMiniAppElse     = `SELECT EXISTS (SELECT 1 FROM mini_programs WHERE app_id = $1 AND account_id <> $2) OR EXISTS (SELECT 1 FROM accounts WHERE app_id = $1)`
	qSaveMiniProgram = `INSERT INTO mini_programs (` + miniProgramColumns + `) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (account_id) DO UPDATE SET app_id = excluded.app_id, secret = excluded.secret, api_url = excluded.api_url, updated_at = excluded.updated_at`
	qDeleteMiniProgram = `DELETE FROM mini_programs WHERE account_id = $1`

	miniIdentityColumns = `i.id, i.account_id, i.app_id, i.openid, i.unionid, i.visitor_id, i.phone`

	qMiniIdentity = `SELECT ` + miniIdentityColumns + ` FROM mini_identities i WHERE i.app_id = $1 AND i.openid = $2`

	qMiniIdentities = `SELECT ` + miniIdentityColumns + ` FROM mini_identities i WHERE i.visitor_id = $1 AND i.openid NOT LIKE 'erased:%' ORDER BY i.id`

	qMiniVisitorOf = `SELECT visitor_id FROM mini_identities WHERE app_id = $1 AND openid = $2`

	qVisitorByUnion = `SELECT ` + visitorRead + ` FROM visitors WHERE account_id = $1 AND unionid = $2 AND unionid <> '' AND erased_at = 0
ORDER BY openid LIKE 'mini:%', id LIMIT 1`

	qSaveMiniIdentity = `INSERT INTO mini_identities (id, account_id, app_id, openid, unionid, visitor_id, phone, created_at)
VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM mini_identities), $1, $2, $3, $4, $5, x'', $6)
ON CONFLICT (app_id, openid) DO UPDATE SET visitor_id = excluded.visitor_id,
  unionid = CASE WHEN excluded.unionid <> '' THEN excluded.unionid ELSE mini_identities.unionid END`

	qLearnUnion = `UPDATE visitors SET unionid = $2 WHERE id = $1 AND unionid = '' AND erased_at = 0`

	qSaveMiniPhone = `UPDATE mini_identities SET phone = $2, phone_at = $3 WHERE id = $1`

	// The parts of a move from a visitor that a mini program made to the account's own.
	qMadeByMini   = `SELECT openid LIKE 'mini:%' FROM visitors WHERE id = $1 AND erased_at = 0`
	qMoveClaims   = `UPDATE OR IGNORE claims SET visitor_id = $2 WHERE visitor_id = $1`
	qMoveOrders   = `UPDATE orders SET visitor_id = $2 WHERE visitor_id = $1`
	qMoveStaff    = `UPDATE staff SET visitor_id = $2 WHERE visitor_id = $1`
	qMoveConsents = `UPDATE OR IGNORE visitor_consents SET visitor_id = $2 WHERE visitor_id = $1`
	qAddUpQuotas  = `INSERT INTO visitor_quotas (visitor_id, campaign_id, taken, day, day_taken)
SELECT $2, campaign_id, taken, day, day_taken FROM visitor_quotas WHERE visitor_id = $1
ON CONFLICT (visitor_id, campaign_id) DO UPDATE SET taken = visitor_quotas.taken + excluded.taken, day = max(visitor_quotas.day, excluded.day),
  day_taken = CASE WHEN visitor_quotas.day = excluded.day THEN visitor_quotas.day_taken + excluded.day_taken
                   WHEN visitor_quotas.day > excluded.day THEN visitor_quotas.day_taken ELSE excluded.day_taken END`
	qDropQuotas    = `DELETE FROM visitor_quotas WHERE visitor_id = $1`
	qMoveNames     = `UPDATE visitors SET nickname = CASE WHEN nickname = '' THEN (SELECT nickname FROM visitors v WHERE v.id = $1) ELSE nickname END WHERE id = $2`
	qMoveMinis     = `UPDATE mini_identities SET visitor_id = $2 WHERE visitor_id = $1`
	qDropAvatar    = `DELETE FROM mini_avatars WHERE visitor_id = $1`
	qRetireVisitor = `UPDATE visitors SET openid = 'merged:' || id, unionid = '', nickname = '', avatar = '', erased_at = $2 WHERE id = $1`

	miniSessionColumns = `s.hash, s.session_key, s.issued_at, s.seen_at, s.expires_at, s.revoked_at,
  EXISTS (SELECT 1 FROM mini_programs p WHERE p.account_id = i.account_id AND p.app_id = i.app_id)`

	qMiniSession       = `SELECT ` + miniIdentityColumns + `, ` + miniSessionColumns + ` FROM mini_sessions s JOIN mini_identities i ON i.id = s.identity_id WHERE s.hash = $1`
	qInsertMiniSession = `INSERT INTO mini_sessions (hash, identity_id, session_key, issued_at, seen_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`
	qTouchMiniSession  = `UPDATE mini_sessions SET seen_at = $2 WHERE hash = $1 AND revoked_at = 0 AND seen_at < $2`
	qRevokeMiniSession = `UPDATE mini_sessions SET revoked_at = $2, session_key = x'' WHERE hash = $1 AND revoked_at = 0`
	qRevokeMiniAll     = `UPDATE mini_sessions SET revoked_at = $2, session_key = x'' WHERE identity_id = $1 AND revoked_at = 0`
	qRevokeMiniBeyond  = `UPDATE mini_sessions SET revoked_at = $2, session_key = x'' WHERE identity_id = $1 AND revoked_at = 0
AND hash NOT IN (SELECT hash FROM mini_sessions WHERE identity_id = $1 AND revoked_at = 0 ORDER BY issued_at DESC, hash LIMIT $3)`
	qTrimMiniSessions = `DELETE FROM mini_sessions WHERE expires_at < $1`

	qNameVisitor   = `UPDATE visitors SET nickname = $2 WHERE id = $1 AND erased_at = 0`
	qShowVisitor   = `UPDATE visitors SET avatar = $2 WHERE id = $1 AND erased_at = 0`
	qSaveAvatar    = `INSERT INTO mini_avatars (visitor_id, name, body, created_at) VALUES ($1, $2, $3, $4)`
	qMiniAvatar    = `SELECT body FROM mini_avatars WHERE name = $1`
	qMinisOf       = `SELECT id, account_id, app_id, openid FROM mini_identities WHERE visitor_id = $1 AND openid NOT LIKE 'erased:%'`
	qForgetOldMini = `UPDATE mini_identities SET openid = 'erased:' || id WHERE app_id = $1 AND openid = $2`
	qForgetMini    = `UPDATE mini_identities SET openid = $2, unionid = '', phone = x'', phone_at = 0 WHERE id = $1`
)

// MiniPrograms implements mini.Store.
func (d *DB) MiniPrograms(ctx context.Context) ([]mini.Program, error) {
	rows, err := d.rows(ctx, qMiniPrograms)
	return collect(rows, err, d.scanMiniProgram)
}

// MiniProgram implements mini.Store.
func (d *DB) MiniProgram(ctx context.Context, account campaigns.AccountID) (mini.Program, error) {
	return d.scanMiniProgram(d.row(ctx, qMiniProgram, string(account)))
}

func (d *DB) scanMiniProgram(row scanner) (p mini.Program, err error) {
	var secret []byte
	err = row.Scan(&p.Account, &p.AppID, &secret, &p.APIURL, (*instant)(&p.CreatedAt), (*instant)(&p.UpdatedAt))
	if errors.Is(err, sql.ErrNoRows) {
		return p, mini.ErrProgramNotFound
	}
	if err != nil {
		return p, fmt.Errorf("read mini program: %w", err)
	}
	p.Secret, err = d.seal.open("mini secret", secret)
	return p, err
}

// SaveMiniProgram implements mini.Store. When the AppID, the secret or the address
// changes, its token is forgotten.
func (d *DB) SaveMiniProgram(ctx context.Context, p mini.Program, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		var taken bool
		if err := tx.row(qMiniAppElse, string(p.AppID), string(p.Account)).Scan(&taken); err != nil {
			return err
		}
		if taken {
			return mini.ErrAppTaken
		}
		old, err := d.scanMiniProgram(tx.row(qMiniProgram, string(p.Account)))
		if err != nil && !errors.Is(err, mini.ErrProgramNotFound) {
			return err
		}
		if old.AppID != p.AppID || old.Secret != p.Secret || old.APIURL != p.APIURL {
			for _, app := range []wechat.AppID{old.AppID, p.AppID} {
				if _, err := tx.exec(qForgetTokens, string(app)); err != nil {
					return err
				}
			}
		}
		_, err = tx.exec(qSaveMiniProgram, string(p.Account), string(p.AppID), d.seal.seal("mini secret", p.Secret), p.APIURL, ms(a.At), ms(a.At))
		if err != nil {
			return err
		}
		return audit(tx, a, "account", string(p.Account))
	})
}

// DeleteMiniProgram implements mini.Store.
func (d *DB) DeleteMiniProgram(ctx context.Context, account campaigns.AccountID, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		old, err := d.scanMiniProgram(tx.row(qMiniProgram, string(account)))
		if errors.Is(err, mini.ErrProgramNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := tx.exec(qForgetTokens, string(old.AppID)); err != nil {
			return err
		}
		if _, err := tx.exec(qDeleteMiniProgram, string(account)); err != nil {
			return err
		}
		return audit(tx, a, "account", string(account))
	})
}

// miniTargets are where the columns of an identity go; phone is sealed.
func miniTargets(i *mini.Identity, phone *[]byte) []any {
	return []any{&i.ID, &i.Account, &i.App, &i.OpenID, &i.UnionID, &i.Visitor, phone}
}

func (d *DB) scanMiniIdentity(row scanner) (i mini.Identity, err error) {
	var phone []byte
	err = row.Scan(miniTargets(&i, &phone)...)
	if errors.Is(err, sql.ErrNoRows) {
		return i, mini.ErrIdentityNotFound
	}
	if err != nil {
		return i, fmt.Errorf("read mini identity: %w", err)
	}
	i.Phone, err = d.seal.open("phone", phone)
	return i, err
}

// MiniIdentity implements mini.Store.
func (d *DB) MiniIdentity(ctx context.Context, app wechat.AppID, person wechat.OpenID) (mini.Identity, error) {
	return d.scanMiniIdentity(d.row(ctx, qMiniIdentity, string(app), string(person)))
}

// MiniIdentities implements mini.Store.
func (d *DB) MiniIdentities(ctx context.Context, visitor campaigns.VisitorID) ([]mini.Identity, error) {
	rows, err := d.rows(ctx, qMiniIdentities, int64(visitor))
	return collect(rows, err, d.scanMiniIdentity)
}

// VisitorByUnion implements mini.Store.
func (d *DB) VisitorByUnion(ctx context.Context, account campaigns.AccountID, unionID string) (campaigns.Visitor, error) {
	return scanVisitor(d.row(ctx, qVisitorByUnion, string(account), unionID))
}

// SaveMiniIdentity implements mini.Store.
func (d *DB) SaveMiniIdentity(ctx context.Context, i mini.Identity, now time.Time) (mini.Identity, error) {
	err := d.Write(ctx, func(tx *Tx) error {
		old, err := d.scanMiniIdentity(tx.row(qMiniIdentity, string(i.App), string(i.OpenID)))
		if err != nil && !errors.Is(err, mini.ErrIdentityNotFound) {
			return err
		}
		if _, err := tx.exec(qSaveMiniIdentity, string(i.Account), string(i.App), string(i.OpenID), i.UnionID, int64(i.Visitor), ms(now)); err != nil {
			return err
		}
		if i.UnionID != "" {
			if _, err := tx.exec(qLearnUnion, int64(i.Visitor), i.UnionID); err != nil {
				return err
			}
		}
		switch {
		case old.ID == 0:
			err = d.inheritMini(tx, i)
		case old.Visitor != i.Visitor:
			err = mergeVisitors(tx, old.Visitor, i.Visitor, now)
		}
		if err == nil {
			i, err = d.scanMiniIdentity(tx.row(qMiniIdentity, string(i.App), string(i.OpenID)))
		}
		return err
	})
	return i, err
}

// inheritMini gives somebody who erased their data before the limits used up then.
func (d *DB) inheritMini(tx *Tx, i mini.Identity) error {
	var before int64
	err := tx.row(qMiniVisitorOf, string(i.App), d.digest(i.Account, i.OpenID)).Scan(&before)
	if errors.Is(err, sql.ErrNoRows) || before == int64(i.Visitor) {
		return nil
	}
	if err == nil {
		_, err = tx.exec(qInheritQuotas, int64(i.Visitor), before)
	}
	return err
}

// mergeVisitors moves what a visitor that a mini program made has to the same person's
// visitor of the account's pages. Any other visitor keeps everything.
func mergeVisitors(tx *Tx, from, to campaigns.VisitorID, now time.Time) error {
	var made bool
	if err := tx.row(qMadeByMini, int64(from)).Scan(&made); errors.Is(err, sql.ErrNoRows) || err == nil && !made {
		return nil
	} else if err != nil {
		return err
	}
	if _, err := tx.exec(qMoveNames, int64(from), int64(to)); err != nil {
		return err
	}
	return moveVisitor(tx, from, to, now)
}

// moveVisitor gives all that one row of a person has to another one of theirs, and retires
// it.
func moveVisitor(tx *Tx, from, to campaigns.VisitorID, now time.Time) error {
	for _, query := range []string{qMoveClaims, qMoveOrders, qMoveStaff, qMoveConsents, qAddUpQuotas, qMoveMinis} {
		if _, err := tx.exec(query, int64(from), int64(to)); err != nil {
			return err
		}
	}
	for _, query := range []string{qDropQuotas, qDropAvatar} {
		if _, err := tx.exec(query, int64(from)); err != nil {
			return err
		}
	}
	_, err := tx.exec(qRetireVisitor, int64(from), ms(now))
	return err
}

// SaveMiniPhone implements mini.Store.
func (d *DB) SaveMiniPhone(ctx context.Context, identity int64, phone string, now time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qSaveMiniPhone, identity, d.seal.seal("phone", phone), ms(now))
		return err
	})
}

// SaveMiniSession implements mini.Store.
func (d *DB) SaveMiniSession(ctx context.Context, s mini.Session, keep int) error {
	return d.Write(ctx, func(tx *Tx) error {
		if err := d.insertMiniSession(tx, s); err != nil {
			return err
		}
		_, err := tx.exec(qRevokeMiniBeyond, s.ID, ms(s.IssuedAt), keep)
		return err
	})
}

func (d *DB) insertMiniSession(tx *Tx, s mini.Session) error {
	_, err := tx.exec(qInsertMiniSession, s.Hash, s.ID, d.seal.seal("session key", s.Key), ms(s.IssuedAt), ms(s.SeenAt), ms(s.ExpiresAt))
	return err
}

// MiniSession implements mini.Store.
func (d *DB) MiniSession(ctx context.Context, hash []byte) (*mini.Session, error) {
	var (
		s          mini.Session
		phone, key []byte
	)
	err := d.row(ctx, qMiniSession, hash).Scan(append(miniTargets(&s.Identity, &phone), &s.Hash, &key,
		(*instant)(&s.IssuedAt), (*instant)(&s.SeenAt), (*instant)(&s.ExpiresAt), (*instant)(&s.RevokedAt), &s.Current)...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, mini.ErrUnknownToken
	}
	if err != nil {
		return nil, fmt.Errorf("read mini session: %w", err)
	}
	var errPhone error
	s.Identity.Phone, errPhone = d.seal.open("phone", phone)
	s.Key, err = d.seal.open("session key", key)
	return &s, errors.Join(errPhone, err)
}

// TouchMiniSession implements mini.Store.
func (d *DB) TouchMiniSession(ctx context.Context, hash []byte, now time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qTouchMiniSession, hash, ms(now))
		return err
	})
}

// SwapMiniSession implements mini.Store.
func (d *DB) SwapMiniSession(ctx context.Context, old []byte, s mini.Session) error {
	return d.Write(ctx, func(tx *Tx) error {
		n, err := tx.exec(qRevokeMiniSession, old, ms(s.IssuedAt))
		if err != nil {
			return err
		}
		if n == 0 {
			return mini.ErrRevoked
		}
		return d.insertMiniSession(tx, s)
	})
}

// RevokeMiniSessions implements mini.Store.
func (d *DB) RevokeMiniSessions(ctx context.Context, identity int64, hash []byte, now time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		if hash != nil {
			_, err := tx.exec(qRevokeMiniSession, hash, ms(now))
			return err
		}
		_, err := tx.exec(qRevokeMiniAll, identity, ms(now))
		return err
	})
}

// TrimMiniSessions implements mini.Store.
func (d *DB) TrimMiniSessions(ctx context.Context, before time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qTrimMiniSessions, ms(before))
		return err
	})
}

// SetMiniNickname implements mini.Store.
func (d *DB) SetMiniNickname(ctx context.Context, visitor campaigns.VisitorID, nickname string) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qNameVisitor, int64(visitor), nickname)
		return err
	})
}

// SetMiniAvatar implements mini.Store.
func (d *DB) SetMiniAvatar(ctx context.Context, visitor campaigns.VisitorID, name, address string, body []byte, now time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(qDropAvatar, int64(visitor)); err != nil {
			return err
		}
		n, err := tx.exec(qShowVisitor, int64(visitor), address)
		if err != nil || n == 0 || len(body) == 0 {
			return err
		}
		_, err = tx.exec(qSaveAvatar, int64(visitor), name, body, ms(now))
		return err
	})
}

// MiniAvatar implements mini.Store.
func (d *DB) MiniAvatar(ctx context.Context, name string) (body []byte, err error) {
	err = d.row(ctx, qMiniAvatar, name).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, mini.ErrAvatarNotFound
	}
	return body, err
}

// forgetMinis is the part of an erasure that mini programs have: sessions end, picture
// and phone go, and the openid becomes a digest.
func (d *DB) forgetMinis(tx *Tx, visitor campaigns.VisitorID, now time.Time) error {
	rows, err := tx.rows(qMinisOf, int64(visitor))
	all, err := collect(rows, err, func(row scanner) (i mini.Identity, err error) {
		return i, row.Scan(&i.ID, &i.Account, &i.App, &i.OpenID)
	})
	if err != nil {
		return err
	}
	for _, i := range all {
		twin := d.digest(i.Account, i.OpenID)
		if _, err := tx.exec(qRevokeMiniAll, i.ID, ms(now)); err != nil {
			return err
		}
		if _, err := tx.exec(qForgetOldMini, string(i.App), twin); err != nil {
			return err
		}
		if _, err := tx.exec(qForgetMini, i.ID, twin); err != nil {
			return err
		}
	}
	_, err = tx.exec(qDropAvatar, int64(visitor))
	return err
}
