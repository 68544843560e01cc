package web

import (
	"errors"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/mini"
	"kaquan/views/admin"
	"kaquan/views/ui"
	"kaquan/wechat"
)

// miniOf is the account of the path with its mini program; the zero program when it has
// none yet.
func (s *Server) miniOf(c *fiber.Ctx) (campaigns.Account, mini.Program, error) {
	account, err := s.Accounts.Account(c.UserContext(), campaigns.AccountID(c.Params("id")))
	if err != nil {
		return account, mini.Program{}, err
	}
	if s.Mini == nil {
		return account, mini.Program{}, fiber.ErrNotFound
	}
	p, err := s.Mini.Program(c.UserContext(), account.ID)
	if errors.Is(err, mini.ErrProgramNotFound) {
		return account, mini.Program{}, nil
	}
	return account, p, err
}

func miniPath(id campaigns.AccountID) string { return "/admin/accounts/" + string(id) + "/mini" }

// handleMini is the form of an account's mini program.
func (s *Server) handleMini(c *fiber.Ctx, who *signedIn) error {
	account, p, err := s.miniOf(c)
	if err != nil {
		return err
	}
	return s.miniForm(c, who, fiber.StatusOK, account, p, p, nil)
}

// handleMiniSave checks and stores what was typed. A secret that was left empty stays.
func (s *Server) handleMiniSave(c *fiber.Ctx, who *signedIn) error {
	account, stored, err := s.miniOf(c)
	if err != nil {
		return err
	}
	typed := stored
	typed.Account = account.ID
	typed.AppID, typed.APIURL = wechat.AppID(strings.TrimSpace(c.FormValue("app_id"))), strings.TrimSpace(c.FormValue("api_url"))
	if secret := strings.TrimSpace(c.FormValue("secret")); secret != "" {
		typed.Secret = secret
	}
	err = s.Mini.SaveProgram(c.UserContext(), who.actor(c), typed)
	if fault.CodeOf(err) == fault.Invalid {
		messages := ui.Errors{}
		for _, e := range fault.All(err) {
			messages.Add(e.Field, i18n.TArgs(c.UserContext(), e.Key, e.Args))
		}
		return s.miniForm(c, who, fiber.StatusUnprocessableEntity, account, stored, typed, messages)
	}
	if err != nil {
		return err
	}
	s.flash(c, "success", "mini.settings.done")
	return seeOther(c, miniPath(account.ID))
}

// handleMiniCheck fetches the mini program's token, which proves AppID, secret and the
// list of allowed addresses.
func (s *Server) handleMiniCheck(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	account, p, err := s.miniOf(c)
	if err != nil {
		return err
	}
	if p.AppID == "" {
		s.flash(c, "warning", "mini.settings.none")
		return seeOther(c, miniPath(account.ID))
	}
	wait, err := s.refreshWait(ctx, p.AppID, wechat.AccessToken)
	if err != nil {
		return err
	}
	if wait > 0 {
		s.flash(c, "warning", "tokens.too_soon", "seconds", int((wait+time.Second-1)/time.Second))
		return seeOther(c, miniPath(account.ID))
	}
	program, err := s.WeChat.Account(ctx, mini.HubID(account.ID))
	if err != nil {
		return err
	}
	if err := s.People.Record(ctx, who.Person, s.clientIP(c), "mini.check", "account", string(account.ID), map[string]any{"app_id": string(p.AppID)}); err != nil {
		return err
	}
	_, err = program.Keeper().Refresh(ctx, wechat.AccessToken)
	s.flashMiniCheck(c, account.ID, err)
	return seeOther(c, miniPath(account.ID))
}

func (s *Server) flashMiniCheck(c *fiber.Ctx, account campaigns.AccountID, err error) {
	if err == nil {
		s.flash(c, "success", "mini.settings.works")
		return
	}
	s.Log.Warn("mini program checked", "account", account, "err", err)
	sentence := i18n.T(c.UserContext(), wechat.Meaning(err))
	var answer *wechat.APIError
	if errors.As(err, &answer) {
		s.flash(c, "danger", "mini.settings.fails_code", "sentence", sentence, "code", answer.Code)
		return
	}
	s.flash(c, "danger", "mini.settings.fails", "sentence", sentence)
}

// handleMiniRemove takes the mini program off the account.
func (s *Server) handleMiniRemove(c *fiber.Ctx, who *signedIn) error {
	account, _, err := s.miniOf(c)
	if err != nil {
		return err
	}
	if err := s.Mini.RemoveProgram(c.UserContext(), who.actor(c), account.ID); err != nil {
		return err
	}
	s.flash(c, "success", "mini.settings.removed")
	return seeOther(c, miniPath(account.ID))
}

// miniForm shows typed; of the secret it says only that stored has one.
func (s *Server) miniForm(c *fiber.Ctx, who *signedIn, status int, account campaigns.Account, stored, typed mini.Program, messages ui.Errors) error {
	return render(c, status, admin.MiniPage(&admin.MiniForm{
		Page: s.page(c, who, "account", "mini.settings.title", "name", account.Name), Account: account.ID, AccountName: account.Name, Known: stored.AppID != "",
		AppID: string(typed.AppID), APIURL: typed.APIURL, Saved: wechat.Mask(stored.Secret), Server: s.PublicURL, Secure: s.secure(), Errors: messages,
	}))
}
