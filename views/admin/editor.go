package admin

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/layout"
	"kaquan/views/ui"
)

// LocalTime is how browsers write a moment without its zone.
const LocalTime = "2006-01-02T15:04"

// Values are the editor's fields as somebody typed them, which may be anything, step by
// step. They are kept as JSON while they are not saved, and merged by its keys: the key of a
// field in JSON is its name in the form.
type Values struct {
	Card      CardStep      `json:"card"`
	Stock     StockStep     `json:"stock"`
	Rules     RulesStep     `json:"rules"`
	Form      FormStep      `json:"form"`
	Design    DesignStep    `json:"design"`
	Channels  ChannelsStep  `json:"channels"`
	Redeeming RedeemingStep `json:"redeeming"`
	Notices   NoticesStep   `json:"notices"`
	Terms     TermsStep     `json:"terms"`
}

// Step is one page of the editor. A problem on one of Fields counts at it; a field that ends
// with a dash stands for all names that begin so.
type Step struct {
	Key    string
	Fields []string
	Body   func(p layout.Page, f *CampaignForm) templ.Component
}

// Steps are the editor's steps in their order.
func Steps() []Step {
	return []Step{
		{"card", []string{"name", "benefit", "brand", "account", "slug", "issuer", "card_id", "pool"}, stepCard},
		{"stock", []string{"starts_at", "ends_at", "valid_until", "total", "hold", "price", "refund_days", "pay_minutes"}, stepStock},
		{"rules", []string{
			"per_person", "per_day", "day_total", "release_at", "low_percent", "low_reaction", "followers", "allow_list", "block_list", "once", "channels",
			"invitation", "invitation_code", "invitation_list",
		}, stepRules},
		{"form", []string{"form", "question-", "purpose", "retention"}, stepForm},
		{"design", []string{"cover", "layout", "intro", "colour", "ink", "background", "show_stock"}, stepDesign},
		{"channels", []string{"share_title", "share_desc", "share_image"}, stepChannels},
		{"redeeming", []string{"redeem_places", "redeem_from", "redeem_goods", "redeem_quantity", "redeem_note"}, stepRedeeming},
		{"notices", []string{"webhook_url", "webhook_events"}, stepNotices},
		{"terms", []string{"terms", "contact"}, stepTerms},
	}
}

// StepOf is the step that a field belongs to; those of no step count at the first.
func StepOf(field string) string {
	for _, s := range Steps() {
		if s.has(field) {
			return s.Key
		}
	}
	return Steps()[0].Key
}

func (s Step) has(field string) bool {
	return slices.ContainsFunc(s.Fields, func(name string) bool {
		return name == field || name[len(name)-1] == '-' && len(field) > len(name) && field[:len(name)] == name
	})
}

// KnownStep reports whether key names a step.
func KnownStep(key string) bool {
	return slices.ContainsFunc(Steps(), func(s Step) bool { return s.Key == key })
}

// NextStep is the one after key, "" after the last.
func NextStep(key string) string { return neighbour(key, 1) }

func neighbour(key string, by int) string {
	steps := Steps()
	i := slices.IndexFunc(steps, func(s Step) bool { return s.Key == key }) + by
	if i < 0 || i >= len(steps) {
		return ""
	}
	return steps[i].Key
}

// EditPath is the address of a step of a campaign's editor, "" = the one that needs it.
func EditPath(c *campaigns.Campaign, step string) string {
	path := CampaignPath(c) + "/edit"
	if step != "" {
		path += "?step=" + step
	}
	return path
}

// CampaignForm is one step of the editor, with what the others need beside it.
type CampaignForm struct {
	Values
	Campaign *campaigns.Campaign // nil for a new one
	Now      time.Time
	Step     string
	Version  int64     // that the values were read from
	Kept     time.Time // when values that are not saved were kept; zero = there are none
	Errors   ui.Errors
	Conflict *Conflict
	Names    Names // of what a conflict or the question before saving names
	People   int   // who hold a card of the campaign
	Limits   []campaigns.LimitPart

	FreeSlugs []campaigns.Slug // instead of one that is taken

	Colours  []campaigns.ColourCheck
	Composed *ComposedTerms // what was made of the settings, when somebody asked
	Webhook  WebhookLook

	Choices      RuleChoices
	Redeem       RedeemChoices
	Accounts     []ui.Option
	MaxQuestions int
	LinkPrefix   string
	Templates    TemplateChoices // of a new campaign
}

// Conflict is what somebody else saved while the values were typed.
type Conflict struct {
	By     string // "" = not known
	At     time.Time
	Fields []ConflictField // both changed; empty = all could be brought together
}

// ConflictField is a field with two values. Key names it in the choice.
type ConflictField struct {
	Key, Field   string
	Theirs, Mine any
}

func (f *CampaignForm) problems(s Step) int {
	n := 0
	for field, messages := range f.Errors {
		if field != "" && StepOf(field) == s.Key {
			n += len(messages)
		}
	}
	return n
}

// FirstProblem is the first step with a problem, "" when there is none.
func (f *CampaignForm) FirstProblem() string {
	for _, s := range Steps() {
		if f.problems(s) > 0 {
			return s.Key
		}
	}
	return ""
}

// FirstField is the first field with a message on the step that is shown, "" when there is
// none.
func (f *CampaignForm) FirstField() string {
	for _, s := range Steps() {
		if s.Key != f.Step {
			continue
		}
		for _, field := range s.Fields {
			if len(f.Errors.Of(field)) > 0 {
				return field
			}
			if strings.HasSuffix(field, "-") {
				for row := range f.MaxQuestions {
					if name := field + strconv.Itoa(row); len(f.Errors.Of(name)) > 0 {
						return name
					}
				}
			}
		}
	}
	return ""
}

// Problems counts what is wrong step by step.
func (f *CampaignForm) Problems() map[string]int {
	counts := map[string]int{}
	for _, s := range Steps() {
		counts[s.Key] = f.problems(s)
	}
	return counts
}

func (f *CampaignForm) total() int {
	n := 0
	for _, count := range f.Problems() {
		n += count
	}
	return n
}

func (f *CampaignForm) here() Step {
	for _, s := range Steps() {
		if s.Key == f.Step {
			return s
		}
	}
	return Steps()[0]
}

func (f *CampaignForm) action() string {
	if f.Campaign == nil {
		return "/admin/campaigns/new"
	}
	return EditPath(f.Campaign, f.Step)
}

// enter is what the Enter key does.
func (f *CampaignForm) enter() string {
	if f.Campaign == nil {
		return "next"
	}
	return "save"
}

func (f *CampaignForm) checkPath() string {
	if f.Campaign == nil {
		return "/admin/campaigns/new/check"
	}
	return CampaignPath(f.Campaign) + "/check"
}

func (f *CampaignForm) back() string {
	if f.Campaign == nil {
		return "/admin/campaigns"
	}
	return CampaignPath(f.Campaign)
}

func (f *CampaignForm) version() string { return strconv.FormatInt(f.Version, 10) }

// locked is whether the campaign has been public.
func (f *CampaignForm) locked() bool {
	return f.Campaign != nil && f.Campaign.Status != campaigns.StatusDraft
}

// input completes a field with its label and messages. The first field with a message gets
// the cursor.
func (f *CampaignForm) input(ctx context.Context, in ui.Input) ui.Input {
	if in.Label == "" {
		in.Label = FieldLabel(ctx, in.Name)
	}
	in.Errors = f.Errors.Of(in.Name)
	attrs := templ.Attributes{"autofocus": in.Name == f.FirstField()}
	for name, value := range in.Attrs {
		attrs[name] = value
	}
	in.Attrs = attrs
	return in
}

// firstHere puts the cursor into the first field of a new campaign.
func (f *CampaignForm) firstHere() templ.Attributes {
	if f.Campaign == nil && len(f.Errors) == 0 {
		return templ.Attributes{"autofocus": true}
	}
	return nil
}

// promised is input for a field that visitors rely on once the campaign is out.
func (f *CampaignForm) promised(ctx context.Context, in ui.Input) ui.Input {
	if f.locked() {
		in.Locked = i18n.T(ctx, "admin.campaign.locked")
		if f.People > 0 {
			in.Locked = i18n.T(ctx, "editor.locked.field", "count", f.People)
		}
	}
	return f.input(ctx, in)
}

// FieldLabel is how people call a field of the editor.
func FieldLabel(ctx context.Context, name string) string {
	return i18n.T(ctx, "admin.campaign.field."+name)
}

// digits asks phones for the number keys. Numbers are text inputs: a scroll wheel must not
// change a stock.
var digits = templ.Attributes{"inputmode": "numeric"}
