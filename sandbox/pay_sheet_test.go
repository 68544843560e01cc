package sandbox

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// pressPay answers a pay sheet.
func (p *payWorld) pressPay(persona string, opened object, action string) object {
	p.t.Helper()
	sheet, ok := opened["pay"].(object)
	if !ok {
		p.t.Fatalf("no sheet: %v", opened)
	}
	body, _ := json.Marshal(object{"id": sheet["id"], "action": action})
	_, text := p.do(http.MethodPost, "/bridge/pay", persona, body, "Origin", p.pages)
	return parse(p.t, text)
}

func asObject(in texts, more object) object {
	out := object{}
	for k, v := range in {
		out[k] = v
	}
	for k, v := range more {
		out[k] = v
	}
	return out
}

func TestAPageInWeChatOpensThePaySheet(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	front := asObject(p.front3(testApp, p.order3("order-1", nil)), nil)
	opened := p.bridge("lin", payAPI, claimPage, front)
	if sheet, _ := opened["pay"].(object); sheet["amount"] != "12.00" || sheet["merchant"] != "示例咖啡" || sheet["title"] != "咖啡券" {
		t.Fatalf("sheet %v", opened)
	}
	if got := said(p.pressPay("lin", opened, "cancel")); got != "get_brand_wcpay_request:cancel" {
		t.Errorf("cancel: %s", got)
	}
	if got := said(p.pressPay("lin", opened, "pay")); got != "get_brand_wcpay_request:fail" {
		t.Errorf("a sheet that is closed: %s", got)
	}
	opened = p.bridge("lin", payAPI, claimPage, front)
	if got := said(p.pressPay("mei", opened, "pay")); got != "get_brand_wcpay_request:fail" {
		t.Errorf("another person's sheet: %s", got)
	}
	if got := said(p.pressPay("lin", opened, "pay")); got != "get_brand_wcpay_request:ok" {
		t.Errorf("pay: %s", got)
	}
	p.note()
	if out := p.bridge("lin", payAPI, claimPage, front); said(out) != "get_brand_wcpay_request:fail" || out["toast"] != "该订单已支付" {
		t.Errorf("a second time: %v", out)
	}
	closing := p.bridge("lin", payAPI, claimPage, asObject(p.front3(testApp, p.order3("order-2", nil)), nil))
	p.call3(http.MethodPost, "/v3/pay/transactions/out-trade-no/order-2/close", object{"mchid": p.m.ID})
	if got := said(p.pressPay("lin", closing, "pay")); got != "get_brand_wcpay_request:fail" {
		t.Errorf("closed while the sheet was open: %s", got)
	}
	p.settled()
}

func TestThePaySheetChecksTheSecondSignature(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	for _, version := range []int{2, 3} {
		var good texts
		if version == 2 {
			good = p.front2(p.order2("order-2", texts{"sign_type": "HMAC-SHA256"})["prepay_id"], "HMAC-SHA256")
		} else {
			good = p.front3(testApp, p.order3("order-3", nil))
		}
		signed := func(change texts) object {
			v := joined(good, change)
			delete(v, "paySign")
			if version == 2 {
				v["paySign"] = sign2(v, p.m.V2Key, "HMAC-SHA256")
			} else {
				v["paySign"] = sign3(t, p.m.PrivateKey, v["appId"]+"\n"+v["timeStamp"]+"\n"+v["nonceStr"]+"\n"+v["package"]+"\n")
			}
			return asObject(v, nil)
		}
		for name, front := range map[string]object{
			"sign":        asObject(good, object{"paySign": good["paySign"] + "A"}),
			"nonce":       asObject(good, object{"nonceStr": "other"}),
			"number":      asObject(good, object{"timeStamp": p.clock.Now().Unix()}),
			"no time":     asObject(good, object{"timeStamp": ""}),
			"lower case":  asObject(good, object{"timestamp": good["timeStamp"], "timeStamp": nil}),
			"bare prepay": signed(texts{"package": strings.TrimPrefix(good["package"], "prepay_id=")}),
			"unknown":     signed(texts{"package": "prepay_id=wx1"}),
			"app":         signed(texts{"appId": miniApp}),
			"sign type":   signed(texts{"signType": "MD5"}),
			"ms":          signed(texts{"timeStamp": good["timeStamp"] + "000"}),
		} {
			if out := p.bridge("lin", payAPI, claimPage, front); said(out) != "get_brand_wcpay_request:fail" || out["pay"] != nil {
				t.Errorf("v%d %s: %v", version, name, out)
			}
		}
		for name, out := range map[string]object{
			"other person": p.bridge("mei", payAPI, claimPage, asObject(good, nil)),
			"snapshot":     p.bridge("snap", payAPI, claimPage, asObject(good, nil)),
			"other page":   p.bridge("lin", payAPI, "http://other.example/c", asObject(good, nil)),
			"no config":    p.bridge("lin", payAPI, claimPage, asObject(good, object{"verifyAppId": testApp})),
		} {
			if said(out) != "get_brand_wcpay_request:fail" {
				t.Errorf("v%d %s: %v", version, name, out)
			}
		}
		configured := with(asObject(good, nil), "appId", nil)
		delete(configured, "appId")
		for k, v := range p.configured("lin", payAPI) {
			configured[k] = v
		}
		if out := p.bridge("lin", payAPI, claimPage, configured); out["pay"] == nil {
			t.Errorf("v%d through the SDK: %v", version, out)
		}
		if out := p.bridge("lin", payAPI, claimPage, signed(nil)); out["pay"] == nil {
			t.Errorf("v%d: %v", version, out)
		}
	}
	dir := newPayWorld(t, func(m *Merchant) { m.Directories = []string{"http://shop.example/pay/"} })
	front := asObject(dir.front3(testApp, dir.order3("order-1", nil)), nil)
	if out := dir.bridge("lin", payAPI, claimPage, front); out["toast"] != "当前页面的 URL 未注册" {
		t.Errorf("outside of the directory: %v", out)
	}
	if out := dir.bridge("lin", payAPI, "http://shop.example/pay/1?a=b#c", front); out["pay"] == nil {
		t.Errorf("inside of the directory: %v", out)
	}
	if out := newWorld(t).bridge("lin", payAPI, claimPage, front); said(out) != "system:function_not_exist" {
		t.Errorf("without a merchant: %v", out)
	}
}

func TestAMiniProgramPaysWithoutABrowser(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	openID, _ := p.MiniIDs("mei")
	front := p.front3(miniApp, p.order3("order-1", object{"appid": miniApp, "payer": object{"openid": openID}}))
	if got := p.phonePay("mei", front); got["result"] != "fail" {
		t.Errorf("a mini program's prepay_id on an H5 page: %v", got)
	}
	delete(front, "appId")
	if got := p.phonePay("lin", front); got["result"] != "fail" || got["reason"] != "下单账号与支付账号不一致" {
		t.Errorf("another person: %v", got)
	}
	if got := p.phonePay("mei", joined(front, texts{"action": "cancel"})); got["result"] != "cancel" || got["errMsg"] != "requestPayment:fail cancel" {
		t.Errorf("cancel: %v", got)
	}
	if got := p.phonePay("mei", front, "Origin", "http://evil.example"); got["status"] != http.StatusForbidden {
		t.Errorf("another site: %v", got)
	}
	if got := p.phonePay("", joined(front, texts{"persona": "mei"})); got["result"] != "ok" || got["errMsg"] != "requestPayment:ok" {
		t.Errorf("pay: %v; log %+v", got, p.Log())
	}
	if _, inside := p.event(p.note(), p.m.WechatPublicKey); inside["appid"] != miniApp || inside["payer"].(object)["openid"] != openID {
		t.Errorf("told %v", inside)
	}
	h5 := p.front3(testApp, p.order3("order-2", nil))
	delete(h5, "appId")
	if got := p.phonePay("lin", h5); got["result"] != "fail" {
		t.Errorf("an H5 prepay_id in a mini program: %v", got)
	}
	if got := p.phonePay("", joined(front, texts{"persona": "nobody"})); got["status"] != http.StatusBadRequest {
		t.Errorf("nobody: %v", got)
	}
	p.settled()
}

func TestThePhoneListsTheOrders(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	p.paid3("order-1")
	p.note()
	p.refund3("order-1", "back-1", 200)
	p.note()
	p.order2("order-2", nil)
	_, text := p.do(http.MethodGet, "/sandbox-ui/state", "lin", nil)
	var state stateView
	if err := json.Unmarshal([]byte(text), &state); err != nil {
		t.Fatal(err)
	}
	list := state.Orders
	if state.Merchant != "示例咖啡 "+p.m.ID || len(list) != 2 || list[0].OutTradeNo != "order-2" || list[0].State != "NOTPAY" || list[1].State != "REFUND" || list[1].Persona != "lin" {
		t.Fatalf("orders %+v", list)
	}
	if r := list[1].Refunds; len(r) != 1 || r[0].Amount != 200 || r[0].Status != "SUCCESS" {
		t.Errorf("refunds %+v", r)
	}
	if res := p.control("lin", object{"do": "notify", "code": "order-1"}, "Sec-Fetch-Site", "same-origin"); res.StatusCode != http.StatusNoContent {
		t.Errorf("notify again: %s", res.Status)
	}
	p.note()
	if res := p.control("lin", object{"do": "notify", "code": "order-2"}, "Sec-Fetch-Site", "same-origin"); res.StatusCode != http.StatusBadRequest {
		t.Errorf("notify of an unpaid order: %s", res.Status)
	}
	p.settled()
}

func TestAMerchantThatCannotBeUsedIsToldInTheLog(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Merchant){
		"id": func(m *Merchant) { m.ID = "shop" }, "v2 key": func(m *Merchant) { m.V2Key = "short" }, "v3 key": func(m *Merchant) { m.V3Key += "x" },
		"certificate": func(m *Merchant) { m.Certificate = "x" }, "platform": func(m *Merchant) { m.PlatformCertificate = "x" }, "key": func(m *Merchant) { m.WechatKey = "x" },
	} {
		m := testMerchant()
		spoil(&m)
		w := newWorld(t, func(o *Options) { o.Merchant = &m })
		if !w.refused("微信支付没有开通") || w.Merchant().ID != "" || w.Pay("order-1") == nil {
			t.Errorf("%s was taken", name)
		}
	}
	bare := testMerchant()
	bare.Certificate = "" // its public key and serial are enough
	if w := newWorld(t, func(o *Options) { o.Merchant = &bare }); w.Merchant().Serial != testMerchant().Serial {
		t.Error("a public key without a certificate was refused")
	}
}

func TestAWeekOldOrderClosesAndALateSheetFails(t *testing.T) {
	t.Parallel()
	p := newPayWorld(t)
	front := asObject(p.front3(testApp, p.order3("order-1", nil)), nil)
	opened := p.bridge("lin", payAPI, claimPage, front)
	p.clock.add(sheetLife)
	if got := said(p.pressPay("lin", opened, "pay")); got != "get_brand_wcpay_request:fail" {
		t.Errorf("a sheet left open: %s", got)
	}
	p.clock.add(7 * 24 * time.Hour)
	if got := p.query3("order-1"); got["trade_state"] != "CLOSED" {
		t.Errorf("after a week: %v", got)
	}
}
