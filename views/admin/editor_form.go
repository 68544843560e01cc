package admin

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/ui"
)

// FormStep is what is asked of visitors, and why.
type FormStep struct {
	Questions []Question `json:"form"`
	Purpose   string     `json:"purpose"`
	Retention string     `json:"retention"`
}

// Question is a row of the form builder. Options are one per line, as are ShowValues.
type Question struct {
	Key         string `json:"key"`
	Kind        string `json:"kind"`
	Label       string `json:"label"`
	Help        string `json:"help"`
	Options     string `json:"options"`
	Required    bool   `json:"required"`
	Placeholder string `json:"placeholder,omitempty"`
	Min         string `json:"min,omitempty"`
	Max         string `json:"max,omitempty"`
	Text        string `json:"text,omitempty"`
	ShowKey     string `json:"show_key,omitempty"`
	ShowValues  string `json:"show_values,omitempty"`
	Purpose     string `json:"purpose,omitempty"`
	Retention   string `json:"retention,omitempty"`
}

// OptionList are the options without the blanks around them.
func (q Question) OptionList() []string {
	var list []string
	for option := range strings.SplitSeq(q.Options, "\n") {
		if option = strings.TrimSpace(option); option != "" {
			list = append(list, option)
		}
	}
	return list
}

// Chooses reports whether the question has options.
func (q Question) Chooses() bool {
	return q.Kind == string(campaigns.ChoiceField) || q.Kind == string(campaigns.MultiField)
}

func (q Question) title(ctx context.Context) string {
	if q.Label == "" {
		return i18n.T(ctx, "admin.question.untitled")
	}
	return q.Label
}

// folded reports whether anything under 更多设置 is set.
func (q Question) folded() bool {
	return q.Placeholder != "" || q.ShowKey != "" || q.Purpose != "" || q.Retention != ""
}

func (q Question) shownFor(option string) bool {
	return slices.Contains(strings.Split(q.ShowValues, "\n"), option)
}

// QuestionName is the name of an input of a row of the form builder.
func QuestionName(row int, part string) string {
	return "question[" + strconv.Itoa(row) + "][" + part + "]"
}

// QuestionField is the field on which a problem of a row stands.
func QuestionField(row int) string { return "question-" + strconv.Itoa(row) }

func kindWords(ctx context.Context, kind campaigns.FieldKind) string {
	return i18n.T(ctx, "admin.kind."+string(kind))
}

func questionKinds(ctx context.Context) []ui.Option {
	var options []ui.Option
	for _, kind := range campaigns.FieldKinds {
		options = append(options, ui.Option{Value: string(kind), Label: kindWords(ctx, kind)})
	}
	return options
}

// askedBefore are the choices that a row may depend on.
func (f *CampaignForm) askedBefore(row int) []Question {
	var list []Question
	for _, q := range f.Form.Questions[:row] {
		if q.Chooses() && q.Key != "" {
			list = append(list, q)
		}
	}
	return list
}

// showOptions are the choices that a row may depend on, with the one it does although it
// may not: the select must not change it in silence.
func (f *CampaignForm) showOptions(ctx context.Context, row int) []ui.Option {
	options := []ui.Option{{Label: i18n.T(ctx, "admin.question.show_always")}}
	known := false
	for _, q := range f.askedBefore(row) {
		options = append(options, ui.Option{Value: q.Key, Label: q.title(ctx)})
		known = known || q.Key == f.Form.Questions[row].ShowKey
	}
	if key := f.Form.Questions[row].ShowKey; key != "" && !known {
		options = append(options, ui.Option{Value: key, Label: key + " ?"})
	}
	return options
}

func rowOp(verb string, row int) string { return verb + "-" + strconv.Itoa(row) }

// ask is an input of a row of the form builder.
func ask(ctx context.Context, row int, part, value string, in ui.Input) ui.Input {
	in.Name, in.Value, in.Label = QuestionName(row, part), value, i18n.T(ctx, "admin.question."+part)
	return in
}

var plainKey = templ.Attributes{"autocapitalize": "none", "spellcheck": "false"}
