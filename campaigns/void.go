package campaigns

import (
	"context"
	"slices"
	"strings"
	"time"

	"kaquan/fault"
	"kaquan/wechat"
)

// VoidReason is why staff took a card away, as a short code of the claim's history.
type VoidReason string

// The reasons.
const (
	VoidMistake VoidReason = "mistake" // it was given out by mistake
	VoidAbuse   VoidReason = "abuse"   // against the rules of the campaign
	VoidAsked   VoidReason = "asked"   // the holder asked for it
	VoidOther   VoidReason = "other"   // the note says why
)

// VoidReasons lists them in the order in which forms offer them.
var VoidReasons = []VoidReason{VoidMistake, VoidAbuse, VoidAsked, VoidOther}

// Key is the translation key of the reason in words.
func (r VoidReason) Key() string { return "claims.reason." + string(r) }

// Withdrawal is why a card becomes void. The note is for the audit, and for WeChat where
// the card is one of WeChat's; people who see the claim read the reason alone.
type Withdrawal struct {
	Reason VoidReason
	Note   string // at most 60 characters; VoidOther needs one
}

const maxVoidNote = 60

func (w *Withdrawal) check() error {
	var problems fault.List
	if !slices.Contains(VoidReasons, w.Reason) {
		problems = append(problems, fault.New(fault.Invalid, "claims.void.error.reason").On("reason"))
	}
	w.Note = strings.TrimSpace(cleanLine(w.Note))
	if n := len([]rune(w.Note)); n > maxVoidNote {
		problems = append(problems, fault.New(fault.Invalid, "campaign.error.too_long", "max", maxVoidNote, "count", n).On("note"))
	} else if n == 0 && w.Reason == VoidOther {
		problems = append(problems, fault.New(fault.Invalid, "claims.void.error.note").On("note"))
	}
	return problems.OrNil()
}

// Why a card does not become void. The order of ErrVoidPaid is in its argument "order".
var (
	ErrVoidState   = fault.New(fault.Conflict, "claims.void.error.state")
	ErrVoidPending = fault.New(fault.Conflict, "claims.void.error.pending")
	ErrVoidPaid    = fault.New(fault.Conflict, "claims.void.error.paid")
	// ErrVoidWeChat says that WeChat did not take the card out of the wallet; the cause is
	// WeChat's answer.
	ErrVoidWeChat = fault.New(fault.Conflict, "claims.void.error.wechat")
)

// Voids takes cards out of wallets; *wechat.Hub is adapted to it in cli.
type Voids interface {
	// VoidCard makes a card of WeChat's void for good. A repeat is safe.
	VoidCard(ctx context.Context, account AccountID, card wechat.CardID, code CardCode, reason string) error
}

// VoidStore is what the store does for voiding.
type VoidStore interface {
	// CheckVoid says why a claim cannot be made void now: ErrVoidState unless it is confirmed
	// and its card still good, ErrVoidPaid, ErrVoidPending while a redemption waits for
	// WeChat's word; ErrNotFound.
	CheckVoid(ctx context.Context, id ClaimID, now time.Time) error
	// VoidClaim writes the event under the same conditions, which hold at the moment of the
	// write, and the audit line. accepted says that WeChat made the card void already: then it
	// is written whatever else happened meanwhile. A claim that is void comes back unchanged.
	VoidClaim(ctx context.Context, id ClaimID, e Event, accepted bool, audit Audit) (*Claim, error)
}

// Void takes a card away from its holder for good; the till refuses it from now on. Its
// unit stays counted as given out (section 3 of the design). Cards of WeChat's are made void
// there first: when our own write is lost after that, reconciling brings it. A repeat is
// safe. Errors: fault.List on "reason" and "note", ErrNotFound, and those above.
func (s *Service) Void(ctx context.Context, actor Actor, id ClaimID, w Withdrawal) (*Claim, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	claim, err := s.store.ClaimByID(ctx, id)
	if err != nil {
		return nil, err
	}
	accepted := false
	if claim.Issuer == WeChatCard && claim.State == Confirmed {
		if err := s.voidAtWeChat(ctx, claim, w.Note); err != nil {
			return nil, err
		}
		accepted, ctx = true, context.WithoutCancel(ctx)
	}
	now := s.now().UTC()
	e := Event{Kind: EventVoided, Source: FromStaff, At: now, Detail: string(w.Reason)}
	return s.store.VoidClaim(ctx, id, e, accepted, s.audit(actor, "claims.void", now, map[string]any{"reason": w.Reason.Key(), "note": w.Note}))
}

func (s *Service) voidAtWeChat(ctx context.Context, claim *Claim, note string) error {
	c, err := s.store.CampaignByID(ctx, claim.Campaign)
	if err != nil {
		return err
	}
	if err := s.store.CheckVoid(ctx, claim.ID, s.now().UTC()); err != nil {
		return err
	}
	if s.voids == nil {
		return ErrVoidWeChat
	}
	if err := s.voids.VoidCard(ctx, claim.Account, c.CardID, claim.Code, note); err != nil {
		s.log.WarnContext(ctx, "WeChat did not make a card void", "account", claim.Account, "claim", claim.ID, "err", err)
		return ErrVoidWeChat.Because(err)
	}
	return nil
}

// MaxClaims is how many claims are changed at once.
const MaxClaims = 100

// ErrManyClaims says that more were chosen.
var ErrManyClaims = fault.New(fault.Invalid, "claims.bulk.too_many", "max", MaxClaims)

// ManyVoided is what became of many: Refused is why the others stay as they are, one for
// each, in the order given.
type ManyVoided struct {
	Done    int
	Refused []error
}

// VoidMany makes each claim void by itself, as Void does; those that cannot be are counted,
// not undone. Claims of the same list are void already when it is sent again.
func (s *Service) VoidMany(ctx context.Context, actor Actor, ids []ClaimID, w Withdrawal) (ManyVoided, error) {
	var all ManyVoided
	if err := w.check(); err != nil {
		return all, err
	}
	if len(ids) > MaxClaims {
		return all, ErrManyClaims
	}
	for _, id := range ids {
		_, err := s.Void(ctx, actor, id, w)
		switch {
		case err == nil:
			all.Done++
		case len(fault.All(err)) > 0:
			all.Refused = append(all.Refused, err)
		default:
			return all, err
		}
	}
	return all, nil
}
