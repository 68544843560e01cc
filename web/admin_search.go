package web

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// handleSearch finds whatever was typed: as a page, or as JSON for the palette. A page
// whose text names exactly one thing leads straight to it.
func (s *Server) handleSearch(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	found, err := s.Campaigns.Search(ctx, oneLine(c.Query("q"), 4*campaigns.MaxSearch))
	if err != nil {
		return err
	}
	m := &admin.Search{Text: found.Text, Groups: s.searchGroups(c, who, found)}
	if c.Accepts(fiber.MIMETextHTML, fiber.MIMEApplicationJSON) == fiber.MIMEApplicationJSON {
		c.Set(fiber.HeaderCacheControl, "no-store")
		return c.JSON(m)
	}
	if to := exactHit(found, who); to != "" && !isFragment(c) {
		return seeOther(c, to)
	}
	p := s.page(c, who, "", "shell.search.title")
	p.Search = found.Text
	return render(c, fiber.StatusOK, admin.SearchPage(p, m))
}

func exactHit(f *campaigns.Found, who *signedIn) string {
	switch {
	case f.Claim != 0 && who.can(people.ClaimsRead):
		return "/admin/claims/" + f.Claim.String()
	case f.Campaign != 0 && len(f.Campaigns) == 1:
		return "/admin/campaigns/" + f.Campaign.String()
	}
	return ""
}

// searchGroups are the results by kind. Persons are masked for everybody: the page behind
// a result decides what its reader may see.
func (s *Server) searchGroups(c *fiber.Ctx, who *signedIn, f *campaigns.Found) []admin.SearchGroup {
	ctx := c.UserContext()
	var groups []admin.SearchGroup
	add := func(kind, icon string, items []admin.SearchItem, more string) {
		if len(items) > 0 {
			groups = append(groups, admin.SearchGroup{Kind: kind, Title: i18n.T(ctx, "shell.search."+kind), Icon: icon, Items: items, More: more})
		}
	}
	if code := supportShape(f.Text); code != "" {
		item := admin.SearchItem{Title: code, Note: i18n.T(ctx, "shell.search.support_log", "code", code)}
		if seen, known := s.support.find(code); known {
			item.Note = i18n.T(ctx, "shell.search.support_seen", "where", seen.Where, "at", i18n.ShortTime(ctx, seen.At, campaigns.Shanghai()))
		}
		add("support", "alert", []admin.SearchItem{item}, "")
	}
	more := ""
	if f.Text != "" {
		more = admin.CampaignQuery{Search: f.Text, State: "all", Account: everyAccount}.URL("/admin/campaigns")
	}
	kind := "campaigns"
	if f.Text == "" {
		kind = "recent"
	}
	var items []admin.SearchItem
	for i := range f.Campaigns {
		o := &f.Campaigns[i]
		items = append(items, admin.SearchItem{
			Title: o.Name, Path: admin.CampaignPath(&o.Campaign),
			Note: i18n.T(ctx, "admin.campaign_state."+string(o.State(s.Campaigns.Now()))) + " · /c/" + string(o.Slug),
		})
	}
	add(kind, "campaigns", items, more)
	if who.can(people.ClaimsRead) {
		add("claims", "claims", claimItems(c, f.Claims), "")
		items = nil
		for i := range f.Visitors {
			v := &f.Visitors[i]
			item := admin.SearchItem{Title: ui.PersonName(v.Nickname, v.ID), Note: ui.ShortOpenID(string(v.OpenID)) + " · " + i18n.T(ctx, "shell.search.claims_of", "count", v.Claims)}
			if v.LastClaim != 0 {
				item.Path = "/admin/claims/" + v.LastClaim.String()
			}
			items = append(items, item)
		}
		add("visitors", "user", items, "")
	}
	items = nil
	for _, h := range f.Channels {
		items = append(items, admin.SearchItem{Title: h.Name, Note: h.CampaignName, Path: "/admin/campaigns/" + h.Campaign.String() + "/channel/" + h.Code})
	}
	add("channels", "qr", items, "")
	return groups
}

func claimItems(c *fiber.Ctx, rows []campaigns.ClaimRow) []admin.SearchItem {
	var items []admin.SearchItem
	for i := range rows {
		r := &rows[i]
		notes := []string{r.CampaignName, i18n.T(c.UserContext(), "admin.claim_state."+string(r.State))}
		if code := string(r.Code); len(code) >= 8 {
			notes = append(notes, "••••"+code[len(code)-4:])
		}
		items = append(items, admin.SearchItem{Title: ui.PersonName(r.Nickname, r.Visitor), Note: strings.Join(notes, " · "), Path: "/admin/claims/" + r.ID.String()})
	}
	return items
}
