package wechat

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestTheAuthorizeAddressIsExact(t *testing.T) {
	t.Parallel()
	a := newSetup(t).process()
	got := a.AuthorizeURL("https://a.example/c/夏天?x=1&y=a b", ScopeBase, "state123")
	want := "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx0000000000000001&redirect_uri=https%3A%2F%2Fa.example%2Fc%2F%E5%A4%8F%E5%A4%A9%3Fx%3D1%26y%3Da%20b" +
		"&response_type=code&scope=snsapi_base&state=state123#wechat_redirect"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	s := newSetup(t)
	s.c.OpenURL = "http://127.0.0.1:9/"
	if got := s.process().AuthorizeURL("https://a.example/", ScopeUserInfo, "s"); got != "http://127.0.0.1:9/connect/oauth2/authorize?appid=wx0000000000000001&redirect_uri=https%3A%2F%2Fa.example%2F&response_type=code&scope=snsapi_userinfo&state=s#wechat_redirect" {
		t.Error(got)
	}
}

func TestACodeGivesTheVisitor(t *testing.T) {
	t.Parallel()
	s := newSetup(t).overNetwork()
	a := s.process()
	answers := map[string]string{
		"base":     `{"access_token":"AT","expires_in":7200,"refresh_token":"RT","openid":"oVisitor1","scope":"snsapi_base"}`,
		"full":     `{"access_token":"AT","expires_in":7200,"openid":"oVisitor1","scope":"snsapi_base,snsapi_userinfo","unionid":"u1"}`,
		"snapshot": `{"access_token":"AT","openid":"oVisitor1","scope":"snsapi_userinfo","is_snapshotuser":1}`,
		"nobody":   `{"access_token":"AT","scope":"snsapi_base"}`,
		"bad":      `{"errcode":40029,"errmsg":"invalid code rid: 65a1b2c3-0badcafe-12345678"}`,
		"used":     `{"errcode":40163,"errmsg":"code been used"}`,
	}
	s.platform.say(func(r *http.Request, _ []byte) string { return answers[r.URL.Query().Get("code")] })
	for code, want := range map[string]OAuthToken{
		"base":     {OpenID: "oVisitor1", Scope: ScopeBase, AccessToken: "AT"},
		"full":     {OpenID: "oVisitor1", Scope: ScopeUserInfo, AccessToken: "AT", UnionID: "u1"},
		"snapshot": {OpenID: "oVisitor1", Scope: ScopeUserInfo, AccessToken: "AT", Snapshot: true},
	} {
		got, err := a.ExchangeCode(t.Context(), code)
		if err != nil || got != want {
			t.Errorf("%s: %s %t %v", code, got.OpenID, got.Snapshot, err)
		}
	}
	calls := s.platform.count("/sns/oauth2/access_token")
	for code, want := range map[string]error{"bad": ErrCodeInvalid, "used": ErrCodeUsed, "": ErrCodeInvalid, strings.Repeat("x", maxCode+1): ErrCodeInvalid} {
		if _, err := a.ExchangeCode(t.Context(), code); !errors.Is(err, want) {
			t.Errorf("%.9s: %v", code, err)
		}
	}
	if n := s.platform.count("/sns/oauth2/access_token") - calls; n != 2 {
		t.Errorf("%d calls for codes of which two can be right", n)
	}
	var bad *AnswerError
	if _, err := a.ExchangeCode(t.Context(), "nobody"); !errors.As(err, &bad) {
		t.Errorf("no openid: %v", err)
	}
	s.called(pathStable, 0) // the visitor's token is not the account's
}

func TestAVisitorsNameAndPictureAreCleaned(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	a := s.process()
	reply := func(openid, name, picture string) {
		text, _ := json.Marshal(map[string]any{"openid": openid, "nickname": name, "headimgurl": picture, "sex": 0, "privilege": []string{}})
		s.platform.say(func(*http.Request, []byte) string { return string(text) })
	}
	for _, c := range []struct{ name, picture, wantName, wantPicture string }{
		{"小明👨‍👩‍👧", "https://thirdwx.qlogo.cn/mmopen/1/132", "小明👨‍👩‍👧", "https://thirdwx.qlogo.cn/mmopen/1/132"},
		{"a\x00b\u202ec\n", "http://thirdwx.qlogo.cn/mmopen/1/132", "abc", "https://thirdwx.qlogo.cn/mmopen/1/132"},
		{strings.Repeat("长", 99), "javascript:alert(1)", strings.Repeat("长", maxNickname), ""},
		{"", "http://elsewhere.example/a.png", "", ""},
	} {
		reply("oVisitor1", c.name, c.picture)
		got, err := a.UserInfo(t.Context(), OAuthToken{OpenID: "oVisitor1", AccessToken: "AT"})
		if err != nil || got.Nickname != c.wantName || got.Avatar != c.wantPicture || got.OpenID != "oVisitor1" {
			t.Errorf("%q: %q %q %v", c.name, got.Nickname, got.Avatar, err)
		}
	}
	if got := s.platform.queries["/sns/userinfo"]; got != "GET access_token=AT&lang=zh_CN&openid=oVisitor1" {
		t.Error(got)
	}
	reply("oVisitor2", "x", "")
	if _, err := a.UserInfo(t.Context(), OAuthToken{OpenID: "oVisitor1", AccessToken: "AT"}); err == nil {
		t.Error("another visitor's data is accepted")
	}
}

func TestPagesAndCardsAreSignedWithTheirOwnTickets(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	at := time.Unix(1800000000, 0)
	o := s.options(HubOptions{Now: func() time.Time { return at }})
	a, err := NewHub(o).Account(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	s.token(a, JSAPITicket)
	at = at.Add(90 * time.Second)
	p, err := a.SignPage(t.Context(), "https://a.example/c/1?from=singlemessage&x=%2F#top")
	if err != nil {
		t.Fatal(err)
	}
	want := PageConfig{
		AppID: s.c.AppID, Timestamp: 1800000090, NonceStr: p.NonceStr, URL: "https://a.example/c/1?from=singlemessage&x=%2F", TicketAge: 90 * time.Second,
		Signature: sha1Hex("jsapi_ticket=TICKET-jsapi-0123456789&noncestr=" + p.NonceStr + "&timestamp=1800000090&url=https://a.example/c/1?from=singlemessage&x=%2F"),
	}
	if p != want || len(p.NonceStr) < 16 {
		t.Errorf("got %+v", p)
	}
	seen := map[string]bool{}
	for i := range 100 {
		text, err := a.SignCard(t.Context(), CardRequest{CardID: "pCard", OuterStr: "ref1"})
		if err != nil {
			t.Fatal(err)
		}
		var ext map[string]string
		if err := json.Unmarshal([]byte(text), &ext); err != nil {
			t.Fatal(err)
		}
		nonce := ext["nonce_str"]
		if seen[nonce] {
			t.Fatal("a nonce repeats")
		}
		seen[nonce] = true
		// A timestamp that repeats makes adding fail, so two taps within a second have two.
		stamp := strconv.Itoa(1800000090 + i)
		if ext["signature"] != sortedSHA1("TICKET-wx_card-0123456789", stamp, "pCard", nonce) || ext["outer_str"] != "ref1" || ext["timestamp"] != stamp {
			t.Fatal(text)
		}
	}
	at = at.Add(time.Hour)
	for _, ref := range []string{"ref1", "ref2"} { // nobody waits for somebody else
		if text, err := a.SignCard(t.Context(), CardRequest{CardID: "pCard", OuterStr: ref}); err != nil || !strings.Contains(text, `"timestamp":"1800003690"`) {
			t.Errorf("%s, %v", text, err)
		}
	}
	if _, err := a.SignCard(t.Context(), CardRequest{}); err == nil {
		t.Error("no card is signed")
	}
}

func TestAnImpossibleCodeIsNotSent(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	a := s.process()
	for _, code := range []string{"", "with space", "with\nline", strings.Repeat("x", maxEncryptedCode+1)} {
		if _, err := a.DecryptCode(t.Context(), code); Meaning(err) != "wechat.error.40116" {
			t.Errorf("%.10q: %v", code, err)
		}
	}
	s.called(pathStable, 0)
}

func TestPushesMustBeSignedAndRecent(t *testing.T) {
	t.Parallel()
	now := time.Unix(1800000000, 0)
	account := func(token string, window time.Duration) *Account {
		return NewHub(HubOptions{Now: func() time.Time { return now }, PushWindow: window}).newAccount(Credentials{AppID: "wx1", PushToken: token})
	}
	for _, c := range []struct {
		age    time.Duration
		window time.Duration
		ok     bool
	}{
		{0, 0, true},
		{9 * time.Minute, 0, true},
		{-9 * time.Minute, 0, true},
		{11 * time.Minute, 0, false},
		{-11 * time.Minute, 0, false},
		{11 * time.Minute, time.Hour, true},
	} {
		stamp := strconv.FormatInt(now.Add(-c.age).Unix(), 10)
		err := account(testPush, c.window).VerifyPush(stamp, "n", sortedSHA1(testPush, stamp, "n"))
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrPushRefused) {
			t.Errorf("%v in %v: %v", c.age, c.window, err)
		}
	}
	stamp := "1800000000"
	for name, query := range map[string][3]string{
		"no signature": {stamp, "n", ""}, "upper case": {stamp, "n", strings.ToUpper(sortedSHA1(testPush, stamp, "n"))},
		"no time": {"", "n", sortedSHA1(testPush, "", "n")}, "words": {"soon", "n", sortedSHA1(testPush, "soon", "n")},
		"overflow": {"9223372036854775807", "n", sortedSHA1(testPush, "9223372036854775807", "n")},
		"minus":    {"-9223372036854775808", "n", sortedSHA1(testPush, "-9223372036854775808", "n")},
	} {
		if err := account(testPush, 0).VerifyPush(query[0], query[1], query[2]); !errors.Is(err, ErrPushRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The official example of the address check is from 2024: that check has no window (protocol 6.1).
	official := account("AAAAA", 0)
	if err := official.VerifyAddress("1714036504", "1514711492", "f464b24fc39322e44b38aa78f5edd27bd1441696"); err != nil {
		t.Error(err)
	}
	if err := official.VerifyAddress("1714036505", "1514711492", "f464b24fc39322e44b38aa78f5edd27bd1441696"); !errors.Is(err, ErrPushRefused) {
		t.Errorf("another time under the signature: %v", err)
	}
	if err := account("", 0).VerifyAddress(stamp, "n", sortedSHA1("", stamp, "n")); !errors.Is(err, ErrPushRefused) {
		t.Errorf("the address without a push token: %v", err)
	}
	if err := account("", 0).VerifyPush(stamp, "n", sortedSHA1("", stamp, "n")); !errors.Is(err, ErrPushRefused) {
		t.Errorf("no push token: %v", err)
	}
}

func TestTheScriptAndItsOrigins(t *testing.T) {
	t.Parallel()
	for base, want := range map[string][]string{
		"": {"https://res.wx.qq.com/open/js/jweixin-1.6.0.js", "https://res.wx.qq.com", "https://res2.wx.qq.com"},
		"https://res.wx.qq.com/open/js/jweixin-1.6.0.js": {"https://res.wx.qq.com/open/js/jweixin-1.6.0.js", "https://res.wx.qq.com", "https://res2.wx.qq.com"},
		"http://127.0.0.1:8086/":                         {"http://127.0.0.1:8086/open/js/jweixin-1.6.0.js", "http://127.0.0.1:8086"},
	} {
		s := newSetup(t)
		s.c.JSURL = base
		a := s.process()
		if got := append([]string{a.JSURL()}, a.JSOrigins()...); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q", base, got)
		}
	}
	if u, err := url.Parse(newSetup(t).process().JSURL()); err != nil || u.Scheme != "https" {
		t.Error(u, err)
	}
}
