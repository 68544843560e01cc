package sandbox

import (
	"time"
	"unicode/utf8"
)

// shipped is what the mini program told about an order's delivery.
type shipped struct {
	at    time.Time
	times int
}

const (
	maxShippedItem = 120
	shippedTimes   = 2 // the report and one correction
)

// miniShip takes the report of a delivery (pay protocol D2), as strictly as WeChat: it is of
// the payer's own paid order of this mini program, virtual goods come in one parcel, and a
// correction needs a later time.
func (s *Server) miniShip(c *call) (any, *refusal) {
	if no := s.checkMiniCall(c); no != nil {
		return nil, no
	}
	var in struct {
		Key struct {
			Type        int    `json:"order_number_type"`
			Merchant    string `json:"mchid"`
			Number      string `json:"out_trade_no"`
			Transaction string `json:"transaction_id"`
		} `json:"order_key"`
		Logistics int    `json:"logistics_type"`
		Mode      int    `json:"delivery_mode"`
		Time      string `json:"upload_time"`
		List      []struct {
			Item     string `json:"item_desc"`
			Tracking string `json:"tracking_no"`
			Express  string `json:"express_company"`
		} `json:"shipping_list"`
		Payer struct {
			OpenID string `json:"openid"`
		} `json:"payer"`
	}
	if no := c.json(&in); no != nil {
		return nil, no
	}
	wrong := func(zh, en string) (any, *refusal) { return nil, refuse(10060012, "invalid args", zh, en) }
	at, err := time.Parse("2006-01-02T15:04:05.000Z07:00", in.Time)
	switch {
	case in.Logistics < 1 || in.Logistics > 4:
		return wrong("logistics_type 应为 1 到 4", "logistics_type must be from 1 to 4")
	case in.Mode != 1 && (in.Mode != 2 || in.Logistics != 1):
		return wrong("delivery_mode 不对：只有快递可以分拆", "delivery_mode is wrong: only express may be split")
	case len(in.List) != 1 && in.Mode == 1:
		return wrong("shipping_list 应只有一项", "shipping_list must have one item")
	case len(in.List) == 0 || in.List[0].Item == "" || utf8.RuneCountInString(in.List[0].Item) > maxShippedItem:
		return wrong("item_desc 应为 1 到 120 字", "item_desc must have 1 to 120 characters")
	case in.Logistics == 1 && (in.List[0].Tracking == "" || in.List[0].Express == ""):
		return wrong("快递要有单号和公司", "express needs a number and a company")
	case err != nil:
		return wrong("upload_time 应为带毫秒的 RFC 3339", "upload_time must be RFC 3339 with milliseconds")
	case at.After(s.opt.Now().Add(10 * time.Minute)):
		return wrong("upload_time 在未来", "upload_time lies in the future")
	}
	o := s.shippedOrder(in.Key.Type, in.Key.Merchant, in.Key.Number, in.Key.Transaction)
	switch {
	case o == nil:
		return nil, refuse(10060001, "order not exist", "支付单不存在", "there is no such order")
	case !s.isMini(o.appID):
		return nil, refuse(10060001, "order not exist", "支付单不属于这个小程序", "the order is not of this mini program")
	case o.openID != in.Payer.OpenID:
		return nil, refuse(10060001, "order not exist", "payer 不是支付的人", "payer is not who paid")
	case o.state(s.opt.Now()) != "SUCCESS":
		return nil, refuse(10060004, "order state error", "支付单处于不可发货的状态", "the order is not in a state to ship")
	case o.shipped.times >= shippedTimes:
		return nil, refuse(10060003, "reship used", "已经更正过一次", "it was corrected once already")
	case o.shipped.times > 0 && !at.After(o.shipped.at):
		return wrong("更正的 upload_time 要更晚", "a correction needs a later upload_time")
	}
	o.shipped.at = at
	o.shipped.times++
	return map[string]any{"errcode": 0, "errmsg": "ok"}, nil
}

// shippedOrder finds an order by one of its two names; the mutex is held.
func (s *Server) shippedOrder(kind int, merchant, number, transaction string) *payOrder {
	if s.pay == nil {
		return nil
	}
	for _, o := range s.pay.orders {
		if kind == 1 && merchant == s.pay.ID && o.no == number || kind == 2 && transaction != "" && o.transaction == transaction {
			return o
		}
	}
	return nil
}
