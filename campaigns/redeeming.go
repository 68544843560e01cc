package campaigns

import (
	"slices"
	"time"

	"kaquan/fault"
)

// Redeeming says where and from when the card can be used, and for what. The zero value
// is every store of the account, at once, without goods.
type Redeeming struct {
	// Places are ids of stores, or of what stands above them; empty = every store.
	Places []string `json:"places,omitempty"`
	// From is the first instant at which the card can be used; zero = at once.
	From time.Time `json:"from,omitzero"`
	// Goods is the id of the article that the card is exchanged for, "" = none; redeeming
	// takes Quantity of it out of the store's stock.
	Goods    string `json:"goods,omitempty"`
	Quantity int64  `json:"quantity,omitempty"`
	// Note tells the staff what to look at before they confirm, at most 120 characters.
	Note string `json:"note,omitempty"`
}

// MaxRedeemPlaces is how many places a campaign can name.
const MaxRedeemPlaces = 200

// problems checks it by itself, each problem on its field: redeem_places, redeem_goods,
// redeem_quantity, redeem_note.
func (r *Redeeming) problems() fault.List {
	var problems fault.List
	if len(r.Places) > MaxRedeemPlaces {
		problems = append(problems, fault.New(fault.Invalid, "campaign.error.redeem_places", "max", MaxRedeemPlaces).On("redeem_places"))
	}
	if slices.Contains(r.Places, "") {
		problems = append(problems, fault.New(fault.Invalid, "campaign.error.required").On("redeem_places"))
	}
	if r.Goods != "" && (r.Quantity < 1 || r.Quantity > 1000) {
		problems = append(problems, fault.New(fault.Invalid, "campaign.error.range", "min", 1, "max", 1000).On("redeem_quantity"))
	}
	if n := len([]rune(r.Note)); n > 120 {
		problems = append(problems, fault.New(fault.Invalid, "campaign.error.too_long", "max", 120, "count", n).On("redeem_note"))
	}
	return problems
}
