package web

import (
	"context"
	"strings"
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

const (
	shownIncidents = 30
	shownReports   = 50
	// recheckLimit is longer than a page may take: a check may wait for WeChat.
	recheckLimit = 20 * time.Second
	allChecks    = "all"
)

var errNoDoctor = fault.New(fault.NotFound, "error.not_found")

// handleHealthBoard shows what the doctor found last, as a page or, for one that is open,
// as the part that changed.
func (s *Server) handleHealthBoard(c *fiber.Ctx, who *signedIn) error {
	if s.Doctor == nil {
		return errNoDoctor
	}
	m, err := s.healthBoard(c.UserContext(), who)
	if err != nil {
		return err
	}
	if isFragment(c) {
		m.Page.CSRF, m.Page.Health = who.CSRF, s.healthDot(c.UserContext())
		return render(c, fiber.StatusOK, admin.HealthNews(m))
	}
	m.Page = s.page(c, who, "health", "health.title")
	return render(c, fiber.StatusOK, admin.HealthPage(m))
}

func (s *Server) healthBoard(ctx context.Context, who *signedIn) (*admin.Health, error) {
	m := &admin.Health{Now: s.Now(), Zone: campaigns.Shanghai(), CanWrite: who.can(people.AccountWrite)}
	found, err := s.Doctor.Latest(ctx)
	if err != nil {
		return nil, err
	}
	m.Level, m.Problems = doctor.Overall(found)
	accounts, err := s.Accounts.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, account := range accounts {
		m.Accounts = append(m.Accounts, admin.HealthPart{Account: account, Findings: about(found, string(account.ID))})
	}
	m.Program.Findings = about(found, "")
	if m.Day, err = s.Doctor.History(ctx, m.Now.Add(-24*time.Hour)); err != nil {
		return nil, err
	}
	if m.Week, err = s.Doctor.History(ctx, m.Now.AddDate(0, 0, -7)); err != nil {
		return nil, err
	}
	if m.Incidents, err = s.Doctor.Incidents(ctx, shownIncidents); err != nil {
		return nil, err
	}
	m.Text = s.Doctor.Report(ctx, found)
	return m, nil
}

// about are the findings of an account, "" for those of the program.
func about(found []doctor.Finding, account string) []doctor.Finding {
	var mine []doctor.Finding
	for _, f := range found {
		if f.Account == account {
			mine = append(mine, f)
		}
	}
	return mine
}

// healthDot is the worst state in the navigation. A page is not worth failing for it.
func (s *Server) healthDot(ctx context.Context) layout.Health {
	if s.Doctor == nil {
		return layout.Health{}
	}
	found, err := s.Doctor.Latest(ctx)
	if err != nil {
		s.Log.Warn("latest findings", "err", err)
	}
	level, problems := doctor.Overall(found)
	switch {
	case problems > 0:
		var names []string
		for _, f := range found {
			if f.Level.Problem() {
				names = append(names, i18n.T(ctx, f.Check.Name()))
			}
		}
		return layout.Health{Level: string(level), Words: i18n.T(ctx, "health.dot.problems", "count", problems, "names", strings.Join(names, " · ")), Problems: names}
	case level == doctor.OK:
		return layout.Health{Level: string(level), Words: i18n.T(ctx, "health.overall.ok")}
	}
	return layout.Health{Level: string(doctor.Unknown), Words: i18n.T(ctx, "health.overall.unknown")}
}

// handleHealthLive tells an open board when there is news.
func (s *Server) handleHealthLive(c *fiber.Ctx, _ *signedIn) error {
	if s.Doctor == nil {
		return errNoDoctor
	}
	news, cancel := s.Doctor.Subscribe()
	return s.stream(c, news, cancel)
}

// handleRecheck makes one check, or all, because somebody changed something.
func (s *Server) handleRecheck(c *fiber.Ctx, who *signedIn) error {
	if s.Doctor == nil {
		return errNoDoctor
	}
	check, account := c.FormValue("check"), c.FormValue("account")
	if !s.rechecks.allow(check + "/" + account) {
		s.flash(c, "warning", "health.too_soon")
		return seeOther(c, "/admin/health")
	}
	detail := map[string]any{"check": check, "account": account}
	if err := s.People.Record(c.UserContext(), who.Person, s.clientIP(c), "health.recheck", "health", check, detail); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(i18n.With(s.Background, i18n.Lang(c.UserContext())), recheckLimit)
	defer cancel()
	c.SetUserContext(ctx)
	if check == allChecks {
		found, err := s.Doctor.Run(ctx)
		if err != nil {
			return err
		}
		if _, problems := doctor.Overall(found); problems > 0 {
			s.flash(c, "warning", "health.rechecked_all", "count", problems)
		} else {
			s.flash(c, "success", "health.rechecked_ok")
		}
		return seeOther(c, "/admin/health")
	}
	f, err := s.Doctor.Recheck(ctx, doctor.Check(check), account)
	if err != nil {
		return err
	}
	name := i18n.T(ctx, f.Check.Name())
	switch what := i18n.TArgs(ctx, f.What.Key, f.What.Args); {
	case f.Level.Problem():
		s.flash(c, "danger", "health.rechecked_bad", "name", name, "what", what)
	case f.Level == doctor.OK:
		s.flash(c, "success", "health.rechecked_good", "name", name)
	default:
		s.flash(c, "info", "health.rechecked_unknown", "name", name, "what", what)
	}
	return seeOther(c, "/admin/health")
}

// handleSignatures shows the addresses of refused signatures side by side.
func (s *Server) handleSignatures(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	accounts, err := s.Accounts.Accounts(ctx)
	if err != nil {
		return err
	}
	m := &admin.Signatures{Page: s.page(c, who, "health", "signatures.title"), Host: s.public.Host, Now: s.Now(), Zone: campaigns.Shanghai()}
	for _, account := range accounts {
		reports, err := s.Signatures.SignatureReports(ctx, string(account.ID), shownReports)
		if err != nil {
			return err
		}
		m.Accounts = append(m.Accounts, admin.AccountSignatures{Account: account, Reports: reports})
	}
	return render(c, fiber.StatusOK, admin.SignaturesPage(m))
}
