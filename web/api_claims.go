package web

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/ui"
)

type (
	apiClaim struct {
		ID           string               `json:"id"`
		Campaign     string               `json:"campaign"`
		CampaignName string               `json:"campaign_name"`
		User         string               `json:"user"`
		OpenID       string               `json:"openid"`
		Nickname     string               `json:"nickname"`
		State        campaigns.ClaimState `json:"state"`
		Code         campaigns.CardCode   `json:"code"`
		Ref          campaigns.Ref        `json:"ref"`
		Channel      string               `json:"channel"`
		Answers      map[string]string    `json:"answers"`
		Masked       bool                 `json:"masked"`
		CreatedAt    string               `json:"created_at"`
		HoldUntil    string               `json:"hold_until,omitempty"`
		ConfirmedAt  string               `json:"confirmed_at,omitempty"`
		RedeemedAt   string               `json:"redeemed_at,omitempty"`
		ReleasedAt   string               `json:"released_at,omitempty"`
		History      []apiEvent           `json:"history,omitempty"`
	}
	apiEvent struct {
		Kind   campaigns.EventKind `json:"kind"`
		Source campaigns.Source    `json:"source"`
		At     string              `json:"at"`
		Detail string              `json:"detail"`
	}
)

func claimOf(r *campaigns.ClaimRow, form campaigns.Form, masked bool) apiClaim {
	one := apiClaim{
		ID: r.ID.String(), Campaign: r.Campaign.String(), CampaignName: r.CampaignName, User: r.Visitor.String(), OpenID: string(r.OpenID),
		Nickname: r.Nickname, State: r.State, Code: r.Code, Ref: r.Ref, Channel: r.Channel, Answers: map[string]string{}, Masked: masked,
		CreatedAt: stamp(r.CreatedAt), ConfirmedAt: stamp(r.ConfirmedAt), RedeemedAt: stamp(r.RedeemedAt), ReleasedAt: stamp(r.ReleasedAt),
	}
	if r.State.Bucket() == campaigns.SetAside {
		one.HoldUntil = stamp(r.HoldUntil)
	}
	for key, answer := range r.Answers {
		if masked {
			answer = ui.Mask(kindIn(form, key), answer)
		}
		one.Answers[key] = answer
	}
	if masked {
		one.OpenID, one.Nickname = ui.ShortOpenID(one.OpenID), ui.MaskText(one.Nickname)
	}
	return one
}

func kindIn(form campaigns.Form, key string) campaigns.FieldKind {
	for _, f := range form {
		if f.Key == key {
			return f.Kind
		}
	}
	return campaigns.TextField
}

// revealed writes into the audit that a program read personal data as it is.
func (a *api) revealed(c *fiber.Ctx, who *people.APIAccess, kind, id string, rows int) error {
	return a.People.Record(context.WithoutCancel(c.UserContext()), people.Person{ID: people.ID(who.ID), Name: who.Name}, a.clientIP(c),
		"claims.reveal", kind, id, map[string]any{"by": "api_token", "rows": rows})
}

// listQuery reads a filter. What makes no sense is refused, since a program that mistypes a
// filter must not be given everything.
type listQuery struct {
	c   *fiber.Ctx
	err error
}

func (q *listQuery) bad(field string) {
	if q.err == nil {
		q.err = badFilter(field)
	}
}

func (q *listQuery) time(name string) (t time.Time) {
	if text := q.c.Query(name); text != "" {
		var err error
		if t, err = time.Parse(time.RFC3339, text); err != nil || t.Year() < 2000 || t.Year() > 2099 {
			q.bad(name)
			return time.Time{}
		}
	}
	return t
}

func (q *listQuery) text(name string, limit int) string {
	text := q.c.Query(name)
	if len([]rune(text)) > limit || oneLine(text, limit) != text {
		q.bad(name)
	}
	return text
}

func (q *listQuery) limit() int {
	text := q.c.Query("limit")
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxAPIRows {
		q.bad("limit")
	}
	return n
}

// idIn reads an id of the query; 0 when it is not there.
func idIn[T campaigns.ID | campaigns.VisitorID | campaigns.ClaimID](q *listQuery, name string) T {
	text := q.c.Query(name)
	id := campaigns.ParseID[T](text)
	if text != "" && id == 0 {
		q.bad(name)
	}
	return id
}

func (a *api) claims(c *fiber.Ctx, who *people.APIAccess) error {
	account, err := a.knownOf(c, who, c.Query("account"))
	if err != nil {
		return err
	}
	q := listQuery{c: c}
	f := campaigns.ClaimFilter{
		Account: account, Campaign: idIn[campaigns.ID](&q, "campaign"), Visitor: idIn[campaigns.VisitorID](&q, "user"), Channel: q.text("channel", 64),
		From: q.time("from"), To: q.time("to"), Search: q.text("q", 64), Before: idIn[campaigns.ClaimID](&q, "cursor"), Limit: q.limit(),
	}
	for _, raw := range c.Context().QueryArgs().PeekMulti("state") {
		state := campaigns.ClaimState(raw)
		if !slices.Contains(campaigns.ClaimStates, state) {
			q.bad("state")
		} else if !slices.Contains(f.States, state) {
			f.States = append(f.States, state)
		}
	}
	if q.err != nil {
		return q.err
	}
	page, err := a.Campaigns.Claims(c.UserContext(), f)
	if err != nil {
		return err
	}
	answer := struct {
		Claims []apiClaim `json:"claims"`
		Next   string     `json:"next"`
	}{Claims: make([]apiClaim, 0, len(page.Rows))}
	if page.Next != 0 {
		answer.Next = page.Next.String()
	}
	masked := !who.Has(people.ScopeReveal)
	forms := map[campaigns.ID]campaigns.Form{}
	for i := range page.Rows {
		id := page.Rows[i].Campaign
		if _, known := forms[id]; !known {
			one, err := a.Campaigns.Campaign(c.UserContext(), id)
			if err != nil {
				return err
			}
			forms[id] = one.Form
		}
		answer.Claims = append(answer.Claims, claimOf(&page.Rows[i], forms[id], masked))
	}
	if !masked && len(page.Rows) > 0 {
		if err := a.revealed(c, who, "account", string(account), len(page.Rows)); err != nil {
			return err
		}
	}
	return sendJSON(c, fiber.StatusOK, answer)
}

// claimOfPath is the claim that the path names, of an account that the token may speak for.
func (a *api) claimOfPath(c *fiber.Ctx, who *people.APIAccess) (*campaigns.Detail, error) {
	d, err := a.Campaigns.Detail(c.UserContext(), campaigns.ParseID[campaigns.ClaimID](c.Params("id")))
	if err == nil && !who.AllowsAccount(string(d.Claim.Account)) {
		err = campaigns.ErrNotFound
	}
	return d, err
}

// claimVoid takes a card away from its holder for good, and answers the claim. A repeat is
// safe.
func (a *api) claimVoid(c *fiber.Ctx, who *people.APIAccess) error {
	d, err := a.claimOfPath(c, who)
	if err != nil {
		return err
	}
	var body struct {
		Reason campaigns.VoidReason `json:"reason"`
		Note   string               `json:"note"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if _, err = a.Campaigns.Void(c.UserContext(), a.actor(c, who), d.Claim.ID, campaigns.Withdrawal{Reason: body.Reason, Note: body.Note}); err != nil {
		return voidRefusal(i18n.With(c.UserContext(), i18n.Match(c.Get(fiber.HeaderAcceptLanguage))), err)
	}
	return a.claim(c, who)
}

func (a *api) claim(c *fiber.Ctx, who *people.APIAccess) error {
	d, err := a.claimOfPath(c, who)
	if err != nil {
		return err
	}
	masked := !who.Has(people.ScopeReveal)
	row := campaigns.ClaimRow{Claim: d.Claim, CampaignName: d.Campaign.Name, OpenID: d.Visitor.OpenID, Nickname: d.Visitor.Nickname}
	one := claimOf(&row, d.Campaign.Form, masked)
	for _, e := range d.History {
		one.History = append(one.History, apiEvent{e.Kind, e.Source, stamp(e.At), e.Detail})
	}
	if !masked {
		if err := a.revealed(c, who, "claim", one.ID, 1); err != nil {
			return err
		}
	}
	return sendJSON(c, fiber.StatusOK, one)
}
