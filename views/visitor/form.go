package visitor

import (
	"context"
	"strings"

	"kaquan/campaigns"
	"kaquan/i18n"
)

// placeholder is an example for the kinds that have a shape, else whether it may stay empty.
func placeholder(ctx context.Context, f campaigns.Field) string {
	switch {
	case f.Kind == campaigns.PlateField:
		return i18n.T(ctx, "visitor.example.plate")
	case f.Kind == campaigns.MobileField:
		return i18n.T(ctx, "visitor.example.mobile")
	case !f.Required:
		return i18n.T(ctx, "common.optional")
	}
	return i18n.T(ctx, "visitor.example.text")
}

// labels names what a form asks for, in one phrase.
func labels(ctx context.Context, f campaigns.Form) string {
	names := make([]string, len(f))
	for i, field := range f {
		names[i] = field.Label
	}
	if i18n.Lang(ctx) == i18n.EN {
		return strings.Join(names, ", ")
	}
	return strings.Join(names, "、")
}
