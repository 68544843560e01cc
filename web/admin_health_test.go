package web_test

import (
	"bufio"
	"context"
	"crypto/sha1" //nolint:gosec // the protocol says SHA-1
	"encoding/hex"
	"html"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kaquan/doctor"
	"kaquan/people"
	"kaquan/wechat"
)

const refusedIP = `{"errcode":40164,"errmsg":"invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: 5f8d0a3b-4c1e2f3a-5b6c7d8e"}`

// examine makes every check, after WeChat was asked for a token.
func (o *office) examine() {
	o.t.Helper()
	if _, err := o.doctor.Run(context.Background()); err != nil {
		o.t.Fatal(err)
	}
}

func TestTheBoardSaysWhatHappenedAndWhatToDo(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	if a := d.get("/admin/health"); a.status != http.StatusOK || !strings.Contains(a.words(), "还没有检查结果") || !strings.Contains(a.words(), "没有发生过问题") {
		t.Errorf("before any check: %d %s", a.status, a.words())
	}
	o.setAnswer(func(string) string { return refusedIP })
	if a := d.post("/admin/health/recheck", url.Values{"check": {"access_token"}, "account": {"demo"}}); a.header.Get("Location") != "/admin/health" {
		t.Fatalf("recheck: %d %s", a.status, a.words())
	}
	o.examine()
	a := d.get("/admin/health")
	words := a.words()
	for _, want := range []string{
		"access_token：问题还在", "微信返回 40164：服务器 IP 不在白名单", "从何时起", "影响", "在哪里改", "IP白名单", "要填的值", "errcode 40164", "rid 5f8d0a3b-4c1e2f3a-5b6c7d8e",
		"我已修改，重新检查", "全部重新检查", "仍未恢复", "24 小时：正常", "7 天：正常", "示例咖啡", "本系统",
	} {
		if !strings.Contains(strings.ReplaceAll(words, " 白名单", "白名单"), strings.ReplaceAll(want, " 白名单", "白名单")) {
			t.Errorf("the board lacks %q", want)
		}
	}
	for _, want := range []string{
		`data-copy="203.0.113.7"`, `id="problem-ip_allow_list-demo"`, `href="#problem-ip_allow_list-demo"`, `data-live="/admin/health/live"`,
		`<title>24 小时：`, `class="kq-dot kq-dot-fail"`, `href="/admin/tokens"`, `href="/admin/health/signatures"`, `href="/admin/files"`,
	} {
		if !strings.Contains(html.UnescapeString(a.body), want) {
			t.Errorf("the board lacks %s", want)
		}
	}
	if !strings.Contains(a.body, "40164") || strings.Contains(a.body, "0123456789abcdef0123456789abcdef") || strings.Contains(a.body, "pushtoken") {
		t.Error("the board shows a secret")
	}
	if n := strings.Count(words, "doctor.") + strings.Count(words, "wechat."); n > 0 {
		t.Errorf("%d keys without a sentence: %s", n, words)
	}
	if other := d.get("/admin/campaigns"); !strings.Contains(other.body, "kq-dot-fail") || !strings.Contains(other.body, "项检查有问题：") {
		t.Error("other pages do not show the dot")
	}
	part := d.get("/admin/health", "HX-Request", "true")
	if strings.Contains(part.body, "<html") || strings.Count(part.body, `id="kq-health-dot"`) != 1 || strings.Count(part.body, `hx-swap-oob="true"`) != 3 {
		t.Error("the part is a page, or lacks the dot or the report")
	}

	o.setAnswer(func(path string) string {
		if path == "/cgi-bin/ticket/getticket" {
			return `{"errcode":0,"errmsg":"ok","ticket":"ticket-0123456789","expires_in":7200}`
		}
		return `{"access_token":"token-0123456789","expires_in":7200}`
	})
	o.setTime(noon.Add(10 * time.Minute))
	d = o.again(people.Owner)
	d.post("/admin/health/recheck", url.Values{"check": {"ip_allow_list"}, "account": {"demo"}})
	a = d.get("/admin/health")
	if words := a.words(); !strings.Contains(words, "IP 白名单：已恢复正常") || strings.Contains(a.body, "problem-ip_allow_list-demo") || !strings.Contains(words, "10 分钟") {
		t.Errorf("after the change: %s", words)
	}
}

func TestRecheckingIsLimitedAndForOwners(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	owner, viewer := o.signIn(people.Owner), o.signIn(people.Viewer)
	asked := 0
	o.setAnswer(func(string) string { asked++; return refusedIP })
	form := url.Values{"check": {"access_token"}, "account": {"demo"}}
	owner.post("/admin/health/recheck", form)
	before := asked
	for range 5 {
		if a := owner.post("/admin/health/recheck", form); a.status != http.StatusSeeOther {
			t.Errorf("again: %d", a.status)
		}
	}
	if words := owner.get("/admin/health").words(); asked != before || before == 0 || !strings.Contains(words, "刚刚检查过") {
		t.Errorf("WeChat was asked %d times, then %d", before, asked)
	}
	if n := len(o.audited("health.recheck")); n != 1 {
		t.Errorf("%d entries in the audit", n)
	}
	if a := viewer.post("/admin/health/recheck", form); a.status != http.StatusForbidden {
		t.Errorf("a viewer may check: %d", a.status)
	}
	if page := viewer.get("/admin/health"); page.status != http.StatusOK || strings.Contains(page.body, "/recheck") || strings.Contains(page.body, `href="/admin/files"`) || !strings.Contains(page.body, "203.0.113.7") {
		t.Errorf("a viewer sees %d", page.status)
	}
	o.setTime(noon.Add(time.Minute))
	owner = o.again(people.Owner)
	for _, wrong := range []url.Values{{"check": {"nothing"}, "account": {"demo"}}, {"check": {"access_token"}, "account": {"nobody"}}, {}} {
		if a := owner.post("/admin/health/recheck", wrong); a.status != http.StatusNotFound {
			t.Errorf("%v: %d", wrong, a.status)
		}
	}
	if a := owner.post("/admin/health/recheck", url.Values{"check": {"all"}}); a.status != http.StatusSeeOther || !strings.Contains(owner.get("/admin/health").words(), "已全部检查") {
		t.Errorf("all: %d", a.status)
	}
}

// listen serves the office on a real socket, which streams need.
func (o *office) listen() string {
	o.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		o.t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- o.server.Serve(ln) }()
	o.t.Cleanup(func() {
		o.stop()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := o.server.Shutdown(ctx); err != nil {
			o.t.Errorf("stop: %v", err)
		}
		if err := <-served; err != nil {
			o.t.Errorf("serve: %v", err)
		}
	})
	return "http://" + ln.Addr().String()
}

// events opens the live stream and gives its lines.
func (d *desk) events(ctx context.Context, origin string) (*http.Response, *bufio.Scanner) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/admin/health/live", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	for name, value := range d.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = response.Body.Close() })
	return response, bufio.NewScanner(response.Body)
}

// until reads lines until one is want; false at the end of the stream.
func until(lines *bufio.Scanner, want string) bool {
	for lines.Scan() {
		if lines.Text() == want {
			return true
		}
	}
	return false
}

func TestAnOpenBoardIsToldOfNewsAndEndsWithTheProgram(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Viewer)
	origin := o.listen()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	response, lines := d.events(ctx, origin)
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" || response.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", response.StatusCode, response.Header)
	}
	if !until(lines, "event: hello") {
		t.Fatal("no first event")
	}
	o.examine()
	if !until(lines, "event: changed") {
		t.Fatal("no news after a check")
	}
	if n := o.server.OpenStreams(); n != 1 {
		t.Errorf("%d streams are open", n)
	}
	o.stop()
	if until(lines, "event: never") || ctx.Err() != nil {
		t.Fatal("the stream goes on after the program stopped")
	}
	if n := o.server.OpenStreams(); n != 0 {
		t.Errorf("%d streams are left", n)
	}
	if stranger, _ := o.stranger().events(ctx, origin); stranger.Header.Get("Content-Type") == "text/event-stream; charset=utf-8" {
		t.Error("a stranger gets the stream")
	}
}

func TestStreamsBeyondTheLimitAreRefusedAndTheirPlacesComeBack(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Viewer)
	origin := o.listen()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var open []*bufio.Scanner
	for range 50 {
		_, lines := d.events(ctx, origin)
		if !until(lines, "event: hello") {
			t.Fatal("no first event")
		}
		open = append(open, lines)
	}
	if refused, _ := d.events(ctx, origin); refused.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the 51st stream: %d", refused.StatusCode)
	}
	o.doctor.Close() // ends the subscriptions
	for _, lines := range open {
		if until(lines, "event: never") {
			t.Fatal("a stream without news goes on")
		}
	}
	if n := o.server.OpenStreams(); n != 0 {
		t.Errorf("%d places are lost", n)
	}
}

func TestTheMicroscopeMarksTheFirstDifference(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Viewer)
	if a := d.get("/admin/health/signatures"); !strings.Contains(a.words(), "没有被拒绝的签名") {
		t.Error("an empty list says nothing")
	}
	report, ok := wechat.CleanReport(wechat.SignatureReport{
		Account: "demo", Slug: "latte", Which: wechat.SignedPage, Href: "https://kq.example.com/c/latte?ch=a&from=<b>", SignedURL: "https://kq.example.com/c/latte?ch=b",
		Message: "config:invalid signature", Agent: "ios", TicketAge: 3 * time.Hour, LastAt: noon,
	})
	if !ok {
		t.Fatal("the report is not worth keeping")
	}
	card := report
	card.Which, card.Digest, card.SignedURL = wechat.SignedCard, "card", card.Href
	for _, r := range []wechat.SignatureReport{report, report, card} {
		if err := o.db.SaveSignatureReport(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	a := d.get("/admin/health/signatures")
	flat := strings.Join(strings.Fields(html.UnescapeString(a.body)), " ")
	for _, want := range []string{"https://kq.example.com/c/latte?ch=<mark>a</mark>&from=<b>", "https://kq.example.com/c/latte?ch=<mark>b</mark>"} {
		if !strings.Contains(flat, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(a.body, "<b>") {
		t.Error("an address is not escaped")
	}
	for _, want := range []string{"第 35 个字符", "参数不同", "3 小时 0 分", "iOS", "wx.config", "cardExt", "卡券签名不包含地址", "一小时内共 2 次", "latte"} {
		if !strings.Contains(a.words(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestTheProgramsOwnFindingsHaveTheirPlace(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	if _, err := o.db.SaveFindings(t.Context(), noon, []doctor.Finding{{
		Check: doctor.Disk, Level: doctor.Warn, What: doctor.Text{Key: "doctor.program"}, Impact: doctor.Text{Key: "doctor.program"}, Value: `"><script>alert(1)</script>`,
	}}, true); err != nil {
		t.Fatal(err)
	}
	a := d.get("/admin/health")
	if !strings.Contains(a.body, `id="problem-disk"`) || strings.Contains(a.body, "<script>alert") || !strings.Contains(a.words(), "1 项检查有问题") {
		t.Error("the problem is not there, or not escaped")
	}
}

func TestWhatRequestsShowReachesTheBoard(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Viewer)
	push := func(token string) int {
		stamp := strconv.FormatInt(o.now().Unix(), 10)
		parts := []string{token, stamp, "nonce"}
		slices.Sort(parts)
		sum := sha1.Sum([]byte(strings.Join(parts, "")))
		return o.stranger().get("/w/push/demo?timestamp=" + stamp + "&nonce=nonce&echostr=hi&signature=" + hex.EncodeToString(sum[:])).status
	}
	if status := push("pushtoken"); status != http.StatusOK {
		t.Fatalf("an honest check: %d", status)
	}
	o.examine()
	if words := d.get("/admin/health").words(); !strings.Contains(words, "最近验证 GET") {
		t.Errorf("the board does not tell of the check: %s", words)
	}
	o.setTime(noon.Add(time.Minute))
	d = o.again(people.Viewer)
	for range 100 {
		if status := push("another"); status != http.StatusForbidden {
			t.Fatalf("a wrong token: %d", status)
		}
	}
	reports, err := o.db.Reports(t.Context(), "demo", doctor.PushRefused, noon, 200)
	if err != nil || len(reports) == 0 || len(reports) > 10 {
		t.Errorf("of a hundred refusals %d are kept: %v", len(reports), err)
	}
	o.examine()
	if a := d.get("/admin/health"); !strings.Contains(a.body, `id="problem-push-demo"`) {
		t.Error("the board does not tell of refused pushes")
	}
}
