package stores

import (
	"context"
	"time"
)

// StaffName is a name at a place, which is unique.
type StaffName struct {
	Place PlaceID
	Name  string
}

// Store keeps everything of the package. Every write is one transaction with its audit line.
type Store interface {
	// Places lists those of an account by name, Depth left 0.
	Places(ctx context.Context, account AccountID) ([]PlaceRow, error)
	// PlaceStocks sums up the levels of each place.
	PlaceStocks(ctx context.Context, account AccountID) (map[PlaceID]PlaceStock, error)
	// Place finds one; ErrPlaceNotFound.
	Place(ctx context.Context, id PlaceID) (Place, error)
	// CreatePlace stores p; ErrCodeTaken, ErrNameTaken, ErrParent, ErrTooMany.
	CreatePlace(ctx context.Context, p Place, a Audit) error
	// UpdatePlace changes p; the same errors and ErrPlaceNotFound.
	UpdatePlace(ctx context.Context, p Place, a Audit) error
	// SwitchPlace sets Disabled and, when off, ends the sessions of its staff; ErrPlaceNotFound.
	SwitchPlace(ctx context.Context, id PlaceID, off bool, a Audit) error

	// StaffList lists the newest first, at most f.Limit.
	StaffList(ctx context.Context, f StaffFilter, now time.Time) ([]StaffRow, error)
	// StaffAt lists who is not disabled at a place that is not, by name.
	StaffAt(ctx context.Context, place PlaceID) ([]Staff, error)
	// StaffNames are all names of the account.
	StaffNames(ctx context.Context, account AccountID) (map[StaffName]bool, error)
	// Staff finds one; ErrStaffNotFound.
	Staff(ctx context.Context, id StaffID) (Staff, error)
	// StaffByVisitor finds who is bound to the visitor, not disabled, at a place that is not;
	// ErrStaffNotFound.
	StaffByVisitor(ctx context.Context, visitor VisitorID) (Staff, error)
	// CreateStaff stores all or none; ErrNameTaken, ErrPlaceNotFound, ErrTooMany.
	CreateStaff(ctx context.Context, list []Staff, a Audit) error
	// UpdateStaff changes place, name and role, and ends the sessions when the place changes;
	// ErrNameTaken, ErrPlaceNotFound, ErrStaffNotFound.
	UpdateStaff(ctx context.Context, m Staff, a Audit) error
	// SetPIN replaces the hash, unlocks and ends the sessions; ErrStaffNotFound.
	SetPIN(ctx context.Context, id StaffID, hash string, a Audit) error
	// SwitchStaff sets Disabled and, when off, ends the sessions; ErrStaffNotFound.
	SwitchStaff(ctx context.Context, id StaffID, off bool, a Audit) error
	// TakeTry counts a try and gives the member with it counted: the MaxTries-th locks for
	// LockTime. While locked it is Locked; ErrStaffNotFound.
	TakeTry(ctx context.Context, id StaffID, now time.Time) (Staff, error)

	// StartStaffSession stores the session, unlocks the member and sets LastSeenAt, if neither
	// member nor place is disabled; ErrStaffNotFound.
	StartStaffSession(ctx context.Context, x Session, a Audit) error
	// StaffSession finds the living session; ErrNoSession.
	StaffSession(ctx context.Context, hash []byte, now time.Time) (Session, Staff, Place, error)
	// CountStaffSessions counts the living sessions of a member.
	CountStaffSessions(ctx context.Context, id StaffID, now time.Time) (int, error)
	// EndStaffSession removes a session; nothing when it is gone.
	EndStaffSession(ctx context.Context, hash []byte) error
	// RevokeStaffSessions removes all sessions of a member and counts them; ErrStaffNotFound.
	RevokeStaffSessions(ctx context.Context, id StaffID, a Audit) (int, error)
	// DeleteExpiredStaff removes sessions and links that ended before or at now.
	DeleteExpiredStaff(ctx context.Context, now time.Time) error
	// PutBind stores a link's hash in place of an earlier one of the member; ErrStaffNotFound.
	PutBind(ctx context.Context, id StaffID, hash []byte, until time.Time, a Audit) error
	// BindOf finds who a living link is for; ErrBindUsed.
	BindOf(ctx context.Context, hash []byte, now time.Time) (Staff, Place, error)
	// Bind removes the living link and sets Visitor, in one transaction; ErrBindUsed,
	// ErrVisitorBound.
	Bind(ctx context.Context, hash []byte, visitor VisitorID, a Audit) (Staff, error)
	// Unbind clears Visitor and ends the sessions; ErrStaffNotFound.
	Unbind(ctx context.Context, id StaffID, a Audit) error

	// GoodsList lists by name, at most f.Limit; f.After is the id of the last row before.
	GoodsList(ctx context.Context, f GoodsFilter) ([]GoodsRow, error)
	// CountLow counts goods below their minimum.
	CountLow(ctx context.Context, account AccountID) (int, error)
	// Goods finds one; ErrGoodsNotFound.
	Goods(ctx context.Context, id GoodsID) (Goods, error)
	// GoodsByBarcode finds one by its exact barcode; ErrGoodsNotFound.
	GoodsByBarcode(ctx context.Context, account AccountID, code string) (Goods, error)
	// GoodsCodes are all goods of the account by barcode.
	GoodsCodes(ctx context.Context, account AccountID) (map[string]Goods, error)
	// SaveGoods stores the added and changes the others, all or none; ErrBarcodeTaken, ErrTooMany,
	// ErrGoodsNotFound.
	SaveGoods(ctx context.Context, account AccountID, added, changed []Goods, a Audit) error
	// SetPicture stores the content unless it is there, names it in the article, and removes the
	// earlier one when no article shows it; name "" only removes. ErrGoodsNotFound.
	SetPicture(ctx context.Context, id GoodsID, name string, content []byte, a Audit) error
	// Picture is the content by name; ErrPictureNotFound.
	Picture(ctx context.Context, name string) ([]byte, error)
	// ArchiveGoods sets Archived; ErrGoodsNotFound.
	ArchiveGoods(ctx context.Context, id GoodsID, off bool, a Audit) error

	// Move applies all or none. A refusal of several is a *RowFault around the errors that
	// Service.Move names. When every key was there before, nothing is written.
	Move(ctx context.Context, moves []Move, a Audit) ([]Movement, error)
	// UndoMovement applies the reverse, of a transfer both; see Service.Undo.
	UndoMovement(ctx context.Context, id MovementID, by Actor, reason string, a Audit) ([]Movement, error)
	// Movement finds one; ErrMovementNotFound.
	Movement(ctx context.Context, id MovementID) (MovementRow, error)
	// Movements lists by At and ID, the newest first, at most f.Limit.
	Movements(ctx context.Context, f MovementFilter) ([]MovementRow, error)
	// VerifyStock compares levels with the sums of movements.
	VerifyStock(ctx context.Context, account AccountID) (int, []Difference, error)
	// Level is the stock of an article at a place.
	Level(ctx context.Context, place PlaceID, goods GoodsID) (int64, error)
	// LevelsOf lists the stock of an article by place name.
	LevelsOf(ctx context.Context, goods GoodsID) ([]PlaceLevel, error)

	// OpenCount stores c; ErrCountOpen.
	OpenCount(ctx context.Context, c Count, a Audit) error
	// Count finds one with its lines, the last counted first; ErrCountNotFound.
	Count(ctx context.Context, id CountID) (Count, []CountLine, error)
	// Counts lists the newest first.
	Counts(ctx context.Context, account AccountID, limit int) ([]Count, error)
	// SetSeen stores a line with the level of now as Expected; ErrCountClosed, ErrGoodsNotFound.
	SetSeen(ctx context.Context, id CountID, goods GoodsID, seen int64, now time.Time) error
	// DropSeen removes a line; ErrCountClosed.
	DropSeen(ctx context.Context, id CountID, goods GoodsID) error
	// CloseCount closes an open count and books the differences; ErrCountClosed.
	CloseCount(ctx context.Context, id CountID, by Actor, reason string, a Audit) ([]Movement, error)
	// CancelCount closes an open count without booking; ErrCountClosed.
	CancelCount(ctx context.Context, id CountID, a Audit) error
}
