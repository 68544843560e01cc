package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
)

const (
	callTimeout = 5 * time.Second
	maxAnswer   = 1 << 20 // bytes
	maxMessage  = 300     // runes of errmsg that are kept
)

// WeChat's own addresses.
const (
	defaultAPI  = "https://api.weixin.qq.com"
	defaultOpen = "https://open.weixin.qq.com"
	defaultJS   = "https://res.wx.qq.com"
)

// client makes the calls of one account. Its errors hold no query, token or secret.
type client struct {
	http *http.Client
	base string
	now  func() time.Time
	skew atomic.Pointer[Skew] // of the newest answer with a date
}

func newClient(h *http.Client, base string, now func() time.Time) *client {
	if h == nil {
		h = &http.Client{}
	}
	own := *h
	// A redirect would carry the query, and with it the token, to another place.
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	own.Jar = nil
	return &client{http: &own, base: address(base, defaultAPI), now: now}
}

// address is the given base without a trailing slash, or the default.
func address(base, otherwise string) string {
	if base == "" {
		return otherwise
	}
	return strings.TrimRight(base, "/")
}

// get calls path and reads the answer into out. The values of the query that are secret
// are also given as secrets, so that no message can repeat them.
func (c *client) get(ctx context.Context, path string, query url.Values, out any, secrets ...string) error {
	return c.call(ctx, http.MethodGet, path, query, nil, out, secrets)
}

// post sends body as JSON.
func (c *client) post(ctx context.Context, path string, query url.Values, body, out any, secrets ...string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // WeChat refuses \uXXXX (40033)
	if err := e.Encode(body); err != nil {
		return err
	}
	return c.call(ctx, http.MethodPost, path, query, &b, out, secrets)
}

func (c *client) call(ctx context.Context, method, path string, query url.Values, body io.Reader, out any, secrets []string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	kind := ""
	if body != nil {
		kind = "application/json; charset=utf-8"
	}
	return c.send(ctx, method, path, query, kind, body, out, secrets)
}

// send is call with a body of any kind and no time limit of its own.
func (c *client) send(ctx context.Context, method, path string, query url.Values, kind string, body io.Reader, out any, secrets []string) error {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return &NetworkError{Path: path, Err: errors.New("the API address is not a URL")}
	}
	req.URL.RawQuery = query.Encode()
	req.Header.Set("Accept", "application/json")
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	sent := c.now()
	res, err := c.http.Do(req)
	if err != nil {
		return &NetworkError{Path: path, Err: withoutURL(err)}
	}
	c.observe(sent, res.Header)
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return &NetworkError{Path: path, Err: withoutURL(err)}
	}
	return parseAnswer(path, res.StatusCode, raw, out, secrets)
}

// withoutURL takes the address, which holds the query, off an error of net/http.
func withoutURL(err error) error {
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	return err
}

// parseAnswer reads JSON whatever the content type says: WeChat sends text/plain.
func parseAnswer(path string, status int, raw []byte, out any, secrets []string) error {
	if len(raw) > maxAnswer {
		return &AnswerError{Path: path, Status: status, Problem: "the answer is too large"}
	}
	raw = bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\ufeff")))
	var head struct {
		Code    json.Number `json:"errcode"`
		Message string      `json:"errmsg"`
	}
	err := json.Unmarshal(raw, &head)
	if err != nil && bytes.ContainsFunc(raw, unicode.IsControl) {
		// Names of people have come with raw control characters in them (protocol 5.2).
		raw = bytes.Map(func(r rune) rune {
			if r < ' ' {
				return -1
			}
			return r
		}, raw)
		err = json.Unmarshal(raw, &head)
	}
	if err != nil || raw[0] != '{' {
		return &AnswerError{Path: path, Status: status, Problem: "the answer is not a JSON object"}
	}
	if head.Code != "" {
		code, err := head.Code.Int64()
		if err != nil || int64(int32(code)) != code {
			return &AnswerError{Path: path, Status: status, Problem: "the errcode is not a number"}
		}
		if code != 0 {
			message := clean(head.Message, secrets)
			return &APIError{Code: int(code), Message: message, RID: rid(message), Path: path}
		}
	}
	if status < 200 || status > 299 {
		return &AnswerError{Path: path, Status: status, Problem: "the answer is no success and has no errcode"}
	}
	if out != nil && json.Unmarshal(raw, out) != nil {
		return &AnswerError{Path: path, Status: status, Problem: "the answer has fields of another type"}
	}
	return nil
}

// clean makes a message fit for logs and pages.
func clean(message string, secrets []string) string {
	for _, secret := range secrets {
		if secret != "" {
			message = strings.ReplaceAll(message, secret, "••••")
			message = strings.ReplaceAll(message, url.QueryEscape(secret), "••••")
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
