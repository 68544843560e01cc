package sandbox

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

var twoButtons = object{"button": []object{
	{"type": "click", "name": "我的券", "key": "MY"},
	{"name": "活动", "sub_button": []object{{"type": "view", "name": "领拿铁", "url": "http://shop.example/c/latte?a=1"}}},
}}

func TestTheMenuIsCreatedShownAndDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := "?access_token=" + w.token()
	wantCode(t, "none yet", w.get("/cgi-bin/menu/get"+token), 46003)
	wantCode(t, "create", w.post("/cgi-bin/menu/create"+token, twoButtons), 0)
	_, text := w.do(http.MethodGet, "/cgi-bin/menu/get"+token, "", nil)
	if text != `{"menu":{"button":[{"type":"click","name":"我的券","key":"MY","sub_button":[]},{"name":"活动","sub_button":[{"type":"view","name":"领拿铁","url":"http://shop.example/c/latte?a=1","sub_button":[]}]}]}}` {
		t.Errorf("menu %s", text)
	}
	lin := w.following("lin")
	open, err := w.Press("lin", "0")
	w.must(err)
	w.pushedEvent("<![CDATA[CLICK]]>", "<EventKey><![CDATA[MY]]></EventKey>", lin.openID)
	if open != "" {
		t.Errorf("a click opens %q", open)
	}
	if open, err = w.Press("lin", "1.0"); err != nil || open != "http://shop.example/c/latte?a=1" {
		t.Errorf("%q, %v", open, err)
	}
	w.pushedEvent("<![CDATA[VIEW]]>", "<EventKey><![CDATA[http://shop.example/c/latte?a=1]]></EventKey><MenuId>")
	for _, path := range []string{"1", "2", "1.1", "-1", "x", ""} {
		if _, err := w.Press("lin", path); err == nil {
			t.Errorf("%q was pressed", path)
		}
	}
	wantCode(t, "POST", w.post("/cgi-bin/menu/delete"+token, nil), 43001)
	wantCode(t, "delete", w.get("/cgi-bin/menu/delete"+token), 0)
	wantCode(t, "again", w.get("/cgi-bin/menu/delete"+token), 0)
	wantCode(t, "gone", w.get("/cgi-bin/menu/get"+token), 46003)
}

func TestTheLimitsOfAMenu(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/cgi-bin/menu/create?access_token=" + w.token()
	b := func(kind, name, field, value string) object { return object{"type": kind, "name": name, field: value} }
	click := b("click", "好", "key", "K")
	top := func(list ...object) object { return object{"button": list} }
	sub := func(list ...object) object { return top(object{"name": "上", "sub_button": list}) }
	address := func(n int) string { return "http://x.example/" + strings.Repeat("a", n-17) }
	for name, c := range map[string]struct {
		in   object
		code int
	}{
		"three":            {top(click, click, click), 0},
		"five below":       {sub(click, click, click, click, click), 0},
		"largest":          {sub(b("view", strings.Repeat("a", 60), "url", address(1024)), b("click", "k", "key", strings.Repeat("k", 128))), 0},
		"16 bytes on top":  {top(b("click", strings.Repeat("a", 16), "key", "K")), 0},
		"none":             {top(), 40016},
		"four":             {top(click, click, click, click), 40016},
		"six below":        {sub(click, click, click, click, click, click), 40023},
		"17 bytes on top":  {top(b("click", strings.Repeat("a", 17), "key", "K")), 40018},
		"no name":          {top(b("click", "", "key", "K")), 40018},
		"61 bytes below":   {sub(b("click", strings.Repeat("a", 61), "key", "K")), 40025},
		"key too long":     {top(b("click", "a", "key", strings.Repeat("k", 129))), 40019},
		"no key":           {sub(b("click", "a", "key", "")), 40026},
		"url too long":     {top(b("view", "a", "url", address(1025))), 40020},
		"url not absolute": {sub(b("view", "a", "url", "/c/latte")), 40027},
		"script":           {top(b("view", "a", "url", "javascript:alert(1)")), 40020},
		"unknown type":     {top(b("dance", "a", "key", "K")), 40017},
		"no type":          {sub(object{"name": "a"}), 40024},
		"three levels":     {sub(object{"name": "a", "sub_button": []object{click}}), 40022},
		"mini program":     {top(object{"type": "miniprogram", "name": "a", "url": "http://x.example", "appid": "wx1"}), 40035},
		"media":            {top(b("media_id", "a", "key", "K")), 40007},
		"escaped":          {top(b("view", "a", "url", "http://x.example/?a=1&b=2")), 40033},
	} {
		wantCode(t, name, w.post(path, c.in), c.code)
	}
	wantCode(t, "GET", w.get(path), 43002)
	wantCode(t, "no JSON", parse(t, func() string { _, s := w.do(http.MethodPost, path, "", []byte("{")); return s }()), 47001)
	if _, text := w.do(http.MethodPost, path, "", []byte(`{"button":[{"type":"click","name":"a\\u0041","key":"K"}]}`)); errcode(parse(t, text)) != 0 {
		t.Errorf("a backslash before a u is no escape: %s", text)
	}
}

// makeScene makes a code and returns its ticket.
func (w *world) makeScene(in object) string {
	w.t.Helper()
	o := w.post("/cgi-bin/qrcode/create?access_token="+w.token(), in)
	ticket, _ := o["ticket"].(string)
	if ticket == "" {
		w.t.Fatalf("no ticket: %v", o)
	}
	return ticket
}

func sceneBody(action, field string, value any) object {
	return object{"action_name": action, "action_info": object{"scene": object{field: value}}}
}

func TestCodesWithAScene(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/cgi-bin/qrcode/create?access_token=" + w.token()
	for name, c := range map[string]struct {
		in   object
		code int
	}{
		"number": {sceneBody("QR_SCENE", "scene_id", 4294967295), 0}, "text": {sceneBody("QR_STR_SCENE", "scene_str", strings.Repeat("店", 64)), 0},
		"forever": {sceneBody("QR_LIMIT_SCENE", "scene_id", 100000), 0}, "30 days": {with(sceneBody("QR_STR_SCENE", "scene_str", "a"), "expire_seconds", 2592000), 0},
		"zero": {sceneBody("QR_SCENE", "scene_id", 0), 40053}, "33 bits": {sceneBody("QR_SCENE", "scene_id", 4294967296), 40053}, "a fraction": {sceneBody("QR_SCENE", "scene_id", 1.5), 40053},
		"100001": {sceneBody("QR_LIMIT_SCENE", "scene_id", 100001), 40053}, "no text": {sceneBody("QR_STR_SCENE", "scene_id", 1), 40053}, "65 characters": {sceneBody("QR_LIMIT_STR_SCENE", "scene_str", strings.Repeat("a", 65)), 40053},
		"a card": {sceneBody("QR_CARD", "scene_id", 1), 40053}, "too long": {with(sceneBody("QR_SCENE", "scene_id", 1), "expire_seconds", 2592001), 40035}, "too short": {with(sceneBody("QR_SCENE", "scene_id", 1), "expire_seconds", 59), 40035},
	} {
		wantCode(t, name, w.post(path, c.in), c.code)
	}
	wantCode(t, "GET", w.get(path), 43002)
	forever := sceneBody("QR_LIMIT_STR_SCENE", "scene_str", "c12")
	if o := w.post(path, forever); o["expire_seconds"] != nil || !strings.HasPrefix(o["url"].(string), "http://weixin.qq.com/q/") || w.makeScene(forever) != o["ticket"] {
		t.Errorf("a permanent scene: %v", o)
	}
	short := with(sceneBody("QR_STR_SCENE", "scene_str", "<b>&"), "expire_seconds", 60)
	if o := w.post(path, short); o["expire_seconds"] != 60.0 {
		t.Errorf("a temporary scene: %v", o)
	}
	ticket := w.makeScene(short)
	if url.QueryEscape(ticket) == ticket {
		t.Errorf("the ticket %q needs no escaping", ticket)
	}
	show := func() (*http.Response, string) {
		return w.do(http.MethodGet, "/cgi-bin/showqrcode?ticket="+url.QueryEscape(ticket), "", nil)
	}
	if res, body := show(); res.StatusCode != 200 || res.Header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(body, "&lt;b&gt;&amp;") {
		t.Errorf("%s %s", res.Status, body)
	}
	w.clock.add(time.Minute)
	if res, _ := show(); res.StatusCode != http.StatusNotFound {
		t.Error("the picture outlives its code")
	}
	if w.Scan("lin", ticket) == nil || w.Scan("lin", "x") == nil {
		t.Error("a code that is over was scanned")
	}
}

func TestScanningFollowsOrTellsTheScene(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text := w.makeScene(sceneBody("QR_LIMIT_STR_SCENE", "scene_str", "c12-shop3"))
	number := w.makeScene(sceneBody("QR_SCENE", "scene_id", 77))
	info := func(openID string) object {
		return w.get("/cgi-bin/user/info?lang=zh_CN&access_token=" + w.token() + "&openid=" + openID)
	}
	lin, mei := w.persona("lin"), w.persona("mei")
	if o := info(lin.openID); o["subscribe"] != 0.0 || len(o) != 2 || o["openid"] != lin.openID {
		t.Errorf("a stranger: %v", o)
	}
	wantCode(t, "nobody", info("oNobody"), 40003)
	wantCode(t, "no openid", info(""), 40003)
	w.must(w.Scan("lin", text))
	w.pushedEvent("<![CDATA[subscribe]]>", "<EventKey><![CDATA[qrscene_c12-shop3]]></EventKey><Ticket><![CDATA["+text+"]]></Ticket>", lin.openID)
	w.must(w.Scan("lin", number))
	w.pushedEvent("<![CDATA[SCAN]]>", "<EventKey><![CDATA[77]]></EventKey><Ticket><![CDATA["+number+"]]></Ticket>")
	if o := info(lin.openID); o["subscribe"] != 1.0 || o["subscribe_scene"] != "ADD_SCENE_QR_CODE" || o["qr_scene_str"] != "c12-shop3" || o["qr_scene"] != 0.0 || o["subscribe_time"] != float64(w.clock.Now().Unix()) {
		t.Errorf("a follower: %v", o)
	}
	w.must(w.Scan("mei", number))
	w.pushedEvent("<![CDATA[qrscene_77]]>")
	if o := info(mei.openID); o["qr_scene"] != 77.0 || o["nickname"] != nil {
		t.Errorf("a follower by number: %v", o)
	}
	wantCode(t, "POST", w.post("/cgi-bin/user/info?access_token="+w.token(), nil), 43001)
}

func TestTemporaryCodesMakeRoomForNewOnes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keep := w.makeScene(sceneBody("QR_LIMIT_SCENE", "scene_id", 1))
	first := w.makeScene(sceneBody("QR_SCENE", "scene_id", 1))
	w.Server.mu.Lock()
	defer w.Server.mu.Unlock()
	for range maxScenes {
		w.addScene(scene{number: 9, until: w.clock.Now().Add(time.Hour)})
	}
	if len(w.scenes) != maxScenes || w.scene(first) != nil || w.scene(keep) == nil {
		t.Errorf("%d codes", len(w.scenes))
	}
	for i := range maxScenes {
		w.addScene(scene{number: int64(i + 1)})
	}
	if w.addScene(scene{number: maxScenes + 1}) != nil || w.addScene(scene{number: 1}) == nil {
		t.Error("permanent codes must fill up, and the ones there stay")
	}
}

func (w *world) upload(token, kind, field string, data []byte) object {
	w.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile(field, "a.png")
	w.must(err)
	_, _ = part.Write(data)
	w.must(form.Close())
	_, text := w.do(http.MethodPost, "/cgi-bin/media/upload?access_token="+token+"&type="+kind, "", b.Bytes(), "Content-Type", form.FormDataContentType())
	return parse(w.t, text)
}

func TestPicturesAreUploaded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token, png := w.token(), sampleImage(120)
	o := w.upload(token, "image", "media", png)
	id, _ := o["media_id"].(string)
	if o["type"] != "image" || len(id) != 64 || o["created_at"] != float64(w.clock.Now().Unix()) {
		t.Fatalf("answer %v", o)
	}
	if res, body := w.do(http.MethodGet, "/mmbiz_pic/"+id, "", nil); res.StatusCode != 200 || body != string(png) {
		t.Errorf("the picture: %s", res.Status)
	}
	large := append(bytes.Clone(png), make([]byte, maxPicture)...)
	wantCode(t, "10 MB", w.upload(token, "image", "media", large[:maxPicture]), 0)
	wantCode(t, "larger", w.upload(token, "image", "media", large[:maxPicture+1]), 40009)
	wantCode(t, "a page", w.upload(token, "image", "media", []byte("<html>")), 40005)
	wantCode(t, "another field", w.upload(token, "image", "file", png), 41005)
	wantCode(t, "voice", w.upload(token, "voice", "media", png), 40004)
	wantCode(t, "no form", w.post("/cgi-bin/media/upload?type=image&access_token="+token, object{}), 41005)
	wantCode(t, "GET", w.get("/cgi-bin/media/upload?type=image&access_token="+token), 43002)
	w.clock.add(pictureLife)
	if res, _ := w.do(http.MethodGet, "/mmbiz_pic/"+id, "", nil); res.StatusCode != http.StatusNotFound {
		t.Error("a temporary picture stays")
	}
}
