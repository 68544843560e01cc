package admin

import (
	"context"
	"slices"
	"strings"

	"kaquan/i18n"
	"kaquan/stores"
	"kaquan/views/ui"
)

// RedeemingStep is where and from when the card can be used, and for what.
type RedeemingStep struct {
	Places    []string `json:"redeem_places"` // ids; empty = every store
	From      string   `json:"redeem_from"`
	Goods     string   `json:"redeem_goods"` // an id, "" = none
	GoodsFind string   `json:"redeem_find"`  // what the offered goods are searched by
	Quantity  string   `json:"redeem_quantity"`
	Note      string   `json:"redeem_note"`
}

// RedeemChoices are what the step can name, of the form's account.
type RedeemChoices struct {
	Places []stores.PlaceRow
	Goods  []stores.GoodsRow
	More   bool // there are more goods than are offered
}

func (f *CampaignForm) redeemsAt(id stores.PlaceID) bool {
	return slices.Contains(f.Redeeming.Places, id.String())
}

// offered are the places that can be chosen: those that redeem, and what stands above them.
// One that is chosen stays on offer.
func (f *CampaignForm) offered() []stores.PlaceRow {
	var list []stores.PlaceRow
	for _, p := range f.Redeem.Places {
		if !p.Disabled || f.redeemsAt(p.ID) {
			list = append(list, p)
		}
	}
	return list
}

func indent(depth int) string { return strings.Repeat("　", depth) }

func (f *CampaignForm) goodsOptions(ctx context.Context) []ui.Option {
	options := []ui.Option{{Label: i18n.T(ctx, "staff.editor.no_goods")}}
	for _, g := range f.Redeem.Goods {
		options = append(options, ui.Option{Value: g.ID.String(), Label: i18n.T(ctx, "staff.editor.goods_option", "name", g.Name, "barcode", g.Barcode)})
	}
	return options
}
