package sandbox

import (
	"fmt"
	"slices"
)

// customSend is POST /cgi-bin/message/custom/send (protocol 7.5): the account writes of
// itself, while a person's action allows it.
func (s *Server) customSend(c *call) (any, *refusal) {
	if no := s.checkAccountCall(c); no != nil {
		return nil, no
	}
	var in struct {
		To   string `json:"touser"`
		Type string `json:"msgtype"`
		Text struct {
			Content string `json:"content"`
		} `json:"text"`
		Image struct {
			ID string `json:"media_id"`
		} `json:"image"`
		News struct {
			Articles []article `json:"articles"`
		} `json:"news"`
	}
	if no := c.rawJSON(&in); no != nil {
		return nil, no
	}
	p, no := s.byOpenID(in.To)
	if no != nil {
		return nil, no
	}
	b := bubble{From: fromAccount, Kind: in.Type}
	switch in.Type {
	case "text":
		b.Text, no = in.Text.Content, checkContent(in.Text.Content)
	case "image":
		if pic := s.picture(in.Image.ID); pic != nil {
			b.Image = pic.path()
		} else {
			no = refuse(40007, "invalid media_id", "media_id 不存在或已过三天", "the media_id is unknown or older than three days")
		}
	case "news":
		if no = checkArticles(in.News.Articles); no == nil {
			a := in.News.Articles[0]
			b.Title, b.Text, b.Image, b.Link = a.Title, a.Description, a.PicURL, a.URL
		}
	default:
		no = refuse(40008, "invalid message type", "沙箱没有这种消息："+in.Type, "the sandbox has no message of the type "+in.Type)
	}
	if no == nil {
		no = s.useWindow(p)
	}
	if no != nil {
		return nil, no
	}
	s.tell(p, b)
	s.note(LevelOK, "account", "客服消息发给 "+p.name, "a customer-service message for "+p.id, "msgtype="+in.Type)
	return fine, nil
}

// article is an article of a message.
type article struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	URL         string `json:"url"`
	PicURL      string `json:"picurl"`
}

func checkContent(text string) *refusal {
	switch {
	case text == "":
		return refuse(44004, "empty content", "content 为空", "the content is empty")
	case len(text) > maxText:
		return refuse(45002, "content size out of limit", fmt.Sprintf("content 有 %d 字节，超过 2048", len(text)), "the content is longer than 2048 bytes")
	}
	return nil
}

func checkArticles(list []article) *refusal {
	if len(list) != 1 {
		return refuse(45008, "article size out of limit", fmt.Sprintf("图文有 %d 条，应为 1 条", len(list)), "a message has one article")
	}
	if a := list[0]; a.Title == "" || !webAddress(a.URL) || a.PicURL != "" && !webAddress(a.PicURL) {
		return refuse(40035, "invalid parameter", "图文缺少标题，或网址不完整", "the article lacks a title, or an address is not absolute")
	}
	return nil
}

// useWindow takes one message from the windows that a person opened, the one that ends
// first before others; errcodes 43004, 45015, 45047.
func (s *Server) useWindow(p *persona) *refusal {
	if !p.chat.following {
		return refuse(43004, "require subscribe", p.name+" 没有关注公众号", p.id+" does not follow the account")
	}
	now := s.opt.Now()
	p.chat.windows = slices.DeleteFunc(p.chat.windows, func(w *window) bool { return !now.Before(w.until) })
	var use *window
	for _, w := range p.chat.windows {
		if w.left > 0 && (use == nil || w.until.Before(use.until)) {
			use = w
		}
	}
	switch {
	case len(p.chat.windows) == 0:
		return refuse(45015, "response out of time limit or subscription is canceled", "回复时间已过（48 小时内没有互动）", "the window to answer is closed")
	case use == nil:
		return refuse(45047, "out of response count limit", "客服消息条数已用完", "the messages of this window are used up")
	}
	use.left--
	return nil
}
