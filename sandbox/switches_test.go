package sandbox

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestEverySwitchDoesWhatItSays proves each failure with it on; the other tests prove
// the same calls with everything off.
func TestEverySwitchDoesWhatItSays(t *testing.T) {
	t.Parallel()
	denied := func(want string) func(*testing.T, *world, func()) {
		return func(t *testing.T, w *world, on func()) {
			t.Helper()
			verify := w.configured("lin", "batchAddCard")
			ext := w.ext(w.ticket("wx_card"), latte, nil)
			on()
			if got := said(w.addCard("lin", verify, latte, ext)); got != "batchAddCard:"+want {
				t.Errorf("%q, want %q", got, want)
			}
		}
	}
	code := func(path string, want int) func(*testing.T, *world, func()) {
		return func(t *testing.T, w *world, on func()) {
			t.Helper()
			wantCode(t, "before", w.get(path), 0)
			on()
			wantCode(t, "after", w.get(path), want)
		}
	}
	proofs := map[string]func(*testing.T, *world, func()){
		networkDown: func(t *testing.T, w *world, on func()) {
			on()
			if res, err := http.Get(w.url + classicPath); err == nil {
				_ = res.Body.Close()
				t.Error("the connection held")
			}
		},
		slowAnswer: func(t *testing.T, w *world, on func()) {
			on()
			start := time.Now()
			w.classic()
			if time.Since(start) < w.delays.slow {
				t.Error("the answer came at once")
			}
		},
		garbageAnswer: func(t *testing.T, w *world, on func()) {
			on()
			res, body := w.do(http.MethodGet, classicPath, "", nil)
			if !strings.HasPrefix(body, "<html>") || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
				t.Errorf("answer %q", body)
			}
		},
		systemBusy: code(classicPath, -1),
		tokenKilled: func(t *testing.T, w *world, on func()) {
			classic, stable := w.classic(), w.token()
			on()
			wantCode(t, "classic", w.ticketAnswer(classic, "jsapi"), 40001)
			wantCode(t, "stable", w.ticketAnswer(stable, "jsapi"), 40001)
			wantCode(t, "the next token", w.ticketAnswer(w.token(), "jsapi"), 0)
		},
		secretWrong: code(classicPath, 40125),
		ipBlocked: func(t *testing.T, w *world, on func()) {
			on()
			o := w.get(classicPath)
			wantCode(t, "ip", o, 40164)
			if !strings.HasPrefix(o["errmsg"].(string), "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: ") {
				t.Errorf("errmsg %v", o["errmsg"])
			}
		},
		quotaUsed: func(t *testing.T, w *world, on func()) {
			token := w.token()
			on()
			wantCode(t, "token", w.stable(false), 45009)
			wantCode(t, "ticket", w.ticketAnswer(token, "jsapi"), 45009)
		},
		ticketWrongType: func(t *testing.T, w *world, on func()) {
			js := w.ticket("jsapi")
			on()
			if w.ticket("wx_card") != js || w.ticket("jsapi") == js {
				t.Error("the types are not swapped")
			}
		},
		oauthSnapshot: func(t *testing.T, w *world, on func()) {
			on()
			if o := w.get(exchangePath(w.code("lin", "snsapi_userinfo"))); o["is_snapshotuser"] != 1.0 {
				t.Errorf("answer %v", o)
			}
		},
		oauthDeny: func(t *testing.T, w *world, on func()) {
			on()
			if w.code("lin", "snsapi_base") != "" {
				t.Error("a code was given")
			}
		},
		codeExpired: func(t *testing.T, w *world, on func()) {
			on()
			wantCode(t, "code", w.get(exchangePath(w.code("lin", "snsapi_base"))), 42003)
		},
		userInfoDenied: func(t *testing.T, w *world, on func()) {
			on()
			o := w.get(exchangePath(w.code("lin", "snsapi_userinfo")))
			wantCode(t, "profile", w.get("/sns/userinfo?access_token="+o["access_token"].(string)+"&openid="+o["openid"].(string)), 48001)
		},
		scriptMissing: func(t *testing.T, w *world, on func()) {
			on()
			if res, _ := w.do(http.MethodGet, "/open/js/jweixin-1.6.0.js", "", nil); res.StatusCode != http.StatusNotFound {
				t.Errorf("script %s", res.Status)
			}
		},
		jsBadSignature: func(t *testing.T, w *world, on func()) {
			on()
			if got := said(w.bridge("lin", "preVerifyJSAPI", claimPage, w.configArgs(w.ticket("jsapi"), claimPage, "batchAddCard"))); got != "preVerifyJSAPI:fail, Error: invalid signature" {
				t.Errorf("config %q", got)
			}
		},
		cardBadSignature: denied("fail signature error"),
		stockEmpty:       denied("fail out of stock"),
		limitReached:     denied("fail get limit reached"),
		walletCancel:     denied("cancel"),
		pushOff: func(t *testing.T, w *world, on func()) {
			on()
			w.take("lin", latte, nil)
			w.pushes.Wait()
			if len(w.got) != 0 || len(w.Events()) != 1 {
				t.Errorf("%d pushes, %d events", len(w.got), len(w.Events()))
			}
		},
		pushLate: func(t *testing.T, w *world, on func()) {
			on()
			start := time.Now()
			w.take("lin", latte, nil)
			w.push()
			if time.Since(start) < w.delays.late {
				t.Error("the push came at once")
			}
		},
		pushTwice: func(t *testing.T, w *world, on func()) {
			on()
			w.take("lin", latte, nil)
			if first, second := w.push(), w.push(); first.body != second.body {
				t.Error("two different events")
			}
		},
		pushBadSignature: func(t *testing.T, w *world, on func()) {
			on()
			w.take("lin", latte, nil)
			q := w.push().query
			if q.Get("signature") == pushSign("pushtoken", q.Get("timestamp"), q.Get("nonce")) {
				t.Error("the signature is right")
			}
		},
	}
	for _, sw := range newWorld(t).Switches() {
		t.Run(sw.Name, func(t *testing.T) {
			t.Parallel()
			prove := proofs[sw.Name]
			if prove == nil {
				t.Fatal("nothing proves this switch")
			}
			if sw.ZH == "" || sw.EN == "" || sw.Group == "" || sw.On {
				t.Errorf("state %+v", sw)
			}
			w := newWorld(t)
			prove(t, w, func() {
				if err := w.SetSwitch(sw.Name, true); err != nil {
					t.Fatal(err)
				}
			})
			for _, now := range w.Switches() {
				if want := now.Name == sw.Name && !sw.Once; now.On != want {
					t.Errorf("%s is %t", now.Name, now.On)
				}
			}
			if err := w.SetSwitch(sw.Name, false); err != nil {
				t.Fatal(err)
			}
			wantCode(t, "with everything off again", w.get(classicPath), 0)
		})
	}
	if newWorld(t).SetSwitch("nothing", true) == nil {
		t.Error("an unknown switch was set")
	}
}
