package web

import (
	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// handleViewSave keeps the list's filter under a name. What is wrong with the name comes
// back next to it.
func (s *Server) handleViewSave(c *fiber.Ctx, who *signedIn) error {
	query := readQuery(c.FormValue("query"))
	name := oneLine(c.FormValue("name"), 200)
	v, err := s.Campaigns.SaveView(c.UserContext(), who.actor(c), name, query.Saved(), c.FormValue("shared") == "1")
	if err != nil {
		l := &admin.CampaignList{Query: query, ViewErrors: ui.Errors{}, ViewName: name}
		status, ok := formErrors(c, l.ViewErrors, err)
		if !ok || status >= fiber.StatusInternalServerError {
			return err
		}
		return s.showCampaigns(c, who, status, l)
	}
	if c.FormValue("default") == "1" {
		if err := s.People.Prefer(c.UserContext(), who.Person.ID, people.PreferView, v.ID); err != nil {
			return err
		}
	}
	s.flash(c, "success", "shell.view.saved", "name", v.Name)
	query.View, query.Page = v.ID, 0
	return seeOther(c, query.URL("/admin/campaigns"))
}

// handleViewChange updates, deletes or makes a view the one that the list opens with.
func (s *Server) handleViewChange(c *fiber.Ctx, who *signedIn) error {
	ctx, id := c.UserContext(), c.Params("view")
	query := readQuery(c.FormValue("query"))
	query.View = id
	var err error
	switch c.FormValue("op") {
	case "update":
		err = s.Campaigns.UpdateView(ctx, who.actor(c), id, query.Saved())
	case "delete":
		if err = s.Campaigns.DeleteView(ctx, who.actor(c), id); err == nil && who.Preferences.View == id {
			err = s.People.Prefer(ctx, who.Person.ID, people.PreferView, "")
		}
		query.View = ""
	case "default":
		if err = s.knownView(c, who, id); err == nil {
			err = s.People.Prefer(ctx, who.Person.ID, people.PreferView, id)
		}
	case "plain":
		err = s.People.Prefer(ctx, who.Person.ID, people.PreferView, "")
	default:
		err = errPreference
	}
	if err != nil {
		return err
	}
	s.flash(c, "success", "shell.view.changed")
	if len(query.Values()) == 0 {
		query.State = "all"
	}
	return seeOther(c, query.URL("/admin/campaigns"))
}

// knownView reports ErrViewNotFound for a view that the person does not see.
func (s *Server) knownView(c *fiber.Ctx, who *signedIn, id string) error {
	views, err := s.Campaigns.Views(c.UserContext(), string(who.Person.ID))
	if err != nil {
		return err
	}
	for _, v := range views {
		if v.ID == id {
			return nil
		}
	}
	return campaigns.ErrViewNotFound
}
