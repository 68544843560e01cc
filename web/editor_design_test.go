package web_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/people"
)

func photo(t *testing.T, w, h int) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for x := range w {
		for y := range h {
			img.SetNRGBA(x, y, color.NRGBA{uint8(x), uint8(y), 80, 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bomb is a PNG whose head claims a size.
func bomb(t *testing.T, w, h uint32) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 200, 200))); err != nil {
		t.Fatal(err)
	}
	b := file.Bytes()
	binary.BigEndian.PutUint32(b[16:], w)
	binary.BigEndian.PutUint32(b[20:], h)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

// sends a step with a picture as a browser does.
func (d *desk) sends(c *campaigns.Campaign, step, field, name string, content []byte, change ...string) answered {
	d.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	form := fieldsOfStep(step, "upload-"+field, d.reload(c).Version, change...)
	form.Set("_csrf", d.csrf)
	for name := range form {
		_ = w.WriteField(name, form.Get(name))
	}
	header := textproto.MIMEHeader{}
	header.Set("Content-Disposition", `form-data; name="`+field+`_file"; filename="`+name+`"`)
	header.Set("Content-Type", "image/jpeg")
	part, err := w.CreatePart(header)
	if err != nil {
		d.t.Fatal(err)
	}
	_, _ = part.Write(content)
	_ = w.Close()
	r := httptest.NewRequest(http.MethodPost, "/admin/campaigns/"+c.ID.String()+"/pictures", &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return d.do(r)
}

func TestACoverIsUploadedCutAndShown(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.draft("cover")
	path := editorOf(c)
	a := d.sends(c, "design", "cover", "头图.jpg", photo(t, 800, 800), "intro", "先写的介绍")
	if a.status != http.StatusSeeOther || a.header.Get("Location") != path+"?step=design" {
		t.Fatalf("%d %s", a.status, a.words())
	}
	saved := o.reload(c)
	if !strings.HasSuffix(saved.Design.Cover, ".jpg") || saved.Texts.Intro != "先写的介绍" {
		t.Fatalf("%+v %q", saved.Design, saved.Texts.Intro)
	}
	address := "/media/" + saved.Design.Cover
	got := o.stranger().get(address)
	config, err := jpeg.DecodeConfig(strings.NewReader(got.body))
	if err != nil || config.Width != 800 || config.Height != 450 {
		t.Errorf("the middle of 16 to 9 is %dx%d, %v", config.Width, config.Height, err)
	}
	for name, want := range map[string]string{
		"Content-Type": "image/jpeg", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'",
		"Cache-Control": "public, max-age=31536000, immutable",
	} {
		if got.header.Get(name) != want {
			t.Errorf("%s: %q", name, got.header.Get(name))
		}
	}
	if again := o.stranger().get(address, "If-None-Match", got.header.Get("ETag")); again.status != http.StatusNotModified {
		t.Errorf("asked again: %d", again.status)
	}
	for _, wrong := range []string{"/media/" + strings.Repeat("0", 64) + ".jpg", strings.TrimSuffix(address, "jpg") + "png", "/media/..%2fkaquan.db", "/media/x.jpg"} {
		if a := o.stranger().get(wrong); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", wrong, a.status)
		}
	}

	a = d.sends(c, "design", "cover", "b.jpg", photo(t, 800, 800), "cover", saved.Design.Cover, "cover_x", "10", "cover_y", "20", "cover_w", "320", "cover_h", "180", "layout", "card")
	saved = o.reload(c)
	got = o.stranger().get("/media/" + saved.Design.Cover)
	if config, err := jpeg.DecodeConfig(strings.NewReader(got.body)); a.status != http.StatusSeeOther || err != nil || config.Width != 320 || config.Height != 180 {
		t.Errorf("the chosen part: %d %dx%d %v", a.status, config.Width, config.Height, err)
	}
	for layout, class := range map[string]string{"": `class="kq-cover"`, "card": `class="kq-face__cover"`} {
		d.post(path, fieldsOfStep("design", "save", o.reload(c).Version, "cover", saved.Design.Cover, "layout", layout))
		if page := d.get("/admin/campaigns/" + c.ID.String() + "/preview/page?state=sold_out"); !strings.Contains(page.body, class+` src="/media/`+saved.Design.Cover+`"`) {
			t.Errorf("layout %q: no cover", layout)
		}
	}
	d.post(path, fieldsOfStep("design", "cover-drop", o.reload(c).Version, "cover", saved.Design.Cover))
	if page := d.get(path + "?step=design"); strings.Contains(page.body, saved.Design.Cover) {
		t.Error("the cover did not go")
	}

	a = d.sends(c, "channels", "share", "s.png", photo(t, 600, 400))
	if image := o.reload(c).Share.Image; a.status != http.StatusSeeOther || !regexp.MustCompile(`^https://kq\.example\.com/media/[0-9a-f]{64}\.jpg$`).MatchString(image) {
		t.Errorf("shared: %d %q", a.status, image)
	}
}

func TestHostileUploadsAreRefusedWithASentence(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.draft("hostile")
	good := photo(t, 400, 300)
	var animation bytes.Buffer
	if err := gif.Encode(&animation, image.NewPaletted(image.Rect(0, 0, 200, 200), color.Palette{color.White, color.Black}), nil); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		what, name string
		content    []byte
		crop       []string
		says       string
	}{
		{what: "no file", name: "", says: "请选择一张图片"},
		{what: "a bomb", name: "a.png", content: bomb(t, 60000, 60000), says: "图片尺寸太大"},
		{what: "an SVG with a script", name: "a.svg", content: []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), says: "只能上传 JPG、PNG 或 WebP"},
		{what: "a page that is called a picture", name: "a.png", content: []byte("<script>alert(1)</script>"), says: "只能上传 JPG、PNG 或 WebP"},
		{what: "a GIF", name: "a.gif", content: animation.Bytes(), says: "只能上传 JPG、PNG 或 WebP"},
		{what: "half a JPEG", name: "a.jpg", content: good[:len(good)/2], says: "图片读不出来"},
		{what: "a name with a path", name: "../../a.jpg", content: good, says: "文件名里不能有路径"},
		{what: "more than 8 MB", name: "a.jpg", content: append(bytes.Clone(good), make([]byte, 8<<20)...), says: "最多 8 MB"},
		{what: "a crop that is no number", name: "a.jpg", content: good, crop: []string{"cover_x", "NaN"}, says: "裁剪范围"},
		{what: "a crop below zero", name: "a.jpg", content: good, crop: []string{"cover_x", "-1", "cover_w", "200", "cover_h", "200"}, says: "裁剪范围"},
	} {
		a := d.sends(c, "design", "cover", row.name, row.content, append(row.crop, "intro", "写好的介绍")...)
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), row.says) || !strings.Contains(a.body, `id="f-cover-error"`) {
			t.Errorf("%s: %d %.300s", row.what, a.status, a.words())
		}
		if !strings.Contains(a.body, "写好的介绍") {
			t.Errorf("%s: what was typed is gone", row.what)
		}
	}
	if o.reload(c).Design.Cover != "" {
		t.Error("a refused picture became the cover")
	}
	// A picture that is an archive as well becomes a picture only.
	if a := d.sends(c, "design", "cover", "a.jpg", append(bytes.Clone(good), "PK\x03\x04<script>alert(1)</script>"...)); a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.words())
	}
	if got := o.stranger().get("/media/" + o.reload(c).Design.Cover); strings.Contains(got.body, "script") || strings.Contains(got.body, "PK\x03\x04") {
		t.Error("what was hidden in the picture is served")
	}
}

// floods sends a POST of a size over a real connection, all of it, and reads the answer.
func floods(t *testing.T, o *office, path, head string, size int64) (status int, body string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- o.server.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := o.server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		<-served
	})
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: kq.example.com\r\n%sContent-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n", path, head, size); err != nil {
		t.Fatal(err)
	}
	piece := make([]byte, 1<<20)
	for left := size; left > 0; left -= int64(len(piece)) {
		if _, err := conn.Write(piece[:min(left, int64(len(piece)))]); err != nil {
			t.Fatalf("cut off with %d bytes to send: %v", left, err)
		}
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

func TestFiftyMegabytesAreRefusedWithASentenceInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what, path, language string
		size                 int64
		signed               bool
		says                 string
	}{
		{"a picture", "/admin/campaigns/1/pictures", "zh-CN", 50 << 20, true, "提交的内容过大"},
		{"a picture of an English reader", "/admin/campaigns/1/pictures", "en", 50 << 20, true, "The request is too large"},
		{"a picture of nobody", "/admin/campaigns/1/pictures", "en", 2 << 20, false, "The request is too large"},
		{"a claim", "/c/winter/claim", "zh-CN", 2 << 20, false, "提交的内容过大"},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			o := openOffice(t)
			head := "Accept-Language: " + row.language + "\r\n"
			if row.signed {
				head += "Cookie: kq_admin=" + o.signIn(people.Operator).cookies["kq_admin"] + "\r\n"
			}
			status, body := floods(t, o, row.path, head, row.size)
			if status != http.StatusRequestEntityTooLarge || !strings.Contains(body, row.says) {
				t.Errorf("%d %.400s", status, body)
			}
		})
	}
}

func TestColoursAreCheckedWhereTheyAreChosen(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.draft("colours")
	path := editorOf(c)
	a := d.post(path, fieldsOfStep("design", "save", 1, "colour", "#07c160", "ink", "white"))
	if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), "低于 3:1") {
		t.Errorf("unreadable: %d %.300s", a.status, a.words())
	}
	a = d.post(path, fieldsOfStep("design", "contrast", 1, "colour", "#0a8f4f", "ink", "white"))
	proposed := regexp.MustCompile(`value="(colour-#[0-9a-f]{6})"`).FindStringSubmatch(a.body)
	if a.status != http.StatusOK || proposed == nil || !strings.Contains(a.words(), "建议至少 4.5:1") {
		t.Fatalf("pale: %d %.300s", a.status, a.words())
	}
	a = d.post(path, fieldsOfStep("design", proposed[1], 1, "colour", "#0a8f4f", "ink", "white"))
	if !strings.Contains(a.words(), "看得清楚") || !strings.Contains(a.body, `value="`+strings.TrimPrefix(proposed[1], "colour-")+`"`) {
		t.Errorf("the proposal: %.300s", a.words())
	}
	d.post(path, fieldsOfStep("design", "save", 1, "colour", "#0a8f4f", "ink", "white", "background", "#fff4e0"))
	if saved := o.reload(c); saved.Texts.Colour != "#0a8f4f" || saved.Design.Ink != campaigns.InkWhite || saved.Design.Background != "#fff4e0" {
		t.Fatalf("a warning stops: %+v", saved.Design)
	}
	if a := d.get("/admin/campaigns/" + c.ID.String() + "/preflight"); !strings.Contains(a.words(), "按钮文字的对比度只有") {
		t.Error("preflight says nothing about it")
	}
}

func TestWordsAreChangedWhereTheyAreRead(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.draft("words")
	preview := "/admin/campaigns/" + c.ID.String() + "/preview"
	frame := d.get(preview + "/page?state=sold_out&lang=zh-CN")
	link := regexp.MustCompile(`<a class="kq-edit" href="([^"]+)" target="_top">`).FindStringSubmatch(frame.body)
	if link == nil {
		t.Fatalf("no words lead to their form: %.2000s", frame.body)
	}
	to, _, _ := strings.Cut(strings.ReplaceAll(link[1], "&amp;", "&"), "#")
	form := d.get(to)
	if !strings.Contains(form.body, `name="state-sold_out-title"`) || !strings.Contains(form.body, `name="version" value="1"`) || !strings.Contains(form.body, " autofocus") {
		t.Fatalf("%s has no form: %.300s", to, form.words())
	}
	a := d.post(preview+"/words?state=sold_out", url.Values{
		"op": {"save"}, "version": {"1"},
		"state-sold_out-title": {"<b>没有了</b>"}, "state-sold_out-body": {"{{total}} 份 & 谢谢"}, "state-sold_out-button": {"再看看"},
	})
	if a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.words())
	}
	frame = d.get(preview + "/page?state=sold_out")
	for _, want := range []string{"&lt;b&gt;没有了&lt;/b&gt;", "100 份 &amp; 谢谢", "再看看"} {
		if !strings.Contains(frame.body, want) {
			t.Errorf("the page does not say %s", want)
		}
	}
	if page := d.get(preview + "/page?state=ended"); strings.Contains(page.body, "没有了") {
		t.Error("another state says it too")
	}
	// Over an old version, somebody else's words are not lost.
	a = d.post(preview+"/words?state=sold_out", url.Values{"op": {"save"}, "version": {"1"}, "state-sold_out-title": {"迟到的"}})
	if a.status != http.StatusConflict || !strings.Contains(a.body, "迟到的") || !strings.Contains(a.words(), "有人刚刚保存") || !strings.Contains(o.reload(c).Design.States["sold_out"].Title, "没有了") {
		t.Errorf("late: %d %.300s", a.status, a.words())
	}
	a = d.post(preview+"/words?state=sold_out", url.Values{"op": {"save"}, "version": {"2"}, "state-sold_out-body": {"{{phone}} 和太多"}})
	if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), "“phone”在这里不能用") || !strings.Contains(a.body, "{{phone}} 和太多") {
		t.Errorf("unknown placeholder: %d %.300s", a.status, a.words())
	}
	if a := d.post(preview+"/words?state=not_found", url.Values{"version": {"2"}}); a.status != http.StatusNotFound {
		t.Errorf("a state without words: %d", a.status)
	}
	if a := d.post(preview+"/words?state=sold_out", url.Values{"op": {"reset"}, "version": {strconv.FormatInt(o.reload(c).Version, 10)}}); a.status != http.StatusSeeOther || len(o.reload(c).Design.States) != 0 {
		t.Errorf("reset: %d %+v", a.status, o.reload(c).Design)
	}
	if a := o.signIn(people.Viewer).get(preview + "?state=sold_out"); strings.Contains(a.body, `id="words"`) {
		t.Error("who may only look can change words")
	}
	// Editing the design leaves the words of states alone.
	d.post(preview+"/words?state=ended", url.Values{"op": {"save"}, "version": {strconv.FormatInt(o.reload(c).Version, 10)}, "state-ended-title": {"下次见"}})
	d.post(editorOf(c), fieldsOfStep("design", "save", o.reload(c).Version, "intro", "新介绍"))
	if saved := o.reload(c); saved.Texts.Intro != "新介绍" || saved.Design.States["ended"].Title != "下次见" {
		t.Errorf("%+v", saved.Design)
	}
}

func TestTermsAreComposedAndTakenOnlyWhenSaid(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.draft("terms")
	path := editorOf(c)
	a := d.post(path, fieldsOfStep("terms", "compose", 1, "terms", "老规则", "contact", "400-1"))
	if a.status != http.StatusOK || !strings.Contains(a.body, "<del>老规则</del>") || !strings.Contains(a.words(), "咨询与投诉：400-1") || !strings.Contains(a.words(), "主办方：示例咖啡") {
		t.Fatalf("%d %.600s", a.status, a.words())
	}
	if strings.Contains(a.words(), "MISSING") || strings.Contains(a.body, "{{.") || strings.Contains(a.body, "design.terms.") {
		t.Errorf("an open end: %.900s", a.words())
	}
	if kept := d.get(path + "?step=terms"); !strings.Contains(kept.body, ">老规则</textarea>") {
		t.Error("asking replaced the terms")
	}
	a = d.post(path, fieldsOfStep("terms", "compose-use", 1, "terms", "老规则", "contact", "400-1", "composed", "1. 改过的第一条"))
	if !strings.Contains(a.body, ">1. 改过的第一条</textarea>") {
		t.Errorf("taken: %.300s", a.words())
	}
	english := d.post(path, fieldsOfStep("terms", "compose", 1, "contact", "400-1"), "Cookie", "kq_lang=en")
	if english.status != http.StatusOK {
		t.Errorf("%d", english.status)
	}
}

func TestTheWebhookStepShowsItsSecretOnceAndItsDeliveries(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.draft("hook")
	path, hook := editorOf(c), "/admin/campaigns/"+c.ID.String()+"/webhook"
	told := make(chan string, 4)
	crm := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		told <- r.Header.Get("X-Kaquan-Signature") + " " + campaigns.SignNotice(r.Header.Get("X-Secret"), r.Header.Get("X-Kaquan-Timestamp"), body)
	}))
	t.Cleanup(crm.Close)
	form := fieldsOfStep("notices", "save", 1, "webhook_url", crm.URL+"/in")
	form["webhook_events"] = []string{"claim.redeemed", "claim.confirmed", "made.up"}
	if a := d.post(path, form); a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.words())
	}
	if w := o.reload(c).Notices.Webhook; w.URL != crm.URL+"/in" || strings.Join(w.Events, " ") != "claim.confirmed claim.redeemed" {
		t.Fatalf("%+v", w)
	}
	if a := d.get(path + "?step=notices"); !strings.Contains(a.words(), "还没有密钥") {
		t.Errorf("%.300s", a.words())
	}
	fields := func(op string) url.Values {
		f := fieldsOfStep("notices", op, o.reload(c).Version, "webhook_url", crm.URL+"/in")
		f["webhook_events"] = []string{"claim.confirmed", "claim.redeemed"}
		return f
	}
	if a := d.post(hook, fields("ping")); a.status != http.StatusSeeOther {
		t.Errorf("without a secret: %d", a.status)
	}
	secret := regexp.MustCompile(`whsec_[0-9A-Za-z_-]{43}`)
	a := d.post(hook, fields("secret"))
	if a.status != http.StatusOK || !secret.MatchString(a.body) {
		t.Fatalf("no secret: %d %.300s", a.status, a.words())
	}
	if again := d.get(path + "?step=notices"); secret.MatchString(again.body) {
		t.Error("the secret is shown twice")
	}
	d.post(hook, fields("ping"))
	if err := o.courier.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := <-told; !strings.HasPrefix(got, "v1=") {
		t.Errorf("%q", got)
	}
	page := d.get(path + "?step=notices")
	resend := regexp.MustCompile(`value="(resend-\d+)"`).FindStringSubmatch(page.body)
	if resend == nil || !strings.Contains(page.words(), "已送达") || !strings.Contains(page.words(), "HTTP 200") {
		t.Fatalf("%.600s", page.words())
	}
	if a := d.post(hook, fields(resend[1])); a.status != http.StatusSeeOther {
		t.Errorf("resend: %d", a.status)
	}
	if err := o.courier.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	<-told
	if a := d.post(hook, fields("resend-999999")); a.status != http.StatusNotFound {
		t.Errorf("resend of nothing: %d", a.status)
	}
	bad := fieldsOfStep("notices", "save", o.reload(c).Version, "webhook_url", "https://10.0.0.1/x")
	bad.Set("webhook_events", "claim.confirmed")
	if a := d.post(path, bad); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), "不能用内网地址") {
		t.Errorf("inside: %d %.300s", a.status, a.words())
	}
}
