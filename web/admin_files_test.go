package web_test

import (
	"bytes"
	"html"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"kaquan/people"
)

const proof = "MP_verify_0123456789abcdEF.txt"

// upload sends a file as a browser does, with the name exactly as given.
func (d *desk) upload(path, name string, content []byte) answered {
	d.t.Helper()
	return d.uploadWith(path, name, content, nil)
}

// uploadWith sends fields beside the file.
func (d *desk) uploadWith(path, name string, content []byte, fields url.Values) answered {
	d.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	_ = w.WriteField("_csrf", d.csrf)
	for field := range fields {
		_ = w.WriteField(field, fields.Get(field))
	}
	header := textproto.MIMEHeader{}
	header.Set("Content-Disposition", `form-data; name="file"; filename="`+name+`"`)
	header.Set("Content-Type", "text/plain")
	part, err := w.CreatePart(header)
	if err != nil {
		d.t.Fatal(err)
	}
	_, _ = part.Write(content)
	_ = w.Close()
	r := httptest.NewRequest(http.MethodPost, path, &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return d.do(r)
}

func TestAVerificationFileIsServedByteForByte(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	stranger := o.stranger()
	if a := stranger.get("/" + proof); a.status != http.StatusNotFound {
		t.Fatalf("before: %d", a.status)
	}
	content := "0123456789abcdEF\r\n"
	if a := d.upload("/admin/files", proof, []byte(content)); a.status != http.StatusSeeOther {
		t.Fatalf("upload: %d %s", a.status, a.words())
	}
	for _, header := range [][]string{nil, {"X-Forwarded-Proto", "http", "Accept-Encoding", "gzip, br"}} {
		a := stranger.get("/"+proof, header...)
		if a.status != http.StatusOK || a.body != content {
			t.Fatalf("%d %q", a.status, a.body)
		}
		if a.header.Get("Content-Type") != "text/plain; charset=utf-8" || a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Location") != "" || a.header.Get("Content-Encoding") != "" {
			t.Errorf("headers %v", a.header)
		}
	}
	for _, other := range []string{strings.ToLower(proof), "x" + proof, "MP_verify_0123456789abcdE0.txt", "assets/" + proof} {
		if a := stranger.get("/" + other); a.status != http.StatusNotFound {
			t.Errorf("/%s: %d", other, a.status)
		}
	}
	page := d.get("/admin/files")
	if !strings.Contains(page.body, `href="/`+proof+`"`) || !strings.Contains(page.words(), "小李") || strings.Contains(page.body, "0123456789abcdEF\r\n") {
		t.Error("the list lacks the file or its uploader")
	}
	if len(o.audited("files.save")) != 1 {
		t.Error("the upload is not in the audit")
	}
	if a := d.post("/admin/files/"+proof+"/delete", nil); a.status != http.StatusSeeOther {
		t.Fatalf("delete: %d", a.status)
	}
	if a := stranger.get("/" + proof); a.status != http.StatusNotFound {
		t.Errorf("after: %d", a.status)
	}
	if a := d.post("/admin/files/"+proof+"/delete", nil); a.status != http.StatusNotFound {
		t.Errorf("delete again: %d", a.status)
	}
}

func TestHostileFilesAreRefusedAtTheirField(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	for name, row := range map[string]struct{ file, content, field, message string }{
		"a web page":        {proof, "<html><script>alert(1)</script>", "file", "不能是网页"},
		"other bytes":       {proof, "\x00\xff", "file", "不能是网页"},
		"nothing in it":     {proof, "", "file", "不能是网页"},
		"too much":          {proof, strings.Repeat("a", 5000), "file", "不会超过 4 KB"},
		"another type":      {"MP_verify_0123456789abcdEF.html", "0123456789abcdEF", "file", "MP_verify_"},
		"another name":      {"evil.txt", "0123456789abcdEF", "file", "MP_verify_"},
		"a name of Windows": {`..\\..\\evil.txt`, "0123456789abcdEF", "file", "MP_verify_"},
		"a known file":      {"robots.txt", "0123456789abcdEF", "file", "MP_verify_"},
		"no file":           {"", "", "file", "请选择文件"},
	} {
		a := d.upload("/admin/files", row.file, []byte(row.content))
		message := regexp.MustCompile(`(?s)id="f-` + row.field + `-error".*?</div>\s*</div>`).FindString(a.body)
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(html.UnescapeString(message), row.message) {
			t.Errorf("%s: %d, at the field stands %q", name, a.status, message)
		}
	}
	for name, row := range map[string]struct{ file, content, field string }{
		"pasted upwards":    {"../" + proof, "0123456789abcdEF", "name"},
		"pasted with slash": {"a/" + proof, "0123456789abcdEF", "name"},
		"pasted markup":     {proof, "<b>0123456789abcdEF</b>", "content"},
		"pasted much":       {proof, strings.Repeat("a", 5000), "content"},
		"pasted name only":  {proof, "", "content"},
	} {
		a := d.post("/admin/files", url.Values{"name": {row.file}, "content": {row.content}})
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `id="f-`+row.field+`-error"`) || !strings.Contains(a.body, `value="`+row.file+`"`) {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	huge := httptest.NewRequest(http.MethodPost, "/admin/files", bytes.NewReader(make([]byte, 50<<20)))
	if _, err := o.server.App().Test(huge); err == nil || !strings.Contains(err.Error(), "exceeds the given limit") {
		t.Errorf("50 MB: %v", err)
	}
	// A path before the name is cut off by the parser; what is left is an honest file.
	if a := d.upload("/admin/files", "../../"+proof, []byte("0123456789abcdEF")); a.status != http.StatusSeeOther {
		t.Errorf("a path before the name: %d", a.status)
	}
	files, err := o.db.VerifyFiles(t.Context())
	if err != nil || len(files) != 1 || files[0].Name != proof {
		t.Errorf("stored %v %v", files, err)
	}
	if a := d.post("/admin/files", url.Values{"name": {"KB0yxbqWDy.txt"}, "content": {"c0ffee"}}); a.status != http.StatusSeeOther {
		t.Errorf("an honest paste: %d %s", a.status, a.words())
	}
	if a := o.stranger().get("/KB0yxbqWDy.txt"); a.body != "c0ffee" {
		t.Errorf("the pasted file has %q", a.body)
	}
}
