package admin

import (
	"context"
	"strconv"

	"kaquan/campaigns"
	"kaquan/i18n"
)

// VersionList is who changed a campaign, and what, newest first.
type VersionList struct {
	Campaign *campaigns.Campaign
	Rows     []VersionRow
	Names    Names // of what the changes name
	CanWrite bool
}

// VersionRow is a version with what it changed.
type VersionRow struct {
	campaigns.Version
	Changes []campaigns.Change
	First   bool // nothing before it is known
}

// VersionsPath is the address of a campaign's versions.
func VersionsPath(c *campaigns.Campaign) string { return CampaignPath(c) + "/versions" }

func (v *VersionList) path(r *VersionRow, verb string) string {
	return VersionsPath(v.Campaign) + "/" + strconv.FormatInt(r.Number, 10) + "/" + verb
}

// open is whether the campaign can still be edited.
func (v *VersionList) open() bool { return v.CanWrite && editable(v.Campaign) }

// what is the sentence about a version.
func (r *VersionRow) what(ctx context.Context) string {
	action := r.Action
	if action == campaigns.AutosaveAction {
		action = "campaign.edit"
	}
	key := "editor.versions." + action
	if !i18n.Has(key) {
		key = "editor.versions.campaign.edit"
	}
	return i18n.T(ctx, key, "note", r.Note)
}

func (r *VersionRow) by(ctx context.Context) string {
	if r.Actor.Name == "" {
		return i18n.T(ctx, "editor.versions.unknown")
	}
	return r.Actor.Name
}

func (r *VersionRow) id() string { return "version-" + strconv.FormatInt(r.Number, 10) }
