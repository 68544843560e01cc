package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/wechat"
)

// requestLimit is how long a page may take; database and WeChat calls get no longer.
const requestLimit = 10 * time.Second

const languageCookie = "kq_lang"

// requestContext gives the handlers a deadline and the reader's language: the one they
// chose, else the browser's, else Chinese.
func (s *Server) requestContext(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(s.Background, requestLimit)
	defer cancel()
	c.SetUserContext(i18n.With(ctx, languageOf(c)))
	return c.Next()
}

func languageOf(c *fiber.Ctx) i18n.Language {
	if language := i18n.Language(c.Cookies(languageCookie)); language == i18n.ZH || language == i18n.EN {
		return language
	}
	return i18n.Match(c.Get(fiber.HeaderAcceptLanguage))
}

// securityHeaders sets the strict policy; pages that need more widen it themselves.
func (s *Server) securityHeaders(c *fiber.Ctx) error {
	h := &c.Response().Header
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set(fiber.HeaderContentSecurityPolicy, strictPolicy)
	if s.secure() {
		h.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
	return c.Next()
}

const strictPolicy = "default-src 'self'; img-src 'self' data: https:; style-src 'self'; script-src 'self'; object-src 'none'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// visitorPolicy widens the policy of a claim page by what the JS-SDK of its account
// needs. WeChat's own script talks to its app; one from another address, a rehearsal's
// or a test's, talks to its server, and its phone frames the page. Whoever names such an
// address in the settings trusts its scripts already.
func (s *Server) visitorPolicy(c *fiber.Ctx, account *wechat.Account) {
	scripts, standIn := "", ""
	if account != nil {
		origins := account.JSOrigins()
		scripts = " " + strings.Join(origins, " ")
		if !slices.Contains(origins, wechatScripts) {
			standIn = scripts
			if u, err := url.Parse(account.Credentials().OpenURL); err == nil && u.Host != "" && !slices.Contains(origins, u.Scheme+"://"+u.Host) {
				standIn += " " + u.Scheme + "://" + u.Host
			}
		}
	}
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'self'; img-src 'self' data: https: http:; style-src 'self'; script-src 'self'"+scripts+
		"; connect-src 'self'"+standIn+"; object-src 'none'; base-uri 'none'; form-action 'self' https://open.weixin.qq.com"+standIn+
		"; frame-ancestors 'self'"+standIn)
	c.Response().Header.Del("Cross-Origin-Opener-Policy")
}

// wechatScripts is where WeChat's own JS-SDK comes from.
const wechatScripts = "https://res.wx.qq.com"

var errCrossOrigin = fault.New(fault.Forbidden, "error.csrf")

// sameOrigin refuses writes that another site started. The browser says so itself
// (Sec-Fetch-Site, else Origin); a program that sends neither carries no cookies of a
// person.
func (s *Server) sameOrigin(c *fiber.Ctx) error {
	switch c.Method() {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return c.Next()
	}
	switch c.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return c.Next()
	case "":
	default:
		// A proxy that rewrites the host is no foreign site: the public origin is ours too.
		if c.Get(fiber.HeaderOrigin) != s.PublicURL {
			return errCrossOrigin
		}
		return c.Next()
	}
	origin := c.Get(fiber.HeaderOrigin)
	if origin == "" || origin == s.PublicURL {
		return c.Next()
	}
	if u, err := url.Parse(origin); err == nil && u.Host == string(c.Context().Host()) {
		return c.Next()
	}
	return errCrossOrigin
}

// logRequest writes one line per request: the route's pattern, never the address, which
// may carry codes and names.
func (s *Server) logRequest(c *fiber.Ctx) error {
	start := time.Now()
	err := c.Next()
	if err != nil {
		// The error handler sets the status; run it here so that the line is true.
		if handled := s.handleError(c, err); handled != nil {
			return handled
		}
	}
	if s.Log.Enabled(c.Context(), slog.LevelDebug) { // else its arguments would be made for nothing
		s.Log.Debug("request", "method", c.Method(), "route", c.Route().Path, "status", c.Response().StatusCode(), "took", time.Since(start))
	}
	return nil
}

func (s *Server) logPanic(c *fiber.Ctx, p any) {
	s.Log.Error("panic", "route", c.Route().Path, "panic", p, "stack", string(debug.Stack()))
}
