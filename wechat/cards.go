package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"
)

// Errors of card calls that ask for a special reaction; compare with errors.Is.
var (
	// ErrCodeConsumed: the card was redeemed before (40099). Show when, do not redeem twice.
	ErrCodeConsumed = errors.New("wechat: the card is redeemed already")
	// ErrCodeUnusable: the owner deleted the card or is giving it away (40127).
	ErrCodeUnusable = errors.New("wechat: the card is deleted, void or being given away")
	// ErrCodeUnknown: nobody ever got a card with this code (40056).
	ErrCodeUnknown = errors.New("wechat: no card has this code")
)

// CardStatus is the state of a card template (protocol 4.7). Other values than the ones
// here are possible; old spellings are folded into the present ones.
type CardStatus string

// The states of a card template.
const (
	CardInReview   CardStatus = "CARD_STATUS_NOT_VERIFY"
	CardRefused    CardStatus = "CARD_STATUS_VERIFY_FAIL"
	CardApproved   CardStatus = "CARD_STATUS_VERIFY_OK"
	CardDeleted    CardStatus = "CARD_STATUS_DELETE"
	CardDispatched CardStatus = "CARD_STATUS_DISPATCH" // issued through the console
)

// Issuable reports whether visitors can take cards of this state.
func (s CardStatus) Issuable() bool { return s == CardApproved || s == CardDispatched }

func cardStatus(text string) CardStatus {
	switch text = strings.ToUpper(short(text, 64)); text {
	case "CARD_STATUS_VERIFY_FALL":
		return CardRefused
	case "CARD_STATUS_USER_DELETE":
		return CardDeleted
	case "CARD_STATUS_USER_DISPATCH":
		return CardDispatched
	}
	return CardStatus(text)
}

// CodeStatus is the state of one claimed card (protocol 4.7). Other values are possible.
type CodeStatus string

// The states of a claimed card.
const (
	CodeNormal      CodeStatus = "NORMAL"
	CodeConsumed    CodeStatus = "CONSUMED"
	CodeExpired     CodeStatus = "EXPIRE"
	CodeGifting     CodeStatus = "GIFTING"
	CodeGifted      CodeStatus = "GIFT_SUCC" // of the giver's old code
	CodeGiftTimeout CodeStatus = "GIFT_TIMEOUT"
	CodeDeleted     CodeStatus = "DELETE"
	CodeUnavailable CodeStatus = "UNAVAILABLE"
)

// maxPage is the most cards that WeChat lists at once.
const maxPage = 50

// Cards lists ids of the account's card templates from offset on, at most 50, and how
// many there are in all (protocol 4.1, card/batchget). Without statuses it lists all.
// Repeating it is safe. An account without card permission gets 48001.
func (a *Account) Cards(ctx context.Context, offset, count int, statuses ...CardStatus) ([]CardID, int, error) {
	const path = "/card/batchget"
	if offset < 0 || count < 1 || count > maxPage {
		return nil, 0, refuse(path, 40097, "the page must have 1 to 50 cards")
	}
	request := struct {
		Offset   int          `json:"offset"`
		Count    int          `json:"count"`
		Statuses []CardStatus `json:"status_list,omitempty"`
	}{offset, count, statuses}
	var answer struct {
		IDs   []CardID `json:"card_id_list"`
		Total whole    `json:"total_num"`
	}
	if err := a.ask(ctx, path, request, &answer); err != nil {
		return nil, 0, err
	}
	if len(answer.IDs) > count {
		return nil, 0, &AnswerError{Path: path, Problem: "the answer has more cards than were asked for"}
	}
	for _, id := range answer.IDs {
		if !plausible(string(id), maxCardID) {
			return nil, 0, &AnswerError{Path: path, Problem: "the answer has a card without a proper id"}
		}
	}
	return answer.IDs, answer.Total.count(), nil
}

// AllCards reads pages of Cards until there are no more or limit ids are found. The total
// is what WeChat says there are: more than the ids when limit cut them off.
func (a *Account) AllCards(ctx context.Context, limit int, statuses ...CardStatus) ([]CardID, int, error) {
	var (
		ids   []CardID
		total int
		seen  = map[CardID]bool{}
	)
	// The list can shift between pages, so an id may come twice. The number of pages is
	// bound by limit, whatever total WeChat claims.
	for offset := 0; offset < limit; {
		page, all, err := a.Cards(ctx, offset, min(maxPage, limit-offset), statuses...)
		if err != nil {
			return nil, 0, err
		}
		total = all
		for _, id := range page {
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
		offset += len(page)
		if len(page) == 0 || offset >= total {
			break
		}
	}
	return ids, total, nil
}

// CardInfo is what WeChat knows about a card template (protocol 4.2).
type CardInfo struct {
	ID            CardID
	Type          string // MEMBER_CARD, GENERAL_COUPON, …
	Title         string
	Brand         string
	Logo          string // https address, or ""
	Color         string // Color010 … Color102, or #rrggbb
	Notice        string
	Status        CardStatus
	Left          int // cards in stock
	Total         int // stock and issued ones together
	GetLimit      int // cards per person; 0 when WeChat does not say
	UseCustomCode bool
	Deposit       bool // the own codes were handed to WeChat beforehand
	BindOpenID    bool
	CanShare      bool
	CanGiveFriend bool
	PushesOnView  bool
	Validity      Validity
	Raw           json.RawMessage // the card as answered, at most 1 MB
}

// Validity says when a card can be redeemed: between Begin and End, or for Days from
// AfterDays after the claim on (and not after End, when there is one), or for ever.
type Validity struct {
	Begin, End time.Time // UTC; zero when open
	Days       int       // 0 unless it runs from the claim
	AfterDays  int       // 0 is the day of the claim
}

// Fixed reports whether the same dates hold for everybody.
func (v Validity) Fixed() bool { return v.Days == 0 && !v.End.IsZero() }

// Card reads one card template (protocol 4.1, card/get). Repeating it is safe.
func (a *Account) Card(ctx context.Context, id CardID) (CardInfo, error) {
	const path = "/card/get"
	if !plausible(string(id), maxCardID) {
		return CardInfo{}, refuse(path, 40073, "not a card id")
	}
	var answer struct {
		Card json.RawMessage `json:"card"`
	}
	request := struct {
		CardID CardID `json:"card_id"`
	}{id}
	if err := a.ask(ctx, path, request, &answer); err != nil {
		return CardInfo{}, err
	}
	info, problem := readCard(answer.Card, a.credentials.Sandbox)
	if problem == "" && info.ID != "" && info.ID != id {
		problem = "the answer is about another card"
	}
	if problem != "" {
		return CardInfo{}, &AnswerError{Path: path, Problem: problem}
	}
	info.ID = id
	return info, nil
}

// readCard opens the envelope, whose inner key is the card's type in lower case.
func readCard(raw json.RawMessage, sandbox bool) (CardInfo, string) {
	var envelope map[string]json.RawMessage
	var kind string
	if json.Unmarshal(raw, &envelope) != nil || json.Unmarshal(envelope["card_type"], &kind) != nil || !plausible(kind, 64) {
		return CardInfo{}, "the answer has no card"
	}
	var inner struct {
		Base *struct {
			ID         CardID `json:"id"`
			Title      string `json:"title"`
			Brand      string `json:"brand_name"`
			Logo       string `json:"logo_url"`
			Color      string `json:"color"`
			Notice     string `json:"notice"`
			Status     string `json:"status"`
			GetLimit   whole  `json:"get_limit"`
			CustomCode bool   `json:"use_custom_code"`
			CodeMode   string `json:"get_custom_code_mode"`
			BindOpenID bool   `json:"bind_openid"`
			CanShare   *bool  `json:"can_share"`
			CanGive    *bool  `json:"can_give_friend"`
			OnView     bool   `json:"need_push_on_view"`
			SKU        struct {
				Quantity whole `json:"quantity"`
				Total    whole `json:"total_quantity"`
			} `json:"sku"`
			Date struct {
				Type      json.RawMessage `json:"type"`
				Begin     whole           `json:"begin_timestamp"`
				End       whole           `json:"end_timestamp"`
				Days      whole           `json:"fixed_term"`
				AfterDays whole           `json:"fixed_begin_term"`
			} `json:"date_info"`
		} `json:"base_info"`
	}
	if json.Unmarshal(envelope[strings.ToLower(kind)], &inner) != nil || inner.Base == nil {
		return CardInfo{}, "the card has no base_info of its type"
	}
	b := inner.Base
	info := CardInfo{
		ID: b.ID, Type: strings.ToUpper(kind), Title: short(b.Title, 64), Brand: short(b.Brand, 64), Logo: avatar(b.Logo, sandbox),
		Color: short(b.Color, 16), Notice: short(b.Notice, 64), Status: cardStatus(b.Status), Left: b.SKU.Quantity.count(), Total: b.SKU.Total.count(),
		GetLimit: b.GetLimit.count(), UseCustomCode: b.CustomCode, Deposit: b.CodeMode == "GET_CUSTOM_CODE_MODE_DEPOSIT", BindOpenID: b.BindOpenID,
		// Both are on unless they were switched off.
		CanShare: b.CanShare == nil || *b.CanShare, CanGiveFriend: b.CanGive == nil || *b.CanGive, PushesOnView: b.OnView, Raw: raw,
	}
	switch strings.Trim(string(b.Date.Type), `"`) {
	case "DATE_TYPE_FIX_TIME_RANGE", "1":
		info.Validity = Validity{Begin: b.Date.Begin.time(), End: b.Date.End.time()}
	case "DATE_TYPE_FIX_TERM", "2":
		info.Validity = Validity{End: b.Date.End.time(), Days: b.Date.Days.count(), AfterDays: b.Date.AfterDays.count()}
	}
	return info, ""
}

// maxStock is the largest stock of a card (protocol 4.2).
const maxStock = 100_000_000

// ModifyStock adds delta cards to the stock, or takes them away when it is negative
// (protocol 4.1, card/modifystock). It is not safe to repeat: after an error without an
// answer read Card before trying again. Cards in deposit mode must never have more stock
// than codes (protocol 4.3).
func (a *Account) ModifyStock(ctx context.Context, id CardID, delta int) error {
	const path = "/card/modifystock"
	if !plausible(string(id), maxCardID) {
		return refuse(path, 40073, "not a card id")
	}
	if delta == 0 || delta < -maxStock || delta > maxStock {
		return refuse(path, 40097, "the stock changes by 1 to 100000000 cards")
	}
	request := struct {
		CardID   CardID `json:"card_id"`
		Increase int    `json:"increase_stock_value,omitempty"`
		Reduce   int    `json:"reduce_stock_value,omitempty"`
	}{CardID: id, Increase: max(delta, 0), Reduce: max(-delta, 0)}
	return a.ask(ctx, path, request, nil)
}

// CodeQuery asks about one claimed card. CardID may be empty for codes that WeChat made.
// With CheckConsume a card that cannot be redeemed is an error, not a status.
type CodeQuery struct {
	CardID       CardID
	Code         string
	CheckConsume bool
}

// CodeInfo is the state of one claimed card.
type CodeInfo struct {
	CardID     CardID
	OpenID     OpenID
	CanConsume bool
	Status     CodeStatus // "" when WeChat does not say
	Begin, End time.Time  // UTC; zero when open
	OuterStr   string     // the visitor could change it
}

// CheckCode asks for the state of a claimed card (protocol 4.7, card/code/get). Repeating
// it is safe. See ErrCodeUnknown, and with CheckConsume ErrCodeConsumed and
// ErrCodeUnusable.
func (a *Account) CheckCode(ctx context.Context, q CodeQuery) (CodeInfo, error) {
	const path = "/card/code/get"
	if err := checkCode(path, q.CardID, q.Code); err != nil {
		return CodeInfo{}, err
	}
	request := struct {
		CardID       CardID `json:"card_id,omitempty"`
		Code         string `json:"code"`
		CheckConsume bool   `json:"check_consume"`
	}{q.CardID, q.Code, q.CheckConsume}
	var answer struct {
		Card struct {
			ID    CardID `json:"card_id"`
			Begin whole  `json:"begin_time"`
			End   whole  `json:"end_time"`
		} `json:"card"`
		OpenID     OpenID `json:"openid"`
		CanConsume bool   `json:"can_consume"`
		Status     string `json:"user_card_status"`
		OuterStr   string `json:"outer_str"`
	}
	if err := a.ask(ctx, path, request, &answer, q.Code); err != nil {
		return CodeInfo{}, err
	}
	if err := sameCard(path, q.CardID, answer.Card.ID, answer.OpenID); err != nil {
		return CodeInfo{}, err
	}
	return CodeInfo{
		CardID: answer.Card.ID, OpenID: answer.OpenID, CanConsume: answer.CanConsume, Status: CodeStatus(strings.ToUpper(short(answer.Status, 32))),
		Begin: answer.Card.Begin.time(), End: answer.Card.End.time(), OuterStr: short(answer.OuterStr, maxOuterStr),
	}, nil
}

// ConsumeResult says whose card was redeemed.
type ConsumeResult struct {
	CardID CardID
	OpenID OpenID
}

// ConsumeCode redeems a card for good (protocol 4.8, card/code/consume). card may be empty
// for codes that WeChat made. When no answer comes (NetworkError, AnswerError) the card
// may be redeemed all the same: ask CheckCode. A repeat answers ErrCodeConsumed; member
// cards answer 40071.
func (a *Account) ConsumeCode(ctx context.Context, card CardID, code string) (ConsumeResult, error) {
	const path = "/card/code/consume"
	if err := checkCode(path, card, code); err != nil {
		return ConsumeResult{}, err
	}
	request := struct {
		Code   string `json:"code"`
		CardID CardID `json:"card_id,omitempty"`
	}{code, card}
	var answer struct {
		Card struct {
			ID CardID `json:"card_id"`
		} `json:"card"`
		OpenID OpenID `json:"openid"`
	}
	if err := a.ask(ctx, path, request, &answer, code); err != nil {
		return ConsumeResult{}, err
	}
	if err := sameCard(path, card, answer.Card.ID, answer.OpenID); err != nil {
		return ConsumeResult{}, err
	}
	return ConsumeResult{CardID: answer.Card.ID, OpenID: answer.OpenID}, nil
}

// VoidCode takes a card away from its holder for good (protocol 4.2, card/code/unavailable);
// the holder is not asked. card may be empty for codes that WeChat made; reason is kept by
// WeChat, "" = none. A card that is void already succeeds, so a repeat is safe, also after
// an answer that was lost: whatever WeChat says no to is asked about before it is believed.
func (a *Account) VoidCode(ctx context.Context, card CardID, code, reason string) error {
	const path = "/card/code/unavailable"
	if err := checkCode(path, card, code); err != nil {
		return err
	}
	request := struct {
		Code   string `json:"code"`
		CardID CardID `json:"card_id,omitempty"`
		Reason string `json:"reason,omitempty"`
	}{code, card, reason}
	err := a.ask(ctx, path, request, nil, code)
	if err == nil {
		return nil
	}
	info, other := a.CheckCode(ctx, CodeQuery{CardID: card, Code: code})
	if other == nil && info.Status == CodeUnavailable {
		return nil
	}
	return err
}

// UserCard is a card in somebody's wallet.
type UserCard struct {
	CardID CardID
	Code   string // digits as text: leading zeros count
}

// UserCards lists what a person holds in normal state, of one card template or of all
// when card is empty (protocol 4.1, card/user/getcardlist). shared reports whether there
// are cards that friends share. Repeating it is safe.
func (a *Account) UserCards(ctx context.Context, person OpenID, card CardID) (cards []UserCard, shared bool, err error) {
	const path = "/card/user/getcardlist"
	if !plausible(string(person), maxOpenID) {
		return nil, false, refuse(path, 40003, "not an openid")
	}
	if card != "" && !plausible(string(card), maxCardID) {
		return nil, false, refuse(path, 40073, "not a card id")
	}
	request := struct {
		OpenID OpenID `json:"openid"`
		CardID CardID `json:"card_id,omitempty"`
	}{person, card}
	var answer struct {
		Cards []struct {
			Code   string `json:"code"`
			CardID CardID `json:"card_id"`
		} `json:"card_list"`
		Shared bool `json:"has_share_card"`
	}
	if err := a.ask(ctx, path, request, &answer, string(person)); err != nil {
		return nil, false, err
	}
	for _, c := range answer.Cards {
		if !plausible(c.Code, maxCardCode) || !plausible(string(c.CardID), maxCardID) {
			return nil, false, &AnswerError{Path: path, Problem: "the answer has a card without code or id"}
		}
		if card == "" || c.CardID == card {
			cards = append(cards, UserCard{CardID: c.CardID, Code: c.Code})
		}
	}
	return cards, answer.Shared, nil
}

func checkCode(path string, card CardID, code string) error {
	if !plausible(code, maxCardCode) {
		return refuse(path, 40056, "not a code")
	}
	if card != "" && !plausible(string(card), maxCardID) {
		return refuse(path, 40073, "not a card id")
	}
	return nil
}

// sameCard refuses answers about another card, or without owner.
func sameCard(path string, asked, answered CardID, owner OpenID) error {
	switch {
	case !plausible(string(answered), maxCardID) || !plausible(string(owner), maxOpenID):
		return &AnswerError{Path: path, Problem: "the answer has no card or no owner"}
	case asked != "" && asked != answered:
		return &AnswerError{Path: path, Problem: "the answer is about another card"}
	}
	return nil
}

// ask posts JSON with the account's token.
func (a *Account) ask(ctx context.Context, path string, request, answer any, secrets ...string) error {
	return a.withToken(ctx, func(token string) error {
		return a.client.post(ctx, path, url.Values{"access_token": {token}}, request, answer, append([]string{token}, secrets...)...)
	})
}

// read gets with the account's token.
func (a *Account) read(ctx context.Context, path string, query url.Values, answer any, secrets ...string) error {
	return a.withToken(ctx, func(token string) error {
		q := url.Values{"access_token": {token}}
		for name, values := range query {
			q[name] = values
		}
		return a.client.get(ctx, path, q, answer, append([]string{token}, secrets...)...)
	})
}
