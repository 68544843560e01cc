package web

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"
)

// spent reports whether the key has nothing left, without taking anything.
func (l *limiter) spent(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.young[key]
	if one == nil {
		one = l.old[key]
	}
	return one != nil && one.TokensAt(l.now()) < 1
}

// contextFor is the request's context with a shorter deadline.
func contextFor(c *fiber.Ctx, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.UserContext(), limit)
}
