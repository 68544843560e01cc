package web

import (
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/recover"
)

// routes is the whole map of the server. Middleware comes first; order matters. The
// visitor's, the admin's and the programs' tables are in visitor_routes.go, admin_routes.go
// and api_routes.go.
func (s *Server) routes() {
	s.app.Use(s.measure)
	s.app.Use(s.logRequest)
	s.app.Use(recover.New(recover.Config{EnableStackTrace: true, StackTraceHandler: s.logPanic}))
	s.app.Get("/healthz", s.handleHealth)
	s.app.Get("/readyz", s.handleReady)
	s.app.Get("/metrics", s.handleMetrics)
	s.app.Get("/assets/*", handleAsset)
	s.app.Get("/media/:picture", s.requestContext, s.handlePicture)
	s.app.Get("/w/push/:account", s.handlePushVerify)
	s.app.Post("/w/push/:account", s.handlePush)
	s.payRoutes()
	s.app.Get("/:name.txt", s.handleVerifyFile)
	s.apiRoutes()
	s.miniRoutes()
	s.app.Use(s.securityHeaders)
	s.app.Use(s.requestContext)
	s.visitorRoutes()
	s.adminRoutes()
	s.app.Get("/", func(c *fiber.Ctx) error { return seeOther(c, "/admin") })
	s.app.Use(func(*fiber.Ctx) error { return fiber.ErrNotFound })
}
