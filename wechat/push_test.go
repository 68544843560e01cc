package wechat

import (
	"errors"
	"strings"
	"testing"
)

const gotCard = `<xml> <ToUserName>  <![CDATA[gh_fc0a06a20993]]>  </ToUserName>
<FromUserName><![CDATA[oZI8Fj040-be6rlDohc6gkoPOQTQ]]></FromUserName><CreateTime>1472551036</CreateTime>
<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[user_get_card]]></Event><CardId><![CDATA[pZI8Fjwsy5fVPRBeD78J4RmqVvBc]]></CardId>
<IsGiveByFriend>0</IsGiveByFriend><UserCardCode><![CDATA[026009850808]]></UserCardCode><FriendUserName><![CDATA[]]></FriendUserName>
<OuterId>0</OuterId><OldUserCardCode><![CDATA[]]></OldUserCardCode><OuterStr><![CDATA[12b]]></OuterStr><IsRestoreMemberCard>0</IsRestoreMemberCard>
<ScanCodeInfo><ScanType>qr&amp;code</ScanType></ScanCodeInfo></xml>`

func TestAnEventIsRead(t *testing.T) {
	t.Parallel()
	for _, body := range []string{gotCard, "\ufeff<?xml version=\"1.0\"?>\n" + gotCard + "\n"} {
		e, err := ParseEvent([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if e.ToUser != "gh_fc0a06a20993" || e.FromUser != "oZI8Fj040-be6rlDohc6gkoPOQTQ" || e.CreateTime != 1472551036 || !e.Is("User_Get_Card") ||
			e.CardID != "pZI8Fjwsy5fVPRBeD78J4RmqVvBc" || e.UserCardCode != "026009850808" || e.OuterStr != "12b" || e.IsGiveByFriend {
			t.Errorf("got %+v", e)
		}
		if e.Raw["ScanCodeInfo.ScanType"] != "qr&code" || e.Raw["IsRestoreMemberCard"] != "0" {
			t.Errorf("the raw fields are %v", e.Raw)
		}
	}
}

func TestWhatIsNoMessageIsRefused(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing": "", "json": `{"MsgType":"event"}`, "another root": "<html><a>1</a></html>", "two roots": "<xml><a>1</a></xml><xml><a>1</a></xml>",
		"cut": "<xml><a>1</a>", "text after": "<xml><a>1</a></xml>x", "no fields": "<xml></xml>",
		"document type":  `<!DOCTYPE xml [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><a>1</a></xml>`,
		"unknown entity": "<xml><a>&e;</a></xml>",
		"too deep":       "<xml>" + strings.Repeat("<a>", maxEventDepth) + strings.Repeat("</a>", maxEventDepth) + "</xml>",
		"too many":       "<xml>" + strings.Repeat("<a>1</a>", maxEventFields) + "</xml>",
		"too large":      "<xml><a>" + strings.Repeat("x", MaxEvent) + "</a></xml>",
	} {
		if e, err := ParseEvent([]byte(body)); !errors.Is(err, ErrBadEvent) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}

func TestRepeatsHaveOneKeyAndDifferentEventsDoNot(t *testing.T) {
	t.Parallel()
	base, err := ParseEvent([]byte(gotCard))
	if err != nil {
		t.Fatal(err)
	}
	again, _ := ParseEvent([]byte(strings.ReplaceAll(gotCard, "user_get_card", "USER_GET_CARD")))
	if base.DedupeKey("shop") != again.DedupeKey("shop") {
		t.Error("a repeat has another key")
	}
	keys := map[string]string{base.DedupeKey("shop"): "the event"}
	add := func(name, key string) {
		if other, twice := keys[key]; twice {
			t.Errorf("%s has the key of %s", name, other)
		}
		keys[key] = name
		if strings.Contains(key, base.FromUser) {
			t.Errorf("%s: the key shows the openid", name)
		}
	}
	add("another account", base.DedupeKey("shop2"))
	for name, change := range map[string]func(*Event){
		"another person": func(e *Event) { e.FromUser += "x" }, "another time": func(e *Event) { e.CreateTime++ },
		"another event": func(e *Event) { e.Event = "user_del_card" }, "another card": func(e *Event) { e.CardID += "x" },
		"another code": func(e *Event) { e.UserCardCode += "0" }, "a message": func(e *Event) { e.MsgID = "1" },
		"a neighbour": func(e *Event) { e.CardID, e.UserCardCode = e.CardID+e.UserCardCode[:1], e.UserCardCode[1:] },
	} {
		e := base
		change(&e)
		add(name, e.DedupeKey("shop"))
	}
}

func TestTheCaseOfNamesAndStrayCharactersDoNotMatter(t *testing.T) {
	t.Parallel()
	base, err := ParseEvent([]byte(gotCard))
	if err != nil {
		t.Fatal(err)
	}
	odd := strings.NewReplacer("CardId", "CardID", "OuterStr", "outerstr", "FromUserName", "fromusername", "MsgType", "msgtype", "user_get_card", "User_Get_Card", "UserCardCode", "usercardcode").Replace(gotCard)
	e, err := ParseEvent([]byte(odd))
	if err != nil || e.CardID != base.CardID || e.OuterStr != "12b" || e.FromUser != base.FromUser || e.MsgType != "event" || e.Event != "user_get_card" || e.UserCardCode != base.UserCardCode {
		t.Errorf("got %+v, %v", e, err)
	}
	if e.DedupeKey("shop") != base.DedupeKey("shop") {
		t.Error("the same event has two keys")
	}
	talk, err := ParseEvent([]byte("<xml><FromUserName>oA</FromUserName><MsgType>text</MsgType><Content><![CDATA[a\x08b\xff\x00]]></Content></xml>"))
	if err != nil || talk.Content != "ab\ufffd" {
		t.Errorf("got %q, %v", talk.Content, err)
	}
	paid, _ := ParseEvent([]byte("<xml><Event>card_pay_order</Event><orderid>1</orderid><Status>A</Status></xml>"))
	other, _ := ParseEvent([]byte("<xml><Event>card_pay_order</Event><orderid>2</orderid><Status>A</Status></xml>"))
	if paid.OrderID != "1" || paid.DedupeKey("shop") == other.DedupeKey("shop") {
		t.Errorf("two orders have one key: %+v", paid)
	}
}
