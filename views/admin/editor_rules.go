package admin

import (
	"context"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/ui"
)

// RulesStep is who may claim, and how much.
type RulesStep struct {
	PerPerson      string `json:"per_person"`
	PerDay         string `json:"per_day"`
	DayTotal       string `json:"day_total"`
	ReleaseAt      string `json:"release_at"` // 10:00, in the campaign's zone
	LowPercent     string `json:"low_percent"`
	LowReaction    string `json:"low_reaction"`
	Followers      bool   `json:"followers"`
	AllowList      string `json:"allow_list"`
	BlockList      string `json:"block_list"`
	OncePhone      bool   `json:"once_phone"`
	OncePlate      bool   `json:"once_plate"`
	Channels       string `json:"channels"` // codes, one per line
	Invitation     string `json:"invitation"`
	InvitationCode string `json:"invitation_code"`
	InvitationList string `json:"invitation_list"`
}

// RuleChoices are what the rules can name.
type RuleChoices struct {
	Lists []campaigns.List
	Pools []campaigns.Pool
}

// lists offers the lists of people, or those of invitation codes, of the form's account. One
// that is chosen stays on offer.
func (f *CampaignForm) lists(ctx context.Context, codes bool, chosen string) []ui.Option {
	options := []ui.Option{{Label: i18n.T(ctx, "rules.no_list")}}
	for _, l := range f.Choices.Lists {
		fits := (l.Kind == campaigns.ListCode) == codes && string(l.Account) == f.Card.Account
		if fits || string(l.ID) == chosen {
			options = append(options, ui.Option{Value: string(l.ID), Label: i18n.T(ctx, "rules.list", "name", l.Name, "kind", i18n.T(ctx, "lists.kind."+string(l.Kind)), "count", i18n.Number(ctx, l.Rows))})
		}
	}
	return options
}

// pools offers the pools of the form's account.
func (f *CampaignForm) pools(ctx context.Context) []ui.Option {
	options := []ui.Option{{Label: i18n.T(ctx, "rules.no_pool")}}
	for i := range f.Choices.Pools {
		p := &f.Choices.Pools[i]
		if string(p.Account) == f.Card.Account || f.Campaign == nil || string(p.ID) == f.Card.Pool {
			options = append(options, ui.Option{Value: string(p.ID), Label: i18n.T(ctx, "rules.pool", "name", p.Name, "left", i18n.Number(ctx, p.Left()))})
		}
	}
	return options
}

func lowReactions(ctx context.Context) []ui.Option {
	return []ui.Option{
		{Value: string(campaigns.LowRemind), Label: i18n.T(ctx, "rules.low.remind")},
		{Value: string(campaigns.LowPause), Label: i18n.T(ctx, "rules.low.pause")},
	}
}

func invitationModes(ctx context.Context) []ui.Option {
	return []ui.Option{
		{Value: string(campaigns.NoInvitation), Label: i18n.T(ctx, "rules.invitation.none")},
		{Value: string(campaigns.SharedInvitation), Label: i18n.T(ctx, "rules.invitation.shared")},
		{Value: string(campaigns.ListInvitation), Label: i18n.T(ctx, "rules.invitation.list")},
	}
}
