package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// hold holds something before the scanner that a call opened.
func (w *world) hold(persona string, opened object, action, kind, text string) object {
	w.t.Helper()
	sheet, ok := opened["scan"].(object)
	if !ok {
		w.t.Fatalf("no scanner: %v", opened)
	}
	body, _ := json.Marshal(object{"id": sheet["id"], "action": action, "kind": kind, "text": text})
	_, answer := w.do(http.MethodPost, "/bridge/scan", persona, body, "Origin", w.pages)
	return parse(w.t, answer)
}

func TestTheScannerGivesThePageWhatIsHeldBeforeIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verify := w.configured("lin", scanAPI)
	open := func(need any, kinds ...string) object {
		return w.bridge("lin", scanAPI, claimPage, with(with(verify, "needResult", need), "scanType", kinds))
	}
	result := func(o object) string {
		text, _ := o["reply"].(object)["resultStr"].(string)
		return said(o) + " " + text
	}
	for _, c := range []struct {
		opened             object
		action, kind, text string
		want               string
	}{
		{open(1, "qrCode", "barCode"), "scan", "qrCode", "KQ1.a.123456789012.x", "scanQRCode:ok KQ1.a.123456789012.x"},
		{open(1, "qrCode", "barCode"), "scan", "barCode", "123456789012", "scanQRCode:ok CODE_128,123456789012"},
		{open(1), "scan", "barCode", "1", "scanQRCode:ok CODE_128,1"},
		{open(1, "barCode"), "scan", "qrCode", "1", "scanQRCode:fail no code was found "},
		{open(1, "barCode"), "scan", "barCode", "券码", "scanQRCode:fail no code was found "},
		{open(1, "qrCode"), "scan", "qrCode", "", "scanQRCode:fail no code was found "},
		{open(1, "qrCode"), "scan", "qrCode", strings.Repeat("x", maxScanText+1), "scanQRCode:fail no code was found "},
		{open(1, "qrCode"), "cancel", "", "", "scanQRCode:cancel "},
		{open(0, "qrCode"), "scan", "qrCode", "123456789012", "scanQRCode:ok "},
	} {
		if got := result(w.hold("lin", c.opened, c.action, c.kind, c.text)); got != c.want {
			t.Errorf("%s %s %.40q: %q, want %q", c.action, c.kind, c.text, got, c.want)
		}
	}

	// Without a result the app deals with what was scanned.
	if got := w.hold("lin", open(0, "qrCode"), "scan", "qrCode", "http://shop.example/c/latte?ch=a"); got["open"] != "http://shop.example/c/latte?ch=a" {
		t.Errorf("a link of the account's site: %v", got)
	}
	if got := w.hold("lin", open(nil, "qrCode"), "scan", "qrCode", "javascript:alert(1)"); got["open"] != nil || got["toast"] != "javascript:alert(1)" {
		t.Errorf("a text: %v", got)
	}

	// A scanner answers once, and only whoever opened it.
	opened := open(1, "qrCode")
	if got := said(w.hold("mei", opened, "scan", "qrCode", "1")); got != "scanQRCode:fail the scanner is closed" {
		t.Errorf("another person: %s", got)
	}
	w.hold("lin", opened, "scan", "qrCode", "1")
	if got := said(w.hold("lin", opened, "scan", "qrCode", "1")); got != "scanQRCode:fail the scanner is closed" {
		t.Errorf("twice: %s", got)
	}
	if res, _ := w.do(http.MethodPost, "/bridge/scan", "lin", []byte("{}"), "Origin", "http://evil.example"); res.StatusCode != http.StatusForbidden {
		t.Errorf("another site: %s", res.Status)
	}
}

func TestTheScannerNeedsItsPermissionAndRightArguments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if got := said(w.bridge("lin", scanAPI, claimPage, object{"needResult": 1})); got != "scanQRCode:permission denied" || !w.refused("还没有成功") {
		t.Errorf("without wx.config: %s", got)
	}
	if got := said(w.bridge("lin", scanAPI, claimPage, w.configured("lin", "batchAddCard"))); got != "scanQRCode:permission denied" || !w.refused("jsApiList") {
		t.Errorf("not in jsApiList: %s", got)
	}
	verify := w.configured("lin", scanAPI)
	for _, args := range []object{with(verify, "needResult", 2), with(verify, "scanType", []string{"wxCode"}), with(verify, "scanType", "qrCode")} {
		if got := said(w.bridge("lin", scanAPI, claimPage, args)); !strings.HasPrefix(got, "scanQRCode:fail invalid ") {
			t.Errorf("%v: %s", args, got)
		}
	}
	if got := w.bridge("lin", "checkJsApi", claimPage, with(verify, "jsApiList", []string{scanAPI})); !strings.Contains(fmt.Sprint(got), "scanQRCode:true") {
		t.Errorf("checkJsApi: %v", got)
	}
	// Everybody's cards can be held before it, the person's own first.
	w.take("mei", latte, nil)
	w.take("lin", latte, nil)
	codes := w.bridge("lin", scanAPI, claimPage, w.configured("lin", scanAPI))["scan"].(object)["codes"].([]any)
	who := map[any]bool{}
	for _, c := range codes {
		who[c.(object)["who"]] = true
	}
	if codes[0].(object)["who"] != "小林" || codes[0].(object)["title"] != "拿铁" || !who["阿美"] {
		t.Errorf("codes %v", codes)
	}
}

// scanScript is a page with a scanner, which picks the first card's code.
const scanScript = `
const seen = { violations: [] };
document.addEventListener("securitypolicyviolation", (e) => seen.violations.push(e.violatedDirective + " " + e.blockedURI));
const set = JSON.parse(document.getElementById("set").textContent);
wx.config({ debug: false, appId: set.app, timestamp: set.stamp, nonceStr: set.nonce, signature: set.signature, jsApiList: ["scanQRCode"] });
wx.ready(() => {
  wx.scanQRCode({
    needResult: 1, scanType: ["qrCode", "barCode"],
    success: (r) => { seen.result = r.resultStr; seen.said = r.errMsg; fetch("/result", { method: "POST", body: JSON.stringify(seen) }); },
  });
  const timer = setInterval(() => {
    if (!window.__wxSandbox.open) return;
    clearInterval(timer);
    const root = document.getElementById("wx-wallet-sheet").shadowRoot;
    seen.text = root.querySelector(".sheet").innerText;
    root.querySelector("[value=barCode]").click();
    root.querySelector("[data-wx=scan][data-code]").click();
  }, 20);
});
`

func TestThePublishedSDKScansInsideThePhone(t *testing.T) {
	t.Parallel()
	sdk, err := os.ReadFile("../assets/dist/sandbox/jweixin.js")
	if err != nil {
		t.Skip("the JS-SDK package is not built")
	}
	ctx := browser(t)
	type result struct {
		Said, Result, Text string
		Violations         []string
	}
	results := make(chan result, 4)
	mux := http.NewServeMux()
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	host, _ := url.Parse(site.URL)
	w := newWorld(t, func(o *Options) { o.SDK = sdk })
	w.take("lin", latte, nil)
	w.Server.mu.Lock()
	w.opt.StartURL, w.opt.OAuthDomain, w.opt.JSDomains = site.URL+"/s/scan", host.Host, []string{host.Host}
	code := w.persona("lin").wallet[0].code
	w.Server.mu.Unlock()
	mux.HandleFunc("GET /scan.js", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/javascript")
		_, _ = rw.Write([]byte(scanScript))
	})
	mux.HandleFunc("POST /result", func(_ http.ResponseWriter, r *http.Request) {
		var out result
		if err := json.NewDecoder(r.Body).Decode(&out); err != nil {
			t.Errorf("result: %v", err)
		}
		results <- out
	})
	mux.HandleFunc("GET /s/scan", func(rw http.ResponseWriter, r *http.Request) {
		stamp := w.clock.Now().Unix()
		set, _ := json.Marshal(object{
			"app": testApp, "stamp": stamp, "nonce": "pageNonce",
			"signature": digest("jsapi_ticket=" + w.ticket("jsapi") + "&noncestr=pageNonce&timestamp=" + strconv.FormatInt(stamp, 10) + "&url=" + site.URL + r.URL.RequestURI()),
		})
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		rw.Header().Set("Content-Security-Policy", "default-src 'self'; style-src 'self'; script-src 'self' "+w.url+"; connect-src 'self' "+w.url+"; frame-ancestors 'self' "+w.url)
		_, _ = fmt.Fprintf(rw, `<!doctype html><title>扫码</title><script id="set" type="application/json">%s</script>`+
			`<script src="%s/open/js/jweixin-1.6.0.js"></script><script src="/scan.js" defer></script><p>scan`, set, w.url)
	})
	if _, err := chromedp.Run(ctx, chromedp.Navigate(w.url+"/phone")); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-results:
		if got.Said != "scanQRCode:ok" || got.Result != "CODE_128,"+code || !strings.Contains(got.Text, "拿铁") || !strings.Contains(got.Text, code) || len(got.Violations) > 0 {
			t.Errorf("seen %+v, the card's code is %s", got, code)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("the page told nothing; log: %+v", w.Log())
	}
}
