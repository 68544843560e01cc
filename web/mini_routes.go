package web

import (
	"context"
	"errors"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/mini"
	"kaquan/views"
)

// sessionHeader carries the mini program's session token; there are no cookies.
const sessionHeader = "X-Kaquan-Session"

// minis answers mini programs under /mini/v1, as docs/mini-api.md says. No page's
// middleware runs here: a token in a header needs no guard against other sites.
type minis struct {
	*Server
	addresses *limiter // sign-ins and unknown tokens, by client address; generous, for carriers hide thousands behind one
	reads     *limiter // by person
	writes    *limiter
	rare      *limiter // what costs money, memory or a search
}

// miniHandler answers a call of somebody who is signed in.
type miniHandler func(c *fiber.Ctx, who *mini.Session) error

// miniRoutes registers the calls of mini programs.
func (s *Server) miniRoutes() {
	if s.Mini == nil {
		return
	}
	m := &minis{
		Server: s, addresses: newLimiter(500, 2000, s.Now), reads: newLimiter(5, 40, s.Now), writes: newLimiter(2, 20, s.Now), rare: newLimiter(1.0/10, 6, s.Now),
	}
	v1 := s.app.Group("/mini/v1", m.headers)
	v1.Post("/session", m.byAddress, m.handleSignIn)
	v1.Get("/session", m.signed(m.reads, m.handleSession))
	v1.Delete("/session", m.signed(m.writes, m.handleSignOut))
	v1.Post("/session/renew", m.signed(m.writes, m.handleRenew))
	v1.Get("/me", m.signed(m.reads, m.handleMe))
	v1.Put("/me", m.signed(m.rare, m.handleMeSave))
	v1.Delete("/me", m.signed(m.rare, m.handleMeErase))
	v1.Post("/me/avatar", m.signed(m.rare, m.handleAvatarUpload))
	v1.Post("/me/phone", m.signed(m.rare, m.handlePhone))
	v1.Post("/me/open-data", m.signed(m.rare, m.handleOpenData))
	v1.Get("/me/export", m.signed(m.rare, m.handleMeExport))
	v1.Get("/avatars/:name", m.byAddress, m.handleAvatar)
	v1.Get("/scenes/:short", m.signed(m.reads, m.handleScene))
	v1.Get("/campaigns/:slug", m.signed(m.reads, m.handleCampaign))
	v1.Post("/campaigns/:slug/claims", m.signed(m.writes, m.handleClaim))
	v1.Get("/claims", m.signed(m.reads, m.handleClaims))
	v1.Post("/claims/:id/card", m.signed(m.writes, m.handleCard))
	v1.Post("/claims/:id/report", m.signed(m.writes, m.handleReport))
	m.payRoutes(v1)
	m.staffCalls(v1)
	v1.Use(func(*fiber.Ctx) error { return fiber.ErrNotFound })
}

// headers are those of every answer, and the deadline and the language of the request.
func (m *minis) headers(c *fiber.Ctx) error {
	h := &c.Response().Header
	h.Set(fiber.HeaderCacheControl, "no-store")
	h.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	if m.secure() {
		h.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
	ctx, cancel := context.WithTimeout(m.Background, requestLimit)
	defer cancel()
	c.SetUserContext(i18n.With(ctx, i18n.Match(c.Get(fiber.HeaderAcceptLanguage))))
	if c.Get(fiber.HeaderContentEncoding) != "" { // wx.request packs nothing, and a packed body unfolds without a limit
		return errMiniBody
	}
	return c.Next()
}

func (m *minis) byAddress(c *fiber.Ctx) error {
	if !m.addresses.allow(m.clientIP(c)) {
		return tooMany(c, "2")
	}
	return c.Next()
}

func tooMany(c *fiber.Ctx, seconds string) error {
	c.Set(fiber.HeaderRetryAfter, seconds)
	return errTooMany
}

// signed lets a request through to h when its token lives and its person does not ask
// too often.
func (m *minis) signed(pace *limiter, h miniHandler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		who, err := m.Mini.Session(c.UserContext(), mini.Token(c.Get(sessionHeader)))
		if err != nil {
			if !m.addresses.allow(m.clientIP(c)) {
				return tooMany(c, "2")
			}
			return err
		}
		if !pace.allow(strconv.FormatInt(who.ID, 36)) {
			if pace == m.rare {
				return tooMany(c, "10")
			}
			return tooMany(c, "1")
		}
		return h(c, who)
	}
}

// miniProblem is the body of every answer that is no success.
type miniProblem struct {
	Code    string             `json:"code"`
	Message string             `json:"message"`
	Field   string             `json:"field,omitempty"`
	Support string             `json:"support,omitempty"`
	Errors  []miniFieldProblem `json:"errors,omitempty"`
}

type miniFieldProblem struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// renderMiniProblem tells a mini program what went wrong.
func renderMiniProblem(c *fiber.Ctx, err error, p views.Problem) error {
	ctx := i18n.With(c.UserContext(), i18n.Match(c.Get(fiber.HeaderAcceptLanguage)))
	body := miniProblem{Code: p.Key, Support: p.SupportCode}
	switch {
	case p.Key == "error.not_found": // which speaks of a page
		body.Code = "api.not_found"
	case p.Key == "error.bad_request":
		body.Code = "mini.error.body"
	}
	body.Message = i18n.TArgs(ctx, body.Code, p.Args)
	if all := fault.All(err); len(all) > 0 && p.SupportCode == "" {
		var form fault.List
		if errors.As(err, &form) {
			for _, e := range all {
				body.Errors = append(body.Errors, miniFieldProblem{e.Field, e.Key, i18n.TArgs(ctx, e.Key, e.Args)})
			}
		}
		if len(all) == 1 {
			body.Field = all[0].Field
		} else {
			body.Code, body.Message = "error.invalid", i18n.T(ctx, "error.invalid")
		}
	}
	if done, err := sendMiniDetail(c, err, p.Status, &body); done {
		return err
	}
	return sendJSON(c, p.Status, &body)
}

// campaign is the campaign of the path; one of another official account is not for this
// session.
func (m *minis) campaign(c *fiber.Ctx, who *mini.Session) (*campaigns.Campaign, error) {
	campaign, err := m.Campaigns.BySlug(c.UserContext(), slugOf(c))
	if err == nil && campaign.Account != who.Account {
		err = mini.ErrOtherAccount
	}
	return campaign, err
}

// claimID is the claim of the path, if it is the person's own in this account.
func (m *minis) claimID(c *fiber.Ctx, who *mini.Session) (campaigns.ClaimID, *campaigns.Campaign, error) {
	id := campaigns.ParseID[campaigns.ClaimID](c.Params("id"))
	claim, campaign, err := m.Campaigns.Mine(c.UserContext(), id, who.Visitor)
	switch {
	case errors.Is(err, campaigns.ErrNotFound):
		err = campaigns.ErrForeignClaim
	case err == nil && claim.Account != who.Account:
		err = mini.ErrOtherAccount
	}
	return id, campaign, err
}
