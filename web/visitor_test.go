package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"kaquan/campaigns"
)

func classic(d *campaigns.Draft) { d.Form = campaigns.ClassicForm() }

func TestPagesShowTheStateOfTheCampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("run", campaigns.OwnCode, nil)
	w.publish("soon", campaigns.OwnCode, func(d *campaigns.Draft) { d.StartsAt = w.clock().Add(time.Hour) })
	paused := w.publish("paused", campaigns.OwnCode, nil)
	if err := w.service.Pause(t.Context(), campaigns.Actor{}, paused.ID, "门店盘点 <b>"); err != nil {
		t.Fatal(err)
	}
	ended := w.publish("ended", campaigns.OwnCode, nil)
	if err := w.service.End(t.Context(), campaigns.Actor{}, ended.ID); err != nil {
		t.Fatal(err)
	}
	w.publish("empty", campaigns.OwnCode, func(d *campaigns.Draft) { d.Total = 1 })
	w.browser().enter("empty", "first").wants(200, "ready")
	b := w.browser().enter("empty", "taker")
	b.post("/c/empty/claim", b.form(), false).goes("/c/empty?ch=poster")
	for _, row := range []struct {
		path, agent string
		status      int
		state, text string
	}{
		{"/c/run", phoneAgent, 200, "intro", "我要领取"},
		{"/c/run?ch=shop-1", chromeAgent, 200, "not_in_wechat", publicURL + "/c/run?ch=shop-1"},
		{"/c/run", desktopAgent, 200, "wechat_desktop", "请用手机微信领取"},
		{"/c/soon", phoneAgent, 200, "before_start", "11月21日 11:00 开抢"},
		{"/c/paused", phoneAgent, 200, "paused", "门店盘点 &lt;b&gt;"},
		{"/c/ended", phoneAgent, 200, "ended", "活动已提前结束"},
		{"/c/ended", chromeAgent, 200, "ended", "活动已提前结束"},
		{"/c/empty", phoneAgent, 200, "sold_out", "已经领完了"},
		{"/c/nobody", phoneAgent, 404, "not_found", "没有找到这个活动"},
		{"/c/NOT%20a%20slug", phoneAgent, 404, "not_found", "没有找到这个活动"},
	} {
		b := w.browser()
		b.agent = row.agent
		b.get(row.path).wants(row.status, row.state)
		if !strings.Contains(b.body, row.text) {
			t.Errorf("%s (%s) lacks %q", row.path, row.state, row.text)
		}
		if strings.Contains(b.body, "visitor.") || strings.Contains(b.body, "<b>") {
			t.Errorf("%s shows a key or raw HTML", row.path)
		}
	}
	english := httptest.NewRequest(http.MethodGet, "/c/run", nil)
	english.Header.Set("Accept-Language", "en")
	if b := w.browser().do(english).wants(200, "intro"); !strings.Contains(b.body, "Get it") {
		t.Error("no English page")
	}
}

func TestAFrameCountsAsWeChatOnlyForTheSandbox(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		agent, frame string
		sandbox      bool
		want         place
	}{
		{chromeAgent, "iframe", true, onPhone},
		{chromeAgent, "iframe", false, elsewhere},
		{chromeAgent, "document", true, elsewhere},
		{phoneAgent, "", false, onPhone},
		{desktopAgent, "", false, onDesktop},
		{strings.ReplaceAll(desktopAgent, "Windows", "Mac"), "", false, onDesktop},
		{"Mozilla/5.0 (Windows NT 10.0) MicroMessenger/7.0.20 UnifiedPCWindowsWechat(0xf2541721) XWEB/16389", "", false, onDesktop},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) wxwork/4.1.22 MicroMessenger/7.0.1 Language/zh", "", false, elsewhere}, // WeCom: other openids, another SDK
	} {
		w := newPlace(row.agent, row.frame, row.sandbox)
		if w != row.want {
			t.Errorf("%+v: got %d", row, w)
		}
	}
}

func TestAForgedStateDoesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("run", campaigns.OwnCode, nil)
	b := w.browser()
	b.authorise("run", "")
	b.get("/w/oauth/callback?code=mallory&state=forged").wants(200, "auth_failed")
	w.browser().get("/w/oauth/callback?code=mallory&state=x").wants(200, "auth_failed")
	other := w.browser()
	state := other.authorise("run", "")
	b.get("/w/oauth/callback?code=mallory&state="+state).wants(200, "auth_failed")
	if w.exchanges.Load() != 0 || w.visitors() != 0 || b.cookies[visitorCookie] != "" {
		t.Errorf("%d exchanges, %d visitors", w.exchanges.Load(), w.visitors())
	}
	old := other.authorise("run", "")
	w.pass(11 * time.Minute)
	other.get("/w/oauth/callback?code=late&state="+old).wants(200, "auth_failed")
}

func TestACallbackOpenedTwiceExchangesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("run", campaigns.OwnCode, nil)
	b := w.browser()
	state := b.authorise("run", "a1")
	var wait sync.WaitGroup
	for range 10 {
		twin := &browser{w: w, agent: phoneAgent, cookies: map[string]string{roundCookie: b.cookies[roundCookie]}}
		wait.Go(func() {
			r := httptest.NewRequest(http.MethodGet, "/w/oauth/callback?code=alice&state="+state, nil)
			r.AddCookie(&http.Cookie{Name: roundCookie, Value: twin.cookies[roundCookie]})
			answer, err := w.server.App().Test(r, -1)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = answer.Body.Close() }()
			if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/c/run?ch=a1" {
				t.Errorf("got %d to %s", answer.StatusCode, answer.Header.Get("Location"))
			}
		})
	}
	wait.Wait()
	b.get("/w/oauth/callback?code=alice&state=" + state).goes("/c/run?ch=a1")
	w.pass(2 * time.Minute)
	b.get("/w/oauth/callback?code=alice&state=" + state).goes("/c/run?ch=a1")
	if n := w.exchanges.Load(); n != 1 || w.visitors() != 1 {
		t.Errorf("%d exchanges, %d visitors", n, w.visitors())
	}
	delete(b.cookies, visitorCookie)
	b.get("/w/oauth/callback?code=alice&state="+state).wants(200, "auth_failed")
	if n := w.exchanges.Load(); n != 1 {
		t.Errorf("a used state was exchanged again: %d", n)
	}
}

func TestABadCodeIsTriedAnewOnceAndThenExplained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("run", campaigns.OwnCode, nil)
	b := w.browser()
	state := b.authorise("run", "")
	b.get("/w/oauth/callback?code=bad1&state=" + state)
	again, err := url.Parse(b.header.Get("Location"))
	if b.status != http.StatusFound || err != nil || again.Query().Get("state") == state {
		t.Fatalf("no second round: %d %s", b.status, again)
	}
	b.get("/w/oauth/callback?code=bad2&state="+again.Query().Get("state")).wants(200, "auth_failed")
	if w.visitors() != 0 {
		t.Error("a visitor came of a bad code")
	}
	// Who is known already goes on, whatever became of the code.
	known := w.browser().enter("run", "Lin")
	for _, code := range []string{"bad3", "Lin"} {
		exchanges := w.exchanges.Load()
		state := known.authorise("run", "")
		known.get("/w/oauth/callback?code=" + code + "&state=" + state).goes("/c/run")
		if n := w.exchanges.Load() - exchanges; n != 1 {
			t.Errorf("%s: %d exchanges", code, n)
		}
	}
	state = b.authorise("run", "")
	b.get("/w/oauth/callback?state="+state).wants(200, "auth_denied")
}

func TestASnapshotLeavesNoRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("run", campaigns.OwnCode, nil)
	b := w.browser()
	state := b.authorise("run", "")
	b.get("/w/oauth/callback?code=snap&state="+state).wants(200, "snapshot")
	if w.visitors() != 0 || b.cookies[visitorCookie] != "" {
		t.Error("a snapshot became a visitor")
	}
}

func TestAClaimOfOurOwnCodeWorksWithoutScriptsAndOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("form", campaigns.OwnCode, classic)
	b := w.browser().enter("form", "bob").wants(200, "form")
	if strings.Contains(b.body, " checked") {
		t.Error("the consent is ticked in advance")
	}
	fields := b.form("f_name", "👩‍👩‍👧‍👦王<script>alert(1)</script>", "f_plate", "京a·12345", "f_phone", "138 0013 8000", "consent", "1")
	b.post("/c/form/claim", fields, false).goes("/c/form?ch=poster")
	b.get("/c/form?ch=poster").wants(200, "claimed_local")
	rows := w.claims("form")
	if len(rows) != 1 || rows[0].Channel != "poster" || rows[0].Answers["name"] != "👩‍👩‍👧‍👦王<script>alert(1)</script>" || rows[0].Answers["plate"] != "京A12345" ||
		rows[0].Answers["phone"] != "13800138000" || rows[0].ConsentText != campaigns.ConsentVersion {
		t.Fatalf("stored %+v", rows)
	}
	if !strings.Contains(b.body, rows[0].Code.Grouped()) || !strings.Contains(b.body, `class="kq-qr"`) {
		t.Error("the code is not shown")
	}
	b.post("/c/form/claim", fields, false).goes("/c/form?ch=poster")
	b.post("/c/form/claim", fields, true).wants(200, "claimed_local")
	fields.Set("key", randomText(16))
	b.post("/c/form/claim", fields, true).wants(200, "already")
	if len(w.claims("form")) != 1 {
		t.Error("a repeat claimed again")
	}
	w.browser().enter("form", "carol").wants(200, "form")
	b.get("/c/form?more=1").wants(200, "already")
}

func TestWrongAnswersComeBackEscapedAndKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("form", campaigns.OwnCode, classic)
	b := w.browser().enter("form", "dora")
	key := b.key()
	b.post("/c/form/claim", b.form("f_name", `"><script>alert(1)</script>😀`, "f_plate", "京A123", "f_phone", "12345", "f_car_model", strings.Repeat("车", 61)), false).wants(422, "form_error")
	for _, want := range []string{
		"&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;😀", "手机号应为 11 位数字", "车牌号格式不对，例：京A12345", "最多 60 个字，现在 61 个字", "请先阅读并同意", `value="12345"`, "autofocus",
	} {
		if !strings.Contains(b.body, want) {
			t.Errorf("the form lacks %q", want)
		}
	}
	if strings.Contains(b.body, "<script>alert") || strings.Count(b.body, "autofocus") != 1 || b.key() != key {
		t.Error("raw HTML, more than one focus, or a new key")
	}
	if len(w.claims("form")) != 0 {
		t.Error("a wrong form claimed")
	}
	b.post("/c/form/claim", url.Values{"_csrf": {b.csrf()}, "key": {"<bad>"}}, true).wants(422, "server_error")
}

func TestWritesNeedTheVisitorsOwnToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("run", campaigns.OwnCode, nil)
	alice, mallory := w.browser().enter("run", "alice"), w.browser().enter("run", "mallory")
	fields := alice.form()
	stranger := w.browser().get("/c/run").csrf()
	for name, token := range map[string]string{"missing": "", "foreign": mallory.csrf(), "stranger": stranger, "garbage": "xx", "cookie": alice.cookies[visitorCookie]} {
		fields.Set("_csrf", token)
		alice.post("/c/run/claim", fields, false).wants(403, "auth_failed")
		if len(w.claims("run")) != 0 {
			t.Errorf("a claim with a %s token", name)
		}
	}
	alice.get("/c/run")
	r := httptest.NewRequest(http.MethodPost, "/c/run/claim", strings.NewReader(alice.form().Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Origin", "https://evil.test")
	alice.do(r).wants(403, "auth_failed")
	alice.get("/c/run")
	fields = alice.form()
	w.pass(25 * time.Hour)
	alice.post("/c/run/claim", fields, true).wants(403, "auth_failed")
	if len(w.claims("run")) != 0 {
		t.Error("a forged write claimed")
	}
}

func TestACookieOfAnotherAccountIsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("run", campaigns.OwnCode, nil)
	other := campaigns.Account{ID: "other", Name: "另一家", Credentials: wOther()}
	if err := w.service.SaveAccount(t.Context(), w.db, campaigns.Actor{}, other); err != nil {
		t.Fatal(err)
	}
	w.publish("theirs", campaigns.OwnCode, func(d *campaigns.Draft) { d.Account = "other" })
	b := w.browser().enter("run", "erin").wants(200, "ready")
	b.get("/c/theirs").wants(200, "intro")
	b.get("/c/run")
	b.post("/c/theirs/claim", b.form(), true).wants(401, "auth_failed")
	if len(w.claims("theirs")) != 0 {
		t.Error("a visitor of one account claimed in another")
	}
	w.pass(31 * 24 * time.Hour)
	if _, ok := (&visitors{Server: w.server}).cookieOf(b); ok {
		t.Error("an old cookie still counts")
	}
}

func TestAWeChatCardGoesThroughTheWallet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.publish("wallet", campaigns.WeChatCard, nil)
	b := w.browser().enter("wallet", "fred").wants(200, "ready")
	for _, want := range []string{`"signature":"`, `"sdk":"http://sdk.test`, `"link":"` + publicURL + `/c/wallet?ch=poster"`} {
		if !strings.Contains(b.body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if policy := b.header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self' http://sdk.test") {
		t.Errorf("policy %q", policy)
	}
	token := b.csrf()
	b.post("/c/wallet/claim", b.form(), true).wants(200, "claiming")
	claim := first(claimPattern, b.body)
	fields := url.Values{"_csrf": {token}, "claim": {claim}}
	var exts [2]string
	for i := range exts {
		var card struct{ CardID, CardExt string }
		if err := json.Unmarshal([]byte(b.post("/c/wallet/card", fields, true).body), &card); err != nil || b.status != 200 || card.CardID != string(c.CardID) {
			t.Fatalf("card: %d %s", b.status, b.body)
		}
		exts[i] = card.CardExt
	}
	if exts[0] == exts[1] {
		t.Error("two taps got the same cardExt")
	}
	mallory := w.browser().enter("wallet", "mallory")
	mallory.post("/c/wallet/card", url.Values{"_csrf": {mallory.csrf()}, "claim": {claim}}, true).wants(404, "not_found")
	fields.Set("outcome", "cancelled")
	b.post("/c/wallet/report", fields, true).wants(200, "cancelled")
	b.get("/c/wallet").wants(200, "cancelled")
	fields.Set("outcome", "added")
	b.post("/c/wallet/report", fields, true).wants(200, "confirming")
	if rows := w.claims("wallet"); len(rows) != 1 || rows[0].State != campaigns.Reported {
		t.Fatalf("the page's word counted: %+v", rows)
	}
	row := w.claims("wallet")[0]
	event := campaigns.Event{Kind: campaigns.EventConfirmed, Source: campaigns.FromPush, At: w.clock(), Code: "123456789012"}
	if _, err := w.db.Record(t.Context(), row.ID, event, nil); err != nil {
		t.Fatal(err)
	}
	b.get("/c/wallet/state").wants(200, "claimed")
	if !strings.Contains(b.body, `data-code="123456789012"`) {
		t.Error("the card cannot be opened")
	}
}

func TestARefusedWalletReturnsTheStock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("wallet", campaigns.WeChatCard, func(d *campaigns.Draft) { d.Total = 1 })
	b := w.browser().enter("wallet", "gina")
	token := b.csrf()
	b.post("/c/wallet/claim", b.form(), true).wants(200, "claiming")
	fields := url.Values{"_csrf": {token}, "claim": {first(claimPattern, b.body)}, "outcome": {"refused"}, "detail": {"45033"}}
	b.post("/c/wallet/report", fields, true).wants(200, "wallet_failed")
	if !strings.Contains(b.body, "次数已经到上限") {
		t.Error("the code has no sentence")
	}
	b.get("/c/wallet").wants(200, "ready")
	b.post("/c/wallet/claim", b.form(), true).wants(200, "claiming")
	// The hold runs out before the sweeper comes: the visitor's own tap makes room.
	w.pass(3 * time.Minute)
	fields.Set("claim", first(claimPattern, b.body))
	b.post("/c/wallet/card", fields, true).wants(200, "ready")
	if !strings.Contains(b.body, "预留的时间已过") {
		t.Error("nothing says that the hold is over")
	}
	b.post("/c/wallet/claim", url.Values{"_csrf": {token}, "key": {b.key()}}, true).wants(200, "claiming")
}

func TestThePageWorksWhileWeChatIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("own", campaigns.OwnCode, nil)
	w.publish("wallet", campaigns.WeChatCard, nil)
	w.down.Store(true)
	b := w.browser().enter("own", "hank").wants(200, "ready")
	b.post("/c/own/claim", b.form(), false).goes("/c/own?ch=poster")
	b.get("/c/own").wants(200, "claimed_local")
	b.get("/c/wallet").wants(200, "sign_failed")
}

func TestOnlyOurOwnAddressIsSignedAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("run", campaigns.OwnCode, nil)
	b := w.browser().get("/c/run")
	token := b.csrf()
	for address, status := range map[string]int{
		publicURL + "/c/run?ch=x&nsukey=1": 200, publicURL + "/c/other": 422, "http://evil.test/c/run": 422, "http://card.test@evil.test/c/run": 422,
		publicURL + "/admin": 422, "javascript:alert(1)": 422, publicURL + "/c/run#x": 422, "": 422,
	} {
		if b.post("/c/run/config", url.Values{"_csrf": {token}, "url": {address}}, true); b.status != status {
			t.Errorf("%s: %d", address, b.status)
		}
	}
}

func TestAHurriedVisitorIsSlowedDownAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("run", campaigns.OwnCode, nil)
	b, other := w.browser().enter("run", "ivan"), w.browser().enter("run", "judy")
	fields := b.form()
	for b.status != http.StatusTooManyRequests {
		if b.post("/c/run/claim", fields, true); b.status != 200 && b.status != http.StatusTooManyRequests {
			t.Fatalf("status %d", b.status)
		}
	}
	b.wants(429, "rate_limited")
	other.post("/c/run/claim", other.form(), true).wants(200, "claimed_local")
	w.pass(3 * time.Second)
	b.post("/c/run/claim", fields, true).wants(200, "claimed_local")
}

func TestTheLimiterForgetsAndStaysBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	l := newLimiter(1, 1, func() time.Time { return now })
	for i := range 5 * limiterSize {
		l.allow(string(rune(i)))
	}
	if n := len(l.young) + len(l.old); n > 2*limiterSize {
		t.Errorf("%d keys", n)
	}
	if !l.allow("one") || l.allow("one") {
		t.Error("the burst of one is not one")
	}
}

func TestDayAndPersonLimitsHaveTheirOwnPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("day", campaigns.OwnCode, func(d *campaigns.Draft) { d.Limits = campaigns.Limits{PerPerson: 3, PerDay: 1} })
	b := w.browser().enter("day", "kate")
	b.post("/c/day/claim", b.form(), false)
	b.get("/c/day").wants(200, "claimed_local")
	b.get("/c/day?more=1").wants(200, "day_quota")
	w.pass(20 * time.Hour)
	b.get("/c/day").wants(200, "claimed_local")
	if !strings.Contains(b.body, "more=1") {
		t.Error("nothing leads to the next one")
	}
	b.get("/c/day?ch=poster&more=1").wants(200, "ready")
	b.post("/c/day/claim", b.form(), false).goes("/c/day?ch=poster")
	if len(w.claims("day")) != 2 {
		t.Error("no second claim")
	}
}

func TestThemesKeepWordsReadable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("run", campaigns.OwnCode, func(d *campaigns.Draft) { d.Texts.Colour = "#ffee00" })
	b := w.browser().get("/c/run/theme.css")
	if b.status != 200 || !strings.HasPrefix(b.header.Get("Content-Type"), "text/css") || !strings.Contains(b.body, "--kq-theme:#ffee00") {
		t.Fatalf("%d %s", b.status, b.body)
	}
	for _, text := range []string{"", "#ffffff", "#000000", "#ffee00", "#07c160", "#ff0000", "#777777", "#0000ff", "}body{", "#12345g"} {
		for _, block := range strings.Split(themeOf(text, campaigns.Design{}), "@media") {
			read := func(name string) colour {
				_, rest, _ := strings.Cut(block, name+":")
				c, ok := parseColour(rest[:7])
				if !ok {
					t.Fatalf("%s: %s", text, block)
				}
				return c
			}
			if x := contrast(read("--kq-theme"), read("--kq-on")); x < 4.5 {
				t.Errorf("%s: words on the card %.2f", text, x)
			}
			paper := white
			if strings.Contains(block, "dark") {
				paper = darkPaper
			}
			if x := contrast(read("--kq-accent"), paper); x < 4.5 {
				t.Errorf("%s: accent %.2f", text, x)
			}
		}
	}
}
