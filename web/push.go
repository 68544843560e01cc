package web

import (
	"context"
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/doctor"
	"kaquan/wechat"
)

// pushLimit stays below the five seconds after which WeChat hangs up.
const pushLimit = 4 * time.Second

// unknownAccount is counted for what names no account of ours.
const unknownAccount = "unknown"

// maxPush bounds a message; real ones are a few kilobytes.
const maxPush = 256 << 10

// handlePushVerify answers WeChat's check of the address (protocol 6.1): the echostr as
// it came, once the signature fits, and nothing else.
func (s *Server) handlePushVerify(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(s.Background, pushLimit)
	defer cancel()
	account, err := s.WeChat.Account(ctx, c.Params("account"))
	if err == nil {
		err = account.VerifyAddress(c.Query("timestamp"), c.Query("nonce"), c.Query("signature"))
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

// handlePush takes a message (protocol 6.2 to 6.4): the signature is checked before anything
// is parsed, the message is durable before the answer, and the answer is "success", or a
// reply, for everything that is ours, repeats included, so that WeChat does not send it
// again. It comes in time however long the work takes.
func (s *Server) handlePush(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(s.Background, s.pushLimit)
	defer cancel()
	// BodyRaw: a compressed body would be unpacked without a limit.
	body := append([]byte(nil), c.BodyRaw()...)
	if len(body) > maxPush || c.Get(fiber.HeaderContentEncoding) != "" {
		return s.refusePush(c, unknownAccount, RefusedSize, fiber.StatusRequestEntityTooLarge)
	}
	account, err := s.WeChat.Account(ctx, c.Params("account"))
	if errors.Is(err, campaigns.ErrAccountNotFound) {
		return s.refusePush(c, unknownAccount, RefusedAccount, fiber.StatusForbidden)
	}
	if err != nil {
		s.Log.Error("push: account", "err", err)
		return c.SendStatus(fiber.StatusServiceUnavailable)
	}
	known := account.Credentials().Account
	body, seal, reason := s.openPush(c, account, body, c.Query("encrypt_type") == "aes")
	if reason != "" {
		s.notePush(ctx, c, account, doctor.PushRefused)
		return s.refusePush(c, known, reason, refusedStatus[reason])
	}
	event, err := wechat.ParseEvent(body)
	if err != nil {
		return s.refusePush(c, known, RefusedMalformed, fiber.StatusBadRequest)
	}
	result, err := s.receive(ctx, campaigns.AccountID(known), event, body)
	if err != nil {
		// No "success": WeChat sends it again, and the dedupe key makes that safe.
		s.Meter.Push(known, "failed")
		s.Log.Error("push not stored", "account", known, "event", event.Event, "err", err)
		return c.SendStatus(fiber.StatusInternalServerError)
	}
	s.Meter.Push(known, string(result))
	s.Log.Info("push", "account", known, "event", event.Event, "result", result)
	answer := s.replyTo(ctx, account, event, result == campaigns.PushDuplicate)
	if seal != nil {
		if answer, err = seal.SealReply(answer, c.Query("timestamp"), c.Query("nonce")); err != nil {
			s.Log.Error("reply not sealed", "account", known, "err", err)
			answer = []byte(wechat.NoReply)
		}
	}
	c.Set(fiber.HeaderContentType, "text/plain; charset=utf-8")
	if string(answer) != wechat.NoReply {
		c.Set(fiber.HeaderContentType, "text/xml; charset=utf-8")
	}
	return c.Send(answer)
}

// receive stores a message, and stops waiting for a database that is busy for too long: a
// late success is worth no more than none.
func (s *Server) receive(ctx context.Context, account campaigns.AccountID, event wechat.Event, body []byte) (campaigns.PushResult, error) {
	type outcome struct {
		result campaigns.PushResult
		err    error
	}
	done := make(chan outcome, 1)
	s.receiving.Go(func() {
		result, err := s.Campaigns.Receive(ctx, account, event, body)
		done <- outcome{result, err}
	})
	select {
	case o := <-done:
		return o.result, o.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// openPush checks the signature and returns the message, decrypted where the account's
// console is set to the safe or compatible mode (protocol 6.3), with what seals its reply
// then; otherwise why it is refused. Once an account's messages come encrypted, plain ones
// are refused.
//
// msg_signature covers the encrypted text, so whoever sends it again sends the same message,
// which is a repeat. The signature of the plain mode covers no text: there each may come
// with one text alone for as long as it is fresh.
func (s *Server) openPush(c *fiber.Ctx, account *wechat.Account, body []byte, encrypted bool) (message []byte, seal *wechat.Crypt, refused string) {
	stamp, nonce := c.Query("timestamp"), c.Query("nonce")
	if encrypted {
		plain, seal, err := account.OpenPush(stamp, nonce, c.Query("msg_signature"), body)
		if err == nil {
			s.guard.seals(account.Credentials().Account)
		}
		return plain, seal, whyRefused(err)
	}
	// The console keeps a key in the plain mode too, so only messages tell the mode. In the
	// sandbox people change it to and fro.
	if !account.Credentials().Sandbox && s.guard.sealing(account.Credentials().Account, 2*account.PushWindow()) {
		return nil, nil, RefusedPlain
	}
	signature := c.Query("signature")
	if err := account.VerifyPush(stamp, nonce, signature); err != nil {
		return nil, nil, whyRefused(err)
	}
	if s.guard.replayed(2*account.PushWindow(), account.Credentials().Account, stamp, nonce, signature, body) {
		return nil, nil, RefusedReplay
	}
	return body, nil, ""
}

// whyRefused names the reason for the counters; the sender is never told.
func whyRefused(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, wechat.ErrBadEvent):
		return RefusedMalformed
	case errors.Is(err, wechat.ErrCrypt):
		return RefusedCrypt
	case errors.Is(err, wechat.ErrPushStale):
		return RefusedStale
	}
	return RefusedSignature
}

func (s *Server) refusePush(c *fiber.Ctx, account, reason string, status int) error {
	s.guard.refused(account, reason, s.Now())
	result := "refused"
	if reason == RefusedMalformed {
		result = "malformed"
	}
	s.Meter.Push(account, result)
	s.Log.Warn("push refused", "account", account, "reason", reason)
	return c.SendStatus(status)
}
