package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// payNotice is a notification about a payment or a refund. All its deliveries carry the
// same body; version 3 signs each of them anew.
type payNotice struct {
	label, en string
	address   string
	version   int
	body      []byte
	key       payKey
	forged    bool
}

// v3Event is the envelope of a notification (B7).
func (s *Server) v3Event(kind, summary string, resource sealed) []byte {
	return compact(struct {
		ID       string `json:"id"`
		Created  string `json:"create_time"`
		Type     string `json:"resource_type"`
		Event    string `json:"event_type"`
		Summary  string `json:"summary"`
		Resource sealed `json:"resource"`
	}{
		random(8, hexes) + "-" + random(4, hexes) + "-5" + random(3, hexes) + "-" + random(4, hexes) + "-" + random(12, hexes),
		s.opt.Now().In(beijing).Format(time.RFC3339), "encrypt-resource", kind, summary, resource,
	})
}

// paidNotice writes the notification of a payment; the mutex is held.
func (s *Server) paidNotice(o *payOrder) *payNotice {
	n := &payNotice{label: "支付通知 " + o.no, en: "notification of payment " + o.no, address: o.notifyURL, version: o.version, forged: s.acts(payNotifyForged)}
	told := *o
	if s.acts(payNotifyAmount) {
		told.total++
	}
	if o.version == 3 {
		resource := sealGCM(s.pay.V3Key, "transaction", compact(s.v3Transaction(&told, stateSuccess)))
		resource.Original = "transaction"
		n.body, n.key = s.v3Event("TRANSACTION.SUCCESS", "支付成功", resource), s.noticeKey()
		return n
	}
	fields := s.v2Paid(&told)
	for name, value := range map[string]string{
		"return_code": "SUCCESS", "result_code": "SUCCESS", "appid": o.appID, "mch_id": s.pay.ID, "nonce_str": random(32, letters[:62]),
		"sandbox_added_field": "1",
	} {
		fields[name] = value
	}
	if o.signType == signHMAC {
		fields["sign_type"] = signHMAC
	}
	key := s.pay.V2Key
	if n.forged {
		key = "another key"
	}
	fields["sign"] = paySignature(fields, key, o.signType)
	n.body = []byte(writeXML("xml", fields))
	return n
}

// refundNotice writes the notification of a refund's end; the mutex is held.
func (s *Server) refundNotice(r *payRefund) *payNotice {
	o, amount := r.order, r.amount
	n := &payNotice{label: "退款通知 " + r.no, en: "notification of refund " + r.no, address: r.notifyURL, version: r.version, forged: s.acts(payNotifyForged)}
	if s.acts(payNotifyAmount) {
		amount++
	}
	if r.version == 3 {
		told := map[string]any{
			"mchid": s.pay.ID, "transaction_id": o.transaction, "out_trade_no": o.no, "refund_id": r.id, "out_refund_no": r.no, "refund_status": r.status,
			"user_received_account": "支付用户零钱", "amount": map[string]any{"total": o.total, "refund": amount, "payer_total": o.total, "payer_refund": amount},
		}
		summary := "退款异常"
		if r.status == refundSuccess {
			told["success_time"], summary = r.done.In(beijing).Format(time.RFC3339), "退款成功"
		}
		resource := sealGCM(s.pay.V3Key, "refund", compact(told))
		resource.Original = "refund"
		n.body, n.key = s.v3Event("REFUND."+r.status, summary, resource), s.noticeKey()
		return n
	}
	total, back := strconv.FormatInt(o.total, 10), strconv.FormatInt(amount, 10)
	told := map[string]string{
		"transaction_id": o.transaction, "out_trade_no": o.no, "refund_id": r.id, "out_refund_no": r.no, "total_fee": total, "settlement_total_fee": total,
		"refund_fee": back, "settlement_refund_fee": back, "refund_status": r.v2Status(), "refund_recv_accout": "支付用户零钱",
		"refund_account": r.source(), "refund_request_source": "API",
	}
	if r.status == refundSuccess {
		told["success_time"] = r.done.In(beijing).Format(time.DateTime)
	}
	key := s.pay.V2Key
	if n.forged {
		key = "another key"
	}
	n.body = []byte(writeXML("xml", map[string]string{
		"return_code": "SUCCESS", "appid": o.appID, "mch_id": s.pay.ID, "nonce_str": random(32, letters[:62]), "req_info": sealECB(key, writeXML("root", told)),
	}))
	return n
}

// announce starts the delivery of a notification; the mutex is held.
func (s *Server) announce(n *payNotice) {
	switch {
	case s.closed:
		return
	case n.address == "":
		s.note(LevelInfo, "pay", "没有通知地址："+n.label, "no notify_url for the "+n.en, "")
		return
	case s.acts(payNotifyOff):
		s.note(LevelInfo, "pay", "开关起作用：没有发 "+n.label, "switch at work: no "+n.en, "")
		return
	}
	var wait time.Duration
	if s.acts(payNotifyLate) {
		wait = s.pay.Late
	}
	times := 1
	if s.acts(payNotifyTripled) {
		times = 3
	}
	s.pushes.Go(func() {
		if !s.sleep(wait) {
			return
		}
		var copies sync.WaitGroup
		for range times {
			copies.Go(func() { s.notify(n) })
		}
		copies.Wait()
	})
}

// notify delivers until the merchant says that it understood, or the retries are used up.
func (s *Server) notify(n *payNotice) {
	for try := 0; ; try++ {
		s.mu.Lock()
		now := s.wireTime()
		s.mu.Unlock()
		head := http.Header{}
		if n.version == 3 {
			s.signHeaders(head, n.key, now, n.body, n.forged)
		}
		status, answer, err := s.postNotice(n.address, head, n.body)
		if s.ctx.Err() != nil {
			return
		}
		if err == nil {
			err = understood(n.version, status, answer)
		}
		s.mu.Lock()
		if err == nil {
			s.note(LevelOK, "pay", fmt.Sprintf("%s 成功（第 %d 次）", n.label, try+1), fmt.Sprintf("%s delivered, try %d", n.en, try+1), "")
		} else {
			s.note(LevelRefused, "pay", fmt.Sprintf("%s 失败（第 %d 次）", n.label, try+1), fmt.Sprintf("%s failed, try %d", n.en, try+1), err.Error())
		}
		s.mu.Unlock()
		if err == nil || try >= len(s.pay.Retries) || !s.sleep(s.pay.Retries[try]) {
			return
		}
	}
}

// understood reads the answer to a notification (A5, B7).
func understood(version, status int, answer []byte) error {
	if version == 3 {
		if status == http.StatusOK || status == http.StatusNoContent {
			return nil
		}
		return fmt.Errorf("answered %d", status)
	}
	fields, err := readXML(answer)
	switch {
	case status != http.StatusOK:
		return fmt.Errorf("answered %d", status)
	case err != nil:
		return err
	case fields["return_code"] != "SUCCESS":
		return fmt.Errorf("return_code is %.20q", fields["return_code"])
	}
	return nil
}

// postNotice is one delivery.
func (s *Server) postNotice(address string, head http.Header, body []byte) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.delays.pushTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, errAddress
	}
	req.Header = head
	req.Header.Set("Content-Type", "text/xml")
	if head.Get("Wechatpay-Serial") != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", "Mozilla/4.0")
	res, err := s.client.Do(req)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return 0, nil, errSlow
		}
		return 0, nil, errNoLine
	}
	defer func() { _ = res.Body.Close() }()
	answer, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return 0, nil, errors.New("the answer broke off")
	}
	return res.StatusCode, answer, nil
}

// NotifyAgain sends the notification of a paid order once more, with the same body. It
// starts at once and follows the switches.
func (s *Server) NotifyAgain(outTradeNo string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pay == nil {
		return errNoMerchant
	}
	o := s.pay.order("", outTradeNo)
	if o == nil || o.notice == nil {
		return fmt.Errorf("sandbox: no paid order is called %q", strings.ToValidUTF8(outTradeNo, "?"))
	}
	s.announce(o.notice)
	return nil
}
