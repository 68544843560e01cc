package sheets

import (
	"context"
	"io"
	"iter"
	"slices"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
)

// ClaimSheet describes an export of claims. Campaigns are those that may occur: every
// question of their forms gets a column, questions of the same words share one.
type ClaimSheet struct {
	Campaigns []*campaigns.Campaign
	Hide      *ClaimMask     // nil = personal data as it is
	Zone      *time.Location // nil = UTC
	Created   time.Time
	TempDir   string
	MaxRows   int // of one sheet; 0 = as many as Excel takes
	CSV       bool
	Plain     bool     // of CSV: for programs
	Columns   []string // of campaigns.ExportColumns; nil = all
}

// ClaimMask hides personal data.
type ClaimMask struct {
	Answer   func(kind campaigns.FieldKind, answer string) string
	Nickname func(string) string
	OpenID   func(string) string
}

func asItIs(text string) string { return text }

// Claims writes the rows as a file to w, its words in the language of ctx. check, when
// not nil, is called with the number of rows before the first byte reaches w; its error stops
// everything. The end of ctx does so too. When it fails, what reached w is no file.
func Claims(ctx context.Context, w io.Writer, rows iter.Seq2[campaigns.ClaimRow, error], o ClaimSheet, check func(rows int) error) (Result, error) {
	t := newClaimTable(ctx, o)
	x := NewTable(&cancellable{ctx, w}, o.CSV, Options{
		Sheet: i18n.T(ctx, "export.sheet"), Title: i18n.T(ctx, "export.sheet"), Columns: columnsOf(t.columns),
		Zone: o.Zone, Created: o.Created, TempDir: o.TempDir, MaxRows: o.MaxRows, Plain: o.Plain,
	})
	defer x.Discard()
	n := 0
	for row, err := range rows {
		if err != nil {
			return Result{}, err
		}
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		if err := x.Write(t.cells(&row)); err != nil {
			return Result{}, err
		}
		n++
	}
	if check != nil {
		if err := check(n); err != nil {
			return Result{}, err
		}
	}
	return x.Close()
}

// claimTable turns rows into cells; it is made once for a whole export.
type claimTable struct {
	hide    *ClaimMask
	columns []filled[campaigns.ClaimRow]
	labels  []string // of the columns for answers
	forms   map[campaigns.ID]campaigns.Form
	columnN map[string]int // by label
	gone    string         // what stands for an answer whose time was over
	answers []string       // of the current row, by column
	row     []Cell
}

func newClaimTable(ctx context.Context, o ClaimSheet) *claimTable {
	t := &claimTable{hide: o.Hide, forms: map[campaigns.ID]campaigns.Form{}, columnN: map[string]int{}, gone: i18n.T(ctx, "retention.gone")}
	if o.Columns == nil || slices.Contains(o.Columns, "answers") {
		t.ask(ctx, o.Campaigns)
	}
	t.answers = make([]string, len(t.labels))
	t.columns = chosen(ctx, campaigns.ExportClaims, o.Columns, t.all(ctx))
	if len(t.columns) == 0 { // answers alone, and nothing is asked; a sheet needs a column
		header := Column{Header: i18n.T(ctx, "export.column.others")}
		t.columns = one(header, func(*campaigns.ClaimRow) Cell { return String("") })
	}
	return t
}

// ask gives the questions of the forms their columns.
func (t *claimTable) ask(ctx context.Context, list []*campaigns.Campaign) {
	for _, c := range list {
		t.forms[c.ID] = c.Form
		for _, q := range c.Form {
			if _, known := t.columnN[q.Label]; !known {
				t.columnN[q.Label] = len(t.labels)
				t.labels = append(t.labels, q.Label)
			}
		}
	}
	if len(t.labels) > 0 {
		// The last one is for answers to questions that no form asks any more: nothing is lost.
		t.labels = append(t.labels, i18n.T(ctx, "export.column.others"))
	}
}

// all are the columns that there can be, by name.
func (t *claimTable) all(ctx context.Context) map[string][]filled[campaigns.ClaimRow] {
	type row = campaigns.ClaimRow
	words := claimWords(ctx)
	hide := ClaimMask{Nickname: asItIs, OpenID: asItIs}
	if t.hide != nil {
		hide = *t.hide
	}
	when := func(at func(*row) time.Time) []filled[row] {
		return one(Column{Kind: Time}, func(r *row) Cell { return At(at(r)) })
	}
	var answers []filled[row]
	for i, label := range t.labels {
		answers = append(answers, filled[row]{Column{Header: label}, func(*row) Cell { return String(t.answers[i]) }})
	}
	return map[string][]filled[row]{
		"campaign":   one(Column{Width: 26}, func(r *row) Cell { return String(r.CampaignName) }),
		"state":      one(Column{Width: 12}, func(r *row) Cell { return String(words[r.State]) }),
		"code":       one(Column{Width: 16}, func(r *row) Cell { return String(string(r.Code)) }),
		"answers":    answers,
		"nickname":   one(Column{}, func(r *row) Cell { return String(hide.Nickname(r.Nickname)) }),
		"openid":     one(Column{Width: 32}, func(r *row) Cell { return String(hide.OpenID(string(r.OpenID))) }),
		"channel":    one(Column{Width: 14}, func(r *row) Cell { return String(r.Channel) }),
		"created":    when(func(r *row) time.Time { return r.CreatedAt }),
		"confirmed":  when(func(r *row) time.Time { return r.ConfirmedAt }),
		"redeemed":   when(func(r *row) time.Time { return r.RedeemedAt }),
		"hold_until": when(func(r *row) time.Time { return r.HoldUntil }),
		"released":   when(func(r *row) time.Time { return r.ReleasedAt }),
		"ref":        one(Column{Width: 16}, func(r *row) Cell { return String(string(r.Ref)) }),
	}
}

// cells are those of a row, valid until the next call.
func (t *claimTable) cells(r *campaigns.ClaimRow) []Cell {
	t.collect(r)
	t.row = cellsOf(t.row, t.columns, r)
	return t.row
}

// collect puts the answers of a row into the columns of their questions.
func (t *claimTable) collect(r *campaigns.ClaimRow) {
	clear(t.answers)
	if len(t.answers) == 0 || len(r.Answers) == 0 {
		return
	}
	put := func(column int, text string) {
		if t.answers[column] != "" {
			text = t.answers[column] + "; " + text
		}
		t.answers[column] = text
	}
	form := t.forms[r.Campaign]
	asked := 0
	for _, q := range form {
		if answer, ok := r.Answers[q.Key]; ok {
			asked++
			put(t.columnN[q.Label], t.answer(q.Kind, answer))
		}
	}
	if asked == len(r.Answers) {
		return
	}
	for _, key := range r.AnswerKeys(form)[asked:] {
		put(len(t.answers)-1, key+": "+t.answer(campaigns.TextField, r.Answers[key]))
	}
}

func (t *claimTable) answer(kind campaigns.FieldKind, answer string) string {
	if answer == "" { // its time was over
		return t.gone
	}
	if t.hide == nil {
		return campaigns.AnswerText(kind, answer)
	}
	return t.hide.Answer(kind, answer)
}

// claimWords are the names of the states, looked up once for all rows.
func claimWords(ctx context.Context) map[campaigns.ClaimState]string {
	words := make(map[campaigns.ClaimState]string, len(campaigns.ClaimStates))
	for _, s := range campaigns.ClaimStates {
		words[s] = i18n.T(ctx, "admin.claim_state."+string(s))
	}
	return words
}

// cancellable stops writing when the context ends: compressing a million rows takes a while.
type cancellable struct {
	ctx context.Context
	w   io.Writer
}

func (c *cancellable) Write(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(b)
}
