package web

import (
	"net/url"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
)

const (
	themeCookie    = "kq_theme"
	preferenceLife = 365 * 24 * time.Hour
	everyAccount   = "all" // in addresses: not one account, although one is remembered
)

var errPreference = fault.New(fault.Invalid, "error.invalid")

// prefer remembers a choice of whoever sent the request, when somebody is signed in. The
// cookie of this browser is set by the caller: it serves the pages on the way in.
func (s *Server) prefer(c *fiber.Ctx, name people.Preference, value string) error {
	token := c.Cookies(adminCookie)
	if token == "" || s.People == nil {
		return nil
	}
	_, person, err := s.People.Session(c.UserContext(), token)
	if err != nil {
		return nil // signed out meanwhile: the browser alone remembers
	}
	return s.People.Prefer(c.UserContext(), person.ID, name, value)
}

// handleLanguage keeps the language in this browser, for visitors' pages too, and for the
// person in every browser.
func (s *Server) handleLanguage(c *fiber.Ctx) error {
	language := c.FormValue("language")
	if language == "" || !people.PreferLanguage.Chosen(language) {
		return errPreference
	}
	if err := s.prefer(c, people.PreferLanguage, language); err != nil {
		return err
	}
	s.setCookie(c, languageCookie, language, preferenceLife)
	return seeOther(c, localPath(c.FormValue("next")))
}

// handleTheme keeps the colours.
func (s *Server) handleTheme(c *fiber.Ctx) error {
	theme := c.FormValue("theme")
	if theme == "" || !people.PreferTheme.Chosen(theme) {
		return errPreference
	}
	if err := s.prefer(c, people.PreferTheme, theme); err != nil {
		return err
	}
	s.setCookie(c, themeCookie, theme, preferenceLife)
	return seeOther(c, localPath(c.FormValue("next")))
}

// handleDensity keeps how much fits on a page.
func (s *Server) handleDensity(c *fiber.Ctx, who *signedIn) error {
	density := c.FormValue("density")
	if density == "" {
		return errPreference
	}
	if err := s.People.Prefer(c.UserContext(), who.Person.ID, people.PreferDensity, density); err != nil {
		return err
	}
	return seeOther(c, localPath(c.FormValue("next")))
}

// handleAccountSwitch remembers the account that the person looks at and shows the page
// that they came from for it.
func (s *Server) handleAccountSwitch(c *fiber.Ctx, who *signedIn) error {
	account := c.FormValue("account")
	keep := account
	if account == everyAccount {
		keep = ""
	} else {
		accounts, err := s.Accounts.Accounts(c.UserContext())
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(accounts, func(a campaigns.Account) bool { return string(a.ID) == account }) {
			return campaigns.ErrAccountNotFound
		}
	}
	if err := s.People.Prefer(c.UserContext(), who.Person.ID, people.PreferAccount, keep); err != nil {
		return err
	}
	return seeOther(c, withAccount(localPath(c.FormValue("next")), account))
}

// withAccount is the path with another account in its query, back on its first page.
func withAccount(path, account string) string {
	u, err := url.Parse(path)
	if err != nil {
		return "/admin"
	}
	q := u.Query()
	q.Set("account", account)
	for _, name := range []string{"page", "before"} {
		q.Del(name)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// applyPreferences lets a request of the person look as they like it. What the browser
// remembers is brought in line, for the pages that nobody is signed in to.
func (s *Server) applyPreferences(c *fiber.Ctx, p people.Preferences) {
	if p.Language != "" {
		c.SetUserContext(i18n.With(c.UserContext(), i18n.Language(p.Language)))
		if c.Cookies(languageCookie) != p.Language {
			s.setCookie(c, languageCookie, p.Language, preferenceLife)
		}
	}
	if p.Theme != "" && c.Cookies(themeCookie) != p.Theme {
		s.setCookie(c, themeCookie, p.Theme, preferenceLife)
	}
}

// lookedAt is the account that a page shows: the one in the address, else the remembered
// one, "" = all.
func lookedAt(c *fiber.Ctx, who *signedIn) string {
	switch account := c.Query("account"); account {
	case "":
		return who.Preferences.Account
	case everyAccount:
		return ""
	default:
		return account
	}
}
