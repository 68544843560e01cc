package web

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/wechat"
)

// profiles are what WeChat tells about the persons of these tests.
var profiles = map[string]string{
	"family": `"nickname":"👩‍👩‍👧‍👦王","sex":0,"headimgurl":"https://thirdwx.qlogo.cn/mmopen/family/132","province":"","unionid":"uFamily001"`,
	"old":    `"nickname":"<b>老周</b>","sex":1,"headimgurl":"","country":"中国","province":"广东","city":"深圳"`,
	"bare":   `"nickname":"微信用户","sex":0,"headimgurl":""`,
}

func userInfo(out http.ResponseWriter, r *http.Request) {
	person := strings.TrimPrefix(r.URL.Query().Get("access_token"), "user-")
	about, ok := profiles[person]
	if !ok {
		_, _ = io.WriteString(out, `{"errcode":48001,"errmsg":"api unauthorized"}`)
		return
	}
	_, _ = fmt.Fprintf(out, `{"openid":"o%s",%s}`, person, about)
}

// askMe starts a round from the profile page and gives its state.
func (b *browser) askMe(query, scope string) string {
	b.w.Helper()
	b.get("/w/oauth?me=1" + query)
	to, err := url.Parse(b.header.Get("Location"))
	if b.status != http.StatusFound || err != nil || to.Query().Get("redirect_uri") != publicURL+"/w/oauth/callback" || to.Query().Get("scope") != scope {
		b.w.Fatalf("no authorisation: %d %s", b.status, b.header.Get("Location"))
	}
	return to.Query().Get("state")
}

// showMe logs the person in with their profile and opens the page.
func (b *browser) showMe(code string) *browser {
	b.w.Helper()
	state := b.askMe("", "snsapi_userinfo")
	b.get("/w/oauth/callback?code=" + code + "&state=" + state).goes("/w/me?a=demo")
	return b.get("/w/me?a=demo")
}

// token is the token of the page's forms.
func (b *browser) token() string {
	_, rest, _ := strings.Cut(b.body, `name="_csrf" value="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

func (b *browser) has(texts ...string) *browser {
	b.w.Helper()
	for _, text := range texts {
		if !strings.Contains(b.body, text) {
			b.w.Fatalf("the page lacks %q:\n%.6000s", text, b.body)
		}
	}
	return b
}

func (b *browser) lacks(texts ...string) *browser {
	b.w.Helper()
	for _, text := range texts {
		if strings.Contains(b.body, text) {
			b.w.Fatalf("the page shows %q:\n%.6000s", text, b.body)
		}
	}
	return b
}

func TestTheProfilePageShowsWhatIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("lunch", campaigns.OwnCode, func(d *campaigns.Draft) { d.Form = campaigns.ClassicForm() })
	b := w.browser()
	b.get("/w/me").wants(200, "me_ask").has("用微信登录", "示例咖啡", "可以拒绝", "/w/oauth?me=1&amp;a=demo", "plain=1")
	if b.header.Get("Cache-Control") != "no-store" {
		t.Error("the page may be kept")
	}
	if w.visitors() != 0 {
		t.Error("looking made a visitor")
	}

	b.showMe("full.family.1").wants(200, "me").has("<bdi>👩‍👩‍👧‍👦王</bdi>", `src="https://thirdwx.qlogo.cn/mmopen/family/132"`, `referrerpolicy="no-referrer"`,
		"••••", "未提供", "规则版本 "+campaigns.ProfileConsentVersion, "2026-11-21", "还没有领过券").lacks("用微信登录", "ofamily")

	b.get("/c/lunch?ch=poster").wants(200, "form")
	b.post("/c/lunch/claim", b.form("f_name", "王小明", "f_plate", "京A12345", "f_phone", "13800138000", "consent", "1"), true).wants(200, "claimed_local")
	code := string(w.claims("lunch")[0].Code)
	b.get("/w/me").wants(200, "me").has("冬日拿铁买一赠一", "已领取", "•••• •••• "+code[8:], "王小明", "京A12345", "13800138000", "领取表单").lacks(code)

	old := w.browser().showMe("full.old.1").wants(200, "me")
	old.has("&lt;b&gt;老周&lt;/b&gt;", "中国 广东 深圳", "男").lacks("<b>老周", "<img")
	w.browser().showMe("full.bare.1").wants(200, "me").has("微信用户", "没关系", "编号").lacks("<img")
}

func TestAVisitorWithoutAProfileSeesTheRestAndIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("lunch", campaigns.OwnCode, nil)
	b := w.browser().enter("lunch", "ann")
	b.post("/c/lunch/claim", b.form(), true).wants(200, "claimed_local")
	b.get("/w/me").wants(200, "me_ask").has("用微信登录", "冬日拿铁买一赠一", "未提供", "导出我的信息", "删除我的信息").lacks("plain=1")

	// A refusal brings no code back; what is stored is there all the same.
	state := b.askMe("", "snsapi_userinfo")
	b.get("/w/oauth/callback?state="+state).wants(200, "auth_denied").has("没关系", "冬日拿铁买一赠一", "导出我的信息")

	// So it is for a stranger, who may also be identified without a profile.
	c := w.browser()
	state = c.askMe("", "snsapi_userinfo")
	c.get("/w/oauth/callback?state="+state).wants(200, "auth_denied").has("plain=1")
	state = c.askMe("&plain=1", "snsapi_base")
	c.get("/w/oauth/callback?code=cat&state=" + state).goes("/w/me?a=demo")
	c.get("/w/me").wants(200, "me_ask").has("未提供")

	// WeChat may refuse the profile after the visitor agreed.
	w.browser().showMe("full.nobody.1").wants(200, "me_ask").has("未提供")
}

func TestASnapshotIdentityLeavesNothingOnTheProfilePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	state := b.askMe("", "snsapi_userinfo")
	b.get("/w/oauth/callback?code=snap&state="+state).wants(200, "snapshot").has("使用完整服务")
	if w.visitors() != 0 || b.cookies[visitorCookie] != "" {
		t.Error("a snapshot identity was kept")
	}
}

func TestTheProfilePageTellsWhichAccountAndPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.browser().get("/w/me?a=nobody").wants(404, "not_found").has("示例咖啡")
	w.browser().get("/w/me?a=../etc").wants(404, "not_found")
	other := campaigns.Account{ID: "other", Name: "第二家", Credentials: wOther()}
	if err := w.service.SaveAccount(t.Context(), w.db, campaigns.Actor{Name: "test"}, other); err != nil {
		t.Fatal(err)
	}
	w.browser().get("/w/me").wants(200, "me_which").has("示例咖啡", "第二家", "/w/me?a=other")
	b := w.browser()
	b.agent = chromeAgent
	b.get("/w/me?a=demo").wants(200, "not_in_wechat").has(publicURL + "/w/me?a=demo")

	// A cookie of one account opens nothing in the other.
	ann := w.browser()
	state := ann.askMe("&a=demo", "snsapi_userinfo")
	ann.get("/w/oauth/callback?code=full.family.1&state=" + state).goes("/w/me?a=demo")
	ann.get("/w/me?a=other").wants(200, "me_ask").lacks("👩‍👩‍👧‍👦王")
	ann.get("/w/me").wants(200, "me")
}

func TestTheExportHoldsEverythingAboutTheVisitor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("lunch", campaigns.OwnCode, func(d *campaigns.Draft) { d.Form = campaigns.ClassicForm() })
	b := w.browser().showMe("full.family.1")
	b.get("/c/lunch?ch=poster")
	b.post("/c/lunch/claim", b.form("f_name", "王小明", "f_plate", "京A12345", "f_phone", "13800138000", "consent", "1"), true).wants(200, "claimed_local")
	code := string(w.claims("lunch")[0].Code)
	w.tell("ofamily", "user_view_card", "")
	w.tell("osomebody", "user_view_card", "")

	b.get("/w/me")
	token := b.token()
	b.post("/w/me/export?a=demo", url.Values{"_csrf": {token}}, false)
	if b.status != 200 || !strings.HasPrefix(b.header.Get("Content-Disposition"), `attachment; filename="my-data-`) || b.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", b.status, b.header)
	}
	var parsed map[string]any
	if err := json.Unmarshal([]byte(b.body), &parsed); err != nil {
		t.Fatal(err)
	}
	b.has("ofamily", "uFamily001", "👩‍👩‍👧‍👦王", "王小明", "13800138000", "京A12345", code, "poster", `"nickname 昵称"`, `"claims 领取记录"`, "user_view_card", "confirmed").lacks("osomebody")
	b.post("/w/me/export", url.Values{"_csrf": {token}, "show": {"1"}}, false)
	if b.status != 200 || b.header.Get("Content-Disposition") != "" || !strings.HasPrefix(b.header.Get("Content-Type"), "text/plain") {
		t.Errorf("shown: %d %v", b.status, b.header)
	}

	// Neither a stranger, nor a form of another person, nor another site gets it.
	w.browser().post("/w/me/export?a=demo", url.Values{"_csrf": {token}}, false).goes("/w/me?a=demo")
	w.browser().showMe("full.old.1").post("/w/me/export?a=demo", url.Values{"_csrf": {token}}, false).wants(403, "me").has("没有执行任何操作").lacks("王小明")
	r := httptest.NewRequest(http.MethodPost, "/w/me/export", strings.NewReader("_csrf="+token))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if b.do(r); b.status != 403 {
		t.Errorf("another site got %d", b.status)
	}
	for range 8 {
		b.post("/w/me/export", url.Values{"_csrf": {token}}, false)
	}
	b.wants(429, "me").has("操作太频繁")
}

// tell delivers a message about a person as WeChat would, past the signature.
func (w *world) tell(openID, event, ref string) campaigns.PushResult {
	w.Helper()
	raw := fmt.Sprintf("<xml><ToUserName>gh_1</ToUserName><FromUserName>%s</FromUserName><CreateTime>%d</CreateTime><MsgType>event</MsgType><Event>%s</Event>"+
		"<CardId>pTestCard0000000000000000001</CardId><UserCardCode>%s</UserCardCode><OuterStr>%s</OuterStr></xml>", openID, w.clock().Unix(), event, codeOf(ref), ref)
	e, err := wechat.ParseEvent([]byte(raw))
	if err != nil {
		w.Fatal(err)
	}
	result, err := w.service.Receive(w.Context(), "demo", e, []byte(raw))
	if err != nil {
		w.Fatal(err)
	}
	return result
}

// audits are the audit lines of an action, whole.
func (w *world) audits(action string) []string {
	w.Helper()
	file, err := sql.Open("sqlite", w.file)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	rows, err := file.QueryContext(w.Context(), "SELECT actor_id || ' ' || actor_name || ' ' || object_kind || ' ' || object_id || ' ' || detail || ' ' || ip FROM audit WHERE action = ?", action)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			w.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		w.Fatal(err)
	}
	return lines
}

func codeOf(ref string) string {
	if ref == "" {
		return ""
	}
	return "123456789012"
}

func TestErasingLeavesNumbersWithoutAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lunch := w.publish("lunch", campaigns.OwnCode, func(d *campaigns.Draft) { d.Form = campaigns.ClassicForm() })
	w.publish("tea", campaigns.WeChatCard, nil)
	w.publish("cake", campaigns.OwnCode, nil)
	b := w.browser().showMe("full.family.1")
	other := w.browser().enter("cake", "family") // the same person in another browser
	b.get("/c/lunch?ch=poster")
	answers := b.form("f_name", "欧阳独一无二", "f_plate", "京A12345", "f_phone", "13912345678", "consent", "1")
	b.post("/c/lunch/claim", answers, true).wants(200, "claimed_local")
	b.get("/c/tea?ch=poster")
	b.post("/c/tea/claim", b.form(), true).wants(200, "claiming")
	w.tell("ofamily", "user_view_card", "")

	b.get("/w/me").wants(200, "me")
	token := b.token()
	b.post("/w/me/erase?a=demo", url.Values{"_csrf": {token}, "confirm": {"好的"}}, false).wants(422, "me").has("没有删除", "aria-invalid")
	b.get("/w/me").wants(200, "me").has("👩‍👩‍👧‍👦王")
	erase := url.Values{"_csrf": {token}, "confirm": {" 「删除」"}}
	b.post("/w/me/erase?a=demo", erase, false).goes("/w/me?a=demo&erased=1")
	if b.cookies[visitorCookie] != "" || b.cookies[seenCookie] != "" || b.cookies[roundCookie] != "" {
		t.Errorf("cookies are left: %v", b.cookies)
	}
	b.get("/w/me?a=demo&erased=1").wants(200, "me_erased").has("已经删除", "不能再领一次")
	b.post("/w/me/erase?a=demo", erase, false).goes("/w/me?a=demo&erased=1") // Back and sent again
	b.get("/w/me").wants(200, "me_ask").lacks("王")

	// The hold went back, the claim still counts.
	stock, err := w.service.CheckStock(t.Context(), lunch.ID)
	if err != nil || stock.Confirmed != 1 {
		t.Errorf("stock %+v (%v)", stock, err)
	}
	if claim := w.claims("tea")[0]; claim.State != campaigns.Released || claim.ReleaseReason != campaigns.ReasonErased {
		t.Errorf("the hold is %s (%s)", claim.State, claim.ReleaseReason)
	}
	row := w.claims("lunch")[0]
	if row.State != campaigns.Confirmed || len(row.Answers) != 0 || row.Nickname != "" || !strings.HasPrefix(string(row.OpenID), "erased:") {
		t.Errorf("the claim is %+v", row)
	}
	audit := w.audits("visitor.erase")
	if len(audit) != 1 || strings.Contains(audit[0], "family") || strings.Contains(audit[0], "13912345678") {
		t.Errorf("audit %q", audit)
	}

	// The cookie of the other browser opens nothing and claims nothing.
	other.get("/c/lunch?ch=poster").lacks("欧阳", string(row.Code))
	other.get("/c/cake?ch=poster").wants(200, "ready")
	other.post("/c/cake/claim", other.form(), true).wants(401, "auth_failed")
	if other.cookies[visitorCookie] != "" || len(w.claims("cake")) != 0 {
		t.Error("an erased visitor claimed")
	}

	// Whoever comes back has used up the limit, and may claim what they did not claim yet.
	b.get("/w/oauth/callback?code=full.family.2&state=" + b.authorise("lunch", "poster")).goes("/c/lunch?ch=poster")
	b.get("/c/lunch?ch=poster").wants(200, "already").lacks(string(row.Code))
	b.get("/w/me").wants(200, "me_ask").has("还没有领过券")
	b.get("/c/tea?ch=poster").wants(200, "ready")
	b.post("/c/tea/claim", b.form(), true).wants(200, "claiming")
	if got := w.tell("ofamily", "user_get_card", string(w.claims("tea")[0].Ref)); got != campaigns.PushApplied {
		t.Errorf("the new claim's card: %s", got)
	}

	// Erased again, both times count.
	b.get("/w/me")
	b.post("/w/me/erase", url.Values{"_csrf": {b.token()}, "confirm": {"delete"}}, false).goes("/w/me?a=demo&erased=1")
	again := w.browser()
	again.get("/c/tea")
	again.get("/w/oauth/callback?code=full.family.3&state=" + again.authorise("tea", "poster")).goes("/c/tea?ch=poster")
	again.get("/c/tea").wants(200, "already")
	again.get("/c/lunch").wants(200, "already")
}

func TestNothingOfAnErasedVisitorIsLeftInTheFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("lunch", campaigns.WeChatCard, func(d *campaigns.Draft) { d.Form = campaigns.ClassicForm() })
	b := w.browser().showMe("full.family.1")
	b.get("/c/lunch?ch=poster")
	b.post("/c/lunch/claim", b.form("f_name", "欧阳独一无二", "f_plate", "粤B99887", "f_phone", "13912345678", "consent", "1"), true).wants(200, "claiming")
	claim := w.claims("lunch")[0]
	b.post("/c/lunch/report", url.Values{"_csrf": {b.get("/c/lunch?ch=poster").csrf()}, "claim": {claim.ID.String()}, "outcome": {"added"}}, false)
	w.tell("ofamily", "user_view_card", "")
	b.get("/w/me")
	b.post("/w/me/erase", url.Values{"_csrf": {b.token()}, "confirm": {"删除"}}, false).goes("/w/me?a=demo&erased=1")

	// The card that was on its way still counts, and its message is not kept.
	w.pass(time.Second)
	if got := w.tell("ofamily", "user_get_card", string(claim.Ref)); got != campaigns.PushApplied {
		t.Errorf("the late message: %s", got)
	}
	if now := w.claims("lunch")[0]; now.State != campaigns.Confirmed {
		t.Errorf("the claim is %s", now.State)
	}
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{w.file, w.file + "-wal"} {
		content, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"ofamily", "uFamily001", "欧阳独一无二", "13912345678", "粤B99887", "👩‍👩‍👧‍👦王", "mmopen/family"} {
			if strings.Contains(string(content), text) {
				t.Errorf("%s still holds %q", file[strings.LastIndex(file, "/"):], text)
			}
		}
	}
}

// The address given to WeChat, and every redirect on the way, behind a proxy that ends TLS.
func TestTheWayThroughWeChatKeepsTheConfiguredAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("lunch", campaigns.OwnCode, nil)
	o := w.server.Options
	o.PublicURL, o.TrustedProxies = "https://card.test", []string{"0.0.0.0/0"}
	server, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	cookies := map[string]string{}
	ask := func(path string) *http.Response {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "http://10.0.0.7:8080"+path, nil)
		r.Host = "evil.test"
		r.Header.Set("User-Agent", phoneAgent)
		r.Header.Set("X-Forwarded-Proto", "http")
		r.Header.Set("X-Forwarded-Host", "evil.test")
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
		for name, value := range cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		answer, err := server.App().Test(r, -1)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		for _, cookie := range answer.Cookies() {
			if !cookie.Secure {
				t.Errorf("cookie %s goes over plain http", cookie.Name)
			}
			cookies[cookie.Name] = cookie.Value
		}
		return answer
	}
	for i, slash := range []string{"", "/"} {
		for _, start := range []string{"?c=lunch&ch=poster", "?me=1&a=demo", "?me=1&plain=1"} {
			answer := ask("/w/oauth" + slash + start)
			to, err := url.Parse(answer.Header.Get("Location"))
			if err != nil || answer.StatusCode != http.StatusFound || to.Query().Get("redirect_uri") != "https://card.test/w/oauth/callback" {
				t.Fatalf("%s%s: %d to %s", slash, start, answer.StatusCode, answer.Header.Get("Location"))
			}
			code := fmt.Sprintf("full.family.%d%d", i, len(start))
			answer = ask("/w/oauth/callback" + slash + "?code=" + code + "&state=" + to.Query().Get("state"))
			back := answer.Header.Get("Location")
			if answer.StatusCode != http.StatusSeeOther || !strings.HasPrefix(back, "/") || strings.Contains(back, "code=") || strings.Contains(back, "evil") {
				t.Errorf("callback%s: %d to %q", slash, answer.StatusCode, back)
			}
			if answer = ask(back); answer.StatusCode != http.StatusOK {
				t.Errorf("%s: %d", back, answer.StatusCode)
			}
		}
	}
	for _, path := range []string{"/c/lunch/", "/c/lunch/?ch=poster", "/w/me/", "/w/me/?a=demo", "/w/oauth/callback/?code=x&state=y", "/w/oauth/callback?code=x&state=y"} {
		answer := ask(path)
		if answer.StatusCode != http.StatusOK || answer.Header.Get("Location") != "" {
			t.Errorf("%s: %d to %q", path, answer.StatusCode, answer.Header.Get("Location"))
		}
	}
}
