package campaigns

import (
	"context"
	"slices"
	"strings"
	"time"

	"kaquan/fault"
)

// ExportKind is what an export is about, ExportFormat how its file is written, ExportState
// how far it is, ExportProblem why it failed.
type (
	ExportKind    string
	ExportFormat  string
	ExportState   string
	ExportProblem string
)

// The kinds, formats and states of exports.
const (
	ExportClaims    ExportKind = "claims"
	ExportUsers     ExportKind = "users"
	ExportCampaigns ExportKind = "campaigns"

	ExportXLSX     ExportFormat = "xlsx"
	ExportCSV      ExportFormat = "csv"      // as Excel opens it
	ExportPlainCSV ExportFormat = "csv_utf8" // as programs read it: no mark, texts as they are

	ExportWaiting   ExportState = "waiting"
	ExportWorking   ExportState = "working"
	ExportReady     ExportState = "ready"
	ExportFailed    ExportState = "failed"
	ExportCancelled ExportState = "cancelled"
	ExportExpired   ExportState = "expired"

	ExportStopped ExportProblem = "stopped" // the program ended
	ExportSlow    ExportProblem = "slow"
	ExportDisk    ExportProblem = "disk" // it is full
	ExportBroken  ExportProblem = "broken"
)

// ExportFormats are the formats there are.
var ExportFormats = []ExportFormat{ExportXLSX, ExportCSV, ExportPlainCSV}

// Extension is how the name of a file of the format ends, without a dot.
func (f ExportFormat) Extension() string {
	if f == ExportXLSX {
		return "xlsx"
	}
	return "csv"
}

// ExportLife is how long a file can be fetched unless its owner says otherwise;
// exportSilence after how long without a word a job is taken for dead.
const (
	ExportLife    = 24 * time.Hour
	exportSilence = 2 * time.Minute
)

// ExportLives are the times that a file can be kept.
var ExportLives = []time.Duration{time.Hour, ExportLife, 3 * ExportLife, 7 * ExportLife}

// Errors of exports.
var (
	ErrExportKind   = fault.New(fault.Invalid, "imports.export.error.kind").On("kind")
	ErrExportFormat = fault.New(fault.Invalid, "imports.export.error.format").On("format")
	ErrExportReason = fault.New(fault.Invalid, "imports.export.error.reason", "max", 200).On("reason")
	ErrExportWhy    = fault.New(fault.Invalid, "imports.export.error.why").On("reason")
	ErrExportLife   = fault.New(fault.Invalid, "imports.export.error.life").On("keep_hours")
	ErrExportMany   = fault.New(fault.Conflict, "imports.export.error.many")
	ErrExportGone   = fault.New(fault.NotFound, "imports.export.error.gone")
	ErrExportEarly  = fault.New(fault.Conflict, "imports.export.error.early")
	ErrNoExport     = fault.New(fault.NotFound, "imports.export.error.not_found")
	ErrExportOver   = fault.New(fault.Conflict, "imports.export.error.over")
	ErrExportSearch = fault.New(fault.Conflict, "imports.export.error.searched")

	ErrExportColumns = fault.New(fault.Invalid, "imports.export.error.columns").On("columns")
)

// ErrExportColumn says that there is no column with the name.
func ErrExportColumn(name string) *fault.Error {
	short := []rune(cleanLine(name))
	return fault.New(fault.Invalid, "imports.export.error.column", "name", string(short[:min(len(short), 40)])).On("columns")
}

// ExportFilter narrows an export, as far as it may be kept: of a search only that there
// was one.
type ExportFilter struct {
	Campaign ID           `json:"campaign,omitempty"`
	States   []ClaimState `json:"states,omitempty"`
	Channel  string       `json:"channel,omitempty"`
	From     time.Time    `json:"from,omitzero"`
	To       time.Time    `json:"to,omitzero"`
	Blocked  bool         `json:"blocked,omitempty"`
	Searched bool         `json:"searched,omitempty"`
}

// ExportOwner is who asked for an export: a person, or a program by its token.
type ExportOwner struct {
	Kind string // person, api_token
	ID   string
	Name string
}

// Same reports whether both are one; names change.
func (o ExportOwner) Same(other ExportOwner) bool { return o.Kind == other.Kind && o.ID == other.ID }

// Export is a file that is made in the background, or was.
type Export struct {
	ID      string
	Account AccountID // "" = all
	Kind    ExportKind
	Format  ExportFormat
	State   ExportState
	Owner   ExportOwner
	Reason  string
	Filter  ExportFilter
	Columns []string // names in the file's order, nil = all
	Masked  bool     // personal data is hidden as on pages; never true where there is none
	Life    time.Duration

	CreatedAt, StartedAt, UpdatedAt, DoneAt, ExpiresAt time.Time

	Rows, Total int64
	Size        int64 // bytes
	SHA256      string
	Problem     ExportProblem // of a failed one
	Retried     bool          // another one was made in its place

	Taken   int64 // downloads
	TakenBy string
	TakenAt time.Time // the last one
}

// Open reports whether the export is still on its way.
func (e *Export) Open() bool { return e.State == ExportWaiting || e.State == ExportWorking }

// CanRetry reports whether another one can be made in its place. What was searched for is
// not kept, so such an export begins with its search again.
func (e *Export) CanRetry() bool {
	return (e.State == ExportFailed || e.State == ExportCancelled) && !e.Retried && !e.Filter.Searched
}

// Left is about how long it will still take, 0 = not known.
func (e *Export) Left() time.Duration {
	took := e.UpdatedAt.Sub(e.StartedAt)
	if e.StartedAt.IsZero() || e.Rows == 0 || e.Total <= e.Rows || took < time.Second {
		return 0
	}
	return time.Duration(float64(took) * float64(e.Total-e.Rows) / float64(e.Rows))
}

// Exports keeps the rows of exports.
type Exports interface {
	// CreateExport stores a new export unless its owner has limit open ones: ErrExportMany.
	CreateExport(ctx context.Context, e Export, limit int) error
	// RetryExport stores e in the place of an older one, once: ErrExportOver when that did not
	// fail, was not cancelled, or has a follower. ErrExportMany.
	RetryExport(ctx context.Context, old string, e Export, limit int) error
	// CancelExport ends an open export; again is safe. ErrExportOver when it ended otherwise,
	// ErrNoExport.
	CancelExport(ctx context.Context, id string, now time.Time) (Export, error)
	// OpenExports are the waiting and working ones of an owner, the oldest first.
	OpenExports(ctx context.Context, owner ExportOwner) ([]Export, error)
	// ExportByID finds one. ErrNoExport.
	ExportByID(ctx context.Context, id string) (Export, error)
	// RecentExports are the newest, of everybody.
	RecentExports(ctx context.Context, limit int) ([]Export, error)
	// SaveExport writes how far an open export is; one that ended meanwhile stays as it is:
	// ErrExportOver.
	SaveExport(ctx context.Context, e Export) error
	// CountExport counts a download by somebody.
	CountExport(ctx context.Context, id, by string, now time.Time) error
	// EndExports takes open exports without a word since silent for failed, and ready ones
	// past their expiry for expired, and returns both sorts as they are now.
	EndExports(ctx context.Context, silent, now time.Time) ([]Export, error)
}

// openExports is how many exports of one owner may be open.
const openExports = 5

// CreateExport checks and stores a new export that waits to be made. Personal data as it is
// needs a reason. Problems stand on kind, format, columns, reason and keep_hours;
// ErrExportMany.
func (s *Service) CreateExport(ctx context.Context, e Export) (Export, error) {
	var problems fault.List
	switch e.Kind {
	case ExportClaims, ExportUsers, ExportCampaigns:
	default:
		problems = append(problems, ErrExportKind)
	}
	if !slices.Contains(ExportFormats, e.Format) {
		problems = append(problems, ErrExportFormat)
	}
	if exportColumns[e.Kind] != nil {
		chosen, err := ChooseExportColumns(e.Kind, e.Columns)
		if problems = append(problems, fault.All(err)...); err == nil {
			e.Columns = chosen
		}
	}
	if e.Life == 0 {
		e.Life = ExportLife
	}
	if !slices.Contains(ExportLives, e.Life) {
		problems = append(problems, ErrExportLife)
	}
	e.Masked = e.Masked && e.Personal()
	e.Reason = strings.TrimSpace(cleanLine(e.Reason))
	if len([]rune(e.Reason)) > 200 {
		problems = append(problems, ErrExportReason)
	}
	if e.Reason == "" && e.Exposes() {
		problems = append(problems, ErrExportWhy)
	}
	if err := problems.OrNil(); err != nil {
		return e, err
	}
	e = s.waiting(e)
	return e, s.store.CreateExport(ctx, e, openExports)
}

// waiting is an export as it begins.
func (s *Service) waiting(e Export) Export {
	now := s.now().UTC()
	e.ID, e.State = string(NewRef())+string(NewRef()), ExportWaiting
	e.CreatedAt, e.UpdatedAt = now, now
	return e
}

// RetryExport stores a new export like the owner's own one that failed or was cancelled. A
// second one in the place of the same is ErrExportOver; ErrNoExport, ErrExportSearch,
// ErrExportMany.
func (s *Service) RetryExport(ctx context.Context, id string, owner ExportOwner) (Export, error) {
	old, err := s.store.ExportByID(ctx, id)
	switch {
	case err != nil:
		return Export{}, err
	case !old.Owner.Same(owner):
		return Export{}, ErrNoExport
	case old.Filter.Searched:
		return Export{}, ErrExportSearch
	}
	e := s.waiting(Export{
		Account: old.Account, Kind: old.Kind, Format: old.Format, Owner: owner, Reason: old.Reason, Filter: old.Filter, Columns: old.Columns,
		Masked: old.Masked, Life: old.Life,
	})
	return e, s.store.RetryExport(ctx, id, e, openExports)
}

// CancelExport ends an open export; the same again is safe. ErrExportOver when it ended
// otherwise, ErrNoExport.
func (s *Service) CancelExport(ctx context.Context, id string) (Export, error) {
	return s.store.CancelExport(ctx, id, s.now().UTC())
}

// OpenExports are the exports of an owner that are on their way.
func (s *Service) OpenExports(ctx context.Context, owner ExportOwner) ([]Export, error) {
	return s.store.OpenExports(ctx, owner)
}

// Export finds one by id; ErrNoExport.
func (s *Service) Export(ctx context.Context, id string) (Export, error) {
	return s.store.ExportByID(ctx, id)
}

// RecentExports are the newest exports.
func (s *Service) RecentExports(ctx context.Context, limit int) ([]Export, error) {
	return s.store.RecentExports(ctx, limit)
}

// SaveExport notes how far an export is; ErrExportOver when it ended meanwhile.
func (s *Service) SaveExport(ctx context.Context, e Export) error {
	e.UpdatedAt = s.now().UTC()
	return s.store.SaveExport(ctx, e)
}

// CountExport notes a download by somebody.
func (s *Service) CountExport(ctx context.Context, id, by string) error {
	return s.store.CountExport(ctx, id, by, s.now().UTC())
}

// EndExports ends the exports that are over and returns them: their files must go.
func (s *Service) EndExports(ctx context.Context) ([]Export, error) {
	now := s.now().UTC()
	return s.store.EndExports(ctx, now.Add(-exportSilence), now)
}
