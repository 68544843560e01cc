package sandbox

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
)

// wireReply is an answer of the account, sealed or not (protocol 6.3, 6.5).
type wireReply struct {
	XMLName    xml.Name `xml:"xml"`
	To         string   `xml:"ToUserName"`
	From       string   `xml:"FromUserName"`
	CreateTime string   `xml:"CreateTime"`
	Type       string   `xml:"MsgType"`
	Content    string   `xml:"Content"`
	ImageID    string   `xml:"Image>MediaId"`
	Count      string   `xml:"ArticleCount"`
	Articles   []struct {
		Title       string `xml:"Title"`
		Description string `xml:"Description"`
		PicURL      string `xml:"PicUrl"`
		URL         string `xml:"Url"`
	} `xml:"Articles>item"`

	Encrypt   string `xml:"Encrypt"`
	Signature string `xml:"MsgSignature"`
	Timestamp string `xml:"TimeStamp"`
	Nonce     string `xml:"Nonce"`
}

// parseReply reads one XML document and nothing behind it.
func parseReply(text string) (*wireReply, error) {
	var r wireReply
	dec := xml.NewDecoder(strings.NewReader(text))
	if err := dec.Decode(&r); err != nil {
		return nil, fmt.Errorf("the answer is neither success nor XML: %.80q", text)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("something stands behind the XML: %.80q", text)
	}
	return &r, nil
}

// readReply checks an answer strictly and makes the bubble of it. Nil without an error is
// an answer that shows nothing.
func (s *Server) readReply(d delivery, text string) (*bubble, error) {
	r, err := parseReply(text)
	if err != nil {
		return nil, err
	}
	switch {
	case r.Encrypt != "" && d.line.crypt == nil:
		return nil, errors.New("the answer is encrypted, but the mode is plain")
	case r.Encrypt == "" && d.line.mode == PushEncrypted:
		return nil, errors.New("the answer is not encrypted, but the mode is")
	case r.Encrypt != "":
		if pushSignature(s.opt.PushToken, r.Timestamp, r.Nonce, r.Encrypt) != r.Signature {
			return nil, errors.New("the MsgSignature of the answer is wrong")
		}
		opened, err := d.line.crypt.open(r.Encrypt)
		if err != nil {
			return nil, err
		}
		if string(opened) == "success" || len(opened) == 0 {
			return nil, nil
		}
		if r, err = parseReply(string(opened)); err != nil {
			return nil, err
		}
	}
	switch at, err := strconv.ParseInt(strings.TrimSpace(r.CreateTime), 10, 64); {
	case r.To != d.event.person.openID:
		return nil, errors.New("ToUserName of the answer is not the openid of the sender")
	case r.From != s.opt.OriginalID:
		return nil, errors.New("FromUserName of the answer is not the original id of the account")
	case err != nil || at <= 0:
		return nil, errors.New("CreateTime of the answer is no time")
	}
	return s.replyBubble(r)
}

func (s *Server) replyBubble(r *wireReply) (*bubble, error) {
	b := bubble{From: fromAccount, Kind: r.Type}
	switch r.Type {
	case "text":
		if r.Content == "" || len(r.Content) > maxText {
			return nil, fmt.Errorf("the Content of the answer has %d bytes, 1 to %d are allowed", len(r.Content), maxText)
		}
		b.Text = r.Content
	case "image":
		s.mu.Lock()
		pic := s.picture(r.ImageID)
		s.mu.Unlock()
		if pic == nil {
			return nil, errors.New("MediaId of the answer is unknown or older than three days")
		}
		b.Image = pic.path()
	case "news":
		if len(r.Articles) != 1 || strings.TrimSpace(r.Count) != "1" {
			return nil, fmt.Errorf("the answer has %d articles and ArticleCount %.20q, one is allowed", len(r.Articles), r.Count)
		}
		a := r.Articles[0]
		if a.Title == "" || !webAddress(a.URL) || a.PicURL != "" && !webAddress(a.PicURL) {
			return nil, errors.New("the article lacks a title, or an address in it is not absolute")
		}
		b.Title, b.Text, b.Image, b.Link = a.Title, a.Description, a.PicURL, a.URL
	case "transfer_customer_service":
		return nil, nil
	default:
		return nil, fmt.Errorf("the sandbox shows no answers of the type %.40q", r.Type)
	}
	return &b, nil
}

// webAddress reports whether a text is a complete address of a page.
func webAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
