package web_test

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/people"
)

func TestACampaignGoesFromDraftToTheArchive(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	if a := d.get("/admin/campaigns"); !strings.Contains(a.words(), "还没有活动") || !strings.Contains(a.body, `href="/admin/campaigns/new"`) {
		t.Error("an empty list does not lead to the first campaign")
	}
	created := d.post("/admin/campaigns/new", campaignFields(
		"question[0][kind]", "mobile", "question[0][label]", "手机号", "question[0][required]", "1",
		"question[1][kind]", "choice", "question[1][label]", "门店", "question[1][options]", "东店\r\n西店\r\n", "terms", "第一条\r\n第二条", "contact", "400-000-0000"))
	path := created.header.Get("Location")
	if created.status != http.StatusSeeOther {
		t.Fatalf("create: %d %s", created.status, created.words())
	}
	c, err := o.campaigns.Campaign(context.Background(), campaigns.ParseID[campaigns.ID](strings.TrimPrefix(path, "/admin/campaigns/")))
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 12, 1, 2, 0, 0, 0, time.UTC); !c.StartsAt.Equal(want) {
		t.Errorf("starts %s, want %s", c.StartsAt, want)
	}
	if len(c.Form) != 2 || c.Form[0].Key != "phone" || !c.Form[0].Required || len(c.Form[1].Options) != 2 || c.Texts.Terms != "第一条\n第二条" {
		t.Errorf("form %+v, terms %q", c.Form, c.Texts.Terms)
	}
	if a := d.get(path + "/preflight"); !strings.Contains(a.words(), "发布后，12月1日 10:00 起可领取。") {
		t.Error("no sentence about publishing")
	}
	if a := d.get(path); !strings.Contains(a.body, "https://kq.example.com/c/winter") || !strings.Contains(a.body, `class="kq-qr"`) {
		t.Error("the page lacks the link or the code")
	}
	step := func(action string, form url.Values, want campaigns.State, words string) {
		t.Helper()
		if a := d.post(path+"/"+action, form); a.status != http.StatusSeeOther || a.header.Get("Location") != path {
			t.Fatalf("%s: %d", action, a.status)
		}
		if a := d.get(path); !strings.Contains(a.words(), words) {
			t.Errorf("after %s the page does not say %q", action, words)
		}
		if got := o.reload(c).State(o.now()); got != want {
			t.Fatalf("after %s: %s, want %s", action, got, want)
		}
	}
	step("publish", nil, campaigns.Scheduled, "已发布")
	o.setTime(time.Date(2026, 12, 2, 4, 0, 0, 0, time.UTC))
	d = o.again(people.Operator)
	step("pause", url.Values{"reason": {"库存补充中"}}, campaigns.Paused, "新访客会看到：库存补充中")
	step("resume", nil, campaigns.Running, "已继续")
	step("end", nil, campaigns.Ended, "已结束")
	step("resume", nil, campaigns.Ended, "活动的状态已变")
	step("archive", nil, campaigns.Archived, "已归档")
	if a := d.get("/admin/campaigns"); strings.Contains(a.words(), "冬日拿铁") {
		t.Error("an archived campaign is in the list")
	}
	if a := d.get("/admin/campaigns?state=archived"); !strings.Contains(a.words(), "冬日拿铁") {
		t.Error("the archive does not show it")
	}
	if a := d.get(path + "/edit"); a.header.Get("Location") != path {
		t.Errorf("an archived campaign can be edited: %d", a.status)
	}
}

// again signs in the person that signIn made before, later on the clock.
func (o *office) again(role people.Role) *desk {
	o.t.Helper()
	token, session, err := o.people.SignIn(context.Background(), string(role)+"-login", "correct horse 9", "192.0.2.1", "test")
	if err != nil {
		o.t.Fatal(err)
	}
	return &desk{office: o, cookies: map[string]string{"kq_admin": token}, csrf: session.CSRF}
}

func TestWhatIsWrongIsToldNextToItsFieldAndNothingTypedIsLost(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	o.draft("taken")
	long, script, emoji := strings.Repeat("很", 61), `<script>alert("x")</script>`, "👨‍👩‍👧 快乐"
	var made []*campaigns.Campaign
	for name, row := range map[string]struct{ field, value, message string }{
		"no name":              {"name", "", "请填写"},
		"a long name":          {"name", long, "最多 60 个字，现在是 61 个"},
		"a long benefit":       {"benefit", strings.Repeat("x", 25), "最多 24 个字"},
		"an address as slug":   {"slug", "Not a slug!", "用小写字母"},
		"a slug that is taken": {"slug", "taken", "已被使用"},
		"an end before":        {"ends_at", "2026-11-30T10:00", "结束时间必须晚于开始时间"},
		"no date":              {"starts_at", "soon <b>", "正确的日期和时间"},
		"a year like no other": {"ends_at", "9999-12-31T23:59", "正确的日期和时间"},
		"a short life":         {"valid_until", "2026-12-02T00:00", "不能早于活动结束时间"},
		"no stock":             {"total", "0", "1 到 100000000"},
		"stock in words":       {"total", "many", "请填写整数"},
		"stock without end":    {"total", "99999999999999999999", "请填写整数"},
		"nobody may claim":     {"per_person", "0", "1 到 100"},
		"a long hold":          {"hold", "99999999999", "30 到 3600"},
		"an odd issuer":        {"issuer", "stamp", "发券方式"},
		"a red colour":         {"colour", "red", "#07c160"},
		"a script as picture":  {"share_image", "javascript:alert(1)", "http"},
		"an account of nobody": {"account", "nobody", "没有这个公众号"},
		"backwards text":       {"brand", "咖啡\u202e", "不能显示的字符"},
		"endless retention":    {"retention", "-5", "0 到 3650"},
		"no purpose":           {"purpose", "", "请填写"},
	} {
		path, fields := "/admin/campaigns/new", []string{"intro", script, "share_title", emoji, "question[0][kind]", "text", "question[0][label]", script[:8], row.field, row.value}
		if row.field != "account" { // which cannot change once the campaign exists
			edited := o.draft(campaigns.Slug("wrong-" + strconv.Itoa(len(made))))
			path = "/admin/campaigns/" + edited.ID.String() + "/edit"
			made = append(made, edited)
			if row.field != "slug" {
				fields = append(fields, "slug", string(edited.Slug))
			}
			fields = append(fields, "version", "1")
		}
		a := d.post(path, campaignFields(fields...))
		if a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, a.status)
			continue
		}
		message := regexp.MustCompile(`(?s)id="f-` + row.field + `-error".*?</div>\s*</div>`).FindString(a.body)
		if !strings.Contains(html.UnescapeString(message), row.message) {
			t.Errorf("%s: at the field %q stands %q, want %q", name, row.field, message, row.message)
		}
		if row.field != "account" && row.field != "issuer" && row.value != "" && !strings.Contains(html.UnescapeString(a.body), `value="`+row.value+`"`) {
			t.Errorf("%s: what was typed is gone", name)
		}
		if row.field == "account" {
			continue
		}
		if a := d.get(path + "?step=design"); !strings.Contains(a.body, html.EscapeString(script)) || strings.Contains(a.body, script) {
			t.Errorf("%s: the script is not kept as text", name)
		}
		if a := d.get(path + "?step=form"); !strings.Contains(a.body, `value="&lt;script&gt;"`) || !strings.Contains(d.get(path+"?step=channels").body, emoji) {
			t.Errorf("%s: another field lost its text", name)
		}
	}
	for _, c := range made {
		if again := o.reload(c); again.Version != 1 || again.Texts.Intro == script {
			t.Errorf("%s was saved in spite of its problems", c.Slug)
		}
	}
	if n := o.drafts(); n != 1+len(made) {
		t.Errorf("%d campaigns, want those from before", n)
	}
	good := d.post("/admin/campaigns/new", campaignFields("name", emoji+script, "intro", script))
	if a := d.get(good.header.Get("Location")); good.status != http.StatusSeeOther || strings.Contains(a.body, script) || !strings.Contains(a.body, emoji) {
		t.Errorf("odd but honest words: %d", good.status)
	}
	if a := d.get("/admin/campaigns"); strings.Contains(a.body, script) {
		t.Error("the list does not escape names")
	}
}

func TestEveryProblemShowsAtOnce(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	a := d.post("/admin/campaigns/new", url.Values{"op": {"next"}, "step": {"card"}})
	for _, field := range []string{"name", "slug", "benefit", "brand", "account", "issuer"} {
		if !strings.Contains(a.body, `id="f-`+field+`-error"`) {
			t.Errorf("nothing stands at %s", field)
		}
	}
	if strings.Count(a.body, " autofocus") != 1 {
		t.Error("not one field with the cursor")
	}
	path := "/admin/campaigns/" + o.draft("empty").ID.String() + "/edit"
	d.post(path, url.Values{"op": {"save"}, "version": {"1"}, "total": {"x"}, "starts_at": {"y"}})
	for step, fields := range map[string][]string{
		"card": {"name", "slug", "benefit", "brand", "issuer"}, "stock": {"starts_at", "total", "hold"}, "rules": {"per_person"},
	} {
		a := d.get(path + "?step=" + step)
		for _, field := range fields {
			if strings.Count(a.body, `id="f-`+field+`-error"`) != 1 {
				t.Errorf("not one place for messages at %s", field)
			}
		}
		if strings.Count(a.body, " autofocus") != 1 || strings.Count(a.body, "ed-mark-bad") != 3 {
			t.Errorf("%s: %d fields with the cursor, %d marks", step, strings.Count(a.body, " autofocus"), strings.Count(a.body, "ed-mark-bad"))
		}
	}
}

func TestTheFormBuilderWorksByButtonsAlone(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	c := o.draft("builder")
	path := "/admin/campaigns/" + c.ID.String() + "/edit"
	labels := func(a answered) string {
		t.Helper()
		if a.status != http.StatusOK {
			t.Fatalf("%d", a.status)
		}
		var found []string
		for _, m := range regexp.MustCompile(`<input type="text"[^>]*>`).FindAllString(a.body, -1) {
			if strings.Contains(m, "[label]") {
				found = append(found, html.UnescapeString(regexp.MustCompile(`value="([^"]*)"`).FindStringSubmatch(m)[1]))
			}
		}
		return strings.Join(found, ",")
	}
	press := func(op string) string {
		form := url.Values{"op": {op}, "step": {"form"}, "version": {"1"}, "purpose": {"还没写完 <i>"}}
		for i, label := range []string{"A", "B", "C"} {
			form.Set("question["+strconv.Itoa(i)+"][label]", label)
			form.Set("question["+strconv.Itoa(i)+"][kind]", "text")
		}
		a := d.post(path, form)
		if !strings.Contains(a.body, html.EscapeString("还没写完 <i>")) || strings.Contains(a.body, "-error\"") {
			t.Errorf("%s: the other fields are not as they were", op)
		}
		return labels(a)
	}
	for op, want := range map[string]string{
		"add": "A,B,C,", "remove-1": "A,C", "up-2": "A,C,B", "down-0": "B,A,C", "classic": "姓名,车牌号,车型,手机号",
		"up-0": "A,B,C", "down-2": "A,B,C", "remove-9": "A,B,C", "remove--1": "A,B,C", "remove-x": "A,B,C",
	} {
		if got := press(op); got != want {
			t.Errorf("%s: %s, want %s", op, got, want)
		}
		if got := labels(d.get(path + "?step=form")); got != want {
			t.Errorf("%s: the editor opens again with %s, want %s", op, got, want)
		}
	}
	if o.reload(c).Version != 1 {
		t.Error("a button of the form builder saved something")
	}
	a := d.post(path, url.Values{"op": {"save"}, "step": {"form"}, "version": {"1"}, "purpose": {"x"}, "question[0][kind]": {"choice"}, "question[0][label]": {"门店"}, "question[0][options]": {"只有一个"}})
	if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), "“门店”需要 2 到 50 个选项") {
		t.Errorf("a choice without a choice: %d", a.status)
	}
}

func TestAfterPublicationPromisesStay(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.campaign("promise", "承诺", campaigns.OwnCode)
	for n := range 3 {
		o.claim(c, n, "")
	}
	c = o.reload(c)
	path := "/admin/campaigns/" + c.ID.String()
	version := strconv.FormatInt(c.Version, 10)
	fields := func(change ...string) url.Values {
		return campaignFields(append([]string{"slug", "promise", "version", version, "starts_at", "2026-11-20T11:00"}, change...)...)
	}
	if a := d.post(path+"/edit", fields("total", "2")); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), "已发出 3 张") || !strings.Contains(a.body, `id="f-total-error"`) {
		t.Errorf("stock below what was given out: %d", a.status)
	}
	if a := d.post(path+"/edit", fields("slug", "other")); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `id="f-slug-error"`) {
		t.Errorf("another link: %d", a.status)
	}
	if a := d.post(path+"/edit", fields("valid_until", "2026-12-08T00:00")); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `id="f-valid_until-error"`) {
		t.Errorf("a shorter life of the cards: %d %s", a.status, a.words())
	}
	d.post(path+"/edit", url.Values{"op": {"discard"}})
	if a := d.get(path + "/edit"); !strings.Contains(a.words(), "已有 3 人领取。可以增加库存、延长结束时间；不能减少已承诺的权益。") || !strings.Contains(a.words(), "发布后不能修改") {
		t.Errorf("the editor does not say what is locked, and why: %s", a.words())
	}
	if a := d.get(path + "/edit?step=stock"); !strings.Contains(a.words(), "已发出 3 张") {
		t.Error("the stock does not say how many are out")
	}
	a := d.post(path+"/edit", fields("total", "3"))
	if a.status != http.StatusOK || o.reload(c).Stock.Total == 3 || !regexp.MustCompile(`总库存 \d+ 3`).MatchString(a.words()) {
		t.Errorf("an edit does not show its difference first: %d %s", a.status, a.words())
	}
	if a := d.post(path+"/edit", url.Values{"op": {"confirm"}, "version": {version}}); a.status != http.StatusSeeOther || o.reload(c).Stock.Total != 3 {
		t.Errorf("stock of exactly what was given out: %d", a.status)
	}
	if a := d.get(path); !strings.Contains(a.words(), "总库存 3 = 已领取 3 + 占用 0 + 剩余 0") {
		t.Error("the numbers do not read as their sum")
	}
	if lines := o.audited("campaign.edit"); len(lines) != 1 || !strings.Contains(lines[0].Detail, `"total":["`) {
		t.Errorf("the audit says %v", lines)
	}
}

func TestAPauseNeedsAReasonThatVisitorsCanRead(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.campaign("pause", "暂停", campaigns.OwnCode)
	path := "/admin/campaigns/" + c.ID.String()
	for _, reason := range []string{"", "   ", strings.Repeat("长", 61)} {
		a := d.post(path+"/pause", url.Values{"reason": {reason}})
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `id="f-reason-error"`) || !strings.Contains(a.body, " data-open") {
			t.Errorf("%q: %d", reason, a.status)
		}
		if strings.TrimSpace(reason) != "" && !strings.Contains(a.body, `value="`+reason+`"`) {
			t.Error("the reason is gone")
		}
	}
	if o.reload(c).Status != campaigns.StatusPublished {
		t.Error("it paused without a reason")
	}
}

func TestPublishingWhatIsOverSaysSo(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.draft("over")
	o.setTime(noon.Add(48 * time.Hour))
	d := o.signIn(people.Operator)
	path := "/admin/campaigns/" + c.ID.String()
	a := d.post(path+"/publish", nil)
	if a = d.get(a.header.Get("Location")); !strings.Contains(a.words(), "已过。") || strings.Contains(a.body, path+"/publish") || o.reload(c).Status != campaigns.StatusDraft {
		t.Error("no reason, or published")
	}
}

func TestACopyIsADraftOfItsOwn(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.campaign("copied", "原件", campaigns.OwnCode)
	a := d.post("/admin/campaigns/"+c.ID.String()+"/copy", nil)
	editor := d.get(a.header.Get("Location"))
	if a.status != http.StatusSeeOther || !strings.Contains(editor.body, `value="原件（副本）"`) || strings.Contains(editor.body, `name="slug" value="copied"`) {
		t.Errorf("%d %s", a.status, a.header.Get("Location"))
	}
}

func TestTheListFiltersByStateAndWords(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Viewer)
	o.campaign("coffee", "咖啡券", campaigns.OwnCode)
	o.draft("tea")
	for query, want := range map[string][2]bool{ // whether 咖啡券 and the draft are shown
		"": {true, true}, "?state=running": {true, false}, "?state=draft": {false, true}, "?q=咖啡": {true, false}, "?q=zzz": {false, false},
		"?q=%25": {false, false}, "?state=nonsense": {false, false}, "?account=demo": {true, true}, "?account=other": {false, false},
	} {
		a := d.get("/admin/campaigns" + strings.ReplaceAll(query, "咖啡", url.QueryEscape("咖啡")))
		if got := [2]bool{strings.Contains(a.body, "咖啡券"), strings.Contains(a.body, "/c/tea")}; a.status != http.StatusOK || got != want {
			t.Errorf("%q: %d %v, want %v", query, a.status, got, want)
		}
	}
	if a := d.get("/admin/campaigns"); strings.Contains(a.body, "/copy") || strings.Contains(a.body, "/admin/campaigns/new") {
		t.Error("a viewer is offered what they may not do")
	}
}

func TestWhatTheOwnPageOfACampaignDidIsTakenBack(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d, other := o.signIn(people.Operator), o.signIn(people.Owner)
	for action, row := range map[string]struct {
		start func(c *campaigns.Campaign)
		to    campaigns.Status
	}{
		"pause": {func(*campaigns.Campaign) {}, campaigns.StatusPaused},
		"resume": {func(c *campaigns.Campaign) {
			_ = o.campaigns.Pause(context.Background(), campaigns.Actor{}, c.ID, "盘点")
		}, campaigns.StatusPublished},
		"end": {func(c *campaigns.Campaign) {
			_ = o.campaigns.Pause(context.Background(), campaigns.Actor{}, c.ID, "盘点")
		}, campaigns.StatusEnded},
		"archive": {func(c *campaigns.Campaign) { _ = o.campaigns.End(context.Background(), campaigns.Actor{}, c.ID) }, campaigns.StatusArchived},
	} {
		c := o.campaign(campaigns.Slug("own-"+action), "甲", campaigns.OwnCode)
		row.start(c)
		before, path := o.reload(c), "/admin/campaigns/"+c.ID.String()
		reason := url.Values{"reason": {"库存补充中"}}
		if a := d.post(path+"/"+action, reason); a.header.Get("Location") != path || o.reload(c).Status != row.to {
			t.Fatalf("%s: %d, %s", action, a.status, o.reload(c).Status)
		}
		page := d.get(path)
		undo := undoPattern.FindStringSubmatch(page.body)
		if undo == nil || !strings.Contains(page.body, `name="next" value="`+path+`"`) {
			t.Errorf("%s offers no way back", action)
			continue
		}
		d.post(path+"/"+action, reason)
		if again := d.get(path); undoPattern.MatchString(again.body) {
			t.Errorf("%s again, which changed nothing, offers a way back", action)
		}
		other.post(undo[1], nil)
		if o.reload(c).Status != row.to {
			t.Errorf("%s was taken back by somebody else", action)
		}
		if a := d.post(undo[1], url.Values{"next": {path}}); a.header.Get("Location") != path {
			t.Errorf("taking back leads to %q", a.header.Get("Location"))
		}
		after := o.reload(c)
		if after.Status != before.Status || after.PauseReason != before.PauseReason || !after.EndedAt.Equal(before.EndedAt) {
			t.Errorf("%s taken back: %s %q %v, was %s %q %v", action, after.Status, after.PauseReason, after.EndedAt, before.Status, before.PauseReason, before.EndedAt)
		}
		if words := d.get(path).words(); !strings.Contains(words, "已撤销") {
			t.Errorf("%s: nobody says that it was taken back", action)
		}
	}
	late := o.campaign("own-late", "乙", campaigns.OwnCode)
	d.post("/admin/campaigns/"+late.ID.String()+"/end", nil)
	undo := undoPattern.FindStringSubmatch(d.get("/admin/campaigns/" + late.ID.String()).body)
	o.setTime(o.now().Add(campaigns.UndoLife + time.Second))
	if d.post(undo[1], nil); o.reload(late).Status != campaigns.StatusEnded {
		t.Error("an end is taken back after its time")
	}
	if a := d.post("/admin/campaigns/bulk", url.Values{"op": {"end"}, "id": {o.campaign("own-many", "丙", campaigns.OwnCode).ID.String()}}); len(o.audited("campaign.end")) != 3 {
		t.Errorf("many campaigns are ended at once: %d", a.status)
	}
}
