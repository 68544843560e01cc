package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kaquan/people"
)

const secretWords = "correct horse 9"

func (o *office) person(login string) people.Person {
	o.t.Helper()
	p, err := o.people.CreatePerson(context.Background(), people.NewPerson{Login: login, Name: "小王", Password: secretWords, Role: people.Operator})
	if err != nil {
		o.t.Fatal(err)
	}
	return p
}

func TestSigningInLeadsBackToThePageThatWasAskedFor(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.person("wang")
	d := o.stranger()
	asked := d.get("/admin/campaigns?state=running").header.Get("Location")
	u, err := url.Parse(asked)
	if err != nil || u.Path != "/admin/login" {
		t.Fatalf("a stranger is sent to %q", asked)
	}
	if a := d.get(asked); a.status != http.StatusOK || !strings.Contains(a.body, `value="/admin/campaigns?state=running"`) {
		t.Fatalf("the sign-in forgets the page: %d", a.status)
	}
	a := d.post("/admin/login", url.Values{"login": {" WANG "}, "password": {secretWords}, "next": {u.Query().Get("next")}})
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/admin/campaigns?state=running" {
		t.Fatalf("%d to %q", a.status, a.header.Get("Location"))
	}
	cookie := a.header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "secure", "SameSite=Lax"} {
		if !strings.Contains(strings.ToLower(cookie), strings.ToLower(want)) {
			t.Errorf("the cookie lacks %s", want)
		}
	}
	if a := d.get("/admin/campaigns"); a.status != http.StatusOK || !strings.Contains(a.words(), "小王") {
		t.Errorf("signed in: %d", a.status)
	}
	if a := d.get("/admin/login?next=//evil.example"); a.header.Get("Location") != "/admin" {
		t.Errorf("the sign-in page sends somebody signed in to %q", a.header.Get("Location"))
	}
}

func TestAWrongSignInSaysNeitherWhichNorWhat(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.person("wang")
	known := o.stranger().post("/admin/login", url.Values{"login": {"wang"}, "password": {"guess <b>"}})
	unknown := o.stranger().post("/admin/login", url.Values{"login": {"nobody"}, "password": {"guess <b>"}})
	if known.status != http.StatusUnprocessableEntity || unknown.status != known.status {
		t.Errorf("%d and %d", known.status, unknown.status)
	}
	if a, b := strings.ReplaceAll(known.body, "wang", "x"), strings.ReplaceAll(unknown.body, "nobody", "x"); a != b {
		t.Error("the pages for a known and an unknown login differ")
	}
	if !strings.Contains(known.words(), "登录名或密码不正确") || !strings.Contains(known.body, `value="wang"`) {
		t.Error("no message, or the login is gone")
	}
	if strings.Contains(known.body, "guess") {
		t.Error("the password is sent back")
	}
	if known.header.Get("Set-Cookie") != "" {
		t.Error("a refused sign-in sets a cookie")
	}
	if a := o.stranger().post("/admin/login", url.Values{"login": {`"><script>alert(1)</script>`}, "password": {"x"}}); strings.Contains(a.body, "<script>alert") {
		t.Error("the login is not escaped")
	}
}

func TestTooManyTriesAreSlowedDownAlsoForTheRightPassword(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.person("wang")
	status := 0
	for tries := 0; tries < 50 && status != http.StatusTooManyRequests; tries++ {
		status = o.stranger().post("/admin/login", url.Values{"login": {"wang"}, "password": {"guess"}}).status
	}
	a := o.stranger().post("/admin/login", url.Values{"login": {"wang"}, "password": {secretWords}})
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || !strings.Contains(a.words(), "尝试次数太多") {
		t.Fatalf("%d, Retry-After %q", a.status, a.header.Get("Retry-After"))
	}
	o.setTime(noon.Add(time.Hour))
	if a := o.stranger().post("/admin/login", url.Values{"login": {"wang"}, "password": {secretWords}}); a.status != http.StatusSeeOther {
		t.Errorf("an hour later: %d", a.status)
	}
}

func TestASessionEndsWithSignOutAndWithTime(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Viewer)
	token := d.cookies["kq_admin"]
	if a := d.post("/admin/logout", nil); a.header.Get("Location") != "/admin/login" {
		t.Fatalf("%d", a.status)
	}
	if a := d.get("/admin/login"); !strings.Contains(a.words(), "已退出登录") {
		t.Error("the sign-in page does not say so")
	}
	d.cookies["kq_admin"] = token
	if a := d.get("/admin/campaigns"); a.status != http.StatusSeeOther {
		t.Errorf("the old cookie still works: %d", a.status)
	}
	other := o.signIn(people.Finance)
	o.setTime(noon.Add(people.IdleLife + time.Minute))
	if a := other.get("/admin/campaigns"); a.status != http.StatusSeeOther {
		t.Errorf("an idle session still works: %d", a.status)
	}
}

func TestASignInLinkWorksOnceAndOnlyByItsButton(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	token, err := o.people.IssueLoginLink(context.Background(), o.person("wang").ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // a chat program that looks at it
		if a := o.stranger().get("/admin/login/link?token=" + token); a.status != http.StatusOK || a.header.Get("Set-Cookie") != "" {
			t.Fatalf("%d", a.status)
		}
	}
	d := o.stranger()
	if a := d.post("/admin/login/link", url.Values{"token": {token}}); a.status != http.StatusSeeOther {
		t.Fatalf("the button: %d", a.status)
	}
	if a := d.get("/admin/campaigns"); a.status != http.StatusOK {
		t.Errorf("signed in: %d", a.status)
	}
	again := o.stranger()
	if a := again.post("/admin/login/link", url.Values{"token": {token}}); a.status != http.StatusForbidden || !strings.Contains(a.words(), "已用过或已过期") || again.cookies["kq_admin"] != "" {
		t.Errorf("a second time: %d", a.status)
	}
}

func TestTheFirstOwnerIsMadeOnce(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	token, err := o.people.IssueSetupToken(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if a := o.stranger().get("/admin/login"); !strings.Contains(a.words(), "初始设置链接") {
		t.Error("the sign-in does not tell the first person where to go")
	}
	d := o.stranger()
	if a := d.get("/admin/setup?token=" + token); a.status != http.StatusOK || !strings.Contains(a.body, token) || a.header.Get("Referrer-Policy") != "same-origin" {
		t.Fatalf("%d", a.status)
	}
	weak := d.post("/admin/setup", url.Values{"token": {token}, "login": {"zhang san"}, "name": {"张三"}, "password": {"short"}})
	if weak.status != http.StatusUnprocessableEntity || !strings.Contains(weak.body, `id="f-password-error"`) || !strings.Contains(weak.body, `id="f-login-error"`) || !strings.Contains(weak.body, `value="zhang san"`) {
		t.Errorf("%d: messages are not next to the fields", weak.status)
	}
	if a := d.post("/admin/setup", url.Values{"token": {"wrong"}, "login": {"zhang"}, "password": {secretWords}}); a.status != http.StatusForbidden {
		t.Errorf("a wrong token: %d", a.status)
	}
	good := url.Values{"token": {token}, "login": {"zhang"}, "name": {"张三"}, "password": {secretWords}}
	if a := d.post("/admin/setup", good); a.status != http.StatusSeeOther || a.header.Get("Location") != "/admin" {
		t.Fatalf("setup: %d %s", a.status, a.words())
	}
	if a := d.get("/admin/campaigns"); a.status != http.StatusOK || !strings.Contains(a.words(), "欢迎使用") {
		t.Errorf("signed in: %d", a.status)
	}
	late := o.stranger()
	if a := late.post("/admin/setup", good); a.status != http.StatusConflict || late.cookies["kq_admin"] != "" {
		t.Errorf("a second owner: %d", a.status)
	}
	if a := late.get("/admin/setup?token=" + token); a.header.Get("Location") != "/admin/login" {
		t.Errorf("the setup stays open: %d", a.status)
	}
	everybody, err := o.people.List(context.Background())
	if err != nil || len(everybody) != 1 || everybody[0].Role != people.Owner {
		t.Errorf("people: %v %v", everybody, err)
	}
}
