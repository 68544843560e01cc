package web

import (
	"cmp"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
)

const (
	visitorCookie = "kq_v"
	visitorLife   = 30 * 24 * time.Hour
	csrfName      = "csrf" // the purpose that tokens are sealed for
	csrfLife      = 24 * time.Hour
)

// session says who the visitor is: one person in one official account.
type session struct {
	Visitor campaigns.VisitorID `json:"v"`
	Account campaigns.AccountID `json:"a"`
	Issued  int64               `json:"i"` // unix seconds
}

func (x session) fresh(now time.Time, life time.Duration) bool {
	age := now.Sub(time.Unix(x.Issued, 0))
	return age < life && age > -time.Minute
}

// session reads the visitor's cookie.
func (v *visitors) session(c *fiber.Ctx) (session, bool) {
	var x session
	ok := v.cookies.open(visitorCookie, c.Cookies(visitorCookie), &x) && x.Visitor > 0 && x.fresh(v.Now(), visitorLife)
	if !ok {
		return session{}, false
	}
	return x, true
}

func (v *visitors) signIn(c *fiber.Ctx, account campaigns.AccountID, id campaigns.VisitorID) error {
	sealed, err := v.cookies.seal(visitorCookie, session{id, account, v.Now().Unix()})
	if err != nil {
		return err
	}
	v.setCookie(c, visitorCookie, sealed, visitorLife)
	return nil
}

// csrf is the token of the visitor's forms; it names the visitor, so nobody else's fits.
// Pages of strangers carry one too: it is worth nothing but a signature of our own page.
func (v *visitors) csrf(x session) (string, error) {
	x.Issued = v.Now().Unix()
	return v.cookies.seal(csrfName, x)
}

func tokenText(c *fiber.Ctx) string {
	return cmp.Or(c.Get("X-CSRF-Token"), c.FormValue("_csrf"))
}

// token reads the token of a form: whom it was made for, and whether we made it lately.
func (v *visitors) token(c *fiber.Ctx) (session, bool) {
	var token session
	ok := v.cookies.open(csrfName, tokenText(c), &token) && token.fresh(v.Now(), csrfLife)
	return token, ok
}

// guard refuses a write without the token of the visitor who sends it.
func (v *visitors) guard(c *fiber.Ctx) error {
	if token := previewTokenOf(c); token != "" {
		if _, ok := v.openPreview(token); ok {
			return v.refusePreview(c, token)
		}
	}
	x, _ := v.session(c)
	token, ok := v.token(c)
	if !ok || token.Visitor != x.Visitor || token.Account != x.Account {
		return errCrossOrigin
	}
	return c.Next()
}
