package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// A card is taken back from the wallet: the shop says so, WeChat does it, and the visitor
// reads it.
func TestTheShopMakesACardVoid(t *testing.T) {
	t.Parallel()
	p := demo(t, t.TempDir())
	phone := browse(t, 1280, 1000)
	phone.open(p.Phone + "/phone")
	phone.state(screen, "intro")
	phone.click(screen, ".kq-btn", "我要领取")
	phone.state(screen, "form")
	answer(phone, "王小明", "13800138000")
	phone.click(screen, "button[type=submit]", "")
	phone.state(screen, "claiming")
	phone.click(screen, "[data-wx=add]", "")
	phone.state(screen, "claimed")

	admin := browse(t, 1280, 1000)
	signIn(admin, p)
	admin.open(p.App + "/admin/claims")
	admin.shows(page, "已领取")
	admin.do(chromedp.EmulateViewport(375, 800))
	admin.shoot("claims-375")
	admin.do(chromedp.EmulateViewport(1280, 1000))
	admin.click(page, "tbody input[name=id]", "")
	admin.await(page, `document.querySelector('.kq-bulk-count').textContent.includes('1')`)
	admin.shoot("claims-1280")
	admin.click(page, `[popovertarget="bulk-void"]`, "")
	admin.await(page, `document.querySelector('#bulk-void').matches(':popover-open')`)
	admin.shoot("claims-void-1280")
	admin.click(page, "#bulk-void-go", "")
	admin.shows(page, "请选择作废的原因")

	admin.click(page, "tbody a.stretched-link", "")
	admin.await(page, `document.querySelector('.kq-drawer [popovertarget="void-claim"]')`)
	admin.shoot("claims-drawer-1280")
	admin.click(page, `[popovertarget="void-claim"]`, "")
	if _, err := eval[bool](admin, page, `document.querySelector('#void-reason').value = 'mistake', true`); err != nil {
		t.Fatal(err)
	}
	admin.shoot("claims-drawer-void-1280")
	admin.click(page, "#void-go", "")
	admin.shows(page, "工作人员")
	admin.shows(page, "误发")
	admin.shows(page, "已作废")

	phone.open(p.Phone + "/phone")
	phone.state(screen, "voided")
}
