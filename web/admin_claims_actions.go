package web

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/orders"
	"kaquan/people"
	"kaquan/redemption"
	"kaquan/views/admin"
	"kaquan/views/layout"
	"kaquan/wechat"
)

// withdrawal is why, as a form says it.
func withdrawal(c *fiber.Ctx) campaigns.Withdrawal {
	return campaigns.Withdrawal{Reason: campaigns.VoidReason(c.FormValue("reason")), Note: oneLine(c.FormValue("note"), 200)}
}

// handleVoid takes one card away from its holder.
func (s *Server) handleVoid(c *fiber.Ctx, who *signedIn) error {
	id := campaigns.ParseID[campaigns.ClaimID](c.Params("id"))
	_, err := s.Campaigns.Void(c.UserContext(), who.actor(c), id, withdrawal(c))
	if err != nil {
		return s.refusedAt(c, admin.ClaimPath(id), voidRefusal(c.UserContext(), err))
	}
	s.flash(c, "success", "claims.void.done")
	return seeOther(c, admin.ClaimPath(id))
}

// voidRefusal says what WeChat answered where that is why a card did not become void.
func voidRefusal(ctx context.Context, err error) error {
	if !errors.Is(err, campaigns.ErrVoidWeChat) {
		return err
	}
	e := fault.New(campaigns.ErrVoidWeChat.Code, "claims.void.error.wechat_says", "sentence", i18n.T(ctx, wechat.Meaning(err)))
	var answer *wechat.APIError
	if errors.As(err, &answer) {
		e = fault.New(e.Code, "claims.void.error.wechat_code", "sentence", e.Args["sentence"], "code", answer.Code)
	}
	return e.Because(err)
}

// handleBlock keeps the holder of a claim from claiming anything more.
func (s *Server) handleBlock(c *fiber.Ctx, who *signedIn) error {
	id := campaigns.ParseID[campaigns.ClaimID](c.Params("id"))
	return s.block(c, who, []campaigns.ClaimID{id}, admin.ClaimPath(id))
}

func (s *Server) block(c *fiber.Ctx, who *signedIn, claims []campaigns.ClaimID, next string) error {
	blocked, err := s.Campaigns.Block(c.UserContext(), who.actor(c), claims)
	if err != nil {
		return s.refusedAt(c, next, err)
	}
	if len(blocked) == 0 {
		s.flash(c, "warning", "claims.block.none")
	} else {
		s.leaveFlash(c, layout.Flash{
			Kind: "success", Text: i18n.T(c.UserContext(), "claims.block.done", "count", len(blocked)), Undo: admin.UnblockPath(blocked...),
		})
	}
	return seeOther(c, next)
}

// handleUnblock lets the people whom the address names claim again.
func (s *Server) handleUnblock(c *fiber.Ctx, who *signedIn) error {
	next := claimsNext(c)
	var list []campaigns.VisitorID
	for _, text := range strings.SplitN(c.Query("v"), ",", campaigns.MaxClaims+1) {
		if id := campaigns.ParseID[campaigns.VisitorID](text); id != 0 {
			list = append(list, id)
		}
	}
	free, err := s.Campaigns.Unblock(c.UserContext(), who.actor(c), list)
	if err != nil {
		return s.refusedAt(c, next, err)
	}
	s.flash(c, "success", "claims.unblock.done", "count", len(free))
	return seeOther(c, next)
}

// claimsNext is where a form about claims leads back to.
func claimsNext(c *fiber.Ctx) string {
	if next := localPath(c.FormValue("next")); next != "/admin" {
		return next
	}
	return "/admin/claims"
}

// handleClaimsBulk does the same to the checked claims, and says what became of them.
func (s *Server) handleClaimsBulk(c *fiber.Ctx, who *signedIn) error {
	next := claimsNext(c)
	var ids []campaigns.ClaimID
	for _, raw := range c.Context().PostArgs().PeekMulti("id") {
		if id := campaigns.ParseID[campaigns.ClaimID](string(raw)); id != 0 && !slices.Contains(ids, id) && len(ids) <= campaigns.MaxClaims {
			ids = append(ids, id)
		}
	}
	op := c.FormValue("op")
	if len(ids) == 0 || op != "void" && op != "block" {
		s.flash(c, "warning", "claims.bulk.none")
		return seeOther(c, next)
	}
	if op == "block" {
		return s.block(c, who, ids, next)
	}
	done, err := s.Campaigns.VoidMany(c.UserContext(), who.actor(c), ids, withdrawal(c))
	if err != nil {
		return s.refusedAt(c, next, err)
	}
	kind := "success"
	if done.Done == 0 {
		kind = "warning"
	}
	s.flashText(c, kind, voidedWords(c.UserContext(), &done))
	return seeOther(c, next)
}

// voidedWords is how many became void, and why the others did not, each reason once.
func voidedWords(ctx context.Context, done *campaigns.ManyVoided) string {
	words := []string{i18n.T(ctx, "claims.bulk.voided", "count", done.Done)}
	var (
		reasons []*fault.Error
		counts  []int
	)
	for _, err := range done.Refused {
		e := fault.All(voidRefusal(ctx, err))[0]
		if i := slices.IndexFunc(reasons, func(known *fault.Error) bool { return known.Key == e.Key }); i >= 0 {
			counts[i]++
			continue
		}
		reasons, counts = append(reasons, e), append(counts, 1)
	}
	for i, e := range reasons {
		words = append(words, i18n.T(ctx, "claims.bulk.refused", "count", counts[i], "why", sentence(ctx, e)))
	}
	return strings.Join(words, " ")
}

// claimActions fills in what the person may do about a claim.
func (s *Server) claimActions(c *fiber.Ctx, who *signedIn, m *admin.Claim) error {
	m.CanWrite = who.can(people.ClaimsWrite)
	claim := &m.Detail.Claim
	if !m.CanWrite || claim.State != campaigns.Confirmed {
		return nil
	}
	if m.Detail.Campaign.Price.Fen > 0 && s.Orders != nil {
		order, err := s.Orders.OrderOfClaim(c.UserContext(), claim.ID)
		if err == nil {
			m.Order, m.SeesOrder = order.ID, who.can(people.OrdersRead)
			return nil
		}
		if !errors.Is(err, orders.ErrNotFound) {
			return err
		}
	}
	m.VoidWaits = m.Redemption != nil && m.Redemption.State == redemption.Pending
	until := m.Detail.Campaign.ValidUntil
	m.CanVoid = !m.VoidWaits && (until.IsZero() || !s.Now().After(until))
	return nil
}
