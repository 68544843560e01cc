package admin

import "kaquan/campaigns"

func lowStockKey(n *campaigns.StockNote) string {
	if n.Paused {
		return "rules.low.note_paused"
	}
	return "rules.low.note"
}
