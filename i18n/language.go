package i18n

import (
	"context"

	"golang.org/x/text/language"
)

// Language is a language of the interface, as written in the lang attribute of a page.
type Language string

// The languages. ZH is the default everywhere.
const (
	ZH Language = "zh-CN"
	EN Language = "en"
)

// Languages lists every language, the default first.
func Languages() []Language { return []Language{ZH, EN} }

type contextKey struct{}

// With returns a context in which T and the formats speak lang. An unknown language is ZH.
func With(ctx context.Context, lang Language) context.Context {
	if lang != EN {
		lang = ZH
	}
	return context.WithValue(ctx, contextKey{}, lang)
}

// Lang is the language of the context, ZH when none was set.
func Lang(ctx context.Context) Language {
	if lang, ok := ctx.Value(contextKey{}).(Language); ok {
		return lang
	}
	return ZH
}

var matcher = language.NewMatcher([]language.Tag{language.MustParse(string(ZH)), language.English})

// Match picks the language for an Accept-Language header. An empty, broken or foreign header is ZH.
func Match(acceptLanguage string) Language {
	// The header is the client's; a real one is far below this and parsing costs by length.
	if len(acceptLanguage) > 256 {
		return ZH
	}
	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(tags) == 0 {
		return ZH
	}
	if _, index, confidence := matcher.Match(tags...); index == 1 && confidence != language.No {
		return EN
	}
	return ZH
}
