package pay

import "time"

// transaction is a payment in v3, answered or notified (B5).
type transaction struct {
	AppID         string   `json:"appid"`
	Merchant      string   `json:"mchid"`
	OutTradeNo    string   `json:"out_trade_no"`
	TransactionID string   `json:"transaction_id"`
	TradeType     string   `json:"trade_type"`
	State         State    `json:"trade_state"`
	BankType      string   `json:"bank_type"`
	Attach        string   `json:"attach"`
	SuccessTime   string   `json:"success_time"`
	Payer         payerV3  `json:"payer"`
	Amount        amountV3 `json:"amount"`
}

func (t transaction) payment() (Payment, bool) {
	p := Payment{
		MerchantID: t.Merchant, AppID: t.AppID, OpenID: t.Payer.OpenID, OutTradeNo: t.OutTradeNo, TransactionID: t.TransactionID,
		State: t.State, AmountFen: t.Amount.Total, PayerFen: t.Amount.PayerTotal, Currency: t.Amount.Currency,
		TradeType: t.TradeType, BankType: t.BankType, Attach: t.Attach, PaidAt: offsetTime(t.SuccessTime),
	}
	if p.Currency == "" {
		p.Currency = "CNY"
	}
	return p, t.Amount.sound() && p.sound()
}

// refundV3 is a refund, answered or notified: one calls its state status, the other
// refund_status (B6, B7).
type refundV3 struct {
	Merchant      string   `json:"mchid"`
	RefundID      string   `json:"refund_id"`
	OutRefundNo   string   `json:"out_refund_no"`
	TransactionID string   `json:"transaction_id"`
	OutTradeNo    string   `json:"out_trade_no"`
	Account       string   `json:"user_received_account"`
	SuccessTime   string   `json:"success_time"`
	Status        string   `json:"status"`
	RefundStatus  string   `json:"refund_status"`
	Amount        amountV3 `json:"amount"`
}

func (r refundV3) refund(merchant string) (Refund, bool) {
	status := r.Status
	if status == "" {
		status = r.RefundStatus
	}
	state, known := refundState(status)
	out := Refund{
		MerchantID: merchant, OutTradeNo: r.OutTradeNo, TransactionID: r.TransactionID, OutRefundNo: r.OutRefundNo,
		RefundID: r.RefundID, State: state, TotalFen: r.Amount.Total, AmountFen: r.Amount.Refund,
		Account: r.Account, DoneAt: offsetTime(r.SuccessTime),
	}
	return out, known && r.Amount.sound() && out.AmountFen > 0 && out.AmountFen <= out.TotalFen &&
		tradeNo.MatchString(out.OutTradeNo) && refundNo.MatchString(out.OutRefundNo) && out.RefundID != ""
}

func offsetTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
