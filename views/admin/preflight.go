package admin

import (
	"context"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/ui"
)

// Preflight is the page between a draft and its publication.
type Preflight struct {
	Campaign *campaigns.Campaign
	Checks   []campaigns.Check
	Now      time.Time
	Reason   string // that was refused
	Errors   ui.Errors
}

// PreflightPath is the address of a campaign's preflight.
func PreflightPath(c *campaigns.Campaign) string { return CampaignPath(c) + "/preflight" }

func (m *Preflight) count(level campaigns.CheckLevel) (n int) {
	for _, c := range m.Checks {
		if c.Level == level {
			n++
		}
	}
	return n
}

// summary is the outcome in one sentence.
func (m *Preflight) summary(ctx context.Context) string {
	blocked, warned := m.count(campaigns.CheckBlock), m.count(campaigns.CheckWarn)
	switch {
	case blocked > 0:
		return i18n.T(ctx, "preflight.summary.block", "count", blocked)
	case warned > 0:
		return i18n.T(ctx, "preflight.summary.warn", "count", warned)
	}
	return i18n.T(ctx, "preflight.summary.ok")
}

var preflightAlert = map[bool]string{true: "alert alert-danger", false: "alert alert-warning"}

// levelIcon draws the level; the word for it is beside it for those who do not see it.
var levelIcon = map[campaigns.CheckLevel]string{
	campaigns.CheckOK: "check", campaigns.CheckAdvice: "info", campaigns.CheckWarn: "alert", campaigns.CheckBlock: "close",
}

func checkTitle(ctx context.Context, c campaigns.Check) string {
	if c.Place == campaigns.PlaceHealth {
		return i18n.T(ctx, "doctor.check."+c.Name)
	}
	return i18n.T(ctx, "preflight.check."+c.Name)
}

// checkWords is the sentence of a check, with its times and numbers as people write them.
func (m *Preflight) checkWords(ctx context.Context, c campaigns.Check) string {
	args := make(map[string]any, len(c.Args))
	for name, value := range c.Args {
		switch v := value.(type) {
		case time.Time:
			args[name] = i18n.DateTime(ctx, v, m.Campaign.Zone)
		case int64:
			args[name] = i18n.Number(ctx, v)
		default:
			args[name] = value
		}
	}
	return i18n.TArgs(ctx, c.Key, args)
}

// fix is where the check is put right, and the word for going there.
func (m *Preflight) fix(ctx context.Context, c campaigns.Check) (path, label string) {
	switch {
	case c.Place == campaigns.PlaceHealth:
		return "/admin/health", i18n.T(ctx, "preflight.fix.health")
	case c.Place == campaigns.PlaceCards:
		return "/admin/cards?account=" + string(m.Campaign.Account), i18n.T(ctx, "preflight.fix.cards")
	case c.Place == campaigns.PlacePay:
		return PayPath(m.Campaign.Account), i18n.T(ctx, "preflight.fix.pay")
	case c.Place == campaigns.PlacePreview:
		return PreviewPath(m.Campaign) + "#phone", i18n.T(ctx, "preflight.fix.preview")
	case c.Level == campaigns.CheckOK:
		return editField(m.Campaign, c.Field), i18n.T(ctx, "preflight.fix.look")
	case c.Field == "form":
		return EditPath(m.Campaign, "form"), i18n.T(ctx, "preflight.fix.edit")
	}
	return editField(m.Campaign, c.Field), i18n.T(ctx, "preflight.fix.edit")
}
