package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestARedirectDoesNotCarryTheTokenAway(t *testing.T) {
	t.Parallel()
	away := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer away.Close()
	server := httptest.NewServer(http.RedirectHandler(away.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	var bad *AnswerError
	err := newClient(server.Client(), server.URL, time.Now).get(t.Context(), "/x", nil, nil)
	if !errors.As(err, &bad) || bad.Status != http.StatusTemporaryRedirect {
		t.Errorf("got %v", err)
	}
}

func TestAnAnswerThatIsTooLargeIsCutOff(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"a":"` + strings.Repeat("x", maxAnswer) + `"}`))
	}))
	defer server.Close()
	var bad *AnswerError
	if err := newClient(nil, server.URL+"/", time.Now).get(t.Context(), "/x", nil, nil); !errors.As(err, &bad) {
		t.Errorf("got %v", err)
	}
}

func TestASilentServerIsLeftAfterFiveSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient(&http.Client{Transport: silent{}}, "", time.Now)
		start := time.Now()
		err := c.get(t.Context(), "/x", map[string][]string{"secret": {testSecret}}, nil)
		var network *NetworkError
		if !errors.As(err, &network) || !errors.Is(err, context.DeadlineExceeded) || Meaning(err) != "wechat.error.network" || time.Since(start) != callTimeout {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		noSecrets(t, "the error", fmt.Sprintf("%v %+v %#v", err, err, network.Err))
	})
}

type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestErrorsSayWhatWeChatSaid(t *testing.T) {
	t.Parallel()
	err := parseAnswer("/cgi-bin/token", 200, []byte("\ufeff"+`{"errcode":40013,"errmsg":"invalid appid rid: 65a1b2c3-0badcafe-12345678\u0000\n"}`), nil, nil)
	var api *APIError
	if !errors.As(err, &api) || api.RID != "65a1b2c3-0badcafe-12345678" || api.Class() != ClassConfig || api.Retryable() {
		t.Fatalf("got %#v", err)
	}
	if text := err.Error(); !strings.Contains(text, "40013") || !strings.Contains(text, "rid: 65a1b2c3-0badcafe-12345678") || strings.ContainsAny(text, "\x00\n") {
		t.Error(text)
	}
	if e := (&APIError{Code: 1, RID: "abc123", Path: "/x"}); !strings.Contains(e.Error(), "rid abc123") || e.Class() != ClassUnknown || Meaning(fmt.Errorf("wrapped: %w", e)) != "wechat.error.unknown" {
		t.Error(e)
	}
	for code, retry := range map[int]bool{-1: true, 45011: true, 45009: false, 40164: false, 99999: false} {
		if e := (&APIError{Code: code}); e.Retryable() != retry {
			t.Errorf("%d: %t", code, e.Retryable())
		}
	}
	for message, want := range map[string]string{
		"invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: 1-2-3": "203.0.113.7",
		"invalid ip 2001:db8::7, not in whitelist":                                    "2001:db8::7",
		"invalid ip ::ffff:203.0.113.9, not in whitelist":                             "203.0.113.9",
		"not in whitelist <script>":                                                   "",
	} {
		if got := (&APIError{Code: 40164, Message: message}).IP(); got != want {
			t.Errorf("%s: %q", message, got)
		}
		if got := (&APIError{Code: 45009, Message: message}).IP(); got != "" {
			t.Errorf("45009 names %q", got)
		}
	}
	if Meaning(nil) != "" || Meaning(errors.New("x")) != "wechat.error.unknown" {
		t.Error("Meaning of no or of another error")
	}
	long := parseAnswer("/x", 200, []byte(`{"errcode":1,"errmsg":"`+strings.Repeat("长", 9999)+`"}`), nil, nil)
	if len(long.Error()) > 4*maxMessage {
		t.Errorf("the message has %d bytes", len(long.Error()))
	}
	if err := parseAnswer("/x", 502, []byte(`{}`), nil, nil); Meaning(err) != "wechat.error.answer" {
		t.Error(err)
	}
}

func TestEveryCodeHasASentenceInBothLanguages(t *testing.T) {
	t.Parallel()
	want := map[string]bool{"wechat.error.unknown": true, "wechat.error.network": true, "wechat.error.answer": true}
	want["wechat.place.js_domain"] = true // of a fault that no code names
	for _, code := range append(Codes(), 99999) {
		e := Explain(code)
		want[(&APIError{Code: code}).Meaning()], want[e.Impact], want[e.Place] = true, true, true
	}
	for _, class := range []Class{ClassConfig, ClassToken, ClassQuota, ClassBusy, ClassInput, ClassPermission, ClassVisitor, ClassCard} {
		want["wechat.class."+string(class)+".impact"], want["wechat.class."+string(class)+".place"] = true, true
	}
	for _, language := range []string{"zh-CN", "en"} {
		raw, err := os.ReadFile("../i18n/locales/wechat." + language + ".json")
		var got map[string]string
		if err == nil {
			err = json.Unmarshal(raw, &got)
		}
		if err != nil {
			t.Fatal(err)
		}
		for key := range want {
			if len(got[key]) < 20 {
				t.Errorf("%s: %s is %q", language, key, got[key])
			}
		}
		for key := range got {
			if !want[key] {
				t.Errorf("%s: nobody uses %s", language, key)
			}
		}
	}
}

func TestAnAnswerWithRawControlCharactersIsRead(t *testing.T) {
	t.Parallel()
	var answer struct{ Nickname string }
	if err := parseAnswer("/sns/userinfo", 200, []byte("{\"openid\":\"o1\",\n\"nickname\":\"小\x14明\x00\\u0007\t\"}\r\n"), &answer, nil); err != nil || nickname(answer.Nickname) != "小明" {
		t.Errorf("got %q, %v", answer.Nickname, err)
	}
	var api *APIError
	if err := parseAnswer("/x", 200, []byte("{\"errcode\":40029,\"errmsg\":\"invalid\x01 code\"}"), nil, nil); !errors.As(err, &api) || api.Code != 40029 {
		t.Errorf("got %v", err)
	}
}
