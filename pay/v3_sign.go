package pay

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

const scheme = "WECHATPAY2-SHA256-RSA2048"

// lines joins what v3 signs: every line ends, also the last.
func lines(parts ...string) string { return strings.Join(parts, "\n") + "\n" }

func signV3(key *rsa.PrivateKey, text string) (string, error) {
	sum := sha256.Sum256([]byte(text))
	raw, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}

func signedV3(key *rsa.PublicKey, text, signature string) bool {
	raw, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(text))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw) == nil
}

// authorize signs a request over the path and the body exactly as they are sent (B1).
func (g *v3) authorize(req *http.Request, body string) error {
	at, nonce := seconds(g.now()), g.nonce()
	signature, err := signV3(g.keys.private, lines(req.Method, req.URL.RequestURI(), at, nonce, body))
	if err != nil {
		return &KeyError{Finding{Item: ItemPrivateKey, Problem: ProblemShape}}
	}
	req.Header.Set("Authorization", authorization(g.m.ID, nonce, at, g.keys.serial, signature))
	return nil
}

func authorization(merchant, nonce, at, serial, signature string) string {
	return scheme + ` mchid="` + merchant + `",nonce_str="` + nonce + `",timestamp="` + at +
		`",serial_no="` + serial + `",signature="` + signature + `"`
}

// stamp is the four headers that verify an answer or a notification.
type stamp struct{ at, nonce, signature, serial string }

// readStamp checks the headers alone. now is the clock here.
func (g *v3) readStamp(h http.Header) (stamp, Reason) {
	var s stamp
	for name, to := range map[string]*string{
		"Wechatpay-Timestamp": &s.at, "Wechatpay-Nonce": &s.nonce, "Wechatpay-Signature": &s.signature, "Wechatpay-Serial": &s.serial,
	} {
		values := h.Values(name)
		if len(values) > 1 {
			return s, ReasonShape
		}
		if len(values) == 1 {
			*to = values[0]
		}
	}
	switch {
	case !fresh(s.at, g.now()):
		return s, ReasonTimestamp
	case s.nonce == "" || len(s.nonce) > 128 || !plain(s.nonce):
		return s, ReasonNonce
	case strings.HasPrefix(s.signature, "WECHATPAY/SIGNTEST/"):
		return s, ReasonProbe
	case s.signature == "" || len(s.signature) > 2048:
		return s, ReasonSignature
	case h.Get("Wechatpay-Signature-Type") != "" && h.Get("Wechatpay-Signature-Type") != scheme:
		return s, ReasonSignature
	}
	if !strings.HasPrefix(s.serial, publicKey) {
		s.serial = normalSerial(s.serial)
		if !serialText.MatchString(s.serial) {
			return s, ReasonSerial
		}
	}
	return s, ""
}

func (s stamp) text(body []byte) string { return lines(s.at, s.nonce, string(body)) }
