package pay

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

const goodTransaction = `{"appid":"` + testApp + `","mchid":"` + testMerchant + `","out_trade_no":"kq|000*1","transaction_id":"4200001",
"trade_type":"JSAPI","trade_state":"SUCCESS","bank_type":"OTHERS","attach":"a","success_time":"2026-03-02T12:05:06+08:00",
"payer":{"openid":"` + testPayer + `"},"amount":{"total":1999,"payer_total":1900,"currency":"CNY","payer_currency":"CNY"},"new":{"a":1}}`

func TestV3OrderGoesFromPrepayToRefund(t *testing.T) {
	t.Parallel()
	f := newFakeV3(t)
	f.on("POST /v3/pay/transactions/jsapi", func(body []byte, r *http.Request) (int, any) {
		var in map[string]any
		if json.Unmarshal(body, &in) != nil || in["mchid"] != testMerchant || in["appid"] != testMiniApp || strings.Contains(string(body), `\u003c`) ||
			in["description"] != "储值卡 <100> & more" || in["time_expire"] != "2026-03-02T13:05:06+08:00" || r.Header.Get("Wechatpay-Serial") != testKeyID {
			t.Errorf("%s", body)
		}
		return 200, map[string]string{"prepay_id": "wx2614"}
	})
	f.on("GET /v3/pay/transactions/out-trade-no/kq|000*1", func(_ []byte, r *http.Request) (int, any) {
		if r.URL.Query().Get("mchid") != testMerchant {
			t.Error(r.RequestURI)
		}
		return 200, json.RawMessage(goodTransaction)
	})
	f.on("POST /v3/pay/transactions/out-trade-no/kq|000*1/close", func([]byte, *http.Request) (int, any) { return 204, nil })
	refund := map[string]any{
		"refund_id": "5001", "out_refund_no": "r@1", "out_trade_no": "kq|000*1", "transaction_id": "4200001", "status": "PROCESSING",
		"amount": map[string]any{"total": 1999, "refund": 500, "currency": "CNY"},
	}
	f.on("POST /v3/refund/domestic/refunds", func(body []byte, _ *http.Request) (int, any) {
		if !strings.Contains(string(body), `"amount":{"total":1999,"refund":500,"currency":"CNY"}`) {
			t.Errorf("%s", body)
		}
		return 200, refund
	})
	f.on("GET /v3/refund/domestic/refunds/r@1", func([]byte, *http.Request) (int, any) { return 200, refund })
	g := f.gateway(nil)
	p, err := g.Prepay(t.Context(), orderOf("kq|000*1"))
	if err != nil || p.ID != "wx2614" {
		t.Fatal(p, err)
	}
	b, err := g.BridgeParams(p.ID, testMiniApp)
	text := lines(b.AppID, b.TimeStamp, b.NonceStr, b.Package)
	if err != nil || b.SignType != "RSA" || !signedV3(&people().merchant.key.PublicKey, text, b.PaySign) {
		t.Error(b, err)
	}
	ref := OrderRef{OutTradeNo: "kq|000*1"}
	paid, err := g.Query(t.Context(), ref)
	if err != nil || !paid.Paid() || paid.AmountFen != 1999 || paid.PayerFen != 1900 || !paid.PaidAt.Equal(testNow) {
		t.Errorf("%+v, %v", paid, err)
	}
	if err := g.Close(t.Context(), ref); err != nil {
		t.Error(err)
	}
	r, err := g.Refund(t.Context(), RefundRequest{OutTradeNo: "kq|000*1", OutRefundNo: "r@1", TotalFen: 1999, AmountFen: 500})
	again, err2 := g.QueryRefund(t.Context(), RefundRef{OutRefundNo: "r@1"})
	if err != nil || err2 != nil || r != again || r.State != RefundPending || r.AmountFen != 500 {
		t.Error(r, again, err, err2)
	}
	if _, err := g.Query(t.Context(), OrderRef{OutTradeNo: "kq000009"}); !NotFound(err) || Unknown(err) {
		t.Error(err)
	}
	if _, err := g.Query(t.Context(), OrderRef{OutTradeNo: "../../refund"}); err == nil || NotFound(err) {
		t.Error("a path is taken as a number")
	}
}

func TestV3BelievesOnlyVerifiedAnswers(t *testing.T) {
	t.Parallel()
	p := people()
	for name, spoil := range map[string]func(f *fakeV3){
		"wrong signature":         func(f *fakeV3) { f.spoil = true },
		"key of somebody else":    func(f *fakeV3) { f.signer = p.merchant.key },
		"unknown public key":      func(f *fakeV3) { f.serial = testKeyID + "9" },
		"unknown certificate":     func(f *fakeV3) { f.serial = "ABCDEF"; f.signer = p.platform.key },
		"serial that is none":     func(f *fakeV3) { f.serial = "x y" },
		"serial of the other key": func(f *fakeV3) { f.serial = p.platform.serial() },
		"five minutes ago":        func(f *fakeV3) { f.skew = -5 * time.Minute },
		"five minutes ahead":      func(f *fakeV3) { f.skew = 5 * time.Minute },
		"not signed at all":       func(f *fakeV3) { f.routes["GET "+tradePath+"kq|000*1"] = raw(200, goodTransaction) },
		"error without a code":    func(f *fakeV3) { f.routes["GET "+tradePath+"kq|000*1"] = raw(502, "<html>") },
		"redirect":                func(f *fakeV3) { f.routes["GET "+tradePath+"kq|000*1"] = raw(302, "") },
		"signed answer, not JSON": func(f *fakeV3) { f.routes["GET "+tradePath+"kq|000*1"] = signed(`"x"`) },
		"signed, another order": func(f *fakeV3) {
			f.routes["GET "+tradePath+"kq|000*1"] = signed(strings.Replace(goodTransaction, "kq|000*1", "kq000002", 1))
		},
		"signed, another merchant": func(f *fakeV3) {
			f.routes["GET "+tradePath+"kq|000*1"] = signed(strings.Replace(goodTransaction, testMerchant, "1900000110", 1))
		},
		"signed, fraction": func(f *fakeV3) {
			f.routes["GET "+tradePath+"kq|000*1"] = signed(strings.Replace(goodTransaction, "1999", "19.99", 1))
		},
		"signed, negative": func(f *fakeV3) {
			f.routes["GET "+tradePath+"kq|000*1"] = signed(strings.Replace(goodTransaction, "1999", "-1999", 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeV3(t)
			f.on("GET "+tradePath+"kq|000*1", signed(goodTransaction))
			g := f.gateway(nil)
			if _, err := g.Query(t.Context(), OrderRef{OutTradeNo: "kq|000*1"}); err != nil {
				t.Fatal(err)
			}
			f.set(func() { spoil(f) })
			var a *AnswerError
			if p, err := g.Query(t.Context(), OrderRef{OutTradeNo: "kq|000*1"}); !errors.As(err, &a) || !Unknown(err) {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}

func signed(body string) func([]byte, *http.Request) (int, any) {
	return func([]byte, *http.Request) (int, any) { return 200, json.RawMessage(body) }
}

func raw(status int, body string) func([]byte, *http.Request) (int, any) {
	return func([]byte, *http.Request) (int, any) { return status, []byte(body) }
}

func TestV3FetchesCertificatesOnceForANewSerial(t *testing.T) {
	t.Parallel()
	f := newFakeV3(t)
	f.signer, f.serial = people().platform.key, people().platform.serial()
	f.on("GET "+tradePath+"kq|000*1", signed(goodTransaction))
	g := f.gateway(func(m *Merchant) { m.PublicKeyID, m.PublicKeyPEM = "", "" })
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if _, err := g.Query(t.Context(), OrderRef{OutTradeNo: "kq|000*1"}); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	f.set(func() { f.serial = "ABCDEF" })
	for range 3 { // a stranger's serials cannot make us call again within the interval
		if _, err := g.Query(t.Context(), OrderRef{OutTradeNo: "kq|000*1"}); err == nil {
			t.Error("an unknown serial is believed")
		}
	}
	f.set(func() {
		if f.fetches != 1 {
			t.Errorf("%d fetches", f.fetches)
		}
	})
}

func TestV3RefusesCertificatesThatAreNotWeChats(t *testing.T) {
	t.Parallel()
	p := people()
	stranger := p.merchant
	entry := func(serial, text string) map[string]any {
		return map[string]any{"serial_no": serial, "encrypt_certificate": sealed(text, "certificate", "")}
	}
	broken := entry(p.platform.serial(), p.platform.certPEM())
	broken["encrypt_certificate"].(map[string]any)["nonce"] = "0123456789abc"
	for name, c := range map[string]struct {
		data   []any
		signer identity
	}{
		"signed by somebody else": {[]any{entry(p.platform.serial(), p.platform.certPEM())}, stranger},
		"another serial":          {[]any{entry("ABCDEF", p.platform.certPEM())}, p.platform},
		"nonce of 13 bytes":       {[]any{broken}, p.platform},
		"no certificate":          {[]any{entry(p.platform.serial(), "hello")}, p.platform},
		"none":                    {[]any{}, p.platform},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeV3(t)
			f.signer, f.serial = c.signer.key, p.platform.serial()
			f.on("GET /v3/certificates", func([]byte, *http.Request) (int, any) { return 200, map[string]any{"data": c.data} })
			g := f.gateway(func(m *Merchant) { m.PublicKeyID, m.PublicKeyPEM = "", "" }).(*v3)
			if v, err := g.fetchCertificates(t.Context()); err == nil {
				t.Error("believed", v[0].id)
			}
		})
	}
}

func TestV3FailuresAreToldApart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status   int
		code, id string
		is       func(error) bool
	}{
		{500, "SYSTEM_ERROR", "", Unknown},
		{503, "SERVICE_UNAVAILABLE", "", Unknown},
		{404, "ORDER_NOT_EXIST", "", NotFound},
		{404, "RESOURCE_NOT_EXISTS", "", NotFound},
		{429, "RATELIMIT_EXCEEDED", "", FrequencyLimited},
		{429, "X", "", FrequencyLimited},
		{400, "INVALID_REQUEST", "08-268498689", AlreadyPaid},
		{400, "INVALID_REQUEST", "08-268447914", Closed},
		{403, "OUT_TRADE_NO_USED", "", NumberUsed},
		{400, "INVALID_REQUEST", "08-268498688", NumberUsed},
		{403, "NOT_ENOUGH", "", NotEnough},
		{401, "SIGN_ERROR", "", Misconfigured},
		{403, "NO_AUTH", "", Misconfigured},
	} {
		a := answer{path: "/v3/x", status: c.status, header: http.Header{}, body: []byte(`{"code":"` + c.code + `","message":"m ` + testPayer + `"}`)}
		if c.id != "" {
			a.header.Set("Request-ID", c.id)
		}
		err := refusedV3(a, testPayer)
		if !c.is(err) || strings.Contains(err.Error(), testPayer) {
			t.Errorf("%+v: %v", c, err)
		}
		var r *Refused
		if !errors.As(err, &r) || r.Code != c.code || c.status < 500 && Unknown(err) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for want, err := range map[bool][]error{
		true:  {&Refused{Code: "SYSTEM_ERROR", Status: 500}, &Refused{Code: "SYSTEMERROR", Status: 200}, &AnswerError{Status: 502}},
		false: {&Refused{Code: "SIGN_ERROR", Status: 401}, &AnswerError{Status: 200}, &NetworkError{Path: "/", Err: errors.New("x")}, nil},
	} {
		for _, e := range err {
			if Busy(e) != want {
				t.Errorf("busy is %v for %v", !want, e)
			}
		}
	}
	if !Unknown(&NetworkError{Path: "/", Err: errors.New("x")}) || Unknown(nil) || Unknown(errors.New("x")) {
		t.Error("an unknown outcome is not told")
	}
}
