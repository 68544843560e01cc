package reach

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"kaquan/wechat"
)

// longest is how many characters of a message are looked at; WeChat's own limit is lower.
const longest = 2048

// fold brings texts that people take for equal into one form: width, case, blanks at the
// ends and in rows, and the invisible marks that phones add to emoji.
func fold(text string) string {
	var b strings.Builder
	blank, n := false, 0
	for _, r := range text {
		if n++; n > longest {
			break
		}
		switch {
		case r >= 0xff01 && r <= 0xff5e:
			r -= 0xfee0
		case r == 0xfe0e || r == 0xfe0f || r == 0x200b || r == 0xfeff:
			continue
		}
		if unicode.IsSpace(r) {
			blank = true
			continue
		}
		if blank && b.Len() > 0 {
			b.WriteByte(' ')
		}
		blank = false
		b.WriteRune(unicode.ToLower(unicode.ToUpper(r)))
	}
	return b.String()
}

// matching are the rules for an event, the one to try first in front: the most particular
// occasion, then the priority.
func matching(rules []Rule, e wechat.Event) []Rule {
	if !e.Answerable() {
		return nil
	}
	var found []Rule
	add := func(t Trigger, fits func(*Rule) bool) {
		from := len(found)
		for i := range rules {
			if r := &rules[i]; r.Enabled && r.Trigger == t && (fits == nil || fits(r)) {
				found = append(found, *r)
			}
		}
		inOrder(found[from:])
	}
	same := func(word string) func(*Rule) bool {
		return func(r *Rule) bool { return slices.Contains(r.Words, word) }
	}
	switch {
	case e.MsgType != "event":
		if e.MsgType == "text" {
			text := fold(e.Content)
			add(OnKeyword, func(r *Rule) bool { return r.hears(text) })
		}
		add(OnElse, nil)
	case e.Is("subscribe"), e.Is("scan"):
		if scene := e.Scene(); scene != "" {
			add(OnScene, same(scene))
		}
		if e.Is("subscribe") {
			add(OnFollow, nil)
		}
	default:
		add(OnClick, same(e.EventKey))
	}
	return found
}

// hears reports whether a folded message has one of the rule's keywords.
func (r *Rule) hears(text string) bool {
	for _, word := range r.Words {
		word = fold(word)
		if word != "" && (text == word || r.Contains && strings.Contains(text, word)) {
			return true
		}
	}
	return false
}

// inOrder sorts rules as they are tried: by occasion, then the higher priority, then whole
// messages before parts of them, then the older rule.
func inOrder(rules []Rule) {
	slices.SortStableFunc(rules, func(a, b Rule) int {
		part := func(r Rule) int {
			if r.Contains {
				return 1
			}
			return 0
		}
		return cmp.Or(
			cmp.Compare(slices.Index(Triggers, a.Trigger), slices.Index(Triggers, b.Trigger)),
			cmp.Compare(b.Priority, a.Priority), cmp.Compare(part(a), part(b)), cmp.Compare(a.ID, b.ID),
		)
	})
}
