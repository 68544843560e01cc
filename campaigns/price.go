package campaigns

import (
	"time"

	"kaquan/fault"
)

// Price is what a card costs. The zero value is free.
type Price struct {
	// Fen is the price of one card; 0 = free.
	Fen int64 `json:"fen,omitempty"`
	// RefundDays is for how many days after paying a visitor can have the money back for a
	// card that was not used; 0 = only staff pay back.
	RefundDays int `json:"refund_days,omitempty"`
	// PayMinutes is how long a card is set aside for paying; 0 = 15.
	PayMinutes int `json:"pay_minutes,omitempty"`
}

// The bounds of prices.
const (
	MaxPriceFen       = 1_000_000 // 10,000 yuan
	defaultPayMinutes = 15
	// closingTime is what a hold lasts longer than its order, for closing that one.
	closingTime = 3 * time.Minute
)

// PayTime is how long the visitor has for paying.
func (p *Price) PayTime() time.Duration {
	if p.PayMinutes == 0 {
		return defaultPayMinutes * time.Minute
	}
	return time.Duration(p.PayMinutes) * time.Minute
}

// problems checks it by itself, each problem on its field: price, refund_days, pay_minutes.
func (p *Price) problems() fault.List {
	var problems fault.List
	within := func(field string, n, least, most int64) {
		if n < least || n > most {
			problems = append(problems, fault.New(fault.Invalid, "campaign.error.range", "min", least, "max", most).On(field))
		}
	}
	if p.Fen < 0 || p.Fen > MaxPriceFen {
		problems = append(problems, fault.New(fault.Invalid, "campaign.error.price", "max", MaxPriceFen/100).On("price"))
	}
	within("refund_days", int64(p.RefundDays), 0, 365)
	if p.PayMinutes != 0 {
		within("pay_minutes", int64(p.PayMinutes), 5, 60)
	}
	return problems
}
