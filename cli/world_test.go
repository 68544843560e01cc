package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"kaquan/config"
	"kaquan/db/dbtest"
	"kaquan/i18n"
	"kaquan/sandbox"
)

// world is the program and the sandbox in this process, each on a port of its own, as
// the demo runs them.
type world struct {
	*testing.T
	app    *App
	phone  *standIn
	log    *live
	secret string
	keys   sandboxKeys
}

// newWorld starts both. before, when not nil, sees the sandbox before the program asks it
// for anything; change may alter the settings; cards are more of the account's.
func newWorld(t *testing.T, before func(*world), change func(*config.Config), cards ...sandbox.Card) *world {
	t.Helper()
	w := &world{T: t, log: &live{}, keys: newSandboxKeys()}
	w.secret = w.keys.secret
	cfg := &config.Config{
		Data: t.TempDir(), PushWindow: 10 * time.Minute, Listen: "127.0.0.1:0", SandboxListen: "127.0.0.1:0", LogLevel: "debug", LogFormat: "text",
		WeChatAPIURL: "http://127.0.0.1:1", WeChatOpenURL: "http://127.0.0.1:1", WeChatJSURL: "http://127.0.0.1:1", PayURL: "http://127.0.0.1:1",
	}
	if change != nil {
		change(cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	dbtest.Prepare(t, cfg.Data)
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	app, err := Open(t.Context(), cfg, Version{Number: "test", Commit: "abc"}, log)
	if err != nil {
		t.Fatal(err)
	}
	w.app = app
	account := sandboxOptions(w.keys, app.Public, string(demoSlug), log)
	account.Cards = append(account.Cards, cards...)
	w.phone, err = openSandbox(cfg.SandboxListen, account)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.seedDemo(t.Context(), w.phone.URL, w.keys); err != nil {
		t.Fatal(err)
	}
	if before != nil {
		before(w)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runBoth(ctx, app, w.phone) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the program ended with %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the program did not stop")
		}
	})
	return w
}

func (w *world) turn(name string, on bool) {
	w.Helper()
	if err := w.phone.SetSwitch(name, on); err != nil {
		w.Fatal(err)
	}
}

// until waits for what another goroutine brings about.
func (w *world) until(what string, done func() bool) {
	w.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("never: %s\n%s", what, w.log)
		}
	}
}

// visitor is a person with a phone of their own: cookies, the last page, its signature.
type visitor struct {
	*world
	http    *http.Client
	address string // of the last page
	status  int
	body    string
}

const inWeChat = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Mobile Safari/537.36 MicroMessenger/8.0.50 Language/zh_CN"

// visitor gives a new person the phone.
func (w *world) visitor() *visitor {
	w.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.Fatal(err)
	}
	v := &visitor{world: w, http: &http.Client{Jar: jar, Timeout: 15 * time.Second}}
	v.send(http.MethodPost, w.phone.URL+"/sandbox-ui/control", "application/json", `{"do":"visitor"}`)
	if v.status != http.StatusNoContent {
		w.Fatalf("no new visitor: %d %s", v.status, v.body)
	}
	return v
}

func (v *visitor) send(method, address, kind, body string, headers ...string) {
	v.Helper()
	r, err := http.NewRequestWithContext(v.Context(), method, address, strings.NewReader(body))
	if err != nil {
		v.Fatal(err)
	}
	r.Header.Set("User-Agent", inWeChat)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := v.http.Do(r)
	if err != nil {
		v.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		v.Fatal(err)
	}
	v.address, v.status, v.body = answer.Request.URL.String(), answer.StatusCode, string(text)
}

// open shows a page, following redirects as the phone does.
func (v *visitor) open(path string) *visitor {
	v.Helper()
	v.send(http.MethodGet, v.app.Public+path, "", "")
	return v
}

// enter goes through WeChat's authorisation to the campaign's page.
func (v *visitor) enter(slug string) *visitor {
	v.Helper()
	return v.open("/w/oauth?c=" + slug + "&ch=poster")
}

func (v *visitor) post(path string, fields url.Values, headers ...string) *visitor {
	v.Helper()
	fields.Set("_csrf", found(csrfPattern, v.body))
	fields.Set("ch", "poster")
	v.send(http.MethodPost, v.app.Public+path, "application/x-www-form-urlencoded", fields.Encode(), headers...)
	return v
}

var (
	statePattern = regexp.MustCompile(`<main[^>]* data-state="([a-z_]+)"`)
	csrfPattern  = regexp.MustCompile(`"csrf":"([^"]+)"`)
	keyPattern   = regexp.MustCompile(`name="key" value="([^"]+)"`)
	claimPattern = regexp.MustCompile(`data-claim="([0-9a-z]+)"`)
)

func found(p *regexp.Regexp, text string) string {
	if m := p.FindStringSubmatch(text); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

// wants fails the test unless the page is in the state and says its sentence.
func (v *visitor) wants(state string) *visitor {
	v.Helper()
	if got := found(statePattern, v.body); v.status != http.StatusOK || got != state {
		v.Fatalf("%s: %d %q, want %q\n%.3000s\n%s", v.address, v.status, got, state, v.body, v.log)
	}
	if sentence, bare := sentences[state]; bare && !strings.Contains(v.body, html.EscapeString(i18n.T(i18n.With(v.Context(), i18n.ZH), sentence))) {
		v.Fatalf("the page %q does not say %q\n%.3000s", state, sentence, v.body)
	}
	return v
}

// sentences are those that tell a visitor what to do.
var sentences = map[string]string{
	"intro": "visitor.intro.action", "sign_failed": "visitor.sign_failed.body", "auth_failed": "visitor.auth_failed.body",
	"confirming": "visitor.confirming.body", "claimed_local": "visitor.claimed_local.body", "form": "visitor.form.action",
}

// claim fills in the form and takes the tap.
func (v *visitor) claim(slug string) *visitor {
	v.Helper()
	return v.post("/c/"+slug+"/claim", url.Values{
		"key": {found(keyPattern, v.body)}, "consent": {"1"}, "f_name": {"王小明"}, "f_phone": {"13800138000"}, "f_plate": {"京A12345"}, "f_car_model": {"轿车"},
	})
}

// signed is the wx.config of a page, with the page that it is for.
type signed struct {
	address string
	config  struct {
		AppID     string `json:"appId"`
		Timestamp int64  `json:"timestamp"`
		Nonce     string `json:"nonceStr"`
		Signature string `json:"signature"`
	}
}

var configPattern = regexp.MustCompile(`"config":(\{[^}]*\})`)

// signature takes the configuration of the page on screen; ok is false without one.
func (v *visitor) signature() (s signed, ok bool) {
	v.Helper()
	m := configPattern.FindStringSubmatch(v.body)
	if m == nil {
		return s, false
	}
	if err := json.Unmarshal([]byte(m[1]), &s.config); err != nil {
		v.Fatal(err)
	}
	s.address = v.address
	return s, true
}

// bridge is a call of the JS-SDK on a signed page; it returns err_msg and the sheet's id.
func (v *visitor) bridge(api string, s signed, extra map[string]any) (said, sheet string) {
	v.Helper()
	args := map[string]any{
		"verifyAppId": s.config.AppID, "verifySignType": "sha1", "verifyTimestamp": strconv.FormatInt(s.config.Timestamp, 10), "verifyNonceStr": s.config.Nonce,
		"verifySignature": s.config.Signature, "verifyJsApiList": []string{"addCard", "batchAddCard"},
	}
	for k, x := range extra {
		args[k] = x
	}
	var out struct {
		Reply map[string]any `json:"reply"`
		Sheet struct {
			ID string `json:"id"`
		} `json:"sheet"`
	}
	v.ask("/bridge/invoke", map[string]any{"api": api, "url": s.address, "args": args}, &out)
	said, _ = out.Reply["err_msg"].(string)
	return said, out.Sheet.ID
}

func (v *visitor) ask(path string, in, out any) {
	v.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		v.Fatal(err)
	}
	keep := *v
	v.send(http.MethodPost, v.phone.URL+path, "application/json", string(body), "Origin", v.app.Public)
	if err := json.NewDecoder(bytes.NewBufferString(v.body)).Decode(out); err != nil {
		v.Fatalf("%s answered %d %s", path, v.status, v.body)
	}
	v.address, v.status, v.body = keep.address, keep.status, keep.body
}

// works fails the test unless WeChat accepts the page's signature.
func (v *visitor) works(s signed) {
	v.Helper()
	if said, _ := v.bridge("preVerifyJSAPI", s, nil); said != "preVerifyJSAPI:ok" {
		v.Fatalf("wx.config of a signed page: %s", said)
	}
}

// card asks for the card of the claim on screen; the answer is the page's new part, or
// the card.
func (v *visitor) card(slug string) (id, ext string) {
	v.Helper()
	v.post("/c/"+slug+"/card", url.Values{"claim": {found(claimPattern, v.body)}}, "X-Kq-Fragment", "1")
	var card struct {
		CardID  string `json:"cardId"`
		CardExt string `json:"cardExt"`
	}
	if json.Unmarshal([]byte(v.body), &card) != nil {
		return "", ""
	}
	return card.CardID, card.CardExt
}

// add lets the wallet show the sheet of a card and presses its button. It returns the
// encrypted code that the page gets.
func (v *visitor) add(s signed, id, ext string) string {
	v.Helper()
	said, sheet := v.bridge("batchAddCard", s, map[string]any{"card_list": []map[string]string{{"card_id": id, "card_ext": ext}}})
	if sheet == "" {
		v.Fatalf("the wallet refused: %s", said)
	}
	var out struct {
		Reply map[string]any `json:"reply"`
	}
	v.ask("/bridge/sheet", map[string]any{"id": sheet, "action": "add"}, &out)
	if out.Reply["err_msg"] != "batchAddCard:ok" {
		v.Fatalf("the sheet answered %v", out.Reply)
	}
	var cards []struct {
		Code string `json:"code"`
	}
	list, _ := out.Reply["card_list"].(string)
	if err := json.Unmarshal([]byte(list), &cards); err != nil || len(cards) != 1 || cards[0].Code == "" {
		v.Fatalf("card_list %q: %v", list, err)
	}
	return cards[0].Code
}
