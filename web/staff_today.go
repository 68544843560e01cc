package web

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/redemption"
	"kaquan/views/staff"
	"kaquan/views/ui"
)

// today is the day of the till: everybody's for the manager, one's own for the others.
func (t *tills) today(c *fiber.Ctx, who *till) error {
	return t.showToday(c, fiber.StatusOK, who, &staff.Today{})
}

func (t *tills) showToday(c *fiber.Ctx, status int, who *till, m *staff.Today) (err error) {
	ctx := c.UserContext()
	if m.Page, err = t.page(c, who, "today", i18n.T(ctx, "staff.nav.today")); err != nil {
		return err
	}
	before, _ := strconv.ParseInt(c.Query("before"), 10, 64)
	if m.List, m.Totals, err = t.Redemption.Today(ctx, &who.Till, true, redemption.ID(before)); err != nil {
		return err
	}
	if who.Staff.Role.Manages() {
		if m.Conflicts, err = t.Redemption.Conflicts(ctx, campaigns.AccountID(who.Staff.Account), who.Place.ID, true); err != nil {
			return err
		}
	}
	return t.show(c, status, &m.Page, staff.TodayMain(m))
}

// find lists the cards of the account whose holders gave a phone number with these last
// four digits, for the manager.
func (t *tills) find(c *fiber.Ctx, who *till) error {
	ctx := c.UserContext()
	if !who.Staff.Role.Manages() {
		return redemption.ErrNotAllowed
	}
	if !t.looks.allow(base64.RawStdEncoding.EncodeToString(who.session.Hash)) {
		return errTooMany
	}
	m := &staff.Today{Tail: strings.TrimSpace(c.FormValue("tail"))}
	if len(m.Tail) != 4 || strings.Trim(m.Tail, "0123456789") != "" {
		m.Tail, m.Error = "", i18n.T(ctx, "staff.find.digits")
		return t.showToday(c, fiber.StatusUnprocessableEntity, who, m)
	}
	page, err := t.Campaigns.Claims(ctx, campaigns.ClaimFilter{
		Account: campaigns.AccountID(who.Staff.Account), Search: m.Tail, States: []campaigns.ClaimState{campaigns.Confirmed, campaigns.Redeemed}, Limit: 100,
	})
	if err != nil {
		return err
	}
	y, mon, d := t.Redemption.Now().In(campaigns.Shanghai()).Date()
	midnight := time.Date(y, mon, d, 0, 0, 0, 0, campaigns.Shanghai())
	for i := range page.Rows {
		row := &page.Rows[i]
		phone := staff.TailOf(&row.Claim)
		if !strings.HasSuffix(phone, m.Tail) || row.Code == "" || row.State == campaigns.Redeemed && row.RedeemedAt.Before(midnight) {
			continue
		}
		m.Found = append(m.Found, staff.Found{Claim: row.Claim, Campaign: row.CampaignName, Name: ui.PersonName(row.Nickname, row.Visitor), Phone: phone})
	}
	t.Log.InfoContext(ctx, "cards searched by phone at a till", "account", who.Staff.Account, "staff", who.Staff.ID.String(), "found", len(m.Found))
	return t.showToday(c, fiber.StatusOK, who, m)
}

// resolve closes a task of the store with a note on what was done.
func (t *tills) resolve(c *fiber.Ctx, who *till) error {
	ctx := c.UserContext()
	if !who.Staff.Role.Manages() {
		return redemption.ErrNotAllowed
	}
	id, _ := strconv.ParseInt(c.FormValue("id"), 10, 64)
	list, err := t.Redemption.Conflicts(ctx, campaigns.AccountID(who.Staff.Account), who.Place.ID, false)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(x redemption.Conflict) bool { return x.ID == id }) {
		return redemption.ErrNotFound
	}
	note := oneLine(c.FormValue("note"), 200)
	if note == "" {
		return t.showToday(c, fiber.StatusUnprocessableEntity, who, &staff.Today{Error: i18n.T(ctx, "staff.tasks.need_note")})
	}
	if err := t.Redemption.ResolveConflict(ctx, id, who.Staff.Actor(who.IP), note); err != nil {
		return err
	}
	return seeOther(c, staff.TodayPath)
}
