package doctor

import (
	"context"
	"time"
)

// Sample is the worst level of a stretch of time that starts at At.
type Sample struct {
	At    time.Time `json:"at"`
	Level Level     `json:"level"`
}

// Incident is one problem from its start to its end.
type Incident struct {
	ID      int64     `json:"id"`
	Check   Check     `json:"check"`
	Account string    `json:"account,omitempty"`
	Level   Level     `json:"level"` // the worst it was
	What    Text      `json:"what"`
	Code    int       `json:"code,omitempty"`
	Start   time.Time `json:"start"`
	End     time.Time `json:"end,omitzero"` // zero while it lasts
	Count   int       `json:"count"`        // how often it was found, or how often it happened where that is known
}

// ReportKind says what a report is about.
type ReportKind string

// The kinds of reports.
const (
	PushVerified ReportKind = "push_verified" // the console's GET had a good signature
	PushRefused  ReportKind = "push_refused"  // a push with a wrong signature or time
	OAuthFailed  ReportKind = "oauth_failed"  // web authorisation failed; Code says how
	SignatureBad ReportKind = "signature_bad" // a page reported wx.error; Detail is its message
)

// Report is something that another part of the program saw. Detail is without secrets,
// openids and queries.
type Report struct {
	Account string
	Kind    ReportKind
	At      time.Time
	Code    int
	Detail  string
	RID     string
}

// Store keeps findings, their history and reports. Safe for concurrent use by several
// processes.
type Store interface {
	// SaveFindings keeps the findings as the newest, one sample each per minute, and
	// opens and closes incidents, in one write. An incident ends when its check is OK or
	// has another cause; Unknown leaves it open. With all, everything that is not among
	// the findings is over and forgotten. Findings get Since and Count of their
	// incident, where they have none.
	SaveFindings(ctx context.Context, at time.Time, findings []Finding, all bool) ([]Finding, error)
	// Latest finding of each check and account.
	Latest(ctx context.Context) ([]Finding, error)
	// Samples since a time, the worst of each step, oldest first.
	Samples(ctx context.Context, since time.Time, step time.Duration) (map[Key][]Sample, error)
	// Incidents, newest first, open ones before the others.
	Incidents(ctx context.Context, limit int) ([]Incident, error)
	// AddReport keeps a report.
	AddReport(ctx context.Context, r Report) error
	// Reports of an account since a time, newest first, at most limit.
	Reports(ctx context.Context, account string, kind ReportKind, since time.Time, limit int) ([]Report, error)
	// DropReports forgets an account's reports of a kind.
	DropReports(ctx context.Context, account string, kind ReportKind) error
	// TrimHealth forgets samples, closed incidents and reports from before the times.
	TrimHealth(ctx context.Context, samples, rest time.Time) error
}
