package admin

import (
	"context"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/layout"
	"kaquan/views/ui"
)

// Addresses of the page with exports.
const (
	ExportsPath    = "/admin/exports"
	ExportFilePath = "/file"
)

// ExportPath is the address below which an export is.
func ExportPath(id string) string { return ExportsPath + "/" + id }

// ImportsView is the page that takes tables of people.
type ImportsView struct {
	Page              layout.Page
	Account, Campaign string
	Accounts          []ui.Option
	Campaigns         []ui.Option // that cards can be imported into
	Running           []ImportView
	Errors            ui.Errors
	Zone              *time.Location
}

// ExportsView is the page with the exports of everybody, and the form for a large one.
type ExportsView struct {
	Page   layout.Page
	Rows   []ExportRow
	Errors ui.Errors
	Zone   *time.Location

	Asked  bool // the form is shown
	Query  ClaimQuery
	Format string
	Reason string
	Words  string // the filter of the form
	Count  string // how many rows, in words
	Masked bool   // exports of this person are masked
}

// ExportRow is an export as the page shows it.
type ExportRow struct {
	campaigns.Export
	Campaign string // the name of the filter's campaign
	CanTake  bool
}

// Working reports whether a row still moves.
func (m *ExportsView) Working() bool {
	for i := range m.Rows {
		if m.Rows[i].Open() {
			return true
		}
	}
	return false
}

func (r *ExportRow) words(ctx context.Context) string {
	return ExportWords(ctx, r.Kind, r.Filter, r.Campaign)
}

// ExportWords are the filter of an export in words.
func ExportWords(ctx context.Context, kind campaigns.ExportKind, f campaigns.ExportFilter, campaign string) string {
	parts := []string{i18n.T(ctx, "imports.export.kind."+string(kind))}
	add := func(key, value string) { parts = append(parts, i18n.T(ctx, "imports.filter."+key, "value", value)) }
	if campaign != "" {
		add("campaign", campaign)
	}
	if len(f.States) > 0 {
		var states []string
		for _, s := range f.States {
			states = append(states, i18n.T(ctx, "admin.claim_state."+string(s)))
		}
		add("states", strings.Join(states, ", "))
	}
	if f.Channel != "" {
		add("channel", f.Channel)
	}
	if !f.From.IsZero() {
		add("from", i18n.Date(ctx, f.From, campaigns.Shanghai()))
	}
	if !f.To.IsZero() {
		add("to", i18n.Date(ctx, f.To.Add(-time.Second), campaigns.Shanghai()))
	}
	if f.Searched {
		parts = append(parts, i18n.T(ctx, "imports.filter.searched"))
	}
	return strings.Join(parts, " · ")
}

var exportColour = map[campaigns.ExportState]string{
	campaigns.ExportWaiting: "status-secondary", campaigns.ExportWorking: "status-blue", campaigns.ExportReady: "status-green",
	campaigns.ExportFailed: "status-red", campaigns.ExportExpired: "status-secondary",
}

// fileSize is a size in words: 1.4 MB.
func fileSize(ctx context.Context, n int64) string {
	switch {
	case n >= 1<<20:
		return i18n.T(ctx, "imports.size.mb", "value", tenths(n, 1<<20))
	case n >= 1<<10:
		return i18n.T(ctx, "imports.size.kb", "value", tenths(n, 1<<10))
	}
	return i18n.T(ctx, "imports.size.bytes", "value", wholeText(int(n)))
}

func tenths(n, unit int64) string {
	return wholeText(int(n/unit)) + "." + wholeText(int(n%unit*10/unit))
}
