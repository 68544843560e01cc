package admin

import (
	"context"
	"strings"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/ui"
	"kaquan/views/visitor"
)

// DesignStep is how the page looks and begins. The words of its states are changed in the
// preview, where they are read.
type DesignStep struct {
	Intro      string `json:"intro"`
	Colour     string `json:"colour"`
	Ink        string `json:"ink"`
	Background string `json:"background"`
	Cover      string `json:"cover"` // name of an uploaded picture
	Layout     string `json:"layout"`
	ShowStock  bool   `json:"show_stock"`
}

func inkOptions(ctx context.Context) []ui.Option {
	return []ui.Option{
		{Label: i18n.T(ctx, "design.ink.auto")},
		{Value: string(campaigns.InkWhite), Label: i18n.T(ctx, "design.ink.white")},
		{Value: string(campaigns.InkBlack), Label: i18n.T(ctx, "design.ink.black")},
	}
}

func layoutOptions(ctx context.Context) []ui.Option {
	return []ui.Option{
		{Label: i18n.T(ctx, "design.layout.top")},
		{Value: string(campaigns.CoverCard), Label: i18n.T(ctx, "design.layout.card")},
	}
}

// colourWords say how well words can be read on a colour.
func colourWords(ctx context.Context, c campaigns.ColourCheck) string {
	if c.Passes() {
		return i18n.T(ctx, "design.contrast.ok_"+c.Field, "ratio", c.Words())
	}
	return i18n.T(ctx, "design.contrast.bad_"+c.Field, "ratio", c.Words(), "proposed", c.Proposed)
}

// ownStates are the states with words of the campaign's own, in the order of a visit.
func (f *CampaignForm) ownStates() []visitor.State {
	var list []visitor.State
	for _, state := range visitor.States {
		if _, own := f.Campaign.Design.States[string(state)]; own {
			list = append(list, state)
		}
	}
	return list
}

func wordsPath(c *campaigns.Campaign, state visitor.State) string {
	return PreviewPath(c) + "?state=" + string(state) + "#words"
}

// stateChange names a part of a state's own words in a difference; ok is false for other
// fields.
func stateChange(ctx context.Context, field string) (label string, ok bool) {
	rest, ok := strings.CutPrefix(field, "states_")
	if !ok {
		return "", false
	}
	for _, part := range []string{"title", "body", "button"} {
		state, found := strings.CutSuffix(rest, "_"+part)
		if _, known := campaigns.OwnWords[state]; found && known {
			return stateName(ctx, visitor.State(state)) + " · " + i18n.T(ctx, "design.words."+part), true
		}
	}
	return "", false
}
