package admin

import (
	"context"

	"kaquan/i18n"
	"kaquan/views/ui"
)

func (m *GoodsList) next() string {
	if m.Rows.Next == "" {
		return ""
	}
	return m.At(GoodsPath, "q", m.Search, "show", m.Show, "after", m.Rows.Next)
}

func goodsShows(ctx context.Context) []ui.Option {
	return []ui.Option{
		{Label: i18n.T(ctx, "stores.goods.show_all")},
		{Value: "low", Label: i18n.T(ctx, "stores.goods.show_low")},
		{Value: "archived", Label: i18n.T(ctx, "stores.goods.show_archived")},
	}
}

func numberOrDash(ctx context.Context, n int64) string {
	if n == 0 {
		return "—"
	}
	return i18n.Number(ctx, n)
}
