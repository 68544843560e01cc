package web

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/views/admin"
)

func readRules(c *fiber.Ctx, f *admin.CampaignForm) {
	f.Rules = admin.RulesStep{
		PerPerson: typed(c, "per_person"), PerDay: typed(c, "per_day"), DayTotal: typed(c, "day_total"), ReleaseAt: typed(c, "release_at"),
		LowPercent: typed(c, "low_percent"), LowReaction: typed(c, "low_reaction"), Followers: c.FormValue("followers") != "",
		AllowList: typed(c, "allow_list"), BlockList: typed(c, "block_list"), OncePhone: c.FormValue("once_phone") != "",
		OncePlate: c.FormValue("once_plate") != "", Channels: typed(c, "channels"), Invitation: typed(c, "invitation"),
		InvitationCode: typed(c, "invitation_code"), InvitationList: typed(c, "invitation_list"),
	}
}

func draftRules(f *admin.CampaignForm, d *campaigns.Draft, problems *fault.List) {
	t := &f.Rules
	d.Limits.PerPerson = int(parseNumber(problems, "per_person", t.PerPerson, 0))
	d.Limits.PerDay = int(parseNumber(problems, "per_day", t.PerDay, 0))
	r := campaigns.Rules{
		Pool: d.Rules.Pool, DayTotal: parseNumber(problems, "day_total", t.DayTotal, 0), Followers: t.Followers,
		LowStock:  campaigns.LowStock{Percent: int(parseNumber(problems, "low_percent", t.LowPercent, 0)), Reaction: campaigns.LowReaction(t.LowReaction)},
		AllowList: campaigns.ListID(t.AllowList), BlockList: campaigns.ListID(t.BlockList),
		Invitation: campaigns.Invitation{Mode: campaigns.InvitationMode(t.Invitation), List: campaigns.ListID(t.InvitationList)},
	}
	r.Invitation.Code, _ = campaigns.NormalInvitation(t.InvitationCode)
	if t.ReleaseAt != "" {
		clock, err := time.Parse("15:04", t.ReleaseAt)
		if err != nil {
			*problems = append(*problems, fault.New(fault.Invalid, "rules.error.release").On("release_at"))
		}
		r.ReleaseMinute = clock.Hour()*60 + clock.Minute()
	}
	if t.OncePhone {
		r.Once = append(r.Once, campaigns.OncePhone)
	}
	if t.OncePlate {
		r.Once = append(r.Once, campaigns.OncePlate)
	}
	for _, code := range strings.FieldsFunc(t.Channels, func(c rune) bool { return strings.ContainsRune(" \n\t,，、;；", c) }) {
		if !slices.Contains(r.Channels, code) {
			r.Channels = append(r.Channels, code)
		}
	}
	r.Tidy(d.Issuer)
	d.Rules = r
}

func fillRules(d *campaigns.Draft, f *admin.CampaignForm) {
	r := &d.Rules
	f.Rules = admin.RulesStep{
		PerPerson: strconv.Itoa(d.Limits.PerPerson), PerDay: blankZero(d.Limits.PerDay), DayTotal: blankZero(int(r.DayTotal)),
		LowPercent: blankZero(r.LowStock.Percent), LowReaction: string(r.LowStock.Reaction), Followers: r.Followers,
		AllowList: string(r.AllowList), BlockList: string(r.BlockList), OncePhone: slices.Contains(r.Once, campaigns.OncePhone),
		OncePlate: slices.Contains(r.Once, campaigns.OncePlate), Channels: strings.Join(r.Channels, "\n"), Invitation: string(r.Invitation.Mode),
		InvitationCode: r.Invitation.Code, InvitationList: string(r.Invitation.List),
	}
	if r.DayTotal > 0 {
		f.Rules.ReleaseAt = r.ReleaseClock()
	}
}

// ruleChoices are the lists and pools that an editor can name.
func (s *Server) ruleChoices(ctx context.Context) (choices admin.RuleChoices, err error) {
	choices.Lists, err = ofAccounts(ctx, s, s.Campaigns.Lists, func(a, b campaigns.List) int { return strings.Compare(a.Name, b.Name) })
	if err != nil {
		return choices, err
	}
	choices.Pools, err = ofAccounts(ctx, s, s.Campaigns.Pools, func(a, b campaigns.Pool) int { return strings.Compare(a.Name, b.Name) })
	return choices, err
}
