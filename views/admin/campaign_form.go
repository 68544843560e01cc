package admin

import (
	"context"
	"strconv"

	"github.com/a-h/templ"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/ui"
)

// LocalTime is how browsers write a moment without its zone.
const LocalTime = "2006-01-02T15:04"

// CampaignForm is the editor's fields as somebody typed them, which may be anything.
type CampaignForm struct {
	Campaign *campaigns.Campaign // nil for a new one
	Version  string
	Account  string
	Slug     string
	Name     string

	StartsAt, EndsAt, ValidUntil, Total string // times in the campaign's zone, as LocalTime

	PerPerson, PerDay, Hold string // Hold in seconds
	Issuer, CardID          string

	Benefit, Brand, Intro, Terms, Purpose, Contact, Colour, Retention string

	ShowStock bool

	ShareTitle, ShareDesc, ShareImage string

	Questions    []Question
	Errors       ui.Errors
	Conflict     bool // somebody else saved since the editor was opened
	Accounts     []ui.Option
	MaxQuestions int
	LinkPrefix   string
	Templates    TemplateChoices // of a new campaign
}

// Question is a row of the form builder. Options are one per line.
type Question struct {
	Key, Kind, Label, Help, Options string
	Required                        bool
}

// Fields are the text fields by their names in the form.
func (f *CampaignForm) Fields() map[string]*string {
	return map[string]*string{
		"version": &f.Version, "account": &f.Account, "slug": &f.Slug, "name": &f.Name,
		"starts_at": &f.StartsAt, "ends_at": &f.EndsAt, "valid_until": &f.ValidUntil, "total": &f.Total,
		"per_person": &f.PerPerson, "per_day": &f.PerDay, "hold": &f.Hold, "issuer": &f.Issuer, "card_id": &f.CardID,
		"benefit": &f.Benefit, "brand": &f.Brand, "intro": &f.Intro, "terms": &f.Terms, "purpose": &f.Purpose,
		"contact": &f.Contact, "colour": &f.Colour, "retention": &f.Retention,
		"share_title": &f.ShareTitle, "share_desc": &f.ShareDesc, "share_image": &f.ShareImage,
	}
}

// QuestionName is the name of an input of a row of the form builder.
func QuestionName(row int, part string) string {
	return "question[" + strconv.Itoa(row) + "][" + part + "]"
}

// section is a card of the editor with the fields whose problems it counts.
type section struct {
	Key    string
	Fields []string
}

var sections = []section{
	{"basics", []string{"account", "name", "slug", "benefit", "brand"}},
	{"time", []string{"starts_at", "ends_at", "valid_until", "total"}},
	{"limits", []string{"per_person", "per_day", "hold", "issuer", "card_id"}},
	{"form", []string{"form", "purpose", "retention"}},
	{"page", []string{"intro", "terms", "contact", "colour"}},
	{"share", []string{"share_title", "share_desc", "share_image"}},
}

func (f *CampaignForm) problems(s section) int {
	n := 0
	for _, field := range s.Fields {
		n += len(f.Errors.Of(field))
	}
	return n
}

// firstProblem is the first field with a message, in the order of the page.
func (f *CampaignForm) firstProblem() string {
	for _, s := range sections {
		for _, field := range s.Fields {
			if len(f.Errors.Of(field)) > 0 {
				return field
			}
		}
	}
	return ""
}

func (f *CampaignForm) total() int {
	n := 0
	for _, s := range sections {
		n += f.problems(s)
	}
	return n
}

func (f *CampaignForm) action() string {
	if f.Campaign == nil {
		return "/admin/campaigns/new"
	}
	return CampaignPath(f.Campaign) + "/edit"
}

func (f *CampaignForm) back() string {
	if f.Campaign == nil {
		return "/admin/campaigns"
	}
	return CampaignPath(f.Campaign)
}

func (f *CampaignForm) locked() bool {
	return f.Campaign != nil && f.Campaign.Status != campaigns.StatusDraft
}

// input completes a field with its label, hint and messages. The first field with a
// message gets the cursor.
func (f *CampaignForm) input(ctx context.Context, in ui.Input) ui.Input {
	in.Label = i18n.T(ctx, "admin.campaign.field."+in.Name)
	in.Errors = f.Errors.Of(in.Name)
	if value, ok := f.Fields()[in.Name]; ok {
		in.Value = *value
	}
	attrs := templ.Attributes{"autofocus": in.Name == f.firstProblem()}
	for name, value := range in.Attrs {
		attrs[name] = value
	}
	in.Attrs = attrs
	return in
}

// promised is input for a field that visitors rely on once the campaign is out.
func (f *CampaignForm) promised(ctx context.Context, in ui.Input) ui.Input {
	if f.locked() {
		in.Locked = i18n.T(ctx, "admin.campaign.locked")
	}
	return f.input(ctx, in)
}

func (f *CampaignForm) totalHint(ctx context.Context) string {
	if f.Campaign == nil || f.Campaign.Stock.Issued() == 0 {
		return ""
	}
	return i18n.T(ctx, "admin.campaign.hint.issued", "issued", i18n.Number(ctx, f.Campaign.Stock.Issued()))
}

func issuerOptions(ctx context.Context) []ui.Option {
	return []ui.Option{
		{Value: string(campaigns.OwnCode), Label: i18n.T(ctx, "admin.issuer.own_code")},
		{Value: string(campaigns.WeChatCard), Label: i18n.T(ctx, "admin.issuer.wechat_card")},
	}
}

func kindOptions(ctx context.Context) []ui.Option {
	var options []ui.Option
	for _, kind := range campaigns.FieldKinds {
		options = append(options, ui.Option{Value: string(kind), Label: i18n.T(ctx, "admin.kind."+string(kind))})
	}
	return options
}

func rowOp(verb string, row int) string { return verb + "-" + strconv.Itoa(row) }

// ask is an input of a row of the form builder.
func ask(ctx context.Context, row int, part, value string, in ui.Input) ui.Input {
	in.Name, in.Value, in.Label = QuestionName(row, part), value, i18n.T(ctx, "admin.question."+part)
	return in
}

// digits asks phones for the number keys. Numbers are text inputs: a scroll wheel must not
// change a stock.
var digits = templ.Attributes{"inputmode": "numeric"}

// accountLocked shows the account of a campaign, which never changes.
func accountLocked(ctx context.Context, f CampaignForm) ui.Input {
	in := f.input(ctx, ui.Input{Name: "account", Type: "select", Options: f.Accounts})
	in.Locked = i18n.T(ctx, "admin.campaign.account_locked")
	return in
}
