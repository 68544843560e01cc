package web

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/fault"
	"kaquan/people"
	"kaquan/wechat"
)

// apiLife is how long a value can still be used.
type apiLife struct {
	ExpiresIn int64     `json:"expires_in"` // seconds
	ExpiresAt time.Time `json:"expires_at"`
}

type apiTicket struct {
	Ticket string `json:"ticket"`
	apiLife
}

type apiAccessToken struct {
	AccessToken string `json:"access_token"`
	apiLife
}

func (a *api) lifeOf(t wechat.Token) apiLife {
	return apiLife{int64(t.ExpiresAt.Sub(a.Now()) / time.Second), t.ExpiresAt.UTC().Truncate(time.Second)}
}

// keeper is that of the account that a call means.
func (a *api) keeper(c *fiber.Ctx, who *people.APIAccess) (*wechat.Keeper, error) {
	id, err := a.account(c, who, c.Query("account"))
	if err != nil {
		return nil, err
	}
	account, err := a.WeChat.Account(c.UserContext(), id)
	if err != nil {
		return nil, err
	}
	return account.Keeper(), nil
}

func (a *api) ticket(c *fiber.Ctx, who *people.APIAccess, kind wechat.Kind) error {
	keeper, err := a.keeper(c, who)
	if err != nil {
		return err
	}
	t, err := keeper.Token(c.UserContext(), kind)
	if err != nil {
		return wechatDown(err)
	}
	return sendJSON(c, fiber.StatusOK, &apiTicket{t.Value, a.lifeOf(t)})
}

func (a *api) jsapiTicket(c *fiber.Ctx, who *people.APIAccess) error {
	return a.ticket(c, who, wechat.JSAPITicket)
}

func (a *api) cardTicket(c *fiber.Ctx, who *people.APIAccess) error {
	return a.ticket(c, who, wechat.CardTicket)
}

func (a *api) accessToken(c *fiber.Ctx, who *people.APIAccess) error {
	keeper, err := a.keeper(c, who)
	if err != nil {
		return err
	}
	t, err := keeper.Token(c.UserContext(), wechat.AccessToken)
	if err != nil {
		return wechatDown(err)
	}
	return sendJSON(c, fiber.StatusOK, &apiAccessToken{t.Value, a.lifeOf(t)})
}

var (
	errRejectedBody  = fault.New(fault.Invalid, "api.rejected_body").On("access_token")
	errRejectedAgain = fault.New(fault.RateLimited, "api.rejected_again")
)

// rejected takes the word of a program that WeChat refused a token, and answers the token
// to repeat the call with. The keeper fetches only when the token is the present one, and
// at most once in ten seconds.
func (a *api) rejected(c *fiber.Ctx, who *people.APIAccess) error {
	var body struct {
		AccessToken string `json:"access_token"`
	}
	// BodyRaw: a compressed body would be unpacked without a limit.
	if err := json.Unmarshal(c.BodyRaw(), &body); err != nil || body.AccessToken == "" || len(body.AccessToken) > 2048 {
		return errRejectedBody
	}
	keeper, err := a.keeper(c, who)
	if err != nil {
		return err
	}
	t, err := keeper.Rejected(c.UserContext(), wechat.AccessToken, body.AccessToken)
	if errors.Is(err, wechat.ErrRefusedAgain) {
		c.Set(fiber.HeaderRetryAfter, "10")
		return errRejectedAgain
	}
	if err != nil {
		return wechatDown(err)
	}
	return sendJSON(c, fiber.StatusOK, &apiAccessToken{t.Value, a.lifeOf(t)})
}

// wechatDown is the refusal of a call that WeChat did not let us answer, in the words of
// the health board.
func wechatDown(err error) error {
	return fault.New(fault.Unavailable, wechat.Meaning(err)).Because(err)
}
