package sandbox

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// withPay proves a switch in a world with a merchant; the switch is set there and, for
// the caller's own checks, in the world that it made.
func withPay(prove func(t *testing.T, p *payWorld, on func())) func(*testing.T, *world, func()) {
	return func(t *testing.T, w *world, on func()) {
		t.Helper()
		p := newPayWorld(t)
		on()
		prove(t, p, func() {
			for _, sw := range w.Switches() {
				if sw.On {
					if err := p.SetSwitch(sw.Name, true); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// off ends every switch.
func (p *payWorld) off() {
	for _, sw := range p.Switches() {
		if sw.On {
			_ = p.SetSwitch(sw.Name, false)
		}
	}
}

func payProofs() map[string]func(*testing.T, *world, func()) {
	refundNote := func(p *payWorld) object {
		for n := range p.notes {
			if n.path == "/v3/refunded" {
				_, inside := p.event(n, p.m.WechatPublicKey)
				return inside
			}
		}
		return nil
	}
	billLines := func(p *payWorld) []string {
		p.clock.add(24 * time.Hour)
		text := p.raw2("/pay/downloadbill", texts{"appid": testApp, "mch_id": p.m.ID, "nonce_str": "n", "bill_date": "20260105"})
		return strings.Split(strings.TrimSpace(text), "\r\n")
	}
	return map[string]func(*testing.T, *world, func()){
		payCancel: withPay(func(t *testing.T, p *payWorld, on func()) {
			on()
			front := p.front3(testApp, p.order3("order-1", nil))
			if got := said(p.bridge("lin", payAPI, claimPage, asObject(front, nil))); got != "get_brand_wcpay_request:cancel" {
				t.Errorf("said %s", got)
			}
			if got := p.phonePay("lin", front); got["result"] != "cancel" {
				t.Errorf("result %v", got)
			}
		}),
		payQueryBehind: withPay(func(t *testing.T, p *payWorld, on func()) {
			on()
			p.paid3("order-1")
			if got := p.query3("order-1"); got["trade_state"] != "NOTPAY" || got["transaction_id"] != nil {
				t.Errorf("at once: %v", got)
			}
			p.clock.add(p.m.Late)
			if got := p.query3("order-1"); got["trade_state"] != "SUCCESS" {
				t.Errorf("later: %v", got)
			}
		}),
		payAnswerForged: withPay(func(t *testing.T, p *payWorld, on func()) {
			on()
			path := "/v3/certificates"
			res, text := p.do(http.MethodGet, path, "", nil, "Authorization", p.authorization("GET", path, "", nil), "Accept", "application/json")
			if res.StatusCode != http.StatusOK || signedBy(t, p.m.PlatformCertificate, res.Header, text) {
				t.Error("the v3 answer is signed")
			}
			out := flat(t, p.raw2("/pay/orderquery", texts{"appid": testApp, "mch_id": p.m.ID, "nonce_str": "n", "out_trade_no": "order-1"}))
			if out["sign"] == sign2(out, p.m.V2Key, "MD5") || out["return_code"] != "SUCCESS" {
				t.Error("the v2 answer is signed")
			}
		}),
		payCertRotated: withPay(func(t *testing.T, p *payWorld, on func()) {
			cert, _, _ := readCertificate(p.m.PlatformCertificate)
			old := serialOf(cert)
			on()
			p.paid3("order-1")
			n := p.note()
			serial := n.head.Get("Wechatpay-Serial")
			if serial == old || serial == p.m.WechatKeyID {
				t.Fatalf("signed by %s", serial)
			}
			_, out := p.call3(http.MethodGet, "/v3/certificates", nil)
			found := map[string]string{}
			for _, item := range out["data"].([]any) {
				entry := item.(object)
				found[entry["serial_no"].(string)] = open3(t, p.m.V3Key, entry["encrypt_certificate"].(object))
			}
			if len(found) != 2 || found[old] == "" || !signedBy(t, found[serial], n.head, n.body) {
				t.Errorf("certificates %v", found)
			}
		}),
		payNotifyOff: withPay(func(t *testing.T, p *payWorld, on func()) {
			on()
			p.paid3("order-1")
			p.settled()
		}),
		payNotifyLate: withPay(func(t *testing.T, p *payWorld, on func()) {
			on()
			start := time.Now()
			p.paid3("order-1")
			if p.note(); time.Since(start) < p.m.Late {
				t.Error("it came at once")
			}
		}),
		payNotifyTripled: withPay(func(t *testing.T, p *payWorld, on func()) {
			on()
			p.paid3("order-1")
			if a, b, c := p.note(), p.note(), p.note(); a.body != b.body || b.body != c.body {
				t.Error("the three differ")
			}
			p.settled()
		}),
		payNotifyForged: withPay(func(t *testing.T, p *payWorld, on func()) {
			on()
			p.paid3("order-1")
			if n := p.note(); signedBy(t, p.m.WechatPublicKey, n.head, n.body) {
				t.Error("the v3 notification is signed")
			}
			p.order2("order-2", nil)
			_ = p.Pay("order-2")
			if told := flat(t, p.note().body); told["sign"] == "" || told["sign"] == sign2(told, p.m.V2Key, "MD5") {
				t.Error("the v2 notification is signed")
			}
			p.call2("/secapi/pay/refund", texts{"out_trade_no": "order-2", "out_refund_no": "back-2", "total_fee": "1200", "refund_fee": "1", "notify_url": p.hook + "/v2/refunded"})
			if plain, ok := p.openReqInfo(flat(t, p.note().body)["req_info"], p.m.V2Key); ok && strings.HasPrefix(plain, "<root>") {
				t.Error("req_info opens")
			}
		}),
		payNotifyAmount: withPay(func(t *testing.T, p *payWorld, on func()) {
			on()
			p.paid3("order-1")
			if _, inside := p.event(p.note(), p.m.WechatPublicKey); inside["amount"].(object)["total"] != 1201.0 {
				t.Errorf("told %v", inside)
			}
			if got := p.query3("order-1"); got["amount"].(object)["total"] != 1200.0 {
				t.Errorf("query %v", got)
			}
		}),
		payRefundRefused: withPay(func(t *testing.T, p *payWorld, on func()) {
			on()
			p.paid3("order-1")
			if status, out := p.refund3("order-1", "back-1", 100); status != http.StatusForbidden || out["code"] != "TRADE_ERROR" {
				t.Errorf("v3 %d %v", status, out)
			}
			if out := p.call2("/secapi/pay/refund", texts{"out_trade_no": "order-1", "out_refund_no": "back-1", "total_fee": "1200", "refund_fee": "100"}); out["err_code"] != "NOTENOUGH" {
				t.Errorf("v2 %v", out)
			}
			p.off()
			if status, out := p.refund3("order-1", "back-1", 100); status != http.StatusOK {
				t.Errorf("the same number later: %d %v", status, out)
			}
		}),
		payRefundAbnormal: withPay(func(t *testing.T, p *payWorld, on func()) {
			on()
			p.paid3("order-1")
			p.refund3("order-1", "back-1", 100)
			if inside := refundNote(p); inside["refund_status"] != "ABNORMAL" || inside["success_time"] != nil {
				t.Errorf("told %v", inside)
			}
			if out := p.call2("/pay/refundquery", texts{"out_refund_no": "back-1"}); out["refund_status_0"] != "CHANGE" {
				t.Errorf("v2 query %v", out)
			}
		}),
		payRefundSlow: withPay(func(t *testing.T, p *payWorld, on func()) {
			p.Server.pay.Late = time.Second // long enough to look in between
			on()
			p.paid3("order-1")
			p.refund3("order-1", "back-1", 100)
			if _, out := p.call3(http.MethodGet, "/v3/refund/domestic/refunds/back-1", nil); out["status"] != "PROCESSING" {
				t.Errorf("at once: %v", out)
			}
			if inside := refundNote(p); inside["refund_status"] != "SUCCESS" {
				t.Errorf("told %v", inside)
			}
			if _, out := p.call3(http.MethodGet, "/v3/refund/domestic/refunds/back-1", nil); out["status"] != "SUCCESS" {
				t.Errorf("later: %v", out)
			}
		}),
		payBillRowDropped: withPay(func(t *testing.T, p *payWorld, on func()) {
			p.paid3("order-1")
			p.clock.add(time.Second)
			p.paid3("order-2")
			on()
			if lines := billLines(p); len(lines) != 4 || strings.Contains(lines[1], "order-1") || !strings.HasPrefix(lines[3], "`1,`12.00,") {
				t.Errorf("bill %q", lines)
			}
		}),
		payBillRowTampered: withPay(func(t *testing.T, p *payWorld, on func()) {
			p.paid3("order-1")
			on()
			if lines := billLines(p); len(lines) != 4 || !strings.Contains(lines[1], "`12.01,") || !strings.HasPrefix(lines[3], "`1,`12.01,") {
				t.Errorf("bill %q", lines)
			}
		}),
	}
}

func TestTheNetworkSwitchesActOnPaymentsToo(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	set := func(name string, on bool) {
		if err := p.SetSwitch(name, on); err != nil {
			t.Fatal(err)
		}
	}
	set(systemBusy, true)
	if out := p.order2("order-1", nil); out["err_code"] != "SYSTEMERROR" {
		t.Errorf("v2 %v", out)
	}
	if status, out := p.call3(http.MethodPost, "/v3/pay/transactions/jsapi", p.body3("order-1", nil)); status != http.StatusInternalServerError || out["code"] != "SYSTEM_ERROR" {
		t.Errorf("v3 %d %v", status, out)
	}
	set(systemBusy, false)
	set(garbageAnswer, true)
	if _, text := p.do(http.MethodPost, "/pay/orderquery", "", []byte("<xml></xml>")); !strings.HasPrefix(text, "<html>") {
		t.Errorf("garbage %q", text)
	}
	set(garbageAnswer, false)
	set(clockSkew, true)
	if status, out := p.call3(http.MethodGet, "/v3/certificates", nil); status != http.StatusUnauthorized || out["code"] != "SIGN_ERROR" {
		t.Errorf("skewed %d %v", status, out)
	}
}

func TestACallCanBeToldToFailOnce(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	p.paid3("order-1")
	p.note()
	for _, code := range []string{"NOTENOUGH", "BIZERR_NEED_RETRY"} {
		if err := p.FailPay("refund", code); err != nil {
			t.Fatal(err)
		}
	}
	refund := func() texts {
		return p.call2("/secapi/pay/refund", texts{"out_trade_no": "order-1", "out_refund_no": "back-1", "total_fee": "1200", "refund_fee": "100"})
	}
	if a, b, c := refund(), refund(), refund(); a["err_code"] != "NOTENOUGH" || b["err_code"] != "BIZERR_NEED_RETRY" || c["result_code"] != "SUCCESS" {
		t.Errorf("%v\n%v\n%v", a, b, c)
	}
	_ = p.FailPay("query", "RATELIMIT_EXCEEDED")
	if status, _ := p.call3(http.MethodGet, "/v3/pay/transactions/out-trade-no/order-1?mchid="+p.m.ID, nil); status != http.StatusTooManyRequests {
		t.Errorf("status %d", status)
	}
	if newWorld(t).FailPay("query", "X") == nil || p.FailPay("x", "X") == nil {
		t.Error("without a merchant, or for no call")
	}
}
