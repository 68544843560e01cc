package admin

import (
	"context"
	"net/url"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/ui"
	"kaquan/views/visitor"
)

// PreviewChoice is what the pickers say; empty values leave it to the campaign, the clock
// and the phone.
type PreviewChoice struct {
	State    visitor.State
	Time     string // one of PreviewTimes
	Persona  string // one of PreviewPersonas
	Channel  string
	Font     string // one of PreviewFonts
	Theme    string // one of PreviewThemes
	Language i18n.Language
}

// What the pickers offer besides the empty choice.
var (
	PreviewTimes    = []string{"before", "running", "last", "after"}
	PreviewPersonas = []string{"holder", "snapshot", "outside"}
	PreviewFonts    = []string{"large", "larger"}
	PreviewThemes   = []string{"light", "dark"}
)

// Query is the choice as an address carries it.
func (c PreviewChoice) Query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"state": string(c.State), "time": c.Time, "persona": c.Persona, "ch": c.Channel, "font": c.Font, "theme": c.Theme, "lang": string(c.Language),
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// Preview is the page with the phone.
type Preview struct {
	Campaign *campaigns.Campaign
	Choice   PreviewChoice
	Page     visitor.Page // what the phone shows
	Frame    string       // address of what the phone shows
	Link     string       // for a real phone
	QR       ui.QR
	Until    time.Time // when Link ends
	States   []PreviewState
	CanWrite bool
	Own      *OwnWords // nil = the state has no words of the campaign's own
}

// PreviewState is a line of the list of states with the words that it says.
type PreviewState struct {
	State       visitor.State
	Occurs      bool // with the campaign's present settings
	Title, Body string
}

// PreviewPath is the address of a campaign's preview.
func PreviewPath(c *campaigns.Campaign) string { return CampaignPath(c) + "/preview" }

func (v *Preview) path(state visitor.State) string {
	c := v.Choice
	c.State = state
	return PreviewPath(v.Campaign) + "?" + c.Query().Encode()
}

// stateName is a state as staff call it.
func stateName(ctx context.Context, state visitor.State) string {
	return i18n.T(ctx, "preview.state."+string(state))
}

func previewOptions(ctx context.Context, kind string, values []string) []ui.Option {
	options := []ui.Option{{Label: i18n.T(ctx, "preview."+kind+".default")}}
	for _, v := range values {
		options = append(options, ui.Option{Value: v, Label: i18n.T(ctx, "preview."+kind+"."+v)})
	}
	return options
}

func languageOptions(ctx context.Context) []ui.Option {
	return []ui.Option{
		{Label: i18n.T(ctx, "preview.lang.default")},
		{Value: string(i18n.ZH), Label: i18n.T(ctx, "preview.lang.zh")},
		{Value: string(i18n.EN), Label: i18n.T(ctx, "preview.lang.en")},
	}
}

func (v *Preview) stateOptions(ctx context.Context) []ui.Option {
	options := []ui.Option{{Label: i18n.T(ctx, "preview.pick.auto")}}
	for _, s := range v.States {
		options = append(options, ui.Option{Value: string(s.State), Label: stateName(ctx, s.State)})
	}
	return options
}

func pick(ctx context.Context, name, value string, options []ui.Option) ui.Input {
	return ui.Input{Name: name, Type: "select", Label: i18n.T(ctx, "preview.pick."+name), Value: value, Options: options}
}

// ownText is a text of the campaign that the phone shows, with the place to change it.
type ownText struct{ Label, Value, Path string }

// ownTexts are those of the state that is shown.
func (v *Preview) ownTexts(ctx context.Context) []ownText {
	c, state := v.Campaign, v.Page.State
	if v.Page.Campaign == nil {
		return nil
	}
	var list []ownText
	add := func(field, value string) {
		list = append(list, ownText{i18n.T(ctx, "admin.campaign.field."+field), value, editField(c, field)})
	}
	if state == visitor.Paused {
		list = append(list, ownText{i18n.T(ctx, "preview.pause_reason"), v.Page.Campaign.PauseReason, CampaignPath(c)})
	}
	add("brand", c.Texts.Brand)
	add("benefit", c.Texts.Benefit)
	if state == visitor.Intro || state == visitor.Ready {
		add("intro", c.Texts.Intro)
	}
	if state == visitor.Form || state == visitor.FormError {
		add("purpose", c.Texts.Purpose)
	}
	add("terms", c.Texts.Terms)
	add("contact", c.Texts.Contact)
	return list
}

// editField is a field in the campaign's editor.
func editField(c *campaigns.Campaign, field string) string {
	if field == "" {
		return EditPath(c, "")
	}
	return EditPath(c, StepOf(field)) + "#" + ui.FieldID(field)
}
