package wechat

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// PageConfig is what a page gives to wx.config. Every field of it is public.
type PageConfig struct {
	AppID     AppID
	Timestamp int64 // seconds
	NonceStr  string
	Signature string
	URL       string        // the address that is signed: the page's without fragment
	TicketAge time.Duration // how long ago the ticket was fetched
}

// Account speaks for one official account. It is safe for concurrent use; Hub makes it
// anew when the credentials change, so do not hold on to one.
type Account struct {
	credentials Credentials
	client      *client
	keeper      *Keeper
	now         func() time.Time
	pushWindow  time.Duration
	stamps      stamps
	traits      traitBook
	formerKey   string // EncodingAESKey before the last change; WeChat uses both for a while
}

// Format masks the secrets.
func (a *Account) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(a.credentials.String())) }

// Credentials that the account was made with.
func (a *Account) Credentials() Credentials { return a.credentials }

// Keeper of the account's token and tickets.
func (a *Account) Keeper() *Keeper { return a.keeper }

// SignPage signs wx.config for a page (protocol 2.3). pageURL is the address as the
// browser shows it, with its query untouched; a fragment is cut off. Sign addresses of
// the own host only: the signature makes any page the account's.
func (a *Account) SignPage(ctx context.Context, pageURL string) (PageConfig, error) {
	ticket, err := a.keeper.Token(ctx, JSAPITicket)
	if err != nil {
		return PageConfig{}, err
	}
	now := a.now()
	p := PageConfig{
		AppID: a.credentials.AppID, Timestamp: now.Unix(), NonceStr: newNonce(), URL: withoutFragment(pageURL),
		TicketAge: max(now.Sub(ticket.FetchedAt), 0),
	}
	p.Signature = pageSignature(ticket.Value, p.NonceStr, p.Timestamp, p.URL)
	return p, nil
}

// VerifyPush checks the query of a push (protocol 6.2): the signature in constant time,
// and that the timestamp is near our clock in either direction. ErrPushRefused tells no
// more to the sender than that; an account without a push token refuses everything.
func (a *Account) VerifyPush(timestamp, nonce, signature string) error {
	if err := a.VerifyAddress(timestamp, nonce, signature); err != nil {
		return err
	}
	return a.fresh(timestamp)
}

// VerifyAddress checks the query of WeChat's check of the address (protocol 6.1): the
// signature alone, so that a wrong clock does not keep the console from saving.
func (a *Account) VerifyAddress(timestamp, nonce, signature string) error {
	if a.credentials.PushToken == "" {
		return fmt.Errorf("%w: the account has no push token", ErrPushRefused)
	}
	if !sameSignature(sortedSHA1(a.credentials.PushToken, timestamp, nonce), signature) {
		return fmt.Errorf("%w: the signature does not fit", ErrPushRefused)
	}
	return nil
}

// OpenPush verifies and decrypts a push of the safe or compatible mode and returns the
// message for ParseEvent, with what seals the reply: the key that opened it, which is the
// one before for a while after a change in the console (protocol 6.3). Plain fields beside
// the encrypted ones are ignored.
func (a *Account) OpenPush(timestamp, nonce, msgSignature string, body []byte) (message []byte, with *Crypt, err error) {
	c, err := NewCrypt(a.credentials.PushToken, a.credentials.AESKey, a.credentials.AppID)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrPushRefused, err)
	}
	envelope, err := ParseEvent(body)
	if err != nil {
		return nil, nil, err
	}
	encrypted := envelope.Raw["Encrypt"]
	if encrypted == "" || !sameSignature(c.Signature(timestamp, nonce, encrypted), msgSignature) {
		return nil, nil, fmt.Errorf("%w: the signature does not fit", ErrPushRefused)
	}
	if err := a.fresh(timestamp); err != nil {
		return nil, nil, err
	}
	message, err = c.Decrypt(encrypted)
	if former, e := NewCrypt(a.credentials.PushToken, a.formerKey, a.credentials.AppID); err != nil && e == nil {
		c = former
		message, err = c.Decrypt(encrypted)
	}
	if err != nil {
		return nil, nil, err
	}
	return message, c, nil
}

func (a *Account) fresh(timestamp string) error {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	// Compared in seconds: a hostile number must not overflow a Duration.
	if now, window := a.now().Unix(), int64(a.pushWindow/time.Second); err != nil || seconds < now-window || seconds > now+window {
		return ErrPushStale
	}
	return nil
}

// PushWindow is how far the timestamp of a push may be from our clock, in either direction.
func (a *Account) PushWindow() time.Duration { return a.pushWindow }

const jsPath = "/open/js/jweixin-1.6.0.js"

// JSURL is the address of the JS-SDK script. Credentials may name a host or the script.
func (a *Account) JSURL() string {
	base := address(a.credentials.JSURL, defaultJS)
	if strings.HasSuffix(base, ".js") {
		return base
	}
	return base + jsPath
}

// JSOrigins are the origins that a content policy must allow scripts from: the script's,
// and the second host that WeChat's own uses.
func (a *Account) JSOrigins() []string {
	u, err := url.Parse(a.JSURL())
	if err != nil || u.Host == "" {
		return nil
	}
	origin := u.Scheme + "://" + u.Host
	if origin == defaultJS {
		return []string{origin, "https://res2.wx.qq.com"}
	}
	return []string{origin}
}
