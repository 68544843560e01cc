package web_test

import (
	"bytes"
	"context"
	"html"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/people"
	"kaquan/wechat"
)

const testCard = "pTestCard0000000000000000001"

// platformOf answers with the bodies by path, and gives tokens.
func platformOf(bodies map[string]string) func(string) string {
	return func(path string) string {
		if path == "/cgi-bin/stable_token" {
			return `{"access_token":"token-0123456789","expires_in":7200}`
		}
		if body := bodies[path]; body != "" {
			return body
		}
		return `{"errcode":48001,"errmsg":"api unauthorized rid: 1"}`
	}
}

func cardAnswers(left string, status wechat.CardStatus) map[string]string {
	return map[string]string{
		"/card/batchget":    `{"errcode":0,"card_id_list":["` + testCard + `"],"total_num":1}`,
		"/card/get":         `{"errcode":0,"card":{"card_type":"GENERAL_COUPON","general_coupon":{"base_info":{"id":"` + testCard + `","title":"拿铁<script>","status":"` + string(status) + `","sku":{"quantity":` + left + `,"total_quantity":500}}}}}`,
		"/card/modifystock": `{"errcode":0,"errmsg":"ok"}`,
	}
}

// messageAt is what stands at a field of the page.
func (a answered) messageAt(field string) string {
	id := regexp.QuoteMeta(strings.NewReplacer("[", "-", "]", "").Replace(field))
	return html.UnescapeString(regexp.MustCompile(`(?s)id="f-` + id + `-error".*?</div>\s*</div>`).FindString(a.body))
}

func ruleFields(change ...string) url.Values {
	form := url.Values{"trigger": {"keyword"}, "words": {"领券\r\n优惠"}, "kind": {"text"}, "text": {"你好"}, "priority": {"50"}, "enabled": {"1"}, "contains": {"1"}}
	for i := 0; i+1 < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	return form
}

func (o *office) asks(text string) wechat.Reply {
	o.t.Helper()
	reply, err := o.reach.Reply(context.Background(), string(dbtest.Account), wechat.Event{MsgType: "text", Content: text, FromUser: "oVisitor", MsgID: text})
	if err != nil {
		o.t.Fatal(err)
	}
	return reply
}

func TestARuleIsWrittenSwitchedAndDeleted(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	if a := d.get("/admin/reach"); !strings.Contains(a.words(), "还没有回复规则") || !strings.Contains(a.body, `/admin/reach/rules/new?account=demo`) {
		t.Error("the empty list does not lead to the first rule")
	}
	out := o.campaign("winter", "冬日", campaigns.OwnCode)
	hostile := `<script>alert("1")</script>`
	a := d.post("/admin/reach/rules/new?account=demo", ruleFields("words", "领券\r\n"+hostile, "name", hostile, "text", hostile+"{link}", "campaign", out.ID.String(), "channel", "kw"))
	if a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.words())
	}
	if got, ok := o.asks("我要领券").(wechat.Text); !ok || got.Content != hostile+"https://kq.example.com/c/winter?ch=kw" {
		t.Errorf("answers %+v", got)
	}
	list := d.get("/admin/reach")
	if strings.Contains(list.body, hostile) || !strings.Contains(list.body, html.EscapeString(hostile)) || len(o.audited("reach.rule.save")) != 1 {
		t.Error("the list does not escape, or the audit has nothing")
	}
	rules, err := o.reach.Rules(context.Background(), "demo")
	if err != nil || len(rules) != 1 || rules[0].Hits != 1 {
		t.Fatalf("%+v %v", rules, err)
	}
	path := "/admin/reach/rules/" + regexp.MustCompile(`/admin/reach/rules/(\d+)`).FindStringSubmatch(list.body)[1]
	if a := d.get(path); strings.Contains(a.body, hostile) || !strings.Contains(a.body, `value="`+html.EscapeString(hostile)+`"`) || !strings.Contains(a.body, `value="`+out.ID.String()+`" selected`) {
		t.Error("the editor does not show the rule as text")
	}
	if a := d.post(path+"/switch", url.Values{"on": {"0"}}); a.status != http.StatusSeeOther || o.asks("领券 2") != nil {
		t.Errorf("off: %d", a.status)
	}
	if a := d.post(path, ruleFields("trigger", "else")); a.status != http.StatusSeeOther || o.asks("随便") != (wechat.Text{Content: "你好"}) {
		t.Errorf("edit: %d", a.status)
	}
	if a := d.post(path+"/delete", nil); a.status != http.StatusSeeOther || o.asks("随便 2") != nil {
		t.Errorf("delete: %d", a.status)
	}
	for _, gone := range []string{path, "/admin/reach?account=nobody", "/admin/reach/rules/x", "/admin/reach/pictures/1"} {
		if a := d.get(gone); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", gone, a.status)
		}
	}
}

func TestWhatIsWrongWithARuleStandsAtItsField(t *testing.T) {
	t.Parallel()
	d := openOffice(t).signIn(people.Owner)
	for field, row := range map[string]struct{ name, value, message string }{
		"words":    {"words", " \r\n", "请填写"},
		"text":     {"text", strings.Repeat("很", 683), "1 到 2048 字节"},
		"campaign": {"text", "{link}", "请选择活动"},
		"channel":  {"channel", "门店", "字母、数字"},
		"priority": {"priority", "high", "0 到 100"},
		"picture":  {"kind", "picture", "请填写"},
		"name":     {"name", strings.Repeat("名", 41), "最多 40 个字"},
	} {
		a := d.post("/admin/reach/rules/new", ruleFields(row.name, row.value, "title", "<i>typed"))
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.messageAt(field), row.message) {
			t.Errorf("%s: %d, there stands %q", field, a.status, a.messageAt(field))
		}
		if !strings.Contains(a.body, `value="&lt;i&gt;typed"`) {
			t.Errorf("%s: what was typed is gone", field)
		}
	}
}

func TestAnUploadedPictureIsShownAndKeptThroughMistakes(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	send := func(content []byte, fields url.Values) answered {
		t.Helper()
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		fields.Set("_csrf", d.csrf)
		for name := range fields {
			_ = w.WriteField(name, fields.Get(name))
		}
		part, _ := w.CreateFormFile("picture", "x.png")
		_, _ = part.Write(content)
		_ = w.Close()
		r := httptest.NewRequest(http.MethodPost, "/admin/reach/rules/new", &body)
		r.Header.Set("Content-Type", w.FormDataContentType())
		return d.do(r)
	}
	if a := send([]byte("<svg onload=alert(1)>"), ruleFields("kind", "picture")); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.messageAt("picture"), "JPG 或 PNG") {
		t.Errorf("a drawing: %d %q", a.status, a.messageAt("picture"))
	}
	var file bytes.Buffer
	_ = png.Encode(&file, image.NewGray(image.Rect(0, 0, 2, 2)))
	wrong := send(file.Bytes(), ruleFields("kind", "picture", "words", ""))
	address := regexp.MustCompile(`src="(/admin/reach/pictures/\d+[^"]*)"`).FindStringSubmatch(wrong.body)
	if wrong.status != http.StatusUnprocessableEntity || address == nil {
		t.Fatalf("the picture is gone after a mistake: %d", wrong.status)
	}
	if a := d.get(html.UnescapeString(address[1])); a.body != file.String() || a.header.Get("Content-Type") != "image/png" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the picture comes back as %s", a.header.Get("Content-Type"))
	}
	number := regexp.MustCompile(`pictures/(\d+)`).FindStringSubmatch(address[1])[1]
	if a := d.post("/admin/reach/rules/new", ruleFields("kind", "picture", "picture_id", number)); a.status != http.StatusSeeOther {
		t.Errorf("saved: %d", a.status)
	}
	if a := d.get("/admin/reach"); !strings.Contains(a.words(), "图片还没有传到微信") {
		t.Error("the list does not say that the picture is not ready")
	}
}

func menuFields(change ...string) url.Values {
	form := url.Values{
		"op": {"save"}, "b[0][name]": {"官网"}, "b[0][type]": {"view"}, "b[0][url]": {"https://example.com"}, "b[0][key]": {"left over"},
		"b[1][name]": {"更多"}, "b[1-0][name]": {"领券"}, "b[1-0][type]": {"click"}, "b[1-0][key]": {"COUPON"},
	}
	for i := 0; i+1 < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	return form
}

func TestTheMenuIsArrangedKeptAndPublished(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	const path = "/admin/reach/menu"
	for op, want := range map[string]string{
		"add": `name="b[2][name]"`, "add-1": `name="b[1-1][name]"`, "up-1": `id="f-b-0-name" name="b[0][name]"`, "remove-1-0": `name="b[1][type]"`,
	} {
		a := d.post(path, menuFields("op", op))
		name := regexp.MustCompile(`name="b\[[0-9-]+\]\[[a-z]+\]"`).FindString(want)
		if a.status != http.StatusOK || !strings.Contains(a.body, name) || !strings.Contains(a.body, "领券") == (op != "remove-1-0") {
			t.Errorf("%s: %d", op, a.status)
		}
	}
	for _, op := range []string{"remove-9", "up-0", "down-1", "add-7", "remove-1-9", "remove--1", "add-0-0-0", "remove", "x"} {
		if a := d.post(path, menuFields("op", op)); a.status >= 500 {
			t.Errorf("%s: %d", op, a.status)
		}
	}
	if a := d.post(path, menuFields("b[0][url]", "javascript:alert(1)", "b[1-0][name]", "")); a.status != http.StatusSeeOther {
		t.Errorf("a draft with problems is not kept: %d", a.status)
	}
	page := d.get(path)
	if !strings.Contains(page.messageAt("b[0][url]"), "http(s)") || !strings.Contains(page.messageAt("b[1-0][name]"), "请填写名称") || !strings.Contains(page.body, `value="javascript:alert(1)"`) {
		t.Error("the problems are not at their fields")
	}
	if a := d.post(path+"/publish", menuFields("b[0][name]", "一二三四五六")); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.messageAt("b[0][name]"), "16 字节") {
		t.Errorf("publish with a long name: %d %q", a.status, a.messageAt("b[0][name]"))
	}
	if a := d.post(path+"/publish", url.Values{}); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), "1 到 3 个一级菜单") {
		t.Errorf("publish nothing: %d", a.status)
	}
	o.setAnswer(platformOf(nil))
	if a := d.post(path+"/publish", menuFields()); a.status != http.StatusSeeOther || !strings.Contains(d.get(path).words(), "48001") {
		t.Errorf("refused by WeChat: %d", a.status)
	}
	var published atomic.Int32
	answer := platformOf(map[string]string{"/cgi-bin/menu/create": `{"errcode":0}`, "/cgi-bin/menu/delete": `{"errcode":0}`, "/cgi-bin/menu/get": `{"menu":{"button":[{"type":"click","name":"别人的","key":"K"}]}}`})
	o.setAnswer(func(path string) string {
		if path == "/cgi-bin/menu/create" {
			published.Add(1)
		}
		return answer(path)
	})
	if a := d.post(path+"/publish", menuFields()); a.status != http.StatusSeeOther || published.Load() != 1 || len(o.audited("reach.menu.publish")) != 1 {
		t.Errorf("publish: %d", a.status)
	}
	if words := d.get(path).words(); !strings.Contains(words, "菜单已发布") || !strings.Contains(words, "没有差别") {
		t.Error("the page does not say that nothing differs")
	}
	d.post(path, menuFields("b[0][name]", "主页"))
	if words := d.get(path).words(); !strings.Contains(words, "1 「官网」改为「主页」") {
		t.Error("the difference is not shown")
	}
	if a := d.post(path+"/load", nil); a.status != http.StatusSeeOther || !strings.Contains(d.get(path).body, `value="别人的"`) {
		t.Errorf("load: %d", a.status)
	}
	if a := d.post(path+"/delete", nil); a.status != http.StatusSeeOther || !strings.Contains(d.get(path).words(), "1 新增「别人的」") {
		t.Errorf("delete: %d", a.status)
	}
}

func TestASceneCodeIsMadeShownAndDeleted(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	const path = "/admin/reach/scenes"
	form := url.Values{"name": {"一号店"}, "channel": {"shop1"}, "days": {"7"}}
	o.setAnswer(platformOf(nil))
	if a := d.post(path, form); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), "48001") || !strings.Contains(a.body, `value="一号店"`) {
		t.Errorf("refused by WeChat: %d", a.status)
	}
	if a := d.post(path, url.Values{"name": {""}, "channel": {"<b>"}, "days": {"31"}}); !strings.Contains(a.messageAt("channel"), "字母") || !strings.Contains(a.messageAt("days"), "1 到 30 天") || a.messageAt("name") == "" {
		t.Errorf("wrong: %d", a.status)
	}
	o.setAnswer(platformOf(map[string]string{"/cgi-bin/qrcode/create": `{"ticket":"gQ=&x","expire_seconds":604800,"url":"http://weixin.qq.com/q/abc"}`}))
	if a := d.post(path, form); a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.words())
	}
	page := d.get(path)
	if !strings.Contains(page.body, `class="kq-qr"`) || !strings.Contains(page.body, "https://mp.weixin.qq.com/cgi-bin/showqrcode?ticket=gQ%3D%26x") || len(o.audited("reach.scene.create")) != 1 {
		t.Error("the code or its picture is not shown")
	}
	if a := d.post(path, form); !strings.Contains(a.messageAt("scene"), "已经有可用的二维码") {
		t.Errorf("the same again: %d", a.status)
	}
	if a := d.post(path+"/delete", url.Values{"scene": {"shop1"}}); a.status != http.StatusSeeOther || strings.Contains(d.get(path).body, `class="kq-qr"`) {
		t.Errorf("delete: %d", a.status)
	}
}

func TestCardsAtWeChatAreListedAndTheirStockChangesOnce(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	o.setAnswer(platformOf(nil))
	if a := d.get("/admin/cards"); a.status != http.StatusOK || !strings.Contains(a.words(), "没有卡券功能的权限（48001）") {
		t.Errorf("without the right: %d %s", a.status, a.words())
	}
	var asked atomic.Int32
	answer := platformOf(cardAnswers("3", wechat.CardApproved))
	o.setAnswer(func(path string) string {
		if path == "/card/modifystock" {
			asked.Add(1)
		}
		return answer(path)
	})
	out := o.campaign("winter", "冬日", campaigns.WeChatCard)
	page := d.get("/admin/cards")
	if !strings.Contains(page.words(), "可投放") || !strings.Contains(page.body, "/admin/campaigns/"+out.ID.String()) || !strings.Contains(page.words(), "剩 3 / 共 500") || !strings.Contains(page.words(), "比活动还要发的少") || strings.Contains(page.body, "拿铁<script>") {
		t.Errorf("the list: %s", page.words())
	}
	key := regexp.MustCompile(`name="key" value="([^"]+)"`).FindStringSubmatch(page.body)[1]
	form := url.Values{"key": {key}, "card": {testCard}, "delta": {"+100"}}
	d.post("/admin/cards/stock", form)
	if words := d.get("/admin/cards").words(); asked.Load() != 0 || !strings.Contains(words, "请先勾选确认") {
		t.Error("stock changes without a confirmation")
	}
	form.Set("sure", "1")
	for _, want := range []string{"微信库存已修改：100", "库存只改了一次"} {
		if a := d.post("/admin/cards/stock", form); a.status != http.StatusSeeOther {
			t.Fatalf("%d", a.status)
		}
		if words := d.get("/admin/cards").words(); !strings.Contains(words, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if asked.Load() != 1 || len(o.audited("reach.stock")) != 1 {
		t.Errorf("WeChat was asked %d times", asked.Load())
	}
	for _, delta := range []string{"", "0", "many", "1.5", "999999999999999999999"} {
		form.Set("delta", delta)
		form.Set("key", key+"other")
		d.post("/admin/cards/stock", form)
		if words := d.get("/admin/cards").words(); asked.Load() != 1 || !strings.Contains(words, "库存没有变化") {
			t.Errorf("delta %q", delta)
		}
	}
}

func TestTheEditorOffersCardsAndKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	a := d.post("/admin/campaigns/new", campaignFields("issuer", "wechat_card", "card_id", "pTyped<b>"))
	if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `value="pTyped&lt;b&gt;"`) || !strings.Contains(a.body, `list="card-options"`) || !strings.Contains(a.body, `hx-get="/admin/cards/options"`) {
		t.Errorf("the typed id is gone or there is no list: %d", a.status)
	}
	o.setAnswer(platformOf(nil))
	if a := d.get("/admin/cards/options?account=demo"); a.status != http.StatusOK || !strings.Contains(a.words(), "48001") || strings.Contains(a.body, "<option") {
		t.Errorf("without the right: %d %s", a.status, a.body)
	}
	o.setAnswer(platformOf(cardAnswers("7", wechat.CardApproved)))
	if a := d.get("/admin/cards/options?account=demo"); !strings.Contains(a.body, `<option value="`+testCard+`">拿铁&lt;script&gt; · 可投放 · 剩 7</option>`) || strings.Contains(a.body, "<html") {
		t.Errorf("the list: %s", a.body)
	}
}

func TestPublishingAsksWeChatWhetherItCanKeepThePromise(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		answers     map[string]string
		level, want string
	}{
		"too few":      {cardAnswers("7", wechat.CardApproved), "warn", "微信库存只有 7 张，活动要发 100 张"},
		"none":         {cardAnswers("0", wechat.CardApproved), "block", "微信卡券的库存是 0"},
		"in review":    {cardAnswers("700", wechat.CardInReview), "block", "审核中"},
		"not readable": {nil, "warn", "没有卡券功能的权限"},
		"enough":       {cardAnswers("700", wechat.CardDispatched), "ok", "微信库存 700 张"},
	} {
		o := openOffice(t)
		d := o.signIn(people.Operator)
		o.setAnswer(platformOf(row.answers))
		c := o.ready("winter", func(d *campaigns.Draft) { d.Issuer, d.CardID = campaigns.WeChatCard, testCard })
		path := "/admin/campaigns/" + c.ID.String()
		page := d.get(path + "/preflight")
		if !strings.Contains(page.body, `data-check="card" data-level="`+row.level+`"`) || !strings.Contains(page.words(), row.want) {
			t.Errorf("%s: %d %s", name, page.status, page.words())
		}
		d.post(path+"/publish", nil)
		if published := o.reload(c).Status == campaigns.StatusPublished; published != (row.level == "ok") {
			t.Errorf("%s: published %v without a reason", name, published)
		}
		d.post(path+"/publish", url.Values{"reason": {"微信那边稍后加库存"}})
		if published := o.reload(c).Status == campaigns.StatusPublished; published != (row.level != "block") {
			t.Errorf("%s: published %v with a reason", name, published)
		}
	}
}
