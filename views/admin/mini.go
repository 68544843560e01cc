package admin

import (
	"context"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/layout"
	"kaquan/views/ui"
)

// MiniForm is what was typed about the mini program of an account. The secret is typed and
// sent, never shown: Saved is its tail.
type MiniForm struct {
	Page        layout.Page
	Account     campaigns.AccountID
	AccountName string
	Known       bool // there is one
	AppID       string
	APIURL      string
	Saved       string
	Server      string // where the mini program sends its requests
	Secure      bool   // phones accept that address
	Errors      ui.Errors
}

func miniPath(id campaigns.AccountID) string { return accountPath(id) + "/mini" }

func (m *MiniForm) field(ctx context.Context, name, value string) ui.Input {
	return ui.Input{
		Name: name, Label: i18n.T(ctx, "mini.settings."+name), Hint: i18n.T(ctx, "mini.settings."+name+".hint"), Value: value,
		Errors: m.Errors.Of(name), Autocomplete: "off", Attrs: map[string]any{"spellcheck": "false"},
	}
}

func (m *MiniForm) appID(ctx context.Context) ui.Input {
	in := m.field(ctx, "app_id", m.AppID)
	in.Required, in.Placeholder = true, "wx…"
	return in
}

func (m *MiniForm) secret(ctx context.Context) ui.Input {
	in := m.field(ctx, "secret", "")
	in.Type, in.Autocomplete, in.Required = "password", "new-password", m.Saved == ""
	if m.Saved != "" {
		in.Placeholder = i18n.T(ctx, "accounts.saved", "tail", m.Saved)
		in.Hint = i18n.T(ctx, "accounts.keep", "hint", in.Hint)
	}
	return in
}

func (m *MiniForm) address(ctx context.Context) ui.Input {
	in := m.field(ctx, "api_url", m.APIURL)
	in.Type, in.Placeholder = "url", "https://api.weixin.qq.com"
	return in
}
