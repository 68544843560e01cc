package ui

import (
	"context"
	"strconv"

	"kaquan/campaigns"
	"kaquan/i18n"
)

// share is part of total in units of the bar (0 to 100), as SVG wants it.
func share(part, total int64) float64 {
	if total <= 0 || part <= 0 {
		return 0
	}
	return min(100, float64(part)/float64(total)*100)
}

func units(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }

// level colours the bar: amber when 80 % are gone, red from 95 %.
func level(s campaigns.Stock) string {
	switch gone := share(s.Issued(), s.Total); {
	case gone >= 95:
		return "kq-stock-low"
	case gone >= 80:
		return "kq-stock-warn"
	}
	return ""
}

func stockWords(ctx context.Context, s campaigns.Stock) string {
	return i18n.T(ctx, "admin.stock.words", "confirmed", i18n.Number(ctx, s.Confirmed), "held", i18n.Number(ctx, s.Held), "left", i18n.Number(ctx, s.Left()))
}
