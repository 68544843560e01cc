package mini

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/wechat"
)

// Program is the mini program of an official account: an AppID of its own. Printing it
// shows no secret.
type Program struct {
	Account   campaigns.AccountID
	AppID     wechat.AppID
	Secret    string `json:"-"`
	APIURL    string // "" for WeChat's own
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Format masks the secret.
func (p Program) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "mini program %s of account %s", p.AppID, p.Account)
}

// hubPrefix marks the ids under which a wechat.Hub hands out mini programs; no account's
// id has a colon.
const hubPrefix = "mini:"

// HubID is the id under which the hub hands out the mini program of an account.
func HubID(account campaigns.AccountID) string { return hubPrefix + string(account) }

// FindIn extends a hub's Find by mini programs: ids of HubID are read from the store, all
// others are find's. A mini program's token is fetched when it is needed; it has no
// tickets.
func FindIn(store Store, find func(context.Context, string) (wechat.Credentials, error)) func(context.Context, string) (wechat.Credentials, error) {
	return func(ctx context.Context, id string) (wechat.Credentials, error) {
		account, ok := strings.CutPrefix(id, hubPrefix)
		if !ok {
			return find(ctx, id)
		}
		p, err := store.MiniProgram(ctx, campaigns.AccountID(account))
		if err != nil {
			return wechat.Credentials{}, err
		}
		return wechat.Credentials{Account: id, AppID: p.AppID, Secret: p.Secret, Mode: wechat.Stable, APIURL: p.APIURL}, nil
	}
}

var appIDPattern = regexp.MustCompile(`^wx[0-9a-zA-Z]{6,40}$`)

// Check validates the settings: fields app_id, secret, api_url.
func (p *Program) Check() error {
	var problems fault.List
	bad := func(field, key string) { problems = append(problems, fault.New(fault.Invalid, key).On(field)) }
	if !appIDPattern.MatchString(string(p.AppID)) {
		bad("app_id", "account.error.app_id")
	}
	if n := len(p.Secret); n < 6 || n > 128 || strings.ContainsAny(p.Secret, " \t\r\n") {
		bad("secret", "account.error.secret")
	}
	if u, err := url.Parse(p.APIURL); p.APIURL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "") {
		bad("api_url", "account.error.url")
	}
	return problems.OrNil()
}

// ErrAppTaken says that another account has the mini program, or is itself that AppID.
var ErrAppTaken = fault.New(fault.Invalid, "mini.settings.app_taken").On("app_id")

// Program is the mini program of an account; ErrProgramNotFound when it has none.
func (s *Service) Program(ctx context.Context, account campaigns.AccountID) (Program, error) {
	return s.store.MiniProgram(ctx, account)
}

// SaveProgram checks and stores the settings. Another AppID ends every session of the one
// before. A repeat is safe. Errors: fault.List on the fields, ErrAppTaken.
func (s *Service) SaveProgram(ctx context.Context, actor campaigns.Actor, p Program) error {
	if err := p.Check(); err != nil {
		return err
	}
	now := s.now().UTC()
	return s.store.SaveMiniProgram(ctx, p, campaigns.Audit{Actor: actor, Action: "mini.save", Detail: fmt.Sprintf(`{"app_id":%q}`, p.AppID), At: now})
}

// RemoveProgram takes the mini program off an account and ends its sessions; what people
// claimed stays. A repeat is safe.
func (s *Service) RemoveProgram(ctx context.Context, actor campaigns.Actor, account campaigns.AccountID) error {
	return s.store.DeleteMiniProgram(ctx, account, campaigns.Audit{Actor: actor, Action: "mini.remove", Detail: "{}", At: s.now().UTC()})
}

// program finds the mini program that a phone names; a phone that names none means the
// only one.
func (s *Service) program(ctx context.Context, app wechat.AppID) (Program, error) {
	list, err := s.store.MiniPrograms(ctx)
	if err != nil {
		return Program{}, err
	}
	for _, p := range list {
		if p.AppID == app || app == "" && len(list) == 1 {
			return p, nil
		}
	}
	return Program{}, ErrUnknownProgram
}
