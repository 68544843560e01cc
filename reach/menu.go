package reach

import (
	"context"
	"errors"
	"slices"
	"time"

	"kaquan/fault"
	"kaquan/wechat"
)

// MenuState is what is known about an account's menu.
type MenuState struct {
	Draft       wechat.Menu
	DraftAt     time.Time // UTC; zero = there is no draft
	DraftBy     string
	Published   wechat.Menu // empty when WeChat has none
	PublishedAt time.Time   // UTC, when WeChat last had it so; zero = not known
}

// Place of a button: Sub is -1 for one of the bar.
type Place struct{ Top, Sub int }

// MenuProblem is what WeChat would refuse, at its place. Top is -1 for the menu as a whole.
type MenuProblem struct {
	Place
	Field string // as in wechat.MenuError
	Code  int
}

// MenuProblems finds the first problem of every button, where Menu.Validate stops at the
// first of all.
func MenuProblems(m wechat.Menu) []MenuProblem {
	var list []MenuProblem
	add := func(err error, place Place) {
		var e *wechat.MenuError
		if errors.As(err, &e) {
			list = append(list, MenuProblem{place, e.Field, e.Err.Code})
		}
	}
	if n := len(m.Buttons); n < 1 || n > wechat.MaxTopButtons {
		add(m.Validate(), Place{-1, -1})
		return list
	}
	for i, top := range m.Buttons {
		alone := top
		// A button that would be fine stands for those below, which come one by one.
		if len(top.Sub) > 0 && len(top.Sub) <= wechat.MaxSubButtons {
			alone.Sub = []wechat.Button{{Type: wechat.ButtonClick, Name: "x", Key: "x"}}
		}
		add(wechat.Menu{Buttons: []wechat.Button{alone}}.Validate(), Place{i, -1})
		for j, sub := range top.Sub {
			add(wechat.Menu{Buttons: []wechat.Button{{Name: "x", Sub: []wechat.Button{sub}}}}.Validate(), Place{i, j})
		}
	}
	return list
}

// Change is a difference between two menus.
type Change struct {
	Place
	Was, Is *wechat.Button // nil where there is none
}

// MenuChanges are the differences from was to is, place by place.
func MenuChanges(was, is wechat.Menu) []Change {
	a, b := flat(was), flat(is)
	var list []Change
	for top := range wechat.MaxTopButtons {
		for sub := -1; sub < wechat.MaxSubButtons; sub++ {
			place := Place{top, sub}
			x, y := a[place], b[place]
			if x == nil && y == nil || x != nil && y != nil && sameButton(*x, *y) {
				continue
			}
			list = append(list, Change{place, x, y})
		}
	}
	return list
}

func flat(m wechat.Menu) map[Place]*wechat.Button {
	all := map[Place]*wechat.Button{}
	for i := range m.Buttons {
		all[Place{i, -1}] = &m.Buttons[i]
		for j := range m.Buttons[i].Sub {
			all[Place{i, j}] = &m.Buttons[i].Sub[j]
		}
	}
	return all
}

func sameButton(a, b wechat.Button) bool {
	opens := (len(a.Sub) > 0) == (len(b.Sub) > 0)
	return opens && a.Type == b.Type && a.Name == b.Name && a.Key == b.Key && a.URL == b.URL && a.AppID == b.AppID &&
		a.PagePath == b.PagePath && a.MediaID == b.MediaID && a.ArticleID == b.ArticleID
}

// ErrMenuWrong says that the menu has problems; see MenuProblems.
var ErrMenuWrong = fault.New(fault.Invalid, "reach.error.menu")

// Menu is what is known about an account's menu.
func (s *Service) Menu(ctx context.Context, account string) (MenuState, error) {
	return s.store.MenuState(ctx, account)
}

// SaveMenu keeps a draft, with its problems. Only the count of the buttons is bounded here;
// their fields are bounded by the form.
func (s *Service) SaveMenu(ctx context.Context, account string, m wechat.Menu, by string) error {
	m.Buttons = slices.Clone(m.Buttons[:min(len(m.Buttons), wechat.MaxTopButtons)])
	for i := range m.Buttons {
		m.Buttons[i].Sub = m.Buttons[i].Sub[:min(len(m.Buttons[i].Sub), wechat.MaxSubButtons)]
	}
	return s.store.SaveMenuDraft(ctx, account, m, by, s.now().UTC())
}

// LoadMenu reads the menu from WeChat and makes it the draft. An account without a menu
// gets an empty one. Repeating it is safe.
func (s *Service) LoadMenu(ctx context.Context, account, by string) error {
	a, err := s.hub.Account(ctx, account)
	if err != nil {
		return err
	}
	m, err := a.GetMenu(ctx)
	if err != nil && !errors.Is(err, wechat.ErrNoMenu) {
		return err
	}
	if err := s.store.SavePublishedMenu(ctx, account, m, s.now().UTC()); err != nil {
		return err
	}
	return s.store.SaveMenuDraft(ctx, account, m, by, s.now().UTC())
}

// PublishMenu keeps the draft and gives it to WeChat. ErrMenuWrong when it has problems;
// WeChat's refusals come as they are. Repeating it is safe.
func (s *Service) PublishMenu(ctx context.Context, account string, m wechat.Menu, by string) error {
	if err := s.SaveMenu(ctx, account, m, by); err != nil {
		return err
	}
	if m.Validate() != nil {
		return ErrMenuWrong
	}
	a, err := s.hub.Account(ctx, account)
	if err != nil {
		return err
	}
	if err := a.CreateMenu(ctx, m); err != nil {
		return err
	}
	return s.store.SavePublishedMenu(ctx, account, m, s.now().UTC())
}

// DeleteMenu takes the menu away at WeChat; the draft stays. Repeating it is safe.
func (s *Service) DeleteMenu(ctx context.Context, account string) error {
	a, err := s.hub.Account(ctx, account)
	if err != nil {
		return err
	}
	if err := a.DeleteMenu(ctx); err != nil {
		return err
	}
	return s.store.SavePublishedMenu(ctx, account, wechat.Menu{}, s.now().UTC())
}
