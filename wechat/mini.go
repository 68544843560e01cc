package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Failures of a mini program's login that code 40029 and its like do not cover.
var (
	// ErrCodeBlocked: WeChat calls the person high-risk and refuses the login (40226).
	ErrCodeBlocked = errors.New("wechat: the login is blocked")
	// ErrTooOften: the same person was asked about too often (45011).
	ErrTooOften = errors.New("wechat: called too often for this person")
	// ErrKeyStale: the session key is not the one that WeChat has (87009).
	ErrKeyStale = errors.New("wechat: the session key is no longer valid")
)

// miniError adds what a code means to a mini program to WeChat's own words.
func miniError(err error) error {
	var api *APIError
	if !errors.As(err, &api) {
		return err
	}
	switch api.Code {
	case 40226:
		return errors.Join(ErrCodeBlocked, err)
	case 45011:
		return errors.Join(ErrTooOften, err)
	case 87009:
		return errors.Join(ErrKeyStale, err)
	}
	return err
}

// MiniSession is what a login code stands for. The key never leaves the server; printing
// the struct shows neither it nor the openid.
type MiniSession struct {
	OpenID     OpenID
	UnionID    string // "" unless both accounts are bound to one Open Platform account
	SessionKey string `json:"-"` // base64 text of 16 bytes
}

// Format masks what is personal or secret.
func (s MiniSession) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "mini-program session of %s", Mask(string(s.OpenID)))
}

// Code2Session redeems a login code (mini-program protocol 2). A code works once and for
// five minutes, so nothing repeats this call. Errors: ErrCodeInvalid, ErrCodeUsed,
// ErrCodeBlocked, ErrTooOften, or those of the gateway.
func (a *Account) Code2Session(ctx context.Context, code string) (MiniSession, error) {
	const path = "/sns/jscode2session"
	if !plausible(code, maxCode) {
		return MiniSession{}, ErrCodeInvalid
	}
	var answer struct {
		OpenID     OpenID `json:"openid"`
		UnionID    string `json:"unionid"`
		SessionKey string `json:"session_key"`
	}
	c := a.credentials
	err := a.client.get(ctx, path, url.Values{
		"appid": {string(c.AppID)}, "secret": {c.Secret}, "js_code": {code}, "grant_type": {"authorization_code"},
	}, &answer, c.Secret, code)
	if err != nil {
		return MiniSession{}, miniError(err)
	}
	if _, err := miniKey(answer.SessionKey); err != nil || !plausible(string(answer.OpenID), maxOpenID) {
		return MiniSession{}, &AnswerError{Path: path, Problem: "the answer has no openid or no session key"}
	}
	if answer.UnionID != "" && !plausible(answer.UnionID, maxOpenID) {
		return MiniSession{}, &AnswerError{Path: path, Problem: "the answer has a unionid that is none"}
	}
	return MiniSession(answer), nil
}

// CheckSessionKey asks whether the key is the one that WeChat has for the person
// (mini-program protocol 3). ErrKeyStale when it is not; a repeat is safe.
func (a *Account) CheckSessionKey(ctx context.Context, person OpenID, sessionKey string) error {
	err := a.withToken(ctx, func(token string) error {
		return a.client.get(ctx, "/wxa/checksession", url.Values{
			"access_token": {token}, "openid": {string(person)}, "signature": {SessionSignature("", sessionKey)}, "sig_method": {"hmac_sha256"},
		}, nil, token, string(person))
	})
	return miniError(err)
}

// MiniPhone is a number that WeChat verified. Printing it shows no digit.
type MiniPhone struct {
	Number  string // without the country code
	Country string // 86 for the mainland
}

// Format masks the number.
func (p MiniPhone) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("phone " + Mask(p.Number))) }

// International is the number with the country code where that is not the mainland's.
func (p MiniPhone) International() string {
	if p.Country == "86" {
		return p.Number
	}
	return "+" + p.Country + p.Number
}

// phoneInfo is the number as answers and encrypted data carry it. The country comes as
// text and as number.
type phoneInfo struct {
	Pure      string    `json:"purePhoneNumber"`
	Country   any       `json:"countryCode"`
	Watermark watermark `json:"watermark"`
}

// phone reports false for what cannot be a number.
func (p phoneInfo) phone() (MiniPhone, bool) {
	country := strings.TrimPrefix(text(p.Country), "+")
	return MiniPhone{Number: p.Pure, Country: country}, digits(p.Pure, 4, 15) && digits(country, 1, 4)
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return fmt.Sprintf("%.0f", v)
	}
	return ""
}

func digits(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

// PhoneNumber redeems the code of the getPhoneNumber button, which works once, for the
// person it belongs to (mini-program protocol 8). Each success costs money. Errors:
// ErrCodeInvalid, ErrTooOften, an *APIError with 40013 for somebody else's code.
func (a *Account) PhoneNumber(ctx context.Context, code string, person OpenID) (MiniPhone, error) {
	const path = "/wxa/business/getuserphonenumber"
	if !plausible(code, maxCode) {
		return MiniPhone{}, ErrCodeInvalid
	}
	var answer struct {
		Info phoneInfo `json:"phone_info"`
	}
	err := a.withToken(ctx, func(token string) error {
		return a.client.post(ctx, path, url.Values{"access_token": {token}}, map[string]string{"code": code, "openid": string(person)}, &answer, token, code, string(person))
	})
	if err != nil {
		return MiniPhone{}, miniError(err)
	}
	phone, ok := answer.Info.phone()
	if app := answer.Info.Watermark.AppID; !ok || app != "" && app != a.credentials.AppID {
		return MiniPhone{}, &AnswerError{Path: path, Problem: "the answer has no phone number of this mini program"}
	}
	return phone, nil
}

// Verdict is what the content check says.
type Verdict string

// The verdicts.
const (
	Pass   Verdict = "pass"
	Review Verdict = "review" // a person should look
	Risky  Verdict = "risky"
)

// maxChecked is how many characters one content check takes.
const maxChecked = 2500

// CheckProfileText asks WeChat whether a text may stand in a profile (mini-program
// protocol 13). The person must have used the mini program within two hours.
func (a *Account) CheckProfileText(ctx context.Context, content string, person OpenID) (Verdict, error) {
	const path = "/wxa/msg_sec_check"
	if n := len([]rune(content)); n == 0 || n > maxChecked {
		return "", refuse(path, 40097, "the text is empty or too long")
	}
	var answer struct {
		Result struct {
			Suggest Verdict     `json:"suggest"`
			Label   json.Number `json:"label"`
		} `json:"result"`
	}
	err := a.withToken(ctx, func(token string) error {
		return a.client.post(ctx, path, url.Values{"access_token": {token}}, map[string]any{
			"content": content, "nickname": content, "version": 2, "scene": 1, "openid": string(person),
		}, &answer, token, string(person), content)
	})
	if err != nil {
		return "", miniError(err)
	}
	switch answer.Result.Suggest {
	case Pass, Review, Risky:
		return answer.Result.Suggest, nil
	}
	return "", &AnswerError{Path: path, Problem: "the answer has no verdict"}
}
