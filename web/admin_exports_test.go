package web_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/people"
	"kaquan/web"
)

func TestTheDialogOfAnExportKeepsPersonalDataOffUntilItIsChosen(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.campaign("many", "很多", campaigns.OwnCode)
	for n := range 3 {
		o.claim(c, n+1, "")
	}
	d := o.signIn(people.Operator)
	where := "/admin/exports?campaign=" + c.ID.String()
	if page := d.get("/admin/claims?campaign=" + c.ID.String()); !strings.Contains(page.body, `href="`+where+`&amp;new="`) {
		t.Error("the claims do not lead to the dialog")
	}
	form := d.get(where + "&new=")
	for _, want := range []string{"筛选后的 3 条领取记录", "活动 很多", "个人信息", "打码，和页面上一样"} {
		if !strings.Contains(form.words(), want) {
			t.Errorf("the dialog lacks %q", want)
		}
	}
	for _, column := range campaigns.ExportColumns(campaigns.ExportClaims) {
		if on := strings.Contains(form.body, `value="`+column.Name+`" checked`); on == column.Personal {
			t.Errorf("%s is chosen: %v", column.Name, on)
		}
	}
	if page := o.signIn(people.Finance).get("/admin/exports?new="); strings.Contains(page.body, `name="full"`) || !strings.Contains(page.words(), "全部 3 条领取记录") {
		t.Error("finance is offered personal data as it is")
	}
	for name, bad := range map[string]struct{ form, says string }{
		"format": {"format=pdf&columns=code", "xlsx、csv 或 csv_utf8"}, "reason": {"format=csv&columns=openid&full=1", "要写用途"},
		"nothing": {"format=csv", "至少选一列"}, "columns": {"format=csv&columns=code&columns=secret", "没有“secret”这一列"}, "life": {"format=csv&columns=code&keep_hours=x", "1、24、72"},
	} {
		values, _ := url.ParseQuery(bad.form)
		if a := d.post(where, values); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), bad.says) || !strings.Contains(a.words(), "活动 很多") {
			t.Errorf("%s: %d %s", name, a.status, a.words())
		}
	}
	if again := d.post(where, url.Values{"format": {"csv"}, "columns": {"openid", "code"}, "full": {"1"}}); !strings.Contains(again.body, `value="openid" checked`) || strings.Contains(again.body, `value="channel" checked`) || !strings.Contains(again.body, `value="1" checked`) {
		t.Error("a refused dialog forgets what was chosen")
	}
}

func TestAnExportHasWhatWasChosenAndThePageTellsIt(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.campaign("many", "很多", campaigns.OwnCode)
	for n := range 5 {
		o.claim(c, n+1, "poster")
	}
	d := o.signIn(people.Operator)
	e := exported(t, d, "campaign="+c.ID.String(), url.Values{"format": {"csv"}, "columns": {"openid", "channel"}, "full": {"1"}, "reason": {"月报"}, "keep_hours": {"72"}})
	if e.State != campaigns.ExportReady || e.ExpiresAt.Sub(e.DoneAt) != 72*time.Hour {
		t.Fatalf("%+v", e)
	}
	page := d.get("/admin/exports")
	for _, want := range []string{"可下载", "月报", "领取记录 · 活动 很多", "完整", "2 列", "openid · 渠道", "SHA-256 " + e.SHA256, "时间按 Asia/Shanghai"} {
		if !strings.Contains(page.words(), want) {
			t.Errorf("the page lacks %q: %s", want, page.words())
		}
	}
	path := "/admin/exports/" + e.ID + "/file"
	file := d.get(path)
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.body, "\ufeff"))).ReadAll()
	if err != nil || len(rows) != 6 || len(rows[0]) != 2 || rows[1][1] != "poster" {
		t.Errorf("%v, %v", rows, err)
	}
	finance := o.signIn(people.Finance)
	if r := finance.get(path); r.status != http.StatusForbidden {
		t.Errorf("somebody who may not see personal data: %d", r.status)
	}
	if info, err := os.Stat(filepath.Join(o.folder, "exports")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info, err)
	}
	// Without the right to see it, "as it is" is masked, and without personal columns everybody may fetch it.
	if e := exported(t, finance, "", url.Values{"format": {"csv"}, "columns": {"openid"}, "full": {"1"}, "reason": {"x"}}); !e.Masked || strings.Contains(finance.get("/admin/exports/"+e.ID+"/file").body, "oTestVisitor0000") {
		t.Errorf("%+v", e)
	}
	e = exported(t, d, "", url.Values{"format": {"csv_utf8"}, "columns": {"code"}, "full": {"1"}})
	if file := finance.get("/admin/exports/" + e.ID + "/file"); file.status != http.StatusOK || !strings.HasPrefix(file.body, "券码\r\n") || !strings.Contains(d.get("/admin/exports").words(), "不含个人信息") {
		t.Errorf("%d %q", file.status, file.body)
	}
	for kind, header := range map[string]string{"users": "编号", "campaigns": "活动"} {
		if page := d.get("/admin/exports?kind=" + kind + "&new="); page.status != http.StatusOK || !strings.Contains(page.body, "/admin/exports?kind="+kind) {
			t.Errorf("%s: %d", kind, page.status)
		}
		columns := campaigns.PlainExportColumns(campaigns.ExportKind(kind))
		e := exported(t, d, "kind="+kind, url.Values{"format": {"csv"}, "columns": columns})
		if string(e.Kind) != kind || e.Rows == 0 || !strings.Contains(d.get("/admin/exports/"+e.ID+"/file").body, header) {
			t.Errorf("%s: %+v", kind, e)
		}
	}
}

// busyExports takes all places where files are made, so that an export stays on its way.
func busyExports(t *testing.T) (free func()) {
	t.Helper()
	free = web.HoldExports()
	t.Cleanup(free)
	return free
}

// Not parallel: it takes the places where files are made.
func TestAnExportIsSeenAndCancelledFromEveryPage(t *testing.T) {
	free := busyExports(t)
	o := openOffice(t)
	o.claim(o.campaign("latte", "冬日拿铁", campaigns.OwnCode), 1, "")
	d, finance := o.signIn(people.Operator), o.signIn(people.Finance)
	if page := d.get("/admin/claims"); strings.Contains(page.body, "kq-tray") {
		t.Error("a tray where nothing is on its way")
	}
	start := func() string {
		t.Helper()
		o.setTime(o.now().Add(time.Minute))
		if a := d.post("/admin/exports", exportFields()); a.status != http.StatusSeeOther {
			t.Fatalf("%d %s", a.status, a.words())
		}
		list, err := o.campaigns.RecentExports(context.Background(), 1)
		if err != nil || list[0].State != campaigns.ExportWaiting {
			t.Fatalf("%+v %v", list, err)
		}
		return list[0].ID
	}
	id := start()
	poll := "/admin/exports/tray?seen=" + id
	page := d.get("/admin/claims")
	if !strings.Contains(page.body, `hx-get="`+poll+`"`) || !strings.Contains(page.words(), "排队中") || !strings.Contains(page.body, "/admin/exports/"+id+"/cancel") {
		t.Errorf("the tray: %s", page.words())
	}
	if page := finance.get("/admin/claims"); strings.Contains(page.body, "kq-tray") {
		t.Error("somebody else's exports are in the tray")
	}
	if a := finance.post("/admin/exports/"+id+"/cancel", nil); a.status != http.StatusForbidden {
		t.Errorf("cancelled by somebody else: %d", a.status)
	}
	if a := finance.get(poll); a.status != http.StatusOK || strings.TrimSpace(a.body) != "" {
		t.Errorf("%d %q", a.status, a.body)
	}
	tray := d.post("/admin/exports/"+id+"/cancel?seen="+id, nil, "HX-Request", "true")
	if tray.status != http.StatusOK || !strings.Contains(tray.words(), "已取消") || strings.Contains(tray.body, "every 1s") {
		t.Errorf("%d %s", tray.status, tray.body)
	}
	if a := d.post("/admin/exports/"+id+"/cancel", nil); a.status != http.StatusSeeOther || len(o.audited("exports.cancel")) != 1 {
		t.Errorf("a second time: %d", a.status)
	}
	if page := d.get("/admin/exports"); !strings.Contains(page.words(), "已取消") || !strings.Contains(page.body, "/admin/exports/"+id+"/retry") {
		t.Errorf("the page: %s", page.words())
	}
	other := start()
	if a := o.signIn(people.Owner).post("/admin/exports/"+other+"/cancel", nil); a.status != http.StatusSeeOther {
		t.Errorf("an owner: %d", a.status)
	}
	// The workers stop while every place is taken; then a retry is made.
	web.WaitExports(o.server)
	free()
	if a := d.post("/admin/exports/"+id+"/retry", nil); a.status != http.StatusSeeOther {
		t.Fatalf("%d", a.status)
	}
	again := 0
	for range 2 { // a double click
		d.post("/admin/exports/"+id+"/retry", nil)
		list, err := o.campaigns.RecentExports(context.Background(), 10)
		if err != nil {
			t.Fatal(err)
		}
		again = len(list)
		for _, e := range list {
			e = o.waitExport(e.ID)
			if e.ID != id && e.ID != other && (e.State != campaigns.ExportReady || e.Reason != "对账") {
				t.Errorf("%+v", e)
			}
		}
	}
	if again != 3 {
		t.Errorf("%d exports after one retry", again)
	}
	if r := finance.post("/admin/exports/"+other+"/retry", nil); r.status != http.StatusForbidden {
		t.Errorf("a retry by somebody who may not see personal data: %d", r.status)
	}
}

// slowRows gives one row of an export, then waits for the test.
type slowRows struct {
	campaigns.Store
	reached, release chan struct{}
	passed           int
}

func (s *slowRows) EachClaim(ctx context.Context, f campaigns.ClaimFilter) iter.Seq2[campaigns.ClaimRow, error] {
	return func(yield func(campaigns.ClaimRow, error) bool) {
		for row, err := range s.Store.EachClaim(ctx, f) {
			if s.passed == 1 {
				close(s.reached)
				<-s.release
			}
			if !yield(row, err) {
				return
			}
			s.passed++
		}
	}
}

func TestACancelledExportStopsAmongItsRowsAndItsFileGoes(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.campaign("latte", "冬日拿铁", campaigns.OwnCode)
	for n := range 3 {
		o.claim(c, n+1, "")
	}
	d := o.signIn(people.Operator)
	rows := &slowRows{Store: o.db, reached: make(chan struct{}), release: make(chan struct{})}
	o.server.Campaigns = campaigns.New(campaigns.Options{Store: rows, Now: o.now})
	if a := d.post("/admin/exports", exportFields()); a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.words())
	}
	<-rows.reached
	list, err := o.campaigns.RecentExports(t.Context(), 1)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	id := list[0].ID
	parts := func() []string {
		files, err := filepath.Glob(filepath.Join(o.folder, "exports", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	if tray := d.get("/admin/claims"); !strings.Contains(tray.words(), "正在导出 0 / 3 0%") {
		t.Errorf("the tray: %s", tray.words())
	}
	if len(parts()) == 0 {
		t.Error("the worker has no file yet")
	}
	if a := d.post("/admin/exports/"+id+"/cancel", nil); a.status != http.StatusSeeOther {
		t.Fatalf("%d", a.status)
	}
	close(rows.release)
	web.WaitExports(o.server)
	if rows.passed != 1 {
		t.Errorf("the worker took %d rows", rows.passed)
	}
	e, err := o.campaigns.Export(t.Context(), id)
	if err != nil || e.State != campaigns.ExportCancelled || len(parts()) != 0 {
		t.Errorf("%+v %v, files %v", e, err, parts())
	}
	if a := d.get("/admin/exports/" + id + "/file"); a.status != http.StatusSeeOther {
		t.Errorf("the file of a cancelled one: %d", a.status)
	}
}

func TestAnExportThatFailsSaysWhyAndIsRetried(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.claim(o.campaign("latte", "冬日拿铁", campaigns.OwnCode), 1, "")
	d := o.signIn(people.Operator)
	folder := filepath.Join(o.folder, "exports")
	if err := os.WriteFile(folder, []byte("no folder"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := exported(t, d, "", exportFields("format", "csv"))
	if e.State != campaigns.ExportFailed || e.Problem != campaigns.ExportBroken {
		t.Fatalf("%+v", e)
	}
	retry := "/admin/exports/" + e.ID + "/retry"
	if page := d.get("/admin/exports"); !strings.Contains(page.words(), "原因已写入日志") || !strings.Contains(page.body, retry) {
		t.Errorf("%s", page.words())
	}
	if tray := d.get("/admin/exports/tray?seen=" + e.ID); !strings.Contains(tray.words(), "原因已写入日志") || !strings.Contains(tray.body, retry) {
		t.Errorf("%s", tray.words())
	}
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	if a := d.post(retry, nil); a.status != http.StatusSeeOther {
		t.Fatalf("%d", a.status)
	}
	list, err := o.campaigns.RecentExports(t.Context(), 5)
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	next := o.waitExport(list[0].ID)
	if next.ID == e.ID || next.State != campaigns.ExportReady || next.Format != campaigns.ExportCSV || fmt.Sprint(next.Columns) != fmt.Sprint(e.Columns) {
		t.Errorf("%+v", next)
	}
	if tray := d.get("/admin/exports/tray?seen=" + next.ID); !strings.Contains(tray.words(), "导出好了，1 行") || !strings.Contains(tray.body, "/admin/exports/"+next.ID+"/file") {
		t.Errorf("%s", tray.words())
	}
	if page := d.get("/admin/exports"); strings.Contains(page.body, retry) {
		t.Error("it can be retried twice")
	}
	// What was searched for is not kept.
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	e = exported(t, d, "q=13800130001", exportFields())
	if page := d.get("/admin/exports"); e.State != campaigns.ExportFailed || strings.Contains(page.body, e.ID+"/retry") || !strings.Contains(page.words(), "搜索词没有保存") {
		t.Errorf("%s", page.words())
	}
}
