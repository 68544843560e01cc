package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// answer fills in the classic form.
func answer(phone *tab, name, mobile string) {
	phone.fill(screen, "f_name", name)
	phone.fill(screen, "f_plate", "京A12345")
	phone.fill(screen, "f_car_model", "轿车")
	phone.fill(screen, "f_phone", mobile)
	phone.tick(screen, "consent")
}

// signIn opens the one-time link and spends it.
func signIn(admin *tab, p *program) {
	admin.open(p.Admin)
	admin.click(page, "main button, form button", "")
	admin.await(page, `location.pathname === '/admin' && document.readyState === 'complete'`)
}

// export has everything about the page's claims made into a file, fetches it and reads it.
func export(admin *tab) [][]string {
	admin.Helper()
	admin.click(page, `a[href*="/admin/exports?new"]`, "")
	admin.await(page, `document.querySelector('#new-export')`)
	if _, err := eval[bool](admin, page, `document.querySelectorAll('#new-export [name=columns]:not(:checked), #new-export [name=full][value="1"]').forEach(box => box.click()) || true`); err != nil {
		admin.Fatal(err)
	}
	admin.fill(page, "reason", "对账")
	admin.click(page, "#new-export button", "")
	admin.await(page, `document.querySelector('[data-exports=done] a[href$="/file"]')`)
	text, err := eval[string](admin, page, `fetch(document.querySelector('a[href$="/file"]').href).then(r => { if (!r.ok) throw new Error('status ' + r.status); return r.arrayBuffer(); }).then(b => { let s = ''; for (const x of new Uint8Array(b)) s += String.fromCharCode(x); return btoa(s); })`)
	if err != nil {
		admin.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		admin.Fatal(err)
	}
	file, err := excelize.OpenReader(bytes.NewReader(raw))
	if err != nil {
		admin.Fatalf("the export is no spreadsheet: %v", err)
	}
	defer func() { _ = file.Close() }()
	rows, err := file.GetRows(file.GetSheetList()[0])
	if err != nil {
		admin.Fatal(err)
	}
	return rows
}

// The story of the product, on real parts: two servers, the published JS-SDK in a
// browser, a SQLite file and a spreadsheet.
func TestAVisitorClaimsACardAndTheShopSeesIt(t *testing.T) {
	t.Parallel()
	p := demo(t, t.TempDir())

	phone := browse(t, 1280, 1000)
	phone.open(p.Phone + "/phone")
	phone.state(screen, "intro")
	phone.click(screen, ".kq-btn", "我要领取")

	// A wrong number is told at its field, and nothing typed is lost.
	phone.state(screen, "form")
	answer(phone, "王小明 🚗", "1380013800")
	phone.click(screen, "button[type=submit]", "")
	phone.await(screen, `document.activeElement?.name === 'f_phone' && document.querySelector('[data-field=phone] .kq-error')?.textContent.includes('11 位')`)
	if kept, err := eval[string](phone, screen, `document.querySelector('[name=f_name]').value`); err != nil || kept != "王小明 🚗" {
		t.Errorf("the form kept %q (%v)", kept, err)
	}
	answer(phone, "王小明 🚗", "13800138000")
	phone.click(screen, "button[type=submit]", "")

	// The sheet closes without a card, the hold stays, and the next tap gets it.
	phone.state(screen, "claiming")
	phone.click(screen, "[data-wx=cancel]", "")
	phone.state(screen, "cancelled")
	phone.click(screen, ".kq-btn", "")
	phone.click(screen, "[data-wx=add]", "")
	phone.state(screen, "claimed")
	phone.await(page, `document.querySelectorAll('#wallet .card').length === 1`)
	code, err := eval[string](phone, page, `document.querySelector('#wallet .card').dataset.code`)
	if err != nil || len(code) != 12 {
		t.Fatalf("the wallet's card has the code %q (%v)", code, err)
	}

	// Whoever comes back has one already.
	phone.open(p.Phone + "/phone")
	phone.state(screen, "already")

	admin := browse(t, 1280, 1000)
	signIn(admin, p)
	admin.shows(page, "冬日拿铁买一赠一")
	admin.open(p.App + "/admin/claims")
	admin.shows(page, "已领取")
	if text := admin.text(page, "main"); strings.Contains(text, "13800138000") {
		t.Error("the table shows a whole phone number")
	}

	rows := export(admin)
	if len(rows) != 2 {
		t.Fatalf("the export has %d rows, want a header and one claim: %q", len(rows), rows)
	}
	column := func(name string) string {
		i := slices.Index(rows[0], name)
		if i < 0 || i >= len(rows[1]) {
			t.Fatalf("no column %s in %q", name, rows[0])
		}
		return rows[1][i]
	}
	for name, want := range map[string]string{"姓名": "王小明 🚗", "手机号": "13800138000", "车牌号": "京A12345", "券码": code, "状态": "已领取"} {
		if got := column(name); got != want {
			t.Errorf("export: %s is %q, want %q", name, got, want)
		}
	}

	// A second person, while the shop changes its mind.
	phone.click(page, `[data-persona]:not([aria-pressed=true])`, "")
	phone.state(screen, "intro")
	admin.open(p.App + "/admin/campaigns")
	admin.click(page, "a", "冬日拿铁买一赠一")
	admin.click(page, `[popovertarget=pause]`, "")
	admin.fill(page, "reason", "门店盘点，下午三点恢复")
	admin.click(page, `[popover] button, dialog button`, "暂停")
	admin.shows(page, "已暂停")
	phone.open(p.Phone + "/phone")
	phone.state(screen, "paused")
	phone.shows(screen, "门店盘点，下午三点恢复")

	phone.clean()
	admin.clean()
	p.stop(t)
	noSecrets(t, p, "13800138000", "王小明")
}

// noSecrets looks for what no log may hold.
func noSecrets(t *testing.T, p *program, personal ...string) {
	t.Helper()
	log := p.out.String()
	// The demo prints one link on purpose.
	log = strings.Replace(log, p.Admin, "", 1)
	for _, secret := range append(personal, "access_token=", "secret=", "ticket=", "kq_admin=", "openid=") {
		if strings.Contains(log, secret) {
			at := strings.Index(log, secret)
			t.Errorf("the log holds %q: …%s…", secret, log[max(0, at-80):min(len(log), at+80)])
		}
	}
}

func TestOurOwnCodeIsClaimedAtOnceAndReadByAScanner(t *testing.T) {
	t.Parallel()
	p := demo(t, t.TempDir())
	b := browse(t, 390, 844)
	b.open(p.Phone + "/phone")
	b.state(screen, "intro")
	if _, err := eval[bool](b, page, fmt.Sprintf(`(document.querySelector('iframe#screen').src = %q, true)`, p.App+"/c/cake?ch=poster")); err != nil {
		t.Fatal(err)
	}
	b.shows(screen, "提拉米苏")
	b.state(screen, "intro")
	b.click(screen, ".kq-btn", "我要领取")
	b.state(screen, "ready")
	b.click(screen, ".kq-btn", "立即领取")
	b.state(screen, "claimed_local")
	digits := strings.ReplaceAll(b.text(screen, ".kq-digits"), " ", "")
	if len(digits) != 12 {
		t.Errorf("the code shown is %q", digits)
	}
	if got := scan(t, b, screen, ".kq-code svg"); !strings.HasPrefix(got, "KQ1.") || !strings.Contains(got, "."+digits+".") {
		t.Errorf("the QR says %q, the digits %q", got, digits)
	}
	b.clean()
}
