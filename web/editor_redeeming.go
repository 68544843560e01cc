package web

import (
	"context"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/stores"
	"kaquan/views/admin"
)

func readRedeeming(c *fiber.Ctx, f *admin.CampaignForm) {
	f.Redeeming = admin.RedeemingStep{
		From: typed(c, "redeem_from"), Goods: typed(c, "redeem_goods"), GoodsFind: oneLine(c.FormValue("redeem_find"), 60),
		Quantity: typed(c, "redeem_quantity"), Note: typed(c, "redeem_note"),
	}
	for _, raw := range c.Context().PostArgs().PeekMulti("redeem_places") {
		if id := string(raw); !slices.Contains(f.Redeeming.Places, id) {
			f.Redeeming.Places = append(f.Redeeming.Places, id)
		}
	}
}

func draftRedeeming(f *admin.CampaignForm, d *campaigns.Draft, problems *fault.List) {
	t := &f.Redeeming
	r := campaigns.Redeeming{Places: t.Places, From: parseMoment(problems, "redeem_from", t.From, d.Zone), Goods: t.Goods, Note: t.Note}
	if t.Goods != "" {
		r.Quantity = parseNumber(problems, "redeem_quantity", t.Quantity, 1)
	}
	if !d.ValidUntil.IsZero() && r.From.After(d.ValidUntil) {
		*problems = append(*problems, fault.New(fault.Invalid, "staff.editor.from_late").On("redeem_from"))
	}
	d.Redeeming = r
}

func fillRedeeming(d *campaigns.Draft, f *admin.CampaignForm) {
	r := &d.Redeeming
	f.Redeeming = admin.RedeemingStep{Places: r.Places, From: localMoment(r.From, d.Zone), Goods: r.Goods, Note: r.Note}
	if r.Quantity > 0 {
		f.Redeeming.Quantity = strconv.FormatInt(r.Quantity, 10)
	}
}

// pressRedeeming searches the goods on offer.
func pressRedeeming(_ *admin.CampaignForm, op string) bool { return op == "redeem-find" }

// redeemChoices are the places and goods of the form's account. What is chosen is among
// them, whatever the search says.
func (s *Server) redeemChoices(ctx context.Context, f *admin.CampaignForm) (choices admin.RedeemChoices, err error) {
	if s.Stores == nil || f.Step != "redeeming" {
		return choices, nil
	}
	account := stores.AccountID(f.Card.Account)
	if choices.Places, err = s.Stores.Places(ctx, account); err != nil {
		return choices, err
	}
	const most = 200
	page, err := s.Stores.GoodsList(ctx, stores.GoodsFilter{Account: account, Search: f.Redeeming.GoodsFind, Limit: most})
	if err != nil {
		return choices, err
	}
	choices.Goods, choices.More = page.Rows, page.Next != ""
	chosen := stores.ParseID[stores.GoodsID](f.Redeeming.Goods)
	if chosen == 0 || slices.ContainsFunc(choices.Goods, func(g stores.GoodsRow) bool { return g.ID == chosen }) {
		return choices, nil
	}
	g, err := s.Stores.Goods(ctx, chosen)
	if fault.CodeOf(err) == fault.NotFound {
		return choices, nil
	}
	if err == nil && g.Account == account {
		choices.Goods = append([]stores.GoodsRow{{Goods: g}}, choices.Goods...)
	}
	return choices, err
}
