package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/orders"
	"kaquan/pay"
)

// write sends one of the writes about the money of the claim on screen.
func (b *browser) write(path string) *browser {
	b.w.Helper()
	claim := first(claimPattern, b.body)
	if claim == "" {
		claim = first(claimField, b.body)
	}
	token := b.csrf()
	if token == "" {
		token = b.sealed
	}
	b.sealed = token
	return b.post("/c/set/"+path, url.Values{"_csrf": {token}, "claim": {claim}, "ch": {"poster"}}, true)
}

// says fails the test unless the page has all the words.
func (b *browser) says(words ...string) *browser {
	b.w.Helper()
	for _, w := range words {
		if !strings.Contains(b.body, w) {
			b.w.Errorf("%s does not say %q\n%.3000s", b.state(), w, b.body)
		}
	}
	return b
}

// dialog opens the payment and reads the parameters.
func (b *browser) dialog() pay.Bridge {
	b.w.Helper()
	b.write("pay")
	var bridge pay.Bridge
	if b.status != http.StatusOK || json.Unmarshal([]byte(b.body), &bridge) != nil || bridge.PaySign == "" {
		b.w.Fatalf("no dialog: %d %.500s", b.status, b.body)
	}
	return bridge
}

func TestACardIsBoughtOnThePageAndItsMoneyGoesBack(t *testing.T) {
	t.Parallel()
	for _, version := range []pay.Version{pay.V2, pay.V3} {
		t.Run(string(version), func(t *testing.T) {
			t.Parallel()
			w := newPayWorld(t, version)
			b := w.payer().wants(200, "ready").says("支付 ¥9.90 领取", "未使用可在 7 天内退款。")
			token := b.csrf()
			b.post("/c/set/claim", b.form(), true).wants(200, "pay_needed").says("支付 ¥9.90 领取", "支付后立即发券；未使用可在 7 天内退款。", "去支付 ¥9.90")
			b.sealed = token
			page := b.body
			bridge := b.dialog()
			b.body = page
			again := b.dialog()
			if bridge.AppID != payApp || again.Package != bridge.Package || again.NonceStr == bridge.NonceStr || bridge.TimeStamp == "" {
				t.Errorf("dialogs %+v, %+v", bridge, again)
			}
			b.get("/c/set?ch=poster").wants(200, "pay_failed").says("名额给你留到 10:15。", "重新支付", "我已支付，刷新")
			b.write("paid").wants(200, "paying").says("正在确认支付", "若已扣款，请不要重复支付。")
			if err := w.wechat.Pay(w.newest().Number); err != nil {
				t.Fatal(err)
			}
			if status, answer := w.deliver(w.notice(), nil); status >= 300 || strings.Contains(answer, "FAIL") {
				t.Fatalf("the notification was answered %d %s", status, answer)
			}
			b.get("/c/set?ch=poster").wants(200, "claimed_local").says("申请退款", "确认退款 ¥9.90", "这张券立即失效")
			b.write("pay") // a tap on a page that was open all the time
			b.wants(200, "claimed_local")
			b.get("/c/set?ch=poster")
			b.write("refund").wants(200, "refunded").says("已退款", "¥9.90 将在 1–3 个工作日内退回原支付方式。", "知道了")
			if o := w.newest(); o.State != orders.Refunding && o.State != orders.Refunded || o.ClaimState != campaigns.Released {
				t.Errorf("order %s, card %s", o.State, o.ClaimState)
			}
			if status, _ := w.deliver(w.notice(), nil); status >= 300 {
				t.Errorf("the refund's notification was answered %d", status)
			}
			b.get("/c/set?ch=poster").wants(200, "refunded")
			b.get("/c/set?more=1").wants(200, "ready")
			w.pass(8 * 24 * time.Hour)
			m, err := w.server.Orders.CheckMoney(t.Context(), "demo")
			if err != nil || !m.Holds() || m.ReturnedFen != 990 {
				t.Errorf("money %+v %v", m, err)
			}
		})
	}
}

func TestWithoutANotificationTheButtonFindsThePayment(t *testing.T) {
	t.Parallel()
	w := newPayWorld(t, pay.V3)
	if err := w.wechat.SetSwitch("pay_notify_off", true); err != nil {
		t.Fatal(err)
	}
	b := w.payer()
	token := b.csrf()
	b.post("/c/set/claim", b.form(), true).wants(200, "pay_needed")
	b.sealed = token
	page := b.body
	b.dialog()
	if err := w.wechat.Pay(w.newest().Number); err != nil {
		t.Fatal(err)
	}
	b.body = page
	b.write("paid").wants(200, "claimed_local")
}

func TestADialogThatSaysCancelledIsNotBelievedEither(t *testing.T) {
	t.Parallel()
	w := newPayWorld(t, pay.V3)
	if err := w.wechat.SetSwitch("pay_notify_off", true); err != nil {
		t.Fatal(err)
	}
	b := w.payer()
	token := b.csrf()
	b.post("/c/set/claim", b.form(), true).wants(200, "pay_needed")
	claim := first(claimPattern, b.body)
	b.sealed = token
	page := b.body
	b.dialog()
	closed := url.Values{"_csrf": {token}, "claim": {claim}, "ch": {"poster"}, "closed": {"1"}}
	b.post("/c/set/paid", closed, true).wants(200, "pay_failed").says("重新支付")
	b.body = page
	if err := w.wechat.Pay(w.newest().Number); err != nil {
		t.Fatal(err)
	}
	b.post("/c/set/paid", closed, true).wants(200, "claimed_local")
}

func TestAUsedCardIsNotPaidBackAndNeitherIsOneOfOldTimes(t *testing.T) {
	t.Parallel()
	w := newPayWorld(t, pay.V3)
	b := w.payer()
	token := b.csrf()
	b.post("/c/set/claim", b.form(), true)
	b.sealed = token
	b.dialog()
	if err := w.wechat.Pay(w.newest().Number); err != nil {
		t.Fatal(err)
	}
	w.deliver(w.notice(), nil)
	b.get("/c/set?ch=poster").wants(200, "claimed_local")
	page := b.body
	w.pass(8 * 24 * time.Hour)
	b.get("/c/set?ch=poster")
	if strings.Contains(b.body, "申请退款") {
		t.Error("a refund is offered after its time")
	}
	b.body = page
	b.sealed = ""
	b.get("/c/set?ch=poster")
	fresh := b.csrf()
	claim := first(claimField, page)
	b.post("/c/set/refund", url.Values{"_csrf": {fresh}, "claim": {claim}}, true).says("已超过可退款的时间")
	if o := w.newest(); o.State != orders.Paid {
		t.Errorf("order %s", o.State)
	}
}

func TestNobodyPaysForTheClaimOfSomebodyElse(t *testing.T) {
	t.Parallel()
	w := newPayWorld(t, pay.V3)
	b := w.payer()
	b.post("/c/set/claim", b.form(), true).wants(200, "pay_needed")
	claim := first(claimPattern, b.body)
	thief := w.browser().enter("set", "Mallory")
	for _, path := range []string{"pay", "paid", "refund"} {
		thief.post("/c/set/"+path, url.Values{"_csrf": {thief.csrf()}, "claim": {claim}}, true)
		if thief.status != http.StatusNotFound && thief.status != http.StatusForbidden {
			t.Errorf("%s of somebody else's claim: %d", path, thief.status)
		}
		thief.get("/c/set?ch=poster")
		if b.post("/c/set/"+path, url.Values{"claim": {claim}}, true); b.status != http.StatusForbidden {
			t.Errorf("%s without a token: %d", path, b.status)
		}
	}
	if page, err := w.server.Orders.List(t.Context(), orders.Filter{Account: "demo"}); err != nil || len(page.Rows) > 0 {
		t.Errorf("an order was made: %v %v", page.Rows, err)
	}
}

func TestAMerchantThatDoesNotWorkIsSaidWithACodeAndTheHoldStays(t *testing.T) {
	t.Parallel()
	w := newPayWorld(t, pay.V3)
	for range 3 { // it is asked again with the same parameters twice
		if err := w.wechat.FailPay("order", "SYSTEM_ERROR"); err != nil {
			t.Fatal(err)
		}
	}
	b := w.payer()
	token := b.csrf()
	b.post("/c/set/claim", b.form(), true)
	b.sealed = token
	b.write("pay").wants(200, "pay_needed").says("微信支付暂时没有响应", "编号")
	if page := b.body; !strings.Contains(page, "data-claim=") {
		t.Error("the button is gone")
	}
	b.dialog()
}
