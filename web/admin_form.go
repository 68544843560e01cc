package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/views/admin"
	"kaquan/views/ui"
	"kaquan/wechat"
)

// maxQuestions bounds the rows of the form builder; the domain allows as many.
const maxQuestions = 20

// readCampaign takes the editor's fields as they were typed, so that they can be shown
// again whatever is wrong with them. Only line ends are brought into one form.
func readCampaign(c *fiber.Ctx) admin.CampaignForm {
	var f admin.CampaignForm
	for name, value := range f.Fields() {
		*value = typed(c, name)
	}
	f.ShowStock = c.FormValue("show_stock") != ""
	for i := range maxQuestions {
		name := func(part string) string { return admin.QuestionName(i, part) }
		if c.FormValue(name("kind")) == "" {
			break
		}
		f.Questions = append(f.Questions, admin.Question{
			Key: typed(c, name("key")), Kind: c.FormValue(name("kind")), Label: typed(c, name("label")), Help: typed(c, name("help")),
			Required: c.FormValue(name("required")) != "", Options: typed(c, name("options")),
		})
	}
	f.Errors = ui.Errors{}
	return f
}

func typed(c *fiber.Ctx, name string) string {
	text := strings.ToValidUTF8(c.FormValue(name), "")
	return strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"))
}

// changeQuestions does what a button of the form builder asks: add, classic, remove-N,
// up-N, down-N. It reports whether op was such a button.
func changeQuestions(questions *[]admin.Question, op string) bool {
	list := *questions
	verb, number, _ := strings.Cut(op, "-")
	i, err := strconv.Atoi(number)
	inside := err == nil && i >= 0 && i < len(list)
	switch {
	case verb == "add" && len(list) < maxQuestions:
		list = append(list, admin.Question{Kind: string(campaigns.TextField), Required: true})
	case verb == "classic":
		list = questionsOf(campaigns.ClassicForm())
	case verb == "remove" && inside:
		list = slices.Delete(list, i, i+1)
	case verb == "up" && inside && i > 0:
		list[i-1], list[i] = list[i], list[i-1]
	case verb == "down" && inside && i+1 < len(list):
		list[i+1], list[i] = list[i], list[i+1]
	default:
		return slices.Contains([]string{"add", "remove", "up", "down"}, verb)
	}
	*questions = list
	return true
}

// draftOf parses the editor's fields. What does not parse is a problem on its field; the
// rules themselves belong to campaigns.
func draftOf(f *admin.CampaignForm, zone *time.Location) (campaigns.Draft, fault.List) {
	var problems fault.List
	number := func(field, text string, empty int64) int64 {
		if text == "" {
			return empty
		}
		n, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64)
		if err != nil {
			problems = append(problems, fault.New(fault.Invalid, "admin.campaign.error.number").On(field))
		}
		return n
	}
	moment := func(field, text string) time.Time {
		if text == "" {
			return time.Time{}
		}
		for _, layout := range []string{admin.LocalTime, "2006-01-02T15:04:05", "2006-01-02 15:04"} {
			if t, err := time.ParseInLocation(layout, text, zone); err == nil && t.Year() >= 2000 && t.Year() < 2100 {
				return t.UTC()
			}
		}
		problems = append(problems, fault.New(fault.Invalid, "admin.campaign.error.time").On(field))
		return time.Time{}
	}
	retention := number("retention", f.Retention, 0)
	if retention < 0 || retention > 3650 {
		problems = append(problems, fault.New(fault.Invalid, "campaign.error.range", "min", 0, "max", 3650).On("retention"))
	}
	hold := min(max(number("hold", f.Hold, 0), 0), 1_000_000)
	d := campaigns.Draft{
		Account: campaigns.AccountID(f.Account), Slug: campaigns.Slug(f.Slug), Name: f.Name,
		StartsAt: moment("starts_at", f.StartsAt), EndsAt: moment("ends_at", f.EndsAt), ValidUntil: moment("valid_until", f.ValidUntil), Zone: zone,
		Total:  number("total", f.Total, 0),
		Limits: campaigns.Limits{PerPerson: int(number("per_person", f.PerPerson, 0)), PerDay: int(number("per_day", f.PerDay, 0))},
		Hold:   time.Duration(hold) * time.Second, Issuer: campaigns.Issuer(f.Issuer),
		Form: formOf(f.Questions),
		Texts: campaigns.Texts{
			Benefit: f.Benefit, Brand: f.Brand, Intro: f.Intro, Terms: f.Terms, Purpose: f.Purpose, Contact: f.Contact,
			Colour: f.Colour, ShowStock: f.ShowStock, RetentionDay: int(retention),
		},
		Share: campaigns.Share{Title: f.ShareTitle, Desc: f.ShareDesc, Image: f.ShareImage},
	}
	if d.Issuer == campaigns.WeChatCard {
		d.CardID = wechat.CardID(f.CardID)
	}
	version, err := strconv.ParseInt(f.Version, 10, 64)
	if err == nil {
		d.Version = version
	}
	return d, problems
}

// formOf gives every question a key. A key that nobody typed follows from the kind, and
// stays free of those that are taken.
func formOf(questions []admin.Question) campaigns.Form {
	taken := map[string]bool{}
	for _, q := range questions {
		taken[q.Key] = true
	}
	var form campaigns.Form
	for i := range questions {
		q := &questions[i]
		if q.Key == "" {
			base := map[string]string{string(campaigns.MobileField): "phone", string(campaigns.PlateField): "plate"}[q.Kind]
			if base == "" {
				base = "field"
			}
			q.Key = base
			for n := 2; taken[q.Key]; n++ {
				q.Key = fmt.Sprintf("%s_%d", base, n)
			}
			taken[q.Key] = true
		}
		field := campaigns.Field{Key: q.Key, Kind: campaigns.FieldKind(q.Kind), Label: q.Label, Help: q.Help, Required: q.Required}
		if field.Kind == campaigns.ChoiceField {
			for option := range strings.SplitSeq(q.Options, "\n") {
				if option = strings.TrimSpace(option); option != "" {
					field.Options = append(field.Options, option)
				}
			}
		}
		form = append(form, field)
	}
	return form
}

func questionsOf(form campaigns.Form) []admin.Question {
	var list []admin.Question
	for _, field := range form {
		list = append(list, admin.Question{
			Key: field.Key, Kind: string(field.Kind), Label: field.Label, Help: field.Help,
			Required: field.Required, Options: strings.Join(field.Options, "\n"),
		})
	}
	return list
}

// campaignForm is the editor filled with a draft.
func campaignForm(d *campaigns.Draft) admin.CampaignForm {
	local := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(d.Zone).Format(admin.LocalTime)
	}
	f := admin.CampaignForm{
		Version: strconv.FormatInt(d.Version, 10), Account: string(d.Account), Slug: string(d.Slug), Name: d.Name,
		StartsAt: local(d.StartsAt), EndsAt: local(d.EndsAt), ValidUntil: local(d.ValidUntil), Total: strconv.FormatInt(d.Total, 10),
		PerPerson: strconv.Itoa(d.Limits.PerPerson), PerDay: blankZero(d.Limits.PerDay), Hold: strconv.Itoa(int(d.Hold / time.Second)),
		Issuer: string(d.Issuer), CardID: string(d.CardID), Benefit: d.Texts.Benefit, Brand: d.Texts.Brand, Intro: d.Texts.Intro,
		Terms: d.Texts.Terms, Purpose: d.Texts.Purpose, Contact: d.Texts.Contact, Colour: d.Texts.Colour, ShowStock: d.Texts.ShowStock,
		Retention: blankZero(d.Texts.RetentionDay), ShareTitle: d.Share.Title, ShareDesc: d.Share.Desc, ShareImage: d.Share.Image,
		Questions: questionsOf(d.Form), Errors: ui.Errors{},
	}
	return f
}

func blankZero(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// newCampaign is what the editor offers for a new campaign: a week from the next full
// hour, one card each.
func newCampaign(c *fiber.Ctx, now time.Time, zone *time.Location, accounts []campaigns.Account) campaigns.Draft {
	start := now.In(zone).Truncate(time.Hour).Add(time.Hour)
	d := campaigns.Draft{
		Slug: campaigns.Slug("c" + start.Format("0102") + "-" + strings.ToLower(string(campaigns.NewRef())[:4])), StartsAt: start, EndsAt: start.AddDate(0, 0, 7), Zone: zone,
		Total: 100, Limits: campaigns.Limits{PerPerson: 1}, Hold: 2 * time.Minute, Issuer: campaigns.OwnCode,
		Texts: campaigns.Texts{Purpose: i18n.T(c.UserContext(), "admin.campaign.default_purpose")},
	}
	if len(accounts) > 0 {
		d.Account, d.Texts.Brand = accounts[0].ID, accounts[0].Name
	}
	return d
}

// visitorLink is the address that visitors open.
func (s *Server) visitorLink(slug campaigns.Slug) string {
	return s.PublicURL + "/c/" + url.PathEscape(string(slug))
}
