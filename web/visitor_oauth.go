package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/views/staff"
	"kaquan/views/visitor"
	"kaquan/wechat"
)

const (
	roundCookie = "kq_o"
	roundLife   = 10 * time.Minute
)

// round is one trip to WeChat's authorisation page, kept in a sealed cookie. The state
// is good for one login; Done remembers that it was used, so that Back and Reload lead
// to the page and not to an error.
type round struct {
	State   string              `json:"s"`
	Account campaigns.AccountID `json:"a"`
	Scope   wechat.Scope        `json:"p"`
	Return  string              `json:"r"` // the path of ours that gets the visitor back
	Slug    campaigns.Slug      `json:"c"` // the campaign that asked; "" for the profile page
	Channel string              `json:"h"`
	At      int64               `json:"t"` // unix seconds
	Tries   int                 `json:"n"` // automatic retries so far
	Done    bool                `json:"d"`
}

// asker is the page that sent a visitor to WeChat. show says there why nobody came back
// identified; such an answer is no place for the JS-SDK, since its address carries a code.
type asker struct {
	account *wechat.Account
	session session
	show    func(state visitor.State, support string) error
}

func (v *visitors) askerOf(c *fiber.Ctx, r round) (asker, error) {
	if strings.HasPrefix(r.Return, staff.HomePath) {
		return v.staffAsker(c, r)
	}
	if r.Slug == "" {
		return v.meAsker(c, r.Account)
	}
	t, err := v.visit(c, r.Slug, r.Channel)
	if err != nil {
		return asker{}, err
	}
	return asker{t.account, t.session, func(state visitor.State, support string) error { return v.failed(c, t, state, support) }}, nil
}

// authorise starts a round after the visitor's tap.
func (v *visitors) authorise(c *fiber.Ctx) error {
	if c.Query("me") == "1" {
		return v.authoriseMe(c)
	}
	t, err := v.visit(c, campaigns.Slug(c.Query("c")), channelOf(c.Query("ch")))
	if err != nil {
		return err
	}
	return v.send(c, t.account, round{
		Account: t.campaign.Account, Scope: wechat.ScopeBase, Return: pagePath(t.campaign.Slug, t.channel), Slug: t.campaign.Slug, Channel: t.channel,
	})
}

// send goes to WeChat's page. The way back is always the configured address.
func (v *visitors) send(c *fiber.Ctx, account *wechat.Account, r round) error {
	r.State, r.At = rand.Text(), v.Now().Unix()
	if err := v.keep(c, r); err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Redirect(account.AuthorizeURL(v.PublicURL+"/w/oauth/callback", r.Scope, r.State), fiber.StatusFound)
}

func (v *visitors) keep(c *fiber.Ctx, r round) error {
	sealed, err := v.cookies.seal(roundCookie, r)
	if err == nil {
		v.setCookie(c, roundCookie, sealed, roundLife)
	}
	return err
}

// callback comes back from WeChat. Nothing is done for a state that this browser did not
// start; a code that does not work is tried anew once, then the page explains.
func (v *visitors) callback(c *fiber.Ctx) error {
	var r round
	if !v.cookies.open(roundCookie, c.Cookies(roundCookie), &r) || v.Now().Sub(time.Unix(r.At, 0)) > roundLife {
		return v.failed(c, nil, visitor.AuthFailed, "")
	}
	from, err := v.askerOf(c, r)
	if err != nil {
		return err
	}
	code := c.Query("code")
	switch {
	case subtle.ConstantTimeCompare([]byte(c.Query("state")), []byte(r.State)) != 1:
		return from.show(visitor.AuthFailed, "")
	case r.Done && from.session.Visitor != 0:
		return seeOther(c, r.Return)
	case r.Done:
		return from.show(visitor.AuthFailed, "")
	case code == "":
		return from.show(visitor.AuthDenied, "")
	}
	who, err := v.logins.once(c.UserContext(), r.State+"|"+code, func() (login, error) { return v.identify(c.UserContext(), from.account, r, code) })
	switch {
	case err != nil && usedCode(err) && r.Slug != "" && from.session.Visitor != 0:
		return seeOther(c, r.Return) // who is known already needs no code (protocol 5.1)
	case err != nil && usedCode(err) && r.Tries == 0:
		r.Tries = 1
		return v.send(c, from.account, r)
	case err != nil:
		support := v.newSupport("identify visitor")
		v.noteOAuth(c.UserContext(), string(r.Account), err)
		v.Log.Error("visitor not identified", "support_code", support, "account", r.Account, "err", err)
		return from.show(visitor.AuthFailed, support)
	case who.snapshot:
		return from.show(visitor.Snapshot, "")
	}
	if err := v.signIn(c, r.Account, who.visitor); err != nil {
		return err
	}
	if campaign, err := v.Campaigns.BySlug(c.UserContext(), r.Slug); err == nil {
		v.Campaigns.Greeted(campaign.ID, who.visitor)
	}
	r.Done = true
	if err := v.keep(c, r); err != nil {
		return err
	}
	return seeOther(c, r.Return)
}

// failed shows why nobody was identified. Such a page is no place for the JS-SDK: its
// address carries a code.
func (v *visitors) failed(c *fiber.Ctx, t *visit, state visitor.State, support string) error {
	if t == nil {
		return render(c, fiber.StatusOK, visitor.Document(visitor.Page{State: state, Now: v.Campaigns.Now()}))
	}
	t.place = elsewhere
	p, err := v.blank(t)
	if err != nil {
		return err
	}
	p.State, p.SupportCode = state, support
	return v.show(c, t, p)
}

// identify turns a code into a visitor. A snapshot identity is shared by many people, so
// it leaves nothing behind. The profile is asked for with the wider scope only, and the
// visitor is one without it where WeChat refuses it after all.
func (v *visitors) identify(ctx context.Context, account *wechat.Account, r round, code string) (login, error) {
	token, err := account.ExchangeCode(ctx, code)
	if err != nil {
		return login{}, err
	}
	if token.Snapshot {
		return login{snapshot: true}, nil
	}
	who := campaigns.Visitor{Account: r.Account, OpenID: token.OpenID, UnionID: token.UnionID}
	if r.Scope == wechat.ScopeUserInfo && token.Scope == wechat.ScopeUserInfo {
		user, err := account.UserInfo(ctx, token)
		switch {
		case err == nil:
			who.UnionID, who.Nickname, who.Avatar = cmp.Or(user.UnionID, who.UnionID), user.Nickname, user.Avatar
			who, err = v.Campaigns.Agree(ctx, who, campaigns.Details{Region: user.Region, Sex: campaigns.Sex(user.Sex)})
			return login{visitor: who.ID}, err
		case !refusedProfile(err):
			return login{}, err
		}
	}
	who, err = v.Campaigns.Visit(ctx, who)
	return login{visitor: who.ID}, err
}

// refusedProfile reports whether WeChat gives no profile to this account (48001).
func refusedProfile(err error) bool {
	var refused *wechat.APIError
	return errors.As(err, &refused) && refused.Class() == wechat.ClassPermission
}

// usedCode reports whether WeChat refused the code itself: unknown, used or too old.
func usedCode(err error) bool {
	return errors.Is(err, wechat.ErrCodeInvalid) || errors.Is(err, wechat.ErrCodeUsed)
}

// login is what a code came to.
type login struct {
	visitor  campaigns.VisitorID
	snapshot bool
}

// logins exchanges each code once, because WeChat's client likes to open the address
// twice: the second request waits for the first and gets the same answer, for a minute.
type logins struct {
	mu    sync.Mutex
	now   func() time.Time
	calls map[[sha256.Size]byte]*loginCall
	order []*loginCall // oldest first, for forgetting
}

type loginCall struct {
	key  [sha256.Size]byte
	done chan struct{}
	at   time.Time
	who  login
	err  error
}

const loginMemory = time.Minute

func (l *logins) once(ctx context.Context, code string, exchange func() (login, error)) (login, error) {
	key := sha256.Sum256([]byte(code))
	l.mu.Lock()
	now := l.now()
	for len(l.order) > 0 && now.Sub(l.order[0].at) > loginMemory {
		if old := l.order[0]; l.calls[old.key] == old {
			delete(l.calls, old.key)
		}
		l.order = l.order[1:]
	}
	if call := l.calls[key]; call != nil {
		l.mu.Unlock()
		select {
		case <-call.done:
			return call.who, call.err
		case <-ctx.Done():
			return login{}, ctx.Err()
		}
	}
	if l.calls == nil {
		l.calls = map[[sha256.Size]byte]*loginCall{}
	}
	call := &loginCall{key: key, done: make(chan struct{}), at: now, err: errors.New("the exchange did not end")}
	l.calls[key], l.order = call, append(l.order, call)
	l.mu.Unlock()
	defer func() {
		close(call.done)
		// Only an identity is worth remembering: the same code may do better later.
		if call.err != nil || call.who.snapshot {
			l.mu.Lock()
			delete(l.calls, key)
			l.mu.Unlock()
		}
	}()
	call.who, call.err = exchange()
	return call.who, call.err
}
