package sandbox

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// must ends the test on an error of what a persona does.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// pushedEvent waits for a push that holds every part.
func (w *world) pushedEvent(parts ...string) pushed {
	w.t.Helper()
	p := w.push()
	for _, part := range parts {
		if !strings.Contains(p.body, part) {
			w.t.Errorf("the push lacks %s: %s", part, p.body)
		}
	}
	return p
}

// following makes a follower whose subscribe event has arrived.
func (w *world) following(id string) *persona {
	w.t.Helper()
	w.must(w.Follow(id))
	w.push()
	w.pushes.Wait()
	if e := w.Events(); e[len(e)-1].Name != "subscribe" || !strings.Contains(e[len(e)-1].Body, "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[subscribe]]></Event><EventKey><![CDATA[]]></EventKey>") {
		w.t.Errorf("events %v", e)
	}
	return w.persona(id)
}

func TestFollowingTalkingAndLeaving(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if w.Say("lin", "hi") == nil || w.Follow("pc") == nil || w.Follow("nobody") == nil {
		t.Error("somebody talks who cannot")
	}
	lin := w.following("lin")
	w.must(w.Follow("lin"))
	if len(w.Events()) != 1 {
		t.Error("following twice was pushed twice")
	}
	w.must(w.Say("lin", "  优惠\x00券 ]]> <b>  "))
	first := w.pushedEvent("<FromUserName><![CDATA["+lin.openID+"]]>", "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[优惠券 ]]]]><![CDATA[> <b>]]></Content><MsgId>")
	if strings.Contains(first.body, "<Event>") {
		t.Error("a message is no event")
	}
	w.must(w.Say("lin", "again"))
	second := w.pushedEvent("<Content><![CDATA[again]]>")
	id := func(p pushed) string { _, rest, _ := strings.Cut(p.body, "<MsgId>"); return rest }
	if id(first) == id(second) {
		t.Error("two messages have one MsgId")
	}
	if w.Say("lin", " \x01 ") == nil {
		t.Error("an empty message was sent")
	}
	w.must(w.SendPicture("lin", w.url))
	picture := w.pushedEvent("<MsgType><![CDATA[image]]></MsgType>", "<PicUrl><![CDATA["+w.url+"/mmbiz_pic/", "<MediaId><![CDATA[", "<MsgId>")
	if res, _ := w.do(http.MethodGet, strings.TrimPrefix(between(picture.body, "PicUrl"), w.url), "", nil); res.StatusCode != 200 || res.Header.Get("Content-Type") != "image/png" {
		t.Errorf("the picture: %s %s", res.Status, res.Header.Get("Content-Type"))
	}
	w.must(w.Unfollow("lin"))
	w.pushedEvent("<![CDATA[unsubscribe]]>")
	w.must(w.Unfollow("lin"))
	if len(w.Bubbles("lin")) != 0 || len(w.Events()) != 5 {
		t.Errorf("bubbles %v, %d events", w.Bubbles("lin"), len(w.Events()))
	}
}

func TestAMessageIsRepeatedWithItsMsgIdAndThenGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.following("lin")
	w.answer = func(int) (int, string) { return 500, "" }
	w.must(w.Say("lin", "hello"))
	bodies := map[string]bool{}
	for range 4 {
		bodies[w.push().body] = true
	}
	w.pushes.Wait()
	if len(bodies) != 1 || len(w.got) != 0 {
		t.Errorf("%d bodies, %d more", len(bodies), len(w.got))
	}
	if got := w.Bubbles("lin"); !slices.Equal(got, []string{"me:hello", "system:该公众号提供的服务出现故障，请稍后再试"}) || !w.refused("该公众号暂时无法提供服务") {
		t.Errorf("bubbles %v", got)
	}
}

func TestAnswersOfTheAccountAreRead(t *testing.T) {
	t.Parallel()
	const broken = "system:该公众号提供的服务出现故障，请稍后再试"
	news := func(to, count, items string) string {
		return strings.Replace(strings.Replace(textReply(to, "gh_test", ""), "<![CDATA[text]]>", "<![CDATA[news]]>", 1), "<Content><![CDATA[]]></Content>", "<ArticleCount>"+count+"</ArticleCount><Articles>"+items+"</Articles>", 1)
	}
	const item = "<item><Title><![CDATA[领券]]></Title><Description/><PicUrl/><Url><![CDATA[http://shop.example/c/latte?x=1&y=2]]></Url></item>"
	for name, c := range map[string]struct {
		mode   string
		answer func(to string) string
		want   string // the bubble, empty for none
		why    string // of a refusal
	}{
		"success":       {PushPlain, func(string) string { return "success" }, "", ""},
		"nothing":       {PushEncrypted, func(string) string { return "" }, "", ""},
		"success plain": {PushEncrypted, func(string) string { return "success" }, "", ""},
		"text": {PushPlain, func(to string) string {
			return textReply(to, "gh_test", "你好\n<a href=\"http://x.example\">这里</a>")
		}, "account:你好\n<a href=\"http://x.example\">这里</a>", ""},
		"news":            {PushPlain, func(to string) string { return news(to, "1", item) }, "account:领券 http://shop.example/c/latte?x=1&y=2", ""},
		"sealed":          {PushEncrypted, func(to string) string { return sealedReply("pushtoken", textReply(to, "gh_test", "密")) }, "account:密", ""},
		"sealed in mixed": {PushMixed, func(to string) string { return sealedReply("pushtoken", textReply(to, "gh_test", "密")) }, "account:密", ""},
		"plain in mixed":  {PushMixed, func(to string) string { return textReply(to, "gh_test", "明") }, "account:明", ""},
		"handed over": {PushPlain, func(to string) string {
			return strings.Replace(textReply(to, "gh_test", "x"), "[text]", "[transfer_customer_service]", 1)
		}, "", ""},
		"plain in safe":     {PushEncrypted, func(to string) string { return textReply(to, "gh_test", "明") }, broken, "not encrypted"},
		"sealed in plain":   {PushPlain, func(to string) string { return sealedReply("pushtoken", textReply(to, "gh_test", "x")) }, broken, "mode is plain"},
		"forged":            {PushEncrypted, func(to string) string { return sealedReply("other", textReply(to, "gh_test", "x")) }, broken, "MsgSignature"},
		"no XML":            {PushPlain, func(string) string { return "SUCCESS" }, broken, "neither success nor XML"},
		"with a newline":    {PushPlain, func(string) string { return "success\n" }, broken, "neither success nor XML"},
		"cut off":           {PushPlain, func(to string) string { return textReply(to, "gh_test", "x")[:90] }, broken, "neither success nor XML"},
		"two documents":     {PushPlain, func(to string) string { return textReply(to, "gh_test", "x") + "<xml/>" }, broken, "behind the XML"},
		"to and from":       {PushPlain, func(to string) string { return textReply("gh_test", to, "x") }, broken, "ToUserName"},
		"of another":        {PushPlain, func(to string) string { return textReply(to, "gh_other", "x") }, broken, "FromUserName"},
		"without a time":    {PushPlain, func(to string) string { return strings.Replace(textReply(to, "gh_test", "x"), "1767607200", "", 1) }, broken, "CreateTime"},
		"empty text":        {PushPlain, func(to string) string { return textReply(to, "gh_test", "") }, broken, "0 bytes"},
		"long text":         {PushPlain, func(to string) string { return textReply(to, "gh_test", strings.Repeat("好", 683)) }, broken, "2049 bytes"},
		"unknown picture":   {PushPlain, func(to string) string { return strings.Replace(textReply(to, "gh_test", "x"), "[text]", "[image]", 1) }, broken, "MediaId"},
		"two articles":      {PushPlain, func(to string) string { return news(to, "2", item+item) }, broken, "2 articles"},
		"wrong count":       {PushPlain, func(to string) string { return news(to, "2", item) }, broken, "ArticleCount"},
		"relative address":  {PushPlain, func(to string) string { return news(to, "1", strings.Replace(item, "http://shop.example", "", 1)) }, broken, "absolute"},
		"an unknown type":   {PushPlain, func(to string) string { return strings.Replace(textReply(to, "gh_test", "x"), "[text]", "[poem]", 1) }, broken, "poem"},
		"far too much text": {PushPlain, func(string) string { return strings.Repeat("x", maxAnswer+1) }, broken, "too long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *Options) { o.PushMode, o.AESKey = c.mode, testKey })
			w.following("lin")
			w.answer = func(int) (int, string) { return 200, c.answer(w.persona("lin").openID) }
			w.must(w.Say("lin", "hi"))
			w.pushes.Wait()
			want := []string{"me:hi"}
			if c.want != "" {
				want = append(want, c.want)
			}
			if got := w.Bubbles("lin"); !slices.Equal(got, want) {
				t.Errorf("bubbles %q, want %q", got, want)
			}
			if c.why != "" && !w.refused(c.why) {
				t.Errorf("the log does not say %q", c.why)
			}
			if tries := len(w.got); c.why != "" && c.why != "too long" && tries != 1 {
				t.Errorf("%d tries of what was answered wrongly", tries)
			}
		})
	}
}

func TestOneAnswerIsShownHoweverOftenAMessageArrives(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lin := w.following("lin")
	w.answer = func(int) (int, string) { return 200, textReply(lin.openID, "gh_test", "pong") }
	w.must(w.SetSwitch(pushTripled, true))
	w.must(w.Say("lin", "ping"))
	w.pushes.Wait()
	if len(w.got) != 3 || len(w.Bubbles("lin")) != 2 {
		t.Errorf("%d pushes, bubbles %v", len(w.got), w.Bubbles("lin"))
	}
	w.must(w.SetSwitch(pushOff, true))
	w.must(w.Say("lin", "lost"))
	w.pushes.Wait()
	if len(w.got) != 3 || len(w.Bubbles("lin")) != 3 {
		t.Errorf("%d pushes, bubbles %v", len(w.got), w.Bubbles("lin"))
	}
}

func TestTheCallbackAddressProvesItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.respond = func(p pushed) (int, string) {
		if p.body != "" || p.query.Get("signature") != pushSign("pushtoken", p.query.Get("timestamp"), p.query.Get("nonce")) || p.query.Get("a") != "1" {
			return 403, ""
		}
		return 200, p.query.Get("echostr")
	}
	if err := w.CheckCallback(); err != nil {
		t.Error(err)
	}
	if res := w.control("lin", object{"do": "check"}, "Sec-Fetch-Site", "same-origin"); res.StatusCode != http.StatusNoContent {
		t.Errorf("the button: %s", res.Status)
	}
	for name, answer := range map[string]func(pushed) (int, string){
		"quotes": func(p pushed) (int, string) { return 200, `"` + p.query.Get("echostr") + `"` }, "newline": func(p pushed) (int, string) { return 200, p.query.Get("echostr") + "\n" },
		"status": func(p pushed) (int, string) { return 201, p.query.Get("echostr") }, "success": func(pushed) (int, string) { return 200, "success" },
	} {
		w.mu.Lock()
		w.respond = answer
		w.mu.Unlock()
		if w.CheckCallback() == nil {
			t.Errorf("%s was taken", name)
		}
	}
	w.SetCallback("")
	if w.CheckCallback() == nil {
		t.Error("nowhere proved itself")
	}
	w.SetCallback("http://127.0.0.1:1/x")
	if err := w.CheckCallback(); !errors.Is(err, errNoLine) || !w.refused("no connection") {
		t.Errorf("a dead address: %v", err)
	}
}

func TestTheAccountWritesOnlyWhileItsWindowIsOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lin := w.persona("lin")
	token := w.token()
	send := func(text string) object {
		return w.post("/cgi-bin/message/custom/send?access_token="+token, object{"touser": lin.openID, "msgtype": "text", "text": object{"content": text}})
	}
	wantCode(t, "to a stranger", send("x"), 43004)
	w.following("lin")
	for range actionCount {
		wantCode(t, "after following", send("welcome"), 0)
	}
	wantCode(t, "the fourth", send("x"), 45047)
	w.clock.add(time.Minute)
	wantCode(t, "a minute later", send("x"), 45015)
	w.must(w.Say("lin", "hello"))
	for range messageCount {
		wantCode(t, "after a message", send("hi"), 0)
	}
	wantCode(t, "the sixth", send("x"), 45047)
	w.must(w.Say("lin", "hello"))
	w.clock.add(48*time.Hour - time.Second)
	token = w.token()
	wantCode(t, "just in time", send("late"), 0)
	w.clock.add(time.Second)
	wantCode(t, "too late", send("x"), 45015)
	if got := w.Bubbles("lin"); len(got) != actionCount+messageCount+3 || got[len(got)-1] != "account:late" {
		t.Errorf("bubbles %v", got)
	}
}

func TestWhatTheAccountMaySend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lin := w.following("lin")
	w.must(w.Say("lin", "hi"))
	path := "/cgi-bin/message/custom/send?access_token=" + w.token()
	message := func(kind string, body any) object { return object{"touser": lin.openID, "msgtype": kind, kind: body} }
	article := object{"title": "领券", "description": "一张", "url": "http://shop.example/c/latte", "picurl": ""}
	pic := w.upload(w.token(), "image", "media", sampleImage(1))["media_id"]
	for name, c := range map[string]struct {
		in   object
		code int
	}{
		"text": {message("text", object{"content": "好"}), 0}, "picture": {message("image", object{"media_id": pic}), 0}, "article": {message("news", object{"articles": []object{article}}), 0},
		"nobody": {object{"touser": "oNobody", "msgtype": "text", "text": object{"content": "x"}}, 40003}, "voice": {message("voice", object{}), 40008},
		"empty": {message("text", object{"content": ""}), 44004}, "long": {message("text", object{"content": strings.Repeat("x", 2049)}), 45002},
		"unknown picture": {message("image", object{"media_id": "x"}), 40007}, "two articles": {message("news", object{"articles": []object{article, article}}), 45008},
		"bad address": {message("news", object{"articles": []object{with(article, "url", "/c/latte")}}), 40035}, "escaped": {message("text", object{"content": "a&b"}), 40033},
	} {
		wantCode(t, name, w.post(path, c.in), c.code)
	}
	wantCode(t, "GET", w.get(path), 43002)
	got := w.Bubbles("lin")
	if len(got) != 4 || !slices.Contains(got, "account:领券 http://shop.example/c/latte") || !slices.Contains(got, "account:好") || !slices.ContainsFunc(got, func(b string) bool { return strings.HasPrefix(b, "account:/mmbiz_pic/") }) {
		t.Errorf("bubbles %v", got)
	}
}

func TestThePhonesChatGoesThroughItsButtons(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	press := func(in object) (int, string) {
		body, _ := json.Marshal(in)
		res, text := w.do(http.MethodPost, "/sandbox-ui/control", "lin", body, "Sec-Fetch-Site", "same-origin")
		return res.StatusCode, text
	}
	ok := func(in object) {
		t.Helper()
		if status, text := press(in); status != http.StatusNoContent {
			t.Errorf("%v: %d %s", in, status, text)
		}
	}
	if status, _ := press(object{"do": "say", "text": "hi"}); status != http.StatusBadRequest {
		t.Error("a stranger talked")
	}
	ok(object{"do": "follow"})
	ok(object{"do": "say", "text": "你好"})
	ok(object{"do": "picture"})
	wantCode(t, "menu", w.post("/cgi-bin/menu/create?access_token="+w.token(), twoButtons), 0)
	ok(object{"do": "press", "name": "0"})
	if status, text := press(object{"do": "press", "name": "1.0"}); status != 200 || text != `{"open":"http://shop.example/c/latte?a=1"}` {
		t.Errorf("%d %s", status, text)
	}
	if status, _ := press(object{"do": "press", "name": "7"}); status != http.StatusBadRequest {
		t.Error("a button that is not there was pressed")
	}
	ticket := w.makeScene(object{"action_name": "QR_LIMIT_STR_SCENE", "action_info": object{"scene": object{"scene_str": "shop3"}}})
	ok(object{"do": "scan", "code": ticket})
	_, text := w.do(http.MethodGet, "/sandbox-ui/state", "lin", nil)
	var state stateView
	if err := json.Unmarshal([]byte(text), &state); err != nil {
		t.Fatal(err)
	}
	c := state.Chat
	if !c.Following || len(c.Bubbles) != 2 || c.Bubbles[0].Text != "你好" || len(c.Menu) != 2 || len(c.Scenes) != 1 || c.Scenes[0].Scene != "shop3" || c.Scenes[0].Scans != 1 || c.Name != "沙箱公众号" {
		t.Errorf("chat %+v", c)
	}
	w.pushes.Wait()
	names := []string{}
	for _, e := range w.Events() {
		names = append(names, e.Name)
	}
	if !slices.Equal(names, []string{"subscribe", "text", "image", "CLICK", "VIEW", "SCAN"}) {
		t.Errorf("events %v", names)
	}
	ok(object{"do": "unfollow"})
	if status, _ := press(object{"do": "mode", "name": PushEncrypted}); status != http.StatusBadRequest {
		t.Error("a mode without its key")
	}
}

func TestChatsStayBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.CallbackURL = "" })
	w.must(w.Follow("lin"))
	for range maxBubbles + 20 {
		w.must(w.Say("lin", strings.Repeat("长", 700)))
	}
	if got := w.Bubbles("lin"); len(got) != maxBubbles || got[0] != "me:"+strings.Repeat("长", 600) {
		t.Errorf("%d bubbles", len(got))
	}
	for range maxPictures + 5 {
		w.must(w.SendPicture("lin", w.url))
	}
	w.Server.mu.Lock()
	defer w.Server.mu.Unlock()
	if len(w.pictures) != maxPictures {
		t.Errorf("%d pictures", len(w.pictures))
	}
}
