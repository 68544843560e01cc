package campaigns

import "kaquan/fault"

// Design is how the claim page looks and reads beyond its Texts. The zero value is the
// plain page.
type Design struct{}

// problems checks the design by itself, each problem on its field.
func (d *Design) problems() fault.List { return nil }
