package web

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/redemption"
	"kaquan/views/staff"
)

type (
	miniTotals struct {
		Redeemed int `json:"redeemed"`
		Undone   int `json:"undone"`
	}
	miniByName struct {
		Name     string `json:"name"`
		Redeemed int    `json:"redeemed"`
		Undone   int    `json:"undone"`
	}
	miniBenefit struct {
		Name     string `json:"name"`
		Redeemed int    `json:"redeemed"`
	}
	miniConflict struct {
		ID         string `json:"id"`
		Code       string `json:"code"`
		Reason     string `json:"reason"`
		Message    string `json:"message"`
		By         string `json:"by"`
		At         string `json:"at"`
		ResolvedAt string `json:"resolved_at"`
		ResolvedBy string `json:"resolved_by"`
		Note       string `json:"note"`
	}
)

// dayFilter is the day that a query names, today when it names none.
func (s *miniStaff) dayFilter(c *fiber.Ctx, who *miniTill) (string, redemption.Filter) {
	on := day(c.Query("day"))
	if on == "" {
		on = s.Redemption.Now().In(campaigns.Shanghai()).Format("2006-01-02")
	}
	return on, redemption.Filter{Account: campaigns.AccountID(who.Staff.Account), Place: who.Place.ID, From: startOfDay(on, 0), To: startOfDay(on, 1)}
}

func sum(totals []redemption.Total) (t miniTotals) {
	for i := range totals {
		t.Redeemed, t.Undone = t.Redeemed+totals[i].Done, t.Undone+totals[i].Undone
	}
	return t
}

// handleRedemptions lists a day of the place: everybody's for a manager, one's own for others.
func (s *miniStaff) handleRedemptions(c *fiber.Ctx, who *miniTill) error {
	ctx := c.UserContext()
	on, f := s.dayFilter(c, who)
	if !who.Staff.Role.Manages() || c.Query("mine") == "1" {
		f.Staff = who.Staff.ID
	}
	totals, err := s.Redemption.Totals(ctx, f)
	if err != nil {
		return err
	}
	after, _ := whole(c.Query("after"))
	f.Before = redemption.ID(after)
	page, err := s.Redemption.List(ctx, f)
	if err != nil {
		return err
	}
	list := make([]miniRedemption, 0, len(page.Rows))
	for i := range page.Rows {
		list = append(list, s.redemptionAnswer(who, &page.Rows[i]))
	}
	next := ""
	if page.Next != 0 {
		next = strconv.FormatInt(int64(page.Next), 10)
	}
	return sendJSON(c, fiber.StatusOK, struct {
		Day         string           `json:"day"`
		Redemptions []miniRedemption `json:"redemptions"`
		Next        string           `json:"next"`
		Totals      miniTotals       `json:"totals"`
	}{on, list, next, sum(totals)})
}

// handleSummary is a day of the place in numbers and in words.
func (s *miniStaff) handleSummary(c *fiber.Ctx, who *miniTill) error {
	ctx := c.UserContext()
	on, f := s.dayFilter(c, who)
	totals, err := s.Redemption.Totals(ctx, f)
	if err != nil {
		return err
	}
	open, err := s.Redemption.Conflicts(ctx, f.Account, who.Place.ID, true)
	if err != nil {
		return err
	}
	all, by, benefits := sum(totals), []miniByName{}, []miniBenefit{}
	for i := range totals {
		t := &totals[i]
		n := slices.IndexFunc(by, func(x miniByName) bool { return x.Name == t.StaffName })
		if n < 0 {
			n, by = len(by), append(by, miniByName{Name: t.StaffName})
		}
		by[n].Redeemed, by[n].Undone = by[n].Redeemed+t.Done, by[n].Undone+t.Undone
		n = slices.IndexFunc(benefits, func(x miniBenefit) bool { return x.Name == t.CampaignName })
		if n < 0 {
			n, benefits = len(benefits), append(benefits, miniBenefit{Name: t.CampaignName})
		}
		benefits[n].Redeemed += t.Done
	}
	slices.SortStableFunc(by, func(a, b miniByName) int { return cmp.Compare(b.Redeemed, a.Redeemed) })
	slices.SortStableFunc(benefits, func(a, b miniBenefit) int { return cmp.Compare(b.Redeemed, a.Redeemed) })
	return sendJSON(c, fiber.StatusOK, struct {
		Day   string `json:"day"`
		Place string `json:"place"`
		miniTotals
		By        []miniByName  `json:"by"`
		Benefits  []miniBenefit `json:"benefits"`
		Conflicts int           `json:"conflicts"`
		Text      string        `json:"text"`
	}{on, who.Place.Name, all, by, benefits, len(open), dayWords(ctx, who.Place.Name, on, all, by, benefits)})
}

// dayWords is the summary to share.
func dayWords(ctx context.Context, place, on string, all miniTotals, by []miniByName, benefits []miniBenefit) string {
	lines := []string{i18n.T(ctx, "staff.summary.head", "place", place, "date", on, "count", all.Redeemed)}
	for _, b := range benefits {
		if b.Redeemed > 0 {
			lines = append(lines, i18n.T(ctx, "staff.summary.line", "name", b.Name, "count", b.Redeemed))
		}
	}
	var people []string
	for _, b := range by {
		people = append(people, b.Name+" "+i18n.Number(ctx, int64(b.Redeemed)))
	}
	if len(people) > 1 {
		lines = append(lines, i18n.T(ctx, "staff.summary.people", "list", strings.Join(people, i18n.T(ctx, "staff.summary.comma"))))
	}
	if all.Undone > 0 {
		lines = append(lines, i18n.T(ctx, "staff.summary.undone", "count", all.Undone))
	}
	return strings.Join(lines, "\n")
}

// handleConflicts lists what was accepted without network and could not be booked.
func (s *miniStaff) handleConflicts(c *fiber.Ctx, who *miniTill) error {
	ctx := c.UserContext()
	list, err := s.Redemption.Conflicts(ctx, campaigns.AccountID(who.Staff.Account), who.Place.ID, c.Query("all") != "1")
	if err != nil {
		return err
	}
	answer := make([]miniConflict, 0, len(list))
	for i := range list {
		x := &list[i]
		one := miniConflict{
			ID: strconv.FormatInt(x.ID, 10), Code: string(x.Code), Message: staff.ShortVerdict(ctx, x.Verdict), By: x.StaffName, At: stamp(x.At),
			ResolvedAt: stamp(x.ResolvedAt), ResolvedBy: x.ResolvedBy, Note: x.Note,
		}
		if e := tillRefusals[x.Verdict]; e != nil {
			one.Reason = e.Key
		}
		answer = append(answer, one)
	}
	return sendJSON(c, fiber.StatusOK, struct {
		Conflicts []miniConflict `json:"conflicts"`
	}{answer})
}

var errConflictNote = fault.New(fault.Invalid, "staff.tasks.need_note").On("note")

// handleConflictResolve closes a task of the place with a note on what was done.
func (s *miniStaff) handleConflictResolve(c *fiber.Ctx, who *miniTill) error {
	ctx := c.UserContext()
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	id, _ := whole(c.Params("id"))
	list, err := s.Redemption.Conflicts(ctx, campaigns.AccountID(who.Staff.Account), who.Place.ID, false)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(x redemption.Conflict) bool { return x.ID == id }) {
		return redemption.ErrNotFound
	}
	note := oneLine(in.text("note"), 200)
	if note == "" {
		return errConflictNote
	}
	if err := s.Redemption.ResolveConflict(ctx, id, who.Staff.Actor(who.IP), note); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}
