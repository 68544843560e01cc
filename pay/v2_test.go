package pay

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestV2OrdersAreSignedOnBothWaysWithBothTypes(t *testing.T) {
	t.Parallel()
	for _, kind := range []SignType{MD5, HMACSHA256} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			f := newFakeV2(t, kind)
			f.on("/pay/unifiedorder", func(in fields, _ *http.Request) any {
				for name, want := range map[string]string{
					"appid": testMiniApp, "openid": testPayer, "total_fee": "1999", "trade_type": "JSAPI", "attach": "a=1&b=<2>",
					"body": "储值卡 <100> & more", "time_expire": "20260302130506", "fee_type": "CNY", "spbill_create_ip": "203.0.113.7",
				} {
					if in[name] != want {
						t.Errorf("%s is %q, want %q", name, in[name], want)
					}
				}
				return f.signed(fields{"appid": in["appid"], "prepay_id": "wx261133439267", "trade_type": "JSAPI"})
			})
			g := f.gateway(nil)
			p, err := g.Prepay(t.Context(), orderOf("kq000001"))
			if err != nil || p.ID != "wx261133439267" || !p.ExpiresAt.Equal(testNow.Add(2*time.Hour)) {
				t.Fatal(p, err)
			}
			b, err := g.BridgeParams(p.ID, testMiniApp)
			again, err2 := g.BridgeParams(p.ID, testMiniApp)
			if err != nil || err2 != nil || b.NonceStr == again.NonceStr || b.SignType != string(kind) || b.Mini().PaySign != b.PaySign {
				t.Error(b, again, err, err2)
			}
		})
	}
}

func TestV2BelievesOnlySignedAnswersOfTheRightOrder(t *testing.T) {
	t.Parallel()
	f := newFakeV2(t, HMACSHA256)
	good := func() fields {
		return f.signed(fields{
			"appid": testApp, "out_trade_no": "kq000001", "trade_state": "SUCCESS", "total_fee": "1999", "cash_fee": "1900",
			"transaction_id": "4200001", "time_end": "20260302120506", "openid": testPayer, "attach": "", "fee_type": "CNY",
		})
	}
	resigned := func(name, value string) fields {
		out := good()
		out[name] = value
		delete(out, "sign")
		return f.signed(out)
	}
	var out any
	f.on("/pay/orderquery", func(fields, *http.Request) any { return out })
	g := f.gateway(nil)
	ref := OrderRef{testApp, "kq000001"}
	out = good()
	p, err := g.Query(t.Context(), ref)
	if err != nil || !p.Paid() || p.AmountFen != 1999 || p.PayerFen != 1900 || !p.PaidAt.Equal(testNow) || p.OpenID != testPayer {
		t.Fatalf("%+v, %v", p, err)
	}
	unsigned := good()
	delete(unsigned, "sign")
	changed := good()
	changed["total_fee"] = "1"
	lower := good()
	lower["sign"] = strings.ToLower(lower["sign"])
	md5 := good()
	md5["sign"] = signV2(md5, testV2Key, MD5)
	for name, bad := range map[string]any{
		"unsigned": unsigned, "changed": changed, "lower case": lower, "the other type": md5,
		"another order": resigned("out_trade_no", "kq000002"), "another app": resigned("appid", testMiniApp),
		"another merchant": resigned("mch_id", "1900000110"), "unknown state": resigned("trade_state", "WONDERFUL"),
		"negative amount": resigned("total_fee", "-1"), "fraction": resigned("total_fee", "19.99"),
		"paid without an id": resigned("transaction_id", ""), "paid without a time": resigned("time_end", "yesterday"),
		"a page of a proxy": []byte("<html><body>no</body></html>"), "cut": []byte(cdata(good())[:200]), "gateway time-out": 504,
		"huge": []byte("<xml>" + strings.Repeat(" ", maxAnswer) + "</xml>"),
	} {
		out = bad
		var a *AnswerError
		if _, err := g.Query(t.Context(), ref); !errors.As(err, &a) || !Unknown(err) || NotFound(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	out = resigned("trade_state", "NOTPAY")
	if p, err := g.Query(t.Context(), ref); err != nil || p.Paid() || !p.Open() {
		t.Error(p, err)
	}
}

func TestV2FailuresAreToldApart(t *testing.T) {
	t.Parallel()
	f := newFakeV2(t, MD5)
	code := ""
	f.on("/pay/closeorder", func(in fields, _ *http.Request) any {
		return f.signed(fields{"appid": in["appid"], "result_code": "FAIL", "err_code": code, "err_code_des": "x\x09" + testPayer})
	})
	g := f.gateway(nil)
	for name, is := range map[string]func(error) bool{
		"SYSTEMERROR": Unknown, "BIZERR_NEED_RETRY": Unknown, "ORDERPAID": AlreadyPaid, "ORDERCLOSED": Closed,
		"ORDERNOTEXIST": NotFound, "OUT_TRADE_NO_USED": NumberUsed, "NOTENOUGH": NotEnough, "FREQUENCY_LIMITED": FrequencyLimited,
		"SIGNERROR": Misconfigured, "TRADE_OVERDUE": TooOld,
	} {
		code = name
		err := g.Close(t.Context(), OrderRef{testApp, "kq000001"})
		var r *Refused
		if !is(err) || !errors.As(err, &r) || r.Code != name {
			t.Errorf("%s: %v", name, err)
		}
		if name != "SYSTEMERROR" && name != "BIZERR_NEED_RETRY" && Unknown(err) {
			t.Errorf("%s is no unknown outcome", name)
		}
	}
	wrongKey := f.gateway(func(m *Merchant) { m.V2Key = strings.Repeat("k", 32) })
	_, err := wrongKey.Query(t.Context(), OrderRef{testApp, "kq000001"})
	var r *Refused
	if !errors.As(err, &r) || r.Code != "FAIL" {
		t.Error(err)
	}
}

func TestV2RefundsNeedTheCertificate(t *testing.T) {
	t.Parallel()
	f := newFakeV2(t, HMACSHA256)
	f.on("/secapi/pay/refund", func(in fields, _ *http.Request) any {
		return f.signed(fields{
			"appid": in["appid"], "out_trade_no": in["out_trade_no"], "out_refund_no": in["out_refund_no"], "refund_id": "500001",
			"total_fee": in["total_fee"], "refund_fee": in["refund_fee"], "transaction_id": "4200001",
		})
	})
	state := "PROCESSING"
	f.on("/pay/refundquery", func(in fields, _ *http.Request) any {
		return f.signed(fields{
			"appid": in["appid"], "out_trade_no": "kq000001", "total_fee": "1999", "refund_count": "2", "out_refund_no_0": "other",
			"refund_fee_0": "1", "refund_status_0": "SUCCESS", "out_refund_no_1": in["out_refund_no"], "refund_fee_1": "500",
			"refund_status_1": state, "refund_id_1": "500001", "refund_success_time_1": "2026-03-02 12:05:06",
		})
	})
	g := f.gateway(nil)
	req := RefundRequest{OutTradeNo: "kq000001", OutRefundNo: "r@1", TotalFen: 1999, AmountFen: 500, Reason: "退"}
	r, err := g.Refund(t.Context(), req)
	if err != nil || r.State != RefundPending || r.AmountFen != 500 || r.TotalFen != 1999 {
		t.Fatal(r, err)
	}
	for wechat, want := range map[string]RefundState{
		"PROCESSING": RefundPending, "SUCCESS": RefundDone, "CHANGE": RefundAbnormal, "REFUNDCLOSE": RefundClosed,
	} {
		state = wechat
		if r, err := g.QueryRefund(t.Context(), RefundRef{testApp, "r@1"}); err != nil || r.State != want || r.AmountFen != 500 || !r.DoneAt.Equal(testNow) {
			t.Error(wechat, r, err)
		}
	}
	state = "NEW"
	if _, err := g.QueryRefund(t.Context(), RefundRef{testApp, "r@1"}); !Unknown(err) {
		t.Error(err)
	}
	for number, fine := range map[string]bool{"": true, "kq000002": false} { // A7 does not promise the order's number
		f.on("/secapi/pay/refund", func(in fields, _ *http.Request) any {
			return f.signed(fields{"appid": in["appid"], "out_trade_no": number, "out_refund_no": "r@1", "refund_id": "500001", "total_fee": "1999", "refund_fee": "500"})
		})
		if r, err := g.Refund(t.Context(), req); (err == nil) != fine || fine && (r.OutTradeNo != "kq000001" || r.AmountFen != 500) {
			t.Errorf("an answer that names order %q: %v, %v", number, r, err)
		}
	}
	bare := f.gateway(func(m *Merchant) { m.CertificatePEM, m.PrivateKeyPEM = "", "" })
	var k *KeyError
	if _, err := bare.Refund(t.Context(), req); !errors.As(err, &k) {
		t.Error(err)
	}
}

func TestXMLOutsideTheProtocolIsRefused(t *testing.T) {
	t.Parallel()
	fine := map[string]string{
		`<?xml version="1.0" encoding="UTF-8"?>` + "\n<xml><a>1</a></xml>": "1",
		"\ufeff <xml> <a><![CDATA[1]]></a>\n</xml> ":                       "1",
		"<xml><a>&lt;&#49;</a></xml>":                                      "<1",
		"<xml><a> 1 </a></xml>":                                            " 1 ",
		"<xml><a><![CDATA[<!DOCTYPE x>]]></a></xml>":                       "<!DOCTYPE x>",
		"<xml><a/></xml>":                                                  "",
	}
	for text, want := range fine {
		if f, err := readXML([]byte(text), "xml"); err != nil || f["a"] != want {
			t.Errorf("%s: %v, %v", text, f, err)
		}
	}
	for name, text := range map[string]string{
		"empty":                 "",
		"blank":                 " ",
		"DTD":                   `<!DOCTYPE xml><xml><a>1</a></xml>`,
		"entity of a file":      `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><a>&e;</a></xml>`,
		"laughing entities":     `<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><xml><a>&b;</a></xml>`,
		"DTD inside":            `<xml><!DOCTYPE x><a>1</a></xml>`,
		"unknown entity":        `<xml><a>&nbsp;</a></xml>`,
		"comment in a value":    `<xml><a>1<!-- -->2</a></xml>`,
		"instruction":           `<?xml-stylesheet href="x"?><xml><a>1</a></xml>`,
		"declaration inside":    `<xml><?xml version="1.0"?><a>1</a></xml>`,
		"other encoding":        `<?xml version="1.0" encoding="UTF-16"?><xml><a>1</a></xml>`,
		"attribute":             `<xml><a b="1">1</a></xml>`,
		"name space":            `<xml><n:a>1</n:a></xml>`,
		"deeper":                `<xml><a><b>1</b></a></xml>`,
		"deeper and empty":      `<xml><a><b/></a></xml>`,
		"twice":                 `<xml><a>1</a><a>1</a></xml>`,
		"text between":          `<xml>x<a>1</a></xml>`,
		"other root":            `<root><a>1</a></root>`,
		"two roots":             `<xml><a>1</a></xml><xml></xml>`,
		"text behind":           `<xml><a>1</a></xml>x`,
		"cut in the root":       `<xml><a>1</a>`,
		"cut in an element":     `<xml><a>1`,
		"cut in a CDATA":        `<xml><a><![CDATA[1]]`,
		"wrong end":             `<xml><a>1</b></xml>`,
		"broken UTF-8":          "<xml><a>\xff</a></xml>",
		"zero byte":             "<xml><a>\x00</a></xml>",
		"too many":              "<xml>" + manyElements(maxFields+1) + "</xml>",
		"name with other signs": "<xml><a.b>1</a.b></xml>",
	} {
		if f, err := readXML([]byte(text), "xml"); err == nil {
			t.Errorf("%s is read as %v", name, f)
		}
	}
}

func manyElements(n int) string {
	var b strings.Builder
	for i := range n {
		name := "a" + strings.Repeat("b", i%60) + string(rune('a'+i/60))
		b.WriteString("<" + name + ">1</" + name + ">")
	}
	return b.String()
}

func TestOrdersThatWeChatWouldRefuseAreNotSent(t *testing.T) {
	t.Parallel()
	g, err := New(Options{Merchant: merchantV2(MD5), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Order){
		"short number": func(o *Order) { o.OutTradeNo = "kq1" }, "number with a space": func(o *Order) { o.OutTradeNo = "kq 00001" },
		"nothing to pay": func(o *Order) { o.AmountFen = 0 }, "negative": func(o *Order) { o.AmountFen = -5 },
		"foreign app": func(o *Order) { o.AppID = "wx999" }, "nobody": func(o *Order) { o.OpenID = "" },
		"query": func(o *Order) { o.NotifyURL += "?a=1" }, "relative": func(o *Order) { o.NotifyURL = "/notify" },
		"only emoji": func(o *Order) { o.Description = "🎁" }, "emoji": func(o *Order) { o.Attach = "🎁" },
		"long": func(o *Order) { o.Attach = strings.Repeat("卡", 43) }, "over": func(o *Order) { o.ExpiresAt = testNow },
	} {
		o := orderOf("kq000001")
		change(&o)
		var in *InputError
		if _, err := g.Prepay(t.Context(), o); !errors.As(err, &in) || Unknown(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var in *InputError
	if _, err := g.Refund(t.Context(), RefundRequest{OutTradeNo: "kq000001", OutRefundNo: "r1", TotalFen: 5, AmountFen: 6}); !errors.As(err, &in) {
		t.Error(err)
	}
	if _, err := g.BridgeParams("wx1&signType=x", ""); !errors.As(err, &in) {
		t.Error(err)
	}
	if got := cut(strings.Repeat("卡", 60), 127); len(got) != 126 {
		t.Error(len(got))
	}
}
