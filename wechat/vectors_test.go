package wechat

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// vector is one official example.
type vector struct {
	Name, Kind string
	Inputs     map[string]string
	Expected   struct {
		Signature, Msg, Encrypt string
		MsgSignature            string `json:"msg_signature"`
	}
}

func vectors(t testing.TB) []vector {
	t.Helper()
	raw, err := os.ReadFile("testdata/official-account.json")
	var file struct{ Vectors []vector }
	if err == nil {
		err = json.Unmarshal(raw, &file)
	}
	if err != nil || len(file.Vectors) < 7 {
		t.Fatalf("%d vectors, %v", len(file.Vectors), err)
	}
	return file.Vectors
}

func TestTheOfficialExamplesHold(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			in, want := v.Inputs, v.Expected
			seconds, err := strconv.ParseInt(in["timestamp"], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			same := func(what, got, want string) {
				t.Helper()
				if got != want {
					t.Errorf("%s is %s, want %s", what, got, want)
				}
			}
			push := func(app AppID) *Account {
				h := NewHub(HubOptions{Now: func() time.Time { return time.Unix(seconds+60, 0) }})
				return h.newAccount(Credentials{AppID: app, PushToken: in["token"], AESKey: in["encoding_aes_key"]})
			}
			switch v.Kind {
			case "jssdk-config-sha1":
				same("signature", pageSignature(in["jsapi_ticket"], in["noncestr"], seconds, in["url"]), want.Signature)
				same("signature with fragment", pageSignature(in["jsapi_ticket"], in["noncestr"], seconds, in["url"]+"#part"), want.Signature)
			case "card-sha1":
				text, err := signedCardExt(in["api_ticket"], in["nonce_str"], seconds, CardRequest{
					CardID: CardID(in["card_id"]), Code: in["code"], OpenID: OpenID(in["openid"]), OuterStr: "ref", BeginAt: time.Unix(1404896700, 0),
				})
				if err != nil {
					t.Fatal(err)
				}
				same("cardExt", text, `{"code":"1434008071","timestamp":"1404896688","nonce_str":"123","fixed_begintimestamp":1404896700,"outer_str":"ref","signature":"`+want.Signature+`"}`)
			case "callback-signature":
				a := push("wx1")
				if err := a.VerifyPush(in["timestamp"], in["nonce"], want.Signature); err != nil {
					t.Error(err)
				}
				if err := a.VerifyPush(in["timestamp"], in["nonce"]+"1", want.Signature); !errors.Is(err, ErrPushRefused) {
					t.Errorf("another nonce: %v", err)
				}
			case "biz-msg-crypt-decrypt":
				body := []byte("<xml><ToUserName>gh</ToUserName><Encrypt><![CDATA[" + in["encrypt"] + "]]></Encrypt></xml>")
				got, _, err := push(AppID(in["appid"])).OpenPush(in["timestamp"], in["nonce"], want.MsgSignature, body)
				if err != nil {
					t.Fatal(err)
				}
				same("message", string(got), want.Msg)
				if _, _, err := push(AppID(in["appid"])).OpenPush(in["timestamp"], in["nonce"]+"1", want.MsgSignature, body); !errors.Is(err, ErrPushRefused) {
					t.Errorf("another nonce: %v", err)
				}
			case "biz-msg-crypt-encrypt":
				c, err := NewCrypt(in["token"], in["encoding_aes_key"], AppID(in["appid"]))
				if err != nil {
					t.Fatal(err)
				}
				got := c.encrypt([]byte(in["random"]), []byte(in["msg"]))
				same("text", got, want.Encrypt)
				same("signature", c.Signature(in["timestamp"], in["nonce"], got), want.MsgSignature)
			default:
				t.Errorf("nobody checks %s", v.Kind)
			}
		})
	}
}

// The values are derived in protocol 3.1 from the official example.
func TestCardSignaturesLeaveOutWhatIsNotSent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		r    CardRequest
		want string
	}{
		{CardRequest{}, "11056a0835078caa4d82a948a416875f66af4283"},
		{CardRequest{Code: "1434008071", OpenID: "oFS7Fjl0WsZ9AMZqrI80nbIq8xrA"}, "7e74be049c2c8b49e77904f47fb518943d3dc8b4"},
	} {
		c.r.CardID = "pjZ8Yt1XGILfi-FUsewpnnolGgZk"
		text, err := signedCardExt("ojZ8YtyVyr30HheH3CM73y7h4jJE", "123", 1404896688, c.r)
		if err != nil || !strings.Contains(text, c.want) {
			t.Errorf("%s, %v", text, err)
		}
		if c.r.Code == "" && (strings.Contains(text, "openid") || strings.Contains(text, "code") || strings.Contains(text, "begin")) {
			t.Errorf("empty fields are sent: %s", text)
		}
	}
}

func testCrypt(t testing.TB) *Crypt {
	c, err := NewCrypt("AAAAA", strings.Repeat("q", 42)+"r", "wxba5fad812f8e6fb9") // the last character has spare bits
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEncryptedMessagesOfAllLengthsComeBack(t *testing.T) {
	t.Parallel()
	c := testCrypt(t)
	for n := range 100 {
		message := strings.Repeat("卡", n)[:n]
		got, err := c.Decrypt(c.Encrypt([]byte(message)))
		if err != nil || string(got) != message {
			t.Fatalf("%d bytes: %q, %v", n, got, err)
		}
	}
	if first := c.Encrypt([]byte("x")); first == c.Encrypt([]byte("x")) {
		t.Error("two messages look the same")
	}
}

func TestDamagedOrForeignMessagesAreRefusedAlike(t *testing.T) {
	t.Parallel()
	c := testCrypt(t)
	good := c.Encrypt([]byte(strings.Repeat("message", 9)))
	raw, _ := base64.StdEncoding.DecodeString(good)
	half := base64.StdEncoding.EncodeToString(raw[:len(raw)-16])
	short := base64.StdEncoding.EncodeToString(raw[:32])
	other, _ := NewCrypt("AAAAA", strings.Repeat("q", 42)+"r", "wxanother000000000")
	raw[len(raw)-17] ^= 0x40 // changes the padding
	for _, text := range []string{
		"", "=", "not base64", good[1:], half, short, other.Encrypt([]byte("x")), base64.StdEncoding.EncodeToString(raw),
		strings.Repeat("A", 2*MaxEvent+4),
	} {
		if got, err := c.Decrypt(text); err != ErrCrypt || got != nil { //nolint:errorlint // exactly this one
			t.Errorf("%.40q: %q, %v", text, got, err)
		}
	}
	for _, key := range []string{"", "short", strings.Repeat("q", 44), strings.Repeat("!", 43)} {
		if _, err := NewCrypt("AAAAA", key, "wx1"); err == nil {
			t.Errorf("the key %q is accepted", key)
		}
	}
}
