package wechat

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// Scope is what web authorisation asks for (protocol 5.1).
type Scope string

// The scopes.
const (
	ScopeBase     Scope = "snsapi_base"     // the openid, silently
	ScopeUserInfo Scope = "snsapi_userinfo" // nickname and picture, after a question; only from a button
)

// OAuthToken is the answer to a code. Its AccessToken is this visitor's, unlike the one
// of Keeper; printing the struct shows neither it nor the openid.
type OAuthToken struct {
	OpenID      OpenID
	UnionID     string // only with ScopeUserInfo and an open-platform binding
	Scope       Scope
	AccessToken string `json:"-"`
	Snapshot    bool   // a made-up identity: store nothing under it (protocol 5.4)
}

// Format masks what is personal.
func (t OAuthToken) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "authorisation of %s (%s, snapshot %t)", Mask(string(t.OpenID)), t.Scope, t.Snapshot)
}

// User is what a visitor agreed to show. The nickname is free of control characters and
// at most 64 characters long, but may hold anything else: escape it.
type User struct {
	OpenID   OpenID
	UnionID  string
	Nickname string
	Avatar   string // https address, or ""; dies when the visitor changes the picture
	Region   string // country, province and city, by blanks; "" since 2021 (protocol 5.3)
	Sex      int    // 1 male, 2 female; 0 since 2021
}

// Format masks what is personal.
func (u User) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "visitor %s", Mask(string(u.OpenID)))
}

// Limits on what visitors and WeChat send.
const (
	maxCode     = 512
	maxOpenID   = 128
	maxNickname = 64
	maxAvatar   = 1024
)

// AuthorizeURL is where to send the visitor. WeChat compares the address with a strict
// pattern: the order of the parameters and the tail are part of it (protocol 5.1).
// redirectURI must be on the web-authorisation domain; state is letters and digits, at
// most 128.
func (a *Account) AuthorizeURL(redirectURI string, scope Scope, state string) string {
	return address(a.credentials.OpenURL, defaultOpen) + "/connect/oauth2/authorize?appid=" + escape(string(a.credentials.AppID)) +
		"&redirect_uri=" + escape(redirectURI) + "&response_type=code&scope=" + escape(string(scope)) +
		"&state=" + escape(state) + "#wechat_redirect"
}

func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// ExchangeCode redeems the code that the visitor came back with (protocol 5.2). A code
// works once and for five minutes: see ErrCodeInvalid and ErrCodeUsed.
func (a *Account) ExchangeCode(ctx context.Context, code string) (OAuthToken, error) {
	const path = "/sns/oauth2/access_token"
	if code == "" || len(code) > maxCode {
		return OAuthToken{}, ErrCodeInvalid
	}
	var answer struct {
		AccessToken string      `json:"access_token"`
		OpenID      OpenID      `json:"openid"`
		UnionID     string      `json:"unionid"`
		Scope       string      `json:"scope"`
		Snapshot    json.Number `json:"is_snapshotuser"`
	}
	c := a.credentials
	err := a.client.get(ctx, path, url.Values{
		"appid": {string(c.AppID)}, "secret": {c.Secret}, "code": {code}, "grant_type": {"authorization_code"},
	}, &answer, c.Secret, code)
	if err != nil {
		return OAuthToken{}, err
	}
	if !plausible(string(answer.OpenID), maxOpenID) || answer.AccessToken == "" {
		return OAuthToken{}, &AnswerError{Path: path, Problem: "the answer has no openid or no token"}
	}
	t := OAuthToken{
		OpenID: answer.OpenID, UnionID: answer.UnionID, Scope: ScopeBase, AccessToken: answer.AccessToken,
		Snapshot: answer.Snapshot == "1",
	}
	for scope := range strings.SplitSeq(answer.Scope, ",") {
		if Scope(strings.TrimSpace(scope)) == ScopeUserInfo {
			t.Scope = ScopeUserInfo
		}
	}
	return t, nil
}

// UserInfo asks for nickname and picture with the visitor's own token, which needs
// ScopeUserInfo. A snapshot identity may be refused with 48001.
func (a *Account) UserInfo(ctx context.Context, t OAuthToken) (User, error) {
	const path = "/sns/userinfo"
	var answer struct {
		OpenID   OpenID `json:"openid"`
		UnionID  string `json:"unionid"`
		Nickname string `json:"nickname"`
		Avatar   string `json:"headimgurl"`
		Country  string `json:"country"`
		Province string `json:"province"`
		City     string `json:"city"`
		Sex      any    `json:"sex"` // a number, in old answers a text
	}
	err := a.client.get(ctx, path, url.Values{
		"access_token": {t.AccessToken}, "openid": {string(t.OpenID)}, "lang": {"zh_CN"},
	}, &answer, t.AccessToken, string(t.OpenID))
	if err != nil {
		return User{}, err
	}
	if answer.OpenID != t.OpenID {
		return User{}, &AnswerError{Path: path, Problem: "the answer is about somebody else"}
	}
	u := User{OpenID: answer.OpenID, UnionID: answer.UnionID, Nickname: nickname(answer.Nickname), Avatar: avatar(answer.Avatar, a.credentials.Sandbox)}
	u.Region = nickname(strings.Join(strings.Fields(answer.Country+" "+answer.Province+" "+answer.City), " "))
	switch fmt.Sprint(answer.Sex) {
	case "1":
		u.Sex = 1
	case "2":
		u.Sex = 2
	}
	return u, nil
}

// nickname drops control characters and the marks that turn the direction of the text
// around it; joiners stay, for emoji need them.
func nickname(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return -1
		}
		return r
	}, s))
	if runes := []rune(s); len(runes) > maxNickname {
		s = string(runes[:maxNickname])
	}
	return s
}

// avatar keeps https addresses only; WeChat's picture hosts answer there too. The stand-in
// has no certificate.
func avatar(s string, sandbox bool) string {
	u, err := url.Parse(s)
	if err != nil || len(s) > maxAvatar || u.Host == "" || u.User != nil {
		return ""
	}
	switch {
	case u.Scheme == "https", u.Scheme == "http" && sandbox:
		return s
	case u.Scheme == "http" && (strings.HasSuffix(u.Hostname(), ".qlogo.cn") || strings.HasSuffix(u.Hostname(), ".qpic.cn")):
		u.Scheme = "https"
		return u.String()
	}
	return ""
}

// plausible reports whether an identifier is short visible ASCII.
func plausible(s string, limit int) bool {
	return s != "" && len(s) <= limit && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}
