package doctor

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Report is the text that people send when they ask for help: version, every finding,
// codes and rids, and nothing that is secret or personal.
func (s *Service) Report(ctx context.Context, findings []Finding) string {
	var b strings.Builder
	say := func(t Text) string {
		if s.o.Say == nil {
			return t.Key
		}
		return s.o.Say(ctx, t.Key, t.Args)
	}
	word := func(key string) string { return redact(say(Text{Key: key})) }
	level, problems := Overall(findings)
	fmt.Fprintf(&b, "Kaquan %s  %s  %s (%d)\n", s.o.Version, s.o.Now().UTC().Format("2006-01-02 15:04:05Z"), word(level.Name()), problems)
	account := "\x00"
	for _, f := range findings {
		if f.Account != account {
			account = f.Account
			if account == "" {
				fmt.Fprintf(&b, "\n[%s]\n", word("doctor.program"))
			} else {
				fmt.Fprintf(&b, "\n[%s]\n", redact(account))
			}
		}
		fmt.Fprintf(&b, "%s %s: %s\n", Mark(f.Level), word(f.Check.Name()), redact(say(f.What)))
		if !f.Level.Problem() {
			continue
		}
		var parts []string
		if f.Code != 0 {
			parts = append(parts, "errcode "+strconv.Itoa(f.Code))
		}
		if f.RID != "" {
			parts = append(parts, "rid "+redact(f.RID))
		}
		if !f.Since.IsZero() {
			parts = append(parts, f.Since.UTC().Format("2006-01-02 15:04Z"))
		}
		if f.Count > 0 {
			parts = append(parts, "×"+strconv.Itoa(f.Count))
		}
		if len(parts) > 0 {
			fmt.Fprintf(&b, "  %s\n", strings.Join(parts, "  "))
		}
		for _, t := range f.Facts {
			fmt.Fprintf(&b, "  · %s\n", redact(say(t)))
		}
	}
	return b.String()
}

// Mark is the sign of a level in plain text.
func Mark(l Level) string {
	switch l {
	case OK:
		return "✓"
	case Warn:
		return "⚠"
	case Fail:
		return "✗"
	}
	return "·"
}

// secretLike matches what is as long as an AppSecret, a token, a ticket or an openid. A
// rid has 26 characters.
var (
	secretLike = regexp.MustCompile(`[A-Za-z0-9_-]{27,}`)
	query      = regexp.MustCompile(`\?[^\s"')]+`)
	phone      = regexp.MustCompile(`\b1[3-9]\d{9}\b`)
)

// redact takes out what looks secret or personal. It is the second net: nothing of that
// sort should come this far.
func redact(s string) string {
	s = query.ReplaceAllString(s, "?…")
	s = secretLike.ReplaceAllString(s, "••••")
	return phone.ReplaceAllString(s, "•••")
}
