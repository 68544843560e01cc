package web

import (
	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/views/admin"
)

func readTerms(c *fiber.Ctx, f *admin.CampaignForm) {
	f.Terms = admin.TermsStep{Terms: typed(c, "terms"), Contact: typed(c, "contact"), Composed: typed(c, "composed")}
}

func draftTerms(f *admin.CampaignForm, d *campaigns.Draft, _ *fault.List) {
	d.Texts.Terms, d.Texts.Contact = f.Terms.Terms, f.Terms.Contact
}

func fillTerms(d *campaigns.Draft, f *admin.CampaignForm) {
	f.Terms = admin.TermsStep{Terms: d.Texts.Terms, Contact: d.Texts.Contact}
}

// pressTerms shows what the settings come to, and puts it in the place of the terms once
// somebody says so.
func pressTerms(f *admin.CampaignForm, op string) bool {
	switch op {
	case "compose":
		f.Terms.Compose = true
	case "compose-use":
		if f.Terms.Composed != "" {
			f.Terms.Terms = f.Terms.Composed
		}
	case "compose-drop":
	default:
		return false
	}
	return true
}
