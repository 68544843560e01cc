package web

import (
	"context"
	"errors"
	"slices"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/sheets"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// peopleImport is the work of an import of people.
func peopleImport(m *campaigns.PeopleImport) importWork {
	return importWork{
		look: func(ctx context.Context, content []byte, progress campaigns.Progress) (campaigns.ImportReport, error) {
			table, err := sheets.ReadPeople(content)
			if err == nil {
				err = m.Look(ctx, table, progress)
			}
			return m.Report, err
		},
		store: func(ctx context.Context, progress campaigns.Progress) (campaigns.ImportReport, int, error) {
			added, err := m.Store(ctx, progress)
			return m.Report, added, err
		},
		most: maxPeopleFile,
	}
}

// importsOf are the imports of a person, the newest first.
func (s *Server) importsOf(owner people.ID) []admin.ImportView {
	s.imports.mu.Lock()
	defer s.imports.mu.Unlock()
	var list []admin.ImportView
	for _, j := range s.imports.all {
		if j.owner == owner {
			list = append(list, j.view())
		}
	}
	slices.SortFunc(list, func(a, b admin.ImportView) int { return b.Started.Compare(a.Started) })
	return list
}

// handleImports takes a table of people and shows what is under way.
func (s *Server) handleImports(c *fiber.Ctx, who *signedIn) error {
	return s.showImports(c, who, fiber.StatusOK, &admin.ImportsView{Errors: ui.Errors{}})
}

func (s *Server) showImports(c *fiber.Ctx, who *signedIn, status int, m *admin.ImportsView) error {
	ctx := c.UserContext()
	accounts, err := s.Accounts.Accounts(ctx)
	if err != nil {
		return err
	}
	all, err := s.allCampaigns(ctx)
	if err != nil {
		return err
	}
	m.Accounts = accountOptions(accounts)
	m.Campaigns = []ui.Option{{Label: i18n.T(ctx, "imports.no_campaign")}}
	for _, one := range all {
		if campaigns.CanImportInto(one) {
			label := i18n.T(ctx, "imports.campaign_option", "name", one.Name, "slug", one.Slug, "left", i18n.Number(ctx, max(0, one.Stock.Left())))
			m.Campaigns = append(m.Campaigns, ui.Option{Value: string(one.Slug), Label: label})
		}
	}
	m.Running = s.importsOf(who.Person.ID)
	m.Zone = campaigns.Shanghai()
	m.Page = s.page(c, who, "upload", "imports.title")
	return render(c, status, admin.ImportsPage(m))
}

// handlePeopleImport begins to look at a table of people.
func (s *Server) handlePeopleImport(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	m := &admin.ImportsView{Account: typed(c, "account"), Campaign: typed(c, "campaign"), Errors: ui.Errors{}}
	again := func(status int, err error) error {
		formErrors(c, m.Errors, err)
		return s.showImports(c, who, status, m)
	}
	account := campaigns.AccountID(m.Account)
	err := s.knownAccount(ctx, account)
	name := ""
	var campaign *campaigns.Campaign
	if err == nil && m.Campaign != "" {
		if campaign, err = s.Campaigns.BySlug(ctx, campaigns.Slug(m.Campaign)); errors.Is(err, campaigns.ErrCampaignNotFound) {
			err = campaigns.ErrImportCampaign
		}
	}
	var work *campaigns.PeopleImport
	if err == nil {
		work, err = s.Campaigns.PeopleImport(who.actor(c), account, campaign)
	}
	if all := fault.All(err); len(all) > 0 && all[0].Field != "" {
		return again(fiber.StatusUnprocessableEntity, err)
	}
	if err != nil {
		return err
	}
	if name = i18n.T(ctx, "imports.title"); campaign != nil {
		name = campaign.Name
	}
	j := &importJob{name: name, back: admin.ImportsPath, nav: "upload", work: peopleImport(work)}
	return s.importable(c, who, j, again)
}
