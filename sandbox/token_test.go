package sandbox

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestTokenCallsRefuseWrongCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for query, code := range map[string]int{
		"grant_type=x&appid=" + testApp + "&secret=" + testSecret:                       40002,
		"grant_type=client_credential&secret=" + testSecret:                             41002,
		"grant_type=client_credential&appid=" + testApp:                                 41004,
		"grant_type=client_credential&appid=wxother&secret=" + testSecret:               40013,
		"grant_type=client_credential&appid=" + testApp + "&secret=" + testSecret + "x": 40125,
	} {
		wantCode(t, query, w.get("/cgi-bin/token?"+query), code)
	}
	wantCode(t, "GET stable", w.get("/cgi-bin/stable_token"), 43002)
	_, text := w.do(http.MethodPost, "/cgi-bin/stable_token", "", []byte("grant_type=client_credential"))
	wantCode(t, "form body", parse(t, text), 47001)
	wantCode(t, "stable secret", w.post("/cgi-bin/stable_token", object{"grant_type": "client_credential", "appid": testApp, "secret": "no"}), 40125)
	wantCode(t, "force as text", w.post("/cgi-bin/stable_token", object{"grant_type": "client_credential", "appid": testApp, "secret": testSecret, "force_refresh": "yes"}), 47001)
}

func TestErrorAnswersLookLikeWeChats(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	res, text := w.do(http.MethodGet, "/cgi-bin/token?grant_type=client_credential&appid=wxother&secret=x", "", nil)
	if !regexp.MustCompile(`^\{"errcode":40013,"errmsg":"invalid appid rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}"\}$`).MatchString(text) {
		t.Errorf("body %q", text)
	}
	if got := res.Header.Get("Content-Type"); got != "application/json; encoding=utf-8" {
		t.Errorf("content type %q", got)
	}
	res, _ = w.do(http.MethodGet, "/sns/userinfo", "", nil)
	if got := res.Header.Get("Content-Type"); got != "text/plain" {
		t.Errorf("content type of web authorisation %q", got)
	}
}

func TestAClassicTokenEndsTheOneBeforeAfterFiveMinutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.classic()
	second := w.classic()
	if first == second {
		t.Fatal("the classic endpoint gave the same token twice")
	}
	w.clock.add(5*time.Minute - time.Second)
	wantCode(t, "old token in the overlap", w.ticketAnswer(first, "jsapi"), 0)
	w.clock.add(time.Second)
	wantCode(t, "old token after the overlap", w.ticketAnswer(first, "jsapi"), 40001)
	wantCode(t, "new token", w.ticketAnswer(second, "jsapi"), 0)
	w.clock.add(2 * time.Hour)
	wantCode(t, "new token after its life", w.ticketAnswer(second, "jsapi"), 42001)
}

func TestAStableTokenStaysUntilNearItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.stable(false)
	if first["expires_in"] != 7200.0 {
		t.Errorf("expires_in %v", first["expires_in"])
	}
	w.classic()
	w.clock.add(2*time.Hour - 5*time.Minute - time.Second)
	again := w.stable(false)
	if again["access_token"] != first["access_token"] || again["expires_in"] != 301.0 {
		t.Errorf("before renewal: %v", again)
	}
	w.clock.add(time.Second)
	next := w.stable(false)
	if next["access_token"] == first["access_token"] {
		t.Error("not renewed five minutes before the end")
	}
	wantCode(t, "old token until its end", w.ticketAnswer(first["access_token"].(string), "jsapi"), 0)
	w.clock.add(5 * time.Minute)
	wantCode(t, "old token after its end", w.ticketAnswer(first["access_token"].(string), "jsapi"), 42001)
}

func TestAForcedRefreshKillsTheTokenAtMostTwentyTimesADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.token()
	second := w.stable(true)["access_token"].(string)
	wantCode(t, "killed token", w.ticketAnswer(first, "jsapi"), 40001)
	if w.stable(true)["access_token"] != second {
		t.Error("a second forced refresh within 30 s changed the token")
	}
	for range 19 {
		w.clock.add(30 * time.Second)
		wantCode(t, "forced", w.stable(true), 0)
	}
	w.clock.add(30 * time.Second)
	wantCode(t, "the 21st forced refresh", w.stable(true), 45009)
	w.clock.add(24 * time.Hour)
	wantCode(t, "the day after", w.stable(true), 0)
}

func TestTokenQuotas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.DailyTokenQuota = 2 })
	w.Server.mu.Lock()
	w.tokens.stablePerMinute, w.tokens.stablePerDay = 2, 3
	w.Server.mu.Unlock()
	w.classic()
	w.classic()
	wantCode(t, "third classic token", w.get(classicPath), 45009)
	w.token()
	w.token()
	wantCode(t, "third call in a minute", w.stable(false), 45011)
	w.clock.add(time.Minute)
	w.token()
	wantCode(t, "fourth call of the day", w.stable(false), 45009)
	w.clock.add(14 * time.Hour)
	wantCode(t, "classic token on the next day", w.get(classicPath), 0)
}

func TestTicketsNeedAGoodTokenAndDifferByType(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token()
	wantCode(t, "no token", w.get("/cgi-bin/ticket/getticket?type=jsapi"), 41001)
	wantCode(t, "malformed token", w.ticketAnswer("abc", "jsapi"), 40014)
	wantCode(t, "unknown token", w.ticketAnswer("81_"+strings.Repeat("x", 133), "jsapi"), 40001)
	wantCode(t, "wrong type", w.ticketAnswer(token, "card"), 40097)
	js, card := w.ticket("jsapi"), w.ticket("wx_card")
	if js == card {
		t.Error("both types have one ticket")
	}
	w.clock.add(time.Hour)
	again := w.ticketAnswer(w.token(), "jsapi")
	if again["ticket"] != js || again["expires_in"] != 3600.0 {
		t.Errorf("ticket changed within its life: %v", again)
	}
	w.clock.add(time.Hour)
	if w.ticket("jsapi") == js {
		t.Error("an expired ticket was given")
	}
}

func TestShortTokenLivesWorkForTests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.TokenLife = 8 * time.Second })
	first := w.token()
	w.clock.add(6 * time.Second)
	if w.token() == first {
		t.Error("not renewed in the last quarter of its life")
	}
	wantCode(t, "still alive", w.ticketAnswer(first, "jsapi"), 0)
	w.clock.add(2 * time.Second)
	wantCode(t, "expired", w.ticketAnswer(first, "jsapi"), 42001)
}
