package sheets_test

import (
	"bytes"
	"context"
	"iter"
	"testing"
	"time"

	"kaquan/i18n"
	"kaquan/sheets"
	"kaquan/stores"
)

func one[T any](v T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) { yield(v, nil) }
}

func TestAnExportOfGoodsCanBeImportedAgainInBothLanguages(t *testing.T) {
	t.Parallel()
	for _, lang := range i18n.Languages() {
		ctx := i18n.With(context.Background(), lang)
		var file bytes.Buffer
		row := stores.GoodsRow{Goods: stores.Goods{Barcode: "0036000291452", Name: "=拿铁", Unit: "杯", Price: 123456, Minimum: 7}, Stock: 99}
		if _, err := sheets.Goods(ctx, &file, sheets.StoreSheet{Title: "商品"}, one(row), nil); err != nil {
			t.Fatal(err)
		}
		rows, err := sheets.Read(file.Bytes(), 10, 20)
		if err != nil {
			t.Fatal(err)
		}
		got := sheets.GoodsDrafts(rows)
		if len(got) != 1 || got[0] != (stores.GoodsDraft{Row: 2, Barcode: "0036000291452", Name: "=拿铁", Unit: "杯", Price: "1,234.56", Minimum: "7"}) {
			t.Errorf("%s: %+v of %q", lang, got, rows)
		}
		file.Reset()
		staff := stores.StaffRow{Staff: stores.Staff{Name: "小李", Role: stores.Stockkeeper}, PlaceCode: "A1", PlaceName: "东店"}
		if _, err := sheets.Staff(ctx, &file, sheets.StoreSheet{Title: "员工"}, one(staff), nil); err != nil {
			t.Fatal(err)
		}
		if rows, err = sheets.Read(file.Bytes(), 10, 20); err != nil {
			t.Fatal(err)
		}
		if got := sheets.StaffDrafts(rows); len(got) != 1 || got[0] != (stores.StaffDraft{Row: 2, PlaceCode: "A1", Name: "小李", Role: stores.Stockkeeper}) {
			t.Errorf("%s: %+v of %q", lang, got, rows)
		}
	}
}

func TestTablesOfStoresAreReadWithAndWithoutAHeader(t *testing.T) {
	t.Parallel()
	want := stores.StockDraft{PlaceCode: "A", Barcode: "1", Quantity: "-3", Reason: "破损"}
	for name, rows := range map[string][][]string{
		"no header": {{"A", "1", "-3", "破损", "more"}}, "a header": {{"Quantity", "?", "门店", "条码", "备注"}, nil, {"-3", "x", "A", "1", "破损"}},
	} {
		got := sheets.StockDrafts(rows)
		if len(got) != 1 || got[0].Row != len(rows) {
			t.Fatalf("%s: %+v", name, got)
		}
		if got[0].Row = 0; got[0] != want {
			t.Errorf("%s: %+v", name, got[0])
		}
	}
}

func TestTheLogAndTheWrongRowsBecomeFiles(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	m := stores.MovementRow{Movement: stores.Movement{ID: 36, Kind: stores.Redeem, Quantity: -1, Before: 5, After: 4, By: "小李", Claim: 35, At: time.Unix(1_800_000_000, 0)}, PlaceName: "东店", GoodsName: "拿铁"}
	n := 0
	if _, err := sheets.Movements(context.Background(), &file, sheets.StoreSheet{Title: "流水"}, one(m), func(rows int) error { n = rows; return nil }); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	rows, err := sheets.Read(file.Bytes(), 10, 20)
	if err != nil || len(rows) != 2 || rows[1][4] != "核销" || rows[1][5] != "-1" || rows[1][12] != "z" {
		t.Errorf("%q %v", rows, err)
	}
	file.Reset()
	_, err = sheets.WrongRows(context.Background(), &file, sheets.StoreSheet{Title: "x"}, [][]string{{"条码", "名称"}, nil, {"1"}}, func(row int) string {
		if row == 3 {
			return "缺名称"
		}
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	if rows, err = sheets.Read(file.Bytes(), 10, 20); err != nil || len(rows) != 4 || rows[3][0] != "缺名称" || rows[3][1] != "1" {
		t.Errorf("%q %v", rows, err)
	}
}
