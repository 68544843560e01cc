package web

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/views/admin"
)

// maxQuestions bounds the rows of the form builder; the domain allows as many.
const maxQuestions = 20

func readForm(c *fiber.Ctx, f *admin.CampaignForm) {
	f.Form = admin.FormStep{Purpose: typed(c, "purpose"), Retention: typed(c, "retention")}
	for i := range maxQuestions {
		part := func(part string) string { return typed(c, admin.QuestionName(i, part)) }
		if part("kind") == "" {
			break
		}
		q := admin.Question{
			Key: part("key"), Kind: part("kind"), Label: part("label"), Help: part("help"), Options: part("options"), Required: part("required") != "",
			Placeholder: part("placeholder"), Min: part("min"), Max: part("max"), Text: part("text"), ShowKey: part("show_key"),
			Purpose: part("purpose"), Retention: part("retention"),
		}
		if q.ShowKey != "" {
			values, _ := sentLines(c, admin.QuestionName(i, "show_"+q.ShowKey))
			q.ShowValues = strings.ToValidUTF8(values, "")
		}
		f.Form.Questions = append(f.Form.Questions, q)
	}
}

func draftForm(f *admin.CampaignForm, d *campaigns.Draft, problems *fault.List) {
	d.Form, d.Texts.Purpose = formOf(f.Form.Questions, problems), f.Form.Purpose
	retention := parseNumber(problems, "retention", f.Form.Retention, 0)
	if retention < 0 || retention > 3650 {
		*problems = append(*problems, fault.New(fault.Invalid, "campaign.error.range", "min", 0, "max", 3650).On("retention"))
	}
	d.Texts.RetentionDay = int(retention)
}

func fillForm(d *campaigns.Draft, f *admin.CampaignForm) {
	f.Form = admin.FormStep{Questions: questionsOf(d.Form), Purpose: d.Texts.Purpose, Retention: blankZero(d.Texts.RetentionDay)}
}

// pressForm does what a button of the step asks.
func pressForm(f *admin.CampaignForm, op string) bool { return changeQuestions(&f.Form.Questions, op) }

// changeQuestions does what a button of the form builder asks: add, add-KIND, classic,
// remove-N, dup-N, up-N, down-N, move-N-M. It reports whether op was such a button.
func changeQuestions(questions *[]admin.Question, op string) bool {
	list := *questions
	verb, rest, _ := strings.Cut(op, "-")
	number, target, _ := strings.Cut(rest, "-")
	i, err := strconv.Atoi(number)
	inside := err == nil && i >= 0 && i < len(list)
	to, err := strconv.Atoi(target)
	inside = inside && (verb != "move" || err == nil && to >= 0 && to < len(list))
	switch {
	case verb == "add" && len(list) < maxQuestions:
		kind := campaigns.TextField
		if asked := campaigns.FieldKind(rest); slices.Contains(campaigns.FieldKinds, asked) {
			kind = asked
		}
		list = append(list, admin.Question{Kind: string(kind), Required: kind != campaigns.ConsentField})
	case verb == "classic":
		list = questionsOf(campaigns.ClassicForm())
	case verb == "remove" && inside:
		list = slices.Delete(list, i, i+1)
	case verb == "dup" && inside && len(list) < maxQuestions:
		twin := list[i]
		twin.Key = ""
		list = slices.Insert(list, i+1, twin)
	case verb == "up" && inside && i > 0:
		list[i-1], list[i] = list[i], list[i-1]
	case verb == "down" && inside && i+1 < len(list):
		list[i+1], list[i] = list[i], list[i+1]
	case verb == "move" && inside:
		moved := list[i]
		list = slices.Insert(slices.Delete(list, i, i+1), to, moved)
	default:
		return slices.Contains([]string{"add", "remove", "dup", "up", "down", "move"}, verb)
	}
	nameQuestions(list) // a question that another one depends on needs its key at once
	*questions = list
	return true
}

// nameQuestions gives every question a key. A key that nobody typed follows from the kind,
// and stays free of those that are taken.
func nameQuestions(questions []admin.Question) {
	taken := map[string]bool{}
	for _, q := range questions {
		taken[q.Key] = true
	}
	for i := range questions {
		q := &questions[i]
		if q.Key != "" {
			continue
		}
		base := map[string]string{string(campaigns.MobileField): "phone", string(campaigns.PlateField): "plate", string(campaigns.IDField): "id_card"}[q.Kind]
		if base == "" {
			base = "field"
		}
		q.Key = base
		for n := 2; taken[q.Key]; n++ {
			q.Key = fmt.Sprintf("%s_%d", base, n)
		}
		taken[q.Key] = true
	}
}

// formOf reads the rows. What a kind has no use for is left out, so that it does not come
// back by surprise.
func formOf(questions []admin.Question, problems *fault.List) campaigns.Form {
	nameQuestions(questions)
	var form campaigns.Form
	for i, q := range questions {
		field := campaigns.Field{
			Key: q.Key, Kind: campaigns.FieldKind(q.Kind), Label: q.Label, Help: q.Help, Required: q.Required,
			Placeholder: q.Placeholder, Purpose: q.Purpose,
		}
		if q.Retention != "" {
			days, err := strconv.Atoi(q.Retention)
			if err != nil {
				*problems = append(*problems, fault.New(fault.Invalid, "form.problem.retention", "label", q.Label, "max", 3650).On(admin.QuestionField(i)))
			}
			field.Retention = days
		}
		if q.Chooses() {
			field.Options = q.OptionList()
		}
		switch field.Kind {
		case campaigns.DateField, campaigns.NumberField, campaigns.MultiField:
			field.Min, field.Max = q.Min, q.Max
		case campaigns.ConsentField:
			field.Text = q.Text
		}
		if q.ShowKey != "" {
			field.ShowIf = &campaigns.ShowIf{Key: q.ShowKey}
			for value := range strings.SplitSeq(q.ShowValues, "\n") {
				if value = strings.TrimSpace(value); value != "" {
					field.ShowIf.Values = append(field.ShowIf.Values, value)
				}
			}
		}
		form = append(form, field)
	}
	return form
}

func questionsOf(form campaigns.Form) []admin.Question {
	var list []admin.Question
	for _, f := range form {
		q := admin.Question{
			Key: f.Key, Kind: string(f.Kind), Label: f.Label, Help: f.Help, Required: f.Required, Options: strings.Join(f.Options, "\n"),
			Placeholder: f.Placeholder, Min: f.Min, Max: f.Max, Text: f.Text, Purpose: f.Purpose, Retention: blankZero(f.Retention),
		}
		if f.ShowIf != nil {
			q.ShowKey, q.ShowValues = f.ShowIf.Key, strings.Join(f.ShowIf.Values, "\n")
		}
		list = append(list, q)
	}
	return list
}
