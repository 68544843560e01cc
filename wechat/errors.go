package wechat

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// Class groups error codes by who can do something about them.
type Class string

// The classes.
const (
	ClassConfig     Class = "config"     // settings here or in the console are wrong
	ClassToken      Class = "token"      // the token or its signature was refused
	ClassQuota      Class = "quota"      // too many calls
	ClassBusy       Class = "busy"       // WeChat is busy; try again
	ClassInput      Class = "input"      // WeChat did not accept what was sent
	ClassPermission Class = "permission" // the account may not do this
	ClassVisitor    Class = "visitor"    // the visitor has to do something, or cannot
	ClassCard       Class = "card"       // the state of the card or of the code forbids it
	ClassUnknown    Class = "unknown"
)

// Errors that ask for a special reaction; compare with errors.Is.
var (
	// ErrCodeInvalid: the code of web authorisation is unknown or too old. Start again once.
	ErrCodeInvalid = errors.New("wechat: the authorisation code is not valid")
	// ErrCodeUsed: the code was redeemed before, as after Back or Reload.
	ErrCodeUsed = errors.New("wechat: the authorisation code was used before")
	// ErrRefusedAgain: the value was replaced a moment ago and WeChat refuses it still.
	ErrRefusedAgain = errors.New("wechat: refused again right after it was renewed")
	// ErrPushRefused: the signature or the time of a push does not fit, or the account
	// has no push token.
	ErrPushRefused = errors.New("wechat: push refused")
	// ErrPushStale is ErrPushRefused for the time alone.
	ErrPushStale = fmt.Errorf("%w: the timestamp is too far from our clock", ErrPushRefused)
)

// APIError is a failure that WeChat answered (protocol 9). Message is its errmsg without
// control characters and without the secrets of the call.
type APIError struct {
	Code    int
	Message string
	RID     string // names the call to WeChat's support; often ""
	Path    string
}

// Error names the call, the code and the rid.
func (e *APIError) Error() string {
	text := "wechat: " + e.Path + " answered " + strconv.Itoa(e.Code)
	if e.Message != "" {
		text += " (" + e.Message + ")"
	}
	if e.RID != "" && !strings.Contains(e.Message, e.RID) {
		text += ", rid " + e.RID
	}
	return text
}

// Is matches the errors of this package that stand for one code.
func (e *APIError) Is(target error) bool {
	switch e.Code {
	case 40029, 42003:
		return target == ErrCodeInvalid
	case 40163:
		return target == ErrCodeUsed
	case 40056:
		return target == ErrCodeUnknown
	case 40099:
		return target == ErrCodeConsumed
	case 40127:
		return target == ErrCodeUnusable
	case 43004:
		return target == ErrNotFollower
	case 45015:
		return target == ErrWindowClosed
	case 45047:
		return target == ErrWindowUsed
	case 46003:
		return target == ErrNoMenu
	}
	return false
}

// Class of the code.
func (e *APIError) Class() Class {
	return Explain(e.Code).Class
}

// Meaning is the key of the sentence that says what the code means and what to change.
func (e *APIError) Meaning() string {
	return Explain(e.Code).Meaning
}

// IP is the address that WeChat saw the call come from, "" when the message names none.
// Only errors about the allow-list have one.
func (e *APIError) IP() string {
	switch e.Code {
	case 40164, 61004, 89501, 89503, 89506, 89507:
	default:
		return ""
	}
	for word := range strings.FieldsFuncSeq(e.Message, func(r rune) bool { return strings.ContainsRune(" ,;()[]'\"\t", r) }) {
		if ip, err := netip.ParseAddr(strings.TrimSuffix(word, ".")); err == nil && ip.Zone() == "" {
			return ip.Unmap().String()
		}
	}
	return ""
}

// Retryable reports whether the same call may succeed later with nothing changed.
func (e *APIError) Retryable() bool { return e.Class() == ClassBusy || e.Code == 45011 }

// tokenRefused reports whether a new token may help. Nothing else may cause a refresh:
// the other errors would come back and use up the quota (protocol 1.3).
func (e *APIError) tokenRefused() bool {
	return e.Code == 40001 || e.Code == 40014 || e.Code == 42001
}

// NetworkError is a call without an answer: name, connection, TLS, time-out.
type NetworkError struct {
	Path string
	Err  error // never holds the address of the call
}

// Error names the call and the cause.
func (e *NetworkError) Error() string { return "wechat: " + e.Path + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *NetworkError) Unwrap() error { return e.Err }

// AnswerError is an answer that is not what the protocol says: a page of a proxy, a cut
// body, a token that is missing.
type AnswerError struct {
	Path    string
	Status  int // of HTTP; 0 when it does not matter
	Problem string
}

// Error names the call and what is wrong with the answer, never its content.
func (e *AnswerError) Error() string {
	if e.Status == 0 || e.Status == 200 {
		return "wechat: " + e.Path + ": " + e.Problem
	}
	return fmt.Sprintf("wechat: %s: %s (HTTP %d)", e.Path, e.Problem, e.Status)
}

// Meaning is the key of the sentence for any error of this package; "" for nil.
func Meaning(err error) string {
	var (
		api     *APIError
		network *NetworkError
		answer  *AnswerError
	)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &api):
		return api.Meaning()
	case errors.As(err, &answer):
		return "wechat.error.answer"
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded):
		return "wechat.error.network"
	case errors.Is(err, ErrCodeInvalid):
		return "wechat.error.40029"
	case errors.Is(err, ErrCodeUsed):
		return "wechat.error.40163"
	case errors.Is(err, ErrRefusedAgain):
		return "wechat.error.40001"
	}
	return "wechat.error.unknown"
}

var ridPattern = regexp.MustCompile(`(?i)\brid:?\s*([0-9a-z][0-9a-z-]{5,63})`)

// rid finds the request id that WeChat appends to most messages.
func rid(message string) string {
	if m := ridPattern.FindStringSubmatch(message); m != nil {
		return m[1]
	}
	return ""
}
