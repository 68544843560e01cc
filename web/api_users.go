package web

import (
	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/people"
	"kaquan/views/ui"
)

type (
	apiUser struct {
		ID        string              `json:"id"`
		Account   campaigns.AccountID `json:"account"`
		OpenID    string              `json:"openid"`
		UnionID   string              `json:"unionid,omitempty"`
		Nickname  string              `json:"nickname"`
		Avatar    string              `json:"avatar,omitempty"`
		Masked    bool                `json:"masked"`
		Claims    int                 `json:"claims"`
		FirstSeen string              `json:"first_seen"`
		LastSeen  string              `json:"last_seen"`
	}
	apiUserClaim struct {
		ID        string               `json:"id"`
		Campaign  string               `json:"campaign"`
		State     campaigns.ClaimState `json:"state"`
		CreatedAt string               `json:"created_at"`
	}
)

func userOf(r *campaigns.VisitorRow, masked bool) apiUser {
	u := apiUser{
		ID: r.ID.String(), Account: r.Account, OpenID: string(r.OpenID), UnionID: r.UnionID, Nickname: r.Nickname, Avatar: r.Avatar, Masked: masked,
		Claims: r.Claims, FirstSeen: stamp(r.FirstSeen), LastSeen: stamp(r.LastSeen),
	}
	if masked {
		u.OpenID, u.UnionID, u.Nickname, u.Avatar = ui.ShortOpenID(u.OpenID), "", ui.MaskText(u.Nickname), ""
	}
	return u
}

func (a *api) users(c *fiber.Ctx, who *people.APIAccess) error {
	account, err := a.knownOf(c, who, c.Query("account"))
	if err != nil {
		return err
	}
	q := listQuery{c: c}
	f := campaigns.VisitorFilter{Account: account, Search: q.text("q", 64), Before: idIn[campaigns.VisitorID](&q, "cursor"), Limit: q.limit()}
	if q.err != nil {
		return q.err
	}
	page, err := a.Campaigns.Visitors(c.UserContext(), f)
	if err != nil {
		return err
	}
	answer := struct {
		Users []apiUser `json:"users"`
		Next  string    `json:"next"`
	}{Users: make([]apiUser, 0, len(page.Rows))}
	if page.Next != 0 {
		answer.Next = page.Next.String()
	}
	masked := !who.Has(people.ScopeReveal)
	for i := range page.Rows {
		answer.Users = append(answer.Users, userOf(&page.Rows[i], masked))
	}
	if !masked && len(page.Rows) > 0 {
		if err := a.revealed(c, who, "account", string(account), len(page.Rows)); err != nil {
			return err
		}
	}
	return sendJSON(c, fiber.StatusOK, answer)
}

// user is one visitor with their claims; who erased their data is not found.
func (a *api) user(c *fiber.Ctx, who *people.APIAccess) error {
	p, err := a.Campaigns.Profile(c.UserContext(), campaigns.ParseID[campaigns.VisitorID](c.Params("id")))
	if err == nil && !who.AllowsAccount(string(p.Account)) {
		err = campaigns.ErrVisitorNotFound
	}
	if err != nil {
		return err
	}
	masked := !who.Has(people.ScopeReveal)
	row := campaigns.VisitorRow{Visitor: p.Visitor, Details: p.Details}
	answer := struct {
		apiUser
		List []apiUserClaim `json:"claim_list"`
	}{List: make([]apiUserClaim, 0, len(p.Claims))}
	for i := range p.Claims {
		k := &p.Claims[i]
		if k.State != campaigns.Released {
			row.Claims++
		}
		answer.List = append(answer.List, apiUserClaim{k.ID.String(), k.Campaign.String(), k.State, stamp(k.CreatedAt)})
	}
	answer.apiUser = userOf(&row, masked)
	if !masked {
		if err := a.revealed(c, who, "visitor", answer.ID, 1); err != nil {
			return err
		}
	}
	return sendJSON(c, fiber.StatusOK, answer)
}
