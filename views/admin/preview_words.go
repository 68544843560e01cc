package admin

import (
	"context"
	"strings"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/ui"
	"kaquan/views/visitor"
)

// OwnWords is the form for the words of the state that the preview shows.
type OwnWords struct {
	State   visitor.State
	Version int64
	Text    campaigns.StateText // as typed
	Usual   campaigns.StateText // what stands there without it
	Focus   string              // title, body or button, "" = none
	Own     bool                // the campaign has words of its own for it
	Errors  ui.Errors
}

func (v *Preview) wordsAction() string {
	c := v.Choice
	c.State = v.Page.State
	return PreviewPath(v.Campaign) + "/words?" + c.Query().Encode() + "#words"
}

// offered are the placeholders of the state, as they are typed.
func (w *OwnWords) offered() string {
	names := campaigns.OwnWords[string(w.State)].Placeholders()
	return "{{" + strings.Join(names, "}}  {{") + "}}"
}

type wordsPart struct {
	name, value, usual string
	most, rows         int
}

func (w *OwnWords) parts() []wordsPart {
	can := campaigns.OwnWords[string(w.State)]
	var list []wordsPart
	if !can.NoTitle {
		list = append(list, wordsPart{"title", w.Text.Title, w.Usual.Title, campaigns.MaxStateTitle, 0})
	}
	list = append(list, wordsPart{"body", w.Text.Body, w.Usual.Body, campaigns.MaxStateBody, 3})
	if !can.NoBar {
		list = append(list, wordsPart{"button", w.Text.Button, w.Usual.Button, campaigns.MaxStateButton, 0})
	}
	return list
}

func (w *OwnWords) input(ctx context.Context, p wordsPart) ui.Input {
	in := ui.Input{
		Name: campaigns.StateField(string(w.State), p.name), Label: i18n.T(ctx, "design.words."+p.name), Value: p.value, Placeholder: p.usual, Max: p.most,
		Errors: w.Errors.Of(campaigns.StateField(string(w.State), p.name)), Attrs: map[string]any{"autofocus": w.Focus == p.name},
	}
	if p.rows > 0 {
		in.Type, in.Rows = "textarea", p.rows
	}
	if p.name == "title" {
		in.Hint = i18n.T(ctx, "design.words.hint_title", "max", campaigns.TitleAdvised)
	}
	return in
}
