package stores

import (
	"fmt"
	"strings"

	"kaquan/fault"
)

// What is refused, in words for people.
var (
	ErrPlaceNotFound = fault.New(fault.NotFound, "stores.error.place_not_found")
	ErrPlaceDisabled = fault.New(fault.Conflict, "stores.error.place_disabled").On("place")
	ErrCodeTaken     = fault.New(fault.Conflict, "stores.error.code_taken").On("code")
	ErrNameTaken     = fault.New(fault.Conflict, "stores.error.name_taken").On("name")
	ErrParent        = fault.New(fault.Invalid, "stores.error.parent").On("parent") // of another account, below the place itself, or too deep
	ErrTooMany       = fault.New(fault.Conflict, "stores.error.too_many")

	ErrStaffNotFound = fault.New(fault.NotFound, "stores.error.staff_not_found")
	ErrWrongPIN      = fault.New(fault.Invalid, "stores.error.wrong_pin").On("pin") // unknown, disabled and wrong look the same
	ErrLocked        = fault.New(fault.RateLimited, "stores.error.locked").On("pin")
	ErrNoSession     = fault.New(fault.Unauthorized, "stores.error.no_session")
	ErrCSRF          = fault.New(fault.Forbidden, "stores.error.csrf")
	ErrBindUsed      = fault.New(fault.Forbidden, "stores.error.bind_used")
	ErrVisitorBound  = fault.New(fault.Conflict, "stores.error.visitor_bound")

	ErrGoodsNotFound = fault.New(fault.NotFound, "stores.error.goods_not_found").On("goods")
	ErrGoodsArchived = fault.New(fault.Conflict, "stores.error.goods_archived").On("goods")
	ErrBarcodeTaken  = fault.New(fault.Conflict, "stores.error.barcode_taken").On("barcode")
	ErrBarcode       = fault.New(fault.Invalid, "stores.error.barcode").On("barcode") // the check digit does not fit, or other signs than a code has

	ErrPicture         = fault.New(fault.Invalid, "stores.error.picture").On("picture")
	ErrPictureNotFound = fault.New(fault.NotFound, "stores.error.picture_not_found")

	ErrMovementNotFound = fault.New(fault.NotFound, "stores.error.movement_not_found")
	ErrNotEnough        = fault.New(fault.Conflict, "stores.error.not_enough").On("quantity") // NotEnough has the numbers; errors.Is finds both
	ErrKeyReused        = fault.New(fault.Conflict, "stores.error.key_reused")
	ErrUndone           = fault.New(fault.Conflict, "stores.error.undone")
	ErrNoUndo           = fault.New(fault.Conflict, "stores.error.no_undo")
	ErrSamePlace        = fault.New(fault.Invalid, "stores.error.same_place").On("to")

	ErrCountNotFound = fault.New(fault.NotFound, "stores.error.count_not_found")
	ErrCountOpen     = fault.New(fault.Conflict, "stores.error.count_open")
	ErrCountClosed   = fault.New(fault.Conflict, "stores.error.count_closed")
)

// NotEnough is ErrNotEnough with how many are there and how many are asked for.
func NotEnough(have, need int64) *fault.Error {
	return fault.New(fault.Conflict, ErrNotEnough.Key, "have", have, "need", need).On("quantity")
}

// RowError is what is wrong with a row of an import; rows count from 1, as spreadsheets do.
type RowError struct {
	Row   int
	Field string
	Key   string
	Args  map[string]any
}

// RowErrors are those of a whole import, in the order of its rows. Nothing was stored.
type RowErrors []RowError

// Error is the text for the log: it names no content.
func (l RowErrors) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d rows are wrong", len(l))
	if len(l) > 0 {
		fmt.Fprintf(&b, ", the first is row %d: %s (%s)", l[0].Row, l[0].Key, l[0].Field)
	}
	return b.String()
}

// add appends what err says about row; it reports false for an error of another kind.
func (l *RowErrors) add(row int, err error) bool {
	all := fault.All(err)
	for _, e := range all {
		*l = append(*l, RowError{Row: row, Field: e.Field, Key: e.Key, Args: e.Args})
	}
	return len(all) > 0
}

func (l RowErrors) orNil() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

func invalid(field, key string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "stores.error."+key, args...).On(field)
}
