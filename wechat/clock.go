package wechat

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// Skew is how far our clock is ahead of WeChat's, by the date of an answer. It is exact
// to a second and to half the time that the call took.
type Skew struct {
	Ahead time.Duration // negative when our clock is behind
	At    time.Time     // by our clock
}

// observe compares the date of an answer with the middle of the call.
func (c *client) observe(sent time.Time, h http.Header) {
	// A cache on the way answers with the date of long ago.
	if h.Get("Age") != "" {
		return
	}
	theirs, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	now := c.now()
	middle := sent.Add(now.Sub(sent) / 2)
	// The header has whole seconds, cut off.
	c.skew.Store(&Skew{Ahead: middle.Sub(theirs.Add(500 * time.Millisecond)), At: now})
}

// ClockSkew is what the newest answer of the API said about our clock; ok is false when
// there was none yet.
func (a *Account) ClockSkew() (skew Skew, ok bool) {
	if s := a.client.skew.Load(); s != nil {
		return *s, true
	}
	return Skew{}, false
}

// ProbeClock asks the API host for its date: a request without token and parameters,
// which counts against no quota.
func (a *Account) ProbeClock(ctx context.Context) (Skew, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, a.client.base+"/", nil)
	if err != nil {
		return Skew{}, &NetworkError{Path: "/", Err: errors.New("the API address is not a URL")}
	}
	sent := a.now()
	res, err := a.client.http.Do(req)
	if err != nil {
		return Skew{}, &NetworkError{Path: "/", Err: withoutURL(err)}
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer))
	a.client.observe(sent, res.Header)
	skew, ok := a.ClockSkew()
	if !ok {
		return Skew{}, &AnswerError{Path: "/", Status: res.StatusCode, Problem: "the answer has no usable date"}
	}
	return skew, nil
}
