package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Code classifies an error for machines: HTTP status, log level, retry policy.
type Code string

// The codes. Anything that is not an *Error counts as Internal.
const (
	Invalid      Code = "invalid"      // the input breaks a rule; 422
	NotFound     Code = "not_found"    // no such thing; 404
	Conflict     Code = "conflict"     // the state changed or does not allow it; 409
	Unauthorized Code = "unauthorized" // nobody is signed in; 401
	Forbidden    Code = "forbidden"    // signed in but not allowed, or a forged request; 403
	RateLimited  Code = "rate_limited" // too many tries; 429
	Unavailable  Code = "unavailable"  // something we depend on is down; 503
	Internal     Code = "internal"     // our mistake; 500
)

// Error is an error with a sentence for people. Key names the sentence in the
// catalogues, Args fill its placeholders, Field names the input it belongs to
// ("" when it belongs to the whole request). Err is for the log only.
type Error struct {
	Code  Code
	Key   string
	Args  map[string]any
	Field string
	Err   error
}

// Error is the text for logs, never for people.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	b.WriteString(": ")
	b.WriteString(e.Key)
	if e.Field != "" {
		b.WriteString(" (" + e.Field + ")")
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error; args are name, value pairs for the sentence's placeholders.
func New(code Code, key string, args ...any) *Error {
	e := &Error{Code: code, Key: key}
	for i := 0; i+1 < len(args); i += 2 {
		if e.Args == nil {
			e.Args = make(map[string]any, len(args)/2)
		}
		e.Args[fmt.Sprint(args[i])] = args[i+1]
	}
	return e
}

// On returns a copy of e that belongs to the named input field.
func (e *Error) On(field string) *Error {
	c := *e
	c.Field = field
	return &c
}

// Because returns a copy of e with the cause for the log.
func (e *Error) Because(err error) *Error {
	c := *e
	c.Err = err
	return &c
}

// Is reports whether target is an *Error with the same code and key, so that
// errors.Is works with the exported error values of the domain packages.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.Key == e.Key
}

// List is every problem of one form, in the order of its fields.
type List []*Error

// Error joins the texts for the log.
func (l List) Error() string {
	parts := make([]string, len(l))
	for i, e := range l {
		parts[i] = e.Error()
	}
	return strings.Join(parts, "; ")
}

// OrNil returns nil for an empty list, so that a validator can end with
// "return problems.OrNil()" without the typed-nil trap.
func (l List) OrNil() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// Unwrap lets errors.Is and errors.As see each problem.
func (l List) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}

// All returns every *Error inside err: the members of a List, or the one error
// itself. It is empty for foreign errors.
func All(err error) List {
	var l List
	if errors.As(err, &l) {
		return l
	}
	var e *Error
	if errors.As(err, &e) {
		return List{e}
	}
	return nil
}

// CodeOf is the code of err: Internal for foreign errors, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if all := All(err); len(all) > 0 {
		return all[0].Code
	}
	return Internal
}
