package web

import (
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/views/admin"
)

func readStock(c *fiber.Ctx, f *admin.CampaignForm) {
	f.Stock = admin.StockStep{
		StartsAt: typed(c, "starts_at"), EndsAt: typed(c, "ends_at"), ValidUntil: typed(c, "valid_until"),
		Total: typed(c, "total"), Hold: typed(c, "hold"),
		Price: typed(c, "price"), RefundDays: typed(c, "refund_days"), PayMinutes: typed(c, "pay_minutes"),
	}
}

func draftStock(f *admin.CampaignForm, d *campaigns.Draft, problems *fault.List) {
	d.StartsAt = parseMoment(problems, "starts_at", f.Stock.StartsAt, d.Zone)
	d.EndsAt = parseMoment(problems, "ends_at", f.Stock.EndsAt, d.Zone)
	d.ValidUntil = parseMoment(problems, "valid_until", f.Stock.ValidUntil, d.Zone)
	d.Total = parseNumber(problems, "total", f.Stock.Total, 0)
	hold := min(max(parseNumber(problems, "hold", f.Stock.Hold, 0), 0), 1_000_000)
	d.Hold = time.Duration(hold) * time.Second
	d.Price = draftPrice(&f.Stock, problems)
}

func fillStock(d *campaigns.Draft, f *admin.CampaignForm) {
	f.Stock = admin.StockStep{
		StartsAt: localMoment(d.StartsAt, d.Zone), EndsAt: localMoment(d.EndsAt, d.Zone), ValidUntil: localMoment(d.ValidUntil, d.Zone),
		Total: strconv.FormatInt(d.Total, 10), Hold: strconv.Itoa(int(d.Hold / time.Second)),
		Price: admin.YuanInput(d.Price.Fen), RefundDays: plain(int64(d.Price.RefundDays)), PayMinutes: plain(int64(d.Price.PayMinutes)),
	}
}

// draftPrice reads the price; what is out of bounds comes back as something that is refused.
func draftPrice(s *admin.StockStep, problems *fault.List) campaigns.Price {
	p := campaigns.Price{
		RefundDays: int(min(max(parseNumber(problems, "refund_days", s.RefundDays, 0), -1), 1_000_000)),
		PayMinutes: int(min(max(parseNumber(problems, "pay_minutes", s.PayMinutes, 0), -1), 1_000_000)),
	}
	if s.Price == "" {
		return p
	}
	fen, ok := campaigns.ParseYuan(s.Price)
	if !ok {
		*problems = append(*problems, fault.New(fault.Invalid, "campaign.error.price", "max", campaigns.MaxPriceFen/100).On("price"))
	}
	p.Fen = fen
	return p
}

// plain is a number as people type it; nothing for 0.
func plain(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
