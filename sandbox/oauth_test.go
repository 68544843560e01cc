package sandbox

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

const redirect = "http%3A%2F%2Fshop.example%2Fcb%3Fx%3D1"

func authorizePath(scope string) string {
	return "/connect/oauth2/authorize?appid=" + testApp + "&redirect_uri=" + redirect + "&response_type=code&scope=" + scope + "&state=abc123"
}

// landed is the query of the address that a redirect leads to.
func landed(t *testing.T, res *http.Response) url.Values {
	t.Helper()
	if res.StatusCode != http.StatusFound || !strings.HasPrefix(res.Header.Get("Location"), "http://shop.example/cb?x=1&") {
		t.Fatalf("%s to %q", res.Status, res.Header.Get("Location"))
	}
	u, err := url.Parse(res.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// code authorises as a persona, through the page where there is one.
func (w *world) code(persona, scope string) string {
	w.t.Helper()
	res, body := w.do(http.MethodGet, authorizePath(scope), persona, nil)
	if res.StatusCode == http.StatusOK {
		res, _ = w.do(http.MethodGet, choice(w.t, body, "allow"), persona, nil)
	}
	q := landed(w.t, res)
	if q.Get("state") != "abc123" {
		w.t.Errorf("state %q", q.Get("state"))
	}
	return q.Get("code")
}

// choice is the address behind a button of the consent page.
func choice(t *testing.T, body, which string) string {
	t.Helper()
	m := regexp.MustCompile(`data-wx="` + which + `" href="([^"]+)"`).FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("no %s button in %s", which, body)
	}
	return strings.ReplaceAll(m[1], "&amp;", "&")
}

func exchangePath(code string) string {
	return "/sns/oauth2/access_token?appid=" + testApp + "&secret=" + testSecret + "&code=" + code + "&grant_type=authorization_code"
}

func TestTheAuthorisePageRefusesWrongAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := authorizePath("snsapi_base")
	for name, c := range map[string]struct{ path, code string }{
		"other domain":         {strings.Replace(good, "shop.example", "evil.example", 1), "10003"},
		"subdomain":            {strings.Replace(good, "shop.example", "a.shop.example", 1), "10003"},
		"other app":            {strings.Replace(good, testApp, "wxother", 1), "10016"},
		"no app":               {strings.Replace(good, testApp, "", 1), "10012"},
		"no redirect":          {strings.Replace(good, redirect, "", 1), "10011"},
		"no scope":             {strings.Replace(good, "snsapi_base", "", 1), "10010"},
		"wrong scope":          {strings.Replace(good, "snsapi_base", "snsapi_login", 1), "10005"},
		"response type":        {strings.Replace(good, "response_type=code", "response_type=token", 1), "10000"},
		"not encoded":          {strings.Replace(good, redirect, "http://shop.example/cb", 1), "10000"},
		"state with a dash":    {strings.Replace(good, "abc123", "abc-123", 1), "10000"},
		"state too long":       {good + strings.Repeat("a", 123), "10000"},
		"order":                {"/connect/oauth2/authorize?redirect_uri=" + redirect + "&appid=" + testApp + "&response_type=code&scope=snsapi_base&state=a", "10000"},
		"unknown parameter":    {good + "&more=1", "10000"},
		"script as a redirect": {strings.Replace(good, redirect, "javascript%3Aalert(1)", 1), "10000"},
	} {
		res, body := w.do(http.MethodGet, c.path, "lin", nil)
		if res.StatusCode != http.StatusOK || !strings.Contains(body, `data-code="`+c.code+`"`) {
			t.Errorf("%s: %s, want page %s in %s", name, res.Status, c.code, body)
		}
	}
	if res, body := w.do(http.MethodGet, good, "pc", nil); res.StatusCode != http.StatusOK || !strings.Contains(body, "请在微信客户端打开链接") {
		t.Errorf("outside of WeChat: %s", res.Status)
	}
	if res, _ := w.do(http.MethodGet, good+"&forcePopup=true&forceSnapShot=true", "lin", nil); res.StatusCode != http.StatusFound {
		t.Errorf("optional parameters after state: %s", res.Status)
	}
}

func TestACodeWorksOnceForFiveMinutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.code("lin", "snsapi_base")
	o := w.get(exchangePath(code))
	if o["openid"] != w.persona("lin").openID || o["scope"] != "snsapi_base" || o["expires_in"] != 7200.0 {
		t.Errorf("answer %v", o)
	}
	if _, there := o["is_snapshotuser"]; there {
		t.Error("a normal visitor carries is_snapshotuser")
	}
	wantCode(t, "reused code", w.get(exchangePath(code)), 40163)
	wantCode(t, "unknown code", w.get(exchangePath("0nothing")), 40029)
	wantCode(t, "no code", w.get(exchangePath("")), 41008)
	wantCode(t, "wrong secret", w.get(strings.Replace(exchangePath("x"), testSecret, "no", 1)), 40125)
	late := w.code("lin", "snsapi_base")
	w.clock.add(5 * time.Minute)
	wantCode(t, "expired code", w.get(exchangePath(late)), 42003)
}

func TestUserInfoNeedsItsScopeAndItsToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	base := w.get(exchangePath(w.code("mei", "snsapi_base")))
	full := w.get(exchangePath(w.code("mei", "snsapi_userinfo")))
	info := func(token, openid any) object {
		return w.get("/sns/userinfo?access_token=" + token.(string) + "&openid=" + openid.(string) + "&lang=zh_CN")
	}
	wantCode(t, "base scope", info(base["access_token"], base["openid"]), 48001)
	wantCode(t, "other openid", info(full["access_token"], w.persona("lin").openID), 40003)
	wantCode(t, "global token", info(w.token(), full["openid"]), 48001)
	wantCode(t, "unknown token", info("nothing", full["openid"]), 40001)
	wantCode(t, "user token on a global interface", w.ticketAnswer(full["access_token"].(string), "jsapi"), 48001)
	o := info(full["access_token"], full["openid"])
	if o["nickname"] != "阿美" || o["sex"] != 0.0 || o["city"] != "" {
		t.Errorf("profile %v", o)
	}
	if res, body := w.do(http.MethodGet, strings.TrimPrefix(o["headimgurl"].(string), w.url), "", nil); res.StatusCode != http.StatusOK || !strings.Contains(body, "阿") {
		t.Errorf("picture: %s", res.Status)
	}
	refreshed := w.get("/sns/oauth2/refresh_token?appid=" + testApp + "&grant_type=refresh_token&refresh_token=" + full["refresh_token"].(string))
	wantCode(t, "refreshed token", w.get("/sns/auth?access_token="+refreshed["access_token"].(string)+"&openid="+full["openid"].(string)), 0)
	wantCode(t, "sns/auth with another openid", w.get("/sns/auth?access_token="+refreshed["access_token"].(string)+"&openid=o"), 40003)
	wantCode(t, "unknown refresh token", w.get("/sns/oauth2/refresh_token?appid="+testApp+"&grant_type=refresh_token&refresh_token=x"), 40030)
}

func TestPersonasAnswerTheConsentPageTheirWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, body := w.do(http.MethodGet, authorizePath("snsapi_userinfo"), "lin", nil)
	allow := choice(t, body, "allow")
	res, _ := w.do(http.MethodGet, choice(t, body, "deny"), "lin", nil)
	if q := landed(t, res); q.Has("code") || q.Get("state") != "abc123" {
		t.Errorf("denied, but landed with %v", q)
	}
	if res, _ := w.do(http.MethodGet, allow, "lin", nil); res.StatusCode != http.StatusOK {
		t.Error("a consent page was answered twice")
	}
	_, body = w.do(http.MethodGet, authorizePath("snsapi_userinfo"), "lin", nil)
	if res, _ := w.do(http.MethodGet, choice(t, body, "allow"), "mei", nil); res.StatusCode != http.StatusOK {
		t.Error("another persona answered the page")
	}
	res, _ = w.do(http.MethodGet, authorizePath("snsapi_userinfo"), "ding", nil)
	if q := landed(t, res); q.Has("code") {
		t.Error("the one who refuses gave a code")
	}
	snap := w.get(exchangePath(w.code("snap", "snsapi_userinfo")))
	if snap["is_snapshotuser"] != 1.0 || snap["openid"] == w.persona("snap").openID {
		t.Errorf("snapshot visitor: %v", snap)
	}
	if lin, mei := w.get(exchangePath(w.code("lin", "snsapi_base"))), w.get(exchangePath(w.code("mei", "snsapi_base"))); lin["openid"] == mei["openid"] {
		t.Error("two personas share an openid")
	}
}
