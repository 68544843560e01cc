package web

import (
	"context"
	"encoding/json"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/admin"
)

// shownActions is how many of the last actions the overview tells.
const shownActions = 10

// handleOverview is the first page: what runs, what needs somebody, what was done.
func (s *Server) handleOverview(c *fiber.Ctx, who *signedIn) error {
	if account := who.Preferences.Account; account != "" && c.Query("account") == "" {
		c.Set(fiber.HeaderCacheControl, "no-store")
		return c.Redirect(withAccount("/admin", account), fiber.StatusFound)
	}
	ctx := c.UserContext()
	p := s.page(c, who, "overview", "shell.overview.title")
	page, err := s.Campaigns.Overview(ctx, campaigns.OverviewFilter{Account: campaigns.AccountID(lookedAt(c, who)), Live: true})
	if err != nil {
		return err
	}
	m := &admin.Overview{
		Now: s.Campaigns.Now(), Counts: page.Counts, All: page.All, HasAccount: len(p.Accounts) > 0, Account: c.Query("account"),
		CanWrite: who.can(people.CampaignsWrite), CanSetUp: who.can(people.AccountWrite),
	}
	for i := range page.Rows {
		o := &page.Rows[i]
		m.Today += o.Today
		if o.State(m.Now) == campaigns.Running {
			m.Running = append(m.Running, *o)
		}
	}
	m.Attention = s.attention(ctx, who, page.Rows, m.Now)
	if who.can(people.AccountRead) {
		if m.Actions, err = s.lastActions(ctx, page.Rows); err != nil {
			return err
		}
	}
	return render(c, fiber.StatusOK, admin.OverviewPage(p, m))
}

// attention lists what somebody should look at, the most urgent first.
func (s *Server) attention(ctx context.Context, who *signedIn, rows []campaigns.Overview, now time.Time) []admin.Attention {
	var list []admin.Attention
	if who.can(people.AccountRead) {
		for _, f := range s.openFindings(ctx) {
			list = append(list, admin.Attention{Kind: "health", Words: i18n.T(ctx, f.Check.Name()), Detail: i18n.TArgs(ctx, f.What.Key, f.What.Args), Path: "/admin/health", Bad: f.Level == "fail"})
		}
	}
	add := func(o *campaigns.Overview, kind, key string, bad bool, args ...any) {
		list = append(list, admin.Attention{Kind: kind, Words: o.Name, Detail: i18n.T(ctx, key, args...), Path: admin.CampaignPath(&o.Campaign), Bad: bad})
	}
	for i := range rows {
		o := &rows[i]
		switch state := o.State(now); {
		case state == campaigns.Paused:
			add(o, "paused", "shell.attention.paused", false, "reason", o.PauseReason)
		case state != campaigns.Running:
		case o.Stock.Left() <= 0:
			add(o, "stock", "shell.attention.gone", true)
		case o.LowStock(now):
			add(o, "stock", "shell.attention.low", true, "left", i18n.Number(ctx, o.Stock.Left()))
		}
		if o.State(now) == campaigns.Running && o.EndsAt.Sub(now) <= 24*time.Hour {
			add(o, "ends", "shell.attention.ends", false, "at", i18n.ShortTime(ctx, o.EndsAt, o.Zone))
		}
	}
	return list
}

// lastActions are the newest lines of the audit, with the names of the campaigns they are
// about.
func (s *Server) lastActions(ctx context.Context, rows []campaigns.Overview) ([]admin.Action, error) {
	entries, err := s.People.ListAudit(ctx, people.AuditFilter{Limit: shownActions})
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(rows))
	for i := range rows {
		names[rows[i].ID.String()] = rows[i].Name
	}
	list := make([]admin.Action, len(entries))
	for i, e := range entries {
		a := admin.Action{At: e.At, Who: (&admin.AuditRow{AuditEntry: e}).ActorWords(ctx), What: admin.ActionWords(ctx, e.Action)}
		if e.ObjectKind == "campaign" {
			a.Object = names[e.ObjectID]
			if a.Object != "" {
				a.Path = "/admin/campaigns/" + e.ObjectID
			}
		}
		var detail struct {
			Tag    string `json:"tag"`
			Reason string `json:"reason"`
		}
		if json.Unmarshal([]byte(e.Detail), &detail) == nil {
			a.Detail = detail.Reason
			if detail.Tag != "" {
				a.Detail = "#" + detail.Tag
			}
		}
		list[i] = a
	}
	return list, nil
}
