package sheets_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"

	"kaquan/sheets"
)

var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// write makes a file of the rows and opens it again.
func write(t *testing.T, o sheets.Options, rows ...[]sheets.Cell) ([]byte, *excelize.File, sheets.Result) {
	t.Helper()
	o.TempDir = t.TempDir()
	var out bytes.Buffer
	w := sheets.NewWriter(&out, o)
	defer w.Discard()
	for _, row := range rows {
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if out.Len() > 0 {
		t.Fatal("the destination got bytes before Close")
	}
	result, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(o.TempDir); err != nil || len(left) > 0 {
		t.Fatalf("temporary files left: %v %v", left, err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return out.Bytes(), f, result
}

// part is one XML file inside the xlsx.
func part(t *testing.T, file []byte, name string) string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func value(t *testing.T, f *excelize.File, sheet, cell string) string {
	t.Helper()
	v, err := f.GetCellValue(sheet, cell)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func columns(kinds ...sheets.Kind) (list []sheets.Column) {
	for i, k := range kinds {
		list = append(list, sheets.Column{Header: "列" + strconv.Itoa(i+1), Kind: k})
	}
	return list
}

func TestAFileHasTypedCellsUnderABoldFrozenHeader(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 17, 30, 5, 0, time.UTC) // 01:30:05 on the 21st in Shanghai
	file, f, result := write(t, sheets.Options{Sheet: "领取", Title: "卡券领取", Columns: columns(sheets.Text, sheets.Number, sheets.Time, sheets.Money), Zone: shanghai},
		[]sheets.Cell{sheets.String("013800138000"), sheets.Int(1234567), sheets.At(at), sheets.Fen(-12345)},
		[]sheets.Cell{sheets.String(""), sheets.Int(0), sheets.At(time.Time{}), sheets.Fen(0)},
		[]sheets.Cell{sheets.String("只有一格")},
	)
	for cell, want := range map[string]string{
		"A1": "列1", "A2": "013800138000", "B2": "1234567", "C2": "2026-11-21 01:30:05", "D2": "-123.45", "A3": "", "B3": "0", "C3": "", "D3": "0.00", "A4": "只有一格", "B4": "",
	} {
		if got := value(t, f, "领取", cell); got != want {
			t.Errorf("%s = %q, want %q", cell, got, want)
		}
	}
	xml := part(t, file, "xl/worksheets/sheet1.xml")
	for _, want := range []string{`<autoFilter ref="$A$1:$D$4"`, `state="frozen"`, `ySplit="1"`, `width="20"`, `t="inlineStr"><is><t>013800138000</t></is>`} {
		if !strings.Contains(xml, want) {
			t.Errorf("the sheet has no %s:\n%s", want, xml)
		}
	}
	if strings.Index(xml, `<col min="1"`) > strings.Index(xml, `<col min="2"`) || strings.Count(xml, "<col ") != 4 {
		t.Error("the columns are not in order: Excel would repair the file")
	}
	if strings.Contains(xml, "<f>") {
		t.Error("the sheet has a formula")
	}
	for cell, want := range map[string]string{"A1": "bold", "A2": "@", "C2": "yyyy-mm-dd hh:mm:ss"} {
		id, err := f.GetCellStyle("领取", cell)
		if err != nil {
			t.Fatal(err)
		}
		style, err := f.GetStyle(id)
		if err != nil {
			t.Fatal(err)
		}
		bold := style.Font != nil && style.Font.Bold
		format := style.CustomNumFmt != nil && *style.CustomNumFmt == want || want == "@" && style.NumFmt == 49
		if want == "bold" && !bold || want != "bold" && !format {
			t.Errorf("%s has the style %+v, want %s", cell, style, want)
		}
	}
	sum := sha256.Sum256(file)
	if result.Rows != 3 || result.Sheets != 1 || result.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("result %+v does not fit the file", result)
	}
}

func TestHostileTextsStayTextsAndMakeAReadableFile(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("好", excelize.TotalCellChars+5)
	cases := []struct{ in, want string }{
		{"=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"},
		{"+1+1", "+1+1"},
		{"-2", "-2"},
		{"@SUM(A1)", "@SUM(A1)"},
		{"\tx", "\tx"},
		{"007", "007"},
		{"1e5", "1e5"},
		{"TRUE", "TRUE"},
		{"👩‍👩‍👧 café 😀", "👩‍👩‍👧 café 😀"},
		{"a\x00b\x1fc\x7f", "abc\x7f"},
		{"bad\xff\xc3utf8", "badutf8"},
		{"\xed\xa0\x80half", "half"},
		{"x\uFFFEy\uFFFF", "xy"},
		{"one\r\ntwo\rthree", "one\ntwo\nthree"},
		{`<script>&"'</script>]]>`, `<script>&"'</script>]]>`},
		{"  blanks  ", "  blanks  "},
		{"_x0041_", "_x0041_"},
		{"\u202eevil", "\u202eevil"},
	}
	rows := make([][]sheets.Cell, 0, len(cases)+1)
	for _, c := range cases {
		rows = append(rows, []sheets.Cell{sheets.String(c.in)})
	}
	rows = append(rows, []sheets.Cell{sheets.String(long)})
	file, f, _ := write(t, sheets.Options{Sheet: "s", Columns: columns(sheets.Text)}, rows...)
	for i, c := range cases {
		cell := "A" + strconv.Itoa(i+2)
		if got := value(t, f, "s", cell); got != c.want {
			t.Errorf("%q came back as %q", c.in, got)
		}
		if formula, _ := f.GetCellFormula("s", cell); formula != "" {
			t.Errorf("%q became the formula %q", c.in, formula)
		}
		if kind, _ := f.GetCellType("s", cell); kind != excelize.CellTypeInlineString {
			t.Errorf("%q is a cell of type %v", c.in, kind)
		}
	}
	cut := value(t, f, "s", "A"+strconv.Itoa(len(cases)+2))
	if n := len(utf16.Encode([]rune(cut))); n != excelize.TotalCellChars || !strings.HasSuffix(cut, "好…") {
		t.Errorf("the long text has %d units and ends in %q", n, cut[len(cut)-6:])
	}
	if strings.ContainsAny(part(t, file, "xl/worksheets/sheet1.xml"), "\x00\x1f\ufffe") {
		t.Error("the XML has characters that XML forbids")
	}
}

func TestAFullSheetGoesOnInANextOneWithItsOwnHeader(t *testing.T) {
	t.Parallel()
	var rows [][]sheets.Cell
	for i := range 10 {
		rows = append(rows, []sheets.Cell{sheets.Int(int64(i))})
	}
	file, f, result := write(t, sheets.Options{Sheet: "领取", Columns: columns(sheets.Number), MaxRows: 5}, rows...)
	if got := f.GetSheetList(); len(got) != 3 || got[1] != "领取 (2)" || got[2] != "领取 (3)" {
		t.Fatalf("sheets %v", got)
	}
	seen := 0
	for i, sheet := range f.GetSheetList() {
		lines, err := f.GetRows(sheet)
		if err != nil {
			t.Fatal(err)
		}
		if lines[0][0] != "列1" {
			t.Errorf("%s has no header: %v", sheet, lines[0])
		}
		for _, line := range lines[1:] {
			if line[0] != strconv.Itoa(seen) {
				t.Errorf("row %d is %v", seen, line)
			}
			seen++
		}
		filter := `<autoFilter ref="$A$1:$A$` + strconv.Itoa(len(lines)) + `"`
		if xml := part(t, file, "xl/worksheets/sheet"+strconv.Itoa(i+1)+".xml"); !strings.Contains(xml, filter) {
			t.Errorf("%s has no %s", sheet, filter)
		}
	}
	if seen != 10 || result.Rows != 10 || result.Sheets != 3 {
		t.Errorf("%d rows read, result %+v", seen, result)
	}
}

func TestNumbersBeyondExcelsDigitsAndDatesBeyondItsCalendarBecomeTexts(t *testing.T) {
	t.Parallel()
	_, f, _ := write(t, sheets.Options{Sheet: "s", Columns: columns(sheets.Number, sheets.Time, sheets.Money)},
		[]sheets.Cell{sheets.Int(1234567890123456789), sheets.At(time.Date(1850, 1, 2, 3, 4, 5, 0, time.UTC)), sheets.Fen(1234567890123456)},
		[]sheets.Cell{sheets.Int(999_999_999_999_999), sheets.At(time.Date(1970, 1, 1, 0, 0, 1, 0, time.UTC)), sheets.Fen(1)})
	for cell, want := range map[string]string{
		"A2": "1234567890123456789", "B2": "1850-01-02 03:04:05", "C2": "12345678901234.56", "A3": "999999999999999", "B3": "1970-01-01 00:00:01", "C3": "0.01",
	} {
		if got := value(t, f, "s", cell); got != want {
			t.Errorf("%s = %q, want %q", cell, got, want)
		}
	}
}

func TestSheetNamesAreMadeFitForExcel(t *testing.T) {
	t.Parallel()
	_, f, _ := write(t, sheets.Options{Sheet: "'[a]:b*c?/d\\'" + strings.Repeat("长", 40), Columns: columns(sheets.Text), MaxRows: 2},
		[]sheets.Cell{sheets.String("1")}, []sheets.Cell{sheets.String("2")})
	for _, name := range f.GetSheetList() {
		if len([]rune(name)) > 31 || strings.ContainsAny(name, `[]:*?/\'`) {
			t.Errorf("sheet name %q", name)
		}
	}
}

type brokenPipe struct{ after int }

func (b *brokenPipe) Write(p []byte) (int, error) {
	if b.after -= len(p); b.after < 0 {
		return 0, errors.New("client gone")
	}
	return len(p), nil
}

func TestAFailedWriterSaysSoAndLeavesNoTemporaryFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := sheets.NewWriter(&brokenPipe{}, sheets.Options{Columns: columns(sheets.Text), TempDir: dir})
	if err := w.Write([]sheets.Cell{sheets.String("x")}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(); err == nil || !strings.Contains(err.Error(), "client gone") {
		t.Fatalf("close: %v", err)
	}
	if err := w.Write(nil); !errors.Is(err, sheets.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
	abandoned := sheets.NewWriter(io.Discard, sheets.Options{Columns: columns(sheets.Text), TempDir: dir})
	abandoned.Discard()
	abandoned.Discard()
	wide := sheets.NewWriter(io.Discard, sheets.Options{Columns: columns(sheets.Text), TempDir: dir})
	if err := wide.Write(make([]sheets.Cell, 2)); err == nil {
		t.Error("two cells fit one column")
	}
	wide.Discard()
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("temporary files left: %v", left)
	}
	nowhere := sheets.NewWriter(io.Discard, sheets.Options{Columns: columns(sheets.Text), TempDir: dir + "/missing"})
	if _, err := nowhere.Close(); err == nil {
		t.Error("a writer without a place for its rows wrote a file")
	}
}
