package e2e

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// decode reads the codes of a picture with another program than ours.
func decode(t *testing.T, picture string) []string {
	t.Helper()
	zbar, err := exec.LookPath("zbarimg")
	need(t, err == nil, "no zbarimg found: run ./task setup")
	_, encoded, _ := strings.Cut(picture, "base64,")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "picture.png")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(zbar, "--quiet", "--raw", file).Output()
	if err != nil {
		t.Fatalf("no code in the picture: %v", err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// A printed code of a channel brings its visitors to the campaign, and their claims name it.
func TestAPosterBringsClaimsOfItsChannel(t *testing.T) {
	t.Parallel()
	p := demo(t, t.TempDir())
	admin := browse(t, 1280, 1000)
	signIn(admin, p)
	campaign, err := eval[string](admin, page, `[...document.querySelectorAll('a[href^="/admin/campaigns/"]')].find(a => a.textContent.includes('提拉米苏')).href`)
	if err != nil {
		t.Fatal(err)
	}
	admin.open(campaign + "/channels")
	admin.fill(page, "name", "东门海报 <i>")
	admin.fill(page, "cost", "12.50")
	admin.click(page, "#new button.btn-primary", "")
	admin.await(page, `location.pathname.includes('/channel/') && document.readyState === 'complete'`)
	link, err := eval[string](admin, page, `document.querySelector('.kq-link-card [data-select]').value`)
	if err != nil || !strings.HasPrefix(link, p.App+"/q/") {
		t.Fatalf("the short link is %q (%v)", link, err)
	}
	channel, err := eval[string](admin, page, `location.href`)
	if err != nil {
		t.Fatal(err)
	}
	for _, px := range []string{"200", "1200"} {
		picture, err := eval[string](admin, page, fmt.Sprintf(`fetch(%q).then(r => r.blob()).then(b => new Promise(done => { const f = new FileReader(); f.onload = () => done(f.result); f.readAsDataURL(b) }))`, channel+"/qr.png?px="+px))
		if err != nil {
			t.Fatal(err)
		}
		if got := decode(t, picture); len(got) != 1 || got[0] != link {
			t.Errorf("%s pixels say %q, want %s", px, got, link)
		}
	}
	if got := scan(t, admin, page, ".kq-link-card .kq-qr"); got != link {
		t.Errorf("the page's code says %q", got)
	}

	// The poster in both sizes, with a cover that stays in the browser.
	admin.open(channel + "/poster")
	for _, size := range []string{"1080x1920", "2480x3508"} {
		if _, err := eval[bool](admin, page, fmt.Sprintf(`(() => { const s = document.getElementById('f-size'); if (s.value !== %q) { s.value = %q; s.dispatchEvent(new Event('input', {bubbles: true})) } return true })()`, size, size)); err != nil {
			t.Fatal(err)
		}
		admin.await(page, fmt.Sprintf(`(() => { const c = document.getElementById('poster-canvas'); return c.dataset.ready === '1' && c.width + 'x' + c.height === %q })()`, size))
		picture, err := eval[string](admin, page, `document.getElementById('poster-canvas').toDataURL('image/png')`)
		if err != nil {
			t.Fatal(err)
		}
		if got := decode(t, picture); len(got) != 1 || got[0] != link {
			t.Errorf("the poster of %s says %q", size, got)
		}
		admin.shoot("poster-" + size)
	}
	admin.open(campaign + "/channels/print?layout=cards")
	admin.shoot("poster-cards")
	if got := scan(t, admin, page, ".poster-paper .kq-qr"); got != link {
		t.Errorf("the print page's code says %q", got)
	}
	admin.clean()

	// Printing gives whole sheets of A4 and nothing else.
	admin.open(campaign + "/channels")
	if _, err := eval[bool](admin, page, `(document.querySelector('[name=rows]').value = Array.from({length: 10}, (_, i) => '门店 ' + (i + 1) + ' 旗舰店').join('\n'), true)`); err != nil {
		t.Fatal(err)
	}
	admin.click(page, "#many button.btn-primary", "")
	admin.shows(page, "已新建 10 个渠道")
	for layout, sheets := range map[string]int{"a4": 11, "cards": 2} {
		admin.open(campaign + "/channels/print?layout=" + layout)
		pdf, err := chromedp.Run(admin.ctx, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize()))
		if err != nil {
			t.Fatal(err)
		}
		if n := len(regexp.MustCompile(`/Type ?/Page\b`).FindAll(pdf, -1)); n != sheets {
			t.Errorf("%s: %d sheets, want %d", layout, n, sheets)
		}
		if folder := os.Getenv("KAQUAN_PICTURES"); folder != "" {
			if err := os.WriteFile(filepath.Join(folder, "posters-"+layout+".pdf"), pdf, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}

	phone := browse(t, 390, 844)
	phone.open(p.Phone + "/phone")
	phone.state(screen, "intro")
	if _, err := eval[bool](phone, page, fmt.Sprintf(`(document.querySelector('iframe#screen').src = %q, true)`, link)); err != nil {
		t.Fatal(err)
	}
	phone.shows(screen, "提拉米苏")
	phone.state(screen, "intro")
	phone.click(screen, ".kq-btn", "我要领取")
	phone.state(screen, "ready")
	phone.click(screen, ".kq-btn", "立即领取")
	phone.state(screen, "claimed_local")
	phone.clean()

	code := channel[strings.LastIndex(channel, "/")+1:]
	admin.open(p.App + "/admin/claims")
	admin.shows(page, code)
	admin.open(channel)
	admin.shows(page, "¥12.50")
	showChannels(admin, campaign, channel)
	p.stop(t)
}

// showChannels keeps pictures of the pages about channels, on a desk and on a phone.
func showChannels(admin *tab, campaign, channel string) {
	if os.Getenv("KAQUAN_PICTURES") == "" {
		return
	}
	for _, width := range []int64{1280, 375} {
		for _, dark := range []bool{false, true} {
			admin.dark(dark)
			admin.do(chromedp.EmulateViewport(width, 900))
			for name, address := range map[string]string{
				"channels": campaign + "/channels", "channel": channel, "channel-poster": channel + "/poster", "channels-print": campaign + "/channels/print?layout=cards",
			} {
				admin.open(address)
				admin.await(page, `document.readyState === 'complete'`)
				if wide, err := eval[bool](admin, page, `document.documentElement.scrollWidth > window.innerWidth`); err == nil && wide {
					admin.Errorf("%s is wider than %d px", name, width)
				}
				admin.whole(fmt.Sprintf("%s-%d-%v", name, width, dark))
			}
		}
	}
}
