package web_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/people"
	"kaquan/wechat"
)

const writer = "oVisitor00000000000000000099"

// receive puts a message into the inbox and gives its id.
func (o *office) receive(body string) int64 {
	o.t.Helper()
	e, err := wechat.ParseEvent([]byte(body))
	if err != nil {
		o.t.Fatal(err)
	}
	if _, err := o.campaigns.Receive(context.Background(), dbtest.Account, e, []byte(body)); err != nil {
		o.t.Fatal(err)
	}
	page, err := o.campaigns.Messages(context.Background(), campaigns.InboxFilter{})
	if err != nil {
		o.t.Fatal(err)
	}
	return page.Rows[0].ID
}

func message(event, more string) string {
	return fmt.Sprintf("<xml><ToUserName>gh_1</ToUserName><FromUserName><![CDATA[%s]]></FromUserName><CreateTime>%d</CreateTime><MsgType>event</MsgType><Event>%s</Event>%s</xml>",
		writer, noon.Unix(), event, more)
}

func TestTheInboxMasksPeopleAndRevealingIsRecorded(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	id := o.receive(message("user_get_card", "<CardId>p1</CardId><UserCardCode>012345678901</UserCardCode><Content><![CDATA[</Content>my number is 13800138000]]></Content><FriendUserName>"+writer+"x</FriendUserName>"))
	path := fmt.Sprintf("/admin/events/%d", id)
	viewer, operator := o.signIn(people.Viewer), o.signIn(people.Operator)
	for _, page := range []string{"/admin/events", path, "/admin/events?q=" + writer, "/admin/events?q=012345678901&result=unmatched&event=user_get_card"} {
		a := viewer.get(page)
		if a.status != 200 || !strings.Contains(a.words(), "用户领取卡券") || !strings.Contains(a.words(), "已挂起") {
			t.Errorf("%s: %d without the message", page, a.status)
		}
		if strings.Contains(strings.ReplaceAll(a.body, "q="+writer, ""), writer+"x") || strings.Contains(a.body, "13800138000") || strings.Contains(a.words(), "events.") {
			t.Errorf("%s shows a person or a key", page)
		}
	}
	if a := viewer.get("/admin/events?result=applied"); strings.Contains(a.body, path) {
		t.Error("the filter by result lets everything through")
	}
	if a := viewer.get(path, "HX-Request", "true"); strings.Contains(a.body, "<html") || !strings.Contains(a.body, `role="dialog"`) {
		t.Error("the drawer is a page")
	}
	if a := operator.post(path+"/reveal", nil); a.status != 200 || !strings.Contains(a.words(), writer+"x") || !strings.Contains(a.words(), "13800138000") {
		t.Errorf("revealing: %d", a.status)
	}
	if entries := o.audited("events.reveal"); len(entries) != 1 || strings.Contains(fmt.Sprint(entries), writer) {
		t.Errorf("recorded: %+v", entries)
	}
}

func TestAMessageIsProcessedAgainFromTheInbox(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	owner := o.signIn(people.Owner)
	card := string(dbtest.Draft(noon, "wash", 1, campaigns.WeChatCard).CardID)
	id := o.receive(strings.Replace(message("user_get_card", "<CardId>"+card+"</CardId><UserCardCode>012345678901</UserCardCode>"), writer, string(dbtest.OpenID(7)), 1))
	path := fmt.Sprintf("/admin/events/%d", id)
	c := o.campaign("wash", "洗车券", campaigns.WeChatCard) // comes after the message
	claim := o.claim(c, 7, "")
	for range 2 {
		if a := owner.post(path+"/reprocess", nil); a.status != 303 || a.header.Get("Location") != path {
			t.Fatalf("%d to %q", a.status, a.header.Get("Location"))
		}
	}
	if a := owner.get(path); !strings.Contains(a.words(), "已处理") || !strings.Contains(a.body, "/admin/claims/"+claim.ID.String()) {
		t.Error("the message does not lead to its claim")
	}
	stock, err := o.campaigns.CheckStock(context.Background(), c.ID)
	if err != nil || stock.Confirmed != 1 || len(o.audited("events.reprocess")) != 2 {
		t.Errorf("stock %+v (%v)", stock, err)
	}
}

func TestTheHistorySaysThatACardWasNotTakenOnThePage(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.campaign("wash", "洗车券", campaigns.WeChatCard)
	o.receive(message("user_get_card", "<CardId>"+string(c.CardID)+"</CardId><UserCardCode>012345678901</UserCardCode>"))
	page, err := o.db.Claims(context.Background(), campaigns.ClaimFilter{Search: "012345678901", Limit: 2})
	if err != nil || len(page.Rows) != 1 {
		t.Fatalf("%d claims (%v)", len(page.Rows), err)
	}
	if a := o.signIn(people.Viewer).get("/admin/claims/" + page.Rows[0].ID.String()); !strings.Contains(a.words(), "微信推送 · 不是从领取页领的") {
		t.Errorf("the history: %d %s", a.status, a.words())
	}
}

func TestTheInboxSaysWhenNothingEverCameAndHostileFiltersAreIgnored(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Viewer)
	if a := d.get("/admin/events"); !strings.Contains(a.words(), "还没有收到过推送") {
		t.Error("silence does not show")
	}
	o.receive(message("view", ""))
	for _, query := range []string{"before=-1", "before=zz", "result=x", "account=x", "from=1-1-1", "q=%27%22%3E%3Cscript%3E", "event=%00"} {
		if a := d.get("/admin/events?" + query); a.status != 200 || strings.Contains(a.body, "'\"><script>") {
			t.Errorf("%s: %d", query, a.status)
		}
	}
	if a := d.get("/admin/events/reconcile"); a.status != 200 || !strings.Contains(a.words(), "没有发现不一致") {
		t.Errorf("reconcile: %d", a.status)
	}
}
