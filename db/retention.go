package db

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"kaquan/campaigns"
)

const (
	qForgetMarks = `SELECT id, forgotten FROM campaigns
WHERE status <> 'draft' AND (ends_at <= $1 OR ended_at <= $1 AND ended_at > 0)`

	qAnswersAfter = `SELECT id, answers FROM claims WHERE campaign_id = $1 AND id > $2 ORDER BY id LIMIT $3`

	// Whoever erased their data meanwhile has other answers; whoever edited the campaign may
	// have moved its end.
	qForgetAnswer = `UPDATE claims SET answers = $3,
  holder_name = CASE WHEN $4 THEN '' ELSE holder_name END,
  holder_phone = CASE WHEN $5 THEN '' ELSE holder_phone END,
  phone_tail = CASE WHEN $5 THEN '' ELSE phone_tail END
WHERE id = $1 AND answers = $2 AND EXISTS (SELECT 1 FROM campaigns c WHERE c.id = claims.campaign_id AND c.version = $6)`

	qMarkForgotten = `UPDATE campaigns SET forgotten = $3 WHERE id = $1 AND version = $2`
)

// Marks implements campaigns.Retention.
func (d *DB) Marks(ctx context.Context, now time.Time) (map[campaigns.ID]string, error) {
	rows, err := d.rows(ctx, qForgetMarks, ms(now))
	marks := map[campaigns.ID]string{}
	_, err = collect(rows, err, func(row scanner) (struct{}, error) {
		var (
			id   campaigns.ID
			mark string
		)
		err := row.Scan(&id, &mark)
		marks[id] = mark
		return struct{}{}, err
	})
	return marks, err
}

// answered are the answers of a claim as they are stored.
type answered struct {
	id   campaigns.ClaimID
	text string
}

// ForgetAnswers implements campaigns.Retention.
func (d *DB) ForgetAnswers(ctx context.Context, c *campaigns.Campaign, due campaigns.Due, after campaigns.ClaimID, limit int) (changed int, next campaigns.ClaimID, err error) {
	rows, err := d.rows(ctx, qAnswersAfter, int64(c.ID), int64(after), limit)
	list, err := collect(rows, err, func(row scanner) (a answered, err error) { return a, row.Scan(&a.id, &a.text) })
	if err != nil {
		return 0, 0, fmt.Errorf("read answers: %w", err)
	}
	type step struct {
		answered
		left string
	}
	var steps []step
	for _, a := range list {
		var answers campaigns.Answers
		if err := json.Unmarshal([]byte(a.text), &answers); err != nil {
			return 0, 0, fmt.Errorf("answers of claim %v: %w", a.id, err)
		}
		if due.Forget(answers) {
			steps = append(steps, step{a, jsonText(answers)})
		}
	}
	if len(list) == limit {
		next = list[len(list)-1].id
	}
	if len(steps) == 0 {
		return 0, next, nil
	}
	err = d.Write(ctx, func(tx *Tx) error {
		changed = 0
		for _, s := range steps {
			n, err := tx.exec(qForgetAnswer, int64(s.id), s.text, s.left, due.Goes(holderName), due.Goes(holderPhone), c.Version)
			if err != nil {
				return err
			}
			changed += int(n)
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	return changed, next, nil
}

// NoteForgotten implements campaigns.Retention.
func (d *DB) NoteForgotten(ctx context.Context, c *campaigns.Campaign, mark string, a *campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		if mark != "" {
			if _, err := tx.exec(qMarkForgotten, int64(c.ID), c.Version, mark); err != nil {
				return err
			}
		}
		if a == nil {
			return nil
		}
		return audit(tx, *a, "campaign", c.ID.String())
	})
}

// Scrub implements campaigns.Retention: the write-ahead log, which holds pages as they were
// before, is emptied. While somebody reads for long it stays, and the writes that follow
// overwrite it.
func (d *DB) Scrub(ctx context.Context) error {
	pool, err := openPool(d.path, url.Values{"_pragma": {"busy_timeout(500)"}}, 1)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	if _, err := pool.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return fmt.Errorf("empty the write-ahead log: %w", err)
	}
	return nil
}
