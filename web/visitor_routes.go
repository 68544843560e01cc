package web

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/views"
	"kaquan/views/visitor"
)

// visitors serves the pages that people see inside WeChat.
type visitors struct {
	*Server
	taps      *limiter // writes, by visitor
	addresses *limiter // by client address, for strangers; generous, since a carrier hides thousands behind one
	logins    logins
	skeletons visitor.Skeletons
	// complaints bounds reports about signatures, by address and by account: they are
	// written down and anybody can send them.
	complaints *limiter
	searches   *limiter // exports and erasures, by visitor
}

func (s *Server) visitorRoutes() {
	v := &visitors{Server: s, taps: newLimiter(2, 20, s.Now), addresses: newLimiter(500, 2000, s.Now), logins: logins{now: s.Now}, complaints: newLimiter(0.5, 30, s.Now)}
	s.app.Get("/q/:short", v.limit, v.shortLink)
	s.app.Get("/c/:slug", v.countScan, v.page)
	s.app.Get("/c/:slug/state", v.page)
	s.app.Get("/c/:slug/theme.css", v.theme)
	s.app.Get("/c/:slug/preview.css", v.previewStyle)
	s.app.Get("/c/:slug/claim", v.clean)
	s.app.Post("/c/:slug/claim", s.sameOrigin, v.limit, v.guard, v.claim)
	s.app.Post("/c/:slug/card", s.sameOrigin, v.limit, v.guard, v.card)
	s.app.Post("/c/:slug/report", s.sameOrigin, v.limit, v.guard, v.report)
	s.app.Post("/c/:slug/signature", s.sameOrigin, v.limit, v.small, v.guard, v.signature)
	s.app.Post("/c/:slug/config", s.sameOrigin, v.guard, v.config)
	s.app.Get("/w/oauth", v.limit, v.authorise)
	s.app.Get("/w/oauth/callback", v.limit, v.callback)
	v.payRoutes()
	v.meRoutes()
	s.staffRoutes(v)
}

var errTooMany = fault.New(fault.RateLimited, "error.rate_limited")

// limit slows down a visitor who writes too often, and an address behind which too many
// strangers ask for an identity.
func (v *visitors) limit(c *fiber.Ctx) error {
	if session, ok := v.session(c); ok && c.Method() == fiber.MethodPost {
		if !v.taps.allow(session.Visitor.String()) {
			return errTooMany
		}
	} else if !v.addresses.allow(v.clientIP(c)) {
		return errTooMany
	}
	return c.Next()
}

// clean leads from the address of a write, which a reload may ask for, to the page.
func (v *visitors) clean(c *fiber.Ctx) error { return seeOther(c, pagePath(slugOf(c), "")) }

func slugOf(c *fiber.Ctx) campaigns.Slug { return campaigns.Slug(c.Params("slug")) }

var channelPattern = regexp.MustCompile(`^[0-9A-Za-z_:-]{1,40}$`)

// channelOf is the channel of a link, "" when it is none of ours.
func channelOf(text string) string {
	if channelPattern.MatchString(text) {
		return text
	}
	return ""
}

func pagePath(slug campaigns.Slug, channel string) string {
	if channel != "" {
		return "/c/" + string(slug) + "?ch=" + channel
	}
	return "/c/" + string(slug)
}

// wantsMain reports whether claim.js asks for the changing part of the page alone.
func wantsMain(c *fiber.Ctx) bool { return c.Get("X-Kq-Fragment") == "1" }

// stateOfStatus is the page that a refused or failed request shows.
func stateOfStatus(status int) visitor.State {
	switch {
	case status == fiber.StatusNotFound || status == fiber.StatusMethodNotAllowed:
		return visitor.NotFound
	case status == fiber.StatusTooManyRequests:
		return visitor.RateLimited
	case status == fiber.StatusForbidden || status == fiber.StatusUnauthorized:
		return visitor.AuthFailed
	}
	return visitor.ServerError
}

// problemLimit is how long the page about a problem may take.
const problemLimit = 3 * time.Second

// renderVisitorProblem shows an error in the words of the visitor's pages. The campaign
// is looked up again for its face and its buttons, but not while requests are refused
// for being too many.
func (s *Server) renderVisitorProblem(c *fiber.Ctx, p views.Problem) error {
	// The request's own deadline may be what went wrong; the page about it is still written.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.UserContext()), problemLimit)
	defer cancel()
	c.SetUserContext(ctx)
	page := visitor.Page{State: stateOfStatus(p.Status), SupportCode: p.SupportCode, Now: s.Campaigns.Now(), Channel: channelOf(c.Query("ch"))}
	if page.State == visitor.ServerError && p.SupportCode == "" {
		page.Sentence = i18n.TArgs(ctx, p.Key, p.Args)
	}
	if strings.HasPrefix(c.Path(), "/w/me") && (page.State == visitor.RateLimited || page.State == visitor.ServerError) {
		page.Back = "/w/me"
	}
	if slug, ok := strings.CutPrefix(c.Path(), "/c/"); ok && page.State != visitor.NotFound {
		slug, _, _ = strings.Cut(slug, "/")
		if page.State == visitor.RateLimited {
			page.Back = pagePath(campaigns.Slug(slug), page.Channel)
		} else if campaign, err := s.Campaigns.BySlug(ctx, campaigns.Slug(slug)); err == nil {
			page.Campaign = campaign
			if account, err := s.WeChat.Account(ctx, string(campaign.Account)); err == nil {
				s.visitorPolicy(c, account)
			}
		}
	}
	if wantsMain(c) {
		return render(c, p.Status, visitor.Main(page))
	}
	return render(c, p.Status, visitor.Document(page))
}
