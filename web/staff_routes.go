package web

import (
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/redemption"
	"kaquan/stores"
	"kaquan/views"
	"kaquan/views/staff"
)

// tills serves the pages at the till, /s/, for phones and computers without the mini
// program.
type tills struct {
	*Server
	visitors  *visitors
	looks     *limiter // look-ups, by session
	strangers *limiter // codes that nobody knows, by address: nobody guesses their way to a card
	tries     *limiter // sign-ins, by address
}

func (s *Server) staffRoutes(v *visitors) {
	if s.Stores == nil || s.Redemption == nil {
		return
	}
	t := &tills{Server: s, visitors: v, looks: newLimiter(1, 60, s.Now), strangers: newLimiter(10.0/60, 10, s.Now), tries: newLimiter(0.5, 30, s.Now)}
	s.app.Get("/s", t.home)
	s.app.Get("/s/at/:place", t.at)
	s.app.Post(staff.SignInPath, s.sameOrigin, t.signIn)
	s.app.Get("/s/wechat", v.limit, t.wechat)
	s.app.Get("/s/bind/:token", v.limit, t.bindAsk)
	s.app.Post("/s/bind/:token", s.sameOrigin, v.limit, v.guard, t.bind)
	s.app.Get(staff.WorkerPath, handleWorker)

	s.app.Get(staff.ScanPath, t.signed(t.scan))
	s.app.Get(staff.TodayPath, t.signed(t.today))
	s.app.Get("/s/redemption/:id", t.signed(t.result))
	for _, path := range []string{staff.LookPath, staff.RedeemPath, staff.UndoPath, staff.SignInPath, staff.SignOutPath, staff.ConflictPath} {
		// The address of a write, which a reload may ask for, leads to the page.
		s.app.Get(path, func(c *fiber.Ctx) error { return seeOther(c, staff.ScanPath) })
	}
	for path, h := range map[string]tillHandler{
		staff.SignOutPath: t.signOut, staff.LookPath: t.look, staff.RedeemPath: t.redeem, staff.UndoPath: t.undo,
		staff.SyncPath: t.sync, staff.TodayPath: t.find, staff.ConflictPath: t.resolve,
	} {
		s.app.Post(path, s.sameOrigin, t.signed(h))
	}
}

// till is a request of somebody who is signed in at a store.
type till struct {
	redemption.Till
	session stores.Session
}

type tillHandler func(c *fiber.Ctx, who *till) error

const (
	staffCookie = "kq_staff"
	placeCookie = "kq_place"
	placeLife   = 365 * 24 * time.Hour
	overPath    = staff.HomePath + "?over=1"
)

// signed lets only those in who have a living session, and writes only with its token.
func (t *tills) signed(h tillHandler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		session, member, place, err := t.Stores.Session(c.UserContext(), c.Cookies(staffCookie))
		switch {
		case fault.CodeOf(err) == fault.Unauthorized:
			t.staffCookie(c, staffCookie, "", -time.Second)
			if wantsMain(c) || c.Method() == fiber.MethodPost && c.Get("X-CSRF-Token") != "" {
				return err
			}
			return seeOther(c, overPath)
		case err != nil:
			return err
		}
		if c.Method() == fiber.MethodPost {
			if err := t.Stores.CheckCSRF(session, tokenText(c)); err != nil {
				return err
			}
		}
		c.Set("Permissions-Policy", "camera=(self), geolocation=(), microphone=()")
		return h(c, &till{Till: redemption.Till{Staff: member, Place: place, IP: t.clientIP(c)}, session: session})
	}
}

// staffCookie sets a cookie that only the pages at the till get; a life below zero removes it.
func (s *Server) staffCookie(c *fiber.Ctx, name, value string, life time.Duration) {
	c.Cookie(&fiber.Cookie{
		Name: name, Value: value, Path: "/s", HTTPOnly: true, Secure: s.secure(),
		SameSite: fiber.CookieSameSiteLaxMode, Expires: s.Now().Add(life), MaxAge: int(life / time.Second),
	})
}

// page is the frame around a page of somebody who is signed in.
func (t *tills) page(c *fiber.Ctx, who *till, nav, title string) (staff.Page, error) {
	ctx := c.UserContext()
	p := staff.Page{Title: title, Nav: nav, Till: &who.Till, CSRF: who.session.CSRF, Now: t.Redemption.Now()}
	if wantsMain(c) {
		return p, nil
	}
	var err error
	if p.Keys, err = t.Redemption.Keys(ctx); err != nil {
		return p, err
	}
	if who.Staff.Role.Manages() {
		open, err := t.Redemption.Conflicts(ctx, campaigns.AccountID(who.Staff.Account), who.Place.ID, true)
		if err != nil {
			return p, err
		}
		p.Tasks = len(open)
	}
	t.inWeChat(c, string(who.Staff.Account), &p, nav == "scan")
	return p, nil
}

// inWeChat widens the policy for WeChat's browser, and with sdk signs the page for its
// scanner. A failure is ours to log: the camera and the keypad work without.
func (t *tills) inWeChat(c *fiber.Ctx, id string, p *staff.Page, sdk bool) (there bool) {
	account, err := t.WeChat.Account(c.UserContext(), id)
	if err != nil || placeOf(c, account.Credentials().Sandbox) == elsewhere {
		return false
	}
	t.visitorPolicy(c, account)
	if !sdk {
		return true
	}
	ctx, cancel := contextFor(c, signLimit)
	defer cancel()
	signed, err := account.SignPage(ctx, t.PublicURL+c.OriginalURL())
	if err != nil {
		t.Log.Error("till not signed for WeChat's scanner", "account", id, "err", err)
		return true
	}
	p.SDK, p.Config = account.JSURL(), &signed
	return true
}

// show writes a page, or for staff.js its main part alone.
func (t *tills) show(c *fiber.Ctx, status int, p *staff.Page, main templ.Component) error {
	if wantsMain(c) {
		return render(c, status, main)
	}
	return render(c, status, staff.Document(p, main))
}

// renderStaffProblem shows an error in the frame of the pages at the till.
func renderStaffProblem(c *fiber.Ctx, p views.Problem) error {
	ctx := c.UserContext()
	main := staff.Problem(i18n.TArgs(ctx, p.Key, p.Args), p.SupportCode)
	if wantsMain(c) {
		return render(c, p.Status, main)
	}
	return render(c, p.Status, staff.Document(&staff.Page{Title: i18n.T(ctx, "staff.problem")}, main))
}
