package db

import (
	"context"
	"database/sql"
	"errors"

	"kaquan/campaigns"
)

const (
	foundVisitor = `v.id, v.account_id, v.openid, v.nickname, v.last_seen,
  coalesce((SELECT max(k.id) FROM claims k WHERE k.visitor_id = v.id), 0), (SELECT count(*) FROM claims k WHERE k.visitor_id = v.id)`

	// By account, because openids are unique, and in an index, within one.
	qVisitorsByOpenID = `SELECT ` + foundVisitor + `
FROM accounts a CROSS JOIN visitors v ON v.account_id = a.id AND v.openid >= $1 AND v.openid < $2
WHERE v.erased_at = 0 LIMIT $3`

	qVisitorsByName = `SELECT ` + foundVisitor + ` FROM visitors v WHERE v.nickname >= $1 AND v.nickname < $2 AND v.erased_at = 0 LIMIT $3`

	qChannelsByName = `SELECT h.campaign_id, c.name, h.code, h.name FROM channels h JOIN campaigns c ON c.id = h.campaign_id
WHERE instr(lower(h.name), lower($1)) > 0 OR h.code = $1 OR h.short = $1
ORDER BY h.disabled, h.created_at DESC LIMIT $2`

	qClaimByRef = `SELECT ` + claimRowColumns + ` FROM claims k JOIN campaigns c ON c.id = k.campaign_id JOIN visitors v ON v.id = k.visitor_id WHERE k.ref = $1`
)

func scanFoundVisitor(row scanner) (v campaigns.FoundVisitor, err error) {
	err = row.Scan(&v.ID, &v.Account, &v.OpenID, &v.Nickname, (*instant)(&v.LastSeen), &v.LastClaim, &v.Claims)
	return v, err
}

// afterAll follows every text that starts with text.
func afterAll(text string) string { return text + "\U0010FFFF" }

// VisitorsByOpenID implements campaigns.Finder.
func (d *DB) VisitorsByOpenID(ctx context.Context, text string, limit int) ([]campaigns.FoundVisitor, error) {
	rows, err := d.rows(ctx, qVisitorsByOpenID, text, afterAll(text), limit)
	return collect(rows, err, scanFoundVisitor)
}

// VisitorsByName implements campaigns.Finder.
func (d *DB) VisitorsByName(ctx context.Context, text string, limit int) ([]campaigns.FoundVisitor, error) {
	rows, err := d.rows(ctx, qVisitorsByName, text, afterAll(text), limit)
	return collect(rows, err, scanFoundVisitor)
}

// ChannelsByName implements campaigns.Finder.
func (d *DB) ChannelsByName(ctx context.Context, text string, limit int) ([]campaigns.FoundChannel, error) {
	rows, err := d.rows(ctx, qChannelsByName, text, limit)
	return collect(rows, err, func(row scanner) (c campaigns.FoundChannel, err error) {
		err = row.Scan(&c.Campaign, &c.CampaignName, &c.Code, &c.Name)
		return c, err
	})
}

// ClaimByRef implements campaigns.Finder.
func (d *DB) ClaimByRef(ctx context.Context, ref campaigns.Ref) (campaigns.ClaimRow, error) {
	row, err := d.scanClaimRow(d.row(ctx, qClaimByRef, string(ref)))
	if errors.Is(err, sql.ErrNoRows) {
		return row, campaigns.ErrNotFound
	}
	return row, err
}
