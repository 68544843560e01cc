package campaigns

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"kaquan/fault"
	"kaquan/wechat"
)

// CheckLevel says what a check means for publishing.
type CheckLevel string

// The levels. Advice asks for nothing; a warning needs a reason; a block stops publishing.
const (
	CheckOK     CheckLevel = "ok"
	CheckAdvice CheckLevel = "advice"
	CheckWarn   CheckLevel = "warn"
	CheckBlock  CheckLevel = "block"
)

// Check is one line of the preflight. Key and Args are its sentence; a time among the
// arguments is an instant, to be shown in the campaign's zone.
type Check struct {
	Name  string // preflight.check.{name} is its title; for Health it is the doctor's check
	Level CheckLevel
	Key   string
	Args  map[string]any
	Field string // of the editor, where it is put right; "" = elsewhere
	Place Place
}

// Place is where a check is put right when that is not a field of the editor.
type Place string

// The places.
const (
	PlaceEditor  Place = ""
	PlaceHealth  Place = "health"
	PlaceCards   Place = "cards"
	PlacePreview Place = "preview"
	PlacePay     Place = "pay" // the account's WeChat Pay settings
)

// Health is what the doctor last found about the campaign's account.
type Health struct {
	Check string
	Level string // ok, warn, fail or unknown
	Words string // what was found, in the reader's language
}

// CardLook is what WeChat says about the campaign's card.
type CardLook struct {
	Trouble  string // why it could not be asked, in the reader's language; "" = it answered
	Issuable bool
	State    string // in the reader's language
	Left     int64  // cards in stock at WeChat
	Traits   wechat.CardTraits
}

// WorkLook is what somebody typed in the editor that the campaign does not have.
type WorkLook struct {
	At       time.Time // when it was kept
	Problems int       // why it could not be saved; 0 = it can be
	Step     string    // of the editor, where it is put right, in the reader's language
	Field    string    // there
}

// Evidence is what preflight knows from outside the campaign.
type Evidence struct {
	Work   *WorkLook // of the reader's own; nil = there is none
	Card   *CardLook // nil = nobody asked
	Health []Health
	Rules  *RulesLook // nil = nobody looked
	Price  *PriceLook // nil = it is free, or nobody looked
}

const (
	shareAdvised = 18 // characters of a share title that no client cuts
	shortHold    = time.Minute
	longHold     = 30 * time.Minute
	shortRun     = 30 * time.Minute
	longRun      = 366 * 24 * time.Hour
	manyEach     = 10
	minReason    = 3
	maxReason    = 200
)

// Preflight looks at everything that makes a campaign fail in public. The outcome depends
// on its arguments alone. Every check has at least one line, but those of rules that are off
// and of work that there is none of, in the order of the editor.
func Preflight(c *Campaign, now time.Time, e Evidence) []Check {
	var all []Check
	for _, check := range []struct {
		name, field string
		look        func(*findings)
	}{
		{"work", "", func(f *findings) { f.work(e.Work) }},
		{"fields", "", func(f *findings) { f.fields(c) }},
		{"dates", "starts_at", func(f *findings) { f.dates(c, now) }},
		{"stock", "total", func(f *findings) { f.stock(c) }},
		{"limits", "per_person", func(f *findings) { f.limits(c) }},
		{"card", "issuer", func(f *findings) { f.card(c, e.Card) }},
		{"pool", "pool", func(f *findings) { f.pool(c, e.Rules) }},
		{"rules", "followers", func(f *findings) { f.rules(c, e.Rules) }},
		{"price", "price", func(f *findings) { f.price(c, e.Price) }},
		{"consent", "purpose", func(f *findings) { f.consent(c) }},
		{"design", "colour", func(f *findings) { f.design(c) }},
		{"terms", "terms", func(f *findings) { f.terms(c) }},
		{"contact", "contact", func(f *findings) { f.contact(c) }},
		{"share", "share_title", func(f *findings) { f.share(c) }},
	} {
		f := findings{name: check.name, field: check.field}
		check.look(&f)
		if len(f.list) == 0 && !slices.Contains([]string{"work", "pool", "rules", "price"}, check.name) {
			f.add(CheckOK, "ok", check.field)
		}
		all = append(all, f.list...)
	}
	all = append(all, health(c, e.Health)...)
	return append(all, Check{Name: "rehearsal", Level: CheckAdvice, Key: "preflight.rehearsal.advice", Place: PlacePreview})
}

// findings collects the lines of one check.
type findings struct {
	name, field string
	list        []Check
}

func (f *findings) add(level CheckLevel, key, field string, args ...any) *Check {
	line := Check{Name: f.name, Level: level, Key: "preflight." + f.name + "." + key, Field: field, Args: map[string]any{}}
	for i := 0; i+1 < len(args); i += 2 {
		line.Args[args[i].(string)] = args[i+1]
	}
	f.list = append(f.list, line)
	return &f.list[len(f.list)-1]
}

// work reminds of what is typed and not part of what would be published.
func (f *findings) work(w *WorkLook) {
	switch {
	case w == nil:
	case w.Problems > 0:
		f.add(CheckWarn, "invalid", w.Field, "at", w.At, "step", w.Step, "count", w.Problems)
	default:
		f.add(CheckWarn, "unsaved", w.Field, "at", w.At)
	}
}

// fields repeats the editor's own rules: a draft may be older than one of them.
func (f *findings) fields(c *Campaign) {
	d := DraftOf(c)
	for _, problem := range fault.All(d.Check()) {
		f.list = append(f.list, Check{Name: f.name, Level: CheckBlock, Key: problem.Key, Args: problem.Args, Field: problem.Field})
	}
}

func (f *findings) dates(c *Campaign, now time.Time) {
	length := c.EndsAt.Sub(c.StartsAt)
	switch {
	case !c.EndsAt.After(now):
		f.add(CheckBlock, "over", "ends_at", "at", c.EndsAt)
	case length < shortRun:
		f.add(CheckWarn, "short", "ends_at", "minutes", int64(length/time.Minute))
	case length > longRun:
		f.add(CheckWarn, "long", "ends_at", "days", int64(length/(24*time.Hour)))
	}
	if c.StartsAt.After(now.Add(longRun)) {
		f.add(CheckWarn, "far", "starts_at", "at", c.StartsAt)
	}
	if len(f.list) == 0 {
		key := "ok"
		if !c.StartsAt.After(now) {
			key = "now"
		}
		f.add(CheckOK, key, "starts_at", "from", c.StartsAt, "to", c.EndsAt, "zone", c.Zone.String())
	}
}

func (f *findings) stock(c *Campaign) {
	if c.Stock.Left() <= 0 {
		f.add(CheckBlock, "none", "total")
	}
	switch {
	case c.Issuer == WeChatCard && c.Hold < shortHold:
		f.add(CheckWarn, "short_hold", "hold", "seconds", int64(c.Hold/time.Second))
	case c.Hold > longHold:
		f.add(CheckWarn, "long_hold", "hold", "minutes", int64(c.Hold/time.Minute))
	}
	if len(f.list) == 0 {
		f.add(CheckOK, "ok", "total", "total", c.Stock.Left(), "seconds", int64(c.Hold/time.Second))
	}
}

func (f *findings) limits(c *Campaign) {
	l := c.Limits
	if int64(l.PerPerson) > c.Stock.Total {
		f.add(CheckWarn, "over_stock", "per_person", "count", int64(l.PerPerson), "total", c.Stock.Total)
	} else if l.PerPerson > manyEach {
		f.add(CheckWarn, "many", "per_person", "count", int64(l.PerPerson))
	}
	if l.PerDay > l.PerPerson {
		f.add(CheckWarn, "day_idle", "per_day", "day", int64(l.PerDay), "count", int64(l.PerPerson))
	}
	if len(f.list) == 0 {
		f.add(CheckOK, "ok", "per_person", "count", int64(l.PerPerson))
	}
}

func (f *findings) card(c *Campaign, look *CardLook) {
	switch {
	case c.Issuer == CodePool: // the check of its pool says it
		f.add(CheckOK, "pool", "issuer")
	case c.Issuer != WeChatCard:
		f.add(CheckOK, "own", "issuer")
	case c.CardID == "":
		f.add(CheckBlock, "none", "card_id")
	case look == nil:
		f.add(CheckAdvice, "unasked", "card_id")
	case look.Trouble != "":
		f.add(CheckWarn, "unread", "card_id", "why", look.Trouble)
	case !look.Issuable:
		f.add(CheckBlock, "state", "card_id", "state", look.State)
	case look.Left <= 0:
		f.add(CheckBlock, "empty", "").Place = PlaceCards
	case look.Left < c.Stock.Left():
		f.add(CheckWarn, "few", "", "left", look.Left, "total", c.Stock.Left()).Place = PlaceCards
	default:
		f.add(CheckOK, "ok", "card_id", "left", look.Left)
	}
	if c.Issuer != WeChatCard || look == nil {
		return
	}
	if look.Traits.BindOpenID {
		f.add(CheckOK, "bound", "card_id")
	}
	if look.Traits.OwnCode {
		f.add(CheckOK, "own_code", "card_id")
	}
}

func (f *findings) consent(c *Campaign) {
	switch {
	case len(c.Form) == 0:
		f.add(CheckOK, "none", "form")
	case strings.TrimSpace(c.Texts.Purpose) == "":
		f.add(CheckBlock, "purpose", "purpose")
	default:
		f.add(CheckOK, "ok", "purpose", "purpose", c.Texts.Purpose)
	}
}

func (f *findings) terms(c *Campaign) {
	if strings.TrimSpace(c.Texts.Terms) == "" {
		f.add(CheckWarn, "none", "terms")
	}
}

func (f *findings) contact(c *Campaign) {
	if strings.TrimSpace(c.Texts.Contact) == "" {
		f.add(CheckWarn, "none", "contact")
	}
}

func (f *findings) share(c *Campaign) {
	title, field := c.Share.Title, "share_title"
	if strings.TrimSpace(title) == "" {
		title = c.Texts.Benefit
	}
	if n := utf8.RuneCountInString(title); n > shareAdvised {
		f.add(CheckWarn, "long", field, "count", int64(n), "max", int64(shareAdvised))
	}
	for _, word := range []string{"红包", "现金"} {
		if strings.Contains(title+c.Share.Desc, word) {
			f.add(CheckWarn, "word", field, "word", word)
		}
	}
	switch image := strings.ToLower(c.Share.Image); {
	case image == "":
		f.add(CheckAdvice, "no_image", "share_image")
	case !absoluteImage(c.Share.Image):
		f.add(CheckBlock, "image", "share_image")
	case !strings.HasPrefix(image, "https://"):
		f.add(CheckWarn, "plain_image", "share_image")
	}
}

// neededBy lists the doctor's checks that stop visitors when they fail, in the order of a
// visit, with whether our own codes need them too.
var neededBy = []struct {
	check   string
	ownCode bool
}{
	{"oauth_domain", true},
	{"js_domain", false},
	{"access_token", false},
	{"jsapi_ticket", false},
	{"card_ticket", false},
	{"push", false},
}

// health has a line for each check that the campaign needs, and for others in trouble.
func health(c *Campaign, found []Health) []Check {
	byName := make(map[string]Health, len(found))
	for _, h := range found {
		byName[h.Check] = h
	}
	var list []Check
	for _, n := range neededBy {
		needed, h := n.ownCode || c.Issuer == WeChatCard, byName[n.check]
		line := Check{Name: n.check, Place: PlaceHealth, Key: "preflight.health.found", Args: map[string]any{"words": h.Words}}
		switch h.Level {
		case "ok":
			line.Level = CheckOK
		case "warn":
			line.Level = CheckAdvice
			if needed {
				line.Level = CheckWarn
			}
		case "fail":
			line.Level = CheckWarn
			if needed {
				line.Level = CheckBlock
			}
		default:
			line.Level, line.Key, line.Args = CheckAdvice, "preflight.health.unknown", nil
		}
		if needed || line.Level != CheckOK && h.Level != "" && h.Level != "unknown" {
			list = append(list, line)
		}
	}
	return list
}

// Worst reports whether any check blocks and whether any warns.
func Worst(checks []Check) (blocked, warned bool) {
	for _, c := range checks {
		blocked = blocked || c.Level == CheckBlock
		warned = warned || c.Level == CheckWarn
	}
	return blocked, warned
}

// ErrPreflight says that a check stops the campaign from being published.
var ErrPreflight = fault.New(fault.Conflict, "preflight.error.blocked")

// PublishChecked publishes the campaign that the checks were made on. A block refuses it
// (ErrPreflight), a warning needs a reason of 3 to 200 characters (on "reason"), which the
// audit keeps with the warnings; an edit in between is ErrEditConflict.
func (s *Service) PublishChecked(ctx context.Context, actor Actor, c *Campaign, checks []Check, reason string) error {
	blocked, warned := Worst(checks)
	if blocked {
		return ErrPreflight
	}
	var detail any
	if warned {
		reason = strings.TrimSpace(cleanLine(strings.Join(strings.Fields(reason), " ")))
		switch n := utf8.RuneCountInString(reason); {
		case n < minReason:
			return fault.New(fault.Invalid, "preflight.error.reason", "min", minReason).On("reason")
		case n > maxReason:
			return fault.New(fault.Invalid, "campaign.error.too_long", "max", maxReason, "count", n).On("reason")
		}
		var warnings []string
		for _, check := range checks {
			if check.Level == CheckWarn {
				warnings = append(warnings, check.Name+": "+check.Key)
			}
		}
		detail = map[string]any{"reason": reason, "warnings": warnings}
	}
	current, err := s.store.CampaignByID(ctx, c.ID)
	if err != nil {
		return err
	}
	if current.Version != c.Version {
		return ErrEditConflict
	}
	return s.publish(ctx, actor, current, detail)
}
