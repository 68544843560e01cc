package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/orders"
	"kaquan/pay"
)

// payLimit stays below the five seconds after which WeChat Pay hangs up.
const payLimit = 4 * time.Second

// payRoutes are the addresses of WeChat Pay's notifications. Their guard is the signature:
// no cookie is read, and no page's middleware runs.
func (s *Server) payRoutes() {
	if s.Orders == nil {
		return
	}
	s.app.Post("/w/pay/:account/notify", s.payNotice((*orders.Service).Notify))
	s.app.Post("/w/pay/:account/refund", s.payNotice((*orders.Service).NotifyRefund))
}

// payNotice takes a notification (pay protocol A5, B7) to take, and answers with exactly
// what that says. The body is kept byte for byte, since the signature is over it.
func (s *Server) payNotice(take func(*orders.Service, context.Context, campaigns.AccountID, http.Header, []byte) (pay.Reply, error)) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx, cancel := context.WithTimeout(s.Background, payLimit)
		defer cancel()
		// BodyRaw: a compressed body would be unpacked without a limit. One that is too long is
		// passed on cut, to be counted as that.
		body := c.BodyRaw()
		body = append([]byte(nil), body[:min(len(body), orders.MaxNotice+1)]...)
		header := http.Header{}
		c.Request().Header.VisitAll(func(name, value []byte) { header.Add(string(name), string(value)) })
		reply, err := take(s.Orders, ctx, campaigns.AccountID(c.Params("account")), header, body)
		switch {
		case errors.Is(err, orders.ErrNoMerchant):
			return c.SendStatus(fiber.StatusNotFound)
		case err != nil: // WeChat sends it again
			s.Log.Error("payment notification", "account", c.Params("account"), "err", err)
			return c.SendStatus(fiber.StatusServiceUnavailable)
		}
		c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
		c.Status(reply.Status)
		if reply.ContentType != "" {
			c.Response().Header.SetContentType(reply.ContentType)
		}
		return c.Send(reply.Body)
	}
}
