package campaigns

import "kaquan/fault"

// Rules say who may claim and how the stock is let out. The zero value lets everybody
// claim while there is stock.
type Rules struct{}

// problems checks the rules by themselves, each problem on its field.
func (r *Rules) problems() fault.List { return nil }
