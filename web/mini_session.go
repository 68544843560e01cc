package web

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/mini"
	"kaquan/wechat"
)

// miniSession is a session as its phone keeps it. The session key of WeChat is no part of
// it.
type miniSession struct {
	Token   string  `json:"token,omitempty"`
	Expires string  `json:"expires_at"`
	Idle    int64   `json:"idle_seconds"`
	Renew   *bool   `json:"renew,omitempty"`
	KeyLive *bool   `json:"key_live,omitempty"`
	Me      *miniMe `json:"me,omitempty"`
}

func sessionAnswer(token mini.Token, s *mini.Session) miniSession {
	return miniSession{Token: string(token), Expires: stamp(s.ExpiresAt), Idle: int64(mini.Idle / time.Second)}
}

// handleSignIn redeems a code of wx.login.
func (m *minis) handleSignIn(c *fiber.Ctx) error {
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	token, session, err := m.Mini.SignIn(c.UserContext(), wechat.AppID(in.text("app_id")), in.text("code"))
	if err != nil {
		return err
	}
	answer := sessionAnswer(token, session)
	if answer.Me, err = m.me(c, session); err != nil {
		return err
	}
	return sendJSON(c, fiber.StatusCreated, answer)
}

// handleSession tells how long the session lives.
func (m *minis) handleSession(c *fiber.Ctx, who *mini.Session) error {
	answer, renew := sessionAnswer("", who), who.ShouldRenew(m.Now())
	answer.Renew = &renew
	if c.Query("check") == "1" {
		if !m.rare.allow("key " + string(who.Hash)) {
			return tooMany(c, "10")
		}
		lives, err := m.Mini.KeyLives(c.UserContext(), who)
		if err != nil {
			return err
		}
		answer.KeyLive = &lives
	}
	return sendJSON(c, fiber.StatusOK, answer)
}

// handleRenew swaps the token.
func (m *minis) handleRenew(c *fiber.Ctx, who *mini.Session) error {
	token, session, err := m.Mini.Renew(c.UserContext(), who)
	if err != nil {
		return err
	}
	return sendJSON(c, fiber.StatusOK, sessionAnswer(token, session))
}

// handleSignOut ends the session, or all of the person.
func (m *minis) handleSignOut(c *fiber.Ctx, who *mini.Session) error {
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	if err := m.Mini.Revoke(c.UserContext(), who, in.yes("all")); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}
