package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// ErrNoMenu: the account has no menu that was made through the API (46003).
var ErrNoMenu = errors.New("wechat: there is no menu")

// ButtonType says what a menu button does.
type ButtonType string

// The types of buttons. The ones with a key come back as an event with EventKey.
const (
	ButtonClick       ButtonType = "click"
	ButtonView        ButtonType = "view"
	ButtonMiniProgram ButtonType = "miniprogram"
	ButtonScanPush    ButtonType = "scancode_push"
	ButtonScanWait    ButtonType = "scancode_waitmsg"
	ButtonCamera      ButtonType = "pic_sysphoto"
	ButtonPhoto       ButtonType = "pic_photo_or_album"
	ButtonAlbum       ButtonType = "pic_weixin"
	ButtonLocation    ButtonType = "location_select"
	ButtonMedia       ButtonType = "media_id"
	ButtonArticle     ButtonType = "article_id"
	ButtonArticleView ButtonType = "article_view_limited"
)

// Limits of a menu (protocol 7.2). The names are counted in bytes; phones show about 4
// Chinese characters of the first level and 8 of the second.
const (
	MaxTopButtons = 3
	MaxSubButtons = 5
	MaxTopName    = 16
	MaxSubName    = 60
	MaxButtonKey  = 128
	MaxButtonURL  = 1024
)

// Button of a menu. One with Sub only opens them: it has a name and nothing else.
type Button struct {
	Type      ButtonType `json:"type,omitempty"`
	Name      string     `json:"name"`
	Key       string     `json:"key,omitempty"`
	URL       string     `json:"url,omitempty"` // also what old clients of a mini program open
	AppID     AppID      `json:"appid,omitempty"`
	PagePath  string     `json:"pagepath,omitempty"`
	MediaID   string     `json:"media_id,omitempty"`
	ArticleID string     `json:"article_id,omitempty"`
	Sub       []Button   `json:"sub_button,omitempty"`
}

// Menu is what people see below the chat. It may hold links: validate before showing.
type Menu struct {
	Buttons []Button `json:"button"`
}

// MenuError says which part of a menu WeChat would refuse.
type MenuError struct {
	Top, Sub int    // positions from 0; -1 for none
	Field    string // name of the field in JSON; "" for the button or menu as a whole
	Err      *APIError
}

// Error names the place and the cause.
func (e *MenuError) Error() string {
	place := "menu"
	if e.Top >= 0 {
		place = fmt.Sprintf("button %d", e.Top+1)
	}
	if e.Sub >= 0 {
		place += fmt.Sprintf(".%d", e.Sub+1)
	}
	return strings.TrimSpace(place+" "+e.Field) + ": " + e.Err.Error()
}

// Unwrap gives the code that WeChat would answer.
func (e *MenuError) Unwrap() error { return e.Err }

const pathMenuCreate = "/cgi-bin/menu/create"

// Validate answers a *MenuError for the first thing that WeChat would refuse.
func (m Menu) Validate() error {
	wrong := func(top, sub int, field string, code int, why string) error {
		return &MenuError{Top: top, Sub: sub, Field: field, Err: &APIError{Code: code, Message: why, Path: pathMenuCreate}}
	}
	if n := len(m.Buttons); n < 1 || n > MaxTopButtons {
		return wrong(-1, -1, "", 40016, "a menu has 1 to 3 buttons")
	}
	for i, top := range m.Buttons {
		if len(top.Sub) == 0 {
			if field, code, why := top.problem(MaxTopName, 40017); code != 0 {
				return wrong(i, -1, field, code, why)
			}
			continue
		}
		if len(top.Sub) > MaxSubButtons {
			return wrong(i, -1, "sub_button", 40023, "a button opens at most 5 others")
		}
		if !named(top.Name, MaxTopName) {
			return wrong(i, -1, "name", 40018, "the name is empty or longer than 16 bytes")
		}
		if top.Type != "" || top.Key != "" || top.URL != "" || top.AppID != "" || top.PagePath != "" || top.MediaID != "" || top.ArticleID != "" {
			return wrong(i, -1, "type", 40017, "a button that opens others does nothing else")
		}
		for j, sub := range top.Sub {
			if len(sub.Sub) > 0 {
				return wrong(i, j, "sub_button", 40023, "there are two levels")
			}
			// The codes of the second level are 7 above those of the first.
			if field, code, why := sub.problem(MaxSubName, 40024); code != 0 {
				return wrong(i, j, field, code, why)
			}
		}
	}
	return nil
}

// problem of a button that does something. base is the code about its type; those about
// name, key and address follow it.
func (b Button) problem(maxName, base int) (field string, code int, why string) {
	if !named(b.Name, maxName) {
		return "name", base + 1, fmt.Sprintf("the name is empty or longer than %d bytes", maxName)
	}
	var key, link, app, media, article bool
	switch b.Type {
	case ButtonClick, ButtonScanPush, ButtonScanWait, ButtonCamera, ButtonPhoto, ButtonAlbum, ButtonLocation:
		key = true
	case ButtonView:
		link = true
	case ButtonMiniProgram:
		link, app = true, true
	case ButtonMedia:
		media = true
	case ButtonArticle, ButtonArticleView:
		article = true
	default:
		return "type", base, "there is no such type of button"
	}
	switch {
	case key && !named(b.Key, MaxButtonKey) || !key && b.Key != "":
		return "key", base + 2, "the key is missing, not wanted or longer than 128 bytes"
	case link && !webAddress(b.URL, MaxButtonURL) || !link && b.URL != "":
		return "url", base + 3, "the address is missing, not wanted, longer than 1024 bytes or not http(s)"
	case app != plausible(string(b.AppID), 64) || !app && b.AppID != "":
		return "appid", base, "the mini program is missing or not wanted"
	case app != plausible(b.PagePath, MaxButtonURL) || !app && b.PagePath != "":
		return "pagepath", base, "the page of the mini program is missing or not wanted"
	case media != plausible(b.MediaID, maxMediaID) || !media && b.MediaID != "":
		return "media_id", base, "the material is missing or not wanted"
	case article != plausible(b.ArticleID, maxMediaID) || !article && b.ArticleID != "":
		return "article_id", base, "the article is missing or not wanted"
	}
	return "", 0, ""
}

// named reports whether a text is there, fits and has no control characters.
func named(text string, limit int) bool {
	return strings.TrimSpace(text) != "" && len(text) <= limit && utf8.ValidString(text) && clean(text, nil) == text
}

// webAddress reports whether a text is a full http or https address without a password.
func webAddress(text string, limit int) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= limit && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil &&
		strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) < 0
}

// CreateMenu replaces the whole menu (protocol 7.2). Phones show it within 24 hours,
// mostly within minutes. It answers *MenuError without asking WeChat when the menu breaks
// a limit. Repeating it is safe.
func (a *Account) CreateMenu(ctx context.Context, m Menu) error {
	if err := m.Validate(); err != nil {
		return err
	}
	return a.ask(ctx, pathMenuCreate, m, nil)
}

// GetMenu reads the menu that was made through the API; see ErrNoMenu. Buttons of kinds
// that we do not know keep their type and name.
func (a *Account) GetMenu(ctx context.Context) (Menu, error) {
	const path = "/cgi-bin/menu/get"
	var answer struct {
		Menu json.RawMessage `json:"menu"`
	}
	if err := a.read(ctx, path, nil, &answer); err != nil {
		return Menu{}, err
	}
	var m Menu
	if json.Unmarshal(answer.Menu, &m) != nil || len(m.Buttons) > MaxTopButtons {
		return Menu{}, &AnswerError{Path: path, Problem: "the answer has no menu"}
	}
	for i := range m.Buttons {
		top := &m.Buttons[i]
		if len(top.Sub) > MaxSubButtons {
			return Menu{}, &AnswerError{Path: path, Problem: "the menu has too many buttons"}
		}
		top.bound(MaxTopName)
		for j := range top.Sub {
			top.Sub[j].bound(MaxSubName)
			top.Sub[j].Sub = nil
		}
		if len(top.Sub) == 0 {
			top.Sub = nil // WeChat answers an empty list
		}
	}
	return m, nil
}

// bound cuts what WeChat would not have taken.
func (b *Button) bound(name int) {
	b.Type, b.Name = ButtonType(short(string(b.Type), 32)), short(b.Name, name)
	b.Key = short(b.Key, MaxButtonKey)
	if !webAddress(b.URL, MaxButtonURL) {
		b.URL = ""
	}
}

// DeleteMenu takes the menu away, conditional ones included. Repeating it is safe.
func (a *Account) DeleteMenu(ctx context.Context) error {
	return a.read(ctx, "/cgi-bin/menu/delete", nil, nil)
}
