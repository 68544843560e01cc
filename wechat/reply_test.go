package wechat

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

const replyHead = "<xml><ToUserName><![CDATA[oUSER]]></ToUserName><FromUserName><![CDATA[gh_ACCOUNT]]></FromUserName><CreateTime>1700000000</CreateTime>"

func TestRepliesAreExact(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]Reply{
		replyHead + "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[你好]]></Content></xml>":                          Text{"你好"},
		replyHead + "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[a]]]]><![CDATA[><b>&amp;\nc]]></Content></xml>": Text{" a]]><b>&amp;\r\nc\x00\uffff\n"},
		replyHead + "<MsgType><![CDATA[image]]></MsgType><Image><MediaId><![CDATA[M1]]></MediaId></Image></xml>":          Image{"M1"},
		replyHead + "<MsgType><![CDATA[news]]></MsgType><ArticleCount>1</ArticleCount><Articles><item><Title><![CDATA[T]]></Title><Description><![CDATA[D]]></Description>" +
			"<PicUrl><![CDATA[https://a.example/p.png]]></PicUrl><Url><![CDATA[https://a.example/?a=1&b=2]]></Url></item></Articles></xml>": News{"T", "D", "https://a.example/p.png", "https://a.example/?a=1&b=2"},
		"success": nil,
	} {
		got, err := RenderReply("oUSER", "gh_ACCOUNT", time.Unix(1700000000, 0), r)
		if err != nil || string(got) != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
	}
}

func TestRepliesThatWeChatDoesNotShowAreRefused(t *testing.T) {
	t.Parallel()
	link := "https://a.example/"
	for name, c := range map[string]struct {
		r    Reply
		code int
	}{
		"no text": {Text{"\x00 \n"}, 45002}, "long text": {Text{strings.Repeat("长", 683)}, 45002}, "no picture": {Image{""}, 40007}, "bad picture": {Image{"]]> "}, 40007},
		"no title": {News{URL: link}, 45003}, "long title": {News{Title: strings.Repeat("长", 65), URL: link}, 45003},
		"long description": {News{Title: "t", Description: strings.Repeat("长", 257), URL: link}, 45004},
		"no link":          {News{Title: "t"}, 45005}, "script": {News{Title: "t", URL: "javascript:alert(1)"}, 45005},
		"bad picture link": {News{Title: "t", URL: link, PicURL: "data:image/png;base64,"}, 45005},
	} {
		var api *APIError
		if got, err := RenderReply("oUSER", "gh_ACCOUNT", time.Now(), c.r); !errors.As(err, &api) || api.Code != c.code || got != nil {
			t.Errorf("%s: %s, %v", name, got, err)
		}
		if err := CheckReply(c.r); !errors.As(err, &api) || api.Code != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if CheckReply(nil) == nil || CheckReply(Text{strings.Repeat("a", MaxReplyText)}) != nil {
		t.Error("the limits are off by one")
	}
	if _, err := RenderReply("", "gh_ACCOUNT", time.Now(), Text{"x"}); err == nil {
		t.Error("a reply to nobody")
	}
}

func TestTheOfficialReplyEnvelopeIsMade(t *testing.T) {
	t.Parallel()
	found := false
	for _, v := range vectors(t) {
		if v.Kind != "biz-msg-crypt-encrypt" {
			continue
		}
		found = true
		in := v.Inputs
		c, err := NewCrypt(in["token"], in["encoding_aes_key"], AppID(in["appid"]))
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.envelope(c.encrypt([]byte(in["random"]), []byte(in["msg"])), in["timestamp"], in["nonce"])
		want := "<xml><Encrypt><![CDATA[" + v.Expected.Encrypt + "]]></Encrypt><MsgSignature><![CDATA[" + v.Expected.MsgSignature +
			"]]></MsgSignature><TimeStamp>" + in["timestamp"] + "</TimeStamp><Nonce><![CDATA[" + in["nonce"] + "]]></Nonce></xml>"
		if err != nil || string(got) != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
	}
	if !found {
		t.Error("no official reply among the vectors")
	}
}

func TestASealedReplyCanBeOpenedByWeChat(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.c.AESKey = strings.Repeat("q", 42) + "r"
	a := s.process()
	now := time.Now()
	stamp := fmt.Sprint(now.Unix())
	plain, err := RenderReply("oUSER", "gh_ACCOUNT", now, Text{"你好 ]]> 😀"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewCrypt(testPush, s.c.AESKey, s.c.AppID)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := c.SealReply(plain, stamp, "415670741")
	if err != nil {
		t.Fatal(err)
	}
	e, err := ParseEvent(sealed)
	if err != nil || e.Raw["TimeStamp"] != stamp || e.Raw["Nonce"] != "415670741" || strings.Contains(string(sealed), "oUSER") {
		t.Fatalf("%s, %v", sealed, err)
	}
	got, _, err := a.OpenPush(stamp, "415670741", e.Raw["MsgSignature"], sealed)
	if err != nil || string(got) != string(plain) {
		t.Errorf("%s, %v", got, err)
	}
	for _, nothing := range []string{"", NoReply} {
		if got, err := c.SealReply([]byte(nothing), stamp, "1"); err != nil || string(got) != nothing {
			t.Errorf("%q becomes %q, %v", nothing, got, err)
		}
	}
	for _, bad := range [][2]string{{"", "1"}, {"-1", "1"}, {"1<", "1"}, {"+1", "1"}, {"01", "1"}, {stamp, ""}, {stamp, "a b"}, {stamp, strings.Repeat("1", 129)}} {
		if got, err := c.SealReply(plain, bad[0], bad[1]); err == nil {
			t.Errorf("%q: %s", bad, got)
		}
	}
	if _, _, err := newSetup(t).process().OpenPush(stamp, "415670741", e.Raw["MsgSignature"], sealed); err == nil || strings.Contains(err.Error(), testPush) {
		t.Errorf("no key: %v", err)
	}
}

func TestMessagesAndEventsOfTheChatAreRead(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct {
		scene      string
		answerable bool
		ok         func(Event) bool
	}{
		"<MsgType>text</MsgType><Content> <![CDATA[夏天 ]]> </Content><MsgId>23456789012345678</MsgId>":                                  {"", true, func(e Event) bool { return e.Content == "夏天" && e.MsgID == "23456789012345678" }},
		"<MsgType>image</MsgType><PicUrl>http://p</PicUrl><MediaId>M</MediaId>":                                                        {"", true, func(e Event) bool { return e.PicURL == "http://p" && e.MediaID == "M" }},
		"<MsgType>event</MsgType><Event>subscribe</Event><EventKey>qrscene_c12-shop3</EventKey><Ticket>T</Ticket>":                     {"c12-shop3", true, func(e Event) bool { return e.Ticket == "T" }},
		"<MsgType>miniprogrampage</MsgType><Title>t</Title><AppId>wx</AppId><PagePath>p</PagePath><MsgId>1</MsgId>":                    {"", true, nil},
		"<MsgType>event</MsgType><Event>subscribe</Event><EventKey></EventKey>":                                                        {"", true, nil},
		"<MsgType>event</MsgType><Event>subscribe</Event><EventKey>last_trade_no_1</EventKey>":                                         {"", true, nil},
		"<MsgType>event</MsgType><Event>SCAN</Event><EventKey>c12-shop3</EventKey>":                                                    {"c12-shop3", true, nil},
		"<MsgType>event</MsgType><Event>CLICK</Event><EventKey>V1001</EventKey>":                                                       {"", true, func(e Event) bool { return e.EventKey == "V1001" }},
		"<MsgType>event</MsgType><Event>VIEW</Event><EventKey>https://a</EventKey>":                                                    {"", false, nil},
		"<MsgType>event</MsgType><Event>unsubscribe</Event>":                                                                           {"", false, nil},
		"<MsgType>event</MsgType><Event>user_get_card</Event><IsRestoreMemberCard>1</IsRestoreMemberCard><SourceScene>S</SourceScene>": {"", false, func(e Event) bool { return e.IsRestoreMemberCard && e.SourceScene == "S" }},
		"<MsgType>event</MsgType><Event>user_gifting_card</Event><IsReturnBack>1</IsReturnBack><IsChatRoom>1</IsChatRoom>":             {"", false, func(e Event) bool { return e.IsReturnBack && e.IsChatRoom }},
		"<MsgType>event</MsgType><Event>user_consume_card</Event><VerifyCode>7</VerifyCode><RemarkAmount>9.5</RemarkAmount>":           {"", false, func(e Event) bool { return e.VerifyCode == "7" && e.RemarkAmount == "9.5" }},
		"<MsgType>event</MsgType><Event>user_pay_from_pay_cell</Event><TransId>10022403432015000000000</TransId><Fee>10000</Fee><OriginalFee>-1</OriginalFee>": {"", false, func(e Event) bool {
			return e.TransID == "10022403432015000000000" && e.Fee == 10000 && e.OriginalFee == 0
		}},
		"<MsgType>event</MsgType><Event>card_sku_remind</Event><CardId>p</CardId><Detail><![CDATA[the card's quantity is equal to 0]]></Detail>":                                                                    {"", false, func(e Event) bool { return e.CardID == "p" && e.Detail == "the card's quantity is equal to 0" }},
		"<MsgType>event</MsgType><Event>card_not_pass_check</Event><CardId>p</CardId><RefuseReason>非法代制</RefuseReason>":                                                                                             {"", false, func(e Event) bool { return e.RefuseReason == "非法代制" }},
		"<MsgType>event</MsgType><Event>card_pay_order</Event><OrderId>404091456</OrderId><Status>ORDER_STATUS_FINANCE_SUCC</Status>":                                                                               {"", false, func(e Event) bool { return e.OrderID == "404091456" && e.Status == "ORDER_STATUS_FINANCE_SUCC" }},
		"<MsgType>event</MsgType><Event>scancode_waitmsg</Event><EventKey>k</EventKey><ScanCodeInfo><ScanType>qrcode</ScanType><ScanResult>1</ScanResult></ScanCodeInfo><FromUserName>oUSER</FromUserName><U>1</U>": {"", true, func(e Event) bool { return e.Raw["ScanCodeInfo.ScanResult"] == "1" }},
	} {
		e, err := ParseEvent([]byte("<xml>" + body + "</xml>"))
		if err != nil || e.Scene() != want.scene || e.Answerable() != want.answerable || want.ok != nil && !want.ok(e) {
			t.Errorf("%s\n%+v, scene %q, answerable %t, %v", body, e, e.Scene(), e.Answerable(), err)
		}
	}
}

func FuzzRenderReply(f *testing.F) {
	f.Add("你好", "描述", "M1", int64(1700000000))
	f.Add("]]>]]]]>]]", "<![CDATA[<xml>&lt;", "a]]>b", int64(0))
	f.Add("\r\r\n\x00\xff\ufffe", " \t", "", int64(-5))
	f.Fuzz(func(t *testing.T, title, text, media string, seconds int64) {
		now := time.Unix(seconds, 0)
		link := "https://a.example/?x=1&y=" + strings.Map(func(r rune) rune {
			if r <= ' ' || r == '%' || r >= 0x7f {
				return '-'
			}
			return r
		}, media)
		for _, r := range []Reply{Text{text}, Image{media}, News{Title: title, Description: text, URL: link, PicURL: link}} {
			body, err := RenderReply("oUSER", "gh_ACCOUNT", now, r)
			if (err == nil) != (CheckReply(r) == nil) {
				t.Fatalf("%+v: rendered %v, checked %v", r, err, CheckReply(r))
			}
			if err != nil {
				continue
			}
			e, err := ParseEvent(body)
			if err != nil || e.ToUser != "oUSER" || e.FromUser != "gh_ACCOUNT" || e.MsgType != r.kind() || !utf8.Valid(body) || e.CreateTime != max(seconds, 0) {
				t.Fatalf("%s: %+v, %v", body, e, err)
			}
			want := map[string]string{"Content": spoken(text)}
			switch r.(type) {
			case Image:
				want = map[string]string{"Image.MediaId": media}
			case News:
				want = map[string]string{
					"ArticleCount": "1", "Articles.item.Title": spoken(title), "Articles.item.Description": spoken(text),
					"Articles.item.Url": link, "Articles.item.PicUrl": link,
				}
			}
			if len(e.Raw) != 4+len(want) {
				t.Errorf("other fields got in: %v", e.Raw)
			}
			for field, text := range want {
				if e.Raw[field] != text {
					t.Errorf("%s is %q, want %q", field, e.Raw[field], text)
				}
			}
		}
	})
}
