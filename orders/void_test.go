package orders_test

import (
	"errors"
	"testing"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/pay"
)

func TestAPaidCardIsNotMadeVoidAndTheErrorNamesItsOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pay.V3, 5)
	claim, o := w.prepaid()
	w.ok(w.wechat.Pay(o.Number))
	w.deliver(w.caught(1))
	_, err := w.claims.Void(w.ctx(), w.boss, claim.ID, campaigns.Withdrawal{Reason: campaigns.VoidMistake})
	w.must(errors.Is(err, campaigns.ErrVoidPaid), "%v", err)
	w.must(fault.All(err)[0].Args["order"] == int64(o.ID), "%v", fault.All(err)[0].Args)
	w.must(w.state(claim) == campaigns.Confirmed, "the claim is %s", w.state(claim))
	w.adds()
}
