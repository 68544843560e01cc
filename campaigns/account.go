package campaigns

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"time"

	"kaquan/fault"
	"kaquan/wechat"
)

// Account is an official account of this installation. ID is part of the push address
// /w/push/{account}. The credentials print masked.
type Account struct {
	ID          AccountID
	Name        string
	Credentials wechat.Credentials
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Accounts is what the settings of official accounts need from the database.
type Accounts interface {
	Accounts(ctx context.Context) ([]Account, error)
	Account(ctx context.Context, id AccountID) (Account, error)
	SaveAccount(ctx context.Context, a Account, audit Audit) error
}

// ErrAccountNotFound says that no official account has this id.
var ErrAccountNotFound = fault.New(fault.NotFound, "account.error.not_found")

var (
	accountIDPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)
	appIDPattern     = regexp.MustCompile(`^wx[0-9a-zA-Z]{6,40}$`)
	pushTokenPattern = regexp.MustCompile(`^[0-9A-Za-z]{3,32}$`)
	aesKeyPattern    = regexp.MustCompile(`^[0-9A-Za-z]{43}$`)
)

// Check validates an account's settings: fields id, name, app_id, secret, push_token,
// aes_key, mode, api_url, open_url, js_url.
func (a *Account) Check() error {
	var problems fault.List
	bad := func(field, key string) { problems = append(problems, fault.New(fault.Invalid, key).On(field)) }
	c := a.Credentials
	if !accountIDPattern.MatchString(string(a.ID)) {
		bad("id", "account.error.id")
	}
	if n := len([]rune(strings.TrimSpace(a.Name))); n == 0 || n > 40 {
		bad("name", "account.error.name")
	}
	if !appIDPattern.MatchString(string(c.AppID)) {
		bad("app_id", "account.error.app_id")
	}
	if n := len(c.Secret); n < 6 || n > 128 || strings.ContainsAny(c.Secret, " \t\r\n") {
		bad("secret", "account.error.secret")
	}
	if !pushTokenPattern.MatchString(c.PushToken) {
		bad("push_token", "account.error.push_token")
	}
	if c.AESKey != "" && !aesKeyPattern.MatchString(c.AESKey) {
		bad("aes_key", "account.error.aes_key")
	}
	if c.Mode != wechat.Stable && c.Mode != wechat.Classic {
		bad("mode", "account.error.mode")
	}
	for field, address := range map[string]string{"api_url": c.APIURL, "open_url": c.OpenURL, "js_url": c.JSURL} {
		if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "") {
			bad(field, "account.error.url")
		}
	}
	return problems.OrNil()
}

// SaveAccount checks and stores an official account. A repeat is safe.
func (s *Service) SaveAccount(ctx context.Context, accounts Accounts, actor Actor, a Account) error {
	if err := a.Check(); err != nil {
		return err
	}
	now := s.now().UTC()
	return accounts.SaveAccount(ctx, a, s.audit(actor, "account.save", now, map[string]any{"app_id": string(a.Credentials.AppID), "mode": string(a.Credentials.Mode)}))
}
