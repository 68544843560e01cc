package pay

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

const (
	callTimeout = 10 * time.Second
	billTimeout = 90 * time.Second
	maxAnswer   = 1 << 20  // bytes
	maxNotify   = 64 << 10 // bytes
	maxMessage  = 300      // runes of a message that are kept
	prepayLife  = 2 * time.Hour
	userAgent   = "kaquan"
)

// caller is what both versions send with.
type caller struct {
	m      Merchant
	base   string
	http   *http.Client
	secure *http.Client // with the merchant's certificate; nil without one
	now    func() time.Time
	nonce  func() string
}

func newCaller(o Options, k *keys) *caller {
	c := &caller{m: o.Merchant, base: strings.TrimRight(o.Merchant.BaseURL, "/"), now: o.Now, nonce: o.Nonce}
	if c.base == "" {
		c.base = DefaultBaseURL
	}
	if c.nonce == nil {
		c.nonce = rand.Text
	}
	c.http = newClient(o.Transport, nil)
	if k.pair != nil {
		c.secure = newClient(o.Transport, k)
	}
	return c
}

// Format keeps keys out of whatever prints a gateway.
func (c *caller) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.m.String())) }

// newClient keeps off redirects, cookies and unasked decompression: what is verified must be
// the bytes that were sent.
func newClient(given *http.Transport, k *keys) *http.Client {
	if given == nil {
		var standard bool
		if given, standard = http.DefaultTransport.(*http.Transport); !standard {
			given = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
		}
	}
	t := given.Clone()
	t.DisableCompression = true
	t.IdleConnTimeout = 30 * time.Second
	if k != nil {
		t.TLSClientConfig = k.tlsConfig(t.TLSClientConfig)
	}
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is a whole answer of WeChat.
type answer struct {
	path   string
	status int
	header http.Header
	body   []byte
}

func (a answer) ok() bool { return a.status >= 200 && a.status <= 299 }

func (a answer) problem(what string) error {
	return &AnswerError{Path: a.path, Status: a.status, Problem: what}
}

// send makes one call. path is what errors call it: it never holds a query.
func (c *caller) send(ctx context.Context, client *http.Client, req *http.Request, path string, limit int64) (answer, error) {
	a := answer{path: path}
	req.Header.Set("User-Agent", userAgent)
	res, err := client.Do(req.WithContext(ctx))
	if err != nil {
		return a, &NetworkError{Path: path, Err: withoutURL(err)}
	}
	defer func() { _ = res.Body.Close() }()
	a.status, a.header = res.StatusCode, res.Header
	a.body, err = io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return a, &NetworkError{Path: path, Err: withoutURL(err)}
	}
	if int64(len(a.body)) > limit {
		return a, a.problem("the answer is too large")
	}
	return a, nil
}

// request makes a request below the base address.
func (c *caller) request(method, path string, body string) (*http.Request, error) {
	req, err := http.NewRequest(method, c.base+path, strings.NewReader(body)) //nolint:noctx // send adds the context
	if err != nil {
		return nil, &InputError{"base_url", "not an address"}
	}
	return req, nil
}

// withoutURL takes the address off an error of net/http.
func withoutURL(err error) error {
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	return err
}

// cleanMessage makes a message of WeChat fit for logs and pages.
func cleanMessage(message string, private ...string) string {
	for _, p := range private {
		if p != "" {
			message = strings.ReplaceAll(message, p, "••••")
		}
	}
	message = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, message))
	if runes := []rune(message); len(runes) > maxMessage {
		message = string(runes[:maxMessage]) + "…"
	}
	return message
}
