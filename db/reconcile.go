package db

import (
	"context"
	"time"

	"kaquan/campaigns"
)

const (
	waitingColumns = claimColumns + `, v.openid, c.card_id, COALESCE(x.tries, 0)`

	qUnsettled = `SELECT ` + waitingColumns + `
FROM claims k
JOIN visitors v ON v.id = k.visitor_id
JOIN campaigns c ON c.id = k.campaign_id
LEFT JOIN claim_checks x ON x.claim_id = k.id
WHERE k.issuer = 'wechat_card' AND k.code = '' AND k.state IN ('opened', 'reported', 'released') AND k.id >= $1 AND k.id > $2
  AND (k.state = 'reported' AND k.reported_at <= $3 OR k.state = 'opened' AND k.hold_until <= $3 OR k.state = 'released' AND k.opened_at > 0)
  AND (x.next_at IS NULL OR x.next_at <= $4)
ORDER BY k.id LIMIT $5`

	qWithCode = `SELECT ` + waitingColumns + `
FROM claims k
JOIN visitors v ON v.id = k.visitor_id
JOIN campaigns c ON c.id = k.campaign_id
LEFT JOIN claim_checks x ON x.claim_id = k.id
WHERE k.issuer = 'wechat_card' AND k.code <> '' AND k.state NOT IN ('redeemed', 'voided', 'expired') AND k.id >= $1 AND k.id > $2
ORDER BY k.id LIMIT $3`

	qCodeTaken = `SELECT COUNT(*) FROM claims WHERE code = $1 AND account_id = $2 AND code <> ''`

	qPostpone = `INSERT INTO claim_checks (claim_id, next_at, tries) VALUES ($1, $2, $3)
ON CONFLICT (claim_id) DO UPDATE SET next_at = excluded.next_at, tries = excluded.tries`

	qSaveRun = `INSERT INTO reconcile_runs (kind, started_at, ended_at, checked, calls, repaired, differing, failed, stopped)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id`

	qSaveDifference = `INSERT INTO reconcile_differences (run_id, claim_id, at, was, became, found) VALUES ($1, $2, $3, $4, $5, $6)`

	qRuns = `SELECT id, kind, started_at, ended_at, checked, calls, repaired, differing, failed, stopped FROM reconcile_runs ORDER BY id DESC LIMIT $1`

	qLastRun = `SELECT COALESCE(MAX(started_at), 0) FROM reconcile_runs WHERE kind = $1`

	differenceColumns = `run_id, claim_id, at, was, became, found`
	qDifferences      = `SELECT ` + differenceColumns + ` FROM reconcile_differences ORDER BY id DESC LIMIT $1`
	qDifferencesOf    = `SELECT ` + differenceColumns + ` FROM reconcile_differences WHERE run_id = $1 ORDER BY id DESC LIMIT $2`

	qTrimRuns        = `DELETE FROM reconcile_runs WHERE started_at < $1`
	qTrimDifferences = `DELETE FROM reconcile_differences WHERE at < $1`
	qTrimChecks      = `DELETE FROM claim_checks WHERE next_at < $1`
)

func scanWaiting(row scanner) (w campaigns.Waiting, err error) {
	err = row.Scan(append(claimTargets(&w.Claim), &w.OpenID, &w.CardID, &w.Tries)...)
	return w, err
}

// Unsettled implements campaigns.Store.
func (d *DB) Unsettled(ctx context.Context, since, patience, now time.Time, after campaigns.ClaimID, limit int) ([]campaigns.Waiting, error) {
	rows, err := d.rows(ctx, qUnsettled, int64(campaigns.FirstClaimID(since)), int64(after), ms(patience), ms(now), limit)
	return collect(rows, err, scanWaiting)
}

// WithCode implements campaigns.Store.
func (d *DB) WithCode(ctx context.Context, since time.Time, after campaigns.ClaimID, limit int) ([]campaigns.Waiting, error) {
	rows, err := d.rows(ctx, qWithCode, int64(campaigns.FirstClaimID(since)), int64(after), limit)
	return collect(rows, err, scanWaiting)
}

// CodeTaken implements campaigns.Store.
func (d *DB) CodeTaken(ctx context.Context, account campaigns.AccountID, code campaigns.CardCode) (bool, error) {
	var n int
	err := d.row(ctx, qCodeTaken, string(code), string(account)).Scan(&n)
	return n > 0, err
}

// Repair implements campaigns.Store.
func (d *DB) Repair(ctx context.Context, id campaigns.ClaimID, events []campaigns.Event, mint campaigns.Mint) (was, became campaigns.ClaimState, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		claim, err := scanClaim(tx.row(qClaimByID, int64(id)))
		if err != nil {
			return err
		}
		was = claim.State
		for _, e := range events {
			err := d.follow(tx, claim, e, mint)
			if isDuplicate(err) {
				return campaigns.ErrCodeTaken.Because(err)
			}
			if err != nil {
				return err
			}
		}
		became = claim.State
		return nil
	})
	return was, became, err
}

// Postpone implements campaigns.Store.
func (d *DB) Postpone(ctx context.Context, id campaigns.ClaimID, next time.Time, tries int) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qPostpone, int64(id), ms(next), tries)
		return err
	})
}

// SaveRun implements campaigns.Store.
func (d *DB) SaveRun(ctx context.Context, r campaigns.Run, found []campaigns.Difference) (id int64, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		err := tx.row(qSaveRun, string(r.Kind), ms(r.Started), ms(r.Ended), r.Checked, r.Calls, r.Repaired, r.Differing, r.Failed, r.Stopped).Scan(&id)
		if err != nil {
			return err
		}
		for _, f := range found {
			if _, err := tx.exec(qSaveDifference, id, int64(f.Claim), ms(f.At), string(f.Was), string(f.Became), f.Found); err != nil {
				return err
			}
		}
		return nil
	})
	return id, err
}

// Runs implements campaigns.Store.
func (d *DB) Runs(ctx context.Context, limit int) ([]campaigns.Run, error) {
	rows, err := d.rows(ctx, qRuns, limit)
	return collect(rows, err, func(row scanner) (r campaigns.Run, err error) {
		err = row.Scan(&r.ID, &r.Kind, (*instant)(&r.Started), (*instant)(&r.Ended), &r.Checked, &r.Calls, &r.Repaired, &r.Differing, &r.Failed, &r.Stopped)
		return r, err
	})
}

// LastRun implements campaigns.Store.
func (d *DB) LastRun(ctx context.Context, kind campaigns.RunKind) (last time.Time, err error) {
	err = d.row(ctx, qLastRun, string(kind)).Scan((*instant)(&last))
	return last, err
}

// Differences implements campaigns.Store.
func (d *DB) Differences(ctx context.Context, run int64, limit int) ([]campaigns.Difference, error) {
	query, args := qDifferences, []any{limit}
	if run != 0 {
		query, args = qDifferencesOf, []any{run, limit}
	}
	rows, err := d.rows(ctx, query, args...)
	return collect(rows, err, func(row scanner) (f campaigns.Difference, err error) {
		err = row.Scan(&f.Run, &f.Claim, (*instant)(&f.At), &f.Was, &f.Became, &f.Found)
		return f, err
	})
}
