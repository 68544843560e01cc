package sandbox

import (
	"context"
	"errors"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
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
		noAnswer: func(t *testing.T, w *world, on func()) {
			on()
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+classicPath, nil)
			if err != nil {
				t.Fatal(err)
			}
			if res, err := http.DefaultClient.Do(req); !errors.Is(err, context.DeadlineExceeded) {
				if err == nil {
					_ = res.Body.Close()
				}
				t.Errorf("the client did not wait in vain: %v", err)
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
		rateLimited: func(t *testing.T, w *world, on func()) {
			token := w.token()
			on()
			wantCode(t, "token", w.stable(false), 45011)
			wantCode(t, "classic", w.get(classicPath), 45011)
			wantCode(t, "ticket", w.ticketAnswer(token, "jsapi"), 45011)
		},
		foreignRefresher: func(t *testing.T, w *world, on func()) {
			classic, stable := w.classic(), w.token()
			on()
			wantCode(t, "the first call", w.ticketAnswer(classic, "jsapi"), 0)
			wantCode(t, "the second call", w.ticketAnswer(classic, "jsapi"), 0)
			wantCode(t, "the third call", w.ticketAnswer(classic, "jsapi"), 40001)
			wantCode(t, "a stable token", w.ticketAnswer(stable, "jsapi"), 0)
			wantCode(t, "a new token", w.ticketAnswer(w.classic(), "jsapi"), 0)
			if w.tokens.classicUsed != 3 {
				t.Errorf("%d of the quota are used, want ours and theirs", w.tokens.classicUsed)
			}
		},
		clockSkew: func(t *testing.T, w *world, on func()) {
			on()
			res, _ := w.do(http.MethodGet, classicPath, "", nil)
			ahead := w.clock.Now().Add(11 * time.Minute)
			if date, err := http.ParseTime(res.Header.Get("Date")); err != nil || !date.Equal(ahead) {
				t.Errorf("Date %q, want %s", res.Header.Get("Date"), ahead)
			}
			w.take("lin", latte, nil)
			got, stamp := w.push(), strconv.FormatInt(ahead.Unix(), 10)
			if got.query.Get("timestamp") != stamp || !strings.Contains(got.body, "<CreateTime>"+stamp+"</CreateTime>") {
				t.Errorf("the push carries the right time: %s", got.body)
			}
		},
		cardDenied: func(t *testing.T, w *world, on func()) {
			code := w.take("lin", latte, nil)
			token := w.token()
			on()
			wantCode(t, "wx_card", w.ticketAnswer(token, "wx_card"), 48001)
			wantCode(t, "jsapi", w.ticketAnswer(token, "jsapi"), 0)
			wantCode(t, "decrypt", w.post("/card/code/decrypt?access_token="+token, object{"encrypt_code": code}), 48001)
			wantCode(t, "get", w.post("/card/code/get?access_token="+token, object{"code": "1"}), 48001)
			wantCode(t, "consume", w.post("/card/code/consume?access_token="+token, object{"code": "1"}), 48001)
			for _, path := range []string{"batchget", "get", "modifystock", "user/getcardlist"} {
				wantCode(t, path, w.post("/card/"+path+"?access_token="+token, object{}), 48001)
			}
			wantCode(t, "with a dead token", w.post("/card/code/get?access_token=x", object{"code": "1"}), 40014)
		},
		accountDenied: func(t *testing.T, w *world, on func()) {
			token := w.token()
			on()
			for _, path := range []string{"/cgi-bin/menu/create", "/cgi-bin/qrcode/create", "/cgi-bin/media/upload", "/cgi-bin/message/custom/send"} {
				wantCode(t, path, w.post(path+"?access_token="+token, object{}), 48001)
				wantCode(t, path+" with a dead token", w.post(path+"?access_token=x", object{}), 40014)
			}
			for _, path := range []string{"/cgi-bin/menu/get", "/cgi-bin/menu/delete", "/cgi-bin/user/info"} {
				wantCode(t, path, w.get(path+"?access_token="+token), 48001)
			}
			wantCode(t, "cards are another right", w.post("/card/batchget?access_token="+token, object{"count": 1}), 0)
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
		pushTripled: func(t *testing.T, w *world, on func()) {
			on()
			w.take("lin", latte, nil)
			first := w.push()
			if second, third := w.push(), w.push(); first.body != second.body || first.body != third.body {
				t.Error("three different events")
			}
			w.pushes.Wait()
			if len(w.got) != 0 {
				t.Error("and a fourth one")
			}
		},
		pushReordered: func(t *testing.T, w *world, on func()) {
			w.delays.late = time.Minute // so that only the second event can let the first go
			on()
			w.take("lin", latte, nil)
			w.take("mei", latte, nil)
			first, second := w.push(), w.push()
			events := w.Events()
			if first.body != events[1].Body || second.body != events[0].Body {
				t.Error("the events came in their order")
			}
			w.delays.late = time.Millisecond
			w.take("lin", custom, object{"code": "800000000001"})
			if w.push().body != w.Events()[2].Body {
				t.Error("an event that nobody overtakes is lost")
			}
			w.pushes.Wait()
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
	maps.Copy(proofs, miniProofs())
	maps.Copy(proofs, payProofs())
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

func TestASwitchMayActOnAShareOfTheCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dice := []float64{0.49, 0.5, 0.99, 0}
	w.roll = func() float64 { defer func() { dice = append(dice[1:], dice[0]) }(); return dice[0] }
	if err := w.SetChance(systemBusy, 0.5); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{-1, 0, 0, -1, -1, 0} {
		if got := errcode(w.get(classicPath)); got != want {
			t.Errorf("call %d answered %d, want %d", i+1, got, want)
		}
	}
	for _, sw := range w.Switches() {
		switch {
		case sw.Name == systemBusy && (!sw.On || sw.Chance != 0.5), sw.Name != systemBusy && (sw.On || sw.Chance != 1):
			t.Errorf("state %+v", sw)
		}
	}
	w.roll = func() float64 { t.Error("a die was cast for a switch that is off, or on for every call"); return 0 }
	for _, share := range []float64{0, 1} {
		if err := w.SetChance(systemBusy, share); err != nil {
			t.Fatal(err)
		}
		w.get(classicPath)
	}
	for _, share := range []float64{-0.1, 1.1, math.NaN(), math.Inf(1)} {
		if w.SetChance(systemBusy, share) == nil {
			t.Errorf("a share of %v was taken", share)
		}
	}
	if w.SetChance(tokenKilled, 0.5) == nil || w.SetChance("nothing", 0.5) == nil {
		t.Error("a share for what acts once, or for nothing at all")
	}
}

func TestSharesAreHeldInTheLongRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.SetChance(pushOff, 0.5); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for range 10_000 {
		if w.acts(pushOff) {
			n++
		}
	}
	if n < 4_500 || n > 5_500 {
		t.Errorf("half of 10000 calls were %d", n)
	}
}

func TestThePhoneSetsHowOften(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	chance := func(share any) int {
		return w.control("lin", object{"do": "chance", "name": "busy", "chance": share}, "Sec-Fetch-Site", "same-origin").StatusCode
	}
	if status := chance(0.1); status != http.StatusNoContent || w.flags[systemBusy] != 0.1 {
		t.Errorf("%d, share %v", status, w.flags[systemBusy])
	}
	if chance(7) != http.StatusBadRequest || chance("often") != http.StatusBadRequest || w.flags[systemBusy] != 0.1 {
		t.Error("a wrong share was taken")
	}
}

func TestCallsThatAreNeverAnsweredEndWithTheSandbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.SetSwitch(noAnswer, true); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		res, err := http.Get(w.url + classicPath)
		if err == nil {
			_ = res.Body.Close()
		}
		ended <- err
	}()
	for working := false; !working; {
		for _, e := range w.Log() {
			working = working || strings.Contains(e.EN, "switch at work: timeout")
		}
	}
	select {
	case err := <-ended:
		t.Fatalf("it was answered: %v", err)
	default:
	}
	w.Close()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("it was answered after all")
		}
	case <-time.After(5 * time.Second):
		t.Error("the call outlives the sandbox")
	}
}

// Whoever only asks for the date, as a health check does, hears the same clock as a caller.
func TestABareQuestionForTheDateHearsTheWrongClockToo(t *testing.T) {
	t.Parallel()
	s := New(Options{AppID: "wx0000000000000001", Secret: "0123456789abcdef0123456789abcdef"})
	for _, wrong := range []bool{false, true} {
		if err := s.SetSwitch(clockSkew, wrong); err != nil {
			t.Fatal(err)
		}
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, httptest.NewRequest(http.MethodHead, "/", nil))
		if answer.Code != http.StatusOK {
			t.Fatalf("HEAD / answers %d", answer.Code)
		}
		date, err := http.ParseTime(answer.Header().Get("Date"))
		if ahead := time.Until(date); (err == nil && ahead > skew-time.Minute) != wrong {
			t.Errorf("with the switch %v the date is %v ahead (%v)", wrong, ahead, err)
		}
	}
}
