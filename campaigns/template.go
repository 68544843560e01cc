package campaigns

import (
	"context"
	"slices"
	"strings"
	"time"

	"kaquan/fault"
	"kaquan/wechat"
)

// Template is a campaign without its dates, its link and its account: what a new one can
// start from. ID is empty until it is stored.
type Template struct {
	ID        string    `json:"-"`
	Name      string    `json:"-"`
	Account   AccountID `json:"-"` // "" = any; a WeChat card belongs to one account
	CreatedAt time.Time `json:"-"`

	Length   time.Duration `json:"length"`          // from start to end
	Validity time.Duration `json:"valid,omitempty"` // from the end to the last use of the card; 0 = none named
	Total    int64         `json:"total"`
	Limits   Limits        `json:"limits"`
	Hold     time.Duration `json:"hold"`
	Issuer   Issuer        `json:"issuer"`
	CardID   wechat.CardID `json:"card_id,omitempty"`
	Form     Form          `json:"form,omitempty"`
	Texts    Texts         `json:"texts"`
	Share    Share         `json:"share"`

	Rules     Rules     `json:"rules"`
	Design    Design    `json:"design"`
	Redeeming Redeeming `json:"redeeming"`
	Notices   Notices   `json:"notices"`
	Price     Price     `json:"price"`
}

// MaxTemplates is how many templates can be kept.
const MaxTemplates = 50

// The refusals of templates.
var (
	ErrTemplateNotFound = fault.New(fault.NotFound, "template.error.not_found")
	ErrTemplateTaken    = fault.New(fault.Invalid, "template.error.taken")
	ErrTemplatesFull    = fault.New(fault.Conflict, "template.error.full", "max", MaxTemplates)
)

// Templates is what the store does with templates, and with drafts that are given up.
type Templates interface {
	// SaveTemplate stores a new one. ErrTemplateTaken when the name exists,
	// ErrTemplatesFull.
	SaveTemplate(ctx context.Context, t Template, audit Audit) error
	// Templates lists them by name.
	Templates(ctx context.Context) ([]Template, error)
	// DeleteTemplate forgets one; a repeat is safe.
	DeleteTemplate(ctx context.Context, id string, audit Audit) error
	// DeleteDraft removes a campaign that was never published and has no claims, guarded
	// by the statement (ErrWrongState). ErrCampaignNotFound.
	DeleteDraft(ctx context.Context, id ID, audit Audit) error
}

// TemplateOf is the template that a campaign makes.
func TemplateOf(c *Campaign) Template {
	t := Template{
		Account: c.Account, Name: c.Name, Length: c.EndsAt.Sub(c.StartsAt), Total: c.Stock.Total, Limits: c.Limits, Hold: c.Hold,
		Issuer: c.Issuer, CardID: c.CardID, Form: c.Form, Texts: c.Texts, Share: c.Share,
		Rules: c.Rules, Design: c.Design, Redeeming: c.Redeeming, Notices: c.Notices, Price: c.Price,
	}
	if !c.ValidUntil.IsZero() {
		t.Validity = c.ValidUntil.Sub(c.EndsAt)
	}
	return t
}

// Fill writes the template over a draft, which keeps its account, link, start and zone,
// and its brand and purpose where the template names none.
func (t Template) Fill(d *Draft) {
	d.Name, d.Total, d.Limits, d.Hold, d.Issuer, d.CardID = t.Name, t.Total, t.Limits, t.Hold, t.Issuer, t.CardID
	d.Form, d.Share = slices.Clone(t.Form), t.Share
	d.Rules, d.Design, d.Redeeming, d.Notices, d.Price = t.Rules, t.Design, t.Redeeming, t.Notices, t.Price
	brand, purpose := d.Texts.Brand, d.Texts.Purpose
	d.Texts = t.Texts
	if d.Texts.Brand == "" {
		d.Texts.Brand = brand
	}
	if d.Texts.Purpose == "" {
		d.Texts.Purpose = purpose
	}
	d.EndsAt, d.ValidUntil = d.StartsAt.Add(t.Length), time.Time{}
	if t.Validity > 0 {
		d.ValidUntil = d.EndsAt.Add(t.Validity)
	}
}

// SampleTemplates are those that come with the program. They are in Chinese, as the
// pages that visitors read are.
func SampleTemplates() []Template {
	const (
		day   = 24 * time.Hour
		terms = "1. 每人限领次数以本页说明为准，领完即止。\n2. 请在有效期内使用，过期作废。\n"
	)
	return []Template{
		{
			ID: "discount", Name: "满 100 减 20 元券", Length: 7 * day, Validity: 23 * day, Total: 1000, Limits: Limits{PerPerson: 1}, Hold: 3 * time.Minute, Issuer: OwnCode,
			Texts: Texts{
				Benefit: "满 100 元减 20 元", Intro: "全场满 100 元可用，到店付款时出示。",
				Terms: terms + "3. 单笔消费满 100 元可用一张，不可叠加，不找零。\n4. 特价商品除外，以门店公示为准。", ShowStock: true,
			},
			Share: Share{Title: "送你一张满 100 减 20", Desc: "先到先得，领完即止"},
		},
		{
			ID: "pair", Name: "买一赠一", Length: 3 * day, Validity: 4 * day, Total: 500, Limits: Limits{PerPerson: 2, PerDay: 1}, Hold: 2 * time.Minute, Issuer: OwnCode,
			Texts: Texts{
				Benefit: "指定饮品买一赠一", Intro: "约上朋友一起来：买一杯，再送一杯同款。",
				Terms: terms + "3. 赠品为同款同规格，以价低者为赠。\n4. 每天限领一张，每张限用一次。", ShowStock: true,
			},
			Share: Share{Title: "买一杯送一杯，一起来", Desc: "每天限领一张"},
		},
		{
			ID: "gift", Name: "到店礼", Length: 14 * day, Total: 300, Limits: Limits{PerPerson: 1}, Hold: 3 * time.Minute, Issuer: OwnCode,
			Form: Form{
				{Key: "name", Kind: TextField, Label: "姓名", Required: true},
				{Key: "phone", Kind: MobileField, Label: "手机号", Help: "到店领取时核对", Required: true},
			},
			Texts: Texts{
				Benefit: "到店领精美礼品一份", Intro: "留下姓名和手机号，到店出示券码即可领取。", Purpose: "到店领取礼品时核对身份",
				Terms: terms + "3. 到店出示券码，核对手机号后领取，每人一份。\n4. 礼品以到店实物为准，数量有限。",
			},
			Share: Share{Title: "到店就送一份礼", Desc: "名额有限，先领先得"},
		},
	}
}

// SaveTemplate keeps a campaign under a name as something to start from; problems come
// back on "template_name".
func (s *Service) SaveTemplate(ctx context.Context, actor Actor, id ID, name string) error {
	const field = "template_name"
	name = strings.TrimSpace(cleanLine(name))
	if n := len([]rune(name)); n == 0 {
		return fault.New(fault.Invalid, "campaign.error.required").On(field)
	} else if n > 60 {
		return fault.New(fault.Invalid, "campaign.error.too_long", "max", 60, "count", n).On(field)
	}
	c, err := s.store.CampaignByID(ctx, id)
	if err != nil {
		return err
	}
	now := s.now().UTC()
	t := TemplateOf(c)
	t.ID, t.Name, t.CreatedAt = ID(s.ids.next(now)).String(), name, now
	return onField(s.store.SaveTemplate(ctx, t, s.audit(actor, "template.save", now, map[string]any{"name": name, "campaign": id.String()})), ErrTemplateTaken, field)
}

// Templates lists the stored ones by name.
func (s *Service) Templates(ctx context.Context) ([]Template, error) { return s.store.Templates(ctx) }

// Template finds a sample or a stored one; ErrTemplateNotFound otherwise.
func (s *Service) Template(ctx context.Context, id string) (Template, error) {
	stored, err := s.store.Templates(ctx)
	if err != nil {
		return Template{}, err
	}
	for _, t := range append(SampleTemplates(), stored...) {
		if t.ID == id {
			return t, nil
		}
	}
	return Template{}, ErrTemplateNotFound
}

// DeleteTemplate forgets a stored template; campaigns made from it stay. A repeat is safe.
func (s *Service) DeleteTemplate(ctx context.Context, actor Actor, id string) error {
	return s.store.DeleteTemplate(ctx, id, s.audit(actor, "template.delete", s.now().UTC(), nil))
}

// DeleteDraft removes a campaign that was never published (ErrWrongState otherwise). What
// is left of it is the audit.
func (s *Service) DeleteDraft(ctx context.Context, actor Actor, id ID) error {
	c, err := s.store.CampaignByID(ctx, id)
	if err != nil {
		return err
	}
	return s.store.DeleteDraft(ctx, id, s.audit(actor, "campaign.delete", s.now().UTC(), map[string]any{"name": c.Name, "slug": c.Slug}))
}
