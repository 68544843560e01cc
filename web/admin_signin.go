package web

import (
	"context"
	"errors"
	"fmt"

	"github.com/gofiber/fiber/v2"

	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// handleSignIn shows the sign-in; whoever is signed in already goes on.
func (s *Server) handleSignIn(c *fiber.Ctx) error {
	next := localPath(c.Query("next"))
	if _, _, err := s.People.Session(c.UserContext(), c.Cookies(adminCookie)); err == nil {
		return seeOther(c, next)
	}
	everybody, err := s.People.List(c.UserContext())
	if err != nil {
		return err
	}
	form := admin.SignIn{Next: next, Empty: len(everybody) == 0}
	return render(c, fiber.StatusOK, admin.SignInPage(s.barePage(c, "admin.signin.title"), form))
}

// handleSignInDone checks login and password. What went wrong stands above the form and
// never says which of the two it was.
func (s *Server) handleSignInDone(c *fiber.Ctx) error {
	form := admin.SignIn{Next: localPath(c.FormValue("next")), Login: c.FormValue("login"), Errors: ui.Errors{}}
	token, _, err := s.People.SignIn(c.UserContext(), form.Login, c.FormValue("password"), s.clientIP(c), c.Get(fiber.HeaderUserAgent))
	if errors.Is(err, people.ErrSecondStep) {
		return s.askCode(c, token, form.Next)
	}
	if err != nil {
		status, ok := formErrors(c, form.Errors, err)
		if !ok {
			return err
		}
		return render(c, status, admin.SignInPage(s.barePage(c, "admin.signin.title"), form))
	}
	s.setCookie(c, adminCookie, token, people.SessionLife)
	return seeOther(c, form.Next)
}

// handleLink shows one button: chat programs open links to preview them, and a preview
// must not spend the token.
func (s *Server) handleLink(c *fiber.Ctx) error {
	c.Set("Referrer-Policy", "same-origin")
	return render(c, fiber.StatusOK, admin.LinkPage(s.barePage(c, "admin.link.title"), admin.Link{Token: c.Query("token")}))
}

func (s *Server) handleLinkDone(c *fiber.Ctx) error {
	form := admin.Link{Token: c.FormValue("token"), Errors: ui.Errors{}}
	token, _, err := s.People.SignInByLink(c.UserContext(), form.Token, s.clientIP(c), c.Get(fiber.HeaderUserAgent))
	if err != nil {
		status, ok := formErrors(c, form.Errors, err)
		if !ok {
			return err
		}
		return render(c, status, admin.LinkPage(s.barePage(c, "admin.link.title"), form))
	}
	s.setCookie(c, adminCookie, token, people.SessionLife)
	return seeOther(c, "/admin")
}

func (s *Server) handleSignOut(c *fiber.Ctx, _ *signedIn) error {
	if err := s.People.SignOut(c.UserContext(), c.Cookies(adminCookie)); err != nil {
		return err
	}
	s.dropCookie(c, adminCookie)
	s.flash(c, "success", "admin.signout.done")
	return seeOther(c, "/admin/login")
}

// formErrors puts the problems in err on their fields and returns the status of the page
// that shows them. ok is false for errors that are no message of a form.
func formErrors(c *fiber.Ctx, into ui.Errors, err error) (status int, ok bool) {
	all := fault.All(err)
	if len(all) == 0 || all[0].Code == fault.Internal {
		return 0, false
	}
	for _, e := range all {
		if seconds, found := e.Args["seconds"]; found && e.Code == fault.RateLimited {
			c.Set(fiber.HeaderRetryAfter, fmt.Sprint(seconds))
		}
		into.Add(e.Field, sentence(c.UserContext(), e))
	}
	if all[0].Field != "" {
		return fiber.StatusUnprocessableEntity, true
	}
	return statusOf[all[0].Code], true
}

func sentence(ctx context.Context, e *fault.Error) string { return i18n.TArgs(ctx, e.Key, e.Args) }
