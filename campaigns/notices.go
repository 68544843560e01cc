package campaigns

import "kaquan/fault"

// Notices say who is told what about the campaign. The zero value tells nobody.
type Notices struct{}

// problems checks them by themselves, each problem on its field.
func (n *Notices) problems() fault.List { return nil }
