package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// claimScript is a claim page in small: configure, add a card, press the sheet's button,
// tell the test everything that was seen.
const claimScript = `
const seen = { agent: navigator.userAgent, violations: [] };
document.addEventListener("securitypolicyviolation", (e) => seen.violations.push(e.violatedDirective + " " + e.blockedURI));
const tell = () => fetch("/result", { method: "POST", body: JSON.stringify(seen) });
const set = JSON.parse(document.getElementById("set").textContent);
wx.config({ debug: false, appId: set.app, timestamp: set.stamp, nonceStr: set.nonce, signature: set.signature, jsApiList: ["addCard"] });
wx.error((e) => { seen.error = e.errMsg; tell(); });
wx.ready(() => {
  seen.ready = true;
  wx.addCard({
    cardList: [{ cardId: set.card, cardExt: set.ext }],
    success: (r) => { seen.success = r; seen.closed = !document.getElementById("wx-wallet-sheet"); tell(); },
    cancel: (r) => { seen.cancel = r; tell(); },
    fail: (r) => { seen.fail = r; tell(); },
  });
  const timer = setInterval(() => {
    if (!window.__wxSandbox.open) return;
    clearInterval(timer);
    const root = document.getElementById("wx-wallet-sheet").shadowRoot;
    seen.face = getComputedStyle(root.querySelector(".face")).backgroundColor;
    seen.text = root.textContent;
    root.querySelector("[data-wx=add]").click();
  }, 20);
});
`

type seenInPage struct {
	Agent      string   `json:"agent"`
	Violations []string `json:"violations"`
	Error      string   `json:"error"`
	Ready      bool     `json:"ready"`
	Closed     bool     `json:"closed"`
	Face       string   `json:"face"`
	Text       string   `json:"text"`
	Fail       any      `json:"fail"`
	Success    struct {
		ErrMsg   string `json:"errMsg"`
		CardList []struct {
			CardID    string `json:"cardId"`
			CardExt   string `json:"cardExt"`
			Code      string `json:"code"`
			IsSuccess bool   `json:"isSuccess"`
		} `json:"cardList"`
	} `json:"success"`
}

// claimSite serves the claim page under the policy that a real one has.
func claimSite(t *testing.T, w func() *world, result chan<- seenInPage) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	mux.HandleFunc("GET /claim.js", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/javascript")
		_, _ = rw.Write([]byte(claimScript))
	})
	mux.HandleFunc("POST /result", func(_ http.ResponseWriter, r *http.Request) {
		var seen seenInPage
		if err := json.NewDecoder(r.Body).Decode(&seen); err != nil {
			t.Errorf("result: %v", err)
		}
		result <- seen
	})
	mux.HandleFunc("GET /c/latte", func(rw http.ResponseWriter, r *http.Request) {
		w := w()
		stamp := w.clock.Now().Unix()
		set, _ := json.Marshal(object{
			"app": testApp, "stamp": stamp, "nonce": "pageNonce", "card": latte, "ext": w.ext(w.ticket("wx_card"), latte, object{"outer_str": "claim-1"}),
			"signature": digest("jsapi_ticket=" + w.ticket("jsapi") + "&noncestr=pageNonce&timestamp=" + strconv.FormatInt(stamp, 10) + "&url=" + site.URL + r.URL.RequestURI()),
		})
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		rw.Header().Set("Content-Security-Policy", "default-src 'self'; style-src 'self'; script-src 'self' "+w.url+"; connect-src 'self' "+w.url+"; frame-ancestors 'self' "+w.url)
		_, _ = fmt.Fprintf(rw, `<!doctype html><title>领券</title><script id="set" type="application/json">%s</script>`+
			`<script src="%s/open/js/jweixin-1.6.0.js"></script><script src="/claim.js" defer></script><p>claim`, set, w.url)
	})
	return site
}

// browser is a tab of a headless Chromium; the test is skipped where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium is installed")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.Flag("no-sandbox", true), chromedp.Flag("disable-gpu", true), chromedp.WindowSize(1280, 960))
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

func TestThePublishedSDKAddsACardInsideThePhone(t *testing.T) {
	t.Parallel()
	sdk, err := os.ReadFile("../assets/dist/sandbox/jweixin.js")
	if err != nil {
		t.Skip("the JS-SDK package is not built")
	}
	ctx := browser(t)
	result := make(chan seenInPage, 4)
	var w *world
	site := claimSite(t, func() *world { return w }, result)
	host, _ := url.Parse(site.URL)
	w = newWorld(t, func(o *Options) {
		o.SDK, o.StartURL, o.OAuthDomain = sdk, site.URL+"/c/latte?from=singlemessage", host.Host
	})
	if _, err := chromedp.Run(ctx, chromedp.Navigate(w.url+"/phone")); err != nil {
		t.Fatal(err)
	}
	var seen seenInPage
	select {
	case seen = <-result:
	case <-time.After(30 * time.Second):
		t.Fatalf("the page told nothing; log: %+v", w.Log())
	}
	if !strings.Contains(seen.Agent, "MicroMessenger/") || !seen.Ready || seen.Error != "" || len(seen.Violations) > 0 || seen.Fail != nil {
		t.Fatalf("seen %+v; log %+v", seen, w.Log())
	}
	if seen.Face != "rgb(44, 159, 103)" || !strings.Contains(seen.Text, "拿铁") || !seen.Closed {
		t.Errorf("the sheet: %+v", seen)
	}
	list := seen.Success.CardList
	if seen.Success.ErrMsg != "addCard:ok" || len(list) != 1 || list[0].CardID != latte || !list[0].IsSuccess || list[0].Code == "" || !strings.Contains(list[0].CardExt, "claim-1") {
		t.Fatalf("success %+v", seen.Success)
	}
	if p := w.push(); !strings.Contains(p.body, "<OuterStr><![CDATA[claim-1]]></OuterStr>") {
		t.Errorf("pushed %s", p.body)
	}
	code, err := chromedp.Run(ctx, chromedp.Poll[string](`document.querySelector("#wallet .card")?.dataset.code`))
	if err != nil || len(code) != 12 {
		t.Errorf("the wallet of the phone shows %q: %v", code, err)
	}

	// Another persona gets a page of their own, and refusals show in the log.
	if err := w.SetSwitch("card_bad_signature", true); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[chromedp.Void](`document.querySelector('[data-persona="mei"]').click()`)); err != nil {
		t.Fatal(err)
	}
	select {
	case seen = <-result:
	case <-time.After(30 * time.Second):
		t.Fatal("the second persona's page told nothing")
	}
	if seen.Fail == nil {
		t.Errorf("seen %+v", seen)
	}
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](`!!document.querySelector('#log [data-level=refused]') && !document.querySelector("#wallet .card") && document.querySelector('[data-switch=card_bad_signature]').checked`)); err != nil {
		t.Error(err)
	}
}
