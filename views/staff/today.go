package staff

import (
	"context"
	"strconv"
	"strings"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/redemption"
	"kaquan/stores"
)

// Today is the day of the till.
type Today struct {
	Page
	List      redemption.Page
	Totals    []redemption.Total
	Conflicts []redemption.Conflict
	Tail      string // the last digits of a phone number that were searched for
	Found     []Found
	Error     string
}

// Found is a card that the search by phone found.
type Found struct {
	Claim    campaigns.Claim
	Campaign string
	Name     string // masked
	Phone    string // masked
}

// PersonTotal is what one person redeemed.
type PersonTotal struct {
	Name         string
	Done, Undone int
}

// people sums the totals up by person, in the order of the store.
func (t *Today) people() []PersonTotal {
	var list []PersonTotal
	at := map[stores.StaffID]int{}
	for _, one := range t.Totals {
		i, known := at[one.Staff]
		if !known {
			i = len(list)
			at[one.Staff], list = i, append(list, PersonTotal{Name: one.StaffName})
		}
		list[i].Done += one.Done
		list[i].Undone += one.Undone
	}
	return list
}

// campaigns sums the totals up by campaign.
func (t *Today) campaigns() []PersonTotal {
	var list []PersonTotal
	at := map[campaigns.ID]int{}
	for _, one := range t.Totals {
		i, known := at[one.Campaign]
		if !known {
			i = len(list)
			at[one.Campaign], list = i, append(list, PersonTotal{Name: one.CampaignName})
		}
		list[i].Done += one.Done
		list[i].Undone += one.Undone
	}
	return list
}

func (t *Today) done() (done, undone int) {
	for _, one := range t.Totals {
		done, undone = done+one.Done, undone+one.Undone
	}
	return done, undone
}

// Summary is the text at the end of the day, for the group chat.
func (t *Today) Summary(ctx context.Context) string {
	done, undone := t.done()
	var b strings.Builder
	b.WriteString(i18n.T(ctx, "staff.summary.head", "place", t.Till.Place.Name, "date", date(ctx, t.Now, t.Now), "count", done) + "\n")
	for _, one := range t.campaigns() {
		b.WriteString(i18n.T(ctx, "staff.summary.line", "name", one.Name, "count", one.Done) + "\n")
	}
	if people := t.people(); t.manages() && len(people) > 0 {
		parts, comma := make([]string, len(people)), "，"
		if i18n.Lang(ctx) == i18n.EN {
			comma = ", "
		}
		for i, one := range people {
			parts[i] = one.Name + " " + strconv.Itoa(one.Done)
		}
		b.WriteString(i18n.T(ctx, "staff.summary.people", "list", strings.Join(parts, comma)) + "\n")
	}
	if undone > 0 {
		b.WriteString(i18n.T(ctx, "staff.summary.undone", "count", undone) + "\n")
	}
	b.WriteString(i18n.T(ctx, "staff.summary.at", "time", t.Now.In(zone()).Format("15:04"), "name", t.Till.Staff.Name))
	return b.String()
}

func (t *Today) next() string {
	if t.List.Next == 0 {
		return ""
	}
	return TodayPath + "?before=" + strconv.FormatInt(int64(t.List.Next), 10)
}

// stateWords is the state of a row; nothing for the usual one.
func stateWords(ctx context.Context, r *redemption.Row) string {
	switch r.State {
	case redemption.Pending:
		return i18n.T(ctx, "staff.state.pending")
	case redemption.Undone:
		return i18n.T(ctx, "staff.state.undone")
	case redemption.Failed:
		return i18n.T(ctx, "staff.state.failed")
	case redemption.Done:
	}
	if r.Offline {
		return i18n.T(ctx, "staff.state.offline")
	}
	return ""
}

// claimWords is the state of a card that was found.
func claimWords(ctx context.Context, f *Found, t *Today) string {
	if f.Claim.State == campaigns.Redeemed {
		return i18n.T(ctx, "staff.found.redeemed", "when", Moment(ctx, f.Claim.RedeemedAt, t.Now))
	}
	return i18n.T(ctx, "staff.found.claimed", "when", Moment(ctx, f.Claim.CreatedAt, t.Now))
}
