package web

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// handleLists shows the lists and takes a new one.
func (s *Server) handleLists(c *fiber.Ctx, who *signedIn) error {
	return s.showLists(c, who, fiber.StatusOK, &admin.ListsView{Kind: string(campaigns.ListPhone)})
}

func (s *Server) showLists(c *fiber.Ctx, who *signedIn, status int, m *admin.ListsView) error {
	ctx := c.UserContext()
	accounts, err := s.Accounts.Accounts(ctx)
	if err != nil {
		return err
	}
	m.Page, m.CanWrite, m.Accounts = s.page(c, who, "lists", "lists.title"), who.can(people.CampaignsWrite), accountOptions(accounts)
	if m.Errors == nil {
		m.Errors = ui.Errors{}
	}
	m.Lists, err = ofAccounts(ctx, s, s.Campaigns.Lists, func(a, b campaigns.List) int { return b.CreatedAt.Compare(a.CreatedAt) })
	if err != nil {
		return err
	}
	return render(c, status, admin.ListsPage(m))
}

// handleListNew makes an empty list and shows it.
func (s *Server) handleListNew(c *fiber.Ctx, who *signedIn) error {
	m := &admin.ListsView{Name: typed(c, "name"), Kind: typed(c, "kind"), Account: typed(c, "account"), Errors: ui.Errors{}}
	account := campaigns.AccountID(m.Account)
	err := s.knownAccount(c.UserContext(), account)
	var l campaigns.List
	if err == nil {
		l, err = s.Campaigns.CreateList(c.UserContext(), who.actor(c), account, campaigns.ListKind(m.Kind), m.Name)
	}
	if err != nil {
		status, ok := formErrors(c, m.Errors, err)
		if !ok || status != fiber.StatusUnprocessableEntity {
			return err
		}
		return s.showLists(c, who, status, m)
	}
	s.flash(c, "success", "lists.done.create", "name", l.Name)
	return seeOther(c, admin.ListPath(l.ID))
}

func (s *Server) list(c *fiber.Ctx) (campaigns.List, error) {
	return s.Campaigns.List(c.UserContext(), campaigns.ListID(c.Params("id")))
}

// handleList shows a list's counts and takes files.
func (s *Server) handleList(c *fiber.Ctx, who *signedIn) error {
	l, err := s.list(c)
	if err != nil {
		return err
	}
	return s.showList(c, who, fiber.StatusOK, l, nil)
}

func (s *Server) showList(c *fiber.Ctx, who *signedIn, status int, l campaigns.List, problem error) error {
	tails, err := s.Campaigns.ListTails(c.UserContext(), l.ID)
	if err != nil {
		return err
	}
	m := &admin.ListView{Page: s.page(c, who, "lists", "lists.title"), List: l, Tails: tails, CanWrite: who.can(people.CampaignsWrite), Errors: ui.Errors{}}
	m.Page.Title = l.Name
	formErrors(c, m.Errors, problem)
	return render(c, status, admin.ListPage(m))
}

// handleListImport begins to look at a file.
func (s *Server) handleListImport(c *fiber.Ctx, who *signedIn) error {
	l, err := s.list(c)
	if err != nil {
		return err
	}
	j := &importJob{name: l.Name, back: admin.ListPath(l.ID), work: rowImport(s.Campaigns.ListImport(who.actor(c), l))}
	return s.importable(c, who, j, func(status int, err error) error { return s.showList(c, who, status, l, err) })
}

// handleListDelete removes a list that no live campaign names.
func (s *Server) handleListDelete(c *fiber.Ctx, who *signedIn) error {
	l, err := s.list(c)
	if err != nil {
		return err
	}
	err = s.Campaigns.DeleteList(c.UserContext(), who.actor(c), l.ID)
	if errors.Is(err, campaigns.ErrListUsed) {
		s.flashText(c, "danger", sentence(c.UserContext(), campaigns.ErrListUsed))
		return seeOther(c, admin.ListPath(l.ID))
	}
	if err != nil {
		return err
	}
	s.flash(c, "success", "lists.done.delete", "name", l.Name)
	return seeOther(c, admin.ListsPath)
}
