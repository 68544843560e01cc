package e2e

import (
	"fmt"
	"testing"
)

// Inside WeChat the till's button opens WeChat's own scanner: a clerk signs in on the phone,
// looks at a card by its code and redeems it.
func TestACardIsRedeemedWithWeChatsOwnScanner(t *testing.T) {
	t.Parallel()
	p := demo(t, t.TempDir())
	admin := browse(t, 1280, 900)
	signIn(admin, p)
	pin, _ := openStore(admin, p)
	admin.open(p.App + "/admin/stores")
	admin.click(page, "main a", "国贸店")
	admin.await(page, `document.querySelector('[data-copy*="/s/at/"]')`)
	till, err := eval[string](admin, page, `document.querySelector('[data-copy*="/s/at/"]').dataset.copy`)
	if err != nil {
		t.Fatal(err)
	}
	if read := scan(t, admin, page, "#main .kq-qr"); read != till {
		t.Errorf("the store's code says %q, its link is %q", read, till)
	}

	phone := browse(t, 1280, 1000)
	phone.open(p.Phone + "/phone")
	phone.state(screen, "intro")
	_, pass := claimCake(t, phone, p)

	kind := func(name string) {
		t.Helper()
		phone.await(screen, fmt.Sprintf(`document.querySelector('#main')?.dataset.kind === %q && document.readyState === 'complete'`, name))
	}
	phone.visit(p.App + "/s/")
	phone.click(screen, ".list__row", "国贸店")
	phone.click(screen, ".person", "小李")
	for _, digit := range pin {
		phone.click(screen, `[data-key]`, string(digit))
	}
	kind("scan")
	// The script says so once wx.config has succeeded.
	phone.await(page, `[...document.querySelectorAll('#log [data-level=ok]')].some(e => e.innerText.includes('wx.config'))`)

	// Whoever closes the scanner is back at the keypad.
	phone.click(screen, "[data-act=scan]", "扫一扫")
	phone.click(screen, "[data-wx=cancel]", "")
	phone.await(screen, `!document.getElementById('wx-wallet-sheet')`)
	kind("scan")

	sheet := `document.getElementById('wx-wallet-sheet').shadowRoot.querySelector('input.text')`
	hold := func(text string) {
		t.Helper()
		phone.click(screen, "[data-act=scan]", "扫一扫")
		phone.await(screen, find("[data-wx=scan]", "识别"))
		if _, err := eval[bool](phone, screen, fmt.Sprintf(`(%s.value = %q, true)`, sheet, text)); err != nil {
			t.Fatal(err)
		}
		phone.shoot("till-wechat")
		phone.click(screen, "[data-wx=scan]", "识别")
	}
	hold(pass)
	kind("card")
	phone.shows(screen, "提拉米苏 1 份")
	phone.click(screen, ".btn_confirm", "确认核销")
	kind("result")
	phone.shows(screen, "核销成功")
	phone.click(screen, ".btn_next", "扫下一张")
	kind("scan")
	hold(pass)
	kind("refused")
	phone.shows(screen, "在国贸店由小李核销")
	phone.clean()
	admin.clean()
	noSecrets(t, p, pin)
}
