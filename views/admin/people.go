package admin

import (
	"context"
	"net/url"
	"time"

	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/layout"
	"kaquan/views/ui"
)

// The addresses of the people of the admin, and of everybody's own account.
const (
	PeoplePath = "/admin/people"
	MePath     = "/admin/me"
)

// PersonPath is the page of one person.
func PersonPath(id people.ID) string { return PeoplePath + "/" + url.PathEscape(string(id)) }

// Team is the page about everybody who may sign in.
type Team struct {
	Page    layout.Page
	Members []people.Member
	Invited *SentLink // nil = nobody was invited right now
	Form    NewMember
	Errors  ui.Errors
	Zone    *time.Location
}

// NewMember is the invitation as it was typed.
type NewMember struct {
	Name, Login string
	Role        people.Role
}

// SentLink is a link to set a password. It is shown once, right after it was made.
type SentLink struct {
	Name, Address string
	Invitation    bool // else it resets
}

func (l *SentLink) words(ctx context.Context) string {
	if l.Invitation {
		return i18n.T(ctx, "people.link.invite_words", "hours", int(people.InvitationLife/time.Hour))
	}
	return i18n.T(ctx, "people.link.reset_words", "hours", int(people.ResetLife/time.Hour))
}

// Colleague is the page about one person.
type Colleague struct {
	Page   layout.Page
	Member people.Member
	Self   bool // it is whoever looks
	Link   *SentLink
	Zone   *time.Location
}

func (m *Colleague) path(action string) string { return PersonPath(m.Member.ID) + "/" + action }

func (m *Team) field(ctx context.Context, name, value string) ui.Input {
	return ui.Input{
		Name: name, Label: i18n.T(ctx, "people.invite."+name), Hint: i18n.T(ctx, "people.invite."+name+"_hint"), Value: value,
		Errors: m.Errors.Of(name), Autocomplete: "off", Attrs: map[string]any{"spellcheck": "false", "autocapitalize": "none"},
	}
}

func (m *Team) name(ctx context.Context) ui.Input {
	in := m.field(ctx, "name", m.Form.Name)
	in.Max = people.MaxName
	return in
}

func (m *Team) login(ctx context.Context) ui.Input {
	in := m.field(ctx, "login", m.Form.Login)
	in.Required = true
	return in
}

func (m *Team) role(ctx context.Context) ui.Input {
	in := m.field(ctx, "role", string(m.Form.Role))
	in.Type, in.Required, in.Options = "select", true, peopleRoles(ctx)
	return in
}

func (m *Colleague) role(ctx context.Context) ui.Input {
	return ui.Input{
		Name: "role", Type: "select", Label: i18n.T(ctx, "people.invite.role"), Value: string(m.Member.Role), Options: peopleRoles(ctx),
		Hint: i18n.T(ctx, "people.role.hint"),
	}
}

func peopleRoles(ctx context.Context) []ui.Option {
	var options []ui.Option
	for _, r := range people.Roles() {
		options = append(options, ui.Option{Value: string(r), Label: i18n.T(ctx, r.Key())})
	}
	return options
}

// standing is the state of a person in a word: invited, lapsed, on or off.
func standing(p *people.Member) string {
	switch {
	case p.Disabled:
		return "off"
	case p.Pending() && p.LinkUntil.IsZero():
		return "lapsed"
	case p.Pending():
		return "invited"
	}
	return "on"
}

var standingColour = map[string]string{"on": "status-green", "off": "status-secondary", "invited": "status-azure", "lapsed": "status-orange"}

// Me is everybody's own account.
type Me struct {
	Page     layout.Page
	Name     string // as it was typed
	Errors   ui.Errors
	TwoStep  people.TwoStep
	Sessions []people.Session
	Session  string // key of the one that looks
	Zone     *time.Location
}

func (m *Me) input(ctx context.Context, name, kind, autocomplete string) ui.Input {
	return ui.Input{
		Name: name, Type: kind, Label: i18n.T(ctx, "people.me."+name), Required: true, Errors: m.Errors.Of(name), Autocomplete: autocomplete,
		Attrs: map[string]any{"autocapitalize": "none", "spellcheck": "false"},
	}
}

func (m *Me) name(ctx context.Context) ui.Input {
	return ui.Input{
		Name: "name", Label: i18n.T(ctx, "people.invite.name"), Hint: i18n.T(ctx, "people.invite.name_hint"), Value: m.Name, Max: people.MaxName,
		Errors: m.Errors.Of("name"), Autocomplete: "name",
	}
}

func (m *Me) password(ctx context.Context) ui.Input {
	in := m.input(ctx, "password", "password", "new-password")
	in.Hint = i18n.T(ctx, "people.me.password_hint", "min", people.MinPassword)
	return in
}

// Enrolment is the page that turns two-step sign-in on.
type Enrolment struct {
	Page   layout.Page
	QR     ui.QR
	Secret string // in groups of four
	Errors ui.Errors
}

// Recovered is the page with the recovery codes, right after they were made.
type Recovered struct {
	Page  layout.Page
	Codes []string
}

func codeInput(ctx context.Context, errors []string, hint string) ui.Input {
	return ui.Input{
		Name: "code", Label: i18n.T(ctx, "people.code"), Hint: hint, Required: true, Errors: errors, Autocomplete: "one-time-code",
		Attrs: map[string]any{"autofocus": true, "autocapitalize": "characters", "spellcheck": "false", "maxlength": "40"},
	}
}
