package web

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/doctor"
	"kaquan/fault"
	"kaquan/wechat"
)

// maxComplaint bounds what a page may tell about a refused signature.
const maxComplaint = 4 << 10

// small refuses bodies that no honest page sends, before anything reads them.
func (v *visitors) small(c *fiber.Ctx) error {
	if len(c.BodyRaw()) > maxComplaint {
		return fiber.ErrRequestEntityTooLarge
	}
	return c.Next()
}

// signature takes what a page tells when WeChat refused one of its signatures, or the page
// as a whole because of the account's settings. It comes
// from anybody with a page open, so it is cleaned, counted and bounded, and believed in
// nothing else.
func (v *visitors) signature(c *fiber.Ctx) error {
	t, err := v.load(c)
	if err != nil {
		return err
	}
	account := string(t.campaign.Account)
	if !v.complaints.allow("address "+v.clientIP(c)) || !v.complaints.allow("account "+account) {
		return errTooMany
	}
	ctx := c.UserContext()
	which := wechat.Signed(c.FormValue("which"))
	if blamed := wechat.SettingsBlamed(which, c.FormValue("message")); blamed != "" {
		v.note(ctx, doctor.Report{Account: account, Kind: doctor.SignatureBad, At: v.Now(), Detail: blamed})
		return c.SendStatus(fiber.StatusNoContent)
	}
	report, ok := wechat.CleanReport(wechat.SignatureReport{
		Account: account, Slug: string(t.campaign.Slug), Which: which, Href: c.FormValue("href"), SignedURL: c.FormValue("signed"),
		Message: c.FormValue("message"), Agent: wechat.AgentClass(c.Get(fiber.HeaderUserAgent)), LastAt: v.Now(), TicketAge: v.ticketAge(ctx, t.account, which),
	})
	if !ok {
		return fault.New(fault.Invalid, "error.invalid")
	}
	if err := v.Signatures.SaveSignatureReport(ctx, report); err != nil {
		return err
	}
	v.Log.Warn("signature refused", "account", account, "which", which, "agent", report.Agent, "message", report.Message)
	v.note(ctx, doctor.Report{Account: account, Kind: doctor.SignatureBad, At: report.LastAt, Detail: report.Message})
	return c.SendStatus(fiber.StatusNoContent)
}

// ticketAge is how old the ticket behind the signature is; zero when there is none.
func (v *visitors) ticketAge(ctx context.Context, account *wechat.Account, which wechat.Signed) (age time.Duration) {
	kind := wechat.JSAPITicket
	if which == wechat.SignedCard {
		kind = wechat.CardTicket
	}
	states, err := account.Keeper().States(ctx)
	if err != nil {
		v.Log.Warn("token states", "err", err)
	}
	for _, state := range states {
		if state.Kind == kind && !state.FetchedAt.IsZero() {
			age = max(v.Now().Sub(state.FetchedAt), 0)
		}
	}
	return age
}
