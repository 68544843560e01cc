package admin

import (
	"context"
	"strconv"
	"strings"

	"kaquan/campaigns"
	"kaquan/i18n"
)

// forgets says when the answers of a campaign are deleted, a line for each moment.
func (v CampaignView) forgets(ctx context.Context) []string {
	comma := "、"
	if i18n.Lang(ctx) == i18n.EN {
		comma = ", "
	}
	labels := map[string]string{}
	for _, f := range v.Campaign.Form {
		labels[f.Key] = f.Label
	}
	keeping := v.kept()
	lines := make([]string, 0, len(keeping))
	for _, k := range keeping {
		names := make([]string, 0, len(k.Keys))
		for _, key := range k.Keys {
			names = append(names, labels[key])
		}
		fields := strings.Join(names, comma)
		if len(keeping) == 1 {
			fields = i18n.T(ctx, "retention.all")
		}
		key := "retention.until"
		if v.Campaign.Status != campaigns.StatusDraft && !v.Now.Before(k.Until) {
			key = "retention.done"
		}
		lines = append(lines, i18n.T(ctx, key, "at", i18n.DateTime(ctx, k.Until, v.Campaign.Zone), "fields", fields))
	}
	return lines
}

// forgetHint says where the moments come from.
func (v CampaignView) forgetHint(ctx context.Context) string {
	var days []string
	for _, k := range v.kept() {
		days = append(days, strconv.Itoa(k.Days))
	}
	return i18n.T(ctx, "retention.hint", "days", strings.Join(days, " / "))
}

// kept are the moments at which an answer of the form as it is goes.
func (v CampaignView) kept() []campaigns.Kept {
	var list []campaigns.Kept
	for _, k := range v.Campaign.Keeping() {
		if len(k.Keys) > 0 {
			list = append(list, k)
		}
	}
	return list
}
