// Package wechat is the gateway to WeChat's official-account protocol. It imports
// nothing of ours; the vocabulary of the protocol lives here, so that an openid cannot
// be passed where a card id is due.
package wechat

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
)

// The names of the protocol, as types.
type (
	AppID  string
	OpenID string
	CardID string
	Mode   string
	Kind   string
)

// The interfaces that give access tokens.
const (
	Stable  Mode = "stable"
	Classic Mode = "classic"
)

// Credentials are what one official account needs to talk to WeChat.
type Credentials struct {
	Account                string
	AppID                  AppID
	Secret                 string
	PushToken              string
	AESKey                 string
	Mode                   Mode
	APIURL, OpenURL, JSURL string
	Sandbox                bool
}

// Token is an access token or a ticket with its life.
type Token struct {
	AppID                AppID
	Kind                 Kind
	Value                string
	FetchedAt, ExpiresAt time.Time
	Source               string
}

// Fetch is one try to get a token.
type Fetch struct {
	AppID                        AppID
	Kind                         Kind
	At                           time.Time
	Took                         time.Duration
	OK                           bool
	ErrCode                      int
	Message, RID, Source, Reason string
}

// ErrNoToken says that the store has no value yet.
var ErrNoToken = errors.New("no token stored")

// Store keeps tokens and leases.
type Store interface {
	LoadToken(ctx context.Context, app AppID, kind Kind) (Token, error)
	AcquireLease(ctx context.Context, name, owner string, now, until time.Time) (bool, error)
	ReleaseLease(ctx context.Context, name, owner string) error
	SaveToken(ctx context.Context, t Token) error
	RecordFetch(ctx context.Context, f Fetch) error
}

// CardRequest is what a card signature is asked for.
type CardRequest struct {
	CardID   CardID
	Code     string
	OpenID   OpenID
	OuterStr string
}

// Event is a message about a card.
type Event struct {
	FromUser                              string
	CreateTime                            int64
	Event, CardID, OuterStr, UserCardCode string
}

// DedupeKey is equal for repeats of one event and for nothing else.
func (e Event) DedupeKey(account string) string {
	return strings.Join([]string{account, e.FromUser, strconv.FormatInt(e.CreateTime, 10), e.Event, e.CardID, e.UserCardCode}, "|")
}
