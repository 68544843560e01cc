package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
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
	State   string         `json:"s"`
	Slug    campaigns.Slug `json:"c"`
	Channel string         `json:"h"`
	At      int64          `json:"t"` // unix seconds
	Tries   int            `json:"n"` // automatic retries so far
	Done    bool           `json:"d"`
}

// authorise starts a round after the visitor's tap.
func (v *visitors) authorise(c *fiber.Ctx) error {
	t, err := v.visit(c, campaigns.Slug(c.Query("c")), channelOf(c.Query("ch")))
	if err != nil {
		return err
	}
	return v.send(c, t, 0)
}

// send goes to WeChat's page. The way back is always the configured address.
func (v *visitors) send(c *fiber.Ctx, t *visit, tries int) error {
	r := round{State: rand.Text(), Slug: t.campaign.Slug, Channel: t.channel, At: v.Now().Unix(), Tries: tries}
	if err := v.keep(c, r); err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Redirect(t.account.AuthorizeURL(v.PublicURL+"/w/oauth/callback", wechat.ScopeBase, r.State), fiber.StatusFound)
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
	t, err := v.visit(c, r.Slug, r.Channel)
	if err != nil {
		return err
	}
	code := c.Query("code")
	switch {
	case subtle.ConstantTimeCompare([]byte(c.Query("state")), []byte(r.State)) != 1:
		return v.failed(c, t, visitor.AuthFailed, "")
	case r.Done && t.session.Visitor != 0:
		return seeOther(c, pagePath(r.Slug, r.Channel))
	case r.Done:
		return v.failed(c, t, visitor.AuthFailed, "")
	case code == "":
		return v.failed(c, t, visitor.AuthDenied, "")
	}
	who, err := v.logins.once(c.UserContext(), r.State+"|"+code, func() (login, error) { return v.identify(c.UserContext(), t, code) })
	switch {
	case err != nil && usedCode(err) && r.Tries == 0:
		return v.send(c, t, 1)
	case err != nil:
		support := supportCode()
		v.Log.Error("visitor not identified", "support_code", support, "account", t.campaign.Account, "err", err)
		return v.failed(c, t, visitor.AuthFailed, support)
	case who.snapshot:
		return v.failed(c, t, visitor.Snapshot, "")
	}
	if err := v.signIn(c, t.campaign.Account, who.visitor); err != nil {
		return err
	}
	r.Done = true
	if err := v.keep(c, r); err != nil {
		return err
	}
	return seeOther(c, pagePath(r.Slug, r.Channel))
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
// it leaves nothing behind.
func (v *visitors) identify(ctx context.Context, t *visit, code string) (login, error) {
	token, err := t.account.ExchangeCode(ctx, code)
	if err != nil {
		return login{}, err
	}
	if token.Snapshot {
		return login{snapshot: true}, nil
	}
	who, err := v.Campaigns.Visit(ctx, campaigns.Visitor{Account: t.campaign.Account, OpenID: token.OpenID, UnionID: token.UnionID})
	return login{visitor: who.ID}, err
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
