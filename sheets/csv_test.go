package sheets_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/sheets"
)

func TestACSVFileRunsNothingInExcelAndReadsBack(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	x := sheets.NewCSV(&b, sheets.Options{Zone: campaigns.Shanghai(), Columns: []sheets.Column{{Header: "a"}, {Header: "=b"}, {Header: "c"}, {Header: "d"}, {Header: "e"}}})
	at := time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)
	hostile := []string{"=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\tx", "a\"b,c\nd"}
	for _, text := range hostile {
		if err := x.Write([]sheets.Cell{sheets.String(text), sheets.Int(-7), sheets.Fen(-1205), sheets.At(at)}); err != nil {
			t.Fatal(err)
		}
	}
	result, err := x.Close()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b.Bytes())
	if result.Rows != len(hostile) || result.SHA256 != hex.EncodeToString(sum[:]) || !strings.HasPrefix(b.String(), "\ufeff") {
		t.Errorf("%+v", result)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), "\ufeff"))).ReadAll()
	if err != nil || len(rows) != len(hostile)+1 || rows[0][1] != "'=b" {
		t.Fatalf("%v %v", rows, err)
	}
	for i, text := range hostile[:4] {
		if fmt.Sprint(rows[i+1]) != fmt.Sprint([]string{"'" + text, "-7", "-12.05", "2026-11-21 12:00:00", ""}) {
			t.Errorf("%q", rows[i+1])
		}
	}
	if rows[6][0] != hostile[5] {
		t.Errorf("%q", rows[6])
	}
	if err := x.Write(nil); err == nil {
		t.Error("a closed file took a row")
	}
}

func TestATableOfPeopleIsFoundByItsHeaders(t *testing.T) {
	t.Parallel()
	table, err := sheets.ReadPeople([]byte("\n备注;Add_Card;微信昵称;OpenID;X-For-IP\n;1;张三;oABC;10.0.0.1\n\n;;;oDEF\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := campaigns.PeopleTable{
		Rows:   []campaigns.PersonRow{{Row: 3, OpenID: "oABC", Nickname: "张三", Card: "1"}, {Row: 5, OpenID: "oDEF"}},
		Others: []string{"备注", "X-For-IP"},
	}
	if fmt.Sprint(table) != fmt.Sprint(want) {
		t.Errorf("%+v", table)
	}
	for name, content := range map[string]string{"only a header": "openid\n", "no openid": "name\nx\n", "a picture": "\x89PNG\r\n\x1a\n\x00\x00\x00"} {
		if _, err := sheets.ReadPeople([]byte(content)); err == nil {
			t.Errorf("%s is a table", name)
		}
	}
}
