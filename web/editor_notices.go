package web

import (
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/views/admin"
)

func readNotices(c *fiber.Ctx, f *admin.CampaignForm) {
	f.Notices = admin.NoticesStep{URL: typed(c, "webhook_url")}
	events, _ := sentLines(c, "webhook_events")
	for _, event := range campaigns.NoticeEvents { // in one order, whatever was sent
		for sent := range strings.SplitSeq(events, "\n") {
			if sent == event {
				f.Notices.Events = append(f.Notices.Events, event)
				break
			}
		}
	}
}

func draftNotices(f *admin.CampaignForm, d *campaigns.Draft, _ *fault.List) {
	d.Notices.Webhook = campaigns.Webhook{URL: f.Notices.URL, Events: f.Notices.Events}
}

func fillNotices(d *campaigns.Draft, f *admin.CampaignForm) {
	f.Notices = admin.NoticesStep{URL: d.Notices.Webhook.URL, Events: d.Notices.Webhook.Events}
}

// webhookLook adds what the step shows of the webhook.
func (s *Server) webhookLook(c *fiber.Ctx, form *admin.CampaignForm) (err error) {
	if s.Courier == nil {
		return nil
	}
	form.Webhook.Ready = true
	form.Webhook.Log, form.Webhook.Secret, err = s.Courier.Log(c.UserContext(), form.Campaign.ID)
	return err
}

// handleWebhook does what a button of the webhook asks (secret, ping, resend-N) and keeps what
// was typed in the step. A new secret stands in this one answer and nowhere else.
func (s *Server) handleWebhook(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	if s.Courier == nil {
		return fiber.ErrNotFound
	}
	if closed(campaign) {
		return campaigns.ErrWrongState
	}
	k, err := s.takeStep(c, who, campaign)
	if err != nil {
		return err
	}
	if err := k.lay(); err != nil {
		return err
	}
	ctx, op := c.UserContext(), c.FormValue("op")
	resend, again := strings.CutPrefix(op, "resend-")
	switch {
	case op == "secret":
		secret, err := s.Courier.NewSecret(ctx, who.actor(c), campaign.ID)
		if err != nil {
			return err
		}
		form := k.form()
		form.Step, form.Webhook.Shown = "notices", secret
		_, problems := k.draft(form)
		noteProblems(c, form, problems)
		return s.showEditor(c, who, fiber.StatusOK, form)
	case op == "ping":
		err = s.Courier.Ping(ctx, campaign.ID)
	case again:
		id, wrong := strconv.ParseInt(resend, 10, 64)
		if wrong != nil {
			return campaigns.ErrNoticeNotFound
		}
		err = s.Courier.Resend(ctx, campaign.ID, id)
	default:
		return fiber.ErrBadRequest
	}
	if fault.CodeOf(err) == fault.Conflict {
		s.flashText(c, "warning", sentence(ctx, fault.All(err)[0]))
		return seeOther(c, admin.EditPath(campaign, "notices"))
	}
	if err != nil {
		return err
	}
	s.flash(c, "success", "notices.done")
	return seeOther(c, admin.EditPath(campaign, "notices")+"#deliveries")
}
