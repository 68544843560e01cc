package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/stores"
)

// miniShop is a store with a clerk, a manager and beans in stock, and a campaign whose cards
// are exchanged for beans.
type miniShop struct {
	*miniWorld
	place, depot stores.Place
	pins         map[string]string // by name
	ids          map[string]string
	beans        stores.Goods
	campaign     *campaigns.Campaign
}

var keeper = stores.Actor{ID: "p1", Name: "老板"}

func openMiniShop(t *testing.T) *miniShop {
	t.Helper()
	w := &miniShop{miniWorld: openMini(t), pins: map[string]string{}, ids: map[string]string{}}
	ctx := context.Background()
	var err error
	must := func() {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const account = stores.AccountID(dbtest.Account)
	w.depot, err = w.stores.CreatePlace(ctx, keeper, account, stores.PlaceDraft{Kind: stores.StockKind, Code: "CK", Name: "中央仓"})
	must()
	w.place, err = w.stores.CreatePlace(ctx, keeper, account, stores.PlaceDraft{Kind: stores.ShopKind, Code: "GM", Name: "国贸店", Parent: w.depot.ID})
	must()
	for name, role := range map[string]stores.Role{"小李": stores.Clerk, "王店长": stores.Manager, "老周": stores.Stockkeeper} {
		m, pin, e := w.stores.CreateStaff(ctx, keeper, account, stores.StaffDraft{Place: w.place.ID, Name: name, Role: role})
		err = e
		must()
		w.pins[name], w.ids[name] = pin, m.ID.String()
	}
	w.beans, err = w.stores.CreateGoods(ctx, keeper, account, stores.GoodsDraft{Barcode: "6901234567892", Name: "拿铁豆", Unit: "包", Price: "48", Minimum: "5"})
	must()
	_, err = w.stores.Move(ctx, stores.Move{Account: account, Place: w.place.ID, Goods: w.beans.ID, Kind: stores.In, Quantity: 4, By: keeper, Key: "delivery"})
	must()
	w.campaign = w.publish("latte", campaigns.OwnCode, func(d *campaigns.Draft) {
		d.Redeeming = campaigns.Redeeming{Goods: w.beans.ID.String(), Quantity: 1}
	})
	return w
}

// miniWorker is a phone of the staff.
type miniWorker struct {
	*miniPhone
	staff string
}

// work signs a member of the staff in on a new phone.
func (w *miniShop) work(name string) *miniWorker {
	w.Helper()
	p := &miniWorker{miniPhone: w.enter()}
	a := p.wants(p.call(http.MethodPost, "/staff/session", fields{"place": w.place.ID.String(), "staff": w.ids[name], "pin": w.pins[name]}), http.StatusCreated, "")
	p.staff = a.text("token")
	return p
}

// do is a call of the staff; a key may follow.
func (p *miniWorker) do(method, path string, body any, key ...string) answer {
	p.w.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		p.w.Fatal(err)
	}
	r := httptest.NewRequest(method, "/mini/v1/staff"+path, bytes.NewReader(raw))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Kaquan-Staff", p.staff)
	if len(key) > 0 {
		r.Header.Set("Idempotency-Key", key[0])
	}
	return p.send(r)
}

// card is the pass and the code of a new guest's card.
func (w *miniShop) card(slug campaigns.Slug) (pass, code string) {
	w.Helper()
	guest := w.enter()
	a := guest.wants(guest.call(http.MethodPost, "/campaigns/"+string(slug)+"/claims", fields{"key": "tap-0000000001"}), http.StatusCreated, "")
	return a.text("claim.qr"), a.text("claim.code")
}

func TestStaffSignInByPINAndTheirSessionEndsAtOnce(t *testing.T) {
	t.Parallel()
	w := openMiniShop(t)
	phone := w.enter()
	place := phone.wants(phone.call(http.MethodGet, "/staff/places/gm", nil), http.StatusOK, "")
	if place.text("name") != "国贸店" || place.at("staff.2.name") == nil {
		t.Errorf("the place is %s", place.raw)
	}
	wrong := phone.wants(phone.call(http.MethodPost, "/staff/session", fields{"place": w.place.ID.String(), "staff": w.ids["小李"], "pin": "000000"}), http.StatusUnprocessableEntity, "stores.error.wrong_pin")
	if wrong.text("field") != "pin" {
		t.Errorf("a wrong PIN belongs to %q", wrong.text("field"))
	}
	li := w.work("小李")
	me := li.wants(li.do(http.MethodGet, "/session", nil), http.StatusOK, "")
	if me.text("staff.name") != "小李" || me.at("may.redeem") != true || me.at("may.stock") != false || me.text("token") != "" {
		t.Errorf("the session is %s", me.raw)
	}
	li.wants(li.do(http.MethodGet, "/goods", nil), http.StatusForbidden, "staff.forbidden")
	li.wants(li.do(http.MethodGet, "/summary", nil), http.StatusForbidden, "staff.forbidden")
	if err := w.stores.SwitchStaff(context.Background(), keeper, stores.ParseID[stores.StaffID](w.ids["小李"]), true); err != nil {
		t.Fatal(err)
	}
	li.wants(li.do(http.MethodGet, "/session", nil), http.StatusUnauthorized, "staff.session.over")

	wang := w.work("王店长")
	for range 2 {
		if a := wang.do(http.MethodDelete, "/session", nil); a.status != http.StatusNoContent {
			t.Errorf("signing out answers %d", a.status)
		}
	}
	wang.wants(wang.do(http.MethodGet, "/session", nil), http.StatusUnauthorized, "staff.session.over")
	wang.staff = ""
	wang.wants(wang.do(http.MethodGet, "/session", nil), http.StatusUnauthorized, "staff.session.none")

	stranger := w.enter()
	for range 5 {
		stranger.wants(stranger.call(http.MethodGet, "/staff/places/NOPE", nil), http.StatusNotFound, "stores.error.place_not_found")
	}
	stranger.wants(stranger.call(http.MethodGet, "/staff/places/GM", nil), http.StatusTooManyRequests, "error.rate_limited")
}

func TestABoundWeChatSignsInWithoutAPIN(t *testing.T) {
	t.Parallel()
	w := openMiniShop(t)
	phone := w.enter()
	phone.wants(phone.call(http.MethodPost, "/staff/session", fields{"wechat": true}), http.StatusNotFound, "staff.not_bound")
	link, _, err := w.stores.BindLink(context.Background(), keeper, stores.ParseID[stores.StaffID](w.ids["小李"]))
	if err != nil {
		t.Fatal(err)
	}
	a := phone.wants(phone.call(http.MethodPost, "/staff/bind", fields{"token": "https://kq.example.com/s/bind/" + link}), http.StatusCreated, "")
	if a.text("staff.name") != "小李" || a.text("token") == "" {
		t.Errorf("binding answers %s", a.raw)
	}
	other := w.enter()
	other.wants(other.call(http.MethodPost, "/staff/bind", fields{"token": link}), http.StatusForbidden, "stores.error.bind_used")
	phone.wants(phone.call(http.MethodPost, "/staff/session", fields{"wechat": true}), http.StatusCreated, "")
}

func TestACardIsRedeemedOnceHoweverOftenTheButtonIsTapped(t *testing.T) {
	t.Parallel()
	w := openMiniShop(t)
	pass, code := w.card("latte")
	if !strings.HasPrefix(pass, "KQ1.") || len(code) != 12 {
		t.Fatalf("the card shows %q and %q", pass, code)
	}
	li, wang := w.work("小李"), w.work("王店长")
	look := li.wants(li.do(http.MethodPost, "/look", fields{"text": pass, "type": "QR_CODE"}), http.StatusOK, "")
	if look.text("kind") != "card" || look.at("card.redeemable") != true || look.text("card.code") != code || look.at("card.gift.stock") != 4.0 || look.text("card.holder") == "" {
		t.Fatalf("the look says %s", look.raw)
	}
	const key = "tap-redeem-1"
	var all sync.WaitGroup
	statuses := make([]int, 6)
	for i := range statuses {
		all.Go(func() { statuses[i] = li.do(http.MethodPost, "/redemptions", fields{"code": code}, key).status })
	}
	all.Wait()
	for _, status := range statuses {
		if status != http.StatusCreated && status != http.StatusOK {
			t.Errorf("a tap answers %d", status)
		}
	}
	w.pass(time.Second)
	again := li.wants(li.do(http.MethodPost, "/redemptions", fields{"code": code}, key), http.StatusOK, "")
	refused := wang.wants(wang.do(http.MethodPost, "/redemptions", fields{"code": code}, "tap-redeem-2"), http.StatusConflict, "redemption.used")
	if refused.text("by") != "小李" || refused.text("place") != "国贸店" || refused.text("at") == "" || !strings.Contains(refused.text("message"), "小李") {
		t.Errorf("the refusal says %s", refused.raw)
	}
	if second := li.do(http.MethodPost, "/look", fields{"text": code}); second.text("card.reason.code") != "redemption.used" || second.text("card.reason.by") != "小李" {
		t.Errorf("the second look says %s", second.raw)
	}
	if level, err := w.stores.Level(context.Background(), w.place.ID, w.beans.ID); err != nil || level != 3 {
		t.Errorf("%d beans are left: %v", level, err)
	}
	_, another := w.card("latte")
	li.wants(li.do(http.MethodPost, "/redemptions", fields{"code": another}, key), http.StatusConflict, "staff.key.reused")
	li.wants(li.do(http.MethodPost, "/redemptions", fields{"code": another}), http.StatusUnprocessableEntity, "staff.key.bad")
	li.wants(li.do(http.MethodPost, "/redemptions", fields{"code": "000000000000"}, "tap-redeem-3"), http.StatusNotFound, "redemption.unknown")

	id := again.text("redemption.id")
	li.wants(li.do(http.MethodGet, "/redemptions/"+id, nil), http.StatusOK, "")
	undone := li.wants(li.do(http.MethodPost, "/redemptions/"+id+"/undo", fields{"reason": ""}, "undo-00001"), http.StatusOK, "")
	if undone.text("redemption.undone_at") == "" {
		t.Errorf("undoing answers %s", undone.raw)
	}
	if same := li.wants(li.do(http.MethodPost, "/redemptions/"+id+"/undo", fields{"reason": ""}, "undo-00001"), http.StatusOK, ""); same.raw != undone.raw {
		t.Errorf("the repeat answers %s", same.raw)
	}
	li.wants(li.do(http.MethodPost, "/redemptions/"+id+"/undo", fields{"reason": ""}, "undo-00002"), http.StatusConflict, "redemption.undone")
	second := li.wants(li.do(http.MethodPost, "/redemptions", fields{"code": code}, "tap-redeem-4"), http.StatusCreated, "")
	w.pass(6 * time.Minute)
	li.wants(li.do(http.MethodPost, "/redemptions/"+second.text("redemption.id")+"/undo", fields{}, "undo-00003"), http.StatusConflict, "redemption.undo_late")

	today := li.wants(li.do(http.MethodGet, "/redemptions", nil), http.StatusOK, "")
	if today.at("totals.redeemed") != 1.0 || today.at("totals.undone") != 1.0 || today.at("redemptions.0.mine") != true {
		t.Errorf("today is %s", today.raw)
	}
	summary := wang.wants(wang.do(http.MethodGet, "/summary", nil), http.StatusOK, "")
	if summary.at("redeemed") != 1.0 || summary.at("by.0.name") != "小李" || !strings.Contains(summary.text("text"), "国贸店") {
		t.Errorf("the summary is %s", summary.raw)
	}
}

func TestWhatWasAcceptedOfflineIsBookedOrBecomesATask(t *testing.T) {
	t.Parallel()
	w := openMiniShop(t)
	pass, code := w.card("latte")
	_, typed := w.card("latte")
	li, wang := w.work("小李"), w.work("王店长")
	at := w.clock().Add(-20 * time.Minute)
	booked := li.wants(li.do(http.MethodPost, "/redemptions", fields{"code": pass, "at": at.Format(time.RFC3339), "offline": true}, "offline-01"), http.StatusCreated, "")
	if booked.text("redemption.at") != at.Format(time.RFC3339) || booked.at("redemption.offline") != true {
		t.Errorf("booked as %s", booked.raw)
	}
	li.wants(li.do(http.MethodPost, "/redemptions", fields{"code": typed, "at": at.Format(time.RFC3339), "offline": true}, "offline-02"), http.StatusCreated, "")
	for key, text := range map[string]string{"offline-03": pass, "offline-04": code} {
		for range 2 { // the queue may send it again
			wang.wants(wang.do(http.MethodPost, "/redemptions", fields{"code": text, "at": at.Format(time.RFC3339), "offline": true}, key), http.StatusConflict, "redemption.used")
		}
	}
	tasks := wang.wants(wang.do(http.MethodGet, "/conflicts", nil), http.StatusOK, "")
	if list := tasks.at("conflicts").([]any); len(list) != 2 || tasks.text("conflicts.0.reason") != "redemption.used" {
		t.Fatalf("the tasks are %s", tasks.raw)
	}
	id := tasks.text("conflicts.0.id")
	wang.wants(wang.do(http.MethodPost, "/conflicts/"+id+"/resolve", fields{"note": " "}), http.StatusUnprocessableEntity, "staff.tasks.need_note")
	if a := wang.do(http.MethodPost, "/conflicts/"+id+"/resolve", fields{"note": "顾客补款"}); a.status != http.StatusNoContent {
		t.Errorf("closing answers %s", a.raw)
	}
	if list, err := w.redeeming.Conflicts(context.Background(), dbtest.Account, 0, true); err != nil || len(list) != 1 {
		t.Errorf("open are %+v, %v", list, err)
	}
	forged := pass[:len(pass)-4] + "AAAA"
	li.wants(li.do(http.MethodPost, "/look", fields{"text": forged, "type": "QR_CODE"}), http.StatusUnprocessableEntity, "redemption.forged")
}

func TestStockMovesByScanningAndCanBeTakenBack(t *testing.T) {
	t.Parallel()
	w := openMiniShop(t)
	zhou := w.work("老周")
	look := zhou.wants(zhou.do(http.MethodPost, "/look", fields{"text": "6901234567892", "type": "EAN_13"}), http.StatusOK, "")
	id := look.text("goods.id")
	if look.text("kind") != "goods" || look.at("goods.stock") != 4.0 || look.at("goods.low") != true {
		t.Fatalf("the scan says %s", look.raw)
	}
	if a := zhou.do(http.MethodPost, "/look", fields{"text": "6920000000005", "type": "EAN_13"}); a.text("kind") != "unknown" || a.at("barcode") != true {
		t.Errorf("an unknown barcode is %s", a.raw)
	}
	places := zhou.wants(zhou.do(http.MethodGet, "/places", nil), http.StatusOK, "")
	if places.text("places.0.name") != "中央仓" || places.text("places.1.parent") != places.text("places.0.id") {
		t.Errorf("the places are %s", places.raw)
	}
	here, there := w.place.ID.String(), w.depot.ID.String()
	in := fields{"kind": "in", "place": here, "goods": id, "quantity": 6, "reason": "到货", "to": ""}
	booked := zhou.wants(zhou.do(http.MethodPost, "/movements", in, "move-0001"), http.StatusCreated, "")
	if booked.at("goods.stock") != 10.0 || booked.at("movements.0.before") != 4.0 || booked.text("movements.0.undo_until") == "" {
		t.Errorf("in: %s", booked.raw)
	}
	w.pass(time.Second)
	if a := zhou.wants(zhou.do(http.MethodPost, "/movements", in, "move-0001"), http.StatusOK, ""); a.at("goods.stock") != 10.0 {
		t.Errorf("the repeat: %s", a.raw)
	}
	in["kind"] = "out"
	zhou.wants(zhou.do(http.MethodPost, "/movements", in, "move-0001"), http.StatusConflict, "staff.key.reused")
	much := zhou.wants(zhou.do(http.MethodPost, "/movements", fields{"kind": "out", "place": here, "goods": id, "quantity": 50}, "move-0002"), http.StatusConflict, "stores.error.not_enough")
	if much.at("have") != 10.0 || much.text("field") != "quantity" {
		t.Errorf("too much: %s", much.raw)
	}
	zhou.wants(zhou.do(http.MethodPost, "/movements", fields{"kind": "out", "place": here, "goods": id, "quantity": 0}, "move-0003"), http.StatusUnprocessableEntity, "stores.error.quantity")
	zhou.wants(zhou.do(http.MethodPost, "/movements", fields{"kind": "move", "place": here, "goods": id, "quantity": 1, "to": here}, "move-0004"), http.StatusUnprocessableEntity, "stores.error.same_place")
	moved := zhou.wants(zhou.do(http.MethodPost, "/movements", fields{"kind": "move", "place": here, "goods": id, "quantity": 3, "to": there}, "move-0005"), http.StatusCreated, "")
	if moved.at("goods.stock") != 7.0 || moved.text("movements.0.kind") != "transfer_out" || moved.text("movements.1.kind") != "transfer_in" || moved.text("movements.0.peer_name") != "中央仓" {
		t.Errorf("move: %s", moved.raw)
	}
	back := zhou.wants(zhou.do(http.MethodPost, "/movements/"+moved.text("movements.0.id")+"/undo", fields{"reason": ""}, "undo-0005"), http.StatusCreated, "")
	if back.at("goods.stock") != 10.0 || len(back.at("movements").([]any)) != 2 {
		t.Errorf("undo: %s", back.raw)
	}
	zhou.wants(zhou.do(http.MethodPost, "/movements/"+moved.text("movements.0.id")+"/undo", fields{"reason": ""}, "undo-0006"), http.StatusConflict, "stores.error.undone")

	count := zhou.wants(zhou.do(http.MethodPost, "/counts", fields{"place": here}, "count-0001"), http.StatusCreated, "")
	if a := zhou.do(http.MethodPost, "/counts", fields{"place": here}, "count-0002"); a.status != http.StatusOK || a.text("count.id") != count.text("count.id") {
		t.Errorf("a second count: %d %s", a.status, a.raw)
	}
	counts := "/counts/" + count.text("count.id")
	zhou.wants(zhou.do(http.MethodPut, counts+"/lines", fields{"goods": id, "seen": -1}), http.StatusUnprocessableEntity, "stores.error.quantity")
	if a := zhou.wants(zhou.do(http.MethodPut, counts+"/lines", fields{"goods": id, "seen": 8}), http.StatusOK, ""); a.at("count.lines.0.difference") != -2.0 {
		t.Errorf("the line: %s", a.raw)
	}
	closed := zhou.wants(zhou.do(http.MethodPost, counts+"/close", fields{"reason": ""}, "close-0001"), http.StatusOK, "")
	if closed.at("movements.0.after") != 8.0 || closed.text("count.state") != "closed" {
		t.Errorf("closing: %s", closed.raw)
	}
	if a := zhou.wants(zhou.do(http.MethodPost, counts+"/close", fields{"reason": ""}, "close-0001"), http.StatusOK, ""); a.raw != closed.raw {
		t.Errorf("the repeat: %s", a.raw)
	}
	zhou.wants(zhou.do(http.MethodPost, counts+"/cancel", fields{}, "cancel-001"), http.StatusConflict, "stores.error.count_closed")

	log := zhou.wants(zhou.do(http.MethodGet, "/movements?place="+here+"&kind=count", nil), http.StatusOK, "")
	if len(log.at("movements").([]any)) != 1 || log.text("movements.0.by") != "老周" {
		t.Errorf("the log: %s", log.raw)
	}
}

func TestGoodsAreMadeOnceAndShownWithTheStockOfAPlace(t *testing.T) {
	t.Parallel()
	w := openMiniShop(t)
	zhou := w.work("老周")
	cup := fields{"barcode": "6920000000005", "name": "随行杯", "unit": "", "price": 4800, "minimum": 2}
	made := zhou.wants(zhou.do(http.MethodPost, "/goods", cup, "goods-0001"), http.StatusCreated, "")
	if made.at("goods.price") != 4800.0 || made.text("goods.unit") != "件" {
		t.Errorf("made %s", made.raw)
	}
	if a := zhou.wants(zhou.do(http.MethodPost, "/goods", cup, "goods-0001"), http.StatusOK, ""); a.raw != made.raw {
		t.Errorf("the repeat answers %s", a.raw)
	}
	zhou.wants(zhou.do(http.MethodPost, "/goods", cup, "goods-0002"), http.StatusConflict, "stores.error.barcode_taken")
	bad := zhou.wants(zhou.do(http.MethodPost, "/goods", fields{"barcode": "6920000000004", "name": "", "price": -1, "minimum": "x"}, "goods-0003"), http.StatusUnprocessableEntity, "error.invalid")
	if len(bad.at("errors").([]any)) != 4 {
		t.Errorf("the errors are %s", bad.raw)
	}
	cup["price"] = 5000
	path := "/goods/" + made.text("goods.id")
	if a := zhou.wants(zhou.do(http.MethodPut, path, cup), http.StatusOK, ""); a.at("goods.price") != 5000.0 {
		t.Errorf("changed to %s", a.raw)
	}
	list := zhou.wants(zhou.do(http.MethodGet, "/goods?place="+w.depot.ID.String()+"&q=6901", nil), http.StatusOK, "")
	if list.at("goods.0.stock") != 0.0 || list.at("goods.0.total") != 4.0 {
		t.Errorf("the list is %s", list.raw)
	}
	one := zhou.wants(zhou.do(http.MethodGet, "/goods/"+w.beans.ID.String(), nil), http.StatusOK, "")
	if one.at("levels.0.stock") != 4.0 || one.at("goods.stock") != 4.0 {
		t.Errorf("the article is %s", one.raw)
	}
	zhou.wants(zhou.do(http.MethodGet, "/goods/zzzz", nil), http.StatusNotFound, "stores.error.goods_not_found")
}

func TestPeopleTakeTheirDataWithThemIncludingThePhoneNumber(t *testing.T) {
	t.Parallel()
	w := openMiniShop(t)
	guest := w.enter()
	code := w.hand(guest.persona, "phone-code", nil)["code"].(string)
	phone := guest.wants(guest.call(http.MethodPost, "/me/phone", fields{"code": code}), http.StatusOK, "").text("phone")
	data := guest.wants(guest.call(http.MethodGet, "/me/export", nil), http.StatusOK, "")
	if phone == "" || !strings.Contains(data.raw, phone) || !strings.Contains(data.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("the export is %s", data.raw)
	}
}

func TestAPrintedCodeLeadsTheMiniProgramToTheCampaignAndCountsTheScan(t *testing.T) {
	t.Parallel()
	w := openMiniShop(t)
	ctx := context.Background()
	channel, err := w.campaigns.AddChannel(ctx, campaigns.Actor{}, w.campaign.ID, campaigns.ChannelDraft{Code: "menu", Name: "菜单"})
	if err != nil {
		t.Fatal(err)
	}
	guest := w.enter()
	scene := guest.wants(guest.call(http.MethodGet, "/scenes/"+channel.Short, nil), http.StatusOK, "")
	if scene.text("slug") != "latte" || scene.text("ch") != "menu" {
		t.Errorf("the scene is %s", scene.raw)
	}
	if err := w.campaigns.FlushScans(ctx); err != nil {
		t.Fatal(err)
	}
	if stats, err := w.campaigns.Channel(ctx, w.campaign.ID, "menu"); err != nil || stats.Scans != 1 {
		t.Errorf("%d scans are counted: %v", stats.Scans, err)
	}
	guest.wants(guest.call(http.MethodGet, "/scenes/11111111", nil), http.StatusNotFound, "channels.error.not_found")
}
