package visitor

import (
	"cmp"
	"context"
)

// Validity is the line at the foot of the card face.
func (p Page) Validity(ctx context.Context) string { return p.validity(ctx) }

// Retention is how many days after the end the answers are kept.
func (p Page) Retention() int { return p.retention() }

// StockLeft is the stock as visitors are told: exact, or that there are fewer than some.
func (p Page) StockLeft() (left int64, few bool) {
	left = p.Campaign.Stock.Left()
	return max(left, roundBelow), left < roundBelow
}

// ShareWords are the title and the text of the card that friends see.
func (p Page) ShareWords() (title, text string) {
	c := p.Campaign
	return cmp.Or(c.Share.Title, c.Texts.Benefit), cmp.Or(c.Share.Desc, c.Texts.Intro, c.Texts.Brand)
}
