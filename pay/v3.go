package pay

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// v3 is the JSON API.
type v3 struct {
	*caller
	keys *keys
	ring *ring
}

func newV3(c *caller, k *keys) *v3 { return &v3{caller: c, keys: k, ring: newRing(k.verifiers)} }

func (g *v3) Version() Version   { return V3 }
func (g *v3) MerchantID() string { return g.m.ID }

// exchange signs and sends; it does not verify.
func (g *v3) exchange(ctx context.Context, method, target, name, body string) (answer, error) {
	req, err := g.signed(method, target, body)
	if err != nil {
		return answer{path: name}, err
	}
	req.Header.Set("Accept", "application/json")
	return g.send(ctx, g.http, req, name, maxAnswer)
}

func (g *v3) signed(method, target, body string) (*http.Request, error) {
	req, err := g.request(method, target, body)
	if err != nil {
		return nil, err
	}
	if err := g.authorize(req, body); err != nil {
		return nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if id := g.ring.preferred(g.now()); id != "" {
		req.Header.Set("Wechatpay-Serial", id)
	}
	return req, nil
}

// call makes one call and verifies a success before it is read. name is what errors call
// it. A failure is not verified (B2).
func (g *v3) call(ctx context.Context, method, target, name string, in, out any, private ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	body := ""
	if in != nil {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(in); err != nil {
			return answer{path: name}, err
		}
		body = string(bytes.TrimSpace(b.Bytes()))
	}
	a, err := g.exchange(ctx, method, target, name, body)
	if err != nil {
		return a, err
	}
	if !a.ok() {
		return a, refusedV3(a, private...)
	}
	if why := g.verify(ctx, a.header, a.body); why != "" {
		return a, a.problem("the answer cannot be verified: " + string(why))
	}
	if out != nil && json.Unmarshal(a.body, out) != nil {
		return a, a.problem("the answer is not JSON of the protocol")
	}
	return a, nil
}

func refusedV3(a answer, private ...string) error {
	var e struct{ Code, Message string }
	if json.Unmarshal(a.body, &e) != nil || e.Code == "" {
		return a.problem("no success, and no code")
	}
	return &Refused{
		Code: cleanMessage(e.Code), Message: cleanMessage(e.Message, private...), Path: a.path, Status: a.status,
		ID: cleanMessage(a.header.Get("Request-ID")),
	}
}

type amountV3 struct {
	Total      int64  `json:"total"`
	Refund     int64  `json:"refund,omitempty"`
	PayerTotal int64  `json:"payer_total,omitempty"`
	Currency   string `json:"currency,omitempty"`
}

func (a amountV3) sound() bool {
	return a.Total >= 0 && a.Total <= maxFen && a.Refund >= 0 && a.Refund <= maxFen && a.PayerTotal >= 0 && a.PayerTotal <= maxFen
}

type payerV3 struct {
	OpenID string `json:"openid"`
}

type orderV3 struct {
	AppID       string   `json:"appid"`
	Merchant    string   `json:"mchid"`
	Description string   `json:"description"`
	OutTradeNo  string   `json:"out_trade_no"`
	TimeExpire  string   `json:"time_expire,omitempty"`
	Attach      string   `json:"attach,omitempty"`
	NotifyURL   string   `json:"notify_url"`
	GoodsTag    string   `json:"goods_tag,omitempty"`
	Amount      amountV3 `json:"amount"`
	Payer       payerV3  `json:"payer"`
	Scene       struct {
		IP string `json:"payer_client_ip"`
	} `json:"scene_info"`
}

func (g *v3) Prepay(ctx context.Context, o Order) (Prepaid, error) {
	sent := g.now()
	o, err := o.clean(g.m, sent)
	if err != nil {
		return Prepaid{}, err
	}
	in := orderV3{
		AppID: o.AppID, Merchant: g.m.ID, Description: o.Description, OutTradeNo: o.OutTradeNo, Attach: o.Attach,
		NotifyURL: o.NotifyURL, GoodsTag: o.GoodsTag, Amount: amountV3{Total: o.AmountFen, Currency: "CNY"}, Payer: payerV3{o.OpenID},
	}
	in.Scene.IP = o.ClientIP
	if !o.ExpiresAt.IsZero() {
		in.TimeExpire = o.ExpiresAt.In(beijing).Format(time.RFC3339)
	}
	const path = "/v3/pay/transactions/jsapi"
	var out struct {
		ID string `json:"prepay_id"`
	}
	a, err := g.call(ctx, http.MethodPost, path, path, in, &out, o.OpenID)
	if err != nil {
		return Prepaid{}, err
	}
	if !prepayNo.MatchString(out.ID) {
		return Prepaid{}, a.problem("the answer has no prepay_id")
	}
	return Prepaid{ID: out.ID, ExpiresAt: sent.Add(prepayLife)}, nil
}

const tradePath = "/v3/pay/transactions/out-trade-no/"

func (g *v3) Query(ctx context.Context, r OrderRef) (Payment, error) {
	if !tradeNo.MatchString(r.OutTradeNo) {
		return Payment{}, &InputError{"out_trade_no", "malformed"}
	}
	var out transaction
	path := tradePath + url.PathEscape(r.OutTradeNo)
	a, err := g.call(ctx, http.MethodGet, path+"?mchid="+url.QueryEscape(g.m.ID), path, nil, &out)
	if err != nil {
		return Payment{}, err
	}
	p, ok := out.payment()
	if !ok || p.OutTradeNo != r.OutTradeNo || p.MerchantID != g.m.ID {
		return Payment{}, a.problem("the answer is not about this order, or malformed")
	}
	return p, nil
}

func (g *v3) Close(ctx context.Context, r OrderRef) error {
	if !tradeNo.MatchString(r.OutTradeNo) {
		return &InputError{"out_trade_no", "malformed"}
	}
	path := tradePath + url.PathEscape(r.OutTradeNo) + "/close"
	_, err := g.call(ctx, http.MethodPost, path, path, map[string]string{"mchid": g.m.ID}, nil)
	return err
}

type refundRequestV3 struct {
	OutTradeNo  string   `json:"out_trade_no"`
	OutRefundNo string   `json:"out_refund_no"`
	Reason      string   `json:"reason,omitempty"`
	NotifyURL   string   `json:"notify_url,omitempty"`
	Funds       string   `json:"funds_account,omitempty"`
	Amount      amountV3 `json:"amount"`
}

const refundPath = "/v3/refund/domestic/refunds"

func (g *v3) Refund(ctx context.Context, r RefundRequest) (Refund, error) {
	r, err := r.clean(g.m)
	if err != nil {
		return Refund{}, err
	}
	in := refundRequestV3{
		OutTradeNo: r.OutTradeNo, OutRefundNo: r.OutRefundNo, Reason: r.Reason, NotifyURL: r.NotifyURL,
		Amount: amountV3{Total: r.TotalFen, Refund: r.AmountFen, Currency: "CNY"},
	}
	if r.FromBalance {
		in.Funds = "AVAILABLE"
	}
	var out refundV3
	a, err := g.call(ctx, http.MethodPost, refundPath, refundPath, in, &out)
	if err != nil {
		return Refund{}, err
	}
	done, ok := out.refund(g.m.ID)
	if !ok || done.OutRefundNo != r.OutRefundNo || done.OutTradeNo != r.OutTradeNo || done.AmountFen != r.AmountFen {
		return Refund{}, a.problem("the answer is not about this refund, or malformed")
	}
	return done, nil
}

func (g *v3) QueryRefund(ctx context.Context, r RefundRef) (Refund, error) {
	if !refundNo.MatchString(r.OutRefundNo) {
		return Refund{}, &InputError{"out_refund_no", "malformed"}
	}
	path := refundPath + "/" + url.PathEscape(r.OutRefundNo)
	var out refundV3
	a, err := g.call(ctx, http.MethodGet, path, path, nil, &out)
	if err != nil {
		return Refund{}, err
	}
	found, ok := out.refund(g.m.ID)
	if !ok || found.OutRefundNo != r.OutRefundNo {
		return Refund{}, a.problem("the answer is not about this refund, or malformed")
	}
	return found, nil
}

// BridgeParams signs four lines; signType is not among them (B4).
func (g *v3) BridgeParams(prepayID, appID string) (Bridge, error) {
	b, err := g.bridge(prepayID, appID, "RSA")
	if err != nil {
		return Bridge{}, err
	}
	b.PaySign, err = signV3(g.keys.private, lines(b.AppID, b.TimeStamp, b.NonceStr, b.Package))
	if err != nil {
		return Bridge{}, &KeyError{Finding{Item: ItemPrivateKey, Problem: ProblemShape}}
	}
	return b, nil
}
