package staff

import (
	"context"
	"strconv"
	"time"

	"kaquan/i18n"
	"kaquan/redemption"
)

// Scan is the page on which a code is scanned or typed.
type Scan struct {
	Page
	Text  string // what was typed, when it was no code
	Error string
}

// Card is what a look or a refused redemption found.
type Card struct {
	Page
	View redemption.View
	Text string // what was scanned, for working on without network
	Key  string // of the redemption, minted with the look
}

// Result is one redemption, full-screen.
type Result struct {
	Page
	Row   redemption.Row
	Error string // why it could not be taken back
}

// undoable is whether the person at the till may take it back now.
func (r *Result) undoable() bool {
	return r.Row.CanUndo(r.Now) && (r.Row.Staff == r.Till.Staff.ID || r.manages())
}

// left is how long it can be taken back, in milliseconds and as a clock.
func (r *Result) left() (string, string) {
	d := max(r.Row.BookedAt.Add(redemption.UndoTime).Sub(r.Now), 0)
	s := int((d + time.Second - 1) / time.Second)
	two := strconv.Itoa(s % 60)
	if len(two) < 2 {
		two = "0" + two
	}
	return strconv.FormatInt(d.Milliseconds(), 10), strconv.Itoa(s/60) + ":" + two
}

func (r *Result) class() string {
	switch r.Row.State {
	case redemption.Done:
		return "result result_good"
	case redemption.Pending:
		return "result result_wait"
	case redemption.Undone:
		return "result result_plain"
	}
	return "result result_bad"
}

func (r *Result) word(ctx context.Context) string {
	switch r.Row.State {
	case redemption.Done:
		return i18n.T(ctx, "staff.result.done")
	case redemption.Pending:
		return i18n.T(ctx, "staff.result.pending")
	case redemption.Undone:
		return i18n.T(ctx, "staff.result.undone")
	}
	return i18n.T(ctx, "staff.result.failed")
}
