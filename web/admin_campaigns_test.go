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
		form := campaignFields("intro", script, "share_title", emoji, "question[0][kind]", "text", "question[0][label]", script[:8], row.field, row.value)
		a := d.post("/admin/campaigns/new", form)
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
		if !strings.Contains(a.body, html.EscapeString(script)) || strings.Contains(a.body, script) {
			t.Errorf("%s: the script is not kept as text", name)
		}
		if !strings.Contains(a.body, emoji) || !strings.Contains(a.body, `value="&lt;script&gt;"`) {
			t.Errorf("%s: another field lost its text", name)
		}
	}
	if n := o.drafts(); n != 1 {
		t.Errorf("%d campaigns, want the one from before", n)
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
	d := openOffice(t).signIn(people.Owner)
	a := d.post("/admin/campaigns/new", url.Values{"op": {"save"}, "total": {"x"}, "starts_at": {"y"}})
	for _, field := range []string{"name", "slug", "benefit", "brand", "account", "starts_at", "total", "per_person", "hold", "issuer"} {
		if !strings.Contains(a.body, `id="f-`+field+`-error"`) {
			t.Errorf("nothing stands at %s", field)
		}
	}
	if strings.Count(a.body, `id="f-total-error"`) != 1 || strings.Count(a.body, " autofocus") != 1 {
		t.Error("two messages for one number, or not one field with the cursor")
	}
}

func TestTheFormBuilderWorksByButtonsAlone(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
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
		form := campaignFields("op", op, "name", "还没写完 <i>")
		for i, label := range []string{"A", "B", "C"} {
			form.Set("question["+strconv.Itoa(i)+"][label]", label)
			form.Set("question["+strconv.Itoa(i)+"][kind]", "text")
		}
		a := d.post("/admin/campaigns/new", form)
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
	}
	if o.drafts() != 0 {
		t.Error("a button of the form builder saved something")
	}
	a := d.post("/admin/campaigns/new", campaignFields("question[0][kind]", "choice", "question[0][label]", "门店", "question[0][options]", "只有一个"))
	if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), "“门店”需要 2 到 50 个选项") {
		t.Errorf("a choice without a choice: %d", a.status)
	}
}

func TestTwoPeopleEditingDoNotOverwriteEachOther(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	mine, theirs := o.signIn(people.Operator), o.signIn(people.Owner)
	c := o.draft("both")
	path := "/admin/campaigns/" + c.ID.String() + "/edit"
	version := regexp.MustCompile(`name="version" value="(\d+)"`)
	read := version.FindStringSubmatch(mine.get(path).body)[1]
	if a := theirs.post(path, campaignFields("slug", "both", "name", "她的名字", "version", read)); a.status != http.StatusSeeOther {
		t.Fatalf("the first save: %d %s", a.status, a.words())
	}
	a := mine.post(path, campaignFields("slug", "both", "name", "我的名字", "version", read))
	if a.status != http.StatusConflict || !strings.Contains(a.words(), "其他人刚刚改过") || !strings.Contains(a.body, `value="我的名字"`) {
		t.Fatalf("the second save: %d", a.status)
	}
	if got := o.reload(c).Name; got != "她的名字" {
		t.Fatalf("the name is %s", got)
	}
	if a := mine.post(path, campaignFields("slug", "both", "name", "我的名字", "version", version.FindStringSubmatch(a.body)[1])); a.status != http.StatusSeeOther || o.reload(c).Name != "我的名字" {
		t.Errorf("saving again, knowingly: %d", a.status)
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
	if a := d.get(path + "/edit"); !strings.Contains(a.words(), "发布后不能修改") || !strings.Contains(a.words(), "已发出 3 张") {
		t.Error("the editor does not say what is locked")
	}
	if a := d.post(path+"/edit", fields("total", "3")); a.status != http.StatusSeeOther || o.reload(c).Stock.Total != 3 {
		t.Errorf("stock of exactly what was given out: %d", a.status)
	}
	if a := d.get(path); !strings.Contains(a.words(), "总库存 3 = 已领取 3 + 占用 0 + 剩余 0") {
		t.Error("the numbers do not read as their sum")
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
