package campaigns

import "kaquan/fault"

// Price is what a card costs. The zero value is free.
type Price struct{}

// problems checks it by itself, each problem on its field.
func (p *Price) problems() fault.List { return nil }
