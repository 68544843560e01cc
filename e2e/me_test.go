package e2e

import "testing"

// A visitor looks at what is stored, agrees to show their profile, and erases it all.
func TestAVisitorSeesAndErasesTheirData(t *testing.T) {
	t.Parallel()
	p := demo(t, t.TempDir())
	phone := browse(t, 1280, 1000)
	phone.open(p.Phone + "/phone")
	phone.state(screen, "intro")
	phone.visit(p.App + "/w/me")
	phone.state(screen, "me_ask")
	phone.shoot("me-ask")
	phone.click(screen, ".kq-btn", "用微信登录")
	phone.click(screen, "[data-wx=deny]", "")
	phone.state(screen, "auth_denied")
	phone.click(screen, ".kq-btn", "用微信登录")
	phone.click(screen, "[data-wx=allow]", "")
	phone.state(screen, "me")
	phone.shows(screen, "小林")
	phone.await(screen, `document.querySelector('.kq-avatar img').naturalWidth > 0`)

	// A claim belongs to the page from then on.
	phone.visit(p.App + "/c/latte")
	phone.state(screen, "form")
	answer(phone, "王小明 🚗", "13800138000")
	phone.click(screen, "button[type=submit]", "")
	phone.click(screen, "[data-wx=add]", "")
	phone.state(screen, "claimed")
	phone.visit(p.App + "/w/me")
	phone.state(screen, "me")
	phone.shows(screen, "冬日拿铁买一赠一")
	phone.shows(screen, "王小明 🚗")
	phone.shoot("me")

	phone.click(screen, ".kq-erase summary", "")
	phone.fill(screen, "confirm", "不要")
	phone.click(screen, ".kq-danger", "")
	phone.shows(screen, "没有删除")
	phone.shoot("me-erase")
	phone.fill(screen, "confirm", "删除")
	phone.click(screen, ".kq-danger", "")
	phone.state(screen, "me_erased")
	phone.shoot("me-erased")

	// The limit holds for whoever comes back.
	phone.visit(p.App + "/c/latte")
	phone.state(screen, "intro")
	phone.click(screen, ".kq-btn", "我要领取")
	phone.state(screen, "already")
	phone.clean()
	noSecrets(t, p, "13800138000", "王小明", "小林")
}
