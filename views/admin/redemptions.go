package admin

import (
	"context"
	"strconv"
	"time"

	"kaquan/i18n"
	"kaquan/redemption"
	"kaquan/stores"
	"kaquan/views/ui"
)

// RedemptionsPath is the address of the page about redemptions.
const RedemptionsPath = "/admin/redemptions"

// RedemptionQuery is the filter of redemptions as the address has it. Days are YYYY-MM-DD.
type RedemptionQuery struct {
	Campaign, Place, Staff, State, Code, From, To, Before string
}

func (q *RedemptionQuery) filters() bool { return *q != RedemptionQuery{Before: q.Before} }

func (q *RedemptionQuery) pairs(before string) []string {
	return []string{"campaign", q.Campaign, "place", q.Place, "staff", q.Staff, "state", q.State, "code", q.Code, "from", q.From, "to", q.To, "before", before}
}

// Redemptions is the page with what the staff redeemed.
type Redemptions struct {
	Shop
	Query      RedemptionQuery
	Rows       redemption.Page
	Totals     []redemption.Total
	Week       bool // the totals are those of the last seven days, since no days are chosen
	Campaigns  []ui.Option
	Places     []stores.PlaceRow
	People     []ui.Option
	Conflicts  []redemption.Conflict
	NoteOf     int64  // the task whose note is wrong
	NoteError  string // what is wrong with it
	Keys       []redemption.Key
	CanRenew   bool
	CanResolve bool
}

// RedeemedSum is a line of the totals.
type RedeemedSum struct {
	Name   string
	Done   int
	Undone int
	Last   time.Time
}

func (m *Redemptions) next() string {
	if m.Rows.Next == 0 {
		return ""
	}
	return m.At(RedemptionsPath, m.Query.pairs(strconv.FormatInt(int64(m.Rows.Next), 10))...)
}

// sums adds the totals up by store or by person, in the order of their names.
func (m *Redemptions) sums(name func(*redemption.Total) string) (list []RedeemedSum) {
	at := map[string]int{}
	for i := range m.Totals {
		t := &m.Totals[i]
		n, ok := at[name(t)]
		if !ok {
			n = len(list)
			at[name(t)] = n
			list = append(list, RedeemedSum{Name: name(t)})
		}
		one := &list[n]
		one.Done, one.Undone = one.Done+t.Done, one.Undone+t.Undone
		if t.Last.After(one.Last) {
			one.Last = t.Last
		}
	}
	return list
}

func (m *Redemptions) places() []RedeemedSum {
	return m.sums(func(t *redemption.Total) string { return t.PlaceName })
}

func (m *Redemptions) people() []RedeemedSum {
	return m.sums(func(t *redemption.Total) string { return t.StaffName + " · " + t.PlaceName })
}

func (m *Redemptions) whole() (done, undone int) {
	for i := range m.Totals {
		done, undone = done+m.Totals[i].Done, undone+m.Totals[i].Undone
	}
	return done, undone
}

func (m *Redemptions) span(ctx context.Context) string {
	if m.Week {
		return i18n.T(ctx, "redemption.totals.week")
	}
	return i18n.T(ctx, "redemption.totals.words")
}

func redemptionStates(ctx context.Context) []ui.Option {
	options := []ui.Option{{Label: i18n.T(ctx, "redemption.filter.state")}}
	for _, s := range redemption.States() {
		options = append(options, ui.Option{Value: string(s), Label: i18n.T(ctx, "redemption.state."+string(s))})
	}
	return options
}

func redeemedColour(s redemption.State) string {
	switch s {
	case redemption.Done:
		return "bg-success-lt"
	case redemption.Pending:
		return "bg-warning-lt"
	}
	return "badge-outline text-secondary"
}

func (m *Redemptions) resolvePath(c *redemption.Conflict) string {
	return RedemptionsPath + "/conflicts/" + strconv.FormatInt(c.ID, 10)
}

// verdictKey names a verdict that knows no card.
func verdictKey(v redemption.Verdict) string {
	switch v {
	case redemption.Used:
		return "used_wechat"
	case redemption.NotYet, redemption.Expired, redemption.NoGoods:
		return string(v) + "_bare"
	}
	return string(v)
}
