package redemption

import (
	"context"
	"errors"
	"regexp"
	"time"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/stores"
	"kaquan/wechat"
)

// keyShape is what the key of a request looks like: random text minted with the page.
var keyShape = regexp.MustCompile(`^[0-9A-Za-z_-]{8,64}$`)

// Confirm is the staff's word that the card in their hands is to be used up.
type Confirm struct {
	Claim campaigns.ClaimID
	Key   string // minted with the look: any retry gives the same redemption
}

// Redeem uses a card up. Our own codes are one guarded write with the goods' movement;
// cards of WeChat's are consumed there, and while WeChat's word is missing the redemption
// is Pending and settled by Settle. When the card cannot be redeemed, View says why and
// the error is ErrRefused. A repeat with the same key is safe.
func (s *Service) Redeem(ctx context.Context, till *Till, confirm Confirm) (Redemption, View, error) {
	if !keyShape.MatchString(confirm.Key) {
		return Redemption{}, View{}, ErrBadKey
	}
	claim, err := s.store.ClaimByID(ctx, confirm.Claim)
	if errors.Is(err, campaigns.ErrNotFound) || err == nil && claim.Account != till.account() {
		return Redemption{}, View{Verdict: Unknown}, ErrRefused
	}
	if err != nil {
		return Redemption{}, View{}, err
	}
	if !till.Staff.Role.Redeems() {
		return Redemption{}, View{}, ErrNotAllowed
	}
	now := s.now().UTC()
	v, err := s.judge(ctx, till, View{Scan: Scan{Code: claim.Code}, Claim: claim}, now, false)
	if err != nil {
		return Redemption{}, v, err
	}
	return s.book(ctx, till, v, confirm.Key, now, false)
}

// book redeems a card that was judged as of at.
func (s *Service) book(ctx context.Context, till *Till, v View, key string, at time.Time, offline bool) (Redemption, View, error) {
	if v.Prior != nil && v.Prior.Key == key { // the answer to this very request was lost
		return *v.Prior, v, nil
	}
	if v.Verdict != Good {
		return Redemption{}, v, ErrRefused
	}
	r := s.newRedemption(till, &v, key, at, offline)
	if r.WeChat {
		return s.consume(ctx, till, v, r)
	}
	r, err := s.store.Redeem(ctx, r, s.move(till, &v, key))
	if errors.Is(err, ErrRefused) || errors.Is(err, stores.ErrNotEnough) {
		return s.lost(ctx, till, v, at, err)
	}
	return r, v, err
}

// lost says why a card that was good a moment ago was refused: somebody was faster.
func (s *Service) lost(ctx context.Context, till *Till, v View, at time.Time, refusal error) (Redemption, View, error) {
	claim, err := s.store.ClaimByID(ctx, v.Claim.ID)
	if err != nil {
		return Redemption{}, v, err
	}
	v, err = s.judge(ctx, till, View{Scan: v.Scan, Claim: claim}, at, false)
	if err != nil {
		return Redemption{}, v, err
	}
	return Redemption{}, v, ErrRefused.Because(refusal)
}

func (s *Service) newRedemption(till *Till, v *View, key string, at time.Time, offline bool) Redemption {
	return Redemption{
		Account: v.Claim.Account, Campaign: v.Claim.Campaign, Claim: v.Claim.ID, Code: v.Claim.Code,
		Place: till.Place.ID, PlaceName: till.Place.Name, Staff: till.Staff.ID, StaffName: till.Staff.Name,
		State: Done, Offline: offline, WeChat: v.Claim.Issuer == campaigns.WeChatCard, At: at, BookedAt: s.now().UTC(), Key: key,
		Goods: stores.ParseID[stores.GoodsID](v.Campaign.Redeeming.Goods), Quantity: v.Quantity,
	}
}

// move is the movement of what the card is exchanged for; nil when that is nothing.
func (s *Service) move(till *Till, v *View, key string) *stores.Move {
	goods := stores.ParseID[stores.GoodsID](v.Campaign.Redeeming.Goods)
	if goods == 0 {
		return nil
	}
	return &stores.Move{
		Account: till.Staff.Account, Place: till.Place.ID, Goods: goods, Kind: stores.Redeem, Quantity: -v.Quantity,
		By: till.Staff.Actor(till.IP), Claim: stores.ClaimID(v.Claim.ID), Key: "redeem/" + key, At: s.now().UTC(),
	}
}

// consume redeems a card of WeChat's: booked as pending first, so that whatever happens to
// the answer there is a row that says what was tried.
func (s *Service) consume(ctx context.Context, till *Till, v View, r Redemption) (Redemption, View, error) {
	r.State = Pending
	r, err := s.store.Begin(ctx, r)
	if errors.Is(err, ErrRefused) {
		return s.lost(ctx, till, v, r.At, err)
	}
	if err != nil || r.State != Pending {
		return r, v, err
	}
	err = s.cards.Consume(ctx, r.Account, v.Campaign.CardID, r.Code)
	// Whether WeChat did it is worth knowing also when the staff's phone has gone.
	after := context.WithoutCancel(ctx)
	if err == nil {
		r, err = s.store.Finish(after, r.ID, s.now().UTC(), s.move(till, &v, r.Key))
		return r, v, err
	}
	var answer *wechat.APIError
	if !errors.As(err, &answer) || answer.Retryable() {
		return s.ask(after, till, v, r)
	}
	s.log.WarnContext(ctx, "WeChat did not redeem a card", "account", r.Account, "claim", r.Claim, "errcode", answer.Code)
	if err := s.store.Fail(after, r.ID, "errcode:"+itoa(answer.Code)); err != nil {
		return r, v, err
	}
	switch {
	case errors.Is(answer, wechat.ErrCodeConsumed):
		v.Verdict = Used
	case errors.Is(answer, wechat.ErrCodeUnusable):
		v.Verdict = Gifting
	case errors.Is(answer, wechat.ErrCodeUnknown):
		v.Verdict = Unknown
	default:
		return Redemption{}, v, fault.New(fault.Unavailable, "redemption.error.wechat", "code", answer.Code).Because(err)
	}
	return Redemption{}, v, ErrRefused.Because(err)
}

// ask follows an attempt whose answer was lost (protocol 4.8): CONSUMED means that it was
// ours. When this answer is lost too, the redemption waits for Settle.
func (s *Service) ask(ctx context.Context, till *Till, v View, r Redemption) (Redemption, View, error) {
	info, err := s.cards.Check(ctx, r.Account, v.Campaign.CardID, r.Code)
	if err == nil && info.Status == wechat.CodeConsumed {
		r, err = s.store.Finish(ctx, r.ID, s.now().UTC(), s.move(till, &v, r.Key))
		return r, v, err
	}
	return r, v, nil
}

// settlePatience is how long a pending redemption is tried again.
const settlePatience = 3 * time.Minute

// Settle asks WeChat about pending redemptions and ends them: done when the card is
// consumed, tried again while it is not, and given up after some minutes. Call it every
// few seconds; it says how many were ended.
func (s *Service) Settle(ctx context.Context) (int, error) {
	const batch = 50
	list, err := s.store.Waiting(ctx, batch)
	if err != nil {
		return 0, err
	}
	ended := 0
	for i := range list {
		done, err := s.settle(ctx, &list[i])
		if err != nil {
			return ended, err
		}
		if done {
			ended++
		}
	}
	return ended, ctx.Err()
}

func (s *Service) settle(ctx context.Context, r *Redemption) (bool, error) {
	c, err := s.store.CampaignByID(ctx, r.Campaign)
	if err != nil {
		return false, err
	}
	now := s.now().UTC()
	if now.Sub(r.BookedAt) < 10*time.Second {
		return false, nil // the request that made it may still be at work
	}
	finish := func() (bool, error) {
		var move *stores.Move
		if r.Goods != 0 {
			move = &stores.Move{
				Account: stores.AccountID(r.Account), Place: r.Place, Goods: r.Goods, Kind: stores.Redeem, Quantity: -r.Quantity,
				By: stores.Actor{Staff: r.Staff, Name: r.StaffName}, Claim: stores.ClaimID(r.Claim), Key: "redeem/" + r.Key, At: now,
			}
		}
		_, err := s.store.Finish(ctx, r.ID, now, move)
		return err == nil, err
	}
	info, err := s.cards.Check(ctx, r.Account, c.CardID, r.Code)
	switch {
	case err == nil && info.Status == wechat.CodeConsumed:
		return finish()
	case err == nil && wordOf(info) != Good, errors.Is(err, wechat.ErrCodeUnknown):
		return true, s.store.Fail(ctx, r.ID, "not_good")
	case now.Sub(r.BookedAt) > settlePatience:
		if err != nil {
			return false, nil // without WeChat's word nobody knows: ask on
		}
		return true, s.store.Fail(ctx, r.ID, "not_consumed")
	case err != nil:
		return false, nil
	}
	if s.cards.Consume(ctx, r.Account, c.CardID, r.Code) == nil {
		return finish()
	}
	return false, nil
}

// Undo takes a redemption back within UndoTime: the card can be used again and the goods
// are back in stock. Whoever redeemed it may, and the manager of the place. ErrTooLate,
// ErrUndone, ErrNoUndo, ErrNotAllowed.
func (s *Service) Undo(ctx context.Context, till *Till, id ID) (Redemption, error) {
	row, err := s.store.Redemption(ctx, id)
	if err != nil {
		return Redemption{}, err
	}
	if row.Account != till.account() || row.Place != till.Place.ID {
		return Redemption{}, ErrNotFound
	}
	if row.Staff != till.Staff.ID && !till.Staff.Role.Manages() {
		return Redemption{}, ErrNotAllowed
	}
	now := s.now().UTC()
	return s.store.Undo(ctx, id, till.Staff.Actor(till.IP), now, now.Add(-UndoTime))
}
