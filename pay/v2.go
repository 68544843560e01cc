package pay

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// v2 is the XML API.
type v2 struct {
	*caller
	kind SignType
}

func newV2(c *caller, _ *keys) *v2 {
	g := &v2{caller: c, kind: c.m.SignType}
	if g.kind == "" {
		g.kind = HMACSHA256
	}
	return g
}

func (g *v2) Version() Version   { return V2 }
func (g *v2) MerchantID() string { return g.m.ID }

// seal adds what every message has, and the signature.
func (g *v2) seal(app string, f fields) string {
	f["appid"], f["mch_id"], f["nonce_str"], f["sign_type"] = app, g.m.ID, g.nonce(), string(g.kind)
	f["sign"] = signV2(f, g.m.V2Key, g.kind)
	return writeXML(f)
}

// call sends one message and reads the signed answer.
func (g *v2) call(ctx context.Context, client *http.Client, path, app string, f fields, private ...string) (fields, answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	a, err := g.post(ctx, client, path, g.seal(app, f), maxAnswer)
	if err != nil {
		return nil, a, err
	}
	out, err := g.read(a, private...)
	return out, a, err
}

func (g *v2) post(ctx context.Context, client *http.Client, path, body string, limit int64) (answer, error) {
	req, err := g.request(http.MethodPost, path, body)
	if err != nil {
		return answer{path: path}, err
	}
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	return g.send(ctx, client, req, path, limit)
}

// read checks an answer in the order of its levels: message, return_code, signature,
// merchant, result_code.
func (g *v2) read(a answer, private ...string) (fields, error) {
	f, err := readXML(a.body, "xml")
	switch {
	case !a.ok():
		return nil, a.problem("no success")
	case err != nil:
		return nil, a.problem("the answer is not XML of the protocol")
	case f["return_code"] != "SUCCESS":
		return nil, refusedV2(a, f, "return_msg", private)
	case !signedV2(f, g.m.V2Key, g.kind):
		return nil, a.problem("the signature of the answer is wrong")
	case f["mch_id"] != "" && f["mch_id"] != g.m.ID:
		return nil, a.problem("the answer is of another merchant")
	case f["result_code"] != "SUCCESS":
		return nil, refusedV2(a, f, "err_code_des", private)
	}
	return f, nil
}

func refusedV2(a answer, f fields, message string, private []string) error {
	code := f["err_code"]
	if code == "" {
		code = f["error_code"] // bills
	}
	if code == "" {
		code = "FAIL"
	}
	return &Refused{Code: cleanMessage(code), Message: cleanMessage(f[message], private...), Path: a.path, Status: a.status}
}

func (g *v2) Prepay(ctx context.Context, o Order) (Prepaid, error) {
	sent := g.now()
	o, err := o.clean(g.m, sent)
	if err != nil {
		return Prepaid{}, err
	}
	f := fields{
		"body": o.Description, "attach": o.Attach, "out_trade_no": o.OutTradeNo, "fee_type": "CNY",
		"total_fee": strconv.FormatInt(o.AmountFen, 10), "spbill_create_ip": o.ClientIP, "goods_tag": o.GoodsTag,
		"notify_url": o.NotifyURL, "trade_type": "JSAPI", "openid": o.OpenID,
	}
	if !o.ExpiresAt.IsZero() {
		f["time_expire"] = o.ExpiresAt.In(beijing).Format(v2Time)
	}
	for _, name := range []string{"attach", "goods_tag"} {
		if f[name] == "" {
			delete(f, name)
		}
	}
	out, a, err := g.call(ctx, g.http, "/pay/unifiedorder", o.AppID, f, o.OpenID)
	if err != nil {
		return Prepaid{}, err
	}
	if !prepayNo.MatchString(out["prepay_id"]) {
		return Prepaid{}, a.problem("the answer has no prepay_id")
	}
	return Prepaid{ID: out["prepay_id"], ExpiresAt: sent.Add(prepayLife)}, nil
}

func (g *v2) Query(ctx context.Context, r OrderRef) (Payment, error) {
	app, err := g.orderApp(r)
	if err != nil {
		return Payment{}, err
	}
	f, a, err := g.call(ctx, g.http, "/pay/orderquery", app, fields{"out_trade_no": r.OutTradeNo})
	if err != nil {
		return Payment{}, err
	}
	p, err := paymentV2(f, State(f["trade_state"]))
	if err != nil || p.OutTradeNo != r.OutTradeNo || p.AppID != app {
		return Payment{}, a.problem("the answer is not about this order, or malformed")
	}
	return p, nil
}

func (g *v2) Close(ctx context.Context, r OrderRef) error {
	app, err := g.orderApp(r)
	if err != nil {
		return err
	}
	_, _, err = g.call(ctx, g.http, "/pay/closeorder", app, fields{"out_trade_no": r.OutTradeNo})
	return err
}

func (g *v2) orderApp(r OrderRef) (string, error) {
	if !tradeNo.MatchString(r.OutTradeNo) {
		return "", &InputError{"out_trade_no", "malformed"}
	}
	return g.m.app(r.AppID)
}

func (g *v2) Refund(ctx context.Context, r RefundRequest) (Refund, error) {
	r, err := r.clean(g.m)
	if err != nil {
		return Refund{}, err
	}
	if g.secure == nil {
		return Refund{}, &KeyError{Finding{Item: ItemCertificate, Problem: ProblemMissing}}
	}
	f := fields{
		"out_trade_no": r.OutTradeNo, "out_refund_no": r.OutRefundNo, "total_fee": strconv.FormatInt(r.TotalFen, 10),
		"refund_fee": strconv.FormatInt(r.AmountFen, 10), "refund_fee_type": "CNY",
	}
	if r.Reason != "" {
		f["refund_desc"] = r.Reason
	}
	if r.NotifyURL != "" {
		f["notify_url"] = r.NotifyURL
	}
	if r.FromBalance {
		f["refund_account"] = "REFUND_SOURCE_RECHARGE_FUNDS"
	}
	out, a, err := g.call(ctx, g.secure, "/secapi/pay/refund", r.AppID, f)
	if err != nil {
		return Refund{}, err
	}
	total, err1 := out.fen("total_fee")
	amount, err2 := out.fen("refund_fee")
	other := out["out_trade_no"] != "" && out["out_trade_no"] != r.OutTradeNo // A7 does not promise it
	if err1 != nil || err2 != nil || out["out_refund_no"] != r.OutRefundNo || other || amount != r.AmountFen {
		return Refund{}, a.problem("the answer is not about this refund, or malformed")
	}
	return Refund{
		MerchantID: g.m.ID, OutTradeNo: r.OutTradeNo, TransactionID: out["transaction_id"], OutRefundNo: r.OutRefundNo,
		RefundID: out["refund_id"], State: RefundPending, TotalFen: total, AmountFen: amount,
	}, nil
}

func (g *v2) QueryRefund(ctx context.Context, r RefundRef) (Refund, error) {
	if !refundNo.MatchString(r.OutRefundNo) {
		return Refund{}, &InputError{"out_refund_no", "malformed"}
	}
	app, err := g.m.app(r.AppID)
	if err != nil {
		return Refund{}, err
	}
	f, a, err := g.call(ctx, g.http, "/pay/refundquery", app, fields{"out_refund_no": r.OutRefundNo})
	if err != nil {
		return Refund{}, err
	}
	for i := range maxFields {
		n := "_" + strconv.Itoa(i)
		if f["out_refund_no"+n] != r.OutRefundNo {
			continue
		}
		state, known := refundState(f["refund_status"+n])
		total, err1 := f.fen("total_fee")
		amount, err2 := f.fen("refund_fee" + n)
		if !known || err1 != nil || err2 != nil || amount < 1 {
			break
		}
		return Refund{
			MerchantID: g.m.ID, OutTradeNo: f["out_trade_no"], TransactionID: f["transaction_id"], OutRefundNo: r.OutRefundNo,
			RefundID: f["refund_id"+n], State: state, TotalFen: total, AmountFen: amount,
			Account: f["refund_recv_accout"+n], DoneAt: beijingTime(v2LongTime, f["refund_success_time"+n]),
		}, nil
	}
	return Refund{}, a.problem("the answer is not about this refund, or malformed")
}

func (g *v2) BridgeParams(prepayID, appID string) (Bridge, error) {
	b, err := g.bridge(prepayID, appID, string(g.kind))
	if err != nil {
		return Bridge{}, err
	}
	b.PaySign = signV2(fields{
		"appId": b.AppID, "timeStamp": b.TimeStamp, "nonceStr": b.NonceStr, "package": b.Package, "signType": b.SignType,
	}, g.m.V2Key, g.kind)
	return b, nil
}

// paymentV2 reads the fields that a notification and a query share.
func paymentV2(f fields, state State) (Payment, error) {
	p := Payment{
		MerchantID: f["mch_id"], AppID: f["appid"], OpenID: f["openid"], OutTradeNo: f["out_trade_no"],
		TransactionID: f["transaction_id"], State: state, Currency: f["fee_type"], TradeType: f["trade_type"],
		BankType: f["bank_type"], Attach: f["attach"], PaidAt: beijingTime(v2Time, f["time_end"]),
	}
	if p.Currency == "" {
		p.Currency = "CNY"
	}
	var err1, err2 error
	p.AmountFen, err1 = f.fen("total_fee")
	p.PayerFen, err2 = f.fen("cash_fee")
	if err1 != nil || err2 != nil || !p.sound() {
		return Payment{}, errXML
	}
	return p, nil
}

// sound reports whether a payment says what its state promises.
func (p Payment) sound() bool {
	if !p.State.known() || !tradeNo.MatchString(p.OutTradeNo) || p.MerchantID == "" {
		return false
	}
	return !p.Paid() || p.TransactionID != "" && p.AmountFen > 0 && p.AmountFen <= maxFen && !p.PaidAt.Equal(time.Time{})
}
