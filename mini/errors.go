package mini

import (
	"context"
	"errors"

	"kaquan/fault"
	"kaquan/wechat"
)

// The refusals of the API. Their keys are its error codes, which never change.
var (
	ErrNoToken        = fault.New(fault.Unauthorized, "mini.session.none")
	ErrUnknownToken   = fault.New(fault.Unauthorized, "mini.session.unknown")
	ErrExpired        = fault.New(fault.Unauthorized, "mini.session.expired")
	ErrRevoked        = fault.New(fault.Unauthorized, "mini.session.revoked")
	ErrOtherAccount   = fault.New(fault.Forbidden, "mini.session.other_account")
	ErrCodeMissing    = fault.New(fault.Invalid, "mini.code.missing").On("code")
	ErrCodeInvalid    = fault.New(fault.Unauthorized, "mini.code.invalid")
	ErrCodeUsed       = fault.New(fault.Unauthorized, "mini.code.used")
	ErrCodeBlocked    = fault.New(fault.Forbidden, "mini.code.blocked")
	ErrTooOften       = fault.New(fault.RateLimited, "mini.code.often")
	ErrUnknownProgram = fault.New(fault.NotFound, "mini.program.unknown").On("app_id")
	ErrPhoneMissing   = fault.New(fault.Invalid, "mini.phone.missing").On("code")
	ErrPhoneCode      = fault.New(fault.Invalid, "mini.phone.code").On("code")
	ErrDataShape      = fault.New(fault.Invalid, "mini.data.shape").On("encrypted_data")
	ErrDataStale      = fault.New(fault.Conflict, "mini.data.stale")
	ErrDataOld        = fault.New(fault.Conflict, "mini.data.old")
	ErrDataSignature  = fault.New(fault.Conflict, "mini.data.signature").On("signature")
	ErrNickname       = fault.New(fault.Invalid, "mini.nickname.refused").On("nickname")
	ErrAvatarBad      = fault.New(fault.Invalid, "mini.avatar.bad").On("avatar")
	ErrAvatarLarge    = fault.New(fault.Invalid, "mini.avatar.large").On("avatar")
	ErrAvatarNotFound = fault.New(fault.NotFound, "error.not_found")
	ErrWeChat         = fault.New(fault.Unavailable, "mini.error.wechat")
)

// Errors that only stores answer.
var (
	ErrIdentityNotFound = errors.New("mini: no such identity")
	ErrProgramNotFound  = errors.New("mini: no such mini program")
)

// loginError is what a sign-in tells about a failure of the gateway.
func loginError(err error) error {
	switch {
	case errors.Is(err, wechat.ErrCodeInvalid):
		return ErrCodeInvalid
	case errors.Is(err, wechat.ErrCodeUsed):
		return ErrCodeUsed
	case errors.Is(err, wechat.ErrCodeBlocked):
		return ErrCodeBlocked
	}
	return gatewayError(err)
}

// gatewayError keeps the cause for the log. Errors of ours pass.
func gatewayError(err error) error {
	switch {
	case err == nil, len(fault.All(err)) > 0, errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, wechat.ErrTooOften):
		return ErrTooOften
	}
	return ErrWeChat.Because(err)
}
