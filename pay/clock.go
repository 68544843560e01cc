package pay

import (
	"strconv"
	"time"
)

// beijing is the zone of v2 times and of bills.
var beijing = time.FixedZone("CST", 8*60*60)

const (
	v2Time      = "20060102150405"
	v2LongTime  = "2006-01-02 15:04:05"
	freshWindow = 5 * time.Minute
)

func seconds(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// beijingTime reads a time without a zone; zero when it is not one.
func beijingTime(layout, text string) time.Time {
	t, err := time.ParseInLocation(layout, text, beijing)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// fresh reports whether the seconds are within the window around now (B2).
func fresh(text string, now time.Time) bool {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || len(text) > 12 {
		return false
	}
	d := now.Sub(time.Unix(n, 0))
	return d < freshWindow && d > -freshWindow
}
