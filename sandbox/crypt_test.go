package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

type callbackVector struct {
	Name   string
	Inputs struct {
		Token, Timestamp, Nonce, Echostr, AppID, Signature, Encrypt, Random, Msg string
		Key                                                                      string `json:"encoding_aes_key"`
	}
	Expected struct {
		Signature, Msg, Encrypt string
		MsgSignature            string `json:"msg_signature"`
	}
}

func callbackVectors(t *testing.T) map[string]callbackVector {
	t.Helper()
	text, err := os.ReadFile("testdata/callback.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []callbackVector }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	out := map[string]callbackVector{}
	for _, v := range file.Vectors {
		out[v.Name] = v
	}
	return out
}

func TestTheOfficialCallbackVectorsHold(t *testing.T) {
	t.Parallel()
	all := callbackVectors(t)
	for _, name := range []string{"callback-url-check", "callback-plain-post"} {
		if v := all[name]; v.Expected.Signature == "" || pushSignature(v.Inputs.Token, v.Inputs.Timestamp, v.Inputs.Nonce) != v.Expected.Signature {
			t.Errorf("%s: wrong signature", name)
		}
	}
	in := all["callback-safe-receive"]
	c, err := newCrypt(in.Inputs.AppID, in.Inputs.Key)
	if err != nil {
		t.Fatal(err)
	}
	if msg, err := c.open(in.Inputs.Encrypt); err != nil || string(msg) != in.Expected.Msg {
		t.Errorf("opened %q, %v", msg, err)
	}
	if pushSignature(in.Inputs.Token, in.Inputs.Timestamp, in.Inputs.Nonce, in.Inputs.Encrypt) != in.Expected.MsgSignature {
		t.Error("wrong msg_signature")
	}
	out := all["callback-safe-reply"]
	if got := c.seal(out.Inputs.Random, []byte(out.Inputs.Msg)); got != out.Expected.Encrypt {
		t.Errorf("sealed %s", got)
	}
	if pushSignature(out.Inputs.Token, out.Inputs.Timestamp, out.Inputs.Nonce, out.Expected.Encrypt) != out.Expected.MsgSignature {
		t.Error("wrong MsgSignature")
	}
}

func TestWhatWasNotSealedWithThisKeyIsNotOpened(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("A", 43)
	c, err := newCrypt("wxA", key)
	if err != nil {
		t.Fatal(err)
	}
	salt := strings.Repeat("r", 16)
	for n := range 70 {
		msg := strings.Repeat("中", n)
		if got, err := c.open(c.seal(salt, []byte(msg))); err != nil || string(got) != msg {
			t.Fatalf("%d characters: %q, %v", n, got, err)
		}
	}
	foreign, _ := newCrypt("wxB", key)
	other, _ := newCrypt("wxA", strings.Repeat("B", 42)+"A")
	good := c.seal(salt, []byte("hello"))
	raw, _ := base64.StdEncoding.DecodeString(good)
	for name, text := range map[string]string{
		"another app": foreign.seal(salt, []byte("hello")), "another key": other.seal(salt, []byte("hello")), "nothing": "", "no base64": "!" + good[1:],
		"cut": base64.StdEncoding.EncodeToString(raw[:len(raw)-16]), "a changed end": base64.StdEncoding.EncodeToString(append(raw[:len(raw)-1:len(raw)-1], raw[len(raw)-1]^1)),
	} {
		if got, err := c.open(text); err == nil || err.Error() != errSealed.Error() {
			t.Errorf("%s was opened to %q, %v", name, got, err)
		}
	}
	for _, bad := range []string{"", "short", strings.Repeat("A", 42), strings.Repeat("A", 44), strings.Repeat("?", 43)} {
		if _, err := newCrypt("wxA", bad); err == nil {
			t.Errorf("the key %q was taken", bad)
		}
	}
}

const testKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

// between is the text of an element of CDATA.
func between(text, name string) string {
	_, rest, _ := strings.Cut(text, "<"+name+"><![CDATA[")
	value, _, _ := strings.Cut(rest, "]]></"+name+">")
	return value
}

func TestPushesAreWrittenInTheModeOfTheAccount(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{PushMixed, PushEncrypted} {
		w := newWorld(t, func(o *Options) { o.PushMode, o.AESKey = mode, testKey })
		w.take("lin", latte, nil)
		p := w.push()
		q, sealed, plain := p.query, between(p.body, "Encrypt"), w.Events()[0].Body
		if q.Get("encrypt_type") != "aes" || q.Get("msg_signature") != pushSign("pushtoken", q.Get("timestamp"), q.Get("nonce"), sealed) || q.Get("signature") != pushSign("pushtoken", q.Get("timestamp"), q.Get("nonce")) {
			t.Errorf("%s: query %v", mode, q)
		}
		c, _ := newCrypt(testApp, testKey)
		if msg, err := c.open(sealed); err != nil || string(msg) != plain {
			t.Errorf("%s: the envelope holds %q, %v", mode, msg, err)
		}
		if open := strings.Contains(p.body, "user_get_card"); open != (mode == PushMixed) || !strings.HasPrefix(p.body, "<xml><ToUserName><![CDATA[gh_test]]></ToUserName>") {
			t.Errorf("%s: body %s", mode, p.body)
		}
		if err := w.SetPush(PushPlain, ""); err != nil {
			t.Fatal(err)
		}
		if err := w.PushEvent(0); err != nil {
			t.Fatal(err)
		}
		if p := w.push(); p.body != plain || p.query.Has("msg_signature") {
			t.Error("not plain again")
		}
	}
}

func TestAPushModeNeedsItsKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.PushMode, o.AESKey = PushEncrypted, "too short" })
	if !w.refused("推送方式不能用") || w.opt.PushMode != PushPlain {
		t.Error("a bad key went unseen")
	}
	for _, bad := range [][2]string{{"secret", testKey}, {PushMixed, ""}, {PushEncrypted, testKey[1:]}} {
		if w.SetPush(bad[0], bad[1]) == nil {
			t.Errorf("%v was taken", bad)
		}
	}
	if err := w.SetPush(PushEncrypted, testKey); err != nil {
		t.Error(err)
	}
}

// textReply is an answer of an account, made by the tests' own hand.
func textReply(to, from, text string) string {
	return "<xml><ToUserName><![CDATA[" + to + "]]></ToUserName><FromUserName><![CDATA[" + from + "]]></FromUserName><CreateTime>1767607200</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[" + text + "]]></Content></xml>"
}

func sealedReply(token, xml string) string {
	c, _ := newCrypt(testApp, testKey)
	sealed := c.seal("0123456789abcdef", []byte(xml))
	return fmt.Sprintf("<xml><Encrypt><![CDATA[%s]]></Encrypt><MsgSignature><![CDATA[%s]]></MsgSignature><TimeStamp>5</TimeStamp><Nonce><![CDATA[n]]></Nonce></xml>", sealed, pushSign(token, "5", "n", sealed))
}
