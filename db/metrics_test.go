package db_test

import (
	"context"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/wechat"
)

func TestTheLedgerCountsEveryCampaignThatIsNotArchived(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	now := newClock(noon)
	s := dbtest.Seed(t, d, now.now)
	empty := dbtest.Publish(t, s, dbtest.Draft(noon, "empty", 5, campaigns.OwnCode))
	cards := dbtest.Publish(t, s, dbtest.Draft(noon, "cards", 10, campaigns.WeChatCard))
	gone := dbtest.Publish(t, s, dbtest.Draft(noon, "gone", 10, campaigns.OwnCode))
	actor := campaigns.Actor{Name: "test"}
	for n := range 4 {
		v := dbtest.Visitor(t, s, n)
		held, _, err := s.Claim(ctx, campaigns.Tap{Slug: cards.Slug, Visitor: v.ID, Key: key(n, 0)})
		ok(t, err)
		if n == 0 {
			event := wechat.Event{FromUser: string(v.OpenID), CreateTime: noon.Unix(), Event: "user_get_card", CardID: string(cards.CardID), UserCardCode: "226009850808", OuterStr: string(held.Ref)}
			_, err = s.Receive(ctx, dbtest.Account, event, []byte("<xml/>"))
			ok(t, err)
		}
	}
	now.add(cards.Hold + time.Second)
	_, err := s.Sweep(ctx)
	ok(t, err)
	_, _, err = s.Claim(ctx, campaigns.Tap{Slug: cards.Slug, Visitor: dbtest.Visitor(t, s, 9).ID, Key: key(9, 0)})
	ok(t, err)
	_, _, err = s.Claim(ctx, campaigns.Tap{Slug: gone.Slug, Visitor: dbtest.Visitor(t, s, 1).ID, Key: key(1, 7)})
	ok(t, err)
	ok(t, s.End(ctx, actor, gone.ID))
	ok(t, s.Archive(ctx, actor, gone.ID))

	ledger, err := d.Ledger(ctx)
	ok(t, err)
	must(t, len(ledger) == 2, "%d campaigns: %+v", len(ledger), ledger)
	must(t, ledger[0].Slug == empty.Slug && ledger[0].Stock.Left() == 5 && len(ledger[0].Claims) == 0, "empty: %+v", ledger[0])
	got := ledger[1]
	want := map[campaigns.ClaimState]int64{campaigns.Confirmed: 1, campaigns.Held: 1, campaigns.Released: 3}
	must(t, got.Slug == cards.Slug && got.Account == dbtest.Account && got.Stock == campaigns.Stock{Total: 10, Held: 1, Confirmed: 1}, "cards: %+v", got)
	must(t, len(got.Claims) == len(want), "claims: %v", got.Claims)
	for state, n := range want {
		must(t, got.Claims[state] == n, "%s: %d, want %d", state, got.Claims[state], n)
	}
}

func TestCallsAreCountedPerInterfaceFromATimeOn(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	dbtest.Seed(t, d, func() time.Time { return noon })
	app := dbtest.Credentials().AppID
	for _, f := range []wechat.Fetch{
		{AppID: app, Kind: wechat.AccessToken, At: noon.Add(-time.Second), Source: "stable_token", OK: true},
		{AppID: app, Kind: wechat.AccessToken, At: noon, Source: "stable_token", OK: true},
		{AppID: app, Kind: wechat.AccessToken, At: noon.Add(time.Hour), Source: "stable_token", ErrCode: 45009},
		{AppID: app, Kind: wechat.CardTicket, At: noon, Source: "getticket", OK: true},
		{AppID: "wxnobody", Kind: wechat.CardTicket, At: noon, Source: "getticket", OK: true},
	} {
		ok(t, d.RecordFetch(ctx, f))
	}
	calls, err := d.CallsSince(ctx, noon)
	ok(t, err)
	got := map[string]int64{}
	for _, c := range calls {
		must(t, c.Account == dbtest.Account, "account %q", c.Account)
		got[c.Interface] = c.Count
	}
	must(t, len(calls) == 2 && got["stable_token"] == 2 && got["getticket"] == 1, "calls %v", got)
	id, err := d.AccountOfApp(ctx, app)
	ok(t, err)
	must(t, id == dbtest.Account, "account %q", id)
	_, err = d.AccountOfApp(ctx, "wxnobody")
	must(t, err != nil, "an AppID of nobody has an account")
}
