package web

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/views/admin"
	"kaquan/wechat"
)

func readCard(c *fiber.Ctx, f *admin.CampaignForm) {
	f.Card = admin.CardStep{
		Account: typed(c, "account"), Name: typed(c, "name"), Slug: typed(c, "slug"), Benefit: typed(c, "benefit"), Brand: typed(c, "brand"),
		Issuer: typed(c, "issuer"), CardID: typed(c, "card_id"), Pool: typed(c, "pool"),
	}
}

func draftCard(f *admin.CampaignForm, d *campaigns.Draft, _ *fault.List) {
	d.Account, d.Name, d.Slug, d.Issuer = campaigns.AccountID(f.Card.Account), f.Card.Name, campaigns.Slug(f.Card.Slug), campaigns.Issuer(f.Card.Issuer)
	d.Texts.Benefit, d.Texts.Brand = f.Card.Benefit, f.Card.Brand
	d.CardID = ""
	if d.Issuer == campaigns.WeChatCard {
		d.CardID = wechat.CardID(f.Card.CardID)
	}
	d.Rules.Pool = ""
	if d.Issuer == campaigns.CodePool {
		d.Rules.Pool = campaigns.PoolID(f.Card.Pool)
	}
}

// pressCard takes a link that was offered instead of one that is taken.
func pressCard(f *admin.CampaignForm, op string) bool {
	slug, pressed := strings.CutPrefix(op, "slug-")
	if pressed {
		f.Card.Slug = slug
	}
	return pressed
}

// withSlug adds to the problems that another campaign than id has the draft's link. Without an
// answer it says nothing: saving finds out.
func (s *Server) withSlug(ctx context.Context, id campaigns.ID, d *campaigns.Draft, problems fault.List) fault.List {
	taken, err := s.Campaigns.SlugTaken(ctx, id, d.Slug)
	if err != nil {
		s.Log.Warn("look for a link", "err", err)
	}
	if !taken {
		return problems
	}
	return append(problems, campaigns.ErrSlugTaken.On("slug"))
}

// offeredSlugs are links that are free instead of one that is taken, none when it is not.
func (s *Server) offeredSlugs(ctx context.Context, form *admin.CampaignForm) ([]campaigns.Slug, error) {
	var id campaigns.ID
	if form.Campaign != nil {
		id = form.Campaign.ID
	}
	slug := campaigns.Slug(form.Card.Slug)
	taken, err := s.Campaigns.SlugTaken(ctx, id, slug)
	if err != nil || !taken {
		return nil, err
	}
	const offered = 2
	return s.Campaigns.FreeSlugs(ctx, slug, offered)
}

func fillCard(d *campaigns.Draft, f *admin.CampaignForm) {
	f.Card = admin.CardStep{
		Account: string(d.Account), Name: d.Name, Slug: string(d.Slug), Benefit: d.Texts.Benefit, Brand: d.Texts.Brand,
		Issuer: string(d.Issuer), CardID: string(d.CardID), Pool: string(d.Rules.Pool),
	}
}
