package admin

import (
	"context"

	"github.com/a-h/templ"

	"kaquan/campaigns"
	"kaquan/i18n"
)

// StockStep is when, and how many. Times are in the campaign's zone, as LocalTime; Hold is in
// seconds.
type StockStep struct {
	StartsAt   string `json:"starts_at"`
	EndsAt     string `json:"ends_at"`
	ValidUntil string `json:"valid_until"`
	Total      string `json:"total"`
	Hold       string `json:"hold"`
	Price      string `json:"price"` // yuan; "" = free
	RefundDays string `json:"refund_days"`
	PayMinutes string `json:"pay_minutes"`
}

// decimals asks phones for the number keys with a point.
var decimals = templ.Attributes{"inputmode": "decimal"}

func (f *CampaignForm) totalHint(ctx context.Context) string {
	if f.Campaign == nil || f.Campaign.Stock.Issued() == 0 {
		return ""
	}
	return i18n.T(ctx, "admin.campaign.hint.issued", "issued", i18n.Number(ctx, f.Campaign.Stock.Issued()))
}

func zoneName(c *campaigns.Campaign) string {
	if c == nil {
		return campaigns.Shanghai().String()
	}
	return c.Zone.String()
}
