package web

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/fault"
	"kaquan/reach"
	"kaquan/views/admin"
	"kaquan/wechat"
)

// handleMenu shows the draft, with what would keep it from being published.
func (s *Server) handleMenu(c *fiber.Ctx, who *signedIn) error {
	return s.menuPage(c, who, fiber.StatusOK, nil)
}

// menuPage shows typed, or the kept draft when it is nil.
func (s *Server) menuPage(c *fiber.Ctx, who *signedIn, status int, typed *wechat.Menu) error {
	frame, err := s.reachOf(c, who, "reach", "reach.title")
	if err != nil {
		return err
	}
	m := &admin.MenuEditor{Reach: frame}
	if m.Account != "" {
		if m.State, err = s.Reach.Menu(c.UserContext(), m.Account); err != nil {
			return err
		}
	}
	switch {
	case typed != nil:
		m.Menu = *typed
	default:
		m.Menu = m.State.Draft
	}
	// An empty menu needs no reproach until somebody wants to publish it.
	if len(m.Menu.Buttons) > 0 || status == fiber.StatusUnprocessableEntity {
		m.Problems = reach.MenuProblems(m.Menu)
	}
	return render(c, status, admin.MenuPage(m))
}

// typedMenu reads the editor's rows. Fields that a button's type has not are dropped: they
// are left over from another type.
func typedMenu(c *fiber.Ctx) wechat.Menu {
	var m wechat.Menu
	for top := range wechat.MaxTopButtons {
		if !sentButton(c, top, -1) {
			break
		}
		b := typedButton(c, top, -1)
		for sub := range wechat.MaxSubButtons {
			if !sentButton(c, top, sub) {
				break
			}
			b.Sub = append(b.Sub, typedButton(c, top, sub))
		}
		if len(b.Sub) > 0 {
			b = wechat.Button{Name: b.Name, Sub: b.Sub}
		}
		m.Buttons = append(m.Buttons, b)
	}
	return m
}

func sentButton(c *fiber.Ctx, top, sub int) bool {
	return c.Request().PostArgs().Has(admin.ButtonField(top, sub, "name"))
}

func typedButton(c *fiber.Ctx, top, sub int) wechat.Button {
	value := func(part string) string {
		return oneLine(typed(c, admin.ButtonField(top, sub, part)), 2*wechat.MaxButtonURL)
	}
	b := wechat.Button{Name: value("name"), Type: wechat.ButtonType(value("type"))}
	switch b.Type {
	case wechat.ButtonView:
		b.URL = value("url")
	case wechat.ButtonMiniProgram:
		b.URL, b.AppID, b.PagePath = value("url"), wechat.AppID(value("appid")), value("pagepath")
	case wechat.ButtonMedia:
		b.MediaID = value("media_id")
	case wechat.ButtonArticle, wechat.ButtonArticleView:
		b.ArticleID = value("article_id")
	default:
		b.Key = value("key")
	}
	return b
}

// arrange does what a button of the editor asks: add, add-T, remove-T, remove-T-S, up-…,
// down-…. It reports whether op was such a button.
func arrange(m *wechat.Menu, op string) bool {
	parts := strings.Split(op, "-")
	verb, place := parts[0], []int{}
	for _, part := range parts[1:] {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return false
		}
		place = append(place, n)
	}
	if !slices.Contains([]string{"add", "remove", "up", "down"}, verb) || len(place) > 2 || verb != "add" && len(place) == 0 {
		return false
	}
	fresh := wechat.Button{Type: wechat.ButtonView}
	switch {
	case len(place) == 0:
		if len(m.Buttons) < wechat.MaxTopButtons {
			m.Buttons = append(m.Buttons, fresh)
		}
	case place[0] >= len(m.Buttons):
	case verb == "add":
		top := &m.Buttons[place[0]]
		if len(top.Sub) < wechat.MaxSubButtons {
			*top = wechat.Button{Name: top.Name, Sub: append(top.Sub, fresh)}
		}
	case len(place) == 1:
		m.Buttons = shift(m.Buttons, verb, place[0])
	default:
		top := &m.Buttons[place[0]]
		if top.Sub = shift(top.Sub, verb, place[1]); len(top.Sub) == 0 {
			*top = wechat.Button{Name: top.Name, Type: wechat.ButtonView}
		}
	}
	return true
}

func shift(list []wechat.Button, verb string, i int) []wechat.Button {
	switch {
	case i >= len(list):
	case verb == "remove":
		return slices.Delete(list, i, i+1)
	case verb == "up" && i > 0:
		list[i-1], list[i] = list[i], list[i-1]
	case verb == "down" && i+1 < len(list):
		list[i+1], list[i] = list[i], list[i+1]
	}
	return list
}

// handleMenuSave keeps the draft, or only changes its rows.
func (s *Server) handleMenuSave(c *fiber.Ctx, who *signedIn) error {
	account, err := s.reachAccount(c)
	if err != nil {
		return err
	}
	m := typedMenu(c)
	if arrange(&m, c.FormValue("op")) {
		return s.menuPage(c, who, fiber.StatusOK, &m)
	}
	if err := s.Reach.SaveMenu(c.UserContext(), account, m, who.Person.Name); err != nil {
		return err
	}
	if err := s.record(c, who, "reach.menu.save", account, map[string]any{"buttons": len(m.Buttons)}); err != nil {
		return err
	}
	if len(m.Buttons) > 0 && len(reach.MenuProblems(m)) > 0 {
		s.flash(c, "warning", "reach.done.menu_draft")
	} else {
		s.flash(c, "success", "reach.done.menu_saved")
	}
	return seeOther(c, forAccount("/admin/reach/menu", account))
}

// handleMenuPublish keeps the draft and gives it to WeChat.
func (s *Server) handleMenuPublish(c *fiber.Ctx, who *signedIn) error {
	account, err := s.reachAccount(c)
	if err != nil {
		return err
	}
	ctx, cancel := asking(c)
	defer cancel()
	m := typedMenu(c)
	switch err := s.Reach.PublishMenu(ctx, account, m, who.Person.Name); {
	case fault.CodeOf(err) == fault.Invalid:
		return s.menuPage(c, who, fiber.StatusUnprocessableEntity, &m)
	case err != nil:
		return s.told(c, err, forAccount("/admin/reach/menu", account))
	}
	return s.menuDone(c, who, "reach.menu.publish", account, "reach.done.menu_published")
}

func (s *Server) handleMenuLoad(c *fiber.Ctx, who *signedIn) error {
	account, err := s.reachAccount(c)
	if err != nil {
		return err
	}
	ctx, cancel := asking(c)
	defer cancel()
	if err := s.Reach.LoadMenu(ctx, account, who.Person.Name); err != nil {
		return s.told(c, err, forAccount("/admin/reach/menu", account))
	}
	return s.menuDone(c, who, "reach.menu.load", account, "reach.done.menu_loaded")
}

func (s *Server) handleMenuDelete(c *fiber.Ctx, who *signedIn) error {
	account, err := s.reachAccount(c)
	if err != nil {
		return err
	}
	ctx, cancel := asking(c)
	defer cancel()
	if err := s.Reach.DeleteMenu(ctx, account); err != nil {
		return s.told(c, err, forAccount("/admin/reach/menu", account))
	}
	return s.menuDone(c, who, "reach.menu.delete", account, "reach.done.menu_deleted")
}

func (s *Server) menuDone(c *fiber.Ctx, who *signedIn, action, account, words string) error {
	if err := s.record(c, who, action, account, nil); err != nil {
		return err
	}
	s.flash(c, "success", words)
	return seeOther(c, forAccount("/admin/reach/menu", account))
}
