package i18n

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	goi18n "github.com/nicksnyder/go-i18n/v2/i18n"
)

// T is the sentence for key in the language of ctx. pairs are placeholder names and values; a
// whole number named "count" also chooses the plural. The result is plain text, not HTML.
//
// A key without a sentence is shown as it is and logged once. A placeholder without a value
// stays empty. T never fails and is safe for concurrent use.
func T(ctx context.Context, key string, pairs ...any) string {
	return shared().text(Lang(ctx), key, func(name string) any {
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return nil
	})
}

// TArgs is T with the values in a map, as fault.Error carries them.
func TArgs(ctx context.Context, key string, args map[string]any) string {
	return shared().text(Lang(ctx), key, func(name string) any { return args[name] })
}

func (c *catalogue) text(lang Language, key string, value func(string) any) string {
	m, ok := c.messages[lang][key]
	if !ok {
		c.reportMissing(lang, key)
		if m, ok = c.messages[ZH][key]; !ok {
			return key
		}
		lang = ZH
	}
	if m.counted {
		if sentence, ok := c.counted(lang, key, m, value); ok {
			return sentence
		}
	}
	if len(m.parts) == 1 {
		return m.parts[0]
	}
	var b strings.Builder
	for i, part := range m.parts {
		if i%2 == 0 {
			b.WriteString(part)
			continue
		}
		b.WriteString(format(value(part)))
	}
	return b.String()
}

// counted asks the bundle for the plural form. Without a usable count it reports false, and the
// general form is used.
func (c *catalogue) counted(lang Language, key string, m message, value func(string) any) (string, bool) {
	count := reflect.ValueOf(value("count"))
	if !count.IsValid() || !count.CanInt() {
		return "", false
	}
	data := map[string]string{}
	for i := 1; i < len(m.parts); i += 2 {
		data[m.parts[i]] = format(value(m.parts[i]))
	}
	sentence, err := c.localizer[lang].Localize(&goi18n.LocalizeConfig{
		MessageID: key, TemplateData: data, PluralCount: count.Int(),
	})
	return sentence, err == nil
}

func format(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return fmt.Sprint(value)
}

// reportMissing logs a missing key once, so that a hot page cannot flood the log. Keys come from
// code, never from visitors, so the memory stays as small as the number of mistakes.
func (c *catalogue) reportMissing(lang Language, key string) {
	if _, known := c.missing.LoadOrStore(string(lang)+" "+key, true); !known {
		slog.Warn("no sentence for a translation key", "language", string(lang), "translation", key)
	}
}
