package wechat

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestAMenuKeepsTheLimitsOfWeChat(t *testing.T) {
	t.Parallel()
	click := Button{Type: ButtonClick, Name: "优惠", Key: "k"}
	with := func(change func(*Button)) Button {
		b := click
		change(&b)
		return b
	}
	more := func(sub ...Button) Button { return Button{Name: "更多", Sub: sub} }
	five := []Button{click, click, click, click, click}
	for name, m := range map[string][]Button{
		"one": {click}, "full": {more(five...), more(five...), more(five...)}, "16 bytes": {with(func(b *Button) { b.Name = "1234567890123五" })},
		"long name below": {more(with(func(b *Button) { b.Name = strings.Repeat("名", 20) }))},
		"view":            {{Type: ButtonView, Name: "a", URL: "https://a.example/" + strings.Repeat("x", MaxButtonURL-18)}},
		"mini program":    {{Type: ButtonMiniProgram, Name: "a", URL: "http://a.example/", AppID: "wx1", PagePath: "pages/index?a=1"}},
		"scan":            {{Type: ButtonScanWait, Name: "a", Key: strings.Repeat("k", MaxButtonKey)}}, "material": {{Type: ButtonMedia, Name: "a", MediaID: "M"}},
		"article": {{Type: ButtonArticle, Name: "a", ArticleID: "A"}},
	} {
		if err := (Menu{m}).Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		menu     []Button
		code     int
		top, sub int
		field    string
	}{
		"nothing":            {nil, 40016, -1, -1, ""},
		"four":               {[]Button{click, click, click, click}, 40016, -1, -1, ""},
		"six below":          {[]Button{click, more(append(five, click)...)}, 40023, 1, -1, "sub_button"},
		"three levels":       {[]Button{more(more(click))}, 40023, 0, 0, "sub_button"},
		"no name":            {[]Button{with(func(b *Button) { b.Name = " " })}, 40018, 0, -1, "name"},
		"long name":          {[]Button{with(func(b *Button) { b.Name = "今日优惠活动" })}, 40018, 0, -1, "name"},
		"long name of group": {[]Button{{Name: "今日优惠活动", Sub: []Button{click}}}, 40018, 0, -1, "name"},
		"long name below":    {[]Button{more(click, with(func(b *Button) { b.Name = strings.Repeat("名", 21) }))}, 40025, 0, 1, "name"},
		"control character":  {[]Button{with(func(b *Button) { b.Name = "a\x00b" })}, 40018, 0, -1, "name"},
		"group with action":  {[]Button{{Name: "a", Type: ButtonClick, Sub: []Button{click}}}, 40017, 0, -1, "type"},
		"no type":            {[]Button{{Name: "a"}}, 40017, 0, -1, "type"},
		"unknown type":       {[]Button{more(Button{Name: "a", Type: "explode"})}, 40024, 0, 0, "type"},
		"no key":             {[]Button{with(func(b *Button) { b.Key = "" })}, 40019, 0, -1, "key"},
		"long key":           {[]Button{more(with(func(b *Button) { b.Key = strings.Repeat("k", MaxButtonKey+1) }))}, 40026, 0, 0, "key"},
		"key not wanted":     {[]Button{{Type: ButtonView, Name: "a", URL: "https://a.example/", Key: "k"}}, 40019, 0, -1, "key"},
		"script":             {[]Button{{Type: ButtonView, Name: "a", URL: "javascript:alert(1)"}}, 40020, 0, -1, "url"},
		"relative":           {[]Button{more(Button{Type: ButtonView, Name: "a", URL: "/c/1"})}, 40027, 0, 0, "url"},
		"no app":             {[]Button{{Type: ButtonMiniProgram, Name: "a", URL: "https://a.example/", PagePath: "p"}}, 40017, 0, -1, "appid"},
		"no page":            {[]Button{{Type: ButtonMiniProgram, Name: "a", URL: "https://a.example/", AppID: "wx1"}}, 40017, 0, -1, "pagepath"},
		"no material":        {[]Button{{Type: ButtonMedia, Name: "a"}}, 40017, 0, -1, "media_id"},
		"no article":         {[]Button{{Type: ButtonArticleView, Name: "a"}}, 40017, 0, -1, "article_id"},
	} {
		s := newSetup(t)
		err := s.process().CreateMenu(t.Context(), Menu{c.menu})
		var (
			wrong *MenuError
			api   *APIError
		)
		if !errors.As(err, &wrong) || wrong.Top != c.top || wrong.Sub != c.sub || wrong.Field != c.field || !errors.As(err, &api) || api.Code != c.code {
			t.Errorf("%s: %v, want %d at %d.%d %s", name, err, c.code, c.top, c.sub, c.field)
		}
		s = newSetup(t)
		s.c.OpenURL = "http://127.0.0.1:9/stand-in" // of somebody else's making
		if got := s.process().ShowQRURL("T"); got != "http://127.0.0.1:9/stand-in/cgi-bin/showqrcode?ticket=T" {
			t.Error(got)
		}
		s.called(pathStable, 0)
	}
	s := newSetup(t)
	a := s.ready()
	for _, answer := range []string{
		`{"menu":{"button":[{},{},{},{}]}}`, `{"menu":{"button":[{"sub_button":[{},{},{},{},{},{}]}]}}`, `{"menu":{"button":{}}}`, `{"selfmenu_info":{}}`,
	} {
		s.serve("/cgi-bin/menu/get", answer)
		var bad *AnswerError
		if m, err := a.GetMenu(t.Context()); !errors.As(err, &bad) {
			t.Errorf("%s: %+v, %v", answer, m, err)
		}
	}
}

func TestThePictureOfACodeNeedsNoToken(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	if got := s.process().ShowQRURL("gQ/+a=="); got != "https://mp.weixin.qq.com/cgi-bin/showqrcode?ticket=gQ%2F%2Ba%3D%3D" {
		t.Error(got)
	}
	s = newSetup(t)
	s.c.Sandbox, s.c.OpenURL = true, "http://127.0.0.1:9/stand-in/"
	if got := s.process().ShowQRURL("T"); got != "http://127.0.0.1:9/stand-in/cgi-bin/showqrcode?ticket=T" {
		t.Error(got)
	}
	s.called(pathStable, 0)
}

var pngBytes = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")

func TestAPictureIsSentAsAFormWithItsLength(t *testing.T) {
	t.Parallel()
	s := newSetup(t).overNetwork()
	a := s.ready()
	jpeg := append([]byte("\xff\xd8\xff\xe0"), bytes.Repeat([]byte("\x00--picture\r\n"), 100_000)...)
	var got []byte
	s.platform.say(func(r *http.Request, body []byte) string {
		if r.URL.Path != "/cgi-bin/media/upload" {
			return ""
		}
		if r.URL.Query().Get("access_token") != s.platform.token {
			return `{"errcode":40001}`
		}
		kind, p, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kind != "multipart/form-data" || r.ContentLength != int64(len(body)) {
			t.Errorf("%s, %d bytes said, %d sent, %v", kind, r.ContentLength, len(body), err)
			return `{"errcode":41005}`
		}
		form := multipart.NewReader(bytes.NewReader(body), p["boundary"])
		part, err := form.NextPart()
		if err != nil || part.FormName() != "media" || part.FileName() != "picture.jpg" || part.Header.Get("Content-Type") != "image/jpeg" {
			t.Errorf("part %+v, %v", part, err)
			return `{"errcode":41005}`
		}
		got, _ = io.ReadAll(part)
		if _, err := form.NextPart(); !errors.Is(err, io.EOF) {
			t.Errorf("a second part: %v", err)
		}
		return `{"type":"image","media_id":"M1","created_at":99999999999}`
	})
	s.platform.forget() // so the body is sent twice
	before := time.Now().Add(-time.Minute)
	m, err := a.UploadImage(t.Context(), jpeg)
	if err != nil || m.ID != "M1" || !bytes.Equal(got, jpeg) {
		t.Fatalf("%+v, %d bytes, %v", m, len(got), err)
	}
	s.called("/cgi-bin/media/upload/image", 2)
	if end := m.EndsAt(); end.After(time.Now().Add(MediaLife)) || end.Before(before.Add(MediaLife)) {
		t.Errorf("it ends at %v", end)
	}
}
