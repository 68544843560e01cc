package campaigns_test

import (
	"slices"
	"testing"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/fault"
)

func TestARehearsalPlaysTheRulesAndCountsTheirRefusals(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		issuer  campaigns.Issuer
		rules   campaigns.Rules
		refused []string
	}{
		"a share a day":           {campaigns.OwnCode, campaigns.Rules{DayTotal: 10, ReleaseMinute: 600}, []string{campaigns.ErrDayShare.Key}},
		"followers":               {campaigns.WeChatCard, campaigns.Rules{Followers: true}, []string{campaigns.ErrNeedFollow.Key}},
		"lists":                   {campaigns.OwnCode, campaigns.Rules{AllowList: "a", BlockList: "b"}, []string{campaigns.ErrNotOnList.Key, campaigns.ErrBlocked.Key}},
		"a channel":               {campaigns.OwnCode, campaigns.Rules{Channels: []string{"poster"}}, nil},
		"a shared invitation":     {campaigns.OwnCode, campaigns.Rules{Invitation: campaigns.Invitation{Mode: campaigns.SharedInvitation, Code: "LATTE"}}, nil},
		"invitations that end":    {campaigns.WeChatCard, campaigns.Rules{Invitation: campaigns.Invitation{Mode: campaigns.ListInvitation, List: "c"}}, nil},
		"each number claims once": {campaigns.OwnCode, campaigns.Rules{Once: []string{campaigns.OncePhone}}, nil},
		"a pool":                  {campaigns.CodePool, campaigns.Rules{Pool: "p"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := toRehearse(400)
			c.Issuer, c.Rules = row.issuer, row.rules
			plan := campaigns.DefaultPlan()
			plan.Visitors = 100
			r := rehearse(t, c, plan)
			if !r.Holds() || r.Stock.Confirmed == 0 {
				t.Errorf("the counters say %+v, the claims %+v", r.Stock, r.Counted)
			}
			for _, reason := range row.refused {
				if r.Refused(reason) == 0 {
					t.Errorf("nobody is refused for %s: %+v", reason, r.Refusals)
				}
			}
			if len(row.refused) == 0 && r.Stock.Confirmed < 80 {
				t.Errorf("only %d of 100 got a card: %+v", r.Stock.Confirmed, r.Refusals)
			}
		})
	}
}

func TestRulesAreCheckedOnTheirFields(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(d *campaigns.Draft)
		field  string
	}{
		"a share below nothing":  {func(d *campaigns.Draft) { d.Rules.DayTotal = -1 }, "day_total"},
		"a share above the all":  {func(d *campaigns.Draft) { d.Rules.DayTotal = 1000 }, "day_total"},
		"the 25th hour":          {func(d *campaigns.Draft) { d.Rules.ReleaseMinute = 1500 }, "release_at"},
		"no reaction":            {func(d *campaigns.Draft) { d.Rules.LowStock.Percent = 5 }, "low_reaction"},
		"too much to be low":     {func(d *campaigns.Draft) { d.Rules.LowStock = campaigns.LowStock{Percent: 95, Reaction: "pause"} }, "low_percent"},
		"one list for both":      {func(d *campaigns.Draft) { d.Rules.AllowList, d.Rules.BlockList = "a", "a" }, "block_list"},
		"a phone nobody asks":    {func(d *campaigns.Draft) { d.Rules.Once = []string{"phone"} }, "once"},
		"a strange channel":      {func(d *campaigns.Draft) { d.Rules.Channels = []string{"a b"} }, "channels"},
		"an invitation of blank": {func(d *campaigns.Draft) { d.Rules.Invitation.Mode = campaigns.SharedInvitation }, "invitation_code"},
		"an invitation of none":  {func(d *campaigns.Draft) { d.Rules.Invitation.Mode = campaigns.ListInvitation }, "invitation_list"},
		"a pool that is missing": {func(d *campaigns.Draft) { d.Issuer = campaigns.CodePool }, "pool"},
	} {
		d := dbtest.Draft(rehearsed, "ruled", 100, campaigns.OwnCode)
		if d.Check() != nil {
			t.Fatal("the draft is bad by itself")
		}
		row.change(&d)
		if got := fieldsOf(d.Check()); !slices.Contains(got, row.field) {
			t.Errorf("%s: problems on %v, want %s", name, got, row.field)
		}
	}
}

func TestPreflightLooksAtListsPoolsAndChannels(t *testing.T) {
	t.Parallel()
	d := dbtest.Draft(rehearsed, "ruled", 100, campaigns.CodePool)
	d.Rules = campaigns.Rules{
		Pool: "p", AllowList: "phones", BlockList: "gone", Channels: []string{"poster", "off"},
		Invitation: campaigns.Invitation{Mode: campaigns.ListInvitation, List: "codes"},
	}
	look := &campaigns.RulesLook{
		Pool:     &campaigns.Pool{ID: "p", Account: d.Account, Total: 120, Used: 30},
		Lists:    map[campaigns.ListID]campaigns.List{"phones": {Account: d.Account, Kind: campaigns.ListPhone, Rows: 5}, "codes": {Account: d.Account, Kind: campaigns.ListCode, Rows: 10}},
		Channels: map[string]bool{"poster": true, "off": false},
	}
	c := campaignOf(d)
	c.Rules = d.Rules
	found := map[string]campaigns.CheckLevel{}
	for _, check := range campaigns.Preflight(c, rehearsed, campaigns.Evidence{Rules: look}) {
		found[check.Key] = check.Level
	}
	for key, level := range map[string]campaigns.CheckLevel{
		"preflight.pool.few": campaigns.CheckBlock, "preflight.rules.gone": campaigns.CheckBlock, "preflight.rules.unasked": campaigns.CheckBlock,
		"preflight.rules.few_codes": campaigns.CheckWarn, "preflight.rules.channel": campaigns.CheckWarn,
	} {
		if found[key] != level {
			t.Errorf("%s: %q, want %q", key, found[key], level)
		}
	}
}

func fieldsOf(err error) (fields []string) {
	for _, problem := range fault.All(err) {
		fields = append(fields, problem.Field)
	}
	return fields
}
