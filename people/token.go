package people

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"
)

// newToken is 32 random bytes in base64url: 43 characters.
func newToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails; the runtime stops the program instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// hashToken is what the store knows of a token. Tokens are random enough for a plain hash,
// and looking up the hash leaks nothing by its timing.
func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// newUUID is a UUIDv7 (RFC 9562, section 5.7) of the given time, with the fraction of the
// millisecond in rand_a, so that ids sort finely by age.
func newUUID(now time.Time) string {
	var b [16]byte
	_, _ = rand.Read(b[8:])
	fraction := uint64(now.Nanosecond()%1_000_000) * 4096 / 1_000_000
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli())<<16|0x7000|fraction)
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
