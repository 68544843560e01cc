package sandbox

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

type payVectors struct {
	Keys    map[string]string `json:"keys"`
	Vectors []struct {
		Name, Kind string
		Inputs     struct {
			Params            map[string]string
			Key               string
			SignType          string `json:"sign_type"`
			VerifyWith        string `json:"verify_with"`
			PublicKey         string `json:"public_key"`
			Headers           map[string]string
			APIKey            string `json:"api_v3_key"`
			Associated        string `json:"associated_data"`
			Nonce, Ciphertext string
		}
		StringToSign string          `json:"string_to_sign"`
		Expected     json.RawMessage `json:"expected"`
	} `json:"vectors"`
}

func TestSignaturesMatchThePublishedSamples(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/pay.json")
	if err != nil {
		t.Fatal(err)
	}
	var file payVectors
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, v := range file.Vectors {
		var want struct{ Sign, Signature, PaySign, Plaintext string }
		_ = json.Unmarshal(v.Expected, &want)
		switch v.Kind {
		case "v2-sign":
			if got := paySignature(v.Inputs.Params, v.Inputs.Key, v.Inputs.SignType); got != want.Sign {
				t.Errorf("%s: %s", v.Name, got)
			}
		case "v3-rsa-sign", "v3-rsa-verify":
			key, err := readPublic(file.Keys[v.Inputs.VerifyWith+v.Inputs.PublicKey])
			if err != nil {
				t.Fatal(err)
			}
			sign := want.Signature + want.PaySign + v.Inputs.Headers["Wechatpay-Signature"]
			if !verifyRSA(key, v.StringToSign, sign) || verifyRSA(key, v.StringToSign+" ", sign) {
				t.Errorf("%s does not verify", v.Name)
			}
		case "aead-aes-256-gcm":
			in := object{"nonce": v.Inputs.Nonce, "ciphertext": v.Inputs.Ciphertext, "associated_data": v.Inputs.Associated}
			if got := open3(t, v.Inputs.APIKey, in); got != want.Plaintext {
				t.Errorf("the test's own opener says %q", got)
			}
			s := sealGCM(v.Inputs.APIKey, v.Inputs.Associated, []byte(want.Plaintext))
			if got := open3(t, v.Inputs.APIKey, object{"nonce": s.Nonce, "ciphertext": s.Ciphertext, "associated_data": s.Associated}); got != want.Plaintext {
				t.Errorf("sealed %q", got)
			}
		default:
			continue
		}
		checked++
	}
	if checked != 8 {
		t.Errorf("%d vectors were checked", checked)
	}
}

func TestAV2OrderIsPaidAndToldInBothSignTypes(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"MD5", "HMAC-SHA256"} {
		p := newPayWorld(t)
		signType := texts{"sign_type": kind}
		if kind == "MD5" {
			signType = nil // the default
		}
		out := p.order2("order-"+kind[:3], joined(signType, texts{"attach": "a&b<c>"}))
		if out["result_code"] != "SUCCESS" || out["trade_type"] != "JSAPI" || out["sandbox_added_field"] == "" || len(out["prepay_id"]) > 64 {
			t.Fatalf("%s: %v", kind, out)
		}
		query := joined(signType, texts{"out_trade_no": "order-" + kind[:3]})
		if got := p.call2("/pay/orderquery", query); got["trade_state"] != "NOTPAY" || got["transaction_id"] != "" {
			t.Errorf("before: %v", got)
		}
		if got := p.phonePay("lin", p.front2(out["prepay_id"], kind)); got["result"] != "ok" || got["errMsg"] != "get_brand_wcpay_request:ok" {
			t.Fatalf("%s: paid %v; log %+v", kind, got, p.Log())
		}
		n := p.note()
		told := flat(t, n.body)
		if n.path != "/v2/paid" || told["sign"] != sign2(told, p.m.V2Key, kind) || told["total_fee"] != "1200" || told["attach"] != "a&b<c>" || told["openid"] != p.openID("lin") {
			t.Errorf("told %v", told)
		}
		if told["time_end"] != "20260105180000" {
			t.Errorf("time_end is not in Beijing: %s", told["time_end"])
		}
		got := p.call2("/pay/orderquery", joined(signType, texts{"transaction_id": told["transaction_id"]}))
		if got["trade_state"] != "SUCCESS" || got["total_fee"] != "1200" || got["out_trade_no"] != "order-"+kind[:3] {
			t.Errorf("after: %v", got)
		}
		p.settled()
	}
}

func TestV2RefusesWhatIsBelowTheThreeLevelsUnsigned(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	base := texts{"appid": testApp, "mch_id": p.m.ID, "nonce_str": "n", "out_trade_no": "order-1"}
	good := document(joined(base, texts{"sign": sign2(base, p.m.V2Key, "MD5")}))
	for name, body := range map[string]string{
		"signature":   document(joined(base, texts{"sign": sign2(base, "other", "MD5")})),
		"lower case":  document(joined(base, texts{"sign": strings.ToLower(sign2(base, p.m.V2Key, "MD5"))})),
		"empty":       "",
		"not XML":     `{"a":1}`,
		"doctype":     "<!DOCTYPE a>" + good,
		"deep":        strings.Replace(good, "<xml>", "<xml><a><b>1</b></a>", 1),
		"twice":       strings.Replace(good, "<xml>", "<xml><appid>x</appid>", 1),
		"root":        strings.NewReplacer("<xml>", "<root>", "</xml>", "</root>").Replace(good),
		"cut off":     strings.TrimSuffix(good, "</xml>"),
		"behind":      good + "<xml></xml>",
		"merchant":    document(joined(base, texts{"mch_id": "1900000000", "sign": "x"})),
		"sign type":   document(joined(base, texts{"sign_type": "SHA1", "sign": sign2(joined(base, texts{"sign_type": "SHA1"}), p.m.V2Key, "MD5")})),
		"not UTF-8":   strings.Replace(good, "order-1", "order-\xff", 1),
		"other field": strings.Replace(good, "<xml>", "<xml><attach>x</attach>", 1),
	} {
		_, text := p.do(http.MethodPost, "/pay/orderquery", "", []byte(body))
		if out := flat(t, text); out["return_code"] != "FAIL" || out["sign"] != "" || out["err_code"] != "" || out["return_msg"] == "" {
			t.Errorf("%s: %v", name, out)
		}
	}
	_, text := p.do(http.MethodPost, "/pay/orderquery", "", []byte(good))
	if out := flat(t, text); out["return_code"] != "SUCCESS" || out["err_code"] != "ORDERNOTEXIST" {
		t.Errorf("the good one: %v", out)
	}
	if _, text := p.do(http.MethodGet, "/pay/orderquery", "", nil); flat(t, text)["return_code"] != "FAIL" {
		t.Errorf("GET: %s", text)
	}
}

func TestV2ChecksEveryParameterOfAnOrder(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	for name, c := range map[string]struct {
		change texts
		code   string
	}{
		"fraction":        {texts{"total_fee": "1.5"}, "PARAM_ERROR"},
		"nothing":         {texts{"total_fee": "0"}, "PARAM_ERROR"},
		"negative":        {texts{"total_fee": "-1"}, "PARAM_ERROR"},
		"zero before":     {texts{"total_fee": "012"}, "PARAM_ERROR"},
		"currency":        {texts{"fee_type": "USD"}, "PARAM_ERROR"},
		"short number":    {texts{"out_trade_no": "12345"}, "PARAM_ERROR"},
		"number's signs":  {texts{"out_trade_no": "order 12"}, "PARAM_ERROR"},
		"long number":     {texts{"out_trade_no": strings.Repeat("1", 33)}, "PARAM_ERROR"},
		"long body":       {texts{"body": strings.Repeat("字", 43)}, "PARAM_ERROR"},
		"no body":         {texts{"body": ""}, "LACK_PARAMS"},
		"no openid":       {texts{"openid": ""}, "LACK_PARAMS"},
		"nobody's openid": {texts{"openid": "oNobody"}, "PARAM_ERROR"},
		"mini's openid":   {texts{"openid": func() string { id, _ := p.MiniIDs("lin"); return id }()}, "PARAM_ERROR"},
		"IP":              {texts{"spbill_create_ip": "local"}, "PARAM_ERROR"},
		"query":           {texts{"notify_url": p.hook + "/x?a=1"}, "PARAM_ERROR"},
		"plain HTTP":      {texts{"notify_url": "http://shop.example/x"}, "PARAM_ERROR"},
		"relative":        {texts{"notify_url": "/x"}, "PARAM_ERROR"},
		"expires soon":    {texts{"time_expire": p.clock.Now().In(beijing).Add(30 * time.Second).Format(v2Time)}, "PARAM_ERROR"},
		"time":            {texts{"time_expire": "2026-01-05"}, "PARAM_ERROR"},
		"other trade":     {texts{"trade_type": "NATIVE"}, "NOAUTH"},
		"unknown trade":   {texts{"trade_type": "X"}, "PARAM_ERROR"},
		"foreign app":     {texts{"appid": "wx0000000000000000"}, "APPID_MCHID_NOT_MATCH"},
		"no such app":     {texts{"appid": "shop"}, "APPID_NOT_EXIST"},
	} {
		if out := p.order2("order-x", c.change); out["return_code"] != "SUCCESS" || out["result_code"] != "FAIL" || out["err_code"] != c.code {
			t.Errorf("%s: %v", name, out)
		}
	}
	if len(p.Orders()) != 0 {
		t.Error("an order was kept")
	}
}

func TestAnOrderNumberIsSentAgainWithTheSameParametersOnly(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	first := p.order2("order-1", nil)["prepay_id"]
	if again := p.order2("order-1", nil); again["prepay_id"] != first {
		t.Errorf("again: %v", again)
	}
	if other := p.order2("order-1", texts{"total_fee": "1300"}); other["err_code"] != "INVALID_REQUEST" {
		t.Errorf("other price: %v", other)
	}
	if status, out := p.call3(http.MethodPost, "/v3/pay/transactions/jsapi", p.body3("order-1", nil)); status != http.StatusForbidden || out["code"] != "OUT_TRADE_NO_USED" {
		t.Errorf("other version: %d %v", status, out)
	}
	old := p.front2(first, "MD5")
	p.clock.add(2 * time.Hour)
	if got := p.phonePay("lin", old); got["result"] != "fail" {
		t.Errorf("an old prepay_id: %v", got)
	}
	fresh := p.order2("order-1", nil)["prepay_id"]
	if fresh == first || fresh == "" {
		t.Error("the prepay_id is not fresh")
	}
	if got := p.phonePay("lin", p.front2(fresh, "MD5")); got["result"] != "ok" {
		t.Errorf("paid %v", got)
	}
	p.note()
	if out := p.order2("order-1", nil); out["err_code"] != "ORDERPAID" {
		t.Errorf("after paying: %v", out)
	}
	if out := p.call2("/pay/closeorder", texts{"out_trade_no": "order-1"}); out["err_code"] != "ORDERPAID" {
		t.Errorf("closing the paid one: %v", out)
	}
	p.order2("order-2", nil)
	if out := p.call2("/pay/closeorder", texts{"out_trade_no": "order-2"}); out["result_code"] != "SUCCESS" {
		t.Errorf("closing: %v", out)
	}
	for what, out := range map[string]texts{"close": p.call2("/pay/closeorder", texts{"out_trade_no": "order-2"}), "order": p.order2("order-2", nil)} {
		if out["err_code"] != "ORDERCLOSED" {
			t.Errorf("%s of the closed one: %v", what, out)
		}
	}
	p.order2("order-3", nil)
	p.clock.add(7 * 24 * time.Hour)
	if out := p.call2("/pay/orderquery", texts{"out_trade_no": "order-3"}); out["trade_state"] != "CLOSED" {
		t.Errorf("after a week: %v", out)
	}
}

func TestAV2RefundIsAcceptedFinishedAndTold(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	p.order2("order-1", nil)
	refund := func(no, amount string, more texts) texts {
		return p.call2("/secapi/pay/refund", joined(texts{
			"out_trade_no": "order-1", "out_refund_no": no, "total_fee": "1200", "refund_fee": amount, "notify_url": p.hook + "/v2/refunded",
		}, more))
	}
	if out := refund("back-1", "500", nil); out["err_code"] != "ERROR" {
		t.Errorf("unpaid: %v", out)
	}
	if err := p.Pay("order-1"); err != nil {
		t.Fatal(err)
	}
	p.note()
	for name, c := range map[string]struct {
		amount string
		more   texts
		code   string
	}{
		"too much":    {"1201", nil, "ERROR"},
		"nothing":     {"0", nil, "PARAM_ERROR"},
		"other total": {"500", texts{"total_fee": "1300"}, "PARAM_ERROR"},
		"number":      {"500", texts{"out_refund_no": "退款"}, "PARAM_ERROR"},
		"unknown":     {"500", texts{"out_trade_no": "order-9"}, "ORDERNOTEXIST"},
		"transaction": {"500", texts{"transaction_id": "42"}, "INVALID_TRANSACTIONID"},
	} {
		if out := refund("back-x", c.amount, c.more); out["err_code"] != c.code {
			t.Errorf("%s: %v", name, out)
		}
	}
	first := refund("back-1", "500", nil)
	if first["result_code"] != "SUCCESS" || first["refund_fee"] != "500" || first["refund_id"] == "" {
		t.Fatalf("refund %v", first)
	}
	n := flat(t, p.note().body)
	plain, ok := p.openReqInfo(n["req_info"], p.m.V2Key)
	if told := flat(t, plain); !ok || n["sign"] != "" || told["refund_status"] != "SUCCESS" || told["refund_fee"] != "500" || told["success_time"] != "2026-01-05 18:00:00" || !strings.HasPrefix(plain, "<root>") {
		t.Errorf("told %v", told)
	}
	if again := refund("back-1", "500", nil); again["refund_id"] != first["refund_id"] {
		t.Errorf("again: %v", again)
	}
	if out := refund("back-1", "600", nil); out["err_code"] != "PARAM_ERROR" {
		t.Errorf("same number, other amount: %v", out)
	}
	if out := refund("back-2", "100", nil); out["err_code"] != "FREQUENCY_LIMITED" {
		t.Errorf("at once: %v", out)
	}
	p.clock.add(time.Minute)
	if out := refund("back-2", "701", nil); out["err_code"] != "ERROR" {
		t.Errorf("more than is left: %v", out)
	}
	if out := refund("back-2", "700", nil); out["result_code"] != "SUCCESS" {
		t.Errorf("the rest: %v", out)
	}
	p.note()
	out := p.call2("/pay/refundquery", texts{"out_trade_no": "order-1"})
	if out["refund_count"] != "2" || out["refund_fee_0"] != "500" || out["refund_status_1"] != "SUCCESS" || out["out_refund_no_1"] != "back-2" {
		t.Errorf("query %v", out)
	}
	if out := p.call2("/pay/refundquery", texts{"out_refund_no": "back-3"}); out["err_code"] != "REFUNDNOTEXIST" {
		t.Errorf("unknown refund: %v", out)
	}
	if out := p.call2("/pay/orderquery", texts{"out_trade_no": "order-1"}); out["trade_state"] != "REFUND" {
		t.Errorf("order %v", out)
	}
	p.settled()
}

func TestARefundMayAskForTheClientCertificate(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t, func(m *Merchant) { m.RequireClientCert = true })
	p.order2("order-1", nil)
	if err := p.Pay("order-1"); err != nil {
		t.Fatal(err)
	}
	p.note()
	server := httptest.NewUnstartedServer(p.Server)
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	defer server.Close()
	post := func(cert ...tls.Certificate) texts {
		fields := texts{
			"appid": testApp, "mch_id": p.m.ID, "nonce_str": freshNonce(), "out_trade_no": "order-1", "out_refund_no": "back-1", "total_fee": "1200", "refund_fee": "1200",
		}
		fields["sign"] = sign2(fields, p.m.V2Key, "MD5")
		client := server.Client()
		client.Transport.(*http.Transport).CloseIdleConnections()
		client.Transport.(*http.Transport).TLSClientConfig.Certificates = cert
		res, err := client.Post(server.URL+"/secapi/pay/refund", "text/xml", bytes.NewReader([]byte(document(fields))))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		body, _ := io.ReadAll(res.Body)
		return flat(t, string(body))
	}
	own, err := tls.X509KeyPair([]byte(p.m.Certificate), []byte(p.m.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	other, err := tls.X509KeyPair([]byte(p.m.PlatformCertificate), []byte(p.m.PlatformKey))
	if err != nil {
		t.Fatal(err)
	}
	if out := post(); out["return_code"] != "FAIL" || out["sign"] != "" {
		t.Errorf("without: %v", out)
	}
	if out := post(other); out["return_code"] != "FAIL" {
		t.Errorf("another one: %v", out)
	}
	if out := post(own); out["result_code"] != "SUCCESS" {
		t.Errorf("with: %v", out)
	}
}
