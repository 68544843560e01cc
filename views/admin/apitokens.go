package admin

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/layout"
	"kaquan/views/ui"
)

// APITokens is the page about the programs that may call.
type APITokens struct {
	Page     layout.Page
	Tokens   []people.APIToken
	Accounts []ui.Option // the official accounts
	Created  *CreatedAPIToken
	Form     NewAPIToken
	Errors   ui.Errors
	Address  string // of the API
	Host     string // that may always be signed for
	Now      time.Time
	Zone     *time.Location
}

// CreatedAPIToken is shown once, right after it was made.
type CreatedAPIToken struct{ Name, Text string }

// NewAPIToken is the form as it was typed.
type NewAPIToken struct {
	Name     string
	Scopes   []people.Scope
	Accounts []string
	IPs      string
	Origins  string
	Hosts    string
	Rate     string
	Days     string
}

const apiPath = "/admin/api"

func revokePath(t *people.APIToken) string { return apiPath + "/" + url.PathEscape(t.ID) + "/revoke" }

func revokeID(t *people.APIToken) string { return "revoke-" + t.ID }

var apiColour = map[string]string{people.APIActive: "status-green", people.APIExpired: "status-orange", people.APIRevoked: "status-secondary"}

// limits are what a token is held to besides its scopes, one line each.
func (m *APITokens) limits(ctx context.Context, t *people.APIToken) []string {
	var lines []string
	add := func(key string, items []string) {
		if len(items) > 0 {
			lines = append(lines, i18n.T(ctx, "api.limit."+key, "list", strings.Join(items, ", ")))
		}
	}
	var accounts, ips []string
	for _, id := range t.Accounts {
		accounts = append(accounts, m.accountName(id))
	}
	for _, p := range t.IPs {
		ips = append(ips, strings.TrimSuffix(strings.TrimSuffix(p.String(), "/32"), "/128"))
	}
	add("accounts", accounts)
	add("ips", ips)
	add("origins", t.Origins)
	add("hosts", t.Hosts)
	return lines
}

func (m *APITokens) accountName(id string) string {
	for _, o := range m.Accounts {
		if o.Value == id {
			return o.Label
		}
	}
	return id
}

func (m *APITokens) text(ctx context.Context, name, value string) ui.Input {
	return ui.Input{
		Name: name, Label: i18n.T(ctx, "api.new."+name), Hint: i18n.T(ctx, "api.new."+name+"_hint", "host", m.Host), Value: value,
		Errors: m.Errors.Of(name), Autocomplete: "off", Attrs: map[string]any{"spellcheck": "false"},
	}
}

func (m *APITokens) name(ctx context.Context) ui.Input {
	in := m.text(ctx, "name", m.Form.Name)
	in.Required, in.Max = true, 60
	return in
}

func (m *APITokens) lines(ctx context.Context, name, value, example string) ui.Input {
	in := m.text(ctx, name, value)
	in.Type, in.Rows, in.Placeholder = "textarea", 2, example
	return in
}

func (m *APITokens) rate(ctx context.Context) ui.Input {
	in := m.text(ctx, "rate", m.Form.Rate)
	in.Type, in.Required, in.Attrs = "number", true, map[string]any{"min": "1", "max": "100000", "inputmode": "numeric"}
	return in
}

func (m *APITokens) life(ctx context.Context) ui.Input {
	in := m.text(ctx, "life", m.Form.Days)
	in.Type = "select"
	for _, days := range []string{"30", "90", "365", "0"} {
		in.Options = append(in.Options, ui.Option{Value: days, Label: i18n.T(ctx, "api.new.life_"+days)})
	}
	return in
}

// site is where the installation's own pages are.
func (m *APITokens) site() string { return strings.TrimSuffix(m.Address, "/api/v1") }

func (m *APITokens) has(c people.Scope) bool { return slices.Contains(m.Form.Scopes, c) }

// folded reports whether the limits may stay closed: nothing is typed or wrong there.
func (m *APITokens) folded() bool {
	f := m.Form
	wrong := len(m.Errors.Of("ips")) + len(m.Errors.Of("rate")) + len(m.Errors.Of("life")) + len(m.Errors.Of("accounts"))
	return f.IPs == "" && len(f.Accounts) == 0 && wrong == 0
}
