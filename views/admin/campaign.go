package admin

import (
	"context"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/ui"
)

// CampaignView is the page of one campaign.
type CampaignView struct {
	Campaign *campaigns.Campaign
	Account  string // name of the official account
	Link     string
	QR       ui.QR
	CanWrite bool
	Channels []campaigns.ChannelStats // most claims first
	LowStock *campaigns.StockNote     // nil = enough is left
	Now      time.Time
	Reason   string // of a pause that was refused
	Errors   ui.Errors
}

// CampaignPath is the address of a campaign's page.
func CampaignPath(c *campaigns.Campaign) string { return "/admin/campaigns/" + c.ID.String() }

func claimsOf(c *campaigns.Campaign) string { return "/admin/claims?campaign=" + c.ID.String() }

// tabs are the states in the order of a campaign's life, all of them first.
var tabs = []campaigns.State{"", campaigns.Unpublished, campaigns.Scheduled, campaigns.Running, campaigns.Paused, campaigns.Ended, campaigns.Archived}

func tabKey(state campaigns.State) string {
	if state == "" {
		return "common.all"
	}
	return "admin.campaign_state." + string(state)
}

// since says why a campaign is in its state or until when.
func since(ctx context.Context, c *campaigns.Campaign, now time.Time) string {
	switch c.State(now) {
	case campaigns.Running:
		return i18n.T(ctx, "admin.campaign.since.running", "span", ui.Span(ctx, c.EndsAt.Sub(now)))
	case campaigns.Scheduled:
		return i18n.T(ctx, "admin.campaign.since.scheduled", "span", ui.Span(ctx, c.StartsAt.Sub(now)))
	case campaigns.Paused:
		return c.PauseReason
	}
	return ""
}

// day is a moment as a sentence holds it: 12月1日 10:00.
func day(ctx context.Context, t time.Time, zone *time.Location) string {
	if i18n.Lang(ctx) == i18n.EN {
		return t.In(zone).Format("2 Jan 15:04")
	}
	return t.In(zone).Format("1月2日 15:04")
}

// willPublish says what publishing will do at this moment.
func willPublish(ctx context.Context, c *campaigns.Campaign, now time.Time) string {
	switch {
	case !c.EndsAt.After(now):
		return i18n.T(ctx, "admin.publish.over")
	case c.StartsAt.After(now):
		return i18n.T(ctx, "admin.publish.later", "at", day(ctx, c.StartsAt, c.Zone))
	}
	return i18n.T(ctx, "admin.publish.now", "until", day(ctx, c.EndsAt, c.Zone))
}

// rules reads the limits as sentences.
func rules(ctx context.Context, c *campaigns.Campaign) string {
	comma, space := "、", ""
	if i18n.Lang(ctx) == i18n.EN {
		comma, space = ", ", " "
	}
	parts := []string{i18n.T(ctx, "admin.rules.per_person", "count", c.Limits.PerPerson)}
	if c.Limits.PerDay > 0 {
		parts = append(parts, i18n.T(ctx, "admin.rules.per_day", "count", c.Limits.PerDay))
	}
	parts = append(parts, i18n.T(ctx, "admin.rules.total", "total", i18n.Number(ctx, c.Stock.Total)))
	if len(c.Form) > 0 {
		var labels []string
		for _, field := range c.Form {
			labels = append(labels, field.Label)
		}
		parts = append(parts, i18n.T(ctx, "admin.rules.form", "fields", strings.Join(labels, comma)))
	}
	return strings.Join(parts, space)
}

// actions are what the state allows.
func (v CampaignView) canPublish() bool { return v.Campaign.Status == campaigns.StatusDraft }

func (v CampaignView) canPause() bool {
	s := v.Campaign.State(v.Now)
	return s == campaigns.Running || s == campaigns.Scheduled
}

func (v CampaignView) canResume() bool { return v.Campaign.State(v.Now) == campaigns.Paused }

func (v CampaignView) canEnd() bool { return v.canPause() || v.canResume() }

func (v CampaignView) canArchive() bool {
	s := v.Campaign.State(v.Now)
	return s == campaigns.Ended || s == campaigns.Unpublished
}

func editable(c *campaigns.Campaign) bool {
	return c.Status != campaigns.StatusEnded && c.Status != campaigns.StatusArchived
}

// linkHint says whether the link already works.
func linkHint(ctx context.Context, v CampaignView) string {
	switch v.Campaign.State(v.Now) {
	case campaigns.Unpublished, campaigns.Archived:
		return i18n.T(ctx, "admin.campaign.link_closed")
	}
	return i18n.T(ctx, "admin.campaign.link_hint")
}
