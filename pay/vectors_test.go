package pay

import (
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

type vector struct {
	Name, Kind string
	Inputs     map[string]json.RawMessage
	Text       string `json:"string_to_sign"`
	Expected   struct {
		Sign, Signature, Authorization, Plaintext, PaySign, SignType string
		Valid                                                        bool
	}
}

func (v vector) in(t *testing.T, name string) string {
	t.Helper()
	var s string
	if err := json.Unmarshal(v.Inputs[name], &s); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

func TestTheOfficialExamplesHold(t *testing.T) {
	t.Parallel()
	var file struct {
		Keys    map[string]string
		Vectors []vector
	}
	raw, err := os.ReadFile("testdata/pay.json")
	if err == nil {
		err = json.Unmarshal(raw, &file)
	}
	if err != nil || len(file.Vectors) != 8 {
		t.Fatalf("%d vectors, %v", len(file.Vectors), err)
	}
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			switch {
			case v.Kind == "v2-sign":
				var f fields
				if err := json.Unmarshal(v.Inputs["params"], &f); err != nil {
					t.Fatal(err)
				}
				key, kind := v.in(t, "key"), SignType(v.in(t, "sign_type"))
				if got := signTextV2(f) + "key=" + key; got != v.Text {
					t.Errorf("text %q, want %q", got, v.Text)
				}
				if got := signV2(f, key, kind); got != v.Expected.Sign {
					t.Errorf("sign %s, want %s", got, v.Expected.Sign)
				}
				if f["appId"] != "" {
					frontEndVectorV2(t, f, key, kind, v.Expected.Sign)
				}
			case v.Expected.Authorization != "":
				text := lines(v.in(t, "method"), v.in(t, "url_path"), v.in(t, "timestamp"), v.in(t, "nonce_str"), v.in(t, "body"))
				checkVectorV3(t, text, v.Text, file.Keys[v.in(t, "verify_with")], v.Expected.Signature)
				got := authorization(v.in(t, "mchid"), v.in(t, "nonce_str"), v.in(t, "timestamp"), v.in(t, "serial_no"), v.Expected.Signature)
				if got != v.Expected.Authorization {
					t.Errorf("header %s", got)
				}
			case v.Expected.PaySign != "":
				text := lines(v.in(t, "appId"), v.in(t, "timeStamp"), v.in(t, "nonceStr"), v.in(t, "package"))
				checkVectorV3(t, text, v.Text, file.Keys[v.in(t, "verify_with")], v.Expected.PaySign)
			case v.Kind == "v3-rsa-verify":
				var headers map[string]string
				if err := json.Unmarshal(v.Inputs["headers"], &headers); err != nil {
					t.Fatal(err)
				}
				h := http.Header{}
				for name, value := range headers {
					h.Set(name, value)
				}
				verifyVectorV3(t, h, v.in(t, "body"), file.Keys[v.in(t, "public_key")])
			case v.Kind == "aead-aes-256-gcm":
				box, err := newBox(v.in(t, "api_v3_key"))
				if err != nil {
					t.Fatal(err)
				}
				r := resource{Algorithm: "AEAD_AES_256_GCM", Text: v.in(t, "ciphertext"), Data: v.in(t, "associated_data"), Nonce: v.in(t, "nonce")}
				if text, err := r.open(box); err != nil || string(text) != v.Expected.Plaintext {
					t.Errorf("%q, %v", text, err)
				}
				for name, broken := range map[string]resource{
					"short nonce":       {r.Algorithm, r.Text, r.Data, r.Nonce[1:], ""},
					"long nonce":        {r.Algorithm, r.Text, r.Data, r.Nonce + "x", ""},
					"other data":        {r.Algorithm, r.Text, r.Data + "x", r.Nonce, ""},
					"shorter than tag":  {r.Algorithm, "AAAAAAAAAAAAAAAA", r.Data, r.Nonce, ""},
					"empty":             {r.Algorithm, "", r.Data, r.Nonce, ""},
					"other algorithm":   {"AES", r.Text, r.Data, r.Nonce, ""},
					"broken base64":     {r.Algorithm, r.Text + "!", r.Data, r.Nonce, ""},
					"other first bytes": {r.Algorithm, "A" + r.Text[1:], r.Data, r.Nonce, ""},
				} {
					if _, err := broken.open(box); err == nil {
						t.Errorf("%s opens", name)
					}
				}
			default:
				t.Errorf("kind %s is not checked", v.Kind)
			}
		})
	}
}

// frontEndVectorV2 makes the same parameters the way a page gets them.
func frontEndVectorV2(t *testing.T, f fields, key string, kind SignType, want string) {
	t.Helper()
	at, _ := strconv.ParseInt(f["timeStamp"], 10, 64)
	g, err := New(Options{
		Merchant: Merchant{ID: "10000100", AppIDs: []string{f["appId"]}, Version: V2, V2Key: key, SignType: kind},
		Now:      func() time.Time { return time.Unix(at, 0) }, Nonce: func() string { return f["nonceStr"] },
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := g.BridgeParams(strings.TrimPrefix(f["package"], "prepay_id="), f["appId"])
	if err != nil || b.PaySign != want || b.SignType != string(kind) {
		t.Errorf("%+v, %v", b, err)
	}
}

func checkVectorV3(t *testing.T, text, want, pem, signature string) {
	t.Helper()
	if text != want {
		t.Errorf("text %q, want %q", text, want)
	}
	key, p := readPublicKey(pem)
	if p != "" || !signedV3(key, text, signature) {
		t.Errorf("the signature does not hold: %s", p)
	}
	if signedV3(key, text+" ", signature) || signedV3(key, text, signature[4:]) {
		t.Error("a wrong signature holds")
	}
}

func verifyVectorV3(t *testing.T, h http.Header, body, pem string) {
	t.Helper()
	at, _ := strconv.ParseInt(h.Get("Wechatpay-Timestamp"), 10, 64)
	m := merchantV3()
	m.PublicKeyID, m.PublicKeyPEM = h.Get("Wechatpay-Serial"), pem
	for shift, want := range map[time.Duration]Reason{
		0: "", 299 * time.Second: "", -299 * time.Second: "", 300 * time.Second: ReasonTimestamp, -300 * time.Second: ReasonTimestamp,
	} {
		g, err := New(Options{Merchant: m, Now: func() time.Time { return time.Unix(at, 0).Add(shift) }})
		if err != nil {
			t.Fatal(err)
		}
		if got := g.(*v3).verify(t.Context(), h, []byte(body)); got != want {
			t.Errorf("%v from the timestamp: %q, want %q", shift, got, want)
		}
		if shift == 0 && g.(*v3).verify(t.Context(), h, []byte(body+" ")) != ReasonSignature {
			t.Error("another body holds")
		}
	}
}
