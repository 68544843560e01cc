package web

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/doctor"
	"kaquan/wechat"
)

// pushLimit stays below the five seconds after which WeChat hangs up.
const pushLimit = 4 * time.Second

// maxPush bounds a message; real ones are a few kilobytes.
const maxPush = 256 << 10

// handlePushVerify answers WeChat's check of the address (protocol 6.1): the echostr as
// it came, once the signature fits, and nothing else.
func (s *Server) handlePushVerify(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(s.Background, pushLimit)
	defer cancel()
	account, err := s.WeChat.Account(ctx, c.Params("account"))
	if err == nil {
		err = account.VerifyPush(c.Query("timestamp"), c.Query("nonce"), c.Query("signature"))
	}
	if err != nil {
		s.notePush(ctx, c, account, doctor.PushRefused)
		return c.SendStatus(fiber.StatusForbidden)
	}
	s.notePush(ctx, c, account, doctor.PushVerified)
	c.Set(fiber.HeaderContentType, "text/plain; charset=utf-8")
	c.Set("X-Content-Type-Options", "nosniff")
	return c.SendString(c.Query("echostr"))
}

// handlePush takes a message (protocol 6.2): the signature is checked before anything is
// parsed, the message is durable before the answer, and the answer is "success" for
// everything that is ours, repeats included, so that WeChat does not send it again.
func (s *Server) handlePush(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(s.Background, pushLimit)
	defer cancel()
	// BodyRaw: a compressed body would be unpacked without a limit.
	body := append([]byte(nil), c.BodyRaw()...)
	if len(body) > maxPush || c.Get(fiber.HeaderContentEncoding) != "" {
		s.Meter.Push("unknown", "refused")
		return c.SendStatus(fiber.StatusRequestEntityTooLarge)
	}
	known := "unknown" // what a stranger wrote into the path is neither logged nor counted
	account, err := s.WeChat.Account(ctx, c.Params("account"))
	if err == nil {
		known = account.Credentials().Account
		body, err = openPush(c, account, body)
	}
	if err != nil {
		s.Meter.Push(known, "refused")
		s.notePush(ctx, c, account, doctor.PushRefused)
		s.Log.Warn("push refused", "account", known, "err", err)
		return c.SendStatus(fiber.StatusForbidden)
	}
	id := campaigns.AccountID(account.Credentials().Account)
	event, err := wechat.ParseEvent(body)
	if err != nil {
		s.Meter.Push(known, "malformed")
		s.Log.Warn("push does not parse", "account", id, "err", err)
		return c.SendStatus(fiber.StatusBadRequest)
	}
	result, err := s.Campaigns.Receive(ctx, id, event, body)
	if err != nil {
		// No "success": WeChat sends it again, and the dedupe key makes that safe.
		s.Meter.Push(known, "failed")
		s.Log.Error("push not stored", "account", id, "event", event.Event, "err", err)
		return c.SendStatus(fiber.StatusInternalServerError)
	}
	s.Meter.Push(known, string(result))
	s.Log.Info("push", "account", id, "event", event.Event, "result", result)
	c.Set(fiber.HeaderContentType, "text/plain; charset=utf-8")
	return c.SendString("success")
}

// openPush checks the signature and returns the message, decrypted where the account's
// console is set to the safe or compatible mode (protocol 6.3).
func openPush(c *fiber.Ctx, account *wechat.Account, body []byte) ([]byte, error) {
	if c.Query("encrypt_type") == "aes" {
		return account.OpenPush(c.Query("timestamp"), c.Query("nonce"), c.Query("msg_signature"), body)
	}
	return body, account.VerifyPush(c.Query("timestamp"), c.Query("nonce"), c.Query("signature"))
}
