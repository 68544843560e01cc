package web

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// claimCeiling is up to where the table counts: counting further costs more than it tells.
const claimCeiling = 10_000

// handleClaims is the table of claims. The close button of the drawer asks for it too, to
// be given nothing.
func (s *Server) handleClaims(c *fiber.Ctx, who *signedIn) error {
	if isFragment(c) && c.Get("HX-Target") == "drawer" {
		c.Set(fiber.HeaderCacheControl, "no-store")
		return c.SendString("")
	}
	ctx := c.UserContext()
	query := claimQuery(c)
	filter := claimFilter(query)
	page, err := s.Campaigns.Claims(ctx, filter)
	if err != nil {
		return err
	}
	total, exact, err := s.Campaigns.CountClaims(ctx, filter, claimCeiling)
	if err != nil {
		return err
	}
	all, err := s.allCampaigns(ctx)
	if err != nil {
		return err
	}
	m := &admin.Claims{
		Query: query, Rows: page.Rows, Next: page.Next, Total: total, Exact: exact, Zone: campaigns.Shanghai(),
		CanWrite: who.can(people.ClaimsWrite), CanExport: who.can(people.ClaimsExport), Masked: !who.can(people.ClaimsReveal), Forms: map[campaigns.ID]campaigns.Form{},
	}
	for _, one := range all {
		m.Forms[one.ID] = one.Form
		label := one.Name
		if one.Status == campaigns.StatusArchived {
			label = i18n.T(ctx, "claims.filter.archived", "name", label)
		}
		m.Campaigns = append(m.Campaigns, ui.Option{Value: one.ID.String(), Label: label})
	}
	if isFragment(c) {
		c.Set("HX-Push-Url", query.URL("/admin/claims"))
		return render(c, fiber.StatusOK, admin.ClaimsTable(m))
	}
	m.Page = s.page(c, who, "claims", "claims.title")
	return render(c, fiber.StatusOK, admin.ClaimsPage(m))
}

// allCampaigns are those of every account, the archived ones last.
func (s *Server) allCampaigns(ctx context.Context) ([]*campaigns.Campaign, error) {
	return s.Campaigns.Campaigns(ctx, campaigns.CampaignFilter{Archived: true})
}

// claimQuery reads the filter of an address. What makes no sense is left out, and so does
// not show as a filter either.
func claimQuery(c *fiber.Ctx) admin.ClaimQuery {
	q := admin.ClaimQuery{
		Campaign: campaigns.ParseID[campaigns.ID](c.Query("campaign")), Channel: oneLine(c.Query("channel"), 64),
		From: day(c.Query("from")), To: day(c.Query("to")), Search: oneLine(c.Query("q"), 64),
		Blocked: c.Query("blocked") == "1", Before: campaigns.ParseID[campaigns.ClaimID](c.Query("before")),
	}
	for _, raw := range c.Context().QueryArgs().PeekMulti("state") {
		state := campaigns.ClaimState(raw)
		if slices.Contains(campaigns.ClaimStates, state) && !slices.Contains(q.States, state) {
			q.States = append(q.States, state)
		}
	}
	return q
}

// claimFilter is what the query means: days are whole days in Shanghai.
func claimFilter(q admin.ClaimQuery) campaigns.ClaimFilter {
	f := campaigns.ClaimFilter{
		Campaign: q.Campaign, States: q.States, Channel: q.Channel, Search: q.Search, Blocked: q.Blocked, Before: q.Before, Limit: campaigns.PageSize,
	}
	if q.From != "" {
		f.From = startOfDay(q.From, 0)
	}
	if q.To != "" {
		f.To = startOfDay(q.To, 1)
	}
	return f
}

// day is text when it is a day of this century, else "": ids hold no times far beyond it.
func day(text string) string {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 2000 || t.Year() > 2099 {
		return ""
	}
	return text
}

func startOfDay(day string, later int) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, day, campaigns.Shanghai())
	if err != nil {
		return time.Time{}
	}
	return t.AddDate(0, 0, later)
}

// oneLine is text without control characters and blanks around, at most limit characters.
func oneLine(text string, limit int) string {
	r := []rune(strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))))
	return string(r[:min(len(r), limit)])
}

// handleClaim is one claim: in the drawer, or as a page.
func (s *Server) handleClaim(c *fiber.Ctx, who *signedIn) error {
	m, err := s.claim(c, who)
	if err != nil {
		return err
	}
	if isFragment(c) {
		return render(c, fiber.StatusOK, admin.ClaimDrawer(m))
	}
	return render(c, fiber.StatusOK, admin.ClaimPage(m))
}

// handleReveal shows a claim once with its personal data. That it did is recorded first.
func (s *Server) handleReveal(c *fiber.Ctx, who *signedIn) error {
	m, err := s.claim(c, who)
	if err != nil {
		return err
	}
	claim := &m.Detail.Claim
	fields := append([]string{"nickname", "openid"}, claim.AnswerKeys(m.Detail.Campaign.Form)...)
	err = s.People.Record(c.UserContext(), who.Person, s.clientIP(c), "claims.reveal", "claim", claim.ID.String(), map[string]any{"fields": fields})
	if err != nil {
		return err
	}
	m.Revealed = true
	if isFragment(c) {
		return render(c, fiber.StatusOK, admin.ClaimDetail(m))
	}
	return render(c, fiber.StatusOK, admin.ClaimPage(m))
}

// claim is the model of the claim that the path names.
func (s *Server) claim(c *fiber.Ctx, who *signedIn) (*admin.Claim, error) {
	detail, err := s.Campaigns.Detail(c.UserContext(), campaigns.ParseID[campaigns.ClaimID](c.Params("id")))
	if err != nil {
		return nil, err
	}
	m := &admin.Claim{
		Page: s.page(c, who, "claims", "claims.detail.title"), Detail: detail,
		CanReveal: who.can(people.ClaimsReveal), Zone: campaigns.Shanghai(),
	}
	if err := s.claimRedemption(c, m); err != nil {
		return nil, err
	}
	return m, s.claimActions(c, who, m)
}
