package orders_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kaquan/campaigns"
	"kaquan/orders"
	"kaquan/pay"
	"kaquan/redemption"
)

// TestMoneyAddsUpWhateverHappensInWhateverOrder lets visitors, staff, WeChat, the clock and
// lost messages act in any order. After every step the identities of money and of stock
// hold; once everything has settled, WeChat and we agree on every order.
func TestMoneyAddsUpWhateverHappensInWhateverOrder(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, version pay.Version) {
		rapid.Check(t, func(r *rapid.T) {
			w := newWorld(t, version, 4)
			m := &model{world: w, r: r}
			r.Repeat(map[string]func(*rapid.T){
				"claim":   m.claimOne,
				"pay":     m.tapPay,
				"money":   m.moneyComes,
				"deliver": m.deliverOne,
				"refresh": m.refreshOne,
				"sweep":   m.sweep,
				"clock":   m.clockRuns,
				"redeem":  m.redeemOne,
				"ask":     m.askRefund,
				"say":     m.sayRefund,
				"own":     m.ownRefund,
				"fail":    m.wechatFails,
				"":        func(*rapid.T) { w.adds() },
			})
			m.settle()
		})
	})
}

type model struct {
	*world
	r     *rapid.T
	held  []*campaigns.Claim
	asked []orders.RefundID
	keys  int
}

func (m *model) pick(r *rapid.T) *campaigns.Claim {
	if len(m.held) == 0 {
		r.Skip("nobody has a claim")
	}
	return rapid.SampledFrom(m.held).Draw(r, "claim")
}

// allowed fails the test for an error that is none of those that may be.
func (m *model) allowed(err error, those ...error) {
	m.Helper()
	if err == nil {
		return
	}
	for _, one := range those {
		if errors.Is(err, one) {
			return
		}
	}
	m.Fatalf("unexpected: %v", err)
}

func (m *model) claimOne(*rapid.T) {
	claim, err := m.claim()
	m.allowed(err, campaigns.ErrSoldOut)
	if err == nil {
		m.held = append(m.held, claim)
	}
}

func (m *model) tapPay(r *rapid.T) {
	_, _, err := m.world.pay(m.pick(r))
	m.allowed(err, orders.ErrOver, orders.ErrGateway)
}

func (m *model) moneyComes(r *rapid.T) {
	claim := m.pick(r)
	o, err := m.orders.OrderOfClaim(m.ctx(), claim.ID)
	if err != nil || o.PrepayID == "" {
		r.Skip("no order")
	}
	if m.wechat.Pay(o.Number) != nil {
		r.Skip("WeChat takes no money for it")
	}
}

func (m *model) deliverOne(r *rapid.T) {
	m.mu.Lock()
	list := append([]notice(nil), m.notices...)
	m.mu.Unlock()
	if len(list) == 0 {
		r.Skip("nothing came")
	}
	n := rapid.SampledFrom(list).Draw(r, "notice")
	for range rapid.IntRange(1, 3).Draw(r, "times") {
		m.world.deliver(n)
	}
}

func (m *model) refreshOne(r *rapid.T) {
	claim := m.pick(r)
	_, err := m.orders.Refresh(m.ctx(), claim.ID, claim.Visitor)
	m.allowed(err, orders.ErrNotFound, orders.ErrGateway)
}

func (m *model) sweep(r *rapid.T) {
	if rapid.Bool().Draw(r, "claims") {
		_, err := m.claims.Sweep(m.ctx())
		m.ok(err)
		return
	}
	_, err := m.orders.Sweep(m.ctx())
	m.ok(err)
}

func (m *model) clockRuns(r *rapid.T) {
	m.step(rapid.SampledFrom([]time.Duration{10 * time.Second, time.Minute, 6 * time.Minute, 16 * time.Minute, 3 * time.Hour}).Draw(r, "time"))
}

func (m *model) redeemOne(r *rapid.T) {
	m.keys++
	_, _, err := m.tills.Redeem(m.ctx(), &m.till, redemption.Confirm{Claim: m.pick(r).ID, Key: fmt.Sprintf("redeem-%d", m.keys)})
	m.allowed(err, redemption.ErrRefused)
}

func (m *model) askRefund(r *rapid.T) {
	o, err := m.orders.OrderOfClaim(m.ctx(), m.pick(r).ID)
	if err != nil {
		r.Skip("no order")
	}
	m.keys++
	asked, err := m.orders.AskRefund(m.ctx(), m.boss, orders.Ask{Order: o.ID, Fen: rapid.SampledFrom([]int64{0, 1, 330, 989, 990}).Draw(r, "fen"), Reason: "试试", Key: fmt.Sprintf("ask-key-%d", m.keys)})
	m.allowed(err, orders.ErrTooMuch, orders.ErrNotPaid, orders.ErrUsed)
	if err == nil {
		m.asked = append(m.asked, asked.ID)
	}
}

func (m *model) sayRefund(r *rapid.T) {
	if len(m.asked) == 0 {
		r.Skip("nobody asked")
	}
	id := rapid.SampledFrom(m.asked).Draw(r, "refund")
	var err error
	if rapid.Bool().Draw(r, "approve") {
		_, err = m.orders.ApproveRefund(m.ctx(), m.boss, id)
	} else {
		_, err = m.orders.RejectRefund(m.ctx(), m.boss, id)
	}
	m.allowed(err, orders.ErrRefundState, orders.ErrUsed)
}

func (m *model) ownRefund(r *rapid.T) {
	claim := m.pick(r)
	_, err := m.orders.RefundOwn(m.ctx(), claim.ID, claim.Visitor)
	m.allowed(err, orders.ErrNotFound, orders.ErrNotPaid, orders.ErrUsed, orders.ErrTooMuch, orders.ErrRefundState)
}

// wechatFails has the next call of a kind fail.
func (m *model) wechatFails(r *rapid.T) {
	m.ok(m.wechat.FailPay(rapid.SampledFrom([]string{"order", "query", "close", "refund", "refundquery"}).Draw(r, "call"), "SYSTEMERROR"))
}

// settle lets everything come to its end and compares with WeChat's books.
func (m *model) settle() {
	for _, id := range m.asked {
		if _, err := m.orders.ApproveRefund(m.ctx(), m.boss, id); err != nil {
			m.allowed(err, orders.ErrRefundState, orders.ErrUsed)
		}
	}
	for range 12 {
		m.step(35 * time.Minute)
		_, err := m.orders.Sweep(m.ctx())
		m.ok(err)
		_, err = m.claims.Sweep(m.ctx())
		m.ok(err)
	}
	m.adds()
	books := map[string]string{}
	back := map[string]int64{}
	for _, o := range m.wechat.Orders() {
		books[o.OutTradeNo] = o.State
		for _, refund := range o.Refunds {
			back[o.OutTradeNo] += refund.Amount
		}
	}
	for _, claim := range m.held {
		o, err := m.orders.OrderOfClaim(m.ctx(), claim.ID)
		if errors.Is(err, orders.ErrNotFound) {
			m.must(m.state(claim) == campaigns.Released, "a claim without an order is %s", m.state(claim))
			continue
		}
		m.ok(err)
		took := books[o.Number] == "SUCCESS" || books[o.Number] == "REFUND"
		m.must(took == !o.PaidAt.IsZero(), "WeChat says %s, we say %s", books[o.Number], o.State)
		m.must(!o.Open(), "order %s is open for ever", o.Number)
		refunds, err := m.orders.RefundsOf(m.ctx(), o.ID)
		m.ok(err)
		var ours int64
		for _, refund := range refunds {
			if refund.State == orders.Back || refund.State == orders.Sent {
				ours += refund.Fen
			}
		}
		m.must(ours == back[o.Number], "WeChat paid back %d fen, we count %d: %+v", back[o.Number], ours, refunds)
		has := m.state(claim).Bucket() == campaigns.GivenOut
		m.must(has == (o.State == orders.Paid), "order %s, card %s", o.State, m.state(claim))
	}
}

func TestMoneyIsNeverAFloat(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"*.go", "../campaigns/price.go", "../db/orders*.go", "../db/refunds.go", "../stores/goods.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.Ident:
					if n.Name == "float64" || n.Name == "float32" || n.Name == "ParseFloat" {
						t.Errorf("%s: %s", name, n.Name)
					}
				case *ast.BasicLit:
					if n.Kind == token.FLOAT {
						t.Errorf("%s: %s", name, n.Value)
					}
				}
				return true
			})
		}
	}
}
