package admin

import (
	"context"
	"slices"
	"strconv"

	"kaquan/campaigns"
	"kaquan/i18n"
)

// NoticesStep is who is told what.
type NoticesStep struct {
	URL    string   `json:"webhook_url"`
	Events []string `json:"webhook_events"`
}

func (s NoticesStep) on(event string) bool { return slices.Contains(s.Events, event) }

// WebhookLook is what is known of a campaign's webhook besides its settings.
type WebhookLook struct {
	Ready  bool   // notices can be sent here
	Secret bool   // there is one
	Shown  string // a new one, this once
	Log    []campaigns.Notice
}

// WebhookPath takes the buttons of a campaign's webhook.
func WebhookPath(c *campaigns.Campaign) string { return CampaignPath(c) + "/webhook" }

func noticeEvent(ctx context.Context, event string) string {
	return i18n.T(ctx, "notices.event."+event)
}

// noticeResult says how the last try went.
func noticeResult(ctx context.Context, n campaigns.Notice) string {
	switch {
	case n.Status != 0:
		return "HTTP " + strconv.Itoa(n.Status)
	case n.Answer != "":
		return i18n.T(ctx, "notices.trouble."+n.Answer)
	}
	return ""
}

func noticeClass(state campaigns.NoticeState) string {
	switch state {
	case campaigns.NoticeSent:
		return "badge bg-green-lt"
	case campaigns.NoticeFailed:
		return "badge bg-red-lt"
	}
	return "badge bg-yellow-lt"
}

func resendOp(n campaigns.Notice) string { return "resend-" + strconv.FormatInt(n.ID, 10) }
