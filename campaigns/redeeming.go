package campaigns

import "kaquan/fault"

// Redeeming says where the card can be used, and for what. The zero value is every store
// of the account, without goods.
type Redeeming struct{}

// problems checks it by itself, each problem on its field.
func (r *Redeeming) problems() fault.List { return nil }
