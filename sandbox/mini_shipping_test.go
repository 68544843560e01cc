package sandbox

import (
	"maps"
	"net/http"
	"testing"
	"time"
)

// miniPaid is an order of the mini program that somebody paid.
func (p *payWorld) miniPaid(no string) (openID string) {
	p.t.Helper()
	openID, _ = p.MiniIDs("lin")
	p.order3(no, object{"appid": miniApp, "payer": object{"openid": openID}})
	if err := p.Pay(no); err != nil {
		p.t.Fatal(err)
	}
	return openID
}

func TestADeliveryIsReportedOnceAndCorrectedOnce(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	openID := p.miniPaid("KQship0001")
	p.note()
	path := "/wxa/sec/order/upload_shipping_info?access_token=" + p.miniToken()
	at := func(later time.Duration) string {
		return p.clock.Now().Add(later).Format("2006-01-02T15:04:05.000Z07:00")
	}
	report := func(change object) object {
		body := object{
			"order_key": object{"order_number_type": 1, "mchid": p.m.ID, "out_trade_no": "KQship0001"}, "logistics_type": 3, "delivery_mode": 1,
			"shipping_list": []object{{"item_desc": "咖啡券"}}, "upload_time": at(0), "payer": object{"openid": openID},
		}
		maps.Copy(body, change)
		return body
	}
	send := func(body object) float64 {
		t.Helper()
		return p.post(path, body)["errcode"].(float64)
	}
	p.order3("KQship0002", object{"appid": miniApp, "payer": object{"openid": openID}})
	for name, c := range map[string]struct {
		change object
		code   float64
	}{
		"another merchant":     {object{"order_key": object{"order_number_type": 1, "mchid": "1900000009", "out_trade_no": "KQship0001"}}, 10060001},
		"another payer":        {object{"payer": object{"openid": "oSomebody"}}, 10060001},
		"an unpaid order":      {object{"order_key": object{"order_number_type": 1, "mchid": p.m.ID, "out_trade_no": "KQship0002"}}, 10060004},
		"two parcels":          {object{"shipping_list": []object{{"item_desc": "a"}, {"item_desc": "b"}}}, 10060012},
		"no description":       {object{"shipping_list": []object{{"item_desc": ""}}}, 10060012},
		"a split of virtual":   {object{"delivery_mode": 2}, 10060012},
		"seconds alone":        {object{"upload_time": p.clock.Now().Format(time.RFC3339)}, 10060012},
		"express, no number":   {object{"logistics_type": 1}, 10060012},
		"a time in the future": {object{"upload_time": at(time.Hour)}, 10060012},
	} {
		if code := send(report(c.change)); code != c.code {
			t.Errorf("%s: %v, want %v", name, code, c.code)
		}
	}
	if code := send(report(nil)); code != 0 {
		t.Fatalf("a good report: %v", code)
	}
	if code := send(report(nil)); code != 10060012 {
		t.Errorf("a correction of the same time: %v", code)
	}
	if code := send(report(object{"upload_time": at(time.Minute)})); code != 0 {
		t.Errorf("the correction: %v", code)
	}
	if code := send(report(object{"upload_time": at(2 * time.Minute)})); code != 10060003 {
		t.Errorf("a second correction: %v", code)
	}
	if !p.Orders()[0].Shipped || p.Orders()[1].Shipped {
		t.Error("the phone does not know which order was delivered")
	}
	if res, _ := p.do(http.MethodGet, path, "", nil); res.StatusCode >= 500 {
		t.Errorf("a GET: %d", res.StatusCode)
	}
}
