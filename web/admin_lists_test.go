package web_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/people"
)

var importState = regexp.MustCompile(`data-import="([a-z]+)"`)

// follow asks for an import's page until it no longer works, at most limit.
func (d *desk) follow(path string, limit time.Duration) answered {
	d.t.Helper()
	end := time.Now().Add(limit)
	for {
		a := d.get(path)
		m := importState.FindStringSubmatch(a.body)
		if a.status != http.StatusOK || m == nil {
			d.t.Fatalf("%s: %d\n%.1500s", path, a.status, a.words())
		}
		if m[1] != "looking" && m[1] != "storing" {
			return a
		}
		if a.header.Get("Refresh") == "" {
			d.t.Fatal("the page does not come anew by itself")
		}
		if time.Now().After(end) {
			d.t.Fatalf("still %s after %v", m[1], limit)
		}
		<-time.After(20 * time.Millisecond) // asking all the time would only slow the import
	}
}

// newRows makes a list or pool through the form and gives its address.
func (d *desk) newRows(path string, fields url.Values) string {
	d.t.Helper()
	fields.Set("account", "demo")
	a := d.post(path, fields)
	if a.status != http.StatusSeeOther {
		d.t.Fatalf("%s: %d %s", path, a.status, a.words())
	}
	return a.header.Get("Location")
}

// imports uploads a file, looks at it, stores it and gives the page at the end.
func (d *desk) imports(path, name string, content []byte) (report, end answered) {
	d.t.Helper()
	a := d.upload(path+"/import", name, content)
	if a.status != http.StatusSeeOther {
		d.t.Fatalf("upload: %d %s", a.status, a.words())
	}
	job := a.header.Get("Location")
	report = d.follow(job, time.Minute)
	if strings.Contains(report.body, job+"/run") {
		if a := d.post(job+"/run", nil); a.status != http.StatusSeeOther {
			d.t.Fatalf("run: %d", a.status)
		}
	}
	return report, d.follow(job, time.Minute)
}

func TestListsAreImportedInEveryEncodingAndASecondRunAddsNothing(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	var table bytes.Buffer
	w := csv.NewWriter(&table)
	_ = w.WriteAll([][]string{{"姓名", "手机号"}, {"张三", "13900000001"}, {"李四", "139 0000 0002"}, {"王五", "12345"}, {"赵六", "13900000001"}})
	gbk, err := simplifiedchinese.GBK.NewEncoder().Bytes(table.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	wide := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(table.String())) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	book := excelize.NewFile()
	for i, row := range [][]any{{"姓名", "手机号"}, {"张三", 13900000001}, {"李四", "139 0000 0002"}, {"王五", "12345"}, {"赵六", "13900000001"}} {
		if err := book.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	// A formula counts with the value that was saved with it.
	if err := book.SetCellFormula("Sheet1", "B4", `=HYPERLINK("http://evil.example","12345")`); err != nil {
		t.Fatal(err)
	}
	sheet, err := book.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"utf8.csv": table.Bytes(), "bom.csv": append([]byte("\xEF\xBB\xBF"), table.Bytes()...), "gbk.csv": gbk, "utf16.csv": wide, "book.xlsx": sheet.Bytes(),
	} {
		path := d.newRows("/admin/lists", url.Values{"name": {name}, "kind": {"phone"}})
		report, end := d.imports(path, name, content)
		for _, want := range []string{"格式不对", "与第 2 行重复"} {
			if !strings.Contains(report.words(), want) {
				t.Errorf("%s: the report lacks %q\n%s", name, want, report.words())
			}
		}
		if !strings.Contains(end.words(), "新增 2 条") {
			t.Errorf("%s: %s", name, end.words())
		}
		if a := d.get(path); strings.Contains(a.body, "13900000001") || !strings.Contains(a.body, "••••0001") {
			t.Errorf("%s: the list shows whole numbers or nothing", name)
		}
		again, _ := d.imports(path, name, content)
		if strings.Contains(again.body, "/run") {
			t.Errorf("%s: a second run would add rows", name)
		}
	}
	if n := len(o.audited("list.import")); n != 5 {
		t.Errorf("%d imports were written down, want 5", n)
	}
}

func TestProblemsOfAnImportComeAsAFileToTheirOwnerAlone(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	path := d.newRows("/admin/pools", url.Values{"name": {"商城"}})
	a := d.upload(path+"/import", "codes.csv", []byte("券码\nABCD-1\n=1+1\nABCD-1\nABCD-2\n"))
	job := a.header.Get("Location")
	d.follow(job, time.Minute)
	file := d.get(job + "/problems.xlsx")
	book, err := excelize.OpenReader(strings.NewReader(file.body))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := book.GetRows(book.GetSheetName(0))
	if err != nil || len(rows) != 3 || rows[1][0] != "3" || rows[1][1] != "=1+1" || rows[2][2] != "与第 2 行重复" {
		t.Errorf("%q %v", rows, err)
	}
	if formula, err := book.GetCellFormula(book.GetSheetName(0), "B2"); err != nil || formula != "" {
		t.Errorf("the text became the formula %q", formula)
	}
	if a := o.signIn(people.Owner).get(job); a.status != http.StatusNotFound {
		t.Errorf("somebody else sees the import: %d", a.status)
	}
	if a := d.post(job+"/stop", nil); a.status != http.StatusSeeOther || a.header.Get("Location") != path {
		t.Errorf("stop: %d", a.status)
	}
	if a := d.get(job); a.status != http.StatusNotFound {
		t.Errorf("a stopped import is there: %d", a.status)
	}
	for _, bad := range [][]byte{nil, []byte("\xD0\xCF\x11\xE0old"), []byte("\x00\x01\x02binary")} {
		a := d.upload(path+"/import", "bad.xls", bad)
		if a.status == http.StatusSeeOther {
			a = d.follow(a.header.Get("Location"), time.Minute)
			if !strings.Contains(a.body, `data-import="failed"`) {
				t.Errorf("%q is taken", bad)
			}
		} else if a.status != http.StatusUnprocessableEntity {
			t.Errorf("%q: %d", bad, a.status)
		}
	}
}

func TestAHundredThousandRowsAreImportedWithProgress(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	path := d.newRows("/admin/lists", url.Values{"name": {"大名单"}, "kind": {"phone"}})
	var file bytes.Buffer
	file.WriteString("手机号\n")
	for n := range campaigns.MaxImportRows {
		fmt.Fprintf(&file, "139%08d\n", n)
	}
	if file.Len() < 1<<20 {
		t.Fatal("the file is not larger than what other pages take")
	}
	_, end := d.imports(path, "big.csv", file.Bytes())
	if !strings.Contains(end.words(), "100000 条") && !strings.Contains(end.words(), "100,000 条") {
		t.Errorf("%s", end.words())
	}
	lists, err := o.campaigns.Lists(context.Background(), "demo")
	if err != nil || len(lists) != 1 || lists[0].Rows != campaigns.MaxImportRows {
		t.Errorf("%+v %v", lists, err)
	}
	file.WriteString("13800000000\n")
	a := d.upload(path+"/import", "more.csv", file.Bytes())
	if a := d.follow(a.header.Get("Location"), time.Minute); !strings.Contains(a.body, `data-import="failed"`) || !strings.Contains(a.words(), "100000") {
		t.Errorf("one row too many: %s", a.words())
	}
	// Other pages still refuse what is large, and so does this one without a session.
	r := httptest.NewRequest(http.MethodPost, path+"/import", bytes.NewReader(file.Bytes()))
	if answer, err := o.server.App().Test(r, 20_000); err == nil {
		_ = answer.Body.Close()
		t.Errorf("a stranger's large file is read: %d", answer.StatusCode)
	}
}

func TestFormsAboutListsAndPoolsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	path := d.newRows("/admin/lists", url.Values{"name": {"会员"}, "kind": {"phone"}})
	pool := d.newRows("/admin/pools", url.Values{"name": {"商城"}})
	for _, row := range []struct {
		path   string
		form   url.Values
		status int
		words  string
	}{
		{"/admin/lists", url.Values{"name": {""}, "kind": {"phone"}, "account": {"demo"}}, 422, "新建名单"},
		{"/admin/lists", url.Values{"name": {"会员"}, "kind": {"phone"}, "account": {"demo"}}, 422, "已有同名的名单"},
		{"/admin/lists", url.Values{"name": {"x"}, "kind": {"dogs"}, "account": {"demo"}}, 422, "请选择"},
		{"/admin/lists", url.Values{"name": {"x"}, "kind": {"phone"}, "account": {"nobody"}}, 422, "新建名单"},
		{"/admin/pools", url.Values{"name": {"商城"}, "account": {"demo"}}, 422, "已有同名的券码池"},
		{path + "/delete", nil, 303, ""},
		{pool + "/delete", nil, 303, ""},
		{path + "/delete", nil, 404, ""},
	} {
		if a := d.post(row.path, row.form); a.status != row.status || !strings.Contains(a.words(), row.words) {
			t.Errorf("%s %v: %d %.300s", row.path, row.form, a.status, a.words())
		}
	}
}

func TestTheEditorKeepsTheRulesAndReadsThemBack(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	list := strings.TrimPrefix(d.newRows("/admin/lists", url.Values{"name": {"会员"}, "kind": {"openid"}}), "/admin/lists/")
	codes := strings.TrimPrefix(d.newRows("/admin/lists", url.Values{"name": {"邀请"}, "kind": {"code"}}), "/admin/lists/")
	pool := strings.TrimPrefix(d.newRows("/admin/pools", url.Values{"name": {"商城"}}), "/admin/pools/")
	c := o.draft("ruled")
	path := "/admin/campaigns/" + c.ID.String() + "/edit"
	rules := []string{
		"day_total", "20", "release_at", "10:30", "low_percent", "5", "low_reaction", "pause", "followers", "1", "allow_list", list, "channels", "poster，menu\nposter",
		"invitation", "list", "invitation_list", codes,
	}
	if a := d.post(path, fieldsOfStep("rules", "save", 1, rules...)); a.status != http.StatusSeeOther {
		t.Fatalf("%d %.600s", a.status, a.words())
	}
	want := campaigns.Rules{
		DayTotal: 20, ReleaseMinute: 630, LowStock: campaigns.LowStock{Percent: 5, Reaction: campaigns.LowPause}, Followers: true, AllowList: campaigns.ListID(list),
		Channels: []string{"poster", "menu"}, Invitation: campaigns.Invitation{Mode: campaigns.ListInvitation, List: campaigns.ListID(codes)},
	}
	if got := o.reload(c).Rules; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	a := d.get(path + "?step=rules")
	for _, words := range []string{"每天最多发 20 张，10:30 放出", "仅限关注者", "poster、menu", "需要邀请码"} {
		if !strings.Contains(a.words(), words) {
			t.Errorf("the step does not read back %q\n%s", words, a.words())
		}
	}
	if a := d.post(path, fieldsOfStep("card", "save", 2, "issuer", "code_pool", "pool", pool)); a.status != http.StatusSeeOther {
		t.Fatalf("%d %.600s", a.status, a.words())
	}
	want.Pool = campaigns.PoolID(pool)
	if got := o.reload(c); got.Issuer != campaigns.CodePool || !reflect.DeepEqual(got.Rules, want) {
		t.Errorf("got %s %+v", got.Issuer, got.Rules)
	}
	a = d.get("/admin/campaigns/" + c.ID.String() + "/preflight")
	for _, words := range []string{"只剩 0 个券码", "名单“会员”是空的", "限定的渠道“menu”没有登记"} {
		if !strings.Contains(a.words(), words) {
			t.Errorf("preflight does not say %q", words)
		}
	}
	for field, bad := range map[string]string{"day_total": "many", "release_at": "25:00", "low_percent": "99", "channels": "a/b", "invitation_code": "!"} {
		change := []string{field, bad}
		if field == "invitation_code" {
			change = append(change, "invitation", "shared")
		}
		if a := d.post(path, fieldsOfStep("rules", "save", 3, change...)); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s=%s: %d", field, bad, a.status)
		}
	}
}

func TestTheCampaignsPageSaysThatStockIsLow(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	ctx := context.Background()
	draft := dbtest.Draft(noon, "low", 4, campaigns.OwnCode)
	draft.Rules.LowStock = campaigns.LowStock{Percent: 60, Reaction: campaigns.LowPause}
	c := dbtest.Publish(t, o.campaigns, draft)
	d := o.signIn(people.Operator)
	path := "/admin/campaigns/" + c.ID.String()
	if err := o.campaigns.WatchStock(ctx); err != nil {
		t.Fatal(err)
	}
	if a := d.get(path); strings.Contains(a.body, "data-low-stock") {
		t.Error("a full stock is called low")
	}
	o.claim(c, 1, "")
	o.claim(c, 2, "")
	if err := o.campaigns.WatchStock(ctx); err != nil {
		t.Fatal(err)
	}
	if a := d.get(path); !strings.Contains(a.words(), "库存低于 60%，活动已自动暂停：剩余 2 / 4 份。") || !strings.Contains(a.words(), campaigns.LowStockReason) {
		t.Errorf("the page does not say so: %s", a.words())
	}
	if n := len(o.audited("campaign.pause")); n != 1 {
		t.Errorf("%d pauses were written down", n)
	}
}
