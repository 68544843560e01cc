package campaigns

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"kaquan/fault"
	"kaquan/wechat"
)

// Draft is a campaign as the editor sends it: parsed, not yet checked. The same struct
// creates and edits; Version is the one the editor read, 0 for a new campaign.
type Draft struct {
	Account    AccountID
	Slug       Slug
	Name       string
	StartsAt   time.Time
	EndsAt     time.Time
	ValidUntil time.Time
	Zone       *time.Location
	Total      int64
	Limits     Limits
	Hold       time.Duration
	Issuer     Issuer
	CardID     wechat.CardID
	Form       Form
	Texts      Texts
	Share      Share
	Rules      Rules
	Design     Design
	Redeeming  Redeeming
	Notices    Notices
	Price      Price
	Version    int64
}

var (
	slugPattern   = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$`)
	keyPattern    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,29}$`)
	colourPattern = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	cardPattern   = regexp.MustCompile(`^[0-9A-Za-z_-]{6,64}$`)
)

// MaxTotal is the largest stock: WeChat's own bound for sku.quantity.
const MaxTotal = 100_000_000

// Check validates a draft by itself and returns every problem, each on its field:
// name, slug, starts_at, ends_at, valid_until, total, per_person, per_day, hold,
// issuer, card_id, form, question-N, benefit, brand, intro, terms, purpose, contact, colour,
// share_title, share_desc, share_image.
func (d *Draft) Check() error {
	var problems fault.List
	bad := func(field, key string, args ...any) {
		problems = append(problems, fault.New(fault.Invalid, key, args...).On(field))
	}
	text := func(field, value string, limit int, required bool) {
		n := utf8.RuneCountInString(value)
		switch {
		case required && strings.TrimSpace(value) == "":
			bad(field, "campaign.error.required")
		case n > limit:
			bad(field, "campaign.error.too_long", "max", limit, "count", n)
		case strings.TrimSpace(value) != "" && cleanLine(strings.ReplaceAll(value, "\n", "")) != strings.ReplaceAll(value, "\n", ""):
			bad(field, "campaign.error.characters")
		}
	}
	text("name", d.Name, 60, true)
	if !slugPattern.MatchString(string(d.Slug)) {
		bad("slug", "campaign.error.slug")
	}
	switch {
	case d.StartsAt.IsZero():
		bad("starts_at", "campaign.error.required")
	case d.EndsAt.IsZero():
		bad("ends_at", "campaign.error.required")
	case !d.EndsAt.After(d.StartsAt):
		bad("ends_at", "campaign.error.ends_before_start")
	case !d.ValidUntil.IsZero() && d.ValidUntil.Before(d.EndsAt):
		bad("valid_until", "campaign.error.valid_before_end")
	}
	if d.Total < 1 || d.Total > MaxTotal {
		bad("total", "campaign.error.total", "max", MaxTotal)
	}
	if d.Limits.PerPerson < 1 || d.Limits.PerPerson > 100 {
		bad("per_person", "campaign.error.range", "min", 1, "max", 100)
	}
	if d.Limits.PerDay < 0 || d.Limits.PerDay > 100 {
		bad("per_day", "campaign.error.range", "min", 0, "max", 100)
	}
	if d.Hold < 30*time.Second || d.Hold > time.Hour {
		bad("hold", "campaign.error.range", "min", 30, "max", 3600)
	}
	switch d.Issuer {
	case OwnCode, CodePool:
	case WeChatCard:
		if !cardPattern.MatchString(string(d.CardID)) {
			bad("card_id", "campaign.error.card_id")
		}
	default:
		bad("issuer", "campaign.error.issuer")
	}
	if d.Issuer == WeChatCard && d.Price.Fen > 0 { // whether it arrives is up to the visitor and to WeChat
		bad("price", "campaign.error.price_wechat")
	}
	text("benefit", d.Texts.Benefit, 24, true)
	text("brand", d.Texts.Brand, 24, true)
	text("intro", d.Texts.Intro, 200, false)
	text("terms", d.Texts.Terms, 4000, false)
	text("purpose", d.Texts.Purpose, 60, len(d.Form) > 0)
	text("contact", d.Texts.Contact, 60, false)
	if d.Texts.Colour != "" && !colourPattern.MatchString(d.Texts.Colour) {
		bad("colour", "campaign.error.colour")
	}
	text("share_title", d.Share.Title, 40, false)
	text("share_desc", d.Share.Desc, 60, false)
	if d.Share.Image != "" && !absoluteImage(d.Share.Image) {
		bad("share_image", "campaign.error.share_image")
	}
	problems = slices.Concat(problems, d.Form.problems(), d.Rules.problems(), d.Rules.fit(d), d.Design.problems(), d.Design.fit(d), d.Redeeming.problems(),
		d.Notices.problems(), d.Price.problems())
	return problems.OrNil()
}

func absoluteImage(address string) bool {
	u, err := url.Parse(address)
	return err == nil && len(address) <= 500 && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

// apply writes a checked draft into c. What visitors were promised stays: after
// publication the slug, the issuer and the card do not change.
func (d *Draft) apply(c *Campaign) error {
	if c.Status != StatusDraft {
		var problems fault.List
		locked := func(field string, changed bool) {
			if changed {
				problems = append(problems, fault.New(fault.Invalid, "campaign.error.locked").On(field))
			}
		}
		locked("slug", d.Slug != c.Slug)
		locked("issuer", d.Issuer != c.Issuer)
		locked("card_id", d.CardID != c.CardID)
		locked("price", d.Price.Fen != c.Price.Fen)
		locked("pool", d.Rules.Pool != c.Rules.Pool)
		if d.Total < c.Stock.Issued() {
			problems = append(problems, fault.New(fault.Invalid, "campaign.error.total_below_issued", "issued", c.Stock.Issued()).On("total"))
		}
		if shortens(c, d.ValidUntil) {
			problems = append(problems, fault.New(fault.Invalid, "editor.error.valid_shorter").On("valid_until"))
		}
		if len(problems) > 0 {
			return problems
		}
	}
	d.write(c)
	return nil
}

// write sets everything that a draft says.
func (d *Draft) write(c *Campaign) {
	c.Slug, c.Name = d.Slug, strings.TrimSpace(d.Name)
	c.StartsAt, c.EndsAt, c.ValidUntil, c.Zone = d.StartsAt, d.EndsAt, d.ValidUntil, d.Zone
	c.Stock.Total, c.Limits, c.Hold = d.Total, d.Limits, d.Hold
	c.Issuer, c.CardID = d.Issuer, d.CardID
	c.Form, c.Texts, c.Share = d.Form, d.Texts, d.Share
	c.Rules, c.Design, c.Redeeming, c.Notices, c.Price = d.Rules, d.Design, d.Redeeming, d.Notices, d.Price
}

// DraftOf is the draft that would leave c as it is: what the editor starts from.
func DraftOf(c *Campaign) Draft {
	return Draft{
		Account: c.Account, Slug: c.Slug, Name: c.Name,
		StartsAt: c.StartsAt, EndsAt: c.EndsAt, ValidUntil: c.ValidUntil, Zone: c.Zone,
		Total: c.Stock.Total, Limits: c.Limits, Hold: c.Hold, Issuer: c.Issuer, CardID: c.CardID,
		Form: c.Form, Texts: c.Texts, Share: c.Share, Rules: c.Rules, Design: c.Design, Redeeming: c.Redeeming,
		Notices: c.Notices, Price: c.Price, Version: c.Version,
	}
}
