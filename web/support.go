package web

import (
	"strings"
	"sync"
	"time"
)

// supportBook remembers which failures pages named last, so that staff who are told a
// code can look it up. It is small and gone after a restart; the log has all of them.
type supportBook struct {
	mu   sync.Mutex
	last [512]supported
	next int
}

type supported struct {
	Code, Where string // where is a route's pattern or the name of a step, never an address
	At          time.Time
}

func (b *supportBook) add(s supported) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last[b.next%len(b.last)] = s
	b.next++
}

func (b *supportBook) find(code string) (supported, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.last {
		if s.Code == code && code != "" {
			return s, true
		}
	}
	return supported{}, false
}

// newSupport makes a support code for a failure at where and remembers it.
func (s *Server) newSupport(where string) string {
	code := supportCode()
	s.support.add(supported{Code: code, Where: where, At: s.Now()})
	return code
}

// supportShape is text as a support code, or "" when it is none: letters in any case, with
// or without the hyphen, but then with a digit, or every short word would be one.
func supportShape(text string) string {
	text = strings.ToUpper(strings.TrimSpace(text))
	bare := strings.ReplaceAll(text, "-", "")
	if len(bare) != 6 || strings.Trim(bare, supportLetters) != "" {
		return ""
	}
	if text != bare && text != bare[:3]+"-"+bare[3:] || text == bare && (!strings.ContainsAny(bare, "23456789") || strings.Trim(bare, "0123456789") == "") {
		return ""
	}
	return bare[:3] + "-" + bare[3:]
}
