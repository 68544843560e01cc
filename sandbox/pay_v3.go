package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	v3Scheme = "WECHATPAY2-SHA256-RSA2048"
	v3Skew   = 5 * time.Minute
)

// v3Status is the HTTP status of an error code (B9).
var v3Status = map[string]int{
	"SIGN_ERROR": http.StatusUnauthorized,
	"NO_AUTH":    http.StatusForbidden, "OUT_TRADE_NO_USED": http.StatusForbidden, "TRADE_ERROR": http.StatusForbidden,
	"ACCOUNT_ERROR": http.StatusForbidden, "RULE_LIMIT": http.StatusForbidden,
	"ORDER_NOT_EXIST": http.StatusNotFound, "RESOURCE_NOT_EXISTS": http.StatusNotFound,
	"FREQUENCY_LIMITED": http.StatusTooManyRequests, "RATELIMIT_EXCEEDED": http.StatusTooManyRequests,
	"SYSTEM_ERROR": http.StatusInternalServerError, "SERVICE_UNAVAILABLE": http.StatusServiceUnavailable,
}

// v3call is a call whose signature was found right.
type v3call struct {
	*http.Request
	body []byte
	file []byte // in place of JSON, and unsigned
}

// v3Bodies are the request bodies with all their keys: others are refused.
type (
	v3Order struct {
		AppID       string   `json:"appid"`
		MchID       string   `json:"mchid"`
		Description string   `json:"description"`
		OutTradeNo  string   `json:"out_trade_no"`
		TimeExpire  string   `json:"time_expire"`
		Attach      string   `json:"attach"`
		NotifyURL   string   `json:"notify_url"`
		GoodsTag    string   `json:"goods_tag"`
		Fapiao      bool     `json:"support_fapiao"`
		LimitPay    []string `json:"limit_pay"`
		Amount      *struct {
			Total    int64  `json:"total"`
			Currency string `json:"currency"`
		} `json:"amount"`
		Payer struct {
			OpenID string `json:"openid"`
		} `json:"payer"`
		Detail     json.RawMessage `json:"detail"`
		SceneInfo  json.RawMessage `json:"scene_info"`
		SettleInfo json.RawMessage `json:"settle_info"`
	}
	v3Refund struct {
		TransactionID string `json:"transaction_id"`
		OutTradeNo    string `json:"out_trade_no"`
		OutRefundNo   string `json:"out_refund_no"`
		Reason        string `json:"reason"`
		NotifyURL     string `json:"notify_url"`
		FundsAccount  string `json:"funds_account"`
		Amount        *struct {
			Refund   int64           `json:"refund"`
			Total    int64           `json:"total"`
			Currency string          `json:"currency"`
			From     json.RawMessage `json:"from"`
		} `json:"amount"`
		GoodsDetail json.RawMessage `json:"goods_detail"`
	}
)

// read decodes a body strictly: no unknown keys, no null, no characters of four bytes.
func (c *v3call) read(v any) *payNo {
	if !utf8.Valid(c.body) || bytes.ContainsFunc(c.body, func(r rune) bool { return r > 0xffff }) {
		return badParam("只支持 1 到 3 字节的 UTF-8 字符", "only UTF-8 characters of up to three bytes are supported")
	}
	var whole any
	if err := json.Unmarshal(c.body, &whole); err != nil {
		return badParam("请求体不是正确的 JSON", "the body is not JSON")
	}
	if _, object := whole.(map[string]any); !object || hasNull(whole) {
		return badParam("请求体不能有 null", "null is not allowed in the body")
	}
	d := json.NewDecoder(bytes.NewReader(c.body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		no := badParam("参数类型不对："+err.Error(), "a parameter has the wrong type")
		if strings.Contains(err.Error(), "unknown field") {
			no.number, no.zh, no.en = 270924358, "有多余的参数："+err.Error(), "an unknown extra parameter"
		}
		return no
	}
	return nil
}

func hasNull(v any) bool {
	switch t := v.(type) {
	case nil:
		return true
	case []any:
		return slices.ContainsFunc(t, hasNull)
	case map[string]any:
		for _, item := range t {
			if hasNull(item) {
				return true
			}
		}
	}
	return false
}

// payV3 wraps a call of version 3: trouble, Authorization, signed answer.
func (s *Server) payV3(op string, h func(*v3call) (any, *payNo)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxPayBody+1))
		if err != nil || len(body) > maxPayBody {
			http.Error(w, "body too large", http.StatusRequestEntityTooLarge)
			return
		}
		if s.trouble(w, r, "pay") {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.v3Answer(w, &v3call{Request: r, body: body}, op, h)
	}
}

// v3Error is the body of a refusal.
type v3Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Detail  any    `json:"detail,omitempty"`
}

// v3Answer runs a call and writes its answer; the mutex is held.
func (s *Server) v3Answer(w http.ResponseWriter, c *v3call, op string, h func(*v3call) (any, *payNo)) {
	now, head := s.wireTime(), w.Header()
	request := func(number int) {
		head.Set("Request-ID", "08"+strings.ToUpper(random(24, hexes))+"-"+strconv.Itoa(number))
	}
	head.Set("Content-Type", "application/json; charset=utf-8")
	if why := s.authorize3(c, now); why != nil {
		s.note(LevelRefused, "pay", c.URL.Path+"：SIGN_ERROR "+why.zh, c.URL.Path+": SIGN_ERROR, "+why.en, why.message)
		request(268443699)
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write(compact(v3Error{"SIGN_ERROR", why.zh, map[string]any{
			"field": "signature", "issue": why.en, "location": "authorization",
			"sign_information": map[string]any{
				"method": c.Method, "url": c.RequestURI, "truncated_sign_message": why.message, "sign_message_length": len(why.message),
			},
		}}))
		return
	}
	key, no := s.answerKey(c.Header.Get("Wechatpay-Serial"))
	var reply any
	code := s.pay.fault(op)
	switch {
	case no != nil:
	case s.acts(systemBusy):
		no = &payNo{v3: "SYSTEM_ERROR", zh: "系统异常，请用相同参数重试", en: "system busy"}
	case code != "":
		no = &payNo{v3: code, zh: code + "（测试要求）", en: code + " as the test asked"}
	default:
		if no = acceptable(c); no == nil {
			reply, no = h(c)
		}
	}
	var (
		text   []byte
		status = http.StatusOK
		number int
	)
	switch {
	case no != nil:
		s.note(LevelRefused, "pay", c.URL.Path+"："+no.v3+" "+no.zh, c.URL.Path+": "+no.en, "")
		text, number, status = compact(v3Error{Code: no.v3, Message: no.zh}), no.number, http.StatusBadRequest
		if known := v3Status[no.v3]; known != 0 {
			status = known
		}
	case c.file != nil:
		head.Set("Content-Type", "text/plain; charset=utf-8")
		request(0)
		_, _ = w.Write(c.file)
		return
	case reply == nil:
		status = http.StatusNoContent
		head.Del("Content-Type")
	default:
		text = compact(reply)
	}
	request(number)
	s.signHeaders(head, key, now, text, s.acts(payAnswerForged))
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// acceptable checks the headers that every call must have.
func acceptable(c *v3call) *payNo {
	accept := c.Header.Get("Accept")
	switch {
	case !strings.Contains(accept, "application/json") && !strings.Contains(accept, "*/*"):
		return badParam("缺少 Accept: application/json", "Accept must allow application/json")
	case c.UserAgent() == "":
		return badParam("缺少 User-Agent", "User-Agent is missing")
	case c.Method == http.MethodPost && !strings.HasPrefix(c.Header.Get("Content-Type"), "application/json"):
		return badParam("Content-Type 必须是 application/json", "Content-Type must be application/json")
	}
	return nil
}

// signHeaders signs an answer or a notification (B2).
func (s *Server) signHeaders(head http.Header, key payKey, now time.Time, body []byte, forged bool) {
	stamp, nonce := unix(now), random(32, letters[:62])
	message := stamp + "\n" + nonce + "\n" + string(body) + "\n"
	if forged {
		message += "forged"
	}
	head.Set("Wechatpay-Timestamp", stamp)
	head.Set("Wechatpay-Nonce", nonce)
	head.Set("Wechatpay-Serial", key.serial)
	head.Set("Wechatpay-Signature-Type", v3Scheme)
	head.Set("Wechatpay-Signature", signRSA(key.key, message))
}

// certificateKey is the platform certificate that signs now. The first rotation makes the
// new one; the mutex is held.
func (s *Server) certificateKey() payKey {
	if !s.acts(payCertRotated) {
		return s.pay.platform
	}
	if s.pay.rotated == nil {
		key := newRSA()
		der, serial := certify(key, "Tenpay.com sandbox")
		s.pay.rotated = &payKey{serial: serial, key: key, cert: der, until: s.pay.platform.until}
		s.note(LevelInfo, "pay", "开关起作用：换了平台证书", "switch at work: a new platform certificate", "serial "+serial)
	}
	return *s.pay.rotated
}

// answerKey is the key that signs an answer: the one that the caller asks for by
// Wechatpay-Serial, as far as the merchant has it.
func (s *Server) answerKey(serial string) (payKey, *payNo) {
	d := s.pay
	switch {
	case serial == "" && d.Verify == VerifyPublicKey, serial == d.wechat.serial && d.Verify != VerifyCertificate:
		return d.wechat, nil
	case d.Verify != VerifyPublicKey && (serial == "" || serial == d.platform.serial || d.rotated != nil && serial == d.rotated.serial):
		return s.certificateKey(), nil
	}
	key := d.wechat
	if d.Verify == VerifyCertificate {
		key = s.certificateKey()
	}
	return key, badParam("Wechatpay-Serial 不对", "Wechatpay-Serial names no key of this merchant")
}

// noticeKey signs notifications: the public key where the merchant has one, and after a
// rotation the new certificate.
func (s *Server) noticeKey() payKey {
	if s.pay.Verify == VerifyCertificate || s.pay.Verify == VerifyBoth && s.acts(payCertRotated) {
		return s.certificateKey()
	}
	return s.pay.wechat
}

// unauthorized is why a request's signature was refused, with the message that was built.
type unauthorized struct{ zh, en, message string }

var authPart = regexp.MustCompile(`^([a-z_]+)="([^"]*)"$`)

// authorize3 checks Authorization (B1).
func (s *Server) authorize3(c *v3call, now time.Time) *unauthorized {
	scheme, rest, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	if scheme != v3Scheme {
		return &unauthorized{zh: "Authorization 的认证类型不对", en: "the scheme is not " + v3Scheme}
	}
	got := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		m := authPart.FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			return &unauthorized{zh: "Authorization 格式不对", en: "the header is malformed"}
		}
		got[m[1]] = m[2]
	}
	seconds, err := strconv.ParseInt(got["timestamp"], 10, 64)
	message := c.Method + "\n" + c.RequestURI + "\n" + got["timestamp"] + "\n" + got["nonce_str"] + "\n" + string(c.body) + "\n"
	no := func(zh, en string) *unauthorized {
		return &unauthorized{zh, en, strings.ToValidUTF8(message[:min(len(message), 512)], "")}
	}
	switch {
	case got["mchid"] != s.pay.ID:
		return no("商户号不对", "unknown mchid")
	case got["serial_no"] != s.pay.Serial:
		return no("商户证书序列号不对", "the serial is not that of the merchant's certificate")
	case err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > v3Skew:
		return no("时间戳与微信相差超过 5 分钟", "the timestamp is more than 5 minutes off")
	case got["nonce_str"] == "" || len(got["nonce_str"]) > 32:
		return no("随机串不对", "the nonce is missing or too long")
	case !verifyRSA(s.pay.merchantKey, message, got["signature"]):
		return no("签名验证失败", "the signature does not match")
	}
	return nil
}

func (s *Server) v3Order(c *v3call) (any, *payNo) {
	var in v3Order
	if no := c.read(&in); no != nil {
		return nil, no
	}
	switch {
	case in.MchID == "":
		return nil, lacks("mchid")
	case in.MchID != s.pay.ID:
		return nil, &payNo{"", "MCH_NOT_EXISTS", 268447843, "商户号不对", "mchid is not the merchant who signed"}
	case in.Description == "":
		return nil, lacks("description")
	case utf8.RuneCountInString(in.Description) > 127:
		return nil, badParam("description 太长", "description is too long")
	case !orderNumber.MatchString(in.OutTradeNo):
		return nil, badParam("out_trade_no 不合要求", "out_trade_no must be 6 to 32 of the allowed characters")
	case utf8.RuneCountInString(in.Attach) > 127:
		return nil, badParam("attach 太长", "attach is too long")
	case in.Amount == nil:
		return nil, lacks("amount")
	case in.Amount.Total < 1:
		return nil, badParam("amount.total 必须是大于 0 的整数", "amount.total must be a whole number of fen, at least 1")
	case in.Amount.Currency != "" && in.Amount.Currency != "CNY":
		return nil, badParam("amount.currency 只能是 CNY", "amount.currency must be CNY")
	case in.Payer.OpenID == "":
		no := lacks("payer.openid")
		no.number = 268501013
		return nil, no
	}
	if no := s.boundApp(in.AppID); no != nil {
		return nil, no
	}
	if no := notifyAddress(in.NotifyURL, 255); no != nil {
		return nil, no
	}
	now := s.opt.Now()
	o := &payOrder{
		appID: in.AppID, no: in.OutTradeNo, openID: in.Payer.OpenID, body: in.Description, attach: in.Attach, notifyURL: in.NotifyURL,
		total: in.Amount.Total, version: 3, signType: "RSA", expire: now.Add(orderLife), person: s.payer(in.AppID, in.Payer.OpenID),
	}
	if in.TimeExpire != "" {
		at, err := time.Parse(time.RFC3339, in.TimeExpire)
		if err != nil {
			return nil, badParam("time_expire 格式不对", "time_expire is not RFC 3339")
		}
		// WeChat moves it into its bounds.
		const longest = 90 * 24 * time.Hour
		o.expire = now.Add(min(max(at.Sub(now), time.Minute), longest))
	}
	if o.person == nil {
		return nil, noPayer
	}
	var all any
	_ = json.Unmarshal(c.body, &all)
	o.params = string(compact(all)) // keys sorted
	o, no := s.placeOrder(o)
	if no != nil {
		return nil, no
	}
	return map[string]any{"prepay_id": o.prepay}, nil
}

// v3Mch checks the mchid of a query.
func (s *Server) v3Mch(id string) *payNo {
	if id == "" {
		return lacks("mchid")
	}
	if id != s.pay.ID {
		return &payNo{"", "PARAM_ERROR", 268447843, "商户号和订单不匹配", "the order is of another merchant"}
	}
	return nil
}

// v3Transaction is an order as queries and notifications tell it (B5).
func (s *Server) v3Transaction(o *payOrder, state string) map[string]any {
	out := map[string]any{
		"appid": o.appID, "mchid": s.pay.ID, "out_trade_no": o.no, "trade_state": state, "trade_state_desc": stateTexts[state],
		"amount": map[string]any{"total": o.total, "currency": "CNY"}, "payer": map[string]any{"openid": o.openID},
		"sandbox_added_field": "1", // new keys may appear at any time
	}
	if o.attach != "" {
		out["attach"] = o.attach
	}
	if state == stateSuccess || state == stateRefund {
		out["amount"] = map[string]any{"total": o.total, "payer_total": o.total, "currency": "CNY", "payer_currency": "CNY"}
		out["transaction_id"], out["trade_type"], out["bank_type"] = o.transaction, "JSAPI", "OTHERS"
		out["success_time"] = o.paid.In(beijing).Format(time.RFC3339)
	}
	return out
}

func (s *Server) v3Query(c *v3call) (any, *payNo) {
	if no := s.v3Mch(c.URL.Query().Get("mchid")); no != nil {
		return nil, no
	}
	o := s.pay.order(c.PathValue("id"), c.PathValue("no"))
	if o == nil {
		return nil, noOrder
	}
	return s.v3Transaction(o, s.seen(o)), nil
}

func (s *Server) v3Close(c *v3call) (any, *payNo) {
	var in struct {
		MchID string `json:"mchid"`
	}
	if no := c.read(&in); no != nil {
		return nil, no
	}
	if no := s.v3Mch(in.MchID); no != nil {
		return nil, no
	}
	o := s.pay.order("", c.PathValue("no"))
	if o == nil {
		return nil, noOrder
	}
	return nil, s.closeOrder(o)
}

// v3RefundView is a refund as answers tell it (B6).
func v3RefundView(r *payRefund) map[string]any {
	o := r.order
	out := map[string]any{
		"refund_id": r.id, "out_refund_no": r.no, "transaction_id": o.transaction, "out_trade_no": o.no, "channel": "ORIGINAL",
		"user_received_account": "支付用户零钱", "create_time": r.created.In(beijing).Format(time.RFC3339), "status": r.status, "funds_account": "UNSETTLED",
		"amount": map[string]any{
			"total": o.total, "refund": r.amount, "payer_total": o.total, "payer_refund": r.amount, "settlement_refund": r.amount,
			"settlement_total": o.total, "discount_refund": 0, "currency": "CNY",
		},
	}
	if r.status == refundSuccess {
		out["success_time"] = r.done.In(beijing).Format(time.RFC3339)
	}
	return out
}

func (s *Server) v3Refund(c *v3call) (any, *payNo) {
	var in v3Refund
	if no := c.read(&in); no != nil {
		return nil, no
	}
	switch {
	case (in.TransactionID == "") == (in.OutTradeNo == ""):
		return nil, badParam("transaction_id 和 out_trade_no 必须二选一", "give transaction_id or out_trade_no, one of them")
	case !refundNumber.MatchString(in.OutRefundNo):
		return nil, badParam("out_refund_no 不合要求", "out_refund_no must be 1 to 64 of the allowed characters")
	case utf8.RuneCountInString(in.Reason) > 80:
		return nil, badParam("reason 太长", "reason is too long")
	case in.FundsAccount != "" && in.FundsAccount != "AVAILABLE":
		return nil, badParam("funds_account 不对", "unknown funds_account")
	case in.Amount == nil:
		return nil, lacks("amount")
	case in.Amount.Refund < 1 || in.Amount.Total < 1:
		return nil, badParam("金额必须是大于 0 的整数", "amounts must be whole numbers of fen, at least 1")
	case in.Amount.Currency != "CNY":
		return nil, badParam("amount.currency 必须是 CNY", "amount.currency must be CNY")
	}
	if in.NotifyURL != "" {
		if no := notifyAddress(in.NotifyURL, 256); no != nil {
			return nil, no
		}
	}
	o := s.pay.order(in.TransactionID, in.OutTradeNo)
	if o == nil {
		return nil, noRefunded
	}
	r, fresh, no := s.refund(&payRefund{order: o, no: in.OutRefundNo, amount: in.Amount.Refund, reason: in.Reason, notifyURL: in.NotifyURL, version: 3}, in.Amount.Total)
	if no != nil {
		return nil, no
	}
	view := v3RefundView(r)
	if fresh {
		s.startRefund(r)
	}
	return view, nil
}

func (s *Server) v3RefundQuery(c *v3call) (any, *payNo) {
	for _, o := range s.pay.orders {
		for _, r := range o.refunds {
			if r.no == c.PathValue("no") {
				return v3RefundView(r), nil
			}
		}
	}
	return nil, noRefund
}

// v3Certificates lists the platform certificates, the old one too after a rotation. Who
// verifies by the public key alone has none.
func (s *Server) v3Certificates(*v3call) (any, *payNo) {
	if s.pay.Verify == VerifyPublicKey {
		return nil, &payNo{"", "RESOURCE_NOT_EXISTS", 268512771, "无可用的平台证书，请在商户平台使用微信支付公钥", "this merchant has no platform certificates"}
	}
	list := []payKey{s.pay.platform}
	s.certificateKey()
	if s.pay.rotated != nil {
		list = append(list, *s.pay.rotated)
	}
	data := []any{}
	for _, k := range list {
		data = append(data, map[string]any{
			"serial_no": k.serial, "effective_time": "2020-01-01T08:00:00+08:00", "expire_time": k.until.In(beijing).Format(time.RFC3339),
			"encrypt_certificate": sealGCM(s.pay.V3Key, "certificate", []byte(pemText("CERTIFICATE", k.cert))),
		})
	}
	return map[string]any{"data": data}, nil
}

// v3Echo gives a text back: whoever gets it has the signatures of both sides right (B10).
func (s *Server) v3Echo(c *v3call) (any, *payNo) {
	var in struct {
		Text string `json:"echo_message"`
	}
	if err := json.Unmarshal(c.body, &in); err != nil || in.Text == "" {
		return nil, lacks("echo_message")
	}
	return map[string]any{"echo_message": in.Text}, nil
}

// ProbeNotify sends the merchant one odd notification about an order, once, and returns
// the HTTP status of the answer (D3). Kinds, all of version 3 and all to be refused:
// signtest (B7), stale (ten minutes old), nonce13, short (less ciphertext than a tag).
func (s *Server) ProbeNotify(outTradeNo, kind string) (status int, err error) {
	s.mu.Lock()
	if s.pay == nil {
		s.mu.Unlock()
		return 0, errNoMerchant
	}
	o := s.pay.order("", outTradeNo)
	if o == nil || o.version != 3 {
		s.mu.Unlock()
		return 0, fmt.Errorf("sandbox: no v3 order is called %q", outTradeNo)
	}
	key, at := s.noticeKey(), s.wireTime()
	resource := sealGCM(s.pay.V3Key, "transaction", compact(s.v3Transaction(o, stateSuccess)))
	switch kind {
	case "stale":
		at = at.Add(-10 * time.Minute)
	case "nonce13":
		resource.Nonce += "x"
	case "short":
		resource.Ciphertext = "c2hvcnQ="
	case "signtest":
	default:
		err = errors.New("sandbox: no probe is called " + kind)
	}
	resource.Original = "transaction"
	body := s.v3Event("TRANSACTION.SUCCESS", "支付成功", resource)
	address := o.notifyURL
	s.mu.Unlock()
	if err != nil {
		return 0, err
	}
	head := http.Header{}
	s.signHeaders(head, key, at, body, false)
	if kind == "signtest" {
		head.Set("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+random(64, letters[:62]))
	}
	status, _, err = s.postNotice(address, head, body)
	return status, err
}
