package web

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/layout"
	"kaquan/views/ui"
)

// handleCampaign shows one campaign with its numbers, link and actions.
func (s *Server) handleCampaign(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	return s.showCampaign(c, who, fiber.StatusOK, admin.CampaignView{Campaign: campaign})
}

func (s *Server) showCampaign(c *fiber.Ctx, who *signedIn, status int, v admin.CampaignView) error {
	link := s.visitorLink(v.Campaign.Slug)
	v.Now, v.Link, v.QR, v.CanWrite = s.Campaigns.Now(), link, ui.NewQR(link), who.can(people.CampaignsWrite)
	if account, err := s.Accounts.Account(c.UserContext(), v.Campaign.Account); err == nil {
		v.Account = account.Name
	} else if !errors.Is(err, campaigns.ErrAccountNotFound) {
		return err
	}
	var err error
	if v.Channels, err = s.Campaigns.ChannelList(c.UserContext(), v.Campaign.ID); err != nil {
		return err
	}
	if v.LowStock, err = s.Campaigns.LowStockNote(c.UserContext(), v.Campaign.ID); err != nil {
		return err
	}
	sortChannels(v.Channels, "claims")
	p := s.page(c, who, "campaigns", "admin.campaigns.title")
	p.Title = v.Campaign.Name
	return render(c, status, admin.CampaignPage(p, v))
}

// handleCampaignChange makes the handler of a change that a campaign's own page offers, with
// the way back that the list gives its own. A pause without its reason comes back next to
// the field.
func (s *Server) handleCampaignChange(op campaigns.BulkOp) adminHandler {
	return func(c *fiber.Ctx, who *signedIn) error {
		ctx := c.UserContext()
		campaign, err := s.campaign(c)
		if err != nil {
			return err
		}
		reason := typed(c, "reason")
		undo, err := s.Campaigns.ChangeOne(ctx, who.actor(c), campaign.ID, op, reason)
		if all := fault.All(err); len(all) > 0 && all[0].Field == "reason" {
			v := admin.CampaignView{Campaign: campaign, Reason: reason, Errors: ui.Errors{}}
			status, _ := formErrors(c, v.Errors, err)
			return s.showCampaign(c, who, status, v)
		}
		if err != nil {
			return s.refused(c, campaign, err)
		}
		f := layout.Flash{Kind: "success", Text: i18n.T(ctx, "admin.campaign.done."+string(op), "name", campaign.Name, "reason", reason)}
		if undo != "" {
			f.Undo = undoPath(undo)
		}
		s.leaveFlash(c, f)
		return seeOther(c, admin.CampaignPath(campaign))
	}
}

// refused shows why an action did not happen on the campaign's page.
func (s *Server) refused(c *fiber.Ctx, campaign *campaigns.Campaign, err error) error {
	all := fault.All(err)
	if len(all) == 0 || all[0].Code != fault.Invalid && all[0].Code != fault.Conflict {
		return err
	}
	s.flashText(c, "danger", sentence(c.UserContext(), all[0]))
	return seeOther(c, admin.CampaignPath(campaign))
}

func (s *Server) handleCampaignCopy(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	suffix := i18n.T(ctx, "admin.campaign.copy_suffix")
	if i18n.Lang(ctx) == i18n.EN {
		suffix = " " + suffix
	}
	copied, err := s.Campaigns.Copy(ctx, who.actor(c), campaign.ID, suffix)
	if err != nil {
		return s.refused(c, campaign, err)
	}
	s.flash(c, "success", "admin.campaign.done.copy")
	return seeOther(c, admin.CampaignPath(copied)+"/edit")
}

// campaign is the one that the path names.
func (s *Server) campaign(c *fiber.Ctx) (*campaigns.Campaign, error) {
	id := campaigns.ParseID[campaigns.ID](c.Params("id"))
	if id == 0 {
		return nil, campaigns.ErrCampaignNotFound
	}
	return s.Campaigns.Campaign(c.UserContext(), id)
}

func accountOptions(accounts []campaigns.Account) []ui.Option {
	options := make([]ui.Option, 0, len(accounts))
	for _, a := range accounts {
		options = append(options, ui.Option{Value: string(a.ID), Label: a.Name})
	}
	return options
}
