package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/redemption"
	"kaquan/sheets"
	"kaquan/stores"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// redemptionTable are the pages about what the staff redeemed.
func (s *Server) redemptionTable() []adminRoute {
	if s.Stores == nil || s.Redemption == nil {
		return nil
	}
	return []adminRoute{
		{get, admin.RedemptionsPath, people.ClaimsRead, s.handleRedemptions},
		{get, admin.RedemptionsPath + ".xlsx", people.ClaimsExport, s.handleRedemptionsExport("xlsx")},
		{get, admin.RedemptionsPath + ".csv", people.ClaimsExport, s.handleRedemptionsExport("csv")},
		{post, admin.RedemptionsPath + "/conflicts/:id", people.CampaignsWrite, s.handleConflictResolve},
		{post, admin.RedemptionsPath + "/key", people.APITokens, s.handlePassKeyRenew},
	}
}

// redemptionQuery reads the filter of an address; what makes no sense is left out.
func redemptionQuery(c *fiber.Ctx) admin.RedemptionQuery {
	q := admin.RedemptionQuery{
		Code: strings.NewReplacer(" ", "", "-", "").Replace(oneLine(c.Query("code"), 40)), From: day(c.Query("from")), To: day(c.Query("to")),
	}
	if id := campaigns.ParseID[campaigns.ID](c.Query("campaign")); id != 0 {
		q.Campaign = id.String()
	}
	if id := stores.ParseID[stores.PlaceID](c.Query("place")); id != 0 {
		q.Place = id.String()
	}
	if id := stores.ParseID[stores.StaffID](c.Query("staff")); id != 0 {
		q.Staff = id.String()
	}
	if state := redemption.State(c.Query("state")); slices.Contains(redemption.States(), state) {
		q.State = string(state)
	}
	if n, err := strconv.ParseInt(c.Query("before"), 10, 64); err == nil && n > 0 {
		q.Before = strconv.FormatInt(n, 10)
	}
	return q
}

// redemptionFilter is what the query means: days are whole days in Shanghai.
func redemptionFilter(account string, q *admin.RedemptionQuery) redemption.Filter {
	before, _ := strconv.ParseInt(q.Before, 10, 64)
	f := redemption.Filter{
		Account: campaigns.AccountID(account), Campaign: campaigns.ParseID[campaigns.ID](q.Campaign), Place: stores.ParseID[stores.PlaceID](q.Place),
		Staff: stores.ParseID[stores.StaffID](q.Staff), State: redemption.State(q.State), Code: campaigns.CardCode(q.Code), Before: redemption.ID(before),
	}
	if q.From != "" {
		f.From = startOfDay(q.From, 0)
	}
	if q.To != "" {
		f.To = startOfDay(q.To, 1)
	}
	return f
}

// handleRedemptions is the table with its sums, the open conflicts and the signing key.
func (s *Server) handleRedemptions(c *fiber.Ctx, who *signedIn) error {
	return s.showRedemptions(c, who, fiber.StatusOK, &admin.Redemptions{})
}

func (s *Server) showRedemptions(c *fiber.Ctx, who *signedIn, status int, m *admin.Redemptions) (err error) {
	ctx := c.UserContext()
	if m.Shop, err = s.shop(c, who, "redemption.title", ui.Errors{}); err != nil {
		return err
	}
	m.Shop.Page.Nav = "redemptions"
	m.Query, m.CanRenew, m.CanResolve = redemptionQuery(c), who.can(people.APITokens), who.can(people.CampaignsWrite)
	if m.Account == "" {
		return render(c, status, admin.RedemptionsPage(m))
	}
	f, account := redemptionFilter(m.Account, &m.Query), stores.AccountID(m.Account)
	if m.Rows, err = s.Redemption.List(ctx, f); err != nil {
		return err
	}
	f.Before = 0
	if m.Week = f.From.IsZero() && f.To.IsZero(); m.Week { // years of a chain would take their time
		f.From = startOfDay(s.Redemption.Now().In(campaigns.Shanghai()).Format(time.DateOnly), -6)
	}
	if m.Totals, err = s.Redemption.Totals(ctx, f); err != nil {
		return err
	}
	if m.Conflicts, err = s.Redemption.Conflicts(ctx, f.Account, 0, true); err != nil {
		return err
	}
	if m.Places, err = s.Stores.Places(ctx, account); err != nil {
		return err
	}
	staff, err := s.Stores.StaffList(ctx, stores.StaffFilter{Account: account, Limit: stores.MaxStaff})
	if err != nil {
		return err
	}
	m.People = []ui.Option{{Label: i18n.T(ctx, "redemption.filter.person")}}
	for i := range staff.Rows {
		m.People = append(m.People, ui.Option{Value: staff.Rows[i].ID.String(), Label: staff.Rows[i].Name + " · " + staff.Rows[i].PlaceName})
	}
	all, err := s.allCampaigns(ctx)
	if err != nil {
		return err
	}
	m.Campaigns = []ui.Option{{Label: i18n.T(ctx, "redemption.filter.campaign")}}
	for _, one := range all {
		if string(one.Account) == m.Account {
			m.Campaigns = append(m.Campaigns, ui.Option{Value: one.ID.String(), Label: one.Name})
		}
	}
	if m.CanRenew {
		if m.Keys, err = s.Redemption.Keys(ctx); err != nil {
			return err
		}
	}
	return render(c, status, admin.RedemptionsPage(m))
}

// handleRedemptionsExport is the filtered table as a file, all of its pages.
func (s *Server) handleRedemptionsExport(format string) adminHandler {
	return func(c *fiber.Ctx, who *signedIn) error {
		account, err := s.reachAccount(c)
		if err != nil {
			return err
		}
		ctx, file, closeFile, err := s.openFile(c)
		if err != nil {
			return err
		}
		defer closeFile()
		query := redemptionQuery(c)
		query.Before = ""
		size, err := s.redemptionsFile(ctx, c, who, file, format, redemptionFilter(account, &query))
		if err != nil {
			_ = file.Close()
			return fmt.Errorf("export redemptions: %w", err)
		}
		name := i18n.T(ctx, "redemption.export.name") + "_" + s.Now().In(campaigns.Shanghai()).Format("20060102_1504")
		asSheet(c, "redemptions."+format, name+"."+format)
		if format == "csv" {
			c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
		}
		c.Context().SetBodyStream(file, size) // closes it, also when the client hangs up
		return nil
	}
}

// redemptionsFile fills the file and records who takes what before anything is handed out.
func (s *Server) redemptionsFile(ctx context.Context, c *fiber.Ctx, who *signedIn, file *tempFile, format string, f redemption.Filter) (int, error) {
	ip := s.clientIP(c)
	record := func(rows int) error {
		return s.People.Record(ctx, who.Person, ip, "redemptions.export", "redemption", "", map[string]any{"rows": rows, "format": format})
	}
	var err error
	if format == "csv" {
		var rows int
		if rows, err = sheets.RedemptionsCSV(ctx, file, campaigns.Shanghai(), s.redeemed(ctx, f)); err == nil {
			err = record(rows)
		}
	} else {
		o := sheets.StoreSheet{Title: i18n.T(ctx, "redemption.title"), Zone: campaigns.Shanghai(), Created: s.Now()}
		_, err = sheets.Redemptions(ctx, file, o, s.redeemed(ctx, f), record)
	}
	if err != nil {
		return 0, err
	}
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	_, err = file.Seek(0, io.SeekStart)
	return int(end), err
}

// redeemed are the rows of a file.
func (s *Server) redeemed(ctx context.Context, f redemption.Filter) iter.Seq2[sheets.Redeemed, error] {
	words := map[redemption.State]string{}
	for _, state := range redemption.States() {
		words[state] = i18n.T(ctx, "redemption.state."+string(state))
	}
	return func(yield func(sheets.Redeemed, error) bool) {
		for r, err := range s.Redemption.Each(ctx, f) {
			row := sheets.Redeemed{
				At: r.At, BookedAt: r.BookedAt, Place: r.PlaceName, Staff: r.StaffName, Campaign: r.CampaignName, Benefit: r.Benefit, Code: string(r.Code),
				State: words[r.State], Offline: r.Offline, Goods: r.GoodsName, Quantity: r.Quantity, UndoneAt: r.UndoneAt, UndoneBy: r.UndoneBy,
				Claim: r.Claim.String(), Number: int64(r.ID),
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// handleConflictResolve closes a task with a note on what was done.
func (s *Server) handleConflictResolve(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	account, err := s.reachAccount(c)
	if err != nil {
		return err
	}
	id, _ := whole(c.Params("id"))
	list, err := s.Redemption.Conflicts(ctx, campaigns.AccountID(account), 0, false)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(x redemption.Conflict) bool { return x.ID == id }) {
		return redemption.ErrNotFound
	}
	note := oneLine(c.FormValue("note"), 200)
	if note == "" {
		return s.showRedemptions(c, who, fiber.StatusUnprocessableEntity, &admin.Redemptions{NoteOf: id, NoteError: i18n.T(ctx, "redemption.tasks.need_note")})
	}
	if err := s.Redemption.ResolveConflict(ctx, id, who.keeper(c), note); err != nil {
		return err
	}
	s.flash(c, "success", "redemption.tasks.closed")
	return seeOther(c, s.atAccount(c, admin.RedemptionsPath))
}

// handlePassKeyRenew makes a new key for the passes from now on.
func (s *Server) handlePassKeyRenew(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	id, err := s.Redemption.RenewKey(ctx)
	if err != nil {
		return err
	}
	if err := s.People.Record(ctx, who.Person, s.clientIP(c), "redemptions.key_renew", "pass_key", id, map[string]any{}); err != nil {
		return err
	}
	s.flash(c, "success", "redemption.keys.done", "id", id)
	return seeOther(c, s.atAccount(c, admin.RedemptionsPath))
}

// claimRedemption adds to a claim's page where and by whom it was redeemed.
func (s *Server) claimRedemption(c *fiber.Ctx, m *admin.Claim) error {
	if s.Redemption == nil {
		return nil
	}
	r, err := s.Redemption.Of(c.UserContext(), m.Detail.Claim.ID)
	switch {
	case errors.Is(err, redemption.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	m.Redemption = &r
	return nil
}
