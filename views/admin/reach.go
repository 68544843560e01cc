package admin

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"kaquan/i18n"
	"kaquan/reach"
	"kaquan/views/layout"
	"kaquan/views/ui"
	"kaquan/wechat"
)

const (
	reachPath  = "/admin/reach"
	rulesPath  = reachPath + "/rules"
	menuPath   = reachPath + "/menu"
	scenesPath = reachPath + "/scenes"
	cardsPath  = "/admin/cards"
)

// Reach is what the pages about one official account's chat have in common.
type Reach struct {
	Page     layout.Page
	Account  string // its id; "" when there is none yet
	Accounts []ui.Option
	CanWrite bool
	Zone     *time.Location
	Now      time.Time
}

// at is a path for the account of the page.
func (m *Reach) at(path string) string { return path + "?account=" + url.QueryEscape(m.Account) }

// Rules is the list of rules.
type Rules struct {
	Reach
	Rules     []reach.Rule
	Campaigns map[int64]string // names by id, of those that visitors can open
}

func (m *Rules) rulePath(r *reach.Rule) string {
	return rulesPath + "/" + strconv.FormatInt(r.ID, 10)
}

// silent says why a rule cannot answer now, "" when it can.
func (m *Rules) silent(ctx context.Context, r *reach.Rule) string {
	switch {
	case r.Kind == reach.SayPicture && (r.Media.ID == "" || !m.Now.Before(r.Media.EndsAt())):
		return i18n.T(ctx, "reach.silent.picture")
	case r.Campaign != 0 && m.Campaigns[r.Campaign] == "" && (r.Kind == reach.SayCampaign || strings.Contains(r.Text, reach.LinkMark)):
		return i18n.T(ctx, "reach.silent.campaign")
	}
	return ""
}

// saying is a rule's answer in a line.
func (m *Rules) saying(ctx context.Context, r *reach.Rule) string {
	switch r.Kind {
	case reach.SayPicture:
		return i18n.T(ctx, "reach.kind.picture")
	case reach.SayCampaign:
		if name := m.Campaigns[r.Campaign]; name != "" {
			return name
		}
		return i18n.T(ctx, "reach.kind.campaign")
	}
	if text := []rune(r.Text); len(text) > 60 {
		return string(text[:60]) + "…"
	}
	return r.Text
}

// RuleForm is the editor of a rule as somebody typed it.
type RuleForm struct {
	Reach
	ID int64 // 0 for a new one

	Name, Trigger, Words, Kind, Text, Campaign, Channel, Title, Detail, Image, Priority, Picture string

	Contains, Enabled bool
	Campaigns         []ui.Option
	Errors            ui.Errors
}

// Fields are the text fields by their names in the form.
func (f *RuleForm) Fields() map[string]*string {
	return map[string]*string{
		"name": &f.Name, "trigger": &f.Trigger, "words": &f.Words, "kind": &f.Kind, "text": &f.Text, "campaign": &f.Campaign,
		"channel": &f.Channel, "title": &f.Title, "detail": &f.Detail, "image": &f.Image, "priority": &f.Priority, "picture_id": &f.Picture,
	}
}

func (f *RuleForm) action() string {
	if f.ID == 0 {
		return f.at(rulesPath + "/new")
	}
	return f.at(rulesPath + "/" + strconv.FormatInt(f.ID, 10))
}

func (f *RuleForm) input(ctx context.Context, in ui.Input) ui.Input {
	in.Label, in.Errors = i18n.T(ctx, "reach.field."+in.Name), f.Errors.Of(in.Name)
	if value, ok := f.Fields()[in.Name]; ok {
		in.Value = *value
	}
	return in
}

func (f *RuleForm) picturePath() string {
	if id, err := strconv.ParseInt(f.Picture, 10, 64); err == nil && id > 0 {
		return f.at(reachPath + "/pictures/" + strconv.FormatInt(id, 10))
	}
	return ""
}

func triggerOptions(ctx context.Context) []ui.Option {
	return words(ctx, "reach.trigger.", reach.Triggers)
}

func kindsOfAnswer(ctx context.Context) []ui.Option { return words(ctx, "reach.kind.", reach.Kinds) }

func words[T ~string](ctx context.Context, prefix string, values []T) []ui.Option {
	options := make([]ui.Option, 0, len(values))
	for _, v := range values {
		options = append(options, ui.Option{Value: string(v), Label: i18n.T(ctx, prefix+string(v))})
	}
	return options
}

// plain keeps phones from changing what is typed.
var plain = templ.Attributes{"autocapitalize": "none", "spellcheck": "false"}

// MenuEditor is the menu as somebody arranges it.
type MenuEditor struct {
	Reach
	Menu     wechat.Menu
	State    reach.MenuState
	Problems []reach.MenuProblem
}

// ButtonField is the name of an input of a button; sub is -1 for one of the bar.
func ButtonField(top, sub int, part string) string {
	place := strconv.Itoa(top)
	if sub >= 0 {
		place += "-" + strconv.Itoa(sub)
	}
	return "b[" + place + "][" + part + "]"
}

func menuOp(verb string, top, sub int) string {
	op := verb + "-" + strconv.Itoa(top)
	if sub >= 0 {
		op += "-" + strconv.Itoa(sub)
	}
	return op
}

// ButtonTypes are those of the editor, in its order.
var ButtonTypes = []wechat.ButtonType{
	wechat.ButtonView, wechat.ButtonClick, wechat.ButtonMiniProgram, wechat.ButtonScanPush, wechat.ButtonScanWait, wechat.ButtonCamera,
	wechat.ButtonPhoto, wechat.ButtonAlbum, wechat.ButtonLocation, wechat.ButtonMedia, wechat.ButtonArticle, wechat.ButtonArticleView,
}

func typeOptions(ctx context.Context, is wechat.ButtonType) []ui.Option {
	options := words(ctx, "reach.button.", ButtonTypes)
	if is != "" && !slices.Contains(ButtonTypes, is) {
		options = append(options, ui.Option{Value: string(is), Label: string(is)})
	}
	return options
}

// part is an input of a button with the message about it.
func (m *MenuEditor) part(ctx context.Context, b *wechat.Button, top, sub int, name string, in ui.Input) ui.Input {
	value := map[string]string{
		"name": b.Name, "type": string(b.Type), "key": b.Key, "url": b.URL, "appid": string(b.AppID), "pagepath": b.PagePath,
		"media_id": b.MediaID, "article_id": b.ArticleID,
	}
	in.Name, in.Value, in.Label = ButtonField(top, sub, name), value[name], i18n.T(ctx, "reach.menu.field."+name)
	for _, p := range m.Problems {
		if p.Top == top && p.Sub == sub && p.Field == name {
			in.Errors = append(in.Errors, menuProblem(ctx, p))
		}
	}
	return in
}

// wrong are the messages about a button, or the menu, as a whole.
func (m *MenuEditor) wrong(ctx context.Context, top, sub int) []string {
	var list []string
	for _, p := range m.Problems {
		if p.Top == top && p.Sub == sub && (p.Field == "" || p.Field == "sub_button") {
			list = append(list, menuProblem(ctx, p))
		}
	}
	return list
}

func menuProblem(ctx context.Context, p reach.MenuProblem) string {
	switch {
	case p.Top < 0:
		return i18n.T(ctx, "reach.menu.error.empty")
	case p.Field == "name" && p.Sub < 0:
		return i18n.T(ctx, "reach.menu.error.name", "max", wechat.MaxTopName)
	case p.Field == "name":
		return i18n.T(ctx, "reach.menu.error.name", "max", wechat.MaxSubName)
	case p.Field == "key":
		return i18n.T(ctx, "reach.menu.error.key", "max", wechat.MaxButtonKey)
	case p.Field == "url":
		return i18n.T(ctx, "reach.menu.error.url", "max", wechat.MaxButtonURL)
	case slices.Contains([]string{"type", "appid", "pagepath", "media_id", "article_id"}, p.Field):
		return i18n.T(ctx, "reach.menu.error."+p.Field)
	}
	return i18n.T(ctx, "reach.menu.error.buttons", "max", wechat.MaxSubButtons)
}

// changes are what publishing would change, in sentences.
func (m *MenuEditor) changes(ctx context.Context) []string {
	var list []string
	for _, c := range reach.MenuChanges(m.State.Published, m.Menu) {
		place := strconv.Itoa(c.Top + 1)
		if c.Sub >= 0 {
			place += "." + strconv.Itoa(c.Sub+1)
		}
		switch {
		case c.Was == nil:
			list = append(list, i18n.T(ctx, "reach.menu.added", "place", place, "name", c.Is.Name))
		case c.Is == nil:
			list = append(list, i18n.T(ctx, "reach.menu.removed", "place", place, "name", c.Was.Name))
		case c.Was.Name != c.Is.Name:
			list = append(list, i18n.T(ctx, "reach.menu.renamed", "place", place, "name", c.Was.Name, "to", c.Is.Name))
		default:
			list = append(list, i18n.T(ctx, "reach.menu.changed", "place", place, "name", c.Is.Name))
		}
	}
	return list
}

// Scenes is the list of scene codes and the form for another one.
type Scenes struct {
	Reach
	Scenes   []reach.Scene
	Pictures map[string]string // addresses at WeChat by scene
	Draft    reach.SceneDraft
	Errors   ui.Errors
}

func (m *Scenes) input(ctx context.Context, in ui.Input) ui.Input {
	in.Label, in.Errors = i18n.T(ctx, "reach.scene.field."+in.Name), m.Errors.Of(in.Name)
	return in
}

func lifeOptions(ctx context.Context) []ui.Option {
	return []ui.Option{{Value: "", Label: i18n.T(ctx, "reach.scene.temporary")}, {Value: "1", Label: i18n.T(ctx, "reach.scene.permanent")}}
}
