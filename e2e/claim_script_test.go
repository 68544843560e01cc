package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// sdk is a JS-SDK that misbehaves as the page's mode says (protocol 2.2, 2.5, 3.1).
const sdk = `(function () {
  var mode = document.body.dataset.mode, configs = 0, ready, error;
  window.calls = [];
  window.wx = {
    ready: function (f) { ready = f; },
    error: function (f) { error = f; },
    config: function (c) {
      configs++;
      window.calls.push('config ' + c.signature);
      if (mode === 'silent') return;
      var no = { resign: 'config:invalid signature', domain: 'config:invalid url domain' }[mode];
      if (no && configs === 1) setTimeout(function () { error({ errMsg: no }); ready(); }, 0);
      else if (configs === 1) setTimeout(ready, 0);
    },
    addCard: function (o) {
      window.calls.push('addCard');
      var card = { cardId: 'p', cardExt: '{}', code: 'sealed', isSuccess: mode === 'halfway' ? false : mode === 'text' ? 'true' : true };
      if (mode === 'closed') o.fail({ errMsg: 'addCard:fail cancel' });
      else if (mode === 'chinese') o.fail({ errMsg: 'addCard:fail 库存不足' });
      else o.success({ errMsg: 'addCard:ok', cardList: [card] });
    }
  };
})();`

func TestTheClaimScriptBelievesTheSDKOnlyWhatItMay(t *testing.T) {
	t.Parallel()
	var (
		mu   sync.Mutex
		told []string
	)
	heard := func(text string) bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Contains(told, text)
	}
	state := func(name string) string {
		return `<main id="kq-main" data-state="` + name + `" data-claim="1"><button class="kq-btn" data-act="add">领取</button></main>`
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page/{mode}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><body data-mode="%s">%s<template id="kq-sign_failed">%s</template><template id="kq-network_error">%s</template>`+
			`<script id="kq-data" type="application/json">{"base":"/c/x","sdk":"/first//res.wx.qq.com/sdk.js","texts":{},"config":{"appId":"wx1","timestamp":1,"nonceStr":"n","signature":"first","url":"u"}}</script>`+
			`<script src="/claim.js"></script>`, r.PathValue("mode"), state("ready"), state("sign_failed"), state("network_error"))
	})
	mux.HandleFunc("GET /claim.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "../assets/src/claim.js") })
	mux.HandleFunc("GET /first/", func(w http.ResponseWriter, r *http.Request) {
		// The first host is down.
		if !strings.Contains(r.RequestURI, "//res2.wx.qq.com/") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write([]byte(sdk))
	})
	mux.HandleFunc("POST /c/x/config", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"appId":"wx1","timestamp":1,"nonceStr":"n","signature":"second","url":"u"}`))
	})
	mux.HandleFunc("POST /c/x/card", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"cardId":"p","cardExt":"{}"}`))
	})
	mux.HandleFunc("POST /c/x/report", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(state(strings.Join([]string{"told", r.FormValue("outcome"), r.FormValue("detail"), r.FormValue("code")}, "-"))))
	})
	mux.HandleFunc("POST /c/x/signature", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		told = append(told, r.FormValue("message"))
		mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /c/x/state", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(state("claimed"))) })
	// ServeMux would clean the doubled slash away.
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/first/") {
			r.URL.Path = "/first/x"
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(site.Close)
	phone := browse(t, 400, 800)
	for _, row := range []struct{ mode, state string }{
		{"well", "told-added--sealed"},
		{"text", "told-added--sealed"},
		{"halfway", "told-refused-fail-"},
		{"closed", "told-cancelled--"},
		{"chinese", "told-refused-45031-"},
		{"resign", "told-added--sealed"},
		{"domain", "sign_failed"},
		{"silent", "sign_failed"},
	} {
		phone.open(site.URL + "/page/" + row.mode)
		phone.click(page, ".kq-btn", "")
		phone.await(page, `document.getElementById('kq-main').dataset.state === '`+row.state+`'`)
		if row.mode == "resign" {
			// Nothing is asked of the wallet before the second signature.
			phone.await(page, `window.calls.join() === 'config first,config second,addCard'`)
		}
	}
	if !heard("config:invalid url domain") || !heard("config:invalid signature") {
		t.Errorf("the server was told %q", told)
	}
	phone.open(site.URL + "/page/well")
	phone.await(page, `window.calls`)
	if _, err := eval[bool](phone, page, `window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))`); err != nil {
		t.Fatal(err)
	}
	phone.await(page, `document.getElementById('kq-main').dataset.state === 'claimed'`)
	phone.clean()
}
