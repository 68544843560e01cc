package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/orders"
	"kaquan/people"
	"kaquan/sandbox"
	"kaquan/wechat"
)

// till is an office with a merchant at the sandbox; people pay as the mini program's.
type till struct {
	*office
	bank    *sandbox.Server
	address string
	set     *campaigns.Campaign
	n       int
}

func openTill(t *testing.T) *till {
	t.Helper()
	w := &till{office: openOffice(t)}
	m := miniMerchant()
	m.BillsAtOnce = true
	w.bank = sandbox.New(sandbox.Options{AppID: "wx00000000000000ff", Secret: miniSecret, Mini: sandbox.Mini{AppID: miniApp, Secret: miniSecret}, Merchant: &m, Now: w.now})
	t.Cleanup(w.bank.Close)
	if err := w.bank.SetSwitch("pay_notify_off", true); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.bank)
	t.Cleanup(server.Close)
	w.address = server.URL
	d := dbtest.Draft(noon, "set", 50, campaigns.OwnCode)
	d.Price, d.Limits.PerPerson, d.EndsAt = campaigns.Price{Fen: 990, RefundDays: 7}, 5, noon.AddDate(0, 1, 0)
	d.Name = "双人套餐"
	w.set = dbtest.Publish(t, w.campaigns, d)
	return w
}

// settings are what the form sends for the sandbox's merchant.
func (w *till) settings(change ...string) url.Values {
	m := miniMerchant()
	form := url.Values{
		"version": {"v3"}, "merchant_id": {m.ID}, "app_ids": {miniApp + "\n" + string(dbtest.Credentials().AppID)}, "v3_key": {m.V3Key}, "base_url": {w.address},
		"certificate": {m.Certificate}, "private_key": {m.PrivateKey}, "public_key_id": {m.WechatKeyID}, "public_key": {m.WechatPublicKey}, "sign_type": {"HMAC-SHA256"},
	}
	for i := 0; i+1 < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	return form
}

// sell makes a visitor buy a card.
func (w *till) sell() orders.Order {
	w.t.Helper()
	ctx := context.Background()
	w.n++
	v := dbtest.Visitor(w.t, w.campaigns, w.n)
	claim, _, err := w.campaigns.Claim(ctx, campaigns.Tap{Slug: "set", Visitor: v.ID, Key: "buy-key-" + strconv.Itoa(w.n)})
	if err != nil {
		w.t.Fatal(err)
	}
	openID, _ := w.bank.MiniIDs("lin")
	o, _, err := w.orders.Pay(ctx, orders.Wish{Claim: claim.ID, Visitor: v.ID, Client: orders.Mini, AppID: miniApp, OpenID: wechat.OpenID(openID), IP: "192.0.2.9"})
	if err == nil {
		err = w.bank.Pay(o.Number)
	}
	if err == nil {
		o, err = w.orders.Refresh(ctx, claim.ID, v.ID)
	}
	if err != nil || o.State != orders.Paid {
		w.t.Fatalf("%s %v", o.State, err)
	}
	return o
}

func TestAMerchantIsSetUpCheckedAndNeverShown(t *testing.T) {
	t.Parallel()
	w := openTill(t)
	d := w.signIn(people.Owner)
	const path = "/admin/accounts/demo/pay"
	m := miniMerchant()
	a := d.post(path, w.settings("v3_key", "short", "merchant_id", "x", "private_key", "-----BEGIN nonsense"))
	if a.status != http.StatusUnprocessableEntity || strings.Count(a.words(), "格式不对") < 3 {
		t.Errorf("%d %s", a.status, a.words())
	}
	if a := d.post(path, w.settings()); a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.words())
	}
	page := d.get(path)
	for _, secret := range []string{m.V3Key, m.PrivateKey[40:80], m.V2Key} {
		if strings.Contains(page.body, secret) {
			t.Error("the page shows a key")
		}
	}
	if !strings.Contains(page.words(), "https://kq.example.com/w/pay/demo/notify") && !strings.Contains(page.body, "/w/pay/demo/notify") {
		t.Error("the page does not tell the address of notifications")
	}
	if a := d.post(path, w.settings("v3_key", "", "certificate", "", "private_key", "")); a.status != http.StatusSeeOther {
		t.Fatalf("saving without typing the keys again: %d %s", a.status, a.words())
	}
	stored, err := w.orders.Merchant(context.Background(), dbtest.Account)
	if err != nil || stored.V3Key != m.V3Key || stored.PrivateKeyPEM == "" {
		t.Fatalf("the keys were lost: %v", err)
	}
	if a := d.post(path+"/check", nil); a.status != http.StatusOK || !strings.Contains(a.words(), "检查通过") {
		t.Errorf("check: %d %s", a.status, a.words())
	}
	if len(w.audited("orders.merchant.save")) != 2 {
		t.Error("saving is not audited")
	}
}

func TestARefundTakesTwoStepsAndNamesTheAmountAndTheCard(t *testing.T) {
	t.Parallel()
	w := openTill(t)
	owner, operator, finance := w.signIn(people.Owner), w.signIn(people.Operator), w.signIn(people.Finance)
	owner.post("/admin/accounts/demo/pay", w.settings())
	o := w.sell()
	table := operator.get("/admin/orders")
	if !strings.Contains(table.words(), o.Number) || !strings.Contains(table.words(), "¥9.90") || !strings.Contains(table.words(), "双人套餐") {
		t.Fatalf("table %s", table.words())
	}
	for query, there := range map[string]bool{"q=" + o.Number: true, "q=nothing": false, "state=paid": true, "state=closed": false, "campaign=" + w.set.ID.String(): true, "from=2026-11-21": false, "to=2026-11-20": true, "state=%27%3B": true} {
		if got := strings.Contains(operator.get("/admin/orders?"+query).body, o.Number); got != there {
			t.Errorf("%s: found %v", query, got)
		}
	}
	path := "/admin/orders/" + strconv.Itoa(int(o.ID))
	if a := operator.post(path+"/refund", url.Values{"kind": {"part"}, "amount": {"9.905"}, "reason": {""}, "key": {"refund-key-1"}}); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), "请填写金额") {
		t.Errorf("a wrong amount: %d %s", a.status, a.words())
	}
	if a := operator.post(path+"/refund", url.Values{"kind": {"part"}, "amount": {"12"}, "reason": {"太多"}, "key": {"refund-key-1"}}); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), "不超过可退金额") {
		t.Errorf("too much: %d %s", a.status, a.words())
	}
	asked := operator.post(path+"/refund", url.Values{"kind": {"whole"}, "reason": {"客人要退"}, "key": {"refund-key-1"}})
	if asked.status != http.StatusSeeOther {
		t.Fatalf("%d %s", asked.status, asked.words())
	}
	refund := asked.header.Get("Location")
	if words := operator.get(refund).words(); strings.Contains(words, "通过并退款") {
		t.Error("an operator may approve")
	}
	question := finance.get(refund).words()
	for _, part := range []string{"把 ¥9.90 退给付款人", "会立即失效", "我确认退款 ¥9.90"} {
		if !strings.Contains(question, part) {
			t.Errorf("%q is not in %s", part, question)
		}
	}
	if a := finance.post(refund+"/approve", nil); a.status != http.StatusUnprocessableEntity {
		t.Errorf("without the tick: %d", a.status)
	}
	if a := operator.post(refund+"/approve", url.Values{"confirm": {"1"}}); a.status != http.StatusForbidden {
		t.Errorf("an operator: %d", a.status)
	}
	if now, err := w.orders.Order(context.Background(), o.ID); err != nil || now.State != orders.Paid {
		t.Fatalf("the money moved early: %s %v", now.State, err)
	}
	if a := finance.post(refund+"/approve", url.Values{"confirm": {"1"}}); a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.words())
	}
	if now, err := w.orders.Order(context.Background(), o.ID); err != nil || now.State != orders.Refunding && now.State != orders.Refunded {
		t.Errorf("order %s %v", now.State, err)
	}
	if a := finance.post(refund+"/approve", url.Values{"confirm": {"1"}}); a.status != http.StatusSeeOther || !strings.Contains(finance.get(refund).words(), "已经有人处理") {
		t.Errorf("a second approval: %d", a.status)
	}
	if len(w.audited("orders.refund.ask")) != 1 || len(w.audited("orders.refund.approve")) != 1 {
		t.Error("not audited")
	}

	part := w.sell()
	partPath := "/admin/orders/" + strconv.Itoa(int(part.ID))
	asked = operator.post(partPath+"/refund", url.Values{"kind": {"part"}, "amount": {"3.00"}, "reason": {"少一杯"}, "key": {"refund-key-2"}})
	if words := finance.get(asked.header.Get("Location")).words(); !strings.Contains(words, "仍可使用") {
		t.Errorf("a part: %s", words)
	}
	if !strings.Contains(finance.get("/admin/refunds").words(), "¥3.00 / ¥9.90") {
		t.Error("the queue does not show it")
	}
	finance.post(asked.header.Get("Location")+"/reject", nil)
	if words := finance.get("/admin/refunds").words(); !strings.Contains(words, "没有退款") {
		t.Errorf("the queue is not empty: %s", words)
	}
	if words := finance.get("/admin/refunds?show=all").words(); !strings.Contains(words, "已拒绝") {
		t.Errorf("all: %s", words)
	}
}

func TestFinanceAddsUpExportsAndComparesADay(t *testing.T) {
	t.Parallel()
	w := openTill(t)
	owner, finance := w.signIn(people.Owner), w.signIn(people.Finance)
	owner.post("/admin/accounts/demo/pay", w.settings())
	w.sell()
	o := w.sell()
	words := finance.get("/admin/finance").words()
	if !strings.Contains(words, "¥19.80") || !strings.Contains(words, "已支付 ¥19.80 = 留存 ¥19.80") {
		t.Errorf("finance %s", words)
	}
	if months := finance.get("/admin/finance?by=month").words(); !strings.Contains(months, "2026-11 ") {
		t.Errorf("months %s", months)
	}
	csv := finance.get("/admin/orders.csv")
	if csv.status != http.StatusOK || !strings.Contains(csv.body, o.Number) || !strings.Contains(csv.body, "9.90") || strings.Count(csv.body, "\n") != 3 {
		t.Errorf("csv %d %s", csv.status, csv.body)
	}
	if xlsx := finance.get("/admin/orders.xlsx?state=paid"); xlsx.status != http.StatusOK || !strings.HasPrefix(xlsx.body, "PK") {
		t.Errorf("xlsx %d", xlsx.status)
	}
	if len(w.audited("orders.export")) != 2 {
		t.Error("exports are not audited")
	}
	if err := w.bank.SetSwitch("pay_bill_row_dropped", true); err != nil {
		t.Fatal(err)
	}
	finance.post("/admin/finance/compare", url.Values{"day": {"2026-11-20"}})
	if words := finance.get("/admin/finance").words(); !strings.Contains(words, "还没有过完") {
		t.Errorf("a day that is not over: %s", words)
	}
	w.setTime(noon.AddDate(0, 0, 1))
	finance = w.again(people.Finance)
	a := finance.post("/admin/finance/compare", url.Values{"day": {"2026-11-20"}})
	words = finance.get("/admin/finance").words()
	if a.status != http.StatusSeeOther || !strings.Contains(words, "我方有，微信没有") || !strings.Contains(words, "2026-11-20 已核对：1 行，1 处差异。") {
		t.Fatalf("%d %s", a.status, words)
	}
	open, err := w.orders.Differences(context.Background(), dbtest.Account, true)
	if err != nil || len(open) != 1 {
		t.Fatal(open, err)
	}
	task := "/admin/finance/differences/" + strconv.Itoa(int(open[0].ID))
	finance.post(task, url.Values{"note": {""}})
	finance.post(task, url.Values{"note": {"账单次日补上了"}})
	if words := finance.get("/admin/finance?tasks=all").words(); !strings.Contains(words, "账单次日补上了") {
		t.Errorf("tasks %s", words)
	}
	if open, _ := w.orders.Differences(context.Background(), dbtest.Account, true); len(open) != 0 {
		t.Error("the task is open still")
	}
}

func TestAPriceIsTypedInYuanAndNeedsAMerchant(t *testing.T) {
	t.Parallel()
	w := openTill(t)
	d := w.signIn(people.Owner)
	c := w.draft("priced")
	edit := "/admin/campaigns/" + c.ID.String() + "/edit?step=stock"
	form := url.Values{"op": {"save"}, "step": {"stock"}, "starts_at": {"2026-11-20T10:00"}, "ends_at": {"2026-11-27T22:00"}, "total": {"20"}, "hold": {"120"}}
	for price, fine := range map[string]bool{"9.905": false, "-1": false, "abc": false, "10000.01": false} {
		form.Set("price", price)
		if a := d.post(edit, form); (a.status == http.StatusSeeOther) != fine {
			t.Errorf("price %q: %d", price, a.status)
		}
	}
	form.Set("price", "9.90")
	form.Set("refund_days", "7")
	if a := d.post(edit, form); a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.words())
	}
	if p := w.reload(c).Price; p.Fen != 990 || p.RefundDays != 7 {
		t.Fatalf("price %+v", p)
	}
	if !strings.Contains(d.get(edit).body, `value="9.90"`) {
		t.Error("the price is not shown again")
	}
	preflight := "/admin/campaigns/" + c.ID.String() + "/preflight"
	if words := d.get(preflight).words(); !strings.Contains(words, "没有设置微信支付") {
		t.Errorf("preflight without a merchant: %s", words)
	}
	d.post("/admin/accounts/demo/pay", w.settings())
	if words := d.get(preflight).words(); !strings.Contains(words, "每份 ¥9.90，微信支付已设置。") {
		t.Errorf("preflight with one: %s", words)
	}
	d.post("/admin/accounts/demo/pay", w.settings("app_ids", miniApp))
	w.setTime(noon.Add(1))
	if words := d.get(preflight).words(); !strings.Contains(words, "没有绑定") {
		t.Errorf("preflight with a foreign merchant: %s", words)
	}
}
