package db

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"kaquan/campaigns"
)

const (
	qOverviews = `SELECT c.id, c.account_id, c.slug, c.status, c.starts_at, c.ends_at, c.valid_until, c.version, c.issuer, c.card_id, c.zone,
  c.created_at, c.updated_at, c.name, c.pause_reason, coalesce(c.texts ->> '$.benefit', ''), s.total, s.held, s.confirmed,
  coalesce((SELECT group_concat(t.tag, char(10)) FROM campaign_tags t WHERE t.campaign_id = c.id), '')
FROM campaigns c JOIN campaign_stock s ON s.campaign_id = c.id
WHERE $1 = '' OR c.account_id = $1`

	qOverviewOwners = `SELECT object_id, actor_id, actor_name FROM audit WHERE action = 'campaign.create'`

	// One statement for all windows; the index holds every column that is read. The bounds
	// are materialised, or they would be read out of the JSON anew for every claim.
	qOverviewHours = `WITH w AS MATERIALIZED (
  SELECT value ->> '$.id' AS id, value ->> '$.since' AS since, value ->> '$.today' AS today, value ->> '$.from' AS yesterday,
    value ->> '$.until' AS until, value ->> '$.half' AS half, value ->> '$.end' AS now
  FROM json_each($1))
SELECT w.id, (w.now - k.confirmed_at) / 3600000, count(*), sum(k.confirmed_at >= w.today),
  sum(k.confirmed_at >= w.yesterday AND k.confirmed_at < w.until), sum(k.confirmed_at > w.half)
FROM w CROSS JOIN claims k ON k.campaign_id = w.id AND k.confirmed_at >= w.since AND k.confirmed_at > 0 AND k.gift_of = 0
GROUP BY 1, 2`

	qOverviewTotals = `SELECT c.id,
  (SELECT coalesce(sum(v.visits), 0) FROM campaign_visits v WHERE v.campaign_id = c.id),
  (SELECT count(*) FROM claims k WHERE k.campaign_id = c.id AND k.state = 'redeemed'),
  (SELECT count(*) FROM channels h WHERE h.campaign_id = c.id),
  coalesce((SELECT n.kind FROM card_notes n WHERE n.account_id = c.account_id AND n.card_id = c.card_id AND c.card_id <> '' ORDER BY n.at DESC LIMIT 1), '')
FROM json_each($1) w JOIN campaigns c ON c.id = w.value ->> '$.id'`
)

func scanOverview(row scanner) (o campaigns.Overview, err error) {
	var zoneName, tags string
	err = row.Scan(&o.ID, &o.Account, &o.Slug, &o.Status, (*instant)(&o.StartsAt), (*instant)(&o.EndsAt), (*instant)(&o.ValidUntil), &o.Version, &o.Issuer, &o.CardID, &zoneName,
		(*instant)(&o.CreatedAt), (*instant)(&o.UpdatedAt), &o.Name, &o.PauseReason, &o.Texts.Benefit, &o.Stock.Total, &o.Stock.Held, &o.Stock.Confirmed, &tags)
	if err != nil {
		return o, fmt.Errorf("read campaign: %w", err)
	}
	if tags != "" {
		o.Tags = strings.Split(tags, "\n")
		slices.Sort(o.Tags)
	}
	o.Zone, err = zone(zoneName)
	return o, err
}

// Overviews implements campaigns.Overviews.
func (d *DB) Overviews(ctx context.Context, account campaigns.AccountID) ([]campaigns.Overview, error) {
	rows, err := d.rows(ctx, qOverviews, string(account))
	all, err := collect(rows, err, scanOverview)
	if err != nil || len(all) == 0 {
		return all, err
	}
	type owner struct{ campaign, id, name string }
	found, err := d.rows(ctx, qOverviewOwners)
	owners, err := collect(found, err, func(row scanner) (o owner, err error) {
		err = row.Scan(&o.campaign, &o.id, &o.name)
		return o, err
	})
	if err != nil {
		return nil, err
	}
	of := make(map[string]owner, len(owners))
	for _, o := range owners {
		of[o.campaign] = o
	}
	for i := range all {
		o := of[all[i].ID.String()]
		all[i].Owner, all[i].OwnerName = o.id, o.name
	}
	return all, nil
}

// numbersWindow is a window as the statements read it.
type numbersWindow struct {
	ID    campaigns.ID `json:"id"`
	Since int64        `json:"since"`
	Today int64        `json:"today"`
	From  int64        `json:"from"`
	Until int64        `json:"until"`
	Half  int64        `json:"half"`
	End   int64        `json:"end"` // the last millisecond of the current hour
}

// OverviewNumbers implements campaigns.Overviews.
func (d *DB) OverviewNumbers(ctx context.Context, windows []campaigns.NumbersWindow) (map[campaigns.ID]campaigns.Numbers, error) {
	list := make([]numbersWindow, len(windows))
	for i, w := range windows {
		list[i] = numbersWindow{
			ID: w.ID, Since: ms(w.Since()), Today: ms(w.Today), From: ms(w.From), Until: ms(w.UpTo), Half: ms(w.HalfHour()),
			End: ms(w.End()) - 1,
		}
	}
	asked := jsonText(list)
	numbers := make(map[campaigns.ID]campaigns.Numbers, len(windows))
	rows, err := d.rows(ctx, qOverviewTotals, asked)
	_, err = collect(rows, err, func(row scanner) (struct{}, error) {
		var (
			id campaigns.ID
			n  campaigns.Numbers
		)
		err := row.Scan(&id, &n.Visits, &n.Redeemed, &n.Channels, &n.CardNote)
		numbers[id] = n
		return struct{}{}, err
	})
	if err != nil {
		return nil, fmt.Errorf("count campaigns: %w", err)
	}
	rows, err = d.rows(ctx, qOverviewHours, asked)
	_, err = collect(rows, err, func(row scanner) (struct{}, error) {
		var (
			id                                   campaigns.ID
			ago, count, today, yesterday, lately int64
		)
		err := row.Scan(&id, &ago, &count, &today, &yesterday, &lately)
		n := numbers[id]
		n.Today, n.Yesterday, n.HalfHour = n.Today+today, n.Yesterday+yesterday, n.HalfHour+lately
		if last := int64(len(n.Hours) - 1); ago >= 0 && ago <= last {
			n.Hours[last-ago] += count
		}
		numbers[id] = n
		return struct{}{}, err
	})
	if err != nil {
		return nil, fmt.Errorf("count campaigns: %w", err)
	}
	return numbers, nil
}
