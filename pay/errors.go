package pay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Refused is a failure that WeChat answered (A8, B9). In v3 and for Code "FAIL" in v2 the
// answer is not signed: never change money state on it alone.
type Refused struct {
	Code    string // "FAIL" when v2 gave only a message
	Message string // for people; without control characters and without the payer
	Path    string
	Status  int    // of HTTP
	ID      string // v3 Request-ID: names the call to WeChat's support
}

// Error names the call, the code and the request id.
func (e *Refused) Error() string {
	text := "pay: " + e.Path + " answered " + e.Code
	if e.Message != "" {
		text += " (" + e.Message + ")"
	}
	if e.ID != "" {
		text += ", request " + e.ID
	}
	return text
}

// detail is the finer code at the end of the Request-ID, or 0.
func (e *Refused) detail() int {
	_, last, _ := cutLast(e.ID, "-")
	n, err := strconv.Atoi(last)
	if err != nil {
		return 0
	}
	return n
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// NetworkError is a call without an answer: name, connection, TLS, time-out.
type NetworkError struct {
	Path string
	Err  error // never holds the address of the call
}

// Error names the call and the cause.
func (e *NetworkError) Error() string { return "pay: " + e.Path + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *NetworkError) Unwrap() error { return e.Err }

// AnswerError is an answer that cannot be believed: no valid signature, another shape,
// another order than the one asked for.
type AnswerError struct {
	Path    string
	Status  int // of HTTP
	Problem string
}

// Error names the call and what is wrong with the answer, never its content.
func (e *AnswerError) Error() string {
	return fmt.Sprintf("pay: %s: %s (HTTP %d)", e.Path, e.Problem, e.Status)
}

// InputError is a value that WeChat would refuse; nothing was sent.
type InputError struct{ Field, Problem string }

// Error names the field, never its value.
func (e *InputError) Error() string { return "pay: " + e.Field + ": " + e.Problem }

// Unknown reports whether the call may have had an effect although it failed. Ask with
// Query or QueryRefund, or repeat the same call with the same numbers.
func Unknown(err error) bool {
	var (
		network *NetworkError
		answer  *AnswerError
	)
	return errors.As(err, &network) || errors.As(err, &answer) || Busy(err) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// Busy reports that WeChat could not work on the call: repeat it with the same parameters,
// two or three times (A8, B9).
func Busy(err error) bool {
	var (
		answer  *AnswerError
		refused *Refused
	)
	switch {
	case errors.As(err, &refused):
		return refused.Status >= 500 || slices.Contains(busyCodes, refused.Code)
	case errors.As(err, &answer):
		return answer.Status >= 500
	}
	return false
}

var busyCodes = []string{"SYSTEMERROR", "SYSTEM_ERROR", "BIZERR_NEED_RETRY", "SERVICE_UNAVAILABLE"}

func refusedAs(err error, codes []string, details ...int) bool {
	var r *Refused
	return errors.As(err, &r) && (slices.Contains(codes, r.Code) || r.ID != "" && slices.Contains(details, r.detail()))
}

// NotFound reports that WeChat does not know the order, the refund or the bill.
func NotFound(err error) bool {
	return refusedAs(err, []string{
		"ORDERNOTEXIST", "ORDER_NOT_EXIST", "REFUNDNOTEXIST", "RESOURCE_NOT_EXISTS", "NO_STATEMENT_EXIST", "20002",
	}, 268512771)
}

// AlreadyPaid reports that the order is paid: query it.
func AlreadyPaid(err error) bool {
	return refusedAs(err, []string{"ORDERPAID", "ORDER_PAID"}, 268449538, 268498689)
}

// Closed reports that the order is closed: it takes a new number.
func Closed(err error) bool {
	return refusedAs(err, []string{"ORDERCLOSED", "ORDER_CLOSED"}, 268447914)
}

// NumberUsed reports that the number belongs to another order, or to this one with other
// values.
func NumberUsed(err error) bool {
	return refusedAs(err, []string{"OUT_TRADE_NO_USED"}, 268498688)
}

// FrequencyLimited reports that WeChat wants fewer calls: wait, then repeat.
func FrequencyLimited(err error) bool {
	var r *Refused
	return errors.As(err, &r) && r.Status == 429 || refusedAs(err, []string{
		"FREQUENCY_LIMITED", "FREQUENCY_LIMIT_EXCEED", "RATELIMIT_EXCEEDED", "RATELIMIT_EXCEED", "INVALID_REQ_TOO_MUCH",
	}, 268447840)
}

// NotEnough reports that the money is not there: of the payer for an order, of the merchant
// for a refund (top up, or use FromBalance).
func NotEnough(err error) bool { return refusedAs(err, []string{"NOTENOUGH", "NOT_ENOUGH"}) }

// TooOld reports that the order is too old for a refund.
func TooOld(err error) bool { return refusedAs(err, []string{"TRADE_OVERDUE"}) }

// Misconfigured reports that keys, bindings or permissions are wrong, here or in the
// merchant's console: repeating does not help.
func Misconfigured(err error) bool {
	return refusedAs(err, []string{
		"SIGNERROR", "SIGN_ERROR", "NOAUTH", "NO_AUTH", "APPID_NOT_EXIST", "MCHID_NOT_EXIST", "MCH_NOT_EXISTS",
		"APPID_MCHID_NOT_MATCH",
	}, 268443699, 268445527, 268447843, 268448010, 268443715)
}
