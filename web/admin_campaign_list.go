package web

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/doctor"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/layout"
)

// campaignsPerPage is how many rows the list shows at once.
const campaignsPerPage = 50

// handleCampaigns lists the campaigns of every account, or of one. An address that says
// nothing opens the person's default view, and one without an account the remembered one,
// so that what is shown is always what the address says.
func (s *Server) handleCampaigns(c *fiber.Ctx, who *signedIn) error {
	if to, err := s.rememberedList(c, who); err != nil {
		return err
	} else if to != "" {
		c.Set(fiber.HeaderCacheControl, "no-store")
		return c.Redirect(to, fiber.StatusFound)
	}
	return s.showCampaigns(c, who, fiber.StatusOK, &admin.CampaignList{Query: campaignQuery(c.Query)})
}

// rememberedList is the address that a bare one stands for, "" = itself.
func (s *Server) rememberedList(c *fiber.Ctx, who *signedIn) (string, error) {
	if isFragment(c) {
		return "", nil
	}
	query := campaignQuery(c.Query)
	bare := c.Context().QueryArgs().Len() == 0 || len(query.Values()) == 1 && query.Account != ""
	if bare && who.Preferences.View != "" {
		views, err := s.Campaigns.Views(c.UserContext(), string(who.Person.ID))
		if err != nil {
			return "", err
		}
		for i := range views {
			if views[i].ID != who.Preferences.View {
				continue
			}
			saved := readQuery(views[i].Query)
			saved.View = views[i].ID
			if query.Account != "" {
				saved.Account = query.Account
			} else if saved.Account == "" {
				saved.Account = who.Preferences.Account
			}
			return saved.URL("/admin/campaigns"), nil
		}
	}
	if query.Account == "" && who.Preferences.Account != "" {
		query.Account = who.Preferences.Account
		return query.URL("/admin/campaigns"), nil
	}
	return "", nil
}

// showCampaigns fills and renders the list that l.Query asks for.
func (s *Server) showCampaigns(c *fiber.Ctx, who *signedIn, status int, l *admin.CampaignList) error {
	ctx := c.UserContext()
	p := s.page(c, who, "campaigns", "admin.campaigns.title")
	filter := listFilter(l.Query)
	page, err := s.Campaigns.Overview(ctx, filter)
	if err != nil {
		return err
	}
	l.Page, l.Pages = page, max(1, (page.Total+campaignsPerPage-1)/campaignsPerPage)
	l.Now, l.Me, l.Default = s.Campaigns.Now(), string(who.Person.ID), who.Preferences.View
	l.HasAccount, l.CanSetUp, l.CanWrite = len(p.Accounts) > 0, who.can(people.AccountWrite), who.can(people.CampaignsWrite)
	if l.Views, err = s.Campaigns.Views(ctx, l.Me); err != nil {
		return err
	}
	l.Problems = s.campaignProblems(ctx, who, page.Rows, l.Now)
	if isFragment(c) {
		c.Set("HX-Push-Url", l.Query.URL("/admin/campaigns"))
	}
	return render(c, status, admin.CampaignsPage(p, l))
}

// campaignQuery reads the list's state, with get giving the values by name. What makes no
// sense stays and finds nothing.
func campaignQuery(get func(string, ...string) string) admin.CampaignQuery {
	q := admin.CampaignQuery{
		State: oneLine(get("state"), 20), Search: oneLine(get("q"), campaigns.MaxSearch), Account: oneLine(get("account"), 40), Tag: oneLine(get("tag"), campaigns.MaxTag),
		Owner: oneLine(get("owner"), 64), When: oneLine(get("when"), 10), Sort: oneLine(get("sort"), 10), View: oneLine(get("view"), 40),
	}
	if page, err := strconv.Atoi(get("page")); err == nil && page > 1 && page < 1_000_000 {
		q.Page = page
	}
	if !slices.Contains(campaigns.OverviewSorts(), campaigns.OverviewSort(q.Sort)) {
		q.Sort = ""
	}
	return q
}

// readQuery is campaignQuery for a query in a text.
func readQuery(text string) admin.CampaignQuery {
	values, _ := url.ParseQuery(text) // what cannot be read is left out
	return campaignQuery(func(name string, _ ...string) string { return values.Get(name) })
}

// listFilter is what the query means.
func listFilter(q admin.CampaignQuery) campaigns.OverviewFilter {
	f := campaigns.OverviewFilter{
		Account: campaigns.AccountID(q.Account), State: campaigns.State(q.State), Search: q.Search, Tag: q.Tag, Owner: q.Owner,
		Sort: campaigns.OverviewSort(q.Sort), Page: q.Page, Size: campaignsPerPage,
	}
	if q.Account == everyAccount {
		f.Account = ""
	}
	if q.State == "all" {
		f.State = ""
	}
	switch q.When {
	case "day":
		f.Ending = 24 * time.Hour
	case "week":
		f.Ending = 7 * 24 * time.Hour
	case "new":
		f.Made = 30 * 24 * time.Hour
	}
	return f
}

// campaignProblems are what is wrong about each campaign: what the doctor found about its
// account, and what its own numbers say.
func (s *Server) campaignProblems(ctx context.Context, who *signedIn, rows []campaigns.Overview, now time.Time) map[campaigns.ID][]admin.CampaignProblem {
	board := ""
	if who.can(people.AccountRead) {
		board = "/admin/health"
	}
	of := map[string][]admin.CampaignProblem{}
	for _, f := range s.openFindings(ctx) {
		of[f.Account] = append(of[f.Account], admin.CampaignProblem{Words: i18n.T(ctx, f.Check.Name()), Path: board})
	}
	all := make(map[campaigns.ID][]admin.CampaignProblem, len(rows))
	for i := range rows {
		o := &rows[i]
		state, path := o.State(now), admin.CampaignPath(&o.Campaign)
		if state != campaigns.Running && state != campaigns.Scheduled && state != campaigns.Paused {
			continue
		}
		list := slices.Clone(of[string(o.Account)])
		add := func(bad bool, key, path string) {
			if bad {
				list = append(list, admin.CampaignProblem{Words: i18n.T(ctx, key), Path: path})
			}
		}
		add(o.Stock.Left() < 0, "shell.problem.overdrawn", path)
		add(o.Stock.Left() == 0, "shell.problem.sold_out", path)
		add(o.CardNote == "refused", "shell.problem.card_refused", path)
		add(o.CardNote == "low_stock", "shell.problem.card_stock", path)
		add(o.Channels == 0, "shell.problem.no_channel", path+"/channels")
		if len(list) > 0 {
			all[o.ID] = list
		}
	}
	return all
}

// openFindings are the problems that the doctor sees now. A page is not worth failing for
// them.
func (s *Server) openFindings(ctx context.Context) []doctor.Finding {
	if s.Doctor == nil {
		return nil
	}
	found, err := s.Doctor.Latest(ctx)
	if err != nil {
		s.Log.Warn("latest findings", "err", err)
	}
	return slices.DeleteFunc(slices.Clone(found), func(f doctor.Finding) bool { return !f.Level.Problem() })
}

// handleBulk changes the chosen campaigns, or all that the filter finds, and says how many
// with a way back.
func (s *Server) handleBulk(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	next := localPath(c.FormValue("next"))
	if next == "/admin" {
		next = "/admin/campaigns"
	}
	op := c.FormValue("op")
	ids, err := s.chosen(c)
	if err != nil {
		return err
	}
	if op == "xlsx" || op == "csv" {
		return seeOther(c, s.statsPath(c, op, ids))
	}
	r, err := s.Campaigns.ChangeMany(ctx, who.actor(c), campaigns.Bulk{
		Op: campaigns.BulkOp(op), IDs: ids, Reason: oneLine(c.FormValue("reason"), 200), Tag: oneLine(c.FormValue("tag"), 100),
	})
	if err != nil {
		return s.refusedAt(c, next, err)
	}
	f := layout.Flash{Kind: "success", Text: i18n.T(ctx, "shell.done."+op, "count", r.Changed)}
	if r.Changed == 0 {
		f = layout.Flash{Kind: "warning", Text: i18n.T(ctx, "shell.done.none")}
	} else if r.Skipped > 0 {
		f.Text += " " + i18n.T(ctx, "shell.done.skipped", "count", r.Skipped)
	}
	if r.Undo != "" {
		f.Undo = undoPath(r.Undo)
	}
	s.leaveFlash(c, f)
	return seeOther(c, next)
}

// chosen are the campaigns that a form is about.
func (s *Server) chosen(c *fiber.Ctx) ([]campaigns.ID, error) {
	if only := campaigns.ParseID[campaigns.ID](c.Query("only")); only != 0 {
		return []campaigns.ID{only}, nil
	}
	if c.FormValue("all") == "1" {
		filter := listFilter(readQuery(c.FormValue("match")))
		filter.Page, filter.Size = 1, 1
		page, err := s.Campaigns.Overview(c.UserContext(), filter)
		if err != nil {
			return nil, err
		}
		return page.IDs, nil
	}
	var ids []campaigns.ID
	for _, raw := range c.Context().PostArgs().PeekMulti("id") {
		if id := campaigns.ParseID[campaigns.ID](string(raw)); id != 0 && !slices.Contains(ids, id) && len(ids) <= campaigns.MaxBulk {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// refusedAt shows on the page at path why a write did not happen.
func (s *Server) refusedAt(c *fiber.Ctx, path string, err error) error {
	all := fault.All(err)
	if len(all) == 0 || all[0].Code != fault.Invalid && all[0].Code != fault.Conflict {
		return err
	}
	s.flashText(c, "danger", sentence(c.UserContext(), all[0]))
	return seeOther(c, path)
}

// undoPath is where a flash sends what takes a change back.
func undoPath(id string) string { return "/admin/campaigns/undo/" + id }

// handleUndo takes back what a flash offered to take back.
func (s *Server) handleUndo(c *fiber.Ctx, who *signedIn) error {
	next := localPath(c.FormValue("next"))
	if next == "/admin" {
		next = "/admin/campaigns"
	}
	r, err := s.Campaigns.UndoMany(c.UserContext(), who.actor(c), c.Params("undo"))
	if err != nil {
		return s.refusedAt(c, next, err)
	}
	if r.Skipped > 0 {
		s.flash(c, "warning", "shell.undo.partly", "count", r.Changed, "skipped", r.Skipped)
	} else {
		s.flash(c, "success", "shell.undo.done", "count", r.Changed)
	}
	return seeOther(c, next)
}
