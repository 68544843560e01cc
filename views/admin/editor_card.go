package admin

import (
	"context"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/ui"
)

// CardStep is what is given away, and by whom.
type CardStep struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	Slug    string `json:"slug"`
	Benefit string `json:"benefit"`
	Brand   string `json:"brand"`
	Issuer  string `json:"issuer"`
	CardID  string `json:"card_id"`
	Pool    string `json:"pool"`
}

func issuerOptions(ctx context.Context) []ui.Option {
	return []ui.Option{
		{Value: string(campaigns.OwnCode), Label: i18n.T(ctx, "admin.issuer.own_code")},
		{Value: string(campaigns.WeChatCard), Label: i18n.T(ctx, "admin.issuer.wechat_card")},
		{Value: string(campaigns.CodePool), Label: i18n.T(ctx, "admin.issuer.code_pool")},
	}
}

// accountInput shows the account, which never changes once the campaign exists.
func (f *CampaignForm) accountInput(ctx context.Context) ui.Input {
	in := f.input(ctx, ui.Input{Name: "account", Value: f.Card.Account, Type: "select", Required: true, Options: f.Accounts})
	if f.Campaign != nil {
		in.Locked = i18n.T(ctx, "admin.campaign.account_locked")
	}
	return in
}
