package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kaquan/db/dbtest"
	"kaquan/mini"
	"kaquan/people"
)

func TestTheMiniProgramOfAnAccountIsSetCheckedAndRemoved(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	const path = "/admin/accounts/demo/mini"
	if a := d.get("/admin/accounts/demo"); !strings.Contains(a.body, `href="`+path+`"`) {
		t.Error("nothing leads from the account to its mini program")
	}
	if a := d.get(path); a.status != http.StatusOK || strings.Contains(a.body, path+"/check") {
		t.Errorf("without a mini program: %d", a.status)
	}
	if a := d.post(path+"/check", nil); a.status != http.StatusSeeOther {
		t.Errorf("checked nothing: %d", a.status)
	}
	for name, form := range map[string]url.Values{
		"app_id":  {"app_id": {"nonsense"}, "secret": {"0123456789abcdef"}},
		"secret":  {"app_id": {"wx00000000000000aa"}},
		"api_url": {"app_id": {"wx00000000000000aa"}, "secret": {"0123456789abcdef"}, "api_url": {"ftp://x"}},
		"taken":   {"app_id": {string(dbtest.Credentials().AppID)}, "secret": {"0123456789abcdef"}},
	} {
		if a := d.post(path, form); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, "aria-invalid") {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	account := o.account(dbtest.Account)
	form := url.Values{"app_id": {" wx00000000000000aa "}, "secret": {"secret0123456789wxyz"}, "api_url": {account.Credentials.APIURL}}
	if a := d.post(path, form); a.status != http.StatusSeeOther || a.header.Get("Location") != path {
		t.Fatalf("saved: %d %s", a.status, a.words())
	}
	form.Del("secret") // stays
	d.post(path, form)
	p, err := o.db.MiniProgram(context.Background(), dbtest.Account)
	if err != nil || p.Secret != "secret0123456789wxyz" || p.AppID != "wx00000000000000aa" {
		t.Fatalf("stored %v, %v", p, err)
	}
	if a := d.get(path); strings.Contains(a.body, p.Secret) || !strings.Contains(a.words(), "小程序设置已保存") || !strings.Contains(a.body, "••••wxyz") || !strings.Contains(a.body, "https://kq.example.com") {
		t.Errorf("the form: %s", a.words())
	}
	d.post(path+"/check", nil)
	if a := d.get(path); !strings.Contains(a.words(), "没有取得凭证") {
		t.Errorf("the platform is busy, and the page says %s", a.words())
	}
	d.post(path+"/check", nil)
	if a := d.get(path); !strings.Contains(a.words(), "秒") {
		t.Errorf("two checks at once: %s", a.words())
	}
	o.setTime(noon.Add(10 * time.Minute))
	o.setAnswer(func(string) string { return `{"access_token":"token-0123456789","expires_in":7200}` })
	d.post(path+"/check", nil)
	if a := d.get(path); !strings.Contains(a.words(), "设置正确") {
		t.Errorf("the token came, and the page says %s", a.words())
	}
	if a := d.post(path+"/remove", nil); a.status != http.StatusSeeOther {
		t.Errorf("removed: %d", a.status)
	}
	if _, err := o.db.MiniProgram(context.Background(), dbtest.Account); !errors.Is(err, mini.ErrProgramNotFound) {
		t.Errorf("removed and still there: %v", err)
	}
	if a := d.get("/admin/accounts/nobody/mini"); a.status != http.StatusNotFound {
		t.Errorf("the mini program of no account: %d", a.status)
	}
}
