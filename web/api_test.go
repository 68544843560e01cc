package web_test

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // the protocol says SHA-1
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/legacy"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/people"
	"kaquan/web"
	"kaquan/wechat"
)

const (
	vectorTicket = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg"
	apiHost      = "https://kq.example.com/"
)

// agency is an office with a WeChat that works and programs that call.
type agency struct {
	*office
	fetched atomic.Int64 // access tokens that WeChat gave
	log     lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func openAgency(t *testing.T) *agency {
	t.Helper()
	a := &agency{office: openOffice(t)}
	a.setAnswer(func(path string) string {
		switch path {
		case "/cgi-bin/stable_token":
			return fmt.Sprintf(`{"access_token":"secret-access-%d-0123456789","expires_in":7200}`, a.fetched.Add(1))
		case "/cgi-bin/ticket/getticket":
			return `{"errcode":0,"errmsg":"ok","ticket":"` + vectorTicket + `","expires_in":7200}`
		}
		return `{"errcode":-1,"errmsg":"busy"}`
	})
	log := slog.New(slog.NewTextHandler(&a.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	hub := wechat.NewHub(wechat.HubOptions{Store: a.db, Now: a.now, Owner: "test", Log: log, Find: func(ctx context.Context, id string) (wechat.Credentials, error) {
		account, err := a.db.Account(ctx, campaigns.AccountID(id))
		return account.Credentials, err
	}})
	var err error
	a.server, err = web.New(web.Options{
		Campaigns: a.campaigns, Accounts: a.db, People: a.people, WeChat: hub, Fetches: a.db, TrustedProxies: []string{"0.0.0.0"},
		PublicURL: "https://kq.example.com", CookieKey: make([]byte, 32), Version: "test", Now: a.now, Log: log, Redemption: a.redeeming,
		Doctor: a.doctor, Exports: filepath.Join(a.folder, "exports"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// token makes a token with the scopes; change may be nil.
func (a *agency) token(change func(*people.NewAPIToken), scopes ...people.Scope) string {
	a.t.Helper()
	n := people.NewAPIToken{Name: "官网", Scopes: scopes}
	if change != nil {
		change(&n)
	}
	text, _, err := a.people.CreateAPIToken(context.Background(), people.Person{Name: "老王"}, "", n)
	if err != nil {
		a.t.Fatal(err)
	}
	return text
}

// call sends a program's request; headers are names and values.
func (a *agency) call(method, path, token, body string, headers ...string) answered {
	a.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return a.stranger().do(r)
}

func (a *agency) get(path, token string, headers ...string) answered {
	a.t.Helper()
	return a.call(http.MethodGet, path, token, "", headers...)
}

func (a answered) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("%d: %v in %.300s", a.status, err, a.body)
	}
	return m
}

// problem is the key of a refusal's reason.
func (a answered) problem() string {
	var m struct {
		Error struct{ Code, Key, Message string }
	}
	if json.Unmarshal([]byte(a.body), &m) != nil || m.Error.Code == "" || m.Error.Message == "" || m.Error.Message == m.Error.Key {
		return "no problem: " + a.body
	}
	return m.Error.Key
}

func configPath(page string) string { return "/api/v1/jssdk/config?url=" + url.QueryEscape(page) }

// sign is the protocol's formula (2.3), written a second time.
func sign(ticket, nonce string, timestamp any, page string) string {
	sum := sha1.Sum(fmt.Appendf(nil, "jsapi_ticket=%s&noncestr=%s&timestamp=%.0f&url=%s", ticket, nonce, timestamp, page)) //nolint:gosec // the protocol says SHA-1
	return hex.EncodeToString(sum[:])
}

func TestAPageIsSignedByteForByteWithoutItsFragment(t *testing.T) {
	t.Parallel()
	a := openAgency(t)
	token := a.token(func(n *people.NewAPIToken) { n.Hosts = []string{"mp.weixin.qq.com"} }, people.ScopeConfig)
	for query, want := range map[string]string{
		url.QueryEscape(apiHost):           apiHost,
		"https%3A%2F%2Fkq.example.com%2Fa": apiHost + "a",
		"https://kq.example.com/a?b=1":     apiHost + "a?b=1", // slashes need no encoding
		"https://kq.example.com/a?b=1+2":   apiHost + "a?b=1+2",
		url.QueryEscape(apiHost + "a?b=1+2&c=%2F%20&d=冬日拿铁&e=%E5%86%AC#part"):           apiHost + "a?b=1+2&c=%2F%20&d=冬日拿铁&e=%E5%86%AC",
		url.QueryEscape("http://mp.weixin.qq.com?params=value"):                         "http://mp.weixin.qq.com?params=value",
		url.QueryEscape("http://mp.weixin.qq.com"):                                      "http://mp.weixin.qq.com",
		url.QueryEscape(apiHost + "?from=singlemessage&isappinstalled=0&nsukey=%2B%2f"): apiHost + "?from=singlemessage&isappinstalled=0&nsukey=%2B%2f",
		url.QueryEscape("https://KQ.example.com:443/x"):                                 "https://KQ.example.com:443/x",
		url.QueryEscape(apiHost) + "&account=demo":                                      apiHost,
		url.QueryEscape(apiHost + "#/route?x=1#2"):                                      apiHost,
	} {
		r := a.get("/api/v1/jssdk/config?url="+query, token)
		if r.status != http.StatusOK {
			t.Errorf("%s: %d %s", query, r.status, r.body)
			continue
		}
		m := r.json(t)
		if m["url"] != want || m["signature"] != sign(vectorTicket, fmt.Sprint(m["nonceStr"]), m["timestamp"], want) || m["appId"] != "wx0000000000000001" {
			t.Errorf("%s: %v", query, m)
		}
		if m["timestamp"] != float64(noon.Unix()) || len(m) != 5 || r.header.Get("Cache-Control") != "no-store" || strings.Contains(r.body, vectorTicket) {
			t.Errorf("%s: %v %v", query, m, r.header)
		}
	}
}

func TestTheFormulaOfTheseTestsAgreesWithTheVectors(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../wechat/testdata/official-account.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			Kind     string
			Inputs   map[string]any
			Expected map[string]any
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, v := range file.Vectors {
		if v.Kind == "jssdk-config-sha1" {
			n++
			var timestamp float64
			_, _ = fmt.Sscan(v.Inputs["timestamp"].(string), &timestamp)
			if got := sign(v.Inputs["jsapi_ticket"].(string), v.Inputs["noncestr"].(string), timestamp, v.Inputs["url"].(string)); got != v.Expected["signature"] {
				t.Errorf("%v: %s", v.Inputs["url"], got)
			}
		}
	}
	if n < 2 {
		t.Errorf("%d vectors", n)
	}
}

func TestAddressesThatWouldSignForSomebodyElseAreRefused(t *testing.T) {
	t.Parallel()
	a := openAgency(t)
	token := a.token(nil, people.ScopeConfig)
	for page, want := range map[string]string{
		"https://evil.example/":                               "api.host",
		"https://kq.example.com.evil.example/":                "api.host",
		"https://sub.kq.example.com/":                         "api.host",
		"https://kq.example.com:8443/":                        "api.host",
		"https://kq.example.com./":                            "api.host",
		"https://kq.example.com@evil.example/":                "api.url_bad",
		"https://evil.example\\@kq.example.com/":              "api.url_bad",
		"https://kq.example.com\\.evil.example/":              "api.url_bad",
		"javascript://kq.example.com/%0aalert(1)":             "api.url_bad",
		"//kq.example.com/":                                   "api.url_bad",
		"/a":                                                  "api.url_bad",
		"https:///a":                                          "api.url_bad",
		"https:kq.example.com":                                "api.url_bad",
		"https://kq.example.com/a b":                          "api.url_bad",
		"https://kq.example.com/\n":                           "api.url_bad",
		"https://kq.example.com/\xff":                         "api.url_bad",
		"https://kq.example.com/" + strings.Repeat("a", 4096): "api.url_bad",
	} {
		if r := a.get("/api/v1/jssdk/config?url="+url.PathEscape(page), token); r.problem() != want || r.status != map[string]int{"api.host": 403, "api.url_bad": 422}[want] {
			t.Errorf("%.60q: %d %s", page, r.status, r.body)
		}
	}
	for query, want := range map[string]string{
		"": "api.url_missing", "url=": "api.url_missing", "url=https://kq.example.com/?a=1&b=2": "api.url_encoded", "url=%zz": "api.url_encoded",
		"url=https://kq.example.com/&url=https://evil.example/": "api.url_encoded",
	} {
		if r := a.get("/api/v1/jssdk/config?"+query, token); r.problem() != want || r.status != 422 {
			t.Errorf("%s: %d %s", query, r.status, r.body)
		}
	}
	if entries := a.audited("api.refused"); len(entries) != 1 || !strings.Contains(entries[0].Detail, "api.host") || entries[0].ObjectID == "" {
		t.Errorf("audit %+v", entries)
	}
	a.setTime(noon.Add(time.Minute))
	a.get(configPath("https://evil.example/"), token)
	if entries := a.audited("api.refused"); len(entries) != 2 {
		t.Errorf("a minute later there are %d audit lines", len(entries))
	}
}

func TestCallsWithoutTheRightTokenAreRefusedAndAudited(t *testing.T) {
	t.Parallel()
	a := openAgency(t)
	good := a.token(nil, people.ScopeNonce)
	fenced := a.token(func(n *people.NewAPIToken) { n.IPs = []string{"203.0.113.0/24"} }, people.ScopeNonce)
	paged := a.token(func(n *people.NewAPIToken) { n.Origins = []string{"https://m.example.com"} }, people.ScopeNonce)
	brief := a.token(func(n *people.NewAPIToken) { n.Life = time.Hour }, people.ScopeNonce)
	const nonce = "/api/v1/jssdk/nonce"
	if r := a.get(nonce, fenced, "X-Forwarded-For", "203.0.113.9"); r.status != http.StatusOK {
		t.Errorf("from an allowed address: %d %s", r.status, r.body)
	}
	if r := a.get(nonce, good); r.status != http.StatusOK || len(r.json(t)["nonceStr"].(string)) < 16 {
		t.Errorf("%d %s", r.status, r.body)
	}
	a.setTime(noon.Add(time.Hour))
	for name, c := range map[string]struct {
		token   string
		path    string
		headers []string
		status  int
		key     string
	}{
		"no token":           {"", nonce, nil, 401, "api.token.missing"},
		"a token in the url": {"", nonce + "?access_token=" + good, nil, 401, "api.token.missing"},
		"basic":              {"", nonce, []string{"Authorization", "Basic " + good}, 401, "api.token.missing"},
		"foreign":            {"kq_" + strings.Repeat("0", 40), nonce, nil, 401, "api.token.unknown"},
		"expired":            {brief, nonce, nil, 401, "api.token.expired"},
		"wrong scope":        {good, configPath(apiHost), nil, 403, "api.scope"},
		"ticket":             {good, "/api/v1/wechat/tickets/jsapi", nil, 403, "api.scope"},
		"access token":       {good, "/api/v1/wechat/access-token", nil, 403, "api.scope"},
		"foreign address":    {fenced, nonce, []string{"X-Forwarded-For", "203.0.113.9, 198.51.100.7"}, 403, "api.ip"},
		"foreign page":       {paged, nonce, []string{"Origin", "https://evil.example"}, 403, "api.origin"},
		"a page, no list":    {good, nonce, []string{"Origin", "https://m.example.com"}, 403, "api.origin"},
	} {
		r := a.get(c.path, c.token, c.headers...)
		if r.status != c.status || r.problem() != c.key {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		if (r.status == 401) != strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer") || r.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", name, r.header)
		}
		if !slices.ContainsFunc(a.audited("api.refused"), func(e people.AuditEntry) bool { return strings.Contains(e.Detail, `"`+c.key+`"`) }) {
			t.Errorf("%s: no audit line", name)
		}
	}
	before := len(a.audited("api.refused"))
	for range 50 {
		a.get(nonce, "")
		a.get(nonce, "kq_"+strings.Repeat("1", 40))
		a.get(configPath(apiHost), good)
	}
	for n := range 100 { // many addresses do not fill the audit either
		a.get(nonce, "", "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", n))
	}
	if after := len(a.audited("api.refused")); after > before+30 {
		t.Errorf("a flood wrote %d audit lines", after-before)
	}
}

func TestARevokedTokenIsRefusedByTheNextCall(t *testing.T) {
	t.Parallel()
	a := openAgency(t)
	d := a.signIn(people.Owner)
	token := a.token(nil, people.ScopeNonce)
	if r := a.get("/api/v1/jssdk/nonce", token); r.status != http.StatusOK {
		t.Fatalf("%d", r.status)
	}
	list, err := a.people.APITokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r := d.post("/admin/api/"+list[0].ID+"/revoke", nil); r.status != http.StatusSeeOther {
		t.Fatalf("%d", r.status)
	}
	if r := a.get("/api/v1/jssdk/nonce", token); r.status != 401 || r.problem() != "api.token.revoked" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := d.get("/admin/api"); !strings.Contains(r.words(), "已吊销") || strings.Contains(r.body, "/revoke") {
		t.Error("the page does not show it")
	}
	if e := a.audited("api.token_revoke"); len(e) != 1 || e[0].ObjectID != list[0].ID || e[0].ActorName == "system" {
		t.Errorf("audit %+v", e)
	}
}

func TestATokenMayNotCallFasterThanItsRate(t *testing.T) {
	t.Parallel()
	a := openAgency(t)
	token := a.token(func(n *people.NewAPIToken) { n.Rate = 1 }, people.ScopeNonce)
	other := a.token(nil, people.ScopeNonce)
	for range 4 {
		if r := a.get("/api/v1/jssdk/nonce", token); r.status != http.StatusOK {
			t.Fatalf("%d", r.status)
		}
	}
	if r := a.get("/api/v1/jssdk/nonce", token); r.status != 429 || r.problem() != "api.rate" || r.header.Get("Retry-After") != "1" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := a.get("/api/v1/jssdk/nonce", other); r.status != http.StatusOK {
		t.Errorf("another token pays for it: %d", r.status)
	}
	a.setTime(noon.Add(time.Second))
	if r := a.get("/api/v1/jssdk/nonce", token); r.status != http.StatusOK {
		t.Errorf("a second later: %d", r.status)
	}
}

func TestOnlyPagesOfTheListMayCallFromABrowser(t *testing.T) {
	t.Parallel()
	a := openAgency(t)
	const page, other = "https://m.example.com", "https://n.example.com"
	token := a.token(func(n *people.NewAPIToken) { n.Origins = []string{page} }, people.ScopeNonce)
	a.token(func(n *people.NewAPIToken) { n.Origins = []string{other} }, people.ScopeNonce)
	ask := func(origin string) answered {
		return a.call(http.MethodOptions, "/api/v1/jssdk/nonce", "", "", "Origin", origin, "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "authorization")
	}
	r := ask(page)
	h := r.header
	if r.status != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != page || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization") ||
		!strings.Contains(h.Get("Access-Control-Allow-Methods"), "GET") || h.Get("Access-Control-Allow-Credentials") != "" || !strings.Contains(h.Get("Vary"), "Origin") {
		t.Errorf("%d %v", r.status, h)
	}
	for _, origin := range []string{"https://evil.example", "null", "http://m.example.com", "https://m.example.com.evil.example"} {
		if r := ask(origin); r.status != 403 || r.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %v", origin, r.status, r.header)
		}
	}
	if r := a.get("/api/v1/jssdk/nonce", token, "Origin", page); r.status != 200 || r.header.Get("Access-Control-Allow-Origin") != page || r.header.Get("Vary") != "Origin" {
		t.Errorf("%d %v", r.status, r.header)
	}
	if r := a.get("/api/v1/jssdk/nonce", token, "Origin", other); r.status != 403 || r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("the origin of another token: %d %v", r.status, r.header)
	}
	if r := a.get("/api/v1/jssdk/nonce", "kq_x", "Origin", page); r.status != 401 || r.header.Get("Access-Control-Allow-Origin") != page {
		t.Errorf("a page cannot read why: %d %v", r.status, r.header)
	}
	if r := a.get("/api/v1/wechat/access-token", token, "Origin", page); r.status != 403 || r.problem() != "api.scope" {
		t.Errorf("%d", r.status)
	}
	if r := a.get("/api/v1/jssdk/nonce", token); r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("an answer without an origin allows one")
	}
}

func TestProgramsShareOneTokenAndAReportOfARefusedOneRenewsItOnce(t *testing.T) {
	t.Parallel()
	a := openAgency(t)
	token := a.token(nil, people.ScopeAccessToken, people.ScopeTickets)
	first := a.get("/api/v1/wechat/access-token", token).json(t)
	if first["access_token"] != "secret-access-1-0123456789" || first["expires_in"] != float64(7200) || first["expires_at"] != noon.Add(2*time.Hour).UTC().Format(time.RFC3339) {
		t.Fatalf("%v", first)
	}
	for _, path := range []string{"jsapi", "wx_card"} {
		if m := a.get("/api/v1/wechat/tickets/"+path, token).json(t); m["ticket"] != vectorTicket || m["expires_in"] != float64(7200) {
			t.Errorf("%s: %v", path, m)
		}
	}
	report := func(value string) answered {
		return a.call(http.MethodPost, "/api/v1/wechat/access-token/rejected", token, `{"access_token":"`+value+`"}`)
	}
	if m := report("something-old").json(t); m["access_token"] != first["access_token"] || a.fetched.Load() != 1 {
		t.Errorf("an old token: %v, %d fetches", m, a.fetched.Load())
	}
	if m := report("secret-access-1-0123456789").json(t); m["access_token"] != "secret-access-2-0123456789" {
		t.Errorf("the present token: %v", m)
	}
	if m := report("secret-access-1-0123456789").json(t); m["access_token"] != "secret-access-2-0123456789" {
		t.Errorf("a second program with the same report: %v", m)
	}
	if r := report("secret-access-2-0123456789"); r.status != 429 || r.problem() != "api.rejected_again" || r.header.Get("Retry-After") != "10" || a.fetched.Load() != 2 {
		t.Errorf("a storm: %d %s, %d fetches", r.status, r.body, a.fetched.Load())
	}
	for _, body := range []string{"", "{}", "[", `{"access_token":""}`} {
		if r := a.call(http.MethodPost, "/api/v1/wechat/access-token/rejected", token, body); r.status != 422 || r.problem() != "api.rejected_body" {
			t.Errorf("%q: %d %s", body, r.status, r.body)
		}
	}
}

func TestTheAccountIsNamedOnlyWhereThereAreSeveral(t *testing.T) {
	t.Parallel()
	a := openAgency(t)
	any, one := a.token(nil, people.ScopeConfig), a.token(func(n *people.NewAPIToken) { n.Accounts = []string{"demo"} }, people.ScopeConfig)
	if r := a.get(configPath(apiHost), any); r.status != http.StatusOK {
		t.Errorf("the only account: %d %s", r.status, r.body)
	}
	second, err := a.db.Account(t.Context(), dbtest.Account)
	if err != nil {
		t.Fatal(err)
	}
	second.ID, second.Credentials.Account, second.Credentials.AppID = "second", "second", "wx0000000000000002"
	if err := a.campaigns.SaveAccount(t.Context(), a.db, campaigns.Actor{}, second); err != nil {
		t.Fatal(err)
	}
	a.setTime(noon.Add(3 * time.Second))
	if r := a.get(configPath(apiHost), any); r.status != 422 || r.problem() != "api.account_many" {
		t.Errorf("two accounts: %d %s", r.status, r.body)
	}
	if r := a.get(configPath(apiHost)+"&account=second", any); r.status != http.StatusOK || r.json(t)["appId"] != "wx0000000000000002" {
		t.Errorf("a named account: %d %s", r.status, r.body)
	}
	if r := a.get(configPath(apiHost), one); r.status != http.StatusOK || r.json(t)["appId"] != "wx0000000000000001" {
		t.Errorf("a token for one: %d %s", r.status, r.body)
	}
	if r := a.get(configPath(apiHost)+"&account=second", one); r.status != 403 || r.problem() != "api.account" {
		t.Errorf("another account: %d %s", r.status, r.body)
	}
	if r := a.get(configPath(apiHost)+"&account=none", any); r.status != 404 {
		t.Errorf("no such account: %d %s", r.status, r.body)
	}
}

func TestWeChatsRefusalIsToldInTheCallersLanguage(t *testing.T) {
	t.Parallel()
	a := openAgency(t)
	token := a.token(nil, people.ScopeTickets)
	a.setAnswer(func(string) string {
		return `{"errcode":40164,"errmsg":"invalid ip 198.51.100.9, not in whitelist rid: 1-2-3"}`
	})
	zh := a.get("/api/v1/wechat/tickets/jsapi", token)
	en := a.get("/api/v1/wechat/tickets/jsapi", token, "Accept-Language", "en-GB,en;q=0.9")
	if zh.status != 503 || zh.problem() != "wechat.error.40164" || en.problem() != "wechat.error.40164" || zh.body == en.body {
		t.Errorf("%d %s\n%s", zh.status, zh.body, en.body)
	}
	for path, status := range map[string]int{"/api/v1/nothing": 404, "/api/v1": 404, "/api/v2/x": 404} {
		if r := a.get(path, token); r.status != status || r.problem() != "api.not_found" {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}

func TestEveryAnswerIsWhatTheOpenAPIDocumentSays(t *testing.T) {
	t.Parallel()
	a := openAgency(t)
	raw := a.get("/api/v1/openapi.json", "")
	doc, err := openapi3.NewLoader().LoadFromData([]byte(raw.body))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	all := a.token(nil, people.Scopes()...)
	none := a.token(nil, people.ScopeNonce)
	slow := a.token(func(n *people.NewAPIToken) { n.Rate = 1 }, people.ScopeConfig)
	for range 4 {
		a.get(configPath(apiHost), slow)
	}
	seen := map[string]bool{}
	try := func(method, path, token, body string, status int) {
		t.Helper()
		answer := a.call(method, path, token, body)
		if answer.status != status {
			t.Errorf("%s %s: %d, want %d: %s", method, path, answer.status, status, answer.body)
		}
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		route, parameters, err := router.FindRoute(r)
		if err != nil {
			t.Fatalf("%s %s is not in the document: %v", method, path, err)
		}
		in := &openapi3filter.RequestValidationInput{Request: r, PathParams: parameters, Route: route, Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
		if err := openapi3filter.ValidateRequest(t.Context(), in); (err != nil) != (status == 422 && answer.problem() != "api.url_bad") {
			t.Errorf("%s %s: the document and the server disagree about the request: %v", method, path, err)
		}
		err = openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
			RequestValidationInput: in, Status: answer.status, Header: answer.header, Body: io.NopCloser(strings.NewReader(answer.body)),
			Options: &openapi3filter.Options{IncludeResponseStatus: true},
		})
		if err != nil {
			t.Errorf("%s %s answers %d: %v", method, path, answer.status, err)
		}
		seen[method+" "+route.Path] = true
	}
	const report = "/api/v1/wechat/access-token/rejected"
	try("GET", "/api/v1/openapi.json", "", "", 200)
	try("GET", configPath(apiHost), all, "", 200)
	try("GET", configPath("/a"), all, "", 422)
	try("GET", configPath("https://evil.example/"), all, "", 403)
	try("GET", configPath(apiHost)+"&account=none", all, "", 404)
	try("GET", configPath(apiHost), slow, "", 429)
	try("GET", "/api/v1/jssdk/nonce", all, "", 200)
	try("GET", "/api/v1/wechat/tickets/jsapi", all, "", 200)
	try("GET", "/api/v1/wechat/tickets/wx_card", all, "", 200)
	try("GET", "/api/v1/wechat/access-token", all, "", 200)
	try("POST", report, all, `{"access_token":"secret-access-1-0123456789"}`, 200)
	try("POST", report, all, `{"access_token":"secret-access-2-0123456789"}`, 429)
	try("POST", report, all, `{"access_token":""}`, 422)
	try("POST", report, none, `{"access_token":"x"}`, 403)
	for _, path := range []string{"tickets/jsapi", "tickets/wx_card", "access-token"} {
		try("GET", "/api/v1/wechat/"+path, none, "", 403)
		try("GET", "/api/v1/wechat/"+path, "", "", 401)
	}
	try("GET", "/api/v1/jssdk/nonce", "", "", 401)
	a.redeemed("订单甲", "订单乙")
	const redemptions = "/api/v1/redemptions"
	try("GET", redemptions, all, "", 200)
	try("GET", redemptions+"?state=done&limit=1&from=2026-11-20T00:00:00Z&to=2026-11-21T00:00:00Z", all, "", 200)
	try("GET", redemptions+"?state=lost", all, "", 422)
	try("GET", redemptions+"?limit=0", all, "", 422)
	try("GET", redemptions+"?account=none", all, "", 404)
	try("GET", redemptions, none, "", 403)
	try("GET", redemptions, "", "", 401)
	a.tryPrograms(try, all, none)
	a.setTime(noon.Add(3 * time.Hour))
	a.setAnswer(func(string) string { return `{"errcode":-1,"errmsg":"busy"}` })
	try("GET", configPath(apiHost), all, "", 503)
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			if !seen[method+" "+path] {
				t.Errorf("%s %s was not tried", method, path)
			}
		}
	}
}

func TestSecretsAreInNoLogOfTheAPI(t *testing.T) {
	t.Parallel()
	a := openAgency(t)
	token := a.token(nil, people.Scopes()...)
	foreign := "kq_" + strings.Repeat("Z", 40)
	a.get(configPath(apiHost), token)
	a.get("/api/v1/wechat/tickets/jsapi", token)
	a.get("/api/v1/wechat/access-token", token)
	a.get("/api/v1/wechat/access-token", foreign)
	a.call(http.MethodPost, "/api/v1/wechat/access-token/rejected", token, `{"access_token":"secret-access-1-0123456789"}`)
	a.setAnswer(func(string) string { return `{"errcode":40013,"errmsg":"invalid appid"}` })
	a.setTime(noon.Add(3 * time.Hour))
	a.get("/api/v1/wechat/access-token", token)
	var audit strings.Builder
	entries, err := a.people.ListAudit(t.Context(), people.AuditFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		audit.WriteString(e.Detail)
	}
	if !strings.Contains(a.log.String(), "/api/v1/wechat/access-token") {
		t.Fatal("nothing was logged, so this test proves nothing")
	}
	for _, secret := range []string{token[3:], foreign[3:], "secret-access-1-0123456789", "secret-access-2-0123456789", vectorTicket, dbtest.Credentials().Secret} {
		if strings.Contains(a.log.String(), secret) || strings.Contains(audit.String(), secret) {
			t.Errorf("%.12s… is in the log or the audit", secret)
		}
	}
}

func TestANewTokenIsShownOnceAndOnlyInItsOwnAnswer(t *testing.T) {
	t.Parallel()
	a := openAgency(t)
	d := a.signIn(people.Owner)
	form := url.Values{"name": {"官网 <b>"}, "scopes": {"jssdk:config", "jssdk:nonce"}, "hosts": {"m.example.com\n n.example.com"}, "origins": {"https://m.example.com"}, "ips": {"127.0.0.0/8，0.0.0.0"}, "rate": {"20"}, "life": {"90"}}
	r := d.post("/admin/api", form)
	at := strings.Index(r.body, `value="kq_`)
	if r.status != http.StatusOK || at < 0 || r.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d, %v", r.status, r.header)
	}
	text := r.body[at+7:][:43]
	if strings.Contains(fmt.Sprint(r.header, d.cookies), text) || !strings.Contains(r.body, `data-copy="`+text) || strings.Contains(r.body, "<b>") {
		t.Error("the token is in a header, or has no copy button, or the name is not escaped")
	}
	if c := a.get("/api/v1/jssdk/nonce", text); c.status != http.StatusOK {
		t.Fatalf("the token does not work: %d %s", c.status, c.body)
	}
	again := d.get("/admin/api")
	words := again.words()
	if strings.Contains(again.body, text) || !strings.Contains(words, "kq_…"+text[39:]) {
		t.Error("the token is shown a second time, or cannot be recognised")
	}
	for _, want := range []string{"官网 <b>", "jssdk:config", "m.example.com, n.example.com", "127.0.0.0/8, 0.0.0.0", "有效至 2027年2月18日", "有效"} {
		if !strings.Contains(words, want) {
			t.Errorf("the list lacks %q: %s", want, words)
		}
	}
	if strings.Contains(words, "从未使用") {
		t.Error("the call is not shown as the last use")
	}
	if e := a.audited("api.token_create"); len(e) != 1 || e[0].ActorName == "system" || strings.Contains(e[0].Detail, text) {
		t.Errorf("audit %+v", e)
	}
	form.Set("scopes", "wechat:access-token")
	form.Set("rate", "many")
	bad := d.post("/admin/api", form)
	if bad.status != http.StatusUnprocessableEntity || strings.Contains(bad.body, `value="kq_`) || !strings.Contains(bad.words(), "请填 1 到") || !strings.Contains(bad.body, "n.example.com") {
		t.Errorf("a wrong form: %d", bad.status)
	}
	form.Set("rate", "20")
	if bad := d.post("/admin/api", form); !strings.Contains(bad.words(), "网页里的令牌人人可见") {
		t.Error("a page's token may read secrets")
	}
}
