package wechat

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestADeliveryIsReportedAsTheProtocolWantsIt(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	a := s.ready()
	var sent string
	answer := `{"errcode":0,"errmsg":"ok"}`
	s.platform.say(func(r *http.Request, body []byte) string {
		if r.URL.Path != "/wxa/sec/order/upload_shipping_info" {
			return ""
		}
		if body == nil {
			body, _ = io.ReadAll(r.Body)
		}
		sent = string(body)
		return answer
	})
	one := Shipping{MerchantID: "1900000001", OutTradeNo: "KQ1", Item: strings.Repeat("券", 130), Payer: visitorID, At: time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)}
	if err := a.UploadShipping(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`"order_key":{"mchid":"1900000001","order_number_type":1,"out_trade_no":"KQ1"}`, `"logistics_type":3`, `"delivery_mode":1`,
		`"shipping_list":[{"item_desc":"` + strings.Repeat("券", 120) + `"}]`, `"upload_time":"2026-11-21T10:00:00.000+08:00"`, `"payer":{"openid":"` + string(visitorID) + `"}`,
	} {
		if !strings.Contains(sent, part) {
			t.Errorf("%s is not in %s", part, sent)
		}
	}
	answer = `{"errcode":10060002,"errmsg":"shipped"}`
	if err := a.UploadShipping(t.Context(), one); err != nil {
		t.Errorf("a repeat: %v", err)
	}
	answer = `{"errcode":10060004,"errmsg":"not in a state to ship"}`
	if err := a.UploadShipping(t.Context(), one); err == nil {
		t.Error("a refusal was taken for success")
	}
}
