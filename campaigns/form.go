package campaigns

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"kaquan/fault"
)

// FieldKind says how a form field is entered and checked.
type FieldKind string

// The kinds of form fields.
const (
	TextField    FieldKind = "text"
	LongField    FieldKind = "long_text" // several lines
	MobileField  FieldKind = "mobile"
	PlateField   FieldKind = "plate"
	IDField      FieldKind = "id_number" // GB 11643; stored encrypted
	ChoiceField  FieldKind = "choice"
	MultiField   FieldKind = "multi" // several of the options; the answer is one a line
	DateField    FieldKind = "date"  // YYYY-MM-DD
	RegionField  FieldKind = "region"
	NumberField  FieldKind = "number"  // whole
	ConsentField FieldKind = "consent" // a tick below words of its own
)

// FieldKinds lists the kinds in the order in which the editor offers them.
var FieldKinds = []FieldKind{
	TextField, LongField, MobileField, PlateField, IDField, ChoiceField, MultiField, DateField, RegionField, NumberField, ConsentField,
}

// Field is one question of a campaign's form. Key is stable and names the answer. What a
// kind has no use for is ignored.
type Field struct {
	Key      string    `json:"key"`
	Kind     FieldKind `json:"kind"`
	Label    string    `json:"label"`
	Help     string    `json:"help,omitempty"`
	Required bool      `json:"required"`
	Options  []string  `json:"options,omitempty"` // of ChoiceField and MultiField

	Placeholder string  `json:"placeholder,omitempty"` // "" = the kind's own
	Min         string  `json:"min,omitempty"`         // DateField: a day; NumberField: a number; MultiField: how many; "" = none
	Max         string  `json:"max,omitempty"`
	Text        string  `json:"text,omitempty"`    // of ConsentField: what is agreed to
	ShowIf      *ShowIf `json:"show_if,omitempty"` // nil = always asked
	Purpose     string  `json:"purpose,omitempty"` // "" = the campaign's
	Retention   int     `json:"retention,omitempty"`
}

// ShowIf asks a question only where an earlier choice was answered with one of Values.
type ShowIf struct {
	Key    string   `json:"key"`
	Values []string `json:"values"`
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
	maxAnswer = 60  // characters of one text answer
	maxLong   = 500 // and of a long one
	maxFields = 20
)

// Check validates what a visitor entered and returns the normalised answers.
// Unknown keys and answers to questions that are not shown are ignored; every problem
// comes back in one fault.List, each on the field "f_" + key. Consent must be true when
// the form has fields. The answers of a MultiField come one a line.
func (f Form) Check(input map[string]string, consent bool) (Answers, error) {
	answers := make(Answers, len(f))
	shown := f.Shown(input)
	var problems fault.List
	for _, field := range f {
		if !shown[field.Key] {
			continue
		}
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

// Shown are the keys of the questions that these answers lead to. A question whose
// condition is itself hidden is hidden too.
func (f Form) Shown(input map[string]string) map[string]bool {
	shown := make(map[string]bool, len(f))
	for i, field := range f {
		shown[field.Key] = field.ShowIf == nil || field.ShowIf.holds(f[:i], shown, input)
	}
	return shown
}

func (s *ShowIf) holds(earlier Form, shown map[string]bool, input map[string]string) bool {
	i := slices.IndexFunc(earlier, func(f Field) bool { return f.Key == s.Key })
	if i < 0 || !shown[s.Key] {
		return false
	}
	picked, err := earlier[i].check(input[s.Key])
	if err != nil && earlier[i].Kind != MultiField { // too few ticks are ticks all the same
		return false
	}
	if err != nil {
		picked = input[s.Key]
	}
	for line := range strings.SplitSeq(picked, "\n") {
		if slices.Contains(s.Values, cleanText(line)) {
			return true
		}
	}
	return false
}

// Private are the keys whose answers are stored encrypted.
func (f Form) Private() []string {
	var keys []string
	for _, field := range f {
		if field.Kind == IDField {
			keys = append(keys, field.Key)
		}
	}
	return keys
}

// Agreed is the answer of a ConsentField that was ticked. It names the wording: the first
// eight digits of its SHA-256.
func (f Field) Agreed() string {
	sum := sha256.Sum256([]byte(f.Text))
	return "✓ " + hex.EncodeToString(sum[:4])
}

// AnswerText is an answer as people read it, on one line where the kind has one.
func AnswerText(kind FieldKind, answer string) string {
	if kind == MultiField {
		return strings.ReplaceAll(answer, "\n", "、")
	}
	return answer
}
