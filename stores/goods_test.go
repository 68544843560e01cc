package stores_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"testing"

	"kaquan/stores"
)

func TestABarcodeWithACheckDigitMustFitIt(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"6901028075831": true, "6901028075832": false, // EAN-13
		"036000291452": true, "036000291453": false, // UPC-A
		"96385074": true, "96385075": false, // EAN-8
		"10614141000415": true, "10614141000414": false, // GTIN-14
		"12345": true, "1234567890": true, "KQ-LATTE.1": true, "": false, "a b": false, "拿铁": false, "a/b": false,
	} {
		if got := stores.CheckBarcode(code) == nil; got != want {
			t.Errorf("%q fits: %t", code, got)
		}
	}
}

func TestAmountsAreReadAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"": 0, "12": 1200, "12.5": 1250, "¥1,200.05": 120005, "0.01": 1, "3元": 300} {
		if got, err := stores.ParseFen(text); err != nil || got != want {
			t.Errorf("%q = %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"-1", "1.234", "1.", ".5", "x", "99999999999999", "1e5"} {
		if got, err := stores.ParseFen(text); err == nil {
			t.Errorf("%q = %d", text, got)
		}
	}
}

func TestEveryBrokenFieldOfAnArticleIsNamed(t *testing.T) {
	t.Parallel()
	w := open(t)
	_, err := w.CreateGoods(t.Context(), boss, account, stores.GoodsDraft{Barcode: "6901028075832", Name: "a\u202Eb", Unit: "很长很长很长很长很长很长", Price: "x", Minimum: "-1"})
	if got := fields(err); got != "barcode name unit price minimum" {
		t.Error(got)
	}
	g := w.article("036000291452")
	_, err = w.CreateGoods(t.Context(), boss, account, stores.GoodsDraft{Barcode: "036000291452", Name: "又一个"})
	w.refused(err, stores.ErrBarcodeTaken)
	for _, code := range []string{"036000291452", "0036000291452"} {
		if found, err := w.GoodsByBarcode(t.Context(), account, code); err != nil || found.ID != g.ID {
			t.Errorf("%s: %+v, %v", code, found, err)
		}
	}
}

func TestAnImportChangesAddsAndSkipsAndRefusesWhole(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.article("A1")
	list := []stores.GoodsDraft{
		{Barcode: "a1", Name: "拿铁 A1", Row: 2}, {Barcode: "A2", Name: "摩卡", Row: 3}, {Barcode: "A2", Name: "摩卡", Row: 4},
	}
	_, err := w.ImportGoods(t.Context(), boss, account, list, false)
	var wrong stores.RowErrors
	if !errors.As(err, &wrong) || len(wrong) != 1 || wrong[0].Row != 4 || wrong[0].Args["row"] != 3 {
		t.Fatalf("%+v", err)
	}
	list[2] = stores.GoodsDraft{Barcode: "A3", Name: "美式", Price: "9", Row: 4}
	for _, dry := range []bool{true, false} {
		got, err := w.ImportGoods(t.Context(), boss, account, list, dry)
		w.ok(err)
		if got != (stores.ImportResult{Added: 2, Same: 1}) {
			t.Errorf("dry %t: %+v", dry, got)
		}
	}
	list[1].Price = "20"
	got, err := w.ImportGoods(t.Context(), boss, account, list, false)
	w.ok(err)
	if got != (stores.ImportResult{Changed: 1, Same: 2}) {
		t.Errorf("%+v", got)
	}
}

func TestGoodsAreFoundByCodeByNameAndByLowStock(t *testing.T) {
	t.Parallel()
	w := open(t)
	p := w.place("A", 0)
	var list []stores.GoodsDraft
	for i := range 130 {
		list = append(list, stores.GoodsDraft{Barcode: fmt.Sprintf("X%03d", i), Name: fmt.Sprintf("咖啡豆 %d 号", i%40), Minimum: fmt.Sprint(i % 2), Row: i + 1})
	}
	_, err := w.ImportGoods(t.Context(), boss, account, list, false)
	w.ok(err)
	g, err := w.GoodsByBarcode(t.Context(), account, "x001")
	w.ok(err)
	_, err = w.move(p, g, 3, "k")
	w.ok(err)
	count := func(f stores.GoodsFilter) (n int) {
		f.Account = account
		seen := map[stores.GoodsID]bool{}
		for {
			f.Limit = 17
			page, err := w.GoodsList(t.Context(), f)
			w.ok(err)
			for _, r := range page.Rows {
				if seen[r.ID] {
					t.Fatalf("%s comes twice", r.Barcode)
				}
				seen[r.ID] = true
				n++
			}
			if f.After = page.Next; page.Next == "" {
				return n
			}
		}
	}
	for name, row := range map[string]struct {
		f    stores.GoodsFilter
		want int
	}{
		"all": {stores.GoodsFilter{}, 130}, "a code": {stores.GoodsFilter{Search: "x00"}, 10}, "a name": {stores.GoodsFilter{Search: "豆 39"}, 3},
		"low": {stores.GoodsFilter{Low: true}, 64}, "at a place": {stores.GoodsFilter{Place: p.ID}, 1}, "archived": {stores.GoodsFilter{Archived: true}, 0},
	} {
		if got := count(row.f); got != row.want {
			t.Errorf("%s: %d, want %d", name, got, row.want)
		}
	}
	if n, err := w.LowStock(t.Context(), account); err != nil || n != 64 {
		t.Errorf("%d are low, %v", n, err)
	}
}

func TestPlacesAreATreeWithoutCircles(t *testing.T) {
	t.Parallel()
	w := open(t)
	a := w.place("A", 0)
	b := w.place("B", a.ID)
	c := w.place("C", b.ID)
	draft := func(p stores.Place, parent stores.PlaceID) stores.PlaceDraft {
		return stores.PlaceDraft{Kind: p.Kind, Name: p.Name, Code: p.Code, Parent: parent}
	}
	w.refused(w.EditPlace(t.Context(), boss, a.ID, draft(a, c.ID)), stores.ErrParent)
	w.refused(w.EditPlace(t.Context(), boss, a.ID, draft(a, a.ID)), stores.ErrParent)
	d := w.place("D", c.ID)
	e := w.place("E", d.ID)
	_, err := w.CreatePlace(t.Context(), boss, account, stores.PlaceDraft{Kind: stores.StockKind, Name: "F", Code: "F", Parent: e.ID})
	w.refused(err, stores.ErrParent)
	_, err = w.CreatePlace(t.Context(), boss, account, stores.PlaceDraft{Kind: stores.StockKind, Name: "A", Code: "Z"})
	w.refused(err, stores.ErrNameTaken)
	_, err = w.CreatePlace(t.Context(), boss, account, stores.PlaceDraft{Kind: stores.StockKind, Name: "Z", Code: "a"})
	w.refused(err, stores.ErrCodeTaken)
	w.ok(w.EditPlace(t.Context(), boss, c.ID, draft(c, 0)))
	tree, err := w.Places(t.Context(), account)
	w.ok(err)
	shape := ""
	for _, p := range tree {
		shape += fmt.Sprint(p.Name, p.Depth, " ")
	}
	if shape != "A0 B1 C0 D1 E2 " {
		t.Error(shape)
	}
}

func TestAPictureStaysAsLongAsAnArticleShowsIt(t *testing.T) {
	t.Parallel()
	w := open(t)
	g, h := w.article("g1"), w.article("g2")
	var file bytes.Buffer
	w.ok(png.Encode(&file, image.NewGray(image.Rect(0, 0, 3, 3))))
	for _, a := range []stores.Goods{g, h, g} {
		w.ok(w.SetPicture(t.Context(), boss, a.ID, file.Bytes()))
	}
	w.refused(w.SetPicture(t.Context(), boss, g.ID, []byte("<svg/>")), stores.ErrPicture)
	shown, err := w.Goods(t.Context(), g.ID)
	w.ok(err)
	w.ok(w.DropPicture(t.Context(), boss, g.ID))
	if content, err := w.Picture(t.Context(), shown.Picture); err != nil || !bytes.Equal(content, file.Bytes()) {
		t.Errorf("%d bytes, %v", len(content), err)
	}
	w.ok(w.DropPicture(t.Context(), boss, h.ID))
	_, err = w.Picture(t.Context(), shown.Picture)
	w.refused(err, stores.ErrPictureNotFound)
}
