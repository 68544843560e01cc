package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/wechat"
)

const (
	inboxColumns = `p.id, p.account_id, p.dedupe, p.event, p.card_id, p.code, p.old_code, p.claim_id, COALESCE(k.state, ''), p.result, p.repeats,
p.happened_at, p.received_at, p.repeated_at, p.took_us, p.raw`

	inboxFrom = ` FROM pushes p LEFT JOIN claims k ON k.id = p.claim_id`

	qMessageByID = `SELECT ` + inboxColumns + inboxFrom + ` WHERE p.id = $1`

	qPushTimes = `SELECT received_at - received_at % 3600000 AS hour, COUNT(*) FROM pushes WHERE account_id = $1 AND received_at >= $2 GROUP BY hour`

	qCardNotes = `SELECT account_id, card_id, kind, at, detail FROM card_notes WHERE account_id = $1 ORDER BY at DESC, kind LIMIT 200`

	qTrimPushes = `DELETE FROM pushes WHERE id IN (
  SELECT id FROM pushes WHERE account_id IN (SELECT id FROM accounts) AND received_at < $1 LIMIT $2)`
)

func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }

func scanInbound(row scanner) (m campaigns.Inbound, err error) {
	var took int64
	err = row.Scan(&m.ID, &m.Account, &m.Dedupe, &m.Event, &m.CardID, &m.Code, &m.OldCode, &m.Claim, &m.ClaimState, &m.Result, &m.Repeats,
		(*instant)(&m.At), (*instant)(&m.Received), (*instant)(&m.Repeated), &took, &m.Raw)
	m.Took = time.Duration(took) * time.Microsecond
	return m, err
}

// Messages implements campaigns.Store.
func (d *DB) Messages(ctx context.Context, f campaigns.InboxFilter) (campaigns.InboxPage, error) {
	q := &claimQuery{}
	if f.Before != 0 {
		q.and("p.id < ?1", f.Before)
	}
	if f.Account != "" {
		q.and("p.account_id = ?1", string(f.Account))
	}
	if f.Event != "" {
		q.and("p.event = ?1", f.Event)
	}
	switch f.Result {
	case "":
	case campaigns.PushDuplicate:
		q.and("p.repeats > 0")
	default:
		q.and("p.result = ?1", string(f.Result))
	}
	if !f.From.IsZero() {
		q.and("p.received_at >= ?1", ms(f.From))
	}
	if !f.To.IsZero() {
		q.and("p.received_at < ?1", ms(f.To))
	}
	if err := d.searchInbox(ctx, q, strings.TrimSpace(f.Search)); err != nil {
		return campaigns.InboxPage{}, err
	}
	text := "SELECT " + inboxColumns + inboxFrom
	if len(q.where) > 0 {
		text += "\nWHERE " + strings.Join(q.where, "\n  AND ")
	}
	text += fmt.Sprintf("\nORDER BY p.id DESC LIMIT %d", f.Limit+1)
	rows, err := d.read.QueryContext(ctx, text, q.args...)
	list, err := collect(rows, err, scanInbound)
	if err != nil {
		return campaigns.InboxPage{}, fmt.Errorf("list messages: %w", err)
	}
	page := campaigns.InboxPage{Rows: list}
	if len(list) > f.Limit {
		page.Rows = list[:f.Limit]
		page.Next = page.Rows[f.Limit-1].ID
	}
	return page, nil
}

// searchInbox finds a code or an openid, each whole: what stands for a person differs
// between accounts.
func (d *DB) searchInbox(ctx context.Context, q *claimQuery, text string) error {
	if text == "" {
		return nil
	}
	if code := strings.ReplaceAll(text, " ", ""); digitsShape.MatchString(code) || !openIDShape.MatchString(text) {
		q.and("(p.code = ?1 AND p.code <> '' OR p.old_code = ?2 AND p.old_code <> '')", code, code)
		return nil
	}
	accounts, err := d.Accounts(ctx)
	if err != nil {
		return err
	}
	people := make([]any, 0, len(accounts)+1)
	for _, a := range accounts {
		people = append(people, d.person(a.ID, wechat.OpenID(text)))
	}
	q.and("p.person <> ''")
	q.in("p.person", append(people, text))
	return nil
}

// MessageByID implements campaigns.Store.
func (d *DB) MessageByID(ctx context.Context, id int64) (campaigns.Inbound, error) {
	m, err := scanInbound(d.row(ctx, qMessageByID, id))
	if isNoRows(err) {
		return m, campaigns.ErrPushNotFound
	}
	return m, err
}

// PushTimes implements campaigns.Store.
func (d *DB) PushTimes(ctx context.Context, account campaigns.AccountID, since time.Time) (map[time.Time]int, error) {
	type hour struct {
		at time.Time
		n  int
	}
	rows, err := d.rows(ctx, qPushTimes, string(account), ms(since))
	hours, err := collect(rows, err, func(row scanner) (h hour, err error) {
		err = row.Scan((*instant)(&h.at), &h.n)
		return h, err
	})
	counts := make(map[time.Time]int, len(hours))
	for _, h := range hours {
		counts[h.at] = h.n
	}
	return counts, err
}

// CardNotes implements campaigns.Store.
func (d *DB) CardNotes(ctx context.Context, account campaigns.AccountID) ([]campaigns.CardNote, error) {
	rows, err := d.rows(ctx, qCardNotes, string(account))
	return collect(rows, err, func(row scanner) (n campaigns.CardNote, err error) {
		err = row.Scan(&n.Account, &n.CardID, &n.Kind, (*instant)(&n.At), &n.Detail)
		return n, err
	})
}

// TrimInbox implements campaigns.Store, some rows at a time: visitors wait for the writer too.
func (d *DB) TrimInbox(ctx context.Context, before time.Time) error {
	const batch = 500
	for {
		var n int64
		err := d.Write(ctx, func(tx *Tx) (err error) {
			n, err = tx.exec(qTrimPushes, ms(before), batch)
			return err
		})
		if err != nil {
			return err
		}
		if n < batch {
			break
		}
	}
	return d.Write(ctx, func(tx *Tx) error {
		for _, query := range []string{qTrimRuns, qTrimDifferences, qTrimChecks} {
			if _, err := tx.exec(query, ms(before)); err != nil {
				return err
			}
		}
		return nil
	})
}
