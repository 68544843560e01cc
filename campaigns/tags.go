package campaigns

import (
	"strings"
	"unicode/utf8"

	"kaquan/fault"
)

const (
	// MaxTag is the length of a tag in characters.
	MaxTag = 20
	// MaxTags is how many tags a campaign has.
	MaxTags = 10
)

// CleanTag is a tag as it is stored: one line without blanks around, without # at the
// start. Problems are on "tag".
func CleanTag(text string) (string, error) {
	tag := strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(cleanLine(text)), "#＃"))
	switch n := utf8.RuneCountInString(tag); {
	case n == 0:
		return "", fault.New(fault.Invalid, "campaign.error.required").On("tag")
	case n > MaxTag:
		return "", fault.New(fault.Invalid, "campaign.error.too_long", "max", MaxTag, "count", n).On("tag")
	}
	return tag, nil
}
