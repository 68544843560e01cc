package people

import (
	"errors"

	"kaquan/fault"
)

// The refusals. Store returns ErrPersonNotFound, ErrLoginTaken, ErrSetupDone, ErrNoSession
// and ErrOneTimeUsed; the service returns the rest too.
var (
	ErrPersonNotFound = fault.New(fault.NotFound, "people.person.not_found")
	ErrLoginTaken     = fault.New(fault.Invalid, "people.login.taken")
	ErrSetupDone      = fault.New(fault.Conflict, "people.setup.done")
	ErrSetupToken     = fault.New(fault.Forbidden, "people.setup.token")
	ErrSignIn         = fault.New(fault.Invalid, "people.signin.wrong") // unknown, wrong and disabled look the same
	ErrTooMany        = fault.New(fault.RateLimited, "people.signin.too_many")
	ErrBusy           = fault.New(fault.Unavailable, "people.signin.busy")
	ErrNoSession      = fault.New(fault.Unauthorized, "people.session.none")
	ErrOneTimeUsed    = fault.New(fault.Forbidden, "people.link.used")
	ErrCSRF           = fault.New(fault.Forbidden, "people.session.csrf")
)

// onLogin puts the store's refusals about a login on that field.
func onLogin(err error) error {
	for _, known := range []*fault.Error{ErrLoginTaken, ErrPersonNotFound} {
		if errors.Is(err, known) {
			return known.On("login").Because(err)
		}
	}
	return err
}
