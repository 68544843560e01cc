package pay

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"
)

func b64(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }

const (
	billHead = "\ufeff交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额," +
		"微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\r\n"
	billRow1 = "`2026-03-01 12:05:06,`" + testApp + "`COMMA`"
	billEnd  = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n"
	billSums = "`2,`19.99,`5.00,`0.00,`0.08500,`19.99,`5.00\r\n"
)

func billText() string {
	row := func(cells ...string) string { return "`" + strings.Join(cells, ",`") + "\r\n" }
	return billHead +
		row("2026-03-01 12:05:06", testApp, testMerchant, "0", "", "4200001", "kq000001", testPayer, "JSAPI", "SUCCESS", "OTHERS", "CNY",
			"19.99", "0.00", "0", "0", "0.00", "0.00", "", "", "卡, 大, \"100\"", "a,b", "0.11500", "0.60%", "19.99", "0.00", "") +
		row("2026-03-01 13:05:06", testApp, testMerchant, "0", "", "4200001", "kq000001", testPayer, "JSAPI", "REFUND", "OTHERS", "CNY",
			"0.00", "0.00", "5001", "r1", "5.00", "0.00", "ORIGINAL", "SUCCESS", "卡", "", "-0.03000", "0.60%", "0.00", "5.00", "") +
		billEnd + billSums
}

func packed(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.Bytes()
}

func checkBill(t *testing.T, b *Bill, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if want := (BillTotals{Count: 2, SettledFen: 1999, RefundFen: 500, FeeMilliFen: 8500, OrderFen: 1999, RefundAskedFen: 500}); b.Totals != want {
		t.Errorf("totals %+v", b.Totals)
	}
	var rows []BillRow
	for row, err := range b.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	if len(rows) != 2 || rows[0].OrderFen != 1999 || rows[0].Goods != `卡, 大, "100"` || rows[0].Attach != "a,b" || rows[0].FeeMilliFen != 11500 ||
		rows[0].State != Paid || !rows[0].At.Equal(time.Date(2026, 3, 1, 4, 5, 6, 0, time.UTC)) ||
		rows[1].RefundFen != 500 || rows[1].FeeMilliFen != -3000 || rows[1].State != Refunded || rows[1].OutRefundNo != "r1" {
		t.Errorf("%#v", rows)
	}
	for range b.Rows() {
		break // stops without a fuss
	}
}

func TestBillsAreFetchedAndReadInBothVersions(t *testing.T) {
	t.Parallel()
	day := BillRequest{Day: testNow.Add(-24 * time.Hour)}
	two := newFakeV2(t, MD5)
	two.on("/pay/downloadbill", func(in fields, _ *http.Request) any {
		switch in["bill_date"] + in["bill_type"] + in["tar_type"] {
		case "20260301ALLGZIP":
			return packed(billText())
		case "20260301SUCCESSGZIP":
			return []byte(billText())
		case "20260301REFUNDGZIP":
			return packed(billText()[:600])
		}
		return fields{"return_code": "FAIL", "return_msg": "No Bill Exist", "error_code": "20002"}
	})
	g := two.gateway(nil)
	b, err := g.Bill(t.Context(), day)
	checkBill(t, b, err)
	b, err = g.Bill(t.Context(), BillRequest{Day: day.Day, Kind: BillPaid})
	checkBill(t, b, err)
	if _, err := g.Bill(t.Context(), BillRequest{Day: day.Day, Kind: BillRefunds}); !Unknown(err) {
		t.Error("a cut bill is read", err)
	}
	if _, err := g.Bill(t.Context(), BillRequest{Day: testNow.Add(-48 * time.Hour)}); !NotFound(err) {
		t.Error(err)
	}

	three := newFakeV3(t)
	hash, file, place := sha1Of([]byte(billText())), packed(billText()), "/v3/billdownload/file"
	three.on("GET /v3/bill/tradebill", func(_ []byte, r *http.Request) (int, any) {
		if r.URL.Query().Get("bill_date") != "2026-03-01" || r.URL.Query().Get("bill_type") != "ALL" {
			return 400, []byte(`{"code":"NO_STATEMENT_EXIST","message":"none"}`)
		}
		return 200, map[string]string{"hash_type": "SHA1", "hash_value": hash, "download_url": "https://elsewhere.example" + place + "?token=a%2Bb"}
	})
	for _, path := range []string{"/v3/billdownload/file", "/files/bill"} { // the protocol fixes no path
		three.on("GET "+path, func(_ []byte, r *http.Request) (int, any) {
			if r.URL.Query().Get("token") != "a+b" || r.Header.Get("Accept") != "application/json" {
				t.Error(r.RequestURI, r.Header.Get("Accept"))
			}
			return 200, file
		})
	}
	g = three.gateway(nil)
	b, err = g.Bill(t.Context(), day)
	checkBill(t, b, err)
	three.set(func() { place = "/files/bill" })
	b, err = g.Bill(t.Context(), day)
	checkBill(t, b, err)
	three.set(func() { place = "" })
	if _, err := g.Bill(t.Context(), day); !Unknown(err) {
		t.Error("an address without a path is fetched:", err)
	}
	three.set(func() { place = "/v3/billdownload/file" })
	if _, err := g.Bill(t.Context(), BillRequest{Day: day.Day, Kind: BillRefunds}); !NotFound(err) {
		t.Error(err)
	}
	three.set(func() { file = packed(billText() + "\r\n") })
	if _, err := g.Bill(t.Context(), day); err == nil {
		t.Error("a bill with another hash is read")
	}
	for name, bad := range map[string]BillRequest{"today": {Day: testNow}, "tomorrow": {Day: testNow.Add(24 * time.Hour)}, "kind": {Day: day.Day, Kind: "X"}} {
		if _, err := g.Bill(t.Context(), bad); err == nil || Unknown(err) {
			t.Error(name, err)
		}
	}
}

func TestMalformedBillsAreRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "", "only names": billHead, "no totals": billHead + billEnd, "page": "<html>\n</html>\n",
		"totals are words": billHead + billEnd + "`x,`1,`1,`1,`1,`1,`1", "too few totals": billHead + billEnd + "`1,`1",
	} {
		if _, err := parseBill([]byte(text)); err == nil {
			t.Errorf("%s is read", name)
		}
	}
	b, err := parseBill([]byte(billHead + billRow1 + "\r\n" + billEnd + billSums))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, err := range b.Rows() {
		if seen++; err == nil {
			t.Error("a row with too few cells is read")
		}
	}
	if b, err := parseBill([]byte(billHead + billEnd + "`0,`0.00,`0.00,`0.00,`0.00,`0.00,`0.00")); err != nil || b.Totals != (BillTotals{}) || seen != 1 {
		t.Error("a day without trade:", b, err, seen)
	}
	for text, want := range map[string]int64{"1": 100, "0.1": 10, "0.01": 1, "-3.20": -320, "12.3400": 1234, "": 0} {
		if n, ok := yuan(text, 2); !ok || n != want {
			t.Errorf("%q is %d, %v", text, n, ok)
		}
	}
	for _, text := range []string{"0.001", "1e3", ".5", "--1", "1,000", "9999999999999", "1.2.3", "０"} {
		if n, ok := yuan(text, 2); ok {
			t.Errorf("%q is %d", text, n)
		}
	}
}
