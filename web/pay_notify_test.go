package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"kaquan/orders"
	"kaquan/pay"
	"kaquan/sandbox"
)

// waiting is an order that WeChat was paid for, with its notification still to come.
func (w *payWorld) waiting() *http.Request {
	w.Helper()
	b := w.payer()
	token := b.csrf()
	b.post("/c/set/claim", b.form(), true).wants(200, "pay_needed")
	b.sealed = token
	b.dialog()
	if err := w.wechat.Pay(w.newest().Number); err != nil {
		w.Fatal(err)
	}
	return w.notice()
}

func TestHostileNotificationsChangeNothingAndAreCounted(t *testing.T) {
	t.Parallel()
	for _, version := range []pay.Version{pay.V2, pay.V3} {
		t.Run(string(version), func(t *testing.T) {
			t.Parallel()
			w := newPayWorld(t, version)
			genuine := w.waiting()
			refused := func(name, result string, status int, answer string) {
				t.Helper()
				if status < 400 && !strings.Contains(answer, "FAIL") {
					t.Errorf("%s was accepted: %d %s", name, status, answer)
				}
				if n := w.count("demo payment " + result); n != 1 {
					t.Errorf("%s was counted %d times as %s: %v", name, n, result, w.counted)
				}
				if o := w.newest(); o.State != orders.Prepaid {
					t.Fatalf("%s changed the order to %s", name, o.State)
				}
			}
			signature := func(r *http.Request, body []byte) []byte {
				if version == pay.V3 {
					s := r.Header.Get("Wechatpay-Signature")
					r.Header.Set("Wechatpay-Signature", strings.Repeat("A", 8)+s[8:])
					return body
				}
				return []byte(strings.Replace(string(body), "<total_fee>990", "<total_fee>991", 1))
			}
			if version == pay.V2 && !strings.Contains(w.bodyOf(genuine), "<total_fee>990") {
				signature = func(_ *http.Request, body []byte) []byte {
					return []byte(strings.Replace(string(body), "990", "991", 1))
				}
			}
			status, answer := w.deliver(genuine, signature)
			refused("a forged signature", "signature", status, answer)
			status, answer = w.deliver(genuine, func(_ *http.Request, body []byte) []byte {
				return append(body, strings.Repeat(" ", orders.MaxNotice)...)
			})
			refused("a body that is too long", "size", status, answer)
			if version == pay.V3 {
				w.pass(6 * time.Minute)
				status, answer = w.deliver(genuine, nil)
				refused("an old timestamp", "timestamp", status, answer)
				w.pass(-6 * time.Minute)
			}
			status, _ = w.deliver(genuine, func(r *http.Request, body []byte) []byte {
				r.URL.Path, r.RequestURI = "/w/pay/nobody/notify", "/w/pay/nobody/notify"
				return body
			})
			if status != http.StatusNotFound {
				t.Errorf("an account that nobody has: %d", status)
			}
			// The same keys, but the merchant has another number.
			m := payMerchant()
			w.merchant(sandbox.Merchant{
				ID: "1999999999", V2Key: m.V2Key, V3Key: m.V3Key, Certificate: m.Certificate, PrivateKey: m.PrivateKey, PlatformCertificate: m.PlatformCertificate,
				WechatKeyID: m.WechatKeyID, WechatPublicKey: m.WechatPublicKey,
			}, version)
			status, answer = w.deliver(genuine, nil)
			refused("a notification of another merchant", "merchant", status, answer)
			w.merchant(m, version)

			for range 3 {
				if status, answer := w.deliver(genuine, nil); status >= 300 || strings.Contains(answer, "FAIL") {
					t.Errorf("a genuine one was answered %d %s", status, answer)
				}
			}
			if w.count("demo payment applied") != 1 || w.count("demo payment repeated") != 2 {
				t.Errorf("counted %v", w.counted)
			}
			if o := w.newest(); o.State != orders.Paid {
				t.Errorf("order %s", o.State)
			}
			if len(genuine.Cookies()) > 0 {
				t.Error("WeChat sends cookies")
			}
			counts, err := w.server.Orders.NoticeCounts(t.Context(), "demo")
			if err != nil || counts["applied"] != 1 || counts["signature"] != 1 {
				t.Errorf("kept %v %v", counts, err)
			}
		})
	}
}

func TestAWrongAmountIsAnIncidentAndNotAPayment(t *testing.T) {
	t.Parallel()
	w := newPayWorld(t, pay.V3)
	if err := w.wechat.SetSwitch("pay_notify_wrong_amount", true); err != nil {
		t.Fatal(err)
	}
	if status, _ := w.deliver(w.waiting(), nil); status < 400 {
		t.Errorf("answered %d", status)
	}
	if o := w.newest(); o.State != orders.Prepaid || w.count("demo payment mismatch") != 1 {
		t.Errorf("order %s, counted %v", o.State, w.counted)
	}
}

func TestANotificationSetsNoCookieAndOnlyTakesPosts(t *testing.T) {
	t.Parallel()
	w := newPayWorld(t, pay.V3)
	b := w.browser().get("/w/pay/demo/notify")
	if b.status != http.StatusMethodNotAllowed && b.status != http.StatusNotFound {
		t.Errorf("GET: %d", b.status)
	}
}
