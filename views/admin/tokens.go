package admin

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/layout"
	"kaquan/views/ui"
	"kaquan/wechat"
)

// Tokens is the health of every account's token and tickets.
type Tokens struct {
	Page     layout.Page
	Accounts []AccountTokens
	Now      time.Time
	Zone     *time.Location
	CanWrite bool
}

// AccountTokens is the part of one account. Err says why its states cannot be read.
type AccountTokens struct {
	Account campaigns.Account
	States  []wechat.State
	Fetches []wechat.Fetch
	Err     error
}

const tokensPath = "/admin/tokens"

func refreshPath(id campaigns.AccountID, kind wechat.Kind) string {
	return tokensPath + "/" + url.PathEscape(string(id)) + "/" + url.PathEscape(string(kind)) + "/refresh"
}

// tokenState is the word and the colour for a state: a value may still be good while
// fetching the next one fails.
func tokenState(s *wechat.State) (word, colour string) {
	failed := s.LastError != nil && !s.LastErrorAt.Before(s.FetchedAt)
	switch {
	case s.Present && failed:
		return "tokens.state.worry", "status-orange"
	case s.Present:
		return "tokens.state.good", "status-green"
	case failed:
		return "tokens.state.failed", "status-red"
	}
	return "tokens.state.absent", "status-secondary"
}

// failure is the last error that still matters.
func failure(s *wechat.State) error {
	if s.LastError != nil && !s.LastErrorAt.Before(s.FetchedAt) {
		return s.LastError
	}
	return nil
}

// lifeLeft is how much of a value's life is left, in percent.
func lifeLeft(s *wechat.State, now time.Time) string {
	life, left := s.ExpiresAt.Sub(s.FetchedAt), s.ExpiresAt.Sub(now)
	if life <= 0 || left <= 0 {
		return "0"
	}
	return strconv.Itoa(int(min(100, left*100/life)))
}

// ago and ahead are spans between now and a time, "" for none.
func ago(ctx context.Context, now, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return i18n.T(ctx, "tokens.ago", "span", ui.Span(ctx, now.Sub(t)))
}

func ahead(ctx context.Context, now, t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case !t.After(now):
		return i18n.T(ctx, "tokens.now")
	}
	return i18n.T(ctx, "tokens.ahead", "span", ui.Span(ctx, t.Sub(now)))
}

// apiError is the answer of WeChat inside err, nil when there was none.
func apiError(err error) *wechat.APIError {
	var e *wechat.APIError
	errors.As(err, &e)
	return e
}

// fetchWords is what became of a fetch: a sentence that says what to do, or fine.
func fetchWords(ctx context.Context, f *wechat.Fetch) string {
	switch {
	case f.OK:
		return i18n.T(ctx, "tokens.fetch.ok")
	case f.ErrCode != 0:
		return i18n.T(ctx, wechat.Meaning(&wechat.APIError{Code: f.ErrCode}))
	}
	return i18n.T(ctx, "tokens.fetch.no_answer")
}

func took(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + " ms" }
