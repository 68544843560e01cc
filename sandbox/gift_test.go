package sandbox

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"testing"
	"time"
)

// codeOf is the code of the newest card of a persona.
func (w *world) codeOf(id string) string {
	w.t.Helper()
	w.Server.mu.Lock()
	defer w.Server.mu.Unlock()
	wallet := w.persona(id).wallet
	if len(wallet) == 0 {
		w.t.Fatalf("%s has no card", id)
	}
	return wallet[len(wallet)-1].code
}

func TestAGiftMovesACardUnderANewCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lin, mei := w.persona("lin"), w.persona("mei")
	w.take("lin", latte, object{"outer_str": "c1"})
	w.push()
	old := w.codeOf("lin")
	path := "/card/code/get?access_token=" + w.token()
	state := func(code string) any {
		return w.post(path, object{"code": code, "check_consume": false})["user_card_status"]
	}
	if w.Gift("mei", old, "zhou") == nil || w.Gift("lin", old, "lin") == nil || w.Gift("lin", old, "pc") == nil || w.Gift("lin", "1", "mei") == nil || w.AcceptGift("mei", old) == nil {
		t.Error("a gift that cannot be")
	}
	w.must(w.Gift("lin", old, "mei"))
	w.pushedEvent("<FromUserName><![CDATA["+lin.openID, "<![CDATA[user_gifting_card]]>", "<UserCardCode><![CDATA["+old, "<IsReturnBack>0</IsReturnBack><FriendUserName><![CDATA["+mei.openID+"]]></FriendUserName><IsChatRoom>0</IsChatRoom>")
	if state(old) != "GIFTING" {
		t.Errorf("state %v", state(old))
	}
	wantCode(t, "redeeming a gift", w.post("/card/code/consume?access_token="+w.token(), object{"code": old}), 40127)
	wantCode(t, "checking a gift", w.post(path, object{"code": old}), 40127)
	if w.AcceptGift("zhou", old) == nil || w.ReturnGift("zhou", old) == nil || w.StaffConsume("lin", old) == nil {
		t.Error("another person took it")
	}
	w.must(w.ReturnGift("mei", old))
	w.pushedEvent("<FromUserName><![CDATA["+lin.openID, "<![CDATA[user_gifting_card]]>", "<IsReturnBack>1</IsReturnBack>")
	if state(old) != "NORMAL" {
		t.Errorf("after coming back: %v", state(old))
	}
	press := func(who string, in object) {
		t.Helper()
		if res := w.control(who, in, "Sec-Fetch-Site", "same-origin"); res.StatusCode != http.StatusNoContent {
			t.Errorf("%v: %s", in, res.Status)
		}
	}
	press("lin", object{"do": "gift", "code": old, "name": "mei"})
	w.push()
	_, text := w.do(http.MethodGet, "/sandbox-ui/state", "mei", nil)
	var seen stateView
	if err := json.Unmarshal([]byte(text), &seen); err != nil || len(seen.Gifts) != 1 || seen.Gifts[0].From != "小林" || seen.Gifts[0].Code != old {
		t.Errorf("offered %+v, %v", seen.Gifts, err)
	}
	press("mei", object{"do": "accept", "code": old})
	fresh := w.codeOf("mei")
	w.pushedEvent("<FromUserName><![CDATA["+mei.openID, "<![CDATA[user_get_card]]>", "<IsGiveByFriend>1</IsGiveByFriend><UserCardCode><![CDATA["+fresh, "<FriendUserName><![CDATA["+lin.openID, "<OldUserCardCode><![CDATA["+old, "<OuterStr><![CDATA[]]></OuterStr>")
	if fresh == old || state(old) != "GIFT_SUCC" || state(fresh) != "NORMAL" || w.cards[latte].Stock != 8 {
		t.Errorf("old %v, new %v, stock %d", state(old), state(fresh), w.cards[latte].Stock)
	}
	list := func(p *persona, card string) object {
		return w.post("/card/user/getcardlist?access_token="+w.token(), object{"openid": p.openID, "card_id": card})
	}
	if got := list(mei, latte); !reflect.DeepEqual(got["card_list"], []any{object{"code": fresh, "card_id": latte}}) {
		t.Errorf("list %v", got)
	}
	if got := list(lin, ""); !reflect.DeepEqual(got["card_list"], []any{}) || got["has_share_card"] != false {
		t.Errorf("the giver still has %v", got)
	}
	wantCode(t, "nobody's list", w.post("/card/user/getcardlist?access_token="+w.token(), object{"openid": "x"}), 40003)
	wantCode(t, "unknown card", list(mei, "pNone"), 45030)
}

func TestACardWithItsOwnCodeKeepsItAsAGift(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const code = "800000000001"
	w.take("lin", custom, object{"code": code})
	w.must(w.Gift("lin", code, "mei"))
	w.must(w.AcceptGift("mei", code))
	w.pushes.Wait()
	events := w.Events()
	if got := between(events[len(events)-1].Body, "OldUserCardCode"); got != code || w.codeOf("mei") != code || len(w.persona("lin").wallet) != 0 {
		t.Errorf("old code %q", got)
	}
}

func TestStaffRedeemsAndPeopleDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) {
		o.Cards[3].PushOnView, o.Cards[3].NoGift = true, true
		o.Cards = append(o.Cards, Card{ID: "pMember", Title: "会员卡", Stock: 5, Type: "MEMBER_CARD"})
	})
	w.take("lin", rare, object{"outer_str": "c9"})
	w.push()
	code := w.codeOf("lin")
	press := func(do string) {
		t.Helper()
		if res := w.control("lin", object{"do": do, "code": code}, "Sec-Fetch-Site", "same-origin"); res.StatusCode != http.StatusNoContent {
			t.Errorf("%s: %s", do, res.Status)
		}
	}
	if w.Gift("lin", code, "mei") == nil {
		t.Error("a card was given that cannot be")
	}
	press("view")
	w.pushedEvent("<![CDATA[user_view_card]]>", code, "<OuterStr><![CDATA[c9]]>")
	press("consume")
	w.pushedEvent("<![CDATA[user_consume_card]]>", "<ConsumeSource><![CDATA[FROM_MOBILE_HELPER]]>", "<StaffOpenId><![CDATA["+w.staff.openID, "<LocationName><![CDATA[示例门店]]>")
	if w.StaffConsume("lin", code) == nil {
		t.Error("redeemed twice")
	}
	wantCode(t, "by the API too", w.post("/card/code/consume?access_token="+w.token(), object{"code": code}), 40099)
	press("delete")
	w.pushedEvent("<![CDATA[user_del_card]]>", code)
	press("delete")
	wantCode(t, "a deleted card", w.post("/card/code/get?access_token="+w.token(), object{"code": code}), 40127)
	if got := w.post("/card/code/get?access_token="+w.token(), object{"code": code, "check_consume": false}); got["user_card_status"] != "DELETE" || got["can_consume"] != false {
		t.Errorf("answer %v", got)
	}
	w.take("lin", "pMember", nil)
	w.push()
	member := w.codeOf("lin")
	wantCode(t, "a member card", w.post("/card/code/consume?access_token="+w.token(), object{"code": member}), 40071)
	w.must(w.ViewCard("lin", member))
	w.pushes.Wait()
	if w.StaffConsume("lin", member) == nil || len(w.got) != 0 {
		t.Error("a member card was redeemed, or a look at it pushed")
	}
}

func TestTheAccountsCardsAreListedAndStocked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Cards[3].Status = statusWaiting })
	token := "?access_token=" + w.token()
	ids := func(in object) any { return w.post("/card/batchget"+token, in)["card_id_list"] }
	if got := w.post("/card/batchget"+token, object{"offset": 1, "count": 2}); !reflect.DeepEqual(got["card_id_list"], []any{custom, bound}) || got["total_num"] != 4.0 {
		t.Errorf("a page %v", got)
	}
	if got := ids(object{"offset": 0, "count": 50, "status_list": []string{"CARD_STATUS_NOT_VERIFY"}}); !reflect.DeepEqual(got, []any{rare}) {
		t.Errorf("in review %v", got)
	}
	if got := ids(object{"offset": 9, "count": 1}); !reflect.DeepEqual(got, []any{}) {
		t.Errorf("behind the end %v", got)
	}
	for _, in := range []object{{"count": 0}, {"count": 51}, {"offset": -1, "count": 1}} {
		wantCode(t, "batchget", w.post("/card/batchget"+token, in), 40097)
	}
	wantCode(t, "text for a number", w.post("/card/batchget"+token, object{"count": "5"}), 47001)
	card := func() object {
		o := w.post("/card/get"+token, object{"card_id": latte})
		return o["card"].(object)["general_coupon"].(object)["base_info"].(object)
	}
	if b := card(); b["title"] != "拿铁" || b["brand_name"] != "示例咖啡" || b["status"] != statusOK || !reflect.DeepEqual(b["sku"], object{"quantity": 9.0, "total_quantity": 10.0}) || b["get_limit"] != 2.0 || b["can_give_friend"] != true {
		t.Errorf("base_info %v", b)
	}
	wantCode(t, "no card_id", w.post("/card/get"+token, object{}), 41012)
	wantCode(t, "unknown card", w.post("/card/get"+token, object{"card_id": "pNone"}), 45030)
	stock := func(in object) object { return w.post("/card/modifystock"+token, with(in, "card_id", latte)) }
	wantCode(t, "more", stock(object{"increase_stock_value": 300, "reduce_stock_value": 0}), 0)
	wantCode(t, "less", stock(object{"reduce_stock_value": 9}), 0)
	if b := card(); !reflect.DeepEqual(b["sku"], object{"quantity": 300.0, "total_quantity": 301.0}) {
		t.Errorf("sku %v", b["sku"])
	}
	wantCode(t, "below what is there", stock(object{"reduce_stock_value": 301}), 40122)
	wantCode(t, "too many", stock(object{"increase_stock_value": maxStock}), 40122)
	for _, in := range []object{{}, {"increase_stock_value": 1, "reduce_stock_value": 1}, {"increase_stock_value": -1}} {
		wantCode(t, "modifystock", stock(in), 40097)
	}
	wantCode(t, "unknown card", w.post("/card/modifystock"+token, object{"card_id": "x", "increase_stock_value": 1}), 45030)
}

func TestACardInReviewIsNotGivenOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Cards[0].Status, o.Cards[3].Status = statusWaiting, statusWaiting })
	verify := w.configured("lin", "batchAddCard")
	if got := said(w.addCard("lin", verify, latte, w.ext(w.ticket("wx_card"), latte, nil))); got != "batchAddCard:fail invalid card status" {
		t.Errorf("taking it: %q", got)
	}
	review := func(card string, pass bool) int {
		return w.control("lin", object{"do": "review", "name": card, "on": pass, "text": "非法代制"}, "Sec-Fetch-Site", "same-origin").StatusCode
	}
	if review(latte, true) != http.StatusNoContent {
		t.Error("the review did not end")
	}
	w.pushedEvent("<![CDATA[card_pass_check]]>", latte, "<RefuseReason><![CDATA[]]>")
	w.take("lin", latte, nil)
	w.push()
	if review(rare, false) != http.StatusNoContent || review(rare, true) != http.StatusBadRequest || review("x", true) != http.StatusBadRequest {
		t.Error("reviews")
	}
	w.pushedEvent("<![CDATA[card_not_pass_check]]>", rare, "<RefuseReason><![CDATA[非法代制]]>")
}

func TestTheAccountHearsThatStockRunsOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Cards[0].Stock, o.Cards[0].LimitPerPerson = 201, 0 })
	path := "/card/modifystock?access_token=" + w.token()
	wantCode(t, "stock", w.post(path, object{"card_id": latte, "increase_stock_value": 1}), 0)
	w.Server.mu.Lock()
	w.cards[latte].Stock = 101
	w.Server.mu.Unlock()
	count := func() (n int) {
		for _, e := range w.Events() {
			if e.Name == "card_sku_remind" {
				n++
			}
		}
		return n
	}
	for i, want := range []int{0, 1, 1} {
		w.take("lin", latte, nil)
		if count() != want {
			t.Errorf("attempt %d: %d events", i+1, count())
		}
		w.clock.add(time.Second)
	}
	w.clock.add(remindEvery)
	w.take("lin", latte, nil)
	if count() != 2 {
		t.Error("no second reminder half a day later")
	}
	w.pushes.Wait()
	last := w.Events()[len(w.Events())-2]
	if got := between(last.Body, "Detail"); got != "the card's quantity is equal to "+strconv.Itoa(98) {
		t.Errorf("detail %q", got)
	}
}

func TestAGiftToSomebodyWhoIsGoneComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	friend := cookies(w.control("lin", object{"do": "visitor"}, "Sec-Fetch-Site", "same-origin"))[personaCookie].Value
	w.take("lin", latte, nil)
	code := w.codeOf("lin")
	w.must(w.Gift("lin", code, friend))
	for range maxVisitors {
		w.control("lin", object{"do": "visitor"}, "Sec-Fetch-Site", "same-origin")
	}
	w.Server.mu.Lock()
	defer w.Server.mu.Unlock()
	if h := w.codes[code]; w.persona(friend) != nil || h == nil || h.status != codeNormal || h.gift != nil {
		t.Errorf("the card: %+v", h)
	}
}
