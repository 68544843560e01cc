package e2e

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// freePort is an address that a program can be started on twice. It lies below the ports
// that connections going out take, or one of them could have it in between.
func freePort(tb testing.TB) string {
	tb.Helper()
	for range 100 {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000)))
		if err != nil {
			continue
		}
		defer func() { _ = ln.Close() }()
		return ln.Addr().String()
	}
	tb.Fatal("no port is free")
	return ""
}

// demoAt is demo on an address of ours, so that it can come back there.
func demoAt(tb testing.TB, folder, address string) *program {
	tb.Helper()
	p := start(tb, folder, []string{"KAQUAN_LISTEN=" + address}, "demo")
	p.Phone = p.out.await(tb, `phone\s+(http://\S+)/phone`)[1]
	found := p.out.await(tb, `admin\s+((http://[^/\s]+)/admin/login/link\?token=\S+)`)
	p.Admin, p.App = found[1], found[2]
	return p
}

// openStore makes a store with a clerk and a manager in the admin and gives their PINs.
func openStore(admin *tab, p *program) (clerk, manager string) {
	admin.open(p.App + "/admin/stores")
	admin.fill(page, "name", "国贸店")
	admin.fill(page, "code", "GM")
	admin.click(page, "#new button.btn-primary", "")
	admin.shows(page, "已新建 国贸店")
	hire := func(name, role string) string {
		admin.open(p.App + "/admin/staff")
		admin.await(page, `document.querySelector('#new [name=role]')`)
		admin.fill(page, "name", name)
		admin.fill(page, "role", role)
		admin.click(page, "#new button.btn-primary", "")
		admin.await(page, `document.querySelector('#pin-title')`)
		pin, err := eval[string](admin, page, `document.querySelector('section[aria-labelledby=pin-title] input').value`)
		if err != nil || len(pin) != 6 {
			admin.Fatalf("no PIN for %s: %q %v", name, pin, err)
		}
		return pin
	}
	return hire("小李", "staff"), hire("王店长", "manager")
}

// enterTill signs in at the store by the keypad on the screen.
func enterTill(t *tab, p *program, name, pin string) {
	t.Helper()
	t.open(p.App + "/s/")
	t.click(page, ".list__row, .person", "国贸店")
	t.click(page, ".person", name)
	for _, digit := range pin {
		t.click(page, `[data-key]`, string(digit))
	}
	t.await(page, `document.querySelector('#main')?.dataset.kind === 'scan' && document.readyState === 'complete'`)
	t.shows(page, name)
}

func (t *tab) kind(name string) {
	t.Helper()
	t.await(page, fmt.Sprintf(`document.querySelector('#main')?.dataset.kind === %q`, name))
}

// beam is a scanner that types a key every five milliseconds and presses Enter. Halfway
// the browser is busy and hears of the rest late, which no key may be lost by.
func (t *tab) beam(text string) {
	t.Helper()
	pressed := time.Now()
	at := func(key *input.DispatchKeyEventParams) {
		if key.Type == kb.KeyDown || key.Type == kb.KeyRawDown {
			pressed = pressed.Add(5 * time.Millisecond)
		}
		key.Timestamp = input.TimeSinceEpoch(float64(pressed.UnixMicro()) / 1e6)
	}
	half := len(text) / 2
	t.do(chromedp.KeyEvent(text[:half], at))
	time.Sleep(300 * time.Millisecond)
	t.do(chromedp.KeyEvent(text[half:]+kb.Enter, at))
}

// claimCake gets a card of our own on the phone and reads its code as a till would.
func claimCake(t *testing.T, phone *tab, p *program) (digits, pass string) {
	t.Helper()
	phone.visit(p.App + "/c/cake")
	phone.await(screen, `location.pathname === '/c/cake' && document.readyState === 'complete'`)
	// Whom WeChat has told us about already is not asked again.
	phone.await(screen, `['intro', 'ready'].includes(document.querySelector('[data-state]')?.dataset.state)`)
	if asked, err := eval[bool](phone, screen, `document.querySelector('[data-state]').dataset.state === 'intro'`); err == nil && asked {
		phone.click(screen, ".kq-btn", "我要领取")
	}
	phone.state(screen, "ready")
	phone.click(screen, ".kq-btn", "立即领取")
	phone.state(screen, "claimed_local")
	digits, pass = phone.text(screen, ".kq-digits"), scan(t, phone, screen, ".kq-code svg")
	if !strings.HasPrefix(pass, "KQ1.") || !strings.Contains(pass, strings.ReplaceAll(digits, " ", "")) {
		t.Fatalf("the code %q has the pass %q", digits, pass)
	}
	return digits, pass
}

// A card goes from the phone over the counter, is taken back, is redeemed again, and a till
// without network brings in what it accepted meanwhile.
func TestACardIsRedeemedAtTheTillWithAndWithoutNetwork(t *testing.T) {
	t.Parallel()
	folder, address := t.TempDir(), freePort(t)
	p := demoAt(t, folder, address)
	admin := browse(t, 1280, 900)
	signIn(admin, p)
	clerkPIN, managerPIN := openStore(admin, p)

	phone := browse(t, 1280, 1000)
	phone.open(p.Phone + "/phone")
	phone.state(screen, "intro")
	digits, first := claimCake(t, phone, p)
	picture, err := chromedp.Run(phone.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	phone.click(page, `[data-persona]:not([aria-pressed=true])`, "")
	phone.await(screen, `document.querySelector('[data-state]')?.dataset.state !== 'claimed_local'`)
	_, second := claimCake(t, phone, p)

	clerk, manager := browse(t, 375, 812), browse(t, 375, 812)
	enterTill(clerk, p, "小李", clerkPIN)
	clerk.shoot("till-scan")
	enterTill(manager, p, "王店长", managerPIN)

	// Browsers without a detector of their own read the phone's screen with ours.
	read, err := eval[string](clerk, page, fmt.Sprintf(`new Promise((done, fail) => { const i = new Image(); i.onerror = fail; i.onload = () => { const c = document.createElement('canvas'); c.width = i.width; c.height = i.height; const x = c.getContext('2d'); x.drawImage(i, 0, 0); done(KaquanQR.decode(x.getImageData(0, 0, c.width, c.height).data, c.width, c.height)); }; i.src = 'data:image/png;base64,' + %q; })`, base64.StdEncoding.EncodeToString(picture)))
	if err != nil || read != first {
		t.Errorf("the picture of the phone reads %q, want %q (%v)", read, first, err)
	}

	// Look, then confirm; the second till reads who and when; the first takes it back.
	manager.fill(page, "code", digits)
	manager.click(page, ".typing .btn_main", "查询")
	manager.kind("card")
	manager.shows(page, "提拉米苏 1 份")
	manager.shoot("till-card")
	manager.click(page, ".btn_confirm", "确认核销")
	manager.kind("result")
	manager.shows(page, "核销成功")
	manager.shows(page, "撤销（")
	manager.shoot("till-done")
	clerk.beam(first)
	clerk.kind("refused")
	clerk.await(page, `/已于今天 \d\d:\d\d 在国贸店由王店长核销/.test(document.querySelector('h1').innerText)`)
	clerk.shoot("till-used")
	// The answer takes longer than a tick of the button's clock.
	if _, err := eval[bool](manager, page, `(() => { const f = window.fetch; window.fetch = (...a) => { window.fetch = f; return new Promise((go) => setTimeout(go, 600)).then(() => f(...a)); }; return true; })()`); err != nil {
		t.Fatal(err)
	}
	manager.click(page, ".btn_undo", "撤销")
	manager.shows(page, "已撤销")
	clerk.beam(first)
	clerk.kind("card")
	clerk.click(page, "a", "取消")
	clerk.kind("scan")
	manager.click(page, ".btn_next", "扫下一张")
	manager.beam(first)
	manager.kind("card")
	manager.click(page, ".btn_confirm", "确认核销")
	manager.shows(page, "核销成功")

	// The server goes away; the page opens all the same, and knows ours from others'.
	clerk.await(page, `document.documentElement.dataset.kept === '1'`)
	p.stop(t)
	clerk.open(p.App + "/s/scan")
	clerk.kind("scan")
	clerk.beam("123456789012")
	clerk.kind("offline-bad")
	clerk.shows(page, "离线：可验真，联网后自动提交")
	clerk.shows(page, "离线时只能核销带签名的二维码")
	clerk.beam(second[:len(second)-6] + "AAAAAA")
	clerk.shows(page, "二维码不是我们签发的")
	clerk.shoot("till-forged")
	clerk.beam(second)
	clerk.kind("offline")
	clerk.shows(page, "签名有效")
	clerk.shoot("till-offline")
	clerk.click(page, "[data-act=queue]", "离线核销")
	clerk.kind("offline-done")
	clerk.shows(page, "1 张离线核销等待提交")
	clerk.shoot("till-queued")
	clerk.beam(second)
	clerk.shows(page, "核销过这张券")
	clerk.beam(first) // used at the other till, which nobody can know here
	clerk.kind("offline")
	clerk.click(page, "[data-act=queue]", "离线核销")
	clerk.shows(page, "2 张离线核销等待提交")

	// It comes back: one is booked, the other is a task for the manager.
	p = demoAt(t, folder, address)
	clerk.shows(page, "有 1 张离线核销没有成功，已通知店长")
	clerk.await(page, `document.querySelector('#offline').hidden && JSON.parse(localStorage.getItem('kq-till-queue')).length === 0`)
	clerk.beam(second)
	clerk.kind("refused")
	clerk.await(page, `/在国贸店由小李核销/.test(document.querySelector('h1').innerText)`)
	manager.open(p.App + "/s/today")
	manager.shows(page, "待处理")
	manager.await(page, `document.querySelector('#summary').value.includes('核销 2 张')`)
	manager.shoot("till-today")
	manager.fill(page, "note", "已联系顾客")
	manager.click(page, ".task_close .btn", "已处理")
	manager.await(page, `document.readyState === 'complete' && !document.querySelector('.task')`)
	clerk.clean()
	manager.clean()
	phone.clean()
	noSecrets(t, p, clerkPIN, managerPIN)
}
