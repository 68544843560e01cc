package sandbox

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"image/png"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/boombuler/barcode/qr"
)

const (
	miniApp  = "wxmini0000000000cd"
	miniPass = "fedcba9876543210fedcba9876543210"
)

func newMiniWorld(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	return newWorld(t, append([]func(*Options){func(o *Options) {
		o.Mini = Mini{AppID: miniApp, Secret: miniPass, UnionIDs: true, Pages: []string{"pages/campaign/index"}}
	}}, change...)...)
}

// hand is one call of the phone's side of the mini program.
func (w *world) hand(persona, name string, in object) (int, object) {
	w.t.Helper()
	body, err := json.Marshal(with(in, "persona", persona))
	if err != nil {
		w.t.Fatal(err)
	}
	res, text := w.do(http.MethodPost, "/phone/mini/"+name, "", body, "Content-Type", "application/json")
	if res.StatusCode != http.StatusOK {
		return res.StatusCode, object{"error": text}
	}
	return res.StatusCode, parse(w.t, text)
}

func (w *world) hands(persona, name string, in object) object {
	w.t.Helper()
	status, out := w.hand(persona, name, in)
	if status != http.StatusOK {
		w.t.Fatalf("%s: %d %v", name, status, out)
	}
	return out
}

func (w *world) loginCode(persona string) string {
	w.t.Helper()
	code, _ := w.hands(persona, "login", nil)["code"].(string)
	if code == "" {
		w.t.Fatal("wx.login gave no code")
	}
	return code
}

func sessionPath(app, secret, code string) string {
	return "/sns/jscode2session?" + url.Values{"appid": {app}, "secret": {secret}, "js_code": {code}, "grant_type": {"authorization_code"}}.Encode()
}

func (w *world) signIn(persona string) (openID, key string) {
	w.t.Helper()
	o := w.get(sessionPath(miniApp, miniPass, w.loginCode(persona)))
	openID, _ = o["openid"].(string)
	key, _ = o["session_key"].(string)
	if _, there := o["errcode"]; there || openID == "" || len(key) != 24 {
		w.t.Fatalf("signing in: %v", o)
	}
	return openID, key
}

func (w *world) miniToken() string {
	w.t.Helper()
	value, _ := w.post("/cgi-bin/stable_token", object{"grant_type": "client_credential", "appid": miniApp, "secret": miniPass})["access_token"].(string)
	if value == "" {
		w.t.Fatal("no token of the mini program")
	}
	return value
}

func TestAMiniProgramCodeWorksOnceAndForFiveMinutes(t *testing.T) {
	t.Parallel()
	w := newMiniWorld(t)
	code := w.loginCode("lin")
	for what, bad := range map[string]struct {
		path string
		code int
	}{
		"other app":     {sessionPath("wxother", miniPass, code), 40013},
		"account's app": {sessionPath(testApp, testSecret, code), 40013},
		"secret":        {sessionPath(miniApp, testSecret, code), 40125},
		"no secret":     {sessionPath(miniApp, "", code), 41004},
		"no code":       {sessionPath(miniApp, miniPass, ""), 41008},
		"invented":      {sessionPath(miniApp, miniPass, "0x"), 40029},
		"grant type":    {strings.Replace(sessionPath(miniApp, miniPass, code), "authorization_code", "code", 1), 40002},
	} {
		wantCode(t, what, w.get(bad.path), bad.code)
	}
	first := w.get(sessionPath(miniApp, miniPass, code))
	wantCode(t, "first use", first, 0)
	wantCode(t, "second use", w.get(sessionPath(miniApp, miniPass, code)), 40163)
	late := w.loginCode("lin")
	w.clock.add(5 * time.Minute)
	wantCode(t, "late", w.get(sessionPath(miniApp, miniPass, late)), 40029)
	res, _ := w.do(http.MethodGet, sessionPath(miniApp, miniPass, w.loginCode("lin")), "", nil)
	if res.Header.Get("Content-Type") != "text/plain" {
		t.Error("the content type can be relied on, which it cannot be in real life")
	}
}

func TestOnePersonHasTwoOpenidsAndOneUnionid(t *testing.T) {
	t.Parallel()
	w := newMiniWorld(t)
	openID, _ := w.signIn("mei")
	who := w.hands("mei", "who", nil)
	if openID == who["officialOpenid"] || openID != who["openid"] || who["unionid"] == "" {
		t.Errorf("ids %v", who)
	}
	if id, union := w.MiniIDs("mei"); id != openID || union != who["unionid"] {
		t.Error("MiniIDs tells other ids")
	}
	if other := w.hands("lin", "who", nil); other["unionid"] == who["unionid"] || other["openid"] == openID {
		t.Error("two people share an id")
	}
	access := w.get("/sns/oauth2/access_token?appid=" + testApp + "&secret=" + testSecret + "&grant_type=authorization_code&code=" + w.code("mei", "snsapi_userinfo"))
	if access["unionid"] != who["unionid"] || access["openid"] != who["officialOpenid"] {
		t.Errorf("the account's page tells %v", access)
	}
	apart := newMiniWorld(t, func(o *Options) { o.Mini.UnionIDs = false })
	if o := apart.get(sessionPath(miniApp, miniPass, apart.loginCode("mei"))); o["unionid"] != nil {
		t.Error("a unionid without a binding")
	}
}

func TestTheMiniProgramHasItsOwnTokens(t *testing.T) {
	t.Parallel()
	w := newMiniWorld(t)
	mine, account := w.miniToken(), w.token()
	if mine == account {
		t.Fatal("one token for two apps")
	}
	check := func(token string) object {
		return w.post("/wxa/getwxacodeunlimit?access_token="+token, object{"scene": strings.Repeat("x", 33)})
	}
	wantCode(t, "own token", check(mine), 40169)
	wantCode(t, "the account's token", check(account), 48001)
	wantCode(t, "no token", check(""), 41001)
	wantCode(t, "the mini program's token at the account", w.ticketAnswer(mine, "jsapi"), 40001)
	wantCode(t, "wrong secret", w.post("/cgi-bin/stable_token", object{"grant_type": "client_credential", "appid": miniApp, "secret": testSecret}), 40125)
	classic := w.get("/cgi-bin/token?grant_type=client_credential&appid=" + miniApp + "&secret=" + miniPass)
	wantCode(t, "classic", classic, 0)
	wantCode(t, "classic of the account is untouched", w.ticketAnswer(w.classic(), "jsapi"), 0)
	w.clock.add(2 * time.Hour)
	wantCode(t, "expired", check(mine), 42001)
}

func TestOnlyTheLatestSessionKeyProvesASession(t *testing.T) {
	t.Parallel()
	w := newMiniWorld(t)
	if got := w.hands("lin", "check-session", nil)["errMsg"]; got == "checkSession:ok" {
		t.Error("a session before the first sign-in")
	}
	openID, old := w.signIn("lin")
	_, key := w.signIn("lin")
	token := w.miniToken()
	ask := func(path, key, method string) object {
		mac := hmac.New(sha256.New, []byte(key))
		return w.get(path + "?" + url.Values{"access_token": {token}, "openid": {openID}, "sig_method": {method}, "signature": {hex.EncodeToString(mac.Sum(nil))}}.Encode())
	}
	wantCode(t, "old key", ask("/wxa/checksession", old, "hmac_sha256"), 87009)
	wantCode(t, "method", ask("/wxa/checksession", key, "sha1"), 87008)
	wantCode(t, "key", ask("/wxa/checksession", key, "hmac_sha256"), 0)
	fresh := ask("/wxa/resetusersessionkey", key, "hmac_sha256")
	wantCode(t, "reset", fresh, 0)
	wantCode(t, "key after the reset", ask("/wxa/checksession", key, "hmac_sha256"), 87009)
	wantCode(t, "new key", ask("/wxa/checksession", fresh["session_key"].(string), "hmac_sha256"), 0)
	if got := w.hands("lin", "check-session", nil)["errMsg"]; got != "checkSession:ok" {
		t.Errorf("wx.checkSession says %v", got)
	}
}

func TestAPersonWhoSignsInTooOftenIsHeldBack(t *testing.T) {
	t.Parallel()
	w := newMiniWorld(t)
	for range miniPerMinute {
		w.signIn("lin")
	}
	wantCode(t, "one more", w.get(sessionPath(miniApp, miniPass, w.loginCode("lin"))), 45011)
	w.signIn("mei")
	w.clock.add(time.Minute)
	w.signIn("lin")
}

func TestAPhoneNumberCodeIsReadOnceAndByItsOwnerOnly(t *testing.T) {
	t.Parallel()
	w := newMiniWorld(t)
	lin, _ := w.signIn("lin")
	mei, _ := w.signIn("mei")
	path := "/wxa/business/getuserphonenumber?access_token=" + w.miniToken()
	code := w.hands("lin", "phone-code", object{"number": "13900139000"})["code"]
	wantCode(t, "wrong token", w.post("/wxa/business/getuserphonenumber?access_token="+w.token(), object{"code": code}), 48001)
	wantCode(t, "another person", w.post(path, object{"code": code, "openid": mei}), 40029)
	wantCode(t, "a login code", w.post(path, object{"code": w.loginCode("lin")}), 40029)
	wantCode(t, "method", w.get(path), 43002)
	got := w.post(path, object{"code": code, "openid": lin})
	wantCode(t, "first", got, 0)
	info := got["phone_info"].(object)
	if info["purePhoneNumber"] != "13900139000" || info["phoneNumber"] != "13900139000" || info["countryCode"] != "86" || info["watermark"].(object)["appid"] != miniApp {
		t.Errorf("phone %v", info)
	}
	wantCode(t, "second", w.post(path, object{"code": code}), 40029)
	late := w.hands("lin", "phone-code", nil)["code"]
	w.clock.add(5 * time.Minute)
	wantCode(t, "late", w.post(path, object{"code": late}), 40029)
	abroad := w.hands("lin", "phone-code", object{"number": "61234567", "country": "65"})["code"]
	if info := w.post(path, object{"code": abroad})["phone_info"].(object); info["phoneNumber"] != "+6561234567" || info["purePhoneNumber"] != "61234567" {
		t.Errorf("a foreign number: %v", info)
	}
	if status, _ := w.hand("lin", "phone-code", object{"number": "drop table"}); status != http.StatusBadRequest {
		t.Error("a number of letters was taken")
	}
}

// openUserData is the tests' own reading of the protocol.
func openUserData(key string, o object) (object, bool) {
	k, _ := base64.StdEncoding.DecodeString(key)
	iv, err1 := base64.StdEncoding.DecodeString(o["iv"].(string))
	data, err2 := base64.StdEncoding.DecodeString(o["encryptedData"].(string))
	if err1 != nil || err2 != nil || len(iv) != 16 || len(data) == 0 || len(data)%16 != 0 {
		return nil, false
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, false
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(data, data)
	n := int(data[len(data)-1])
	if n < 1 || n > 16 || !bytes.Equal(data[len(data)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, false
	}
	var out object
	err = json.Unmarshal(data[:len(data)-n], &out)
	return out, err == nil
}

func TestUserDataOpensWithTheSessionKeyAndEachFaultBreaksIt(t *testing.T) {
	t.Parallel()
	w := newMiniWorld(t)
	if status, _ := w.hand("lin", "user-data", nil); status != http.StatusBadRequest {
		t.Error("user data without a session_key")
	}
	openID, key := w.signIn("lin")
	good := w.hands("lin", "user-data", nil)
	open, ok := openUserData(key, good)
	if !ok {
		t.Fatal("good data does not open")
	}
	mark := open["watermark"].(object)
	if open["openId"] != openID || open["unionId"] == "" || mark["appid"] != miniApp || mark["timestamp"] != float64(w.clock.Now().Unix()) {
		t.Errorf("profile %v", open)
	}
	if good["signature"] != digest(good["rawData"].(string)+key) {
		t.Error("rawData is not signed with the session_key")
	}
	for _, fault := range []string{"iv", "block", "empty", "padding", "key", "plus"} {
		if _, ok := openUserData(key, w.hands("lin", "user-data", object{"fault": fault})); ok {
			t.Errorf("data with the fault %s opens", fault)
		}
	}
	if bad := w.hands("lin", "user-data", object{"fault": "signature"}); bad["signature"] == digest(bad["rawData"].(string)+key) {
		t.Error("the signature is right")
	}
	for fault, check := range map[string]func(object) bool{
		"watermark": func(o object) bool { return o["watermark"].(object)["appid"] != miniApp },
		"old": func(o object) bool {
			return o["watermark"].(object)["timestamp"].(float64) < float64(w.clock.Now().Unix())-3600
		},
		"openid": func(o object) bool { return o["openId"] != openID },
	} {
		if o, ok := openUserData(key, w.hands("lin", "user-data", object{"fault": fault})); !ok || !check(o) {
			t.Errorf("the fault %s is missing in %v", fault, o)
		}
	}
	if o, ok := openUserData(key, w.hands("lin", "user-data", object{"kind": "phone"})); !ok || o["purePhoneNumber"] != w.hands("lin", "who", nil)["phone"] {
		t.Errorf("phone %v", o)
	}
	for _, in := range []object{{"fault": "nothing"}, {"kind": "nothing"}} {
		if status, _ := w.hand("lin", "user-data", in); status != http.StatusBadRequest {
			t.Errorf("%v was taken", in)
		}
	}
}

func TestTextsAreCheckedAsTheirOwnCharacters(t *testing.T) {
	t.Parallel()
	w := newMiniWorld(t)
	openID, _ := w.signIn("lin")
	path := "/wxa/msg_sec_check?access_token=" + w.miniToken()
	body := func(content string) object {
		return object{"content": content, "version": 2, "scene": 1, "openid": openID}
	}
	suggest := func(o object) any { r, _ := o["result"].(object); return r["suggest"] }
	for text, want := range map[string]string{"小李": "pass", "代开发票找我": "risky", "沙箱待审的名字": "review"} {
		if o := w.post(path, body(text)); suggest(o) != want {
			t.Errorf("%s: %v", text, o)
		}
	}
	raw, _ := json.Marshal(body("小李"))
	escaped := strings.ReplaceAll(string(raw), "小李", `\u5c0f\u674e`)
	_, text := w.do(http.MethodPost, path, "", []byte(escaped))
	wantCode(t, "escapes", parse(t, text), 47001)
	wantCode(t, "version 1", w.post(path, with(body("x"), "version", 1)), 40097)
	wantCode(t, "scene", w.post(path, with(body("x"), "scene", 0)), 40097)
	wantCode(t, "stranger", w.post(path, with(body("x"), "openid", "oNobody")), 40003)
	wantCode(t, "empty", w.post(path, body("")), 44004)
	wantCode(t, "long", w.post(path, body(strings.Repeat("长", 2501))), 45002)
	w.clock.add(2*time.Hour - 3*time.Minute)
	path = "/wxa/msg_sec_check?access_token=" + w.miniToken()
	wantCode(t, "still recent", w.post(path, body("x")), 0)
	w.clock.add(4 * time.Minute)
	wantCode(t, "too long ago", w.post("/wxa/msg_sec_check?access_token="+w.miniToken(), body("x")), 61010)
}

func TestAMiniProgramCodeIsAPictureThatTheCameraReads(t *testing.T) {
	t.Parallel()
	w := newMiniWorld(t)
	path := "/wxa/getwxacodeunlimit?access_token=" + w.miniToken()
	body, _ := json.Marshal(object{"scene": "c.7Hk2Qa", "page": "pages/campaign/index", "width": 300})
	res, text := w.do(http.MethodPost, path, "", body)
	picture, err := png.Decode(strings.NewReader(text))
	if err != nil || res.Header.Get("Content-Type") != "image/png" || picture.Bounds().Dx() != 300 {
		t.Fatalf("no picture: %v %v", err, res.Header)
	}
	wantCode(t, "33 characters", w.post(path, object{"scene": strings.Repeat("a", 33)}), 40169)
	wantCode(t, "Chinese", w.post(path, object{"scene": "活动"}), 40169)
	wantCode(t, "percent", w.post(path, object{"scene": "%41"}), 40169)
	wantCode(t, "unpublished", w.post(path, object{"scene": "a", "page": "pages/other"}), 41030)
	wantCode(t, "slash", w.post(path, object{"scene": "a", "page": "/pages/campaign/index", "check_path": false}), 41030)
	wantCode(t, "tiny", w.post(path, object{"scene": "a", "width": 100}), 40097)
	_, text = w.do(http.MethodPost, path, "", []byte(`{"scene":"a","page":"pages/other","check_path":false}`))
	if _, err := png.Decode(strings.NewReader(text)); err != nil {
		t.Errorf("an unchecked path: %s", text)
	}
	w.hands("lin", "scan", object{"text": "kqmini:pages/campaign/index?scene=c.7Hk2Qa"})
	if got := w.hands("lin", "scan-code", nil); got["scanType"] != "WX_CODE" || got["path"] != "pages/campaign/index?scene=c.7Hk2Qa" {
		t.Errorf("the camera sees %v", got)
	}
}

// TestCodesAreDrawnAsAnotherEncoderDrawsThem takes the masks off both drawings, since each
// encoder chooses its own.
func TestCodesAreDrawnAsAnotherEncoderDrawsThem(t *testing.T) {
	t.Parallel()
	masks := []func(x, y int) bool{
		func(x, y int) bool { return (x+y)%2 == 0 },
		func(_, y int) bool { return y%2 == 0 },
		func(x, _ int) bool { return x%3 == 0 },
		func(x, y int) bool { return (x+y)%3 == 0 },
		func(x, y int) bool { return (x/3+y/2)%2 == 0 },
		func(x, y int) bool { return x*y%2+x*y%3 == 0 },
		func(x, y int) bool { return (x*y%2+x*y%3)%2 == 0 },
		func(x, y int) bool { return ((x+y)%2+x*y%3)%2 == 0 },
	}
	for _, n := range []int{1, 13, 14, 25, 40, 60, 80, 100, 120, 150, 180, 210} {
		text := strings.Repeat("pages/campaign?scene=aZ9~", 10)[:n]
		ours, err := squareModules(text)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := qr.Encode(text, qr.M, qr.Unicode)
		if err != nil {
			t.Fatal(err)
		}
		if theirs.Bounds().Dx() != len(ours) {
			t.Fatalf("%d bytes: %d modules, theirs %d", n, len(ours), theirs.Bounds().Dx())
		}
		dark := func(x, y int) bool { r, _, _, _ := theirs.At(x, y).RGBA(); return r == 0 }
		used := 0 // the mask's number stands in row 8, columns 2 to 4, under a mask of its own
		for i, flip := range []bool{true, false, true} {
			used <<= 1
			if dark(2+i, 8) != flip {
				used |= 1
			}
		}
		version := (len(ours) - 17) / 4
		fixed := newGrid(version, squareSizes[version-1]).fixed
		for y := range ours {
			for x := range ours {
				format := (y == 8 && (x < 9 || x > len(ours)-9)) || (x == 8 && (y < 9 || y > len(ours)-9))
				want := dark(x, y)
				if !fixed[y][x] {
					want = want != masks[used](x, y) != masks[0](x, y)
				}
				if !format && ours[y][x] != want {
					t.Fatalf("%d bytes, mask %d: (%d,%d) differs", n, used, x, y)
				}
			}
		}
	}
	if _, err := squareModules(strings.Repeat("x", 214)); err == nil {
		t.Error("214 bytes were put into version 10")
	}
}

func TestLinksLiveAtMostThirtyDays(t *testing.T) {
	t.Parallel()
	w := newMiniWorld(t)
	token := w.miniToken()
	at := func(days int) int64 { return w.clock.Now().AddDate(0, 0, days).Unix() }
	scheme := func(days int) object {
		return w.post("/wxa/generatescheme?access_token="+token, object{"jump_wxa": object{"path": "pages/campaign/index", "query": "s=1"}, "is_expire": true, "expire_type": 0, "expire_time": at(days)})
	}
	if o := scheme(30); errcode(o) != 0 || !strings.HasPrefix(o["openlink"].(string), "weixin://") {
		t.Errorf("30 days: %v", o)
	}
	wantCode(t, "31 days", scheme(31), 85401)
	wantCode(t, "the past", scheme(-1), 85401)
	link := func(days int) object {
		return w.post("/wxa/generate_urllink?access_token="+token, object{"path": "pages/campaign/index", "expire_type": 1, "expire_interval": days})
	}
	wantCode(t, "link, 30 days", link(30), 0)
	wantCode(t, "link, 31 days", link(31), 85401)
}

func TestOneConsentIsOneMessage(t *testing.T) {
	t.Parallel()
	w := newMiniWorld(t)
	openID, _ := w.signIn("lin")
	path := "/cgi-bin/message/subscribe/send?access_token=" + w.miniToken()
	message := object{"touser": openID, "template_id": "T1", "page": "pages/campaign/index?s=1", "data": object{"thing1": object{"value": "拿铁半价"}}}
	wantCode(t, "before consent", w.post(path, message), 43101)
	w.hands("lin", "subscribe", object{"tmplIds": []string{"T1"}})
	wantCode(t, "too long", w.post(path, with(message, "data", object{"thing1": object{"value": strings.Repeat("长", 21)}})), 47003)
	wantCode(t, "page", w.post(path, with(message, "page", "pages/none")), 41030)
	wantCode(t, "first", w.post(path, message), 0)
	wantCode(t, "second", w.post(path, message), 43101)
	wantCode(t, "the account's openid", w.post(path, with(message, "touser", w.hands("lin", "who", nil)["officialOpenid"])), 40003)
}

func TestAMiniProgramAddsCardsUnderTheSameRules(t *testing.T) {
	t.Parallel()
	w := newMiniWorld(t)
	add := func(card string, ext any, choice string) object {
		return w.hands("lin", "add-card", object{"choice": choice, "cardList": []object{{"cardId": card, "cardExt": ext}}})
	}
	ticket := w.ticket("wx_card")
	if o := add(latte, object{"timestamp": "1"}, "add"); o["errMsg"] != "addCard:fail signature error" {
		t.Errorf("cardExt as an object: %v", o)
	}
	if o := add(latte, w.ext(w.ticket("jsapi"), latte, nil), "add"); o["errMsg"] != "addCard:fail signature error" || !w.refused("jsapi") {
		t.Errorf("the wrong ticket: %v", o)
	}
	ext := w.ext(ticket, latte, object{"outer_str": "mini"})
	if o := add(latte, ext, "cancel"); o["errMsg"] != "addCard:fail cancel" {
		t.Errorf("cancelled: %v", o)
	}
	if o := add(latte, ext, "add"); o["errMsg"] != "addCard:fail signature error" {
		t.Errorf("a nonce twice: %v", o)
	}
	ext = w.ext(ticket, latte, object{"outer_str": "mini"})
	o := add(latte, ext, "add")
	list, _ := o["cardList"].([]any)
	if o["errMsg"] != "addCard:ok" || len(list) != 1 {
		t.Fatalf("added: %v", o)
	}
	if got := list[0].(object); got["cardId"] != latte || got["cardExt"] != ext || got["isSuccess"] != true || got["code"] == "" {
		t.Errorf("card %v", got)
	}
	if p := w.push(); !strings.Contains(p.body, "user_get_card") || !strings.Contains(p.body, "mini") {
		t.Errorf("event %s", p.body)
	}
	if o := add("pNone", ext, "add"); o["errMsg"] != "addCard:fail invalid card id" {
		t.Errorf("unknown card: %v", o)
	}
}

func TestTheCameraSeesWhatIsHeldBeforeIt(t *testing.T) {
	t.Parallel()
	w := newMiniWorld(t)
	if got := w.hands("lin", "scan-code", nil)["errMsg"]; got != "scanCode:fail cancel" {
		t.Errorf("nothing before the camera: %v", got)
	}
	w.hands("lin", "scan", object{"text": "6901234567892", "type": "EAN_13"})
	w.hands("lin", "scan", object{"text": "123456789012"})
	first := w.hands("lin", "scan-code", nil)
	if first["result"] != "6901234567892" || first["scanType"] != "EAN_13" || first["errMsg"] != "scanCode:ok" || first["path"] != nil {
		t.Errorf("first %v", first)
	}
	if second := w.hands("lin", "scan-code", nil); second["result"] != "123456789012" || second["scanType"] != "QR_CODE" {
		t.Errorf("second %v", second)
	}
	if status, _ := w.hand("lin", "scan", object{"text": "x", "type": "SMELL"}); status != http.StatusBadRequest {
		t.Error("an unknown kind of code was taken")
	}
}

func TestPagesOfOtherSitesCannotUseThePhonesSide(t *testing.T) {
	t.Parallel()
	w := newMiniWorld(t)
	res, _ := w.do(http.MethodPost, "/phone/mini/login", "lin", []byte(`{}`), "Content-Type", "text/plain")
	if res.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("a simple request: %s", res.Status)
	}
	res, _ = w.do(http.MethodOptions, "/phone/mini/login", "lin", nil, "Origin", "http://evil.example", "Access-Control-Request-Method", "POST")
	if res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("another site is allowed")
	}
	if status, _ := w.hand("nobody", "login", nil); status != http.StatusBadRequest {
		t.Error("an unknown persona signed in")
	}
	if status, _ := newWorld(t).hand("lin", "login", nil); status != http.StatusNotFound {
		t.Error("a mini program that is not there")
	}
	fresh := w.hands("", "visitor", nil)["persona"].(string)
	w.signIn(fresh)
}

// miniProofs prove the switches of the mini program.
func miniProofs() map[string]func(*testing.T, *world, func()) {
	withMini := func(prove func(*testing.T, *world, func())) func(*testing.T, *world, func()) {
		return func(t *testing.T, w *world, on func()) {
			t.Helper()
			w.opt.Mini = Mini{AppID: miniApp, Secret: miniPass}
			prove(t, w, on)
		}
	}
	login := func(code int) func(*testing.T, *world, func()) {
		return withMini(func(t *testing.T, w *world, on func()) {
			t.Helper()
			w.signIn("lin")
			on()
			wantCode(t, "signing in", w.get(sessionPath(miniApp, miniPass, w.loginCode("lin"))), code)
		})
	}
	return map[string]func(*testing.T, *world, func()){
		miniCodeBad:     login(40029),
		miniLoginFast:   login(45011),
		miniUserBlocked: login(40226),
		miniPhoneRefused: withMini(func(t *testing.T, w *world, on func()) {
			on()
			if o := w.hands("lin", "phone-code", nil); o["errMsg"] != "getPhoneNumber:fail user deny" || o["code"] != nil {
				t.Errorf("%v", o)
			}
		}),
		miniPhoneQuota: withMini(func(t *testing.T, w *world, on func()) {
			on()
			if o := w.hands("lin", "phone-code", nil); o["errno"] != 1400001.0 || o["code"] != nil {
				t.Errorf("%v", o)
			}
		}),
		miniCountryNumber: withMini(func(t *testing.T, w *world, on func()) {
			on()
			code := w.hands("lin", "phone-code", nil)["code"]
			o := w.post("/wxa/business/getuserphonenumber?access_token="+w.miniToken(), object{"code": code})
			if o["phone_info"].(object)["countryCode"] != 86.0 {
				t.Errorf("%v", o)
			}
		}),
		miniTextRisky: withMini(func(t *testing.T, w *world, on func()) {
			openID, _ := w.signIn("lin")
			on()
			o := w.post("/wxa/msg_sec_check?access_token="+w.miniToken(), object{"content": "小李", "version": 2, "scene": 1, "openid": openID})
			if o["result"].(object)["suggest"] != "risky" {
				t.Errorf("%v", o)
			}
		}),
		miniScanCancel: withMini(func(t *testing.T, w *world, on func()) {
			w.hands("lin", "scan", object{"text": "1"})
			on()
			if o := w.hands("lin", "scan-code", nil); o["errMsg"] != "scanCode:fail cancel" {
				t.Errorf("%v", o)
			}
		}),
	}
}
