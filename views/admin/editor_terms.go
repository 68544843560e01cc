package admin

import (
	"context"
	"strconv"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
)

// TermsStep is the small print. What was made of the settings stands beside the terms until
// somebody takes it; it is never kept.
type TermsStep struct {
	Terms    string `json:"terms"`
	Contact  string `json:"contact"`
	Composed string `json:"-"` // as it came back from the form
	Compose  bool   `json:"-"` // whether somebody asked for it
}

// ComposedTerms are terms made of the settings, and how they differ from those that are there.
type ComposedTerms struct {
	Text string
	Diff []campaigns.TextLine
}

// ComposeTerms writes the terms of a draft in the language of ctx, a numbered line for each
// paragraph.
func ComposeTerms(ctx context.Context, d *campaigns.Draft) *ComposedTerms {
	lines, comma := make([]string, 0, 12), "、"
	if i18n.Lang(ctx) == i18n.EN {
		comma = ", "
	}
	for i, part := range campaigns.TermsDraft(d) {
		args := append([]any(nil), part.Args...)
		for at, arg := range args {
			switch arg := arg.(type) {
			case time.Time:
				args[at] = longMoment(ctx, arg, d.Zone)
			case []string:
				args[at] = strings.Join(arg, comma)
			case []campaigns.LimitPart:
				sentence := CampaignForm{Limits: arg}
				args[at] = sentence.LimitsWords(ctx)
			}
		}
		lines = append(lines, strconv.Itoa(i+1)+". "+i18n.T(ctx, part.Key, args...))
	}
	c := &ComposedTerms{Text: strings.Join(lines, "\n")}
	c.Diff = campaigns.DiffLines(d.Texts.Terms, c.Text)
	return c
}

// longMoment is a minute with its year: terms are read later, too.
func longMoment(ctx context.Context, t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return i18n.T(ctx, "design.terms.open")
	}
	if zone == nil {
		zone = time.UTC
	}
	if i18n.Lang(ctx) == i18n.EN {
		return t.In(zone).Format("2 January 2006 15:04")
	}
	return t.In(zone).Format("2006年1月2日 15:04")
}
