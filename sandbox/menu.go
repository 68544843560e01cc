package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// button is a button of the menu, of the chat's foot or of a list above it.
type button struct {
	Type  string   `json:"type,omitempty"`
	Name  string   `json:"name"`
	Key   string   `json:"key,omitempty"`
	URL   string   `json:"url,omitempty"`
	App   string   `json:"appid,omitempty"`
	Page  string   `json:"pagepath,omitempty"`
	Media string   `json:"media_id,omitempty"`
	Item  string   `json:"article_id,omitempty"`
	Sub   []button `json:"sub_button"`
}

// Limits of a menu in bytes and counts (protocol 7.2).
const (
	maxTopButtons, maxSubButtons = 3, 5
	maxTopName, maxSubName       = 16, 60
	maxKey, maxURL               = 128, 1024
)

// menuCodes are the errcodes of one level of the menu.
type menuCodes struct{ count, kind, name, key, url int }

var (
	topCodes = menuCodes{40016, 40017, 40018, 40019, 40020}
	subCodes = menuCodes{40023, 40024, 40025, 40026, 40027}
)

// checkAccountCall is what every interface of the account itself checks first.
func (s *Server) checkAccountCall(c *call) *refusal {
	if no := s.checkToken(c); no != nil {
		return no
	}
	switch {
	case s.acts(accountDenied):
		return refuse(48001, "api unauthorized", "公众号没有这个接口的权限", "the account has no right to this interface")
	case s.acts(quotaUsed):
		return refuse(45009, "reach max api daily quota limit", "今日调用次数已用完", "daily quota used up")
	case s.acts(rateLimited):
		return tooFast()
	}
	return nil
}

var escaped = regexp.MustCompile(`(?:^|[^\\])(?:\\\\)*\\u[0-9a-fA-F]{4}`)

// rawJSON is json, and refuses \uXXXX as WeChat does here; errcode 40033.
func (c *call) rawJSON(v any) *refusal {
	if no := c.json(v); no != nil {
		return no
	}
	if escaped.Match(c.body) {
		return refuse(40033, `invalid charset. please check your request, if include \uxxxx will create fail!`, `请求体里有 \uXXXX，要直接写 UTF-8`, `the body holds \uXXXX instead of UTF-8`)
	}
	return nil
}

var fine = okReply{0, "ok"}

// createMenu is POST /cgi-bin/menu/create: the whole menu at once.
func (s *Server) createMenu(c *call) (any, *refusal) {
	if no := s.checkAccountCall(c); no != nil {
		return nil, no
	}
	var in struct {
		Button []button `json:"button"`
	}
	if no := c.rawJSON(&in); no != nil {
		return nil, no
	}
	if n := len(in.Button); n < 1 || n > maxTopButtons {
		return nil, refuse(topCodes.count, "invalid button size", fmt.Sprintf("一级菜单有 %d 个，应为 1–3 个", n), fmt.Sprintf("%d top buttons, 1 to 3 are allowed", n))
	}
	for i := range in.Button {
		b := &in.Button[i]
		switch {
		case len(b.Sub) > maxSubButtons:
			return nil, refuse(subCodes.count, "invalid sub button size", "「"+b.Name+"」的子菜单超过 5 个", "more than 5 sub-buttons under "+b.Name)
		case b.Name == "" || len(b.Name) > maxTopName:
			return nil, refuse(topCodes.name, "invalid button name size", "菜单名「"+b.Name+"」为空或超过 16 字节", "a top name is empty or longer than 16 bytes")
		}
		if len(b.Sub) == 0 {
			b.Sub = []button{}
			if no := checkButton(*b, topCodes); no != nil {
				return nil, no
			}
			continue
		}
		for j := range b.Sub {
			sub := &b.Sub[j]
			switch {
			case len(sub.Sub) > 0:
				return nil, refuse(40022, "invalid sub button level", "菜单只有两级", "a menu has two levels only")
			case sub.Name == "" || len(sub.Name) > maxSubName:
				return nil, refuse(subCodes.name, "invalid sub button name size", "子菜单名「"+sub.Name+"」为空或超过 60 字节", "a sub name is empty or longer than 60 bytes")
			}
			sub.Sub = []button{}
			if no := checkButton(*sub, subCodes); no != nil {
				return nil, no
			}
		}
	}
	s.menu = in.Button
	s.note(LevelOK, "account", "菜单已更新", "the menu was replaced", "")
	return fine, nil
}

// checkButton checks a button that does something.
func checkButton(b button, codes menuCodes) *refusal {
	badKey := func() *refusal {
		return refuse(codes.key, "invalid button key size", "「"+b.Name+"」的 key 为空或超过 128 字节", "the key of a button is empty or longer than 128 bytes")
	}
	switch b.Type {
	case "click", "scancode_push", "scancode_waitmsg", "pic_sysphoto", "pic_photo_or_album", "pic_weixin", "location_select":
		if b.Key == "" || len(b.Key) > maxKey {
			return badKey()
		}
	case "view", "miniprogram":
		if len(b.URL) > maxURL || !webAddress(b.URL) {
			return refuse(codes.url, "invalid button url size", "「"+b.Name+"」的网址为空、过长或不完整", "the url of a button is empty, too long or not absolute")
		}
		if b.Type == "miniprogram" && (b.App == "" || b.Page == "") {
			return refuse(40035, "invalid parameter", "「"+b.Name+"」缺少小程序的 appid 或 pagepath", "a mini program button lacks appid or pagepath")
		}
	case "media_id", "view_limited":
		if b.Media == "" {
			return refuse(40007, "invalid media_id", "「"+b.Name+"」缺少 media_id", "a button lacks its media_id")
		}
	case "article_id", "article_view_limited":
		if b.Item == "" {
			return badKey()
		}
	default:
		return refuse(codes.kind, "invalid button type", "「"+b.Name+"」的 type 不对："+b.Type, "unknown button type "+b.Type)
	}
	return nil
}

// getMenu is GET /cgi-bin/menu/get.
func (s *Server) getMenu(c *call) (any, *refusal) {
	if no := s.menuRead(c); no != nil {
		return nil, no
	}
	if len(s.menu) == 0 {
		return nil, refuse(46003, "menu no exist", "还没有菜单", "there is no menu")
	}
	type menu struct {
		Button []button `json:"button"`
	}
	return struct {
		Menu menu `json:"menu"`
	}{menu{s.menu}}, nil
}

// deleteMenu is GET /cgi-bin/menu/delete; safe to repeat.
func (s *Server) deleteMenu(c *call) (any, *refusal) {
	if no := s.menuRead(c); no != nil {
		return nil, no
	}
	s.menu = nil
	s.note(LevelOK, "account", "菜单已删除", "the menu was deleted", "")
	return fine, nil
}

func (s *Server) menuRead(c *call) *refusal {
	if c.Method != http.MethodGet {
		return c.get()
	}
	return s.checkAccountCall(c)
}

// Press is a follower who touches the menu: "1" is the second button, "1.0" the first one
// of the list above it. A click is pushed; an address is pushed as VIEW and returned, for
// the phone to open.
func (s *Server) Press(personaID, path string) (open string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.inChat(personaID, true)
	if err != nil {
		return "", err
	}
	list := s.menu
	var b button
	for _, part := range strings.Split(path, ".") {
		i, err := strconv.Atoi(part)
		if err != nil || i < 0 || i >= len(list) {
			return "", errors.New("菜单已经变了 · the menu has changed")
		}
		b, list = list[i], list[i].Sub
	}
	switch b.Type {
	case "click":
		s.opens(p, actionWindow, actionCount)
		s.send(p, "CLICK", pairs{{"EventKey", cdata(b.Key)}})
		return "", nil
	case "view":
		s.send(p, "VIEW", pairs{{"EventKey", cdata(b.URL)}, {"MenuId", "450000001"}})
		return b.URL, nil
	}
	return "", fmt.Errorf("沙箱手机不会做 %s · the sandbox's phone cannot do this", b.Type)
}
