package campaigns

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"kaquan/fault"
)

// problems checks the questions themselves. A problem of one question stands on
// "question-" and its place from 0, one of all of them on "form".
func (f Form) problems() fault.List {
	var problems fault.List
	if len(f) > maxFields {
		problems = append(problems, fault.New(fault.Invalid, "campaign.error.form_fields", "max", maxFields).On("form"))
	}
	seen := make(map[string]bool, len(f))
	for i, field := range f {
		bad := func(key string, args ...any) {
			problems = append(problems, fault.New(fault.Invalid, key, args...).On("question-"+strconv.Itoa(i)))
		}
		label := strings.TrimSpace(field.Label)
		if label == "" {
			bad("campaign.error.form_label", "position", i+1)
			seen[field.Key] = true
			continue
		}
		long := func(text string, limit int) bool {
			return utf8.RuneCountInString(text) > limit || cleanLine(text) != text
		}
		if long(field.Label, 20) || long(field.Help, 60) || long(field.Placeholder, 20) || long(field.Purpose, 60) {
			bad("campaign.error.form_long", "label", label)
		}
		if !keyPattern.MatchString(field.Key) || seen[field.Key] {
			bad("campaign.error.form_key", "label", label)
		}
		seen[field.Key] = true
		if field.Retention < 0 || field.Retention > 3650 {
			bad("form.problem.retention", "label", label, "max", 3650)
		}
		if !slices.Contains(FieldKinds, field.Kind) {
			bad("campaign.error.form_kind", "label", label)
		}
		field.kindProblems(label, bad)
		if field.ShowIf != nil && !field.ShowIf.fits(f[:i]) {
			bad("form.problem.show_if", "label", label)
		}
	}
	return problems
}

func (f Field) kindProblems(label string, bad func(key string, args ...any)) {
	switch f.Kind {
	case ChoiceField, MultiField:
		if len(f.Options) < 2 || len(f.Options) > 50 {
			bad("campaign.error.form_options", "label", label)
		}
		for i, option := range f.Options {
			if cleanText(option) == "" || cleanLine(option) != option || utf8.RuneCountInString(option) > maxAnswer {
				bad("campaign.error.form_option", "label", label, "option", option)
			} else if slices.Contains(f.Options[:i], option) {
				bad("form.problem.option_twice", "label", label, "option", option)
			}
		}
	case ConsentField:
		if n := utf8.RuneCountInString(f.Text); cleanText(f.Text) == "" || n > 200 || cleanLine(f.Text) != f.Text {
			bad("form.problem.text", "label", label, "max", 200)
		}
	}
	switch f.Kind {
	case DateField:
		if f.Min != "" && !isDay(f.Min) || f.Max != "" && !isDay(f.Max) {
			bad("form.problem.day", "label", label)
		} else if f.Min != "" && f.Max != "" && f.Min > f.Max {
			bad("form.problem.order", "label", label)
		}
	case NumberField, MultiField:
		low, lowOK := bound(f.Min)
		high, highOK := bound(f.Max)
		switch {
		case !lowOK || !highOK || f.Kind == MultiField && (low < 0 || high < 0 || int(max(low, high)) > len(f.Options)):
			bad("form.problem.number", "label", label)
		case f.Min != "" && f.Max != "" && low > high:
			bad("form.problem.order", "label", label)
		}
	}
}

// bound reads a bound of numbers; none is fine.
func bound(s string) (int64, bool) {
	if s == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n > -1_000_000_000_000 && n < 1_000_000_000_000
}

// fits reports whether the condition is about an earlier choice and its own options. Since
// it only looks back, no circle can come about.
func (s *ShowIf) fits(earlier Form) bool {
	i := slices.IndexFunc(earlier, func(f Field) bool { return f.Key == s.Key })
	if i < 0 || len(s.Values) == 0 || earlier[i].Kind != ChoiceField && earlier[i].Kind != MultiField {
		return false
	}
	return !slices.ContainsFunc(s.Values, func(v string) bool { return !slices.Contains(earlier[i].Options, v) })
}
