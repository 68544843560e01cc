package sandbox

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the protocol signs with SHA-1
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	testApp    = "wxtest0000000000ab"
	testSecret = "0123456789abcdef0123456789abcdef"
	latte      = "pLatte"
	custom     = "pCustom"
	bound      = "pBound"
	rare       = "pRare"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// pushed is a delivery as the callback saw it.
type pushed struct {
	query  url.Values
	header http.Header
	body   string
}

// world is a sandbox behind HTTP, with a callback that answers as told.
type world struct {
	*Server
	t     *testing.T
	clock *clock
	url   string
	pages string // origin of the claim pages
	got   chan pushed

	signed atomic.Int64 // cards

	mu      sync.Mutex
	answer  func(try int) (int, string)
	respond func(pushed) (int, string) // in place of answer
	tries   int
}

func newWorld(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{now: time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)}, got: make(chan pushed, 50), pages: "http://shop.example"}
	w.answer = func(int) (int, string) { return 200, "success" }
	callback := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.mu.Lock()
		p := pushed{r.URL.Query(), r.Header, string(body)}
		var status int
		var text string
		if w.respond != nil {
			status, text = w.respond(p)
		} else {
			status, text = w.answer(w.tries)
		}
		w.tries++
		w.mu.Unlock()
		w.got <- p // before the answer, so that it is there when the sandbox has read that
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, text)
	}))
	o := Options{
		AppID: testApp, Secret: testSecret, PushToken: "pushtoken", OriginalID: "gh_test", CallbackURL: callback.URL + "/w/push/x?a=1",
		OAuthDomain: "shop.example", SDK: []byte("/* sdk */"), StartURL: "http://shop.example/c/latte", Now: w.clock.Now,
		Cards: []Card{
			{ID: latte, Title: "拿铁", Brand: "示例咖啡", Color: "#2c9f67", Stock: 10, LimitPerPerson: 2},
			{ID: custom, Title: "自定义", Stock: 10, UseCustomCode: true},
			{ID: bound, Title: "绑定", Stock: 10, BindOpenID: true},
			{ID: rare, Title: "稀有", Stock: 2},
		},
	}
	for _, f := range change {
		f(&o)
	}
	w.Server = New(o)
	w.Server.delays = delays{slow: 30 * time.Millisecond, late: 30 * time.Millisecond, pushTimeout: 2 * time.Second, retry: time.Millisecond}
	server := httptest.NewServer(w.Server)
	w.url = server.URL
	t.Cleanup(func() {
		w.Close()
		server.Close()
		callback.Close()
	})
	return w
}

// do sends a request as a persona and returns the answer without following redirects.
func (w *world) do(method, path, persona string, body []byte, headers ...string) (*http.Response, string) {
	w.t.Helper()
	req, err := http.NewRequest(method, w.url+path, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if persona != "" {
		req.AddCookie(&http.Cookie{Name: personaCookie, Value: persona})
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res, string(text)
}

type object = map[string]any

func parse(t *testing.T, text string) object {
	t.Helper()
	var out object
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("not JSON: %v in %q", err, text)
	}
	return out
}

func (w *world) get(path string) object {
	w.t.Helper()
	_, text := w.do(http.MethodGet, path, "", nil)
	return parse(w.t, text)
}

func (w *world) post(path string, in any) object {
	w.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	_, text := w.do(http.MethodPost, path, "", body)
	return parse(w.t, text)
}

// errcode is the errcode of an answer, 0 when there is none.
func errcode(o object) int { n, _ := o["errcode"].(float64); return int(n) }

func wantCode(t *testing.T, what string, o object, code int) {
	t.Helper()
	if errcode(o) != code {
		t.Errorf("%s: errcode %d (%v), want %d", what, errcode(o), o["errmsg"], code)
	}
}

const classicPath = "/cgi-bin/token?grant_type=client_credential&appid=" + testApp + "&secret=" + testSecret

func (w *world) classic() string {
	w.t.Helper()
	o := w.get(classicPath)
	value, _ := o["access_token"].(string)
	if value == "" {
		w.t.Fatalf("no classic token: %v", o)
	}
	return value
}

func (w *world) stable(force bool) object {
	w.t.Helper()
	return w.post("/cgi-bin/stable_token", object{"grant_type": "client_credential", "appid": testApp, "secret": testSecret, "force_refresh": force})
}

func (w *world) token() string {
	w.t.Helper()
	value, _ := w.stable(false)["access_token"].(string)
	if value == "" {
		w.t.Fatal("no stable token")
	}
	return value
}

func (w *world) ticketAnswer(token, kind string) object {
	w.t.Helper()
	return w.get("/cgi-bin/ticket/getticket?access_token=" + token + "&type=" + kind)
}

func (w *world) ticket(kind string) string {
	w.t.Helper()
	value, _ := w.ticketAnswer(w.token(), kind)["ticket"].(string)
	if value == "" {
		w.t.Fatal("no ticket")
	}
	return value
}

// digest and cardSign are the tests' own reading of the protocol.
func digest(text string) string {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

func cardSign(values ...string) string {
	sort.Strings(values)
	return digest(strings.Join(values, ""))
}

// bridge is one call of a page to the app.
func (w *world) bridge(persona, api, page string, args object) object {
	w.t.Helper()
	body, err := json.Marshal(object{"api": api, "url": page, "args": args})
	if err != nil {
		w.t.Fatal(err)
	}
	res, text := w.do(http.MethodPost, "/bridge/invoke", persona, body, "Origin", w.pages)
	if res.StatusCode != http.StatusOK {
		w.t.Fatalf("bridge %s: %s %s", api, res.Status, text)
	}
	return parse(w.t, text)
}

// said is the err_msg of a bridge answer.
func said(o object) string {
	reply, _ := o["reply"].(object)
	text, _ := reply["err_msg"].(string)
	return text
}

const claimPage = "http://shop.example/c/latte?from=x"

// configArgs are what the SDK sends for a wx.config signed over an address.
func (w *world) configArgs(ticket, address string, apis ...string) object {
	stamp, nonce := strconv.FormatInt(w.clock.Now().Unix(), 10), "nOnce"+strconv.Itoa(len(address))
	return object{
		"verifyAppId": testApp, "verifySignType": "sha1", "verifyTimestamp": stamp, "verifyNonceStr": nonce, "verifyJsApiList": apis,
		"verifySignature": digest("jsapi_ticket=" + ticket + "&noncestr=" + nonce + "&timestamp=" + stamp + "&url=" + address),
	}
}

// configured makes a page's config succeed and returns the fields that later calls carry.
func (w *world) configured(persona string, apis ...string) object {
	w.t.Helper()
	args := w.configArgs(w.ticket("jsapi"), claimPage, apis...)
	if got := said(w.bridge(persona, "preVerifyJSAPI", claimPage+"#top", args)); got != "preVerifyJSAPI:ok" {
		w.t.Fatalf("config: %s", got)
	}
	return args
}

func with(base object, key string, value any) object {
	out := object{key: value}
	for k, v := range base {
		if k != key {
			out[k] = v
		}
	}
	return out
}

var nonceCount struct {
	sync.Mutex
	n int
}

func freshNonce() string {
	nonceCount.Lock()
	defer nonceCount.Unlock()
	nonceCount.n++
	return "nonce" + strconv.Itoa(nonceCount.n)
}

// ext is a signed cardExt; extra fields are put in after signing the signed ones.
func (w *world) ext(ticket, card string, extra object) string {
	w.t.Helper()
	// A person's timestamps must differ, also while the clock of the test stands still.
	stamp, nonce := strconv.FormatInt(w.clock.Now().Unix()+w.signed.Add(1), 10), freshNonce()
	values := []string{ticket, card, stamp, nonce}
	out := object{"timestamp": stamp, "nonce_str": nonce}
	for k, v := range extra {
		out[k] = v
		if k == "code" || k == "openid" {
			values = append(values, v.(string))
		}
	}
	out["signature"] = cardSign(values...)
	text, err := json.Marshal(out)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

func (w *world) addCard(persona string, verify object, card string, ext any) object {
	w.t.Helper()
	return w.bridge(persona, "batchAddCard", claimPage, with(verify, "card_list", []object{{"card_id": card, "card_ext": ext}}))
}

// press answers the sheet of an addCard.
func (w *world) press(persona string, opened object, action string) object {
	w.t.Helper()
	sheet, ok := opened["sheet"].(object)
	if !ok {
		w.t.Fatalf("no sheet: %v", opened)
	}
	body, _ := json.Marshal(object{"id": sheet["id"], "action": action})
	_, text := w.do(http.MethodPost, "/bridge/sheet", persona, body, "Origin", w.pages)
	return parse(w.t, text)
}

// take lets a persona take a card and returns the encrypted code.
func (w *world) take(persona, card string, extra object) string {
	w.t.Helper()
	verify := w.configured(persona, "batchAddCard")
	out := w.press(persona, w.addCard(persona, verify, card, w.ext(w.ticket("wx_card"), card, extra)), "add")
	if said(out) != "batchAddCard:ok" {
		w.t.Fatalf("taking %s: %v", card, out)
	}
	var list []struct {
		CardID string `json:"card_id"`
		Code   string `json:"code"`
		OK     int    `json:"is_succ"`
	}
	if err := json.Unmarshal([]byte(out["reply"].(object)["card_list"].(string)), &list); err != nil {
		w.t.Fatal(err)
	}
	if len(list) != 1 || list[0].CardID != card || list[0].OK != 1 || list[0].Code == "" {
		w.t.Fatalf("card_list %v", list)
	}
	return list[0].Code
}

func (w *world) push() pushed {
	w.t.Helper()
	select {
	case p := <-w.got:
		return p
	case <-time.After(5 * time.Second):
		w.t.Fatal("no push came")
		return pushed{}
	}
}

// refused reports whether the log holds a refusal with this text.
func (w *world) refused(text string) bool {
	for _, e := range w.Log() {
		if e.Level == LevelRefused && (strings.Contains(e.Text, text) || strings.Contains(e.Detail, text)) {
			return true
		}
	}
	return false
}
