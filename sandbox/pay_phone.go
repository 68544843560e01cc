package sandbox

import (
	"slices"
	"time"
)

// PayOrder is an order as the phone lists it.
type PayOrder struct {
	OutTradeNo  string      `json:"no"`
	Transaction string      `json:"transaction,omitempty"`
	PrepayID    string      `json:"prepay"`
	AppID       string      `json:"app"`
	OpenID      string      `json:"-"`
	Persona     string      `json:"persona"`
	Name        string      `json:"name"`
	Title       string      `json:"title"`
	Total       int64       `json:"total"` // fen
	State       string      `json:"state"` // NOTPAY, SUCCESS, REFUND, CLOSED
	Version     int         `json:"version"`
	At          time.Time   `json:"at"`
	PaidAt      time.Time   `json:"paid,omitzero"`
	Shipped     bool        `json:"shipped,omitempty"` // the mini program reported its delivery
	Refunds     []PayRefund `json:"refunds"`
}

// PayRefund is a refund of an order.
type PayRefund struct {
	OutRefundNo string `json:"no"`
	RefundID    string `json:"id"`
	Amount      int64  `json:"amount"` // fen
	Status      string `json:"status"` // PROCESSING, SUCCESS, ABNORMAL
}

// Orders lists the orders that are kept, the last 2000, oldest first.
func (s *Server) Orders() []PayOrder {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.orderViews(maxOrders)
}

// orderViews are the last orders, oldest first; the mutex is held.
func (s *Server) orderViews(limit int) []PayOrder {
	list := []PayOrder{}
	if s.pay == nil {
		return list
	}
	for _, o := range s.pay.orders[max(0, len(s.pay.orders)-limit):] {
		v := PayOrder{
			OutTradeNo: o.no, Transaction: o.transaction, PrepayID: o.prepay, AppID: o.appID, OpenID: o.openID, Persona: o.person.id, Name: o.person.name,
			Title: o.body, Total: o.total, State: o.state(s.opt.Now()), Version: o.version, At: o.created, PaidAt: o.paid, Shipped: o.shipped.times > 0, Refunds: []PayRefund{},
		}
		for _, r := range o.refunds {
			v.Refunds = append(v.Refunds, PayRefund{r.no, r.id, r.amount, r.status})
		}
		list = append(list, v)
	}
	return list
}

// shownOrders is how many orders the phone lists.
const shownOrders = 100

// payTab is what the phone's 支付 tab shows, newest first; the mutex is held.
func (s *Server) payTab() (merchant string, orders []PayOrder) {
	if s.pay != nil {
		merchant = s.pay.Name + " " + s.pay.ID
	}
	orders = s.orderViews(shownOrders)
	slices.Reverse(orders)
	return merchant, orders
}
