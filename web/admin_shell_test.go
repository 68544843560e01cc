package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/people"
	"kaquan/views/layout"
)

// secondAccount adds another official account.
func (o *office) secondAccount() {
	o.t.Helper()
	c := dbtest.Credentials()
	c.Account, c.AppID = "other", "wx0000000000000002"
	if err := o.campaigns.SaveAccount(context.Background(), o.db, campaigns.Actor{}, campaigns.Account{ID: "other", Name: "第二公众号", Credentials: c}); err != nil {
		o.t.Fatal(err)
	}
}

func TestEveryEntryOfTheNavigationHasItsRouteAndPermission(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	table := o.server.AdminTable()
	for _, e := range layout.Entries() {
		path, _, _ := strings.Cut(e.Path, "?")
		if _, known := table["GET "+path]; !known {
			t.Errorf("the navigation leads to %s, which is no route", path)
			continue
		}
		for _, role := range people.Roles() {
			shown, may := role.Can(e.Permission), false
			for _, r := range allowed["GET "+path] {
				may = may || r == role
			}
			if shown && !may {
				t.Errorf("%s is offered %s and may not open it", role, e.Path)
			}
		}
	}
	letters := map[string]string{}
	for _, e := range layout.Entries() {
		if before := letters[e.Letter]; e.Letter != "" && before != "" {
			t.Errorf("g %s opens %s and %s", e.Letter, before, e.Path)
		}
		letters[e.Letter] = e.Path
	}
}

func TestThePaletteOffersWhatARoleMayDo(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	for role, want := range map[people.Role][2]bool{people.Owner: {true, true}, people.Operator: {true, true}, people.Viewer: {false, false}, people.Finance: {false, true}} {
		a := o.signIn(role).get("/admin/campaigns")
		dialog := regexp.MustCompile(`(?s)<dialog id="palette".*?</dialog>`).FindString(a.body)
		if got := [2]bool{strings.Contains(dialog, `href="/admin/campaigns/new"`), strings.Contains(dialog, `href="/admin/exports?new="`)}; dialog == "" || got != want {
			t.Errorf("%s: new and export %v, want %v", role, got, want)
		}
		if !strings.Contains(a.body, `href="/admin/search"`) || !strings.Contains(dialog, `role="combobox"`) || !strings.Contains(dialog, `role="listbox"`) {
			t.Errorf("%s: the palette lacks its link or its roles", role)
		}
	}
}

func TestPreferencesFollowAPersonToAnotherBrowser(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	first := o.signIn(people.Operator)
	for path, form := range map[string]url.Values{"/admin/language": {"language": {"en"}}, "/admin/theme": {"theme": {"dark"}}, "/admin/density": {"density": {"compact"}}} {
		form.Set("next", "/admin/campaigns?state=ended")
		if a := first.post(path, form); a.header.Get("Location") != "/admin/campaigns?state=ended" {
			t.Errorf("%s came back to %q", path, a.header.Get("Location"))
		}
	}
	second := o.again(people.Operator)
	a := second.get("/admin/campaigns")
	for _, want := range []string{`lang="en"`, `data-bs-theme="dark"`, `data-density="compact"`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the other browser lacks %s", want)
		}
	}
	if second.cookies["kq_theme"] != "dark" || second.cookies["kq_lang"] != "en" {
		t.Errorf("its cookies are %v", second.cookies)
	}
	other := o.signIn(people.Viewer).get("/admin/campaigns")
	if strings.Contains(other.body, `data-density="compact"`) || strings.Contains(other.body, `data-bs-theme="dark"`) {
		t.Error("another person got the same")
	}
	for _, wrong := range []string{"", "tiny"} {
		if a := second.post("/admin/density", url.Values{"density": {wrong}}); a.status != http.StatusUnprocessableEntity {
			t.Errorf("density %q: %d", wrong, a.status)
		}
	}
}

func TestTheChosenAccountIsInTheAddressAndRemembered(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	if a := d.get("/admin/campaigns"); strings.Contains(a.body, `action="/admin/account"`) {
		t.Error("one account needs no switch")
	}
	o.secondAccount()
	o.campaign("mine", "第一家的活动", campaigns.OwnCode)
	if a := d.get("/admin/campaigns"); !strings.Contains(a.body, `action="/admin/account"`) || !strings.Contains(a.words(), "第二公众号") {
		t.Error("two accounts and no switch")
	}
	a := d.post("/admin/account", url.Values{"account": {"other"}, "next": {"/admin/campaigns?q=x&page=3"}})
	if to := a.header.Get("Location"); to != "/admin/campaigns?account=other&q=x" {
		t.Errorf("goes to %s", to)
	}
	for path, want := range map[string]string{
		"/admin": "/admin?account=other", "/admin/campaigns": "/admin/campaigns?account=other", "/admin/campaigns?q=a": "/admin/campaigns?account=other&q=a",
		"/admin?account=all": "", "/admin/campaigns?account=demo": "",
	} {
		if a := d.get(path); a.header.Get("Location") != want {
			t.Errorf("%s goes to %q, want %q", path, a.header.Get("Location"), want)
		}
	}
	if a := d.get("/admin/campaigns?account=other"); strings.Contains(a.words(), "第一家的活动") || !strings.Contains(a.body, `href="/admin/reach?account=other"`) {
		t.Error("the list is of another account, or the navigation forgot it")
	}
	if a := d.get("/admin/campaigns?account=all"); !strings.Contains(a.words(), "第一家的活动") {
		t.Error("all accounts lack a campaign")
	}
	if a := d.post("/admin/account", url.Values{"account": {"nobody"}}); a.status != http.StatusNotFound {
		t.Errorf("an account of nobody: %d", a.status)
	}
	d.post("/admin/account", url.Values{"account": {"all"}})
	if a := d.get("/admin/campaigns"); a.status != http.StatusOK {
		t.Errorf("after all accounts: %d to %s", a.status, a.header.Get("Location"))
	}
}

func TestTheOverviewSaysWhatRunsAndWhatNeedsSomebody(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	if a := d.get("/admin"); !strings.Contains(a.words(), "还没有活动") {
		t.Error("an empty overview does not lead on")
	}
	ends := dbtest.Draft(noon, "ends", 100, campaigns.OwnCode)
	ends.Name, ends.EndsAt = "快结束的", noon.Add(23*time.Hour)
	dbtest.Publish(t, o.campaigns, ends)
	low := dbtest.Draft(noon, "low", 25, campaigns.OwnCode)
	low.Name, low.EndsAt, low.Limits.PerPerson = "快领完的", noon.Add(72*time.Hour), 50
	c := dbtest.Publish(t, o.campaigns, low)
	for n := range 24 {
		o.claim(c, n, "")
	}
	calm := o.campaign("calm", "平静的", campaigns.OwnCode)
	paused := o.campaign("paused", "停下的", campaigns.OwnCode)
	if a := d.post("/admin/campaigns/"+paused.ID.String()+"/pause", url.Values{"reason": {"库存补充中"}}); a.status != http.StatusSeeOther {
		t.Fatalf("pause: %d", a.status)
	}
	a := d.get("/admin")
	attention := regexp.MustCompile(`(?s)id="attention-title".*?</section>`).FindString(a.body)
	for _, want := range []string{"快结束的", "24 小时内结束", "快领完的", "剩余 1", "停下的", "库存补充中"} {
		if !strings.Contains(attention, want) {
			t.Errorf("what needs attention lacks %q", want)
		}
	}
	if strings.Contains(attention, "平静的") || !strings.Contains(a.words(), "平静的") || !strings.Contains(a.body, "/admin/campaigns/"+calm.ID.String()) {
		t.Error("a calm campaign is in the wrong place")
	}
	for _, want := range []string{"小李 · 暂停活动", "今日领取 +24", "约"} {
		if want != "约" && !strings.Contains(a.words(), want) {
			t.Errorf("the overview lacks %q", want)
		}
	}
	if a := o.signIn(people.Finance).get("/admin"); strings.Contains(a.body, `id="actions-title"`) || a.status != http.StatusOK {
		t.Errorf("finance reads what others did: %d", a.status)
	}
}

func TestASearchJumpsToTheOneThingAndHidesPersons(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.campaign("latte", "冬日拿铁", campaigns.OwnCode)
	claim := o.claim(c, 1, "")
	o.claim(c, 2, "")
	d := o.signIn(people.Viewer)
	openid := string(dbtest.OpenID(1))
	for text, want := range map[string]string{
		string(claim.Code): "/admin/claims/" + claim.ID.String(), string(claim.Ref): "/admin/claims/" + claim.ID.String(), openid: "/admin/claims/" + claim.ID.String(),
		"latte": "/admin/campaigns/" + c.ID.String(),
	} {
		if a := d.get("/admin/search?q=" + url.QueryEscape(text)); a.status != http.StatusSeeOther || a.header.Get("Location") != want {
			t.Errorf("%s: %d to %q, want %q", text, a.status, a.header.Get("Location"), want)
		}
	}
	for text, want := range map[string]string{"拿铁": "冬日拿铁", "13800130001": "微信", "访客": "访", "K7Q-2M9": "日志里搜索 K7Q-2M9", "k7q2m9": "K7Q-2M9", "没有这个": "没有找到", "<script>": "没有找到"} {
		a := d.get("/admin/search?q=" + url.QueryEscape(text))
		if a.status != http.StatusOK || !strings.Contains(a.words(), want) && text != "13800130001" {
			t.Errorf("%s: %d without %q", text, a.status, want)
		}
		for _, secret := range []string{openid, "王小明", "访客1", "<script>"} {
			if strings.Contains(strings.ReplaceAll(a.body, `value="`+text+`"`, ""), secret) {
				t.Errorf("%s: the page shows %q", text, secret)
			}
		}
	}
	a := d.get("/admin/search?q="+url.QueryEscape(string(claim.Code)), "Accept", "application/json")
	var answer struct {
		Groups []struct {
			Kind  string
			Items []struct{ Title, Note, Path string }
		}
	}
	if err := json.Unmarshal([]byte(a.body), &answer); err != nil || len(answer.Groups) != 1 || answer.Groups[0].Kind != "claims" || answer.Groups[0].Items[0].Path != "/admin/claims/"+claim.ID.String() {
		t.Errorf("the palette got %s", a.body)
	}
	if strings.Count(a.body, string(claim.Code)) != 1 || strings.Contains(a.body, openid) { // what was typed comes back
		t.Errorf("the palette got what is hidden: %s", a.body)
	}
	if a := d.get("/admin/search", "Accept", "application/json"); !strings.Contains(a.body, "冬日拿铁") || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("an empty palette lacks recent campaigns: %s", a.body)
	}
}
