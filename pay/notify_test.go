package pay

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

func eventOf(kind, original, content string, change func(map[string]any)) []byte {
	e := map[string]any{
		"id": "EV-2018022511223320873", "create_time": "2026-03-02T12:05:06+08:00", "resource_type": "encrypt-resource",
		"event_type": kind, "summary": "支付成功", "resource": sealed(content, original, original),
	}
	if change != nil {
		change(e)
	}
	raw, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return raw
}

func signNow(body []byte) http.Header {
	return stampOf(people().public.key, testKeyID, seconds(testNow), "abc", body)
}

func TestV3NotificationsAreReadOrRefusedWithAReason(t *testing.T) {
	t.Parallel()
	g, err := New(Options{Merchant: merchantV3(), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	good := eventOf("TRANSACTION.SUCCESS", "transaction", goodTransaction, nil)
	p, err := g.ParseNotify(t.Context(), signNow(good), good)
	if err != nil || p.EventID != "EV-2018022511223320873" || p.AmountFen != 1999 || p.OpenID != testPayer || p.State != Paid {
		t.Fatalf("%+v, %v", p, err)
	}
	head := func(name, value string) func() (http.Header, []byte) {
		return func() (http.Header, []byte) {
			h := signNow(good)
			h.Set(name, value)
			return h, good
		}
	}
	body := func(raw []byte) func() (http.Header, []byte) {
		return func() (http.Header, []byte) { return signNow(raw), raw }
	}
	content := func(old, now string) func() (http.Header, []byte) {
		return body(eventOf("TRANSACTION.SUCCESS", "transaction", strings.Replace(goodTransaction, old, now, 1), nil))
	}
	inside := func(name string, value any) func() (http.Header, []byte) {
		return body(eventOf("TRANSACTION.SUCCESS", "transaction", goodTransaction, func(e map[string]any) {
			e["resource"].(map[string]any)[name] = value
		}))
	}
	at := func(d time.Duration) func() (http.Header, []byte) {
		return func() (http.Header, []byte) {
			return stampOf(people().public.key, testKeyID, seconds(testNow.Add(d)), "abc", good), good
		}
	}
	for name, c := range map[string]struct {
		make func() (http.Header, []byte)
		want Reason
	}{
		"nothing":              {func() (http.Header, []byte) { return signNow(nil), nil }, ReasonSize},
		"huge":                 {body([]byte(`{"id":"` + strings.Repeat("x", maxNotify) + `"}`)), ReasonSize},
		"without headers":      {func() (http.Header, []byte) { return http.Header{}, good }, ReasonTimestamp},
		"stale":                {at(-5 * time.Minute), ReasonTimestamp},
		"from the future":      {at(5 * time.Minute), ReasonTimestamp},
		"time of words":        {head("Wechatpay-Timestamp", "now"), ReasonTimestamp},
		"long time":            {head("Wechatpay-Timestamp", "00000"+seconds(testNow)), ReasonTimestamp},
		"no nonce":             {head("Wechatpay-Nonce", ""), ReasonNonce},
		"nonce with a line":    {head("Wechatpay-Nonce", "a\nb"), ReasonNonce},
		"other nonce":          {head("Wechatpay-Nonce", "abd"), ReasonSignature},
		"other time":           {head("Wechatpay-Timestamp", seconds(testNow.Add(time.Second))), ReasonSignature},
		"no signature":         {head("Wechatpay-Signature", ""), ReasonSignature},
		"signature of garbage": {head("Wechatpay-Signature", "!!!"), ReasonSignature},
		"other algorithm":      {head("Wechatpay-Signature-Type", "WECHATPAY2-SM2"), ReasonSignature},
		"probe":                {head("Wechatpay-Signature", "WECHATPAY/SIGNTEST/abc"), ReasonProbe},
		"no serial":            {head("Wechatpay-Serial", ""), ReasonSerial},
		"unknown key":          {head("Wechatpay-Serial", testKeyID+"1"), ReasonSerial},
		"two serials": {func() (http.Header, []byte) {
			h := signNow(good)
			h.Add("Wechatpay-Serial", testKeyID)
			return h, good
		}, ReasonShape},
		"changed body":         {func() (http.Header, []byte) { return signNow(good), append(good[:len(good):len(good)], ' ') }, ReasonSignature},
		"cut and signed":       {body(good[:len(good)/2]), ReasonShape},
		"not JSON":             {body([]byte("hello")), ReasonShape},
		"without an id":        {body(eventOf("TRANSACTION.SUCCESS", "transaction", goodTransaction, func(e map[string]any) { e["id"] = "" })), ReasonShape},
		"a refund":             {body(eventOf("REFUND.SUCCESS", "refund", "{}", nil)), ReasonKind},
		"another event":        {body(eventOf("TRANSACTION.OTHER", "transaction", goodTransaction, nil)), ReasonKind},
		"nonce of 13 bytes":    {inside("nonce", "0123456789abc"), ReasonCipher},
		"no inner nonce":       {inside("nonce", ""), ReasonCipher},
		"other inner nonce":    {inside("nonce", "0123456789ab"), ReasonCipher},
		"other data":           {inside("associated_data", "x"), ReasonCipher},
		"cipher below the tag": {inside("ciphertext", "AAAA"), ReasonCipher},
		"other cipher":         {inside("algorithm", "NONE"), ReasonCipher},
		"content is no JSON":   {body(eventOf("TRANSACTION.SUCCESS", "transaction", "hi", nil)), ReasonShape},
		"other merchant":       {content(testMerchant, "1900000110"), ReasonMerchant},
		"other app":            {content(testApp, "wx999999999"), ReasonApp},
		"not paid":             {content("SUCCESS", "NOTPAY"), ReasonKind},
		"nothing paid":         {content("1999", "0"), ReasonShape},
		"no transaction":       {content("4200001", ""), ReasonShape},
	} {
		h, raw := c.make()
		p, err := g.ParseNotify(t.Context(), h, raw)
		if ReasonOf(err) != c.want || p != (Payment{}) {
			t.Errorf("%s: %+v, %v, want %s", name, p, err, c.want)
		}
	}
}

func TestV3RefundNotificationsAreRead(t *testing.T) {
	t.Parallel()
	g, err := New(Options{Merchant: merchantV3(), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	content := func(state string) string {
		return `{"mchid":"` + testMerchant + `","out_trade_no":"kq000001","transaction_id":"42","out_refund_no":"r1","refund_id":"50",
"refund_status":"` + state + `","success_time":"2026-03-02T12:05:06+08:00","amount":{"total":1999,"refund":500,"payer_total":1999,"payer_refund":500}}`
	}
	for event, want := range map[string]RefundState{"SUCCESS": RefundDone, "ABNORMAL": RefundAbnormal, "CLOSED": RefundClosed} {
		raw := eventOf("REFUND."+event, "refund", content(event), nil)
		if r, err := g.ParseRefundNotify(t.Context(), signNow(raw), raw); err != nil || r.State != want || r.AmountFen != 500 || r.Unsigned || r.EventID == "" {
			t.Errorf("%+v, %v", r, err)
		}
	}
	raw := eventOf("REFUND.SUCCESS", "refund", strings.Replace(content("SUCCESS"), `"refund":500`, `"refund":5000`, 1), nil)
	if _, err := g.ParseRefundNotify(t.Context(), signNow(raw), raw); ReasonOf(err) != ReasonShape {
		t.Error(err)
	}
	raw = eventOf("REFUND.SUCCESS", "refund", strings.Replace(content("SUCCESS"), testMerchant, "1900000110", 1), nil)
	if _, err := g.ParseRefundNotify(t.Context(), signNow(raw), raw); ReasonOf(err) != ReasonMerchant {
		t.Error(err)
	}
}

func TestV3NotificationWithANewCertificateIsRead(t *testing.T) {
	t.Parallel()
	f := newFakeV3(t)
	f.signer, f.serial = people().platform.key, people().platform.serial()
	g := f.gateway(nil)
	good := eventOf("TRANSACTION.SUCCESS", "transaction", goodTransaction, nil)
	if _, err := g.ParseNotify(t.Context(), f.stamp(good), good); err != nil {
		t.Error(err)
	}
	if _, err := g.ParseNotify(t.Context(), signNow(good), good); err != nil {
		t.Error("the public key does not work beside it:", err)
	}
}

func notifyV2(kind SignType, change func(fields)) []byte {
	f := fields{
		"return_code": "SUCCESS", "result_code": "SUCCESS", "appid": testApp, "mch_id": testMerchant, "nonce_str": "x", "sign_type": string(kind),
		"openid": testPayer, "total_fee": "1999", "cash_fee": "1999", "fee_type": "CNY", "transaction_id": "4200001", "out_trade_no": "kq000001",
		"time_end": "20260302120506", "trade_type": "JSAPI", "bank_type": "OTHERS", "attach": " a ", "coupon_id_0": "7", "is_subscribe": "Y",
	}
	if change != nil {
		change(f)
	}
	f["sign"] = signV2(f, testV2Key, kind)
	return []byte(cdata(f))
}

func TestV2NotificationsAreReadOrRefusedWithAReason(t *testing.T) {
	t.Parallel()
	for _, kind := range []SignType{MD5, HMACSHA256} {
		g, err := New(Options{Merchant: merchantV2(kind), Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		good := notifyV2(kind, nil)
		p, err := g.ParseNotify(t.Context(), nil, good)
		if err != nil || p.AmountFen != 1999 || p.Attach != " a " || p.State != Paid || !p.PaidAt.Equal(testNow) {
			t.Fatalf("%+v, %v", p, err)
		}
		with := func(name, value string) []byte {
			return notifyV2(kind, func(f fields) { f[name] = value })
		}
		text := string(good)
		other := map[SignType]SignType{MD5: HMACSHA256, HMACSHA256: MD5}[kind]
		for name, c := range map[string]struct {
			body []byte
			want Reason
		}{
			"nothing":          {nil, ReasonSize},
			"huge":             {[]byte("<xml>" + strings.Repeat(" ", maxNotify) + "</xml>"), ReasonSize},
			"cut":              {good[:len(good)-9], ReasonShape},
			"DTD":              {[]byte(`<!DOCTYPE x [<!ENTITY e "SUCCESS">]>` + text), ReasonShape},
			"twice":            {[]byte(strings.Replace(text, "</xml>", "<total_fee>1</total_fee></xml>", 1)), ReasonShape},
			"failed transport": {with("return_code", "FAIL"), ReasonKind},
			"failed payment":   {with("result_code", "FAIL"), ReasonKind},
			"changed amount":   {[]byte(strings.Replace(text, "[1999]]></total_fee>", "[1]]></total_fee>", 1)), ReasonSignature},
			"field added":      {[]byte(strings.Replace(text, "</xml>", "<x>1</x></xml>", 1)), ReasonSignature},
			"the other type":   {notifyV2(other, nil), ReasonSignature},
			"other merchant":   {with("mch_id", "1900000110"), ReasonMerchant},
			"other app":        {with("appid", "wx99999999"), ReasonApp},
			"fraction":         {with("total_fee", "19.99"), ReasonShape},
			"nothing paid":     {with("total_fee", "0"), ReasonShape},
			"too large":        {with("total_fee", "92233720368547758070"), ReasonShape},
			"no transaction":   {with("transaction_id", ""), ReasonShape},
		} {
			if p, err := g.ParseNotify(t.Context(), nil, c.body); ReasonOf(err) != c.want || p != (Payment{}) {
				t.Errorf("%s %s: %+v, %v, want %s", kind, name, p, err, c.want)
			}
		}
	}
}

const refundRoot = `<root><out_refund_no><![CDATA[r1]]></out_refund_no><out_trade_no>kq000001</out_trade_no><refund_fee>500</refund_fee>
<refund_id>50</refund_id><refund_status>SUCCESS</refund_status><success_time>2026-03-02 12:05:06</success_time><total_fee>1999</total_fee>
<transaction_id>42</transaction_id><refund_recv_accout>零钱</refund_recv_accout></root>`

func TestV2RefundNotificationsDecryptOrAreRefused(t *testing.T) {
	t.Parallel()
	g, err := New(Options{Merchant: merchantV2(MD5), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	message := func(merchant, app, info string) []byte {
		return []byte(cdata(fields{"return_code": "SUCCESS", "mch_id": merchant, "appid": app, "nonce_str": "x", "req_info": info}))
	}
	info := sealECB(refundRoot, testV2Key)
	r, err := g.ParseRefundNotify(t.Context(), nil, message(testMerchant, testApp, info))
	if err != nil || r.State != RefundDone || r.AmountFen != 500 || r.TotalFen != 1999 || !r.DoneAt.Equal(testNow) || !r.Unsigned {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := g.ParseNotify(t.Context(), nil, message(testMerchant, testApp, info)); ReasonOf(err) != ReasonKind {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		body []byte
		want Reason
	}{
		"other key":        {message(testMerchant, testApp, sealECB(refundRoot, strings.Repeat("k", 32))), ReasonCipher},
		"not base64":       {message(testMerchant, testApp, "!"), ReasonCipher},
		"half a block":     {message(testMerchant, testApp, "AAAAAAAAAAA="), ReasonCipher},
		"last block lost":  {message(testMerchant, testApp, info[:len(info)/64*64-64]), ReasonCipher},
		"entity inside":    {message(testMerchant, testApp, sealECB(`<!DOCTYPE x>`+refundRoot, testV2Key)), ReasonCipher},
		"refund too large": {message(testMerchant, testApp, sealECB(strings.Replace(refundRoot, ">500<", ">5000<", 1), testV2Key)), ReasonShape},
		"other merchant":   {message("1900000110", testApp, info), ReasonMerchant},
		"other app":        {message(testMerchant, "wx999999999", info), ReasonApp},
		"a payment":        {notifyV2(MD5, nil), ReasonKind},
	} {
		if r, err := g.ParseRefundNotify(t.Context(), nil, c.body); ReasonOf(err) != c.want {
			t.Errorf("%s: %+v, %v, want %s", name, r, err, c.want)
		}
	}
}

func TestPaddingIsCheckedWhole(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a", strings.Repeat("b", 15), strings.Repeat("c", 16)} {
		if got, err := openECB(sealECB(text, testV2Key), testV2Key); err != nil || string(got) != text {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for name, block := range map[string]string{
		"zero": strings.Repeat("\x00", 16), "seventeen": strings.Repeat("\x11", 16), "uneven": "aaaaaaaaaaaa\x03\x04\x04\x04",
	} {
		if got, err := openECB(b64(ecb([]byte(block), testV2Key)), testV2Key); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestRepliesFitTheirVersion(t *testing.T) {
	t.Parallel()
	two, err := New(Options{Merchant: merchantV2(MD5)})
	if err != nil {
		t.Fatal(err)
	}
	three, err := New(Options{Merchant: merchantV3()})
	if err != nil {
		t.Fatal(err)
	}
	ok, no := two.NotifyOK(), two.NotifyFail("a <b> & c")
	f, err := readXML(no.Body, "xml")
	if ok.Status != 200 || string(ok.Body) != "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>" ||
		err != nil || f["return_code"] != "FAIL" || f["return_msg"] != "a <b> & c" || no.Status < 400 {
		t.Errorf("%+v %+v", ok, no)
	}
	ok, no = three.NotifyOK(), three.NotifyFail(`a "b"`)
	if ok.Status != 204 || len(ok.Body) > 0 || no.Status < 400 || string(no.Body) != `{"code":"FAIL","message":"a \"b\""}` {
		t.Errorf("%+v %s", ok, no.Body)
	}
	if two.Version() != V2 || three.Version() != V3 || two.MerchantID() != testMerchant {
		t.Error("names")
	}
}
