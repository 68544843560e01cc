package web_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/db/dbtest"
	"kaquan/doctor"
	"kaquan/i18n"
	"kaquan/media"
	"kaquan/mini"
	"kaquan/orders"
	"kaquan/people"
	"kaquan/reach"
	"kaquan/redemption"
	"kaquan/stores"
	"kaquan/web"
	"kaquan/wechat"
)

// office is the admin on a real database, with a clock that tests turn and a platform that
// answers what they want.
type office struct {
	t         *testing.T
	folder    string // of the database
	db        *db.DB
	server    *web.Server
	campaigns *campaigns.Service
	people    *people.Service
	doctor    *doctor.Service
	reach     *reach.Service
	stores    *stores.Service
	orders    *orders.Service
	redeeming *redemption.Service
	courier   *campaigns.Courier
	stop      context.CancelFunc // ends the server's background
	scratched func()             // called when a rehearsal has its ledger; nil = nobody asks

	mu     sync.Mutex
	time   time.Time
	answer func(path string) string // of the platform
}

// noon is where the clocks of these tests start: 12:00 in Shanghai.
var noon = time.Date(2026, 11, 20, 4, 0, 0, 0, time.UTC)

func openOffice(t *testing.T) *office {
	t.Helper()
	folder := t.TempDir()
	o := &office{t: t, folder: folder, db: dbtest.OpenAt(t, folder), time: noon, answer: func(string) string { return `{"errcode":-1,"errmsg":"busy"}` }}
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		answer := o.answer
		o.mu.Unlock()
		_, _ = io.WriteString(w, answer(r.URL.Path))
	}))
	t.Cleanup(platform.Close)
	o.campaigns = dbtest.Seed(t, o.db, o.now)
	account, err := o.db.Account(context.Background(), dbtest.Account)
	if err != nil {
		t.Fatal(err)
	}
	account.Credentials.APIURL = platform.URL
	if err := o.campaigns.SaveAccount(context.Background(), o.db, campaigns.Actor{}, account); err != nil {
		t.Fatal(err)
	}
	o.people = people.New(o.db, people.Options{Now: o.now, Params: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}})
	hub := wechat.NewHub(wechat.HubOptions{Store: o.db, Now: o.now, Owner: "test", Find: mini.FindIn(o.db, func(ctx context.Context, id string) (wechat.Credentials, error) {
		a, err := o.db.Account(ctx, campaigns.AccountID(id))
		return a.Credentials, err
	})})
	o.doctor = doctor.New(doctor.Options{
		Store: o.db, WeChat: hub, Fetches: o.db, Pushes: o.db, PublicURL: "https://kq.example.com", Say: i18n.TArgs, Version: "test", Now: o.now,
		HTTP:    &http.Client{Transport: offline{}},
		DataDir: folder, DBPath: filepath.Join(folder, "kaquan.db"),
		Accounts: func(ctx context.Context) (list []wechat.Credentials, err error) {
			accounts, err := o.db.Accounts(ctx)
			for _, a := range accounts {
				list = append(list, a.Credentials)
			}
			return list, err
		},
	})
	t.Cleanup(o.doctor.Close)
	o.reach = reach.New(reach.Options{Store: o.db, WeChat: hub, PublicURL: "https://kq.example.com", Now: o.now})
	o.stores = stores.New(stores.Options{Store: o.db, Hasher: plainPINs{}, Now: o.now})
	o.redeeming = redemption.New(redemption.Options{Store: o.db, Places: o.stores, Cards: hubCards{hub}, Now: o.now})
	o.courier = campaigns.NewCourier(campaigns.CourierOptions{Store: o.db, Loopback: true, Now: o.now})
	o.orders = orders.New(orders.Options{Store: o.db, PublicURL: "http://127.0.0.1:9", Now: o.now})
	background, stop := context.WithCancel(context.Background())
	o.stop = stop
	t.Cleanup(stop)
	o.server, err = web.New(web.Options{
		Campaigns: o.campaigns, Scratch: o.openScratch, Accounts: o.db, People: o.people, WeChat: hub, Fetches: o.db, Signatures: o.db, Files: o.db, Doctor: o.doctor, Background: background,
		Reach:   o.reach,
		Media:   media.New(o.db, o.now),
		Courier: o.courier,
		Stores:  o.stores, Redemption: o.redeeming,
		Orders:    o.orders,
		Mini:      mini.New(mini.Options{Store: o.db, Campaigns: o.campaigns, WeChat: hub, PublicURL: "https://kq.example.com", Now: o.now}),
		PublicURL: "https://kq.example.com", CookieKey: make([]byte, 32), Version: "test", Now: o.now, Exports: filepath.Join(folder, "exports"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// offline is a network that reaches nothing, for the doctor's look at our own address.
type offline struct{}

// RoundTrip implements http.RoundTripper.
func (offline) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no network in this test")
}

func (o *office) now() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.time
}

func (o *office) setTime(t time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.time = t
}

func (o *office) setAnswer(answer func(path string) string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = answer
}

// audited are the entries of an action, the newest first.
func (o *office) audited(action string) []people.AuditEntry {
	o.t.Helper()
	entries, err := o.people.ListAudit(context.Background(), people.AuditFilter{Action: action})
	if err != nil {
		o.t.Fatal(err)
	}
	return entries
}

// desk is the browser of somebody who is signed in.
type desk struct {
	*office
	cookies map[string]string
	csrf    string
}

func (o *office) signIn(role people.Role) *desk {
	o.t.Helper()
	ctx := context.Background()
	login := string(role) + "-login"
	if _, err := o.people.CreatePerson(ctx, people.NewPerson{Login: login, Name: "小李", Password: "correct horse 9", Role: role}); err != nil {
		o.t.Fatal(err)
	}
	token, session, err := o.people.SignIn(ctx, login, "correct horse 9", "192.0.2.1", "test")
	if err != nil {
		o.t.Fatal(err)
	}
	return &desk{office: o, cookies: map[string]string{"kq_admin": token}, csrf: session.CSRF}
}

// answered is an answer with its body read and, for HTML, its entities resolved.
type answered struct {
	status int
	header http.Header
	body   string
}

// words is the body as a reader sees it, more or less: no tags, single blanks.
func (a answered) words() string {
	return strings.Join(strings.Fields(html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(a.body, " "))), " ")
}

func (d *desk) do(r *http.Request) answered {
	d.t.Helper()
	for name, value := range d.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	response, err := d.server.App().Test(r, 20_000)
	if err != nil {
		d.t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, c := range response.Cookies() {
		d.cookies[c.Name] = c.Value
	}
	return answered{response.StatusCode, response.Header, string(body)}
}

// get asks for a page; headers are names and values.
func (d *desk) get(path string, headers ...string) answered {
	d.t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return d.do(r)
}

// post sends a form with the session's token.
func (d *desk) post(path string, form url.Values, headers ...string) answered {
	d.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	if !form.Has("_csrf") {
		form.Set("_csrf", d.csrf)
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return d.do(r)
}

// campaign is a running one with the classic form.
func (o *office) campaign(slug campaigns.Slug, name string, issuer campaigns.Issuer) *campaigns.Campaign {
	o.t.Helper()
	d := dbtest.Draft(noon, slug, 1000, issuer)
	d.Name, d.Form, d.EndsAt = name, campaigns.ClassicForm(), noon.Add(30*24*time.Hour)
	return dbtest.Publish(o.t, o.campaigns, d)
}

// claim makes the n-th visitor claim a card.
func (o *office) claim(c *campaigns.Campaign, n int, channel string) *campaigns.Claim {
	o.t.Helper()
	v := dbtest.Visitor(o.t, o.campaigns, n)
	claim, _, err := o.campaigns.Claim(context.Background(), campaigns.Tap{
		Slug: c.Slug, Visitor: v.ID, Key: fmt.Sprintf("key-%s-%06d", c.Slug, n), Channel: channel, Consent: true,
		Answers: map[string]string{"name": fmt.Sprintf("王小明%d", n), "plate": "京A12345", "phone": fmt.Sprintf("1380013%04d", n), "car_model": "轿车"},
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return claim
}

var (
	rowPattern  = regexp.MustCompile(`class="stretched-link[^"]*" href="/admin/claims/([0-9a-z]+)"`)
	nextPattern = regexp.MustCompile(`href="(/admin/claims\?[^"]*before=[^"]*)"`)
)

func rowsOf(a answered) (ids []string) {
	for _, m := range rowPattern.FindAllStringSubmatch(a.body, -1) {
		ids = append(ids, m[1])
	}
	return ids
}

func TestPagingThroughClaimsShowsEachExactlyOnce(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.campaign("latte", "冬日拿铁", campaigns.OwnCode)
	want := map[string]bool{}
	for n := range 2*campaigns.PageSize + 7 {
		want[o.claim(c, n, "poster").ID.String()] = true
	}
	d := o.signIn(people.Viewer)
	path, seen, pages := "/admin/claims?channel=poster&state=confirmed", map[string]bool{}, 0
	for path != "" {
		page := d.get(path)
		if page.status != http.StatusOK {
			t.Fatalf("%s: %d", path, page.status)
		}
		if !strings.Contains(page.words(), "共 107 条") {
			t.Error("the count is missing")
		}
		for _, id := range rowsOf(page) {
			if seen[id] || !want[id] {
				t.Errorf("claim %s twice or not ours", id)
			}
			seen[id] = true
		}
		path = ""
		if m := nextPattern.FindStringSubmatch(page.body); m != nil {
			path = html.UnescapeString(m[1])
		}
		pages++
	}
	if len(seen) != len(want) || pages != 3 {
		t.Errorf("%d of %d claims on %d pages", len(seen), len(want), pages)
	}
}

func TestEachFilterOfTheAddressNarrowsTheTable(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	latte, wash := o.campaign("latte", "冬日拿铁", campaigns.OwnCode), o.campaign("wash", "洗车券", campaigns.WeChatCard)
	early := o.claim(latte, 1, "poster")
	o.setTime(time.Date(2026, 11, 20, 15, 59, 30, 0, time.UTC)) // 23:59:30 in Shanghai
	late := o.claim(latte, 2, "menu")
	o.setTime(time.Date(2026, 11, 20, 16, 30, 0, 0, time.UTC)) // 00:30 on the 21st
	next := o.claim(latte, 3, "menu")
	held := o.claim(wash, 4, "")
	d := o.signIn(people.Operator)
	all := []*campaigns.Claim{held, next, late, early}
	for query, want := range map[string][]*campaigns.Claim{
		"":                                    all,
		"campaign=" + wash.ID.String():        {held},
		"state=held":                          {held},
		"state=held&state=confirmed":          all,
		"state=voided":                        nil,
		"channel=menu":                        {next, late},
		"from=2026-11-21":                     {held, next},
		"to=2026-11-20":                       {late, early},
		"from=2026-11-20&to=2026-11-20":       {late, early},
		"from=2026-11-21&to=2026-11-20":       nil,
		"q=13800130002":                       {late},
		"q=138-0013-0002":                     {late},
		"q=0003":                              {next},
		"q=" + url.QueryEscape("王小明1"):        {early},
		"q=" + string(early.Code):             {early},
		"q=" + string(dbtest.OpenID(4)):       {held},
		"q=nobody":                            nil,
		"channel=menu&state=confirmed&q=0003": {next},
	} {
		var ids []string
		for _, c := range want {
			ids = append(ids, c.ID.String())
		}
		page := d.get("/admin/claims?" + query)
		if got := rowsOf(page); page.status != http.StatusOK || strings.Join(got, " ") != strings.Join(ids, " ") {
			t.Errorf("%q: status %d, rows %v, want %v", query, page.status, got, ids)
		}
	}
}

func TestHostileFilterValuesShowAPageAndNeverThemselves(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	claim := o.claim(o.campaign("latte", "冬日拿铁", campaigns.OwnCode), 1, "")
	d := o.signIn(people.Viewer)
	nasty := []string{
		"' OR 1=1 --", `"><script>alert(1)</script>`, "%", "\x00\x01", strings.Repeat("字", 1000), "-1", "9223372036854775808", "zzzzzzzzzzzzz",
		"9999-12-31", "0001-01-01", "2026-02-30", "\U0010FFFF", "\xff\xfe", "{{.}}", "javascript:alert(1)",
	}
	for _, value := range nasty {
		for _, name := range []string{"q", "campaign", "state", "channel", "from", "to", "before"} {
			page := d.get("/admin/claims?" + url.Values{name: {value}}.Encode())
			if page.status != http.StatusOK && page.status != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("%s=%.20q: status %d", name, value, page.status)
			}
			if strings.Contains(page.body, "<script>alert") {
				t.Errorf("%s=%q came back as HTML", name, value)
			}
		}
		if page := d.get("/admin/claims/" + url.PathEscape(value)); page.status != http.StatusNotFound {
			t.Errorf("claim %.20q: status %d", value, page.status)
		}
	}
	for _, ignored := range []string{"from=9999-12-31", "from=junk", "state=junk", "campaign=-"} {
		if got := rowsOf(d.get("/admin/claims?" + ignored)); len(got) != 1 || got[0] != claim.ID.String() {
			t.Errorf("%s: rows %v", ignored, got)
		}
	}
}

func TestTheTableMasksPersonalDataAndSaysWhenItIsEmpty(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	if words := d.get("/admin/claims").words(); !strings.Contains(words, "还没有领取记录") {
		t.Error("no word about there being no claims yet")
	}
	o.claim(o.campaign("latte", "冬日拿铁", campaigns.OwnCode), 7, "poster")
	page := d.get("/admin/claims")
	for _, secret := range []string{"13800130007", "王小明7", "京A12345", string(dbtest.OpenID(7)), "访客7"} {
		if strings.Contains(page.body, secret) {
			t.Errorf("the table shows %s", secret)
		}
	}
	for _, want := range []string{"138****0007", "王**", "京A****5", "oTestV…0007", "已领取", "冬日拿铁", "poster", "11-20 12:00"} {
		if !strings.Contains(page.words(), want) {
			t.Errorf("the table does not show %s", want)
		}
	}
	if words := d.get("/admin/claims?q=nobody").words(); !strings.Contains(words, "没有符合条件的记录") || !strings.Contains(words, "清除筛选") {
		t.Error("no word about nothing matching")
	}
}

func TestHtmxGetsTheTableAloneWithAnAddressToShow(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.claim(o.campaign("latte", "冬日拿铁", campaigns.OwnCode), 1, "poster")
	d := o.signIn(people.Viewer)
	part := d.get("/admin/claims?q=&campaign=&channel=poster&from=", "HX-Request", "true", "HX-Target", "claims")
	if strings.Contains(part.body, "<html") || !strings.HasPrefix(strings.TrimSpace(part.body), `<section id="claims"`) || len(rowsOf(part)) != 1 {
		t.Errorf("the part is not the table alone: %.200s", part.body)
	}
	if got := part.header.Get("HX-Push-Url"); got != "/admin/claims?channel=poster" {
		t.Errorf("pushed address %q", got)
	}
	if whole := d.get("/admin/claims", "HX-Request", "true", "HX-History-Restore-Request", "true"); !strings.Contains(whole.body, "<html") {
		t.Error("a page restored from history is not whole")
	}
	if closed := d.get("/admin/claims", "HX-Request", "true", "HX-Target", "drawer"); closed.status != http.StatusOK || closed.body != "" {
		t.Errorf("closing the drawer gives %d %q", closed.status, closed.body)
	}
}

func TestAClaimShowsItsHistoryInTheDrawerAndAsAPage(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	wash := o.campaign("wash", "洗车券", campaigns.WeChatCard)
	other := o.claim(o.campaign("latte", "冬日拿铁", campaigns.OwnCode), 7, "")
	claim := o.claim(wash, 7, "menu")
	o.setTime(noon.Add(time.Hour))
	if n, err := o.campaigns.Sweep(context.Background()); err != nil || n != 1 {
		t.Fatalf("swept %d, %v", n, err)
	}
	d := o.signIn(people.Viewer)
	path := "/admin/claims/" + claim.ID.String()
	drawer := d.get(path, "HX-Request", "true", "HX-Target", "drawer")
	page := d.get(path)
	if strings.Contains(drawer.body, "<html") || !strings.Contains(page.body, "<html") {
		t.Error("drawer and page are mixed up")
	}
	for name, a := range map[string]answered{"drawer": drawer, "page": page} {
		for _, want := range []string{"预留库存", "页面", "库存退回", "系统", "预留时间到", "2026-11-20 12:00:00", "已退回", "洗车券", "138****0007", "menu", "冬日拿铁"} {
			if !strings.Contains(a.words(), want) {
				t.Errorf("the %s does not show %s", name, want)
			}
		}
		if !strings.Contains(a.body, "/admin/claims/"+other.ID.String()) {
			t.Errorf("the %s does not lead to the other claim", name)
		}
		if strings.Contains(a.body, "13800130007") || strings.Contains(a.body, path+"/reveal") {
			t.Errorf("the %s shows or offers more than a viewer may see", name)
		}
	}
}

func TestRevealingIsRecordedShownOnceAndRefusedWithoutThePermission(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	claim := o.claim(o.campaign("latte", "冬日拿铁", campaigns.OwnCode), 7, "")
	path := "/admin/claims/" + claim.ID.String()
	for _, role := range []people.Role{people.Viewer, people.Finance} {
		if a := o.signIn(role).post(path+"/reveal", nil); a.status != http.StatusForbidden || strings.Contains(a.body, "13800130007") {
			t.Errorf("%s: status %d", role, a.status)
		}
	}
	d := o.signIn(people.Operator)
	if a := d.post(path+"/reveal", url.Values{"_csrf": {"forged"}}); a.status != http.StatusForbidden || strings.Contains(a.body, "13800130007") {
		t.Errorf("forged token: status %d", a.status)
	}
	if entries := o.audited("claims.reveal"); len(entries) != 0 {
		t.Fatalf("refusals were recorded as reveals: %v", entries)
	}
	for i, headers := range [][]string{nil, {"HX-Request", "true"}} {
		a := d.post(path+"/reveal", nil, headers...)
		for _, want := range []string{"13800130007", "王小明7", "京A12345", string(dbtest.OpenID(7)), "访客7"} {
			if a.status != http.StatusOK || !strings.Contains(a.body, want) {
				t.Errorf("status %d, %s not revealed", a.status, want)
			}
		}
		if a.header.Get("Cache-Control") != "no-store" {
			t.Error("the revealed page may be kept by a cache")
		}
		entries := o.audited("claims.reveal")
		if len(entries) != i+1 || entries[0].ObjectID != claim.ID.String() || entries[0].ActorName != "小李" || !strings.Contains(entries[0].Detail, `"phone"`) {
			t.Fatalf("audit %+v", entries)
		}
		if strings.Contains(entries[0].Detail, "1380013") {
			t.Error("the audit holds the phone number")
		}
	}
	if a := d.get(path); strings.Contains(a.body, "13800130007") {
		t.Error("the next look is not masked again")
	}
}
