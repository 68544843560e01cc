package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/views/ui"
	"kaquan/views/visitor"
)

// errStranger says that a write came from somebody whose identity is gone.
var errStranger = fault.New(fault.Unauthorized, "claim.visitor_not_found")

// own is load for writes about a visitor's claims.
func (v *visitors) own(c *fiber.Ctx) (*visit, error) {
	t, err := v.load(c)
	if err == nil && t.session.Visitor == 0 {
		err = errStranger
	}
	return t, err
}

// claim takes the tap on the primary button. Whatever came of it is shown as the state
// of the page: after a redirect, or at once for claim.js.
func (v *visitors) claim(c *fiber.Ctx) error {
	t, err := v.own(c)
	if err != nil {
		return err
	}
	tap := campaigns.Tap{
		Slug: t.campaign.Slug, Visitor: t.session.Visitor, Key: c.FormValue("key"), Channel: t.channel,
		Answers: make(map[string]string, len(t.campaign.Form)), Consent: c.FormValue("consent") == "1", Invitation: c.FormValue("invitation"),
	}
	sent := make(map[string]bool, len(t.campaign.Form))
	for _, field := range t.campaign.Form {
		tap.Answers[field.Key], sent[field.Key] = sentLines(c, "f_"+field.Key)
	}
	if n := unasked(t.campaign.Form, tap.Answers, sent); n > 0 {
		return v.wrong(c, t, tap, nil, n)
	}
	_, _, err = v.Campaigns.Claim(c.UserContext(), tap)
	switch {
	case err == nil && !wantsMain(c):
		return seeOther(c, pagePath(t.campaign.Slug, t.channel))
	case err == nil:
		return v.again(c, t, nil)
	case errors.Is(err, campaigns.ErrLimit):
		return v.again(c, t, func(p *visitor.Page) {
			if p.State == visitor.Claimed || p.State == visitor.ClaimedLocal {
				p.State = visitor.Already
			}
		})
	case errors.Is(err, campaigns.ErrDayLimit):
		return v.again(c, t, func(p *visitor.Page) { p.State = visitor.DayQuota })
	case errors.Is(err, campaigns.ErrSoldOut):
		return v.again(c, t, func(p *visitor.Page) { p.State = visitor.SoldOut })
	case errors.Is(err, campaigns.ErrNotOpen):
		return v.again(c, t, nil)
	case errors.Is(err, campaigns.ErrVisitorNotFound):
		v.dropCookie(c, visitorCookie)
		return errStranger
	case errors.Is(err, campaigns.ErrBadKey):
		return err
	}
	if refusedByRules(err) {
		refusal := err
		return v.again(c, t, func(p *visitor.Page) { v.refuse(c.UserContext(), p, refusal) })
	}
	var problems fault.List
	if errors.As(err, &problems) {
		return v.wrong(c, t, tap, problems, 0)
	}
	return err
}

// again shows the page as it stands now; change, when not nil, has the last word.
func (v *visitors) again(c *fiber.Ctx, t *visit, change func(*visitor.Page)) error {
	fresh, err := v.visit(c, t.campaign.Slug, t.channel)
	if err != nil {
		return err
	}
	p, err := v.look(c.UserContext(), fresh, false)
	if err != nil {
		return err
	}
	if change != nil {
		change(&p)
	}
	return v.show(c, fresh, p)
}

// sentLines are the values that a form sent under a name, one a line, and whether it sent
// any: ticks come as several.
func sentLines(c *fiber.Ctx, name string) (string, bool) {
	all := c.Request().PostArgs().PeekMulti(name)
	if len(all) == 0 {
		value := c.FormValue(name)
		return value, value != ""
	}
	return string(bytes.Join(all, []byte("\n"))), true
}

// unasked counts the questions that the answers lead to and that the page did not show yet:
// without scripts it learns only here that there are more.
func unasked(form campaigns.Form, answers map[string]string, sent map[string]bool) int {
	n, shown := 0, form.Shown(answers)
	for _, f := range form {
		if f.ShowIf != nil && shown[f.Key] && !sent[f.Key] {
			n++
		}
	}
	return n
}

// wrong shows the form again, with what was typed and a message at each wrong field. more
// questions have come up when it is not 0.
func (v *visitors) wrong(c *fiber.Ctx, t *visit, tap campaigns.Tap, problems fault.List, more int) error {
	p, err := v.blank(t)
	if err != nil {
		return err
	}
	p.State, p.Values, p.Consent, p.Errors, p.Key = visitor.FormError, tap.Answers, tap.Consent, ui.Errors{}, tap.Key
	p.Invitation = oneLine(tap.Invitation, 64)
	if more > 0 {
		p.State, p.Notice = visitor.Form, i18n.T(c.UserContext(), "form.more", "count", more)
	}
	for _, problem := range problems {
		p.Errors.Add(problem.Field, i18n.TArgs(c.UserContext(), problem.Key, problem.Args))
	}
	return v.show(c, t, p)
}

// mine is own for writes that name a claim, which must be the visitor's and of this
// campaign.
func (v *visitors) mine(c *fiber.Ctx) (*visit, campaigns.ClaimID, error) {
	t, err := v.own(c)
	if err != nil {
		return nil, 0, err
	}
	id := campaigns.ParseID[campaigns.ClaimID](c.FormValue("claim"))
	_, campaign, err := v.Campaigns.Mine(c.UserContext(), id, t.session.Visitor)
	if errors.Is(err, campaigns.ErrNotFound) || err == nil && campaign.ID != t.campaign.ID {
		err = campaigns.ErrForeignClaim
	}
	return t, id, err
}

// cardAnswer is one entry of wx.addCard's cardList; cardExt is itself a string of JSON.
type cardAnswer struct {
	CardID  string `json:"cardId"`
	CardExt string `json:"cardExt"`
}

// card signs the card for one tap on the button; every tap asks anew.
func (v *visitors) card(c *fiber.Ctx) error {
	t, id, err := v.mine(c)
	if err != nil {
		return err
	}
	ext, _, _, err := v.Campaigns.Open(c.UserContext(), id, t.session.Visitor)
	switch {
	case errors.Is(err, campaigns.ErrHoldOver):
		c.Status(fiber.StatusConflict)
		sentence := i18n.T(c.UserContext(), campaigns.ErrHoldOver.Key)
		return v.again(c, t, func(p *visitor.Page) {
			if p.State == visitor.Ready || p.State == visitor.Form {
				p.Notice = sentence
			}
		})
	case err != nil && len(fault.All(err)) == 0:
		// WeChat gave no ticket: the claim is held, so the same tap may come again.
		code := v.newSupport("sign card")
		v.Log.Error("card not signed", "support_code", code, "account", t.campaign.Account, "err", err)
		return v.again(c, t, func(p *visitor.Page) { p.State, p.SupportCode = visitor.SignFailed, code })
	case err != nil:
		return err
	}
	return private(c, cardAnswer{string(t.campaign.CardID), ext})
}

// private answers JSON that nothing may keep.
func private(c *fiber.Ctx, answer any) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSONCharsetUTF8)
	return c.Send(body)
}

// report takes what the page says became of the wallet sheet: a hint, never proof.
func (v *visitors) report(c *fiber.Ctx) error {
	t, id, err := v.mine(c)
	if err != nil {
		return err
	}
	said, err := sheetReport(c.FormValue("outcome"), c.FormValue("detail"), c.FormValue("code"))
	if err != nil {
		return err
	}
	claim, err := v.Campaigns.Report(c.UserContext(), id, t.session.Visitor, said)
	if err != nil {
		return err
	}
	if !wantsMain(c) {
		return seeOther(c, pagePath(t.campaign.Slug, t.channel))
	}
	return v.again(c, t, func(p *visitor.Page) {
		if said.Outcome == campaigns.WalletRefused && claim.State == campaigns.Released {
			v.Log.Warn("wallet refused", "account", t.campaign.Account, "campaign", t.campaign.ID.String(), "reason", claim.ReleaseReason)
			p.State, p.Sentence = visitor.WalletFailed, i18n.T(c.UserContext(), walletKey(said.Detail))
		}
	})
}

// sheetReport reads what became of the sheet, as pages and mini programs tell it.
func sheetReport(outcome, detail, sealed string) (campaigns.SheetReport, error) {
	said := campaigns.SheetReport{Outcome: campaigns.Outcome(outcome), Detail: detail, Sealed: sealed}
	switch said.Outcome {
	case campaigns.WalletAdded, campaigns.WalletCancelled, campaigns.WalletRefused:
		return said, nil
	}
	return said, fault.New(fault.Invalid, "error.invalid").On("outcome")
}

// walletKey is the sentence for a code with which the wallet refuses a card (protocol 10).
func walletKey(code string) string {
	switch code {
	case "45031", "45033", "40078", "signature":
		return "visitor.wallet_failed." + code
	}
	return "visitor.wallet_failed.body"
}

// config signs the address that the browser really shows, for the one retry after the
// SDK refused ours. Only addresses of this campaign's page are signed.
func (v *visitors) config(c *fiber.Ctx) error {
	t, err := v.load(c)
	if err != nil {
		return err
	}
	address, err := url.Parse(c.FormValue("url"))
	path := "/c/" + string(t.campaign.Slug)
	if err != nil || address.Scheme != v.public.Scheme || address.Host != v.public.Host || address.User != nil || address.Fragment != "" ||
		address.Path != path && address.Path != path+"/claim" {
		return fault.New(fault.Invalid, "error.invalid")
	}
	config, err := t.account.SignPage(c.UserContext(), c.FormValue("url"))
	if err != nil {
		return fault.New(fault.Unavailable, "error.unavailable").Because(err)
	}
	return private(c, visitor.Config(config))
}
