package web

import (
	"context"
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/doctor"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// publishLook is how long publishing waits for WeChat's word about the card.
const publishLook = 2 * time.Second

// handlePreflight shows what stands in the way of publishing a draft.
func (s *Server) handlePreflight(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	if campaign.Status != campaigns.StatusDraft {
		s.flash(c, "info", "preflight.not_draft")
		return seeOther(c, admin.CampaignPath(campaign))
	}
	checks, err := s.preflightOf(c, who, campaign)
	if err != nil {
		return err
	}
	return s.showPreflight(c, who, fiber.StatusOK, admin.Preflight{Campaign: campaign, Checks: checks})
}

func (s *Server) showPreflight(c *fiber.Ctx, who *signedIn, status int, m admin.Preflight) error {
	m.Now = s.Campaigns.Now()
	return render(c, status, admin.PreflightPage(s.page(c, who, "campaigns", "preflight.title"), &m))
}

// handleCampaignPublish publishes what passes its checks. With a block, or a warning that
// nobody gave a reason for, it leads to the checks instead.
func (s *Server) handleCampaignPublish(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	var checks []campaigns.Check
	if campaign.Status == campaigns.StatusDraft { // a repeat finds it published: nothing to check
		if checks, err = s.preflightOf(c, who, campaign); err != nil {
			return err
		}
	}
	asked := c.Request().PostArgs().Has("reason")
	err = s.Campaigns.PublishChecked(c.UserContext(), who.actor(c), campaign, checks, typed(c, "reason"))
	_, warned := campaigns.Worst(checks)
	switch {
	case err == nil:
		s.flash(c, "success", "admin.campaign.done.publish", "name", campaign.Name)
		return seeOther(c, admin.CampaignPath(campaign))
	case errors.Is(err, campaigns.ErrPreflight) || errors.Is(err, campaigns.ErrEditConflict):
		s.flashText(c, "danger", sentence(c.UserContext(), fault.All(err)[0]))
		return seeOther(c, admin.PreflightPath(campaign))
	case warned && !asked:
		return seeOther(c, admin.PreflightPath(campaign))
	case warned:
		m := admin.Preflight{Campaign: campaign, Checks: checks, Reason: typed(c, "reason"), Errors: ui.Errors{}}
		if status, ok := formErrors(c, m.Errors, err); ok && len(m.Errors.Of("reason")) > 0 {
			return s.showPreflight(c, who, status, m)
		}
	}
	return s.refused(c, campaign, err)
}

// preflightOf makes the checks for somebody who may have work in the editor.
func (s *Server) preflightOf(c *fiber.Ctx, who *signedIn, campaign *campaigns.Campaign) ([]campaigns.Check, error) {
	work, err := s.lookAtWork(c, who, campaign)
	if err != nil {
		return nil, err
	}
	return s.preflight(c.UserContext(), campaign, work)
}

// lookAtWork is what the person typed in the editor and has not saved; nil when that is
// nothing. With several problems it leads to the first.
func (s *Server) lookAtWork(c *fiber.Ctx, who *signedIn, campaign *campaigns.Campaign) (*campaigns.WorkLook, error) {
	k, err := s.openDesk(c, who, campaign)
	if err != nil || k.kept.IsZero() {
		return nil, err
	}
	if err := k.merge(nil); err != nil {
		return nil, err
	}
	form := k.form()
	_, problems := k.draft(form)
	if len(problems) == 0 && sameValues(k.values, k.saved) {
		return nil, nil
	}
	noteProblems(c, form, problems)
	look := &campaigns.WorkLook{At: k.kept, Problems: len(problems)}
	form.Step = form.FirstProblem()
	if look.Field = form.FirstField(); look.Field == "" && len(problems) > 0 {
		look.Field = problems[0].Field
	}
	look.Step = i18n.T(c.UserContext(), "editor.step."+admin.StepOf(look.Field))
	return look, nil
}

// preflight gathers the evidence and makes the checks; work is the reader's own.
func (s *Server) preflight(ctx context.Context, campaign *campaigns.Campaign, work *campaigns.WorkLook) ([]campaigns.Check, error) {
	e := campaigns.Evidence{Work: work, Card: s.lookAtCard(ctx, campaign)}
	if s.Doctor != nil {
		found, err := s.Doctor.Latest(ctx)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if f.Account == string(campaign.Account) && f.Check != doctor.Quota {
				e.Health = append(e.Health, campaigns.Health{Check: string(f.Check), Level: string(f.Level), Words: i18n.TArgs(ctx, f.What.Key, f.What.Args)})
			}
		}
	}
	look, err := s.Campaigns.LookAtRules(ctx, campaign)
	if err != nil {
		return nil, err
	}
	e.Rules = look
	if e.Price, err = s.lookAtPrice(ctx, campaign); err != nil {
		return nil, err
	}
	return campaigns.Preflight(campaign, s.Campaigns.Now(), e), nil
}

// lookAtCard asks WeChat about the campaign's card; nil when there is nothing to ask.
func (s *Server) lookAtCard(ctx context.Context, campaign *campaigns.Campaign) *campaigns.CardLook {
	if s.Reach == nil || campaign.Issuer != campaigns.WeChatCard || campaign.CardID == "" {
		return nil
	}
	look, cancel := context.WithTimeout(ctx, publishLook)
	defer cancel()
	card, err := s.Reach.Card(look, string(campaign.Account), campaign.CardID)
	if err != nil {
		s.Log.Warn("card not read before publishing", "campaign", campaign.ID, "err", err)
		return &campaigns.CardLook{Trouble: admin.CardTrouble(ctx, err)}
	}
	return &campaigns.CardLook{Issuable: card.Status.Issuable(), State: admin.CardState(ctx, card.Status), Left: int64(card.Left), Traits: card.Traits()}
}
