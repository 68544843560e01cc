package wechat

import (
	"fmt"
	"log/slog"
	"strings"
)

// AppID names an official account at WeChat, for example wx0123456789abcdef.
type AppID string

// OpenID names a person towards one AppID. It is personal data: mask it in logs.
type OpenID string

// CardID names a card template of an account.
type CardID string

// Mode chooses the interface that the access token comes from (protocol 1.1, 1.2).
type Mode string

// The modes. The empty mode counts as Stable.
const (
	Stable  Mode = "stable"  // POST /cgi-bin/stable_token: lets other programs live
	Classic Mode = "classic" // GET /cgi-bin/token: each fetch replaces the token before
)

// Credentials are everything needed to speak for one official account. The three
// addresses are "" for WeChat's own. Printing them, in any way, shows no secret.
type Credentials struct {
	Account   string // our id of the account
	AppID     AppID
	Secret    string `json:"-"`
	PushToken string `json:"-"` // signs pushed messages
	AESKey    string `json:"-"` // 43 characters; opens encrypted messages
	Mode      Mode
	APIURL    string
	OpenURL   string
	JSURL     string
	Sandbox   bool // the account lives in the built-in stand-in
}

// String names the account and masks its secrets.
func (c Credentials) String() string {
	return fmt.Sprintf("account %s (%s, %s, secret %s, push token %s, aes key %s)",
		c.Account, c.AppID, c.mode(), Mask(c.Secret), Mask(c.PushToken), Mask(c.AESKey))
}

// Format prints String for every verb, so that no verb reaches the fields.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// GoString masks like String.
func (c Credentials) GoString() string { return c.String() }

// LogValue is the masked form for structured logs.
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("account", c.Account), slog.String("app_id", string(c.AppID)), slog.String("mode", string(c.mode())),
		slog.String("secret", Mask(c.Secret)), slog.Bool("sandbox", c.Sandbox),
	)
}

func (c Credentials) mode() Mode {
	if c.Mode == "" {
		return Stable
	}
	return c.Mode
}

// StandIn reports whether another server plays WeChat for the account: the sandbox, or one
// that the settings name. The rules of WeChat's console do not bind it. An egress proxy
// is none: it stands before the API alone.
func (c Credentials) StandIn() bool {
	return c.Sandbox || c.OpenURL != "" && strings.TrimRight(c.OpenURL, "/") != defaultOpen
}

// Mask shows the last four characters of a secret, and none of a short one.
func Mask(secret string) string {
	const dots = "••••"
	if len(secret) < 16 {
		if secret == "" {
			return ""
		}
		return dots
	}
	return dots + secret[len(secret)-4:]
}
