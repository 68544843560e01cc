package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/people"
)

func TestTheAuditSaysWhoDidWhatInWordsAndIsFiltered(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	ctx := context.Background()
	li := campaigns.Actor{ID: "p-li", Name: "李四", IP: "203.0.113.9"}
	c := o.draft("logged")
	change := dbtest.Draft(noon, "logged", 250, campaigns.OwnCode)
	change.Name, change.Version = "夏日冰饮", c.Version
	if _, err := o.campaigns.Edit(ctx, li, c.ID, change); err != nil {
		t.Fatal(err)
	}
	if _, err := o.campaigns.AddChannel(ctx, li, c.ID, campaigns.ChannelDraft{Name: "东门", Code: "east"}); err != nil {
		t.Fatal(err)
	}
	page := d.get("/admin/audit").body
	for _, want := range []string{"李四", "203.0.113.9", "修改活动", "活动名称", "夏日冰饮", "总库存", "250", "添加渠道", "/admin/campaigns/" + c.ID.String(), "登录"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for query, want := range map[string]struct{ has, lacks string }{
		"person=" + url.QueryEscape("李"):              {"修改活动", "创建活动"},
		"person=p-li":                                 {"修改活动", "创建活动"},
		"person=nobody":                               {"没有符合条件的记录", "修改活动"},
		"group=people":                                {"登录", "修改活动"},
		"group=campaigns":                             {"添加渠道", "203.0.113.254"},
		"object=campaign:" + c.ID.String():            {"修改活动", "<strong class=\"fw-bold\">登录"},
		"object=" + c.ID.String():                     {"修改活动", "<strong class=\"fw-bold\">登录"},
		"object=claim:" + c.ID.String():               {"没有符合条件的记录", "修改活动"},
		"from=2026-11-21":                             {"没有符合条件的记录", "修改活动"},
		"from=2026-11-20&to=2026-11-20":               {"修改活动", "没有符合条件的记录"},
		"to=2026-11-19":                               {"没有符合条件的记录", "修改活动"},
		"from=yesterday&group=nothing&before=":        {"修改活动", "没有符合条件的记录"},
		"person=" + url.QueryEscape("' OR '1'='1"):    {"没有符合条件的记录", "修改活动"},
		"object=" + url.QueryEscape("campaign:%_<b>"): {"没有符合条件的记录", "<b>"},
	} {
		if a := d.get("/admin/audit?" + query); a.status != http.StatusOK || !strings.Contains(a.body, want.has) || strings.Contains(table(a.body), want.lacks) {
			t.Errorf("%s: %d lacks %q or has %q", query, a.status, want.has, want.lacks)
		}
	}
	if english := d.get("/admin/audit", "Accept-Language", "en").body; !strings.Contains(english, "Edited a campaign") {
		t.Error("the page is not in English")
	}
}

// table is the part of the audit's page behind the filter.
func table(page string) string { return page[max(0, strings.Index(page, `id="audit"`)):] }

func TestTheAuditIsReadPageByPageAndAsAFileThatIsRecorded(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	for range 120 {
		if err := o.people.Record(context.Background(), people.Person{ID: "p-x", Name: "=cmd()"}, "", "claims.export", "campaign", "", map[string]any{"rows": 3}); err != nil {
			t.Fatal(err)
		}
		o.setTime(o.now().Add(time.Millisecond))
	}
	rows, path := 0, "/admin/audit?person=p-x"
	for pages := 0; path != ""; pages++ {
		if pages > 3 {
			t.Fatal("the pages have no end")
		}
		body := d.get(path, "HX-Request", "true", "HX-Target", "audit").body
		rows += strings.Count(body, "<strong")
		_, rest, more := strings.Cut(body, "before=")
		if path = ""; more {
			before, _, _ := strings.Cut(rest, "&")
			path = "/admin/audit?person=p-x&before=" + before
		}
		if strings.Contains(body, "<html") {
			t.Fatal("a part of the page is a whole one")
		}
		if !strings.Contains(body, "下一页") {
			break
		}
	}
	if rows != 120 {
		t.Errorf("%d rows on all pages", rows)
	}
	file := d.get("/admin/audit.csv?person=p-x&before=0")
	lines := strings.Split(strings.TrimSpace(file.body), "\r\n")
	if file.status != http.StatusOK || len(lines) != 121 || !strings.Contains(lines[1], "导出领取记录") || !strings.Contains(lines[1], "claims.export") || strings.Contains(lines[1], ",=cmd") {
		t.Errorf("%d, %d lines: %q", file.status, len(lines), lines[:min(2, len(lines))])
	}
	if got := o.audited("audit.export"); len(got) != 1 || !strings.Contains(got[0].Detail, `"rows":120`) {
		t.Errorf("recorded %+v", got)
	}
}

func TestTheCampaignSaysWhenPersonalDataGoesAndAClaimThatItIsGone(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	ctx := context.Background()
	draft := dbtest.Draft(noon, "kept", 100, campaigns.OwnCode)
	draft.Form, draft.Texts.RetentionDay = campaigns.ClassicForm(), 30
	draft.Form[3].Retention, draft.EndsAt = 7, noon.Add(24*time.Hour)
	c := dbtest.Publish(t, o.campaigns, draft)
	v := dbtest.Visitor(t, o.campaigns, 1)
	claim, _, err := o.campaigns.Claim(ctx, campaigns.Tap{
		Slug: c.Slug, Visitor: v.ID, Key: "key-1-xxxx", Consent: true, Answers: map[string]string{"name": "王小明", "plate": "京A12345", "phone": "13800138000"},
	})
	if err != nil {
		t.Fatal(err)
	}
	page := o.signIn(people.Owner).get("/admin/campaigns/" + c.ID.String()).body
	for _, want := range []string{"个人信息删除时间", "2026-11-28 12:00", "手机号", "2026-12-21 12:00", "姓名、车牌号、车型"} {
		if !strings.Contains(page, want) {
			t.Errorf("the campaign's page lacks %q", want)
		}
	}
	o.setTime(noon.Add(9 * 24 * time.Hour))
	if n, err := o.campaigns.Forget(ctx); n != 1 || err != nil {
		t.Fatalf("%d claims forgot (%v)", n, err)
	}
	d := o.again(people.Owner)
	detail := d.get("/admin/claims/" + claim.ID.String()).body
	if !strings.Contains(detail, "已按保存期限删除") || strings.Contains(detail, "138****8000") || !strings.Contains(detail, "王**") {
		t.Error("the claim's page shows the wrong answers")
	}
	if list := d.get("/admin/claims").body; strings.Contains(list, "138****8000") || !strings.Contains(list, "王**") {
		t.Error("the table shows the wrong answers")
	}
	if audit := d.get("/admin/audit").body; !strings.Contains(audit, "到期删除个人信息") || !strings.Contains(audit, "领取数 1") {
		t.Error("the audit does not say that something went")
	}
	if file := exportOf(t, d, ""); !strings.Contains(strings.Join(file.rows[0], "|"), "已按保存期限删除") || strings.Contains(strings.Join(file.rows[0], "|"), "13800138000") {
		t.Errorf("the file has %v", file.rows[0])
	}
}
