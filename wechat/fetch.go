package wechat

import (
	"context"
	"encoding/json"
	"net/url"
	"time"
)

// The interfaces that values come from; the last part of the path is Token.Source.
const (
	pathStable  = "/cgi-bin/stable_token"
	pathClassic = "/cgi-bin/token"
	pathTicket  = "/cgi-bin/ticket/getticket"
)

const (
	// longestLife caps expires_in. WeChat says at most two hours today; a larger number
	// would keep a dead ticket, whose refusal only the visitor's phone sees.
	longestLife = 2 * time.Hour
	maxValue    = 2048 // bytes; WeChat asks for room for 512
)

// issued is the answer of all three interfaces.
type issued struct {
	AccessToken string      `json:"access_token"`
	Ticket      string      `json:"ticket"`
	ExpiresIn   json.Number `json:"expires_in"`
}

// request asks for a value (protocol 1.1, 1.2, 2.1). It never forces a new token: that
// kills the one other programs use, and is limited to 20 a day. The Source of the answer
// is set for failures too.
func (k *Keeper) request(ctx context.Context, kind Kind, access Token) (Token, error) {
	c := k.credentials
	t := Token{AppID: c.AppID, Kind: kind, FetchedAt: k.now().UTC()}
	var (
		answer issued
		path   string
		err    error
	)
	switch {
	case kind == AccessToken && c.mode() == Classic:
		path, t.Source = pathClassic, "token"
		err = k.client.get(ctx, path, url.Values{
			"grant_type": {"client_credential"}, "appid": {string(c.AppID)}, "secret": {c.Secret},
		}, &answer, c.Secret)
	case kind == AccessToken:
		path, t.Source = pathStable, "stable_token"
		err = k.client.post(ctx, path, nil, stableRequest{Grant: "client_credential", AppID: c.AppID, Secret: c.Secret}, &answer, c.Secret)
	default:
		path, t.Source = pathTicket, "getticket"
		ticket := "jsapi"
		if kind == CardTicket {
			ticket = "wx_card"
		}
		err = k.client.get(ctx, path, url.Values{"access_token": {access.Value}, "type": {ticket}}, &answer, access.Value)
	}
	if err != nil {
		return t, err
	}
	value := answer.AccessToken
	if kind != AccessToken {
		value = answer.Ticket
	}
	if !plausible(value, maxValue) {
		return t, &AnswerError{Path: path, Problem: "the answer has no usable value"}
	}
	life, ok := lifetime(answer.ExpiresIn)
	if !ok {
		return t, &AnswerError{Path: path, Problem: "expires_in is not a time to come"}
	}
	t.Value, t.ExpiresAt = value, t.FetchedAt.Add(life)
	return t, nil
}

// stableRequest sends force_refresh explicitly: leaving it out has been answered 41002.
type stableRequest struct {
	Grant  string `json:"grant_type"`
	AppID  AppID  `json:"appid"`
	Secret string `json:"secret"`
	Force  bool   `json:"force_refresh"`
}

// lifetime reads expires_in, in seconds.
func lifetime(n json.Number) (time.Duration, bool) {
	seconds, err := n.Float64()
	switch {
	case err != nil && seconds <= 0, seconds < 1: // out of range is an error with ±Inf
		return 0, false
	case seconds > longestLife.Seconds():
		return longestLife, true
	}
	return time.Duration(seconds) * time.Second, true
}
