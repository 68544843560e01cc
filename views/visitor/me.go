package visitor

import (
	"context"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/ui"
	"kaquan/wechat"
)

// The states of the profile page that the claim page has not.
const (
	MeAsk    State = "me_ask"    // nobody is identified, or identified without a profile
	MeShown  State = "me"        // everything that is stored
	MeErased State = "me_erased" // nothing is stored any more
	MeWhich  State = "me_which"  // several official accounts, none named
)

// EraseWords confirm the erasure, whatever the language of the page.
var EraseWords = []string{"删除", "DELETE"}

// Me is everything the profile page shows.
type Me struct {
	State       State
	Account     campaigns.AccountID
	Brand       string              // the official account's name
	Profile     *campaigns.Profile  // nil for strangers
	Others      []campaigns.Account // to choose from, in MeWhich
	CSRF        string
	Notice      string // a sentence above the rest
	EraseError  string // at the field of the confirmation
	SupportCode string
	Link        string // this page's address, for QR codes
}

// path of the page, with the account.
func (m Me) path() string { return address("/w/me", "a", string(m.Account)) }

func (m Me) action(name string) string { return address("/w/me/"+name, "a", string(m.Account)) }

// login asks WeChat for the profile; plain for the identity alone.
func (m Me) login() string { return address("/w/oauth", "me", "1", "a", string(m.Account)) }

func (m Me) plain() string {
	return address("/w/oauth", "me", "1", "a", string(m.Account), "plain", "1")
}

// asks reports whether the question for the profile stands on the page.
func (m Me) asks() bool {
	switch m.State {
	case MeAsk, AuthDenied, AuthFailed:
		return m.Profile == nil || m.Profile.Consent() == nil
	}
	return false
}

func (m Me) role() string {
	if m.State == AuthDenied || m.State == AuthFailed || m.State == NotFound {
		return "alert"
	}
	return "status"
}

// hero reports whether the head of the page is the person and not a sentence.
func (m Me) hero() bool { return m.Profile != nil && (m.State == MeShown || m.State == MeAsk) }

func (m Me) mainClass() string {
	class := "kq-main kq-me"
	switch {
	case m.asks() && m.Profile == nil:
		class += " kq-main_second"
	case m.State == MeErased:
		class += " kq-main_bar"
	}
	return class
}

func (m Me) words(ctx context.Context) (title, body string) {
	key := "profile.state." + string(m.State)
	return i18n.T(ctx, key+".title"), i18n.T(ctx, key+".body", "brand", m.Brand)
}

// nameless is the name that WeChat gives instead of a person's own.
const nameless = "微信用户"

func (m Me) name(ctx context.Context) string {
	if m.Profile.Nickname == "" {
		return i18n.T(ctx, "profile.nameless")
	}
	return m.Profile.Nickname
}

func (m Me) named() bool { return m.Profile.Nickname != "" && m.Profile.Nickname != nameless }

// line is one stored datum; empty ones are told as not given.
type line struct{ Label, Value string }

func (m Me) lines(ctx context.Context) []line {
	p := m.Profile
	given := func(text string) string {
		if text == "" {
			return ""
		}
		return i18n.T(ctx, "profile.given")
	}
	sex := ""
	if p.Sex == 1 || p.Sex == 2 {
		sex = i18n.T(ctx, "profile.sex."+[]string{"", "male", "female"}[p.Sex])
	}
	return []line{
		{i18n.T(ctx, "profile.nickname"), p.Nickname},
		{i18n.T(ctx, "profile.avatar"), given(p.Avatar)},
		{i18n.T(ctx, "profile.region"), p.Region},
		{i18n.T(ctx, "profile.sex"), sex},
		{i18n.T(ctx, "profile.openid"), wechat.Mask(string(p.OpenID))},
		{i18n.T(ctx, "profile.unionid"), wechat.Mask(p.UnionID)},
		{i18n.T(ctx, "profile.first_seen"), moment(ctx, p.FirstSeen, nil)},
	}
}

func moment(ctx context.Context, t time.Time, zone *time.Location) string {
	if zone == nil {
		zone = campaigns.Shanghai()
	}
	return i18n.DateTime(ctx, t, zone)
}

// answered are the stored answers of a claim, in the order of its form; answers whose
// question is gone come last under their key.
func answered(ctx context.Context, c campaigns.ProfileClaim) []line {
	var lines []line
	known := map[string]bool{}
	for _, f := range c.Form {
		known[f.Key] = true
		if text, ok := c.Answers[f.Key]; ok && text == "" { // its time was over
			lines = append(lines, line{f.Label, i18n.T(ctx, "retention.gone")})
		} else if ok {
			if f.Kind == campaigns.IDField {
				text = ui.MaskID(text)
			}
			lines = append(lines, line{f.Label, campaigns.AnswerText(f.Kind, text)})
		}
	}
	for key, text := range c.Answers {
		if !known[key] && text != "" {
			lines = append(lines, line{key, text})
		}
	}
	return lines
}

// hiddenCode is a code with its last four digits, for a page that is read over shoulders.
func hiddenCode(code campaigns.CardCode) string {
	if len(code) < 8 {
		return strings.Repeat("•", len(code))
	}
	return "•••• •••• " + string(code[len(code)-4:])
}

func pill(state campaigns.ClaimState) string {
	switch {
	case state == campaigns.Confirmed:
		return "kq-pill kq-pill_good"
	case state.Bucket() == campaigns.SetAside:
		return "kq-pill kq-pill_wait"
	}
	return "kq-pill"
}

func (m Me) data(ctx context.Context, c campaigns.Consent) string {
	var names []string
	for name := range strings.SplitSeq(c.What, ",") {
		if key := "profile." + name; i18n.Has(key) {
			name = i18n.T(ctx, key)
		}
		names = append(names, name)
	}
	and := i18n.T(ctx, "profile.and")
	if i18n.Lang(ctx) == i18n.EN { // only there a blank follows
		and += " "
	}
	return strings.Join(names, and)
}

// agreed reports whether there is any agreement to list.
func (m Me) agreed() bool {
	for _, c := range m.Profile.Claims {
		if c.ConsentText != "" {
			return true
		}
	}
	return len(m.Profile.Consents) > 0
}
