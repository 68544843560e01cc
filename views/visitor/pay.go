package visitor

import (
	"context"
	"time"

	"kaquan/i18n"
)

// priced reports whether the card costs something.
func (p Page) priced() bool { return p.Campaign != nil && p.Campaign.Price.Fen > 0 }

// amount is what the card costs, or what the order did.
func (p Page) amount() string {
	switch {
	case p.Order != nil:
		return i18n.Money(p.Order.Fen)
	case p.Campaign != nil:
		return i18n.Money(p.Campaign.Price.Fen)
	}
	return ""
}

// left is what of the order's money is not on its way back yet.
func (p Page) left() string { return i18n.Money(p.Order.Fen - p.Order.BackFen) }

// PayUntil is the end of the time for paying.
func (p Page) PayUntil() time.Time {
	return p.Claim().CreatedAt.Add(p.Campaign.Price.PayTime())
}

// refundRule is the campaign's rule about money back, in a sentence.
func (p Page) refundRule(ctx context.Context) string {
	days := p.Campaign.Price.RefundDays
	return i18n.T(ctx, choose("visitor.refund_rule", "_none", days == 0), "days", days)
}

// payWords are the sentences of the states about money.
func (p Page) payWords(ctx context.Context, key string) string {
	switch p.State {
	case PayNeeded:
		return sentences(ctx, i18n.T(ctx, key), p.refundRule(ctx))
	case PayFailed:
		return i18n.T(ctx, key, "time", p.PayUntil().In(p.Campaign.Zone).Format("15:04"))
	case Refunded:
		if p.Order != nil && p.Order.Reason != "" {
			key += "_late"
		}
		return i18n.T(ctx, key, "amount", p.amount())
	}
	return i18n.T(ctx, key)
}
