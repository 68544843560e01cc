package web

import (
	"bufio"
	"time"

	"github.com/gofiber/fiber/v2"
)

const (
	// maxStreams bounds the open streams of all people together; whoever comes later asks
	// for the page from time to time instead.
	maxStreams = 50
	heartbeat  = 15 * time.Second // shorter than what proxies wait for
	// streamLife ends a stream so that the browser comes again and is asked who it is.
	streamLife = 10 * time.Minute
)

// stream sends server-sent events: "hello" at once, "changed" for each of news, a comment
// as a heartbeat. It ends when news is closed, the browser is gone, or the program stops;
// done is called then. The request's own context is over by the time events are sent.
func (s *Server) stream(c *fiber.Ctx, news <-chan struct{}, done func()) error {
	select {
	case s.streams <- struct{}{}:
	default:
		done()
		return c.SendStatus(fiber.StatusServiceUnavailable)
	}
	c.Set(fiber.HeaderContentType, "text/event-stream; charset=utf-8")
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set("X-Accel-Buffering", "no") // nginx would collect events otherwise
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		defer func() {
			done()
			<-s.streams
		}()
		s.events(w, news)
	})
	return nil
}

func (s *Server) events(w *bufio.Writer, news <-chan struct{}) {
	say := func(text string) bool {
		_, err := w.WriteString(text)
		return err == nil && w.Flush() == nil
	}
	beat, end := time.NewTicker(heartbeat), time.NewTimer(streamLife)
	defer beat.Stop()
	defer end.Stop()
	for ok := say("retry: 5000\nevent: hello\ndata: 1\n\n"); ok; {
		select {
		case _, more := <-news:
			ok = more && say("event: changed\ndata: 1\n\n")
		case <-beat.C:
			ok = say(": beat\n\n")
		case <-end.C:
			return
		case <-s.Background.Done():
			return
		}
	}
}
