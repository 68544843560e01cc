package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	cdp "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// pagesToLive is how many pages a new marketer may meet between the link in the terminal
// and a campaign that is live. A minute for each two is the promise of five minutes.
const pagesToLive = 12

// From an empty install, with no manual: the one-time link, the account, the template
// 买一赠一, publish; and visitors can claim.
func TestANewcomerIsLiveWithinTwelvePages(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	app := "http://" + address
	wechat := start(t, t.TempDir(), nil, "sandbox", "--callback", app+"/w/push/shop", "--start", app+"/")
	platform := wechat.out.await(t, `API (http://\S+)`)[1]
	p := start(t, t.TempDir(), []string{"KAQUAN_LISTEN=" + address}, "serve",
		"--wechat-api-url", platform, "--wechat-open-url", platform, "--wechat-js-url", platform+"/open/js/jweixin-1.6.0.js")
	setup := p.out.await(t, `(http://\S+/admin/setup\?token=\S+)`)[1]

	admin := browse(t, 1280, 900)
	var pages atomic.Int32
	if err := chromedp.Listen(admin.ctx, func(event any) {
		if e, ok := event.(*cdp.EventFrameNavigated); ok && e.Frame.ParentID == "" {
			pages.Add(1)
		}
	}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	at := func(path string) {
		t.Helper()
		admin.await(page, fmt.Sprintf(`location.pathname === %q && document.readyState === 'complete'`, path))
	}

	admin.open(setup)
	at("/admin/setup")
	admin.fill(page, "login", "zhang")
	admin.fill(page, "name", "张三")
	admin.fill(page, "password", "dong-ri-na-tie-2026")
	admin.click(page, "form[action='/admin/setup'] .btn-primary", "")
	at("/admin")
	// The first page says what comes first.
	admin.click(page, "main a[href='/admin/accounts/new']", "")
	at("/admin/accounts/new")
	for name, value := range map[string]string{
		"name": "示例咖啡", "id": "shop", "app_id": "wx5a9d0c0ffee0b0b1", "secret": "sandboxsecret00000000000000000000", "push_token": "sandboxtoken",
	} {
		admin.fill(page, name, value)
	}
	admin.click(page, "main form .btn-primary", "保存")
	at("/admin/accounts/shop")
	admin.click(page, ".kq-nav a[href^='/admin/campaigns']", "")
	at("/admin/campaigns")
	admin.click(page, "main a[href='/admin/campaigns/new']", "")
	at("/admin/campaigns/new")
	admin.click(page, "main a.btn", "买一赠一")
	admin.await(page, `location.search.includes('template=pair') && document.querySelector('[name=name]').value === '买一赠一'`)
	slug, err := eval[string](admin, page, `document.querySelector('[name=slug]').value`)
	if err != nil || slug == "" {
		t.Fatalf("no link is offered: %q %v", slug, err)
	}
	admin.click(page, ".kq-save .btn-primary", "")
	admin.await(page, `location.search.includes('step=stock') && document.readyState === 'complete'`)
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	admin.fill(page, "starts_at", time.Now().In(zone).Add(-time.Minute).Format("2006-01-02T15:04"))
	admin.click(page, ".kq-header .btn-primary", "发布")
	admin.await(page, `location.pathname.endsWith('/preflight') && document.readyState === 'complete'`)
	if warned, err := eval[bool](admin, page, `!!document.querySelector('[name=reason]')`); err != nil {
		t.Fatal(err)
	} else if warned {
		admin.fill(page, "reason", "第一次试用")
	}
	admin.click(page, "form[action$='/publish'] .btn-primary", "")
	admin.await(page, `/^\/admin\/campaigns\/[0-9a-z]+$/.test(location.pathname) && document.readyState === 'complete'`)
	admin.shows(page, "进行中")
	took := time.Since(began)
	n := int(pages.Load())
	t.Logf("live after %d pages and %s of a machine's typing", n, took.Round(time.Second))
	if n > pagesToLive {
		t.Errorf("a newcomer met %d pages, more than %d", n, pagesToLive)
	}

	if state := landing(t, client(t), app+"/c/"+slug); state != "intro" && state != "ready" {
		t.Errorf("the campaign is not live: its page says %q", state)
	}
	admin.clean()
	noSecrets(t, p, "dong-ri-na-tie-2026", "sandboxsecret00000000000000000000")
}

var landed = regexp.MustCompile(`data-state="([a-z_]+)"`)

// landing is the state of the page that a visitor in WeChat comes to, through WeChat's own
// consent where the page asks for one.
func landing(t *testing.T, visitor *http.Client, address string) string {
	t.Helper()
	for range 6 {
		status, body, to := request(t, visitor, http.MethodGet, address, nil)
		if found := landed.FindStringSubmatch(body); status == http.StatusOK && found != nil {
			return found[1]
		}
		base, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		next, err := base.Parse(to)
		if to == "" || err != nil {
			t.Fatalf("%s answers %d: %.600s", address, status, body)
		}
		address = next.String()
	}
	t.Fatalf("%s leads on and on", address)
	return ""
}
