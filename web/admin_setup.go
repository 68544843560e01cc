package web

import (
	"github.com/gofiber/fiber/v2"

	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// handleSetup shows the form for the first person. Later it only leads to the sign-in.
func (s *Server) handleSetup(c *fiber.Ctx) error {
	everybody, err := s.People.List(c.UserContext())
	if err != nil {
		return err
	}
	if len(everybody) > 0 {
		s.flash(c, "info", people.ErrSetupDone.Key)
		return seeOther(c, "/admin/login")
	}
	c.Set("Referrer-Policy", "same-origin")
	return render(c, fiber.StatusOK, admin.SetupPage(s.barePage(c, "admin.setup.title"), admin.Setup{Token: c.Query("token")}))
}

// handleSetupDone makes the first owner and signs them in.
func (s *Server) handleSetupDone(c *fiber.Ctx) error {
	form := admin.Setup{Token: c.FormValue("token"), Login: c.FormValue("login"), Name: c.FormValue("name"), Errors: ui.Errors{}}
	_, cookie, err := s.People.Setup(c.UserContext(), form.Token, people.NewPerson{
		Login: form.Login, Name: form.Name, Password: c.FormValue("password"), Language: string(i18n.Lang(c.UserContext())),
		IP: s.clientIP(c), Agent: c.Get(fiber.HeaderUserAgent),
	})
	if err != nil {
		status, ok := formErrors(c, form.Errors, err)
		if !ok {
			return err
		}
		c.Set("Referrer-Policy", "same-origin")
		return render(c, status, admin.SetupPage(s.barePage(c, "admin.setup.title"), form))
	}
	s.setCookie(c, adminCookie, cookie, people.SessionLife)
	s.flash(c, "success", "admin.setup.done")
	return seeOther(c, "/admin")
}
