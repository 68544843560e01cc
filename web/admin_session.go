package web

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/layout"
)

const (
	adminCookie = "kq_admin"
	flashCookie = "kq_flash"

	flashLife = time.Minute
)

// signedIn is the person behind a request of the admin.
type signedIn struct {
	Session     people.Session
	Person      people.Person
	Preferences people.Preferences
	CSRF        string
	server      *Server
}

// actor is the person as an audit line names them.
func (w *signedIn) actor(c *fiber.Ctx) campaigns.Actor {
	return campaigns.Actor{ID: string(w.Person.ID), Name: w.Person.Name, IP: w.server.clientIP(c)}
}

func (w *signedIn) can(p people.Permission) bool { return w.Person.Role.Can(p) }

var errForbidden = fault.New(fault.Forbidden, "error.forbidden")

// admin lets a request through to h when its session is alive, the person's role has the
// permission, and a write carries the session's CSRF token (field _csrf or header
// X-CSRF-Token). Whoever is not signed in goes to the sign-in and comes back afterwards.
// The table's group has checked the origin of writes already.
func (s *Server) admin(permission people.Permission, h adminHandler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		session, person, err := s.People.Session(c.UserContext(), c.Cookies(adminCookie))
		switch {
		case errors.Is(err, people.ErrNoSession):
			return s.toSignIn(c)
		case err != nil:
			return err
		}
		if c.Method() != fiber.MethodGet && c.Method() != fiber.MethodHead {
			token := c.Get("X-CSRF-Token")
			if token == "" {
				token = c.FormValue("_csrf")
			}
			if err := s.People.CheckCSRF(session, token); err != nil {
				return err
			}
		}
		if permission != "" && !person.Role.Can(permission) {
			return errForbidden
		}
		likes, err := s.People.Preferences(c.UserContext(), person.ID)
		if err != nil {
			return err
		}
		s.applyPreferences(c, likes)
		return h(c, &signedIn{Session: session, Person: person, Preferences: likes, CSRF: session.CSRF, server: s})
	}
}

// toSignIn sends the browser to the sign-in. A part of a page cannot be replaced by it, so
// htmx is told to leave the page; what it would return to is the page, not the part.
func (s *Server) toSignIn(c *fiber.Ctx) error {
	next := c.OriginalURL()
	if c.Method() != fiber.MethodGet {
		next = ""
	}
	if isFragment(c) {
		next = ""
		if page, err := url.Parse(c.Get("HX-Current-URL")); err == nil {
			next = page.RequestURI()
		}
	}
	target := "/admin/login"
	if next = localPath(next); next != "/admin" {
		target += "?next=" + url.QueryEscape(next)
	}
	if isFragment(c) {
		c.Set("HX-Redirect", target)
		return c.SendStatus(fiber.StatusUnauthorized)
	}
	return seeOther(c, target)
}

// localPath is path when it is an address of the admin here, else "/admin". Anything that
// a browser could read as another host is refused.
func localPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || len(path) > 1000 || strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }) {
		return "/admin"
	}
	if path == "/admin" || strings.HasPrefix(path, "/admin/") || strings.HasPrefix(path, "/admin?") {
		return path
	}
	return "/admin"
}

// page is the frame of a page: nav is its entry in the navigation, titleKey its name.
// The flash of the page before is taken out of its cookie.
func (s *Server) page(c *fiber.Ctx, who *signedIn, nav, titleKey string, args ...any) layout.Page {
	p := s.barePage(c, titleKey, args...)
	p.Nav, p.Person, p.CSRF = nav, who.Person, who.CSRF
	p.Density = who.Preferences.Density
	if who.Preferences.Theme != "" {
		p.Theme = who.Preferences.Theme
	}
	if len(p.Accounts) > 1 {
		p.Account = lookedAt(c, who)
	}
	if who.can(people.AccountRead) {
		p.Health = s.healthDot(c.UserContext())
	}
	if nav != exportsNav && who.can(people.ClaimsExport) { // their own page shows them anyway
		p.Tray = s.exportTray(c.UserContext(), who)
	}
	return p
}

// barePage is the frame of a page for nobody in particular.
func (s *Server) barePage(c *fiber.Ctx, titleKey string, args ...any) layout.Page {
	ctx := c.UserContext()
	p := layout.Page{
		Title: i18n.T(ctx, titleKey, args...), Accounts: s.accounts(ctx), Flash: s.takeFlash(c),
		Path: c.OriginalURL(), Theme: c.Cookies(themeCookie), Version: s.Version,
	}
	p.Sandbox = slices.ContainsFunc(p.Accounts, func(a layout.Account) bool { return a.Sandbox })
	return p
}

// accounts are those of the switcher. A page is not worth failing for them.
func (s *Server) accounts(ctx context.Context) []layout.Account {
	accounts, err := s.Accounts.Accounts(ctx)
	if err != nil {
		s.Log.Warn("read accounts", "err", err)
	}
	list := make([]layout.Account, len(accounts))
	for i, a := range accounts {
		list[i] = layout.Account{ID: string(a.ID), Name: a.Name, Sandbox: a.Credentials.Sandbox}
	}
	return list
}

// flash leaves a message for the next page; kind is success, danger, warning or info.
func (s *Server) flash(c *fiber.Ctx, kind, key string, args ...any) {
	s.flashText(c, kind, i18n.T(c.UserContext(), key, args...))
}

func (s *Server) flashText(c *fiber.Ctx, kind, text string) {
	s.leaveFlash(c, layout.Flash{Kind: kind, Text: text})
}

func (s *Server) leaveFlash(c *fiber.Ctx, f layout.Flash) {
	sealed, err := s.cookies.seal(flashCookie, f)
	if err != nil {
		s.Log.Warn("seal flash", "err", err)
		return
	}
	s.setCookie(c, flashCookie, sealed, flashLife)
}

func (s *Server) takeFlash(c *fiber.Ctx) *layout.Flash {
	sealed := c.Cookies(flashCookie)
	if sealed == "" || isFragment(c) {
		return nil
	}
	s.dropCookie(c, flashCookie)
	var f layout.Flash
	if !s.cookies.open(flashCookie, sealed, &f) {
		return nil
	}
	return &f
}
