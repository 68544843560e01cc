package web

import (
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

func fillCard(d *campaigns.Draft, f *admin.CampaignForm) {
	f.Card = admin.CardStep{
		Account: string(d.Account), Name: d.Name, Slug: string(d.Slug), Benefit: d.Texts.Benefit, Brand: d.Texts.Brand,
		Issuer: string(d.Issuer), CardID: string(d.CardID), Pool: string(d.Rules.Pool),
	}
}
