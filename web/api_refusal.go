package web

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views"
)

// apiProblem is the body of every answer that is no success.
type apiProblem struct {
	Error struct {
		Code        fault.Code `json:"code"`
		Key         string     `json:"key"`
		Message     string     `json:"message"`
		SupportCode string     `json:"support_code,omitempty"`
		Field       string     `json:"field,omitempty"`    // of the body that is wrong
		Problems    []apiFlaw  `json:"problems,omitempty"` // all of them, when there are several
	} `json:"error"`
}

// apiFlaw is one of several problems.
type apiFlaw struct {
	Field   string `json:"field,omitempty"`
	Key     string `json:"key"`
	Message string `json:"message"`
}

// renderAPIProblem tells a program what went wrong: a code to branch on, the key of the
// sentence, and the sentence in the language that it asked for.
func renderAPIProblem(c *fiber.Ctx, err error, p views.Problem) error {
	ctx := i18n.With(c.UserContext(), i18n.Match(c.Get(fiber.HeaderAcceptLanguage)))
	var body apiProblem
	body.Error.Code, body.Error.Key, body.Error.SupportCode = apiCode(err, p.Status), p.Key, p.SupportCode
	if p.Key == "error.not_found" { // which speaks of a page
		body.Error.Key = "api.not_found"
	}
	body.Error.Message = i18n.TArgs(ctx, body.Error.Key, p.Args)
	if all := fault.All(err); p.Status < fiber.StatusInternalServerError && len(all) > 0 {
		body.Error.Field = all[0].Field
		for _, e := range all {
			if len(all) > 1 {
				body.Error.Problems = append(body.Error.Problems, apiFlaw{e.Field, e.Key, i18n.TArgs(ctx, e.Key, e.Args)})
			}
		}
	}
	return sendJSON(c, p.Status, &body)
}

// apiCode is the machine's code: the error's own, or what its status means.
func apiCode(err error, status int) fault.Code {
	var wrong *fiber.Error
	if !errors.As(err, &wrong) {
		return fault.CodeOf(err)
	}
	for code, s := range statusOf {
		if s == status {
			return code
		}
	}
	if status < fiber.StatusInternalServerError {
		return fault.Invalid
	}
	return fault.Internal
}

// sendJSON writes a body without the escapes that only HTML needs.
func sendJSON(c *fiber.Ctx, status int, body any) error {
	c.Status(status)
	c.Response().Header.SetContentType("application/json; charset=utf-8")
	e := json.NewEncoder(c.Response().BodyWriter())
	e.SetEscapeHTML(false)
	return e.Encode(body)
}

// refuse writes a refusal into the audit, once a minute for each token and reason, and
// passes it on. who is nil when nobody's token came.
func (a *api) refuse(c *fiber.Ctx, who *people.APIAccess, err error, detail ...string) error {
	e := fault.All(err)[0]
	ip, id, seen := a.clientIP(c), "", &a.unknown
	key := ip + " " + e.Key
	if who != nil {
		id, seen = who.ID, &a.audited
		key = id + " " + e.Key
	}
	if !seen.first(a.Now(), key) {
		return err
	}
	entry := map[string]string{"reason": e.Key, "route": c.Route().Path}
	for i := 0; i+1 < len(detail); i += 2 {
		entry[detail[i]] = oneLine(detail[i+1], 100)
	}
	if e := a.People.Record(context.WithoutCancel(c.UserContext()), people.Person{}, ip, "api.refused", "api_token", id, entry); e != nil {
		a.Log.Error("write audit", "action", "api.refused", "err", e)
	}
	return err
}

// onceAMinute remembers what happened within the last minute, at most limit things; with
// more it says no.
type onceAMinute struct {
	limit int
	mu    sync.Mutex
	seen  map[string]time.Time
}

// first reports whether the thing did not happen within a minute before now.
func (o *onceAMinute) first(now time.Time, key string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	recent := func(at time.Time) bool { age := now.Sub(at); return age >= 0 && age < time.Minute }
	if at, ok := o.seen[key]; ok && recent(at) {
		return false
	}
	if len(o.seen) >= o.limit {
		for k, at := range o.seen {
			if !recent(at) {
				delete(o.seen, k)
			}
		}
		if len(o.seen) >= o.limit {
			return false
		}
	}
	if o.seen == nil {
		o.seen = map[string]time.Time{}
	}
	o.seen[key] = now
	return true
}
