package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"
)

// A colleague comes in by an invitation, turns two-step sign-in on, and signs in with the
// phone. Every page on the way is looked at by axe, wide and light, narrow and dark.
func TestAColleagueIsInvitedAndSignsInWithTwoSteps(t *testing.T) {
	t.Parallel()
	axe, err := os.ReadFile("../assets/node_modules/axe-core/axe.min.js")
	need(t, err == nil, "axe-core is not here: npm ci --prefix assets")
	p := demo(t, t.TempDir())
	look := func(who *tab, name string) {
		t.Helper()
		for _, l := range []struct {
			width int64
			dark  bool
			end   string
		}{{375, true, "-375-dark"}, {1280, false, "-1280"}} {
			who.dark(l.dark)
			who.do(chromedp.EmulateViewport(l.width, 900))
			// Colours move from one theme to the other; axe would read what is between.
			who.await(page, fmt.Sprintf(`document.documentElement.dataset.bsTheme === (%t ? 'dark' : 'light') && !document.getAnimations().some(a => a instanceof CSSTransition)`, l.dark))
			who.whole(name + l.end)
			for _, v := range who.barriers(string(axe)) {
				t.Errorf("%s%s: %s: %s\n  %s", name, l.end, v.ID, v.Help, strings.Join(v.Nodes, "\n  "))
			}
			if wide, err := eval[bool](who, page, `document.documentElement.scrollWidth > window.innerWidth`); err == nil && wide {
				t.Errorf("%s%s is too wide", name, l.end)
			}
		}
	}
	owner := browse(t, 1280, 900)
	signIn(owner, p)
	owner.click(page, `a[href="/admin/people"]`, "")
	owner.shows(page, "目前只有您一个成员")
	look(owner, "people-alone")
	owner.fill(page, "name", "安娜")
	owner.fill(page, "login", "anna")
	owner.click(page, "#new button", "")
	owner.shows(page, "安娜的邀请链接")
	look(owner, "people-link")
	link, err := eval[string](owner, page, `document.querySelector('[data-select]').value`)
	need(t, err == nil && strings.HasPrefix(link, p.App+"/admin/login/password?token="), "no link: "+link)

	anna := browse(t, 1280, 900)
	anna.open(link)
	anna.shows(page, "接受邀请")
	look(anna, "people-join")
	anna.fill(page, "password", "correct horse 9")
	anna.click(page, "form button.btn-primary", "")
	anna.await(page, `location.pathname === '/admin' && document.readyState === 'complete'`)
	anna.open(p.App + "/admin/me")
	look(anna, "me")
	anna.click(page, `form[action="/admin/me/two-step"] button`, "")
	anna.shows(page, "扫描二维码")
	look(anna, "two-step")
	shown, err := eval[string](anna, page, `document.querySelector('[data-select]').value`)
	need(t, err == nil, "no secret")
	secret := strings.ReplaceAll(shown, " ", "")
	code := func(later time.Duration) string {
		t.Helper()
		text, err := totp.GenerateCode(secret, time.Now().Add(later))
		need(t, err == nil, "no code of "+secret)
		return text
	}
	anna.fill(page, "code", code(0))
	anna.click(page, "form .card-footer button", "")
	anna.shows(page, "请保存恢复码")
	look(anna, "recovery")

	phone := browse(t, 375, 800)
	phone.open(p.App + "/admin/claims")
	phone.fill(page, "login", "anna")
	phone.fill(page, "password", "correct horse 9")
	phone.click(page, "form button.btn-primary", "")
	phone.shows(page, "验证码")
	look(phone, "code")
	phone.fill(page, "code", code(30*time.Second)) // the one before was taken
	phone.click(page, "form button.btn-primary", "")
	phone.await(page, `location.pathname === '/admin/claims'`)

	owner.open(p.App + "/admin/people")
	owner.click(page, "tbody a", "安娜")
	owner.shows(page, "已开启")
	look(owner, "person")
	owner.click(page, `[popovertarget="off"]`, "")
	owner.await(page, `document.querySelector('#off').matches(':popover-open')`)
	owner.click(page, "#off form button.btn-outline-danger", "")
	owner.shows(page, "已停用，不能登录")
	phone.open(p.App + "/admin/claims")
	phone.await(page, `location.pathname === '/admin/login'`)
	for _, who := range []*tab{owner, anna, phone} {
		who.clean()
	}
}
