package sandbox

import (
	"bytes"
	"crypto/aes"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the protocol signs with MD5
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	signMD5  = "MD5"
	signHMAC = "HMAC-SHA256"

	maxPayBody = 64 << 10
)

// paySignature signs fields as A3 says: sorted, without empty ones and "sign".
func paySignature(fields map[string]string, key, signType string) string {
	text := payString(fields) + "&key=" + key
	if signType == signHMAC {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(text))
		return strings.ToUpper(hex.EncodeToString(mac.Sum(nil)))
	}
	sum := md5.Sum([]byte(text)) //nolint:gosec // see the import
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

func payString(fields map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name != "sign" && fields[name] != "" {
			parts = append(parts, name+"="+fields[name])
		}
	}
	return strings.Join(parts, "&")
}

var errXML = errors.New("the body is not a flat <xml> document")

// readXML reads a root "xml" with children that hold text only (A9).
func readXML(body []byte) (map[string]string, error) {
	upper := bytes.ToUpper(body)
	if bytes.Contains(upper, []byte("<!DOCTYPE")) || bytes.Contains(upper, []byte("<!ENTITY")) {
		return nil, errXML
	}
	out, depth, name := map[string]string{}, 0, ""
	var text strings.Builder
	for d, ended := xml.NewDecoder(bytes.NewReader(body)), false; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && ended {
			return out, nil
		}
		if err != nil {
			return nil, errXML
		}
		switch t := token.(type) {
		case xml.StartElement:
			depth++
			name = t.Name.Local
			_, twice := out[name]
			if depth > 2 || ended || depth == 1 && name != "xml" || depth == 2 && twice {
				return nil, errXML
			}
			text.Reset()
		case xml.EndElement:
			if depth == 2 {
				out[name] = text.String()
			}
			depth--
			ended = depth == 0
		case xml.CharData:
			text.Write(t)
		}
	}
}

// writeXML writes fields, return_code first and the others by name.
func writeXML(root string, fields map[string]string) string {
	var b strings.Builder
	b.WriteString("<" + root + ">")
	write := func(name string) {
		if value, there := fields[name]; there && value != "" {
			b.WriteString("<" + name + ">" + cdata(value) + "</" + name + ">")
		}
	}
	first := []string{"return_code", "return_msg"}
	for _, name := range first {
		write(name)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(first, name) {
			write(name)
		}
	}
	b.WriteString("</" + root + ">")
	return b.String()
}

// v2call is a call whose signature was found right; handlers fill in the answer.
type v2call struct {
	*http.Request
	in       map[string]string
	out      map[string]string
	raw      []byte // in place of XML
	signType string
}

// need returns the first of the fields that is missing.
func (c *v2call) need(names ...string) *payNo {
	for _, name := range names {
		if c.in[name] == "" {
			return lacks(name)
		}
	}
	return nil
}

// payV2 wraps a call of version 2: trouble, XML, signature, the three levels of an answer.
func (s *Server) payV2(op string, h func(*v2call) *payNo) http.HandlerFunc {
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
		answer := s.v2Answer(op, r, body, h)
		s.mu.Unlock()
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(answer)
	}
}

// v2Answer runs a call; the mutex is held.
func (s *Server) v2Answer(op string, r *http.Request, body []byte, h func(*v2call) *payNo) []byte {
	// What fails before the signature is right comes unsigned and without a code.
	unsigned := func(msg, en, detail string) []byte {
		s.note(LevelRefused, "pay", r.URL.Path+"："+msg, r.URL.Path+": "+en, detail)
		return []byte(writeXML("xml", map[string]string{"return_code": "FAIL", "return_msg": msg}))
	}
	if r.Method != http.MethodPost {
		return unsigned("请使用 post 方法", "REQUIRE_POST_METHOD", r.Method)
	}
	if len(body) == 0 {
		return unsigned("post 数据为空", "POST_DATA_EMPTY", "")
	}
	if !utf8.Valid(body) {
		return unsigned("编码格式错误", "NOT_UTF8", "")
	}
	in, err := readXML(body)
	if err != nil {
		return unsigned("XML 格式错误", "XML_FORMAT_ERROR", err.Error())
	}
	if in["mch_id"] != s.pay.ID {
		return unsigned("商户号 mch_id 不存在", "MCHID_NOT_EXIST", in["mch_id"])
	}
	signType := in["sign_type"]
	if signType == "" {
		signType = signMD5
	}
	want := paySignature(in, s.pay.V2Key, signType)
	if signType != signMD5 && signType != signHMAC || subtle.ConstantTimeCompare([]byte(want), []byte(in["sign"])) != 1 {
		return unsigned("签名错误", "SIGNERROR", payString(in)+"&key=…")
	}
	if n := len(in["nonce_str"]); n < 1 || n > 32 {
		return unsigned("nonce_str 参数错误", "PARAM_ERROR", "")
	}
	if op == opRefund && s.pay.RequireClientCert {
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 || s.pay.certificate == nil || !r.TLS.PeerCertificates[0].Equal(s.pay.certificate) {
			return unsigned("证书验证失败", "the API certificate of the merchant was not presented", "")
		}
	}
	c := &v2call{Request: r, in: in, out: map[string]string{"result_code": "SUCCESS"}, signType: signType}
	no := s.boundApp(in["appid"])
	switch {
	case no != nil:
	case s.acts(systemBusy):
		no = &payNo{v2: "SYSTEMERROR", zh: "系统超时", en: "system busy"}
	default:
		if code := s.pay.fault(op); code != "" {
			no = &payNo{v2: code, zh: code + "（测试要求）", en: code + " as the test asked"}
		} else {
			no = h(c)
		}
	}
	if no != nil {
		s.note(LevelRefused, "pay", r.URL.Path+"："+no.v2+" "+no.zh, r.URL.Path+": "+no.en, "")
		if op == opBill {
			return []byte(writeXML("xml", map[string]string{"return_code": "FAIL", "return_msg": no.zh, "error_code": no.v2}))
		}
		c.out = map[string]string{"result_code": "FAIL", "err_code": no.v2, "err_code_des": no.zh}
	} else if c.raw != nil {
		return c.raw
	}
	maps.Copy(c.out, map[string]string{
		"return_code": "SUCCESS", "return_msg": "OK", "appid": in["appid"], "mch_id": s.pay.ID, "nonce_str": random(32, letters[:62]),
		"device_info": in["device_info"],
		// WeChat may add fields; they are signed like the others.
		"sandbox_added_field": "1",
	})
	c.out["sign"] = paySignature(c.out, s.pay.V2Key, signType)
	if s.acts(payAnswerForged) {
		c.out["sign"] = paySignature(c.out, "another key", signType)
	}
	return []byte(writeXML("xml", c.out))
}

var fenPattern = regexp.MustCompile(`^[1-9][0-9]{0,11}$`)

// readFen reads an amount: a whole number of fen, at least 1.
func readFen(text string) (int64, bool) {
	if !fenPattern.MatchString(text) {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

const v2Time = "20060102150405"

// v2Order is unifiedorder (A2).
func (s *Server) v2Order(c *v2call) *payNo {
	if no := c.need("body", "out_trade_no", "total_fee", "spbill_create_ip", "notify_url", "trade_type"); no != nil {
		return no
	}
	limits := map[string]int{"body": 127, "detail": 6000, "attach": 127, "device_info": 32, "goods_tag": 32, "spbill_create_ip": 64, "scene_info": 256}
	for name, limit := range limits {
		if len(c.in[name]) > limit {
			return badParam(name+" 太长", name+" is too long")
		}
	}
	total, whole := readFen(c.in["total_fee"])
	o := &payOrder{
		appID: c.in["appid"], no: c.in["out_trade_no"], openID: c.in["openid"], body: c.in["body"], attach: c.in["attach"], notifyURL: c.in["notify_url"],
		total: total, version: 2, signType: c.signType,
	}
	switch {
	case !slices.Contains([]string{"JSAPI", "NATIVE", "APP", "MWEB"}, c.in["trade_type"]):
		return badParam("trade_type 不对", "unknown trade_type")
	case c.in["trade_type"] != "JSAPI":
		return &payNo{v2: "NOAUTH", zh: "商户没有开通 " + c.in["trade_type"], en: "the merchant has only JSAPI"}
	case !orderNumber.MatchString(o.no):
		return badParam("out_trade_no 不合要求", "out_trade_no must be 6 to 32 of the allowed characters")
	case !whole:
		return badParam("total_fee 必须是大于 0 的整数", "total_fee must be a whole number of fen, at least 1")
	case c.in["fee_type"] != "" && c.in["fee_type"] != "CNY":
		return badParam("fee_type 只能是 CNY", "fee_type must be CNY")
	case c.in["limit_pay"] != "" && c.in["limit_pay"] != "no_credit":
		return badParam("limit_pay 不对", "unknown limit_pay")
	case !isIP(c.in["spbill_create_ip"]):
		return badParam("spbill_create_ip 不是 IP", "spbill_create_ip is no address")
	case o.openID == "":
		return lacks("openid")
	}
	if no := notifyAddress(o.notifyURL, 256); no != nil {
		return no
	}
	start := s.opt.Now()
	if text := c.in["time_start"]; text != "" {
		at, err := time.ParseInLocation(v2Time, text, beijing)
		if err != nil {
			return badParam("time_start 格式不对", "time_start is malformed")
		}
		start = at
	}
	if text := c.in["time_expire"]; text != "" {
		at, err := time.ParseInLocation(v2Time, text, beijing)
		if err != nil {
			return badParam("time_expire 格式不对", "time_expire is malformed")
		}
		// An order sent again carries its first time, which may be near by now.
		if c.in["time_start"] == "" && s.pay.order("", o.no) != nil {
			start = at.Add(-time.Minute)
		}
		if at.Sub(start) < time.Minute {
			return badParam("time_expire 时间过短，刷卡至少 1 分钟", "time_expire must be at least a minute after the start")
		}
		o.expire = at
	}
	if o.person = s.payer(o.appID, o.openID); o.person == nil {
		return noPayer
	}
	same := maps.Clone(c.in)
	delete(same, "nonce_str")
	o.params = payString(same)
	o, no := s.placeOrder(o)
	if no != nil {
		return no
	}
	c.out["trade_type"], c.out["prepay_id"] = "JSAPI", o.prepay
	return nil
}

// v2Find reads which order is meant.
func (s *Server) v2Find(c *v2call) (*payOrder, *payNo) {
	if c.in["transaction_id"] == "" && c.in["out_trade_no"] == "" {
		return nil, lacks("out_trade_no")
	}
	o := s.pay.order(c.in["transaction_id"], c.in["out_trade_no"])
	if o == nil || o.appID != c.in["appid"] {
		return nil, noOrder
	}
	return o, nil
}

// v2Paid are the fields about a payment, in the query and in the notification (A5).
func (s *Server) v2Paid(o *payOrder) map[string]string {
	followed := "N"
	if o.appID == s.opt.AppID && o.person.chat.following {
		followed = "Y"
	}
	total := strconv.FormatInt(o.total, 10)
	return map[string]string{
		"openid": o.openID, "is_subscribe": followed, "trade_type": "JSAPI", "bank_type": "OTHERS", "total_fee": total, "fee_type": "CNY",
		"cash_fee": total, "cash_fee_type": "CNY", "transaction_id": o.transaction, "out_trade_no": o.no, "attach": o.attach,
		"time_end": o.paid.In(beijing).Format(v2Time),
	}
}

func (s *Server) v2Query(c *v2call) *payNo {
	o, no := s.v2Find(c)
	if no != nil {
		return no
	}
	state := s.seen(o)
	c.out["trade_state"], c.out["trade_state_desc"], c.out["out_trade_no"] = state, stateTexts[state], o.no
	c.out["total_fee"] = strconv.FormatInt(o.total, 10)
	if state == stateSuccess || state == stateRefund {
		maps.Copy(c.out, s.v2Paid(o))
	}
	return nil
}

func (s *Server) v2Close(c *v2call) *payNo {
	if no := c.need("out_trade_no"); no != nil {
		return no
	}
	o := s.pay.order("", c.in["out_trade_no"])
	switch {
	case o == nil || o.appID != c.in["appid"]:
		return noOrder
	case o.state(s.opt.Now()) == stateClosed:
		return noClosed
	}
	return s.closeOrder(o)
}

// v2Refund is A7.
func (s *Server) v2Refund(c *v2call) *payNo {
	if no := c.need("out_refund_no", "total_fee", "refund_fee"); no != nil {
		return no
	}
	total, whole := readFen(c.in["total_fee"])
	amount, wholeToo := readFen(c.in["refund_fee"])
	account := c.in["refund_account"]
	switch {
	case c.in["transaction_id"] == "" && c.in["out_trade_no"] == "":
		return lacks("out_trade_no")
	case !refundNumber.MatchString(c.in["out_refund_no"]):
		return badParam("out_refund_no 不合要求", "out_refund_no must be 1 to 64 of the allowed characters")
	case !whole || !wholeToo:
		return badParam("金额必须是大于 0 的整数", "amounts must be whole numbers of fen, at least 1")
	case c.in["refund_fee_type"] != "" && c.in["refund_fee_type"] != "CNY":
		return badParam("refund_fee_type 只能是 CNY", "refund_fee_type must be CNY")
	case utf8.RuneCountInString(c.in["refund_desc"]) > 80:
		return badParam("refund_desc 太长", "refund_desc is too long")
	case account != "" && account != "REFUND_SOURCE_UNSETTLED_FUNDS" && account != "REFUND_SOURCE_RECHARGE_FUNDS":
		return badParam("refund_account 不对", "unknown refund_account")
	}
	if text := c.in["notify_url"]; text != "" {
		if no := notifyAddress(text, 256); no != nil {
			return no
		}
	}
	o := s.pay.order(c.in["transaction_id"], c.in["out_trade_no"])
	switch {
	case o == nil && c.in["transaction_id"] != "":
		return &payNo{v2: "INVALID_TRANSACTIONID", zh: "transaction_id 不对", en: "no payment has this transaction_id"}
	case o == nil || o.appID != c.in["appid"]:
		return noRefunded
	}
	r, fresh, no := s.refund(&payRefund{
		order: o, no: c.in["out_refund_no"], amount: amount, reason: c.in["refund_desc"], account: account, notifyURL: c.in["notify_url"], version: 2,
	}, total)
	if no != nil {
		return no
	}
	text, back := strconv.FormatInt(o.total, 10), strconv.FormatInt(r.amount, 10)
	maps.Copy(c.out, map[string]string{
		"transaction_id": o.transaction, "out_trade_no": o.no, "out_refund_no": r.no, "refund_id": r.id, "refund_fee": back, "settlement_refund_fee": back,
		"total_fee": text, "settlement_total_fee": text, "cash_fee": text, "cash_refund_fee": back, "fee_type": "CNY", "coupon_refund_fee": "0", "coupon_refund_count": "0",
	})
	if fresh {
		s.startRefund(r)
	}
	return nil
}

func (s *Server) v2RefundQuery(c *v2call) *payNo {
	var list []*payRefund
	for _, o := range s.pay.orders {
		for _, r := range o.refunds {
			var match bool
			switch {
			case c.in["refund_id"] != "":
				match = r.id == c.in["refund_id"]
			case c.in["out_refund_no"] != "":
				match = r.no == c.in["out_refund_no"]
			case c.in["transaction_id"] != "":
				match = o.transaction == c.in["transaction_id"]
			case c.in["out_trade_no"] != "":
				match = o.no == c.in["out_trade_no"]
			default:
				return lacks("out_refund_no")
			}
			if match && o.appID == c.in["appid"] {
				list = append(list, r)
			}
		}
	}
	if len(list) == 0 {
		if c.in["refund_id"]+c.in["out_refund_no"]+c.in["transaction_id"]+c.in["out_trade_no"] == "" {
			return lacks("out_refund_no")
		}
		return noRefund
	}
	o := list[0].order
	total := strconv.FormatInt(o.total, 10)
	maps.Copy(c.out, map[string]string{
		"transaction_id": o.transaction, "out_trade_no": o.no, "total_fee": total, "cash_fee": total, "fee_type": "CNY", "refund_count": strconv.Itoa(len(list)),
	})
	for i, r := range list {
		n := "_" + strconv.Itoa(i)
		c.out["out_refund_no"+n], c.out["refund_id"+n], c.out["refund_channel"+n] = r.no, r.id, "ORIGINAL"
		c.out["refund_fee"+n], c.out["refund_status"+n] = strconv.FormatInt(r.amount, 10), r.v2Status()
		c.out["refund_account"+n], c.out["refund_recv_accout"+n] = r.source(), "支付用户零钱"
		if r.status == refundSuccess {
			c.out["refund_success_time"+n] = r.done.In(beijing).Format(time.DateTime)
		}
	}
	return nil
}

// source is the account that a refund is taken from, in the words of v2.
func (r *payRefund) source() string {
	if r.account != "" {
		return r.account
	}
	return "REFUND_SOURCE_UNSETTLED_FUNDS"
}

// sealECB makes the req_info of a v2 refund notification (A7).
func sealECB(apiKey, text string) string {
	sum := md5.Sum([]byte(apiKey)) //nolint:gosec // see the import
	block, err := aes.NewCipher([]byte(hex.EncodeToString(sum[:])))
	if err != nil {
		panic(err)
	}
	size := block.BlockSize()
	n := size - len(text)%size
	out := append([]byte(text), bytes.Repeat([]byte{byte(n)}, n)...)
	for i := 0; i < len(out); i += size {
		block.Encrypt(out[i:i+size], out[i:i+size])
	}
	return base64.StdEncoding.EncodeToString(out)
}
