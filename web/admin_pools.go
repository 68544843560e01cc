package web

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// handlePools shows the code pools and takes a new one.
func (s *Server) handlePools(c *fiber.Ctx, who *signedIn) error {
	return s.showPools(c, who, fiber.StatusOK, &admin.PoolsView{})
}

func (s *Server) showPools(c *fiber.Ctx, who *signedIn, status int, m *admin.PoolsView) error {
	ctx := c.UserContext()
	accounts, err := s.Accounts.Accounts(ctx)
	if err != nil {
		return err
	}
	m.Page, m.CanWrite, m.Accounts = s.page(c, who, "lists", "pools.title"), who.can(people.CampaignsWrite), accountOptions(accounts)
	if m.Errors == nil {
		m.Errors = ui.Errors{}
	}
	m.Pools, err = ofAccounts(ctx, s, s.Campaigns.Pools, func(a, b campaigns.Pool) int { return b.CreatedAt.Compare(a.CreatedAt) })
	if err != nil {
		return err
	}
	return render(c, status, admin.PoolsPage(m))
}

// handlePoolNew makes an empty pool and shows it.
func (s *Server) handlePoolNew(c *fiber.Ctx, who *signedIn) error {
	m := &admin.PoolsView{Name: typed(c, "name"), Account: typed(c, "account"), Errors: ui.Errors{}}
	account := campaigns.AccountID(m.Account)
	err := s.knownAccount(c.UserContext(), account)
	var p campaigns.Pool
	if err == nil {
		p, err = s.Campaigns.CreatePool(c.UserContext(), who.actor(c), account, m.Name)
	}
	if err != nil {
		status, ok := formErrors(c, m.Errors, err)
		if !ok || status != fiber.StatusUnprocessableEntity {
			return err
		}
		return s.showPools(c, who, status, m)
	}
	s.flash(c, "success", "pools.done.create", "name", p.Name)
	return seeOther(c, admin.PoolPath(p.ID))
}

func (s *Server) pool(c *fiber.Ctx) (campaigns.Pool, error) {
	return s.Campaigns.Pool(c.UserContext(), campaigns.PoolID(c.Params("id")))
}

// handlePool shows a pool's counts and takes files.
func (s *Server) handlePool(c *fiber.Ctx, who *signedIn) error {
	p, err := s.pool(c)
	if err != nil {
		return err
	}
	return s.showPool(c, who, fiber.StatusOK, p, nil)
}

func (s *Server) showPool(c *fiber.Ctx, who *signedIn, status int, p campaigns.Pool, problem error) error {
	m := &admin.PoolView{Page: s.page(c, who, "lists", "pools.title"), Pool: p, CanWrite: who.can(people.CampaignsWrite), Errors: ui.Errors{}}
	m.Page.Title = p.Name
	formErrors(c, m.Errors, problem)
	return render(c, status, admin.PoolPage(m))
}

// handlePoolImport begins to look at a file.
func (s *Server) handlePoolImport(c *fiber.Ctx, who *signedIn) error {
	p, err := s.pool(c)
	if err != nil {
		return err
	}
	j := &importJob{name: p.Name, back: admin.PoolPath(p.ID), work: rowImport(s.Campaigns.PoolImport(who.actor(c), p))}
	return s.importable(c, who, j, func(status int, err error) error { return s.showPool(c, who, status, p, err) })
}

// handlePoolDelete removes a pool from which no card came.
func (s *Server) handlePoolDelete(c *fiber.Ctx, who *signedIn) error {
	p, err := s.pool(c)
	if err != nil {
		return err
	}
	err = s.Campaigns.DeletePool(c.UserContext(), who.actor(c), p.ID)
	if errors.Is(err, campaigns.ErrPoolUsed) {
		s.flashText(c, "danger", sentence(c.UserContext(), campaigns.ErrPoolUsed))
		return seeOther(c, admin.PoolPath(p.ID))
	}
	if err != nil {
		return err
	}
	s.flash(c, "success", "pools.done.delete", "name", p.Name)
	return seeOther(c, admin.PoolsPath)
}
