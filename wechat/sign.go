package wechat

import (
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the protocol says SHA-1
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

func sha1Hex(s string) string {
	sum := sha1.Sum([]byte(s)) //nolint:gosec // the protocol says SHA-1
	return hex.EncodeToString(sum[:])
}

// sortedSHA1 signs values without names: byte order, no separator (protocol 3.1, 6.1).
// Empty values contribute nothing.
func sortedSHA1(values ...string) string {
	slices.Sort(values)
	return sha1Hex(strings.Join(values, ""))
}

// pageSignature signs wx.config (protocol 2.3). Nothing is encoded; what follows # is
// not part of the address.
func pageSignature(ticket, nonce string, timestamp int64, pageURL string) string {
	return sha1Hex("jsapi_ticket=" + ticket + "&noncestr=" + nonce +
		"&timestamp=" + strconv.FormatInt(timestamp, 10) + "&url=" + withoutFragment(pageURL))
}

func withoutFragment(pageURL string) string {
	before, _, _ := strings.Cut(pageURL, "#")
	return before
}

// cardExt is what wx.addCard takes as a string of JSON. The order of the fields is fixed
// so that equal requests give equal text.
type cardExt struct {
	Code      string `json:"code,omitempty"`
	OpenID    OpenID `json:"openid,omitempty"`
	Timestamp string `json:"timestamp"`
	Nonce     string `json:"nonce_str"`
	BeginAt   int64  `json:"fixed_begintimestamp,omitempty"`
	OuterStr  string `json:"outer_str,omitempty"`
	Signature string `json:"signature"`
}

// signedCardExt fills the signature. The outer_str and the begin are not signed, so the
// visitor can change them (protocol 3.1).
func signedCardExt(ticket, nonce string, timestamp int64, r CardRequest) (string, error) {
	ext := cardExt{
		Code: r.Code, OpenID: r.OpenID, Timestamp: strconv.FormatInt(timestamp, 10), Nonce: nonce, OuterStr: r.OuterStr,
	}
	if !r.BeginAt.IsZero() {
		ext.BeginAt = r.BeginAt.Unix()
	}
	ext.Signature = sortedSHA1(ticket, ext.Timestamp, string(r.CardID), nonce, r.Code, string(r.OpenID))
	text, err := json.Marshal(ext)
	return string(text), err
}

// sameSignature compares in constant time.
func sameSignature(want, got string) bool {
	return subtle.ConstantTimeCompare([]byte(want), []byte(got)) == 1
}

// newNonce is 26 letters and digits that nobody can guess.
func newNonce() string { return rand.Text() }
