package web

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/doctor"
	"kaquan/media"
	"kaquan/mini"
	"kaquan/orders"
	"kaquan/people"
	"kaquan/reach"
	"kaquan/redemption"
	"kaquan/stores"
	"kaquan/wechat"
)

// Options are the parts the server is made of. All are required unless noted.
type Options struct {
	Campaigns      *campaigns.Service
	Scratch        campaigns.Scratch // where rehearsals are played
	Accounts       campaigns.Accounts
	People         *people.Service
	WeChat         *wechat.Hub
	Fetches        Fetches
	Signatures     Signatures
	Files          Files
	Doctor         *doctor.Service     // nil = no health board
	Reach          *reach.Service      // nil = no pages about the chat and its cards
	Mini           *mini.Service       // nil = no mini programs
	Stores         *stores.Service     // nil = no pages about stores and stock
	Redemption     *redemption.Service // nil = nobody redeems here
	Orders         *orders.Service     // nil = no card has a price
	Media          *media.Library      // nil = no pictures
	Courier        *campaigns.Courier  // nil = nobody is told anything
	PublicURL      string              // scheme and host that visitors use, without a slash at the end
	TrustedProxies []string            // addresses or CIDR blocks whose X-Forwarded-For is believed
	CookieKey      []byte              // 32 bytes that seal visitors' cookies
	Version        string
	Ready          func(context.Context) error // nil = always ready
	Replier        Replier                     // nil = messages are not answered
	Reconciler     *campaigns.Reconciler       // nil = nobody can start it by hand
	Meter          Meter                       // nil = nothing is counted
	Metrics        http.Handler                // answers /metrics to those with MetricsToken; nil = nobody
	MetricsToken   string                      // empty = nobody
	Exports        string                      // the folder where exported files wait; "" = none are made in the background
	Now            func() time.Time            // nil = time.Now
	Log            *slog.Logger                // nil = discard
	Background     context.Context             // ends when the program stops; nil = never
}

// Fetches reads the log of token and ticket fetches.
type Fetches interface {
	Fetches(ctx context.Context, app wechat.AppID, limit int) ([]wechat.Fetch, error)
}

// Signatures keeps what pages tell about refused signatures.
type Signatures interface {
	SaveSignatureReport(ctx context.Context, r wechat.SignatureReport) error
	// SignatureReports are the newest of an account.
	SignatureReports(ctx context.Context, account string, limit int) ([]wechat.SignatureReport, error)
}

// Files keeps the verification files.
type Files interface {
	SaveVerifyFile(ctx context.Context, f wechat.VerifyFile) error
	VerifyFiles(ctx context.Context) ([]wechat.VerifyFile, error)
	VerifyFile(ctx context.Context, name string) (f wechat.VerifyFile, found bool, err error)
	VerifyFileServed(ctx context.Context, name string, now time.Time) error
	DeleteVerifyFile(ctx context.Context, name string) error
}

// readBuffer bounds the head of a request.
const readBuffer = 16 << 10

// Server is the HTTP side of the program.
type Server struct {
	Options
	app     *fiber.App
	public  *url.URL
	trusted []netip.Prefix
	cookies *cookieSealer

	followCodes followCodes
	imports     imports
	exporter    exporter

	streams   chan struct{} // one place for each open stream
	rehearser *campaigns.Rehearser

	rechecks *limiter // by check and account
	notes    *limiter // for the doctor, by kind and account

	pushLimit time.Duration
	guard     *pushGuard
	chat      *chat
	receiving sync.WaitGroup // messages on their way into the database
	support   supportBook

	// patterns are those of the route table, which bound what Meter is told.
	patterns map[string]bool
}

// New makes a server; it does not listen yet.
func New(o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Background == nil {
		o.Background = context.Background()
	}
	if o.Meter == nil {
		o.Meter = unmetered{}
	}
	public, err := url.Parse(o.PublicURL)
	if err != nil {
		return nil, err
	}
	cookies, err := newCookieSealer(o.CookieKey)
	if err != nil {
		return nil, err
	}
	s := &Server{Options: o, public: public, cookies: cookies, rehearser: campaigns.NewRehearser(o.Scratch), streams: make(chan struct{}, maxStreams), rechecks: newLimiter(0.2, 1, o.Now), notes: newLimiter(1.0/60, 10, o.Now)}
	s.pushLimit, s.guard, s.chat = pushLimit, newPushGuard(o.Now), newChat(o.Replier, o.Now, o.Log)
	for _, proxy := range o.TrustedProxies {
		prefix, err := parsePrefix(proxy)
		if err != nil {
			return nil, err
		}
		s.trusted = append(s.trusted, prefix)
	}
	s.app = fiber.New(fiber.Config{
		AppName:               "Kaquan",
		DisableStartupMessage: true,
		ErrorHandler:          s.handleError,
		// Strings of a request would otherwise point into a buffer that the next request reuses.
		Immutable: true,
		// Off would mean that every client may claim any host and scheme.
		EnableTrustedProxyCheck: true,
		BodyLimit:               maxBody,
		ReadBufferSize:          readBuffer,
		ReadTimeout:             15 * time.Second,
		IdleTimeout:             75 * time.Second,
		// Never redirect for a slash: WeChat adds parameters to redirected addresses.
		StrictRouting: false,
	})
	s.app.Server().HeaderReceived = bodyLimit
	s.app.Server().ErrorHandler = refuseLarge(s.app.Server().ErrorHandler)
	s.routes()
	s.learnPatterns()
	return s, nil
}

// App is the Fiber app, for tests that send requests without a socket.
func (s *Server) App() *fiber.App { return s.app }

// Serve answers requests on ln until Shutdown.
func (s *Server) Serve(ln net.Listener) error { return s.app.Listener(ln) }

// Shutdown stops listening and waits for the running requests, at most until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.app.ShutdownWithContext(ctx)
	stored := make(chan struct{})
	go func() { s.receiving.Wait(); s.imports.group.Wait(); s.exporter.group.Wait(); close(stored) }()
	select {
	case <-stored:
	case <-ctx.Done():
	}
	return err
}

func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		return netip.ParsePrefix(text)
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}

// clientIP is the address of the socket's peer, or, when that is a trusted proxy, the
// last address in X-Forwarded-For that is not one: what a client writes there itself
// stands further left and is never believed.
func (s *Server) clientIP(c *fiber.Ctx) string {
	peer, ok := netip.AddrFromSlice(c.Context().RemoteIP())
	if !ok {
		return ""
	}
	peer = peer.Unmap()
	if !s.isTrusted(peer) {
		return peer.String()
	}
	hops := strings.Split(c.Get(fiber.HeaderXForwardedFor), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		if hop = hop.Unmap(); !s.isTrusted(hop) {
			return hop.String()
		}
	}
	return peer.String()
}

func (s *Server) isTrusted(addr netip.Addr) bool {
	for _, prefix := range s.trusted {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// secure reports whether visitors reach us by https, so that cookies can say so.
func (s *Server) secure() bool { return s.public.Scheme == "https" }
