package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
)

// Meter counts what the server does. Its methods are called by many requests at once and
// must not wait for anything.
type Meter interface {
	// Request is told of every answer. route is a pattern of the route table or "other".
	Request(method, route string, status int, took time.Duration)
	// Push is told what became of a message; account is one of ours or "unknown".
	Push(account, result string)
	// Export is told when a spreadsheet begins (1) and ends (-1).
	Export(change int)
}

// unmetered counts nothing.
type unmetered struct{}

func (unmetered) Request(string, string, int, time.Duration) {}
func (unmetered) Push(string, string)                        {}
func (unmetered) Export(int)                                 {}

// measure tells the meter about every answer. It stands outside of everything else, so
// that the time is the visitor's and the status is the one sent.
func (s *Server) measure(c *fiber.Ctx) error {
	start := time.Now()
	err := c.Next()
	status := c.Response().StatusCode()
	if err != nil {
		status = http.StatusInternalServerError
	}
	s.Meter.Request(c.Method(), s.pattern(c), status, time.Since(start))
	return err
}

// pattern is the route that answered, as it stands in the route table. "other" is for
// addresses that nobody has, and for requests that were refused before their route.
func (s *Server) pattern(c *fiber.Ctx) string {
	route := c.Route().Path
	if !s.patterns[route] || route == "/" && c.Path() != "/" {
		return "other"
	}
	return route
}

// learnPatterns remembers the route table; call it after the last route.
func (s *Server) learnPatterns() {
	s.patterns = map[string]bool{}
	for _, route := range s.app.GetRoutes(true) {
		s.patterns[route.Path] = true
	}
}

// handleMetrics lets whoever has the token scrape. To everybody else there is no such
// page, and no settings means there is none at all.
func (s *Server) handleMetrics(c *fiber.Ctx) error {
	token, bearer := strings.CutPrefix(c.Get(fiber.HeaderAuthorization), "Bearer ")
	given, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.MetricsToken))
	if s.Metrics == nil || s.MetricsToken == "" || !bearer || subtle.ConstantTimeCompare(given[:], want[:]) != 1 {
		return c.Next()
	}
	// A request of its own: the framework's is no context that may be waited for, since a
	// shutdown changes it under those who do.
	ctx, cancel := context.WithTimeout(s.Background, requestLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil)
	if err != nil {
		return err
	}
	r.Header.Set(fiber.HeaderAccept, c.Get(fiber.HeaderAccept))
	out := answer{header: http.Header{}, status: http.StatusOK}
	s.Metrics.ServeHTTP(&out, r)
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set("X-Content-Type-Options", "nosniff")
	c.Set(fiber.HeaderContentType, out.header.Get(fiber.HeaderContentType))
	return c.Status(out.status).Send(out.body.Bytes())
}

// answer keeps what a handler of net/http writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }
