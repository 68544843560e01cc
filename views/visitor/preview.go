package visitor

import (
	"context"
	"slices"
	"time"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/orders"
	"kaquan/views/ui"
)

// States lists every state that a page can show, in the order of a visit.
var States = []State{
	Intro, Snapshot, AuthDenied, AuthFailed, NotInWeChat, WeChatDesktop, BeforeStart, Form, FormError, Ready,
	Claiming, Cancelled, Confirming, Claimed, ClaimedLocal, Already, NeedFollow, NotEligible, Blocked, DayQuota, SoldOut, Paused, Ended,
	Redeemed, ExpiredCard, VoidedCard, RateLimited, NetworkError, ServerError, SignFailed, WalletFailed, NotFound,
	PayNeeded, Paying, PayFailed, Refunded,
}

// Occurs reports whether the campaign's settings ever lead to the state.
func Occurs(c *campaigns.Campaign, state State) bool {
	switch state {
	case Form, FormError:
		return c.Asks()
	case Ready:
		return !c.Asks()
	case PayNeeded, Paying, PayFailed, Refunded:
		return c.Price.Fen > 0
	case Claiming, Cancelled, Confirming, Claimed, SignFailed, WalletFailed:
		return c.Issuer == campaigns.WeChatCard
	case ClaimedLocal:
		return c.ShowsCode()
	case NeedFollow:
		return c.Rules.Followers
	case NotEligible:
		return c.Rules.AllowList != "" || len(c.Rules.Channels) > 0 || len(c.Rules.Once) > 0
	case Blocked:
		return c.Rules.BlockList != ""
	case DayQuota:
		return c.Rules.DayTotal > 0 || c.Limits.PerDay > 0 && c.Limits.PerDay < c.Limits.PerPerson
	}
	return true
}

// Who a page is sampled for.
const (
	sampleVisitor campaigns.VisitorID = 1<<42 + 46655*36
	sampleClaim   campaigns.ClaimID   = 1 << 42
	sampleCode    campaigns.CardCode  = "318600521947"
	sampleSupport                     = "K7Q-2M9"
	// samplePass has the form of a pass and nobody's signature.
	samplePass = "KQ1.sample." + string(sampleCode) + ".fh3." + "c2FtcGxlc2FtcGxlc2FtcGxlc2FtcGxlc2FtcGxlc2FtcGxlc2FtcGxlc2FtcGxlc2FtcGxlc2FtcGxlc2FtcA"
)

// SampleClaim is a made-up claim of a campaign, confirmed an hour before now.
func SampleClaim(c *campaigns.Campaign, now time.Time) campaigns.Claim {
	at := now.Add(-time.Hour)
	return campaigns.Claim{
		ID: sampleClaim, Campaign: c.ID, Account: c.Account, Visitor: sampleVisitor, Issuer: c.Issuer, State: campaigns.Confirmed,
		Code: sampleCode, HoldUntil: now.Add(c.Hold), CreatedAt: at, ConfirmedAt: at, RedeemedAt: now.Add(-10 * time.Minute),
	}
}

var claimStates = map[State]campaigns.ClaimState{
	Claiming: campaigns.Held, Cancelled: campaigns.Opened, Confirming: campaigns.Reported, Claimed: campaigns.Confirmed, ClaimedLocal: campaigns.Confirmed,
	Already: campaigns.Confirmed, DayQuota: campaigns.Confirmed, Redeemed: campaigns.Redeemed, ExpiredCard: campaigns.Expired, VoidedCard: campaigns.Voided,
	PayNeeded: campaigns.Held, Paying: campaigns.Held, PayFailed: campaigns.Held,
}

// Sample is a page in a state with made-up contents: the same struct that a visit fills,
// so that Main draws the same markup. holder is for people who have a card already.
func Sample(ctx context.Context, c *campaigns.Campaign, state State, now time.Time, holder bool) Page {
	shown := *c
	p := Page{State: state, Campaign: &shown, Now: now, Inside: true}
	if status, ok := claimStates[state]; ok {
		claim := SampleClaim(c, now)
		claim.State = status
		p.Cards = []campaigns.Claim{claim}
		if c.ShowsCode() {
			p.Passes = map[campaigns.ClaimID]string{claim.ID: samplePass}
		}
	}
	if holder || len(p.Cards) > 0 || slices.Contains([]State{Form, FormError, Ready, SignFailed, WalletFailed, NeedFollow, NotEligible, Blocked}, state) {
		p.Visitor = sampleVisitor
	}
	switch state {
	case PayNeeded, Paying, PayFailed, Refunded:
		if shown.Price.Fen == 0 {
			shown.Price = campaigns.Price{Fen: 990, RefundDays: 7}
		}
		if state == Refunded {
			p.Visitor = sampleVisitor
			p.Order = &orders.Order{Fen: shown.Price.Fen, BackFen: shown.Price.Fen, State: orders.Refunded}
			break
		}
		p.Cards[0].CreatedAt = now
	case NotInWeChat, WeChatDesktop:
		p.Inside = false
	case FormError:
		p.Values, p.Errors = mistakes(ctx, c.Form)
		if p.invited() {
			p.Errors.Add(invitationName, i18n.T(ctx, campaigns.ErrInvitation.Key))
		}
	case NeedFollow:
		p.Follow = c.Texts.Brand
	case DayQuota:
		if c.Rules.DayTotal > 0 {
			p.ShareGone, p.NextShare, p.Cards = true, c.NextRelease(now), nil
			break
		}
		shown.Limits.PerDay = max(1, shown.Limits.PerDay)
	case Paused:
		if shown.PauseReason == "" {
			shown.PauseReason = i18n.T(ctx, "preview.sample.pause")
		}
	case AuthFailed, ServerError, SignFailed, WalletFailed, Blocked:
		p.SupportCode = sampleSupport
	case RateLimited:
		p.Back, p.Campaign = p.base(), nil
	case NotFound:
		p.Campaign = nil
	}
	return p
}

// mistakes are answers that the form refuses, with its own messages.
func mistakes(ctx context.Context, form campaigns.Form) (map[string]string, ui.Errors) {
	values, errors := map[string]string{}, ui.Errors{}
	for _, field := range form {
		switch field.Kind {
		case campaigns.MobileField:
			values[field.Key] = "1380013"
		case campaigns.PlateField:
			values[field.Key] = "A123"
		case campaigns.IDField:
			values[field.Key] = "110101199003071230"
		}
	}
	_, err := form.Check(values, false)
	for _, problem := range fault.All(err) {
		errors.Add(problem.Field, i18n.TArgs(ctx, problem.Key, problem.Args))
	}
	return values, errors
}

// Words are the title and the sentence of the page's state.
func (p Page) Words(ctx context.Context) (title, body string) { return p.words(ctx) }
