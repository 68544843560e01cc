package web_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
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

// userTable is a table as the first project has it, with n people of whom every tenth
// took a card.
func userTable(n int) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"id", "openid", "nickname", "headimgurl", "sex", "hostip", "x-for-ip", "addcard"})
	for i := range n {
		_ = w.Write([]string{fmt.Sprint(i), string(dbtest.OpenID(i)), fmt.Sprintf("用户%d", i), "http://thirdwx.qlogo.cn/x", "1", "10.1.2.3", "10.1.2.3", []string{"1", "0", "0", "0", "0", "0", "0", "0", "0", "false"}[i%10]})
	}
	w.Flush()
	return b.Bytes()
}

// takePeople uploads a table, looks and stores; report is nil of what was refused.
func (d *desk) takePeople(name string, content []byte, campaign string) (report, end answered) {
	d.t.Helper()
	a := d.uploadWith("/admin/imports/import", name, content, url.Values{"account": {"demo"}, "campaign": {campaign}})
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

func TestAHundredThousandUsersAreImportedAndASecondRunAddsNothing(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	draft := dbtest.Draft(noon, "old", 20_000, campaigns.OwnCode)
	c := dbtest.Publish(t, o.campaigns, draft)
	d := o.signIn(people.Operator)
	table := userTable(100_000)
	began := time.Now()
	report, end := d.takePeople("users.csv", table, "old")
	t.Logf("100,000 rows took %v", time.Since(began))
	for _, want := range []string{"100,000", "10,000", "hostip, x-for-ip 不会导入", "将补发卡券"} {
		if !strings.Contains(report.words(), want) {
			t.Errorf("the report lacks %q: %s", want, report.words())
		}
	}
	if !strings.Contains(end.words(), "已补发卡券") || strings.Contains(end.words(), "有问题的行") {
		t.Errorf("%.600s", end.words())
	}
	stock, err := o.campaigns.CheckStock(context.Background(), c.ID)
	if err != nil || stock.Confirmed != 10_000 {
		t.Errorf("stock %+v, %v", stock, err)
	}
	report, _ = d.takePeople("users.csv", table, "old")
	if strings.Contains(report.body, "/run\"") {
		t.Error("a second run would change something")
	}
	entries := o.audited("people.import")
	if len(entries) != 1 || !strings.Contains(entries[0].Detail, `"cards":10000`) || strings.Contains(entries[0].Detail, "10.1.2.3") {
		t.Errorf("audit %+v", entries)
	}
	page := d.get("/admin/imports")
	if page.status != 200 || strings.Count(page.body, `href="/admin/imports/`) < 2 {
		t.Errorf("the page does not list them: %d", page.status)
	}
}

func TestUsersAreImportedInEveryEncodingWithTheirProblems(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	text := "性别,已领取,openid,昵称\n女,是," + string(dbtest.OpenID(1)) + ",=1+1\n,perhaps," + string(dbtest.OpenID(2)) + ",李四\n男,0,=CMD(),王五\n"
	gbk, err := simplifiedchinese.GBK.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	wide := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(text)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	book := excelize.NewFile()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := book.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := book.SetCellFormula("Sheet1", "D3", `=HYPERLINK("http://evil.example","x")`); err != nil {
		t.Fatal(err)
	}
	sheet, err := book.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	first := true
	for name, content := range map[string][]byte{"gbk.csv": gbk, "utf16.csv": wide, "bom.csv": []byte("\ufeff" + text), "book.xlsx": sheet.Bytes()} {
		report, _ := d.takePeople(name, content, "")
		for _, want := range []string{"看不出是否领取", "openid 的格式不对", "没有选活动"} {
			if !strings.Contains(report.words(), want) {
				t.Errorf("%s: the report lacks %q: %s", name, want, report.words())
			}
		}
		if again := strings.Contains(report.body, "/run\""); again != first {
			t.Errorf("%s: something to do: %v", name, again)
		}
		first = false
	}
	page, err := o.campaigns.Visitors(t.Context(), campaigns.VisitorFilter{Account: dbtest.Account})
	if err != nil || len(page.Rows) != 1 || page.Rows[0].Nickname != "=1+1" || page.Rows[0].Sex != 2 {
		t.Errorf("%+v, %v", page.Rows, err)
	}
	for name, c := range map[string]struct{ content, campaign, account, want string }{
		"no openid": {"a,b\n1,2\n", "", "demo", "没有找到 openid 列"}, "campaign": {text, "none", "demo", "不能往这个活动里补发"}, "account": {text, "", "none", "公众号"},
	} {
		a := d.uploadWith("/admin/imports/import", "x.csv", []byte(c.content), url.Values{"account": {c.account}, "campaign": {c.campaign}})
		if a.status == http.StatusSeeOther {
			a = d.follow(a.header.Get("Location"), time.Minute)
		}
		if !strings.Contains(a.words(), c.want) {
			t.Errorf("%s: %d %.800s", name, a.status, a.words())
		}
	}
}
