package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPictures makes the pictures of the README, for ./task pictures. With
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
	if os.Getenv("KAQUAN_EVERY_PAGE") == "" {
		return
	}

	guests := []string{"latte", "cake"}
	pages := map[string]string{"phone-page": p.Phone + "/phone"}
	for _, slug := range guests {
		pages["claim-"+slug] = p.App + "/c/" + slug
	}
	pages["claim-not_found"] = p.App + "/c/nothing-here"
	pages["link-spent"] = p.Admin
	pages["me-elsewhere"] = p.App + "/w/me"
	for name, path := range map[string]string{
		"campaigns": "/admin/campaigns", "campaigns-none": "/admin/campaigns?q=zzz", "campaign-new": "/admin/campaigns/new", "claims": "/admin/claims",
		"claims-none": "/admin/claims?q=zzz", "accounts": "/admin/accounts", "account": "/admin/accounts/demo", "tokens": "/admin/tokens", "health": "/admin/health", "events": "/admin/events", "reconcile": "/admin/events/reconcile", "signatures": "/admin/health/signatures", "files": "/admin/files", "replies": "/admin/reach", "reply-new": "/admin/reach/rules/new", "menu": "/admin/reach/menu", "scenes": "/admin/reach/scenes", "cards": "/admin/cards", "login": "/admin/login", "api": "/admin/api",
		"problem": "/admin/nothing-here",
	} {
		pages[name] = p.App + path
	}
	admin.open(p.App + "/admin/campaigns")
	for name, selector := range map[string]string{"campaign": `a[href^="/admin/campaigns/"]:not([href$="new"]):not([href*="?"])`} {
		href, err := eval[string](admin, page, fmt.Sprintf(`document.querySelector(%q).href`, selector))
		if err != nil {
			t.Fatal(err)
		}
		pages[name], pages[name+"-edit"] = href, href+"/edit"
		pages["preview"], pages["preview-page"] = href+"/preview", href+"/preview/page?state=already"
		// A copy is a draft, which can be checked.
		admin.open(href)
		if _, err := eval[bool](admin, page, `document.querySelector('form[action$="/copy"]').requestSubmit() ?? true`); err != nil {
			t.Fatal(err)
		}
		admin.await(page, `location.pathname.endsWith('/edit') && document.readyState === 'complete'`)
		if pages["preflight"], err = eval[string](admin, page, `location.href.replace('/edit', '/preflight')`); err != nil {
			t.Fatal(err)
		}
	}
	pages["campaign-rehearsal"], pages["campaign-new-template"] = pages["campaign"]+"/rehearsal", p.App+"/admin/campaigns/new?template=gift"
	admin.open(p.App + "/admin/claims")
	if href, err := eval[string](admin, page, `document.querySelector('a[href^="/admin/claims/"]')?.href ?? ''`); err == nil && href != "" {
		pages["claim-detail"] = href
	}
	for _, size := range []int64{1280, 375} {
		for _, dark := range []bool{false, true} {
			admin.dark(dark)
			admin.do(chromedp.EmulateViewport(size, 900))
			for name, address := range pages {
				admin.open(address)
				admin.await(page, `document.readyState === 'complete'`)
				theme := "light"
				if dark {
					theme = "dark"
				}
				if wide, err := eval[bool](admin, page, `document.documentElement.scrollWidth > window.innerWidth`); err == nil && wide {
					t.Errorf("%s is wider than %d px", name, size)
				}
				admin.whole(fmt.Sprintf("%s-%d-%s", name, size, theme))
			}
		}
	}
}
