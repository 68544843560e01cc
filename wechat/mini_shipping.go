package wechat

import (
	"context"
	"errors"
	"net/url"
	"time"
	"unicode/utf8"
)

// Shipping says what a mini program's order was fulfilled with.
type Shipping struct {
	MerchantID string
	OutTradeNo string
	Item       string // what was bought; cut to 120 characters
	Payer      OpenID
	At         time.Time // a later report needs a later time
}

const maxShippingItem = 120

// Answers that say that an order is reported already.
const (
	codeShipped      = 10060002
	codeShippedTwice = 10060003
)

// UploadShipping reports an order of virtual goods as delivered, which sets its money free
// (pay protocol D2). One that is reported already is no error, so a repeat is safe.
func (a *Account) UploadShipping(ctx context.Context, s Shipping) error {
	const path = "/wxa/sec/order/upload_shipping_info"
	item := s.Item
	if utf8.RuneCountInString(item) > maxShippingItem {
		item = string([]rune(item)[:maxShippingItem])
	}
	body := map[string]any{
		"order_key":      map[string]any{"order_number_type": 1, "mchid": s.MerchantID, "out_trade_no": s.OutTradeNo},
		"logistics_type": 3, "delivery_mode": 1,
		"shipping_list": []map[string]string{{"item_desc": item}},
		"upload_time":   s.At.In(time.FixedZone("CST", 8*60*60)).Format("2006-01-02T15:04:05.000Z07:00"),
		"payer":         map[string]string{"openid": string(s.Payer)},
	}
	err := a.withToken(ctx, func(token string) error {
		return a.client.post(ctx, path, url.Values{"access_token": {token}}, body, nil, token, string(s.Payer))
	})
	var answer *APIError
	if errors.As(err, &answer) && (answer.Code == codeShipped || answer.Code == codeShippedTwice) {
		return nil
	}
	return err
}
