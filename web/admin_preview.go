package web

import (
	"net/url"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
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
	return s.showPreviewPage(c, who, fiber.StatusOK, campaign, readPreview(c), nil)
}

// showPreviewPage writes that page; change may write into the form of the state's words.
func (s *Server) showPreviewPage(c *fiber.Ctx, who *signedIn, status int, campaign *campaigns.Campaign, choice admin.PreviewChoice, change func(*admin.OwnWords)) error {
	token, err := s.sealPreview(campaign.ID)
	if err != nil {
		return err
	}
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
	if m.CanWrite && !closed(campaign) {
		m.Own = ownWords(c, campaign, m.Page, choice)
		if m.Own != nil && change != nil {
			change(m.Own)
		}
	}
	return render(c, status, admin.PreviewPage(s.page(c, who, "campaigns", "preview.title"), &m))
}

// handlePreviewPage is what the phone on that page shows.
func (s *Server) handlePreviewPage(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	choice, v := readPreview(c), &visitors{Server: s}
	p := v.sample(inLanguage(c.UserContext(), choice), campaign, choice)
	if who.can(people.CampaignsWrite) && !closed(campaign) {
		p.Edit = editAddress(campaign, p.State, choice)
	}
	return v.showPreview(c, fiber.StatusOK, campaign, p, choice)
}
