package staff

import (
	"context"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/redemption"
	"kaquan/views/ui"
)

// VerdictWords is the reason in one sentence why a card cannot be redeemed here and now.
func VerdictWords(ctx context.Context, v *redemption.View, now time.Time) string {
	switch v.Verdict {
	case redemption.Used:
		switch {
		case v.Prior != nil:
			return i18n.T(ctx, "staff.verdict.used", "when", Moment(ctx, v.Prior.At, now), "place", v.Prior.PlaceName, "staff", v.Prior.StaffName)
		case v.Claim != nil && !v.Claim.RedeemedAt.IsZero():
			return i18n.T(ctx, "staff.verdict.used_elsewhere", "when", Moment(ctx, v.Claim.RedeemedAt, now))
		}
		return i18n.T(ctx, "staff.verdict.used_wechat")
	case redemption.NotYet:
		return i18n.T(ctx, "staff.verdict.not_yet", "date", date(ctx, v.Campaign.Redeeming.From, now))
	case redemption.Expired:
		if v.Campaign != nil && !v.Campaign.ValidUntil.IsZero() {
			return i18n.T(ctx, "staff.verdict.expired", "date", date(ctx, v.Campaign.ValidUntil, now))
		}
		return i18n.T(ctx, "staff.verdict.expired_bare")
	case redemption.NoGoods:
		return i18n.T(ctx, "staff.verdict.no_goods", "goods", v.GoodsName)
	}
	return ShortVerdict(ctx, v.Verdict)
}

// ShortVerdict names a verdict without knowing the card.
func ShortVerdict(ctx context.Context, v redemption.Verdict) string {
	switch v {
	case redemption.Used:
		return i18n.T(ctx, "staff.verdict.used_wechat")
	case redemption.Waits:
		return i18n.T(ctx, "staff.verdict.pending")
	case redemption.NotYet:
		return i18n.T(ctx, "staff.verdict.not_yet_bare")
	case redemption.Expired:
		return i18n.T(ctx, "staff.verdict.expired_bare")
	case redemption.Gifting:
		return i18n.T(ctx, "staff.verdict.gifting")
	case redemption.Deleted:
		return i18n.T(ctx, "staff.verdict.deleted")
	case redemption.Voided:
		return i18n.T(ctx, "staff.verdict.voided")
	case redemption.Returned:
		return i18n.T(ctx, "staff.verdict.returned")
	case redemption.OtherStore:
		return i18n.T(ctx, "staff.verdict.other_store")
	case redemption.Forged:
		return i18n.T(ctx, "staff.verdict.forged")
	case redemption.NoGoods:
		return i18n.T(ctx, "staff.verdict.no_goods_bare")
	case redemption.Unclear:
		return i18n.T(ctx, "staff.verdict.unclear")
	case redemption.Good:
		return i18n.T(ctx, "staff.verdict.good")
	}
	return i18n.T(ctx, "staff.verdict.unknown")
}

// Holder is what the staff may know about who holds a card: the masked name they gave, and
// the short name that never changes.
func Holder(ctx context.Context, claim *campaigns.Claim, form campaigns.Form) string {
	who := campaigns.Visitor{ID: claim.Visitor}
	for _, f := range form {
		if f.Key == "name" && claim.Answers[f.Key] != "" {
			return ui.Mask(f.Kind, claim.Answers[f.Key]) + " · " + who.Alias()
		}
	}
	return i18n.T(ctx, "staff.holder.unnamed") + " · " + who.Alias()
}

// TailOf is the masked phone number that a claim was made with, "" without one.
func TailOf(claim *campaigns.Claim) string {
	for _, answer := range claim.Answers {
		if len(answer) == 11 && strings.Trim(answer, "0123456789") == "" {
			return ui.MaskPhone(answer)
		}
	}
	return ""
}

func validity(ctx context.Context, c *campaigns.Campaign, now time.Time) string {
	switch {
	case c.ValidUntil.IsZero() && c.Redeeming.From.IsZero():
		return i18n.T(ctx, "staff.card.valid_always")
	case c.ValidUntil.IsZero():
		return i18n.T(ctx, "staff.card.valid_from", "from", date(ctx, c.Redeeming.From, now))
	case c.Redeeming.From.IsZero():
		return i18n.T(ctx, "staff.card.valid_until", "until", date(ctx, c.ValidUntil, now))
	}
	return i18n.T(ctx, "staff.card.valid_between", "from", date(ctx, c.Redeeming.From, now), "until", date(ctx, c.ValidUntil, now))
}
