package web

import (
	"errors"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

const (
	secondCookie = "kq_second" // that the password was right
	codePath     = "/admin/login/code"
)

// askCode leads to the second step of the sign-in and on to next afterwards.
func (s *Server) askCode(c *fiber.Ctx, token, next string) error {
	s.setCookie(c, secondCookie, token, people.SecondLife)
	return seeOther(c, codePath+"?next="+url.QueryEscape(next))
}

// handleCode asks for the code; without a password before it there is nothing to ask.
func (s *Server) handleCode(c *fiber.Ctx) error {
	next := localPath(c.Query("next"))
	if c.Cookies(secondCookie) == "" {
		return seeOther(c, "/admin/login?next="+url.QueryEscape(next))
	}
	return render(c, fiber.StatusOK, admin.CodePage(s.barePage(c, "people.two_step"), admin.SecondStep{Next: next}))
}

// handleCodeDone checks the code and signs in.
func (s *Server) handleCodeDone(c *fiber.Ctx) error {
	form := admin.SecondStep{Next: localPath(c.FormValue("next")), Errors: ui.Errors{}}
	token, _, err := s.People.SecondStep(c.UserContext(), c.Cookies(secondCookie), c.FormValue("code"), s.clientIP(c), c.Get(fiber.HeaderUserAgent))
	if errors.Is(err, people.ErrOneTimeUsed) {
		s.dropCookie(c, secondCookie)
		s.flash(c, "info", "people.signin.late")
		return seeOther(c, "/admin/login?next="+url.QueryEscape(form.Next))
	}
	if err != nil {
		status, ok := formErrors(c, form.Errors, err)
		if !ok {
			return err
		}
		return render(c, status, admin.CodePage(s.barePage(c, "people.two_step"), form))
	}
	s.dropCookie(c, secondCookie)
	s.setCookie(c, adminCookie, token, people.SessionLife)
	return seeOther(c, form.Next)
}

// handlePasswordLink shows the form behind the link of an invitation or a reset. Looking
// spends nothing: chat programs open links to preview them.
func (s *Server) handlePasswordLink(c *fiber.Ctx) error {
	form := admin.NewPassword{Token: c.Query("token"), Errors: ui.Errors{}}
	var err error
	form.Person, err = s.People.PasswordLink(c.UserContext(), form.Token, s.clientIP(c))
	return s.showPasswordLink(c, form, err)
}

func (s *Server) showPasswordLink(c *fiber.Ctx, form admin.NewPassword, err error) error {
	status := fiber.StatusOK
	if err != nil {
		var ok bool
		if status, ok = formErrors(c, form.Errors, err); !ok {
			return err
		}
	}
	title := "people.newpassword"
	if form.Person.ID != "" && form.Person.Pending() {
		title = "people.join"
	}
	c.Set("Referrer-Policy", "same-origin")
	return render(c, status, admin.PasswordPage(s.barePage(c, title), form))
}

// handlePasswordLinkDone sets the password. Somebody with a second step still has to sign in.
func (s *Server) handlePasswordLinkDone(c *fiber.Ctx) error {
	form := admin.NewPassword{Token: c.FormValue("token"), Errors: ui.Errors{}}
	p, cookie, err := s.People.SetPasswordByLink(c.UserContext(), form.Token, c.FormValue("password"), s.clientIP(c), c.Get(fiber.HeaderUserAgent))
	if err != nil {
		if !errors.Is(err, people.ErrPasswordLink) {
			form.Person = p
		}
		return s.showPasswordLink(c, form, err)
	}
	s.flash(c, "success", "people.done.password_set")
	if cookie == "" {
		return seeOther(c, "/admin/login")
	}
	s.setCookie(c, adminCookie, cookie, people.SessionLife)
	return seeOther(c, "/admin")
}
