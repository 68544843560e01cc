package campaigns

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"kaquan/fault"
)

// Design is how the claim page looks and reads beyond its Texts. The zero value is the
// plain page.
type Design struct {
	Cover      string               `json:"cover,omitempty"`      // name of an uploaded picture, "" = none
	Layout     CoverLayout          `json:"layout,omitempty"`     // where it stands
	Ink        Ink                  `json:"ink,omitempty"`        // of the words on Texts.Colour
	Background string               `json:"background,omitempty"` // #rrggbb of the page in light themes, "" = the usual
	States     map[string]StateText `json:"states,omitempty"`     // own words by state
}

// CoverLayout is where the cover stands.
type CoverLayout string

// The layouts.
const (
	CoverTop  CoverLayout = ""     // across the page, above the card
	CoverCard CoverLayout = "card" // in the card itself
)

// Ink is the colour of the words on the theme's colour.
type Ink string

// The inks. The automatic one is white where that can be read, else black.
const (
	InkAuto  Ink = ""
	InkWhite Ink = "white"
	InkBlack Ink = "black"
)

// On is the colour of words on a theme.
func (i Ink) On(theme Colour) Colour {
	switch {
	case i == InkBlack, i == InkAuto && Contrast(theme, White) < GoodContrast:
		return Black
	}
	return White
}

// StateText are a campaign's own words for a state of its page; empty ones are the usual.
type StateText struct {
	Title  string `json:"title,omitempty"`
	Body   string `json:"body,omitempty"`
	Button string `json:"button,omitempty"`
}

// The bounds of own words, in characters. A title fits one line of a phone with TitleAdvised.
const (
	MaxStateTitle  = 24
	TitleAdvised   = 12
	MaxStateBody   = 120
	MaxStateButton = 10
)

// StateWords is what a state of the page offers to own words.
type StateWords struct {
	Offers  []string // placeholders, besides benefit and brand
	Needs   string   // the placeholder that the body may not leave out, "" = none
	NoTitle bool     // the benefit is its title
	NoBar   bool     // it has no button
}

// OwnWords are the states whose words a campaign may change, by their names on the page.
var OwnWords = map[string]StateWords{
	"intro":          {Offers: []string{"count", "total", "left"}, NoTitle: true},
	"snapshot":       {NoBar: true},
	"auth_denied":    {},
	"auth_failed":    {},
	"not_in_wechat":  {},
	"wechat_desktop": {NoBar: true},
	"before_start":   {Offers: []string{"time", "total"}},
	"form":           {Offers: []string{"purpose"}},
	"form_error":     {Offers: []string{"purpose"}},
	"ready":          {Offers: []string{"count", "total", "left"}, NoTitle: true},
	"claiming":       {},
	"cancelled":      {Offers: []string{"time"}},
	"confirming":     {},
	"claimed":        {Offers: []string{"day"}},
	"claimed_local":  {Offers: []string{"day"}},
	"already":        {Offers: []string{"count", "day"}},
	"need_follow":    {Offers: []string{"name"}},
	"not_eligible":   {Offers: []string{"contact"}, NoBar: true},
	"blocked":        {Offers: []string{"code", "contact"}, Needs: "code", NoBar: true},
	"day_quota":      {Offers: []string{"count"}},
	"sold_out":       {Offers: []string{"total"}},
	"paused":         {Offers: []string{"reason"}, Needs: "reason"},
	"pay_needed":     {Offers: []string{"amount"}, NoBar: true}, // the button says what is paid
	"paying":         {NoBar: true},
	"pay_failed":     {NoBar: true},
	"refunded":       {},
	"ended":          {Offers: []string{"time", "day"}},
	"redeemed":       {Offers: []string{"time"}},
	"expired":        {Offers: []string{"day"}},
	"voided":         {Offers: []string{"contact"}},
	"network_error":  {},
	"server_error":   {Offers: []string{"code"}, Needs: "code"},
	"sign_failed":    {},
	"wallet_failed":  {},
}

var everyState = []string{"benefit", "brand"}

// Placeholders are what the words of a state may name.
func (w StateWords) Placeholders() []string { return slices.Concat(w.Offers, everyState) }

var placeholder = regexp.MustCompile(`\{\{\s*([^{}]*?)\s*\}\}`)

// FillWords puts values into own words; ok is false when one that they name has none now, so
// that the usual words say it better.
func FillWords(text string, value func(name string) string) (filled string, ok bool) {
	ok = true
	filled = placeholder.ReplaceAllStringFunc(text, func(part string) string {
		v := value(placeholder.FindStringSubmatch(part)[1])
		ok = ok && v != ""
		return v
	})
	return filled, ok
}

// Names reports whether own words of the state name the placeholder.
func (t StateText) Names(name string) bool {
	for _, text := range []string{t.Title, t.Body, t.Button} {
		for _, found := range placeholder.FindAllStringSubmatch(text, -1) {
			if found[1] == name {
				return true
			}
		}
	}
	return false
}

// WithState is the design with a state's own words; empty ones take them away. d is not
// changed.
func (d Design) WithState(state string, t StateText) Design {
	states := make(map[string]StateText, len(d.States)+1)
	for name, words := range d.States {
		states[name] = words
	}
	if t == (StateText{}) {
		delete(states, state)
	} else {
		states[state] = t
	}
	if len(states) == 0 {
		states = nil
	}
	d.States = states
	return d
}

// pictureName is what media.Picture.Name gives.
var pictureName = regexp.MustCompile(`^[0-9a-f]{64}\.(?:jpg|png)$`)

// problems checks the design by itself, each problem on its field: cover, layout, ink,
// background, and state-NAME-title, -body and -button.
func (d *Design) problems() fault.List {
	var problems fault.List
	bad := func(field, key string, args ...any) {
		problems = append(problems, fault.New(fault.Invalid, key, args...).On(field))
	}
	if d.Cover != "" && !pictureName.MatchString(d.Cover) {
		bad("cover", "design.error.cover")
	}
	if d.Layout != CoverTop && d.Layout != CoverCard {
		bad("layout", "rules.error.choose")
	}
	if d.Ink != InkAuto && d.Ink != InkWhite && d.Ink != InkBlack {
		bad("ink", "rules.error.choose")
	}
	if d.Background != "" && !colourPattern.MatchString(d.Background) {
		bad("background", "campaign.error.colour")
	}
	for _, state := range sortedStates(d.States) {
		problems = append(problems, d.States[state].problems(state)...)
	}
	return problems
}

func sortedStates(m map[string]StateText) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// StateField is the name of a part of a state's own words in forms.
func StateField(state, part string) string { return "state-" + state + "-" + part }

func (t StateText) problems(state string) fault.List {
	var problems fault.List
	words, known := OwnWords[state]
	if !known {
		return fault.List{fault.New(fault.Invalid, "design.error.state").On(StateField(state, "title"))}
	}
	for _, part := range []struct {
		name, text string
		most       int
		refused    bool
	}{{"title", t.Title, MaxStateTitle, words.NoTitle}, {"body", t.Body, MaxStateBody, false}, {"button", t.Button, MaxStateButton, words.NoBar}} {
		bad := func(key string, args ...any) {
			problems = append(problems, fault.New(fault.Invalid, key, args...).On(StateField(state, part.name)))
		}
		if part.text == "" {
			continue
		}
		if part.refused {
			bad("design.error.no_" + part.name)
			continue
		}
		// A placeholder counts as the few characters that it becomes.
		if n := utf8.RuneCountInString(placeholder.ReplaceAllString(part.text, "0000")); n > part.most {
			bad("campaign.error.too_long", "max", part.most, "count", n)
		}
		if cleanLine(part.text) != part.text {
			bad("campaign.error.characters")
		}
		for _, found := range placeholder.FindAllStringSubmatch(part.text, -1) {
			if !slices.Contains(words.Placeholders(), found[1]) {
				bad("design.error.placeholder", "name", shorten(found[1], 20), "offers", "{{"+strings.Join(words.Placeholders(), "}} {{")+"}}")
			}
		}
		if rest := placeholder.ReplaceAllString(part.text, ""); strings.Contains(rest, "{{") || strings.Contains(rest, "}}") {
			bad("design.error.braces")
		}
	}
	if words.Needs != "" && t.Body != "" && !(StateText{Body: t.Body}).Names(words.Needs) {
		problems = append(problems, fault.New(fault.Invalid, "design.error.needs", "name", "{{"+words.Needs+"}}").On(StateField(state, "body")))
	}
	return problems
}

// ColourCheck is how well words can be read on a colour.
type ColourCheck struct {
	Field    string // colour or background
	Colour   string
	Ratio    float64
	Proposed string // the nearest colour that passes, "" when this one does
}

// Passes reports whether the words reach GoodContrast.
func (c ColourCheck) Passes() bool { return c.Ratio >= GoodContrast }

// Words is the ratio as people write it, rounded down: 4.49 does not become 4.5.
func (c ColourCheck) Words() string {
	return strconv.FormatFloat(math.Floor(c.Ratio*10)/10, 'f', 1, 64)
}

// pale is the share of black in the palest words of the page.
const pale = 0.55

// ColourChecks look at the words on the button and, where the page has its own, at those on
// the background.
func (d *Draft) ColourChecks() []ColourCheck {
	var checks []ColourCheck
	theme, ok := ParseColour(cmp.Or(d.Texts.Colour, DefaultTheme.String()))
	if ok {
		on := d.Design.Ink.On(theme)
		look := func(c Colour) float64 { return Contrast(c, on) }
		check := ColourCheck{Field: "colour", Colour: theme.String(), Ratio: look(theme)}
		if !check.Passes() {
			away := Black
			if on == Black {
				away = White
			}
			check.Proposed = theme.nearest(away, look).String()
		}
		checks = append(checks, check)
	}
	if paper, ok := ParseColour(d.Design.Background); ok {
		look := func(c Colour) float64 { return Contrast(c, c.Mix(Black, pale)) }
		check := ColourCheck{Field: "background", Colour: paper.String(), Ratio: look(paper)}
		if !check.Passes() {
			check.Proposed = paper.nearest(White, look).String()
		}
		checks = append(checks, check)
	}
	return checks
}

// fit checks the design against the rest of the draft: what cannot be read at all is refused.
func (d *Design) fit(draft *Draft) fault.List {
	var problems fault.List
	for _, c := range draft.ColourChecks() {
		if c.Ratio < LeastContrast {
			problems = append(problems, fault.New(fault.Invalid, "design.error.contrast", "ratio", c.Words(), "proposed", c.Proposed).On(c.Field))
		}
	}
	return problems
}
