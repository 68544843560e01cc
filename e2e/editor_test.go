package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

func TestTheEditorSavesWhileSomebodyTypes(t *testing.T) {
	p := demo(t, t.TempDir())
	admin := browse(t, 1280, 900)
	signIn(admin, p)
	admin.open(p.App + "/admin/campaigns")
	href, err := eval[string](admin, page, `document.querySelector('a[href^="/admin/campaigns/"]:not([href$="new"]):not([href*="?"])').href`)
	if err != nil {
		t.Fatal(err)
	}
	admin.open(href)
	if _, err := eval[bool](admin, page, `document.querySelector('form[action$="/copy"]').requestSubmit() ?? true`); err != nil {
		t.Fatal(err)
	}
	admin.await(page, `location.pathname.endsWith('/edit') && document.readyState === 'complete'`)
	edit, err := eval[string](admin, page, `location.href`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := eval[bool](admin, page, `(window.loads = 0, document.getElementById('editor-frame').addEventListener('load', () => { window.loads++ }), true)`); err != nil {
		t.Fatal(err)
	}
	admin.fill(page, "name", "边打边存")
	admin.await(page, `/^已保存 \d\d:\d\d$/.test(document.getElementById('saved').textContent)`)
	admin.await(page, `window.loads > 0`)

	// A link that another campaign has is told when the field is left; one click takes a free one.
	taken, err := eval[string](admin, page, `document.querySelector('[name=slug]').value.replace(/-[a-z0-9]{6}$/, '')`)
	if err != nil {
		t.Fatal(err)
	}
	admin.fill(page, "slug", taken)
	if _, err := eval[bool](admin, page, `(document.querySelector('[name=slug]').blur(), true)`); err != nil {
		t.Fatal(err)
	}
	admin.await(page, `document.getElementById('f-slug-error')?.textContent.includes('已被使用') && document.querySelectorAll('#free-slugs:not([hidden]) button').length === 2`)
	admin.whole("editor-taken")
	admin.click(page, "#free-slugs button", "")
	admin.await(page, `document.querySelector('[name=slug]').value === '`+taken+`-2' && document.getElementById('free-slugs').hidden && document.querySelector('[name=slug]').getAttribute('aria-invalid') === 'false'`)
	admin.await(page, `/^已保存 \d\d:\d\d$/.test(document.getElementById('saved').textContent) && location.pathname.endsWith('/edit')`)

	// The server says what is wrong with a field once it is left, and the step counts it.
	admin.open(edit + "?step=stock")
	admin.fill(page, "total", "很多")
	if _, err := eval[bool](admin, page, `(document.querySelector('[name=total]').blur(), true)`); err != nil {
		t.Fatal(err)
	}
	admin.await(page, `document.getElementById('f-total-error')?.textContent.includes('请填写整数') && document.querySelector('[name=total]').getAttribute('aria-invalid') === 'true'`)
	admin.await(page, `document.querySelector('[data-step=stock] [data-mark]').textContent === '!1' && document.getElementById('saved').textContent.startsWith('已暂存')`)

	admin.whole("editor-problem")
	// Without a connection it is said, and tried again.
	if _, err := eval[bool](admin, page, `(window.real = window.fetch, window.fetch = () => Promise.reject(new TypeError('offline')), true)`); err != nil {
		t.Fatal(err)
	}
	admin.fill(page, "total", "321")
	admin.await(page, `document.getElementById('saved').textContent === '未保存：网络断开，将自动重试'`)
	if _, err := eval[bool](admin, page, `(window.fetch = window.real, window.dispatchEvent(new Event('online')), true)`); err != nil {
		t.Fatal(err)
	}
	admin.await(page, `document.getElementById('saved').textContent.startsWith('已保存') && document.querySelector('[data-step=stock] [data-mark]').textContent === '✓'`)

	// A page that goes away takes the last second along.
	admin.fill(page, "total", "456")
	admin.open(href)
	admin.open(edit + "?step=stock")
	admin.await(page, `document.querySelector('[name=total]').value === '456'`)

	admin.whole("editor-stock")
	admin.do(chromedp.EmulateViewport(375, 812))
	admin.dark(true)
	admin.open(edit + "?step=stock")
	if fits, err := eval[bool](admin, page, `document.documentElement.scrollWidth <= window.innerWidth && !document.querySelector('.ed-phone').open`); err != nil || !fits {
		t.Errorf("the editor does not fit a phone: %v", err)
	}
	admin.whole("editor-phone")
	admin.dark(false)
	admin.do(chromedp.EmulateViewport(1280, 900))
	admin.open(edit + "?step=stock")
	// Every step opens, and the version page tells what was typed.
	admin.click(page, "[data-step=rules]", "")
	admin.await(page, `document.getElementById('section-rules') && document.getElementById('limits').textContent.includes('共 456 张')`)
	admin.open(edit[:len(edit)-len("/edit")] + "/versions")
	admin.shows(page, "456")
	admin.whole("editor-versions")

	// Of a public campaign, the difference is shown before it is saved.
	admin.open(href + "/edit?step=stock")
	admin.whole("editor-public")
	admin.fill(page, "total", "98765")
	admin.click(page, ".kq-save .btn-primary", "")
	admin.await(page, `document.querySelector('.ed-changes')?.innerText.includes('98765')`)
	admin.whole("editor-confirm")
	admin.click(page, "button[value=confirm]", "")
	admin.await(page, `document.querySelector('[name=total]')?.value === '98765'`)
}
