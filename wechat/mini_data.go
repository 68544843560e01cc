package wechat

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// The refusals of encrypted data.
var (
	// ErrDataShape: seen before any key is used, so it tells nothing about the key.
	ErrDataShape = errors.New("wechat: the encrypted data has not the right form")
	// ErrDataStale: it does not open with this key for this app and person. Which step
	// failed is not told: that would help whoever tries out texts.
	ErrDataStale = errors.New("wechat: the encrypted data does not open with this session")
	// ErrDataOld: it is ours, but its watermark is too far from our clock.
	ErrDataOld = errors.New("wechat: the encrypted data is not of now")
)

const maxMiniData = 16 << 10 // bytes of base64; real data has below one thousand

// MiniData is what encrypted data told. Printing it shows nothing personal.
type MiniData struct {
	OpenID  OpenID // "" where the interface tells none
	UnionID string
	Phone   MiniPhone // zero when it is not about a phone
	At      time.Time // of the watermark
}

// Format masks what is personal.
func (d MiniData) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "mini-program data of %s", Mask(string(d.OpenID)))
}

type watermark struct {
	AppID     AppID `json:"appid"`
	Timestamp whole `json:"timestamp"`
}

// MiniCheck is what encrypted data must fit.
type MiniCheck struct {
	AppID      AppID
	OpenID     OpenID // of the session; compared where the data names one
	SessionKey string
	Now        time.Time
	Window     time.Duration // how far the watermark may be from Now; 0 = any distance
}

// Open decrypts what a mini program's open interface delivered and checks whose it is
// (mini-program protocol 6). Both texts come from strangers. Errors: ErrDataShape,
// ErrDataStale, ErrDataOld.
func (m MiniCheck) Open(encrypted, iv string) (MiniData, error) {
	var d MiniData
	if len(encrypted) > maxMiniData || len(iv) > 64 {
		return d, ErrDataShape
	}
	start, err := base64.StdEncoding.DecodeString(iv)
	if err != nil || len(start) != aes.BlockSize {
		return d, ErrDataShape
	}
	data, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil || len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return d, ErrDataShape
	}
	key, err := miniKey(m.SessionKey)
	if err != nil {
		return d, ErrDataStale
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return d, ErrDataStale
	}
	cipher.NewCBCDecrypter(block, start).CryptBlocks(data, data)
	plain, ok := unpad(data)
	var fields struct {
		phoneInfo
		OpenID  OpenID `json:"openId"`
		UnionID string `json:"unionId"`
	}
	if !ok || !utf8.Valid(plain) || json.Unmarshal(plain, &fields) != nil {
		return d, ErrDataStale
	}
	mark := fields.Watermark
	if m.AppID == "" || mark.AppID != m.AppID || fields.OpenID != "" && fields.OpenID != m.OpenID {
		return d, ErrDataStale
	}
	d.OpenID, d.At = fields.OpenID, mark.Timestamp.time()
	if away := m.Now.Sub(d.At).Abs(); m.Window > 0 && (d.At.IsZero() || away > m.Window) {
		return MiniData{}, ErrDataOld
	}
	if plausible(fields.UnionID, maxOpenID) {
		d.UnionID = fields.UnionID
	}
	if phone, ok := fields.phone(); ok {
		d.Phone = phone
	}
	return d, nil
}

// unpad takes PKCS#7 padding of AES blocks off: the messages of official accounts have
// blocks of another size.
func unpad(data []byte) ([]byte, bool) {
	pad := int(data[len(data)-1])
	if pad < 1 || pad > aes.BlockSize {
		return nil, false
	}
	wrong := byte(0)
	for _, b := range data[len(data)-pad:] {
		wrong |= b ^ byte(pad)
	}
	return data[:len(data)-pad], wrong == 0
}

func miniKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if err == nil && len(key) != 16 {
		err = ErrDataStale
	}
	return key, err
}

// VerifyRawData reports whether WeChat signed exactly this text for the session
// (mini-program protocol 5). It compares in constant time.
func VerifyRawData(raw, sessionKey, signature string) bool {
	return sessionKey != "" && sameSignature(sha1Hex(raw+sessionKey), signature)
}

// SessionSignature proves to WeChat that we hold the key without sending it
// (mini-program protocol 3): lower-case hex of HMAC-SHA256, keyed with the key's text.
func SessionSignature(message, sessionKey string) string {
	mac := hmac.New(sha256.New, []byte(sessionKey))
	mac.Write([]byte(message))
	return hex.EncodeToString(mac.Sum(nil))
}
