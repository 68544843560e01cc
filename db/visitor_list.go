package db

import (
	"context"
	"fmt"
	"iter"
	"math"
	"strings"

	"kaquan/campaigns"
)

const (
	qClaimCounts = `SELECT state, COUNT(*) FROM claims WHERE campaign_id = $1 GROUP BY state`

	// The row's own order is that of age: the plus keeps the account's index, which would have
	// to be sorted, out of it.
	qVisitorList = `SELECT v.id, v.account_id, v.openid, v.unionid, v.nickname, v.avatar, v.first_seen, v.last_seen, v.region, v.sex,
  (SELECT COUNT(*) FROM claims k WHERE k.visitor_id = v.id AND k.state <> 'released')
FROM visitors v
WHERE v.id < $1 AND ($2 = '' OR +v.account_id = $2) AND v.erased_at = 0
ORDER BY v.id DESC LIMIT $3`

	// A search is an openid or the start of a nickname, both by an index.
	qVisitorSearch = `SELECT v.id, v.account_id, v.openid, v.unionid, v.nickname, v.avatar, v.first_seen, v.last_seen, v.region, v.sex,
  (SELECT COUNT(*) FROM claims k WHERE k.visitor_id = v.id AND k.state <> 'released')
FROM visitors v
WHERE v.id IN (SELECT id FROM visitors WHERE account_id = $2 AND openid = $4
               UNION SELECT id FROM visitors WHERE nickname >= $4 AND nickname < $5)
  AND v.id < $1 AND ($2 = '' OR v.account_id = $2) AND v.erased_at = 0
ORDER BY v.id DESC LIMIT $3`
)

func scanVisitorRow(row scanner) (r campaigns.VisitorRow, err error) {
	err = row.Scan(&r.ID, &r.Account, &r.OpenID, &r.UnionID, &r.Nickname, &r.Avatar, (*instant)(&r.FirstSeen), (*instant)(&r.LastSeen),
		&r.Region, &r.Sex, &r.Claims)
	return r, err
}

func (d *DB) visitorRows(ctx context.Context, f campaigns.VisitorFilter, limit int) ([]campaigns.VisitorRow, error) {
	before := int64(f.Before)
	if before == 0 {
		before = math.MaxInt64
	}
	if text := strings.TrimSpace(f.Search); text != "" {
		rows, err := d.rows(ctx, qVisitorSearch, before, string(f.Account), limit, text, text+"\U0010FFFF")
		return collect(rows, err, scanVisitorRow)
	}
	rows, err := d.rows(ctx, qVisitorList, before, string(f.Account), limit)
	return collect(rows, err, scanVisitorRow)
}

// Visitors implements campaigns.Visitors.
func (d *DB) Visitors(ctx context.Context, f campaigns.VisitorFilter) (campaigns.VisitorPage, error) {
	list, err := d.visitorRows(ctx, f, f.Limit+1)
	if err != nil {
		return campaigns.VisitorPage{}, fmt.Errorf("list visitors: %w", err)
	}
	page := campaigns.VisitorPage{Rows: list}
	if len(list) > f.Limit {
		page.Rows = list[:f.Limit]
		page.Next = page.Rows[f.Limit-1].ID
	}
	return page, nil
}

// EachVisitor implements campaigns.Visitors.
func (d *DB) EachVisitor(ctx context.Context, f campaigns.VisitorFilter) iter.Seq2[campaigns.VisitorRow, error] {
	return func(yield func(campaigns.VisitorRow, error) bool) {
		for {
			list, err := d.visitorRows(ctx, f, eachPage)
			if err != nil {
				yield(campaigns.VisitorRow{}, fmt.Errorf("export visitors: %w", err))
				return
			}
			for i := range list {
				if i%yieldEvery == 0 {
					d.giveWay()
				}
				if !yield(list[i], nil) {
					return
				}
			}
			if len(list) < eachPage {
				return
			}
			f.Before = list[len(list)-1].ID
		}
	}
}

// ClaimCounts implements campaigns.Visitors.
func (d *DB) ClaimCounts(ctx context.Context, campaign campaigns.ID) (map[campaigns.ClaimState]int64, error) {
	type count struct {
		state campaigns.ClaimState
		n     int64
	}
	rows, err := d.rows(ctx, qClaimCounts, int64(campaign))
	list, err := collect(rows, err, func(row scanner) (c count, err error) {
		err = row.Scan(&c.state, &c.n)
		return c, err
	})
	counts := make(map[campaigns.ClaimState]int64, len(list))
	for _, c := range list {
		counts[c.state] = c.n
	}
	return counts, err
}
