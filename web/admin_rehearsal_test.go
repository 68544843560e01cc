package web_test

import (
	"context"
	"database/sql"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/db/dbtest"
	"kaquan/people"
)

// counted is how many rows each table of the real database has.
func (o *office) counted() map[string]int {
	o.t.Helper()
	raw, err := sql.Open("sqlite", "file:"+filepath.Join(o.folder, "kaquan.db"))
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	rows, err := raw.Query(`SELECT name FROM sqlite_master WHERE type = 'table'`)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			o.t.Fatal(err)
		}
		names = append(names, name)
	}
	counts := map[string]int{}
	for _, name := range names {
		var n int
		if err := raw.QueryRow(`SELECT COUNT(*) FROM "` + name + `"`).Scan(&n); err != nil {
			o.t.Fatal(err)
		}
		counts[name] = n
	}
	if rows.Err() != nil || counts["campaigns"] == 0 {
		o.t.Fatalf("the tables were not read: %v, %v", counts, rows.Err())
	}
	return counts
}

func (o *office) openScratch(ctx context.Context) (campaigns.ScratchStore, func() error, error) {
	store, remove, err := db.Scratch(ctx)
	if o.scratched != nil {
		o.scratched()
	}
	return store, remove, err
}

func planFields(change ...string) url.Values {
	form := url.Values{"visitors": {"100"}, "curve": {"rush"}, "seed": {"42"}, "share_double": {"10"}, "share_again": {"8"}}
	for i := 0; i+1 < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	return form
}

func TestARehearsalShowsWhatWouldHappenAndLeavesNoRows(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c, err := o.campaigns.Create(context.Background(), campaigns.Actor{}, dbtest.Draft(noon, "tryout", 30, campaigns.OwnCode))
	if err != nil {
		t.Fatal(err)
	}
	path := "/admin/campaigns/" + c.ID.String()
	if a := d.get(path); !strings.Contains(a.body, path+"/rehearsal") {
		t.Error("the campaign's page does not lead to the rehearsal")
	}
	before := o.counted()
	if a := d.get(path + "/rehearsal"); a.status != http.StatusOK || !strings.Contains(a.words(), "不占库存，不留记录") || strings.Contains(a.body, "share_push_lost") {
		t.Errorf("the form: %d", a.status)
	}
	a := d.post(path+"/rehearsal", planFields())
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.words())
	}
	for _, words := range []string{"账目相符：总数 30 = 已领 30 + 占用 0 + 剩余 0", "种子 42", "就领完，比结束早", "已经领完了。", "已达到每人限领的份数。", "重复点击", "连点两次 10", "没有微信卡包的环节"} {
		if !strings.Contains(a.words(), words) {
			t.Errorf("the result does not say %q", words)
		}
	}
	if !regexp.MustCompile(`<svg[^>]*role="img" aria-labelledby="chart-words"`).MatchString(a.body) || !strings.Contains(a.body, `<title id="chart-words">共 30 张`) || strings.Contains(a.body, "style=") {
		t.Error("the chart has no words, or styles of its own")
	}
	if after := o.counted(); !maps.Equal(before, after) {
		t.Errorf("rows before %v\nand after %v", before, after)
	}
	if o.reload(c).Stock != c.Stock || o.reload(c).Status != campaigns.StatusDraft {
		t.Error("the campaign itself changed")
	}
	took := regexp.MustCompile(`用时 [0-9.]+ 秒|name="_csrf" value="[^"]*"|nonce="[^"]*"|support[^<]*`)
	result := func(body string) string {
		_, main, _ := strings.Cut(body, "<main")
		main, _, _ = strings.Cut(main, "</main>")
		return took.ReplaceAllString(main, "")
	}
	if again := d.post(path+"/rehearsal", planFields()); result(again.body) != result(a.body) {
		t.Error("the same seed shows something else")
	}
}

func TestAPlanThatCannotBePlayedIsToldAtItsField(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	path := "/admin/campaigns/" + o.draft("tryout").ID.String() + "/rehearsal"
	for name, row := range map[string]struct{ field, value, words string }{
		"a crowd":       {"visitors", "999999", "请从列表里选择"},
		"no number":     {"visitors", "<b>", "请填写整数"},
		"no curve":      {"curve", "wave", "请从列表里选择"},
		"no seed":       {"seed", "-1", "请填写整数"},
		"too many":      {"share_double", "95", "不能超过 100%"},
		"one too large": {"share_double", "101", "0 到 100"},
	} {
		if a := d.post(path, planFields(row.field, row.value)); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), row.words) {
			t.Errorf("%s: %d", name, a.status)
		}
	}
}

func TestARehearsalEndsWithTheProgram(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.draft("tryout")
	o.scratched = o.stop
	if a := d.post("/admin/campaigns/"+c.ID.String()+"/rehearsal", planFields()); a.status != http.StatusServiceUnavailable || !strings.Contains(a.words(), "演练已停下") {
		t.Errorf("a rehearsal of a program that stops: %d %s", a.status, a.words())
	}
}

func TestANewCampaignStartsFromATemplate(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	a := d.get("/admin/campaigns/new")
	for _, words := range []string{"空白", "满减券", "买一赠一", "到店礼"} {
		if !strings.Contains(a.words(), words) {
			t.Errorf("the new campaign does not offer %s", words)
		}
	}
	for _, sample := range campaigns.SampleTemplates() {
		a := d.get("/admin/campaigns/new?template=" + sample.ID)
		if !strings.Contains(a.body, `value="`+sample.Texts.Benefit+`"`) || !strings.Contains(a.body, `value="示例咖啡"`) {
			t.Errorf("%s does not fill the editor", sample.ID)
		}
		made := d.post("/admin/campaigns/new", url.Values{
			"step": {"card"}, "op": {"next"}, "template": {sample.ID}, "account": {"demo"}, "name": {sample.Name}, "benefit": {"新的优惠"},
			"brand": {"示例咖啡"}, "slug": {"from-" + sample.ID}, "issuer": {"own_code"},
		})
		next := made.header.Get("Location")
		if made.status != http.StatusSeeOther || !strings.HasSuffix(next, "/edit?step=stock") {
			t.Fatalf("%s: %d %q %s", sample.ID, made.status, next, made.words())
		}
		if a := d.get(strings.Replace(next, "stock", "design", 1)); !strings.Contains(a.body, sample.Texts.Intro) {
			t.Errorf("a campaign from %s lacks its texts", sample.ID)
		}
	}
	if a := d.get("/admin/campaigns/new?template=nothing"); a.status != http.StatusNotFound {
		t.Errorf("a template that is not there: %d", a.status)
	}

	path := "/admin/campaigns/" + o.draft("source").ID.String()
	if a := d.post(path+"/template", url.Values{"template_name": {" "}}); a.header.Get("Location") != path || !strings.Contains(d.get(path).words(), "请填写") {
		t.Error("a template without a name is kept")
	}
	d.post(path+"/template", url.Values{"template_name": {"冬天 <b>"}})
	if !strings.Contains(d.get(path).words(), "已存为模板") {
		t.Error("nothing says that the template was saved")
	}
	d.post(path+"/template", url.Values{"template_name": {"冬天 <b>"}})
	if !strings.Contains(d.get(path).words(), "已有同名的模板") {
		t.Error("a second template of the name is not refused")
	}
	a = d.get("/admin/campaigns/new")
	id := regexp.MustCompile(`/admin/templates/([0-9a-z]+)/delete`).FindStringSubmatch(a.body)
	if id == nil || !strings.Contains(a.body, "冬天 &lt;b&gt;") {
		t.Fatal("the saved template is not offered")
	}
	if a := d.get("/admin/campaigns/new?template=" + id[1]); !strings.Contains(a.body, `name="benefit"`) || !strings.Contains(a.body, `value="冬日拿铁买一赠一"`) {
		t.Error("the saved template does not fill the editor")
	}
	if a := d.post("/admin/templates/"+id[1]+"/delete", nil); a.status != http.StatusSeeOther {
		t.Errorf("delete: %d", a.status)
	}
	if a := d.get("/admin/campaigns/new"); strings.Contains(a.body, id[1]) {
		t.Error("the deleted template is still offered")
	}
	if len(o.audited("template.save")) != 1 || len(o.audited("template.delete")) != 1 {
		t.Error("the audit does not know")
	}
}

func TestADraftIsDeletedButNothingThatWasPublic(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	draft, public := o.draft("draft"), o.campaign("running", "进行中", campaigns.OwnCode)
	path := "/admin/campaigns/" + draft.ID.String()
	if a := d.get(path); !strings.Contains(a.body, `id="delete"`) {
		t.Error("a draft cannot be deleted on its page")
	}
	if a := d.get("/admin/campaigns/" + public.ID.String()); strings.Contains(a.body, `id="delete"`) {
		t.Error("the page of a public campaign offers to delete it")
	}
	if a := d.post(path+"/delete", nil); a.header.Get("Location") != "/admin/campaigns" {
		t.Fatalf("delete: %d %s", a.status, a.words())
	}
	if a := d.get(path); a.status != http.StatusNotFound {
		t.Errorf("afterwards: %d", a.status)
	}
	d.post("/admin/campaigns/"+public.ID.String()+"/delete", nil)
	if got := o.reload(public).State(noon.Add(time.Minute)); got != campaigns.Running {
		t.Errorf("the public campaign is %s", got)
	}
	if !strings.Contains(d.get("/admin/campaigns/"+public.ID.String()).words(), "没发布过") {
		t.Error("nothing says why it stays")
	}
	if entries := o.audited("campaign.delete"); len(entries) != 1 || !strings.Contains(entries[0].Detail, "draft") {
		t.Errorf("the audit says %v", entries)
	}
}
