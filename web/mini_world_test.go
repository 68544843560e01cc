package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/db/dbtest"
	"kaquan/mini"
	"kaquan/orders"
	"kaquan/redemption"
	"kaquan/sandbox"
	"kaquan/stores"
	"kaquan/web"
	"kaquan/wechat"
)

const (
	miniApp    = "wx00000000000000aa"
	miniSecret = "mini0123456789abcdef0123456789ab"
	miniCard   = "pMiniTest0000000000000001"
)

// miniWorld is a server on a real database file, with the sandbox as its WeChat and as
// the phone that the mini program runs on.
type miniWorld struct {
	*testing.T
	folder    string // of the database
	server    *web.Server
	db        *db.DB
	campaigns *campaigns.Service
	mini      *mini.Service
	stores    *stores.Service
	redeeming *redemption.Service
	phone     *sandbox.Server
	platform  string       // the sandbox's address
	now       atomic.Int64 // 0 = the real time
}

type miniSigner struct{ hub *wechat.Hub }

func (g miniSigner) SignCard(ctx context.Context, id campaigns.AccountID, r wechat.CardRequest) (string, error) {
	a, err := g.hub.Account(ctx, string(id))
	if err != nil {
		return "", err
	}
	return a.SignCard(ctx, a.OnlyWanted(ctx, r))
}

func openMini(t *testing.T) *miniWorld {
	t.Helper()
	w := &miniWorld{T: t, folder: t.TempDir()}
	w.db = dbtest.OpenAt(t, w.folder)
	w.now.Store(noon.UnixMilli())
	official := dbtest.Credentials()
	w.phone = sandbox.New(sandbox.Options{
		AppID: string(official.AppID), Secret: official.Secret, PushToken: official.PushToken, StartURL: "https://kq.example.com/c/x", Now: w.clock,
		Cards: []sandbox.Card{{ID: miniCard, Title: "拿铁", Brand: "示例咖啡", Color: "#2c9f67", Stock: 100, LimitPerPerson: 10}},
		Mini:  sandbox.Mini{AppID: miniApp, Secret: miniSecret, UnionIDs: true},
	})
	t.Cleanup(w.phone.Close)
	platform := httptest.NewServer(w.phone)
	t.Cleanup(platform.Close)
	w.platform = platform.URL
	ctx := context.Background()
	dbtest.Seed(t, w.db, w.clock)
	hub := wechat.NewHub(wechat.HubOptions{Store: w.db, Now: w.clock, Owner: "test", HTTP: platform.Client(), Find: func(ctx context.Context, id string) (wechat.Credentials, error) {
		c, err := mini.FindIn(w.db, func(ctx context.Context, id string) (wechat.Credentials, error) {
			a, err := w.db.Account(ctx, campaigns.AccountID(id))
			return a.Credentials, err
		})(ctx, id)
		c.APIURL = platform.URL
		return c, err
	}})
	w.campaigns = campaigns.New(campaigns.Options{Store: w.db, Gateway: miniSigner{hub}, Now: w.clock})
	w.mini = mini.New(mini.Options{Store: w.db, Campaigns: w.campaigns, WeChat: hub, PublicURL: "https://kq.example.com", Now: w.clock})
	if err := w.mini.SaveProgram(ctx, campaigns.Actor{}, mini.Program{Account: dbtest.Account, AppID: miniApp, Secret: miniSecret}); err != nil {
		t.Fatal(err)
	}
	w.stores = stores.New(stores.Options{Store: w.db, Hasher: plainPINs{}, Now: w.clock})
	w.redeeming = redemption.New(redemption.Options{Store: w.db, Places: w.stores, Cards: hubCards{hub}, Now: w.clock})
	server, err := web.New(web.Options{
		Campaigns: w.campaigns, Accounts: w.db, WeChat: hub, Signatures: w.db, Files: w.db, Mini: w.mini, Stores: w.stores, Redemption: w.redeeming, PublicURL: "https://kq.example.com",
		CookieKey: make([]byte, 32), Now: w.clock,
		Orders: orders.New(orders.Options{Store: w.db, Now: w.clock}),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.server = server
	return w
}

func (w *miniWorld) clock() time.Time {
	if at := w.now.Load(); at != 0 {
		return time.UnixMilli(at).UTC()
	}
	return time.Now().UTC()
}

func (w *miniWorld) pass(d time.Duration) { w.now.Add(d.Milliseconds()) }

func (w *miniWorld) publish(slug campaigns.Slug, issuer campaigns.Issuer, change func(*campaigns.Draft)) *campaigns.Campaign {
	w.Helper()
	d := dbtest.Draft(w.clock(), slug, 5, issuer)
	if issuer == campaigns.WeChatCard {
		d.CardID = miniCard
	}
	if change != nil {
		change(&d)
	}
	return dbtest.Publish(w.T, w.campaigns, d)
}

type fields = map[string]any

// hand does what a wx function would do on the phone of the persona.
func (w *miniWorld) hand(persona, name string, in fields) fields {
	w.Helper()
	if in == nil {
		in = fields{}
	}
	in["persona"] = persona
	body, err := json.Marshal(in)
	if err != nil {
		w.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/phone/mini/"+name, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	out := httptest.NewRecorder()
	w.phone.ServeHTTP(out, r)
	var answer fields
	if out.Code != http.StatusOK || json.Unmarshal(out.Body.Bytes(), &answer) != nil {
		w.Fatalf("%s: %d %s", name, out.Code, out.Body)
	}
	return answer
}

func (w *miniWorld) code(persona string) string {
	w.Helper()
	return w.hand(persona, "login", nil)["code"].(string)
}

// answer is one answer of the API.
type answer struct {
	status int
	header http.Header
	body   fields
	raw    string
}

func (a answer) text(path string) string {
	s, _ := a.at(path).(string)
	return s
}

// at is the value at a path of names by dots; a digit is an index.
func (a answer) at(path string) any {
	var v any = a.body
	for _, name := range strings.Split(path, ".") {
		switch x := v.(type) {
		case fields:
			v = x[name]
		case []any:
			i := int(name[0] - '0')
			if i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// phone is a mini program with its token.
type miniPhone struct {
	w       *miniWorld
	persona string
	token   string
}

func (p *miniPhone) send(r *http.Request) answer {
	p.w.Helper()
	if p.token != "" {
		r.Header.Set("X-Kaquan-Session", p.token)
	}
	res, err := p.w.server.App().Test(r, -1)
	if err != nil {
		p.w.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		p.w.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, raw: string(raw)}
	if len(raw) > 0 && json.Unmarshal(raw, &a.body) != nil && res.Header.Get("Content-Type") != "image/jpeg" {
		p.w.Fatalf("%s %s answers no JSON: %d %.300s", r.Method, r.URL, res.StatusCode, raw)
	}
	if len(res.Cookies()) > 0 {
		p.w.Errorf("%s sets a cookie", r.URL)
	}
	return a
}

// call sends JSON; a body that is a string is sent as it is.
func (p *miniPhone) call(method, path string, body any) answer {
	p.w.Helper()
	var from io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		from = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			p.w.Fatal(err)
		}
		from = bytes.NewReader(raw)
	}
	r := httptest.NewRequest(method, "/mini/v1"+path, from)
	if from != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return p.send(r)
}

// wants fails the test unless the answer has the status and, for refusals, the code.
func (p *miniPhone) wants(a answer, status int, code string) answer {
	p.w.Helper()
	if a.status != status || code != "" && a.text("code") != code {
		p.w.Fatalf("got %d %s, want %d %s", a.status, a.raw, status, code)
	}
	if a.status >= 400 && a.text("message") == "" {
		p.w.Errorf("%s has no sentence", a.raw)
	}
	return a
}

func (w *miniWorld) nobody() *miniPhone { return &miniPhone{w: w} }

// enter signs a new persona in.
func (w *miniWorld) enter() *miniPhone {
	w.Helper()
	p := &miniPhone{w: w, persona: w.hand("", "visitor", nil)["persona"].(string)}
	p.signIn()
	return p
}

func (p *miniPhone) signIn() answer {
	p.w.Helper()
	p.token = ""
	a := p.wants(p.call(http.MethodPost, "/session", fields{"app_id": miniApp, "code": p.w.code(p.persona)}), http.StatusCreated, "")
	if p.token = a.text("token"); len(p.token) != 43 {
		p.w.Fatalf("no token in %s", a.raw)
	}
	return a
}
