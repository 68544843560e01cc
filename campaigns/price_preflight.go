package campaigns

import "strings"

// PriceLook is what preflight knows about the merchant of a campaign with a price.
type PriceLook struct {
	Amount   string // the price, as people read it
	Merchant bool   // the account has one
	Trouble  string // what keeps its keys from working, in the reader's language
	Bound    bool   // it may take payments of the account's pages
	EndsSoon bool   // a certificate expires within weeks
}

// price is the check of preflight about a card that costs something.
func (f *findings) price(c *Campaign, look *PriceLook) {
	if c.Price.Fen == 0 || look == nil {
		return
	}
	switch {
	case !look.Merchant:
		f.add(CheckBlock, "merchant", "").Place = PlacePay
	case look.Trouble != "":
		f.add(CheckBlock, "keys", "", "what", look.Trouble).Place = PlacePay
	case !look.Bound:
		f.add(CheckBlock, "app", "").Place = PlacePay
	case look.EndsSoon:
		f.add(CheckWarn, "soon", "").Place = PlacePay
	default:
		f.add(CheckOK, "ok", "price", "amount", look.Amount)
	}
	if c.Texts.Terms != "" && !strings.Contains(c.Texts.Terms, "退") && !strings.Contains(strings.ToLower(c.Texts.Terms), "refund") {
		f.add(CheckWarn, "rule", "terms")
	}
}
