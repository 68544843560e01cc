package db

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"kaquan/campaigns"
)

// claimQuery is the filtered list of claims as one statement; conditions and arguments
// are built side by side.
type claimQuery struct {
	where []string
	args  []any
}

func (q *claimQuery) and(condition string, args ...any) {
	for i := range args {
		condition = strings.Replace(condition, "?"+strconv.Itoa(i+1), "$"+strconv.Itoa(len(q.args)+i+1), 1)
	}
	q.where = append(q.where, condition)
	q.args = append(q.args, args...)
}

func (q *claimQuery) text(columns, order string, limit int) string {
	var b strings.Builder
	b.WriteString("SELECT " + columns + "\nFROM claims k\nJOIN campaigns c ON c.id = k.campaign_id\nJOIN visitors v ON v.id = k.visitor_id")
	if len(q.where) > 0 {
		b.WriteString("\nWHERE " + strings.Join(q.where, "\n  AND "))
	}
	if order != "" {
		b.WriteString("\nORDER BY " + order)
	}
	fmt.Fprintf(&b, "\nLIMIT %d", limit)
	return b.String()
}

const claimRowColumns = claimColumns + `, c.name, v.openid, v.nickname, v.blocked_at`

func (d *DB) scanClaimRow(row scanner) (campaigns.ClaimRow, error) {
	var r campaigns.ClaimRow
	err := row.Scan(append(claimTargets(&r.Claim), &r.CampaignName, &r.OpenID, &r.Nickname, (*instant)(&r.BlockedAt))...)
	d.openAnswers(&r.Claim)
	return r, err
}

var (
	openIDShape = regexp.MustCompile(`^[A-Za-z0-9_-]{20,64}$`)
	digitsShape = regexp.MustCompile(`^[0-9]+$`)
)

// filter turns a ClaimFilter into conditions, without the keyset cursor.
func filter(f campaigns.ClaimFilter) *claimQuery {
	q := &claimQuery{}
	if f.Account != "" {
		q.and("k.account_id = ?1", string(f.Account))
	}
	if f.Campaign != 0 {
		q.and("k.campaign_id = ?1", int64(f.Campaign))
	}
	if f.Visitor != 0 {
		q.and("k.visitor_id = ?1", int64(f.Visitor))
	}
	if f.Blocked {
		q.and("k.visitor_id IN (SELECT id FROM visitors WHERE blocked_at > 0)")
	}
	if len(f.States) > 0 {
		args := make([]any, len(f.States))
		for i, s := range f.States {
			args[i] = string(s)
		}
		q.in("k.state", args)
	}
	if f.Channel != "" {
		q.and("k.channel = ?1", f.Channel)
	}
	// Ids grow with time, so a span of time is a span of ids.
	if !f.From.IsZero() {
		q.and("k.id >= ?1", int64(campaigns.FirstClaimID(f.From)))
	}
	if !f.To.IsZero() {
		q.and("k.id < ?1", int64(campaigns.FirstClaimID(f.To)))
	}
	q.search(strings.TrimSpace(f.Search))
	return q
}

func (q *claimQuery) in(column string, args []any) {
	marks := make([]string, len(args))
	for i := range args {
		marks[i] = "$" + strconv.Itoa(len(q.args)+i+1)
	}
	q.where = append(q.where, column+" IN ("+strings.Join(marks, ", ")+")")
	q.args = append(q.args, args...)
}

// search understands what was typed, so that each search uses an index.
func (q *claimQuery) search(text string) {
	if text == "" {
		return
	}
	compact := strings.NewReplacer(" ", "", "-", "").Replace(text)
	if digitsShape.MatchString(compact) {
		switch len(compact) {
		case 12:
			q.and("k.code = ?1 AND k.code <> ''", compact)
			return
		case 11:
			q.and("k.holder_phone = ?1 AND k.holder_phone <> ''", compact)
			return
		case 4:
			q.and("k.phone_tail = ?1 AND k.phone_tail <> ''", compact)
			return
		}
	}
	if openIDShape.MatchString(text) {
		q.and("k.visitor_id IN (SELECT id FROM visitors WHERE openid = ?1)", text)
		return
	}
	// The start of a name: a range, since LIKE would not use the index everywhere.
	end := text + "\U0010FFFF"
	q.and("(k.holder_name <> '' AND k.holder_name >= ?1 AND k.holder_name < ?2"+
		" OR k.visitor_id IN (SELECT id FROM visitors WHERE nickname >= ?3 AND nickname < ?4))", text, end, text, end)
}

// Claims implements campaigns.Store.
func (d *DB) Claims(ctx context.Context, f campaigns.ClaimFilter) (campaigns.ClaimPage, error) {
	q := filter(f)
	if f.Before != 0 {
		q.and("k.id < ?1", int64(f.Before))
	}
	rows, err := d.read.QueryContext(ctx, q.text(claimRowColumns, "k.id DESC", f.Limit+1), q.args...)
	list, err := collect(rows, err, d.scanClaimRow)
	if err != nil {
		return campaigns.ClaimPage{}, fmt.Errorf("list claims: %w", err)
	}
	page := campaigns.ClaimPage{Rows: list}
	if len(list) > f.Limit {
		page.Rows = list[:f.Limit]
		page.Next = page.Rows[f.Limit-1].ID
	}
	return page, nil
}

// CountClaims implements campaigns.Store.
func (d *DB) CountClaims(ctx context.Context, f campaigns.ClaimFilter, ceiling int) (n int, exact bool, err error) {
	q := filter(f)
	inner := q.text("1", "", ceiling+1)
	if err := d.read.QueryRowContext(ctx, "SELECT COUNT(*) FROM ("+inner+") AS some", q.args...).Scan(&n); err != nil {
		return 0, false, fmt.Errorf("count claims: %w", err)
	}
	if n > ceiling {
		return ceiling, false, nil
	}
	return n, true, nil
}

// eachPage is how many rows an export reads at once; pages keep each read transaction
// short, so that the WAL can be checkpointed meanwhile.
const eachPage = 2000

// EachClaim implements campaigns.Store. The next page is read while the caller works on
// the current one.
func (d *DB) EachClaim(ctx context.Context, f campaigns.ClaimFilter) iter.Seq2[campaigns.ClaimRow, error] {
	return func(yield func(campaigns.ClaimRow, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		pages := make(chan pageOrError, 1)
		finished := make(chan struct{})
		go func() {
			defer close(finished)
			defer close(pages)
			d.readPages(ctx, f, pages)
		}()
		defer func() { cancel(); <-finished }()
		for p := range pages {
			if p.err != nil {
				yield(campaigns.ClaimRow{}, p.err)
				return
			}
			for i, row := range p.rows {
				if i%yieldEvery == 0 {
					d.giveWay()
				}
				if !yield(row, nil) {
					return
				}
			}
		}
		if err := ctx.Err(); err != nil {
			yield(campaigns.ClaimRow{}, err)
		}
	}
}

// A stream of claims gives way to people who wait for theirs: while the writer has work
// queued, it rests after some rows, so that an export on a small machine takes longer
// instead of slowing down the visitors.
const (
	yieldEvery = 100
	yieldRest  = 5 * time.Millisecond
)

func (d *DB) giveWay() {
	if d.writer.busy() {
		time.Sleep(yieldRest)
	}
}

type pageOrError struct {
	rows []campaigns.ClaimRow
	err  error
}

func (d *DB) readPages(ctx context.Context, f campaigns.ClaimFilter, pages chan<- pageOrError) {
	q := filter(f)
	if f.Before == 0 {
		f.Before = math.MaxInt64
	}
	q.and("k.id < ?1", int64(f.Before))
	send := func(p pageOrError) bool {
		select {
		case pages <- p:
			return p.err == nil
		case <-ctx.Done():
			return false
		}
	}
	s, err := d.read.PrepareContext(ctx, q.text(claimRowColumns, "k.id DESC", eachPage))
	if err != nil {
		send(pageOrError{err: fmt.Errorf("export: %w", err)})
		return
	}
	defer func() { _ = s.Close() }()
	for {
		list, err := d.page(ctx, s, q.args)
		if err != nil {
			send(pageOrError{err: fmt.Errorf("export: %w", err)})
			return
		}
		if !send(pageOrError{rows: list}) || len(list) < eachPage {
			return
		}
		q.args[len(q.args)-1] = int64(list[len(list)-1].ID)
	}
}

func (d *DB) page(ctx context.Context, s *sql.Stmt, args []any) ([]campaigns.ClaimRow, error) {
	rows, err := s.QueryContext(ctx, args...)
	return collect(rows, err, d.scanClaimRow)
}
