package web

import (
	"github.com/gofiber/fiber/v2"

	"kaquan/media"
)

// handlePicture serves an uploaded picture. What a name means never changes, and nothing in it
// is more than a picture: its type is said by us, and it may load nothing.
func (s *Server) handlePicture(c *fiber.Ctx) error {
	if s.Media == nil {
		return media.ErrNotFound
	}
	p, err := s.Media.Find(c.UserContext(), c.Params("picture"))
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, p.Kind.Type())
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'")
	c.Set("Cross-Origin-Resource-Policy", "cross-origin")
	c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	c.Set(fiber.HeaderETag, `"`+p.Digest+`"`)
	if c.Get(fiber.HeaderIfNoneMatch) == `"`+p.Digest+`"` {
		return c.SendStatus(fiber.StatusNotModified)
	}
	return c.Send(p.Content)
}
