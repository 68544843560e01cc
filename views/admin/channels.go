package admin

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/layout"
	"kaquan/views/ui"
)

// ChannelStep and PosterStep are how many channels and posters a page shows; the latter
// fills whole sheets in both layouts.
const (
	ChannelStep = 100
	PosterStep  = 160
)

// ChannelList is the page with a campaign's channels.
type ChannelList struct {
	Page      layout.Page
	Campaign  *campaigns.Campaign
	Rows      []campaigns.ChannelStats // From to To of those found
	From, To  int
	Found     int // that the search found
	All       int
	Scans     int64 // of all channels, like Claims and Cost
	Claims    int64
	Cost      int64 // fen
	Quiet     int   // channels that nobody has scanned lately
	Loose     []campaigns.ChannelStats
	Search    string
	Sort      string
	Draft     campaigns.ChannelDraft
	Pasted    string
	Errors    ui.Errors
	RowErrors campaigns.RowErrors // what is wrong with the pasted rows
	CanWrite  bool
	Now       time.Time
}

// ChannelView is the page of one channel.
type ChannelView struct {
	Page     layout.Page
	Campaign *campaigns.Campaign
	Channel  campaigns.ChannelStats
	Draft    campaigns.ChannelDraft
	Errors   ui.Errors
	Link     string // what the code says
	Full     bool   // Link is the full one
	QR       ui.QR
	Days     []campaigns.DayScans
	CanWrite bool
	Now      time.Time
}

// PosterTexts are the words and the colour of a poster.
type PosterTexts struct {
	Headline, Brand, Call, Validity string
	Colour                          string // #rrggbb
	DarkInk                         bool   // words on the colour are black
}

// PosterView is the composer of one poster.
type PosterView struct {
	Page     layout.Page
	Campaign *campaigns.Campaign
	Channel  campaigns.Channel
	Texts    PosterTexts
	Full     bool
	Link     string
}

// PosterSheet is the print page with many posters.
type PosterSheet struct {
	Page     layout.Page
	Campaign *campaigns.Campaign
	Texts    PosterTexts
	Posters  []Poster
	Cards    bool // eight to a sheet, else one
	Full     bool
	Chosen   []string // codes; none = all
	From, To int
	Total    int
}

// Poster is one of a sheet.
type Poster struct {
	Name string
	Link string
	QR   ui.QR
}

// ChannelsPath is the address of a campaign's channels.
func ChannelsPath(c *campaigns.Campaign) string { return CampaignPath(c) + "/channels" }

// ChannelPath is the address of a channel's page.
func ChannelPath(c *campaigns.Channel) string {
	return "/admin/campaigns/" + c.Campaign.String() + "/channel/" + url.PathEscape(c.Code)
}

func claimsOfChannel(c *campaigns.Channel) string {
	return "/admin/claims?campaign=" + c.Campaign.String() + "&channel=" + url.QueryEscape(c.Code)
}

// YuanInput is an amount in fen as people type it: 1200 or 12.50; nothing for nothing.
func YuanInput(fen int64) string {
	if fen == 0 {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(i18n.Money(fen), "¥"), ".00")
}

// maxRowErrors is how many messages about a list are shown.
const maxRowErrors = 50

func (m *ChannelList) shownErrors() campaigns.RowErrors {
	return m.RowErrors[:min(len(m.RowErrors), maxRowErrors)]
}

func rowSentence(ctx context.Context, e campaigns.RowError) string {
	return i18n.T(ctx, "channels.row", "row", e.Row, "field", i18n.T(ctx, "channels.field."+e.Field), "words", i18n.TArgs(ctx, e.Key, e.Args))
}

// page is the list from another row, with the filter as it is.
func (m *ChannelList) page(from int) string {
	q := url.Values{}
	for name, value := range map[string]string{"q": m.Search, "sort": m.Sort} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if from > 0 {
		q.Set("from", strconv.Itoa(from))
	}
	if len(q) == 0 {
		return ChannelsPath(m.Campaign)
	}
	return ChannelsPath(m.Campaign) + "?" + q.Encode()
}

func (m *ChannelList) sorts(ctx context.Context) []ui.Option {
	options := []ui.Option{{Value: "", Label: i18n.T(ctx, "channels.sort.new")}}
	for _, by := range []string{"claims", "scans", "rate", "unit", "quiet"} {
		options = append(options, ui.Option{Value: by, Label: i18n.T(ctx, "channels.sort."+by)})
	}
	return options
}

func (m *ChannelList) unit() string { return unitCost(campaigns.CostPerClaim(m.Cost, m.Claims)) }

func unitCost(fen int64, ok bool) string {
	if !ok {
		return "—"
	}
	return i18n.Money(fen)
}

func rateOf(r *campaigns.ChannelStats) string {
	permille, ok := r.ClaimRate()
	if !ok {
		return "—"
	}
	return campaigns.Percent(permille)
}

func moneyOrDash(fen int64) string {
	if fen == 0 {
		return "—"
	}
	return i18n.Money(fen)
}

func channelInput(ctx context.Context, name, value string, errs ui.Errors) ui.Input {
	in := ui.Input{Name: name, Label: i18n.T(ctx, "channels.field."+name), Value: value, Errors: errs.Of(name), Autocomplete: "off"}
	switch name {
	case "name":
		in.Required, in.Max = true, 60
	case "note":
		in.Max = 200
	case "code":
		in.Hint, in.Attrs = i18n.T(ctx, "channels.hint.code"), map[string]any{"spellcheck": "false", "maxlength": "40"}
	case "cost":
		in.Hint, in.Attrs = i18n.T(ctx, "channels.hint.cost"), map[string]any{"inputmode": "decimal", "maxlength": "20"}
	}
	return in
}

// with is the channel's page or a part of it with the chosen kind of link.
func (m *ChannelView) with(part string, full bool, more ...string) string {
	return channelAddress(&m.Channel.Channel, part, full, more...)
}

func channelAddress(c *campaigns.Channel, part string, full bool, more ...string) string {
	q := url.Values{}
	if full {
		q.Set("link", "full")
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	if len(q) == 0 {
		return ChannelPath(c) + part
	}
	return ChannelPath(c) + part + "?" + q.Encode()
}

// qrSizes are the pictures on offer: for a screen, a leaflet, a wall.
var qrSizes = []string{"300", "600", "1200", "2400"}

// width is a day's bar out of the longest, in percent.
func (m *ChannelView) width(d campaigns.DayScans) string {
	most := int64(1)
	for _, other := range m.Days {
		most = max(most, other.Scans)
	}
	return strconv.FormatInt(100*d.Scans/most, 10)
}

// address is the sheet from another poster on; everything else stays.
func (m *PosterSheet) address(from int) string {
	q := url.Values{
		"headline": {m.Texts.Headline}, "brand": {m.Texts.Brand}, "call": {m.Texts.Call}, "validity": {m.Texts.Validity},
		"layout": {m.layout()}, "link": {linkKind(m.Full)}, "from": {strconv.Itoa(from)}, "ch": m.Chosen,
	}
	return ChannelsPath(m.Campaign) + "/print?" + q.Encode()
}

// sheets are the posters of each sheet of paper.
func (m *PosterSheet) sheets() [][]Poster {
	size := 1
	if m.Cards {
		size = 8
	}
	var out [][]Poster
	for rest := m.Posters; len(rest) > 0; rest = rest[min(size, len(rest)):] {
		out = append(out, rest[:min(size, len(rest))])
	}
	return out
}

func (m *PosterSheet) layout() string {
	if m.Cards {
		return "cards"
	}
	return "a4"
}

// linkKind is the kind of link in addresses, linkName in the catalogue.
func linkKind(full bool) string {
	if full {
		return "full"
	}
	return ""
}

func linkName(full bool) string {
	if full {
		return "full"
	}
	return "short"
}

// cutMarks are the short lines outside of the cards' corners, in millimetres of an A4 page
// whose cards, 95 by 68.5, start at 10 and 11.5.
func cutMarks() string {
	var b strings.Builder
	line := func(ends ...float64) {
		for i, v := range ends {
			b.WriteString([]string{"M", " ", "L", " "}[i] + strconv.FormatFloat(v, 'f', -1, 64))
		}
	}
	for i := range 3 {
		x := 10 + 95*float64(i)
		line(x, 2, x, 9)
		line(x, 288, x, 295)
	}
	for i := range 5 {
		y := 11.5 + 68.5*float64(i)
		line(2, y, 8, y)
		line(202, y, 208, y)
	}
	return b.String()
}
