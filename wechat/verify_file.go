package wechat

import (
	"regexp"
	"time"
)

// MaxVerifyFile bounds a verification file, in bytes; real ones have 16 to 32.
const MaxVerifyFile = 4 << 10

// VerifyFile proves to WeChat that a domain is ours: it answers at the root of the site
// with exactly the bytes that the console gave out (protocol 0.4).
type VerifyFile struct {
	Name     string
	Content  []byte
	AddedBy  string // the person's name
	AddedAt  time.Time
	ServedAt time.Time // when somebody last asked for it; zero = never
}

// verifyNames are MP_verify_ files of official accounts and the short names that mini
// programs use for their business domains.
var verifyNames = regexp.MustCompile(`^(MP_verify_[0-9A-Za-z]{16}|[0-9A-Za-z]{10,32})\.txt$`)

// IsVerifyName reports whether a file of this name may be served at the root.
func IsVerifyName(name string) bool { return verifyNames.MatchString(name) }

// IsVerifyContent reports whether the bytes can be a verification file: printable ASCII
// without markup, line ends allowed.
func IsVerifyContent(content []byte) bool {
	printed := false
	for _, b := range content {
		switch {
		case b == '<' || b == '>':
			return false
		case b > ' ' && b < 0x7f:
			printed = true
		case b != ' ' && b != '\r' && b != '\n':
			return false
		}
	}
	return printed && len(content) <= MaxVerifyFile
}
