package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"kaquan/assets"
	"kaquan/sandbox"
	"kaquan/web"
)

// standIn is a running WeChat sandbox.
type standIn struct {
	*sandbox.Server
	URL  string
	http *http.Server
	ln   net.Listener
}

// openSandbox binds the address; the sandbox answers once serve runs.
func openSandbox(listen string, o sandbox.Options) (*standIn, error) {
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("sandbox: listen on %s (KAQUAN_SANDBOX_LISTEN): %w", listen, err)
	}
	s := sandbox.New(o)
	return &standIn{
		Server: s, ln: ln, URL: "http://" + ln.Addr().String(),
		http: &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second},
	}, nil
}

// serve answers until ctx ends, then stops and waits for the pushes under way.
func (s *standIn) serve(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.ln) }()
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
	}
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if e := s.http.Shutdown(shutdown); e != nil {
		// The phone keeps a live stream open; cutting it is how a stand-in ends.
		err = errors.Join(err, s.http.Close())
	}
	s.Close()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// The sandbox's account and cards. They protect nothing: the sandbox listens on loopback.
const (
	sandboxAppID     = "wx5a9d0c0ffee0b0b1"
	sandboxMiniAppID = "wx5a9d0c0ffee0b0b2"
)

func sandboxCards() []sandbox.Card {
	return []sandbox.Card{
		{ID: "pKaquanLatte00000000000001", Title: "冬日拿铁买一赠一", Brand: "示例咖啡", Color: "#2c9f67", Stock: 2100, LimitPerPerson: 1},
		{ID: "pKaquanCake000000000000002", Title: "提拉米苏兑换券", Brand: "示例咖啡", Color: "#d09a45", Stock: 150, LimitPerPerson: 50},
	}
}

type sandboxCommand struct {
	AppID      string `name:"appid" default:"${sandbox_appid}" help:"AppID of the sandbox's account."`
	Secret     string `default:"sandboxsecret00000000000000000000" help:"AppSecret of the sandbox's account."`
	MiniAppID  string `name:"mini-appid" default:"${sandbox_mini_appid}" help:"AppID of the sandbox's mini program."`
	MiniSecret string `default:"sandboxminisecret000000000000000" help:"AppSecret of the sandbox's mini program."`
	PushToken  string `default:"sandboxtoken" help:"Token with which pushes are signed."`
	Callback   string `default:"http://127.0.0.1:8080/w/push/demo" help:"Address that pushes go to."`
	Start      string `default:"http://127.0.0.1:8080/" help:"Page that the phone opens first."`
}

// Run runs the sandbox alone until a signal.
func (c sandboxCommand) Run(ctx context.Context, env *Env) error {
	s, err := openSandbox(env.Config.SandboxListen, sandbox.Options{
		AppID: c.AppID, Secret: c.Secret, PushToken: c.PushToken, OriginalID: "gh_kaquansandbox", CallbackURL: c.Callback, StartURL: c.Start,
		Cards: sandboxCards(), SDK: assets.JSSDK(), VisitorCookies: web.VisitorCookies(), Log: env.Log,
		Mini: sandbox.Mini{AppID: c.MiniAppID, Secret: c.MiniSecret, UnionIDs: true},
	})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(env.Out, "沙箱手机 sandbox phone: %s/phone\nAppID %s  API %s\n", s.URL, c.AppID, s.URL); err != nil {
		return err
	}
	return s.serve(ctx)
}

// randomHex is n random bytes in hexadecimal.
func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// sandboxKeys are what app and stand-in agree on.
type sandboxKeys struct {
	secret, push, aes, mini string
	merchant                sandbox.Merchant
}

// newSandboxKeys are new at every start: the app forgets the tokens of a sandbox that is
// gone.
func newSandboxKeys() sandboxKeys {
	return sandboxKeys{secret: randomHex(16), push: randomHex(12), aes: randomHex(22)[:43], mini: randomHex(16), merchant: newDemoMerchant()}
}

// sandboxOptions are the demo's stand-in, aimed at the app.
func sandboxOptions(keys sandboxKeys, public, slug string, log *slog.Logger) sandbox.Options {
	host := public
	if u, err := url.Parse(public); err == nil {
		host = u.Host
	}
	merchant := keys.merchant
	return sandbox.Options{
		AppID: sandboxAppID, Secret: keys.secret, PushToken: keys.push, AESKey: keys.aes, AccountName: "示例咖啡", OriginalID: "gh_kaquansandbox",
		CallbackURL: public + "/w/push/demo", StartURL: public + "/c/" + slug, OAuthDomain: host,
		Cards: sandboxCards(), SDK: assets.JSSDK(), VisitorCookies: web.VisitorCookies(), Log: log,
		Mini: sandbox.Mini{AppID: sandboxMiniAppID, Secret: keys.mini, UnionIDs: true}, Merchant: &merchant,
	}
}
