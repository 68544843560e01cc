package wechat

import (
	"strconv"
	"strings"
	"time"
)

// Limits on names that WeChat gives out; real ones are shorter.
const (
	maxCardID   = 64
	maxCardCode = 64
	maxMediaID  = 256
	maxOuterStr = 128
)

// lastSecond is the last one of the year 9999, which every format can write.
const lastSecond = 253402300799

// whole is a number that an answer has as number, as text or not at all.
type whole int64

// UnmarshalJSON takes 7, "7", "" and null.
func (w *whole) UnmarshalJSON(raw []byte) error {
	*w = 0
	text := strings.Trim(string(raw), `"`)
	if text == "" || text == "null" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	*w = whole(n)
	return err
}

// time reads seconds; zero when there is none or nonsense.
func (w whole) time() time.Time {
	if w <= 0 || w > lastSecond {
		return time.Time{}
	}
	return time.Unix(int64(w), 0).UTC()
}

// count is the number without what a count cannot be.
func (w whole) count() int { return int(min(max(w, 0), 1<<31-1)) }

// short bounds a text that people will see, and frees it from control characters.
func short(text string, runes int) string {
	text = clean(text, nil)
	if r := []rune(text); len(r) > runes {
		return string(r[:runes])
	}
	return text
}

// refuse answers as WeChat would, without asking it.
func refuse(path string, code int, why string) error {
	return &APIError{Code: code, Message: why, Path: path}
}
