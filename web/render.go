package web

import (
	"crypto/rand"
	"encoding/base64"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"
)

// render writes a view with a status. Pages are personal: nothing may keep them.
func render(c *fiber.Ctx, status int, view templ.Component) error {
	c.Status(status)
	c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
	c.Set(fiber.HeaderCacheControl, "no-store")
	return view.Render(c.UserContext(), c.Response().BodyWriter())
}

// isFragment reports whether htmx asks for a part of the page. A page that htmx restores
// from its history cache is asked for whole.
func isFragment(c *fiber.Ctx) bool {
	return c.Get("HX-Request") == "true" && c.Get("HX-History-Restore-Request") != "true"
}

// seeOther sends the browser to a path of ours after a write. htmx follows by itself.
func seeOther(c *fiber.Ctx, path string) error {
	return c.Redirect(path, fiber.StatusSeeOther)
}

// randomText is n random bytes as base64url: keys and nonces.
func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
