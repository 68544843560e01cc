package web

import (
	"context"
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/views"
)

// statusOf is the HTTP status of an error code.
var statusOf = map[fault.Code]int{
	fault.Invalid:      fiber.StatusUnprocessableEntity,
	fault.NotFound:     fiber.StatusNotFound,
	fault.Conflict:     fiber.StatusConflict,
	fault.Unauthorized: fiber.StatusUnauthorized,
	fault.Forbidden:    fiber.StatusForbidden,
	fault.RateLimited:  fiber.StatusTooManyRequests,
	fault.Unavailable:  fiber.StatusServiceUnavailable,
	fault.Internal:     fiber.StatusInternalServerError,
}

// handleError is the one place where an error becomes an answer: it logs what is ours
// with a support code, and shows a sentence, never the error's text.
func (s *Server) handleError(c *fiber.Ctx, err error) error {
	problem := s.problem(c, err)
	// The request's context has ended by now, and a view does not render under such a one.
	ctx := context.WithoutCancel(c.UserContext())
	if problem.Status == fiber.StatusRequestEntityTooLarge { // refused before any of the middleware
		ctx = i18n.With(ctx, languageOf(c))
	}
	c.SetUserContext(ctx)
	c.Status(problem.Status)
	if strings.HasPrefix(c.Path(), "/api/") {
		return renderAPIProblem(c, err, problem)
	}
	if strings.HasPrefix(c.Path(), "/mini/") {
		return renderMiniProblem(c, err, problem)
	}
	if strings.HasPrefix(c.Path(), "/c/") || strings.HasPrefix(c.Path(), "/q/") || strings.HasPrefix(c.Path(), "/w/oauth") || strings.HasPrefix(c.Path(), "/w/me") {
		return s.renderVisitorProblem(c, problem)
	}
	if strings.HasPrefix(c.Path(), "/s/") {
		return renderStaffProblem(c, problem)
	}
	return render(c, problem.Status, views.ProblemPage(problem))
}

// problem is what a page may say about an error. Unexpected errors are logged under the
// support code that the page shows.
func (s *Server) problem(c *fiber.Ctx, err error) views.Problem {
	var wrong *fiber.Error
	if errors.As(err, &wrong) {
		return views.Problem{Status: wrong.Code, Key: keyOfStatus(wrong.Code), Path: c.Path()}
	}
	all := fault.All(err)
	if len(all) > 0 && all[0].Code != fault.Internal {
		e := all[0]
		if e.Code == fault.Unavailable {
			s.Log.Warn("unavailable", "err", err, "path", c.Route().Path)
		}
		return views.Problem{Status: statusOf[e.Code], Key: e.Key, Args: e.Args, Path: c.Path()}
	}
	code := s.newSupport(c.Method() + " " + c.Route().Path)
	s.Log.Error("request failed", "support_code", code, "method", c.Method(), "route", c.Route().Path, "err", err)
	return views.Problem{Status: fiber.StatusInternalServerError, Key: "error.internal", SupportCode: code, Path: c.Path()}
}

func keyOfStatus(status int) string {
	switch status {
	case fiber.StatusNotFound, fiber.StatusMethodNotAllowed:
		return "error.not_found"
	case fiber.StatusForbidden:
		return "error.forbidden"
	case fiber.StatusUnauthorized:
		return "error.unauthorized"
	case fiber.StatusTooManyRequests:
		return "error.rate_limited"
	case fiber.StatusRequestEntityTooLarge, fiber.StatusRequestHeaderFieldsTooLarge:
		return "error.too_large"
	}
	if status < 500 {
		return "error.bad_request"
	}
	return "error.internal"
}

const supportLetters = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

// supportCode is a code such as K7Q-2M9 that joins an error page to its log line.
func supportCode() string {
	raw := []byte(randomText(12))
	var b strings.Builder
	for i := range 6 {
		if i == 3 {
			b.WriteByte('-')
		}
		b.WriteByte(supportLetters[int(raw[i])%len(supportLetters)])
	}
	return b.String()
}
