package ui

import (
	"context"
	"time"

	"kaquan/i18n"
)

// Span is a duration in its two largest units, for people: 2 天 3 小时.
func Span(ctx context.Context, d time.Duration) string {
	if d < 0 {
		d = -d
	}
	days, hours, minutes := int(d/(24*time.Hour)), int(d/time.Hour)%24, int(d/time.Minute)%60
	switch {
	case days > 0:
		return i18n.T(ctx, "admin.span.days", "days", days, "hours", hours)
	case hours > 0:
		return i18n.T(ctx, "admin.span.hours", "hours", hours, "minutes", minutes)
	case minutes > 0:
		return i18n.T(ctx, "admin.span.minutes", "minutes", minutes)
	}
	return i18n.T(ctx, "admin.span.seconds", "seconds", int(d/time.Second))
}
