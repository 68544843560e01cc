package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

const (
	maxOrders   = 2000
	maxRefunds  = 50
	prepayLife  = 2 * time.Hour
	orderLife   = 7 * 24 * time.Hour // an unpaid order closes itself then
	refundYear  = 365 * 24 * time.Hour
	refundPause = time.Minute
)

// payOrder is an order of the merchant.
type payOrder struct {
	appID, no, openID     string
	body, attach          string
	notifyURL             string
	total                 int64
	version               int    // of the API, 2 or 3
	signType              string // of the order, MD5 or HMAC-SHA256; RSA with v3
	params                string // what a re-entry must repeat
	person                *persona
	created, expire       time.Time
	prepay                string
	prepaid, paid, closed time.Time
	transaction           string
	refunds               []*payRefund
	notice                *payNotice
	shipped               shipped
}

// payRefund is a refund of an order; its status is in the words of v3.
type payRefund struct {
	order         *payOrder
	id, no        string
	amount        int64
	reason        string
	account       string
	notifyURL     string
	version       int
	created, done time.Time
	status        string
}

const (
	refundRunning  = "PROCESSING"
	refundSuccess  = "SUCCESS"
	refundAbnormal = "ABNORMAL"
)

// v2Status is the status of a refund in the words of v2.
func (r *payRefund) v2Status() string {
	if r.status == refundAbnormal {
		return "CHANGE"
	}
	return r.status
}

// States of an order (A6, B5).
const (
	stateNotPay  = "NOTPAY"
	stateSuccess = "SUCCESS"
	stateRefund  = "REFUND"
	stateClosed  = "CLOSED"
)

var stateTexts = map[string]string{stateNotPay: "订单未支付", stateSuccess: "支付成功", stateRefund: "转入退款", stateClosed: "订单已关闭"}

func (o *payOrder) state(now time.Time) string {
	switch {
	case !o.paid.IsZero() && len(o.refunds) > 0:
		return stateRefund
	case !o.paid.IsZero():
		return stateSuccess
	case !o.closed.IsZero() || now.Sub(o.created) >= orderLife:
		return stateClosed
	}
	return stateNotPay
}

// seen is the state that a query tells: the switch keeps a payment back for a while.
func (s *Server) seen(o *payOrder) string {
	now := s.opt.Now()
	state := o.state(now)
	if !o.paid.IsZero() && now.Sub(o.paid) < s.pay.Late && s.acts(payQueryBehind) {
		s.note(LevelInfo, "pay", "开关起作用：查询还说未支付 "+o.no, "switch at work: the query does not know of the payment", "")
		return stateNotPay
	}
	return state
}

func (d *desk) find(match func(*payOrder) bool) *payOrder {
	if i := slices.IndexFunc(d.orders, match); i >= 0 {
		return d.orders[i]
	}
	return nil
}

// order finds by transaction id, or by number when that is empty.
func (d *desk) order(transaction, no string) *payOrder {
	return d.find(func(o *payOrder) bool {
		if transaction != "" {
			return o.transaction == transaction
		}
		return no != "" && o.no == no
	})
}

// place takes an order, or the same one again, and gives it a prepay_id that is fresh
// enough. The mutex is held, and parameters are checked.
func (s *Server) placeOrder(o *payOrder) (*payOrder, *payNo) {
	now := s.opt.Now()
	if old := s.pay.order("", o.no); old != nil {
		switch state := old.state(now); {
		case state == stateClosed:
			return nil, noClosed
		case state != stateNotPay:
			return nil, noPaid
		case old.version != o.version:
			return nil, noUsed
		case old.params != o.params:
			return nil, noReentry
		}
		if now.Sub(old.prepaid) >= prepayLife {
			old.prepay, old.prepaid = newPrepay(now), now
		}
		return old, nil
	}
	o.created, o.prepay, o.prepaid = now, newPrepay(now), now
	s.pay.orders = append(s.pay.orders, o)
	if extra := len(s.pay.orders) - maxOrders; extra > 0 {
		s.pay.orders = slices.Clone(s.pay.orders[extra:])
	}
	s.note(LevelOK, "pay", "下单 "+o.no+"：¥"+yuan(o.total), "order "+o.no+" placed, v"+strconv.Itoa(o.version), o.body)
	return o, nil
}

func newPrepay(now time.Time) string {
	return "wx" + now.In(beijing).Format("20060102150405") + random(20, hexes)
}

// closeOrder may be repeated.
func (s *Server) closeOrder(o *payOrder) *payNo {
	if !o.paid.IsZero() {
		return &payNo{"ORDERPAID", "TRADE_ERROR", 268449538, "订单已支付，不能关闭", "the order is paid and cannot be closed"}
	}
	if o.closed.IsZero() {
		o.closed = s.opt.Now()
		s.note(LevelOK, "pay", "关闭订单 "+o.no, "order "+o.no+" closed", "")
	}
	return nil
}

// unpayable says why an order cannot be paid now; nil when it can.
func (s *Server) unpayable(o *payOrder) *payNo {
	now := s.opt.Now()
	expired := &payNo{zh: "订单已过期", en: "the order or its prepay_id has expired"}
	switch state := o.state(now); {
	case state == stateClosed:
		return noClosed
	case state != stateNotPay:
		return noPaid
	case now.Sub(o.prepaid) >= prepayLife, !o.expire.IsZero() && !now.Before(o.expire):
		return expired
	}
	return nil
}

// settlePayment takes the money and tells the merchant; the mutex is held.
func (s *Server) settlePayment(o *payOrder) {
	now := s.opt.Now()
	o.paid, o.transaction = now, "4200"+now.In(beijing).Format("20060102")+random(16, digits)
	s.note(LevelOK, "pay", o.person.name+" 支付了 ¥"+yuan(o.total)+"："+o.no, o.person.id+" paid order "+o.no, "transaction_id="+o.transaction)
	o.notice = s.paidNotice(o)
	s.announce(o.notice)
}

// refund takes a refund, or the same one again; fresh tells them apart. The mutex is held,
// and the format of parameters is checked.
func (s *Server) refund(r *payRefund, total int64) (out *payRefund, fresh bool, no *payNo) {
	o, now := r.order, s.opt.Now()
	for _, other := range s.pay.orders {
		for _, old := range other.refunds {
			if old.no != r.no {
				continue
			}
			if other != o || old.amount != r.amount || total != o.total {
				return nil, false, badParam("退款单号重复，订单或金额与之前不一致", "the refund number was used for another order or amount")
			}
			return old, false, nil
		}
	}
	var back int64
	for _, old := range o.refunds {
		back += old.amount
	}
	switch {
	case o.paid.IsZero():
		return nil, false, &payNo{"ERROR", "INVALID_REQUEST", 268435464, "订单未支付，不能退款", "an unpaid order cannot be refunded"}
	case total != o.total:
		return nil, false, badParam("订单金额不一致", "the total is not that of the order")
	case r.amount > o.total-back:
		return nil, false, &payNo{"ERROR", "INVALID_REQUEST", 268435464, fmt.Sprintf("退款金额超过可退金额 ¥%s", yuan(o.total-back)), "more than what is left to refund"}
	case now.Sub(o.paid) > refundYear:
		return nil, false, &payNo{"TRADE_OVERDUE", "RULE_LIMIT", 268435464, "订单已超过一年，不能退款", "orders older than a year cannot be refunded"}
	case len(o.refunds) >= maxRefunds:
		return nil, false, &payNo{"INVALID_REQ_TOO_MUCH", "RULE_LIMIT", 268447840, "部分退款最多 50 次", "at most 50 partial refunds"}
	case len(o.refunds) > 0 && now.Sub(o.refunds[len(o.refunds)-1].created) < refundPause:
		return nil, false, tooOften
	case s.acts(payRefundRefused):
		return nil, false, noBalance
	}
	r.created, r.status, r.id = now, refundRunning, "5030"+now.In(beijing).Format("20060102")+random(16, digits)
	o.refunds = append(o.refunds, r)
	s.note(LevelOK, "pay", "受理退款 "+r.no+"：¥"+yuan(r.amount), "refund "+r.no+" accepted", "out_trade_no="+o.no)
	return r, true, nil
}

// startRefund brings a refund to its end: at once, or later when the switch says so. It
// comes after the answer was made, which says PROCESSING. The mutex is held.
func (s *Server) startRefund(r *payRefund) {
	status := refundSuccess
	if s.acts(payRefundAbnormal) {
		status = refundAbnormal
	}
	end := func() {
		r.status, r.done = status, s.opt.Now()
		s.note(LevelOK, "pay", "退款 "+r.no+"："+status, "refund "+r.no+": "+status, "")
		s.announce(s.refundNotice(r))
	}
	if !s.acts(payRefundSlow) {
		end()
		return
	}
	if s.closed {
		return
	}
	s.pushes.Go(func() {
		if !s.sleep(s.pay.Late) {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		end()
	})
}

// sleep lasts until the time is over; false when the sandbox closes before.
func (s *Server) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}
