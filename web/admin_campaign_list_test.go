package web_test

import (
	"bytes"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"kaquan/campaigns"
	"kaquan/people"
)

var undoPattern = regexp.MustCompile(`action="(/admin/campaigns/undo/[0-9a-z]+)"`)

func TestTheListShowsStockPaceTodayAndTags(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.campaign("busy", "忙碌", campaigns.OwnCode)
	for n := range 10 {
		o.claim(c, n, "")
	}
	o.campaign("idle", "清闲", campaigns.OwnCode)
	d := o.signIn(people.Operator)
	if a := d.post("/admin/campaigns/bulk", url.Values{"op": {"tag"}, "tag": {"<b>门店"}, "id": {c.ID.String()}}); a.status != http.StatusSeeOther {
		t.Fatalf("tag: %d", a.status)
	}
	a := d.get("/admin/campaigns")
	for _, want := range []string{"+10", "暂无领取", "领完", "10 / 1,000", "占用 0 · 剩余 990", "#<b>门店", "浏览→领", "还没有渠道"} {
		if !strings.Contains(strings.ReplaceAll(a.words(), "10 /1,000", "10 / 1,000"), want) {
			t.Errorf("the list lacks %q", want)
		}
	}
	if !strings.Contains(a.body, `class="kq-spark"`) || strings.Count(a.body, `class="kq-spark-bar"`) != 48 {
		t.Errorf("%d bars of two campaigns", strings.Count(a.body, `class="kq-spark-bar"`))
	}
	if tag := regexp.MustCompile(`class="kq-tag" href="([^"]+)"`).FindStringSubmatch(a.body); tag == nil {
		t.Error("no tag to click")
	} else if a := d.get(html.UnescapeString(tag[1])); !strings.Contains(a.words(), "忙碌") || strings.Contains(a.words(), "清闲") {
		t.Error("a tag does not filter")
	}
}

func TestChangesToManySayHowManyAndAreTakenBack(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	one, two, draft := o.campaign("one", "甲", campaigns.OwnCode), o.campaign("two", "乙", campaigns.OwnCode), o.draft("draft")
	d := o.signIn(people.Operator)
	a := d.post("/admin/campaigns/bulk", url.Values{"op": {"pause"}, "reason": {"库存补充中"}, "id": {one.ID.String(), two.ID.String(), draft.ID.String()}, "next": {"/admin/campaigns?state=all"}})
	if a.header.Get("Location") != "/admin/campaigns?state=all" || o.reload(one).Status != campaigns.StatusPaused || o.reload(two).Status != campaigns.StatusPaused || o.reload(draft).Status != campaigns.StatusDraft {
		t.Fatalf("pause: %d to %s", a.status, a.header.Get("Location"))
	}
	a = d.get("/admin/campaigns?state=all")
	undo := undoPattern.FindStringSubmatch(a.body)
	if !strings.Contains(a.words(), "已暂停 2 个活动。 另有 1 个没有改动。") || undo == nil {
		t.Fatalf("no word or no way back: %v", undo)
	}
	if again := undoPattern.FindStringSubmatch(d.get("/admin/campaigns").body); again != nil {
		t.Error("the way back shows twice")
	}
	if a := o.signIn(people.Owner).post(undo[1], nil); a.status != http.StatusSeeOther || o.reload(one).Status != campaigns.StatusPaused {
		t.Errorf("somebody else took it back: %d", a.status)
	}
	d.post(undo[1], nil)
	if o.reload(one).Status != campaigns.StatusPublished || o.reload(two).Status != campaigns.StatusPublished {
		t.Error("it was not taken back")
	}
	if n := len(o.audited("campaign.undo")); n != 2 {
		t.Errorf("%d lines of the audit about it", n)
	}
	d.get("/admin/campaigns")
	d.post(undo[1], nil)
	if a := d.get("/admin/campaigns"); !strings.Contains(a.words(), "已经撤销过") {
		t.Error("taking back twice is not told")
	}

	for name, row := range map[string]struct {
		form  url.Values
		words string
	}{
		"nothing chosen":        {url.Values{"op": {"archive"}}, "请先选择活动"},
		"no reason":             {url.Values{"op": {"pause"}, "id": {one.ID.String()}}, "请填写"},
		"no tag":                {url.Values{"op": {"tag"}, "id": {one.ID.String()}}, "请填写"},
		"nobody's campaign":     {url.Values{"op": {"archive"}, "id": {"zzz"}}, "没有可以改动的活动"},
		"a state that does not": {url.Values{"op": {"resume"}, "id": {one.ID.String()}}, "没有可以改动的活动"},
	} {
		if a := d.post("/admin/campaigns/bulk", row.form); a.status != http.StatusSeeOther {
			t.Errorf("%s: %d", name, a.status)
		}
		if a := d.get("/admin/campaigns"); !strings.Contains(a.words(), row.words) {
			t.Errorf("%s: not told", name)
		}
	}
	if a := d.post("/admin/campaigns/bulk", url.Values{"op": {"archive"}, "id": {one.ID.String()}, "next": {"https://evil.example/"}}); a.header.Get("Location") != "/admin/campaigns" {
		t.Errorf("leads to %s", a.header.Get("Location"))
	}
}

func TestAllThatTheFilterFindsIsChangedAndNothingElse(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	one, two, other := o.campaign("spring-1", "春天一", campaigns.OwnCode), o.campaign("spring-2", "春天二", campaigns.OwnCode), o.campaign("autumn", "秋天", campaigns.OwnCode)
	d := o.signIn(people.Operator)
	d.post("/admin/campaigns/bulk", url.Values{"op": {"pause"}, "reason": {"x"}, "all": {"1"}, "match": {"q=spring"}})
	if o.reload(one).Status != campaigns.StatusPaused || o.reload(two).Status != campaigns.StatusPaused || o.reload(other).Status != campaigns.StatusPublished {
		t.Error("the wrong ones are paused")
	}
	// A button of a row is about its campaign, whatever else is checked.
	d.post("/admin/campaigns/bulk?only="+one.ID.String(), url.Values{"op": {"resume"}, "all": {"1"}, "match": {""}})
	if o.reload(one).Status != campaigns.StatusPublished || o.reload(two).Status != campaigns.StatusPaused {
		t.Error("a row's button changed other rows")
	}
}

func TestTheNumbersOfChosenCampaignsComeAsAFile(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	one := o.campaign("one", `=HYPERLINK("x")`, campaigns.OwnCode)
	o.campaign("two", "乙", campaigns.OwnCode)
	o.claim(one, 1, "")
	d := o.signIn(people.Operator)
	a := d.post("/admin/campaigns/bulk", url.Values{"op": {"xlsx"}, "id": {one.ID.String()}})
	file := d.get(a.header.Get("Location"))
	book, err := excelize.OpenReader(bytes.NewReader([]byte(file.body)))
	if err != nil {
		t.Fatalf("%d %s: %v", a.status, a.header.Get("Location"), err)
	}
	rows, err := book.GetRows(book.GetSheetName(0))
	if err != nil || len(rows) != 2 || rows[1][0] != `=HYPERLINK("x")` || rows[1][6] != "1" {
		t.Errorf("%v %v", rows, err)
	}
	text := d.get("/admin/campaigns.csv?q=").body
	if !strings.HasPrefix(text, "\ufeff活动,链接,状态") || strings.Count(text, "\n") != 3 || !strings.Contains(text, `"'=HYPERLINK(""x"")"`) || !strings.Contains(text, "进行中") {
		t.Errorf("%q", text)
	}
	if len(o.audited("campaigns.export")) != 2 {
		t.Error("the audit does not know of the files")
	}
}

func TestAViewOpensTheListAsItWasSaved(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.campaign("one", "甲", campaigns.OwnCode)
	o.draft("draft")
	d := o.signIn(people.Operator)
	a := d.post("/admin/campaigns/views", url.Values{"name": {"草稿们"}, "query": {"state=draft&page=4&junk=1"}, "default": {"1"}, "shared": {"1"}})
	to := a.header.Get("Location")
	id := regexp.MustCompile(`view=([0-9a-z]+)`).FindStringSubmatch(to)
	if id == nil || !strings.Contains(to, "state=draft") || strings.Contains(to, "junk") || strings.Contains(to, "page") {
		t.Fatalf("%d to %s", a.status, to)
	}
	if a := d.get(to); !strings.Contains(a.words(), "草稿们") || strings.Contains(a.body, "和保存时不同") || !strings.Contains(a.body, "/c/draft") || strings.Contains(a.body, "/c/one") {
		t.Error("the view does not show what it says")
	}
	if a := d.get("/admin/campaigns"); a.header.Get("Location") != to {
		t.Errorf("the list opens %q, want %q", a.header.Get("Location"), to)
	}
	if a := d.get("/admin/campaigns?state=all"); a.status != http.StatusOK || !strings.Contains(a.body, "/c/one") {
		t.Errorf("there is no way around the default: %d", a.status)
	}
	changed := "/admin/campaigns?view=" + id[1] + "&state=running"
	if a := d.get(changed); !strings.Contains(a.body, "和保存时不同") || !strings.Contains(a.words(), "更新视图") {
		t.Error("a view that differs has no dot or cannot be updated")
	}
	guest := o.signIn(people.Viewer)
	if a := guest.get(changed); !strings.Contains(a.words(), "草稿们 共享") || strings.Contains(a.words(), "更新视图") {
		t.Error("a shared view is missing, or can be changed by others")
	}
	if a := guest.post("/admin/campaigns/views/"+id[1], url.Values{"op": {"delete"}}); a.status != http.StatusNotFound {
		t.Errorf("somebody else deletes it: %d", a.status)
	}
	d.post("/admin/campaigns/views/"+id[1], url.Values{"op": {"update"}, "query": {"state=running"}})
	if a := d.get("/admin/campaigns"); !strings.Contains(a.header.Get("Location"), "state=running") {
		t.Errorf("after the update the list opens %q", a.header.Get("Location"))
	}
	for name, words := range map[string]string{"": "请填写", "草稿们": "同名", strings.Repeat("长", 31): "最多 30 个字"} {
		a := d.post("/admin/campaigns/views", url.Values{"name": {name}, "query": {"state=draft"}})
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), words) || !strings.Contains(a.body, " data-open") {
			t.Errorf("a view called %.10q: %d", name, a.status)
		}
	}
	d.post("/admin/campaigns/views/"+id[1], url.Values{"op": {"delete"}})
	if a := d.get("/admin/campaigns"); a.status != http.StatusOK || strings.Contains(a.words(), "草稿们") {
		t.Errorf("after the view is gone: %d", a.status)
	}
}

func TestTheListHasPagesAndTabsThatCountWhatTheyShow(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	for n := range 53 {
		o.draft(campaigns.Slug("d" + string(rune('a'+n/26)) + string(rune('a'+n%26))))
	}
	o.campaign("live", "进行", campaigns.OwnCode)
	d := o.signIn(people.Viewer)
	first, second := d.get("/admin/campaigns?state=draft"), d.get("/admin/campaigns?state=draft&page=2")
	if n := strings.Count(first.body, `class="kq-row-name"`); n != 50 {
		t.Errorf("%d rows on the first page", n)
	}
	if n := strings.Count(second.body, `class="kq-row-name"`); n != 3 || !strings.Contains(second.words(), "第 2 / 2 页") {
		t.Errorf("%d rows on the second page", n)
	}
	for tab, want := range map[string]string{"草稿": "53", "进行中": "1", "全部": "54"} {
		if !regexp.MustCompile(`class="kq-tab"[^>]*>` + tab + ` <span class="kq-tab-count">` + want + `<`).MatchString(first.body) {
			t.Errorf("the tab %s does not say %s", tab, want)
		}
	}
	if a := d.get("/admin/campaigns?state=draft&q=daa", "HX-Request", "true"); a.header.Get("HX-Push-Url") != "/admin/campaigns?q=daa&state=draft" {
		t.Errorf("the address becomes %q", a.header.Get("HX-Push-Url"))
	}
	for _, odd := range []string{"?page=-1", "?page=x", "?page=99999999999999999999", "?sort=%00", "?state=%ff", "?tag=%27", "?view=../x", "?when=never"} {
		if a := d.get("/admin/campaigns" + odd); a.status != http.StatusOK {
			t.Errorf("%s: %d", odd, a.status)
		}
	}
}
