package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"kaquan/campaigns"
)

const (
	visitorColumns = `id, account_id, openid, unionid, nickname, avatar, first_seen, last_seen`
	visitorRead    = visitorColumns + `, blocked_at`

	qTouchVisitor = `INSERT INTO visitors (` + visitorColumns + `)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (account_id, openid) DO UPDATE SET
  unionid = CASE WHEN excluded.unionid <> '' THEN excluded.unionid ELSE visitors.unionid END,
  nickname = CASE WHEN excluded.nickname <> '' THEN excluded.nickname ELSE visitors.nickname END,
  avatar = CASE WHEN excluded.avatar <> '' THEN excluded.avatar ELSE visitors.avatar END,
  last_seen = excluded.last_seen
RETURNING ` + visitorRead

	qVisitorByID = `SELECT ` + visitorRead + ` FROM visitors WHERE id = $1`
)

func scanVisitor(row scanner) (campaigns.Visitor, error) {
	var (
		v           campaigns.Visitor
		first, last int64
	)
	err := row.Scan(&v.ID, &v.Account, &v.OpenID, &v.UnionID, &v.Nickname, &v.Avatar, &first, &last, (*instant)(&v.BlockedAt))
	if errors.Is(err, sql.ErrNoRows) {
		return v, campaigns.ErrVisitorNotFound
	}
	if err != nil {
		return v, fmt.Errorf("read visitor: %w", err)
	}
	v.FirstSeen, v.LastSeen = at(first), at(last)
	return v, nil
}

// TouchVisitor implements campaigns.Store.
func (d *DB) TouchVisitor(ctx context.Context, v campaigns.Visitor) (campaigns.Visitor, error) {
	err := d.Write(ctx, func(tx *Tx) error {
		var err error
		v, err = d.touch(tx, v)
		return err
	})
	return v, err
}

// VisitorByID implements campaigns.Store.
func (d *DB) VisitorByID(ctx context.Context, id campaigns.VisitorID) (campaigns.Visitor, error) {
	return scanVisitor(d.row(ctx, qVisitorByID, int64(id)))
}
