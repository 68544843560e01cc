package admin

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/orders"
	"kaquan/redemption"
	"kaquan/views/layout"
	"kaquan/views/ui"
)

// ClaimQuery is the filter of the claims as the address carries it. Days are YYYY-MM-DD.
type ClaimQuery struct {
	Campaign campaigns.ID
	States   []campaigns.ClaimState
	Channel  string
	From, To string
	Search   string
	Blocked  bool // only of people who are blocked
	Before   campaigns.ClaimID
}

// URL is path with the filter; what does not filter is left out.
func (q ClaimQuery) URL(path string) string {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("q", q.Search)
	set("channel", q.Channel)
	set("from", q.From)
	set("to", q.To)
	if q.Campaign != 0 {
		v.Set("campaign", q.Campaign.String())
	}
	if q.Blocked {
		v.Set("blocked", "1")
	}
	for _, s := range q.States {
		v.Add("state", string(s))
	}
	if q.Before != 0 {
		v.Set("before", q.Before.String())
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// page is the address of the page of the table that starts before a claim; 0 = the first.
func (q ClaimQuery) page(before campaigns.ClaimID) string {
	q.Before = before
	return q.URL(claimsPath)
}

// export is the address where a file of the same claims is made, those of all pages.
func (q ClaimQuery) export() string {
	q.Before = 0
	return ExportNewPath(q.URL(ExportsPath))
}

// filters reports whether anything narrows the list.
func (q ClaimQuery) filters() bool { return q.Search != "" || q.Campaign != 0 || q.folded() }

// folded reports whether one of the filters under 更多筛选 is set.
func (q ClaimQuery) folded() bool {
	return len(q.States) > 0 || q.Channel != "" || q.From != "" || q.To != "" || q.Blocked
}

func (q ClaimQuery) has(s campaigns.ClaimState) bool { return slices.Contains(q.States, s) }

func (q ClaimQuery) campaign() string {
	if q.Campaign == 0 {
		return ""
	}
	return q.Campaign.String()
}

const claimsPath = "/admin/claims"

// ClaimPath is the page of one claim.
func ClaimPath(id campaigns.ClaimID) string { return claimsPath + "/" + id.String() }

// UnblockPath is the address of the POST that lets people claim again.
func UnblockPath(people ...campaigns.VisitorID) string {
	ids := make([]string, len(people))
	for i, id := range people {
		ids[i] = id.String()
	}
	return claimsPath + "/unblock?v=" + strings.Join(ids, ",")
}

// Claims is the table of claims.
type Claims struct {
	Page      layout.Page
	Query     ClaimQuery
	Campaigns []ui.Option
	Forms     map[campaigns.ID]campaigns.Form
	Rows      []campaigns.ClaimRow
	Total     int
	Exact     bool // false = there are more than Total
	Next      campaigns.ClaimID
	Zone      *time.Location
	CanWrite  bool
	CanExport bool
	Masked    bool // exports of this person are masked
}

func (m *Claims) count(ctx context.Context) string {
	n := i18n.Number(ctx, int64(m.Total))
	if !m.Exact {
		return i18n.T(ctx, "claims.count_more", "count", n)
	}
	return i18n.T(ctx, "claims.count", "count", n)
}

// answers are the masked answers of a row in one line, at most three: phone numbers first,
// since they tell people apart best, then in the order of the form.
func (m *Claims) answers(r *campaigns.ClaimRow) string {
	form := m.Forms[r.Campaign]
	keys := slices.DeleteFunc(r.AnswerKeys(form), func(key string) bool { return r.Answers[key] == "" })
	slices.SortStableFunc(keys, func(a, b string) int { return phonesFirst(form, a) - phonesFirst(form, b) })
	var parts []string
	for _, key := range keys[:min(len(keys), 3)] {
		parts = append(parts, ui.Mask(kindOf(form, key), r.Answers[key]))
	}
	if more := len(keys) - len(parts); more > 0 {
		parts = append(parts, "+"+strconv.Itoa(more))
	}
	return strings.Join(parts, " · ")
}

// onPhones is the class of a cell: an empty one only takes space where rows are cards.
func onPhones(filled bool) string {
	if filled {
		return ""
	}
	return "d-none d-md-table-cell"
}

// Claim is one claim with everything about it.
type Claim struct {
	Page      layout.Page
	Detail    *campaigns.Detail
	CanReveal bool
	Revealed  bool
	Zone      *time.Location

	Redemption *redemption.Redemption // in effect; nil = none of ours

	CanWrite  bool      // may make cards void and block people
	CanVoid   bool      // this card, as it is now
	VoidWaits bool      // not yet: a redemption waits for WeChat's word
	Order     orders.ID // of a card that was paid for; 0 = none
	SeesOrder bool
}

func (m *Claim) path() string { return ClaimPath(m.Detail.Claim.ID) }

// voidWords say what making the card void means.
func (m *Claim) voidWords(ctx context.Context) string {
	words := i18n.T(ctx, "claims.void.words")
	if m.Detail.Claim.Issuer == campaigns.WeChatCard {
		words += " " + i18n.T(ctx, "claims.void.words_wechat")
	}
	return words
}

func (m *Claim) name() string {
	v := &m.Detail.Visitor
	return ui.PersonName(v.Nickname, v.ID)
}

func (m *Claim) nickname() string {
	if n := m.Detail.Visitor.Nickname; m.Revealed || n == "" {
		return n
	}
	return ui.MaskText(m.Detail.Visitor.Nickname)
}

func (m *Claim) openID() string {
	id := string(m.Detail.Visitor.OpenID)
	if m.Revealed {
		return id
	}
	return ui.ShortOpenID(id)
}

// answered is one answer with its question.
type answered struct{ Label, Value string }

func (m *Claim) answers(ctx context.Context) []answered {
	form := m.Detail.Campaign.Form
	var list []answered
	for _, key := range m.Detail.Claim.AnswerKeys(form) {
		a := answered{Label: key, Value: m.Detail.Claim.Answers[key]}
		if i := slices.IndexFunc(form, func(f campaigns.Field) bool { return f.Key == key }); i >= 0 {
			a.Label = form[i].Label
		}
		if a.Value == "" { // its time was over
			a.Value = i18n.T(ctx, "retention.gone")
		} else if kind := kindOf(form, key); m.Revealed {
			a.Value = campaigns.AnswerText(kind, a.Value)
		} else {
			a.Value = ui.Mask(kind, a.Value)
		}
		list = append(list, a)
	}
	return list
}

func phonesFirst(form campaigns.Form, key string) int {
	if kindOf(form, key) == campaigns.MobileField {
		return 0
	}
	return 1
}

func kindOf(form campaigns.Form, key string) campaigns.FieldKind {
	for _, f := range form {
		if f.Key == key {
			return f.Kind
		}
	}
	return campaigns.TextField
}

// reason splits the detail of an event into words and the code that came with it.
func reason(ctx context.Context, e campaigns.Event) (words, code string) {
	name, code, _ := strings.Cut(e.Detail, ":")
	switch name {
	case string(campaigns.VoidMistake), string(campaigns.VoidAbuse), string(campaigns.VoidAsked), string(campaigns.VoidOther),
		campaigns.ReasonExpired, campaigns.ReasonWallet, campaigns.ReasonStaff, campaigns.ReasonErased, campaigns.DetailOrganic:
		return i18n.T(ctx, "claims.reason."+name), code
	}
	return "", e.Detail
}
