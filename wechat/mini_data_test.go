package wechat

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

type miniVector struct {
	Name, Kind string
	Inputs     map[string]string
	Expected   struct {
		Signature string
		JSON      struct {
			OpenID    OpenID    `json:"openId"`
			UnionID   string    `json:"unionId"`
			Watermark watermark `json:"watermark"`
		}
	}
}

func miniVectors(t testing.TB) map[string]miniVector {
	t.Helper()
	raw, err := os.ReadFile("testdata/mini-program.json")
	var file struct{ Vectors []miniVector }
	if err == nil {
		err = json.Unmarshal(raw, &file)
	}
	if err != nil || len(file.Vectors) != 3 {
		t.Fatalf("%d vectors, %v", len(file.Vectors), err)
	}
	named := map[string]miniVector{}
	for _, v := range file.Vectors {
		named[v.Name] = v
	}
	return named
}

// official is the published example as a check, at its own time.
func official(v miniVector) MiniCheck {
	return MiniCheck{
		AppID: AppID(v.Inputs["appid"]), OpenID: v.Expected.JSON.OpenID, SessionKey: v.Inputs["session_key"],
		Now: v.Expected.JSON.Watermark.Timestamp.time().Add(time.Minute), Window: 10 * time.Minute,
	}
}

func TestTheMiniProgramExamplesHold(t *testing.T) {
	t.Parallel()
	all := miniVectors(t)
	v := all["raw-data-signature"]
	if !VerifyRawData(v.Inputs["raw_data"], v.Inputs["session_key"], v.Expected.Signature) {
		t.Error("the raw data's signature is refused")
	}
	for name, bad := range map[string][3]string{
		"another text": {v.Inputs["raw_data"] + " ", v.Inputs["session_key"], v.Expected.Signature},
		"another key":  {v.Inputs["raw_data"], "HyVFkGl5F5OQWJZZaNzBBw==", v.Expected.Signature},
		"no key":       {v.Inputs["raw_data"], "", sha1Hex(v.Inputs["raw_data"])},
		"no signature": {v.Inputs["raw_data"], v.Inputs["session_key"], ""},
	} {
		if VerifyRawData(bad[0], bad[1], bad[2]) {
			t.Errorf("%s passes", name)
		}
	}
	v = all["session-signature-hmac"]
	if got := SessionSignature(v.Inputs["message"], v.Inputs["session_key"]); got != v.Expected.Signature {
		t.Errorf("the session's signature is %s", got)
	}
	v = all["encrypted-data-official-demo"]
	d, err := official(v).Open(v.Inputs["encrypted_data"], v.Inputs["iv"])
	want := v.Expected.JSON
	if err != nil || d.OpenID != want.OpenID || d.UnionID != want.UnionID || !d.At.Equal(time.Unix(1477314187, 0)) {
		t.Errorf("opened as %s %s %v, %v", d.OpenID, d.UnionID, d.At, err)
	}
}

const miniTestKey = "tiihtNczf5v6AKRyjwEUhQ=="

// sealMini encrypts as a phone does; bad padding when pad is not 0.
func sealMini(t testing.TB, plain string, pad int) (encrypted, iv string) {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(miniTestKey)
	if err != nil {
		t.Fatal(err)
	}
	data := []byte(plain)
	n := aes.BlockSize - len(data)%aes.BlockSize
	for range n {
		data = append(data, byte(n))
	}
	if pad != 0 {
		data[len(data)-1] = byte(pad)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	start := []byte("0123456789abcdef")
	cipher.NewCBCEncrypter(block, start).CryptBlocks(data, data)
	return base64.StdEncoding.EncodeToString(data), base64.StdEncoding.EncodeToString(start)
}

func TestEncryptedDataIsRefusedForWhatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	now := time.Unix(1790000000, 0)
	good := MiniCheck{AppID: "wx1", OpenID: "o1", SessionKey: miniTestKey, Now: now, Window: 10 * time.Minute}
	body := func(app string, open string, age time.Duration) string {
		return fmt.Sprintf(`{"openId":%q,"purePhoneNumber":"13800138000","countryCode":86,"watermark":{"appid":%q,"timestamp":%d}}`, open, app, now.Add(-age).Unix())
	}
	b64 := base64.StdEncoding.EncodeToString
	right, iv := sealMini(t, body("wx1", "o1", time.Minute), 0)
	with := func(change func(*MiniCheck)) MiniCheck { c := good; change(&c); return c }
	seal := func(plain string, pad int) string { e, _ := sealMini(t, plain, pad); return e }
	for name, c := range map[string]struct {
		check         MiniCheck
		encrypted, iv string
		want          error
	}{
		"all is right":             {good, right, iv, nil},
		"an iv of 15 bytes":        {good, right, b64(make([]byte, 15)), ErrDataShape},
		"an iv of 17 bytes":        {good, right, b64(make([]byte, 17)), ErrDataShape},
		"no iv":                    {good, right, "", ErrDataShape},
		"17 bytes":                 {good, b64(make([]byte, 17)), iv, ErrDataShape},
		"nothing":                  {good, "", iv, ErrDataShape},
		"no base64":                {good, "%%%", iv, ErrDataShape},
		"a blank for a plus":       {good, "+" + right[1:10] + " " + right[11:], iv, ErrDataShape},
		"far too long":             {good, strings.Repeat("A", maxMiniData+4), iv, ErrDataShape},
		"another iv":               {good, right, b64(make([]byte, 16)), ErrDataStale},
		"padding of 255 bytes":     {good, seal(body("wx1", "o1", 0)+strings.Repeat(" ", 3), 255), iv, ErrDataStale},
		"padding that lies":        {good, seal("{}", 2), iv, ErrDataStale},
		"another key":              {with(func(c *MiniCheck) { c.SessionKey = "HyVFkGl5F5OQWJZZaNzBBg==" }), right, iv, ErrDataStale},
		"no key":                   {with(func(c *MiniCheck) { c.SessionKey = "" }), right, iv, ErrDataStale},
		"a key of 8 bytes":         {with(func(c *MiniCheck) { c.SessionKey = b64(make([]byte, 8)) }), right, iv, ErrDataStale},
		"no JSON":                  {good, seal("hello", 0), iv, ErrDataStale},
		"another app's watermark":  {good, seal(body("wx2", "o1", 0), 0), iv, ErrDataStale},
		"no watermark":             {good, seal(`{"openId":"o1"}`, 0), iv, ErrDataStale},
		"no app to compare with":   {with(func(c *MiniCheck) { c.AppID = "" }), seal(`{"openId":"o1"}`, 0), iv, ErrDataStale},
		"another person":           {good, seal(body("wx1", "o2", 0), 0), iv, ErrDataStale},
		"a day old":                {good, seal(body("wx1", "o1", 24*time.Hour), 0), iv, ErrDataOld},
		"of tomorrow":              {good, seal(body("wx1", "o1", -24*time.Hour), 0), iv, ErrDataOld},
		"a watermark without time": {good, seal(`{"watermark":{"appid":"wx1"}}`, 0), iv, ErrDataOld},
	} {
		d, err := c.check.Open(c.encrypted, c.iv)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err != nil && d != (MiniData{}) {
			t.Errorf("%s: refused, and told %+v", name, d.At)
		}
		if c.want == nil && (d.Phone.International() != "13800138000" || d.OpenID != "o1") {
			t.Errorf("%s: read %q of %q", name, d.Phone.Number, d.OpenID)
		}
	}
}

func FuzzMiniData(f *testing.F) {
	v := miniVectors(f)["encrypted-data-official-demo"]
	check := official(v)
	f.Add(v.Inputs["encrypted_data"], v.Inputs["iv"], v.Inputs["session_key"])
	f.Add("AAAA", "", "")
	f.Add(v.Inputs["encrypted_data"], "AAAAAAAAAAAAAAAAAAAAAA==", v.Inputs["session_key"])
	f.Fuzz(func(t *testing.T, encrypted, iv, key string) {
		c := check
		c.SessionKey = key
		d, err := c.Open(encrypted, iv)
		switch {
		case err == nil && (d.OpenID != "" && d.OpenID != c.OpenID || d.At.IsZero()):
			t.Errorf("opened data of %s", d.OpenID)
		case err != nil && !errors.Is(err, ErrDataShape) && !errors.Is(err, ErrDataStale) && !errors.Is(err, ErrDataOld):
			t.Errorf("another error: %v", err)
		}
		if text := fmt.Sprintf("%v %+v", d, err); strings.Contains(text, string(check.OpenID)) {
			t.Errorf("printed the person: %s", text)
		}
	})
}

// FuzzMiniPlain opens whatever a phone may have encrypted with the right key.
func FuzzMiniPlain(f *testing.F) {
	f.Add(`{"openId":"o1","watermark":{"appid":"wx1","timestamp":1790000000}}`)
	f.Add(`{"phoneNumber":1,"countryCode":{},"watermark":[]}`)
	f.Add(`{"purePhoneNumber":"1","countryCode":1e99,"watermark":{"appid":"wx1","timestamp":"9e9"}}`)
	f.Fuzz(func(t *testing.T, plain string) {
		encrypted, iv := sealMini(t, plain, 0)
		d, err := MiniCheck{AppID: "wx1", OpenID: "o1", SessionKey: miniTestKey, Now: time.Unix(1790000000, 0), Window: time.Minute}.Open(encrypted, iv)
		if err == nil && (d.Phone != (MiniPhone{}) && !digits(d.Phone.Number, 4, 15) || d.OpenID != "" && d.OpenID != "o1") {
			t.Errorf("took %q", plain)
		}
	})
}
