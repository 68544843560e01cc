package sandbox

import (
	"sort"
	"strings"
	"testing"
	"time"
)

func pushSign(parts ...string) string { sort.Strings(parts); return digest(strings.Join(parts, "")) }

func TestAClaimIsPushedSignedAndInTheOfficialShape(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.take("lin", latte, object{"outer_str": "a]]>b"})
	p := w.push()
	q := p.query
	if q.Get("signature") != pushSign("pushtoken", q.Get("timestamp"), q.Get("nonce")) || q.Get("openid") != w.persona("lin").openID || q.Get("a") != "1" {
		t.Errorf("query %v", q)
	}
	if got := p.header.Get("Content-Type"); got != "text/xml" {
		t.Errorf("content type %q", got)
	}
	for _, part := range []string{
		"<xml><ToUserName><![CDATA[gh_test]]></ToUserName><FromUserName><![CDATA[" + w.persona("lin").openID + "]]></FromUserName><CreateTime>1767607200</CreateTime>",
		"<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[user_get_card]]></Event><CardId><![CDATA[pLatte]]></CardId><IsGiveByFriend>0</IsGiveByFriend><UserCardCode><![CDATA[",
		"<OuterStr><![CDATA[a]]]]><![CDATA[>b]]></OuterStr>", "<SourceScene><![CDATA[SOURCE_SCENE_UNKNOW]]></SourceScene></xml>",
	} {
		if !strings.Contains(p.body, part) {
			t.Errorf("body lacks %s: %s", part, p.body)
		}
	}
	if err := w.PushEvent(0); err != nil {
		t.Fatal(err)
	}
	if again := w.push(); again.body != p.body || again.query.Get("nonce") == q.Get("nonce") {
		t.Error("a repetition must have the same body and a fresh signature")
	}
	if w.PushEvent(99) == nil {
		t.Error("an unknown event was sent")
	}
	if e := w.Events(); len(e) != 1 || e[0].Name != "user_get_card" || e[0].Body != p.body {
		t.Errorf("events %v", e)
	}
}

func TestOnlySuccessOrNothingEndsADelivery(t *testing.T) {
	t.Parallel()
	for answer, tries := range map[string]int{"success": 1, "": 1, "SUCCESS": 4, "success\n": 4, "<xml></xml>": 4} {
		w := newWorld(t)
		w.answer = func(int) (int, string) { return 200, answer }
		w.take("lin", latte, nil)
		for range tries {
			w.push()
		}
		w.pushes.Wait()
		if n := len(w.got); n != 0 {
			t.Errorf("answer %q: %d pushes more than %d", answer, n, tries)
		}
		if tries > 1 && !w.refused("instead of success") {
			t.Errorf("answer %q: the log does not say why", answer)
		}
	}
}

func TestADeliveryIsRepeatedUntilItSucceeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.answer = func(try int) (int, string) {
		if try < 2 {
			return 500, "success"
		}
		return 200, "success"
	}
	w.take("lin", latte, nil)
	bodies := map[string]bool{}
	for range 3 {
		bodies[w.push().body] = true
	}
	w.pushes.Wait()
	if len(bodies) != 1 || len(w.got) != 0 {
		t.Errorf("%d bodies, %d pushes too many", len(bodies), len(w.got))
	}
}

func TestASlowCallbackIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.delays.pushTimeout = 20 * time.Millisecond
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	w.answer = func(int) (int, string) { <-hold; return 200, "success" }
	w.take("lin", latte, nil)
	w.pushes.Wait()
	if !w.refused("no answer in time") {
		t.Error("the log does not say that the callback was slow")
	}
}

func TestCloseGivesUpPushesThatWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.delays.late = time.Hour
	if err := w.SetSwitch("push_late", true); err != nil {
		t.Fatal(err)
	}
	w.take("lin", latte, nil)
	w.Close()
	w.Close()
	if len(w.got) != 0 {
		t.Error("a push went out after Close")
	}
}

func TestTheCallbackCanMove(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.opt.CallbackURL
	w.SetCallback("")
	w.take("lin", latte, nil)
	w.pushes.Wait()
	w.SetCallback(old)
	if len(w.got) != 0 {
		t.Fatal("pushed to nowhere")
	}
	if err := w.PushEvent(0); err != nil {
		t.Fatal(err)
	}
	w.push()
}
