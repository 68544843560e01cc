package web

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/ui"
	"kaquan/wechat"
)

// newAccount stands where the path of an existing account has its id; no account has it.
const newAccount = "new"

// handleAccounts lists the official accounts.
func (s *Server) handleAccounts(c *fiber.Ctx, who *signedIn) error {
	list, err := s.Accounts.Accounts(c.UserContext())
	if err != nil {
		return err
	}
	m := &admin.Accounts{Page: s.page(c, who, "account", "accounts.title"), Accounts: list, CanWrite: who.can(people.AccountWrite)}
	return render(c, fiber.StatusOK, admin.AccountsPage(m))
}

// handleAccountEdit is the form of one official account, or of a new one.
func (s *Server) handleAccountEdit(c *fiber.Ctx, who *signedIn) error {
	account, err := s.storedAccount(c)
	if err != nil {
		return err
	}
	return s.accountForm(c, who, fiber.StatusOK, account, account, nil)
}

// handleAccountSave checks and stores what was typed. Secrets that were left empty stay.
func (s *Server) handleAccountSave(c *fiber.Ctx, who *signedIn) error {
	stored, err := s.storedAccount(c)
	if err != nil {
		return err
	}
	typed := typedAccount(c, stored)
	if stored.ID == "" {
		err = s.unusedID(c, typed.ID)
	}
	if err == nil {
		err = s.Campaigns.SaveAccount(c.UserContext(), s.Accounts, who.actor(c), typed)
	}
	if fault.CodeOf(err) == fault.Invalid {
		messages := ui.Errors{}
		for _, e := range fault.All(err) {
			messages.Add(e.Field, i18n.TArgs(c.UserContext(), e.Key, e.Args))
		}
		return s.accountForm(c, who, fiber.StatusUnprocessableEntity, stored, typed, messages)
	}
	if err != nil {
		return err
	}
	s.flash(c, "success", "accounts.done")
	return seeOther(c, "/admin/accounts/"+string(typed.ID))
}

// storedAccount is the account that the path names, the zero account for a new one.
func (s *Server) storedAccount(c *fiber.Ctx) (campaigns.Account, error) {
	if c.Params("id") == newAccount {
		return campaigns.Account{}, nil
	}
	return s.Accounts.Account(c.UserContext(), campaigns.AccountID(c.Params("id")))
}

var errAccountIDTaken = fault.New(fault.Invalid, "account.error.id_taken").On("id")

// unusedID refuses an id that a new account cannot have: saving would write over another.
func (s *Server) unusedID(c *fiber.Ctx, id campaigns.AccountID) error {
	if id == newAccount {
		return errAccountIDTaken
	}
	_, err := s.Accounts.Account(c.UserContext(), id)
	switch {
	case err == nil:
		return errAccountIDTaken
	case errors.Is(err, campaigns.ErrAccountNotFound):
		return nil
	}
	return err
}

// typedAccount is the stored account with what the form changes. The program's own sandbox
// account only takes a new name.
func typedAccount(c *fiber.Ctx, stored campaigns.Account) campaigns.Account {
	value := func(name string) string { return strings.TrimSpace(c.FormValue(name)) }
	a := stored
	a.Name = oneLine(value("name"), 200)
	if stored.Credentials.Sandbox {
		return a
	}
	if stored.ID == "" {
		a.ID = campaigns.AccountID(value("id"))
		a.Credentials.Account = value("id")
	}
	k := &a.Credentials
	k.AppID, k.Mode = wechat.AppID(value("app_id")), wechat.Mode(value("mode"))
	k.APIURL, k.OpenURL, k.JSURL = value("api_url"), value("open_url"), value("js_url")
	for name, secret := range map[string]*string{"secret": &k.Secret, "push_token": &k.PushToken, "aes_key": &k.AESKey} {
		if v := value(name); v != "" {
			*secret = v
		}
	}
	return a
}

// accountForm shows shown; of the secrets it says only that stored has them.
func (s *Server) accountForm(c *fiber.Ctx, who *signedIn, status int, stored, shown campaigns.Account, messages ui.Errors) error {
	m := &admin.AccountForm{
		New: stored.ID == "", Sandbox: stored.Credentials.Sandbox, ID: string(shown.ID), Name: shown.Name,
		AppID: string(shown.Credentials.AppID), Mode: shown.Credentials.Mode, APIURL: shown.Credentials.APIURL,
		OpenURL: shown.Credentials.OpenURL, JSURL: shown.Credentials.JSURL,
		Saved: admin.SavedOf(stored.Credentials), Host: s.public.Hostname(), Errors: messages,
	}
	if m.New {
		m.Page = s.page(c, who, "account", "accounts.new")
	} else {
		m.Page = s.page(c, who, "account", "accounts.edit", "name", stored.Name)
		m.Push = s.PublicURL + "/w/push/" + string(stored.ID)
	}
	return render(c, status, admin.AccountPage(m))
}
