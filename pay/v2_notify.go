package pay

import (
	"context"
	"net/http"
	"slices"
)

// ParseNotify follows A5: size, shape, signature over every field, merchant, app, result.
func (g *v2) ParseNotify(_ context.Context, _ http.Header, body []byte) (Payment, error) {
	f, err := g.notifyFields(body)
	if err != nil {
		return Payment{}, err
	}
	switch {
	case f["sign"] == "" && f["req_info"] != "":
		return Payment{}, refuse(ReasonKind)
	case !signedV2(f, g.m.V2Key, g.kind):
		return Payment{}, refuse(ReasonSignature)
	}
	if err := g.ours(f); err != nil {
		return Payment{}, err
	}
	if f["result_code"] != "SUCCESS" {
		return Payment{}, refuse(ReasonKind)
	}
	p, err := paymentV2(f, Paid)
	if err != nil {
		return Payment{}, refuse(ReasonShape)
	}
	return p, nil
}

// ParseRefundNotify follows A7. That req_info decrypts is all its authenticity.
func (g *v2) ParseRefundNotify(_ context.Context, _ http.Header, body []byte) (Refund, error) {
	f, err := g.notifyFields(body)
	if err != nil {
		return Refund{}, err
	}
	if f["req_info"] == "" {
		return Refund{}, refuse(ReasonKind)
	}
	if err := g.ours(f); err != nil {
		return Refund{}, err
	}
	text, err := openECB(f["req_info"], g.m.V2Key)
	if err != nil {
		return Refund{}, refuse(ReasonCipher)
	}
	in, err := readXML(text, "root")
	if err != nil {
		return Refund{}, refuse(ReasonCipher)
	}
	state, known := refundState(in["refund_status"])
	total, err1 := in.fen("total_fee")
	amount, err2 := in.fen("refund_fee")
	if !known || err1 != nil || err2 != nil || amount < 1 || amount > total ||
		!tradeNo.MatchString(in["out_trade_no"]) || !refundNo.MatchString(in["out_refund_no"]) || in["refund_id"] == "" {
		return Refund{}, refuse(ReasonShape)
	}
	return Refund{
		MerchantID: g.m.ID, OutTradeNo: in["out_trade_no"], TransactionID: in["transaction_id"], OutRefundNo: in["out_refund_no"],
		RefundID: in["refund_id"], State: state, TotalFen: total, AmountFen: amount, Account: in["refund_recv_accout"],
		DoneAt: beijingTime(v2LongTime, in["success_time"]), Unsigned: true,
	}, nil
}

func (g *v2) notifyFields(body []byte) (fields, error) {
	if len(body) == 0 || len(body) > maxNotify {
		return nil, refuse(ReasonSize)
	}
	f, err := readXML(body, "xml")
	if err != nil {
		return nil, refuse(ReasonShape)
	}
	if f["return_code"] != "SUCCESS" {
		return nil, refuse(ReasonKind)
	}
	return f, nil
}

func (g *v2) ours(f fields) error {
	switch {
	case f["mch_id"] != g.m.ID:
		return refuse(ReasonMerchant)
	case !slices.Contains(g.m.AppIDs, f["appid"]):
		return refuse(ReasonApp)
	}
	return nil
}

// understoodV2 is the answer of A5, byte for byte.
const understoodV2 = "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>"

func (g *v2) NotifyOK() Reply {
	return Reply{http.StatusOK, "text/xml; charset=utf-8", []byte(understoodV2)}
}

func (g *v2) NotifyFail(message string) Reply {
	return Reply{http.StatusInternalServerError, "text/xml; charset=utf-8", []byte(writeXML(fields{
		"return_code": "FAIL", "return_msg": cut(message, 100),
	}))}
}
