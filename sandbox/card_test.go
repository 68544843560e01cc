package sandbox

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestAConfigIsCheckedAgainstTheAddressOfThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	js, card := w.ticket("jsapi"), w.ticket("wx_card")
	for name, c := range map[string]struct {
		args object
		page string
		want string
		why  string
	}{
		"fragment is not signed":  {w.configArgs(js, claimPage, "batchAddCard"), claimPage + "#wechat_redirect", "ok", ""},
		"query left out":          {w.configArgs(js, "http://shop.example/c/latte", "batchAddCard"), claimPage, "fail, Error: invalid signature", "没有签入 ?"},
		"fragment signed":         {w.configArgs(js, claimPage+"#a", "batchAddCard"), claimPage + "#a", "fail, Error: invalid signature", "# 后面"},
		"card ticket":             {w.configArgs(card, claimPage, "batchAddCard"), claimPage, "fail, Error: invalid signature", "wx_card"},
		"another page":            {w.configArgs(js, claimPage, "batchAddCard"), claimPage + "&code=1", "fail, Error: invalid signature", "签名错误"},
		"empty list":              {w.configArgs(js, claimPage), claimPage, "fail, Error: jsApiList is empty", "jsApiList"},
		"other app":               {with(w.configArgs(js, claimPage, "batchAddCard"), "verifyAppId", "wxother"), claimPage, "fail, Error: invalid appid", "appId"},
		"timestamp not in digits": {with(w.configArgs(js, claimPage, "batchAddCard"), "verifyTimestamp", "now"), claimPage, "fail, Error: invalid signature", "timestamp"},
		"page of another origin":  {w.configArgs(js, "http://evil.example/", "batchAddCard"), "http://evil.example/", "fail, Error: invalid url domain", "安全域名"},
	} {
		if got := said(w.bridge("lin", "preVerifyJSAPI", c.page, c.args)); got != "preVerifyJSAPI:"+c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if c.why != "" && !w.refused(c.why) {
			t.Errorf("%s: the log does not say %q", name, c.why)
		}
	}
	if !w.refused("&url=" + claimPage) {
		t.Error("the log does not show the string that WeChat signed")
	}
	w.pages = w.url
	if got := said(w.bridge("lin", "preVerifyJSAPI", w.url+"/c", w.configArgs(js, w.url+"/c", "batchAddCard"))); got != "preVerifyJSAPI:fail, Error: invalid url domain" {
		t.Errorf("page outside of the safe domains: %q", got)
	}
}

func TestTheBridgeServesKnownPagesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for from, want := range map[string]int{"http://evil.example": 403, "": 403, "null": 403, "http://shop.example": 200, "http://127.0.0.1:9999": 200} {
		res, _ := w.do(http.MethodPost, "/bridge/invoke", "lin", []byte(`{"api":"checkJsApi","args":{}}`), "Origin", from)
		if res.StatusCode != want {
			t.Errorf("origin %q: %s, want %d", from, res.Status, want)
		}
		if want == 200 && (res.Header.Get("Access-Control-Allow-Origin") != from || res.Header.Get("Access-Control-Allow-Credentials") != "true") {
			t.Errorf("origin %q: headers %v", from, res.Header)
		}
	}
	res, _ := w.do(http.MethodOptions, "/bridge/sheet", "", nil, "Origin", w.pages, "Access-Control-Request-Method", "POST")
	if res.StatusCode != http.StatusNoContent || !strings.Contains(res.Header.Get("Access-Control-Allow-Headers"), "Content-Type") {
		t.Errorf("preflight: %s %v", res.Status, res.Header)
	}
}

func TestCallsNeedAConfigThatNamesThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ext := w.ext(w.ticket("wx_card"), latte, nil)
	if got := said(w.addCard("lin", w.configArgs("x", claimPage, "batchAddCard"), latte, ext)); got != "batchAddCard:permission denied" {
		t.Errorf("without config: %q", got)
	}
	if got := said(w.addCard("lin", w.configured("lin", "hideMenuItems"), latte, ext)); got != "batchAddCard:permission denied" {
		t.Errorf("not in the list: %q", got)
	}
	verify := w.configured("lin", "hideMenuItems", "batchAddCard", "updateAppMessageShareData")
	if got := said(w.bridge("lin", "hideMenuItems", claimPage, verify)); got != "hideMenuItems:ok" {
		t.Errorf("menu: %q", got)
	}
	if got := said(w.bridge("mei", "hideMenuItems", claimPage, verify)); got != "hideMenuItems:permission denied" {
		t.Errorf("with another persona's config: %q", got)
	}
	if got := said(w.bridge("lin", "chooseCard", claimPage, verify)); got != "system:function_not_exist" {
		t.Errorf("unknown call: %q", got)
	}
	share := with(with(verify, "title", "送你一杯"), "link", "http://shop.example/c/latte")
	if got := said(w.bridge("lin", "updateAppMessageShareData", claimPage, share)); got != "updateAppMessageShareData:ok" {
		t.Errorf("share: %q", got)
	}
	if got := said(w.bridge("lin", "updateAppMessageShareData", claimPage, with(share, "link", "http://evil.example/"))); !strings.Contains(got, "fail") {
		t.Errorf("share of a foreign link: %q", got)
	}
	check := w.bridge("lin", "checkJsApi", claimPage, object{"jsApiList": []string{"batchAddCard", "chooseCard"}})["reply"].(object)["checkResult"].(object)
	if check["batchAddCard"] != true || check["chooseCard"] != false {
		t.Errorf("checkJsApi %v", check)
	}
	if got := said(w.bridge("snap", "preVerifyJSAPI", claimPage, w.configArgs(w.ticket("jsapi"), claimPage, "batchAddCard"))); got != "preVerifyJSAPI:permission denied" {
		t.Errorf("on a snapshot page: %q", got)
	}
}

func TestACardExtIsCheckedStrictly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verify := w.configured("lin", "batchAddCard")
	ticket, js := w.ticket("wx_card"), w.ticket("jsapi")
	edit := func(text string, f func(object)) string {
		o := parse(t, text)
		f(o)
		out, _ := json.Marshal(o)
		return string(out)
	}
	good := w.ext(ticket, latte, object{"outer_str": "claim-1"})
	if _, shown := w.addCard("lin", verify, latte, good)["sheet"]; !shown {
		t.Fatal("a correct cardExt shows no sheet")
	}
	lin := w.persona("lin").openID
	for name, c := range map[string]struct {
		card string
		ext  any
		want string
		why  string
	}{
		"object":                  {latte, parse(t, w.ext(ticket, latte, nil)), "signature error", "必须是字符串"},
		"not JSON":                {latte, "timestamp=1", "signature error", "不是正确的 JSON"},
		"timestamp as a number":   {latte, edit(w.ext(ticket, latte, nil), func(o object) { o["timestamp"] = 1700000000 }), "signature error", "不是正确的 JSON"},
		"no timestamp":            {latte, edit(w.ext(ticket, latte, nil), func(o object) { delete(o, "timestamp") }), "signature error", "timestamp 缺少"},
		"no signature":            {latte, edit(w.ext(ticket, latte, nil), func(o object) { delete(o, "signature") }), "signature error", "缺少 signature"},
		"wrong signature":         {latte, edit(w.ext(ticket, latte, nil), func(o object) { o["signature"] = digest("x") }), "signature error", "签名错误"},
		"upper-case signature":    {latte, edit(w.ext(ticket, latte, nil), func(o object) { o["signature"] = strings.ToUpper(o["signature"].(string)) }), "signature error", "签名错误"},
		"jsapi ticket":            {latte, w.ext(js, latte, nil), "signature error", "用了 jsapi 的 ticket"},
		"nonce added afterwards":  {latte, edit(w.ext(ticket, latte, nil), func(o object) { o["signature"] = cardSign(ticket, latte, o["timestamp"].(string)) }), "signature error", "没有签入 nonce_str"},
		"signed for another card": {latte, w.ext(ticket, custom, nil), "signature error", "签名错误"},
		"reused nonce":            {latte, good, "signature error", "已经用过"},
		"reused timestamp": {latte, edit(good, func(o object) {
			o["nonce_str"], o["signature"] = "another", cardSign(ticket, latte, o["timestamp"].(string), "another")
		}), "signature error", "已经用过"},
		"unknown card":            {"pNothing", w.ext(ticket, "pNothing", nil), "invalid card id", "没有这张卡券"},
		"code where none belongs": {latte, w.ext(ticket, latte, object{"code": "1"}), "signature error", "不能带 code"},
		"openid where none does":  {latte, w.ext(ticket, latte, object{"openid": lin}), "signature error", "不能带 openid"},
		"custom without code":     {custom, w.ext(ticket, custom, nil), "signature error", "必须带 code"},
		"bound without openid":    {bound, w.ext(ticket, bound, nil), "signature error", "openid 缺少"},
		"another's openid":        {bound, w.ext(ticket, bound, object{"openid": w.persona("mei").openID}), "signature error", "不是本人"},
	} {
		if got := said(w.addCard("lin", verify, c.card, c.ext)); got != "batchAddCard:fail "+c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if !w.refused(c.why) {
			t.Errorf("%s: the log does not say %q", name, c.why)
		}
	}
	w.take("lin", custom, object{"code": "0001"})
	w.take("lin", bound, object{"openid": lin})
	verify = w.configured("lin", "batchAddCard")
	if got := said(w.addCard("lin", verify, custom, w.ext(ticket, custom, object{"code": "0001"}))); got != "batchAddCard:fail code used" {
		t.Errorf("custom code taken twice: %q", got)
	}
}

func TestTheOfficialCardExampleVerifies(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	ext := cardExt{Timestamp: text("1404896688"), Code: text("1434008071"), Nonce: text("123")}
	if got := sha1Hex(cardText("ojZ8YtyVyr30HheH3CM73y7h4jJE", "pjZ8Yt1XGILfi-FUsewpnnolGgZk", ext)); got != "f137ab68b7f8112d20ee528ab6074564e2796250" {
		t.Errorf("signature %s", got)
	}
	ext.Code = nil
	if got := sha1Hex(cardText("ojZ8YtyVyr30HheH3CM73y7h4jJE", "pjZ8Yt1XGILfi-FUsewpnnolGgZk", ext)); got != "11056a0835078caa4d82a948a416875f66af4283" {
		t.Errorf("signature without code %s", got)
	}
}

func TestStockAndLimitsHoldEvenForOpenSheets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.take("lin", latte, nil)
	w.take("lin", latte, nil)
	verify := w.configured("lin", "batchAddCard")
	if got := said(w.addCard("lin", verify, latte, w.ext(w.ticket("wx_card"), latte, nil))); got != "batchAddCard:fail get limit reached" {
		t.Errorf("third card of two: %q", got)
	}
	// One of the two rare cards is in the wallet of the persona who has one already.
	first := w.addCard("lin", verify, rare, w.ext(w.ticket("wx_card"), rare, nil))
	mei := w.configured("mei", "batchAddCard")
	second := w.addCard("mei", mei, rare, w.ext(w.ticket("wx_card"), rare, nil))
	if got := said(w.press("mei", first, "add")); got != "batchAddCard:fail the sheet is closed" {
		t.Errorf("another person's sheet: %q", got)
	}
	if got := said(w.press("lin", first, "add")); got != "batchAddCard:ok" {
		t.Errorf("last card: %q", got)
	}
	if got := said(w.press("lin", first, "add")); got != "batchAddCard:fail the sheet is closed" {
		t.Errorf("sheet answered twice: %q", got)
	}
	if got := said(w.press("mei", second, "add")); got != "batchAddCard:fail out of stock" {
		t.Errorf("sheet opened before the stock ran out: %q", got)
	}
}

func TestAVoidCardCannotBeUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := "?access_token=" + w.token()
	code, _ := w.post("/card/code/decrypt"+token, object{"encrypt_code": w.take("lin", latte, object{})})["code"].(string)
	wantCode(t, "of another card", w.post("/card/code/unavailable"+token, object{"code": code, "card_id": rare}), 40056)
	wantCode(t, "void", w.post("/card/code/unavailable"+token, object{"code": code, "card_id": latte, "reason": "误发"}), 0)
	wantCode(t, "void twice", w.post("/card/code/unavailable"+token, object{"code": code}), 40127)
	wantCode(t, "redeem", w.post("/card/code/consume"+token, object{"code": code}), 40127)
	if o := w.post("/card/code/get"+token, object{"code": code, "check_consume": false}); o["user_card_status"] != "UNAVAILABLE" || o["can_consume"] != false {
		t.Errorf("status: %v", o)
	}
}

func TestCodesCanBeDecryptedReadAndRedeemed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	encrypted := w.take("lin", latte, object{"outer_str": "claim-7"})
	token := "?access_token=" + w.token()
	o := w.post("/card/code/decrypt"+token, object{"encrypt_code": encrypted})
	code, _ := o["code"].(string)
	if len(code) != 12 || code == encrypted {
		t.Fatalf("decrypt: %v", o)
	}
	wantCode(t, "decrypt of nothing", w.post("/card/code/decrypt"+token, object{"encrypt_code": code}), 40056)
	wantCode(t, "decrypt without token", w.post("/card/code/decrypt", object{"encrypt_code": encrypted}), 41001)
	o = w.post("/card/code/get"+token, object{"code": code, "card_id": latte, "check_consume": true})
	if o["openid"] != w.persona("lin").openID || o["can_consume"] != true || o["user_card_status"] != "NORMAL" || o["outer_str"] != "claim-7" {
		t.Errorf("get: %v", o)
	}
	wantCode(t, "code of another card", w.post("/card/code/get"+token, object{"code": code, "card_id": rare}), 40056)
	wantCode(t, "code that nobody took", w.post("/card/code/get"+token, object{"code": "000000000000"}), 40056)
	wantCode(t, "redeem", w.post("/card/code/consume"+token, object{"code": code}), 0)
	wantCode(t, "redeem twice", w.post("/card/code/consume"+token, object{"code": code}), 40099)
	wantCode(t, "get after redeem", w.post("/card/code/get"+token, object{"code": code}), 40099)
	if o := w.post("/card/code/get"+token, object{"code": code, "check_consume": false}); o["user_card_status"] != "CONSUMED" {
		t.Errorf("status after redeem: %v", o)
	}
	verify := w.configured("lin", "batchViewCard")
	open := func(persona string) object {
		return w.bridge(persona, "batchViewCard", claimPage, with(verify, "card_list", []object{{"card_id": latte, "code": code}}))
	}
	if list, _ := open("lin")["wallet"].([]any); len(list) != 1 {
		t.Error("openCard shows no card")
	}
	verify = w.configured("mei", "batchViewCard")
	if got := said(open("mei")); got != "batchViewCard:fail invalid code" {
		t.Errorf("openCard of another person: %q", got)
	}
}
