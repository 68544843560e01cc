package wechat

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of replies. WeChat does not publish all of them (protocol 6.5).
const (
	MaxReplyText    = 2048 // bytes
	MaxArticleTitle = 64   // characters
	MaxArticleText  = 256  // characters
	MaxArticleURL   = 1024 // bytes
)

const replyPath = "reply"

// NoReply is the answer to a push when there is nothing to say (protocol 6.4). Anything
// else that is no reply makes WeChat tell the visitor that the account is out of order.
// It is never encrypted.
const NoReply = "success"

// Reply is something to say to a visitor: Text, Image or News.
type Reply interface {
	kind() string
	check() error
	fields(b *bytes.Buffer)
	custom() any
}

// Text is a reply of words. It may hold line breaks and <a href="…"> links.
type Text struct{ Content string }

// Image is a reply of one picture; see Account.UploadImage.
type Image struct{ MediaID string }

// News is a reply of one article: a title, two lines and a picture that open a link.
type News struct {
	Title       string
	Description string
	PicURL      string // "" for none
	URL         string
}

func (Text) kind() string  { return "text" }
func (Image) kind() string { return "image" }
func (News) kind() string  { return "news" }

func (t Text) check() error {
	if n := len(t.text()); n == 0 || n > MaxReplyText {
		return refuse(replyPath, 45002, "a text has 1 to 2048 bytes")
	}
	return nil
}

func (i Image) check() error {
	if !plausible(i.MediaID, maxMediaID) {
		return refuse(replyPath, 40007, "not a media id")
	}
	return nil
}

func (n News) check() error {
	switch {
	case spoken(n.Title) == "" || utf8.RuneCountInString(n.Title) > MaxArticleTitle:
		return refuse(replyPath, 45003, "a title has 1 to 64 characters")
	case utf8.RuneCountInString(n.Description) > MaxArticleText:
		return refuse(replyPath, 45004, "a description has at most 256 characters")
	case !webAddress(n.URL, MaxArticleURL), n.PicURL != "" && !webAddress(n.PicURL, MaxArticleURL):
		return refuse(replyPath, 45005, "a link is an http(s) address of at most 1024 bytes")
	}
	return nil
}

func (t Text) text() string { return spoken(t.Content) }

func (t Text) fields(b *bytes.Buffer) { element(b, "Content", t.Content) }

func (i Image) fields(b *bytes.Buffer) {
	b.WriteString("<Image>")
	element(b, "MediaId", i.MediaID)
	b.WriteString("</Image>")
}

func (n News) fields(b *bytes.Buffer) {
	b.WriteString("<ArticleCount>1</ArticleCount><Articles><item>")
	element(b, "Title", n.Title)
	element(b, "Description", n.Description)
	element(b, "PicUrl", n.PicURL)
	element(b, "Url", n.URL)
	b.WriteString("</item></Articles>")
}

// CheckReply answers an *APIError with the code that WeChat has for what is wrong, or nil.
// RenderReply and SendCustom check too; this is for whoever writes rules down.
func CheckReply(r Reply) error {
	if r == nil {
		return refuse(replyPath, 44002, "there is no reply")
	}
	return r.check()
}

// RenderReply writes the answer to a push that came from the visitor to and went to the
// account from (its gh_ name): the two change sides (protocol 6.5). A nil reply gives
// NoReply. On an error answer NoReply and tell the log.
func RenderReply(to, from string, now time.Time, r Reply) ([]byte, error) {
	if r == nil {
		return []byte(NoReply), nil
	}
	if err := CheckReply(r); err != nil {
		return nil, err
	}
	if !plausible(to, maxOpenID) || !plausible(from, maxOpenID) {
		return nil, refuse(replyPath, 40003, "a reply needs the names of both sides")
	}
	var b bytes.Buffer
	b.WriteString("<xml>")
	element(&b, "ToUserName", to)
	element(&b, "FromUserName", from)
	b.WriteString("<CreateTime>" + strconv.FormatInt(now.Unix(), 10) + "</CreateTime>")
	element(&b, "MsgType", r.kind())
	r.fields(&b)
	b.WriteString("</xml>")
	return b.Bytes(), nil
}

// SealReply encrypts a reply (protocol 6.3); use it when the push came encrypted, with what
// OpenPush returned. timestamp and nonce are signed with it: those of the push will do.
// Empty replies and NoReply stay as they are.
func (c *Crypt) SealReply(plain []byte, timestamp, nonce string) ([]byte, error) {
	if len(plain) == 0 || string(plain) == NoReply {
		return plain, nil
	}
	return c.envelope(c.Encrypt(plain), timestamp, nonce)
}

func (c *Crypt) envelope(encrypted, timestamp, nonce string) ([]byte, error) {
	if seconds, err := strconv.ParseUint(timestamp, 10, 63); err != nil || strconv.FormatUint(seconds, 10) != timestamp || !plausible(nonce, 128) {
		return nil, errors.New("wechat: a reply cannot be signed with this timestamp or nonce")
	}
	var b bytes.Buffer
	b.WriteString("<xml>")
	element(&b, "Encrypt", encrypted)
	element(&b, "MsgSignature", c.Signature(timestamp, nonce, encrypted))
	b.WriteString("<TimeStamp>" + timestamp + "</TimeStamp>")
	element(&b, "Nonce", nonce)
	b.WriteString("</xml>")
	return b.Bytes(), nil
}

// Answerable reports whether WeChat shows a reply to this push. All others, card events
// first of all, take NoReply (protocol 6.4).
func (e Event) Answerable() bool {
	switch e.MsgType {
	case "text", "image", "voice", "video", "shortvideo", "location", "link", "miniprogrampage":
		return true
	case "event":
		switch e.Event {
		case "subscribe", "scan", "click", "scancode_waitmsg":
			return true
		}
	}
	return false
}

// element writes text as CDATA, which the text cannot end.
func element(b *bytes.Buffer, name, text string) {
	b.WriteString("<" + name + "><![CDATA[" + strings.ReplaceAll(spoken(text), "]]>", "]]]]><![CDATA[>") + "]]></" + name + ">")
}

// spoken is the text as an XML reader gets it: only characters that XML has, and \n as
// the only line break.
func spoken(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\r\n", "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		}
		return written(r)
	}, text))
}
