package campaigns_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/db/dbtest"
)

// yard is a service on a real database with a clock that a test moves.
type yard struct {
	*testing.T
	db      *db.DB
	service *campaigns.Service
	now     time.Time
}

func newYard(t *testing.T) *yard {
	t.Helper()
	y := &yard{T: t, db: dbtest.Open(t), now: time.Date(2026, 11, 21, 4, 10, 0, 0, time.UTC)} // 12:10 in Shanghai
	y.service = dbtest.Seed(t, y.db, func() time.Time { return y.now })
	return y
}

func (y *yard) publish(slug campaigns.Slug, total int64, lasts time.Duration) *campaigns.Campaign {
	y.Helper()
	d := dbtest.Draft(y.now, slug, total, campaigns.OwnCode)
	d.Name, d.EndsAt = string(slug), y.now.Add(lasts)
	return dbtest.Publish(y.T, y.service, d)
}

// claim makes visitor n claim at a moment.
func (y *yard) claim(c *campaigns.Campaign, n int, at time.Time) {
	y.Helper()
	back := y.now
	y.now = at
	defer func() { y.now = back }()
	v := dbtest.Visitor(y.T, y.service, n)
	if _, _, err := y.service.Claim(context.Background(), campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: fmt.Sprintf("key-%08d", n), Consent: true}); err != nil {
		y.Fatal(err)
	}
}

func (y *yard) overview(f campaigns.OverviewFilter) *campaigns.OverviewPage {
	y.Helper()
	page, err := y.service.Overview(context.Background(), f)
	if err != nil {
		y.Fatal(err)
	}
	return page
}

func slugs(p *campaigns.OverviewPage) string {
	var all []string
	for i := range p.Rows {
		all = append(all, string(p.Rows[i].Slug))
	}
	return strings.Join(all, " ")
}

func TestTheOutlookFollowsThePaceOfTheLastHalfHour(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		total, confirmed, held, lately int64
		lasts                          time.Duration
		status                         campaigns.Status
		want                           campaigns.Outlook
		in                             time.Duration
	}{
		"nobody claims":                  {1000, 10, 0, 0, 24 * time.Hour, campaigns.StatusPublished, campaigns.OutlookIdle, 0},
		"100 left at 50 in half an hour": {200, 90, 10, 50, 24 * time.Hour, campaigns.StatusPublished, campaigns.OutlookEmpty, time.Hour},
		"gone just at the end":           {200, 100, 0, 50, time.Hour, campaigns.StatusPublished, campaigns.OutlookLasts, 0},
		"enough until the end":           {1_000_000, 0, 0, 1, 24 * time.Hour, campaigns.StatusPublished, campaigns.OutlookLasts, 0},
		"a huge stock for a long time":   {100_000_000, 0, 0, 1, 290 * 365 * 24 * time.Hour, campaigns.StatusPublished, campaigns.OutlookLasts, 0},
		"nothing is left":                {100, 95, 5, 30, time.Hour, campaigns.StatusPublished, campaigns.OutlookGone, 0},
		"overdrawn":                      {100, 103, 0, 30, time.Hour, campaigns.StatusPublished, campaigns.OutlookGone, 0},
		"paused":                         {100, 10, 0, 30, time.Hour, campaigns.StatusPaused, campaigns.OutlookNone, 0},
		"over":                           {100, 10, 0, 30, -time.Hour, campaigns.StatusPublished, campaigns.OutlookNone, 0},
	} {
		o := campaigns.Overview{
			Campaign: campaigns.Campaign{Status: row.status, StartsAt: now.Add(-48 * time.Hour), EndsAt: now.Add(row.lasts), Stock: campaigns.Stock{Total: row.total, Confirmed: row.confirmed, Held: row.held}},
			Numbers:  campaigns.Numbers{HalfHour: row.lately},
		}
		got, at := o.Outlook(now)
		if got != row.want || row.in > 0 && !at.Equal(now.Add(row.in)) || row.in == 0 && !at.IsZero() {
			t.Errorf("%s: %v at %v, want %v in %v", name, got, at, row.want, row.in)
		}
	}
}

func TestTheNumbersOfTheListAreThoseOfTheClaims(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	start := y.now
	y.now = start.Add(-72 * time.Hour)
	c := y.publish("counted", 1000, 30*24*time.Hour)
	other := y.publish("other", 1000, 30*24*time.Hour)
	y.now = start
	midnight := time.Date(2026, 11, 20, 16, 0, 0, 0, time.UTC) // in Shanghai
	n := 0
	at := func(c *campaigns.Campaign, moments ...time.Time) {
		for _, moment := range moments {
			n++
			y.claim(c, n, moment)
		}
	}
	at(c, midnight.Add(-time.Millisecond), midnight, start.Add(-31*time.Minute), start.Add(-29*time.Minute), start.Add(-time.Minute)) // 4 today, 2 lately
	at(c, midnight.Add(-24*time.Hour), start.Add(-24*time.Hour-time.Minute), start.Add(-24*time.Hour+time.Minute))                    // 2 until this time yesterday, one later
	at(c, start.Add(-50*time.Hour))
	at(other, start.Add(-2*time.Minute))
	y.service.Visited(c.ID, 0)
	y.service.Visited(c.ID, 0)
	y.service.Visited(other.ID, 0)
	if err := y.service.FlushVisits(context.Background()); err != nil {
		t.Fatal(err)
	}
	page := y.overview(campaigns.OverviewFilter{Search: "counted"})
	if len(page.Rows) != 1 {
		t.Fatalf("%d rows", len(page.Rows))
	}
	o := page.Rows[0]
	if o.Today != 4 || o.Yesterday != 2 || o.HalfHour != 2 || o.Visits != 2 || o.Stock.Confirmed != 9 {
		t.Errorf("today %d, yesterday %d, half hour %d, visits %d, confirmed %d; want 4, 2, 2, 2, 9", o.Today, o.Yesterday, o.HalfHour, o.Visits, o.Stock.Confirmed)
	}
	if o.Hours[23] != 1 || o.Hours[22] != 2 || o.Hours[11] != 1 || o.Hours[10] != 1 {
		t.Errorf("the hours are %v", o.Hours)
	}
	if percent, ok := o.Change(); !ok || percent != 100 {
		t.Errorf("the change is %d %v, want 100", percent, ok)
	}
}

func TestFiltersNarrowTheListAndItsTabs(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	soon, later := y.publish("soon", 100, 20*time.Hour), y.publish("later", 100, 20*24*time.Hour)
	draft, err := y.service.Create(context.Background(), campaigns.Actor{ID: "p2", Name: "李四"}, dbtest.Draft(y.now, "draft", 100, campaigns.OwnCode))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := y.service.ChangeMany(context.Background(), campaigns.Actor{ID: "p1"}, campaigns.Bulk{Op: campaigns.BulkTag, IDs: []campaigns.ID{soon.ID, draft.ID}, Tag: " #门店 "}); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		f    campaigns.OverviewFilter
		want string
	}{
		"all of them, running first": {campaigns.OverviewFilter{}, "soon later draft"},
		"a state":                    {campaigns.OverviewFilter{State: campaigns.Unpublished}, "draft"},
		"a tag":                      {campaigns.OverviewFilter{Tag: "门店"}, "soon draft"},
		"words of a tag":             {campaigns.OverviewFilter{Search: "#门"}, "soon draft"},
		"an owner":                   {campaigns.OverviewFilter{Owner: "p2"}, "draft"},
		"ending soon":                {campaigns.OverviewFilter{Ending: 24 * time.Hour}, "soon"},
		"another account":            {campaigns.OverviewFilter{Account: "other"}, ""},
		"ending first":               {campaigns.OverviewFilter{Sort: campaigns.SortEnds, State: campaigns.Running}, "soon later"},
		"a second page":              {campaigns.OverviewFilter{Page: 2, Size: 2}, "draft"},
		"a page behind the last":     {campaigns.OverviewFilter{Page: 90, Size: 2}, ""},
	} {
		if got := slugs(y.overview(row.f)); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
	page := y.overview(campaigns.OverviewFilter{Tag: "门店", Size: 1})
	if page.Counts[campaigns.Running] != 1 || page.Counts[campaigns.Unpublished] != 1 || page.Total != 2 || len(page.IDs) != 2 || page.All != 3 || !slices.Equal(page.Tags, []string{"门店"}) {
		t.Errorf("%+v", page)
	}
	if later.ID == 0 || !slices.ContainsFunc(page.Owners, func(o campaigns.OverviewOwner) bool { return o.Name == "李四" }) {
		t.Errorf("the owners are %v", page.Owners)
	}
}

func TestAChangeToManySkipsWhatDoesNotFitAndCanBeTakenBackOnce(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	ctx, actor := context.Background(), campaigns.Actor{ID: "p1", Name: "张三"}
	running, over := y.publish("running", 100, 10*24*time.Hour), y.publish("over", 100, time.Hour)
	y.now = y.now.Add(2 * time.Hour)
	ids := []campaigns.ID{running.ID, over.ID, 12345}
	status := func(id campaigns.ID) campaigns.Status {
		c, err := y.service.Campaign(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		return c.Status
	}
	r, err := y.service.ChangeMany(ctx, actor, campaigns.Bulk{Op: campaigns.BulkArchive, IDs: ids})
	if err != nil || r.Changed != 1 || r.Skipped != 2 || status(over.ID) != campaigns.StatusArchived || status(running.ID) != campaigns.StatusPublished {
		t.Fatalf("archive: %+v %v", r, err)
	}
	if _, err := y.service.UndoMany(ctx, campaigns.Actor{ID: "p2"}, r.Undo); err == nil {
		t.Error("somebody else took it back")
	}
	if back, err := y.service.UndoMany(ctx, actor, r.Undo); err != nil || back.Changed != 1 || status(over.ID) != campaigns.StatusPublished {
		t.Fatalf("undo: %+v %v", back, err)
	}
	if _, err := y.service.UndoMany(ctx, actor, r.Undo); err == nil {
		t.Error("it was taken back twice")
	}

	r, err = y.service.ChangeMany(ctx, actor, campaigns.Bulk{Op: campaigns.BulkPause, IDs: ids, Reason: "库存补充中"})
	if err != nil || r.Changed != 1 || status(running.ID) != campaigns.StatusPaused {
		t.Fatalf("pause: %+v %v", r, err)
	}
	if err := y.service.Resume(ctx, actor, running.ID); err != nil {
		t.Fatal(err)
	}
	if back, err := y.service.UndoMany(ctx, actor, r.Undo); err != nil || back.Changed != 0 || back.Skipped != 1 {
		t.Errorf("undo of what changed since: %+v %v", back, err)
	}

	r, err = y.service.ChangeMany(ctx, actor, campaigns.Bulk{Op: campaigns.BulkTag, IDs: ids, Tag: "冬"})
	if err != nil || r.Changed != 2 {
		t.Fatalf("tag: %+v %v", r, err)
	}
	versions, err := y.service.Versions(ctx, running.ID, 10)
	var actions []string
	for _, v := range versions {
		actions = append(actions, v.Action+" "+v.Note)
	}
	if want := []string{"campaign.resume ", "campaign.pause 库存补充中", "campaign.publish ", "campaign.create "}; err != nil || !slices.Equal(actions, want) {
		t.Errorf("the versions are %q, want %q (%v)", actions, want, err)
	}
	if versions, err = y.service.Versions(ctx, over.ID, 10); err != nil || len(versions) != 4 || versions[0].Action != "campaign.undo" || versions[0].Actor.Name != "张三" {
		t.Errorf("what was taken back left the versions %+v (%v)", versions, err)
	}
	y.now = y.now.Add(campaigns.UndoLife + time.Millisecond)
	if _, err := y.service.UndoMany(ctx, actor, r.Undo); err == nil {
		t.Error("it was taken back after ten minutes")
	}
	for _, bad := range []campaigns.Bulk{
		{Op: campaigns.BulkPause, IDs: ids},
		{Op: campaigns.BulkTag, IDs: ids, Tag: " # "},
		{Op: campaigns.BulkTag, IDs: ids, Tag: strings.Repeat("长", 21)},
		{Op: "explode", IDs: ids},
		{Op: campaigns.BulkArchive},
		{Op: campaigns.BulkArchive, IDs: make([]campaigns.ID, campaigns.MaxBulk+1)},
	} {
		if r, err := y.service.ChangeMany(ctx, actor, bad); err == nil {
			t.Errorf("%s with %d campaigns: %+v", bad.Op, len(bad.IDs), r)
		}
	}
}

func TestACampaignHasAtMostTenTags(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	c := y.publish("tagged", 100, time.Hour)
	for n := range campaigns.MaxTags + 3 {
		if _, err := y.service.ChangeMany(context.Background(), campaigns.Actor{ID: "p1"}, campaigns.Bulk{Op: campaigns.BulkTag, IDs: []campaigns.ID{c.ID}, Tag: fmt.Sprintf("t%d", n)}); err != nil {
			t.Fatal(err)
		}
	}
	if tags := y.overview(campaigns.OverviewFilter{}).Rows[0].Tags; len(tags) != campaigns.MaxTags {
		t.Errorf("%d tags", len(tags))
	}
}

func TestAPersonVisitsOnceAnHourAndStrangersEveryTime(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	ctx := context.Background()
	c := y.publish("visited", 100, 48*time.Hour)
	y.service.Visited(c.ID, 0) // before WeChat tells who it is
	y.service.Greeted(c.ID, 7)
	y.service.Visited(c.ID, 7)
	y.service.Visited(c.ID, 8)
	y.service.Visited(c.ID, 8)
	y.service.Visited(999, 8) // no campaign
	visits := func() int64 {
		t.Helper()
		if err := y.service.FlushVisits(ctx); err != nil {
			t.Fatal(err)
		}
		return y.overview(campaigns.OverviewFilter{}).Rows[0].Visits
	}
	if got := visits(); got != 2 {
		t.Errorf("%d visits, want 2", got)
	}
	y.now = y.now.Add(time.Hour)
	y.service.Visited(c.ID, 8)
	if got := visits(); got != 3 {
		t.Errorf("%d visits an hour later, want 3", got)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	y.service.Visited(c.ID, 9)
	if err := y.service.FlushVisits(ended); err == nil {
		t.Error("a write that did not happen succeeded")
	}
	if got := visits(); got != 4 {
		t.Errorf("%d visits, want the kept one too", got)
	}
}

func TestSavedViewsBelongToTheirPerson(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	ctx := context.Background()
	mine, theirs := campaigns.Actor{ID: "p1", Name: "张三"}, campaigns.Actor{ID: "p2", Name: "李四"}
	own, err := y.service.SaveView(ctx, mine, "我的", "state=running", false)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := y.service.SaveView(ctx, theirs, "大家的", "tag=%E9%97%A8%E5%BA%97", true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := y.service.SaveView(ctx, mine, "我的", "", false); err == nil {
		t.Error("two views of a person have one name")
	}
	for _, name := range []string{"", "  ", strings.Repeat("长", 31)} {
		if _, err := y.service.SaveView(ctx, mine, name, "", false); err == nil {
			t.Errorf("a view is called %q", name)
		}
	}
	names := func(person string) string {
		views, err := y.service.Views(ctx, person)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, v := range views {
			all = append(all, v.Name)
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	if names("p1") != "大家的 我的" || names("p2") != "大家的" {
		t.Errorf("%q and %q", names("p1"), names("p2"))
	}
	if y.service.UpdateView(ctx, mine, shared.ID, "x=1") == nil || y.service.DeleteView(ctx, theirs, own.ID) == nil {
		t.Error("somebody changed a view of another person")
	}
	if err := y.service.DeleteView(ctx, mine, own.ID); err != nil || names("p1") != "大家的" {
		t.Errorf("delete: %v", err)
	}
}

func TestASearchUnderstandsWhatWasTyped(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	ctx := context.Background()
	c := y.publish("winter-latte", 100, 48*time.Hour)
	y.claim(c, 1, y.now)
	y.claim(c, 2, y.now)
	if _, err := y.service.AddChannel(ctx, campaigns.Actor{Name: "t"}, c.ID, campaigns.ChannelDraft{Name: "门店海报"}); err != nil {
		t.Fatal(err)
	}
	page, err := y.service.Claims(ctx, campaigns.ClaimFilter{Campaign: c.ID})
	if err != nil || len(page.Rows) != 2 {
		t.Fatal(err)
	}
	claim := page.Rows[0]
	openid := string(claim.OpenID)
	for text, want := range map[string]struct {
		claim                                 bool
		campaigns, claims, visitors, channels int
	}{
		string(claim.Code):              {true, 0, 1, 0, 0},
		" " + string(claim.Code) + "\t": {true, 0, 1, 0, 0},
		string(claim.Ref):               {true, 0, 1, 0, 0},
		openid:                          {true, 0, 1, 1, 0},
		openid[:20]:                     {false, 0, 0, 2, 0},
		"latte":                         {false, 1, 0, 0, 0},
		"海报":                            {false, 0, 0, 0, 1},
		"%":                             {false, 0, 0, 0, 0},
		"' OR 1=1 --":                   {false, 0, 0, 0, 0},
		strings.Repeat("x", 5000):       {false, 0, 0, 0, 0},
		"000000000000":                  {false, 0, 0, 0, 0},
		"":                              {false, 1, 0, 0, 0},
	} {
		f, err := y.service.Search(ctx, text)
		if err != nil {
			t.Errorf("%.30q: %v", text, err)
			continue
		}
		if exact := f.Claim == claim.ID; exact != want.claim || len(f.Campaigns) != want.campaigns || len(f.Claims) != want.claims || len(f.Visitors) != want.visitors || len(f.Channels) != want.channels {
			t.Errorf("%.30q: exact %v, %d campaigns, %d claims, %d visitors, %d channels; want %+v", text, exact, len(f.Campaigns), len(f.Claims), len(f.Visitors), len(f.Channels), want)
		}
	}
	if f, err := y.service.Search(ctx, "winter-latte"); err != nil || f.Campaign != c.ID {
		t.Errorf("a campaign's link is no exact hit: %v", err)
	}
}
