package web

import (
	"net/url"

	"github.com/gofiber/fiber/v2"

	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/ui"
	"kaquan/views/visitor"
)

// handlePreview shows the campaign's page in a phone beside its pickers, and the link for
// a real phone. Nothing is written.
func (s *Server) handlePreview(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	token, err := s.sealPreview(campaign.ID)
	if err != nil {
		return err
	}
	choice := readPreview(c)
	v := &visitors{Server: s}
	ctx := inLanguage(c.UserContext(), choice)
	m := admin.Preview{Campaign: campaign, Choice: choice, Page: v.sample(ctx, campaign, choice), Until: s.Now().Add(previewLife), CanWrite: who.can(people.CampaignsWrite)}
	query := choice.Query()
	m.Frame = admin.CampaignPath(campaign) + "/preview/page?" + query.Encode()
	phone := url.Values{"preview": {token}}
	for name := range query {
		phone.Set(name, query.Get(name))
	}
	m.Link = s.visitorLink(campaign.Slug) + "?" + phone.Encode()
	m.QR = ui.NewQR(m.Link)
	for _, state := range visitor.States {
		each := choice
		each.State = state
		line := admin.PreviewState{State: state, Occurs: visitor.Occurs(campaign, state)}
		line.Title, line.Body = v.sample(ctx, campaign, each).Words(ctx)
		m.States = append(m.States, line)
	}
	return render(c, fiber.StatusOK, admin.PreviewPage(s.page(c, who, "campaigns", "preview.title"), &m))
}

// handlePreviewPage is what the phone on that page shows.
func (s *Server) handlePreviewPage(c *fiber.Ctx, _ *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	choice, v := readPreview(c), &visitors{Server: s}
	return v.showPreview(c, fiber.StatusOK, campaign, v.sample(inLanguage(c.UserContext(), choice), campaign, choice), choice)
}
