package web

import (
	"errors"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/assets"
	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/stores"
	"kaquan/views/staff"
	"kaquan/views/visitor"
	"kaquan/wechat"
)

// home leads who is signed in to the scanner, and everybody else to the door.
func (t *tills) home(c *fiber.Ctx) error {
	if _, member, _, err := t.Stores.Session(c.UserContext(), c.Cookies(staffCookie)); err == nil {
		if member.Role.Redeems() {
			return seeOther(c, staff.ScanPath)
		}
		return seeOther(c, staff.TodayPath)
	}
	m := &staff.SignIn{Account: string(staffAccount(c))}
	if c.Query("over") == "1" {
		m.Error = i18n.T(c.UserContext(), "staff.session_over")
	}
	if last := stores.ParseID[stores.PlaceID](c.Cookies(placeCookie)); last != 0 && c.Query("choose") == "" {
		place, err := t.Stores.Place(c.UserContext(), last)
		if err == nil && !place.Disabled && (m.Account == "" || m.Account == string(place.Account)) {
			m.Place = &place
		}
	}
	return t.door(c, fiber.StatusOK, m)
}

// staffAccount is the account that a link names, "" when it names none.
func staffAccount(c *fiber.Ctx) campaigns.AccountID {
	id := c.Query("account")
	if len(id) > 40 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return noAccount
	}
	return campaigns.AccountID(id)
}

// at is the door of one store.
func (t *tills) at(c *fiber.Ctx) error {
	place, err := t.Stores.Place(c.UserContext(), stores.ParseID[stores.PlaceID](c.Params("place")))
	if err != nil {
		return err
	}
	if place.Disabled {
		return t.door(c, fiber.StatusConflict, &staff.SignIn{Account: string(place.Account), Error: i18n.T(c.UserContext(), stores.ErrPlaceDisabled.Key)})
	}
	return t.door(c, fiber.StatusOK, &staff.SignIn{Place: &place})
}

// door completes the sign-in page: the people of a store, else the stores of an account,
// else the accounts that have stores.
func (t *tills) door(c *fiber.Ctx, status int, m *staff.SignIn) (err error) {
	ctx := c.UserContext()
	m.Title, m.Now = i18n.T(ctx, "staff.signin.title"), t.Stores.Now()
	if m.Place != nil {
		m.Account = string(m.Place.Account)
		m.People, err = t.Stores.StaffAt(ctx, m.Place.ID)
	} else {
		err = t.chooseStore(c, m)
	}
	if err != nil {
		return err
	}
	if m.Account != "" {
		m.WeChat = t.inWeChat(c, m.Account, &m.Page, false)
	}
	return t.show(c, status, &m.Page, staff.SignInMain(m))
}

func (t *tills) chooseStore(c *fiber.Ctx, m *staff.SignIn) error {
	all, err := t.Accounts.Accounts(c.UserContext())
	if err != nil {
		return err
	}
	for _, account := range all {
		if m.Account != "" && m.Account != string(account.ID) {
			continue
		}
		places, err := t.Stores.Places(c.UserContext(), stores.AccountID(account.ID))
		if err != nil {
			return err
		}
		open := places[:0]
		for _, p := range places {
			if p.Kind == stores.ShopKind && !p.Disabled {
				open = append(open, p)
			}
		}
		if len(open) > 0 {
			m.Accounts, m.Places = append(m.Accounts, account), open
		}
	}
	if len(m.Accounts) == 1 {
		m.Account, m.Accounts = string(m.Accounts[0].ID), nil
	}
	return nil
}

// signIn checks a person's PIN.
func (t *tills) signIn(c *fiber.Ctx) error {
	ctx := c.UserContext()
	if !t.tries.allow(t.clientIP(c)) {
		return errTooMany
	}
	place, err := t.Stores.Place(ctx, stores.ParseID[stores.PlaceID](c.FormValue("place")))
	if err != nil {
		return err
	}
	in := stores.SignIn{
		Place: place.ID, Staff: stores.ParseID[stores.StaffID](c.FormValue("staff")), PIN: c.FormValue("pin"), IP: t.clientIP(c), Agent: c.Get(fiber.HeaderUserAgent),
	}
	m := &staff.SignIn{Place: &place, Chosen: in.Staff}
	switch {
	case in.Staff == 0:
		m.Error = i18n.T(ctx, "staff.signin.choose")
	case len(in.PIN) != stores.PINDigits || strings.Trim(in.PIN, "0123456789") != "":
		m.Error = i18n.T(ctx, "staff.signin.pin_digits")
	}
	if m.Error != "" {
		return t.door(c, fiber.StatusUnprocessableEntity, m)
	}
	token, _, member, err := t.Stores.SignIn(ctx, in)
	if err != nil {
		all := fault.All(err)
		if len(all) == 0 || all[0].Code == fault.Internal {
			return err
		}
		m.Error = sentence(ctx, all[0])
		return t.door(c, statusOf[all[0].Code], m)
	}
	return t.enter(c, token, &member)
}

// enter sets the cookies of a new session and leads to work.
func (t *tills) enter(c *fiber.Ctx, token string, member *stores.Staff) error {
	t.staffCookie(c, staffCookie, token, stores.SessionLife)
	t.staffCookie(c, placeCookie, member.Place.String(), placeLife)
	return seeOther(c, staff.HomePath)
}

func (t *tills) signOut(c *fiber.Ctx, _ *till) error {
	if err := t.Stores.SignOut(c.UserContext(), c.Cookies(staffCookie)); err != nil {
		return err
	}
	t.staffCookie(c, staffCookie, "", -time.Second)
	return seeOther(c, staff.HomePath)
}

// identity is the visitor whose WeChat this is, in the account; send starts WeChat's silent
// authorisation when nobody knows yet, which comes back to the path.
func (t *tills) identity(c *fiber.Ctx, id campaigns.AccountID, back string) (who session, send func() error, err error) {
	account, err := t.WeChat.Account(c.UserContext(), string(id))
	if err != nil {
		return session{}, nil, err
	}
	if placeOf(c, account.Credentials().Sandbox) == elsewhere {
		return session{}, nil, errNotInWeChat
	}
	t.visitorPolicy(c, account)
	if x, ok := t.visitors.session(c); ok && x.Account == id {
		return x, nil, nil
	}
	return session{}, func() error {
		return t.visitors.send(c, account, round{Account: id, Scope: wechat.ScopeBase, Return: back})
	}, nil
}

var errNotInWeChat = fault.New(fault.Conflict, "staff.bind.in_wechat")

// wechat signs in whoever is bound to the WeChat identity of this phone.
func (t *tills) wechat(c *fiber.Ctx) error {
	ctx, id := c.UserContext(), staffAccount(c)
	who, send, err := t.identity(c, id, staff.WeChatPath(string(id)))
	if err != nil {
		return err
	}
	if send != nil {
		return send()
	}
	token, _, member, err := t.Stores.SignInVisitor(ctx, stores.VisitorID(who.Visitor), t.clientIP(c), c.Get(fiber.HeaderUserAgent))
	if errors.Is(err, stores.ErrStaffNotFound) {
		return t.door(c, fiber.StatusForbidden, &staff.SignIn{Account: string(id), Error: i18n.T(ctx, "staff.signin.unbound")})
	}
	if err != nil {
		return err
	}
	if member.Account != stores.AccountID(id) {
		return stores.ErrStaffNotFound
	}
	return t.enter(c, token, &member)
}

// bindAsk shows for whom a link is, inside WeChat only.
func (t *tills) bindAsk(c *fiber.Ctx) error {
	m, send, err := t.bindOf(c)
	if err == nil && send != nil {
		return send()
	}
	status := fiber.StatusOK
	if err != nil {
		all := fault.All(err)
		if len(all) == 0 || all[0].Code == fault.Internal {
			return err
		}
		status, m.Refused = statusOf[all[0].Code], sentence(c.UserContext(), all[0])
	}
	return t.show(c, status, &m.Page, staff.BindMain(m))
}

func (t *tills) bindOf(c *fiber.Ctx) (*staff.Bind, func() error, error) {
	ctx := c.UserContext()
	m := &staff.Bind{Page: staff.Page{Title: i18n.T(ctx, "staff.bind.title"), Now: t.Stores.Now()}, Token: c.Params("token")}
	var err error
	if m.Staff, m.Place, err = t.Stores.BindOf(ctx, m.Token); err != nil {
		return m, nil, err
	}
	who, send, err := t.identity(c, campaigns.AccountID(m.Staff.Account), staff.BindPath(m.Token))
	if err != nil || send != nil {
		return m, send, err
	}
	m.CSRF, err = t.visitors.csrf(who)
	return m, nil, err
}

// bind makes the identity of this phone the member's and signs in.
func (t *tills) bind(c *fiber.Ctx) error {
	m, send, err := t.bindOf(c)
	if err == nil && send != nil {
		return send()
	}
	var who session
	if err == nil {
		who, _ = t.visitors.session(c)
		_, err = t.Stores.Bind(c.UserContext(), m.Token, stores.VisitorID(who.Visitor), t.clientIP(c))
	}
	if err != nil {
		all := fault.All(err)
		if len(all) == 0 || all[0].Code == fault.Internal {
			return err
		}
		m.Refused = sentence(c.UserContext(), all[0])
		return t.show(c, statusOf[all[0].Code], &m.Page, staff.BindMain(m))
	}
	token, _, member, err := t.Stores.SignInVisitor(c.UserContext(), stores.VisitorID(who.Visitor), t.clientIP(c), c.Get(fiber.HeaderUserAgent))
	if err != nil {
		return err
	}
	return t.enter(c, token, &member)
}

// staffAsker is where somebody comes back to who went to WeChat from a page at the till.
func (v *visitors) staffAsker(c *fiber.Ctx, r round) (asker, error) {
	account, err := v.WeChat.Account(c.UserContext(), string(r.Account))
	if err != nil {
		return asker{}, err
	}
	from := asker{account: account, show: func(_ visitor.State, support string) error {
		ctx := c.UserContext()
		return render(c, fiber.StatusForbidden, staff.Document(&staff.Page{Title: i18n.T(ctx, "staff.problem")}, staff.Problem(i18n.T(ctx, "staff.signin.wechat_failed"), support)))
	}}
	if x, ok := v.session(c); ok && x.Account == r.Account {
		from.session = x
	}
	return from, nil
}

// handleWorker serves the worker that opens the till's pages without network. Its address
// bounds what it may touch: /s/.
func handleWorker(c *fiber.Ctx) error {
	file, ok := assets.Find("staff-sw.js")
	if !ok {
		return fiber.ErrNotFound
	}
	c.Set(fiber.HeaderContentType, file.Type)
	c.Set(fiber.HeaderCacheControl, "no-cache")
	c.Set(fiber.HeaderETag, file.ETag)
	return c.Send(file.Body)
}
