package web

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"kaquan/views/admin"
)

// The bounds of what a request may bring.
const (
	maxBody        = 1 << 20 // unless the table says more
	maxPictureBody = 9 << 20 // a picture of 8 MB and the step around it
	maxSheetBody   = 20 << 20
)

// largeRoutes are the writes that take files, from people who bring a session along; whether it
// is good is asked when the request is read. Import files keep their own bound.
var largeRoutes = []struct {
	prefix, suffix string
	limit          int
}{
	{admin.ListsPath + "/", "/import", maxImportFile},
	{admin.PoolsPath + "/", "/import", maxImportFile},
	{admin.PeopleImportPath, "", maxPeopleFile},
	{"/admin/campaigns/", "/pictures", maxPictureBody},
	{"/admin/campaigns/", "/channels/import", maxSheetBody},
	{"/admin/staff", "/import", maxSheetBody},
	{"/admin/goods", "/import", maxSheetBody},
	{"/admin/movements", "/import", maxSheetBody},
	{"/admin/stores", "/import", maxSheetBody},
}

// bodyLimit is asked before a body is read, so that a large one costs nothing.
func bodyLimit(header *fasthttp.RequestHeader) fasthttp.RequestConfig {
	if string(header.Method()) != fiber.MethodPost || len(header.Cookie(adminCookie)) == 0 {
		return fasthttp.RequestConfig{}
	}
	path, _, _ := strings.Cut(string(header.RequestURI()), "?")
	for _, r := range largeRoutes {
		if strings.HasPrefix(path, r.prefix) && strings.HasSuffix(path, r.suffix) {
			return fasthttp.RequestConfig{MaxRequestBodySize: r.limit, ReadTimeout: importReadLimit}
		}
	}
	return fasthttp.RequestConfig{}
}

const (
	drainMost  = 64 << 20         // bytes of a refused body that are read and thrown away
	drainLimit = 20 * time.Second // for which
	drainRest  = 200 * time.Millisecond
)

// refuseLarge lets a browser read why its body was refused: one that is cut off while it sends
// shows its own words instead. So what it sends is thrown away first, within bounds.
func refuseLarge(answer func(*fasthttp.RequestCtx, error)) func(*fasthttp.RequestCtx, error) {
	return func(ctx *fasthttp.RequestCtx, err error) {
		if errors.Is(err, fasthttp.ErrBodyTooLarge) {
			drain(ctx)
		}
		answer(ctx, err)
	}
}

func drain(ctx *fasthttp.RequestCtx) {
	conn, length := ctx.Conn(), int64(ctx.Request.Header.ContentLength())
	if conn == nil || length > drainMost {
		return
	}
	defer func() { _ = conn.SetReadDeadline(time.Time{}) }()
	// A part of the body is in the server's buffer already, so its last bytes never come: the
	// rest is waited for only a moment.
	if known := length - readBuffer; known > 0 {
		_ = conn.SetReadDeadline(time.Now().Add(drainLimit))
		if n, err := io.CopyN(io.Discard, conn, known); err != nil || n < known {
			return
		}
	}
	_ = conn.SetReadDeadline(time.Now().Add(drainRest))
	_, _ = io.CopyN(io.Discard, conn, readBuffer)
}
