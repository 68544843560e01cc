package wechat

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"sync"
	"time"
)

// CardRequest says what a visitor is about to put into the wallet (protocol 3.1). Code
// and OpenID are for cards that demand them and must be empty for all others; see
// Account.OnlyWanted.
type CardRequest struct {
	CardID   CardID
	Code     string
	OpenID   OpenID
	OuterStr string    // comes back with user_get_card, but the visitor can change it
	BeginAt  time.Time // start of the validity; zero leaves it to the card
}

// SignCard makes the cardExt string for wx.addCard, each time with a new nonce and timestamp: one
// that repeats makes adding fail. It needs the card ticket, not the one of SignPage.
func (a *Account) SignCard(ctx context.Context, r CardRequest) (string, error) {
	if r.CardID == "" {
		return "", errors.New("wechat: no card to sign")
	}
	ticket, err := a.keeper.Token(ctx, CardTicket)
	if err != nil {
		return "", err
	}
	return signedCardExt(ticket.Value, newNonce(), a.stamps.next(string(r.CardID)+"\x00"+r.OuterStr+"\x00"+r.Code, a.now().Unix()), r)
}

// stamps remembers the newest timestamp of each card on its way: one that repeats makes
// adding fail (protocol 3.1).
type stamps struct {
	mu   sync.Mutex
	last map[string]int64
}

const maxStamps = 10_000

// next is now, or the second after the one that the card had before.
func (s *stamps) next(card string, now int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last = map[string]int64{}
	}
	if len(s.last) >= maxStamps {
		maps.DeleteFunc(s.last, func(_ string, at int64) bool { return at < now })
	}
	if before, known := s.last[card]; known {
		now = max(now, before+1)
	}
	s.last[card] = now
	return now
}

// maxEncryptedCode bounds what a browser says it got from addCard.
const maxEncryptedCode = 1024

// DecryptCode turns the code that addCard or a card link gave the browser into the real
// one (protocol 4.8). Repeating it is safe.
func (a *Account) DecryptCode(ctx context.Context, encrypt string) (string, error) {
	const path = "/card/code/decrypt"
	if !plausible(encrypt, maxEncryptedCode) {
		return "", &APIError{Code: 40116, Message: "not an encrypted code", Path: path}
	}
	var answer struct {
		Code string `json:"code"`
	}
	err := a.withToken(ctx, func(token string) error {
		return a.client.post(ctx, path, url.Values{"access_token": {token}}, map[string]string{"encrypt_code": encrypt}, &answer, token, encrypt)
	})
	if err != nil {
		return "", err
	}
	if !plausible(answer.Code, 64) {
		return "", &AnswerError{Path: path, Problem: "the answer has no code"}
	}
	return answer.Code, nil
}

// withToken makes a call with the account's token and, when WeChat refuses the token,
// once more with a new one.
func (a *Account) withToken(ctx context.Context, call func(token string) error) error {
	token, err := a.keeper.Token(ctx, AccessToken)
	if err != nil {
		return err
	}
	err = call(token.Value)
	var refused *APIError
	if !errors.As(err, &refused) || !refused.tokenRefused() {
		return err
	}
	token, renewal := a.keeper.Rejected(ctx, AccessToken, token.Value)
	if errors.Is(renewal, ErrRefusedAgain) {
		return err // WeChat's own words say more
	}
	if renewal != nil {
		return renewal
	}
	return call(token.Value)
}
