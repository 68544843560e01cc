package wechat

import (
	"context"
	"fmt"
	"net/url"
	"time"
)

// Follower is how a person stands to the account (protocol 5.6).
type Follower struct {
	OpenID     OpenID
	Subscribed bool
	Since      time.Time // of the newest subscription, UTC; zero when not subscribed
	Scene      string    // ADD_SCENE_QR_CODE, …
	QRScene    string    // of the code that was scanned to subscribe
	UnionID    string    // only with an open-platform binding
	Language   string
}

// Format masks what is personal.
func (f Follower) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "follower %s (subscribed %t)", Mask(string(f.OpenID)), f.Subscribed)
}

// Follower asks whether a person follows the account (protocol 5.6, user/info). Repeating
// it is safe.
func (a *Account) Follower(ctx context.Context, person OpenID) (Follower, error) {
	const path = "/cgi-bin/user/info"
	if !plausible(string(person), maxOpenID) {
		return Follower{}, refuse(path, 40003, "not an openid")
	}
	var answer struct {
		Subscribe whole  `json:"subscribe"`
		OpenID    OpenID `json:"openid"`
		Since     whole  `json:"subscribe_time"`
		UnionID   string `json:"unionid"`
		Scene     string `json:"subscribe_scene"`
		QRID      whole  `json:"qr_scene"`
		QRText    string `json:"qr_scene_str"`
		Language  string `json:"language"`
	}
	if err := a.read(ctx, path, url.Values{"openid": {string(person)}, "lang": {"zh_CN"}}, &answer, string(person)); err != nil {
		return Follower{}, err
	}
	if answer.OpenID != person {
		return Follower{}, &AnswerError{Path: path, Problem: "the answer is about somebody else"}
	}
	f := Follower{OpenID: person, Subscribed: answer.Subscribe == 1}
	if plausible(answer.UnionID, maxOpenID) {
		f.UnionID = answer.UnionID
	}
	if f.Subscribed {
		f.Since, f.Scene, f.Language = answer.Since.time(), short(answer.Scene, 64), short(answer.Language, 16)
		if f.QRScene = short(answer.QRText, MaxScene); f.QRScene == "" && answer.QRID > 0 {
			f.QRScene = fmt.Sprint(int64(answer.QRID))
		}
	}
	return f, nil
}
