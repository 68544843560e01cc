package sandbox

import (
	"crypto/sha1" //nolint:gosec // the bill's hash is SHA-1
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestAV3OrderIsPaidAndTold(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	prepay := p.order3("order-1", object{"attach": "x"})
	if got := p.query3("order-1"); got["trade_state"] != "NOTPAY" || got["transaction_id"] != nil || got["success_time"] != nil {
		t.Errorf("before: %v", got)
	}
	if got := p.phonePay("lin", p.front3(testApp, prepay)); got["result"] != "ok" {
		t.Fatalf("paid %v", got)
	}
	n := p.note()
	if n.head.Get("Wechatpay-Serial") != p.m.WechatKeyID {
		t.Errorf("signed by %s", n.head.Get("Wechatpay-Serial"))
	}
	envelope, inside := p.event(n, p.m.WechatPublicKey)
	if envelope["event_type"] != "TRANSACTION.SUCCESS" || envelope["resource"].(object)["original_type"] != "transaction" || envelope["id"] == "" {
		t.Errorf("envelope %v", envelope)
	}
	id, _ := inside["transaction_id"].(string)
	if inside["trade_state"] != "SUCCESS" || inside["attach"] != "x" || inside["success_time"] != "2026-01-05T18:00:00+08:00" || inside["amount"].(object)["total"] != 1200.0 || id == "" {
		t.Errorf("inside %v", inside)
	}
	status, got := p.call3(http.MethodGet, "/v3/pay/transactions/id/"+id+"?mchid="+p.m.ID, nil)
	if status != http.StatusOK || got["trade_state"] != "SUCCESS" || got["out_trade_no"] != "order-1" || got["payer"].(object)["openid"] != p.openID("lin") {
		t.Errorf("after: %d %v", status, got)
	}
	if err := p.NotifyAgain("order-1"); err != nil {
		t.Fatal(err)
	}
	if again := p.note(); again.body != n.body || again.head.Get("Wechatpay-Signature") == n.head.Get("Wechatpay-Signature") {
		t.Error("a repeated notification has the same body under a new signature")
	}
	p.settled()
}

func TestV3ChecksTheSignatureOfARequest(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	path := "/v3/pay/transactions/out-trade-no/order-1?mchid=" + p.m.ID
	at := func(d time.Duration) texts { return texts{"timestamp": unix(p.clock.Now().Add(d))} }
	for name, header := range map[string]string{
		"nothing":       "",
		"other scheme":  strings.Replace(p.authorization("GET", path, "", nil), "RSA2048", "SM2", 1),
		"other path":    p.authorization("GET", path+"&a=1", "", nil),
		"other method":  p.authorization("POST", path, "", nil),
		"other body":    p.authorization("GET", path, "x", nil),
		"other serial":  p.authorization("GET", path, "", texts{"serial_no": "4A"}),
		"other mchid":   p.authorization("GET", path, "", texts{"mchid": "1900000000"}),
		"late":          p.authorization("GET", path, "", at(-301*time.Second)),
		"early":         p.authorization("GET", path, "", at(301*time.Second)),
		"no nonce":      p.authorization("GET", path, "", texts{"nonce_str": ""}),
		"not base64":    p.authorization("GET", path, "", texts{"signature": "***"}),
		"half a header": strings.Replace(p.authorization("GET", path, "", nil), `",`, `;`, 1),
	} {
		res, text := p.do(http.MethodGet, path, "", nil, "Authorization", header, "Accept", "application/json")
		if out := parse(t, text); res.StatusCode != http.StatusUnauthorized || out["code"] != "SIGN_ERROR" || !strings.HasSuffix(res.Header.Get("Request-ID"), "-268443699") {
			t.Errorf("%s: %s %v", name, res.Status, out)
		}
	}
	res, text := p.do(http.MethodGet, path, "", nil, "Authorization", p.authorization("GET", path, "", at(-299*time.Second)), "Accept", "application/json")
	if out := parse(t, text); res.StatusCode != http.StatusNotFound || out["code"] != "ORDER_NOT_EXIST" || !strings.HasSuffix(res.Header.Get("Request-ID"), "-268512771") {
		t.Errorf("the good one: %s %v", res.Status, out)
	}
	if res, _ := p.do(http.MethodGet, path, "", nil, "Authorization", p.authorization("GET", path, "", nil), "Accept", "text/html"); res.StatusCode != http.StatusBadRequest {
		t.Errorf("Accept: %s", res.Status)
	}
}

func TestV3ChecksEveryParameterOfAnOrder(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	for name, c := range map[string]struct {
		change object
		status int
		code   string
		number int
	}{
		"fraction":        {object{"amount": object{"total": 1.5, "currency": "CNY"}}, 400, "PARAM_ERROR", 268435461},
		"text":            {object{"amount": object{"total": "1", "currency": "CNY"}}, 400, "PARAM_ERROR", 268435461},
		"nothing":         {object{"amount": object{"total": 0}}, 400, "PARAM_ERROR", 268435461},
		"no amount":       {object{"amount": object{}}, 400, "PARAM_ERROR", 268435461},
		"currency":        {object{"amount": object{"total": 1, "currency": "USD"}}, 400, "PARAM_ERROR", 268435461},
		"null":            {object{"attach": nil}, 400, "PARAM_ERROR", 268435461},
		"emoji":           {object{"description": "☕️😀"}, 400, "PARAM_ERROR", 268435461},
		"extra key":       {object{"price": 1}, 400, "PARAM_ERROR", 270924358},
		"number":          {object{"out_trade_no": "订单一二三四五"}, 400, "PARAM_ERROR", 268435461},
		"no openid":       {object{"payer": object{}}, 400, "PARAM_ERROR", 268501013},
		"nobody's openid": {object{"payer": object{"openid": "oNobody"}}, 400, "PARAM_ERROR", 268435461},
		"foreign app":     {object{"appid": "wx0000000000000000"}, 400, "APPID_MCHID_NOT_MATCH", 268445527},
		"other merchant":  {object{"mchid": "1900000000"}, 400, "MCH_NOT_EXISTS", 268447843},
		"plain HTTP":      {object{"notify_url": "http://shop.example/x"}, 400, "PARAM_ERROR", 268435461},
		"time":            {object{"time_expire": "20260105100000"}, 400, "PARAM_ERROR", 268435461},
	} {
		if status, out := p.call3(http.MethodPost, "/v3/pay/transactions/jsapi", p.body3("order-x", c.change)); status != c.status || out["code"] != c.code {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
	if len(p.Orders()) != 0 {
		t.Error("an order was kept")
	}
	p.order3("order-1", nil)
	if status, out := p.call3(http.MethodPost, "/v3/pay/transactions/jsapi", p.body3("order-1", object{"attach": "y"})); status != http.StatusBadRequest || out["code"] != "INVALID_REQUEST" {
		t.Errorf("re-entry: %d %v", status, out)
	}
	again := p.order3("order-1", nil)
	p.clock.add(prepayLife)
	if fresh := p.order3("order-1", nil); fresh == again {
		t.Error("the prepay_id is not fresh")
	}
}

func TestAV3OrderCanBeClosedAgainAndAgainButNotWhenPaid(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	closing := func(no string) (int, object) {
		return p.call3(http.MethodPost, "/v3/pay/transactions/out-trade-no/"+no+"/close", object{"mchid": p.m.ID})
	}
	prepay := p.order3("order-1", nil)
	for range 2 {
		if status, out := closing("order-1"); status != http.StatusNoContent || len(out) != 0 {
			t.Errorf("close: %d %v", status, out)
		}
	}
	if got := p.query3("order-1"); got["trade_state"] != "CLOSED" {
		t.Errorf("state %v", got)
	}
	if got := p.phonePay("lin", p.front3(testApp, prepay)); got["result"] != "fail" {
		t.Errorf("paying a closed one: %v", got)
	}
	if status, out := p.call3(http.MethodPost, "/v3/pay/transactions/jsapi", p.body3("order-1", nil)); status != http.StatusForbidden || out["code"] != "TRADE_ERROR" {
		t.Errorf("ordering a closed one: %d %v", status, out)
	}
	p.paid3("order-2")
	p.note()
	if status, out := closing("order-2"); status != http.StatusForbidden || out["code"] != "TRADE_ERROR" {
		t.Errorf("closing a paid one: %d %v", status, out)
	}
	if status, out := closing("order-3"); status != http.StatusNotFound || out["code"] != "ORDER_NOT_EXIST" {
		t.Errorf("closing nothing: %d %v", status, out)
	}
	expiring := p.order3("order-4", object{"time_expire": p.clock.Now().Add(5 * time.Minute).Format(time.RFC3339)})
	p.clock.add(5 * time.Minute)
	if got := p.phonePay("lin", p.front3(testApp, expiring)); got["result"] != "fail" || got["reason"] != "订单已过期" {
		t.Errorf("paying too late: %v", got)
	}
}

func TestAV3RefundIsAcceptedFinishedAndTold(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	p.order3("order-1", nil)
	if status, out := p.refund3("order-1", "back-1", 500); status != http.StatusBadRequest || out["code"] != "INVALID_REQUEST" {
		t.Errorf("unpaid: %d %v", status, out)
	}
	if err := p.Pay("order-1"); err != nil {
		t.Fatal(err)
	}
	p.note()
	status, first := p.refund3("order-1", "back-1", 500)
	if status != http.StatusOK || first["status"] != "PROCESSING" || first["amount"].(object)["refund"] != 500.0 {
		t.Fatalf("refund %d %v", status, first)
	}
	n := p.note()
	envelope, inside := p.event(n, p.m.WechatPublicKey)
	if n.path != "/v3/refunded" || envelope["event_type"] != "REFUND.SUCCESS" || inside["refund_status"] != "SUCCESS" || inside["out_refund_no"] != "back-1" || inside["amount"].(object)["refund"] != 500.0 {
		t.Errorf("told %v %v", envelope, inside)
	}
	if _, again := p.refund3("order-1", "back-1", 500); again["refund_id"] != first["refund_id"] || again["status"] != "SUCCESS" {
		t.Errorf("again %v", again)
	}
	if status, out := p.refund3("order-1", "back-2", 100); status != http.StatusTooManyRequests || out["code"] != "FREQUENCY_LIMITED" {
		t.Errorf("at once: %d %v", status, out)
	}
	p.clock.add(time.Minute)
	for name, c := range map[string]struct {
		no     string
		amount int
		code   string
	}{"too much": {"back-2", 701, "INVALID_REQUEST"}, "nothing": {"back-2", 0, "PARAM_ERROR"}, "other amount": {"back-1", 501, "PARAM_ERROR"}, "number": {"退", 1, "PARAM_ERROR"}} {
		if status, out := p.refund3("order-1", c.no, c.amount); status != http.StatusBadRequest || out["code"] != c.code {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
	if status, out := p.refund3("order-9", "back-9", 1); status != http.StatusNotFound || out["code"] != "RESOURCE_NOT_EXISTS" {
		t.Errorf("unknown order: %d %v", status, out)
	}
	if status, out := p.call3(http.MethodGet, "/v3/refund/domestic/refunds/back-1", nil); status != http.StatusOK || out["status"] != "SUCCESS" || out["success_time"] == nil {
		t.Errorf("query %d %v", status, out)
	}
	if status, out := p.call3(http.MethodGet, "/v3/refund/domestic/refunds/back-9", nil); status != http.StatusNotFound || out["code"] != "RESOURCE_NOT_EXISTS" {
		t.Errorf("query of nothing: %d %v", status, out)
	}
	if got := p.query3("order-1"); got["trade_state"] != "REFUND" {
		t.Errorf("order %v", got)
	}
	p.settled()
}

func TestAMerchantVerifiesByTheKeyItAsksFor(t *testing.T) {
	t.Parallel()
	ask := func(p *payWorld, serial string) (*http.Response, string) {
		path := "/v3/certificates"
		return p.do(http.MethodGet, path, "", nil, "Authorization", p.authorization("GET", path, "", nil), "Accept", "application/json", "Wechatpay-Serial", serial)
	}
	serials := func(p *payWorld, body string) (list []string) {
		for _, item := range parse(t, body)["data"].([]any) {
			entry := item.(object)
			cert, _, err := readCertificate(open3(t, p.m.V3Key, entry["encrypt_certificate"].(object)))
			if err != nil || serialOf(cert) != entry["serial_no"] {
				t.Errorf("certificate %v: %v", entry, err)
			}
			list = append(list, entry["serial_no"].(string))
		}
		return list
	}
	p := newPayWorld(t)
	cert, _, err := readCertificate(p.m.PlatformCertificate)
	if err != nil {
		t.Fatal(err)
	}
	old := serialOf(cert)
	for serial, key := range map[string]string{"": p.m.PlatformCertificate, old: p.m.PlatformCertificate, p.m.WechatKeyID: p.m.WechatPublicKey} {
		res, text := ask(p, serial)
		if res.StatusCode != http.StatusOK || !signedBy(t, key, res.Header, text) || !slices.Equal(serials(p, text), []string{old}) {
			t.Errorf("asked for %q: %s %s", serial, res.Status, res.Header.Get("Wechatpay-Serial"))
		}
	}
	if res, _ := ask(p, "PUB_KEY_ID_9"); res.StatusCode != http.StatusBadRequest {
		t.Errorf("unknown serial: %s", res.Status)
	}

	modern := newPayWorld(t, func(m *Merchant) { m.Verify = VerifyPublicKey })
	if res, text := ask(modern, ""); res.StatusCode != http.StatusNotFound || parse(t, text)["code"] != "RESOURCE_NOT_EXISTS" {
		t.Errorf("public key only: %s %s", res.Status, text)
	}
	if res, _ := ask(modern, old); res.StatusCode != http.StatusBadRequest {
		t.Errorf("a certificate where there is none: %s", res.Status)
	}
	classic := newPayWorld(t, func(m *Merchant) { m.Verify = VerifyCertificate })
	if res, _ := ask(classic, p.m.WechatKeyID); res.StatusCode != http.StatusBadRequest {
		t.Errorf("a public key where there is none: %s", res.Status)
	}
}

func TestABillHoldsTheDaysTradesAndRefunds(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	p.order3("order-1", object{"description": "拿铁,大杯"})
	if err := p.Pay("order-1"); err != nil {
		t.Fatal(err)
	}
	p.order2("order-2", texts{"total_fee": "5"})
	if err := p.Pay("order-2"); err != nil {
		t.Fatal(err)
	}
	p.clock.add(time.Hour)
	p.refund3("order-1", "back-1", 200)
	p.order3("order-3", nil) // never paid
	path := "/v3/bill/tradebill?bill_date=2026-01-05"
	if status, out := p.call3(http.MethodGet, path, nil); status != http.StatusBadRequest || out["code"] != "STATEMENT_CREATING" {
		t.Errorf("on the same day: %d %v", status, out)
	}
	p.clock.add(24 * time.Hour) // 19:00 of the next day in Beijing
	if status, out := p.call3(http.MethodGet, "/v3/bill/tradebill?bill_date=2026-01-04", nil); status != http.StatusBadRequest || out["code"] != "NO_STATEMENT_EXIST" {
		t.Errorf("a day without trades: %d %v", status, out)
	}
	status, out := p.call3(http.MethodGet, path, nil)
	if status != http.StatusOK || out["hash_type"] != "SHA1" {
		t.Fatalf("bill %d %v", status, out)
	}
	file := strings.TrimPrefix(out["download_url"].(string), p.url)
	if res, _ := p.do(http.MethodGet, file, "", nil); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("unsigned download: %s", res.Status)
	}
	if res, _ := p.do(http.MethodGet, file, "", nil, "Authorization", p.authorization("GET", file, "", nil)); res.StatusCode != http.StatusBadRequest {
		t.Errorf("download without Accept: %s", res.Status)
	}
	res, text := p.do(http.MethodGet, file, "", nil, "Authorization", p.authorization("GET", file, "", nil), "Accept", "application/json")
	sum := sha1.Sum([]byte(text)) //nolint:gosec // see the import
	if res.StatusCode != http.StatusOK || hex.EncodeToString(sum[:]) != out["hash_value"] || res.Header.Get("Wechatpay-Signature") != "" {
		t.Fatalf("download %s", res.Status)
	}
	lines := strings.Split(strings.TrimSpace(text), "\r\n")
	if len(lines) != 6 || strings.Count(lines[0], ",") != 26 {
		t.Fatalf("lines %q", lines)
	}
	for i, want := range map[int][]string{
		1: {"`2026-01-05 18:00:00", "`order-1", "`SUCCESS", "`12.00", "`拿铁 大杯", "`0.07000"},
		2: {"`order-2", "`0.05", "`0.00000"},
		3: {"`2026-01-05 19:00:00", "`order-1", "`REFUND", "`back-1", "`2.00", "`ORIGINAL"},
		5: {"`3", "`12.05", "`2.00", "`0.06000"},
	} {
		for _, cell := range want {
			if !slices.Contains(strings.Split(lines[i], ","), cell) {
				t.Errorf("line %d lacks %s: %s", i, cell, lines[i])
			}
		}
		if i < 4 && strings.Count(lines[i], ",`") != 26 {
			t.Errorf("line %d: %s", i, lines[i])
		}
	}
	fields := texts{"appid": testApp, "mch_id": p.m.ID, "nonce_str": "n", "bill_date": "20260105", "bill_type": "SUCCESS"}
	if v2 := p.raw2("/pay/downloadbill", fields); !strings.HasPrefix(v2, "\ufeff交易时间,") || strings.Contains(v2, "back-1") {
		t.Errorf("v2 %q", v2)
	}
	if none := flat(t, p.raw2("/pay/downloadbill", texts{"appid": testApp, "mch_id": p.m.ID, "nonce_str": "n", "bill_date": "20260104"})); none["return_code"] != "FAIL" || none["error_code"] != "20002" {
		t.Errorf("v2 without trades: %v", none)
	}
	p.clock.add(10 * time.Minute)
	if res, _ := p.do(http.MethodGet, file, "", nil, "Authorization", p.authorization("GET", file, "", nil), "Accept", "application/json"); res.StatusCode != http.StatusNotFound {
		t.Errorf("an old download: %s", res.Status)
	}
	p.pushes.Wait()
}

func TestNotificationsAreRetriedUntilTheyAreUnderstood(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	var tries atomic.Int32
	p.answer = func(note) (int, string) {
		status := http.StatusOK
		if tries.Add(1) < 3 {
			status = http.StatusInternalServerError
		}
		return status, "<xml><return_code>FAIL</return_code></xml>"
	}
	p.paid3("order-1")
	p.pushes.Wait()
	if n := tries.Load(); n != 3 {
		t.Errorf("v3: %d tries", n)
	}
	if a, b, c := p.note(), p.note(), p.note(); a.body != b.body || b.body != c.body {
		t.Error("tries differ")
	}
	p.order2("order-2", nil) // answered with 200, but return_code FAIL
	if err := p.Pay("order-2"); err != nil {
		t.Fatal(err)
	}
	p.pushes.Wait()
	if len(p.notes) != 3 || !p.refused("return_code") {
		t.Errorf("v2: %d tries", len(p.notes))
	}
}

func TestOddNotificationsAreSentOnRequest(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	p.answer = func(note) (int, string) { return http.StatusUnauthorized, `{"code":"FAIL"}` }
	p.order3("order-1", nil)
	for kind, odd := range map[string]func(note, object) bool{
		"signtest": func(n note, _ object) bool {
			return strings.HasPrefix(n.head.Get("Wechatpay-Signature"), "WECHATPAY/SIGNTEST/")
		},
		"stale": func(n note, _ object) bool {
			stamp, _ := strconv.ParseInt(n.head.Get("Wechatpay-Timestamp"), 10, 64)
			return p.clock.Now().Unix()-stamp == 600 && signedBy(t, p.m.WechatPublicKey, n.head, n.body)
		},
		"nonce13": func(n note, r object) bool {
			return len(r["nonce"].(string)) == 13 && signedBy(t, p.m.WechatPublicKey, n.head, n.body)
		},
		"short": func(n note, r object) bool {
			return len(r["ciphertext"].(string)) < 16 && signedBy(t, p.m.WechatPublicKey, n.head, n.body)
		},
	} {
		status, err := p.ProbeNotify("order-1", kind)
		if err != nil || status != http.StatusUnauthorized {
			t.Errorf("%s: %d %v", kind, status, err)
			continue
		}
		if n := p.note(); !odd(n, parse(t, n.body)["resource"].(object)) {
			t.Errorf("%s: %+v", kind, n)
		}
	}
	if _, err := p.ProbeNotify("order-1", "x"); err == nil {
		t.Error("an unknown probe was sent")
	}
	if _, err := p.ProbeNotify("order-9", "stale"); err == nil {
		t.Error("a probe about no order was sent")
	}
}

func TestTheEchoNeedsASignatureAndGivesTheTextBack(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	if status, out := p.call3(http.MethodPost, "/v3/security/echo", object{"echo_message": "hello"}); status != http.StatusOK || out["echo_message"] != "hello" {
		t.Errorf("%d %v", status, out)
	}
	if status, _ := p.call3(http.MethodPost, "/v3/security/echo", object{}); status != http.StatusBadRequest {
		t.Errorf("without a text: %d", status)
	}
	res, _ := p.do(http.MethodPost, "/v3/security/echo", "", []byte(`{"echo_message":"hello"}`), "Content-Type", "application/json")
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("unsigned: %d", res.StatusCode)
	}
}
