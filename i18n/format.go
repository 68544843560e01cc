package i18n

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Date is the day of t in zone: 2026年11月21日, or 21 Nov 2026. A zero time is empty, a nil zone is UTC.
func Date(ctx context.Context, t time.Time, zone *time.Location) string {
	if Lang(ctx) == EN {
		return in(t, zone, "2 Jan 2006")
	}
	return in(t, zone, "2006年1月2日")
}

// DateTime is the minute of t in zone: 2026-11-21 10:32 in both languages, sortable and of one
// width for tables. A zero time is empty, a nil zone is UTC.
func DateTime(_ context.Context, t time.Time, zone *time.Location) string {
	return in(t, zone, "2006-01-02 15:04")
}

// ShortTime is DateTime without the year, 11-21 10:32, for lists in which the year is clear.
func ShortTime(_ context.Context, t time.Time, zone *time.Location) string {
	return in(t, zone, "01-02 15:04")
}

func in(t time.Time, zone *time.Location, layout string) string {
	if t.IsZero() {
		return ""
	}
	if zone == nil {
		zone = time.UTC
	}
	return t.In(zone).Format(layout)
}

// Number groups the digits of n by thousands: 1,220. Both languages write it the same way.
func Number(_ context.Context, n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	b.WriteString(sign)
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Money writes an amount in fen as yuan: 1200 is ¥12.00, -5 is -¥0.05.
func Money(fen int64) string {
	sign, amount := "", uint64(fen)
	if fen < 0 {
		sign, amount = "-", -amount
	}
	return fmt.Sprintf("%s¥%d.%02d", sign, amount/100, amount%100)
}
