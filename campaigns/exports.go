package campaigns

import (
	"context"
	"strings"
	"time"

	"kaquan/fault"
)

// ExportKind is what an export is about, ExportFormat how its file is written, ExportState
// how far it is.
type (
	ExportKind   string
	ExportFormat string
	ExportState  string
)

// The kinds, formats and states of exports.
const (
	ExportClaims    ExportKind = "claims"
	ExportUsers     ExportKind = "users"
	ExportCampaigns ExportKind = "campaigns"

	ExportXLSX ExportFormat = "xlsx"
	ExportCSV  ExportFormat = "csv"

	ExportWaiting ExportState = "waiting"
	ExportWorking ExportState = "working"
	ExportReady   ExportState = "ready"
	ExportFailed  ExportState = "failed"
	ExportExpired ExportState = "expired"
)

// ExportLife is how long a file can be fetched; exportSilence after how long without a
// word a job is taken for dead.
const (
	ExportLife    = 24 * time.Hour
	exportSilence = 2 * time.Minute
)

// Errors of exports.
var (
	ErrExportKind   = fault.New(fault.Invalid, "imports.export.error.kind").On("kind")
	ErrExportFormat = fault.New(fault.Invalid, "imports.export.error.format").On("format")
	ErrExportReason = fault.New(fault.Invalid, "imports.export.error.reason", "max", 200).On("reason")
	ErrExportMany   = fault.New(fault.Conflict, "imports.export.error.many")
	ErrExportGone   = fault.New(fault.NotFound, "imports.export.error.gone")
	ErrExportEarly  = fault.New(fault.Conflict, "imports.export.error.early")
	ErrNoExport     = fault.New(fault.NotFound, "imports.export.error.not_found")
)

// ExportFilter narrows an export, as far as it may be kept: of a search only that there
// was one.
type ExportFilter struct {
	Campaign ID           `json:"campaign,omitempty"`
	States   []ClaimState `json:"states,omitempty"`
	Channel  string       `json:"channel,omitempty"`
	From     time.Time    `json:"from,omitzero"`
	To       time.Time    `json:"to,omitzero"`
	Searched bool         `json:"searched,omitempty"`
}

// ExportOwner is who asked for an export: a person, or a program by its token.
type ExportOwner struct {
	Kind string // person, api_token
	ID   string
	Name string
}

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
	Masked  bool

	CreatedAt, UpdatedAt, DoneAt, ExpiresAt time.Time

	Rows, Total int64
	Size        int64 // bytes
	SHA256      string
	Taken       int64 // downloads
}

// Open reports whether the export is still on its way.
func (e *Export) Open() bool { return e.State == ExportWaiting || e.State == ExportWorking }

// Exports keeps the rows of exports.
type Exports interface {
	// CreateExport stores a new export unless its owner has limit open ones: ErrExportMany.
	CreateExport(ctx context.Context, e Export, limit int) error
	// ExportByID finds one. ErrNoExport.
	ExportByID(ctx context.Context, id string) (Export, error)
	// RecentExports are the newest, of everybody.
	RecentExports(ctx context.Context, limit int) ([]Export, error)
	// SaveExport writes how far an open export is; one that ended meanwhile stays as it is.
	SaveExport(ctx context.Context, e Export) error
	// CountExport counts a download.
	CountExport(ctx context.Context, id string) error
	// EndExports takes open exports without a word since silent for failed, and ready ones
	// past their expiry for expired, and returns both sorts as they are now.
	EndExports(ctx context.Context, silent, now time.Time) ([]Export, error)
}

// openExports is how many exports of one owner may be open.
const openExports = 5

// CreateExport checks and stores a new export that waits to be made. Problems stand on
// kind, format and reason; ErrExportMany.
func (s *Service) CreateExport(ctx context.Context, e Export) (Export, error) {
	var problems fault.List
	switch e.Kind {
	case ExportClaims, ExportUsers, ExportCampaigns:
	default:
		problems = append(problems, ErrExportKind)
	}
	if e.Format != ExportXLSX && e.Format != ExportCSV {
		problems = append(problems, ErrExportFormat)
	}
	e.Reason = strings.TrimSpace(cleanLine(e.Reason))
	if len([]rune(e.Reason)) > 200 {
		problems = append(problems, ErrExportReason)
	}
	if err := problems.OrNil(); err != nil {
		return e, err
	}
	now := s.now().UTC()
	e.ID, e.State = string(NewRef())+string(NewRef()), ExportWaiting
	e.CreatedAt, e.UpdatedAt = now, now
	return e, s.store.CreateExport(ctx, e, openExports)
}

// Export finds one by id; ErrNoExport.
func (s *Service) Export(ctx context.Context, id string) (Export, error) {
	return s.store.ExportByID(ctx, id)
}

// RecentExports are the newest exports.
func (s *Service) RecentExports(ctx context.Context, limit int) ([]Export, error) {
	return s.store.RecentExports(ctx, limit)
}

// SaveExport notes how far an export is.
func (s *Service) SaveExport(ctx context.Context, e Export) error {
	e.UpdatedAt = s.now().UTC()
	return s.store.SaveExport(ctx, e)
}

// CountExport notes a download.
func (s *Service) CountExport(ctx context.Context, id string) error {
	return s.store.CountExport(ctx, id)
}

// EndExports ends the exports that are over and returns them: their files must go.
func (s *Service) EndExports(ctx context.Context) ([]Export, error) {
	now := s.now().UTC()
	return s.store.EndExports(ctx, now.Add(-exportSilence), now)
}
