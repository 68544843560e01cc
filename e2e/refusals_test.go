package e2e

import (
	"testing"
)

// What WeChat refuses is told on the page in a sentence, in the state of its own, and
// after the cause is gone the same button leads on.
func TestThePageSaysWhatWeChatRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, toggle, state, sentence string
	}{
		{"a card signature that does not fit", "card_bad_signature", "wallet_failed", "没有通过微信的检查"},
		{"a page signature that does not fit", "js_bad_signature", "sign_failed", "页面没准备好"},
		{"no more cards at WeChat", "stock_empty", "wallet_failed", "领完"},
		{"the person's limit at WeChat", "limit_reached", "wallet_failed", "次数"},
	} {
		t.Run(row.toggle, func(t *testing.T) {
			t.Parallel()
			p := demo(t, t.TempDir())
			phone := browse(t, 1280, 1000)
			phone.open(p.Phone + "/phone")
			phone.state(screen, "intro")
			phone.click(screen, ".kq-btn", "我要领取")
			phone.state(screen, "form")
			answer(phone, "王小明", "13800138000")
			phone.toggle(row.toggle, true)
			if row.state == "sign_failed" {
				// The page's signature was accepted when it opened; a fresh page asks again.
				phone.click(page, "#reload", "")
				phone.await(screen, `document.querySelector('[name=f_name]')?.value === ''`)
				answer(phone, "王小明", "13800138000")
			}
			phone.click(screen, "button[type=submit]", "")
			phone.state(screen, row.state)
			phone.shows(screen, row.sentence)
			phone.toggle(row.toggle, false)
			phone.clean()
		})
	}
}

// toggle turns one of the sandbox's failures on or off through its box on the phone.
func (t *tab) toggle(name string, on bool) {
	t.Helper()
	box := `document.querySelector('[data-switch="` + name + `"]')`
	t.await(page, box)
	if _, err := eval[bool](t, page, `(() => { const b = `+box+`; if (b.checked !== `+map[bool]string{true: "true", false: "false"}[on]+`) b.click(); return true; })()`); err != nil {
		t.Fatal(err)
	}
	want := map[bool]string{true: "", false: "!"}[on]
	t.await(page, want+box+`.checked`)
}
