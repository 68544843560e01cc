package sheets

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// Kind is what a cell or a column holds.
type Kind uint8

// The kinds.
const (
	Text   Kind = iota // never read as a number, a date or a formula
	Number             // a whole number
	Time               // a date and time in the writer's zone, to the second
	Money              // yuan and fen, kept in fen
	kinds
	empty = kinds // a cell without content
)

// formats are the number formats of the kinds.
var formats = [kinds]string{Text: "@", Number: "0", Time: "yyyy-mm-dd hh:mm:ss", Money: "#,##0.00"}

// widths are the widths of columns that name none, in characters.
var widths = [kinds]float64{Text: 18, Number: 10, Time: 20, Money: 12}

// Cell is one value. The zero Cell is an empty text.
type Cell struct {
	text   string
	number int64
	kind   Kind
}

// String is a text cell. Any string is safe: what XML cannot hold is left out, and what is
// longer than Excel's 32,767 characters ends in an ellipsis.
func String(s string) Cell { return Cell{text: s} }

// Int is a number cell. Beyond the 15 digits that Excel keeps it becomes a text.
func Int(n int64) Cell { return Cell{number: n, kind: Number} }

// Fen is a money cell of an amount in fen.
func Fen(n int64) Cell { return Cell{number: n, kind: Money} }

// At is a time cell; the zero time is an empty cell.
func At(t time.Time) Cell {
	if t.IsZero() {
		return Cell{kind: empty}
	}
	return Cell{number: t.Unix(), kind: Time}
}

const (
	// maxPrecise is the largest whole number that Excel, with its 15 digits, keeps exactly.
	maxPrecise = 999_999_999_999_999

	secondsPerDay = 24 * 60 * 60
	// epochDays are the days from Excel's day 0 (1899-12-30 for all days after its invented
	// 1900-02-29) to 1970-01-01.
	epochDays = 25_569
	// firstDay is 1900-03-01, the first day that Excel and the calendar agree on; lastDay is
	// the end of the year 9999.
	firstDay = 61
	lastDay  = 2_958_465
)

// value is what excelize is given for the cell, nil for nothing, and the kind of its format.
func (c *Cell) value(zone *time.Location) (any, Kind) {
	switch c.kind {
	case Number:
		if c.number > maxPrecise || c.number < -maxPrecise {
			return decimal(c.number, 0), Text
		}
		return c.number, Number
	case Money:
		if c.number > maxPrecise || c.number < -maxPrecise {
			return decimal(c.number, 2), Text
		}
		return float64(c.number) / 100, Money
	case Time:
		t := time.Unix(c.number, 0).In(zone)
		_, offset := t.Zone()
		seconds := c.number + int64(offset)
		days := float64(seconds)/secondsPerDay + epochDays
		if days < firstDay || days >= lastDay+1 {
			return t.Format(time.DateTime), Text
		}
		return days, Time
	case Text:
		if c.text != "" {
			return clean(c.text), Text
		}
	}
	return nil, c.kind
}

// decimal is a number of more than 15 digits with its last places behind the point.
func decimal(n int64, places int) string {
	s := strconv.FormatInt(n, 10)
	if places == 0 {
		return s
	}
	return s[:len(s)-places] + "." + s[len(s)-places:]
}

const ellipsis = "…"

// clean makes s fit for a cell: valid UTF-8, only characters that XML 1.0 allows (section
// 2.2), line breaks as \n, at most 32,767 UTF-16 units. Most strings pass as they are.
func clean(s string) string {
	if fits(s) {
		return s
	}
	var b strings.Builder
	b.Grow(min(len(s), 3*excelize.TotalCellChars))
	units, end := 0, 0 // end is where the text is cut if it turns out too long
	s = strings.ReplaceAll(s, "\r\n", "\n")
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if r == '\r' {
			r = '\n'
		}
		if r == utf8.RuneError && size == 1 || !allowed(r) {
			continue
		}
		n := utf16.RuneLen(r)
		if units+n > excelize.TotalCellChars {
			return b.String()[:end] + ellipsis
		}
		b.WriteRune(r)
		if units += n; units < excelize.TotalCellChars {
			end = b.Len()
		}
	}
	return b.String()
}

// fits reports that clean has nothing to do. Bytes are at least as many as UTF-16 units.
func fits(s string) bool {
	if len(s) > excelize.TotalCellChars {
		return false
	}
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			ascii = false
		case c < ' ' && c != '\t' && c != '\n':
			return false
		}
	}
	// U+FFFE and U+FFFF are valid UTF-8 but no XML.
	return ascii || utf8.ValidString(s) && !strings.Contains(s, "\uFFFE") && !strings.Contains(s, "\uFFFF")
}

func allowed(r rune) bool {
	return r >= ' ' && r != 0xFFFE && r != 0xFFFF || r == '\t' || r == '\n'
}
