package web

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/redemption"
	"kaquan/views/staff"
)

// scan is the page on which codes are scanned and typed.
func (t *tills) scan(c *fiber.Ctx, who *till) error {
	return t.showScan(c, fiber.StatusOK, who, "", "")
}

func (t *tills) showScan(c *fiber.Ctx, status int, who *till, text, problem string) error {
	if !who.Staff.Role.Redeems() {
		return redemption.ErrNotAllowed
	}
	p, err := t.page(c, who, "scan", i18n.T(c.UserContext(), "staff.nav.scan"))
	if err != nil {
		return err
	}
	m := &staff.Scan{Page: p, Text: text, Error: problem}
	return t.show(c, status, &m.Page, staff.ScanMain(m))
}

// look finds the card of a code and says what it is worth here. It redeems nothing.
func (t *tills) look(c *fiber.Ctx, who *till) error {
	text := strings.TrimSpace(strings.ToValidUTF8(c.FormValue("code"), ""))
	address := t.clientIP(c)
	if !t.looks.allow(base64.RawStdEncoding.EncodeToString(who.session.Hash)) || t.strangers.spent(address) {
		return errTooMany
	}
	v, err := t.Redemption.Look(c.UserContext(), &who.Till, text)
	if fault.CodeOf(err) == fault.Invalid {
		if len(text) > 40 {
			text = ""
		}
		return t.showScan(c, fiber.StatusUnprocessableEntity, who, text, sentence(c.UserContext(), fault.All(err)[0]))
	}
	if err != nil {
		return err
	}
	if v.Verdict == redemption.Unknown || v.Verdict == redemption.Forged {
		t.strangers.allow(address)
	}
	return t.showCard(c, fiber.StatusOK, who, &v, text)
}

func (t *tills) showCard(c *fiber.Ctx, status int, who *till, v *redemption.View, text string) error {
	p, err := t.page(c, who, "scan", i18n.T(c.UserContext(), "staff.card.title"))
	if err != nil {
		return err
	}
	m := &staff.Card{Page: p, View: *v, Key: randomText(16)}
	if v.Scan.Signed {
		m.Text = text
	}
	return t.show(c, status, &m.Page, staff.CardMain(m))
}

// redeem uses the card up. The key of the look makes a second press harmless.
func (t *tills) redeem(c *fiber.Ctx, who *till) error {
	r, v, err := t.Redemption.Redeem(c.UserContext(), &who.Till, redemption.Confirm{
		Claim: campaigns.ParseID[campaigns.ClaimID](c.FormValue("claim")), Key: c.FormValue("key"),
	})
	if errors.Is(err, redemption.ErrRefused) {
		return t.showCard(c, fiber.StatusConflict, who, &v, "")
	}
	if err != nil {
		return err
	}
	return seeOther(c, staff.RedemptionPath(r.ID))
}

// redemption is one of the till's store.
func (t *tills) redemption(c *fiber.Ctx, who *till, text string) (redemption.Row, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return redemption.Row{}, redemption.ErrNotFound
	}
	row, err := t.Redemption.Redemption(c.UserContext(), redemption.ID(id))
	if err == nil && (string(row.Account) != string(who.Staff.Account) || row.Place != who.Place.ID) {
		return redemption.Row{}, redemption.ErrNotFound
	}
	return row, err
}

// result is a redemption, full-screen; staff.js asks for it again while WeChat's word is
// missing.
func (t *tills) result(c *fiber.Ctx, who *till) error {
	row, err := t.redemption(c, who, c.Params("id"))
	if err != nil {
		return err
	}
	return t.showResult(c, fiber.StatusOK, who, row, "")
}

func (t *tills) showResult(c *fiber.Ctx, status int, who *till, row redemption.Row, problem string) error {
	p, err := t.page(c, who, "scan", i18n.T(c.UserContext(), "staff.result.title"))
	if err != nil {
		return err
	}
	m := &staff.Result{Page: p, Row: row, Error: problem}
	return t.show(c, status, &m.Page, staff.ResultMain(m))
}

// undo takes a redemption back within its minutes.
func (t *tills) undo(c *fiber.Ctx, who *till) error {
	row, err := t.redemption(c, who, c.FormValue("id"))
	if err != nil {
		return err
	}
	_, err = t.Redemption.Undo(c.UserContext(), &who.Till, row.ID)
	if all := fault.All(err); len(all) > 0 && (all[0].Code == fault.Conflict || all[0].Code == fault.Forbidden) && !errors.Is(err, redemption.ErrUndone) {
		return t.showResult(c, statusOf[all[0].Code], who, row, sentence(c.UserContext(), all[0]))
	}
	if err != nil && !errors.Is(err, redemption.ErrUndone) {
		return err
	}
	return seeOther(c, staff.RedemptionPath(row.ID))
}
