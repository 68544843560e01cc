package web

import (
	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

const (
	peopleNav    = "people"
	passwordPath = "/admin/login/password"
)

// peopleTable is the pages of the people of the admin, and everybody's own account.
func (s *Server) peopleTable() []adminRoute {
	one := admin.PeoplePath + "/:id"
	return []adminRoute{
		{get, admin.PeoplePath, people.PeopleManage, s.handlePeople},
		{post, admin.PeoplePath, people.PeopleManage, s.handlePersonInvite},
		{get, one, people.PeopleManage, s.handlePerson},
		{post, one + "/role", people.PeopleManage, s.handlePersonRole},
		{post, one + "/switch", people.PeopleManage, s.handlePersonSwitch},
		{post, one + "/link", people.PeopleManage, s.handlePersonLink},
		{post, one + "/withdraw", people.PeopleManage, s.handlePersonWithdraw},
		{post, one + "/session", people.PeopleManage, s.handlePersonSessionEnd},
		{post, one + "/sessions", people.PeopleManage, s.handlePersonSessionsEnd},

		{get, admin.MePath, "", s.handleMe},
		{post, admin.MePath, "", s.handleMeRename},
		{post, admin.MePath + "/password", "", s.handleMePassword},
		{post, admin.MePath + "/sessions", "", s.handleMeSessionsEnd},
		{get, admin.MePath + "/two-step", "", s.handleTwoStep},
		{post, admin.MePath + "/two-step", "", s.handleTwoStepStart},
		{post, admin.MePath + "/two-step/confirm", "", s.handleTwoStepConfirm},
		{post, admin.MePath + "/two-step/off", "", s.handleTwoStepStop},
	}
}

// handlePeople lists who may sign in, with the form that invites.
func (s *Server) handlePeople(c *fiber.Ctx, who *signedIn) error {
	return s.showPeople(c, who, fiber.StatusOK, &admin.Team{Form: admin.NewMember{Role: people.Operator}})
}

func (s *Server) showPeople(c *fiber.Ctx, who *signedIn, status int, m *admin.Team) (err error) {
	if m.Members, err = s.People.Members(c.UserContext()); err != nil {
		return err
	}
	m.Page, m.Zone = s.page(c, who, peopleNav, "people.title"), campaigns.Shanghai()
	return render(c, status, admin.TeamPage(m))
}

// handlePersonInvite makes a person and shows their link, in this answer only.
func (s *Server) handlePersonInvite(c *fiber.Ctx, who *signedIn) error {
	form := admin.NewMember{Name: oneLine(c.FormValue("name"), 200), Login: oneLine(c.FormValue("login"), 200), Role: people.Role(c.FormValue("role"))}
	p, token, err := s.People.Invite(c.UserContext(), who.Person, people.NewPerson{
		Login: form.Login, Name: form.Name, Role: form.Role, Language: string(i18n.Lang(c.UserContext())), IP: s.clientIP(c),
	})
	if err != nil {
		return again(c, err, func(status int, errs ui.Errors) error {
			return s.showPeople(c, who, status, &admin.Team{Form: form, Errors: errs})
		})
	}
	return s.showPeople(c, who, fiber.StatusOK, &admin.Team{Invited: s.sentLink(&p, token), Form: admin.NewMember{Role: form.Role}})
}

func (s *Server) sentLink(p *people.Person, token string) *admin.SentLink {
	return &admin.SentLink{Name: p.Name, Address: s.PublicURL + passwordPath + "?token=" + token, Invitation: p.Pending()}
}

func personID(c *fiber.Ctx) people.ID { return people.ID(oneLine(c.Params("id"), 64)) }

// handlePerson is the page of one person.
func (s *Server) handlePerson(c *fiber.Ctx, who *signedIn) error {
	return s.showPerson(c, who, "")
}

func (s *Server) showPerson(c *fiber.Ctx, who *signedIn, token string) error {
	p, err := s.People.Member(c.UserContext(), personID(c))
	if err != nil {
		return err
	}
	m := &admin.Colleague{Page: s.page(c, who, peopleNav, "people.one", "name", p.Name), Member: p, Self: p.ID == who.Person.ID, Zone: campaigns.Shanghai()}
	m.Page.Path = admin.PersonPath(p.ID)
	if token != "" {
		m.Link = s.sentLink(&p.Person, token)
	}
	return render(c, fiber.StatusOK, admin.ColleaguePage(m))
}

// handlePersonLink makes a new link to set a password and shows it, in this answer only.
func (s *Server) handlePersonLink(c *fiber.Ctx, who *signedIn) error {
	token, err := s.People.NewPasswordLink(c.UserContext(), who.Person, s.clientIP(c), personID(c))
	if err != nil {
		return s.sorry(c, err, admin.PersonPath(personID(c)))
	}
	return s.showPerson(c, who, token)
}

// personDone ends a write about a person with a message on their page.
func (s *Server) personDone(c *fiber.Ctx, err error, key string) error {
	back := admin.PersonPath(personID(c))
	if err != nil {
		return s.sorry(c, err, back)
	}
	s.flash(c, "success", key)
	return seeOther(c, back)
}

// handlePersonRole changes the role. Whoever gave up managing people has no page to come
// back to.
func (s *Server) handlePersonRole(c *fiber.Ctx, who *signedIn) error {
	role := people.Role(oneLine(c.FormValue("role"), 20))
	err := s.People.SetRole(c.UserContext(), who.Person, s.clientIP(c), personID(c), role)
	if err == nil && personID(c) == who.Person.ID && !role.Can(people.PeopleManage) {
		s.flash(c, "success", "people.done.role")
		return seeOther(c, "/admin")
	}
	return s.personDone(c, err, "people.done.role")
}

// handlePersonSwitch shuts somebody out or lets them in again.
func (s *Server) handlePersonSwitch(c *fiber.Ctx, who *signedIn) error {
	to := c.FormValue("to")
	if to != "on" && to != "off" {
		return errPreference
	}
	err := s.People.SetDisabled(c.UserContext(), who.Person, s.clientIP(c), personID(c), to == "off")
	return s.personDone(c, err, "people.done."+to)
}

// handlePersonWithdraw removes somebody who was invited and never came.
func (s *Server) handlePersonWithdraw(c *fiber.Ctx, who *signedIn) error {
	if err := s.People.Withdraw(c.UserContext(), who.Person, s.clientIP(c), personID(c)); err != nil {
		return s.sorry(c, err, admin.PersonPath(personID(c)))
	}
	s.flash(c, "success", "people.done.withdrawn")
	return seeOther(c, admin.PeoplePath)
}

// handlePersonSessionEnd signs somebody out of one browser.
func (s *Server) handlePersonSessionEnd(c *fiber.Ctx, who *signedIn) error {
	err := s.People.EndSession(c.UserContext(), who.Person, s.clientIP(c), personID(c), c.FormValue("session"))
	return s.personDone(c, err, "people.done.session")
}

// handlePersonSessionsEnd signs somebody out everywhere.
func (s *Server) handlePersonSessionsEnd(c *fiber.Ctx, who *signedIn) error {
	err := s.People.EndSessions(c.UserContext(), who.Person, s.clientIP(c), personID(c), nil)
	return s.personDone(c, err, "people.done.sessions")
}
