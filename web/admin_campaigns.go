package web

import (
	"context"
	"errors"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// handleCampaigns lists the campaigns of every account, or of one.
func (s *Server) handleCampaigns(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	accounts, err := s.Accounts.Accounts(ctx)
	if err != nil {
		return err
	}
	list := admin.CampaignList{
		State: campaigns.State(c.Query("state")), Search: c.Query("q"), Account: c.Query("account"),
		Counts: map[campaigns.State]int{}, Now: s.Campaigns.Now(), CanWrite: who.can(people.CampaignsWrite), HasAccount: len(accounts) > 0,
		CanSetUp: who.can(people.AccountWrite), Accounts: accountOptions(accounts),
	}
	for _, a := range accounts {
		if list.Account != "" && list.Account != string(a.ID) {
			continue
		}
		rows, err := s.Campaigns.Campaigns(ctx, campaigns.CampaignFilter{Account: a.ID, State: list.State, Search: list.Search})
		if err != nil {
			return err
		}
		counts, err := s.Campaigns.CampaignCounts(ctx, a.ID)
		if err != nil {
			return err
		}
		list.Rows = append(list.Rows, rows...)
		for state, n := range counts {
			list.Counts[state] += n
		}
	}
	campaigns.SortSummaries(list.Rows, list.Now)
	return render(c, fiber.StatusOK, admin.CampaignsPage(s.page(c, who, "campaigns", "admin.campaigns.title"), list))
}

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
	sortChannels(v.Channels, "claims")
	p := s.page(c, who, "campaigns", "admin.campaigns.title")
	p.Title = v.Campaign.Name
	return render(c, status, admin.CampaignPage(p, v))
}

func (s *Server) handleCampaignNew(c *fiber.Ctx, who *signedIn) error {
	accounts, err := s.Accounts.Accounts(c.UserContext())
	if err != nil {
		return err
	}
	if len(accounts) == 0 {
		s.flash(c, "warning", "admin.campaign.error.no_account")
		return seeOther(c, "/admin/campaigns")
	}
	d := newCampaign(c, s.Campaigns.Now(), campaigns.Shanghai(), accounts)
	if err := s.fillFromTemplate(c, &d, accounts); err != nil {
		return err
	}
	form := campaignForm(&d)
	if form.Templates, err = s.templateChoices(c); err != nil {
		return err
	}
	return s.showEditor(c, who, fiber.StatusOK, form, nil)
}

func (s *Server) handleCampaignEdit(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	if campaign.Status == campaigns.StatusEnded || campaign.Status == campaigns.StatusArchived {
		s.flash(c, "warning", "admin.campaign.error.closed")
		return seeOther(c, admin.CampaignPath(campaign))
	}
	d := campaigns.DraftOf(campaign)
	return s.showEditor(c, who, fiber.StatusOK, campaignForm(&d), campaign)
}

// handleCampaignSave creates or edits, by whether the path names a campaign. A button of
// the form builder only changes the rows and shows the editor again.
func (s *Server) handleCampaignSave(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	var campaign *campaigns.Campaign
	zone := campaigns.Shanghai()
	form := readCampaign(c)
	if c.Params("id") != "" {
		var err error
		if campaign, err = s.campaign(c); err != nil {
			return err
		}
		zone, form.Account = campaign.Zone, string(campaign.Account)
	}
	if changeQuestions(&form.Questions, c.FormValue("op")) {
		return s.showEditor(c, who, fiber.StatusOK, form, campaign)
	}
	draft, problems := draftOf(&form, zone)
	if campaign == nil {
		draft.Version = 0
		if _, err := s.Accounts.Account(ctx, draft.Account); errors.Is(err, campaigns.ErrAccountNotFound) {
			problems = append(problems, campaigns.ErrAccountNotFound.On("account"))
		} else if err != nil {
			return err
		}
	}
	saved, err := s.saveDraft(ctx, who.actor(c), campaign, draft, problems)
	switch {
	case err == nil:
	case errors.Is(err, campaigns.ErrEditConflict):
		// Everything typed stays; saving again names the version that is there now.
		current, err := s.campaign(c)
		if err != nil {
			return err
		}
		form.Version, form.Conflict = strconv.FormatInt(current.Version, 10), true
		return s.showEditor(c, who, fiber.StatusConflict, form, current)
	default:
		if errors.Is(err, campaigns.ErrStockBelowIssued) {
			err = campaigns.ErrStockBelowIssued.On("total").Because(err)
		}
		status, ok := formErrors(c, form.Errors, err)
		if !ok || status >= fiber.StatusInternalServerError {
			return err
		}
		return s.showEditor(c, who, status, form, campaign)
	}
	if campaign == nil {
		s.flash(c, "success", "admin.campaign.done.create")
	} else {
		s.flash(c, "success", "admin.campaign.done.save")
	}
	return seeOther(c, admin.CampaignPath(saved))
}

// saveDraft creates or edits. With fields that did not parse it writes nothing, and adds
// what the rules say about the other fields, so that all problems show at once.
func (s *Server) saveDraft(ctx context.Context, actor campaigns.Actor, campaign *campaigns.Campaign, d campaigns.Draft, unparsed fault.List) (*campaigns.Campaign, error) {
	if len(unparsed) > 0 {
		known := map[string]bool{}
		for _, e := range unparsed {
			known[e.Field] = true
		}
		for _, e := range fault.All(d.Check()) {
			if !known[e.Field] {
				unparsed = append(unparsed, e)
			}
		}
		return nil, unparsed
	}
	if campaign == nil {
		return s.Campaigns.Create(ctx, actor, d)
	}
	return s.Campaigns.Edit(ctx, actor, campaign.ID, d)
}

// showEditor renders the editor for a new campaign (nil) or for one that exists.
func (s *Server) showEditor(c *fiber.Ctx, who *signedIn, status int, form admin.CampaignForm, campaign *campaigns.Campaign) error {
	accounts, err := s.Accounts.Accounts(c.UserContext())
	if err != nil {
		return err
	}
	form.Accounts, form.MaxQuestions, form.LinkPrefix = accountOptions(accounts), maxQuestions, s.visitorLink("")
	title := "admin.campaign.new"
	if campaign != nil {
		title = "admin.campaign.edit"
		form.Campaign = campaign
	}
	p := s.page(c, who, "campaigns", title)
	return render(c, status, admin.CampaignEditor(p, form))
}

// changeCampaign makes the handler of an action that needs nothing but the campaign.
func (s *Server) changeCampaign(change func(context.Context, campaigns.Actor, campaigns.ID) error, done string) adminHandler {
	return func(c *fiber.Ctx, who *signedIn) error {
		campaign, err := s.campaign(c)
		if err != nil {
			return err
		}
		if err := change(c.UserContext(), who.actor(c), campaign.ID); err != nil {
			return s.refused(c, campaign, err)
		}
		s.flash(c, "success", done, "name", campaign.Name)
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

// handleCampaignPause pauses with a reason; a missing one comes back next to its field.
func (s *Server) handleCampaignPause(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	reason := typed(c, "reason")
	err = s.Campaigns.Pause(c.UserContext(), who.actor(c), campaign.ID, reason)
	if all := fault.All(err); len(all) > 0 && all[0].Field == "reason" {
		v := admin.CampaignView{Campaign: campaign, Reason: reason, Errors: ui.Errors{}}
		status, _ := formErrors(c, v.Errors, err)
		return s.showCampaign(c, who, status, v)
	}
	if err != nil {
		return s.refused(c, campaign, err)
	}
	s.flash(c, "success", "admin.campaign.done.pause", "reason", reason)
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
