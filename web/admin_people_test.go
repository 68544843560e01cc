package web_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"kaquan/people"
)

var passwordLink = regexp.MustCompile(`https://kq\.example\.com(/admin/login/password\?token=[\w-]+)`)

// find is the person with a login.
func (o *office) find(login string) people.Member {
	o.t.Helper()
	members, err := o.people.Members(context.Background())
	if err != nil {
		o.t.Fatal(err)
	}
	for _, m := range members {
		if m.Login == login {
			return m
		}
	}
	o.t.Fatalf("nobody is %s", login)
	return people.Member{}
}

func TestAnInvitationBecomesAColleagueWithTheirOwnPassword(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	owner := o.signIn(people.Owner)
	if a := owner.get("/admin/people"); !strings.Contains(a.words(), "目前只有您一个成员") || !strings.Contains(a.words(), "管理成员，查看操作记录") {
		t.Errorf("the list of one has no hint: %d", a.status)
	}
	wrong := owner.post("/admin/people", url.Values{"login": {"安娜"}, "name": {"安娜"}, "role": {"viewer"}})
	if wrong.status != http.StatusUnprocessableEntity || !strings.Contains(wrong.body, `id="f-login-error"`) || !strings.Contains(wrong.body, `value="安娜"`) {
		t.Fatalf("a login that is none: %d", wrong.status)
	}
	made := owner.post("/admin/people", url.Values{"login": {"anna"}, "name": {"安娜"}, "role": {"viewer"}})
	link := passwordLink.FindStringSubmatch(made.body)
	if made.status != http.StatusOK || link == nil {
		t.Fatalf("no link: %d", made.status)
	}
	if a := owner.get("/admin/people"); strings.Contains(a.body, "token=") || !strings.Contains(a.words(), "已邀请") {
		t.Error("the link is shown again, or the list does not say who was invited")
	}
	guest := o.stranger()
	for range 2 { // a chat program that looks at it
		if a := guest.get(link[1]); a.status != http.StatusOK || !strings.Contains(a.words(), "安娜") || guest.cookies["kq_admin"] != "" || a.header.Get("Referrer-Policy") != "same-origin" {
			t.Fatalf("the page of the link: %d", a.status)
		}
	}
	token := strings.TrimPrefix(link[1], "/admin/login/password?token=")
	if a := guest.post("/admin/login/password", url.Values{"token": {token}, "password": {"short"}}); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `id="f-password-error"`) {
		t.Errorf("a weak password: %d", a.status)
	}
	if a := guest.post("/admin/login/password", url.Values{"token": {token}, "password": {secretWords}}); a.header.Get("Location") != "/admin" {
		t.Fatalf("setting the password: %d", a.status)
	}
	if a := guest.get("/admin/campaigns"); a.status != http.StatusOK || !strings.Contains(a.words(), "安娜") {
		t.Errorf("signed in: %d", a.status)
	}
	if a := o.stranger().get(link[1]); a.status != http.StatusForbidden || strings.Contains(a.body, `name="password"`) {
		t.Errorf("the link works again: %d", a.status)
	}
	for _, action := range []string{"people.invite", "people.join"} {
		if len(o.audited(action)) != 1 {
			t.Errorf("no line %s in the audit", action)
		}
	}
}

func TestAnOwnerChangesDisablesAndSignsOutAColleague(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	owner, viewer := o.signIn(people.Owner), o.signIn(people.Viewer)
	p := o.find("viewer-login")
	path := "/admin/people/" + string(p.ID)
	if a := owner.get(path); a.status != http.StatusOK || !strings.Contains(a.words(), "192.0.2.1") {
		t.Fatalf("the page of a person: %d", a.status)
	}
	done := func(action string, form url.Values, want string) {
		t.Helper()
		a := owner.post(path+action, form)
		if a.status != http.StatusSeeOther || a.header.Get("Location") != path {
			t.Fatalf("%s: %d to %s", action, a.status, a.header.Get("Location"))
		}
		if a := owner.get(path); !strings.Contains(a.words(), want) {
			t.Errorf("%s does not say %s", action, want)
		}
	}
	done("/role", url.Values{"role": {"operator"}}, "角色已修改")
	if a := viewer.get("/admin/campaigns/new"); a.status != http.StatusOK {
		t.Errorf("the new role does not count at once: %d", a.status)
	}
	done("/role", url.Values{"role": {"king"}}, "请选择一个角色")
	done("/session", url.Values{"session": {p.Sessions[0].Key()}}, "没有登录中的设备")
	if a := viewer.get("/admin/campaigns"); a.status != http.StatusSeeOther {
		t.Errorf("the session lives on: %d", a.status)
	}
	done("/switch", url.Values{"to": {"off"}}, "已停用")
	if a := o.stranger().post("/admin/login", url.Values{"login": {"viewer-login"}, "password": {"correct horse 9"}}); a.status != http.StatusUnprocessableEntity {
		t.Errorf("a disabled person signs in: %d", a.status)
	}
	done("/switch", url.Values{"to": {"on"}}, "已启用")
	reset := owner.post(path+"/link", nil)
	if reset.status != http.StatusOK || !passwordLink.MatchString(reset.body) {
		t.Errorf("the link to reset: %d", reset.status)
	}
	path = "/admin/people/" + string(o.find("owner-login").ID)
	done("/switch", url.Values{"to": {"off"}}, "不能停用自己的账号")
	done("/role", url.Values{"role": {"viewer"}}, "至少要有一个可以登录的负责人")
	if a := owner.get("/admin/people"); a.status != http.StatusOK {
		t.Errorf("the last owner is out: %d", a.status)
	}
}

func TestEverybodyChangesTheirOwnNamePasswordAndSessions(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	here, there := o.signIn(people.Viewer), o.again(people.Viewer)
	if a := here.get("/admin/me"); a.status != http.StatusOK || !strings.Contains(a.words(), "本设备") {
		t.Fatalf("my account: %d", a.status)
	}
	if a := here.post("/admin/me", url.Values{"name": {strings.Repeat("王", 41)}}); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `id="f-name-error"`) {
		t.Errorf("a long name: %d", a.status)
	}
	here.post("/admin/me", url.Values{"name": {"王五"}})
	if a := here.get("/admin/me"); !strings.Contains(a.words(), "姓名已保存") || !strings.Contains(a.words(), "王五") {
		t.Error("the name is not changed")
	}
	if a := here.post("/admin/me/sessions", nil); a.status != http.StatusSeeOther {
		t.Fatalf("the others: %d", a.status)
	}
	if a := there.get("/admin/me"); a.status != http.StatusSeeOther {
		t.Errorf("the other session lives on: %d", a.status)
	}
	there = o.again(people.Viewer)
	wrong := here.post("/admin/me/password", url.Values{"old": {"guess"}, "password": {"a new password"}})
	if wrong.status != http.StatusUnprocessableEntity || !strings.Contains(wrong.body, `id="f-old-error"`) || strings.Contains(wrong.body, "a new password") {
		t.Errorf("a wrong old password: %d", wrong.status)
	}
	if a := here.post("/admin/me/password", url.Values{"old": {"correct horse 9"}, "password": {"a new password"}}); a.status != http.StatusSeeOther {
		t.Fatalf("the password: %d", a.status)
	}
	if a := there.get("/admin/me"); a.status != http.StatusSeeOther {
		t.Errorf("a session of the old password lives on: %d", a.status)
	}
	if a := here.get("/admin/me"); a.status != http.StatusOK {
		t.Errorf("this session is over: %d", a.status)
	}
}

func TestTwoStepSignInAsksForACodeAndTakesItOnce(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	if a := d.get("/admin/me/two-step"); a.header.Get("Location") != "/admin/me" {
		t.Fatalf("nothing was started: %d", a.status)
	}
	if a := d.post("/admin/me/two-step", nil); a.header.Get("Location") != "/admin/me/two-step" {
		t.Fatalf("the start: %d", a.status)
	}
	shown := d.get("/admin/me/two-step")
	found := regexp.MustCompile(`value="((?:[A-Z2-7]{4} ){7}[A-Z2-7]{4})"`).FindStringSubmatch(shown.body)
	if found == nil || !strings.Contains(shown.body, `class="kq-qr"`) {
		t.Fatalf("no secret to scan or to type: %d", shown.status)
	}
	code := func() string {
		t.Helper()
		text, err := totp.GenerateCode(strings.ReplaceAll(found[1], " ", ""), o.now())
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if a := d.post("/admin/me/two-step/confirm", url.Values{"code": {"12"}}); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `id="f-code-error"`) {
		t.Errorf("a wrong code: %d", a.status)
	}
	on := d.post("/admin/me/two-step/confirm", url.Values{"code": {code()}})
	recovery := regexp.MustCompile(`<li>([A-Z2-9]{4}(?:-[A-Z2-9]{4}){3})</li>`).FindAllStringSubmatch(on.body, -1)
	if on.status != http.StatusOK || len(recovery) != 10 {
		t.Fatalf("%d, %d recovery codes", on.status, len(recovery))
	}
	if a := d.get("/admin/me"); strings.Contains(a.body, recovery[0][1]) || !strings.Contains(a.words(), "还剩 10 个恢复码") {
		t.Error("my account does not say how many codes are left, or shows them")
	}

	login := url.Values{"login": {"operator-login"}, "password": {"correct horse 9"}, "next": {"/admin/claims"}}
	phone := o.stranger()
	if a := phone.get("/admin/login/code"); !strings.HasPrefix(a.header.Get("Location"), "/admin/login?") {
		t.Errorf("a code before the password: %d", a.status)
	}
	asked := phone.post("/admin/login", login)
	if want := "/admin/login/code?next=%2Fadmin%2Fclaims"; asked.header.Get("Location") != want || phone.cookies["kq_admin"] != "" {
		t.Fatalf("%d to %s", asked.status, asked.header.Get("Location"))
	}
	if a := phone.get("/admin/claims"); a.status != http.StatusSeeOther {
		t.Fatalf("the password alone lets in: %d", a.status)
	}
	if a := phone.get("/admin/login/code?next=/admin/claims"); a.status != http.StatusOK || !strings.Contains(a.body, `value="/admin/claims"`) {
		t.Errorf("the second step: %d", a.status)
	}
	o.setTime(noon.Add(time.Minute))
	next := url.Values{"code": {code()}, "next": {"/admin/claims"}}
	if a := phone.post("/admin/login/code", url.Values{"code": {"999999x"}}); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), "验证码不正确") {
		t.Errorf("a wrong code: %d", a.status)
	}
	if a := phone.post("/admin/login/code", next); a.header.Get("Location") != "/admin/claims" {
		t.Fatalf("the right code: %d %s", a.status, a.words())
	}
	if a := phone.get("/admin/claims"); a.status != http.StatusOK {
		t.Errorf("signed in: %d", a.status)
	}
	thief := o.stranger()
	thief.post("/admin/login", login)
	if a := thief.post("/admin/login/code", next); a.status != http.StatusUnprocessableEntity || thief.cookies["kq_admin"] != "" {
		t.Errorf("a code that was used: %d", a.status)
	}
	if a := thief.post("/admin/login/code", url.Values{"code": {recovery[0][1]}}); a.header.Get("Location") != "/admin" {
		t.Errorf("a recovery code: %d", a.status)
	}
	late := o.stranger()
	late.post("/admin/login", login)
	o.setTime(noon.Add(time.Hour))
	if a := late.post("/admin/login/code", url.Values{"code": {code()}}); !strings.HasPrefix(a.header.Get("Location"), "/admin/login?") || !strings.Contains(late.get("/admin/login").words(), "时间太长") {
		t.Errorf("an hour after the password: %d", a.status)
	}
	if a := d.post("/admin/me/two-step/off", url.Values{"proof": {"guess"}}); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `id="f-proof-error"`) {
		t.Errorf("off without the password: %d", a.status)
	}
	d.post("/admin/me/two-step/off", url.Values{"proof": {"correct horse 9"}})
	if a := o.stranger().post("/admin/login", login); a.header.Get("Location") != "/admin/claims" {
		t.Errorf("off: %d to %s", a.status, a.header.Get("Location"))
	}
}
