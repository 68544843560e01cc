package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// payScript is a paying page in small: it pays through the bridge and presses the button.
const payScript = `
const seen = { violations: [] };
document.addEventListener("securitypolicyviolation", (e) => seen.violations.push(e.violatedDirective + " " + e.blockedURI));
WeixinJSBridge.invoke("getBrandWCPayRequest", JSON.parse(document.getElementById("set").textContent), (r) => {
  seen.said = r.err_msg;
  seen.closed = !document.getElementById("wx-wallet-sheet");
  fetch("/result", { method: "POST", body: JSON.stringify(seen) });
});
const timer = setInterval(() => {
  if (!window.__wxSandbox.open) return;
  clearInterval(timer);
  const root = document.getElementById("wx-wallet-sheet").shadowRoot;
  seen.sum = root.querySelector(".sum").textContent;
  seen.buttons = [...root.querySelectorAll("button")].map((b) => b.dataset.wx + " " + b.textContent).join();
  root.querySelector("[data-wx=pay]").click();
}, 20);
`

func TestAPagePaysInsideThePhone(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	type result struct {
		Said, Sum, Buttons string
		Closed             bool
		Violations         []string
	}
	results := make(chan result, 4)
	mux := http.NewServeMux()
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	host, _ := url.Parse(site.URL)
	p := newPayWorld(t)
	p.mu.Lock()
	p.opt.StartURL, p.opt.OAuthDomain, p.opt.JSDomains = site.URL+"/pay", host.Host, []string{host.Host}
	p.mu.Unlock()
	front, _ := json.Marshal(p.front3(testApp, p.order3("order-1", nil)))
	mux.HandleFunc("GET /pay.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write([]byte(payScript))
	})
	mux.HandleFunc("POST /result", func(_ http.ResponseWriter, r *http.Request) {
		var out result
		if err := json.NewDecoder(r.Body).Decode(&out); err != nil {
			t.Errorf("result: %v", err)
		}
		results <- out
	})
	mux.HandleFunc("GET /pay", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'self'; script-src 'self' "+p.url+"; connect-src 'self' "+p.url+"; frame-ancestors 'self' "+p.url)
		_, _ = fmt.Fprintf(w, `<!doctype html><title>付款</title><script id="set" type="application/json">%s</script>`+
			`<script src="%s/open/js/jweixin-1.6.0.js"></script><script src="/pay.js" defer></script><p>pay`, front, p.url)
	})
	if _, err := chromedp.Run(ctx, chromedp.Navigate(p.url+"/phone")); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-results:
		if got.Said != "get_brand_wcpay_request:ok" || got.Sum != "¥12.00" || got.Buttons != "pay 支付,cancel 取消" || !got.Closed || len(got.Violations) > 0 {
			t.Errorf("seen %+v", got)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("the page told nothing; log %+v", p.Log())
	}
	p.note()
	p.refund3("order-1", "back-1", 200)
	p.note()
	text, err := chromedp.Run(ctx, chromedp.Poll[string](`(document.querySelector("#tab-pay").click(), document.querySelector("#orders [data-state=REFUND] .refund") && document.querySelector("#orders").textContent)`))
	if err != nil || !strings.Contains(text, "¥12.00") || !strings.Contains(text, "已退款") || !strings.Contains(text, "−¥2.00") {
		t.Errorf("the tab shows %q: %v", text, err)
	}
}
