package web

import (
	"context"
	"errors"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// shownExports is how many exports the page lists.
const shownExports = 100

// handleExports lists the exports of everybody; with ?new it also asks whether a large one
// shall be made.
func (s *Server) handleExports(c *fiber.Ctx, who *signedIn) error {
	m := &admin.ExportsView{Asked: c.Context().QueryArgs().Has("new"), Format: string(campaigns.ExportXLSX), Errors: ui.Errors{}}
	return s.showExports(c, who, fiber.StatusOK, m)
}

func (s *Server) showExports(c *fiber.Ctx, who *signedIn, status int, m *admin.ExportsView) error {
	ctx := c.UserContext()
	list, err := s.Campaigns.RecentExports(ctx, shownExports)
	if err != nil {
		return err
	}
	all, err := s.allCampaigns(ctx)
	if err != nil {
		return err
	}
	names := map[campaigns.ID]string{}
	for _, one := range all {
		names[one.ID] = one.Name
	}
	for _, e := range list {
		r := admin.ExportRow{Export: e, Campaign: names[e.Filter.Campaign]}
		r.CanTake = e.State == campaigns.ExportReady && s.Now().Before(e.ExpiresAt) && mayTake(who, &e)
		m.Rows = append(m.Rows, r)
	}
	if m.Asked {
		m.Query = claimQuery(c)
		m.Query.Before = 0
		filter := claimFilter(m.Query)
		n, exact, err := s.Campaigns.CountClaims(ctx, filter, s.exportCeiling())
		if err != nil {
			return err
		}
		m.Count = i18n.Number(ctx, int64(n))
		if !exact {
			m.Count += "+"
		}
		m.Words = admin.ExportWords(ctx, campaigns.ExportClaims, exportFilter(m.Query), names[m.Query.Campaign])
	}
	if m.Working() {
		c.Set("Refresh", "2;url="+admin.ExportsPath)
	}
	m.Masked, m.Zone = !who.can(people.ClaimsReveal), campaigns.Shanghai()
	m.Page = s.page(c, who, "download", "imports.export.title")
	return render(c, status, admin.ExportsPage(m))
}

// mayTake reports whether a person may have the file: whole personal data is for those who
// may see it.
func mayTake(who *signedIn, e *campaigns.Export) bool {
	return e.Masked || e.Kind == campaigns.ExportCampaigns || who.can(people.ClaimsReveal)
}

// exportFilter is what of a query an export keeps.
func exportFilter(q admin.ClaimQuery) campaigns.ExportFilter {
	f := claimFilter(q)
	return campaigns.ExportFilter{Campaign: f.Campaign, States: f.States, Channel: f.Channel, From: f.From, To: f.To, Searched: f.Search != ""}
}

// handleExportStart begins to make a file of the claims that the address filters.
func (s *Server) handleExportStart(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	query := claimQuery(c)
	query.Before = 0
	w := exportWish{search: query.Search, Export: campaigns.Export{
		Kind: campaigns.ExportClaims, Format: campaigns.ExportFormat(typed(c, "format")), Reason: typed(c, "reason"), Filter: exportFilter(query),
		Masked: !who.can(people.ClaimsReveal), Owner: campaigns.ExportOwner{Kind: "person", ID: string(who.Person.ID), Name: who.Person.Name},
	}}
	e, err := s.startExport(ctx, w)
	if err != nil {
		m := &admin.ExportsView{Asked: true, Format: string(w.Format), Reason: w.Reason, Errors: ui.Errors{}}
		if status, ok := formErrors(c, m.Errors, err); ok {
			return s.showExports(c, who, status, m)
		}
		return err
	}
	detail := exportDetail(query)
	detail["export"], detail["masked"], detail["reason"] = e.ID, e.Masked, e.Reason
	campaign := ""
	if query.Campaign != 0 {
		campaign = query.Campaign.String()
	}
	if err := s.People.Record(context.WithoutCancel(ctx), who.Person, s.clientIP(c), "claims.export", "campaign", campaign, detail); err != nil {
		return err
	}
	s.flash(c, "success", "imports.export.started")
	return seeOther(c, admin.ExportsPath)
}

// handleExportFile hands a file out, and writes down to whom.
func (s *Server) handleExportFile(c *fiber.Ctx, who *signedIn) error {
	e, err := s.Campaigns.Export(c.UserContext(), c.Params("id"))
	if err != nil {
		return err
	}
	if !mayTake(who, &e) {
		return errForbidden
	}
	if err := s.sendExport(c, &e); err != nil {
		if errors.Is(err, campaigns.ErrExportEarly) || errors.Is(err, campaigns.ErrExportGone) {
			s.flashText(c, "danger", sentence(c.UserContext(), fault.All(err)[0]))
			return seeOther(c, admin.ExportsPath)
		}
		return err
	}
	return s.People.Record(c.UserContext(), who.Person, s.clientIP(c), "exports.download", "export", e.ID, map[string]any{"kind": e.Kind, "rows": e.Rows, "masked": e.Masked})
}
