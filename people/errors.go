package people

import (
	"errors"

	"kaquan/fault"
)

// The refusals. Store returns ErrPersonNotFound, ErrLoginTaken, ErrLastOwner,
// ErrInvitationUsed, ErrSetupDone, ErrNoSession, ErrOneTimeUsed, ErrTwoStepOn and ErrCode; the
// service returns the rest too.
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
	ErrLastOwner      = fault.New(fault.Conflict, "people.owner.last")
	ErrSelf           = fault.New(fault.Conflict, "people.self")
	ErrDisabled       = fault.New(fault.Conflict, "people.person.disabled")
	ErrInvitationUsed = fault.New(fault.Conflict, "people.invitation.used")
	ErrPasswordLink   = fault.New(fault.Forbidden, "people.password_link.used")
	ErrOldPassword    = fault.New(fault.Invalid, "people.password.wrong")
	ErrSecondStep     = fault.New(fault.Unauthorized, "people.signin.second") // the password is right; a code is asked for
	ErrCode           = fault.New(fault.Invalid, "people.code.wrong")         // wrong, old and used ones look the same
	ErrTwoStepOn      = fault.New(fault.Conflict, "people.two_step.stale")
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
