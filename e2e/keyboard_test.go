package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// shift is the modifier key of chromedp.KeyModifiers.
const shift = 8

// stop is where the cursor is.
type stop struct {
	Name  string // tag, id and name, for reports
	There bool   // it is what was looked for
	Fault string // why nobody would see it there, "" = it is seen
}

// press presses one key, as often as said.
func (t *tab) press(key string, times int, modifiers ...chromedp.KeyOption) {
	t.Helper()
	for range times {
		t.do(chromedp.KeyEvent(key, modifiers...))
	}
}

// at says where the cursor is: on something in the window, drawn as such, and not covered
// by a bar. Scrolling there may take the browser a moment.
func (t *tab) at(selector string) stop {
	t.Helper()
	text, err := eval[string](t, page, fmt.Sprintf(`(async () => {
  const e = document.activeElement;
  if (!e || e === document.body) return JSON.stringify({Name: 'body'});
  const name = e.tagName.toLowerCase() + '#' + e.id + '[' + (e.name || e.getAttribute('href') || e.innerText || '').slice(0, 40) + ']';
  const fault = () => {
    if (e.tagName === 'IFRAME' || e.id === 'main') return '';
    const r = e.getBoundingClientRect();
    if (r.bottom <= 0 || r.top >= innerHeight || r.right <= 0 || r.left >= innerWidth || r.width <= 1 || r.height <= 1) return 'is outside of the window';
    if (![e, e.parentElement].map(x => getComputedStyle(x)).some(s => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== 'none')) return 'is drawn as if it were elsewhere';
    const spots = [[.5, .5], [.5, .1], [.5, .9]].map(([x, y]) => document.elementFromPoint(r.left + r.width * x, r.top + r.height * y));
    return spots.some(s => s && (s === e || e.contains(s) || s.contains(e) && s.tagName === 'LABEL')) ? '' : 'is covered by ' + spots[0]?.className + ' at ' + Math.round(r.top) + ' to ' + Math.round(r.bottom) + ' of ' + innerHeight;
  };
  for (let i = 0; i < 100 && fault(); i++) await new Promise(done => setTimeout(done, 50));
  return JSON.stringify({Name: name, There: e.matches(%q), Fault: fault()});
})()`, selector))
	if err != nil {
		t.Fatal(err)
	}
	var s stop
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// tabTo presses Tab until the cursor is on what the selector says, and sees it on each stop.
func (t *tab) tabTo(selector string, modifiers ...chromedp.KeyOption) {
	t.Helper()
	var path []string
	for range 90 {
		s := t.at(selector)
		if s.Fault != "" {
			t.Errorf("the cursor is on %s, which %s", s.Name, s.Fault)
		}
		if s.There {
			return
		}
		path = append(path, s.Name)
		t.press(kb.Tab, 1, modifiers...)
	}
	t.shoot("failed")
	t.Fatalf("Tab never comes to %s: %s", selector, strings.Join(path, " "))
}

// here waits until a new page has put the cursor on what the selector says.
func (t *tab) here(selector string) {
	t.Helper()
	t.await(page, fmt.Sprintf(`document.readyState === 'complete' && document.activeElement.matches(%q)`, selector))
}

func (t *tab) step(name string) {
	t.Helper()
	t.await(page, fmt.Sprintf(`document.readyState === 'complete' && document.querySelector('#section-%s')`, name))
}

// retype puts a text in the place of what a field holds.
func (t *tab) retype(text string) {
	t.Helper()
	t.press("a", 1, chromedp.KeyModifiers(2)) // Ctrl
	t.press(text, 1)
}

// Nobody needs a mouse: from the way in to a campaign that is public, with keys alone.
func TestACampaignIsMadeWithTheKeyboardAlone(t *testing.T) {
	t.Parallel()
	p := demo(t, t.TempDir())
	admin := browse(t, 1280, 900)
	admin.open(p.Admin)
	admin.here("button")
	admin.press(kb.Enter, 1)
	admin.await(page, `location.pathname === '/admin' && document.readyState === 'complete'`)

	// Skip link, shortcuts, and back with Shift+Tab.
	admin.tabTo(".kq-skip")
	admin.press("g", 1)
	admin.press("c", 1)
	admin.await(page, `location.pathname === '/admin/campaigns' && document.readyState === 'complete'`)
	admin.press("n", 1)
	admin.await(page, `location.pathname === '/admin/campaigns/new' && document.readyState === 'complete'`)

	// The cursor waits in the first field of a new campaign.
	admin.here("[name=name]")
	admin.press("键盘专享", 1)
	admin.press(kb.Tab, 1)
	admin.press(kb.Tab, 1, chromedp.KeyModifiers(shift))
	admin.here("[name=name]")
	admin.tabTo("[name=issuer]")
	admin.press(kb.ArrowDown, 1)
	admin.await(page, `document.activeElement.value !== 'own_code'`)
	admin.press(kb.ArrowUp, 1)
	admin.await(page, `document.activeElement.value === 'own_code'`)

	// What is missing gets the cursor.
	admin.tabTo(".kq-save button")
	admin.press(kb.Enter, 1)
	admin.here("[name=benefit][aria-invalid=true]")
	admin.press("热美式 1 杯", 1)
	admin.press(kb.Enter, 1) // as good as the button
	admin.step("stock")
	slug, err := eval[string](admin, page, `location.pathname`)
	if err != nil || !strings.HasSuffix(slug, "/edit") {
		t.Fatalf("no draft was made: %s %v", slug, err)
	}

	// Enter in a field saves, and does not publish.
	admin.tabTo("[name=total]")
	admin.retype("80")
	admin.press(kb.Enter, 1)
	admin.await(page, `location.pathname.endsWith('/edit') && document.readyState === 'complete' && document.querySelector('[name=total]')?.defaultValue === '80'`)
	next := func(from, to string) {
		t.Helper()
		admin.tabTo(".kq-save button[value=next]")
		admin.press(kb.Enter, 1)
		admin.step(to)
	}
	next("stock", "rules")
	next("rules", "form")

	// A question of the form is added and named without losing the cursor.
	admin.tabTo(".kq-save button[value=next]")
	admin.tabTo("#op-add-text", chromedp.KeyModifiers(shift)) // and backwards
	admin.press(" ", 1)
	admin.await(page, `document.querySelector('.kq-question') && document.activeElement !== document.body`)
	admin.tabTo("[name='question[0][label]']")
	admin.retype("昵称")
	next("form", "design")
	admin.tabTo("[name=show_stock]")
	before, err := eval[bool](admin, page, `document.activeElement.checked`)
	if err != nil {
		t.Fatal(err)
	}
	admin.press(" ", 1)
	admin.await(page, fmt.Sprintf(`document.activeElement.checked !== %t`, before))
	next("design", "channels")
	next("channels", "redeeming")
	next("redeeming", "notices")
	next("notices", "terms")
	admin.tabTo("[name=terms]")
	admin.press("1. 每人限领一张。", 1)
	admin.tabTo(".kq-save button[value=publish]")
	admin.press(kb.Enter, 1)
	admin.await(page, `location.pathname.endsWith('/preflight') && document.readyState === 'complete'`)

	// What is doubtful wants a reason, and says so where the reason is written.
	if warned, err := eval[bool](admin, page, `!!document.querySelector('[name=reason]')`); err != nil {
		t.Fatal(err)
	} else if !warned {
		t.Fatal("the preflight has no doubts: the test needs one")
	}
	admin.tabTo("form[action$='/publish'] button")
	admin.press(kb.Enter, 1)
	admin.here("[name=reason][aria-invalid=true]")
	admin.press("门店已确认", 1)
	admin.tabTo("form[action$='/publish'] button")
	admin.press(kb.Enter, 1)
	admin.await(page, `/^\/admin\/campaigns\/[0-9a-z]+$/.test(location.pathname) && document.readyState === 'complete'`)
	admin.tabTo("[data-select]")
	link, err := eval[string](admin, page, `document.activeElement.value`)
	if err != nil {
		t.Fatal(err)
	}
	if state := landing(t, client(t), link); state != "before_start" && state != "form" {
		t.Errorf("the public page of the new campaign says %q", state)
	}
	admin.clean()
}
