package web

import (
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// handleMe is everybody's own account.
func (s *Server) handleMe(c *fiber.Ctx, who *signedIn) error {
	return s.showMe(c, who, fiber.StatusOK, &admin.Me{Name: who.Person.Name})
}

func (s *Server) showMe(c *fiber.Ctx, who *signedIn, status int, m *admin.Me) (err error) {
	ctx := c.UserContext()
	if m.TwoStep, err = s.People.TwoStep(ctx, who.Person.ID); err != nil {
		return err
	}
	if m.Sessions, err = s.People.Sessions(ctx, who.Person.ID); err != nil {
		return err
	}
	m.Page, m.Zone, m.Session = s.page(c, who, "me", "people.me.title"), campaigns.Shanghai(), who.Session.Key()
	m.Page.Path = admin.MePath
	return render(c, status, admin.MePage(m))
}

// meDone ends a write about the own account: with a message, or with the page and what was
// wrong. name is what stands in the field of the name then.
func (s *Server) meDone(c *fiber.Ctx, who *signedIn, err error, name, key string) error {
	if err != nil {
		return again(c, err, func(status int, errs ui.Errors) error {
			return s.showMe(c, who, status, &admin.Me{Name: name, Errors: errs})
		})
	}
	s.flash(c, "success", key)
	return seeOther(c, admin.MePath)
}

// handleMeRename changes the own name.
func (s *Server) handleMeRename(c *fiber.Ctx, who *signedIn) error {
	name := oneLine(c.FormValue("name"), 200)
	return s.meDone(c, who, s.People.Rename(c.UserContext(), who.Person, s.clientIP(c), name), name, "people.done.name")
}

// handleMePassword changes the own password and ends the other sessions.
func (s *Server) handleMePassword(c *fiber.Ctx, who *signedIn) error {
	err := s.People.ChangePassword(c.UserContext(), who.Person, who.Session, s.clientIP(c), c.FormValue("old"), c.FormValue("password"))
	return s.meDone(c, who, err, who.Person.Name, "people.done.password")
}

// handleMeSessionsEnd signs out one of the person's other browsers, or all of them.
func (s *Server) handleMeSessionsEnd(c *fiber.Ctx, who *signedIn) error {
	if key := c.FormValue("session"); key != "" {
		err := s.People.EndSession(c.UserContext(), who.Person, s.clientIP(c), who.Person.ID, key)
		return s.meDone(c, who, err, who.Person.Name, "people.done.session")
	}
	err := s.People.EndSessions(c.UserContext(), who.Person, s.clientIP(c), who.Person.ID, who.Session.ID)
	return s.meDone(c, who, err, who.Person.Name, "people.done.others")
}

// handleTwoStepStart makes a secret; the next page shows it.
func (s *Server) handleTwoStepStart(c *fiber.Ctx, who *signedIn) error {
	if err := s.People.StartTwoStep(c.UserContext(), who.Person); err != nil {
		return s.sorry(c, err, admin.MePath)
	}
	return seeOther(c, admin.MePath+"/two-step")
}

// handleTwoStep shows the secret that waits to be confirmed.
func (s *Server) handleTwoStep(c *fiber.Ctx, who *signedIn) error {
	return s.showEnrolment(c, who, fiber.StatusOK, ui.Errors{})
}

func (s *Server) showEnrolment(c *fiber.Ctx, who *signedIn, status int, errs ui.Errors) error {
	t, err := s.People.TwoStep(c.UserContext(), who.Person.ID)
	if err != nil {
		return err
	}
	if t.On() || t.Secret == "" {
		return seeOther(c, admin.MePath)
	}
	address, err := t.Address(issuerName(s.public), who.Person.Login)
	if err != nil {
		return err
	}
	var groups []string
	for rest := t.Secret; rest != ""; rest = rest[min(4, len(rest)):] {
		groups = append(groups, rest[:min(4, len(rest))])
	}
	p := s.page(c, who, "me", "people.two_step")
	p.Path = admin.MePath + "/two-step"
	return render(c, status, admin.EnrolmentPage(&admin.Enrolment{
		Page: p, QR: ui.NewQR(address), Secret: strings.Join(groups, " "), Errors: errs,
	}))
}

// issuerName is what an authenticator app calls this installation. A colon would end the
// name there.
func issuerName(u *url.URL) string {
	if host := u.Hostname(); !strings.Contains(host, ":") {
		return "Kaquan " + host
	}
	return "Kaquan"
}

// handleTwoStepConfirm turns the second step on and shows the recovery codes, in this answer
// only.
func (s *Server) handleTwoStepConfirm(c *fiber.Ctx, who *signedIn) error {
	codes, err := s.People.ConfirmTwoStep(c.UserContext(), who.Person, s.clientIP(c), c.FormValue("code"))
	if err != nil {
		return again(c, err, func(status int, errs ui.Errors) error {
			if len(errs.Of("code")) == 0 && status == fiber.StatusConflict {
				return s.sorry(c, err, admin.MePath)
			}
			return s.showEnrolment(c, who, status, errs)
		})
	}
	p := s.page(c, who, "me", "people.two_step")
	p.Path = admin.MePath
	return render(c, fiber.StatusOK, admin.RecoveryPage(&admin.Recovered{Page: p, Codes: codes}))
}

// handleTwoStepStop turns the second step off, with the password.
func (s *Server) handleTwoStepStop(c *fiber.Ctx, who *signedIn) error {
	err := s.People.StopTwoStep(c.UserContext(), who.Person, s.clientIP(c), c.FormValue("proof"))
	return s.meDone(c, who, err, who.Person.Name, "people.done.two_step_off")
}
