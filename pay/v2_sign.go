package pay

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the protocol says MD5
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// signV2 signs all fields with a value but sign itself (A3).
func signV2(f fields, key string, kind SignType) string {
	text := signTextV2(f) + "key=" + key
	if kind == MD5 {
		sum := md5.Sum([]byte(text)) //nolint:gosec // the protocol says MD5
		return strings.ToUpper(hex.EncodeToString(sum[:]))
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return strings.ToUpper(hex.EncodeToString(mac.Sum(nil)))
}

func signTextV2(f fields) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if name != "sign" && f[name] != "" {
			b.WriteString(name + "=" + f[name] + "&")
		}
	}
	return b.String()
}

// signedV2 compares in constant time.
func signedV2(f fields, key string, kind SignType) bool {
	return subtle.ConstantTimeCompare([]byte(f["sign"]), []byte(signV2(f, key, kind))) == 1
}
