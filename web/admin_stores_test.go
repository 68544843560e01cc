package web_test

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"kaquan/people"
	"kaquan/sheets"
	"kaquan/stores"
	"kaquan/views/admin"
)

// plainPINs is a hasher that is fast enough for tests.
type plainPINs struct{}

func (plainPINs) Hash(_ context.Context, secret string) (string, error) {
	return "plain:" + secret, nil
}

func (plainPINs) Check(_ context.Context, secret, hash string) (bool, error) {
	return hash == "plain:"+secret, nil
}

// shop is a desk with a place, a warehouse and an article.
type shop struct {
	*desk
	place, depot stores.Place
	goods        stores.Goods
}

const shopAccount = stores.AccountID("demo")

func openShop(t *testing.T) *shop {
	t.Helper()
	o := openOffice(t)
	w := &shop{desk: o.signIn(people.Operator)}
	by := stores.Actor{Name: "test"}
	var err error
	if w.place, err = o.stores.CreatePlace(t.Context(), by, shopAccount, stores.PlaceDraft{Kind: stores.ShopKind, Name: "国贸店", Code: "GM"}); err != nil {
		t.Fatal(err)
	}
	if w.depot, err = o.stores.CreatePlace(t.Context(), by, shopAccount, stores.PlaceDraft{Kind: stores.StockKind, Name: "总仓", Code: "CK"}); err != nil {
		t.Fatal(err)
	}
	if w.goods, err = o.stores.CreateGoods(t.Context(), by, shopAccount, stores.GoodsDraft{Barcode: "6901028075831", Name: "冬日拿铁", Price: "18", Minimum: "5"}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *shop) level(p stores.Place) int64 {
	w.t.Helper()
	n, err := w.stores.Level(w.t.Context(), p.ID, w.goods.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *shop) move(pairs ...string) answered {
	form := url.Values{"kind": {"in"}, "place": {w.place.ID.String()}, "goods": {w.goods.Barcode}, "quantity": {"1"}, "key": {"k"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return w.post(admin.MovementsPath, form)
}

// upload sends the fields, and a file when content is not empty.
func (w *shop) upload(path, content string, pairs ...string) answered {
	w.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i+1 < len(pairs); i += 2 {
		_ = form.WriteField(pairs[i], pairs[i+1])
	}
	_ = form.WriteField("_csrf", w.csrf)
	field := "file"
	if strings.HasSuffix(path, "/picture") {
		field = "picture"
	}
	if content != "" {
		part, err := form.CreateFormFile(field, "list.csv")
		if err != nil {
			w.t.Fatal(err)
		}
		_, _ = part.Write([]byte(content))
	}
	_ = form.Close()
	r := httptest.NewRequest(http.MethodPost, path, &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return w.do(r)
}

// captured is the first group of the first match, as the browser reads it.
func captured(p *regexp.Regexp, body string) string {
	if m := p.FindStringSubmatch(body); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

// rowsField is the checked table in the page.
func rowsField(a answered) string {
	return captured(regexp.MustCompile(`(?s)<textarea name="rows" hidden[^>]*>(.*?)</textarea>`), a.body)
}

func keyField(a answered) string {
	return captured(regexp.MustCompile(`name="key" value="([^"]+)"`), a.body)
}

func TestAPlaceIsMadeChangedAndSwitchedOff(t *testing.T) {
	t.Parallel()
	w := openShop(t)
	for _, row := range []struct {
		path   string
		form   url.Values
		status int
		words  string
	}{
		{admin.StoresPath, url.Values{"kind": {"store"}, "name": {"三里屯店"}, "code": {"slt"}, "parent": {w.depot.ID.String()}}, 303, ""},
		{admin.StoresPath, url.Values{"kind": {"store"}, "name": {"三里屯店"}, "code": {"other"}}, 422, "名称已被使用"},
		{admin.StoresPath, url.Values{"kind": {"store"}, "name": {"<b>x"}, "code": {"SLT"}}, 422, "编号已被使用"},
		{admin.StoresPath, url.Values{"kind": {"?"}, "name": {""}, "code": {"a b"}}, 422, "必填"},
		{admin.StoresPath, url.Values{"kind": {"store"}, "name": {"y"}, "code": {"y"}, "parent": {"zzzz"}}, 422, "上级不能是自己"},
		{admin.PlacePath(w.place.ID), url.Values{"kind": {"store"}, "name": {"国贸二店"}, "code": {"GM"}, "parent": {w.place.ID.String()}}, 422, "上级不能是自己"},
		{admin.PlacePath(w.place.ID), url.Values{"kind": {"store"}, "name": {"国贸二店"}, "code": {"GM"}}, 303, ""},
		{admin.PlacePath(w.place.ID) + "/switch", url.Values{"to": {"off"}}, 303, ""},
		{admin.PlacePath(w.place.ID) + "/switch", url.Values{"to": {"on"}}, 303, ""},
		{admin.PlacePath(1) + "/switch", url.Values{"to": {"on"}}, 404, ""},
	} {
		a := w.post(row.path, row.form)
		if a.status != row.status || !strings.Contains(a.words(), row.words) || strings.Contains(a.body, "<b>x") {
			t.Errorf("%s %v: %d\n%.300s", row.path, row.form, a.status, a.words())
		}
	}
	if words := w.get(admin.StoresPath).words(); !strings.Contains(words, "三里屯店") || !strings.Contains(words, "国贸二店") {
		t.Error("the tree lacks a place")
	}
	if n := len(w.audited("stores.place.switch")); n != 2 {
		t.Errorf("%d audit lines about switching", n)
	}
}

func TestAPINIsShownOnceAndEveryButtonOfAMemberWorks(t *testing.T) {
	t.Parallel()
	w := openShop(t)
	pin := regexp.MustCompile(`data-copy="(\d{6})"`)
	a := w.post(admin.StaffPath, url.Values{"name": {"小李"}, "place": {w.place.ID.String()}, "role": {"staff"}})
	old := captured(pin, a.body)
	if a.status != 200 || old == "" || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d, PIN %q", a.status, old)
	}
	if a := w.post(admin.StaffPath, url.Values{"name": {"小李"}, "place": {w.place.ID.String()}, "role": {"staff"}}); a.status != 422 || captured(pin, a.body) != "" {
		t.Errorf("sent twice: %d", a.status)
	}
	page := w.get(admin.StaffPath + "?q=李&place=" + w.place.ID.String())
	id := captured(regexp.MustCompile(`text-break" href="/admin/staff/([0-9a-z]+)"`), page.body)
	if id == "" || strings.Contains(page.body, old) {
		t.Fatal("the list lacks the member or shows the PIN")
	}
	one := admin.StaffPath + "/" + id
	staff := stores.ParseID[stores.StaffID](id)
	signIn := func(pin string) error {
		_, _, _, err := w.stores.SignIn(t.Context(), stores.SignIn{Place: w.place.ID, Staff: staff, PIN: pin})
		return err
	}
	if err := signIn(old); err != nil {
		t.Fatal(err)
	}
	if words := w.get(one).words(); !strings.Contains(words, "1 处登录") {
		t.Errorf("%.400s", words)
	}
	fresh := captured(pin, w.post(one+"/pin", nil).body)
	if fresh == "" || signIn(old) == nil || signIn(fresh) != nil {
		t.Error("the PIN was not replaced")
	}
	for path, form := range map[string]url.Values{
		"/revoke": nil, "/unbind": nil, "": {"name": {"小李"}, "place": {w.depot.ID.String()}, "role": {"manager"}},
	} {
		if a := w.post(one+path, form); a.status != 303 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	a = w.post(one+"/bind", nil)
	token := captured(regexp.MustCompile(`https://kq.example.com/s/bind/([\w-]+)`), a.body)
	if who, _, err := w.stores.BindOf(t.Context(), token); err != nil || who.ID != staff || !strings.Contains(a.body, "kq-qr") {
		t.Errorf("the link is for %+v, %v", who, err)
	}
	for _, to := range []string{"off", "on"} {
		if a := w.post(one+"/switch", url.Values{"to": {to}}); a.status != 303 {
			t.Errorf("switch %s: %d", to, a.status)
		}
	}
	if a := w.post(one, url.Values{"name": {""}, "place": {"zzz"}, "role": {"boss"}}); a.status != 422 || !strings.Contains(a.words(), "必填") {
		t.Errorf("%d", a.status)
	}
}

func TestStockIsBookedMovedAndTakenBack(t *testing.T) {
	t.Parallel()
	w := openShop(t)
	for _, row := range []struct {
		pairs  []string
		status int
		words  string
		place  int64
		depot  int64
	}{
		{[]string{"quantity", "10", "key", "a"}, 303, "", 10, 0},
		{[]string{"quantity", "10", "key", "a"}, 303, "", 10, 0},
		{[]string{"quantity", "9", "key", "a"}, 409, "内容不一致", 10, 0},
		{[]string{"kind", "out", "quantity", "11", "key", "b"}, 422, "现有 10，需要 11", 10, 0},
		{[]string{"kind", "out", "quantity", "2", "key", "c", "back", admin.ArticlePath(w.goods.ID)}, 303, "", 8, 0},
		{[]string{"kind", "transfer", "to", w.depot.ID.String(), "quantity", "5", "key", "d"}, 303, "", 3, 5},
		{[]string{"kind", "transfer", "quantity", "5", "key", "e"}, 422, "请选择", 3, 5},
		{[]string{"kind", "transfer", "to", w.place.ID.String(), "quantity", "1", "key", "e"}, 422, "不同", 3, 5},
		{[]string{"kind", "transfer", "to", w.depot.ID.String(), "quantity", "50", "key", "e"}, 422, "现有 3", 3, 5},
		{[]string{"quantity", "0", "key", "f"}, 422, "整数", 3, 5},
		{[]string{"quantity", "1.5", "key", "f"}, 422, "整数", 3, 5},
		{[]string{"goods", "none", "key", "f"}, 422, "没有这件商品", 3, 5},
		{[]string{"key", ""}, 422, "刷新", 3, 5},
	} {
		a := w.move(row.pairs...)
		if a.status != row.status || !strings.Contains(a.words(), row.words) || w.level(w.place) != row.place || w.level(w.depot) != row.depot {
			t.Errorf("%v: %d, levels %d and %d\n%.400s", row.pairs, a.status, w.level(w.place), w.level(w.depot), a.words())
		}
	}
	page := w.get(admin.MovementsPath + "?kind=transfer_in")
	undo := captured(regexp.MustCompile(`action="(/admin/movements/[0-9a-z]+/undo)"`), page.body)
	for range 2 {
		if a := w.post(undo, nil); a.status != 303 {
			t.Fatalf("undo: %d", a.status)
		}
	}
	if w.level(w.place) != 8 || w.level(w.depot) != 0 {
		t.Errorf("levels %d and %d", w.level(w.place), w.level(w.depot))
	}
	for query, want := range map[string]int{"": 6, "?kind=in": 1, "?place=" + w.depot.ID.String(): 2, "?goods=" + w.goods.Barcode: 6, "?goods=none": 0, "?by=小李": 6, "?from=2026-11-20&to=2026-11-20": 6, "?from=2026-11-21": 0} {
		if got := strings.Count(w.get(admin.MovementsPath+query).body, "→"); got != want {
			t.Errorf("%q shows %d movements, want %d", query, got, want)
		}
		file := w.get(strings.Replace(admin.MovementsPath+query, "movements", "movements.xlsx", 1))
		rows, err := sheets.Read([]byte(file.body), 100, 20)
		if err != nil || len(rows) != want+1 {
			t.Errorf("%q exports %d rows, %v", query, len(rows)-1, err)
		}
	}
	if words := w.get(admin.ArticlePath(w.goods.ID)).words(); !strings.Contains(words, "国贸店") || !strings.Contains(words, "8 件") {
		t.Errorf("%.500s", words)
	}
	if words := w.get(admin.PlacePath(w.place.ID)).words(); !strings.Contains(words, "冬日拿铁") {
		t.Error("the place does not show its stock")
	}
}

func TestACountIsTypedAndClosed(t *testing.T) {
	t.Parallel()
	w := openShop(t)
	w.move("quantity", "10")
	a := w.post(admin.PlacePath(w.place.ID)+"/count", url.Values{"place": {w.place.ID.String()}})
	count := a.header.Get("Location")
	if again := w.post(admin.MovementsPath+"/count", url.Values{"place": {w.place.ID.String()}}); again.header.Get("Location") != count || !strings.HasPrefix(count, admin.MovementsPath+"/count/") {
		t.Fatalf("%q and %q", count, again.header.Get("Location"))
	}
	for _, row := range []struct {
		goods, seen string
		status      int
		words       string
	}{{w.goods.Barcode, "7", 303, ""}, {"none", "7", 422, "没有这件商品"}, {w.goods.Barcode, "", 422, "必填"}, {w.goods.Barcode, "-1", 422, "整数"}} {
		if a := w.post(count, url.Values{"goods": {row.goods}, "seen": {row.seen}}); a.status != row.status || !strings.Contains(a.words(), row.words) {
			t.Errorf("%+v: %d %.300s", row, a.status, a.words())
		}
	}
	if words := w.get(count).words(); !strings.Contains(words, "-3") {
		t.Errorf("no difference: %.600s", words)
	}
	w.post(count+"/drop", url.Values{"goods": {w.goods.ID.String()}})
	w.post(count, url.Values{"goods": {w.goods.Barcode}, "seen": {"6"}})
	for range 2 {
		if a := w.post(count+"/close", url.Values{"reason": {"月底"}}); a.status != 303 {
			t.Fatalf("%d", a.status)
		}
	}
	if w.level(w.place) != 6 {
		t.Errorf("level %d", w.level(w.place))
	}
	other := w.post(admin.MovementsPath+"/count", url.Values{"place": {w.depot.ID.String()}}).header.Get("Location")
	if a := w.post(other+"/cancel", nil); a.status != 303 || !strings.Contains(w.get(other).words(), "已放弃") {
		t.Errorf("cancel: %d", a.status)
	}
}

func TestGoodsAreImportedAfterACheckAndExportedAgain(t *testing.T) {
	t.Parallel()
	w := openShop(t)
	path := admin.GoodsPath + "/import"
	wrong := w.upload(path, "条码,商品名称,单价\nA1,摩卡,20\n6901028075832,坏码,1\nA1,又是,x\n", "op", "check")
	if wrong.status != 422 || !strings.Contains(wrong.words(), "第 3 行 · 条码") || !strings.Contains(wrong.words(), "第 4 行") {
		t.Fatalf("%d %.500s", wrong.status, wrong.words())
	}
	file := w.upload(path, "", "op", "wrong", "rows", rowsField(wrong))
	rows, err := sheets.Read([]byte(file.body), 100, 20)
	if err != nil || len(rows) != 5 || rows[2][0] != "" && len(rows[2]) > 3 || !strings.Contains(rows[3][0], "条码") || rows[3][1] != "6901028075832" {
		t.Errorf("%q %v", rows, err)
	}
	checked := w.upload(path, "条码,商品名称,单价\nA1,摩卡,20\n6901028075831,冬日拿铁,19\n", "op", "check")
	if checked.status != 200 || !strings.Contains(checked.words(), "新增 1，更新 1，不变 0") {
		t.Fatalf("%d %.500s", checked.status, checked.words())
	}
	if strings.Contains(w.get(admin.GoodsPath).words(), "摩卡") {
		t.Error("the check stored something")
	}
	for range 2 {
		if a := w.upload(path, "", "op", "save", "key", keyField(checked), "rows", rowsField(checked)); a.status != 303 {
			t.Fatalf("%d %.300s", a.status, a.words())
		}
	}
	for query, want := range map[string]int{"": 2, "?q=a1": 1, "?q=拿铁": 1, "?show=low": 1, "?show=archived": 0} {
		rows, err := sheets.Read([]byte(w.get(admin.GoodsPath+".xlsx"+query).body), 100, 20)
		if err != nil || len(rows) != want+1 {
			t.Errorf("%q exports %d rows, %v", query, len(rows)-1, err)
		}
		if got := strings.Count(w.get(admin.GoodsPath+query).body, `class="fw-medium text-break"`); got != want {
			t.Errorf("%q shows %d", query, got)
		}
	}
	for name, content := range map[string]string{"nothing": "", "a picture": "\x89PNG\r\n\x1a\n\x00\x00", "empty": "\n\n"} {
		if a := w.upload(path, content, "op", "check"); a.status != 422 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	if n := len(w.audited("stores.export.goods")); n != 5 {
		t.Errorf("%d audit lines about exports", n)
	}
}

func TestStaffAndStockAreImportedOnce(t *testing.T) {
	t.Parallel()
	w := openShop(t)
	checked := w.upload(admin.StaffPath+"/import", "门店编号,姓名,角色\nGM,小王,店长\n总仓,小张,库管\n", "op", "check")
	if checked.status != 200 || !strings.Contains(checked.words(), "2 名员工") {
		t.Fatalf("%d %.500s", checked.status, checked.words())
	}
	file := w.upload(admin.StaffPath+"/import", "", "op", "save", "key", keyField(checked), "rows", rowsField(checked))
	rows, err := sheets.Read([]byte(file.body), 100, 20)
	if err != nil || len(rows) != 3 || len(rows[1][3]) != 6 || file.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%q %v", rows, err)
	}
	if a := w.upload(admin.StaffPath+"/import", "", "op", "save", "key", "x", "rows", rowsField(checked)); a.status != 422 {
		t.Errorf("again: %d", a.status)
	}
	exported, err := sheets.Read([]byte(w.get(admin.StaffPath+".xlsx").body), 100, 20)
	if err != nil || len(exported) != 3 || strings.Contains(fmt.Sprint(exported), rows[1][3]) {
		t.Errorf("%q %v", exported, err)
	}
	stock := w.upload(admin.MovementsPath+"/import", "门店,条码,数量,原因\nGM,6901028075831,30,期初\n", "op", "check")
	for range 2 {
		if a := w.upload(admin.MovementsPath+"/import", "", "op", "save", "key", keyField(stock), "rows", rowsField(stock)); a.status != 303 {
			t.Fatalf("%d %.400s", a.status, a.words())
		}
	}
	if w.level(w.place) != 30 {
		t.Errorf("level %d", w.level(w.place))
	}
}

func TestHostileValuesOfStorePagesShowAPageAndNeverThemselves(t *testing.T) {
	t.Parallel()
	w := openShop(t)
	nasty := []string{"' OR 1=1 --", `"><script>alert(1)</script>`, "%", "\x00\x01", strings.Repeat("字", 300), "-1", "9223372036854775808", "zzzzzzzzzzzzz", "0001-01-01", "\xff\xfe", "1.z"}
	for _, value := range nasty {
		for _, page := range []string{admin.StoresPath, admin.StaffPath, admin.GoodsPath, admin.MovementsPath, admin.PlacePath(w.place.ID)} {
			for _, name := range []string{"q", "place", "show", "after", "kind", "goods", "by", "from"} {
				a := w.get(page + "?" + url.Values{name: {value}}.Encode())
				if a.status != 200 && a.status != 404 || strings.Contains(a.body, "<script>alert") {
					t.Errorf("%s %s=%.20q: %d", page, name, value, a.status)
				}
			}
		}
		for _, page := range []string{admin.StoresPath, admin.StaffPath, admin.GoodsPath, admin.MovementsPath + "/count"} {
			if a := w.get(page + "/" + url.PathEscape(value)); a.status != 404 {
				t.Errorf("%s/%.20q: %d", page, value, a.status)
			}
		}
	}
}

// TestPagesStayQuickWithFiftyStoresAndTenThousandGoods bounds the pages loosely: what is slow
// here would be unusable on a shop's machine.
func TestPagesStayQuickWithFiftyStoresAndTenThousandGoods(t *testing.T) {
	t.Parallel()
	w := openShop(t)
	by := stores.Actor{Name: "test"}
	drafts := make([]stores.GoodsDraft, 10_000)
	for i := range drafts {
		drafts[i] = stores.GoodsDraft{Barcode: fmt.Sprintf("X%05d", i), Name: fmt.Sprintf("商品 %d", i*7919%10_000), Minimum: "3", Row: i + 1}
	}
	if _, err := w.stores.ImportGoods(t.Context(), by, shopAccount, drafts, false); err != nil {
		t.Fatal(err)
	}
	for i := range 48 {
		p, err := w.stores.CreatePlace(t.Context(), by, shopAccount, stores.PlaceDraft{Kind: stores.ShopKind, Name: fmt.Sprintf("店 %d", i), Code: fmt.Sprintf("S%d", i), Parent: w.depot.ID})
		if err != nil {
			t.Fatal(err)
		}
		staff := make([]stores.StaffDraft, 4)
		for j := range staff {
			staff[j] = stores.StaffDraft{PlaceCode: p.Code, Name: fmt.Sprintf("员工 %d", j), Role: stores.Clerk, Row: j + 1}
		}
		if _, err := w.stores.ImportStaff(t.Context(), by, shopAccount, staff, false); err != nil {
			t.Fatal(err)
		}
	}
	stock := make([]stores.StockDraft, 5000)
	for i := range stock {
		stock[i] = stores.StockDraft{PlaceCode: fmt.Sprintf("S%d", i%48), Barcode: fmt.Sprintf("X%05d", i), Quantity: "5", Row: i + 1}
	}
	if _, err := w.stores.ImportStock(t.Context(), by, shopAccount, "k", stock, false); err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{admin.StoresPath, admin.StaffPath, admin.GoodsPath, admin.GoodsPath + "?show=low", admin.GoodsPath + "?q=99", admin.MovementsPath, admin.MovementsPath + "?kind=in&by=test"} {
		started := time.Now()
		a := w.get(page)
		if took := time.Since(started); a.status != 200 || took > 1500*time.Millisecond {
			t.Errorf("%s: %d after %s", page, a.status, took)
		}
	}
}

func TestAnArticleHasAPictureThatIsOne(t *testing.T) {
	t.Parallel()
	w := openShop(t)
	one := admin.ArticlePath(w.goods.ID)
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		content string
		status  int
	}{
		"a script": {"<script>alert(1)</script>", 422}, "nothing": {"", 422}, "huge": {picture.String() + strings.Repeat("x", stores.MaxPicture), 422}, "a drawing": {"<svg xmlns='http://www.w3.org/2000/svg'/>", 422},
	} {
		if a := w.upload(one+"/picture", row.content, "op", "set"); a.status != row.status {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	if a := w.get(one + "/picture"); a.status != 404 {
		t.Errorf("no picture: %d", a.status)
	}
	for range 2 {
		if a := w.upload(one+"/picture", picture.String(), "op", "set"); a.status != 303 {
			t.Fatalf("%d %.300s", a.status, a.words())
		}
	}
	if a := w.get(one + "/picture"); a.body != picture.String() || a.header.Get("Content-Type") != "image/png" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %s", a.status, a.header.Get("Content-Type"))
	}
	if a := w.post(one, url.Values{"barcode": {w.goods.Barcode}, "name": {"新名字"}}); a.status != 303 || !strings.Contains(w.get(one).body, "/picture?") {
		t.Error("an edit loses the picture")
	}
	if a := w.post(one+"/picture", url.Values{"op": {"drop"}}); a.status != 303 || strings.Contains(w.get(one).body, "/picture?") {
		t.Error("the picture stays")
	}
}

func TestAStoreShowsTheLinkOfItsTillToPrint(t *testing.T) {
	t.Parallel()
	w := openShop(t)
	page := w.get(admin.PlacePath(w.place.ID)).body
	if !strings.Contains(page, "/s/at/"+w.place.ID.String()) || !strings.Contains(page, `class="kq-qr"`) || !strings.Contains(page, "/till.svg?save=1") {
		t.Error("the page of a store has no link for its till")
	}
	if strings.Contains(w.get(admin.PlacePath(w.depot.ID)).body, "/s/at/") {
		t.Error("a warehouse has a till")
	}
	a := w.get(admin.PlacePath(w.place.ID) + "/till.svg?save=1")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "image/svg+xml" || !strings.HasPrefix(a.body, "<svg") || !strings.Contains(a.header.Get("Content-Disposition"), "till-") {
		t.Errorf("the drawing: %d %v", a.status, a.header)
	}
	if a := w.get(admin.PlacePath(w.depot.ID) + "/till.svg"); a.status != http.StatusNotFound {
		t.Errorf("the drawing of a warehouse: %d", a.status)
	}
}
