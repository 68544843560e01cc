package admin

import (
	"context"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/orders"
	"kaquan/views/layout"
	"kaquan/views/ui"
)

// PayPath is the address of an account's WeChat Pay settings.
func PayPath(id campaigns.AccountID) string { return accountPath(id) + "/pay" }

// PayForm is what was typed about the merchant of an account. Keys are typed and sent, never
// shown: Saved says that there are some.
type PayForm struct {
	Page        layout.Page
	Account     campaigns.AccountID
	AccountName string
	Known       bool
	Typed       orders.Merchant
	Saved       PaySaved
	Notify      string // the address of notifications
	Directory   string // of the pages that open the payment dialog
	Zone        *time.Location
	Errors      ui.Errors
	Checked     bool
	Findings    []PayFinding
	Notices     []PayNotices
}

// PaySaved are masked tails and what there is; "" and zero for none.
type PaySaved struct {
	V2Key, V3Key string
	PrivateKey   bool
	Certificate  bool
	CertUntil    time.Time
}

// PayFinding is what an examination says about one setting.
type PayFinding struct {
	Item, Problem string // keys of words
	Code          string // of WeChat's refusal
	Serial        string
	Until         time.Time // of a certificate
	OK            bool      // works now
}

// PayNotices counts the notifications with one result.
type PayNotices struct {
	Result string
	Count  int
}

// bad is how many findings want something done.
func (m *PayForm) bad() int {
	n := 0
	for _, f := range m.Findings {
		if f.Problem != "" {
			n++
		}
	}
	return n
}

// payItem is the name of a setting.
func payItem(ctx context.Context, item string) string {
	switch item {
	case "call", "serial_no":
		return i18n.T(ctx, "pay.settings.item."+item)
	}
	return i18n.T(ctx, "pay.settings."+item)
}

// PayProblem is a finding in words.
func PayProblem(ctx context.Context, problem, code string) string {
	if problem == "" {
		problem = "none"
	}
	words := i18n.T(ctx, "pay.settings.problem."+problem)
	if code != "" {
		return i18n.T(ctx, "pay.settings.problem_code", "words", words, "code", code)
	}
	return words
}

// PayItemProblem names the setting and what is wrong with it.
func PayItemProblem(ctx context.Context, item, problem string) string {
	return payItem(ctx, item) + " · " + PayProblem(ctx, problem, "")
}

func (m *PayForm) field(ctx context.Context, name, value string) ui.Input {
	return ui.Input{
		Name: name, Label: i18n.T(ctx, "pay.settings."+name), Hint: i18n.T(ctx, "pay.settings."+name+".hint"), Value: value,
		Errors: m.Errors.Of(name), Autocomplete: "off", Attrs: map[string]any{"spellcheck": "false"},
	}
}

func (m *PayForm) required(ctx context.Context, name, value string) ui.Input {
	in := m.field(ctx, name, value)
	in.Required = true
	return in
}

func (m *PayForm) choice(ctx context.Context, name, value string, values ...string) ui.Input {
	in := m.field(ctx, name, value)
	in.Type, in.Attrs = "select", nil
	for _, v := range values {
		in.Options = append(in.Options, ui.Option{Value: v, Label: v})
	}
	return in
}

// secret is a field whose value is never shown.
func (m *PayForm) secret(ctx context.Context, name, tail string) ui.Input {
	in := m.field(ctx, name, "")
	in.Type, in.Autocomplete = "password", "new-password"
	if tail != "" {
		in.Placeholder = i18n.T(ctx, "pay.settings.set_tail", "tail", tail)
		in.Hint = i18n.T(ctx, "pay.settings.keep", "hint", in.Hint)
	}
	return in
}

// pem is a text of several lines. saved says what is stored of one that is not shown.
func (m *PayForm) pem(ctx context.Context, name, value, saved string) ui.Input {
	in := m.field(ctx, name, value)
	in.Type, in.Rows = "textarea", 3
	if saved != "" {
		in.Placeholder = saved
		in.Hint = i18n.T(ctx, "pay.settings.keep", "hint", in.Hint)
	}
	return in
}

func (m *PayForm) savedKey(ctx context.Context) string {
	if !m.Saved.PrivateKey {
		return ""
	}
	return i18n.T(ctx, "pay.settings.set")
}

func (m *PayForm) savedCertificate(ctx context.Context) string {
	switch {
	case !m.Saved.Certificate:
		return ""
	case m.Saved.CertUntil.IsZero():
		return i18n.T(ctx, "pay.settings.set")
	}
	return i18n.T(ctx, "pay.settings.set_until", "day", i18n.Date(ctx, m.Saved.CertUntil, m.Zone))
}

func (m *PayForm) apps() string { return strings.Join(m.Typed.AppIDs, "\n") }

func payApps(_ *PayForm, in ui.Input) ui.Input {
	in.Type, in.Rows = "textarea", 2
	return in
}

func findingIcon(f PayFinding) string {
	switch {
	case f.Problem == "":
		return "check"
	case f.OK:
		return "info"
	}
	return "alert"
}

func findingClass(f PayFinding) string {
	switch {
	case f.Problem == "":
		return "text-success"
	case f.OK:
		return "text-warning"
	}
	return "text-danger"
}
