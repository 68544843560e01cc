package web

import (
	"database/sql"
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/views/visitor"
)

func (w *world) previewOf(c *campaigns.Campaign, pairs ...string) string {
	w.Helper()
	token, err := w.server.sealPreview(c.ID)
	if err != nil {
		w.Fatal(err)
	}
	return previewLink(c.Slug, token, pairs...)
}

func previewLink(slug campaigns.Slug, token string, pairs ...string) string {
	return address("/c/"+string(slug), append([]string{"preview", token}, pairs...)...)
}

func address(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return path + "?" + q.Encode()
}

func (w *world) draft(slug campaigns.Slug, change func(*campaigns.Draft)) *campaigns.Campaign {
	w.Helper()
	d := campaigns.Draft{
		Account: "demo", Slug: slug, Name: "草稿", StartsAt: w.clock().Add(-time.Hour), EndsAt: w.clock().Add(24 * time.Hour), Zone: campaigns.Shanghai(), Total: 10,
		Limits: campaigns.Limits{PerPerson: 1}, Hold: 2 * time.Minute, Issuer: campaigns.OwnCode, Texts: campaigns.Texts{Benefit: "买一赠一", Brand: "示例咖啡", Purpose: "联系你", Colour: "#ff0000"},
	}
	if change != nil {
		change(&d)
	}
	c, err := w.service.Create(w.Context(), campaigns.Actor{Name: "test"}, d)
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// rows counts the rows of every table.
func (w *world) rows() map[string]int {
	w.Helper()
	file, err := sql.Open("sqlite", w.file)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	names, err := file.QueryContext(w.Context(), "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = names.Close() }()
	var tables []string
	for names.Next() {
		var name string
		if err := names.Scan(&name); err != nil {
			w.Fatal(err)
		}
		tables = append(tables, name)
	}
	if err := names.Err(); err != nil {
		w.Fatal(err)
	}
	counts := map[string]int{}
	for _, name := range tables {
		var n int
		if err := file.QueryRowContext(w.Context(), `SELECT count(*) FROM "`+name+`"`).Scan(&n); err != nil {
			w.Fatal(err)
		}
		counts[name] = n
	}
	return counts
}

var (
	previewMain = regexp.MustCompile(`(?s)<main .*?</main>`)
	// ofOne are the values that belong to one visit: its tokens, its person and its card.
	ofOne = regexp.MustCompile(`name="_csrf" value="[^"]*"|name="key" value="[^"]*"|编号 [0-9A-Z]+`)
)

func mainOf(b *browser) string {
	return ofOne.ReplaceAllString(previewMain.FindString(b.body), "~")
}

// Real visits in each state that a visitor comes to, against the preview of that state.
func TestAPreviewEqualsTheVisitThatItStandsFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intro := w.publish("intro", campaigns.OwnCode, nil)
	form := w.publish("form", campaigns.OwnCode, func(d *campaigns.Draft) { d.Form = campaigns.ClassicForm() })
	early := w.publish("early", campaigns.WeChatCard, func(d *campaigns.Draft) { d.StartsAt, d.EndsAt = w.clock().Add(time.Hour), w.clock().Add(50*time.Hour) })
	paused := w.publish("paused", campaigns.OwnCode, nil)
	if err := w.service.Pause(w.Context(), campaigns.Actor{}, paused.ID, "补货中"); err != nil {
		t.Fatal(err)
	}
	again := func(c *campaigns.Campaign) *campaigns.Campaign {
		c, err := w.service.Campaign(w.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for name, row := range map[string]struct {
		campaign *campaigns.Campaign
		real     *browser
		query    []string
	}{
		"a stranger":           {intro, w.browser().get("/c/intro?ch=poster"), []string{"ch", "poster"}},
		"somebody known":       {intro, w.browser().enter("intro", "wang"), []string{"ch", "poster", "state", "ready"}},
		"a form":               {form, w.browser().enter("form", "li"), []string{"ch", "poster", "state", "form"}},
		"before the start":     {early, w.browser().get("/c/early"), nil},
		"a pause":              {again(paused), w.browser().get("/c/paused"), nil},
		"outside of WeChat":    {intro, func() *browser { b := w.browser(); b.agent = chromeAgent; return b.get("/c/intro?ch=poster") }(), []string{"ch", "poster", "persona", "outside"}},
		"WeChat on a computer": {intro, func() *browser { b := w.browser(); b.agent = desktopAgent; return b.get("/c/intro") }(), []string{"state", "wechat_desktop"}},
	} {
		preview := w.browser().get(w.previewOf(row.campaign, row.query...))
		if real, shown := mainOf(row.real), mainOf(preview); real == "" || shown != real {
			t.Errorf("%s: the preview has\n%s\nthe visit\n%s", name, shown, real)
		}
	}
	w.pass(48 * time.Hour)
	if real, shown := mainOf(w.browser().get("/c/intro")), mainOf(w.browser().get(w.previewOf(intro))); real != shown {
		t.Errorf("after the end: the preview has\n%s\nthe visit\n%s", shown, real)
	}
}

func TestALinkForAPhoneShowsADraftAndStoresNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.draft("secret", func(d *campaigns.Draft) { d.Form = campaigns.ClassicForm() })
	if b := w.browser().get("/c/secret"); b.status != http.StatusNotFound {
		t.Fatalf("a draft is public: %d", b.status)
	}
	before := w.rows()
	for _, state := range visitor.States {
		b := w.browser().get(w.previewOf(c, "state", string(state)))
		b.wants(http.StatusOK, string(state))
		if policy := b.header.Get("Content-Security-Policy"); !strings.HasSuffix(policy, "; sandbox allow-top-navigation-by-user-activation") || !strings.Contains(policy, "frame-ancestors 'self'") {
			t.Errorf("policy %q", policy)
		}
		if strings.Contains(b.body, "<script") || !strings.Contains(b.body, "预览，不会发券") || len(b.cookies) > 0 {
			t.Errorf("%s: scripts, cookies or no ribbon", state)
		}
	}
	b := w.browser().get(w.previewOf(c, "state", "form"))
	token := first(regexp.MustCompile(`name="_csrf" value="([^"]+)"`), b.body)
	fields := url.Values{"_csrf": {token}, "key": {b.key()}, "consent": {"1"}, "f_name": {"王小明"}, "f_plate": {"京A12345"}, "f_phone": {"13800138000"}}
	for _, fragment := range []bool{false, true} {
		b.post("/c/secret/claim", fields, fragment)
		if b.status != http.StatusForbidden || !strings.Contains(b.body, "这是预览，不会发券") || strings.Contains(b.body, "13800138000") {
			t.Errorf("a claim from the preview: %d\n%.600s", b.status, b.body)
		}
	}
	// Somebody known, on a campaign that runs, claims nothing through the link either.
	live := w.publish("live", campaigns.OwnCode, nil)
	known := w.browser().enter("live", "zhang")
	before["campaigns"]++
	now := w.rows()
	known.post("/c/live/claim"+strings.TrimPrefix(w.previewOf(live), "/c/live"), known.form(), false)
	if known.status != http.StatusForbidden || len(w.claims("live")) != 0 {
		t.Errorf("a claim with a preview's token: %d", known.status)
	}
	if after := w.rows(); !maps.Equal(after, now) {
		t.Errorf("rows %v, before %v", after, now)
	}
	for _, table := range []string{"claims", "claim_events"} {
		if now[table] != before[table] {
			t.Errorf("%s: %d rows, %d before", table, now[table], before[table])
		}
	}
}

func TestAPreviewLinkEndsAndFitsOneCampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, other := w.draft("mine", nil), w.draft("other", nil)
	good := w.previewOf(c)
	token, err := w.server.sealPreview(other.ID)
	if err != nil {
		t.Fatal(err)
	}
	visits, err := w.server.cookies.seal(csrfName, previewToken{c.ID, w.clock().Unix()})
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name, path string) {
		t.Helper()
		b := w.browser().get(path).wants(http.StatusNotFound, "not_found")
		if !strings.Contains(b.body, "预览链接已失效") || strings.Contains(b.body, "买一赠一") {
			t.Errorf("%s: %.600s", name, b.body)
		}
		if b.get(strings.Replace(path, "?", "/preview.css?", 1)); b.status != http.StatusNotFound {
			t.Errorf("%s: the style is served: %d", name, b.status)
		}
	}
	refused("forged", previewLink("mine", "forged"))
	refused("cut", good[:len(good)-2])
	refused("of another campaign", previewLink("mine", token))
	refused("sealed for something else", previewLink("mine", visits))
	w.pass(29 * time.Minute)
	w.browser().get(good).wants(http.StatusOK, "intro")
	w.pass(2 * time.Minute)
	refused("old", good)
}

func TestTheStyleOfAPreviewFollowsItsPickers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.draft("styled", nil)
	style := func(pairs ...string) string {
		b := w.browser().get(w.previewOf(c, pairs...))
		b.get(html.UnescapeString(first(regexp.MustCompile(`href="(/c/styled/preview\.css[^"]*)"`), b.body)))
		if b.status != http.StatusOK || !strings.Contains(b.body, "--kq-theme:#ff0000") || !strings.Contains(b.body, ".kq-ribbon") || !strings.Contains(b.body, ".weui-btn") {
			t.Fatalf("%v: %d", pairs, b.status)
		}
		return b.body
	}
	plain, dark, light, large := style(), style("theme", "dark"), style("theme", "light"), style("font", "larger")
	if !darkQuery.MatchString(plain) || darkQuery.MatchString(dark) || darkQuery.MatchString(light) || dark == light {
		t.Error("the theme is left to the system, or the other way round")
	}
	if !strings.Contains(plain, "font-size: 28px") || strings.Contains(large, "font-size: 28px") || !strings.Contains(large, "font-size:39.2px") {
		t.Error("the text has one size")
	}
	if b := w.browser().get(w.previewOf(c, "theme", "pink", "font", "99", "state", "none", "time", "never", "lang", "fr")); b.status != http.StatusOK || strings.Contains(b.body, "pink") || b.state() != "intro" {
		t.Errorf("unknown picks: %d %s", b.status, b.state())
	}
	if b := w.browser().get(w.previewOf(c, "lang", "en")); !strings.Contains(b.body, `lang="en"`) || !strings.Contains(b.body, "no card is given out") {
		t.Error("the language is another one")
	}
}

func TestTimeAndPersonDecideTheStateOfAPreview(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own := w.draft("own", func(d *campaigns.Draft) { d.ValidUntil = d.EndsAt.Add(30 * time.Minute) })
	card := w.draft("card", func(d *campaigns.Draft) { d.Issuer, d.CardID = campaigns.WeChatCard, "pTestCard0000000000000000001" })
	for _, row := range []struct {
		campaign      *campaigns.Campaign
		time, persona string
		want          visitor.State
	}{
		{own, "before", "", visitor.BeforeStart},
		{own, "running", "", visitor.Intro},
		{own, "last", "", visitor.Intro},
		{own, "after", "", visitor.Ended},
		{own, "running", "holder", visitor.ClaimedLocal},
		{own, "after", "holder", visitor.ExpiredCard},
		{card, "last", "holder", visitor.Claimed},
		{card, "", "snapshot", visitor.Snapshot},
		{card, "running", "outside", visitor.NotInWeChat},
		{card, "after", "outside", visitor.Ended},
	} {
		b := w.browser().get(w.previewOf(row.campaign, "time", row.time, "persona", row.persona))
		if b.state() != string(row.want) {
			t.Errorf("%s %s %s: %s, want %s", row.campaign.Slug, row.time, row.persona, b.state(), row.want)
		}
	}
}
