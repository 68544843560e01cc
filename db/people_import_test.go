package db_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/db/dbtest"
	"kaquan/fault"
)

// peopleRows is a table with a header and rows.
func peopleRows(rows ...[]string) [][]string {
	return append([][]string{{"昵称", "hostip", "OpenID", "头像", "是否领取", "性别", "x-for-ip", "备注"}}, rows...)
}

// person is a row of the n-th visitor.
func personRow(n int, nickname, card string) []string {
	return []string{nickname, "10.0.0.1", string(dbtest.OpenID(n)), "https://thirdwx.example.com/" + nickname, card, "男", "10.0.0.1, 10.0.0.2", "x"}
}

// takeIn looks at a table and stores it.
func takeIn(t *testing.T, s *campaigns.Service, c *campaigns.Campaign, rows [][]string) (look, after campaigns.ImportReport, added int) {
	t.Helper()
	table, err := campaigns.PeopleOf(rows)
	ok(t, err)
	m, err := s.PeopleImport(campaigns.Actor{Name: "test"}, dbtest.Account, c)
	ok(t, err)
	ok(t, m.Look(context.Background(), table, func(int, int) {}))
	look = m.Report
	added, err = m.Store(context.Background(), func(int, int) {})
	ok(t, err)
	return look, m.Report, added
}

func freshService(t *testing.T) (*db.DB, *campaigns.Service, time.Time) {
	t.Helper()
	d := dbtest.Open(t)
	now := time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)
	return d, dbtest.Seed(t, d, func() time.Time { return now }), now
}

func TestATableOfPeopleIsTakenInOnceWithItsCards(t *testing.T) {
	t.Parallel()
	d, s, now := freshService(t)
	draft := dbtest.Draft(now, "old", 3, campaigns.OwnCode)
	c := dbtest.Publish(t, s, draft)
	known, err := s.Visit(t.Context(), campaigns.Visitor{Account: dbtest.Account, OpenID: dbtest.OpenID(1), Nickname: "新名字"})
	ok(t, err)
	rows := peopleRows(
		personRow(1, "旧名字", "1"), personRow(2, "=HYPERLINK(1)", "是"), personRow(3, "三", "0"), personRow(4, "四", "maybe"),
		personRow(3, "三", "TRUE"), []string{"五", "", "short", "", "1"}, nil, personRow(6, "六", "1"),
	)
	look, after, added := takeIn(t, s, c, rows)
	must(t, look.Rows == 7 && look.New == 3 && look.Changed == 1 && look.Twice == 1 && look.Bad == 2 && look.Cards == 4, "look %+v", look)
	must(t, added == 3 && after.Given == 3 && len(after.Problems) == 4, "after %+v, %d added", after, added)
	last := after.Problems[len(after.Problems)-1]
	must(t, errors.Is(last.Error, campaigns.ErrSoldOut) && last.Row == 9, "who gets none is told: %+v", last)
	notes := map[string]bool{}
	for _, n := range look.Notes {
		notes[n.Key] = true
		must(t, n.Key != "imports.note.addresses" || n.Args["columns"] == "hostip, x-for-ip", "%v", n.Args)
	}
	must(t, notes["imports.note.addresses"] && notes["imports.note.columns"] && notes["imports.note.stock"], "notes %v", notes)

	v, err := s.Visitor(t.Context(), known.ID)
	ok(t, err)
	must(t, v.Nickname == "新名字" && v.Avatar != "" && v.LastSeen.Equal(known.LastSeen), "the newer name is kept and the gap filled: %+v", v)
	page, err := s.Claims(t.Context(), campaigns.ClaimFilter{Campaign: c.ID})
	ok(t, err)
	must(t, len(page.Rows) == 3, "%d claims", len(page.Rows))
	for _, r := range page.Rows {
		history, err := s.Visitor(t.Context(), r.Visitor)
		ok(t, err)
		events, err := d.History(t.Context(), r.ID)
		ok(t, err)
		must(t, r.State == campaigns.Confirmed && r.Channel == "import" && r.Key == "import:"+string(history.OpenID) && r.Code != "", "claim %+v", r)
		must(t, len(events) == 2 && events[0].Source == campaigns.FromSystem && events[0].Detail == "import", "events %+v", events)
	}
	stock, err := s.CheckStock(t.Context(), c.ID)
	ok(t, err)
	must(t, stock.Confirmed == 3 && stock.Left() == 0, "stock %+v", stock)

	// Somebody who gave their data up stays away, also under the openid of before.
	ok(t, s.Erase(t.Context(), known.ID))
	look, after, added = takeIn(t, s, c, rows)
	must(t, added == 0 && after.Given == 0 && look.New == 0 && look.Cards == 1, "a second run: %+v, %d added", after, added)
	var erased bool
	for _, p := range look.Problems {
		erased = erased || errors.Is(p.Error, campaigns.ErrVisitorErased) && p.Row == 2
	}
	must(t, erased, "problems %+v", look.Problems)
	visitors, err := s.Visitors(t.Context(), campaigns.VisitorFilter{Account: dbtest.Account})
	ok(t, err)
	must(t, len(visitors.Rows) == 3, "%d visitors", len(visitors.Rows))
	stock, err = s.CheckStock(t.Context(), c.ID)
	ok(t, err)
	must(t, stock.Confirmed == 3, "stock %+v", stock)
}

func TestAnImportedCardCountsAgainstThePersonsLimit(t *testing.T) {
	t.Parallel()
	_, s, now := freshService(t)
	c := dbtest.Publish(t, s, dbtest.Draft(now, "limit", 100, campaigns.OwnCode))
	v := dbtest.Visitor(t, s, 1)
	_, _, err := s.Claim(t.Context(), campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: "a-key-of-a-page"})
	ok(t, err)
	_, after, _ := takeIn(t, s, c, peopleRows(personRow(1, "一", "1"), personRow(2, "二", "1")))
	must(t, after.Given == 1 && len(after.Problems) == 1 && errors.Is(after.Problems[0].Error, campaigns.ErrLimit), "%+v", after)
	two, err := s.Visitors(t.Context(), campaigns.VisitorFilter{Account: dbtest.Account, Search: string(dbtest.OpenID(2))})
	ok(t, err)
	must(t, len(two.Rows) == 1 && two.Rows[0].Claims == 1 && two.Rows[0].Sex == 1, "%+v", two.Rows)
	_, _, err = s.Claim(t.Context(), campaigns.Tap{Slug: c.Slug, Visitor: two.Rows[0].ID, Key: "another-key-of-a-page"})
	must(t, errors.Is(err, campaigns.ErrLimit), "the imported card does not count: %v", err)
	stock, err := s.CheckStock(t.Context(), c.ID)
	ok(t, err)
	must(t, stock.Confirmed == 2, "stock %+v", stock)
}

func TestOnlyFittingCampaignsAndTablesAreTaken(t *testing.T) {
	t.Parallel()
	_, s, now := freshService(t)
	draft, err := s.Create(t.Context(), campaigns.Actor{}, dbtest.Draft(now, "draft", 5, campaigns.OwnCode))
	ok(t, err)
	_, err = s.PeopleImport(campaigns.Actor{}, dbtest.Account, draft)
	must(t, errors.Is(err, campaigns.ErrImportCampaign), "a draft: %v", err)
	c := dbtest.Publish(t, s, dbtest.Draft(now, "live", 5, campaigns.OwnCode))
	_, err = s.PeopleImport(campaigns.Actor{}, "other", c)
	must(t, errors.Is(err, campaigns.ErrImportCampaign), "another account's: %v", err)
	ok(t, s.End(t.Context(), campaigns.Actor{}, c.ID))
	c, err = s.Campaign(t.Context(), c.ID)
	ok(t, err)
	_, after, _ := takeIn(t, s, c, peopleRows(personRow(1, "一", "1")))
	must(t, after.Given == 1, "an ended campaign: %+v", after)
	for name, rows := range map[string][][]string{"none": nil, "no openid": {{"昵称"}, {"x"}}} {
		_, err := campaigns.PeopleOf(rows)
		must(t, errors.Is(err, campaigns.ErrPeopleColumn), "%s: %v", name, err)
	}
	_, err = campaigns.PeopleOf([][]string{{"openid", "OPEN_ID"}})
	must(t, errors.Is(err, campaigns.ErrPeopleTwice), "%v", err)
}

func TestVisitorsAreListedByPagesAndSearched(t *testing.T) {
	t.Parallel()
	_, s, _ := freshService(t)
	for n := range 7 {
		dbtest.Visitor(t, s, n)
	}
	var seen []string
	f := campaigns.VisitorFilter{Account: dbtest.Account, Limit: 3}
	for {
		page, err := s.Visitors(t.Context(), f)
		ok(t, err)
		for _, r := range page.Rows {
			seen = append(seen, r.Nickname)
		}
		if f.Before = page.Next; f.Before == 0 {
			break
		}
	}
	must(t, fmt.Sprint(seen) == "[访客6 访客5 访客4 访客3 访客2 访客1 访客0]", "%v", seen)
	for search, want := range map[string]int{"访客": 7, "访客3": 1, string(dbtest.OpenID(2)): 1, "nobody": 0} {
		page, err := s.Visitors(t.Context(), campaigns.VisitorFilter{Account: dbtest.Account, Search: search})
		ok(t, err)
		must(t, len(page.Rows) == want, "%s: %d rows", search, len(page.Rows))
	}
	page, err := s.Visitors(t.Context(), campaigns.VisitorFilter{Account: "other"})
	ok(t, err)
	must(t, len(page.Rows) == 0, "another account's: %d", len(page.Rows))
}

func TestExportsEndAndAnOwnerHasFewOpenOnes(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t)
	now := time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)
	s := dbtest.Seed(t, d, func() time.Time { return now })
	owner := campaigns.ExportOwner{Kind: "person", ID: "p", Name: "老王"}
	var all []campaigns.Export
	for n := range 6 {
		e, err := s.CreateExport(t.Context(), campaigns.Export{Kind: campaigns.ExportClaims, Format: campaigns.ExportXLSX, Masked: true, Owner: owner, Filter: campaigns.ExportFilter{Channel: "a", States: []campaigns.ClaimState{campaigns.Held}}})
		if n == 5 {
			must(t, errors.Is(err, campaigns.ErrExportMany), "a sixth: %v", err)
			break
		}
		ok(t, err)
		all = append(all, e)
	}
	ready := all[0]
	ready.State, ready.ExpiresAt, ready.Rows, ready.SHA256 = campaigns.ExportReady, now.Add(campaigns.ExportLife), 7, "x"
	ok(t, s.SaveExport(t.Context(), ready))
	now = now.Add(3 * time.Minute)
	ended, err := s.EndExports(t.Context())
	ok(t, err)
	must(t, len(ended) == 4 && ended[0].State == campaigns.ExportFailed, "%+v", ended)
	late := all[1]
	late.State = campaigns.ExportReady
	must(t, errors.Is(s.SaveExport(t.Context(), late), campaigns.ErrExportOver), "it was given up")
	got, err := s.Export(t.Context(), late.ID)
	ok(t, err)
	must(t, got.State == campaigns.ExportFailed && got.Filter.Channel == "a" && len(got.Filter.States) == 1, "%+v", got)
	now = now.Add(campaigns.ExportLife)
	ended, err = s.EndExports(t.Context())
	ok(t, err)
	must(t, len(ended) == 1 && ended[0].ID == ready.ID && ended[0].State == campaigns.ExportExpired && ended[0].Rows == 7, "%+v", ended)
	_, err = s.Export(t.Context(), "none")
	must(t, errors.Is(err, campaigns.ErrNoExport), "%v", err)
	_, err = s.CreateExport(t.Context(), campaigns.Export{Kind: "all", Format: "pdf"})
	must(t, len(fault.All(err)) == 2, "%v", err)
}

func TestAnExportIsCancelledOnceAndItsWorkerIsTold(t *testing.T) {
	t.Parallel()
	_, s, _ := freshService(t)
	owner := campaigns.ExportOwner{Kind: "person", ID: "p", Name: "老王"}
	wish := campaigns.Export{Kind: campaigns.ExportUsers, Format: campaigns.ExportPlainCSV, Owner: owner, Columns: []string{"last_seen", "id", "id"}, Life: time.Hour}
	e, err := s.CreateExport(t.Context(), wish)
	ok(t, err)
	open, err := s.OpenExports(t.Context(), owner)
	ok(t, err)
	must(t, len(open) == 1 && open[0].ID == e.ID && slices.Equal(open[0].Columns, []string{"id", "last_seen"}) && open[0].Life == time.Hour, "%+v", open)
	for range 2 {
		got, err := s.CancelExport(t.Context(), e.ID)
		ok(t, err)
		must(t, got.State == campaigns.ExportCancelled && !got.DoneAt.IsZero(), "%+v", got)
	}
	e.State = campaigns.ExportReady
	must(t, errors.Is(s.SaveExport(t.Context(), e), campaigns.ErrExportOver), "a worker must learn it")
	open, err = s.OpenExports(t.Context(), owner)
	ok(t, err)
	must(t, len(open) == 0, "%+v", open)

	done, err := s.CreateExport(t.Context(), wish)
	ok(t, err)
	done.State = campaigns.ExportReady
	ok(t, s.SaveExport(t.Context(), done))
	_, err = s.CancelExport(t.Context(), done.ID)
	must(t, errors.Is(err, campaigns.ErrExportOver), "%v", err)
	_, err = s.CancelExport(t.Context(), "none")
	must(t, errors.Is(err, campaigns.ErrNoExport), "%v", err)
}

func TestAnExportIsRetriedOnceByItsOwner(t *testing.T) {
	t.Parallel()
	_, s, _ := freshService(t)
	owner := campaigns.ExportOwner{Kind: "person", ID: "p", Name: "老王"}
	e, err := s.CreateExport(t.Context(), campaigns.Export{
		Kind: campaigns.ExportClaims, Format: campaigns.ExportCSV, Owner: owner, Reason: "月报", Columns: []string{"openid", "code"}, Filter: campaigns.ExportFilter{Channel: "a"},
	})
	ok(t, err)
	_, err = s.RetryExport(t.Context(), e.ID, owner)
	must(t, errors.Is(err, campaigns.ErrExportOver), "one that is on its way: %v", err)
	e.State, e.Problem = campaigns.ExportFailed, campaigns.ExportDisk
	ok(t, s.SaveExport(t.Context(), e))
	_, err = s.RetryExport(t.Context(), e.ID, campaigns.ExportOwner{Kind: "person", ID: "other"})
	must(t, errors.Is(err, campaigns.ErrNoExport), "%v", err)
	next, err := s.RetryExport(t.Context(), e.ID, owner)
	ok(t, err)
	got, err := s.Export(t.Context(), next.ID)
	ok(t, err)
	must(t, got.State == campaigns.ExportWaiting && got.Reason == "月报" && got.Filter.Channel == "a" && slices.Equal(got.Columns, []string{"code", "openid"}) && !got.Masked && got.Problem == "", "%+v", got)
	_, err = s.RetryExport(t.Context(), e.ID, owner)
	must(t, errors.Is(err, campaigns.ErrExportOver), "a second time: %v", err)
	old, err := s.Export(t.Context(), e.ID)
	ok(t, err)
	must(t, old.State == campaigns.ExportFailed && old.Problem == campaigns.ExportDisk && old.Retried && !old.CanRetry(), "%+v", old)

	searched, err := s.CreateExport(t.Context(), campaigns.Export{Kind: campaigns.ExportClaims, Format: campaigns.ExportCSV, Owner: owner, Masked: true, Filter: campaigns.ExportFilter{Searched: true}})
	ok(t, err)
	_, err = s.CancelExport(t.Context(), searched.ID)
	ok(t, err)
	_, err = s.RetryExport(t.Context(), searched.ID, owner)
	must(t, errors.Is(err, campaigns.ErrExportSearch), "what was searched for is not kept: %v", err)
}

func TestAnExportOfPersonalDataAsItIsNeedsAReasonAndKnownColumns(t *testing.T) {
	t.Parallel()
	_, s, _ := freshService(t)
	base := campaigns.Export{Kind: campaigns.ExportClaims, Format: campaigns.ExportXLSX, Owner: campaigns.ExportOwner{Kind: "person", ID: "p"}}
	for name, c := range map[string]struct {
		change func(*campaigns.Export)
		want   *fault.Error
	}{
		"all columns, complete": {func(*campaigns.Export) {}, campaigns.ErrExportWhy},
		"blanks are no reason":  {func(e *campaigns.Export) { e.Reason = "  " }, campaigns.ErrExportWhy},
		"an unknown column":     {func(e *campaigns.Export) { e.Columns = []string{"code", "secret"} }, campaigns.ErrExportColumn("secret")},
		"another kind's column": {func(e *campaigns.Export) { e.Columns = []string{"region"} }, campaigns.ErrExportColumn("region")},
		"no column":             {func(e *campaigns.Export) { e.Columns = []string{} }, campaigns.ErrExportColumns},
		"a strange life":        {func(e *campaigns.Export) { e.Masked, e.Life = true, time.Minute }, campaigns.ErrExportLife},
	} {
		e := base
		c.change(&e)
		_, err := s.CreateExport(t.Context(), e)
		all := fault.All(err)
		must(t, len(all) == 1 && all[0].Key == c.want.Key && all[0].Field == c.want.Field, "%s: %v", name, err)
	}
	for name, change := range map[string]func(*campaigns.Export){
		"complete with a reason": func(e *campaigns.Export) { e.Reason = "兑奖" },
		"masked":                 func(e *campaigns.Export) { e.Masked = true },
		"nothing personal":       func(e *campaigns.Export) { e.Columns = campaigns.PlainExportColumns(campaigns.ExportClaims) },
	} {
		e := base
		e.Owner.ID = name
		change(&e)
		made, err := s.CreateExport(t.Context(), e)
		ok(t, err)
		must(t, made.Exposes() == (name == "complete with a reason") && made.Masked == (name == "masked"), "%s: %+v", name, made)
	}
}
