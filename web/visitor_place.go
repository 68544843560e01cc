package web

import (
	"strings"

	"github.com/gofiber/fiber/v2"
)

// place is where a page is open.
type place int

const (
	elsewhere place = iota // another browser: no identity, no wallet
	onPhone
	onDesktop
)

// placeOf tells by the browser's name. The phone of the sandbox is a frame in a desktop
// browser, so for its accounts a frame is as good as WeChat.
func placeOf(c *fiber.Ctx, sandbox bool) place {
	agent := strings.ToLower(c.Get(fiber.HeaderUserAgent))
	switch {
	case sandbox && c.Get("Sec-Fetch-Dest") == "iframe":
		return onPhone
	// WeCom calls itself MicroMessenger too; its openids and its SDK are others (protocol 8.1).
	case !strings.Contains(agent, "micromessenger"), strings.Contains(agent, "wxwork"):
		return elsewhere
	case strings.Contains(agent, "windowswechat"), strings.Contains(agent, "macwechat"):
		return onDesktop
	}
	return onPhone
}
