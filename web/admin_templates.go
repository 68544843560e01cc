package web

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/admin"
)

// fillFromTemplate starts a new campaign from the template that the address names. A card
// of WeChat belongs to one account, so its template brings the account along.
func (s *Server) fillFromTemplate(c *fiber.Ctx, d *campaigns.Draft, accounts []campaigns.Account) error {
	id := c.FormValue("template")
	if id == "" {
		return nil
	}
	t, err := s.Campaigns.Template(c.UserContext(), id)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if a.ID == t.Account {
			d.Account = a.ID
		}
	}
	t.Fill(d)
	return nil
}

// templateChoices are what a new campaign can start from.
func (s *Server) templateChoices(c *fiber.Ctx) (admin.TemplateChoices, error) {
	stored, err := s.Campaigns.Templates(c.UserContext())
	return admin.TemplateChoices{Chosen: c.FormValue("template"), Samples: campaigns.SampleTemplates(), Stored: stored}, err
}

// handleTemplateSave keeps a campaign as a template.
func (s *Server) handleTemplateSave(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	name := typed(c, "template_name")
	if err := s.Campaigns.SaveTemplate(c.UserContext(), who.actor(c), campaign.ID, name); err != nil {
		return s.refused(c, campaign, err)
	}
	s.flash(c, "success", "template.done.save", "name", name)
	return seeOther(c, admin.CampaignPath(campaign))
}

// handleTemplateDelete forgets a stored template; the samples stay.
func (s *Server) handleTemplateDelete(c *fiber.Ctx, who *signedIn) error {
	if err := s.Campaigns.DeleteTemplate(c.UserContext(), who.actor(c), c.Params("id")); err != nil {
		return err
	}
	s.flash(c, "success", "template.done.delete")
	return seeOther(c, "/admin/campaigns/new")
}

// handleDraftDelete removes a campaign that never was public.
func (s *Server) handleDraftDelete(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	err = s.Campaigns.DeleteDraft(c.UserContext(), who.actor(c), campaign.ID)
	if errors.Is(err, campaigns.ErrWrongState) {
		s.flashText(c, "danger", i18n.T(c.UserContext(), "template.error.not_draft"))
		return seeOther(c, admin.CampaignPath(campaign))
	}
	if err != nil {
		return err
	}
	s.flash(c, "success", "template.done.delete_draft", "name", campaign.Name)
	return seeOther(c, "/admin/campaigns")
}
