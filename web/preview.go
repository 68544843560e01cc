package web

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/assets"
	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/views/admin"
	"kaquan/views/visitor"
)

const (
	previewName = "preview" // the purpose that tokens of previews are sealed for
	previewLife = 30 * time.Minute
)

// previewToken lets whoever holds it look at one campaign, a draft too, for half an hour.
// It is worth nothing else: no write takes it.
type previewToken struct {
	Campaign campaigns.ID `json:"c"`
	Issued   int64        `json:"i"` // unix seconds
}

func (s *Server) sealPreview(id campaigns.ID) (string, error) {
	return s.cookies.seal(previewName, previewToken{id, s.Now().Unix()})
}

func (s *Server) openPreview(text string) (campaigns.ID, bool) {
	var token previewToken
	if text == "" || !s.cookies.open(previewName, text, &token) {
		return 0, false
	}
	age := s.Now().Sub(time.Unix(token.Issued, 0))
	return token.Campaign, age < previewLife && age > -time.Minute
}

var errPreviewOver = fault.New(fault.NotFound, "preview.error.over")

// previewed is the campaign of a link with a token; errPreviewOver for a token that is
// old, forged, or of another campaign.
func (s *Server) previewed(ctx context.Context, slug campaigns.Slug, token string) (*campaigns.Campaign, error) {
	id, ok := s.openPreview(token)
	if !ok {
		return nil, errPreviewOver
	}
	campaign, err := s.Campaigns.Campaign(ctx, id)
	if err != nil {
		return nil, err
	}
	if campaign.Slug != slug {
		return nil, errPreviewOver
	}
	return campaign, nil
}

// readPreview takes the pickers' values from the address; unknown ones are as good as none.
func readPreview(c *fiber.Ctx) admin.PreviewChoice {
	pick := func(name string, known []string) string {
		if v := c.Query(name); slices.Contains(known, v) {
			return v
		}
		return ""
	}
	choice := admin.PreviewChoice{
		Time: pick("time", admin.PreviewTimes), Persona: pick("persona", admin.PreviewPersonas), Font: pick("font", admin.PreviewFonts),
		Theme: pick("theme", admin.PreviewThemes), Channel: channelOf(c.Query("ch")),
	}
	if state := visitor.State(c.Query("state")); slices.Contains(visitor.States, state) {
		choice.State = state
	}
	if language := i18n.Language(c.Query("lang")); language == i18n.ZH || language == i18n.EN {
		choice.Language = language
	}
	return choice
}

// inLanguage is ctx in the language of the choice, if it names one.
func inLanguage(ctx context.Context, choice admin.PreviewChoice) context.Context {
	if choice.Language == "" {
		return ctx
	}
	return i18n.With(ctx, choice.Language)
}

// sample is the page that the choice describes. Where no state was chosen, it is found by
// the same rules as a visit's.
func (v *visitors) sample(ctx context.Context, campaign *campaigns.Campaign, choice admin.PreviewChoice) visitor.Page {
	shown := *campaign
	if shown.Status != campaigns.StatusPaused {
		shown.Status = campaigns.StatusPublished
	}
	now := sampleTime(&shown, choice, v.Campaigns.Now())
	state, holder := choice.State, choice.Persona == "holder"
	if state == "" {
		state = v.sampleState(&shown, choice.Persona, now)
	}
	p := visitor.Sample(ctx, &shown, state, now, holder)
	p.Channel, p.Link = choice.Channel, v.PublicURL+pagePath(campaign.Slug, choice.Channel)
	if p.Back != "" {
		p.Back = pagePath(campaign.Slug, choice.Channel)
	}
	return p
}

func (v *visitors) sampleState(c *campaigns.Campaign, persona string, now time.Time) visitor.State {
	state := c.State(now)
	switch persona {
	case "outside":
		if state != campaigns.Ended {
			return visitor.NotInWeChat
		}
	case "snapshot":
		return visitor.Snapshot
	case "holder":
		claim := visitor.SampleClaim(c, now)
		return stateOfClaim(c, &claim, now)
	}
	return stateOfCampaign(&visitor.Page{Campaign: c, Now: now}, state, campaigns.Standing{})
}

// sampleTime is the moment of the choice. Without one it suits the state.
func sampleTime(c *campaigns.Campaign, choice admin.PreviewChoice, now time.Time) time.Time {
	moment := choice.Time
	if moment == "" {
		switch choice.State {
		case "":
			return now
		case visitor.BeforeStart:
			moment = "before"
		case visitor.Ended:
			moment = "after"
		case visitor.ExpiredCard:
			if !c.ValidUntil.IsZero() {
				return c.ValidUntil.Add(time.Hour)
			}
		}
	}
	switch moment {
	case "before":
		return c.StartsAt.Add(-2 * time.Hour)
	case "last":
		return c.EndsAt.Add(-time.Minute)
	case "after":
		return c.EndsAt.Add(time.Hour)
	}
	if now.Before(c.StartsAt) || !now.Before(c.EndsAt) {
		return c.StartsAt.Add(c.EndsAt.Sub(c.StartsAt) / 2)
	}
	return now
}

// previewPolicy takes scripts, forms, windows and the origin from the page. What it leaves are
// links out of the frame, which lead to where a text is changed.
const previewPolicy = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-top-navigation-by-user-activation"

// showPreview writes a sampled page. Its form carries the preview's token, so that what is
// sent from it is told apart from a visit.
func (v *visitors) showPreview(c *fiber.Ctx, status int, campaign *campaigns.Campaign, p visitor.Page, choice admin.PreviewChoice) error {
	token, err := v.sealPreview(campaign.ID)
	if err != nil {
		return err
	}
	p.CSRF, p.Key = token, previewName
	style := url.Values{"preview": {token}}
	for name, value := range map[string]string{"font": choice.Font, "theme": choice.Theme} {
		if value != "" {
			style.Set(name, value)
		}
	}
	c.Set(fiber.HeaderContentSecurityPolicy, previewPolicy)
	// A sandboxed page may not ask for a group of its own.
	c.Response().Header.Del("Cross-Origin-Opener-Policy")
	c.SetUserContext(inLanguage(c.UserContext(), choice))
	if wantsMain(c) {
		return render(c, status, visitor.Main(p))
	}
	return render(c, status, visitor.PreviewDocument(p, "/c/"+url.PathEscape(string(campaign.Slug))+"/preview.css?"+style.Encode()))
}

// preview answers a link with a token: the page as the pickers left it. It reads one
// campaign and sets no cookie.
func (v *visitors) preview(c *fiber.Ctx, token string) error {
	campaign, err := v.previewed(c.UserContext(), slugOf(c), token)
	if err != nil {
		return v.previewOver(c, err)
	}
	choice := readPreview(c)
	return v.showPreview(c, fiber.StatusOK, campaign, v.sample(inLanguage(c.UserContext(), choice), campaign, choice), choice)
}

// previewOver says that the link is used up; every other error is passed on.
func (v *visitors) previewOver(c *fiber.Ctx, err error) error {
	if err != errPreviewOver {
		return err
	}
	page := visitor.Page{State: visitor.NotFound, Now: v.Campaigns.Now(), Sentence: i18n.T(c.UserContext(), errPreviewOver.Key)}
	return render(c, fiber.StatusNotFound, visitor.Document(page))
}

// previewTokenOf is what a write may carry instead of a visitor's token.
func previewTokenOf(c *fiber.Ctx) string { return cmp.Or(c.Query("preview"), tokenText(c)) }

// refusePreview answers a write that came from a preview: the page again, with a sentence.
func (v *visitors) refusePreview(c *fiber.Ctx, token string) error {
	campaign, err := v.previewed(c.UserContext(), slugOf(c), token)
	if err != nil {
		return v.previewOver(c, err)
	}
	var choice admin.PreviewChoice
	p := v.sample(c.UserContext(), campaign, choice)
	p.Notice = i18n.T(c.UserContext(), "preview.error.write")
	return v.showPreview(c, fiber.StatusForbidden, campaign, p, choice)
}

// previewStyle is the visitor's style sheets in one, for a chosen theme and size of text.
// A sandboxed page sends no cookies, so the token opens it.
func (v *visitors) previewStyle(c *fiber.Ctx) error {
	campaign, err := v.previewed(c.UserContext(), slugOf(c), c.Query("preview"))
	if err != nil {
		return err
	}
	choice := readPreview(c)
	css := styleFor(visitorStyles()+themeOf(campaign.Texts.Colour, campaign.Design), choice.Theme, choice.Font)
	c.Set(fiber.HeaderContentType, "text/css; charset=utf-8")
	c.Set(fiber.HeaderCacheControl, "private, max-age=1800")
	return c.SendString(css + string(styleSheet("preview.css")))
}

var visitorStyles = sync.OnceValue(func() string {
	return string(bytes.Join([][]byte{styleSheet("weui.min.css"), styleSheet("claim.css")}, []byte("\n")))
})

func styleSheet(name string) []byte {
	file, _ := assets.Find(name)
	return file.Body
}

var (
	darkQuery = regexp.MustCompile(`\(prefers-color-scheme:\s*dark\)`)
	fontSize  = regexp.MustCompile(`font-size:\s*([0-9.]+)px`)
	// fontScale is how much larger WeChat writes at its larger settings.
	fontScale = map[string]float64{"large": 1.2, "larger": 1.4}
)

// styleFor decides what the phone would: the theme, and the size of text, which WeChat
// scales alone.
func styleFor(css, theme, font string) string {
	switch theme {
	case "dark":
		css = darkQuery.ReplaceAllString(css, "(min-width:0)")
	case "light":
		css = darkQuery.ReplaceAllString(css, "(max-width:0)")
	}
	if scale := fontScale[font]; scale != 0 {
		css = fontSize.ReplaceAllStringFunc(css, func(rule string) string {
			size, err := strconv.ParseFloat(fontSize.FindStringSubmatch(rule)[1], 64)
			if err != nil {
				return rule
			}
			return fmt.Sprintf("font-size:%gpx", math.Round(size*scale*10)/10)
		})
	}
	return css
}
