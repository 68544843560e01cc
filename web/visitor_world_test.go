package web

import (
	"context"
	"database/sql"
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
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/db/dbtest"
	"kaquan/orders"
	"kaquan/wechat"
)

const (
	phoneAgent   = "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 MicroMessenger/8.0.49 Language/zh_CN"
	desktopAgent = "Mozilla/5.0 (Windows NT 10.0) MicroMessenger/3.9 WindowsWechat(0x63090a13)"
	chromeAgent  = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0"
	publicURL    = "http://card.test"
)

// world is a server on a real database file with a WeChat that answers from this process.
type world struct {
	*testing.T
	server    *Server
	file      string
	db        *db.DB
	service   *campaigns.Service
	now       atomic.Int64 // unix milliseconds
	exchanges atomic.Int32
	down      atomic.Bool  // WeChat gives no tickets
	sent      atomic.Int32 // messages that went out by themselves
	nonces    atomic.Int64
	mu        sync.Mutex
	used      map[string]bool
	fans      map[string]bool // openids that follow
}

// worldSigner signs cards as the program does.
type worldSigner struct{ hub *wechat.Hub }

func (g worldSigner) SignCard(ctx context.Context, account campaigns.AccountID, r wechat.CardRequest) (string, error) {
	a, err := g.hub.Account(ctx, string(account))
	if err != nil {
		return "", err
	}
	return a.SignCard(ctx, a.OnlyWanted(ctx, r))
}

// Follower asks as the program does.
func (g worldSigner) Follower(ctx context.Context, account campaigns.AccountID, person wechat.OpenID) (wechat.Follower, error) {
	a, err := g.hub.Account(ctx, string(account))
	if err != nil {
		return wechat.Follower{}, err
	}
	return a.Follower(ctx, person)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	folder := t.TempDir()
	w := &world{T: t, file: filepath.Join(folder, "kaquan.db"), db: dbtest.OpenAt(t, folder), used: map[string]bool{}, fans: map[string]bool{}}
	w.now.Store(time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC).UnixMilli())
	platform := httptest.NewServer(http.HandlerFunc(w.platform))
	t.Cleanup(platform.Close)
	dbtest.Seed(t, w.db, w.clock)
	hub := wechat.NewHub(wechat.HubOptions{Store: w.db, HTTP: platform.Client(), Now: w.clock, Owner: "test", Find: func(_ context.Context, id string) (wechat.Credentials, error) {
		c := dbtest.Credentials()
		c.Account, c.APIURL, c.JSURL, c.Sandbox = id, platform.URL, "http://sdk.test", id == "box"
		switch id {
		case "sealed":
			c.AESKey = sealedKey
		case "official":
			c.PushToken, c.AESKey, c.AppID = "AAAAA", strings.Repeat("A", 43), "wxba5fad812f8e6fb9"
		case "official-plain":
			c.PushToken = "AAAAA"
		}
		return c, nil
	}})
	w.service = campaigns.New(campaigns.Options{Store: w.db, Gateway: worldSigner{hub}, Followers: worldSigner{hub}, Now: w.clock})
	server, err := New(Options{Campaigns: w.service, Accounts: w.db, WeChat: hub, Signatures: w.db, Files: w.db, PublicURL: publicURL, CookieKey: []byte(strings.Repeat("k", 32)), Now: w.clock, Orders: orders.New(orders.Options{Store: w.db, Now: w.clock})})
	if err != nil {
		t.Fatal(err)
	}
	w.server = server
	return w
}

func (w *world) clock() time.Time { return time.UnixMilli(w.now.Load()).UTC() }

func (w *world) pass(d time.Duration) { w.now.Add(d.Milliseconds()) }

// platform is WeChat's side: a code works once and names its visitor.
func (w *world) platform(out http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/cgi-bin/stable_token":
		if w.down.Load() {
			out.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = io.WriteString(out, `{"access_token":"token-0123456789","expires_in":7200}`)
	case "/cgi-bin/ticket/getticket":
		_, _ = io.WriteString(out, `{"errcode":0,"errmsg":"ok","ticket":"ticket-0123456789","expires_in":7200}`)
	case "/sns/oauth2/access_token":
		w.exchanges.Add(1)
		code := r.URL.Query().Get("code")
		w.mu.Lock()
		again := w.used[code]
		w.used[code] = true
		w.mu.Unlock()
		switch {
		case again:
			_, _ = io.WriteString(out, `{"errcode":40163,"errmsg":"code been used"}`)
		case strings.HasPrefix(code, "bad"):
			_, _ = io.WriteString(out, `{"errcode":40029,"errmsg":"invalid code"}`)
		case strings.HasPrefix(code, "snap"):
			_, _ = io.WriteString(out, `{"access_token":"a","openid":"oSnapshot","scope":"snsapi_base","is_snapshotuser":1}`)
		case strings.HasPrefix(code, "full."): // full.person.number: the person agrees to show their profile
			person := strings.Split(code, ".")[1]
			_, _ = fmt.Fprintf(out, `{"access_token":"user-%s","openid":"o%s","scope":"snsapi_userinfo"}`, person, person)
		default:
			_, _ = fmt.Fprintf(out, `{"access_token":"a","openid":"o%s","scope":"snsapi_base"}`, code)
		}
	case "/cgi-bin/user/info":
		person := r.URL.Query().Get("openid")
		w.mu.Lock()
		follows := 0
		if w.fans[person] {
			follows = 1
		}
		w.mu.Unlock()
		_, _ = fmt.Fprintf(out, `{"subscribe":%d,"openid":%q,"subscribe_time":1763000000}`, follows, person)
	case "/cgi-bin/qrcode/create":
		_, _ = io.WriteString(out, `{"ticket":"gQH47joAAAAAAAAAASxodHRwOi8v","expire_seconds":604800,"url":"http://weixin.qq.com/q/kZgfwMTm72WWPkovabbI"}`)
	case "/cgi-bin/message/custom/send":
		w.sent.Add(1)
		_, _ = io.WriteString(out, `{"errcode":0,"errmsg":"ok"}`)
	case "/sns/userinfo":
		userInfo(out, r)
	default:
		http.NotFound(out, r)
	}
}

// publish puts a campaign online; change may be nil.
func (w *world) publish(slug campaigns.Slug, issuer campaigns.Issuer, change func(*campaigns.Draft)) *campaigns.Campaign {
	w.Helper()
	d := dbtest.Draft(w.clock(), slug, 10, issuer)
	if change != nil {
		change(&d)
	}
	return dbtest.Publish(w.T, w.service, d)
}

// browser is one visitor's WeChat: it keeps cookies and the last page.
type browser struct {
	w       *world
	agent   string
	cookies map[string]string
	status  int
	header  http.Header
	body    string
	sealed  string // the token of the last whole page, for parts that carry none
}

func (w *world) browser() *browser {
	return &browser{w: w, agent: phoneAgent, cookies: map[string]string{}}
}

func (b *browser) do(r *http.Request) *browser {
	b.w.Helper()
	r.Host = "card.test"
	r.Header.Set("User-Agent", b.agent)
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	answer, err := b.w.server.App().Test(r, -1)
	if err != nil {
		b.w.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.w.Fatal(err)
	}
	for _, cookie := range answer.Cookies() {
		if cookie.MaxAge < 0 {
			delete(b.cookies, cookie.Name)
			continue
		}
		if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode {
			b.w.Errorf("cookie %s is open to scripts or other sites", cookie.Name)
		}
		b.cookies[cookie.Name] = cookie.Value
	}
	b.status, b.header, b.body = answer.StatusCode, answer.Header, string(body)
	return b
}

func (b *browser) get(path string) *browser {
	b.w.Helper()
	return b.do(httptest.NewRequest(http.MethodGet, path, nil))
}

// post sends a form as claim.js does when fragment is set, as the browser does otherwise.
func (b *browser) post(path string, fields url.Values, fragment bool) *browser {
	b.w.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(fields.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if fragment {
		r.Header.Set("X-Kq-Fragment", "1")
	}
	return b.do(r)
}

var (
	statePattern = regexp.MustCompile(`<main[^>]* data-state="([a-z_]+)"`)
	dataPattern  = regexp.MustCompile(`"csrf":"([^"]+)"`)
	keyPattern   = regexp.MustCompile(`name="key" value="([^"]+)"`)
	claimField   = regexp.MustCompile(`name="claim" value="([0-9a-z]+)"`)
	claimPattern = regexp.MustCompile(`data-claim="([0-9a-z]+)"`)
)

func (b *browser) state() string { return first(statePattern, b.body) }
func (b *browser) csrf() string  { return first(dataPattern, b.body) }
func (b *browser) key() string   { return first(keyPattern, b.body) }

func first(p *regexp.Regexp, text string) string {
	if m := p.FindStringSubmatch(text); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

// wants fails the test unless the page is in the state with the status.
func (b *browser) wants(status int, state string) *browser {
	b.w.Helper()
	if b.status != status || b.state() != state {
		b.w.Fatalf("got %d %q, want %d %q\n%.2000s", b.status, b.state(), status, state, b.body)
	}
	return b
}

// goes fails the test unless the answer leads to the path.
func (b *browser) goes(to string) *browser {
	b.w.Helper()
	if b.status != http.StatusSeeOther || b.header.Get("Location") != to {
		b.w.Fatalf("got %d to %q, want 303 to %q\n%.2000s", b.status, b.header.Get("Location"), to, b.body)
	}
	return b
}

// authorise starts a round and gives the state that WeChat would bring back.
func (b *browser) authorise(slug, channel string) string {
	b.w.Helper()
	b.get("/w/oauth?c=" + slug + "&ch=" + channel)
	to, err := url.Parse(b.header.Get("Location"))
	if b.status != http.StatusFound || err != nil || to.Query().Get("redirect_uri") != publicURL+"/w/oauth/callback" || to.Query().Get("scope") != "snsapi_base" {
		b.w.Fatalf("no authorisation: %d %s", b.status, b.header.Get("Location"))
	}
	return to.Query().Get("state")
}

// enter identifies the browser as the person and opens the page.
func (b *browser) enter(slug, person string) *browser {
	b.w.Helper()
	state := b.authorise(slug, "poster")
	b.get("/w/oauth/callback?code=" + person + "&state=" + state).goes("/c/" + slug + "?ch=poster")
	return b.get("/c/" + slug + "?ch=poster")
}

// form is the claim of the page on screen with the fields given as pairs.
func (b *browser) form(pairs ...string) url.Values {
	fields := url.Values{"_csrf": {b.csrf()}, "key": {b.key()}, "ch": {"poster"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		fields.Set(pairs[i], pairs[i+1])
	}
	return fields
}

func (w *world) claims(slug campaigns.Slug) []campaigns.ClaimRow {
	w.Helper()
	c, err := w.db.CampaignBySlug(w.Context(), slug)
	if err != nil {
		w.Fatal(err)
	}
	page, err := w.db.Claims(w.Context(), campaigns.ClaimFilter{Account: c.Account, Campaign: c.ID, Limit: 100})
	if err != nil {
		w.Fatal(err)
	}
	return page.Rows
}

func (w *world) visitors() int {
	w.Helper()
	var n int
	file, err := sql.Open("sqlite", w.file)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if err := file.QueryRowContext(w.Context(), "SELECT count(*) FROM visitors").Scan(&n); err != nil {
		w.Fatal(err)
	}
	return n
}

// wOther are the credentials of a second account.
func wOther() wechat.Credentials {
	c := dbtest.Credentials()
	c.Account, c.AppID = "other", "wx0000000000000002"
	return c
}

// cookieOf reads the browser's visitor cookie as a request would.
func (v *visitors) cookieOf(b *browser) (session, bool) {
	var x session
	ok := v.cookies.open(visitorCookie, b.cookies[visitorCookie], &x)
	return x, ok && x.fresh(v.Now(), visitorLife)
}

// newPlace is placeOf for a request with the agent and the frame.
func newPlace(agent, frame string, sandbox bool) place {
	app := fiber.New()
	var found place
	app.Get("/", func(c *fiber.Ctx) error {
		found = placeOf(c, sandbox)
		return nil
	})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("User-Agent", agent)
	r.Header.Set("Sec-Fetch-Dest", frame)
	if answer, err := app.Test(r, -1); err == nil {
		_ = answer.Body.Close()
	}
	return found
}
