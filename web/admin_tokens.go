package web

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/wechat"
)

const (
	shownFetches = 20
	// refreshPause is how long after a fetch nobody may ask for the next one: WeChat counts
	// them, and one day's are soon used up by an impatient finger.
	refreshPause = 10 * time.Second
)

var errTokenKind = fault.New(fault.NotFound, "tokens.kind_unknown")

// handleTokens shows the tokens and tickets of every account; the board asks for itself
// again from time to time.
func (s *Server) handleTokens(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	accounts, err := s.Accounts.Accounts(ctx)
	if err != nil {
		return err
	}
	m := &admin.Tokens{Now: s.Now(), Zone: campaigns.Shanghai(), CanWrite: who.can(people.AccountWrite)}
	m.Page.CSRF = who.CSRF
	for _, account := range accounts {
		part := admin.AccountTokens{Account: account}
		// One account that cannot be read must not hide the others.
		if part.States, part.Err = s.tokenStates(ctx, account.ID); part.Err != nil {
			s.Log.Warn("token states", "account", account.ID, "err", part.Err)
		}
		if part.Fetches, err = s.Fetches.Fetches(ctx, account.Credentials.AppID, shownFetches); err != nil {
			return err
		}
		m.Accounts = append(m.Accounts, part)
	}
	if isFragment(c) {
		return render(c, fiber.StatusOK, admin.TokensBoard(m))
	}
	m.Page = s.page(c, who, "health", "tokens.title")
	return render(c, fiber.StatusOK, admin.TokensPage(m))
}

func (s *Server) tokenStates(ctx context.Context, id campaigns.AccountID) ([]wechat.State, error) {
	account, err := s.WeChat.Account(ctx, string(id))
	if err != nil {
		return nil, err
	}
	return account.Keeper().States(ctx)
}

// handleTokenRefresh fetches one token or ticket now. What WeChat answers is told on the
// board, whether it worked or not.
func (s *Server) handleTokenRefresh(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	kind := wechat.Kind(c.Params("kind"))
	if !slices.Contains(wechat.Kinds(), kind) {
		return errTokenKind
	}
	stored, err := s.Accounts.Account(ctx, campaigns.AccountID(c.Params("account")))
	if err != nil {
		return err
	}
	wait, err := s.refreshWait(ctx, stored.Credentials.AppID, kind)
	if err != nil {
		return err
	}
	if wait > 0 {
		s.flash(c, "warning", "tokens.too_soon", "seconds", int((wait+time.Second-1)/time.Second))
		return seeOther(c, "/admin/tokens")
	}
	account, err := s.WeChat.Account(ctx, string(stored.ID))
	if err != nil {
		return err
	}
	if err := s.People.Record(ctx, who.Person, s.clientIP(c), "tokens.refresh", "account", string(stored.ID), map[string]any{"kind": kind}); err != nil {
		return err
	}
	_, err = account.Keeper().Refresh(ctx, kind)
	s.flashRefresh(c, kind, err)
	return seeOther(c, "/admin/tokens")
}

// refreshWait is how long it still is until the kind may be fetched by hand; 0 = now. The
// log of fetches tells, so that restarts and other processes count too.
func (s *Server) refreshWait(ctx context.Context, app wechat.AppID, kind wechat.Kind) (time.Duration, error) {
	fetches, err := s.Fetches.Fetches(ctx, app, shownFetches)
	if err != nil {
		return 0, err
	}
	for _, f := range fetches {
		if f.Kind == kind {
			return min(refreshPause, refreshPause-s.Now().Sub(f.At)), nil
		}
	}
	return 0, nil
}

func (s *Server) flashRefresh(c *fiber.Ctx, kind wechat.Kind, err error) {
	name := i18n.T(c.UserContext(), "tokens.kind."+string(kind))
	if err == nil {
		s.flash(c, "success", "tokens.refreshed", "kind", name)
		return
	}
	s.Log.Warn("refresh by hand", "kind", kind, "err", err)
	sentence := i18n.T(c.UserContext(), wechat.Meaning(err))
	var answer *wechat.APIError
	if errors.As(err, &answer) {
		s.flash(c, "danger", "tokens.refresh_failed_code", "kind", name, "sentence", sentence, "code", answer.Code)
		return
	}
	s.flash(c, "danger", "tokens.refresh_failed", "kind", name, "sentence", sentence)
}
