package redemption

import "kaquan/fault"

// What is refused, in words for people.
var (
	ErrNotFound   = fault.New(fault.NotFound, "redemption.error.not_found")
	ErrNotAllowed = fault.New(fault.Forbidden, "redemption.error.not_allowed")
	// ErrRefused says that the card cannot be redeemed now; Look says why.
	ErrRefused   = fault.New(fault.Conflict, "redemption.error.refused")
	ErrKeyReused = fault.New(fault.Conflict, "redemption.error.key_reused")
	ErrBadKey    = fault.New(fault.Invalid, "redemption.error.key")
	// ErrTooLate says that the minutes for taking back are over.
	ErrTooLate = fault.New(fault.Conflict, "redemption.error.too_late")
	// ErrNoUndo says that nobody can take this back: WeChat redeemed the card.
	ErrNoUndo  = fault.New(fault.Conflict, "redemption.error.no_undo")
	ErrUndone  = fault.New(fault.Conflict, "redemption.error.undone")
	ErrPending = fault.New(fault.Conflict, "redemption.error.pending")
	ErrTooMany = fault.New(fault.Invalid, "redemption.error.too_many", "max", MaxOffline)
)
