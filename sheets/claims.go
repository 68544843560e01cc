package sheets

import (
	"context"
	"io"
	"iter"
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
}

// ClaimMask hides personal data.
type ClaimMask struct {
	Answer   func(kind campaigns.FieldKind, answer string) string
	Nickname func(string) string
	OpenID   func(string) string
}

// Claims writes the rows as a file to w, its words in the language of ctx. check, when
// not nil, is called with the number of rows before the first byte reaches w; its error stops
// everything. The end of ctx does so too. When it fails, what reached w is no file.
func Claims(ctx context.Context, w io.Writer, rows iter.Seq2[campaigns.ClaimRow, error], o ClaimSheet, check func(rows int) error) (Result, error) {
	t := newClaimTable(ctx, o)
	x := NewTable(&cancellable{ctx, w}, o.CSV, Options{
		Sheet: i18n.T(ctx, "export.sheet"), Title: i18n.T(ctx, "export.sheet"), Columns: t.columns(ctx),
		Zone: o.Zone, Created: o.Created, TempDir: o.TempDir, MaxRows: o.MaxRows,
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
	labels  []string // of the columns for answers
	forms   map[campaigns.ID]campaigns.Form
	columnN map[string]int // by label
	words   map[campaigns.ClaimState]string
	gone    string   // what stands for an answer whose time was over
	answers []string // of the current row, by column
	row     []Cell
}

func newClaimTable(ctx context.Context, o ClaimSheet) *claimTable {
	t := &claimTable{hide: o.Hide, forms: map[campaigns.ID]campaigns.Form{}, columnN: map[string]int{}, words: claimWords(ctx), gone: i18n.T(ctx, "retention.gone")}
	for _, c := range o.Campaigns {
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
	t.answers = make([]string, len(t.labels))
	return t
}

func (t *claimTable) columns(ctx context.Context) []Column {
	name := func(key string) string { return i18n.T(ctx, "export.column."+key) }
	list := []Column{{Header: name("campaign"), Width: 26}, {Header: name("state"), Width: 12}, {Header: name("code"), Width: 16}}
	for _, label := range t.labels {
		list = append(list, Column{Header: label})
	}
	return append(
		list, Column{Header: name("nickname")}, Column{Header: name("openid"), Width: 32}, Column{Header: name("channel"), Width: 14},
		Column{Header: name("created"), Kind: Time}, Column{Header: name("confirmed"), Kind: Time}, Column{Header: name("redeemed"), Kind: Time},
		Column{Header: name("hold_until"), Kind: Time}, Column{Header: name("released"), Kind: Time}, Column{Header: name("ref"), Width: 16},
	)
}

// cells are those of a row, valid until the next call.
func (t *claimTable) cells(r *campaigns.ClaimRow) []Cell {
	t.row = append(t.row[:0], String(r.CampaignName), String(t.words[r.State]), String(string(r.Code)))
	t.collect(r)
	for _, answer := range t.answers {
		t.row = append(t.row, String(answer))
	}
	nickname, openid := r.Nickname, string(r.OpenID)
	if t.hide != nil {
		nickname, openid = t.hide.Nickname(nickname), t.hide.OpenID(openid)
	}
	t.row = append(
		t.row, String(nickname), String(openid), String(r.Channel),
		At(r.CreatedAt), At(r.ConfirmedAt), At(r.RedeemedAt), At(r.HoldUntil), At(r.ReleasedAt), String(string(r.Ref)),
	)
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
