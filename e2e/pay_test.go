package e2e

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// reachPrice opens the campaign that costs something and comes to its button.
func reachPrice(phone *tab, p *program) {
	phone.Helper()
	phone.open(p.Phone + "/phone")
	phone.state(screen, "intro")
	phone.visit(p.App + "/c/afternoon")
	phone.await(screen, `location.pathname === '/c/afternoon' && document.readyState === 'complete'`)
	phone.state(screen, "intro")
	phone.click(screen, ".kq-btn", "我要领取")
	phone.state(screen, "ready")
	phone.shows(screen, "未使用可在 7 天内退款。")
	phone.shoot("pay-ready")
}

// verifies runs `kaquan verify` on the program's data.
func verifies(t *testing.T, p *program) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), path, "verify")
	cmd.Env = append(os.Environ(), "KAQUAN_DATA="+p.Folder)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("verify: %v\n%s", err, out)
	}
	return string(out)
}

// A card is bought after the dialog was closed once, used at the till, and then nobody gets
// the money back.
func TestACardIsPaidForUsedAndThenNotPaidBack(t *testing.T) {
	t.Parallel()
	p := demo(t, t.TempDir())
	phone := browse(t, 1280, 1000)
	reachPrice(phone, p)
	phone.click(screen, ".kq-btn", "支付 ¥9.90 领取")
	phone.shows(screen, "¥9.90")
	phone.click(screen, "[data-wx=cancel]", "")
	phone.state(screen, "pay_failed")
	phone.await(screen, `/名额给你留到 \d\d:\d\d。/.test(document.body.innerText)`)
	phone.shoot("pay-failed")
	phone.visit(p.App + "/c/afternoon") // the hold stays, also for whoever comes back
	phone.state(screen, "pay_failed")
	phone.click(screen, ".kq-btn", "重新支付")
	phone.click(screen, "[data-wx=pay]", "")
	phone.state(screen, "claimed_local")
	phone.shows(screen, "申请退款")
	phone.shoot("pay-claimed")
	digits := strings.ReplaceAll(phone.text(screen, ".kq-digits"), " ", "")

	admin := browse(t, 1280, 900)
	signIn(admin, p)
	clerkPIN, _ := openStore(admin, p)
	till := browse(t, 375, 812)
	enterTill(till, p, "小李", clerkPIN)
	till.fill(page, "code", digits)
	till.click(page, ".typing .btn_main", "查询")
	till.kind("card")
	till.click(page, ".btn_confirm", "确认核销")
	till.shows(page, "核销成功")

	phone.visit(p.App + "/c/afternoon")
	phone.state(screen, "redeemed")
	if strings.Contains(phone.text(screen, "main"), "申请退款") {
		t.Error("a refund is offered for a used card")
	}
	admin.open(p.App + "/admin/orders")
	admin.shows(page, "下午茶双人套餐")
	admin.shoot("orders")
	admin.click(page, "td a", "KQ")
	admin.shows(page, "券已使用，不能退款。")
	admin.shoot("order")
	admin.open(p.App + "/admin/accounts/demo/pay")
	admin.click(page, "button", "检查")
	admin.shows(page, "检查通过，可以收款。")
	admin.shoot("pay-settings")
	admin.open(p.App + "/admin/finance")
	admin.shows(page, "¥9.90")
	admin.shoot("finance")

	phone.clean()
	admin.clean()
	p.stop(t)
	if out := verifies(t, p); !strings.Contains(out, "paid 9.90 = kept 9.90 + returning 0.00 + returned 0.00  ✓") {
		t.Errorf("verify says\n%s", out)
	}
	noSecrets(t, p)
}

// A card that nobody used goes back by a tap: the money and the unit of stock.
func TestAnUnusedCardIsPaidBackAndItsUnitReturns(t *testing.T) {
	t.Parallel()
	p := demo(t, t.TempDir())
	phone := browse(t, 1280, 1000)
	reachPrice(phone, p)
	phone.click(screen, ".kq-btn", "支付 ¥9.90 领取")
	phone.click(screen, "[data-wx=pay]", "")
	phone.state(screen, "claimed_local")
	phone.click(screen, ".kq-refund summary", "申请退款")
	phone.shows(screen, "这张券立即失效")
	phone.click(screen, ".kq-refund__btn", "确认退款 ¥9.90")
	phone.state(screen, "refunded")
	phone.shows(screen, "¥9.90 将在 1–3 个工作日内退回原支付方式。")
	phone.shoot("pay-refunded")
	phone.click(screen, ".kq-btn", "知道了")
	phone.state(screen, "ready")
	phone.shows(screen, "还剩 200 份")

	admin := browse(t, 1280, 900)
	signIn(admin, p)
	admin.open(p.App + "/admin/orders")
	admin.await(page, `(() => { if (document.body.innerText.includes('已退款')) return true; setTimeout(() => location.reload(), 500); return false; })()`)
	admin.open(p.App + "/admin/refunds?show=all")
	admin.shows(page, "客人自助退款")
	admin.shoot("refunds")
	phone.clean()
	admin.clean()
	p.stop(t)
	if out := verifies(t, p); !strings.Contains(out, "= kept 0.00") || !strings.Contains(out, "✓") {
		t.Errorf("verify says\n%s", out)
	}
}
