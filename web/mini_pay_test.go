package web_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/orders"
	"kaquan/pay"
	"kaquan/sandbox"
)

var miniMerchant = sync.OnceValue(func() sandbox.Merchant { return sandbox.NewMerchant("示例咖啡", miniApp) })

// openMiniPay is a mini world with a merchant and a campaign that costs ¥9.90.
func openMiniPay(t *testing.T) (*miniWorld, *orders.Service, *sandbox.Server) {
	t.Helper()
	w := openMini(t)
	bank, _ := w.sells("set", 5)
	return w, w.server.Orders, bank
}

// sells gives the world a merchant and a campaign that costs ¥9.90. WeChat Pay's
// notifications are lost: a phone asks.
func (w *miniWorld) sells(slug campaigns.Slug, stock int64) (bank *sandbox.Server, address string) {
	t := w.T
	t.Helper()
	m := miniMerchant()
	bank = sandbox.New(sandbox.Options{AppID: "wx00000000000000ff", Secret: miniSecret, Mini: sandbox.Mini{AppID: miniApp, Secret: miniSecret}, Merchant: &m, Now: w.clock})
	t.Cleanup(bank.Close)
	if err := bank.SetSwitch("pay_notify_off", true); err != nil {
		t.Fatal(err)
	}
	served := httptest.NewServer(bank)
	t.Cleanup(served.Close)
	service := orders.New(orders.Options{Store: w.db, PublicURL: "http://127.0.0.1:9", PayURL: served.URL, Now: w.clock})
	err := service.SaveMerchant(t.Context(), campaigns.Actor{Name: "老板"}, orders.Merchant{Account: dbtest.Account, Merchant: pay.Merchant{
		ID: m.ID, AppIDs: []string{miniApp}, Version: pay.V3, V3Key: m.V3Key, CertificatePEM: m.Certificate, PrivateKeyPEM: m.PrivateKey,
		PublicKeyID: m.WechatKeyID, PublicKeyPEM: m.WechatPublicKey,
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.server.Orders = service
	w.publish(slug, campaigns.OwnCode, func(d *campaigns.Draft) {
		d.Price, d.Limits.PerPerson, d.Total, d.Texts.ShowStock = campaigns.Price{Fen: 990, RefundDays: 7}, 5, stock, true
	})
	return bank, served.URL
}

// known is the phone of a person whom both sandboxes know.
func (w *miniWorld) known(persona string) *miniPhone {
	w.Helper()
	p := &miniPhone{w: w, persona: persona}
	p.signIn()
	return p
}

func TestACardIsBoughtInAMiniProgramAndPaidBack(t *testing.T) {
	t.Parallel()
	w, service, bank := openMiniPay(t)
	p := w.known("lin")
	page := p.wants(p.call(http.MethodGet, "/campaigns/set", nil), 200, "")
	if page.at("price") != 990.0 || page.text("state") != "ready" {
		t.Fatalf("page %s", page.raw)
	}
	claimed := p.wants(p.call(http.MethodPost, "/campaigns/set/claims", fields{"key": page.text("key")}), 201, "")
	if claimed.text("page.state") != "pay_needed" || claimed.text("claim.state") != "held" || claimed.text("claim.code") != "" {
		t.Fatalf("claimed %s", claimed.raw)
	}
	path := "/claims/" + claimed.text("claim.id")
	p.wants(p.call(http.MethodPost, path+"/pay/refresh", nil), 404, "orders.error.not_found")
	paying := p.wants(p.call(http.MethodPost, path+"/pay", nil), 200, "")
	if paying.text("order.state") != "awaiting" || paying.text("payment.paySign") == "" || paying.at("payment.appId") != nil || paying.text("order.expires_at") != claimed.text("claim.hold_until") {
		t.Fatalf("paying %s", paying.raw)
	}
	waiting := p.wants(p.call(http.MethodPost, path+"/pay/refresh", nil), 200, "")
	if waiting.text("order.state") != "awaiting" || waiting.text("page.state") != "pay_failed" || waiting.text("claim.order.state") != "awaiting" {
		t.Errorf("waiting %s", waiting.raw)
	}
	list, err := service.List(t.Context(), orders.Filter{Account: dbtest.Account})
	if err != nil || len(list.Rows) != 1 {
		t.Fatal(list, err)
	}
	if err := bank.Pay(list.Rows[0].Number); err != nil {
		t.Fatal(err)
	}
	paid := p.wants(p.call(http.MethodPost, path+"/pay/refresh", nil), 200, "")
	if paid.text("order.state") != "paid" || paid.text("page.state") != "claimed_local" || paid.text("claim.code") == "" || paid.at("order.refundable") != true {
		t.Fatalf("paid %s", paid.raw)
	}
	if again := p.wants(p.call(http.MethodPost, path+"/pay", nil), 200, ""); again.at("payment") != nil {
		t.Errorf("a paid order has a dialog: %s", again.raw)
	}
	back := p.wants(p.call(http.MethodPost, path+"/refund", nil), 200, "")
	if state := back.text("order.state"); state != "refunding" && state != "refunded" || back.text("page.state") != "refunded" || back.at("order.back") != 990.0 {
		t.Errorf("back %s", back.raw)
	}
	p.wants(p.call(http.MethodPost, path+"/refund", nil), 200, "")
	other := w.enter()
	for _, call := range []string{"/pay", "/pay/refresh", "/refund"} {
		other.wants(other.call(http.MethodPost, path+call, nil), 404, "claim.not_yours")
	}
}

func TestAMiniProgramIsToldWhenWeChatPayDoesNotAnswer(t *testing.T) {
	t.Parallel()
	w, _, bank := openMiniPay(t)
	p := w.known("lin")
	page := p.call(http.MethodGet, "/campaigns/set", nil)
	claimed := p.wants(p.call(http.MethodPost, "/campaigns/set/claims", fields{"key": page.text("key")}), 201, "")
	for range 3 { // it is asked again with the same parameters twice
		if err := bank.FailPay("order", "SYSTEM_ERROR"); err != nil {
			t.Fatal(err)
		}
	}
	path := "/claims/" + claimed.text("claim.id") + "/pay"
	p.wants(p.call(http.MethodPost, path, nil), 503, "orders.error.gateway")
	p.wants(p.call(http.MethodPost, path, nil), 200, "")
}
