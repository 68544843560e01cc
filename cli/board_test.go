package cli

import (
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"kaquan/people"
)

// signedIn is an administrator's browser.
func (w *world) signedIn() *visitor {
	w.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.Fatal(err)
	}
	v := &visitor{world: w, http: &http.Client{Jar: jar, Timeout: 15 * time.Second}}
	owner, err := w.app.DB.PersonByLogin(w.Context(), demoLogin)
	if err != nil {
		w.Fatal(err)
	}
	token, err := w.app.People.IssueLoginLink(w.Context(), owner.ID, time.Minute)
	if err != nil {
		w.Fatal(err)
	}
	v.send(http.MethodPost, w.app.Public+"/admin/login/link", "application/x-www-form-urlencoded", url.Values{"token": {token}}.Encode())
	if v.status != http.StatusOK || owner.Role != people.Owner {
		w.Fatalf("not signed in: %d\n%s", v.status, v.body)
	}
	return v
}

// Whatever is switched on at WeChat, the board has a sentence for it, with the place
// where it is changed.
func TestTheBoardHasASentenceForEverySwitch(t *testing.T) {
	t.Parallel()
	together(t, map[string]bool{
		"ip_blocked": true, "secret_wrong": true, "quota_used": true, "rate_limited": true, "busy": true, "garbage": true,
		"network_down": true, "timeout": true, "card_denied": true, "clock_skew": true,
	}, func(t *testing.T, name string, _ bool) {
		words := map[string]string{
			"ip_blocked": "不在白名单", "secret_wrong": "AppSecret 不正确", "quota_used": "额度已用完", "rate_limited": "太频繁", "busy": "繁忙",
			"garbage": "不是微信接口", "network_down": "连不上微信", "timeout": "连不上微信", "card_denied": "48001", "clock_skew": "慢",
		}[name]
		w := newWorld(t, func(w *world) { w.turn(name, true) }, nil)
		admin := w.signedIn()
		w.until("the board says "+words, func() bool {
			if _, err := w.app.Doctor.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			admin.send(http.MethodGet, w.app.Public+"/admin/health", "", "")
			return admin.status == http.StatusOK && strings.Contains(html.UnescapeString(admin.body), words)
		})
		if strings.Contains(admin.body, w.secret) {
			t.Error("the board shows the secret")
		}
	})
}
