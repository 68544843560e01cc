package admin

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/layout"
	"kaquan/views/ui"
)

// Addresses of the page with exports.
const (
	ExportsPath      = "/admin/exports"
	ExportFilePath   = "/file"
	exportCancelPath = "/cancel"
	exportRetryPath  = "/retry"
	exportTrayPath   = ExportsPath + "/tray"
)

// ExportPath is the address below which an export is.
func ExportPath(id string) string { return ExportsPath + "/" + id }

// ExportNewPath is the page with the dialog, for the filter of path.
func ExportNewPath(path string) string { return withQuery(path, "new=") }

func withQuery(path, query string) string {
	if strings.Contains(path, "?") {
		return path + "&" + query
	}
	return path + "?" + query
}

// ExportsView is the page with the exports of everybody, and the dialog for a new one.
type ExportsView struct {
	Page   layout.Page
	Rows   []ExportRow
	Form   *ExportForm // nil = not asked for
	Errors ui.Errors
	Zone   *time.Location
}

// ExportForm is the dialog for a new export.
type ExportForm struct {
	Kind      campaigns.ExportKind
	Query     ClaimQuery // of claims
	Format    campaigns.ExportFormat
	Columns   []string
	Full      bool
	Reason    string
	Life      time.Duration
	CanReveal bool
	Words     string // the filter of claims
	Count     string // how many claims, in words
}

func (f *ExportForm) action() string {
	if f.Kind == campaigns.ExportClaims {
		return f.Query.URL(ExportsPath)
	}
	return ExportsPath + "?kind=" + string(f.Kind)
}

// what says what will be in the file.
func (f *ExportForm) what(ctx context.Context) string {
	if f.Kind != campaigns.ExportClaims {
		return i18n.T(ctx, "imports.export.all."+string(f.Kind))
	}
	if f.Query.filters() {
		return i18n.T(ctx, "imports.export.some.claims", "count", f.Count)
	}
	return i18n.T(ctx, "imports.export.all.claims", "count", f.Count)
}

// columns are those of the kind that are personal, or those that are not.
func (f *ExportForm) columns(personal bool) []campaigns.ExportColumn {
	return slices.DeleteFunc(slices.Clone(campaigns.ExportColumns(f.Kind)), func(c campaigns.ExportColumn) bool { return c.Personal != personal })
}

func (f *ExportForm) has(c campaigns.ExportColumn) bool { return slices.Contains(f.Columns, c.Name) }

func exportFormats(ctx context.Context) []ui.Option {
	var list []ui.Option
	for _, f := range campaigns.ExportFormats {
		list = append(list, ui.Option{Value: string(f), Label: i18n.T(ctx, "imports.export."+string(f))})
	}
	return list
}

func hoursText(d time.Duration) string { return strconv.Itoa(int(d / time.Hour)) }

func exportLives(ctx context.Context) []ui.Option {
	var list []ui.Option
	for _, d := range campaigns.ExportLives {
		list = append(list, ui.Option{Value: hoursText(d), Label: lifeWords(ctx, d)})
	}
	return list
}

func lifeWords(ctx context.Context, d time.Duration) string {
	if d%(24*time.Hour) == 0 && d > 24*time.Hour {
		return i18n.T(ctx, "imports.export.life.days", "count", int(d/(24*time.Hour)))
	}
	return i18n.T(ctx, "imports.export.life.hours", "count", int(d/time.Hour))
}

// ExportRow is an export as the page shows it, with what its reader may do.
type ExportRow struct {
	campaigns.Export
	Campaign string // the name of the filter's campaign

	CanTake, CanCancel, CanRetry bool
}

// ExportTrayView is what is on its way in the corner of a page.
type ExportTrayView struct {
	Rows []ExportRow
	CSRF string
}

// Working reports whether a row still moves.
func (m *ExportsView) Working() bool { return slices.ContainsFunc(m.Rows, moving) }

func moving(r ExportRow) bool { return r.Open() }

// SplitExports are the ids of the exports that a tray showed before, few enough.
func SplitExports(text string) []string {
	list := strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
	return list[:min(len(list), 10)]
}

// seen is path with the exports that the tray shows, so that it can tell how they ended.
func (m *ExportTrayView) seen(path string) string {
	var ids []string
	for i := range m.Rows {
		ids = append(ids, m.Rows[i].ID)
	}
	return path + "?seen=" + strings.Join(ids, ",")
}

// progress is how far an export is, in words.
func (r *ExportRow) progress(ctx context.Context) string {
	rows := i18n.Number(ctx, r.Rows)
	switch {
	case r.State == campaigns.ExportWaiting:
		return i18n.T(ctx, "imports.export.state.waiting")
	case r.Total == 0:
		return i18n.T(ctx, "imports.export.progress_rows", "rows", rows)
	}
	share := i18n.T(ctx, "imports.export.progress", "rows", rows, "total", i18n.Number(ctx, r.Total), "percent", min(100, r.Rows*100/r.Total))
	if left := r.Left(); left > 0 {
		share += " · " + i18n.T(ctx, "imports.export.left", "seconds", int(left/time.Second)+1)
	}
	return share
}

// ended is how an export ended, in words.
func (r *ExportRow) ended(ctx context.Context) string {
	switch r.State {
	case campaigns.ExportReady:
		return i18n.T(ctx, "imports.export.ready", "rows", i18n.Number(ctx, r.Rows))
	case campaigns.ExportFailed:
		return r.problem(ctx)
	case campaigns.ExportWaiting, campaigns.ExportWorking, campaigns.ExportCancelled, campaigns.ExportExpired:
	}
	return i18n.T(ctx, "imports.export.state."+string(r.State))
}

// problem is why an export failed.
func (r *ExportRow) problem(ctx context.Context) string {
	if r.Problem == "" { // before reasons were kept
		return i18n.T(ctx, "imports.export.problem.broken")
	}
	return i18n.T(ctx, "imports.export.problem."+string(r.Problem))
}

// columns are the chosen columns in words.
func (r *ExportRow) columns(ctx context.Context) string {
	var names []string
	for _, c := range campaigns.ExportColumns(r.Kind) {
		if slices.Contains(r.Columns, c.Name) {
			names = append(names, i18n.T(ctx, c.Key))
		}
	}
	return strings.Join(names, " · ")
}

// personal is how the export treats personal data.
func (r *ExportRow) personal(ctx context.Context) string {
	switch {
	case !r.Personal():
		return i18n.T(ctx, "imports.export.impersonal")
	case r.Masked:
		return i18n.T(ctx, "imports.export.masked")
	}
	return i18n.T(ctx, "imports.export.full")
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
	if f.Blocked {
		parts = append(parts, i18n.T(ctx, "claims.filter.blocked"))
	}
	if f.Searched {
		parts = append(parts, i18n.T(ctx, "imports.filter.searched"))
	}
	return strings.Join(parts, " · ")
}

var exportColour = map[campaigns.ExportState]string{
	campaigns.ExportWaiting: "status-secondary", campaigns.ExportWorking: "status-blue", campaigns.ExportReady: "status-green",
	campaigns.ExportFailed: "status-red", campaigns.ExportCancelled: "status-secondary", campaigns.ExportExpired: "status-secondary",
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
