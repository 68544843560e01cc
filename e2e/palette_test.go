package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The palette opens from the keyboard, finds pages, things to do and campaigns, and goes there.
func TestThePaletteWorksFromTheKeyboardAlone(t *testing.T) {
	t.Parallel()
	p := demo(t, t.TempDir())
	admin := browse(t, 1280, 900)
	signIn(admin, p)
	press := func(key string, modifiers ...chromedp.KeyOption) { admin.do(chromedp.KeyEvent(key, modifiers...)) }
	open := `document.getElementById('palette').open`
	chosen := `document.getElementById(document.querySelector('#palette input').getAttribute('aria-activedescendant') || 'palette')?.textContent ?? ''`

	press("k", chromedp.KeyModifiers(2)) // Ctrl
	admin.await(page, open+` && document.activeElement.getAttribute('role') === 'combobox'`)
	press(kb.ArrowDown)
	press(kb.ArrowUp)
	press(kb.ArrowUp) // around to the last one
	admin.await(page, `document.querySelectorAll('#palette [aria-selected=true]').length === 1`)
	press(kb.Escape)
	admin.await(page, `!`+open)

	press("k", chromedp.KeyModifiers(2))
	admin.await(page, open)
	press("提拉米苏")
	admin.await(page, `document.querySelector('[data-found=campaigns] [role=option]') && (`+chosen+`).includes('提拉米苏')`)
	press(kb.Enter)
	admin.await(page, `/^\/admin\/campaigns\/[0-9a-z]+$/.test(location.pathname) && document.readyState === 'complete'`)

	// Letters are shortcuts, but never while somebody types.
	press("g")
	press("c")
	admin.await(page, `location.pathname === '/admin/campaigns' && document.readyState === 'complete'`)
	press("/")
	admin.await(page, `document.activeElement.matches('.kq-top input[name=q]')`)
	press("gh?n")
	admin.await(page, `document.activeElement.value.endsWith('gh?n') && location.pathname === '/admin/campaigns' && !document.querySelector('.kq-dialog:popover-open')`)
}
