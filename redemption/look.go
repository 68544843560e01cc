package redemption

import (
	"context"
	"errors"
	"slices"
	"time"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/stores"
	"kaquan/wechat"
)

// Verdict is what a card is worth at this till at this moment.
type Verdict string

// The verdicts. Only Good can be redeemed.
const (
	Good       Verdict = "good"
	Used       Verdict = "used"        // redeemed before; View.Prior says when and where
	Waits      Verdict = "pending"     // a redemption waits for WeChat's word
	NotYet     Verdict = "not_yet"     // the time has not begun
	Expired    Verdict = "expired"     // the time is over
	Gifting    Verdict = "gifting"     // the holder is giving it away, or has
	Deleted    Verdict = "deleted"     // the holder deleted it
	Voided     Verdict = "voided"      // staff withdrew it
	Returned   Verdict = "returned"    // it was never taken, or was paid back
	OtherStore Verdict = "other_store" // it cannot be used here
	Unknown    Verdict = "unknown"     // no such card
	Forged     Verdict = "forged"      // looks like a code of ours and was not signed by us
	Unclear    Verdict = "unclear"     // WeChat knows the card in a state we have no word for
	NoGoods    Verdict = "no_goods"    // what it is exchanged for is not in stock here
)

// Till is who looks: a signed-in member of the staff at a place.
type Till struct {
	Staff stores.Staff
	Place stores.Place
	IP    string
}

func (t *Till) account() campaigns.AccountID { return campaigns.AccountID(t.Staff.Account) }

// View is a card as the staff see it before they confirm.
type View struct {
	Verdict   Verdict
	Scan      Scan
	Claim     *campaigns.Claim    // nil when there is no such card
	Campaign  *campaigns.Campaign // nil with Claim
	Prior     *Redemption         // of a used or pending card, when it was redeemed here
	GoodsName string              // what it is exchanged for
	Unit      string
	Quantity  int64
	CanUndo   bool // a redemption could be taken back for some minutes: say so before
	Unchecked bool // WeChat did not answer; it decides when the card is redeemed
}

// Look finds a card by what was scanned or typed and says what it is worth here and now.
// It changes nothing. ErrNotAllowed for staff who do not redeem, a fault on "code" for
// text that cannot be a code.
func (s *Service) Look(ctx context.Context, till *Till, text string) (View, error) {
	return s.look(ctx, till, text, s.now().UTC(), true)
}

// look judges as of a time; with ask WeChat is asked about its cards.
func (s *Service) look(ctx context.Context, till *Till, text string, at time.Time, ask bool) (View, error) {
	if !till.Staff.Role.Redeems() {
		return View{}, ErrNotAllowed
	}
	keys, err := s.signers(ctx)
	if err != nil {
		return View{}, err
	}
	scan, ok := read(text, keys)
	if !ok {
		return View{}, fault.New(fault.Invalid, "redemption.error.code").On("code")
	}
	v := View{Scan: scan, Verdict: Unknown}
	if scan.Forged {
		v.Verdict = Forged
		return v, nil
	}
	claim, err := s.store.ClaimByCode(ctx, till.account(), scan.Code)
	if errors.Is(err, campaigns.ErrNotFound) {
		return v, nil
	}
	if err != nil {
		return View{}, err
	}
	v.Claim = claim
	return s.judge(ctx, till, v, at, ask)
}

// judge fills in what a known claim is worth.
func (s *Service) judge(ctx context.Context, till *Till, v View, at time.Time, ask bool) (View, error) {
	var err error
	if v.Campaign, err = s.store.CampaignByID(ctx, v.Claim.Campaign); err != nil {
		return View{}, err
	}
	v.CanUndo = v.Claim.Issuer != campaigns.WeChatCard
	if v.Verdict, err = s.verdict(ctx, till, &v, at); err != nil || v.Verdict != Good {
		return v, err
	}
	if err := s.goods(ctx, till, &v); err != nil || v.Verdict != Good {
		return v, err
	}
	if v.Claim.Issuer != campaigns.WeChatCard || !ask {
		return v, nil
	}
	info, err := s.cards.Check(ctx, v.Claim.Account, v.Campaign.CardID, v.Claim.Code)
	switch {
	case errors.Is(err, wechat.ErrCodeUnknown):
		v.Verdict = Unknown
	case err != nil:
		v.Unchecked = true
		s.log.WarnContext(ctx, "card not checked before redeeming", "account", v.Claim.Account, "claim", v.Claim.ID, "err", err)
	default:
		v.Verdict = wordOf(info)
	}
	return v, nil
}

// wordOf is the verdict on WeChat's state of a card.
func wordOf(info wechat.CodeInfo) Verdict {
	switch info.Status {
	case wechat.CodeNormal, wechat.CodeGiftTimeout, "":
		return Good
	case wechat.CodeConsumed:
		return Used
	case wechat.CodeExpired:
		return Expired
	case wechat.CodeGifting, wechat.CodeGifted:
		return Gifting
	case wechat.CodeDeleted:
		return Deleted
	case wechat.CodeUnavailable:
		return Voided
	}
	if info.CanConsume {
		return Good
	}
	return Unclear
}

// verdict is what our own ledger and the campaign's rules say.
func (s *Service) verdict(ctx context.Context, till *Till, v *View, at time.Time) (Verdict, error) {
	claim, c := v.Claim, v.Campaign
	switch claim.State {
	case campaigns.Redeemed:
		return Used, s.prior(ctx, v)
	case campaigns.Gifted:
		return Gifting, nil
	case campaigns.Deleted:
		return Deleted, nil
	case campaigns.Expired:
		return Expired, nil
	case campaigns.Voided:
		return Voided, nil
	case campaigns.Confirmed:
	default:
		return Returned, nil
	}
	switch err := s.prior(ctx, v); {
	case err != nil:
		return "", err
	case v.Prior != nil && v.Prior.State == Done:
		return Used, nil // by somebody who was faster than the two reads
	case v.Prior != nil:
		return Waits, nil
	case at.Before(c.Redeeming.From):
		return NotYet, nil
	case !c.ValidUntil.IsZero() && at.After(c.ValidUntil):
		return Expired, nil
	}
	here, err := s.covers(ctx, till, c)
	if err != nil || here {
		return Good, err
	}
	return OtherStore, nil
}

// prior fills in the redemption in effect.
func (s *Service) prior(ctx context.Context, v *View) error {
	r, err := s.store.RedemptionOf(ctx, v.Claim.ID)
	if errors.Is(err, ErrNotFound) {
		return nil // WeChat or another program redeemed it
	}
	if err == nil {
		v.Prior = &r
	}
	return err
}

// covers reports whether the campaign's cards can be used at the till's place.
func (s *Service) covers(ctx context.Context, till *Till, c *campaigns.Campaign) (bool, error) {
	if len(c.Redeeming.Places) == 0 {
		return true, nil
	}
	for id, depth := till.Place.ID, 0; id != 0 && depth <= stores.MaxDepth; depth++ {
		if slices.Contains(c.Redeeming.Places, id.String()) {
			return true, nil
		}
		p, err := s.places.Place(ctx, id)
		if err != nil {
			return false, err
		}
		id = p.Parent
	}
	return false, nil
}

// goods fills in what the card is exchanged for, and whether it is there.
func (s *Service) goods(ctx context.Context, till *Till, v *View) error {
	id := stores.ParseID[stores.GoodsID](v.Campaign.Redeeming.Goods)
	if id == 0 {
		return nil
	}
	g, err := s.places.Goods(ctx, id)
	if err != nil {
		return err
	}
	v.GoodsName, v.Unit, v.Quantity = g.Name, g.Unit, v.Campaign.Redeeming.Quantity
	level, err := s.places.Level(ctx, till.Place.ID, id)
	if err == nil && level < v.Quantity {
		v.Verdict = NoGoods
	}
	return err
}
