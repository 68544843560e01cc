package campaigns

import "kaquan/fault"

// Rule is a question's check as data, for scripts and mini programs: assets/src/form.js does
// with it what Form.Check does. Messages go by the name of the verdict: required, invalid,
// digit, min, max, long.
type Rule struct {
	Key      string    `json:"key"`
	Kind     FieldKind `json:"kind"`
	Required bool      `json:"required,omitempty"`
	Strip    string    `json:"strip,omitempty"` // characters that do not count
	Upper    bool      `json:"upper,omitempty"`
	Pattern  string    `json:"pattern,omitempty"` // its first group is the answer
	Min      string    `json:"min,omitempty"`
	Max      string    `json:"max,omitempty"`
	Length   int       `json:"length,omitempty"`  // characters
	Options  []string  `json:"options,omitempty"` // nil for a region too, where the page's own list has no others
	Value    string    `json:"value,omitempty"`   // the answer of a tick
	ShowIf   *ShowIf   `json:"show_if,omitempty"`

	Says     map[string]*fault.Error `json:"-"`
	Messages map[string]string       `json:"messages,omitempty"` // Says in words; "{count}" stands for the characters typed
}

// Count stands for the number of characters in the words of a rule.
const Count = "{count}"

// Rules are the checks of a form as data, without Messages.
func (f Form) Rules() []Rule {
	rules := make([]Rule, 0, len(f))
	for _, field := range f {
		r := Rule{Key: field.Key, Kind: field.Kind, Required: field.Required, ShowIf: field.ShowIf, Says: map[string]*fault.Error{}}
		verdicts := []string{"invalid"}
		if s, ok := shapes[field.Kind]; ok {
			r.Strip, r.Upper, r.Pattern = s.strip, s.upper, s.pattern.String()
		}
		switch field.Kind {
		case IDField:
			verdicts = append(verdicts, "digit")
		case DateField, NumberField, MultiField:
			r.Min, r.Max = field.Min, field.Max
		case TextField, LongField:
			r.Length, verdicts = field.length(), []string{"long"}
		case ConsentField:
			r.Value, verdicts = field.Agreed(), nil
		}
		if field.Kind == ChoiceField || field.Kind == MultiField {
			r.Options = field.Options
		}
		if r.Min != "" {
			verdicts = append(verdicts, "min")
		}
		if r.Max != "" {
			verdicts = append(verdicts, "max")
		}
		if r.Required {
			verdicts = append(verdicts, "required")
		}
		for _, name := range verdicts {
			r.Says[name] = field.says(name, Count)
		}
		rules = append(rules, r)
	}
	return rules
}

// says is the problem of a verdict, count the characters that were typed.
func (f Field) says(verdict string, count any) *fault.Error {
	kind := string(f.Kind)
	switch verdict {
	case "required":
		switch f.Kind {
		case ConsentField:
			return fault.New(fault.Invalid, "form.agree.required", "label", f.Label)
		case MultiField, RegionField, DateField:
			return fault.New(fault.Invalid, "form.field.choose", "label", f.Label)
		}
		return fault.New(fault.Invalid, "form.field.required", "label", f.Label)
	case "min":
		return fault.New(fault.Invalid, "form."+kind+".min", "min", f.Min)
	case "max":
		return fault.New(fault.Invalid, "form."+kind+".max", "max", f.Max)
	case "long":
		return fault.New(fault.Invalid, "form.text.too_long", "max", f.length(), "count", count)
	case "digit":
		return fault.New(fault.Invalid, "form.id_number.digit")
	}
	if f.Kind == MultiField {
		kind = string(ChoiceField)
	}
	return fault.New(fault.Invalid, "form."+kind+".invalid")
}
