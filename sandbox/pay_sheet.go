package sandbox

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// paySheet is a pay sheet that waits for a person.
type paySheet struct {
	person *persona
	order  *payOrder
	done   bool
}

// paySheetView is what the sheet shows.
type paySheetView struct {
	ID       string `json:"id"`
	Amount   string `json:"amount"` // in yuan
	Merchant string `json:"merchant"`
	Title    string `json:"title"`
}

// Answers of the two front ends (A4).
const (
	payAPI     = "getBrandWCPayRequest"
	payReply   = "get_brand_wcpay_request"
	miniReply  = "requestPayment"
	payOK      = "ok"
	payCancels = "cancel"
	payFails   = "fail"
)

// payMessage is the err_msg of an outcome: the mini program has its own words.
func payMessage(mini bool, outcome string) string {
	switch {
	case !mini:
		return payReply + ":" + outcome
	case outcome == payCancels:
		return miniReply + ":fail cancel"
	}
	return miniReply + ":" + outcome
}

// payRequest is the page in WeChat that opens the sheet, by the bridge alone or through
// wx.chooseWXPay, which needs a wx.config before it; the mutex is held.
func (s *Server) payRequest(in *invocation) outcome {
	fail := func(no *payNo) outcome {
		s.note(LevelRefused, "pay", "调起支付："+no.zh, "the pay sheet: "+no.en, in.page())
		return outcome{Toast: no.zh, Reply: map[string]any{"err_msg": payMessage(false, payFails), "err_desc": no.zh}}
	}
	if s.pay == nil {
		return outcome{Reply: map[string]any{"err_msg": "system:function_not_exist"}}
	}
	if in.AppID != "" {
		if allowed, ok := s.verified.get(s.opt.Now(), in.key()); !ok || !allowed[payAPI] {
			return fail(&payNo{zh: "wx.config 没有 chooseWXPay", en: "no successful wx.config with chooseWXPay"})
		}
	}
	u, err := url.Parse(in.page())
	switch {
	case in.person.kind == kindSnapshot || s.acts(oauthSnapshot):
		return fail(&payNo{zh: "快照页不能支付", en: "no payment on a snapshot page"})
	case err != nil || u.Scheme+"://"+u.Host != in.origin || !s.inDirectory(u, in.page()):
		return fail(&payNo{zh: "当前页面的 URL 未注册", en: "the page lies in no payment directory"})
	}
	args := map[string]json.RawMessage{}
	_ = json.Unmarshal(in.Args, &args)
	if _, bare := args["appId"]; !bare && in.AppID != "" {
		args["appId"] = compact(in.AppID)
	}
	o, no := s.openSheet(in.person, args, false)
	if no != nil {
		return fail(no)
	}
	id := random(24, letters[:62])
	s.pay.sheets.put(s.opt.Now(), id, &paySheet{person: in.person, order: o}, s.opt.Now().Add(sheetLife))
	if s.acts(payCancel) {
		return s.finishPay(in.person, id, false)
	}
	s.note(LevelInfo, "pay", in.person.name+" 看到付款单 ¥"+yuan(o.total), in.person.id+" sees the pay sheet", o.no)
	return outcome{Pay: &paySheetView{id, yuan(o.total), s.pay.Name, o.body}}
}

// inDirectory reports whether a page lies in a payment directory.
func (s *Server) inDirectory(u *url.URL, page string) bool {
	if len(s.pay.Directories) == 0 {
		return onDomain(u, s.opt.JSDomains...)
	}
	for _, d := range s.pay.Directories {
		if d != "" && strings.HasPrefix(page, strings.TrimSuffix(d, "/")+"/") {
			return true
		}
	}
	return false
}

// openSheet checks the second signature (A4, B4) and finds what is to be paid. Version,
// signature type and app are those of the order. The mutex is held.
func (s *Server) openSheet(p *persona, args map[string]json.RawMessage, mini bool) (*payOrder, *payNo) {
	names := []string{"timeStamp", "nonceStr", "package", "signType", "paySign"}
	if !mini {
		names = append(names, "appId")
	}
	got := map[string]string{}
	for _, name := range names {
		var text string
		if err := json.Unmarshal(args[name], &text); err != nil || text == "" {
			return nil, &payNo{zh: "缺少参数 " + name + "，或者不是字符串", en: name + " is missing or no string"}
		}
		got[name] = text
	}
	prepay, isPrepay := strings.CutPrefix(got["package"], "prepay_id=")
	o := s.pay.find(func(o *payOrder) bool { return o.prepay == prepay })
	switch {
	case !isPrepay:
		return nil, &payNo{zh: "package 必须是 prepay_id=…", en: "package must be prepay_id=…"}
	case o == nil:
		return nil, &payNo{zh: "prepay_id 无效", en: "unknown or replaced prepay_id"}
	case strings.Trim(got["timeStamp"], digits) != "" || len(got["timeStamp"]) > 10:
		return nil, &payNo{zh: "timeStamp 必须是秒数", en: "timeStamp must be seconds"}
	case len(got["nonceStr"]) > 32:
		return nil, &payNo{zh: "nonceStr 太长", en: "nonceStr is too long"}
	case !mini && got["appId"] != o.appID:
		return nil, &payNo{zh: "appId 与下单时不同", en: "appId is not that of the order"}
	case mini == (o.appID == s.opt.AppID):
		return nil, &payNo{zh: "下单的场景不同，不能在这里支付", en: "the prepay_id was made for the other scene"}
	case got["signType"] != o.signType:
		return nil, &payNo{zh: "signType 与下单时不同：" + o.signType, en: "signType is not that of the order, " + o.signType}
	}
	got["appId"] = o.appID
	sign := got["paySign"]
	delete(got, "paySign")
	var right bool
	var message string
	if o.version == 3 {
		message = o.appID + "\n" + got["timeStamp"] + "\n" + got["nonceStr"] + "\n" + got["package"] + "\n"
		right = verifyRSA(s.pay.merchantKey, message, sign)
	} else {
		message = payString(got) + "&key=…"
		right = subtle.ConstantTimeCompare([]byte(paySignature(got, s.pay.V2Key, o.signType)), []byte(sign)) == 1
	}
	if !right {
		s.note(LevelRefused, "pay", "paySign 错误", "paySign is wrong", message)
		return nil, &payNo{zh: "支付验证签名失败", en: "paySign is wrong"}
	}
	if o.person != p {
		return nil, &payNo{zh: "下单账号与支付账号不一致", en: "the order is another person's"}
	}
	if no := s.unpayable(o); no != nil {
		return nil, no
	}
	return o, nil
}

// answerPay is the button that a person pressed on the sheet.
func (s *Server) answerPay(w http.ResponseWriter, r *http.Request) {
	var in struct{ ID, Action string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, `{"error":"bad call"}`, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = w.Write(compact(s.finishPay(s.personaOf(r), in.ID, in.Action == "pay")))
}

// finishPay closes a sheet; the mutex is held.
func (s *Server) finishPay(p *persona, id string, pay bool) outcome {
	answer := func(what string) outcome {
		return outcome{Reply: map[string]any{"err_msg": payMessage(false, what)}}
	}
	sh, ok := s.pay.sheets.get(s.opt.Now(), id)
	if !ok || sh.done || sh.person != p {
		return answer(payFails)
	}
	sh.done = true
	what, no := s.decide(sh.order, p, pay)
	out := answer(what)
	if no != nil {
		out.Toast = no.zh
	}
	return out
}

// decide pays or cancels; the mutex is held.
func (s *Server) decide(o *payOrder, p *persona, pay bool) (what string, no *payNo) {
	if !pay || s.acts(payCancel) {
		s.note(LevelInfo, "pay", p.name+" 取消支付 "+o.no, p.id+" cancelled the payment", "")
		return payCancels, nil
	}
	// The order may have been closed while the sheet was open.
	if no := s.unpayable(o); no != nil {
		s.note(LevelRefused, "pay", "支付 "+o.no+"："+no.zh, "payment of "+o.no+": "+no.en, "")
		return payFails, no
	}
	s.settlePayment(o)
	return payOK, nil
}

// phonePay is POST /phone/pay, the pay sheet without a browser, for tests and for what
// stands for a mini program. The JSON body holds the front end's parameters: with appId
// it is an H5 page in WeChat, without it wx.requestPayment. "action" is pay (default) or
// cancel; "persona" is who holds the phone, otherwise the cookie says so. The answer is
// {"result": "ok" | "cancel" | "fail", "errMsg": "requestPayment:ok" …, "reason": …}.
func (s *Server) phonePay(w http.ResponseWriter, r *http.Request) {
	if from := r.Header.Get("Origin"); from != "" && from != origin(r) && !s.pageOrigin(from) {
		http.Error(w, "this origin may not pay", http.StatusForbidden)
		return
	}
	args := map[string]json.RawMessage{}
	if err := json.NewDecoder(r.Body).Decode(&args); err != nil {
		http.Error(w, "the body is not JSON", http.StatusBadRequest)
		return
	}
	word := func(name string) string {
		var text string
		_ = json.Unmarshal(args[name], &text)
		return text
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.personaOf(r)
	if id := word("persona"); id != "" {
		if p = s.persona(id); p == nil {
			http.Error(w, "nobody is called so", http.StatusBadRequest)
			return
		}
	}
	_, h5 := args["appId"]
	o, no := s.openSheet(p, args, !h5)
	what, reason := payFails, ""
	if no == nil {
		what, no = s.decide(o, p, word("action") != "cancel")
	} else {
		s.note(LevelRefused, "pay", "调起支付："+no.zh, "the pay sheet: "+no.en, "")
	}
	if no != nil {
		reason = no.zh
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(compact(map[string]string{"result": what, "errMsg": payMessage(!h5, what), "reason": reason}))
}

// Pay pays an order as its person would on the sheet, without the second signature. It
// refuses what cannot be paid.
func (s *Server) Pay(outTradeNo string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pay == nil {
		return errNoMerchant
	}
	o := s.pay.order("", outTradeNo)
	if o == nil {
		return fmt.Errorf("sandbox: no order is called %q", outTradeNo)
	}
	if no := s.unpayable(o); no != nil {
		return fmt.Errorf("sandbox: %s", no.en)
	}
	s.settlePayment(o)
	return nil
}
