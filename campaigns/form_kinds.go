package campaigns

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kaquan/fault"
)

// shape is how an answer of a kind is written: what is dropped from it before it is
// compared, and a pattern whose first group is the answer. form.js runs the same shapes, so
// a pattern keeps to what Go and scripts both know.
type shape struct {
	strip   string // characters that do not count
	upper   bool
	pattern *regexp.Regexp
}

const blanks = " \u00a0"

// The letters of GA 36 plates: I and O are never used. New-energy plates have six
// places after the first letter: small cars carry their letter first, large ones last.
var shapes = map[FieldKind]shape{
	MobileField: {strip: blanks + "-()", pattern: regexp.MustCompile(`^\+?(?:00)?(?:86)?(1[3-9][0-9]{9})$`)},
	PlateField: {strip: blanks + "·•・･.-", upper: true, pattern: regexp.MustCompile(
		`^([京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新][A-HJ-NP-Z](?:` +
			`[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9学警挂港澳]` +
			`|[A-HJK][A-HJ-NP-Z0-9][0-9]{4}` +
			`|[0-9]{5}[A-HJK]))$`)},
	IDField:     {strip: blanks + "-", upper: true, pattern: regexp.MustCompile(`^((?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])[0-9]{4}(?:18|19|20)[0-9]{6}[0-9]{3}[0-9X])$`)},
	DateField:   {strip: blanks, pattern: regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2})$`)},
	NumberField: {strip: blanks + ",", pattern: regexp.MustCompile(`^([+-]?[0-9]{1,12})$`)},
}

func (s shape) read(text string) (string, bool) {
	text = strings.Map(func(r rune) rune {
		if strings.ContainsRune(s.strip, r) {
			return -1
		}
		return r
	}, narrow(text))
	if s.upper {
		text = strings.ToUpper(text)
	}
	m := s.pattern.FindStringSubmatch(text)
	if m == nil {
		return text, false
	}
	return m[1], true
}

// narrow writes full-width letters, digits and blanks as plain ones.
func narrow(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 0xff01 && r <= 0xff5e:
			return r - 0xfee0
		case r == 0x3000:
			return ' '
		}
		return r
	}, s)
}

// Mobile normalises a mainland mobile number (full-width digits, blanks, dashes and a
// +86 in front are fine) and reports whether it is one.
func Mobile(s string) (string, bool) { return shapes[MobileField].read(s) }

// Plate normalises a mainland number plate and reports whether it is one.
func Plate(s string) (string, bool) { return shapes[PlateField].read(s) }

// IDNumber normalises a resident identity number (GB 11643: 18 places, the birthday exists,
// the last place follows from the others) and reports whether it is one.
func IDNumber(s string) (string, bool) {
	id, ok := shapes[IDField].read(s)
	return id, ok && isDay(id[6:10]+"-"+id[10:12]+"-"+id[12:14]) && id[17] == idDigit(id)
}

// idDigit is the last place of an identity number (ISO 7064 MOD 11-2) for its first 17.
func idDigit(id string) byte {
	rest := 0
	for i := range 17 {
		rest = (rest + int(id[i]-'0')) * 2 % 11
	}
	return "10X98765432"[rest]
}

func isDay(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// check reads one answer. What it asks is what Rules tells scripts.
func (f Field) check(raw string) (string, *fault.Error) {
	value := f.tidy(raw)
	bad := func(name string) (string, *fault.Error) { return "", f.says(name, utf8.RuneCountInString(value)) }
	if value == "" {
		if f.Required {
			return bad("required")
		}
		return "", nil
	}
	if s, ok := shapes[f.Kind]; ok {
		if value, ok = s.read(value); !ok {
			return bad("invalid")
		}
	}
	switch f.Kind {
	case IDField:
		if _, ok := IDNumber(value); !ok {
			return bad("digit")
		}
	case ChoiceField:
		if !slices.Contains(f.Options, value) {
			return bad("invalid")
		}
	case RegionField:
		if !isRegion(value) {
			return bad("invalid")
		}
	case MultiField:
		return f.checkPicks(value)
	case DateField:
		switch {
		case !isDay(value):
			return bad("invalid")
		case f.Min != "" && value < f.Min:
			return bad("min")
		case f.Max != "" && value > f.Max:
			return bad("max")
		}
	case NumberField:
		n, _ := strconv.ParseInt(value, 10, 64) // twelve digits always fit
		value = strconv.FormatInt(n, 10)
		if low, err := strconv.ParseInt(f.Min, 10, 64); err == nil && n < low {
			return bad("min")
		}
		if high, err := strconv.ParseInt(f.Max, 10, 64); err == nil && n > high {
			return bad("max")
		}
	case ConsentField:
		return f.Agreed(), nil
	case TextField, LongField, "":
		if utf8.RuneCountInString(value) > f.length() {
			return bad("long")
		}
	}
	return value, nil
}

// checkPicks puts the ticked options into the order of the form, each once.
func (f Field) checkPicks(value string) (string, *fault.Error) {
	var picks []string
	lines := strings.Split(value, "\n")
	for _, line := range lines {
		if !slices.Contains(f.Options, line) {
			return "", f.says("invalid", 0)
		}
	}
	for _, option := range f.Options {
		if slices.Contains(lines, option) {
			picks = append(picks, option)
		}
	}
	if low, err := strconv.Atoi(f.Min); err == nil && len(picks) < low {
		return "", f.says("min", 0)
	}
	if high, err := strconv.Atoi(f.Max); err == nil && len(picks) > high {
		return "", f.says("max", 0)
	}
	return strings.Join(picks, "\n"), nil
}

func (f Field) length() int {
	if f.Kind == LongField {
		return maxLong
	}
	return maxAnswer
}

// tidy drops what no honest answer holds and the blanks around it. Only a long text and
// ticks keep their lines; ticks also lose the empty ones.
func (f Field) tidy(raw string) string {
	switch f.Kind {
	case LongField, MultiField:
		var lines []string
		for line := range strings.SplitSeq(strings.ReplaceAll(raw, "\r\n", "\n"), "\n") {
			if line = cleanText(line); line != "" || f.Kind == LongField {
				lines = append(lines, line)
			}
		}
		return strings.TrimSpace(strings.Join(lines, "\n"))
	case ConsentField:
		switch value := cleanText(raw); value {
		case "0", "false", "off", "no":
			return ""
		default:
			return value
		}
	}
	return cleanText(raw)
}

func cleanText(s string) string { return strings.TrimSpace(cleanLine(s)) }

// cleanLine drops what no honest line holds: control characters, bidirectional
// overrides and bytes that are not UTF-8. Emoji with joiners stay whole.
func cleanLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, r < 0x20, r >= 0x7f && r < 0xa0:
			return -1
		case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}
