package orders_test

import (
	"crypto/md5" //nolint:gosec // the protocol says MD5
	"encoding/hex"
	"errors"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/orders"
	"kaquan/pay"
	"kaquan/redemption"
	"kaquan/sandbox"
)

func both(t *testing.T, test func(t *testing.T, version pay.Version)) {
	for _, version := range []pay.Version{pay.V2, pay.V3} {
		t.Run(string(version), func(t *testing.T) {
			t.Parallel()
			test(t, version)
		})
	}
}

func TestACardIsPaidUsedAndThenNotPaidBack(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, version pay.Version) {
		w := newWorld(t, version, 5)
		claim, o := w.prepaid()
		w.must(w.state(claim) == campaigns.Held, "before paying the card is %s", w.state(claim))
		again, bridge, err := w.pay(claim)
		w.ok(err)
		w.must(again.Number == o.Number && again.PrepayID == o.PrepayID && bridge.Package == "prepay_id="+o.PrepayID, "a second tap gave %+v", again)
		w.ok(w.wechat.Pay(o.Number))
		n := w.caught(1)
		reply := w.deliver(n)
		w.must(reply.Status < 300, "answer %d", reply.Status)
		w.must(w.state(claim) == campaigns.Confirmed && w.order(claim).State == orders.Paid, "card %s, order %s", w.state(claim), w.order(claim).State)
		w.adds()
		w.deliver(n)
		w.deliver(n)
		w.must(w.counted["payment applied"] == 1 && w.counted["payment repeated"] == 2, "counted %v", w.counted)
		paid, bridge, err := w.pay(claim)
		w.ok(err)
		w.must(paid.State == orders.Paid && bridge.PaySign == "", "paying again: %+v", paid)

		_, _, err = w.tills.Redeem(w.ctx(), &w.till, redemption.Confirm{Claim: claim.ID, Key: "redeem-it"})
		w.ok(err)
		_, err = w.orders.AskRefund(w.ctx(), w.boss, orders.Ask{Order: o.ID, Reason: "客人要退", Key: "refund-key"})
		w.must(errors.Is(err, orders.ErrUsed), "refund of a used card: %v", err)
		_, err = w.orders.RefundOwn(w.ctx(), claim.ID, claim.Visitor)
		w.must(errors.Is(err, orders.ErrUsed), "own refund of a used card: %v", err)
		w.adds()
	})
}

func TestMoneyGoesBackAndSoDoesTheStock(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, version pay.Version) {
		w := newWorld(t, version, 1)
		claim, o := w.prepaid()
		w.ok(w.wechat.Pay(o.Number))
		w.deliver(w.caught(1))
		_, err := w.claim()
		w.must(errors.Is(err, campaigns.ErrSoldOut), "%v", err)
		asked, err := w.orders.AskRefund(w.ctx(), w.boss, orders.Ask{Order: o.ID, Reason: "客人要退", Key: "refund-key"})
		w.ok(err)
		w.must(asked.State == orders.Asked && asked.Fen == 990 && w.state(claim) == campaigns.Confirmed, "asked %+v", asked)
		same, err := w.orders.AskRefund(w.ctx(), w.boss, orders.Ask{Order: o.ID, Reason: "客人要退", Key: "another-key"})
		w.must(err != nil, "more than there is was set aside: %+v", same)
		sent, err := w.orders.ApproveRefund(w.ctx(), w.boss, asked.ID)
		w.ok(err)
		w.must(sent.State == orders.Sent && sent.Whole && w.state(claim) == campaigns.Released && w.order(claim).State == orders.Refunding, "sent %+v, card %s", sent, w.state(claim))
		w.adds()
		_, _, err = w.tills.Redeem(w.ctx(), &w.till, redemption.Confirm{Claim: claim.ID, Key: "redeem-it"})
		w.must(errors.Is(err, redemption.ErrRefused), "a card that was paid back was used: %v", err)
		n := w.caught(2)
		w.must(n.kind == "refund", "came a %s", n.kind)
		w.deliver(n)
		w.deliver(n)
		w.must(w.order(claim).State == orders.Refunded, "order %s", w.order(claim).State)
		w.adds()
		_, err = w.claim()
		w.ok(err) // somebody else gets the card
	})
}

func TestPartsGoBackWhileTheCardStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pay.V3, 3)
	claim, o := w.prepaid()
	w.ok(w.wechat.Pay(o.Number))
	w.deliver(w.caught(1))
	for i, fen := range []int64{300, 300} {
		r, err := w.orders.AskRefund(w.ctx(), w.boss, orders.Ask{Order: o.ID, Fen: fen, Reason: "少了一杯", Key: "refund-key-" + string(rune('a'+i))})
		w.ok(err)
		_, err = w.orders.ApproveRefund(w.ctx(), w.boss, r.ID)
		w.ok(err)
		w.adds()
		w.step(2 * time.Minute)
	}
	w.must(w.state(claim) == campaigns.Confirmed && w.order(claim).State == orders.Paid && w.order(claim).BackFen == 600, "order %+v", w.order(claim))
	_, err := w.orders.AskRefund(w.ctx(), w.boss, orders.Ask{Order: o.ID, Fen: 391, Reason: "太多", Key: "refund-key-c"})
	w.must(errors.Is(err, orders.ErrTooMuch), "%v", err)
	rest, err := w.orders.AskRefund(w.ctx(), w.boss, orders.Ask{Order: o.ID, Reason: "剩下的", Key: "refund-key-d"})
	w.ok(err)
	rejected, err := w.orders.RejectRefund(w.ctx(), w.boss, rest.ID)
	w.ok(err)
	w.must(rejected.State == orders.Rejected && w.order(claim).BackFen == 600, "after the rejection %+v", w.order(claim))
	_, err = w.orders.ApproveRefund(w.ctx(), w.boss, rest.ID)
	w.must(errors.Is(err, orders.ErrRefundState), "%v", err)
	o, err = w.orders.RefundOwn(w.ctx(), claim.ID, claim.Visitor)
	w.ok(err)
	w.must(o.State == orders.Refunding && w.state(claim) == campaigns.Released, "order %s", o.State)
	w.step(time.Minute)
	_, err = w.orders.Sweep(w.ctx())
	w.ok(err)
	w.must(w.order(claim).State == orders.Refunded, "order %s", w.order(claim).State)
	w.adds()
}

func TestWithoutANotificationTheVisitorOrTheSweeperFindsThePayment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pay.V3, 5)
	w.ok(w.wechat.SetSwitch("pay_notify_off", true))
	claim, o := w.prepaid()
	got, err := w.orders.Refresh(w.ctx(), claim.ID, claim.Visitor)
	w.ok(err)
	w.must(got.State == orders.Prepaid, "before paying: %s", got.State)
	w.ok(w.wechat.Pay(o.Number))
	got, err = w.orders.Refresh(w.ctx(), claim.ID, claim.Visitor)
	w.ok(err)
	w.must(got.State == orders.Paid && w.state(claim) == campaigns.Confirmed, "asked: %s", got.State)
	_, err = w.orders.Refresh(w.ctx(), claim.ID, claim.Visitor+1)
	w.must(errors.Is(err, campaigns.ErrForeignClaim), "%v", err)

	claim, o = w.prepaid()
	w.ok(w.wechat.Pay(o.Number))
	w.step(11 * time.Second)
	_, err = w.orders.Sweep(w.ctx())
	w.ok(err)
	w.must(w.order(claim).State == orders.Paid, "swept: %s", w.order(claim).State)

	// Nobody pays: the order is closed before the claim is let go.
	claim, _ = w.prepaid()
	w.step(15*time.Minute + time.Second)
	_, err = w.orders.Sweep(w.ctx())
	w.ok(err)
	w.must(w.order(claim).State == orders.Closed && w.state(claim) == campaigns.Released, "order %s, card %s", w.order(claim).State, w.state(claim))
	_, _, err = w.pay(claim)
	w.ok(err) // tells that it is closed
	w.adds()
}

func TestALatePaymentIsHonouredOrGoesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pay.V3, 1)
	claim, o := w.prepaid()
	w.ok(w.wechat.Pay(o.Number))
	late := w.caught(1)
	// Our side was cut off: the hold ends first.
	swept := func() {
		w.step(19 * time.Minute)
		_, err := w.claims.Sweep(w.ctx())
		w.ok(err)
	}
	swept()
	w.must(w.state(claim) == campaigns.Released, "card %s", w.state(claim))
	other, err := w.claim()
	w.ok(err)
	_, err = w.orders.Sweep(w.ctx())
	w.ok(err)
	w.must(w.order(claim).State == orders.Refunding && w.order(claim).Reason == orders.WhyNoStock, "late, nothing left: %+v", w.order(claim))
	w.adds()
	w.deliver(late)
	w.must(w.counted["payment timestamp"] == 1, "counted %v", w.counted)
	w.step(time.Minute)
	_, err = w.orders.Sweep(w.ctx())
	w.ok(err)
	w.step(time.Minute)
	_, err = w.orders.Sweep(w.ctx())
	w.ok(err)
	w.must(w.order(claim).State == orders.Refunded, "late, nothing left: %+v", w.order(claim))

	_, _, err = w.pay(other)
	w.ok(err)
	w.ok(w.wechat.Pay(w.order(other).Number))
	swept()
	w.must(w.state(other) == campaigns.Released, "card %s", w.state(other))
	_, err = w.orders.Sweep(w.ctx())
	w.ok(err)
	w.must(w.order(other).State == orders.Paid && w.state(other) == campaigns.Confirmed, "late, in stock: %+v, card %s", w.order(other), w.state(other))
	w.adds()
}

func TestAForgedOrForeignNotificationChangesNothingAndIsCounted(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, version pay.Version) {
		w := newWorld(t, version, 5)
		claim, o := w.prepaid()
		w.ok(w.wechat.SetSwitch("pay_notify_wrong_amount", true))
		w.ok(w.wechat.Pay(o.Number))
		w.deliver(w.caught(1))
		w.must(w.counted["payment mismatch"] == 1, "counted %v", w.counted)
		w.ok(w.wechat.SetSwitch("pay_notify_wrong_amount", false))
		w.ok(w.wechat.SetSwitch("pay_notify_bad_signature", true))
		_, other := w.prepaid()
		w.ok(w.wechat.Pay(other.Number))
		w.deliver(w.caught(2))
		w.must(w.counted["payment signature"] == 1, "counted %v", w.counted)
		for _, body := range []string{"", "<xml>", strings.Repeat("x", 1<<20), `<!DOCTYPE x [<!ENTITY a "b">]><xml>&a;</xml>`, `{"id":1`} {
			reply := w.deliver(notice{"notify", w.caught(2).header, []byte(body)})
			w.must(reply.Status >= 400 || strings.Contains(string(reply.Body), "FAIL"), "%.20q was accepted: %d %s", body, reply.Status, reply.Body)
		}
		w.must(w.state(claim) == campaigns.Held && w.order(claim).State == orders.Prepaid, "card %s, order %s", w.state(claim), w.order(claim).State)
		w.adds()
	})
}

func TestAPaymentThroughAnotherAppIsAnIncident(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pay.V2, 5)
	claim, o := w.prepaid()
	w.ok(w.wechat.Pay(o.Number))
	genuine := w.caught(1)
	foreign := genuine
	foreign.body = resigned(genuine.body, "<appid><![CDATA["+miniID+"]]></appid>", "<appid><![CDATA["+appID+"]]></appid>")
	w.deliver(foreign)
	w.must(w.counted["payment mismatch"] == 1 && w.order(claim).State == orders.Prepaid, "counted %v, order %s", w.counted, w.order(claim).State)
	w.deliver(genuine)
	w.must(w.counted["payment applied"] == 1, "counted %v", w.counted)
}

// resigned changes a message of version 2 and signs it again with the merchant's key.
func resigned(body []byte, old, now string) []byte {
	text := strings.Replace(string(body), old, now, 1)
	var parts []string
	sign := ""
	for _, m := range regexp.MustCompile(`<(\w+)><!\[CDATA\[(.*?)\]\]></\w+>`).FindAllStringSubmatch(text, -1) {
		if m[1] == "sign" {
			sign = m[2]
		} else {
			parts = append(parts, m[1]+"="+m[2])
		}
	}
	slices.Sort(parts)
	sum := md5.Sum([]byte(strings.Join(append(parts, "key="+merchant().V2Key), "&"))) //nolint:gosec // the protocol says MD5
	return []byte(strings.Replace(text, sign, strings.ToUpper(hex.EncodeToString(sum[:])), 1))
}

func TestABusyWeChatIsAskedForAnOrderAgainWithTheSameWords(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, version pay.Version) {
		w := newWorld(t, version, 5)
		code := map[pay.Version]string{pay.V2: "SYSTEMERROR", pay.V3: "SYSTEM_ERROR"}[version]
		claim, err := w.claim()
		w.ok(err)
		for range 2 {
			w.ok(w.wechat.FailPay("order", code))
		}
		o, bridge, err := w.pay(claim)
		w.ok(err)
		w.must(o.State == orders.Prepaid && bridge.PaySign != "", "order %s", o.State)
		for range 3 {
			w.ok(w.wechat.FailPay("order", code))
		}
		claim, err = w.claim()
		w.ok(err)
		_, _, err = w.pay(claim)
		w.must(errors.Is(err, orders.ErrGateway), "after three refusals: %v", err)
	})
}

// The answer to an order is lost, and the visitor's phone has another address by then: WeChat
// takes an order again only when it is the same in every field.
func TestAnOrderIsRepeatedFromAnotherAddress(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, version pay.Version) {
		w := newWorld(t, version, 5)
		claim, o := w.prepaid()
		w.ok(w.db.SetPrepaid(w.ctx(), o.ID, "", time.Time{}, o.NextAt))
		again, bridge, err := w.orders.Pay(w.ctx(), orders.Wish{Claim: claim.ID, Visitor: claim.Visitor, Client: orders.Mini, AppID: miniID, OpenID: w.payer, IP: "198.51.100.9"})
		w.ok(err)
		w.must(again.ID == o.ID && again.PrepayID != "" && bridge.PaySign != "", "the order is %+v", again)
		w.ok(w.wechat.Pay(o.Number))
		_, err = w.orders.Refresh(w.ctx(), claim.ID, claim.Visitor)
		w.ok(err)
		paid := w.order(claim)
		w.must(paid.State == orders.Paid && paid.ClientIP == "", "paid: %+v", paid)
	})
}

func TestAnOrderThatWeChatDoesNotCloseIsAskedAbout(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, version pay.Version) {
		for _, code := range []string{"TRADE_ERROR", "TRADE_STATE_ERROR", "INVALID_REQUEST"} {
			w := newWorld(t, version, 5)
			w.ok(w.wechat.SetSwitch("pay_notify_off", true))
			claim, o := w.prepaid()
			w.ok(w.wechat.Pay(o.Number))
			open, _ := w.prepaid()
			w.step(15*time.Minute + time.Second)
			for range 2 {
				w.ok(w.wechat.FailPay("close", code))
			}
			_, err := w.orders.Sweep(w.ctx())
			w.ok(err)
			w.must(w.order(claim).State == orders.Paid, "%s: the paid order is %s", code, w.order(claim).State)
			w.must(w.order(open).State == orders.Prepaid, "%s: the unpaid order is %s", code, w.order(open).State)
			w.step(time.Minute)
			_, err = w.orders.Sweep(w.ctx())
			w.ok(err)
			w.must(w.order(open).State == orders.Closed, "%s: then the unpaid order is %s", code, w.order(open).State)
		}
	})
}

func TestARefundNotificationOfAnotherAmountIsAnIncident(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pay.V3, 5)
	claim, o := w.prepaid()
	w.ok(w.wechat.Pay(o.Number))
	w.deliver(w.caught(1))
	w.ok(w.wechat.SetSwitch("pay_notify_wrong_amount", true))
	asked, err := w.orders.AskRefund(w.ctx(), w.boss, orders.Ask{Order: o.ID, Fen: 300, Reason: "少了一杯", Key: "refund-key"})
	w.ok(err)
	_, err = w.orders.ApproveRefund(w.ctx(), w.boss, asked.ID)
	w.ok(err)
	reply := w.deliver(w.caught(2))
	w.must(w.counted["refund mismatch"] == 1 && reply.Status >= 400, "counted %v, answered %d", w.counted, reply.Status)
	back, err := w.orders.RefundsOf(w.ctx(), o.ID)
	w.ok(err)
	w.must(back[0].State == orders.Sent && w.order(claim).State == orders.Paid, "refund %s", back[0].State)
	w.adds()
}

func TestAnOrderWaitsForTheMerchantThatItWasMadeWith(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pay.V3, 5)
	w.ok(w.wechat.SetSwitch("pay_notify_off", true))
	own, err := w.orders.Merchant(w.ctx(), dbtest.Account)
	w.ok(err)
	claim, o := w.prepaid()
	w.ok(w.wechat.Pay(o.Number))
	m := sandbox.NewMerchant("另一家", appID, miniID)
	other := sandbox.New(sandbox.Options{AppID: appID, Secret: "0123456789abcdef0123456789abcdef", Mini: sandbox.Mini{AppID: miniID, Secret: "fedcba9876543210fedcba9876543210"}, Merchant: &m, Now: w.clock})
	t.Cleanup(other.Close)
	theirs := httptest.NewServer(other)
	t.Cleanup(theirs.Close)
	w.step(15*time.Minute + time.Second)
	w.ok(w.orders.SaveMerchant(w.ctx(), w.boss, orders.Merchant{Account: dbtest.Account, Merchant: pay.Merchant{
		ID: m.ID, AppIDs: []string{appID, miniID}, Version: pay.V3, V3Key: m.V3Key, BaseURL: theirs.URL,
		CertificatePEM: m.Certificate, PrivateKeyPEM: m.PrivateKey, PublicKeyID: m.WechatKeyID, PublicKeyPEM: m.WechatPublicKey,
	}}))
	_, err = w.orders.Sweep(w.ctx())
	w.ok(err)
	w.must(w.order(claim).State == orders.Prepaid, "the other merchant, who does not know the order, made it %s", w.order(claim).State)
	_, err = w.orders.Refresh(w.ctx(), claim.ID, claim.Visitor)
	w.must(errors.Is(err, orders.ErrGateway), "%v", err)
	w.step(2 * time.Minute)
	w.ok(w.orders.SaveMerchant(w.ctx(), w.boss, own))
	_, err = w.orders.Sweep(w.ctx())
	w.ok(err)
	w.must(w.order(claim).State == orders.Paid, "then it is %s", w.order(claim).State)
	w.adds()
}

func TestABillTellsWhatDiffers(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, version pay.Version) {
		w := newWorld(t, version, 5)
		day := w.clock()
		w.ok(w.wechat.SetSwitch("pay_notify_off", true))
		for range 3 {
			claim, o := w.prepaid()
			w.ok(w.wechat.Pay(o.Number))
			_, err := w.orders.Refresh(w.ctx(), claim.ID, claim.Visitor)
			w.ok(err)
		}
		missed, o := w.prepaid() // we never heard of it
		w.ok(w.wechat.Pay(o.Number))
		w.step(24 * time.Hour)
		run, err := w.orders.Reconcile(w.ctx(), w.open.Account, day)
		w.ok(err)
		w.must(run.Rows == 4 && run.Differs == 0 && run.PaidFen == 4*990, "run %+v", run)
		w.must(w.order(missed).State == orders.Paid || w.order(missed).State == orders.Refunding, "the payment that the bill told of: %s", w.order(missed).State)
		w.ok(w.wechat.SetSwitch("pay_bill_row_dropped", true))
		run, err = w.orders.Reconcile(w.ctx(), w.open.Account, day)
		w.ok(err)
		open, err := w.orders.Differences(w.ctx(), w.open.Account, true)
		w.ok(err)
		w.must(run.Differs == 1 && len(open) == 1 && open[0].What == orders.DifferNotThere && open[0].OursFen == 990, "run %+v, open %+v", run, open)
		w.ok(w.wechat.SetSwitch("pay_bill_row_dropped", false))
		w.ok(w.wechat.SetSwitch("pay_bill_row_altered", true))
		run, err = w.orders.Reconcile(w.ctx(), w.open.Account, day)
		w.ok(err)
		w.must(run.Differs >= 1, "run %+v", run)
		w.adds()
	})
}
