package campaigns

import (
	"context"
	"strconv"
	"strings"
	"time"

	"kaquan/wechat"
)

// Push is an inbound message of WeChat and what it means here.
type Push struct {
	Account  AccountID
	Dedupe   string
	Event    string // lower case; of messages their type, as in "text"
	OpenID   wechat.OpenID
	UnionID  string
	CardID   wechat.CardID
	Ref      Ref
	Code     CardCode
	OldCode  CardCode // of a gift: the code that the giver had
	Raw      []byte
	At       time.Time // when WeChat says it happened
	Received time.Time
	Apply    *Event    // what it means for the claim; nil = nothing
	Gift     bool      // the card came from a friend: the receiver gets a claim of their own
	Note     *CardNote // what it says about a card of the account; nil = nothing
	Broken   bool      // applying it failed: only keep it
	Mint     Mint
}

// Mint makes the names of a claim that a message brings into being, and of its visitor.
type Mint func() (VisitorID, ClaimID, Ref)

// PushResult says what became of an inbound message.
type PushResult string

// The results.
const (
	PushApplied   PushResult = "applied"
	PushDuplicate PushResult = "duplicate"
	PushUnmatched PushResult = "unmatched" // waits for the claim it is about
	PushKept      PushResult = "kept"      // means nothing for a claim
	PushFailed    PushResult = "failed"    // stored, but applying it failed
)

// CardNoteKind is what a CardNote says.
type CardNoteKind string

// The kinds of notes.
const (
	CardLowStock CardNoteKind = "low_stock"
	CardApproved CardNoteKind = "approved"
	CardRefused  CardNoteKind = "refused"
)

// CardNote is what WeChat said last about a card of an account.
type CardNote struct {
	Account AccountID
	CardID  wechat.CardID
	Kind    CardNoteKind
	At      time.Time
	Detail  string // in WeChat's words
}

// Receive takes a verified message of WeChat: it is stored under its dedupe key, and what
// it says about a claim is applied in the same transaction. Messages may come in any
// order, late and repeated. A card that was taken outside of our pages becomes a claim;
// any other message that fits none waits as PushUnmatched and is applied when its claim
// learns its code. One whose application fails is kept as PushFailed, for
// the inbox to try again. The caller has checked the signature.
func (s *Service) Receive(ctx context.Context, account AccountID, e wechat.Event, raw []byte) (PushResult, error) {
	p := Interpret(account, e, raw, s.now().UTC())
	p.Mint = s.mint
	s.followBook.heard(&p)
	result, err := s.store.RecordPush(ctx, p)
	if err == nil && p.Event == "unsubscribe" {
		// The message itself names the person, so it is stored before. Times of messages are
		// whole seconds.
		err = s.store.EraseFollower(ctx, account, p.OpenID, p.At.Add(time.Second), s.audit(Actor{Name: "visitor"}, "visitor.unfollow", p.Received, nil))
		return result, err
	}
	if err == nil || ctx.Err() != nil || p.Apply == nil && p.Note == nil {
		return result, err
	}
	// What cannot be applied would come again and again; stored, it can be looked at.
	cause := err
	p.Broken = true
	if result, err = s.store.RecordPush(ctx, p); err != nil {
		return "", err
	}
	s.log.Error("push not applied", "account", account, "event", p.Event, "err", cause)
	return result, nil
}

func (s *Service) mint() (VisitorID, ClaimID, Ref) {
	now := s.now().UTC()
	return VisitorID(s.ids.next(now)), ClaimID(s.ids.next(now)), NewRef()
}

// Interpret says what a message means for the ledger (protocol 6.6). It depends on its
// arguments alone, so a stored message can be read again.
func Interpret(account AccountID, e wechat.Event, raw []byte, now time.Time) Push {
	p := Push{
		Account: account, Dedupe: e.DedupeKey(string(account)), Event: e.Event, OpenID: wechat.OpenID(e.FromUser), UnionID: e.UnionID,
		CardID: wechat.CardID(e.CardID), Ref: Ref(e.OuterStr), Code: CardCode(e.UserCardCode), OldCode: CardCode(e.OldUserCardCode),
		Raw: raw, At: now, Received: now,
	}
	if p.Event == "" {
		p.Event = e.MsgType
	}
	if e.CreateTime > 0 {
		p.At = time.Unix(e.CreateTime, 0).UTC()
	}
	if e.IsReturnBack {
		p.Dedupe += "-back" // may share its second with the gift itself
	}
	apply := func(kind EventKind, detail string) {
		p.Apply = &Event{Kind: kind, Source: FromPush, At: p.At, Detail: detail, Code: p.Code}
	}
	note := func(kind CardNoteKind, detail string) {
		p.Note = &CardNote{Account: account, CardID: p.CardID, Kind: kind, At: p.At, Detail: shorten(detail, 120)}
	}
	switch e.Event {
	case "user_get_card":
		p.Gift = e.IsGiveByFriend
		if e.IsRestoreMemberCard {
			apply(EventRestored, "")
		} else {
			apply(EventConfirmed, "")
		}
	case "user_gifting_card":
		switch {
		case e.IsReturnBack:
			apply(EventReturned, "")
		case e.IsChatRoom:
			apply(EventGifted, "group")
		default:
			apply(EventGifted, "")
		}
	case "user_del_card":
		apply(EventDeleted, "")
	case "user_consume_card":
		apply(EventRedeemed, strings.Trim(shortCode(e.ConsumeSource)+":"+shorten(e.LocationName, 40), ":"))
	case "user_view_card", "user_enter_session_from_card":
		apply(EventViewed, e.Event)
	case "update_member_card", "submit_membercard_user_info":
		apply(EventUpdated, e.Event)
	case "user_pay_from_pay_cell":
		apply(EventPaid, "fee:"+strconv.FormatInt(e.Fee, 10))
	case "card_sku_remind":
		note(CardLowStock, e.Detail)
	case "card_pass_check":
		note(CardApproved, "")
	case "card_not_pass_check":
		note(CardRefused, e.RefuseReason)
	}
	return p
}

// shorten is a line of at most limit characters.
func shorten(text string, limit int) string {
	r := []rune(cleanLine(text))
	return strings.TrimSpace(string(r[:min(len(r), limit)]))
}
