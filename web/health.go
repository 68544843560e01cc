package web

import (
	"context"
	"mime"
	"path"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/assets"
)

// handleHealth says that the process answers.
func (s *Server) handleHealth(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.SendString("ok " + s.Version + "\n")
}

// handleReady says that the store takes writes; 503 otherwise.
func (s *Server) handleReady(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	if s.Ready != nil {
		ctx, cancel := context.WithTimeout(s.Background, 3*time.Second)
		defer cancel()
		if err := s.Ready(ctx); err != nil {
			s.Log.Error("not ready", "err", err)
			return c.Status(fiber.StatusServiceUnavailable).SendString("not ready\n")
		}
	}
	return c.SendString("ready\n")
}

// handleAsset serves an embedded file, compressed as the browser likes. A hashed name
// never changes its content, so it may be kept for a year.
func handleAsset(c *fiber.Ctx) error {
	file, ok := assets.Find(c.Params("*"))
	if !ok {
		return fiber.ErrNotFound
	}
	kind := file.Type
	if kind == "" {
		kind = mime.TypeByExtension(path.Ext(file.Name))
	}
	c.Set(fiber.HeaderContentType, kind)
	c.Set("X-Content-Type-Options", "nosniff")
	c.Set(fiber.HeaderETag, file.ETag)
	c.Vary(fiber.HeaderAcceptEncoding)
	if file.Immutable {
		c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	} else {
		c.Set(fiber.HeaderCacheControl, "public, max-age=60")
	}
	if match := c.Get(fiber.HeaderIfNoneMatch); match != "" && strings.Contains(match, file.ETag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	accepted := c.Get(fiber.HeaderAcceptEncoding)
	switch {
	case len(file.Brotli) > 0 && strings.Contains(accepted, "br"):
		c.Set(fiber.HeaderContentEncoding, "br")
		return c.Send(file.Brotli)
	case len(file.Gzip) > 0 && strings.Contains(accepted, "gzip"):
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(file.Gzip)
	}
	return c.Send(file.Body)
}
