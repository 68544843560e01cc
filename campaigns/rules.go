package campaigns

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/width"

	"kaquan/fault"
)

// Rules say who may claim and how the stock is let out. The zero value lets everybody
// claim while there is stock.
type Rules struct {
	DayTotal      int64      `json:"day_total,omitzero"`      // claims from one release to the next; 0 = no share
	ReleaseMinute int        `json:"release_minute,omitzero"` // of the day in the campaign's zone, when the next share opens
	LowStock      LowStock   `json:"low_stock,omitzero"`
	Followers     bool       `json:"followers,omitzero"`  // only people who follow the account
	AllowList     ListID     `json:"allow_list,omitzero"` // only who is on it; "" = everybody
	BlockList     ListID     `json:"block_list,omitzero"` // nobody who is on it; "" = nobody is
	Once          []string   `json:"once,omitempty"`      // OncePhone, OncePlate: each answer claims once
	Channels      []string   `json:"channels,omitempty"`  // only through these; none = any
	Invitation    Invitation `json:"invitation,omitzero"`
	Pool          PoolID     `json:"pool,omitzero"` // of a campaign that hands out a CodePool
}

// What Rules.Once may hold.
const (
	OncePhone = "phone"
	OncePlate = "plate"
)

// OnceKinds lists them in the order in which the editor offers them.
var OnceKinds = []string{OncePhone, OncePlate}

// onceField is the kind of question whose answer claims once.
func onceField(kind string) FieldKind {
	if kind == OncePlate {
		return PlateField
	}
	return MobileField
}

// LowStock says what happens when few cards are left.
type LowStock struct {
	Percent  int         `json:"percent,omitzero"` // of the total; below it the reaction follows; 0 = never
	Reaction LowReaction `json:"reaction,omitzero"`
}

// LowReaction is what follows when the stock is low.
type LowReaction string

// The reactions.
const (
	LowRemind LowReaction = "remind"
	LowPause  LowReaction = "pause"
)

// Crossed reports whether the stock is below the mark.
func (l LowStock) Crossed(s Stock) bool {
	return l.Percent > 0 && s.Left()*100 < s.Total*int64(l.Percent)
}

// InvitationMode is how a campaign asks for an invitation.
type InvitationMode string

// The modes. A shared code is the same for everybody, those of a list work once each.
const (
	NoInvitation     InvitationMode = ""
	SharedInvitation InvitationMode = "shared"
	ListInvitation   InvitationMode = "list"
)

// Invitation is the code that a visitor must know.
type Invitation struct {
	Mode InvitationMode `json:"mode,omitzero"`
	Code string         `json:"code,omitzero"` // for SharedInvitation, as NormalInvitation gives it
	List ListID         `json:"list,omitzero"` // for ListInvitation, a list of ListCode
}

var invitationPattern = regexp.MustCompile(`^[0-9A-Z-]{2,32}$`)

// NormalInvitation is an invitation code as it is compared: capital letters, no blanks,
// and reports whether it can be one.
func NormalInvitation(text string) (string, bool) {
	text = strings.ToUpper(strings.Join(strings.Fields(width.Narrow.String(text)), ""))
	return text, invitationPattern.MatchString(text)
}

const (
	dayMinutes      = 24 * 60
	maxRuleChannels = 200
)

// problems checks the rules by themselves, each problem on its field: day_total,
// release_at, low_percent, low_reaction, once, channels, invitation, invitation_code,
// invitation_list.
func (r *Rules) problems() fault.List {
	var problems fault.List
	bad := func(field, key string, args ...any) {
		problems = append(problems, fault.New(fault.Invalid, key, args...).On(field))
	}
	if r.DayTotal < 0 || r.DayTotal > MaxTotal {
		bad("day_total", "campaign.error.range", "min", 0, "max", MaxTotal)
	}
	if r.ReleaseMinute < 0 || r.ReleaseMinute >= dayMinutes {
		bad("release_at", "rules.error.release")
	}
	if r.LowStock.Percent < 0 || r.LowStock.Percent > 90 {
		bad("low_percent", "campaign.error.range", "min", 0, "max", 90)
	}
	if r.LowStock.Percent > 0 && r.LowStock.Reaction != LowRemind && r.LowStock.Reaction != LowPause {
		bad("low_reaction", "rules.error.choose")
	}
	for _, kind := range r.Once {
		if !slices.Contains(OnceKinds, kind) {
			bad("once", "rules.error.choose")
		}
	}
	if len(r.Channels) > maxRuleChannels {
		bad("channels", "rules.error.many_channels", "max", maxRuleChannels)
	}
	for _, code := range r.Channels {
		if !channelPattern.MatchString(code) {
			bad("channels", "rules.error.channel", "code", shorten(code, 40))
		}
	}
	if r.AllowList != "" && r.AllowList == r.BlockList {
		bad("block_list", "rules.error.both_lists")
	}
	switch i := r.Invitation; i.Mode {
	case NoInvitation:
	case SharedInvitation:
		if normal, ok := NormalInvitation(i.Code); !ok || normal != i.Code {
			bad("invitation_code", "rules.error.invitation_code")
		}
	case ListInvitation:
		if i.List == "" {
			bad("invitation_list", "rules.error.choose")
		}
	default:
		bad("invitation", "rules.error.choose")
	}
	return problems
}

// fit checks the rules against the rest of the draft: a plate can be used once only where
// it is asked for, and a pool belongs to cards that come from one.
func (r *Rules) fit(d *Draft) fault.List {
	var problems fault.List
	for _, kind := range r.Once {
		asked := slices.ContainsFunc(d.Form, func(f Field) bool { return f.Kind == onceField(kind) && f.Required })
		if !asked && slices.Contains(OnceKinds, kind) {
			problems = append(problems, fault.New(fault.Invalid, "rules.error.once_"+kind).On("once"))
		}
	}
	if d.Issuer == CodePool && r.Pool == "" {
		problems = append(problems, fault.New(fault.Invalid, "rules.error.pool").On("pool"))
	}
	if r.DayTotal > d.Total {
		problems = append(problems, fault.New(fault.Invalid, "rules.error.day_over_total", "total", d.Total).On("day_total"))
	}
	return problems
}

// Tidy leaves out what the other settings make meaningless, so that two rules that mean
// the same are the same.
func (r *Rules) Tidy(issuer Issuer) {
	if r.DayTotal == 0 {
		r.ReleaseMinute = 0
	}
	if r.LowStock.Percent == 0 {
		r.LowStock = LowStock{}
	}
	if issuer != CodePool {
		r.Pool = ""
	}
	switch r.Invitation.Mode {
	case SharedInvitation:
		r.Invitation.List = ""
	case ListInvitation:
		r.Invitation.Code = ""
	default:
		r.Invitation = Invitation{Mode: r.Invitation.Mode}
	}
}

// Asks reports whether the visitor has anything to type before claiming.
func (c *Campaign) Asks() bool { return len(c.Form) > 0 || c.Rules.Invitation.Mode != NoInvitation }

// ShowsCode reports whether the card is a code that our page shows, as those of ours and
// those of a pool are.
func (c *Campaign) ShowsCode() bool { return c.Issuer == OwnCode || c.Issuer == CodePool }

// ShareDay names the share of the day that a claim at now takes from: the date in the
// campaign's zone on which it was let out.
func (c *Campaign) ShareDay(now time.Time) string {
	local := now.In(c.Zone)
	if local.Hour()*60+local.Minute() < c.Rules.ReleaseMinute {
		local = local.AddDate(0, 0, -1)
	}
	return local.Format(time.DateOnly)
}

// NextRelease is when the next share of the day opens after now; zero without shares or
// when the campaign is over by then.
func (c *Campaign) NextRelease(now time.Time) time.Time {
	if c.Rules.DayTotal == 0 {
		return time.Time{}
	}
	y, m, d := now.In(c.Zone).Date()
	for day := d; ; day++ {
		next := time.Date(y, m, day, c.Rules.ReleaseMinute/60, c.Rules.ReleaseMinute%60, 0, 0, c.Zone)
		if next.After(now) {
			if !next.Before(c.EndsAt) {
				return time.Time{}
			}
			return next
		}
	}
}

// ReleaseClock is the hour of the release as 10:00.
func (r *Rules) ReleaseClock() string {
	return fmt.Sprintf("%02d:%02d", r.ReleaseMinute/60, r.ReleaseMinute%60)
}

// Conditions are what the rules ask of one new claim. The store checks and takes them in
// the transaction that takes the stock.
type Conditions struct {
	Allow, Block ListID
	Facts        []Fact // what is known of the visitor, for the lists
	DayTotal     int64
	ShareDay     string
	Once         []Fact // of ListPhone and ListPlate
	Invitations  ListID
	Invitation   string
	Pool         PoolID
}

// Fact is something known of a visitor, normalised, that a list may hold.
type Fact struct {
	Kind  ListKind
	Value string
}

// conditions are those of one claim, nil when the rules ask for nothing.
func (c *Campaign) conditions(v Visitor, answers Answers, invitation string, now time.Time) *Conditions {
	r := &c.Rules
	k := &Conditions{Allow: r.AllowList, Block: r.BlockList, DayTotal: r.DayTotal}
	if r.DayTotal > 0 {
		k.ShareDay = c.ShareDay(now)
	}
	if r.AllowList != "" || r.BlockList != "" {
		for _, fact := range []Fact{{ListOpenID, string(v.OpenID)}, {ListUnionID, v.UnionID}} {
			if fact.Value != "" {
				k.Facts = append(k.Facts, fact)
			}
		}
	}
	for _, field := range c.Form {
		value := answers[field.Key]
		var kind ListKind
		switch field.Kind {
		case MobileField:
			kind = ListPhone
		case PlateField:
			kind = ListPlate
		}
		if value == "" || kind == "" {
			continue
		}
		if r.AllowList != "" || r.BlockList != "" {
			k.Facts = append(k.Facts, Fact{kind, value})
		}
		if slices.ContainsFunc(r.Once, func(once string) bool { return onceField(once) == field.Kind }) {
			k.Once = append(k.Once, Fact{kind, value})
		}
	}
	if r.Invitation.Mode == ListInvitation {
		k.Invitations, k.Invitation = r.Invitation.List, invitation
	}
	if c.Issuer == CodePool {
		k.Pool = r.Pool
	}
	if k.Allow == "" && k.Block == "" && k.DayTotal == 0 && len(k.Once) == 0 && k.Invitations == "" && k.Pool == "" {
		return nil
	}
	return k
}

// RulesLook is what preflight knows about the lists, the pool and the channels that the
// rules name.
type RulesLook struct {
	Lists    map[ListID]List // those that exist
	Pool     *Pool           // nil = none, or it does not exist
	Channels map[string]bool // of the campaign, whether they are on
}
