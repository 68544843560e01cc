package sheets_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"kaquan/sheets"
)

func TestTablesAreReadInEveryEncodingPeopleHave(t *testing.T) {
	t.Parallel()
	text := "渠道名称,费用\r\n東店 🚗,\"1,200\"\r\n\r\n<b>西店</b>,=1+1\r\n"
	want := [][]string{{"渠道名称", "费用"}, {"東店 🚗", "1,200"}, nil, {"<b>西店</b>", "=1+1"}}
	in := func(e encoding.Encoding) []byte {
		out, err := e.NewEncoder().Bytes([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, content := range map[string][]byte{
		"UTF-8": []byte(text), "UTF-8 with a mark": []byte("\uFEFF" + text), "GB 18030": in(simplifiedchinese.GB18030),
		"UTF-16 little": in(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)), "UTF-16 big": in(unicode.UTF16(unicode.BigEndian, unicode.UseBOM)),
		"UTF-16 without a mark": in(unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)),
		"tabs":                  []byte(strings.NewReplacer(`"1,200"`, "1,200", "渠道名称,", "渠道名称\t", "🚗,", "🚗\t", "b>,", "b>\t").Replace(text)),
	} {
		got, err := sheets.Read(content, 10, 4)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	gbk, err := simplifiedchinese.GBK.NewEncoder().String("渠道\n东门\n")
	if got, e := sheets.Read([]byte(gbk), 10, 4); err != nil || e != nil || got[1][0] != "东门" {
		t.Errorf("GBK: %q, %v", got, e)
	}
}

func TestAWorkbookIsReadWithItsFormulasAsValues(t *testing.T) {
	t.Parallel()
	f := excelize.NewFile()
	for cell, value := range map[string]any{"A1": "名称", "A2": "东店", "B2": 12.5, "A4": "西店"} {
		if err := f.SetCellValue("Sheet1", cell, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.SetCellFormula("Sheet1", "B4", `HYPERLINK("http://evil.example","x")`); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := f.Write(&file); err != nil {
		t.Fatal(err)
	}
	got, err := sheets.Read(file.Bytes(), 10, 4)
	if want := [][]string{{"名称"}, {"东店", "12.5"}, nil, {"西店"}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWhatIsNoTableIsRefusedWithASentence(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&many, "店 %d\n", i)
	}
	for name, row := range map[string]struct {
		content string
		want    error
	}{
		"a picture":             {"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", sheets.ErrTableText},
		"an old workbook":       {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", sheets.ErrNoTable},
		"a cut zip":             {"PK\x03\x04 nothing more", sheets.ErrNoTable},
		"no text at all":        {"abc\xff\xff", sheets.ErrTableText},
		"ten thousand rows":     {many.String(), sheets.TooManyRows(2000)},
		"a million empty rows":  {strings.Repeat(",\n", 300_000), sheets.TooManyRows(2000)},
		"a cell without an end": {"a," + strings.Repeat("x", 100_000), sheets.ErrTableHuge},
	} {
		if _, err := sheets.Read([]byte(row.content), 2000, 4); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
	if rows, err := sheets.Read(nil, 10, 4); err != nil || len(rows) != 0 {
		t.Errorf("an empty file: %q, %v", rows, err)
	}
}
