package admin

import (
	"context"
	"net/url"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/layout"
	"kaquan/views/ui"
	"kaquan/wechat"
)

// Accounts is the list of official accounts. Their secrets are never part of a page.
type Accounts struct {
	Page     layout.Page
	Accounts []campaigns.Account
	CanWrite bool
}

// AccountForm is what was typed about one official account. Secrets are typed and sent,
// never shown: Saved says that there is one, with its tail.
type AccountForm struct {
	Page    layout.Page
	New     bool
	Sandbox bool // the program looks after this account: only its name can change
	ID      string
	Name    string
	AppID   string
	Mode    wechat.Mode
	APIURL  string
	OpenURL string
	JSURL   string
	Saved   SavedSecrets
	Push    string // the address for WeChat's messages, "" while there is no account
	Host    string // for the three domain settings at WeChat
	Errors  ui.Errors
}

// SavedSecrets are masked tails, "" for none.
type SavedSecrets struct{ Secret, PushToken, AESKey string }

// SavedOf are the masks of an account's secrets; those of the sandbox show nothing at all.
func SavedOf(c wechat.Credentials) SavedSecrets {
	mask := func(secret string) string {
		if c.Sandbox {
			return ""
		}
		return wechat.Mask(secret)
	}
	return SavedSecrets{mask(c.Secret), mask(c.PushToken), mask(c.AESKey)}
}

const accountsPath = "/admin/accounts"

func accountPath(id campaigns.AccountID) string {
	return accountsPath + "/" + url.PathEscape(string(id))
}

func (m *AccountForm) path() string {
	if m.New {
		return accountsPath + "/new"
	}
	return accountPath(campaigns.AccountID(m.ID))
}

// advanced reports whether the folded part has something to show.
func (m *AccountForm) advanced() bool {
	return m.APIURL != "" || m.OpenURL != "" || m.JSURL != "" || len(m.Errors.Of("api_url"))+len(m.Errors.Of("open_url"))+len(m.Errors.Of("js_url")) > 0
}

func (m *AccountForm) locked(ctx context.Context) string {
	if m.Sandbox {
		return i18n.T(ctx, "accounts.sandbox.locked")
	}
	return ""
}

// secret is a field that can be written and not read.
func (m *AccountForm) secret(ctx context.Context, name, saved string, required bool) ui.Input {
	in := ui.Input{
		Name: name, Type: "password", Label: i18n.T(ctx, "accounts."+name), Hint: i18n.T(ctx, "accounts."+name+".hint"),
		Errors: m.Errors.Of(name), Required: required && saved == "", Autocomplete: "new-password",
		Attrs: map[string]any{"spellcheck": "false"},
	}
	if saved != "" {
		in.Placeholder = i18n.T(ctx, "accounts.saved", "tail", saved)
		in.Hint = i18n.T(ctx, "accounts.keep", "hint", in.Hint)
	}
	return in
}

func (m *AccountForm) text(ctx context.Context, name, value string) ui.Input {
	return ui.Input{
		Name: name, Label: i18n.T(ctx, "accounts."+name), Hint: i18n.T(ctx, "accounts."+name+".hint"), Value: value,
		Errors: m.Errors.Of(name), Autocomplete: "off", Attrs: map[string]any{"spellcheck": "false"},
	}
}

func (m *AccountForm) id(ctx context.Context) ui.Input {
	in := m.text(ctx, "id", m.ID)
	in.Required = true
	if !m.New {
		in.Locked = i18n.T(ctx, "accounts.id.locked")
	}
	return in
}

func (m *AccountForm) name(ctx context.Context) ui.Input {
	in := m.text(ctx, "name", m.Name)
	in.Required, in.Max = true, 40
	return in
}

func (m *AccountForm) appID(ctx context.Context) ui.Input {
	in := m.text(ctx, "app_id", m.AppID)
	in.Required, in.Locked, in.Placeholder = true, m.locked(ctx), "wx…"
	return in
}

func (m *AccountForm) mode(ctx context.Context) ui.Input {
	in := m.text(ctx, "mode", string(m.Mode))
	in.Type, in.Locked = "select", m.locked(ctx)
	for _, mode := range []wechat.Mode{wechat.Stable, wechat.Classic} {
		in.Options = append(in.Options, ui.Option{Value: string(mode), Label: i18n.T(ctx, "accounts.mode."+string(mode))})
	}
	return in
}

func (m *AccountForm) address(ctx context.Context, name, value, usual string) ui.Input {
	in := m.text(ctx, name, value)
	in.Type, in.Placeholder = "url", usual
	return in
}
