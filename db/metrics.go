package db

import (
	"context"
	"time"

	"kaquan/campaigns"
	"kaquan/wechat"
)

const (
	// One statement sees one instant, so counters and claims can be compared. The claims
	// are counted from their index alone.
	qLedger = `SELECT c.id, c.account_id, c.slug, s.total, s.held, s.confirmed, COALESCE(k.state, ''), COUNT(k.state)
FROM campaigns c
JOIN campaign_stock s ON s.campaign_id = c.id
LEFT JOIN claims k ON k.campaign_id = c.id
WHERE c.status <> 'archived'
GROUP BY c.id, k.state
ORDER BY c.id`

	qCallsSince = `SELECT a.id, f.source, COUNT(*)
FROM accounts a
JOIN token_fetches f ON f.app_id = a.app_id AND f.at >= $1
GROUP BY a.id, f.source`

	qAccountOfApp = `SELECT id FROM accounts WHERE app_id = $1 ORDER BY id LIMIT 1`
)

// LedgerRow is a campaign's stock as its counters have it, and its claims as they are.
type LedgerRow struct {
	Account campaigns.AccountID
	Slug    campaigns.Slug
	Stock   campaigns.Stock
	Claims  map[campaigns.ClaimState]int64
}

// Ledger counts the claims of every campaign that is not archived, all at one instant.
func (d *DB) Ledger(ctx context.Context) ([]LedgerRow, error) {
	type counted struct {
		LedgerRow
		id    int64
		state campaigns.ClaimState
		n     int64
	}
	rows, err := d.rows(ctx, qLedger)
	all, err := collect(rows, err, func(row scanner) (c counted, err error) {
		err = row.Scan(&c.id, &c.Account, &c.Slug, &c.Stock.Total, &c.Stock.Held, &c.Stock.Confirmed, &c.state, &c.n)
		return c, err
	})
	var ledger []LedgerRow
	last := int64(0)
	for _, c := range all {
		if len(ledger) == 0 || c.id != last {
			c.Claims = map[campaigns.ClaimState]int64{}
			ledger, last = append(ledger, c.LedgerRow), c.id
		}
		if c.n > 0 {
			ledger[len(ledger)-1].Claims[c.state] = c.n
		}
	}
	return ledger, err
}

// Calls is how often an account called an interface.
type Calls struct {
	Account   campaigns.AccountID
	Interface string
	Count     int64
}

// CallsSince counts the calls for tokens and tickets from a time on, by all processes.
func (d *DB) CallsSince(ctx context.Context, from time.Time) ([]Calls, error) {
	rows, err := d.rows(ctx, qCallsSince, ms(from))
	return collect(rows, err, func(row scanner) (c Calls, err error) {
		err = row.Scan(&c.Account, &c.Interface, &c.Count)
		return c, err
	})
}

// AccountOfApp is the account with an AppID, the first by id where several share it.
func (d *DB) AccountOfApp(ctx context.Context, app wechat.AppID) (campaigns.AccountID, error) {
	var id campaigns.AccountID
	err := d.row(ctx, qAccountOfApp, string(app)).Scan(&id)
	return id, err
}
