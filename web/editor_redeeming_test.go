package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"kaquan/people"
	"kaquan/stores"
)

func TestWhereACardIsRedeemedIsChosenAndComesBack(t *testing.T) {
	t.Parallel()
	w := openCounter(t)
	g, err := w.stores.CreateGoods(t.Context(), stores.Actor{Name: "test"}, shopAccount, stores.GoodsDraft{Barcode: "6901028075831", Name: "冬日拿铁", Price: "18"})
	if err != nil {
		t.Fatal(err)
	}
	d, c := w.signIn(people.Owner), w.draft("till")
	form := func(op string, pairs ...string) url.Values {
		f := url.Values{"op": {op}, "step": {"redeeming"}, "version": {"1"}, "redeem_places": {w.guomao.ID.String(), w.guomao.ID.String()}, "redeem_goods": {g.ID.String()}, "redeem_quantity": {"2"}, "redeem_from": {"2026-12-01T00:00"}, "redeem_note": {"核对车牌"}}
		for i := 0; i+1 < len(pairs); i += 2 {
			f.Set(pairs[i], pairs[i+1])
		}
		return f
	}
	if a := d.post(editorOf(c), form("save", "redeem_quantity", "0")); a.status != http.StatusUnprocessableEntity {
		t.Errorf("no quantity: %d", a.status)
	}
	if a := d.post(editorOf(c), form("redeem-find", "redeem_find", "茶")); a.status >= 300 || !strings.Contains(a.words(), "冬日拿铁（6901028075831）") {
		t.Errorf("the search lost what was chosen: %d %s", a.status, a.words())
	}
	if a := d.post(editorOf(c), form("save")); a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.words())
	}
	r := w.reload(c).Redeeming
	if !slices.Equal(r.Places, []string{w.guomao.ID.String()}) || r.Goods != g.ID.String() || r.Quantity != 2 || r.Note != "核对车牌" || !r.From.Equal(time.Date(2026, 11, 30, 16, 0, 0, 0, time.UTC)) {
		t.Errorf("stored: %+v", r)
	}
	a := d.get(editorOf(c) + "?step=redeeming")
	if strings.Count(a.body, `name="redeem_places"`) != 2 || strings.Count(a.body, "checked") < 1 || !strings.Contains(a.body, `value="2026-12-01T00:00"`) {
		t.Errorf("shown: %s", a.words())
	}
}
