package web

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/fault"
	"kaquan/people"
)

// api answers other programs under /api/v1. They bring a token instead of a session, so
// nothing here reads cookies, and no page's middleware runs.
type api struct {
	*Server
	audited  onceAMinute // refusals of known tokens
	unknown  onceAMinute // of nobody's; few, since anybody can cause them
	accounts atomic.Pointer[accountList]
}

// apiHandler answers a call of a program that may make it.
type apiHandler func(c *fiber.Ctx, who *people.APIAccess) error

// apiRoutes registers the calls of programs. web/api_openapi.json describes them; a test
// compares both.
func (s *Server) apiRoutes() {
	a := &api{Server: s, audited: onceAMinute{limit: 1000}, unknown: onceAMinute{limit: 30}}
	v1 := s.app.Group("/api/v1", a.headers)
	v1.Get("/openapi.json", handleOpenAPI)
	v1.Options("/*", a.preflight)
	v1.Get("/jssdk/config", a.call(people.ScopeConfig, a.config))
	v1.Get("/jssdk/nonce", a.call(people.ScopeNonce, a.nonce))
	v1.Get("/wechat/tickets/jsapi", a.call(people.ScopeTickets, a.jsapiTicket))
	v1.Get("/wechat/tickets/wx_card", a.call(people.ScopeTickets, a.cardTicket))
	v1.Get("/wechat/access-token", a.call(people.ScopeAccessToken, a.accessToken))
	v1.Post("/wechat/access-token/rejected", a.call(people.ScopeAccessToken, a.rejected))
	if s.Redemption != nil {
		v1.Get("/redemptions", a.call(people.ScopeRedemptions, a.redemptions))
	}
	a.campaignRoutes(v1)
	v1.Get("/claims", a.call(people.ScopeClaims, a.claims))
	v1.Get("/claims/:id", a.call(people.ScopeClaims, a.claim))
	v1.Post("/claims/:id/void", a.call(people.ScopeClaimsWrite, a.claimVoid))
	v1.Get("/users", a.call(people.ScopeUsers, a.users))
	v1.Get("/users/:id", a.call(people.ScopeUsers, a.user))
	v1.Post("/exports", a.call(people.ScopeExports, a.exportNew))
	v1.Get("/exports/:id", a.call(people.ScopeExports, a.export))
	v1.Get("/exports/:id/file", a.call(people.ScopeExports, a.exportFile))
	v1.Get("/health", a.call(people.ScopeHealth, a.health))
	v1.Use(func(*fiber.Ctx) error { return fiber.ErrNotFound })
}

// headers are those of every answer: nothing may be kept, and the origin matters.
func (a *api) headers(c *fiber.Ctx) error {
	h := &c.Response().Header
	h.Set(fiber.HeaderCacheControl, "no-store")
	h.Set(fiber.HeaderVary, fiber.HeaderOrigin)
	h.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	if a.secure() {
		h.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
	return c.Next()
}

var (
	errAPIOrigin = fault.New(fault.Forbidden, "api.origin")
	errAPIIP     = fault.New(fault.Forbidden, "api.ip")
	errAPIScope  = fault.New(fault.Forbidden, "api.scope")
	errAPIRate   = fault.New(fault.RateLimited, "api.rate")
)

// call lets a request through to h when its token lives, and the page, the address, the
// rate and the scope are the token's.
func (a *api) call(scope people.Scope, h apiHandler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx, cancel := context.WithTimeout(a.Background, requestLimit)
		defer cancel()
		c.SetUserContext(ctx)
		who, err := a.People.APIToken(ctx, bearer(c))
		origin := c.Get(fiber.HeaderOrigin)
		if err != nil {
			return a.stranger(c, who, origin, err)
		}
		if origin != "" {
			if !who.AllowsOrigin(origin) {
				return a.refuse(c, who, errAPIOrigin)
			}
			allowOrigin(c, origin)
		}
		if len(who.IPs) > 0 && !who.AllowsIP(a.clientIP(c)) {
			return a.refuse(c, who, errAPIIP)
		}
		if !who.Take(a.Now()) {
			c.Set(fiber.HeaderRetryAfter, "1")
			return errAPIRate
		}
		if !who.Has(scope) {
			return a.refuse(c, who, errAPIScope)
		}
		return h(c, who)
	}
}

// bearer is the token of the Authorization header; no other place is looked at, since
// addresses are written into logs.
func bearer(c *fiber.Ctx) string {
	const scheme = "Bearer "
	header := c.Get(fiber.HeaderAuthorization)
	if len(header) < len(scheme) || !strings.EqualFold(header[:len(scheme)], scheme) {
		return ""
	}
	return strings.TrimSpace(header[len(scheme):])
}

// stranger refuses a call without a living token. A page of some token may read why.
func (a *api) stranger(c *fiber.Ctx, who *people.APIAccess, origin string, err error) error {
	if fault.CodeOf(err) != fault.Unauthorized {
		return err
	}
	challenge := `Bearer realm="kaquan"`
	if bearer(c) != "" {
		challenge += `, error="invalid_token"`
	}
	c.Set(fiber.HeaderWWWAuthenticate, challenge)
	if origin != "" {
		if known, e := a.People.APIOrigin(c.UserContext(), origin); e == nil && known {
			allowOrigin(c, origin)
		}
	}
	return a.refuse(c, who, err)
}

// allowOrigin lets a page of the origin read the answer. There are no cookies to allow.
func allowOrigin(c *fiber.Ctx, origin string) {
	c.Set(fiber.HeaderAccessControlAllowOrigin, origin)
	c.Set(fiber.HeaderAccessControlExposeHeaders, fiber.HeaderRetryAfter)
}

// preflight answers what a browser asks before a page's call. The token is not sent yet,
// so every origin of a living token may go on; the call itself is checked again.
func (a *api) preflight(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(a.Background, requestLimit)
	defer cancel()
	c.SetUserContext(ctx)
	c.Set(fiber.HeaderVary, "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
	origin := c.Get(fiber.HeaderOrigin)
	known, err := a.People.APIOrigin(ctx, origin)
	if err != nil {
		return err
	}
	if !known {
		return a.refuse(c, nil, errAPIOrigin)
	}
	allowOrigin(c, origin)
	c.Set(fiber.HeaderAccessControlAllowMethods, "GET, POST")
	c.Set(fiber.HeaderAccessControlAllowHeaders, "Authorization, Content-Type, Accept-Language")
	c.Set(fiber.HeaderAccessControlMaxAge, "600")
	return c.SendStatus(fiber.StatusNoContent)
}

// accountList is every official account's id, for a moment.
type accountList struct {
	ids []string
	at  time.Time
}

const accountsAge = 2 * time.Second

var (
	errAPIAccount     = fault.New(fault.Forbidden, "api.account")
	errAPIAccountMany = fault.New(fault.Invalid, "api.account_many").On("account")
	errAPIAccountNone = fault.New(fault.NotFound, "api.account_none")
)

// account is the official account that a call means: the named one, else the only one
// that the token may speak for.
func (a *api) account(c *fiber.Ctx, who *people.APIAccess, name string) (string, error) {
	if name != "" {
		if !who.AllowsAccount(name) {
			return "", a.refuse(c, who, errAPIAccount)
		}
		return name, nil
	}
	if len(who.Accounts) == 1 {
		return who.Accounts[0], nil
	}
	ids, err := a.accountIDs(c.UserContext())
	if err != nil {
		return "", err
	}
	found := ""
	for _, id := range ids {
		if !who.AllowsAccount(id) {
			continue
		}
		if found != "" {
			return "", errAPIAccountMany
		}
		found = id
	}
	if found == "" {
		return "", errAPIAccountNone
	}
	return found, nil
}

func (a *api) accountIDs(ctx context.Context) ([]string, error) {
	now := a.Now()
	if known := a.accounts.Load(); known != nil {
		if age := now.Sub(known.at); age >= 0 && age < accountsAge {
			return known.ids, nil
		}
	}
	list, err := a.Accounts.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	known := &accountList{at: now}
	for _, account := range list {
		known.ids = append(known.ids, string(account.ID))
	}
	a.accounts.Store(known)
	return known.ids, nil
}
