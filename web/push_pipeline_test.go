package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/db/dbtest"
	"kaquan/wechat"
)

// sealedKey is the EncodingAESKey of the account "sealed".
const sealedKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

func crypt(t *testing.T, key string, app wechat.AppID) *wechat.Crypt {
	t.Helper()
	c, err := wechat.NewCrypt(dbtest.Credentials().PushToken, key, app)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sealedPush sends an encrypted message; change may spoil the query or the body.
func (w *world) sealedPush(c *wechat.Crypt, encrypted, contentType string, change func(url.Values, *string)) (int, string) {
	w.Helper()
	stamp, nonce := strconv.FormatInt(w.clock().Unix(), 10), strconv.FormatInt(w.nonces.Add(1), 10)
	q := url.Values{"timestamp": {stamp}, "nonce": {nonce}, "encrypt_type": {"aes"}, "msg_signature": {c.Signature(stamp, nonce, encrypted)}, "signature": {"unused"}}
	body := "<xml><ToUserName>gh_1</ToUserName><Encrypt><![CDATA[" + encrypted + "]]></Encrypt></xml>"
	if change != nil {
		change(q, &body)
	}
	r := httptest.NewRequest(http.MethodPost, "/w/push/sealed?"+q.Encode(), strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	b := w.browser()
	b.do(r)
	return b.status, b.body
}

func text(from, id, words string) string {
	return fmt.Sprintf("<xml><ToUserName>gh_1</ToUserName><FromUserName>%s</FromUserName><CreateTime>1</CreateTime><MsgType>text</MsgType>"+
		"<Content><![CDATA[%s]]></Content><MsgId>%s</MsgId></xml>", from, words, id)
}

func TestEncryptedMessagesAreTakenAndEveryForgeryIsCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	app := dbtest.Credentials().AppID
	c := crypt(t, sealedKey, app)
	message := []byte(w.got("oLin", "nobody", "012345678901"))
	sealed := c.Encrypt(message)
	for _, kind := range []string{"text/xml", "application/xml", "text/xml; charset=GBK", "application/octet-stream", ""} {
		// The same message each time: also a repeat under a fresh query is "success".
		if status, answer := w.sealedPush(c, sealed, kind, nil); status != 200 || answer != "success" {
			t.Errorf("%q: %d %q", kind, status, answer)
		}
	}
	mixed := func(_ url.Values, body *string) {
		*body = strings.Replace(*body, "<Encrypt>", "<FromUserName>oMallory</FromUserName><MsgType>event</MsgType><Event>user_get_card</Event><Encrypt>", 1)
	}
	if status, _ := w.sealedPush(c, sealed, "text/xml", mixed); status != 200 {
		t.Errorf("the compatible mode answers %d", status)
	}
	forged := crypt(t, strings.Repeat("B", 43), app)
	foreign := crypt(t, sealedKey, "wx9999999999999999")
	for _, row := range []struct {
		name, reason string
		status       int
		send         func() (int, string)
	}{
		{"another text under a signature", RefusedSignature, 403, func() (int, string) {
			return w.sealedPush(c, sealed, "text/xml", func(_ url.Values, body *string) {
				*body = strings.Replace(*body, sealed, c.Encrypt([]byte("<xml/>")), 1)
			})
		}},
		{"another key: the padding is wrong", RefusedCrypt, 403, func() (int, string) { return w.sealedPush(c, forged.Encrypt(message), "text/xml", nil) }},
		{"sealed for another AppID", RefusedCrypt, 403, func() (int, string) { return w.sealedPush(c, foreign.Encrypt(message), "text/xml", nil) }},
		{"cut off", RefusedMalformed, 400, func() (int, string) {
			return w.sealedPush(c, sealed, "text/xml", func(_ url.Values, body *string) { *body = (*body)[:len(*body)/2] })
		}},
		{"signed nonsense", RefusedMalformed, 400, func() (int, string) { return w.sealedPush(c, c.Encrypt([]byte("{}")), "text/xml", nil) }},
		{"an hour old", RefusedStale, 403, func() (int, string) {
			return w.sealedPush(c, sealed, "text/xml", func(q url.Values, _ *string) {
				stamp := strconv.FormatInt(w.clock().Add(-time.Hour).Unix(), 10)
				q.Set("timestamp", stamp)
				q.Set("msg_signature", c.Signature(stamp, q.Get("nonce"), sealed))
			})
		}},
		{"plain, though there is a key", RefusedPlain, 403, func() (int, string) {
			return w.sealedPush(c, sealed, "text/xml", func(q url.Values, body *string) { q.Del("encrypt_type"); *body = string(message) })
		}},
	} {
		before := refusals(w.server, "sealed", row.reason)
		if status, _ := row.send(); status != row.status {
			t.Errorf("%s: %d, want %d", row.name, status, row.status)
		}
		if n := refusals(w.server, "sealed", row.reason); n != before+1 {
			t.Errorf("%s: counted %d times as %s", row.name, n-before, row.reason)
		}
	}
	page, err := w.service.Messages(t.Context(), campaigns.InboxFilter{})
	if err != nil || len(page.Rows) != 1 || page.Rows[0].Repeats != 5 {
		t.Errorf("the inbox has %+v (%v)", page.Rows, err)
	}
}

func refusals(s *Server, account, reason string) (n int) {
	for _, r := range s.PushRefusals() {
		if r.Account == account && r.Reason == reason {
			n += r.Count
		}
	}
	return n
}

func TestAPlainSignatureIsGoodForOneTextAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var query url.Values
	keep := func(q url.Values) { query = q }
	again := func(q url.Values) {
		for name, value := range query {
			q[name] = value
		}
	}
	token, first := dbtest.Credentials().PushToken, w.got("oLin", "r", "1")
	if status, _ := w.push(http.MethodPost, token, first, keep); status != 200 {
		t.Fatal(status)
	}
	if status, answer := w.push(http.MethodPost, token, first, again); status != 200 || answer != "success" {
		t.Errorf("the same once more: %d %q", status, answer)
	}
	if status, _ := w.push(http.MethodPost, token, w.got("oLin", "r", "2"), again); status != 403 || refusals(w.server, "demo", RefusedReplay) != 1 {
		t.Errorf("another text under the signature: %d", status)
	}
}

func TestTheOfficialExamplesPassThroughTheAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	raw, err := os.ReadFile(filepath.Join("..", "wechat", "testdata", "official-account.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			Name     string
			Inputs   map[string]any
			Expected map[string]any
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	send := func(method, account string, q url.Values, body string) *browser {
		at, err := strconv.ParseInt(q.Get("timestamp"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		w.now.Store(at * 1000)
		return w.browser().do(httptest.NewRequest(method, "/w/push/"+account+"?"+q.Encode(), strings.NewReader(body)))
	}
	seen := 0
	for _, v := range file.Vectors {
		in := func(name string) string { text, _ := v.Inputs[name].(string); return text }
		want := func(name string) string { text, _ := v.Expected[name].(string); return text }
		q := url.Values{"timestamp": {in("timestamp")}, "nonce": {in("nonce")}}
		switch v.Name {
		case "callback-url-check":
			q.Set("signature", want("signature"))
			q.Set("echostr", in("echostr"))
			if b := send(http.MethodGet, "official", q, ""); b.status != 200 || b.body != want("response_body") {
				t.Errorf("%s: %d %q", v.Name, b.status, b.body)
			}
			w.pass(1000 * 24 * time.Hour) // only messages have to be fresh
			if b := w.browser().do(httptest.NewRequest(http.MethodGet, "/w/push/official?"+q.Encode(), nil)); b.status != 200 || b.body != want("response_body") {
				t.Errorf("%s, later: %d %q", v.Name, b.status, b.body)
			}
		case "callback-plain-post":
			q.Set("signature", want("signature"))
			if b := send(http.MethodPost, "official-plain", q, text("oLin", "1", "hi")); b.status != 200 || b.body != "success" {
				t.Errorf("%s: %d %q", v.Name, b.status, b.body)
			}
		case "callback-safe-receive":
			// It opens: what is refused is that the example is JSON and an official account speaks XML.
			q.Set("encrypt_type", "aes")
			q.Set("msg_signature", want("msg_signature"))
			body := "<xml><Encrypt>" + in("encrypt") + "</Encrypt></xml>"
			if b := send(http.MethodPost, "official", q, body); b.status != 400 || refusals(w.server, "official", RefusedMalformed) != 1 {
				t.Errorf("%s: %d %v", v.Name, b.status, w.server.PushRefusals())
			}
			if b := send(http.MethodPost, "official", q, strings.Replace(body, "qdx1", "qdx2", 1)); b.status != 403 || refusals(w.server, "official", RefusedSignature) != 1 {
				t.Errorf("%s, changed: %d %v", v.Name, b.status, w.server.PushRefusals())
			}
		default:
			continue
		}
		seen++
	}
	if seen != 3 {
		t.Errorf("%d of the examples were found", seen)
	}
}

func TestSixHundredDeliveriesInASecondAreAnsweredInTimeAndCountedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const cards, times = 200, 3
	c := w.publish("rush", campaigns.WeChatCard, func(d *campaigns.Draft) { d.Total = cards })
	bodies := make([]string, cards)
	for n := range bodies {
		v := dbtest.Visitor(t, w.service, n+1)
		claim, _, err := w.service.Claim(t.Context(), campaigns.Tap{Slug: "rush", Visitor: v.ID, Key: fmt.Sprintf("key-%06d", n)})
		if err != nil {
			t.Fatal(err)
		}
		bodies[n] = w.got(string(v.OpenID), string(claim.Ref), fmt.Sprintf("%012d", n))
	}
	var slow, refused atomic.Int32
	var all sync.WaitGroup
	beat := time.NewTicker(time.Second / cards)
	defer beat.Stop()
	start := time.Now()
	for n := range cards {
		<-beat.C
		for range times {
			all.Go(func() {
				sent := time.Now()
				status, answer := w.push(http.MethodPost, dbtest.Credentials().PushToken, bodies[n], nil)
				if status != 200 || answer != "success" {
					refused.Add(1)
				}
				if time.Since(sent) > 5*time.Second {
					slow.Add(1)
				}
			})
		}
	}
	all.Wait()
	t.Logf("%d deliveries in %s", cards*times, time.Since(start))
	stock, err := w.service.CheckStock(t.Context(), c.ID)
	if err != nil || stock.Confirmed != cards || stock.Held != 0 || slow.Load() != 0 || refused.Load() != 0 {
		t.Errorf("stock %+v (%v), %d slow, %d refused", stock, err, slow.Load(), refused.Load())
	}
}

func TestADatabaseThatHangsIsNotWaitedForAndTheRetryCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.pushLimit = 100 * time.Millisecond
	release, held := make(chan struct{}), make(chan struct{})
	var hanging sync.WaitGroup
	hanging.Go(func() {
		_ = w.db.Write(context.Background(), func(*db.Tx) error { close(held); <-release; return nil })
	})
	<-held
	message := w.got("oLin", "r", "1")
	start := time.Now()
	status, answer := w.push(http.MethodPost, dbtest.Credentials().PushToken, message, nil)
	if status != 500 || answer == "success" || time.Since(start) > 2*time.Second {
		t.Errorf("%d %q after %s", status, answer, time.Since(start))
	}
	close(release)
	hanging.Wait()
	w.server.receiving.Wait()
	w.server.pushLimit = pushLimit
	if status, answer := w.push(http.MethodPost, dbtest.Credentials().PushToken, message, nil); status != 200 || answer != "success" {
		t.Errorf("the retry: %d %q", status, answer)
	}
}

// talker answers what it is told, when it is let go.
type talker struct {
	asked atomic.Int32
	wait  chan struct{} // nil = at once
	say   wechat.Reply
}

func (r *talker) Reply(ctx context.Context, account string, e wechat.Event) (wechat.Reply, error) {
	r.asked.Add(1)
	if r.wait != nil {
		select {
		case <-r.wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return r.say, nil
}

// answers puts a replier into the server and starts its workers.
func (w *world) answers(r *talker, patience time.Duration) {
	w.server.Replier, w.server.chat = r, newChat(r, w.clock, w.server.Log)
	w.server.chat.patience = patience
	ctx, stop := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { w.server.Work(ctx) })
	w.Cleanup(func() { stop(); work.Wait() })
}

func TestARepeatGetsTheSameReplyAndEncryptedMessagesGetEncryptedOnes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := &talker{say: wechat.Text{Content: "你好 ]]> <b>"}}
	w.answers(r, replyPatience)
	token := dbtest.Credentials().PushToken
	var first string
	for n := range 3 {
		status, answer := w.push(http.MethodPost, token, text("oLin", "77", "hi"), nil)
		reply, err := wechat.ParseEvent([]byte(answer))
		if status != 200 || err != nil || reply.ToUser != "oLin" || reply.FromUser != "gh_1" || reply.Content != "你好 ]]> <b>" {
			t.Fatalf("%d %q (%v)", status, answer, err)
		}
		if n == 0 {
			first = answer
		} else if answer != first {
			t.Errorf("the repeat is answered %q, not %q", answer, first)
		}
	}
	if r.asked.Load() != 1 {
		t.Errorf("asked %d times for one message", r.asked.Load())
	}
	if _, answer := w.push(http.MethodPost, token, w.got("oLin", "r", "1"), nil); answer != "success" {
		t.Errorf("a card event is answered %q", answer)
	}
	c := crypt(t, sealedKey, dbtest.Credentials().AppID)
	status, answer := w.sealedPush(c, c.Encrypt([]byte(text("oMei", "78", "hi"))), "text/xml", nil)
	envelope, err := wechat.ParseEvent([]byte(answer))
	if status != 200 || err != nil || c.Signature(envelope.Raw["TimeStamp"], envelope.Raw["Nonce"], envelope.Raw["Encrypt"]) != envelope.Raw["MsgSignature"] {
		t.Fatalf("%d %q (%v)", status, answer, err)
	}
	plain, err := c.Decrypt(envelope.Raw["Encrypt"])
	if err != nil || !strings.Contains(string(plain), "<![CDATA[oMei]]>") {
		t.Errorf("%q (%v)", plain, err)
	}
}

func TestALateReplyGoesOutByItselfOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := &talker{wait: make(chan struct{}), say: wechat.Text{Content: "好"}}
	w.answers(r, 30*time.Millisecond)
	for range 2 {
		if status, answer := w.push(http.MethodPost, dbtest.Credentials().PushToken, text("oLin", "79", "hi"), nil); status != 200 || answer != "success" {
			t.Fatalf("%d %q", status, answer)
		}
	}
	close(r.wait)
	for deadline := time.Now().Add(5 * time.Second); w.sent.Load() == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if _, answer := w.push(http.MethodPost, dbtest.Credentials().PushToken, text("oLin", "79", "hi"), nil); answer != "success" || w.sent.Load() != 1 || r.asked.Load() != 1 {
		t.Errorf("%q, sent %d times, asked %d times", answer, w.sent.Load(), r.asked.Load())
	}
}
