package sandbox

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

func (w *world) control(persona string, in object, headers ...string) *http.Response {
	w.t.Helper()
	body, _ := json.Marshal(in)
	res, _ := w.do(http.MethodPost, "/sandbox-ui/control", persona, body, headers...)
	return res
}

func TestOnlyThePhonePageControlsTheSandbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	on := object{"do": "switch", "name": "busy", "on": true}
	for name, headers := range map[string][]string{
		"nothing said": nil, "other site": {"Sec-Fetch-Site", "cross-site"}, "other port": {"Sec-Fetch-Site", "same-site"},
		"foreign origin": {"Origin", "http://evil.example"}, "address bar": {"Sec-Fetch-Site", "none"},
	} {
		if res := w.control("lin", on, headers...); res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", name, res.Status)
		}
	}
	wantCode(t, "still off", w.get(classicPath), 0)
	if res, _ := w.do(http.MethodGet, "/sandbox-ui/control?do=switch", "lin", nil, "Sec-Fetch-Site", "same-origin"); res.StatusCode != http.StatusNotFound {
		t.Errorf("GET: %s", res.Status)
	}
	if res := w.control("lin", on, "Origin", w.url); res.StatusCode != http.StatusNoContent {
		t.Errorf("own page: %s", res.Status)
	}
	wantCode(t, "now on", w.get(classicPath), -1)
	for _, bad := range []object{{"do": "switch", "name": "x"}, {"do": "persona", "name": "x"}, {"do": "resend", "event": 5}, {"do": "x"}} {
		if res := w.control("lin", bad, "Sec-Fetch-Site", "same-origin"); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%v: %s", bad, res.Status)
		}
	}
}

func cookies(res *http.Response) map[string]*http.Cookie {
	out := map[string]*http.Cookie{}
	for _, c := range res.Cookies() {
		out[c.Name] = c
	}
	return out
}

func TestAnotherPersonaHasAnotherPhone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := cookies(w.control("lin", object{"do": "persona", "name": "mei"}, "Sec-Fetch-Site", "same-origin", "Cookie", "kq_persona=lin; kq_visitor=sealed-lin; other=1"))
	if got[personaCookie].Value != "mei" || got["kq_visitor"].MaxAge >= 0 || got["other"] != nil {
		t.Errorf("cookies %v", got)
	}
	got = cookies(w.control("mei", object{"do": "persona", "name": "lin"}, "Sec-Fetch-Site", "same-origin", "Cookie", "kq_persona=mei; kq_visitor=sealed-mei"))
	if got["kq_visitor"].Value != "sealed-lin" {
		t.Errorf("the first phone lost its session: %v", got)
	}
	fresh := cookies(w.control("lin", object{"do": "visitor"}, "Sec-Fetch-Site", "same-origin"))[personaCookie].Value
	a := w.get(exchangePath(w.code(fresh, "snsapi_base")))["openid"]
	other := cookies(w.control("lin", object{"do": "visitor"}, "Sec-Fetch-Site", "same-origin"))[personaCookie].Value
	if b := w.get(exchangePath(w.code(other, "snsapi_base")))["openid"]; a == b || a == "" {
		t.Errorf("new visitors %v and %v", a, b)
	}
}

func TestVisitorsAndLogsStayBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var first string
	for i := range maxVisitors + 5 {
		id := cookies(w.control("lin", object{"do": "visitor"}, "Sec-Fetch-Site", "same-origin"))[personaCookie].Value
		if i == 0 {
			first = id
			w.take(id, latte, nil)
		}
	}
	w.Server.mu.Lock()
	people, codes, gone := len(w.people), len(w.codes), w.persona(first) == nil
	w.Server.mu.Unlock()
	if people != 6+maxVisitors || codes != 4 || !gone {
		t.Errorf("%d personas, %d codes, first gone: %t", people, codes, gone)
	}
	for range maxEntries {
		w.get("/cgi-bin/token")
	}
	if n := len(w.Log()); n != maxEntries {
		t.Errorf("%d log entries", n)
	}
	now := time.Now()
	shelf := newShelf[int](3)
	for i, key := range []string{"a", "b", "c", "d"} {
		shelf.put(now, key, i, now.Add(time.Minute))
	}
	if _, there := shelf.get(now, "a"); there || len(shelf.items) != 3 {
		t.Errorf("a full shelf kept its oldest: %v", shelf.items)
	}
	if v, there := shelf.take(now, "d"); !there || v != 3 {
		t.Error("the newest is missing")
	}
	if _, there := shelf.get(now, "d"); there {
		t.Error("taken twice")
	}
}

func TestThePhonePageAndItsState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	res, body := w.do(http.MethodGet, "/phone", "", nil)
	if !strings.Contains(body, `<iframe id="screen"`) || cookies(res)[personaCookie].Value != "lin" {
		t.Error("the page lacks its frame or its persona")
	}
	csp := res.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(csp, part) {
			t.Errorf("policy lacks %s: %s", part, csp)
		}
	}
	if strings.Contains(body, "style=") || strings.Contains(body, "onclick") || strings.Contains(body, "<style") {
		t.Error("the page breaks its own policy")
	}
	for path, kind := range map[string]string{"phone.css": "text/css", "phone.js": "text/javascript", "authorize.css": "text/css", "authorize.js": "text/javascript"} {
		if res, _ := w.do(http.MethodGet, "/sandbox-ui/"+path, "", nil); res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), kind) {
			t.Errorf("%s: %s %s", path, res.Status, res.Header.Get("Content-Type"))
		}
	}
	if res, _ := w.do(http.MethodGet, "/sandbox-ui/phone.html", "", nil); res.StatusCode != http.StatusNotFound {
		t.Error("templates are served raw")
	}
	_, text := w.do(http.MethodGet, "/sandbox-ui/state", "lin", nil)
	if strings.Contains(text, "null") {
		t.Errorf("lists must be lists from the start: %s", text)
	}
	w.take("lin", latte, nil)
	_, text = w.do(http.MethodGet, "/sandbox-ui/state", "lin", nil)
	var state stateView
	if err := json.Unmarshal([]byte(text), &state); err != nil {
		t.Fatal(err)
	}
	if state.Persona != "lin" || len(state.Wallet) != 1 || state.Wallet[0].CardID != latte || state.Cards[0].Stock != 8 || len(state.Log) == 0 || len(state.Switches) != len(switches) {
		t.Errorf("state %+v", state)
	}
	w.push()
	w.control("mei", object{"do": "delete", "code": state.Wallet[0].Code}, "Sec-Fetch-Site", "same-origin")
	w.control("lin", object{"do": "delete", "code": state.Wallet[0].Code}, "Sec-Fetch-Site", "same-origin")
	if p := w.push(); !strings.Contains(p.body, "<![CDATA[user_del_card]]>") {
		t.Errorf("pushed %s", p.body)
	}
	w.SetStart("http://shop.example/c/cake")
	if _, text := w.do(http.MethodGet, "/sandbox-ui/state", "lin", nil); !strings.Contains(text, "/c/cake") {
		t.Error("the start page did not change")
	}
}

func TestThePhoneHearsOfChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/sandbox-ui/stream", nil)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewScanner(res.Body)
	next := func() string {
		for lines.Scan() {
			if lines.Text() != "" {
				return lines.Text()
			}
		}
		return "end"
	}
	first := next()
	w.SetStart("http://shop.example/x")
	if second := next(); second == first || !strings.HasPrefix(second, "data: ") {
		t.Errorf("%q after %q", second, first)
	}
	w.Close()
	if got := next(); got != "end" {
		t.Errorf("after Close: %q", got)
	}
}

func TestOutsideOfWeChatTheScriptHasNoBridge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, inside := w.do(http.MethodGet, "/open/js/jweixin-1.6.0.js", "lin", nil)
	_, outside := w.do(http.MethodGet, "/open/js/jweixin-1.6.0.js", "pc", nil)
	if !strings.Contains(inside, "WeixinJSBridge") || !strings.HasSuffix(inside, "/* sdk */") || outside != "/* sdk */" {
		t.Error("the script is put together wrongly")
	}
}
