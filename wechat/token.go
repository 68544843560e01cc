package wechat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Kind is one of the three values that an account keeps fresh.
type Kind string

// The kinds. Each has its own stored value: a ticket of the wrong type is the most
// common cause of refused signatures (protocol 2.1).
const (
	AccessToken Kind = "access_token"
	JSAPITicket Kind = "jsapi_ticket"   // signs wx.config
	CardTicket  Kind = "wx_card_ticket" // signs cardExt
)

// Kinds lists the kinds in the order of their refresh: tickets need a token.
func Kinds() []Kind { return []Kind{AccessToken, JSAPITicket, CardTicket} }

// Token is a stored value with its life, in UTC. Printing it masks the value.
type Token struct {
	AppID     AppID
	Kind      Kind
	Value     string `json:"-"`
	FetchedAt time.Time
	ExpiresAt time.Time
	Source    string // the interface it came from: stable_token, token, getticket
}

// String masks the value.
func (t Token) String() string {
	return fmt.Sprintf("%s of %s %s until %s", t.Kind, t.AppID, Mask(t.Value), t.ExpiresAt.UTC().Format(time.RFC3339))
}

// Format prints String for every verb.
func (t Token) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(t.String())) }

// LogValue is the masked form for structured logs.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// clockSlack is how far in the future a value may have been fetched before we conclude
// that the clock was wrong then, and with it the expiry.
const clockSlack = 5 * time.Minute

func (t Token) life() time.Duration { return t.ExpiresAt.Sub(t.FetchedAt) }

// usable reports whether the value can be sent now. A small margin keeps it from dying
// on the way; a short life gets a smaller one.
func (t Token) usable(now time.Time) bool {
	margin := min(10*time.Second, t.life()/10)
	return t.Value != "" && now.Before(t.ExpiresAt.Add(-margin)) && !t.FetchedAt.After(now.Add(clockSlack))
}

// Why a value was fetched.
const (
	reasonAbsent   = "absent"   // there was none, or it had expired
	reasonDue      = "due"      // 80% of its life was over
	reasonRejected = "rejected" // WeChat refused it before its time
	reasonManual   = "manual"   // a person asked for it
)

// Fetch is one call for a token or ticket, kept for the health board. Message is
// WeChat's text without secrets.
type Fetch struct {
	AppID   AppID
	Kind    Kind
	At      time.Time
	Took    time.Duration
	OK      bool
	ErrCode int // 0 for success and for failures that are no answer of WeChat
	Message string
	RID     string
	Source  string
	Reason  string // absent, due, rejected or manual
}

// ErrNoToken is what a Store answers when it holds no value.
var ErrNoToken = errors.New("wechat: no token stored")

// Store keeps tokens between restarts and lets several processes agree on who fetches.
type Store interface {
	// LoadToken returns the stored value, or ErrNoToken.
	LoadToken(ctx context.Context, app AppID, kind Kind) (Token, error)
	// SaveToken replaces the stored value.
	SaveToken(ctx context.Context, t Token) error
	// AcquireLease reports whether owner now holds the named lease until the given
	// time. A lease whose time is over at now can be taken by anybody.
	AcquireLease(ctx context.Context, name, owner string, now, until time.Time) (bool, error)
	// ReleaseLease gives up a lease that owner holds; it is no error if it does not.
	ReleaseLease(ctx context.Context, name, owner string) error
	// RecordFetch appends to the log of fetches.
	RecordFetch(ctx context.Context, f Fetch) error
}
