package web

import (
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// handleAPITokens lists the tokens of other programs, with the form for a new one.
func (s *Server) handleAPITokens(c *fiber.Ctx, who *signedIn) error {
	return s.apiTokens(c, who, fiber.StatusOK, &admin.APITokens{Form: admin.NewAPIToken{Scopes: []people.Scope{people.ScopeConfig}, Rate: "50", Days: "365"}})
}

// handleAPITokenNew makes a token. Its text stands in this one answer and nowhere else:
// no address, no cookie and no store has it, so there is no redirect to follow.
func (s *Server) handleAPITokenNew(c *fiber.Ctx, who *signedIn) error {
	form := typedAPIToken(c)
	n, err := newAPIToken(form)
	if err == nil {
		var text string
		var token people.APIToken
		if text, token, err = s.People.CreateAPIToken(c.UserContext(), who.Person, s.clientIP(c), n); err == nil {
			return s.apiTokens(c, who, fiber.StatusOK, &admin.APITokens{
				Created: &admin.CreatedAPIToken{Name: token.Name, Text: text},
				Form:    admin.NewAPIToken{Rate: "50", Days: "365"},
			})
		}
	}
	if fault.CodeOf(err) != fault.Invalid {
		return err
	}
	messages := ui.Errors{}
	for _, e := range fault.All(err) {
		messages.Add(e.Field, i18n.TArgs(c.UserContext(), e.Key, e.Args))
	}
	return s.apiTokens(c, who, fiber.StatusUnprocessableEntity, &admin.APITokens{Form: form, Errors: messages})
}

// handleAPITokenRevoke ends a token at once.
func (s *Server) handleAPITokenRevoke(c *fiber.Ctx, who *signedIn) error {
	if err := s.People.RevokeAPIToken(c.UserContext(), who.Person, s.clientIP(c), c.Params("id")); err != nil {
		return err
	}
	s.flash(c, "success", "api.revoke.done")
	return seeOther(c, "/admin/api")
}

// apiTokens fills in what every form of the page shows.
func (s *Server) apiTokens(c *fiber.Ctx, who *signedIn, status int, m *admin.APITokens) error {
	ctx := c.UserContext()
	var err error
	if m.Tokens, err = s.People.APITokens(ctx); err != nil {
		return err
	}
	accounts, err := s.Accounts.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		m.Accounts = append(m.Accounts, ui.Option{Value: string(a.ID), Label: a.Name})
	}
	m.Page, m.Now, m.Zone = s.page(c, who, "api", "api.title"), s.Now(), campaigns.Shanghai()
	m.Address, m.Host = s.PublicURL+"/api/v1", people.HostOf(s.public)
	return render(c, status, admin.APITokensPage(m))
}

func typedAPIToken(c *fiber.Ctx) admin.NewAPIToken {
	f := admin.NewAPIToken{
		Name: oneLine(c.FormValue("name"), 200), IPs: typedLines(c, "ips"), Origins: typedLines(c, "origins"), Hosts: typedLines(c, "hosts"),
		Rate: oneLine(c.FormValue("rate"), 20), Days: oneLine(c.FormValue("life"), 20),
	}
	for _, v := range c.Request().PostArgs().PeekMulti("scopes") {
		f.Scopes = append(f.Scopes, people.Scope(v))
	}
	for _, v := range c.Request().PostArgs().PeekMulti("accounts") {
		f.Accounts = append(f.Accounts, oneLine(string(v), 40))
	}
	return f
}

// typedLines is a text area that is sent back as it was typed, within reason.
func typedLines(c *fiber.Ctx, name string) string {
	return cutRunes(strings.ToValidUTF8(c.FormValue(name), ""), 20_000)
}

func cutRunes(text string, limit int) string {
	r := []rune(text)
	return string(r[:min(len(r), limit)])
}

// newAPIToken reads the numbers and lists of the form; people checks the rest.
func newAPIToken(f admin.NewAPIToken) (people.NewAPIToken, error) {
	list := func(text string) []string {
		return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;，；", r) })
	}
	n := people.NewAPIToken{Name: f.Name, Scopes: f.Scopes, Accounts: f.Accounts, IPs: list(f.IPs), Origins: list(f.Origins), Hosts: list(f.Hosts)}
	var err error
	if n.Rate, err = strconv.Atoi(f.Rate); err != nil {
		return n, fault.New(fault.Invalid, "api.new.rate_bad", "max", 100_000).On("rate")
	}
	days, err := strconv.Atoi(f.Days)
	if err != nil || days < 0 || days > 3650 {
		return n, fault.New(fault.Invalid, "api.new.life_bad").On("life")
	}
	n.Life = time.Duration(days) * 24 * time.Hour
	return n, nil
}
