package admin

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"kaquan/i18n"
	"kaquan/stores"
	"kaquan/views/layout"
	"kaquan/views/ui"
)

// The addresses of the pages about stores.
const (
	StoresPath    = "/admin/stores"
	StaffPath     = "/admin/staff"
	GoodsPath     = "/admin/goods"
	MovementsPath = "/admin/movements"
)

// PlacePath is the address of a place's page.
func PlacePath(id stores.PlaceID) string { return StoresPath + "/" + id.String() }

// MemberPath is the address of a page about one of the staff.
func MemberPath(id stores.StaffID) string { return StaffPath + "/" + id.String() }

// ArticlePath is the address of an article's page.
func ArticlePath(id stores.GoodsID) string { return GoodsPath + "/" + id.String() }

// CountPath is the address of a count.
func CountPath(id stores.CountID) string { return MovementsPath + "/count/" + id.String() }

// Shop is what every page about stores has.
type Shop struct {
	Page      layout.Page
	Account   string
	Accounts  []ui.Option
	CanWrite  bool
	CanExport bool
	Zone      *time.Location
	Errors    ui.Errors
}

// At is an address with the account and the pairs that are not empty.
func (m *Shop) At(path string, pairs ...string) string {
	q := url.Values{}
	if len(m.Accounts) > 1 {
		q.Set("account", m.Account)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

func (m *Shop) url(path string, pairs ...string) templ.SafeURL {
	return templ.URL(m.At(path, pairs...))
}

// hidden is the account of a form that filters: its own address is lost.
func (m *Shop) hidden() string {
	if len(m.Accounts) > 1 {
		return m.Account
	}
	return ""
}

func (m *Shop) input(ctx context.Context, name, value string) ui.Input {
	in := ui.Input{Name: name, Label: i18n.T(ctx, "stores.field."+name), Value: value, Errors: m.Errors.Of(name), Autocomplete: "off"}
	switch name {
	case "code":
		in.Required, in.Hint, in.Attrs = true, i18n.T(ctx, "stores.hint.code"), attrs("maxlength", "20", "spellcheck", "false")
	case "barcode":
		in.Required, in.Hint, in.Attrs = true, i18n.T(ctx, "stores.hint.barcode"), attrs("maxlength", "40", "spellcheck", "false")
	case "name":
		in.Required, in.Attrs = true, attrs("maxlength", "60")
	case "price":
		in.Attrs = attrs("inputmode", "decimal", "maxlength", "14")
	case "minimum":
		in.Hint, in.Attrs = i18n.T(ctx, "stores.hint.minimum"), attrs("inputmode", "numeric", "maxlength", "12")
	case "quantity", "seen":
		in.Required, in.Attrs = true, attrs("inputmode", "numeric", "maxlength", "12")
	case "goods":
		in.Required, in.Hint, in.Attrs = true, i18n.T(ctx, "stores.hint.goods"), attrs("maxlength", "40", "spellcheck", "false")
	case "phone":
		in.Type = "tel"
	}
	return in
}

func attrs(pairs ...string) templ.Attributes {
	a := templ.Attributes{}
	for i := 0; i+1 < len(pairs); i += 2 {
		a[pairs[i]] = pairs[i+1]
	}
	return a
}

func (m *Shop) choice(ctx context.Context, name, value string, options []ui.Option) ui.Input {
	in := m.input(ctx, name, value)
	in.Type, in.Options, in.Required, in.Hint, in.Attrs = "select", options, name != "parent", "", nil
	return in
}

// placeOptions are the places of a select, indented as the tree is; without is left out, and so
// are the disabled unless all is set.
func placeOptions(places []stores.PlaceRow, without stores.PlaceID, all bool, first ...ui.Option) []ui.Option {
	options := first
	for i := range places {
		p := &places[i]
		if p.ID != without && (all || !p.Disabled) {
			options = append(options, ui.Option{Value: p.ID.String(), Label: strings.Repeat("　", p.Depth) + p.Name})
		}
	}
	return options
}

func idText(id stores.PlaceID) string {
	if id == 0 {
		return ""
	}
	return id.String()
}

func placeKinds(ctx context.Context) []ui.Option {
	var options []ui.Option
	for _, k := range stores.PlaceKinds() {
		options = append(options, ui.Option{Value: string(k), Label: i18n.T(ctx, "stores.kind_place."+string(k))})
	}
	return options
}

func roleOptions(ctx context.Context) []ui.Option {
	var options []ui.Option
	for _, r := range stores.Roles() {
		options = append(options, ui.Option{Value: string(r), Label: i18n.T(ctx, "stores.role."+string(r)) + " · " + i18n.T(ctx, "stores.role_words."+string(r))})
	}
	return options
}

// right is the class of a cell with a number.
func right(column string) string {
	switch column {
	case "quantity", "before", "after", "price", "minimum", "stock", "expected", "counted", "difference":
		return "text-md-end"
	}
	return ""
}

func signed(ctx context.Context, n int64) string {
	if n > 0 {
		return "+" + i18n.Number(ctx, n)
	}
	return i18n.Number(ctx, n)
}

// colour is that of more and of less.
func colour(n int64) string {
	switch {
	case n > 0:
		return "text-success-emphasis"
	case n < 0:
		return "text-danger-emphasis"
	}
	return "text-secondary"
}

// Places is the page with the tree of places.
type Places struct {
	Shop
	Rows   []stores.PlaceRow
	Stocks map[stores.PlaceID]stores.PlaceStock
	Draft  stores.PlaceDraft
}

// PlaceView is the page of one place.
type PlaceView struct {
	Shop
	Place  stores.Place
	Places []stores.PlaceRow
	Draft  stores.PlaceDraft
	Goods  stores.GoodsPage
	Search string
	After  string
	Count  *stores.Count // that is open

	TillLink string // where its staff redeem, "" where nobody does
	TillQR   ui.QR
}

func (m *PlaceView) next() string {
	if m.Goods.Next == "" {
		return ""
	}
	return m.At(PlacePath(m.Place.ID), "q", m.Search, "after", m.Goods.Next)
}

// contact is address and phone.
func contact(p *stores.Place) string {
	return strings.Trim(p.Address+" · "+p.Phone, " ·")
}

// Staff is the page with the staff.
type Staff struct {
	Shop
	Rows   stores.StaffPage
	Places []stores.PlaceRow
	Place  stores.PlaceID
	Search string
	Draft  stores.StaffDraft
	Made   *stores.Staff // just now, with the PIN
	PIN    string
	Now    time.Time
}

// Member is the page of one of the staff.
type Member struct {
	Shop
	Staff    stores.Staff
	Sessions int
	Places   []stores.PlaceRow
	Draft    stores.StaffDraft
	PIN      string // that was just made
	BindLink string // that was just made
	BindQR   ui.QR
	Now      time.Time
}

// GoodsList is the page with the goods.
type GoodsList struct {
	Shop
	Rows   stores.GoodsPage
	Search string
	Show   string // "", low or archived
	After  string
	Low    int
	Draft  stores.GoodsDraft
}

// Article is the page of one article.
type Article struct {
	Shop
	Goods     stores.Goods
	Stock     int64
	Levels    []stores.PlaceLevel
	Movements []stores.MovementRow
	Draft     stores.GoodsDraft
	Form      MoveForm
}

// MoveForm is the form that books stock.
type MoveForm struct {
	Key      string
	Places   []stores.PlaceRow
	Kind     string // in, out or transfer
	Place    string
	To       string
	Goods    string // barcode
	Quantity string
	Reason   string
	Back     string // where it comes back to, "" = the log
	Fixed    bool   // the article cannot be chosen
}

// Log is the page with the movements.
type Log struct {
	Shop
	Rows   stores.MovementPage
	Places []stores.PlaceRow
	Query  LogQuery
	Form   MoveForm
	Counts []stores.Count
}

// LogQuery is the filter of the log as the address has it.
type LogQuery struct {
	Place, Goods, Kind, By, From, To, After string
}

func (q *LogQuery) filters() bool { return *q != LogQuery{After: q.After} }

func (q *LogQuery) pairs(after string) []string {
	return []string{"place", q.Place, "goods", q.Goods, "kind", q.Kind, "by", q.By, "from", q.From, "to", q.To, "after", after}
}

func movementKinds(ctx context.Context) []ui.Option {
	options := []ui.Option{{Label: i18n.T(ctx, "stores.move.any_kind")}}
	for _, k := range stores.Kinds() {
		options = append(options, ui.Option{Value: string(k), Label: i18n.T(ctx, "stores.kind."+string(k))})
	}
	return options
}

func (m *Log) placeName(id stores.PlaceID) string {
	for i := range m.Places {
		if m.Places[i].ID == id {
			return m.Places[i].Name
		}
	}
	return "—"
}

// CountView is the page of a count.
type CountView struct {
	Shop
	Count stores.Count
	Place stores.Place
	Lines []stores.CountLine
	Goods string // that was typed
	Seen  string
}

// StoreImport is the page of an import: goods, staff or stock.
type StoreImport struct {
	Shop
	What  string // goods, staff or stock
	Back  string
	Key   string // of the request, so that a repeat books nothing twice
	Rows  string // the checked table as text
	Count int
	Ready string // what the check said, "" = not checked
	Wrong stores.RowErrors
}

func (m *StoreImport) shown() stores.RowErrors { return m.Wrong[:min(len(m.Wrong), maxRowErrors)] }

// StoreRowSentence says what is wrong with a row of an import.
func StoreRowSentence(ctx context.Context, e stores.RowError) string {
	words := i18n.TArgs(ctx, e.Key, e.Args)
	if field := "stores.field." + e.Field; e.Field != "" && i18n.Has(field) {
		return i18n.T(ctx, "stores.import.row", "row", e.Row, "field", i18n.T(ctx, field), "words", words)
	}
	return i18n.T(ctx, "stores.import.row_only", "row", e.Row, "words", words)
}
