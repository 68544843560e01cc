package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/people"
)

// fieldsOfStep is a request of one step as a browser without scripts sends it.
func fieldsOfStep(step, op string, version int64, change ...string) url.Values {
	form := url.Values{"step": {step}, "op": {op}, "version": {strconv.FormatInt(version, 10)}}
	for name, value := range map[string]map[string]string{
		"card":  {"name": "冬日拿铁", "slug": "winter", "benefit": "买一赠一", "brand": "示例咖啡", "issuer": "own_code"},
		"stock": {"starts_at": "2026-12-01T10:00", "ends_at": "2026-12-07T22:00", "total": "2000", "hold": "120"},
		"rules": {"per_person": "1"},
		"form":  {"purpose": "联系您"},
	}[step] {
		form.Set(name, value)
	}
	for i := 0; i+1 < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	return form
}

// autosave sends a step as editor.js does.
func (d *desk) autosave(path string, form url.Values) (answer struct {
	State    string         `json:"state"`
	Version  int64          `json:"version"`
	At       string         `json:"at"`
	By       string         `json:"by"`
	Problems map[string]int `json:"problems"`
	Limits   string         `json:"limits"`
},
) {
	d.t.Helper()
	a := d.post(path, form, "X-Kaquan-Autosave", "1")
	if a.status != http.StatusOK {
		d.t.Fatalf("autosave: %d %s", a.status, a.words())
	}
	if err := json.Unmarshal([]byte(a.body), &answer); err != nil {
		d.t.Fatalf("autosave: %v in %s", err, a.body)
	}
	return answer
}

func editorOf(c *campaigns.Campaign) string { return "/admin/campaigns/" + c.ID.String() + "/edit" }

func TestFromNothingToAPublishedCampaignInSteps(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	a := d.post("/admin/campaigns/new", fieldsOfStep("card", "next", 0, "account", "demo"))
	path, step, ok := strings.Cut(a.header.Get("Location"), "?step=")
	if a.status != http.StatusSeeOther || !ok || step != "stock" {
		t.Fatalf("%d %s", a.status, a.words())
	}
	id := campaigns.ParseID[campaigns.ID](strings.Split(path, "/")[3])
	c := &campaigns.Campaign{ID: id}
	for _, row := range []struct {
		step   string
		change []string
		next   string
		done   func(*campaigns.Campaign) bool
	}{
		{"stock", []string{"total", "321"}, "rules", func(c *campaigns.Campaign) bool { return c.Stock.Total == 321 }},
		{"rules", []string{"per_person", "2"}, "form", func(c *campaigns.Campaign) bool { return c.Limits.PerPerson == 2 }},
		{"form", []string{"question[0][kind]", "mobile", "question[0][label]", "手机号"}, "design", func(c *campaigns.Campaign) bool { return len(c.Form) == 1 }},
		{"design", []string{"intro", "欢迎"}, "channels", func(c *campaigns.Campaign) bool { return c.Texts.Intro == "欢迎" }},
		{"channels", []string{"share_title", "来领"}, "", func(c *campaigns.Campaign) bool { return c.Share.Title == "来领" }},
		{"terms", []string{"terms", "一条", "contact", "400"}, "", func(c *campaigns.Campaign) bool { return c.Texts.Terms == "一条" }},
	} {
		form := d.get(path + "?step=" + row.step)
		if form.status != http.StatusOK || !strings.Contains(form.body, `id="section-`+row.step+`"`) || !strings.Contains(form.body, `src="`+path+`/page"`) {
			t.Fatalf("%s is not shown beside the phone: %d", row.step, form.status)
		}
		a := d.post(path, fieldsOfStep(row.step, "next", o.reload(c).Version, row.change...))
		if a.status != http.StatusSeeOther || row.next != "" && a.header.Get("Location") != path+"?step="+row.next {
			t.Errorf("%s: %d %s %s", row.step, a.status, a.header.Get("Location"), a.words())
		}
		if !row.done(o.reload(c)) {
			t.Errorf("%s did not save", row.step)
		}
	}
	if c = o.reload(c); c.Stock.Total != 321 || c.Texts.Intro != "欢迎" || c.Limits.PerPerson != 2 {
		t.Errorf("a later step took back an earlier one: %+v", c)
	}
	if a := d.get(path + "?step=rules"); !strings.Contains(a.words(), "每人最多领 2 张；") || !strings.Contains(a.words(), "共 321 张") || !strings.Contains(a.words(), "需填写手机号") {
		t.Errorf("the limits do not read as a sentence: %s", a.words())
	}
	a = d.post(path, fieldsOfStep("terms", "publish", c.Version, "terms", "一条", "contact", "400"))
	if want := strings.TrimSuffix(path, "/edit") + "/preflight"; a.header.Get("Location") != want {
		t.Errorf("publishing leads to %q", a.header.Get("Location"))
	}
}

func TestWhatIsTypedIsKeptWithoutSaving(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.draft("typing")
	path := editorOf(c)

	good := d.autosave(path, fieldsOfStep("card", "", 1, "slug", "typing", "name", "打了一半"))
	if good.State != "saved" || good.Version != 2 || good.At == "" || o.reload(c).Name != "打了一半" {
		t.Errorf("a good draft is not saved at once: %+v", good)
	}
	again := d.autosave(path, fieldsOfStep("card", "", 2, "slug", "typing", "name", "打了更多"))
	if again.Version != 3 || len(o.audited("campaign.autosave")) != 1 {
		t.Errorf("one sitting is %d lines of the audit, version %d", len(o.audited("campaign.autosave")), again.Version)
	}
	if same := d.autosave(path, fieldsOfStep("card", "", 3, "slug", "typing", "name", "打了更多")); same.Version != 3 {
		t.Error("a save without a difference makes a version")
	}

	bad := d.autosave(path, fieldsOfStep("stock", "", 3, "total", "不知道"))
	if bad.State != "kept" || bad.Problems["stock"] != 1 || bad.Problems["card"] != 0 || o.reload(c).Version != 3 {
		t.Errorf("a bad value: %+v", bad)
	}
	shown := d.get(path)
	if !strings.Contains(shown.body, `value="不知道"`) || !strings.Contains(shown.words(), "还没有保存的修改") || !strings.Contains(shown.body, `id="f-total-error"`) {
		t.Error("the editor does not open at what was typed")
	}
	if other := o.signIn(people.Owner).get(path + "?step=stock"); strings.Contains(other.body, "不知道") {
		t.Error("another person sees what was not saved")
	}
	// Leaving a step with a problem keeps it, and the way on is open.
	if a := d.post(path, fieldsOfStep("rules", "next", 3, "per_person", "3")); a.header.Get("Location") != path+"?step=form" || o.reload(c).Limits.PerPerson == 3 {
		t.Errorf("a step beside a wrong one: %d %s", a.status, a.header.Get("Location"))
	}
	if a := d.get(path + "?step=rules"); !strings.Contains(a.body, `name="per_person"`) || !strings.Contains(a.body, `value="3"`) {
		t.Error("what was typed in another step is gone")
	}
	if a := d.post(path, url.Values{"op": {"discard"}, "step": {"stock"}}); a.header.Get("Location") != path+"?step=stock" || strings.Contains(d.get(path+"?step=stock").body, "不知道") {
		t.Error("it cannot be given up")
	}

	if a := d.post(path, fieldsOfStep("card", "save", 3, "slug", "typing", "name", "打了更多")); a.status != http.StatusSeeOther || len(o.audited("campaign.edit")) != 1 {
		t.Errorf("the sitting does not end with a line of the audit: %d", a.status)
	} else if line := o.audited("campaign.edit")[0].Detail; !strings.Contains(line, "打了更多") || strings.Contains(line, "打了一半") {
		t.Errorf("the line says %s", line)
	}
}

func TestAPublicCampaignChangesOnlyWhenItsDifferenceWasSeen(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.reload(o.campaign("public", "公开", campaigns.OwnCode))
	path, version := editorOf(c), c.Version
	step := func(op, intro string) url.Values { return fieldsOfStep("design", op, version, "intro", intro) }
	if a := d.autosave(path, step("", "新的介绍")); a.State != "kept" || o.reload(c).Texts.Intro == "新的介绍" {
		t.Errorf("typing changed a public campaign: %+v", a)
	}
	if a := d.get(path + "/page"); a.status != http.StatusOK || !strings.Contains(a.body, "新的介绍") {
		t.Errorf("the phone does not show what was typed: %d", a.status)
	}
	if a := d.get("/admin/campaigns/" + c.ID.String() + "/preview/page"); strings.Contains(a.body, "新的介绍") {
		t.Error("the preview shows what was not saved")
	}
	a := d.post(path, step("save", "更新的介绍"))
	if a.status != http.StatusOK || !strings.Contains(a.words(), "活动介绍") || !strings.Contains(a.body, `value="confirm"`) || o.reload(c).Version != version {
		t.Fatalf("no difference was shown: %d %s", a.status, a.words())
	}
	if a := d.post(path, url.Values{"op": {"confirm"}, "step": {"design"}, "version": {strconv.FormatInt(version, 10)}}); a.status != http.StatusSeeOther || o.reload(c).Texts.Intro != "更新的介绍" {
		t.Errorf("confirmed: %d", a.status)
	}
	if lines := o.audited("campaign.edit"); len(lines) != 1 || !strings.Contains(lines[0].Detail, "更新的介绍") {
		t.Errorf("the audit says %v", lines)
	}
	if strings.Contains(d.get(path+"?step=design").words(), "还没有保存") {
		t.Error("what was saved still counts as unsaved")
	}
}

func TestTwoPeopleEditingLoseNothing(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	mine, theirs := o.signIn(people.Operator), o.signIn(people.Owner)
	c := o.draft("both")
	path := editorOf(c)
	card := func(op string, version int64, change ...string) url.Values {
		return fieldsOfStep("card", op, version, append([]string{"slug", "both", "name", c.Name, "benefit", c.Texts.Benefit, "brand", c.Texts.Brand}, change...)...)
	}
	if a := theirs.post(path, card("save", 1, "brand", "她的品牌")); a.status != http.StatusSeeOther {
		t.Fatalf("the first save: %d %s", a.status, a.words())
	}
	// What only one side changed is brought together.
	if a := mine.autosave(path, card("", 1, "benefit", "我的优惠")); a.State != "elsewhere" || a.By != "小李" || o.reload(c).Texts.Benefit == "我的优惠" {
		t.Errorf("an autosave over another's change: %+v", a)
	}
	if a := mine.get(path + "?step=card"); !strings.Contains(a.body, `value="我的优惠"`) || !strings.Contains(a.body, `value="她的品牌"`) || !strings.Contains(a.words(), "小李 在") {
		t.Errorf("opened again, it is not brought together: %s", a.words())
	}
	if a := mine.post(path, card("save", 1, "benefit", "我的优惠")); a.status != http.StatusSeeOther {
		t.Fatalf("changes of different fields: %d %s", a.status, a.words())
	}
	if got := o.reload(c); got.Texts.Benefit != "我的优惠" || got.Texts.Brand != "她的品牌" {
		t.Fatalf("after both: %+v", got.Texts)
	}
	// What both changed is a choice.
	version := o.reload(c).Version
	keep := []string{"benefit", "我的优惠", "brand", "她的品牌"}
	theirs.post(path, card("save", version, append(keep, "name", "她的名字")...))
	a := mine.post(path, card("save", version, append(keep, "name", "我的名字", "brand", "我的品牌")...))
	if a.status != http.StatusConflict || !strings.Contains(a.words(), "小李 在") || !strings.Contains(a.body, `name="choice[card.name]"`) || !strings.Contains(a.words(), "她的名字") || !strings.Contains(a.body, `value="我的名字"`) {
		t.Fatalf("both changed the name: %d %s", a.status, a.words())
	}
	if strings.Contains(a.body, `choice[card.brand]`) || o.reload(c).Name != "她的名字" {
		t.Error("more is asked than needed, or it was saved")
	}
	// Whoever leaves now meets the same choice later.
	if a := mine.get(path + "?step=card"); !strings.Contains(a.body, `name="choice[card.name]"`) || !strings.Contains(a.body, `value="我的品牌"`) {
		t.Error("the choice is gone, or what was typed")
	}
	now := o.reload(c).Version
	if a := mine.post(path, card("save", now, append(keep, "name", "我的名字", "brand", "我的品牌", "choice[card.name]", "theirs")...)); a.status != http.StatusSeeOther {
		t.Fatalf("chosen: %d %s", a.status, a.words())
	}
	if got := o.reload(c); got.Name != "她的名字" || got.Texts.Brand != "我的品牌" {
		t.Errorf("after the choice: %s %s", got.Name, got.Texts.Brand)
	}
	// A window of one's own that is older asks nothing: the last word counts.
	if a := mine.post(path, card("save", now, append(keep, "name", "我的第二个窗口", "brand", "我的品牌")...)); a.status != http.StatusSeeOther || o.reload(c).Name != "我的第二个窗口" {
		t.Errorf("the same person twice: %d", a.status)
	}
}

func TestVersionsSayWhoChangedWhatAndComeBack(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.draft("history")
	path := "/admin/campaigns/" + c.ID.String()
	for i, total := range []string{"200", "300"} {
		if a := d.post(path+"/edit", fieldsOfStep("stock", "save", int64(i+1), "total", total)); a.status != http.StatusSeeOther {
			t.Fatalf("%d %s", a.status, a.words())
		}
	}
	list := d.get(path + "/versions").words()
	for _, words := range []string{"第 3 版 · 修改", "小李", "总库存 200 300", "总库存 100 200", "第 1 版 · 创建", "当前版本"} {
		if !strings.Contains(list, words) {
			t.Errorf("the versions do not say %q: %s", words, list)
		}
	}
	if a := d.post(path+"/versions/2/restore", url.Values{"seen": {"2"}}); a.status != http.StatusSeeOther || o.reload(c).Stock.Total != 300 {
		t.Errorf("a restore over something unseen: %d", a.status)
	}
	if a := d.post(path+"/versions/2/restore", url.Values{"seen": {"3"}}); a.status != http.StatusSeeOther || o.reload(c).Stock.Total != 200 {
		t.Errorf("restore: %d", a.status)
	}
	if words := d.get(path + "/versions").words(); !strings.Contains(words, "已恢复第 2 版的内容。") || !strings.Contains(words, "恢复第 2 版 小李") {
		t.Errorf("the restore is not told: %s", words)
	}
	a := d.post(path+"/versions/3/copy", nil)
	if copied := d.get(a.header.Get("Location") + "?step=stock"); a.status != http.StatusSeeOther || !strings.Contains(copied.body, `value="300"`) || !strings.Contains(copied.words(), "（第 3 版）") {
		t.Errorf("a new draft from a version: %d", a.status)
	}
	for _, wrong := range []string{"/versions/0/restore", "/versions/x/copy", "/versions/-1/copy"} {
		if a := d.post(path+wrong, url.Values{"seen": {"4"}}); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", wrong, a.status)
		}
	}

	// After publication the link stays, whatever the version said.
	public := o.draft("first")
	path = "/admin/campaigns/" + public.ID.String()
	d.post(path+"/edit", fieldsOfStep("card", "save", 1, "slug", "second", "name", "第二个名字"))
	if err := o.campaigns.Publish(t.Context(), campaigns.Actor{Name: "test"}, public.ID); err != nil {
		t.Fatal(err)
	}
	d.post(path+"/versions/1/restore", url.Values{"seen": {"3"}})
	if c := o.reload(public); c.Slug != "second" || c.Name != public.Name || !strings.Contains(d.get(path+"/versions").words(), "保持不变：链接名。") {
		t.Errorf("restored: %s %s", c.Slug, c.Name)
	}
	if words := d.get(path + "/versions").words(); !strings.Contains(words, "第 3 版 · 发布 test") {
		t.Errorf("publishing left no version: %s", words)
	}
	if a := o.signIn(people.Viewer).get(path + "/versions"); a.status != http.StatusOK || strings.Contains(a.body, "/restore") {
		t.Errorf("a viewer: %d", a.status)
	}
}

func TestAFieldIsCheckedByTheServerAlone(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.draft("checked")
	public := o.campaign("checked-too", "公开", campaigns.OwnCode)
	o.claim(public, 1, "")
	for name, row := range map[string]struct {
		id, field string
		form      url.Values
		want      string
	}{
		"a good field":           {c.ID.String(), "total", fieldsOfStep("stock", "", 1), ""},
		"an end before":          {c.ID.String(), "ends_at", fieldsOfStep("stock", "", 1, "ends_at", "2026-11-01T10:00"), "结束时间必须晚于开始时间"},
		"beside a wrong one":     {c.ID.String(), "total", fieldsOfStep("stock", "", 1, "ends_at", "2026-11-01T10:00"), ""},
		"a new campaign's name":  {"new", "name", fieldsOfStep("card", "", 0, "name", ""), "请填写"},
		"a new campaign's brand": {"new", "brand", fieldsOfStep("card", "", 0, "name", ""), ""},
		"a promise":              {public.ID.String(), "slug", fieldsOfStep("card", "", 2, "slug", "elsewhere"), "发布后"},
		"no such field":          {c.ID.String(), "<b>", fieldsOfStep("card", "", 1), ""},
	} {
		a := d.post("/admin/campaigns/"+row.id+"/check?field="+url.QueryEscape(row.field), row.form)
		var answer struct{ Messages []string }
		if err := json.Unmarshal([]byte(a.body), &answer); a.status != http.StatusOK || err != nil {
			t.Errorf("%s: %d %v", name, a.status, err)
			continue
		}
		if got := strings.Join(answer.Messages, " "); (row.want == "") != (got == "") || !strings.Contains(got, row.want) {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
	if o.reload(c).Version != 1 {
		t.Error("a check saved something")
	}
}

func TestAPauseOfTheSittingMakesTwoVersions(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.draft("sitting")
	path := editorOf(c)
	for i := range 3 {
		d.autosave(path, fieldsOfStep("stock", "", int64(i+1), "total", strconv.Itoa(500+i)))
	}
	o.setTime(noon.Add(campaigns.Sitting + time.Minute))
	d.autosave(path, fieldsOfStep("stock", "", 4, "total", "600"))
	words := d.get("/admin/campaigns/" + c.ID.String() + "/versions").words()
	for _, want := range []string{"总库存 502 600", "总库存 100 502"} {
		if !strings.Contains(words, want) {
			t.Errorf("no %q in %s", want, words)
		}
	}
	if strings.Contains(words, "501") {
		t.Error("every autosave is a version")
	}
}

func TestALinkThatIsTakenIsToldWhenTheFieldIsLeftWithTwoThatAreFree(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	o.draft("winter")
	o.draft("winter-2")
	mine := o.draft("summer")
	long := strings.Repeat("a", 40)
	o.draft(campaigns.Slug(long))
	check := func(path, slug, name string) (answer struct {
		Messages []string `json:"messages"`
		Free     []string `json:"free"`
	},
	) {
		t.Helper()
		a := d.post(path+"/check?field="+name, fieldsOfStep("card", "", 1, "account", "demo", "name", "", "slug", slug))
		if err := json.Unmarshal([]byte(a.body), &answer); err != nil {
			t.Fatalf("%v in %s", err, a.body)
		}
		return answer
	}
	for _, path := range []string{"/admin/campaigns/new", "/admin/campaigns/" + mine.ID.String()} {
		if a := check(path, "winter", "slug"); len(a.Messages) != 1 || !strings.Contains(a.Messages[0], "已被使用") || strings.Join(a.Free, " ") != "winter-3 winter-4" {
			t.Errorf("%s: %+v", path, a)
		}
		if a := check(path, "winter-2", "slug"); strings.Join(a.Free, " ") != "winter-3 winter-4" {
			t.Errorf("%s: a number is put behind a number: %+v", path, a)
		}
		if a := check(path, long, "slug"); strings.Join(a.Free, " ") != long[:38]+"-2 "+long[:38]+"-3" {
			t.Errorf("%s: %+v", path, a)
		}
		if a := check(path, "Not a slug", "slug"); len(a.Messages) != 1 || len(a.Free) != 0 {
			t.Errorf("%s: %+v", path, a)
		}
		if a := check(path, "spring", "slug"); len(a.Messages) != 0 || a.Free == nil || len(a.Free) != 0 {
			t.Errorf("%s: a free link: %+v", path, a)
		}
		if a := check(path, "winter", "benefit"); len(a.Messages) != 0 || len(a.Free) != 0 {
			t.Errorf("%s: another field: %+v", path, a)
		}
	}
	if a := check("/admin/campaigns/"+mine.ID.String(), "summer", "slug"); len(a.Messages) != 0 {
		t.Errorf("a campaign's own link is taken: %+v", a)
	}

	// Without scripts the step says it, and a button takes a free one.
	for _, path := range []string{"/admin/campaigns/new", editorOf(mine)} {
		a := d.post(path, fieldsOfStep("card", "save", 1, "account", "demo", "slug", "winter", "name", "我的活动"))
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `value="slug-winter-3"`) || !strings.Contains(a.words(), "已被使用") {
			t.Errorf("%s: %d offers nothing", path, a.status)
		}
		a = d.post(path, fieldsOfStep("card", "slug-winter-3", 1, "account", "demo", "slug", "winter", "name", "我的活动"))
		if a.status != http.StatusOK || !strings.Contains(a.body, `value="winter-3"`) || !strings.Contains(a.body, `value="我的活动"`) {
			t.Errorf("%s: %d does not take it", path, a.status)
		}
	}
	if a := d.post(editorOf(mine), fieldsOfStep("card", "save", 1, "slug", "winter-3")); a.status != http.StatusSeeOther || o.reload(mine).Slug != "winter-3" {
		t.Errorf("saving it: %d", a.status)
	}
	if bad := d.autosave(editorOf(mine), fieldsOfStep("card", "", o.reload(mine).Version, "slug", "winter")); bad.State != "kept" || bad.Problems["card"] != 1 {
		t.Errorf("an autosave of a taken link: %+v", bad)
	}
}
