package campaigns

import (
	"context"
	"strings"
	"time"

	"kaquan/fault"
)

// BulkOp is what a change to several campaigns does.
type BulkOp string

// The changes.
const (
	BulkPause   BulkOp = "pause"
	BulkResume  BulkOp = "resume"
	BulkArchive BulkOp = "archive"
	BulkTag     BulkOp = "tag"
	BulkUntag   BulkOp = "untag"
	BulkEnd     BulkOp = "end" // of one campaign alone
)

const (
	// MaxBulk is how many campaigns one change touches.
	MaxBulk = 5000
	// UndoLife is how long a change can be taken back.
	UndoLife = 10 * time.Minute
)

// The refusals of changes to several campaigns.
var (
	ErrNothingChosen = fault.New(fault.Invalid, "shell.bulk.nothing")
	ErrBulkTooMany   = fault.New(fault.Invalid, "shell.bulk.too_many", "max", MaxBulk)
	ErrUnknownBulk   = fault.New(fault.Invalid, "error.invalid")
	ErrUndoGone      = fault.New(fault.Conflict, "shell.undo.gone")
)

// Bulk is one change to several campaigns.
type Bulk struct {
	Op     BulkOp
	IDs    []ID
	Reason string // of a pause, shown to visitors
	Tag    string // added or removed
}

// BulkResult says how many campaigns changed. The others were in a state that does not
// allow it, or need no change. Undo names what takes the change back; "" = nothing to.
type BulkResult struct {
	Changed, Skipped int
	Undo             string
}

// StatusNow is what decides about a campaign's next status.
type StatusNow struct {
	Status      Status
	StartsAt    time.Time
	EndsAt      time.Time
	PauseReason string
	Version     int64
	State       State
}

// UndoNote is stored with a change so that Person can take it back.
type UndoNote struct {
	ID     string
	Person string
	At     time.Time
}

// BulkStore changes several campaigns in one transaction.
type BulkStore interface {
	// ChangeStatuses asks decide about each campaign and moves those for which it says so,
	// with an audit line each and what undo needs. decide must be a pure function.
	ChangeStatuses(ctx context.Context, ids []ID, decide func(StatusNow) (to Status, reason string, ok bool), audit Audit, undo UndoNote) (changed int, err error)
	// ChangeTags adds a tag to the campaigns or removes it, at most MaxTags each.
	ChangeTags(ctx context.Context, ids []ID, tag string, add bool, audit Audit, undo UndoNote) (changed int, err error)
	// UndoChange takes a change of the person back that is not older than oldest, campaign
	// by campaign where nobody changed it since. ErrUndoGone; of two calls one succeeds.
	UndoChange(ctx context.Context, id, person string, oldest time.Time, audit Audit) (changed, skipped int, err error)
}

// ChangeMany changes several campaigns at once. Each is guarded by its own state, so a
// campaign that does not fit is skipped and the others change. A repeat changes nothing.
// Campaigns are ended one by one, with ChangeOne.
func (s *Service) ChangeMany(ctx context.Context, actor Actor, b Bulk) (BulkResult, error) {
	if b.Op == BulkEnd {
		return BulkResult{}, ErrUnknownBulk
	}
	return s.change(ctx, actor, b)
}

// ChangeOne pauses, resumes, ends or archives one campaign; reason is of a pause, its problems
// are on "reason". The change can be taken back as one of many can: undo names it for
// UndoMany, "" when the campaign was so already. ErrCampaignNotFound; ErrWrongState when its
// state does not allow it.
func (s *Service) ChangeOne(ctx context.Context, actor Actor, id ID, op BulkOp, reason string) (undo string, err error) {
	to, known := map[BulkOp]Status{BulkPause: StatusPaused, BulkResume: StatusPublished, BulkEnd: StatusEnded, BulkArchive: StatusArchived}[op]
	if !known {
		return "", ErrUnknownBulk
	}
	r, err := s.change(ctx, actor, Bulk{Op: op, IDs: []ID{id}, Reason: reason})
	if err != nil || r.Changed > 0 {
		return r.Undo, err
	}
	c, err := s.store.CampaignByID(ctx, id)
	if err == nil && c.Status != to {
		err = ErrWrongState
	}
	return "", err
}

func (s *Service) change(ctx context.Context, actor Actor, b Bulk) (BulkResult, error) {
	switch {
	case len(b.IDs) == 0:
		return BulkResult{}, ErrNothingChosen
	case len(b.IDs) > MaxBulk:
		return BulkResult{}, ErrBulkTooMany
	}
	now := s.now().UTC()
	note := UndoNote{ID: string(NewRef()) + string(NewRef()), Person: actor.ID, At: now}
	var (
		changed int
		err     error
	)
	switch b.Op {
	case BulkTag, BulkUntag:
		var tag string
		if tag, err = CleanTag(b.Tag); err != nil {
			return BulkResult{}, err
		}
		changed, err = s.store.ChangeTags(ctx, b.IDs, tag, b.Op == BulkTag, s.audit(actor, "campaign."+string(b.Op), now, map[string]any{"tag": tag}), note)
	case BulkPause:
		var reason string
		if reason, err = pauseReason(b.Reason); err != nil {
			return BulkResult{}, err
		}
		changed, err = s.store.ChangeStatuses(ctx, b.IDs, func(c StatusNow) (Status, string, bool) {
			return StatusPaused, reason, c.State == Running || c.State == Scheduled
		}, s.audit(actor, "campaign.pause", now, map[string]any{"reason": reason}), note)
	case BulkResume:
		changed, err = s.store.ChangeStatuses(ctx, b.IDs, func(c StatusNow) (Status, string, bool) {
			return StatusPublished, "", c.State == Paused
		}, s.audit(actor, "campaign.resume", now, nil), note)
	case BulkEnd:
		changed, err = s.store.ChangeStatuses(ctx, b.IDs, func(c StatusNow) (Status, string, bool) {
			return StatusEnded, "", c.Status == StatusPublished || c.Status == StatusPaused
		}, s.audit(actor, "campaign.end", now, nil), note)
	case BulkArchive:
		changed, err = s.store.ChangeStatuses(ctx, b.IDs, func(c StatusNow) (Status, string, bool) {
			return StatusArchived, "", c.State == Ended || c.State == Unpublished
		}, s.audit(actor, "campaign.archive", now, nil), note)
	default:
		return BulkResult{}, ErrUnknownBulk
	}
	if err != nil {
		return BulkResult{}, err
	}
	r := BulkResult{Changed: changed, Skipped: len(b.IDs) - changed}
	if changed > 0 {
		r.Undo = note.ID
	}
	return r, nil
}

// UndoMany takes back a change of the same person's that is at most UndoLife old. What
// somebody changed since stays as it is. ErrUndoGone.
func (s *Service) UndoMany(ctx context.Context, actor Actor, id string) (BulkResult, error) {
	now := s.now().UTC()
	changed, skipped, err := s.store.UndoChange(ctx, id, actor.ID, now.Add(-UndoLife), s.audit(actor, "campaign.undo", now, nil))
	return BulkResult{Changed: changed, Skipped: skipped}, err
}

// pauseReason is a reason as visitors read it; problems are on "reason".
func pauseReason(text string) (string, error) {
	reason := strings.TrimSpace(cleanLine(text))
	if n := len([]rune(reason)); n == 0 {
		return "", fault.New(fault.Invalid, "campaign.error.required").On("reason")
	} else if n > 60 {
		return "", fault.New(fault.Invalid, "campaign.error.too_long", "max", 60, "count", n).On("reason")
	}
	return reason, nil
}

// At is c with its state at now, for stores.
func (c StatusNow) At(now time.Time) StatusNow {
	of := Campaign{Status: c.Status, StartsAt: c.StartsAt, EndsAt: c.EndsAt}
	c.State = of.State(now)
	return c
}
