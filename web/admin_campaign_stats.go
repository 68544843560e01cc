package web

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/sheets"
)

// maxStatsIDs is how many chosen campaigns an address names; beyond that it is the filter.
const maxStatsIDs = 100

// statsPath is the address of the numbers of the chosen campaigns as a file.
func (s *Server) statsPath(c *fiber.Ctx, format string, ids []campaigns.ID) string {
	q, _ := url.ParseQuery(readQuery(c.FormValue("match")).Saved())
	if c.FormValue("all") != "1" && len(ids) > 0 && len(ids) <= maxStatsIDs {
		names := make([]string, len(ids))
		for i, id := range ids {
			names[i] = id.String()
		}
		q = url.Values{"ids": {strings.Join(names, ".")}, "state": {"all"}}
	}
	path := "/admin/campaigns." + format
	if text := q.Encode(); text != "" {
		path += "?" + text
	}
	return path
}

// handleCampaignStats sends the list's numbers as an xlsx or csv file. Nothing in it is
// about a person.
func (s *Server) handleCampaignStats(format string) adminHandler {
	return func(c *fiber.Ctx, who *signedIn) error {
		rows, err := s.statsRows(c)
		if err != nil {
			return err
		}
		ctx := c.UserContext()
		var file bytes.Buffer
		if _, err := sheets.Campaigns(ctx, &file, rows, sheets.CampaignSheet{Created: s.Now(), CSV: format == "csv"}); err != nil {
			return err
		}
		if err := s.People.Record(ctx, who.Person, s.clientIP(c), "campaigns.export", "campaign", "", map[string]any{"rows": len(rows), "format": format}); err != nil {
			return err
		}
		name := i18n.T(ctx, "shell.stats.file", "stamp", s.Now().In(campaigns.Shanghai()).Format("20060102_1504"))
		asSheet(c, "campaigns."+format, name+"."+format)
		if format == "csv" {
			c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
		}
		return c.Send(file.Bytes())
	}
}

// statsRows are the campaigns of the address: those it names, or those of its filter.
func (s *Server) statsRows(c *fiber.Ctx) ([]campaigns.Overview, error) {
	filter := listFilter(campaignQuery(c.Query))
	filter.Page, filter.Size = 0, 0
	page, err := s.Campaigns.Overview(c.UserContext(), filter)
	if err != nil || c.Query("ids") == "" {
		if err != nil {
			return nil, err
		}
		return page.Rows, nil
	}
	wanted := map[campaigns.ID]bool{}
	for _, name := range strings.Split(c.Query("ids"), ".") {
		wanted[campaigns.ParseID[campaigns.ID](name)] = true
	}
	rows := page.Rows
	filter.State = campaigns.Archived // the list hides them; a chosen one counts
	archived, err := s.Campaigns.Overview(c.UserContext(), filter)
	if err != nil {
		return nil, err
	}
	var mine []campaigns.Overview
	for _, o := range append(rows, archived.Rows...) {
		if wanted[o.ID] {
			mine = append(mine, o)
		}
	}
	return mine, nil
}
