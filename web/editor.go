package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/views/admin"
)

// editorStep is the way of one step's fields: from the request as they were typed, into a
// draft, and back. What does not parse is a problem on its field; the rules themselves belong
// to campaigns.
type editorStep struct {
	key   string
	read  func(c *fiber.Ctx, f *admin.CampaignForm)
	draft func(f *admin.CampaignForm, d *campaigns.Draft, problems *fault.List)
	fill  func(d *campaigns.Draft, f *admin.CampaignForm)
}

// editorSteps has a line for each step of admin.Steps.
var editorSteps = []editorStep{
	{"card", readCard, draftCard, fillCard},
	{"stock", readStock, draftStock, fillStock},
	{"rules", readRules, draftRules, fillRules},
	{"form", readForm, draftForm, fillForm},
	{"design", readDesign, draftDesign, fillDesign},
	{"channels", readChannels, draftChannels, fillChannels},
	{"redeeming", readRedeeming, draftRedeeming, fillRedeeming},
	{"notices", readNotices, draftNotices, fillNotices},
	{"terms", readTerms, draftTerms, fillTerms},
}

// stepButtons are the buttons inside steps: what one does to the fields, by its op. They
// report whether op is one of theirs; the step is then shown again, and nothing is saved.
var stepButtons = map[string]func(f *admin.CampaignForm, op string) bool{
	"card":      pressCard,
	"form":      pressForm,
	"design":    pressDesign,
	"terms":     pressTerms,
	"redeeming": pressRedeeming,
}

// readSteps takes the fields of one step as they were typed, or of all without one, so that
// they can be shown again whatever is wrong with them.
func readSteps(c *fiber.Ctx, f *admin.CampaignForm, step string) {
	for _, s := range editorSteps {
		if step == "" || s.key == step {
			s.read(c, f)
		}
	}
}

// draftOf parses the editor's fields over a draft: a field whose step does not know it stays.
func draftOf(f *admin.CampaignForm, over campaigns.Draft) (campaigns.Draft, fault.List) {
	var problems fault.List
	for _, s := range editorSteps {
		s.draft(f, &over, &problems)
	}
	over.Version = f.Version
	return over, problems
}

// valuesOf are the editor's fields for a draft.
func valuesOf(d *campaigns.Draft) admin.Values {
	var f admin.CampaignForm
	for _, s := range editorSteps {
		s.fill(d, &f)
	}
	return f.Values
}

// typed is a field without blanks around it, its line ends brought into one form.
func typed(c *fiber.Ctx, name string) string {
	text := strings.ToValidUTF8(c.FormValue(name), "")
	return strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"))
}

// parseNumber reads a whole number; an empty text is empty.
func parseNumber(problems *fault.List, field, text string, empty int64) int64 {
	if text == "" {
		return empty
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64)
	if err != nil {
		*problems = append(*problems, fault.New(fault.Invalid, "admin.campaign.error.number").On(field))
	}
	return n
}

// parseMoment reads a time of the zone; an empty text is the zero time.
func parseMoment(problems *fault.List, field, text string, zone *time.Location) time.Time {
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{admin.LocalTime, "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil && t.Year() >= 2000 && t.Year() < 2100 {
			return t.UTC()
		}
	}
	*problems = append(*problems, fault.New(fault.Invalid, "admin.campaign.error.time").On(field))
	return time.Time{}
}

// localMoment is what parseMoment reads.
func localMoment(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(admin.LocalTime)
}

func blankZero(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// checked are all the problems of the fields: those that did not parse, and what the rules
// say about the others.
func checked(d *campaigns.Draft, unparsed fault.List) fault.List {
	problems := slices.Clone(unparsed)
	for _, e := range fault.All(d.Check()) {
		if !slices.ContainsFunc(unparsed, func(known *fault.Error) bool { return known.Field == e.Field }) {
			problems = append(problems, e)
		}
	}
	return problems
}

// visitorLink is the address that visitors open.
func (s *Server) visitorLink(slug campaigns.Slug) string {
	return s.PublicURL + "/c/" + url.PathEscape(string(slug))
}
