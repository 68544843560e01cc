package web

import (
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/admin"
)

// shownVersions is how many versions the page shows.
const shownVersions = 100

// handleVersions lists who changed a campaign, and what.
func (s *Server) handleVersions(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	list, err := s.Campaigns.Versions(c.UserContext(), campaign.ID, shownVersions+1)
	if err != nil {
		return err
	}
	var changes []campaigns.Change
	v := admin.VersionList{Campaign: campaign, CanWrite: who.can(people.CampaignsWrite)}
	for i, each := range list {
		if i == shownVersions {
			break
		}
		row := admin.VersionRow{Version: each, First: i+1 == len(list)}
		if !row.First {
			row.Changes = campaigns.Diff(list[i+1].Draft, each.Draft)
			changes = append(changes, row.Changes...)
		}
		v.Rows = append(v.Rows, row)
	}
	if v.Names, err = s.namesOf(c.UserContext(), changes...); err != nil {
		return err
	}
	return render(c, fiber.StatusOK, admin.VersionsPage(s.page(c, who, "campaigns", "editor.versions.title"), &v))
}

// versionNumber is the version that the path names.
func versionNumber(c *fiber.Ctx) (int64, error) {
	n, err := strconv.ParseInt(c.Params("v"), 10, 64)
	if err != nil || n < 1 {
		return 0, campaigns.ErrVersionNotFound
	}
	return n, nil
}

// handleVersionRestore writes an earlier version over the campaign. What visitors rely on
// stays, and the message names it.
func (s *Server) handleVersionRestore(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	number, err := versionNumber(c)
	if err != nil {
		return err
	}
	seen, err := strconv.ParseInt(c.FormValue("seen"), 10, 64)
	if err != nil {
		return campaigns.ErrEditConflict
	}
	ctx := c.UserContext()
	_, kept, err := s.Campaigns.Restore(ctx, who.actor(c), campaign.ID, number, seen)
	if err != nil {
		return s.refused(c, campaign, err)
	}
	var labels []string
	for _, field := range kept {
		labels = append(labels, admin.FieldLabel(ctx, field))
	}
	if len(labels) > 0 {
		s.flash(c, "warning", "editor.versions.restored_but", "version", number, "fields", strings.Join(labels, " · "))
	} else {
		s.flash(c, "success", "editor.versions.restored", "version", number)
	}
	return seeOther(c, admin.VersionsPath(campaign))
}

// handleVersionCopy makes a new draft from an earlier version.
func (s *Server) handleVersionCopy(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	number, err := versionNumber(c)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	suffix := i18n.T(ctx, "editor.versions.suffix", "version", number)
	if i18n.Lang(ctx) == i18n.EN {
		suffix = " " + suffix
	}
	created, err := s.Campaigns.RestoreNew(ctx, who.actor(c), campaign.ID, number, suffix)
	if err != nil {
		return s.refused(c, campaign, err)
	}
	s.flash(c, "success", "admin.campaign.done.copy")
	return seeOther(c, admin.EditPath(created, ""))
}
