package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// look is a width and a set of colours that a page is seen in.
type look struct {
	width int64
	dark  bool
}

func (l look) String() string {
	theme := "light"
	if l.dark {
		theme = "dark"
	}
	return fmt.Sprintf("%d-%s", l.width, theme)
}

func (t *tab) in(l look) {
	t.Helper()
	t.dark(l.dark)
	t.do(chromedp.EmulateViewport(l.width, 900))
}

// TestPictures makes the pictures of the README and the manual, for ./task pictures. With
// KAQUAN_EVERY_PAGE set it also keeps every page, wide and narrow, light and dark, for
// looking at.
func TestPictures(t *testing.T) {
	if os.Getenv("KAQUAN_PICTURES") == "" {
		t.Skip("KAQUAN_PICTURES names no folder")
	}
	p := demo(t, t.TempDir())
	phone := browse(t, 1280, 960)
	phone.open(p.Phone + "/phone")
	phone.state(screen, "intro")
	phone.click(screen, ".kq-btn", "我要领取")
	phone.state(screen, "form")
	answer(phone, "王小明", "13800138000")
	phone.click(screen, "button[type=submit]", "")
	phone.state(screen, "claiming")
	phone.await(screen, find("[data-wx=add]", ""))
	phone.settle(screen, "[data-wx=add]", "")
	phone.shoot("phone")
	phone.click(screen, "[data-wx=add]", "")
	phone.state(screen, "claimed")

	admin := browse(t, 1280, 800)
	signIn(admin, p)
	admin.shoot("admin")

	admin.open(p.App + "/admin/campaigns")
	public, err := eval[string](admin, page, `[...document.querySelectorAll('a[href^="/admin/campaigns/"]')].find(a => a.textContent.includes('冬日拿铁')).href`)
	if err != nil {
		t.Fatal(err)
	}
	admin.open(public + "/channels")
	admin.fill(page, "name", "东门海报")
	admin.click(page, "#new button.btn-primary", "")
	admin.await(page, `location.pathname.includes('/channel/') && document.readyState === 'complete'`)
	channel, err := eval[string](admin, page, `location.href`)
	if err != nil {
		t.Fatal(err)
	}
	// A copy is a draft, which can be checked.
	admin.open(public)
	if _, err := eval[bool](admin, page, `document.querySelector('form[action$="/copy"]').requestSubmit() ?? true`); err != nil {
		t.Fatal(err)
	}
	admin.await(page, `location.pathname.endsWith('/edit') && document.readyState === 'complete'`)
	draft, err := eval[string](admin, page, `location.href.replace('/edit', '')`)
	if err != nil {
		t.Fatal(err)
	}

	manualPictures(admin, p, public, draft, channel)
	if os.Getenv("KAQUAN_EVERY_PAGE") != "" {
		everyPage(t, admin, phone, p, public, draft, channel)
	}
}

// manualPictures are those that docs/manual.md shows.
func manualPictures(admin *tab, p *program, public, draft, channel string) {
	wide, narrow := look{1280, false}, look{375, true}
	for _, one := range []struct {
		name, address string
		in            look
	}{
		{"list", p.App + "/admin/campaigns", wide},
		{"list", p.App + "/admin/campaigns", narrow},
		{"editor-card", draft + "/edit?step=card", wide},
		{"editor-rules", draft + "/edit?step=rules", look{1280, true}},
		{"editor-form", draft + "/edit?step=form", wide},
		{"editor-design", draft + "/edit?step=design", wide},
		{"editor-redeeming", draft + "/edit?step=redeeming", narrow},
		{"preview", public + "/preview?state=already", wide},
		{"preview", public + "/preview/page?state=paused", narrow},
		{"preflight", draft + "/preflight", wide},
		{"poster", channel + "/poster", wide},
		{"poster", channel + "/poster", narrow},
	} {
		admin.in(one.in)
		admin.open(one.address)
		admin.await(page, `document.readyState === 'complete' && (!document.getElementById('poster-canvas') || document.getElementById('poster-canvas').dataset.ready === '1')`)
		admin.await(page, `[...document.querySelectorAll('iframe')].every(f => { const r = f.getBoundingClientRect(); return !r.height || r.top > innerHeight || !f.contentDocument || f.contentDocument.querySelector('[data-state]') })`)
		admin.shoot("manual/" + one.name + "-" + one.in.String())
	}
	admin.in(wide)
}

var notInNames = regexp.MustCompile(`[^a-z0-9_]+`)

// everyPage keeps every kind of page of the admin, of visitors and of the till.
func everyPage(t *testing.T, admin, phone *tab, p *program, public, draft, channel string) {
	clerkPIN, _ := openStore(admin, p)
	_, kinds := walk(t, admin, p)
	pages := map[string]string{
		"phone-page": p.Phone + "/phone", "claim-not_found": p.App + "/c/nothing-here", "link-spent": p.Admin, "me-elsewhere": p.App + "/w/me",
		"till-signin": p.App + "/s/", "login": p.App + "/admin/login", "problem": p.App + "/admin/nothing-here",
		"campaigns-none": p.App + "/admin/campaigns?q=zzz", "claims-none": p.App + "/admin/claims?q=zzz",
		"preview-page": public + "/preview/page?state=already", "preflight": draft + "/preflight", "versions": draft + "/versions",
		"rehearsal": draft + "/rehearsal", "poster": channel + "/poster",
	}
	for kind, address := range kinds {
		pages[strings.Trim(notInNames.ReplaceAllString(kind, "-"), "-")] = address
	}
	for _, slug := range []string{"latte", "cake", "afternoon"} {
		pages["claim-"+slug] = p.App + "/c/" + slug
	}
	for _, step := range []string{"card", "stock", "rules", "form", "design", "channels", "redeeming", "notices", "terms"} {
		pages["editor-"+step] = draft + "/edit?step=" + step
	}

	// What a price looks like where people pay.
	phone.visit(p.App + "/c/afternoon")
	phone.shows(screen, "下午茶双人套餐")
	phone.shoot("phone-priced")

	// The till: one card is redeemed, another only looked at.
	digits, _ := claimCake(t, phone, p)
	phone.click(page, `[data-persona]:not([aria-pressed=true])`, "")
	phone.await(screen, `document.querySelector('[data-state]')?.dataset.state !== 'claimed_local'`)
	fresh, _ := claimCake(t, phone, p)
	till := browse(t, 1280, 900)
	enterTill(till, p, "小李", clerkPIN)
	seek := func(code string) {
		till.open(p.App + "/s/scan")
		till.fill(page, "code", code)
		till.click(page, ".typing .btn_main", "查询")
		till.await(page, `document.querySelector('#main').dataset.kind !== 'scan'`)
	}
	seek(digits)
	till.click(page, ".btn_confirm", "确认核销")
	till.kind("result")
	path, err := eval[string](till, page, `document.querySelector('#main').dataset.path`)
	if err != nil {
		t.Fatal(err)
	}
	atTill := map[string]func(){
		"till-scan":   func() { till.open(p.App + "/s/scan") },
		"till-today":  func() { till.open(p.App + "/s/today") },
		"till-result": func() { till.open(p.App + path) },
		"till-card":   func() { seek(fresh) },
		"till-used":   func() { seek(digits) },
	}

	keep := func(b *tab, name string, l look) {
		b.await(page, `document.readyState === 'complete'`)
		if wide, err := eval[bool](b, page, `document.documentElement.scrollWidth > window.innerWidth`); err == nil && wide {
			t.Errorf("%s is wider than %d px", name, l.width)
		}
		b.whole(name + "-" + l.String())
	}
	for _, l := range []look{{1280, false}, {1280, true}, {375, false}, {375, true}} {
		admin.in(l)
		for name, address := range pages {
			admin.open(address)
			keep(admin, name, l)
		}
		till.in(l)
		for name, show := range atTill {
			show()
			keep(till, name, l)
		}
	}
}
