package sheets_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/sheets"
)

func claimRows(n int, end error) iter.Seq2[campaigns.ClaimRow, error] {
	return func(yield func(campaigns.ClaimRow, error) bool) {
		for range n {
			if !yield(campaigns.ClaimRow{
				Claim: campaigns.Claim{
					Campaign: 1, State: campaigns.Confirmed, Code: "402188371190", Channel: "poster", Ref: "0123456789ab",
					Answers:   campaigns.Answers{"name": "=HYPERLINK(1)", "phone": "13800138000", "gone": "旧答案"},
					CreatedAt: time.Date(2026, 11, 20, 16, 0, 0, 0, time.UTC),
				},
				CampaignName: "冬日拿铁", OpenID: "oTestVisitor0000000000000001", Nickname: "小明",
			}, nil) {
				return
			}
		}
		if end != nil {
			yield(campaigns.ClaimRow{}, end)
		}
	}
}

// asking are two campaigns; rows are of the first. Both ask for a name, under other keys.
func asking() []*campaigns.Campaign {
	return []*campaigns.Campaign{
		{ID: 1, Form: campaigns.Form{{Key: "name", Label: "姓名"}, {Key: "phone", Kind: campaigns.MobileField, Label: "手机号"}}},
		{ID: 2, Form: campaigns.Form{{Key: "phone", Label: "姓名"}, {Key: "q", Label: "车型"}}},
	}
}

func exported(t *testing.T, ctx context.Context, o sheets.ClaimSheet) ([]string, []string) {
	t.Helper()
	var out bytes.Buffer
	if _, err := sheets.Claims(ctx, &out, claimRows(2, nil), o, nil); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := f.GetRows(f.GetSheetName(0))
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	return rows[0], rows[1]
}

func TestAnExportHasAColumnForEveryQuestionAndTheRestBesides(t *testing.T) {
	t.Parallel()
	header, row := exported(t, context.Background(), sheets.ClaimSheet{Campaigns: asking(), Zone: shanghai, TempDir: t.TempDir()})
	want := map[string]string{
		"活动": "冬日拿铁", "状态": "已领取", "券码": "402188371190", "姓名": "=HYPERLINK(1)", "手机号": "13800138000", "车型": "", "其他回答": "gone: 旧答案",
		"昵称": "小明", "openid": "oTestVisitor0000000000000001", "渠道": "poster", "领取时间": "2026-11-21 00:00:00",
	}
	for i, name := range header {
		if w, ok := want[name]; ok && row[i] != w {
			t.Errorf("%s = %q, want %q", name, row[i], w)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("columns missing: %v in %v", want, header)
	}
	if seen := strings.Count(strings.Join(header, "|"), "姓名"); seen != 1 {
		t.Errorf("%d columns for the same question: %v", seen, header)
	}
	english, row := exported(t, i18n.With(context.Background(), i18n.EN), sheets.ClaimSheet{Zone: shanghai, TempDir: t.TempDir()})
	if english[0] != "Campaign" || row[1] == "已领取" {
		t.Errorf("English export: %v %v", english, row)
	}
}

func TestAnExportSaysOfAnswersThatTheyWentWithTheirTime(t *testing.T) {
	t.Parallel()
	row := campaigns.ClaimRow{Claim: campaigns.Claim{Campaign: 1, State: campaigns.Confirmed, Answers: campaigns.Answers{"name": "王小明", "phone": ""}}}
	for _, hide := range []*sheets.ClaimMask{nil, {
		Answer: func(campaigns.FieldKind, string) string { return "A" }, Nickname: func(string) string { return "N" },
		OpenID: func(string) string { return "O" },
	}} {
		var out bytes.Buffer
		rows := func(yield func(campaigns.ClaimRow, error) bool) { yield(row, nil) }
		if _, err := sheets.Claims(context.Background(), &out, rows, sheets.ClaimSheet{Campaigns: asking(), Hide: hide, TempDir: t.TempDir()}, nil); err != nil {
			t.Fatal(err)
		}
		f, err := excelize.OpenReader(&out)
		if err != nil {
			t.Fatal(err)
		}
		cells, err := f.GetRows(f.GetSheetName(0))
		if err != nil || len(cells) != 2 || strings.Count(strings.Join(cells[1], "|"), "已按保存期限删除") != 1 {
			t.Errorf("the rows are %v (%v)", cells, err)
		}
		_ = f.Close()
	}
}

func TestAnExportHasTheColumnsThatWereChosenInTheOrderOfTheFile(t *testing.T) {
	t.Parallel()
	header, row := exported(t, context.Background(), sheets.ClaimSheet{Campaigns: asking(), Zone: shanghai, TempDir: t.TempDir(), Columns: []string{"channel", "code"}})
	if strings.Join(header, "|") != "券码|渠道" || strings.Join(row, "|") != "402188371190|poster" {
		t.Errorf("%v %v", header, row)
	}
	header, row = exported(t, context.Background(), sheets.ClaimSheet{Campaigns: asking(), Zone: shanghai, TempDir: t.TempDir(), Columns: []string{"ref", "answers"}})
	if strings.Join(header, "|") != "姓名|手机号|车型|其他回答|领取编号" || row[1] != "13800138000" || row[4] != "0123456789ab" {
		t.Errorf("%v %v", header, row)
	}
	var out bytes.Buffer
	if _, err := sheets.Claims(context.Background(), &out, claimRows(1, nil), sheets.ClaimSheet{CSV: true, Columns: []string{"answers"}}, nil); err != nil || !strings.Contains(out.String(), "其他回答") {
		t.Errorf("answers alone where nothing is asked: %q %v", out.String(), err)
	}
}

func TestEveryColumnOfAnExportCanBeWritten(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for kind, write := range map[campaigns.ExportKind]func(io.Writer, []string) error{
		campaigns.ExportClaims: func(w io.Writer, columns []string) error {
			_, err := sheets.Claims(ctx, w, claimRows(1, nil), sheets.ClaimSheet{Campaigns: asking(), CSV: true, Columns: columns}, nil)
			return err
		},
		campaigns.ExportUsers: func(w io.Writer, columns []string) error {
			rows := func(yield func(campaigns.VisitorRow, error) bool) { yield(campaigns.VisitorRow{}, nil) }
			_, err := sheets.Visitors(ctx, w, rows, sheets.VisitorSheet{CSV: true, Columns: columns}, nil)
			return err
		},
		campaigns.ExportCampaigns: func(w io.Writer, columns []string) error {
			_, err := sheets.Campaigns(ctx, w, make([]campaigns.Overview, 1), sheets.CampaignSheet{CSV: true, Columns: columns})
			return err
		},
	} {
		for _, c := range campaigns.ExportColumns(kind) {
			var out bytes.Buffer
			if err := write(&out, []string{c.Name}); err != nil {
				t.Fatal(err)
			}
			header := strings.TrimPrefix(strings.SplitN(out.String(), "\r\n", 2)[0], "\ufeff")
			if want := i18n.T(ctx, c.Key); header != want && c.Name != "answers" {
				t.Errorf("%s.%s has the header %q, want %q", kind, c.Name, header, want)
			}
		}
	}
}

func TestAPlainCSVIsForProgramsAndTheOtherForExcel(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{true, false} {
		var out bytes.Buffer
		o := sheets.ClaimSheet{Campaigns: asking(), CSV: true, Plain: plain, Columns: []string{"answers"}}
		if _, err := sheets.Claims(context.Background(), &out, claimRows(1, nil), o, nil); err != nil {
			t.Fatal(err)
		}
		if marked, safe := strings.HasPrefix(out.String(), "\ufeff"), strings.Contains(out.String(), "'=HYPERLINK(1)"); marked == plain || safe == plain {
			t.Errorf("plain %v: %q", plain, out.String())
		}
	}
}

func TestAMaskedExportHidesEveryAnswerTheNameAndTheOpenID(t *testing.T) {
	t.Parallel()
	hide := &sheets.ClaimMask{
		Answer:   func(kind campaigns.FieldKind, _ string) string { return "A" + string(kind) },
		Nickname: func(string) string { return "N" }, OpenID: func(string) string { return "O" },
	}
	_, row := exported(t, context.Background(), sheets.ClaimSheet{Campaigns: asking(), Hide: hide, TempDir: t.TempDir()})
	for _, secret := range []string{"13800138000", "HYPERLINK", "旧答案", "小明", "oTest"} {
		if strings.Contains(strings.Join(row, "|"), secret) {
			t.Errorf("%s is not hidden in %v", secret, row)
		}
	}
}

func TestAnExportStopsBeforeTheFirstByteOnAnyError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for name, run := range map[string]func(io.Writer, sheets.ClaimSheet) error{
		"the rows fail": func(w io.Writer, o sheets.ClaimSheet) error {
			_, err := sheets.Claims(context.Background(), w, claimRows(3, broken), o, nil)
			return err
		},
		"the check fails": func(w io.Writer, o sheets.ClaimSheet) error {
			_, err := sheets.Claims(context.Background(), w, claimRows(3, nil), o, func(n int) error {
				if n != 3 {
					t.Errorf("check was told of %d rows", n)
				}
				return broken
			})
			return err
		},
		"the context ends": func(w io.Writer, o sheets.ClaimSheet) error {
			_, err := sheets.Claims(ended, w, claimRows(3, nil), o, nil)
			if errors.Is(err, context.Canceled) {
				return broken
			}
			return err
		},
		"the context ends while compressing": func(w io.Writer, o sheets.ClaimSheet) error {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			_, err := sheets.Claims(ctx, w, claimRows(3, nil), o, func(int) error { cancel(); return nil })
			if errors.Is(err, context.Canceled) {
				return broken
			}
			return err
		},
	} {
		var out bytes.Buffer
		dir := t.TempDir()
		if err := run(&out, sheets.ClaimSheet{Campaigns: asking(), TempDir: dir}); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(dir); out.Len() > 0 || len(left) > 0 {
			t.Errorf("%s: %d bytes written, %v left behind", name, out.Len(), left)
		}
	}
}
