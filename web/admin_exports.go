package web

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// shownExports is how many exports the page lists; countedClaims up to how many rows the
// dialog counts.
const (
	shownExports  = 100
	countedClaims = 50_000
	exportsNav    = "download"
)

// handleExports lists the exports of everybody; with ?new it also asks what shall be made.
func (s *Server) handleExports(c *fiber.Ctx, who *signedIn) error {
	m := &admin.ExportsView{Errors: ui.Errors{}}
	if c.Context().QueryArgs().Has("new") {
		kind := exportKind(c)
		m.Form = &admin.ExportForm{Kind: kind, Format: campaigns.ExportXLSX, Columns: campaigns.PlainExportColumns(kind), Life: campaigns.ExportLife}
	}
	return s.showExports(c, who, fiber.StatusOK, m)
}

// exportKind is what the address says that an export is about: claims unless it says more.
func exportKind(c *fiber.Ctx) campaigns.ExportKind {
	if kind := campaigns.ExportKind(c.Query("kind")); campaigns.ExportColumns(kind) != nil {
		return kind
	}
	return campaigns.ExportClaims
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
	for i := range list {
		r := s.exportRow(who, &list[i])
		r.Campaign = names[r.Filter.Campaign]
		m.Rows = append(m.Rows, r)
	}
	if m.Form != nil {
		if err := s.fillExportForm(c, who, m.Form, names); err != nil {
			return err
		}
	} else if m.Working() { // a form that somebody fills in would be lost
		c.Set("Refresh", "2;url="+admin.ExportsPath)
	}
	m.Zone = campaigns.Shanghai()
	m.Page = s.page(c, who, exportsNav, "imports.export.title")
	return render(c, status, admin.ExportsPage(m))
}

// fillExportForm adds what the form says about the claims that the address filters.
func (s *Server) fillExportForm(c *fiber.Ctx, who *signedIn, f *admin.ExportForm, names map[campaigns.ID]string) error {
	ctx := c.UserContext()
	f.CanReveal = who.can(people.ClaimsReveal)
	if f.Kind != campaigns.ExportClaims {
		return nil
	}
	f.Query = claimQuery(c)
	f.Query.Before = 0
	n, exact, err := s.Campaigns.CountClaims(ctx, claimFilter(f.Query), countedClaims)
	if err != nil {
		return err
	}
	f.Count = i18n.Number(ctx, int64(n))
	if !exact {
		f.Count += "+"
	}
	f.Words = admin.ExportWords(ctx, f.Kind, exportFilter(f.Query), names[f.Query.Campaign])
	return nil
}

// exportRow is an export with what the person may do about it.
func (s *Server) exportRow(who *signedIn, e *campaigns.Export) admin.ExportRow {
	mine := e.Owner.Same(exportOwner(who))
	return admin.ExportRow{
		Export:    *e,
		CanTake:   e.State == campaigns.ExportReady && s.Now().Before(e.ExpiresAt) && mayTake(who, e),
		CanCancel: e.Open() && mayCancel(who, e),
		CanRetry:  mine && e.CanRetry() && mayTake(who, e),
	}
}

func exportOwner(who *signedIn) campaigns.ExportOwner {
	return campaigns.ExportOwner{Kind: "person", ID: string(who.Person.ID), Name: who.Person.Name}
}

// mayTake reports whether a person may have the file: whole personal data is for those who
// may see it.
func mayTake(who *signedIn, e *campaigns.Export) bool {
	return !e.Exposes() || who.can(people.ClaimsReveal)
}

// mayCancel reports whether a person may end an export: their own, or as an owner anybody's.
func mayCancel(who *signedIn, e *campaigns.Export) bool {
	return e.Owner.Same(exportOwner(who)) || who.can(people.PeopleManage)
}

// exportFilter is what of a query an export keeps.
func exportFilter(q admin.ClaimQuery) campaigns.ExportFilter {
	f := claimFilter(q)
	return campaigns.ExportFilter{Campaign: f.Campaign, States: f.States, Channel: f.Channel, From: f.From, To: f.To, Blocked: f.Blocked, Searched: f.Search != ""}
}

// exportDetail is an export for the audit. What was searched for may be somebody's phone
// number, so only that there was a search is kept.
func exportDetail(e *campaigns.Export) map[string]any {
	detail := map[string]any{
		"export": e.ID, "kind": e.Kind, "format": e.Format, "masked": e.Masked, "reason": e.Reason, "search": e.Filter.Searched,
	}
	if len(e.Filter.States) > 0 {
		detail["states"] = e.Filter.States
	}
	if e.Filter.Channel != "" {
		detail["channel"] = e.Filter.Channel
	}
	for name, t := range map[string]time.Time{"from": e.Filter.From, "to": e.Filter.To} {
		if !t.IsZero() {
			detail[name] = t.In(campaigns.Shanghai()).Format(time.DateTime)
		}
	}
	if e.Columns != nil {
		detail["columns"] = e.Columns
	}
	return detail
}

// keepHours is how long a file stays, as a form or a program says it; 0 = not said.
func keepHours(n int) time.Duration {
	if n < 0 || n > 10_000 {
		n = 10_000 // no life that there is
	}
	return time.Duration(n) * time.Hour
}

// exportRecord writes down that a person has a file made.
func (s *Server) exportRecord(c *fiber.Ctx, who *signedIn, retryOf string) func(*campaigns.Export) error {
	return func(e *campaigns.Export) error {
		detail, campaign := exportDetail(e), ""
		if retryOf != "" {
			detail["retry_of"] = retryOf
		}
		if e.Filter.Campaign != 0 {
			campaign = e.Filter.Campaign.String()
		}
		return s.People.Record(context.WithoutCancel(c.UserContext()), who.Person, s.clientIP(c), "claims.export", "campaign", campaign, detail)
	}
}

// handleExportStart begins to make a file of what the address says.
func (s *Server) handleExportStart(c *fiber.Ctx, who *signedIn) error {
	f := &admin.ExportForm{
		Kind: exportKind(c), Format: campaigns.ExportFormat(typed(c, "format")), Reason: typed(c, "reason"), Full: c.FormValue("full") == "1",
		Columns: []string{},
	}
	for _, name := range c.Context().PostArgs().PeekMulti("columns") {
		f.Columns = append(f.Columns, string(name))
	}
	hours, err := strconv.Atoi(c.FormValue("keep_hours"))
	if err != nil && c.FormValue("keep_hours") != "" {
		hours = -1
	}
	f.Life = keepHours(hours)
	w := exportWish{Export: campaigns.Export{
		Kind: f.Kind, Format: f.Format, Reason: f.Reason, Columns: f.Columns, Life: f.Life,
		Masked: !f.Full || !who.can(people.ClaimsReveal), Owner: exportOwner(who),
	}}
	if f.Kind == campaigns.ExportClaims {
		query := claimQuery(c)
		w.search, w.Filter = query.Search, exportFilter(query)
		if query.Campaign != 0 {
			if _, err := s.Campaigns.Campaign(c.UserContext(), query.Campaign); err != nil {
				return err
			}
		}
	}
	if err := s.startExport(c.UserContext(), w, s.exportRecord(c, who, "")); err != nil {
		m := &admin.ExportsView{Form: f, Errors: ui.Errors{}}
		if status, ok := formErrors(c, m.Errors, err); ok {
			return s.showExports(c, who, status, m)
		}
		return err
	}
	s.flash(c, "success", "imports.export.started")
	return seeOther(c, admin.ExportsPath)
}

// handleExportCancel ends an export. A part of a page gets the tray back, a form the page.
func (s *Server) handleExportCancel(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	e, err := s.Campaigns.Export(ctx, c.Params("id"))
	if err != nil {
		return err
	}
	if !mayCancel(who, &e) {
		return errForbidden
	}
	if err = s.cancelExport(ctx, e.ID); err == nil && e.State != campaigns.ExportCancelled {
		err = s.People.Record(context.WithoutCancel(ctx), who.Person, s.clientIP(c), "exports.cancel", "export", e.ID, map[string]any{"kind": e.Kind})
	}
	if err != nil && !errors.Is(err, campaigns.ErrExportOver) {
		return err
	}
	if isFragment(c) {
		return s.handleExportTray(c, who)
	}
	if err != nil {
		return s.exportRefused(c, err)
	}
	s.flash(c, "success", "imports.export.cancelled")
	return seeOther(c, admin.ExportsPath)
}

// handleExportRetry makes an export that failed again, as it was.
func (s *Server) handleExportRetry(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	old, err := s.Campaigns.Export(ctx, c.Params("id"))
	if err != nil {
		return err
	}
	if !mayTake(who, &old) {
		return errForbidden
	}
	if s.Exports == "" {
		return errExportsOff
	}
	e, err := s.Campaigns.RetryExport(ctx, old.ID, exportOwner(who))
	if err == nil {
		err = s.beginExport(ctx, exportWish{Export: e}, s.exportRecord(c, who, old.ID))
	}
	if err != nil {
		return s.exportRefused(c, err)
	}
	s.flash(c, "success", "imports.export.started")
	return seeOther(c, admin.ExportsPath)
}

// exportRefused says on the page why something cannot be done with an export now.
func (s *Server) exportRefused(c *fiber.Ctx, err error) error {
	if all := fault.All(err); len(all) > 0 && all[0].Code == fault.Conflict || errors.Is(err, campaigns.ErrExportGone) {
		s.flashText(c, "danger", sentence(c.UserContext(), all[0]))
		return seeOther(c, admin.ExportsPath)
	}
	return err
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
	err = s.sendExport(c, &e, who.Person.Name, func() error {
		return s.People.Record(c.UserContext(), who.Person, s.clientIP(c), "exports.download", "export", e.ID, map[string]any{"kind": e.Kind, "rows": e.Rows, "masked": e.Masked})
	})
	if err != nil {
		return s.exportRefused(c, err)
	}
	return nil
}

// handleExportTray is the tray alone, as it renews itself: what is on its way, and how those
// ended that it showed before.
func (s *Server) handleExportTray(c *fiber.Ctx, who *signedIn) error {
	m, err := s.exportsOf(c.UserContext(), who)
	if err != nil {
		return err
	}
	for _, id := range admin.SplitExports(c.Query("seen")) {
		if slices.ContainsFunc(m.Rows, func(r admin.ExportRow) bool { return r.ID == id }) {
			continue
		}
		e, err := s.Campaigns.Export(c.UserContext(), id)
		if errors.Is(err, campaigns.ErrNoExport) || err == nil && !e.Owner.Same(exportOwner(who)) {
			continue
		}
		if err != nil {
			return err
		}
		m.Rows = append(m.Rows, s.exportRow(who, &e))
	}
	return render(c, fiber.StatusOK, admin.ExportTray(m))
}

// exportsOf are a person's exports that are on their way.
func (s *Server) exportsOf(ctx context.Context, who *signedIn) (*admin.ExportTrayView, error) {
	list, err := s.Campaigns.OpenExports(ctx, exportOwner(who))
	m := &admin.ExportTrayView{CSRF: who.CSRF}
	for i := range list {
		m.Rows = append(m.Rows, s.exportRow(who, &list[i]))
	}
	return m, err
}

// exportTray is the tray of a page; nil where nothing is on its way.
func (s *Server) exportTray(ctx context.Context, who *signedIn) templ.Component {
	m, err := s.exportsOf(ctx, who)
	if err != nil {
		s.Log.Warn("exports on their way", "err", err)
	}
	if err != nil || len(m.Rows) == 0 {
		return nil
	}
	return admin.ExportTray(m)
}
