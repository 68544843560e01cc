package wechat

import (
	"context"
	"errors"
)

// Errors of messages outside a reply; compare with errors.Is.
var (
	// ErrWindowClosed: the visitor did nothing that allows a message, or too long ago (45015).
	ErrWindowClosed = errors.New("wechat: the time to answer is over")
	// ErrWindowUsed: the visitor's last act allows no more messages (45047).
	ErrWindowUsed = errors.New("wechat: no more messages until the visitor writes again")
	// ErrNotFollower: the visitor does not follow the account (43004).
	ErrNotFollower = errors.New("wechat: the visitor does not follow the account")
)

// SendCustom says something to a visitor outside the answer to a push (protocol 7.5,
// message/custom/send), for answers that take longer than five seconds. A message of the
// visitor allows 5 within 48 hours; a menu click, a scan or following allows 3 within a
// minute. See ErrWindowClosed, ErrWindowUsed and ErrNotFollower. It is not safe to repeat:
// after an error without an answer the visitor may have the message.
func (a *Account) SendCustom(ctx context.Context, to OpenID, r Reply) error {
	const path = "/cgi-bin/message/custom/send"
	if !plausible(string(to), maxOpenID) {
		return refuse(path, 40003, "not an openid")
	}
	if err := CheckReply(r); err != nil {
		return err
	}
	// The field with the content has the name of the type.
	request := struct {
		To    OpenID `json:"touser"`
		Kind  string `json:"msgtype"`
		Text  any    `json:"text,omitempty"`
		Image any    `json:"image,omitempty"`
		News  any    `json:"news,omitempty"`
	}{To: to, Kind: r.kind()}
	switch r.(type) {
	case Text:
		request.Text = r.custom()
	case Image:
		request.Image = r.custom()
	case News:
		request.News = r.custom()
	}
	return a.ask(ctx, path, request, nil, string(to))
}

// SendCustomText is SendCustom with words.
func (a *Account) SendCustomText(ctx context.Context, to OpenID, text string) error {
	return a.SendCustom(ctx, to, Text{Content: text})
}

func (t Text) custom() any {
	return struct {
		Content string `json:"content"`
	}{t.text()}
}

func (i Image) custom() any {
	return struct {
		MediaID string `json:"media_id"`
	}{i.MediaID}
}

func (n News) custom() any {
	type article struct {
		Title       string `json:"title"`
		Description string `json:"description"`
		URL         string `json:"url"`
		PicURL      string `json:"picurl"`
	}
	return struct {
		Articles []article `json:"articles"`
	}{[]article{{spoken(n.Title), spoken(n.Description), n.URL, n.PicURL}}}
}
