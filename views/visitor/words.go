package visitor

import (
	"cmp"
	"context"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
)

// words are the title and the body of the page's state.
func (p Page) words(ctx context.Context) (title, body string) {
	key := "visitor." + string(p.State)
	title, body = i18n.T(ctx, key+".title", "amount", p.amount()), p.Sentence
	own, usual := p.own(), title
	if p.bare() {
		title = p.Campaign.Texts.Benefit
	} else {
		title = p.filled(ctx, own.Title, func() string { return usual })
	}
	if body == "" {
		body = p.filled(ctx, own.Body, func() string { return p.body(ctx, key+".body") })
		if own.Body != "" && p.State == Ready && p.priced() { // what is paid for says how it is paid back
			body = sentences(ctx, p.filled(ctx, own.Body, func() string { return p.limitWords(ctx, key+".body") }), p.refundRule(ctx))
		}
	}
	return title, body
}

func (p Page) body(ctx context.Context, key string) string {
	c := p.Campaign
	if c == nil || p.State == ServerError {
		return i18n.T(ctx, key, "code", p.SupportCode)
	}
	total := i18n.Number(ctx, c.Stock.Total)
	switch p.State {
	case BeforeStart:
		return i18n.T(ctx, choose(key, "_stock", c.Texts.ShowStock), "time", p.moment(ctx, c.StartsAt), "total", total)
	case Form, FormError:
		if len(c.Form) == 0 {
			return i18n.T(ctx, "visitor.form.body_invitation")
		}
		return i18n.T(ctx, "visitor.form.body", "purpose", c.Texts.Purpose)
	case Ready:
		if p.priced() {
			return sentences(ctx, p.limitWords(ctx, key), p.refundRule(ctx))
		}
		return p.limitWords(ctx, key)
	case PayNeeded, Paying, PayFailed, Refunded:
		return p.payWords(ctx, key)
	case Cancelled:
		return i18n.T(ctx, key, "time", p.Claim().HoldUntil.In(c.Zone).Format("15:04"))
	case Claimed:
		return i18n.T(ctx, choose(key, "_until", !c.ValidUntil.IsZero()), "day", p.day(ctx, c.ValidUntil))
	case ClaimedLocal:
		return i18n.T(ctx, key)
	case Already:
		return p.alreadyWords(ctx, key)
	case NeedFollow:
		return i18n.T(ctx, choose(key, "_qr", p.FollowQR != ""), "name", p.Follow)
	case Blocked:
		return i18n.T(ctx, choose(key, "_contact", c.Texts.Contact != ""), "contact", c.Texts.Contact, "code", p.SupportCode)
	case DayQuota:
		if p.ShareGone {
			return p.shareWords(ctx, key+"_share")
		}
		return i18n.T(ctx, key, "count", c.Limits.PerDay)
	case SoldOut:
		return i18n.T(ctx, choose(key, "_stock", c.Texts.ShowStock), "total", total)
	case Paused:
		return cmp.Or(c.PauseReason, i18n.T(ctx, key))
	case WeChatDesktop:
		return i18n.T(ctx, choose(key, "_local", p.local()))
	case Ended:
		return i18n.T(ctx, choose(choose(key, "_early", p.Now.Before(c.EndsAt)), "_until", c.ValidUntil.After(p.Now)), "time", p.moment(ctx, c.EndsAt), "day", p.day(ctx, c.ValidUntil))
	case Redeemed:
		return i18n.T(ctx, key, "time", p.moment(ctx, p.Claim().RedeemedAt))
	case ExpiredCard:
		return i18n.T(ctx, choose(key, "_until", !c.ValidUntil.IsZero()), "day", p.day(ctx, c.ValidUntil))
	case VoidedCard:
		return i18n.T(ctx, choose(key, "_contact", c.Texts.Contact != ""), "contact", c.Texts.Contact)
	}
	return i18n.T(ctx, key)
}

// shareWords says when the next share of the day opens.
func (p Page) shareWords(ctx context.Context, key string) string {
	c := p.Campaign
	if p.NextShare.IsZero() {
		return i18n.T(ctx, key+"_last")
	}
	when := p.moment(ctx, p.NextShare)
	for i, day := range []string{"visitor.today", "visitor.tomorrow"} {
		if c.Day(p.NextShare) == c.Day(p.Now.AddDate(0, 0, i)) {
			when = i18n.T(ctx, day, "time", p.NextShare.In(c.Zone).Format("15:04"))
			break
		}
	}
	if !c.Texts.ShowStock {
		return i18n.T(ctx, key, "time", when)
	}
	return i18n.T(ctx, key+"_stock", "time", when, "left", i18n.Number(ctx, c.Stock.Left()))
}

// limitWords is how many a person may claim and, where staff allow it, how many are left.
func (p Page) limitWords(ctx context.Context, key string) string {
	c := p.Campaign
	left := c.Stock.Left()
	switch {
	case !c.Texts.ShowStock:
		return i18n.T(ctx, key, "count", c.Limits.PerPerson)
	case left < roundBelow:
		return i18n.T(ctx, key+"_few", "count", c.Limits.PerPerson, "left", roundBelow)
	}
	return i18n.T(ctx, key+"_stock", "count", c.Limits.PerPerson, "left", i18n.Number(ctx, left))
}

// alreadyWords says where the card is, or what became of it.
func (p Page) alreadyWords(ctx context.Context, key string) string {
	c := p.Campaign
	limit := i18n.T(ctx, "visitor.already.limit", "count", c.Limits.PerPerson)
	claim := p.Claim()
	switch {
	case claim == nil:
		return limit
	case claim.State == campaigns.Gifted || claim.State == campaigns.Deleted:
		return sentences(ctx, limit, i18n.T(ctx, key+"_"+string(claim.State)))
	case p.local() && len(p.shown()) > 0:
		return sentences(ctx, limit, i18n.T(ctx, key+"_local"))
	case p.local():
		return limit
	}
	return sentences(ctx, limit, i18n.T(ctx, choose(key, "_until", !c.ValidUntil.IsZero()), "day", p.day(ctx, c.ValidUntil)))
}

// sentences puts two sentences one after the other; Chinese has no blank between them.
func sentences(ctx context.Context, a, b string) string {
	if i18n.Lang(ctx) == i18n.EN {
		return a + " " + b
	}
	return a + b
}

func choose(key, ending string, yes bool) string {
	if yes {
		return key + ending
	}
	return key
}

// moment is a minute without the year where the year is clear: 12月1日 10:00.
func (p Page) moment(ctx context.Context, t time.Time) string {
	return p.day(ctx, t) + " " + t.In(p.Campaign.Zone).Format("15:04")
}

// day is a date without the year where the year is clear: 12月31日. Zero is empty.
func (p Page) day(ctx context.Context, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	zone := p.Campaign.Zone
	if t.In(zone).Year() != p.Now.In(zone).Year() {
		return i18n.Date(ctx, t, zone)
	}
	if i18n.Lang(ctx) == i18n.EN {
		return t.In(zone).Format("2 Jan")
	}
	return t.In(zone).Format("1月2日")
}

// validity is the line at the foot of the card face.
func (p Page) validity(ctx context.Context) string {
	c := p.Campaign
	if !c.ValidUntil.IsZero() {
		return i18n.T(ctx, "visitor.face.valid", "day", p.day(ctx, c.ValidUntil))
	}
	return i18n.T(ctx, "visitor.face.period", "from", p.moment(ctx, c.StartsAt), "to", p.moment(ctx, c.EndsAt))
}

// retention is how many days after the end the answers are kept.
func (p Page) retention() int {
	return cmp.Or(p.Campaign.Texts.RetentionDay, campaigns.DefaultRetention)
}

// help is the code that joins what a visitor says to what staff see.
func (p Page) help() string {
	switch {
	case p.State == ServerError || p.State == Blocked: // their sentences have the code
		return ""
	case p.SupportCode != "":
		return p.SupportCode
	case p.Visitor == 0:
		return ""
	}
	v := campaigns.Visitor{ID: p.Visitor}
	return v.Alias()
}

func (p Page) documentTitle(ctx context.Context) string {
	if p.Campaign != nil {
		return p.Campaign.Texts.Benefit
	}
	title, _ := p.words(ctx)
	return title
}

func (p Page) data(ctx context.Context) data {
	d := data{Base: p.base(), CSRF: p.CSRF, Now: cmp.Or(p.clock, p.Now.UnixMilli()), SDK: p.SDK, Texts: map[string]string{
		"copied": i18n.T(ctx, "visitor.copied"), "left": i18n.T(ctx, "visitor.hold.left", "time", "{time}"), "day": i18n.T(ctx, "visitor.countdown.day", "days", "{days}", "time", "{time}"),
		"starting": i18n.T(ctx, "visitor.countdown.starting"),
	}}
	if p.Config != nil {
		c := Config(*p.Config).(config)
		d.Config = &c
	}
	if c := p.Campaign; c != nil {
		d.Share = &share{
			Title: cmp.Or(c.Share.Title, c.Texts.Benefit), Desc: cmp.Or(c.Share.Desc, c.Texts.Intro, c.Texts.Brand),
			Link: p.Link, Image: c.Share.Image,
		}
	}
	return d
}
