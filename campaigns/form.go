package campaigns

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/width"

	"kaquan/fault"
)

// FieldKind says how a form field is entered and checked.
type FieldKind string

// The kinds of form fields.
const (
	TextField   FieldKind = "text"
	MobileField FieldKind = "mobile"
	PlateField  FieldKind = "plate"
	ChoiceField FieldKind = "choice"
)

// FieldKinds lists the kinds in the order in which the editor offers them.
var FieldKinds = []FieldKind{TextField, MobileField, PlateField, ChoiceField}

// Field is one question of a campaign's form. Key is stable and names the answer.
type Field struct {
	Key      string    `json:"key"`
	Kind     FieldKind `json:"kind"`
	Label    string    `json:"label"`
	Help     string    `json:"help,omitempty"`
	Required bool      `json:"required"`
	Options  []string  `json:"options,omitempty"` // for ChoiceField
}

// Form is the questions of a campaign, in order. Personal data needs consent, so a
// form with any field asks for it.
type Form []Field

// Answers are what a visitor entered, by field key, already normalised.
type Answers map[string]string

// ClassicForm is the form of the first project this product grew from: name, plate,
// car model, phone.
func ClassicForm() Form {
	return Form{
		{Key: "name", Kind: TextField, Label: "姓名", Required: true},
		{Key: "plate", Kind: PlateField, Label: "车牌号", Required: true},
		{Key: "car_model", Kind: TextField, Label: "车型"},
		{Key: "phone", Kind: MobileField, Label: "手机号", Required: true},
	}
}

const (
	maxAnswer = 60 // characters of one text answer
	maxFields = 20
)

// Check validates what a visitor entered and returns the normalised answers.
// Unknown keys are ignored; every problem comes back in one fault.List, each on the
// field "f_" + key. Consent must be true when the form has fields.
func (f Form) Check(input map[string]string, consent bool) (Answers, error) {
	answers := make(Answers, len(f))
	var problems fault.List
	for _, field := range f {
		value, err := field.check(input[field.Key])
		if err != nil {
			problems = append(problems, err.On("f_"+field.Key))
			continue
		}
		if value != "" {
			answers[field.Key] = value
		}
	}
	if len(f) > 0 && !consent {
		problems = append(problems, fault.New(fault.Invalid, "form.consent.required").On("consent"))
	}
	return answers, problems.OrNil()
}

func (f Field) check(raw string) (string, *fault.Error) {
	value := strings.TrimSpace(cleanLine(raw))
	if value == "" {
		if f.Required {
			return "", fault.New(fault.Invalid, "form.field.required", "label", f.Label)
		}
		return "", nil
	}
	switch f.Kind {
	case MobileField:
		phone, ok := Mobile(value)
		if !ok {
			return "", fault.New(fault.Invalid, "form.mobile.invalid")
		}
		return phone, nil
	case PlateField:
		plate, ok := Plate(value)
		if !ok {
			return "", fault.New(fault.Invalid, "form.plate.invalid")
		}
		return plate, nil
	case ChoiceField:
		for _, option := range f.Options {
			if value == option {
				return value, nil
			}
		}
		return "", fault.New(fault.Invalid, "form.choice.invalid")
	}
	if n := utf8.RuneCountInString(value); n > maxAnswer {
		return "", fault.New(fault.Invalid, "form.text.too_long", "max", maxAnswer, "count", n)
	}
	return value, nil
}

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

var mobilePattern = regexp.MustCompile(`^1[3-9][0-9]{9}$`)

// Mobile normalises a mainland mobile number (full-width digits, blanks, dashes and a
// +86 in front are fine) and reports whether it is one.
func Mobile(s string) (string, bool) {
	s = strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\u3000' || r == '\u00a0' || r == '(' || r == ')' {
			return -1
		}
		return r
	}, width.Narrow.String(s))
	s = strings.TrimPrefix(s, "+")
	if len(s) > 11 {
		s = strings.TrimPrefix(strings.TrimPrefix(s, "00"), "86")
	}
	return s, mobilePattern.MatchString(s)
}

// The letters of GA 36 plates: I and O are never used. New-energy plates have six
// places after the first letter: small cars carry their letter first, large ones last.
var platePattern = regexp.MustCompile(`^[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新][A-HJ-NP-Z](?:` +
	`[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9学警挂港澳]` +
	`|[A-HJK][A-HJ-NP-Z0-9][0-9]{4}` +
	`|[0-9]{5}[A-HJK])$`)

// Plate normalises a mainland number plate and reports whether it is one.
func Plate(s string) (string, bool) {
	s = strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\u3000', '·', '•', '・', '.', '-', '\u00a0':
			return -1
		}
		return r
	}, width.Narrow.String(s))
	s = strings.ToUpper(s)
	return s, platePattern.MatchString(s)
}
