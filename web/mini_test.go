package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/mini"
	"kaquan/wechat"
)

// turn flips a switch of the sandbox.
func (w *miniWorld) turn(name string, on bool) {
	w.Helper()
	if err := w.phone.SetSwitch(name, on); err != nil {
		w.Fatal(err)
	}
}

func TestAMiniProgramSignsInAndOut(t *testing.T) {
	t.Parallel()
	w := openMini(t)
	p := w.enter()
	a := p.wants(p.call("GET", "/session", nil), 200, "")
	if a.at("renew") != false || a.at("idle_seconds") != float64(7*24*3600) || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("session: %s", a.raw)
	}
	if a := p.wants(p.call("GET", "/session?check=1", nil), 200, ""); a.at("key_live") != true {
		t.Errorf("the key is said to be dead: %s", a.raw)
	}
	w.code(p.persona) // another sign-in elsewhere takes the key away
	old := p.token
	again := p.signIn()
	if again.text("token") == old || again.text("me.id") != p.call("GET", "/me", nil).text("id") {
		t.Errorf("signed in again as %s", again.raw)
	}
	first := &miniPhone{w: w, persona: p.persona, token: old}
	if a := first.wants(first.call("GET", "/session?check=1", nil), 200, ""); a.at("key_live") != false {
		t.Errorf("the key of the older session lives: %s", a.raw)
	}
	p.wants(p.call("DELETE", "/session", nil), 204, "")
	p.wants(p.call("GET", "/session", nil), 401, "mini.session.revoked")
	first.wants(first.call("DELETE", "/session?all=1", nil), 204, "")
	first.wants(first.call("DELETE", "/session", nil), 401, "mini.session.revoked")
}

func TestSignInIsRefusedWithTheRightCode(t *testing.T) {
	t.Parallel()
	w := openMini(t)
	n, used := w.nobody(), w.code("")
	n.wants(n.call("POST", "/session", fields{"code": used}), 201, "")
	old := w.code("")
	w.pass(6 * time.Minute)
	for name, c := range map[string]struct {
		body   any
		status int
		code   string
	}{
		"a code that was used":    {fields{"app_id": miniApp, "code": used}, 401, "mini.code.used"},
		"a code that is too old":  {fields{"app_id": miniApp, "code": old}, 401, "mini.code.invalid"},
		"a code nobody gave out":  {fields{"app_id": miniApp, "code": "nonsense"}, 401, "mini.code.invalid"},
		"a code with a line end":  {fields{"app_id": miniApp, "code": "a\nb"}, 401, "mini.code.invalid"},
		"a code far too long":     {fields{"app_id": miniApp, "code": strings.Repeat("a", 5000)}, 401, "mini.code.invalid"},
		"no code":                 {fields{"app_id": miniApp}, 422, "mini.code.missing"},
		"a code that is a list":   {fields{"app_id": miniApp, "code": []string{"x"}}, 422, "mini.code.missing"},
		"another mini program":    {fields{"app_id": "wx00000000000000bb", "code": "x"}, 404, "mini.program.unknown"},
		"the official account":    {fields{"app_id": string(dbtest.Credentials().AppID), "code": "x"}, 404, "mini.program.unknown"},
		"no JSON":                 {"hello", 400, "mini.error.body"},
		"a list":                  {"[]", 400, "mini.error.body"},
		"JSON that ends too soon": {`{"code":`, 400, "mini.error.body"},
		"nothing":                 {nil, 422, "mini.code.missing"},
	} {
		if a := n.call("POST", "/session", c.body); a.status != c.status || a.text("code") != c.code {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
	r := httptest.NewRequest("POST", "/mini/v1/session", strings.NewReader("<x/>"))
	r.Header.Set("Content-Type", "text/xml")
	n.wants(n.send(r), 400, "mini.error.body")
	r = httptest.NewRequest("POST", "/mini/v1/session", strings.NewReader(url.Values{"code": {w.code("")}, "app_id": {miniApp}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	n.wants(n.send(r), 201, "")
	r = httptest.NewRequest("POST", "/mini/v1/session", bytes.NewReader(packed(`{"app_id":"`+miniApp+`","code":"`+w.code("")+`"}`)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Encoding", "gzip") // wx.request never packs: a megabyte would unfold to a thousand
	n.wants(n.send(r), 400, "mini.error.body")
	for name, c := range map[string]struct {
		status int
		code   string
	}{"mini_code_bad": {401, "mini.code.invalid"}, "mini_login_fast": {429, "mini.code.often"}, "mini_user_blocked": {403, "mini.code.blocked"}} {
		w.turn(name, true)
		if a := n.call("POST", "/session", fields{"code": w.code("")}); a.status != c.status || a.text("code") != c.code {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
		w.turn(name, false)
	}
}

func packed(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return b.Bytes()
}

func TestSessionsEndAndRenew(t *testing.T) {
	t.Parallel()
	w := openMini(t)
	n := w.nobody()
	n.wants(n.call("GET", "/me", nil), 401, "mini.session.none")
	for _, token := range []string{strings.Repeat("A", 43), "x", strings.Repeat("A", 4000), "' OR 1=1"} {
		n.token = token
		n.wants(n.call("GET", "/me", nil), 401, "mini.session.unknown")
	}
	idle, busy := w.enter(), w.enter()
	for range 4 {
		w.pass(6 * 24 * time.Hour)
		busy.wants(busy.call("GET", "/me", nil), 200, "")
	}
	idle.wants(idle.call("GET", "/me", nil), 401, "mini.session.expired")
	if a := busy.wants(busy.call("GET", "/session", nil), 200, ""); a.at("renew") != true {
		t.Errorf("six days are left and nothing says so: %s", a.raw)
	}
	old := *busy
	a := busy.wants(busy.call("POST", "/session/renew", nil), 200, "")
	busy.token = a.text("token")
	old.wants(old.call("POST", "/session/renew", nil), 401, "mini.session.revoked")
	for range 4 {
		w.pass(6*24*time.Hour + 23*time.Hour)
		busy.wants(busy.call("GET", "/session", nil), 200, "")
	}
	w.pass(3 * 24 * time.Hour)
	busy.wants(busy.call("GET", "/session", nil), 401, "mini.session.expired")
	p := w.enter()
	if err := w.mini.SaveProgram(context.Background(), campaigns.Actor{}, mini.Program{Account: dbtest.Account, AppID: "wx00000000000000bb", Secret: miniSecret}); err != nil {
		t.Fatal(err)
	}
	p.wants(p.call("GET", "/me", nil), 401, "mini.session.revoked")
}

func TestTokensAndKeysAreNotInTheDatabase(t *testing.T) {
	t.Parallel()
	w := openMini(t)
	p := w.enter()
	code := w.hand(p.persona, "phone-code", nil)["code"]
	phone := p.wants(p.call("POST", "/me/phone", fields{"code": code}), 200, "").text("phone")
	session, err := w.mini.Session(context.Background(), mini.Token(p.token))
	if err != nil || len(session.Key) != 24 || len(phone) != 11 {
		t.Fatalf("%v, phone %q", err, phone)
	}
	files, err := filepath.Glob(filepath.Join(w.folder, "kaquan.db*"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for what, secret := range map[string]string{"token": p.token, "session key": session.Key, "phone": phone, "secret": miniSecret} {
			if bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s has the %s", filepath.Base(name), what)
			}
		}
	}
}

func TestAnOwnCodeIsClaimedAndShown(t *testing.T) {
	t.Parallel()
	w := openMini(t)
	w.publish("cake", campaigns.OwnCode, func(d *campaigns.Draft) {
		d.Form = campaigns.Form{{Key: "phone", Kind: campaigns.MobileField, Label: "手机号", Required: true}, {Key: "size", Kind: campaigns.ChoiceField, Label: "杯型", Options: []string{"大", "小"}, Required: true}}
		d.Texts.ShowStock = true
	})
	p := w.enter()
	page := p.wants(p.call("GET", "/campaigns/cake", nil), 200, "")
	if page.text("state") != "form" || page.text("form.1.options.0") != "大" || page.at("consent.needed") != true || page.at("stock.few") != true || len(page.at("mine").([]any)) != 0 {
		t.Errorf("the page: %s", page.raw)
	}
	key := page.text("key")
	bad := p.wants(p.call("POST", "/campaigns/cake/claims", fields{"key": key, "answers": fields{"phone": "123"}}), 422, "error.invalid")
	if bad.text("errors.0.field") != "f_phone" || bad.text("errors.0.code") != "form.mobile.invalid" || bad.text("errors.1.code") != "form.field.required" || bad.text("errors.2.field") != "consent" {
		t.Errorf("the problems: %s", bad.raw)
	}
	good := fields{"key": key, "answers": fields{"phone": 13800138000, "size": "大"}, "consent": true}
	one := fields{"key": key, "answers": good["answers"], "consent": false}
	if a := p.wants(p.call("POST", "/campaigns/cake/claims", one), 422, "form.consent.required"); a.text("field") != "consent" || a.text("errors.0.field") != "consent" {
		t.Errorf("one problem: %s", a.raw)
	}
	p.wants(p.call("POST", "/campaigns/cake/claims", fields{"key": "x", "answers": good["answers"], "consent": true}), 422, "claim.bad_key")
	a := p.wants(p.call("POST", "/campaigns/cake/claims", good), 201, "")
	if a.text("claim.state") != "confirmed" || len(a.text("claim.code")) != 12 || a.text("claim.qr") == "" || a.text("page.state") != "claimed_local" || a.text("page.mine.0.id") != a.text("claim.id") {
		t.Errorf("the claim: %s", a.raw)
	}
	w.pass(time.Second)
	if again := p.wants(p.call("POST", "/campaigns/cake/claims", good), 200, ""); again.text("claim.id") != a.text("claim.id") {
		t.Errorf("the repeat made another claim: %s", again.raw)
	}
	good["key"] = "another-key"
	p.wants(p.call("POST", "/campaigns/cake/claims", good), 409, "claim.limit")
	mine := p.wants(p.call("GET", "/claims", nil), 200, "")
	if mine.text("claims.0.claim.code") != a.text("claim.code") || mine.text("claims.0.campaign.slug") != "cake" || len(mine.at("claims").([]any)) != 1 {
		t.Errorf("my cards: %s", mine.raw)
	}
	r := httptest.NewRequest("POST", "/mini/v1/campaigns/cake/claims", strings.NewReader(url.Values{"f_phone": {"138 0013 8001"}, "f_size": {"小"}, "consent": {"1"}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Idempotency-Key", "header-key-1")
	other := w.enter()
	other.wants(other.send(r), 201, "")
	other.wants(other.call("POST", "/claims/"+a.text("claim.id")+"/report", fields{"outcome": "added"}), 404, "claim.not_yours")
	p.wants(p.call("GET", "/campaigns/nothing", nil), 404, "campaign.error.not_found")
	p.wants(p.call("GET", "/nothing", nil), 404, "api.not_found")
	if english := httptest.NewRequest("GET", "/mini/v1/campaigns/nothing", nil); english != nil {
		english.Header.Set("Accept-Language", "en")
		if a := p.send(english); strings.ContainsAny(a.text("message"), "没有") {
			t.Errorf("asked for English, got %s", a.raw)
		}
	}
}

func TestAWeChatCardGoesIntoTheWallet(t *testing.T) {
	t.Parallel()
	w := openMini(t)
	w.publish("latte", campaigns.WeChatCard, nil)
	p := w.enter()
	if page := p.call("GET", "/campaigns/latte", nil); page.text("state") != "ready" {
		t.Fatalf("the page: %s", page.raw)
	}
	a := p.wants(p.call("POST", "/campaigns/latte/claims", fields{"key": "latte-key-1"}), 201, "")
	id := a.text("claim.id")
	if a.text("claim.state") != "held" || a.text("claim.hold_until") == "" || a.text("page.state") != "claiming" || a.text("claim.code") != "" {
		t.Errorf("the claim: %s", a.raw)
	}
	other := w.enter()
	other.wants(other.call("POST", "/claims/"+id+"/card", nil), 404, "claim.not_yours")
	card := p.wants(p.call("POST", "/claims/"+id+"/card", nil), 200, "")
	if next := p.call("POST", "/claims/"+id+"/card", nil); next.text("card_ext") == card.text("card_ext") {
		t.Error("two taps got the same nonce")
	}
	added := w.hand(p.persona, "add-card", fields{"cardList": card.at("card_list")})
	if added["errMsg"] != "addCard:ok" {
		t.Fatalf("the wallet says %v", added)
	}
	sealed := added["cardList"].([]any)[0].(fields)["code"]
	p.wants(p.call("POST", "/claims/"+id+"/report", fields{"outcome": "eaten"}), 422, "error.invalid")
	told := p.wants(p.call("POST", "/claims/"+id+"/report", fields{"outcome": "added", "code": sealed}), 200, "")
	if told.text("claim.state") != "reported" {
		t.Errorf("reported: %s", told.raw)
	}
	if page := p.call("GET", "/campaigns/latte", nil); page.text("state") != "confirming" {
		t.Errorf("the page: %s", page.raw)
	}
	p.wants(p.call("POST", "/claims/"+id+"/card", nil), 409, "claim.hold_over")
	p.wants(p.call("POST", "/claims/zzz/card", nil), 404, "claim.not_yours")
	gone := other.call("POST", "/campaigns/latte/claims", fields{"key": "latte-key-2"}).text("claim.id")
	w.pass(3 * time.Minute)
	other.wants(other.call("POST", "/claims/"+gone+"/card", nil), 409, "claim.hold_over")
}

func TestATokenOfAnotherAccountIsRefused(t *testing.T) {
	t.Parallel()
	w := openMini(t)
	ctx := context.Background()
	other := dbtest.Credentials()
	other.Account, other.AppID = "other", "wx0000000000000002"
	if err := w.campaigns.SaveAccount(ctx, w.db, campaigns.Actor{}, campaigns.Account{ID: "other", Name: "别家", Credentials: other}); err != nil {
		t.Fatal(err)
	}
	w.publish("theirs", campaigns.OwnCode, func(d *campaigns.Draft) { d.Account = "other" })
	p := w.enter()
	p.wants(p.call("GET", "/campaigns/theirs", nil), 403, "mini.session.other_account")
	p.wants(p.call("POST", "/campaigns/theirs/claims", fields{"key": "their-key-1"}), 403, "mini.session.other_account")
	if err := w.mini.SaveProgram(ctx, campaigns.Actor{}, mini.Program{Account: "other", AppID: miniApp, Secret: miniSecret}); err == nil {
		t.Error("one mini program belongs to two accounts")
	}
	if err := w.mini.SaveProgram(ctx, campaigns.Actor{}, mini.Program{Account: "other", AppID: other.AppID, Secret: miniSecret}); err == nil {
		t.Error("an official account is its own mini program")
	}
}

func TestOpenDataIsRefusedForEachFault(t *testing.T) {
	t.Parallel()
	w := openMini(t)
	p := w.enter()
	send := func(kind, fault, path string) answer {
		w.pass(11 * time.Second) // the limit on what is rare
		d := w.hand(p.persona, "user-data", fields{"kind": kind, "fault": fault})
		body := fields{"encrypted_data": d["encryptedData"], "iv": d["iv"]}
		if path == "/me/open-data" && d["rawData"] != nil {
			body["raw_data"], body["signature"] = d["rawData"], d["signature"]
		}
		return p.call("POST", path, body)
	}
	p.wants(send("profile", "", "/me/open-data"), 200, "")
	if a := p.wants(send("phone", "", "/me/phone"), 200, ""); len(a.text("phone")) != 11 {
		t.Errorf("the phone: %s", a.raw)
	}
	p.wants(send("profile", "", "/me/phone"), 422, "mini.phone.missing")
	for fault, want := range map[string]struct {
		status int
		code   string
	}{
		"iv": {422, "mini.data.shape"}, "block": {422, "mini.data.shape"}, "empty": {422, "mini.data.shape"}, "plus": {422, "mini.data.shape"},
		"padding": {409, "mini.data.stale"}, "key": {409, "mini.data.stale"}, "watermark": {409, "mini.data.stale"}, "openid": {409, "mini.data.stale"},
		"old": {409, "mini.data.old"}, "signature": {409, "mini.data.signature"},
	} {
		if a := send("profile", fault, "/me/open-data"); a.status != want.status || a.text("code") != want.code {
			t.Errorf("%s: %d %s", fault, a.status, a.raw)
		}
	}
	old := *p
	p.signIn() // WeChat seals with the newer key from now on
	d := w.hand(p.persona, "user-data", nil)
	body := fields{"encrypted_data": d["encryptedData"], "iv": d["iv"]}
	w.pass(11 * time.Second)
	old.wants(old.call("POST", "/me/open-data", body), 409, "mini.data.stale")
	w.pass(11 * time.Second)
	p.wants(p.call("POST", "/me/open-data", body), 200, "")
	w.pass(11 * time.Second)
	p.wants(p.call("POST", "/me/open-data", fields{}), 422, "mini.data.shape")
}

func TestThePhoneNumberComesByItsOwnCode(t *testing.T) {
	t.Parallel()
	w := openMini(t)
	w.publish("form", campaigns.OwnCode, func(d *campaigns.Draft) { d.Form = campaigns.ClassicForm() })
	p, other := w.enter(), w.enter()
	code := w.hand(p.persona, "phone-code", fields{"number": "13912345678"})["code"]
	other.wants(other.call("POST", "/me/phone", fields{"code": code}), 422, "mini.phone.code")
	w.turn("mini_country_number", true)
	code = w.hand(p.persona, "phone-code", fields{"number": "13912345678"})["code"]
	if a := p.wants(p.call("POST", "/me/phone", fields{"code": code}), 200, ""); a.text("phone") != "13912345678" {
		t.Errorf("the phone: %s", a.raw)
	}
	p.wants(p.call("POST", "/me/phone", fields{"code": code}), 422, "mini.phone.code")
	p.wants(p.call("POST", "/me/phone", fields{}), 422, "mini.phone.missing")
	if a := p.call("GET", "/campaigns/form", nil); a.text("form.3.value") != "13912345678" || a.text("form.0.value") != "" {
		t.Errorf("the form does not know the number: %s", a.raw)
	}
	code = w.hand(p.persona, "phone-code", fields{"number": "5551234", "country": "1"})["code"]
	if a := p.wants(p.call("POST", "/me/phone", fields{"code": code}), 200, ""); a.text("phone") != "+15551234" {
		t.Errorf("the foreign phone: %s", a.raw)
	}
}

// picture is a red one with a blue edge.
func picture(t *testing.T, width, height int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetRGBA(x, y, color.RGBA{200, 20, 20, 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestNicknameAndPictureAreTheOwnersChoice(t *testing.T) {
	t.Parallel()
	w := openMini(t)
	p := w.enter()
	calls := 0
	put := func(body fields) answer {
		if calls++; calls%5 == 0 {
			w.pass(time.Minute)
		}
		return p.call("PUT", "/me", body)
	}
	family := "👨‍👩‍👧‍👦"
	for typed, want := range map[string]string{
		"  小\u202e李\t\n ": "小李", family + " 家": family + " 家", "<b>&": "<b>&", strings.Repeat(family, 32): strings.Repeat(family, 32), "\x00": "", "a\u200db": "a\u200db",
	} {
		if a := put(fields{"nickname": typed}); a.status != 200 || a.text("nickname") != want {
			t.Errorf("%q: %d %s", typed, a.status, a.raw)
		}
	}
	p.wants(put(fields{"nickname": strings.Repeat("李", 33)}), 422, "mini.nickname.long")
	p.wants(put(fields{"nickname": "e" + strings.Repeat("\u0301", 2000)}), 422, "mini.nickname.long")
	w.turn("mini_text_risky", true)
	if a := p.wants(put(fields{"nickname": "坏"}), 422, "mini.nickname.refused"); a.text("field") != "nickname" {
		t.Errorf("refused: %s", a.raw)
	}
	w.turn("mini_text_risky", false)
	wide := picture(t, 600, 300)
	a := p.wants(put(fields{"avatar": base64.StdEncoding.EncodeToString(wide)}), 200, "")
	address, ok := strings.CutPrefix(a.text("avatar"), "https://kq.example.com/mini/v1")
	if !ok {
		t.Fatalf("the picture is at %s", a.raw)
	}
	n := w.nobody()
	shown, err := jpeg.Decode(strings.NewReader(n.wants(n.call("GET", address, nil), 200, "").raw))
	if err != nil || shown.Bounds() != image.Rect(0, 0, 256, 256) {
		t.Fatalf("the picture is drawn as %v, %v", shown, err)
	}
	if r, g, _, _ := shown.At(128, 128).RGBA(); r>>8 < 180 || g>>8 > 50 {
		t.Errorf("red has become %d %d", r>>8, g>>8)
	}
	for name, c := range map[string]struct{ text, code string }{
		"no base64":   {"%%%", "mini.avatar.bad"},
		"no picture":  {base64.StdEncoding.EncodeToString([]byte("<svg/>")), "mini.avatar.bad"},
		"a cut one":   {base64.StdEncoding.EncodeToString(wide[:len(wide)/2]), "mini.avatar.bad"},
		"a huge one":  {base64.StdEncoding.EncodeToString(picture(t, 4097, 1)), "mini.avatar.large"},
		"heavy bytes": {base64.StdEncoding.EncodeToString(make([]byte, mini.MaxAvatar+1)), "mini.avatar.large"},
	} {
		w.pass(time.Minute)
		if a := p.call("PUT", "/me", fields{"avatar": c.text}); a.status != 422 || a.text("code") != c.code {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, _ := form.CreateFormFile("avatar", "../../x.png")
	_, _ = file.Write(picture(t, 40, 80))
	_ = form.Close()
	r := httptest.NewRequest("POST", "/mini/v1/me/avatar", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	if a := p.wants(p.send(r), 200, ""); a.text("avatar") == "https://kq.example.com/mini/v1"+address {
		t.Error("another picture has the same address")
	}
	n.wants(n.call("GET", address, nil), 404, "api.not_found")
	w.pass(time.Minute)
	if a := p.wants(put(fields{"avatar": "", "nickname": ""}), 200, ""); a.text("avatar") != "" || a.text("nickname") != "" {
		t.Errorf("not removed: %s", a.raw)
	}
}

func TestTheUnionidJoinsThePersonOfThePages(t *testing.T) {
	t.Parallel()
	w := openMini(t)
	w.publish("shared", campaigns.OwnCode, func(d *campaigns.Draft) { d.Limits.PerPerson = 2 })
	ctx := context.Background()
	known := func(p *miniPhone) campaigns.Visitor {
		who := w.hand(p.persona, "who", nil)
		v, err := w.campaigns.Visit(ctx, campaigns.Visitor{Account: dbtest.Account, OpenID: wechat.OpenID(who["officialOpenid"].(string)), UnionID: who["unionid"].(string)})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	p := &miniPhone{w: w, persona: w.hand("", "visitor", nil)["persona"].(string)}
	v := known(p)
	if a := p.signIn(); a.at("me.joined") != true || a.text("me.id") != v.Alias() {
		t.Errorf("not joined: %s", a.raw)
	}
	late := w.enter() // the pages learn of the person later
	if a := late.call("GET", "/me", nil); a.at("joined") != false {
		t.Errorf("joined to nobody: %s", a.raw)
	}
	claim := late.wants(late.call("POST", "/campaigns/shared/claims", fields{"key": "shared-key-1"}), 201, "")
	own := known(late)
	if _, _, err := w.campaigns.Claim(ctx, campaigns.Tap{Slug: "shared", Visitor: own.ID, Key: "page-key-1"}); err != nil {
		t.Fatal(err)
	}
	before := *late
	if a := late.signIn(); a.at("me.joined") != true || a.text("me.id") != own.Alias() {
		t.Errorf("not joined later: %s", a.raw)
	}
	mine := before.wants(before.call("GET", "/claims", nil), 200, "")
	if list := mine.at("claims").([]any); len(list) != 2 || mine.text("claims.1.claim.id") != claim.text("claim.id") {
		t.Errorf("the claims did not come along: %s", mine.raw)
	}
	late.wants(late.call("POST", "/campaigns/shared/claims", fields{"key": "shared-key-2"}), 409, "claim.limit")
}

func TestErasureEndsEverySessionAndKeepsTheLimit(t *testing.T) {
	t.Parallel()
	w := openMini(t)
	w.publish("once", campaigns.OwnCode, nil)
	for name, joined := range map[string]bool{"a person of the mini program alone": false, "a person of the pages too": true} {
		p := &miniPhone{w: w, persona: w.hand("", "visitor", nil)["persona"].(string)}
		if joined {
			who := w.hand(p.persona, "who", nil)
			if _, err := w.campaigns.Visit(context.Background(), campaigns.Visitor{Account: dbtest.Account, OpenID: "oPages", UnionID: who["unionid"].(string)}); err != nil {
				t.Fatal(err)
			}
		}
		p.signIn()
		second := *p
		second.signIn()
		p.wants(p.call("POST", "/campaigns/once/claims", fields{"key": "once-key-1"}), 201, "")
		p.wants(p.call("PUT", "/me", fields{"nickname": "小李", "avatar": base64.StdEncoding.EncodeToString(picture(t, 10, 10))}), 200, "")
		address := strings.TrimPrefix(p.call("GET", "/me", nil).text("avatar"), "https://kq.example.com/mini/v1")
		p.wants(p.call("POST", "/me/phone", fields{"code": w.hand(p.persona, "phone-code", nil)["code"]}), 200, "")
		p.wants(p.call("DELETE", "/me", nil), 422, "profile.erase.wrong_word")
		p.wants(p.call("DELETE", "/me?confirm=delete", nil), 204, "")
		p.wants(p.call("GET", "/me", nil), 401, "mini.session.revoked")
		second.wants(second.call("GET", "/me", nil), 401, "mini.session.revoked")
		second.wants(second.call("GET", address, nil), 404, "api.not_found")
		a := p.signIn()
		if a.text("me.nickname")+a.text("me.phone")+a.text("me.avatar") != "" || a.at("me.joined") != false {
			t.Errorf("%s: something came back: %s", name, a.raw)
		}
		p.wants(p.call("POST", "/campaigns/once/claims", fields{"key": "once-key-2"}), 409, "claim.limit")
		if list := p.call("GET", "/claims", nil).at("claims").([]any); len(list) != 0 {
			t.Errorf("%s: cards came back", name)
		}
	}
}

func TestWhoAsksTooOftenWaits(t *testing.T) {
	t.Parallel()
	w := openMini(t)
	p, other := w.enter(), w.enter()
	var last answer
	for range 8 {
		last = p.call("PUT", "/me", fields{})
	}
	p.wants(last, 429, "error.rate_limited")
	if last.header.Get("Retry-After") == "" {
		t.Error("nothing says how long")
	}
	other.wants(other.call("PUT", "/me", fields{}), 200, "")
}

func TestAnOutageOfWeChatIsSaid(t *testing.T) {
	t.Parallel()
	w := openMini(t)
	w.publish("latte", campaigns.WeChatCard, nil)
	p := w.enter()
	id := p.call("POST", "/campaigns/latte/claims", fields{"key": "latte-key-1"}).text("claim.id")
	w.turn("busy", true)
	for _, path := range []string{"/claims/" + id + "/card", "/me/phone"} {
		p.wants(p.call("POST", path, fields{"code": "abc"}), http.StatusServiceUnavailable, "mini.error.wechat")
	}
	p.wants(p.call("PUT", "/me", fields{"nickname": "李"}), http.StatusServiceUnavailable, "mini.error.wechat")
	n := w.nobody()
	n.wants(n.call("POST", "/session", fields{"code": "abc"}), http.StatusServiceUnavailable, "mini.error.wechat")
}

func FuzzMiniBodies(f *testing.F) {
	f.Add("application/json", `{"code":"x","answers":{"a":1}}`)
	f.Add("application/x-www-form-urlencoded", "code=%zz&f_a=1")
	f.Add("multipart/form-data; boundary=x", "--x\r\n\r\n--x--")
	f.Fuzz(func(t *testing.T, kind, body string) {
		w := openMini(t)
		p := w.enter()
		for _, call := range []string{"POST /session", "PUT /me", "POST /me/phone", "POST /me/open-data", "POST /me/avatar", "POST /campaigns/x/claims", "DELETE /me"} {
			method, path, _ := strings.Cut(call, " ")
			r := httptest.NewRequest(method, "/mini/v1"+path, strings.NewReader(body))
			r.Header["Content-Type"] = []string{strings.Map(func(r rune) rune {
				if r < ' ' || r > '~' {
					return -1
				}
				return r
			}, kind)}
			r.Header.Set("X-Kaquan-Session", p.token)
			res, err := w.server.App().Test(r, -1)
			if err != nil {
				t.Skip("no request: the connection ends before any handler runs")
			}
			if _ = res.Body.Close(); res.StatusCode >= 500 {
				t.Errorf("%s: %d", call, res.StatusCode)
			}
		}
	})
}
