package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/people"
	"kaquan/wechat"
)

func (o *office) account(id campaigns.AccountID) campaigns.Account {
	o.t.Helper()
	a, err := o.db.Account(context.Background(), id)
	if err != nil {
		o.t.Fatal(err)
	}
	return a
}

// accountValues are those of the form of the seeded account.
func accountValues(name string) url.Values {
	return url.Values{"name": {name}, "app_id": {"wx0000000000000001"}, "mode": {"stable"}}
}

func TestSavingAnAccountKeepsTheSecretsThatWereLeftEmpty(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	before := o.account(dbtest.Account)
	d := o.signIn(people.Owner)
	form := accountValues("新名字")
	form.Set("id", "other")
	if a := d.post("/admin/accounts/demo", form); a.status != http.StatusSeeOther || a.header.Get("Location") != "/admin/accounts/demo" {
		t.Fatalf("%d %s", a.status, a.words())
	}
	after := o.account(dbtest.Account)
	if after.Name != "新名字" || after.Credentials.Secret != before.Credentials.Secret || after.Credentials.PushToken != before.Credentials.PushToken {
		t.Errorf("saved %v, was %v", after, before)
	}
	form = accountValues("新名字")
	form.Set("secret", " newsecret0123456789 ")
	form.Set("mode", "classic")
	d.post("/admin/accounts/demo", form)
	after = o.account(dbtest.Account)
	if after.Credentials.Secret != "newsecret0123456789" || after.Credentials.Mode != wechat.Classic || after.Credentials.PushToken != before.Credentials.PushToken {
		t.Errorf("the new secret or mode was not saved: %v", after)
	}
	page := d.get("/admin/accounts/demo")
	for _, secret := range []string{"newsecret0123456789", before.Credentials.PushToken, before.Credentials.Secret} {
		if strings.Contains(page.body, secret) {
			t.Error("the form shows a secret")
		}
	}
	for _, want := range []string{"已保存 ••••6789", "https://kq.example.com/w/push/demo", `value="kq.example.com"`, "公众号设置已保存"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the form does not show %s", want)
		}
	}
	if list := d.get("/admin/accounts"); strings.Contains(list.body, "newsecret") || !strings.Contains(list.words(), "新名字") {
		t.Error("the list shows a secret or lacks the account")
	}
}

func TestWrongSettingsOfAnAccountAreToldNextToTheirFields(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	a := d.post("/admin/accounts/new", url.Values{
		"id": {"Not OK"}, "name": {""}, "app_id": {"gh_1"}, "secret": {"typed secret"}, "push_token": {"with blank"}, "aes_key": {"short"},
		"mode": {"odd"}, "api_url": {"ftp://x"}, "js_url": {`"><script>`},
	})
	if a.status != http.StatusUnprocessableEntity {
		t.Fatalf("status %d", a.status)
	}
	for _, field := range []string{"id", "name", "app_id", "secret", "push_token", "aes_key", "mode", "api_url", "js_url"} {
		if !strings.Contains(a.body, `id="f-`+field+`-error"`) {
			t.Errorf("no message at %s", field)
		}
	}
	if strings.Contains(a.body, "typed secret") || strings.Contains(a.body, "with blank") || strings.Contains(a.body, "<script>\"") {
		t.Error("the form gives back a secret or raw HTML")
	}
	if !strings.Contains(a.body, `value="gh_1"`) {
		t.Error("the form forgot what was typed")
	}
	good := accountValues("第二个")
	good.Set("secret", "0123456789abcdef")
	good.Set("push_token", "token123")
	for _, id := range []string{"demo", "new"} {
		good.Set("id", id)
		if a := d.post("/admin/accounts/new", good); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, "这个编号已被使用") {
			t.Errorf("id %s: %d", id, a.status)
		}
	}
	if got := o.account(dbtest.Account).Name; got == "第二个" {
		t.Error("a new account was written over an old one")
	}
	good.Set("id", "second")
	if a := d.post("/admin/accounts/new", good); a.status != http.StatusSeeOther || o.account("second").Credentials.Account != "second" {
		t.Errorf("a good account: %d", a.status)
	}
	if a := d.get("/admin/accounts/nothere"); a.status != http.StatusNotFound {
		t.Errorf("an account that is not there: %d", a.status)
	}
}

func TestTheSandboxAccountShowsNoSecretAndTakesOnlyAName(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	sandbox := o.account(dbtest.Account)
	sandbox.Credentials.Sandbox = true
	if err := o.campaigns.SaveAccount(context.Background(), o.db, campaigns.Actor{}, sandbox); err != nil {
		t.Fatal(err)
	}
	d := o.signIn(people.Owner)
	form := accountValues("演示")
	form.Set("secret", "stolen0123456789")
	form.Set("api_url", "https://evil.example")
	if a := d.post("/admin/accounts/demo", form); a.status != http.StatusSeeOther {
		t.Fatalf("status %d", a.status)
	}
	after := o.account(dbtest.Account)
	if after.Name != "演示" || after.Credentials != sandbox.Credentials {
		t.Errorf("the sandbox account became %v", after)
	}
	for _, path := range []string{"/admin/accounts", "/admin/accounts/demo"} {
		if body := d.get(path).body; strings.Contains(body, "••••") || strings.Contains(body, sandbox.Credentials.Secret) {
			t.Errorf("%s shows something of the demo secret", path)
		}
	}
}

func TestAccountsAndTokensCanOnlyBeChangedByOwners(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	for _, path := range []string{"/admin/accounts/demo", "/admin/accounts/new", "/admin/tokens/demo/access_token/refresh"} {
		if a := d.post(path, accountValues("x")); a.status != http.StatusForbidden {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if a := d.get("/admin/accounts"); a.status != http.StatusOK || strings.Contains(a.body, "/admin/accounts/new") {
		t.Errorf("the list: %d, or it offers what is not allowed", a.status)
	}
	if a := d.get("/admin/tokens"); a.status != http.StatusOK || strings.Contains(a.body, "/refresh") {
		t.Errorf("the tokens: %d, or they offer what is not allowed", a.status)
	}
}

func TestTheTokensPageTellsWhyAFetchFailedAndWhatToDo(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	if words := d.get("/admin/tokens").words(); strings.Count(words, "缺失") != 3 {
		t.Errorf("three missing values look like %s", words)
	}
	o.setAnswer(func(string) string {
		return `{"errcode":40164,"errmsg":"invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: 6746dc27-0e2a3a1b-5f0e1f2a"}`
	})
	if a := d.post("/admin/tokens/demo/access_token/refresh", nil); a.status != http.StatusSeeOther {
		t.Fatalf("status %d: %s", a.status, a.words())
	}
	page := d.get("/admin/tokens")
	for _, want := range []string{"access_token 刷新失败", "IP 白名单", "errcode 40164", "rid 6746dc27-0e2a3a1b-5f0e1f2a", "失败", "手动", "最近 1 次获取"} {
		if !strings.Contains(page.words(), want) {
			t.Errorf("the page does not say %s: %s", want, page.words())
		}
	}
	if !strings.Contains(page.body, `value="203.0.113.7"`) || strings.Contains(page.body, "wechat.error.") {
		t.Error("no address to copy, or a sentence is missing")
	}
	if strings.Contains(page.body, dbtest.Credentials().Secret) {
		t.Error("the page shows the secret")
	}

	fetched := len(o.fetches())
	if d.post("/admin/tokens/demo/access_token/refresh", nil); len(o.fetches()) != fetched {
		t.Error("a second refresh right away was let through")
	}
	if words := d.get("/admin/tokens").words(); !strings.Contains(words, "请 10 秒后再试") {
		t.Errorf("no word about waiting: %s", words)
	}

	o.setTime(noon.Add(time.Minute))
	o.setAnswer(func(string) string { return `{"access_token":"secret-token-value-5678","expires_in":7200}` })
	d.post("/admin/tokens/demo/access_token/refresh", nil)
	page = d.get("/admin/tokens")
	for _, want := range []string{"access_token 已刷新", "有效", "5678", "stable_token"} {
		if !strings.Contains(page.words(), want) {
			t.Errorf("the page does not say %s: %s", want, page.words())
		}
	}
	if strings.Contains(page.body, "secret-token-value") {
		t.Error("the page shows the token")
	}
	if part := d.get("/admin/tokens", "HX-Request", "true"); strings.Contains(part.body, "<html") || !strings.Contains(part.body, `id="tokens"`) {
		t.Error("the part that renews itself is not alone")
	}
	if got := len(o.audited("tokens.refresh")); got != 2 {
		t.Errorf("%d refreshes recorded", got)
	}
	for _, path := range []string{"/admin/tokens/demo/odd/refresh", "/admin/tokens/nothere/access_token/refresh"} {
		if a := d.post(path, nil); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

func (o *office) fetches() []wechat.Fetch {
	o.t.Helper()
	list, err := o.db.Fetches(context.Background(), dbtest.Credentials().AppID, 100)
	if err != nil {
		o.t.Fatal(err)
	}
	return list
}
