package visitor

import (
	"cmp"
	"context"

	"kaquan/campaigns"
	"kaquan/i18n"
)

// own are the campaign's own words for the page's state; empty ones are the usual.
func (p Page) own() campaigns.StateText {
	if p.Campaign == nil {
		return campaigns.StateText{}
	}
	states := p.Campaign.Design.States
	own := states[string(p.State)]
	if p.State == FormError {
		own.Button = cmp.Or(own.Button, states[string(Form)].Button)
	}
	return own
}

// ownable reports whether a part of the state's words (title, body or button) may be a
// campaign's own.
func (p Page) ownable(part string) bool {
	words, known := campaigns.OwnWords[string(p.State)]
	return p.Campaign != nil && known && (part != "title" || !words.NoTitle) && (part != "button" || !words.NoBar)
}

// filled is an own text with its placeholders filled in, or the usual one where it is empty
// or names something that is not known.
func (p Page) filled(ctx context.Context, own string, usual func() string) string {
	if own == "" {
		return usual()
	}
	text, ok := campaigns.FillWords(own, func(name string) string { return p.ownValue(ctx, name) })
	if !ok {
		return usual()
	}
	return text
}

// ownValue is what a placeholder stands for in the page's state, "" where that is nothing.
func (p Page) ownValue(ctx context.Context, name string) string {
	c := p.Campaign
	switch name {
	case "benefit":
		return c.Texts.Benefit
	case "brand":
		return c.Texts.Brand
	case "purpose":
		return c.Texts.Purpose
	case "contact":
		return c.Texts.Contact
	case "code":
		return p.SupportCode
	case "name":
		return p.Follow
	case "amount":
		return p.amount()
	case "reason":
		return cmp.Or(c.PauseReason, i18n.T(ctx, "visitor.paused.body"))
	case "total":
		return i18n.Number(ctx, c.Stock.Total)
	case "left":
		return i18n.Number(ctx, max(0, c.Stock.Left()))
	case "count":
		return p.ownCount(ctx)
	case "day":
		return p.day(ctx, c.ValidUntil)
	case "time":
		return p.ownTime(ctx)
	}
	return ""
}

func (p Page) ownCount(ctx context.Context) string {
	n := p.Campaign.Limits.PerPerson
	if p.State == DayQuota {
		if n = p.Campaign.Limits.PerDay; p.ShareGone {
			n = 0 // it is the share of all that is gone
		}
	}
	if n == 0 {
		return ""
	}
	return i18n.Number(ctx, int64(n))
}

func (p Page) ownTime(ctx context.Context) string {
	c := p.Campaign
	switch claim := p.Claim(); {
	case p.State == BeforeStart:
		return p.moment(ctx, c.StartsAt)
	case p.State == Ended && !p.Now.Before(c.EndsAt):
		return p.moment(ctx, c.EndsAt)
	case p.State == Cancelled && claim != nil:
		return claim.HoldUntil.In(c.Zone).Format("15:04")
	case p.State == Redeemed && claim != nil:
		return p.moment(ctx, claim.RedeemedAt)
	}
	return ""
}

// label are the words of the primary button.
func (p Page) label(ctx context.Context) string {
	return p.filled(ctx, p.own().Button, func() string {
		key := p.action()
		switch p.State {
		case Claimed:
			key = "visitor.view"
		case ClaimedLocal:
			key = "visitor.show_code"
		case Already:
			if key = "visitor.view"; p.local() {
				key = "visitor.show_code"
			}
		case Redeemed, ExpiredCard, VoidedCard:
			key = "visitor.more"
		}
		return i18n.T(ctx, key, "amount", p.amount())
	})
}

// Usual are the title, the body and the button that the state has without own words.
func (p Page) Usual(ctx context.Context) (title, body, button string) {
	if p.Campaign != nil {
		plain := *p.Campaign
		plain.Design.States = nil
		p.Campaign = &plain
	}
	title, body = p.words(ctx)
	if p.hasBar() {
		button = p.label(ctx)
	}
	return title, body, button
}

func (p Page) coverIn(layout campaigns.CoverLayout) bool {
	return p.Campaign.Design.Cover != "" && p.Campaign.Design.Layout == layout
}

func (p Page) coverPath() string { return PicturePath(p.Campaign.Design.Cover) }

// PicturePath is the address of an uploaded picture.
func PicturePath(name string) string { return "/media/" + name }
