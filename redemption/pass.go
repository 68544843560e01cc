package redemption

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"kaquan/campaigns"
)

// A pass is the text in the QR code of a card of ours:
//
//	KQ1.{key id}.{code}.{last day}.{signature}
//
// The last day is the number of days since 1970-01-01 in UTC in base 36, or empty. The
// signature is ECDSA over P-256 and SHA-256 of all before its dot, as r and s of 32 bytes
// each in unpadded base64url. A phone without network checks it with the public key; it
// says that the card is one of ours, not that it has not been used.
const passVersion = "KQ1"

// Key signs passes. Public is the point, uncompressed, in unpadded base64url.
type Key struct {
	ID        string // 6 letters and digits, from the public key
	Private   []byte // the secret number, 32 bytes; stored sealed
	Public    string
	CreatedAt time.Time
}

// newKey draws a key.
func newKey(now time.Time) (Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Key{}, err
	}
	secret, err := private.Bytes()
	if err != nil {
		return Key{}, err
	}
	public, err := private.PublicKey.Bytes()
	if err != nil {
		return Key{}, err
	}
	digest := sha256.Sum256(public)
	return Key{ID: strconv.FormatUint(uint64(digest[0])<<24|uint64(digest[1])<<16|uint64(digest[2])<<8|uint64(digest[3])|1<<32, 36)[:6], Private: secret, Public: b64.EncodeToString(public), CreatedAt: now}, nil
}

var b64 = base64.RawURLEncoding

type signature struct{ R, S *big.Int }

// pass signs. The same card gives the same text.
func (k *Key) pass(code campaigns.CardCode, validUntil time.Time) (string, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), k.Private)
	if err != nil {
		return "", err
	}
	day := ""
	if !validUntil.IsZero() {
		day = strconv.FormatInt(validUntil.Unix()/86400, 36)
	}
	text := strings.Join([]string{passVersion, k.ID, string(code), day}, ".")
	digest := sha256.Sum256([]byte(text))
	// Without a source of chance the signature follows from key and text alone (RFC 6979).
	der, err := private.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return "", err
	}
	var s signature
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		return "", err
	}
	raw := make([]byte, 64)
	s.R.FillBytes(raw[:32])
	s.S.FillBytes(raw[32:])
	return text + "." + b64.EncodeToString(raw), nil
}

// verify reports whether the key signed text.
func (k *Key) verify(text, mark string) bool {
	raw, err := b64.Strict().DecodeString(mark)
	if err != nil || len(raw) != 64 {
		return false
	}
	point, err := b64.DecodeString(k.Public)
	if err != nil {
		return false
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return false
	}
	digest := sha256.Sum256([]byte(text))
	return ecdsa.Verify(public, digest[:], new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:]))
}

// codeShape is what codes look like: ours, WeChat's and those of uploaded pools.
var codeShape = regexp.MustCompile(`^[0-9A-Za-z-]{4,32}$`)

// Scan is what a scanner or a person gave, understood.
type Scan struct {
	Code   campaigns.CardCode
	Signed bool // it was a pass, and its signature is ours
	Forged bool // it was a pass that we did not sign, or of a key that we do not know
}

// read understands the text of a scanner or of a person. Twelve digits may be grouped.
func read(text string, keys []Key) (Scan, bool) {
	text = strings.TrimSpace(text)
	if len(text) > 300 {
		return Scan{}, false
	}
	if strings.HasPrefix(text, passVersion+".") {
		at := strings.LastIndexByte(text, '.')
		parts := strings.Split(text[:at], ".")
		if len(parts) != 4 || !codeShape.MatchString(parts[2]) {
			return Scan{Forged: true}, true
		}
		for i := range keys {
			if keys[i].ID == parts[1] && keys[i].verify(text[:at], text[at+1:]) {
				return Scan{Code: campaigns.CardCode(parts[2]), Signed: true}, true
			}
		}
		return Scan{Code: campaigns.CardCode(parts[2]), Forged: true}, true
	}
	digits := strings.NewReplacer(" ", "", "\u3000", "", "-", "").Replace(text)
	if len(digits) == 12 && strings.Trim(digits, "0123456789") == "" {
		return Scan{Code: campaigns.CardCode(digits)}, true
	}
	if !codeShape.MatchString(text) {
		return Scan{}, false
	}
	return Scan{Code: campaigns.CardCode(text)}, true
}
