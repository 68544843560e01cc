package web

import (
	_ "embed"

	"github.com/gofiber/fiber/v2"
)

// openAPI describes the calls of programs. It names no installation: its server is the
// path, so that it is true wherever it is read from.
//
//go:embed api_openapi.json
var openAPI []byte

func handleOpenAPI(c *fiber.Ctx) error {
	c.Response().Header.SetContentType("application/json; charset=utf-8")
	return c.Send(openAPI)
}
