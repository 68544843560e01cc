package web

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/views/admin"
)

// autosaved is the answer to an autosave.
type autosaved struct {
	State    string         `json:"state"` // saved, kept (as work) or elsewhere: somebody else saved
	Version  int64          `json:"version"`
	At       string         `json:"at"`
	By       string         `json:"by,omitempty"`
	ByAt     string         `json:"by_at,omitempty"`
	Problems map[string]int `json:"problems"`
	Limits   string         `json:"limits,omitempty"` // the sentence that reads them back
}

// autosave keeps what was typed. A campaign that is not public takes it at once, when
// nothing is wrong with it; one that is waits for the person to say so.
func (k *desk) autosave(form *admin.CampaignForm, draft campaigns.Draft, problems fault.List) error {
	ctx, service := k.c.UserContext(), k.server.Campaigns
	noteProblems(k.c, form, problems)
	form.Limits = campaigns.LimitsSentence(&draft)
	if k.campaign.Status == campaigns.StatusDraft && len(problems) == 0 {
		saved, err := service.Autosave(ctx, k.who.actor(k.c), k.campaign.ID, draft)
		if err == nil {
			k.campaign = saved
			if err := k.drop(); err != nil {
				return err
			}
			return k.answer("saved", form)
		}
		if all := fault.All(err); len(all) == 0 || all[0].Code != fault.Invalid && !errors.Is(err, campaigns.ErrEditConflict) {
			return err
		}
		for _, e := range fault.All(err) {
			form.Errors.Add(e.Field, sentence(ctx, e))
		}
	}
	if err := k.keep(k.campaign.Version); err != nil {
		return err
	}
	return k.answer("kept", form)
}

func (k *desk) answer(state string, form *admin.CampaignForm) error {
	a := autosaved{State: state, Version: k.campaign.Version, At: k.server.Campaigns.Now().In(k.campaign.Zone).Format("15:04")}
	if form != nil {
		a.Problems, a.Limits = form.Problems(), form.LimitsWords(k.c.UserContext())
	}
	if state == "elsewhere" {
		a.Version = 0 // the script goes on with the version it has
		a.By, a.ByAt = k.conflict.By, i18n.DateTime(k.c.UserContext(), k.conflict.At, k.campaign.Zone)
	}
	return k.c.Status(fiber.StatusOK).JSON(a)
}

// handleFieldCheck says what is wrong with one field of a step, as saving would, and offers
// free links instead of one that is taken. The path names a campaign or "new".
func (s *Server) handleFieldCheck(c *fiber.Ctx, who *signedIn) error {
	var (
		form     *admin.CampaignForm
		over     campaigns.Draft
		campaign *campaigns.Campaign
		id       campaigns.ID
		err      error
	)
	if c.Params("id") == "new" {
		if over, _, err = s.startDraft(c); err != nil {
			return err
		}
		form = &admin.CampaignForm{Values: valuesOf(&over)}
		readSteps(c, form, stepOf(c))
	} else {
		if campaign, err = s.campaign(c); err != nil {
			return err
		}
		k, err := s.takeStep(c, who, campaign)
		if err != nil {
			return err
		}
		form, over, id = k.form(), campaigns.DraftOf(campaign), campaign.ID
	}
	ctx := c.UserContext()
	draft, unparsed := draftOf(form, over)
	problems := checked(&draft, unparsed)
	if campaign != nil && len(problems) == 0 {
		draft.Version = campaign.Version
		problems = fault.All(s.Campaigns.Try(ctx, campaign.ID, draft))
	}
	messages, field, free := []string{}, c.Query("field"), []campaigns.Slug{}
	if field == "slug" {
		problems = s.withSlug(ctx, id, &draft, problems)
		offered, err := s.offeredSlugs(ctx, form)
		if err != nil {
			return err
		}
		free = append(free, offered...)
	}
	for _, e := range problems {
		if e.Field == field {
			messages = append(messages, sentence(ctx, e))
		}
	}
	return c.JSON(fiber.Map{"messages": messages, "free": free})
}
