package visitor

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/ui"
)

// placeholder is the question's own, an example for the kinds that have a shape, else
// whether it may stay empty.
func placeholder(ctx context.Context, f campaigns.Field) string {
	switch {
	case f.Placeholder != "":
		return f.Placeholder
	case f.Kind == campaigns.PlateField:
		return i18n.T(ctx, "visitor.example.plate")
	case f.Kind == campaigns.MobileField:
		return i18n.T(ctx, "visitor.example.mobile")
	case f.Kind == campaigns.IDField:
		return i18n.T(ctx, "form.example.id_number")
	case !f.Required:
		return i18n.T(ctx, "common.optional")
	}
	return i18n.T(ctx, "visitor.example.text")
}

// labels names what a form asks for, in one phrase.
func labels(ctx context.Context, f campaigns.Form) string {
	names := make([]string, len(f))
	for i, field := range f {
		names[i] = field.Label
	}
	if i18n.Lang(ctx) == i18n.EN {
		return strings.Join(names, ", ")
	}
	return strings.Join(names, "、")
}

// FormRules are the checks of a form as data with their messages in words, for form.js and
// for mini programs.
func FormRules(ctx context.Context, f campaigns.Form) []campaigns.Rule {
	rules := f.Rules()
	for i := range rules {
		rules[i].Messages = make(map[string]string, len(rules[i].Says))
		for verdict, problem := range rules[i].Says {
			rules[i].Messages[verdict] = i18n.TArgs(ctx, problem.Key, problem.Args)
		}
	}
	return rules
}

// rules are what form.js reads: JSON in an attribute, so that previews carry no script.
func (p Page) rules(ctx context.Context) string {
	b, _ := json.Marshal(FormRules(ctx, p.Campaign.Form)) // texts and numbers always encode
	return string(b)
}

// ownPurpose is what a question says of itself where the campaign says something else.
func (p Page) ownPurpose(ctx context.Context, f campaigns.Field) string {
	purpose, days := f.Purpose, f.Retention
	if purpose == "" {
		purpose = p.Campaign.Texts.Purpose
	}
	if days == 0 {
		days = p.retention()
	}
	return i18n.T(ctx, "form.privacy.field", "label", f.Label, "purpose", purpose, "days", days)
}

// shows reports whether the answers so far lead to the question.
func (p Page) shows(f campaigns.Field) bool {
	return f.ShowIf == nil || p.Campaign.Form.Shown(p.Values)[f.Key]
}

// wide reports whether the answer needs the whole width of a phone.
func wide(kind campaigns.FieldKind) bool {
	return kind == campaigns.LongField || kind == campaigns.MultiField
}

func ticked(values, option string) bool {
	return slices.Contains(strings.Split(strings.ReplaceAll(values, "\r\n", "\n"), "\n"), option)
}

// described joins an input, or a group of them, to its message or its help.
func (p Page) described(f campaigns.Field) templ.Attributes {
	name, a := "f_"+f.Key, templ.Attributes{}
	if len(p.Errors.Of(name)) > 0 {
		a["aria-invalid"], a["aria-describedby"] = "true", ui.FieldID(name)+"-error"
	} else if f.Help != "" {
		a["aria-describedby"] = ui.FieldID(name) + "-help"
	}
	return a
}

// tick are the attributes of one of the boxes of a question.
func (p Page) tick(f campaigns.Field, i int) templ.Attributes {
	name := "f_" + f.Key
	return templ.Attributes{
		"type": "checkbox", "id": ui.FieldID(name) + "-" + strconv.Itoa(i), "name": name,
		"disabled": !p.shows(f), "autofocus": i == 0 && p.first(name),
	}
}

// control are the attributes of the input of a question: the right keyboard and what the
// browser may fill in.
func (p Page) control(f campaigns.Field) templ.Attributes {
	name := "f_" + f.Key
	a := p.described(f)
	a["id"], a["name"], a["aria-required"], a["disabled"] = ui.FieldID(name), name, strconv.FormatBool(f.Required), !p.shows(f)
	if p.first(name) {
		a["autofocus"] = true
	}
	set := func(pairs ...string) {
		for i := 0; i < len(pairs); i += 2 {
			a[pairs[i]] = pairs[i+1]
		}
	}
	switch f.Kind {
	case campaigns.MobileField:
		set("type", "tel", "inputmode", "tel", "autocomplete", "tel-national")
	case campaigns.PlateField:
		set("type", "text", "autocapitalize", "characters", "autocomplete", "off", "spellcheck", "false")
	case campaigns.IDField: // the X of the last place is on no number pad
		set("type", "text", "autocapitalize", "characters", "autocomplete", "off", "spellcheck", "false", "maxlength", "24")
	case campaigns.DateField:
		set("type", "date", "autocomplete", "off")
		if f.Key == "birthday" {
			a["autocomplete"] = "bday"
		}
		if f.Min != "" {
			a["min"] = f.Min
		}
		if f.Max != "" {
			a["max"] = f.Max
		}
	case campaigns.NumberField:
		set("type", "text", "inputmode", "numeric", "autocomplete", "off")
		if strings.HasPrefix(f.Min, "-") { // number pads have no minus
			a["inputmode"] = "text"
		}
	case campaigns.ConsentField:
		set("type", "checkbox")
	case campaigns.TextField:
		set("type", "text", "autocomplete", "off")
		switch f.Key {
		case "name":
			a["autocomplete"] = "name"
		case "email":
			set("autocomplete", "email", "inputmode", "email")
		case "address":
			a["autocomplete"] = "street-address"
		}
	}
	return a
}
