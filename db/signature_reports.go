package db

import (
	"context"
	"time"

	"kaquan/wechat"
)

// keptReports is how many reports of one account are kept, the newest.
const keptReports = 200

const (
	reportColumns = `digest, account_id, slug, which, href, signed_url, message, agent, ticket_age, count, first_at, last_at`

	qSaveReport = `INSERT INTO signature_reports (` + reportColumns + `)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $10)
ON CONFLICT (digest) DO UPDATE SET count = signature_reports.count + 1, last_at = excluded.last_at, ticket_age = excluded.ticket_age`

	qTrimReports = `DELETE FROM signature_reports WHERE account_id = $1 AND digest NOT IN (
  SELECT digest FROM signature_reports WHERE account_id = $1 ORDER BY last_at DESC, digest LIMIT $2)`

	qReports = `SELECT ` + reportColumns + ` FROM signature_reports WHERE account_id = $1 ORDER BY last_at DESC, digest LIMIT $2`
)

// SaveSignatureReport keeps a report of LastAt. One that is there under its digest is
// counted once more; the oldest of the account beyond 200 are forgotten.
func (d *DB) SaveSignatureReport(ctx context.Context, r wechat.SignatureReport) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qSaveReport, r.Digest, r.Account, r.Slug, string(r.Which), r.Href, r.SignedURL, r.Message, r.Agent, r.TicketAge.Milliseconds(), ms(r.LastAt))
		if err != nil {
			return err
		}
		_, err = tx.exec(qTrimReports, r.Account, keptReports)
		return err
	})
}

// SignatureReports lists the newest reports of an account.
func (d *DB) SignatureReports(ctx context.Context, account string, limit int) ([]wechat.SignatureReport, error) {
	rows, err := d.rows(ctx, qReports, account, limit)
	return collect(rows, err, func(row scanner) (wechat.SignatureReport, error) {
		var (
			r   wechat.SignatureReport
			age int64
		)
		err := row.Scan(&r.Digest, &r.Account, &r.Slug, &r.Which, &r.Href, &r.SignedURL, &r.Message, &r.Agent, &age, &r.Count,
			(*instant)(&r.FirstAt), (*instant)(&r.LastAt))
		r.TicketAge = time.Duration(age) * time.Millisecond
		return r, err
	})
}
