package web_test

import (
	"context"
	"database/sql"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/people"
)

// sheet is an exported file with its columns by name.
type sheet struct {
	*excelize.File
	name   string
	column map[string]int
	rows   [][]string // without the header
}

// exportFields are the dialog's fields for everything that there is.
func exportFields(change ...string) url.Values {
	form := url.Values{"format": {"xlsx"}, "full": {"1"}, "reason": {"对账"}, "keep_hours": {"24"}}
	for _, c := range campaigns.ExportColumns(campaigns.ExportClaims) {
		form.Add("columns", c.Name)
	}
	for i := 0; i+1 < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	return form
}

// exported starts an export and waits until it ended.
func exported(t *testing.T, d *desk, query string, form url.Values, headers ...string) campaigns.Export {
	t.Helper()
	if a := d.post("/admin/exports?"+query, form, headers...); a.status != http.StatusSeeOther || a.header.Get("Location") != "/admin/exports" {
		t.Fatalf("start: %d %s", a.status, a.words())
	}
	list, err := d.campaigns.RecentExports(t.Context(), 1)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	e := d.waitExport(list[0].ID)
	d.setTime(d.now().Add(time.Millisecond)) // so that the next one is newer
	return e
}

// waitExport waits until an export ended.
func (o *office) waitExport(id string) campaigns.Export {
	o.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		e, err := o.campaigns.Export(context.Background(), id)
		if err != nil || time.Now().After(end) {
			o.t.Fatalf("the export does not end: %+v %v", e, err)
		}
		if !e.Open() {
			return e
		}
		<-time.After(5 * time.Millisecond)
	}
}

func exportOf(t *testing.T, d *desk, query string, headers ...string) *sheet {
	t.Helper()
	e := exported(t, d, query, exportFields(), headers...)
	a := d.get("/admin/exports/" + e.ID + "/file")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" {
		t.Fatalf("export: %d %s %.300s", a.status, a.header.Get("Content-Type"), a.words())
	}
	if n := a.header.Get("Content-Length"); n != strconv.Itoa(len(a.body)) {
		t.Errorf("Content-Length %q for %d bytes", n, len(a.body))
	}
	f, err := excelize.OpenReader(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	s := &sheet{File: f, name: f.GetSheetName(0), column: map[string]int{}}
	rows, err := f.GetRows(s.name)
	if err != nil {
		t.Fatal(err)
	}
	for i, header := range rows[0] {
		s.column[header] = i
	}
	s.rows = rows[1:]
	return s
}

// at is the value in a row of the named column and how it is stored.
func (s *sheet) at(t *testing.T, row int, header string) (string, excelize.CellType) {
	t.Helper()
	i, ok := s.column[header]
	if !ok {
		t.Fatalf("no column %s in %v", header, s.column)
	}
	cell, err := excelize.CoordinatesToCellName(i+1, row+2)
	if err != nil {
		t.Fatal(err)
	}
	value, err := s.GetCellValue(s.name, cell)
	if err != nil {
		t.Fatal(err)
	}
	kind, err := s.GetCellType(s.name, cell)
	if err != nil {
		t.Fatal(err)
	}
	if formula, _ := s.GetCellFormula(s.name, cell); formula != "" {
		t.Errorf("%s holds the formula %s", cell, formula)
	}
	return value, kind
}

func TestAnExportHoldsTheFilteredClaimsInTypedCells(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	latte, wash := o.campaign("latte", "冬日拿铁", campaigns.OwnCode), o.campaign("wash", "洗车券", campaigns.WeChatCard)
	hostile := "=cmd|' /C calc'!A0"
	v, err := o.campaigns.Visit(context.Background(), campaigns.Visitor{Account: dbtest.Account, OpenID: dbtest.OpenID(1), Nickname: "@SUM(1)😀"})
	if err != nil {
		t.Fatal(err)
	}
	claim, _, err := o.campaigns.Claim(context.Background(), campaigns.Tap{
		Slug: latte.Slug, Visitor: v.ID, Key: "key-hostile-1", Channel: "poster", Consent: true,
		Answers: map[string]string{"name": hostile, "plate": "京A12345", "phone": "13800138000"},
	})
	if err != nil {
		t.Fatal(err)
	}
	o.claim(wash, 2, "")
	d := o.signIn(people.Operator)
	s := exportOf(t, d, "campaign="+latte.ID.String()+"&before=1")
	if len(s.rows) != 1 {
		t.Fatalf("%d rows", len(s.rows))
	}
	for header, want := range map[string]string{
		"活动": "冬日拿铁", "状态": "已领取", "券码": string(claim.Code), "姓名": hostile, "手机号": "13800138000", "车牌号": "京A12345",
		"昵称": "@SUM(1)😀", "openid": string(dbtest.OpenID(1)), "渠道": "poster",
	} {
		if got, kind := s.at(t, 0, header); got != want || kind != excelize.CellTypeInlineString {
			t.Errorf("%s = %q of type %v, want the text %q", header, got, kind, want)
		}
	}
	for header, want := range map[string]string{"领取时间": "2026-11-20 12:00:00", "确认时间": "2026-11-20 12:00:00", "核销时间": ""} {
		got, kind := s.at(t, 0, header)
		if got != want || want != "" && kind != excelize.CellTypeUnset && kind != excelize.CellTypeNumber {
			t.Errorf("%s = %q of type %v, want the date %q", header, got, kind, want)
		}
	}
	if all := exportOf(t, d, ""); len(all.rows) != 2 {
		t.Errorf("%d rows without a filter", len(all.rows))
	}
	if none := exportOf(t, d, "q=nobody"); len(none.rows) != 0 || len(none.column) < 10 {
		t.Errorf("an export of nothing has %d rows and the columns %v", len(none.rows), none.column)
	}
	if english := exportOf(t, d, "", "Accept-Language", "en"); english.column["Claimed at"] == 0 {
		t.Errorf("English columns: %v", english.column)
	}
}

func TestAnExportIsRecordedWithItsRowsAndNotWithWhatWasSearched(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	latte := o.campaign("latte", "冬日拿铁", campaigns.OwnCode)
	for n := range 3 {
		o.claim(latte, n, "")
	}
	d := o.signIn(people.Operator)
	exportOf(t, d, "state=confirmed&q=13800130002&from=2026-11-20")
	entries := o.audited("claims.export")
	if len(entries) != 1 || entries[0].ActorName != "小李" {
		t.Fatalf("audit %+v", entries)
	}
	for _, want := range []string{`"masked":false`, `"search":true`, `"confirmed"`, `"from":"2026-11-20 00:00:00"`, `"reason":"对账"`, `"openid"`} {
		if !strings.Contains(entries[0].Detail, want) {
			t.Errorf("the audit %s lacks %s", entries[0].Detail, want)
		}
	}
	if strings.Contains(entries[0].Detail, "13800130002") {
		t.Error("the audit holds the phone number")
	}
	if taken := o.audited("exports.download"); len(taken) != 1 || !strings.Contains(taken[0].Detail, `"rows":1`) {
		t.Errorf("audit %+v", taken)
	}
	list, err := o.campaigns.RecentExports(t.Context(), 1)
	if err != nil || list[0].Taken != 1 || list[0].TakenBy != "小李" || list[0].TakenAt.IsZero() {
		t.Fatalf("%+v %v", list, err)
	}
	a := d.get("/admin/exports/" + list[0].ID + "/file")
	if got, want := a.header.Get("Content-Disposition"), url.PathEscape("领取记录_20261120_1200.xlsx"); !strings.HasPrefix(got, "attachment; ") || !strings.HasSuffix(got, "filename*=UTF-8''"+want) {
		t.Errorf("Content-Disposition %q", got)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
}

func TestAnExportIsMaskedForFinanceAndRefusedToViewers(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	claim := o.claim(o.campaign("latte", "冬日拿铁", campaigns.OwnCode), 7, "poster")
	s := exportOf(t, o.signIn(people.Finance), "")
	for header, want := range map[string]string{
		"姓名": "王**", "手机号": "138****0007", "车牌号": "京A****5", "昵称": "访**", "openid": "oTestV…0007", "券码": string(claim.Code),
	} {
		if got, _ := s.at(t, 0, header); got != want {
			t.Errorf("%s = %q, want %q", header, got, want)
		}
	}
	if entries := o.audited("claims.export"); len(entries) != 1 || !strings.Contains(entries[0].Detail, `"masked":true`) {
		t.Errorf("audit %+v", entries)
	}
	if a := o.signIn(people.Viewer).post("/admin/exports", exportFields()); a.status != http.StatusForbidden || len(o.audited("claims.export")) != 1 {
		t.Errorf("a viewer got %d", a.status)
	}
}

func TestAnExportLeavesNoFilesBehindAlsoWhenItFails(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.claim(o.campaign("latte", "冬日拿铁", campaigns.OwnCode), 7, "poster")
	d := o.signIn(people.Operator)
	kept := exported(t, d, "", exportFields())
	if a := d.post("/admin/exports?campaign=zz", exportFields()); a.status != http.StatusNotFound {
		t.Errorf("an export of no campaign: %d", a.status)
	}
	o.setTime(noon.Add(time.Hour))
	// Nothing can be made or handed out that cannot be recorded.
	raw, err := sql.Open("sqlite", filepath.Join(o.folder, "kaquan.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	if _, err := raw.Exec(`DROP TABLE audit`); err != nil {
		t.Fatal(err)
	}
	if a := d.get("/admin/exports/" + kept.ID + "/file"); a.status != http.StatusInternalServerError || strings.Contains(a.body, "PK") {
		t.Errorf("a file that cannot be recorded: %d", a.status)
	}
	if a := d.post("/admin/exports", exportFields()); a.status != http.StatusInternalServerError {
		t.Errorf("an export that cannot be recorded: %d", a.status)
	}
	list, err := o.campaigns.RecentExports(t.Context(), 5)
	if err != nil || len(list) != 2 || list[0].State != campaigns.ExportCancelled {
		t.Errorf("%+v %v", list, err)
	}
	left, err := filepath.Glob(filepath.Join(o.folder, "exports", "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("files: %v %v", left, err)
	}
}
