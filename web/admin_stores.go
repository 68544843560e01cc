package web

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/sheets"
	"kaquan/stores"
	"kaquan/views/admin"
	"kaquan/views/staff"
	"kaquan/views/ui"
)

// storesTable are the pages about stores, staff, goods and the stock log. Every write needs the
// permission to run campaigns; every file the one to export.
func (s *Server) storesTable() []adminRoute {
	if s.Stores == nil {
		return nil
	}
	const place, member, article, count = "/admin/stores/:id", "/admin/staff/:id", "/admin/goods/:id", "/admin/movements/count/:id"
	return []adminRoute{
		{get, "/admin/stores", people.CampaignsRead, s.handlePlaces},
		{post, "/admin/stores", people.CampaignsWrite, s.handlePlaceNew},
		{get, place, people.CampaignsRead, s.handlePlace},
		{post, place, people.CampaignsWrite, s.handlePlaceEdit},
		{post, place + "/switch", people.CampaignsWrite, s.handlePlaceSwitch},
		{get, place + "/till.svg", people.CampaignsRead, s.handlePlaceTill},
		{post, place + "/count", people.CampaignsWrite, s.handleCountOpen},

		{get, "/admin/staff", people.CampaignsRead, s.handleStaff},
		{post, "/admin/staff", people.CampaignsWrite, s.handleStaffNew},
		{get, "/admin/staff.xlsx", people.ClaimsExport, s.handleStaffExport},
		{get, "/admin/staff/import", people.CampaignsWrite, s.importing("staff")},
		{post, "/admin/staff/import", people.CampaignsWrite, s.handleImport("staff")},
		{get, member, people.CampaignsRead, s.handleMember},
		{post, member, people.CampaignsWrite, s.handleMemberEdit},
		{post, member + "/pin", people.CampaignsWrite, s.handlePINReset},
		{post, member + "/switch", people.CampaignsWrite, s.handleMemberSwitch},
		{post, member + "/revoke", people.CampaignsWrite, s.handleMemberRevoke},
		{post, member + "/bind", people.CampaignsWrite, s.handleMemberBind},
		{post, member + "/unbind", people.CampaignsWrite, s.handleMemberUnbind},

		{get, "/admin/goods", people.CampaignsRead, s.handleGoodsList},
		{post, "/admin/goods", people.CampaignsWrite, s.handleGoodsNew},
		{get, "/admin/goods.xlsx", people.ClaimsExport, s.handleGoodsExport},
		{get, "/admin/goods/import", people.CampaignsWrite, s.importing("goods")},
		{post, "/admin/goods/import", people.CampaignsWrite, s.handleImport("goods")},
		{get, article, people.CampaignsRead, s.handleArticle},
		{post, article, people.CampaignsWrite, s.handleArticleEdit},
		{get, article + "/picture", people.CampaignsRead, s.handleArticlePicture},
		{post, article + "/picture", people.CampaignsWrite, s.handleArticlePictureSet},
		{post, article + "/archive", people.CampaignsWrite, s.handleArticleArchive},

		{get, "/admin/movements", people.CampaignsRead, s.handleMovements},
		{post, "/admin/movements", people.CampaignsWrite, s.handleMove},
		{get, "/admin/movements.xlsx", people.ClaimsExport, s.handleMovementsExport},
		{get, "/admin/movements/import", people.CampaignsWrite, s.importing("stock")},
		{post, "/admin/movements/import", people.CampaignsWrite, s.handleImport("stock")},
		{post, "/admin/movements/count", people.CampaignsWrite, s.handleCountOpen},
		{get, count, people.CampaignsRead, s.handleCount},
		{post, count, people.CampaignsWrite, s.handleCountSeen},
		{post, count + "/drop", people.CampaignsWrite, s.handleCountDrop},
		{post, count + "/close", people.CampaignsWrite, s.handleCountClose},
		{post, count + "/cancel", people.CampaignsWrite, s.handleCountCancel},
		{post, "/admin/movements/:id/undo", people.CampaignsWrite, s.handleMovementUndo},
	}
}

// keeper is the person of the admin as stores know who did something.
func (w *signedIn) keeper(c *fiber.Ctx) stores.Actor {
	return stores.Actor{ID: string(w.Person.ID), Name: w.Person.Name, IP: w.server.clientIP(c)}
}

// shop is the frame of a page about the account that the request names, or the first.
func (s *Server) shop(c *fiber.Ctx, who *signedIn, titleKey string, errs ui.Errors) (admin.Shop, error) {
	accounts, err := s.Accounts.Accounts(c.UserContext())
	if err != nil {
		return admin.Shop{}, err
	}
	m := admin.Shop{
		Page: s.page(c, who, "stores", titleKey), Accounts: accountOptions(accounts), Zone: campaigns.Shanghai(), Errors: errs,
		CanWrite: who.can(people.CampaignsWrite), CanExport: who.can(people.ClaimsExport),
	}
	asked := oneLine(c.Query("account"), 40)
	if asked == "" {
		asked = m.Page.Account
	}
	m.Account, err = pickAccount(accounts, asked)
	return m, err
}

// shopOf is the frame of a page about something that belongs to an account.
func (s *Server) shopOf(c *fiber.Ctx, who *signedIn, account stores.AccountID, title string, errs ui.Errors) (admin.Shop, error) {
	accounts, err := s.Accounts.Accounts(c.UserContext())
	if err != nil {
		return admin.Shop{}, err
	}
	m := admin.Shop{
		Page: s.page(c, who, "stores", "stores.title"), Account: string(account), Zone: campaigns.Shanghai(), Errors: errs,
		CanWrite: who.can(people.CampaignsWrite), CanExport: who.can(people.ClaimsExport),
	}
	m.Page.Title = title
	if len(accounts) > 1 {
		m.Accounts = slices.DeleteFunc(accountOptions(accounts), func(o ui.Option) bool { return o.Value != m.Account })
	}
	return m, nil
}

// shopAccount is the account that a write is about; there must be one.
func (s *Server) shopAccount(c *fiber.Ctx) (stores.AccountID, error) {
	account, err := s.reachAccount(c)
	return stores.AccountID(account), err
}

// again shows a form with what is wrong; errors that no form can show are returned.
func again(c *fiber.Ctx, err error, show func(status int, errs ui.Errors) error) error {
	errs := ui.Errors{}
	status, ok := formErrors(c, errs, err)
	if !ok || status >= fiber.StatusInternalServerError || fault.CodeOf(err) == fault.NotFound && status != fiber.StatusUnprocessableEntity {
		return err
	}
	return show(status, errs)
}

// sorry leaves a refusal as the message of the next page; other errors are returned.
func (s *Server) sorry(c *fiber.Ctx, err error, back string) error {
	if all := fault.All(err); len(all) > 0 && all[0].Code != fault.Internal && all[0].Code != fault.NotFound {
		s.flashText(c, "danger", sentence(c.UserContext(), all[0]))
		return seeOther(c, back)
	}
	return err
}

func typedPlace(c *fiber.Ctx) stores.PlaceDraft {
	return stores.PlaceDraft{
		Parent: stores.ParseID[stores.PlaceID](c.FormValue("parent")), Kind: stores.PlaceKind(c.FormValue("kind")),
		Code: typed(c, "code"), Name: typed(c, "name"), Address: typed(c, "address"), Phone: typed(c, "phone"),
	}
}

// handlePlaces is the tree of stores and warehouses.
func (s *Server) handlePlaces(c *fiber.Ctx, who *signedIn) error {
	return s.showPlaces(c, who, fiber.StatusOK, ui.Errors{}, stores.PlaceDraft{Kind: stores.ShopKind})
}

func (s *Server) showPlaces(c *fiber.Ctx, who *signedIn, status int, errs ui.Errors, d stores.PlaceDraft) error {
	m := &admin.Places{Draft: d}
	var err error
	if m.Shop, err = s.shop(c, who, "stores.title", errs); err != nil {
		return err
	}
	account := stores.AccountID(m.Account)
	if m.Rows, err = s.Stores.Places(c.UserContext(), account); err != nil {
		return err
	}
	if m.Stocks, err = s.Stores.PlaceStocks(c.UserContext(), account); err != nil {
		return err
	}
	return render(c, status, admin.PlacesPage(m))
}

func (s *Server) handlePlaceNew(c *fiber.Ctx, who *signedIn) error {
	account, err := s.shopAccount(c)
	if err != nil {
		return err
	}
	d := typedPlace(c)
	p, err := s.Stores.CreatePlace(c.UserContext(), who.keeper(c), account, d)
	if err != nil {
		return again(c, err, func(status int, errs ui.Errors) error { return s.showPlaces(c, who, status, errs, d) })
	}
	s.flash(c, "success", "stores.done.place_new", "name", p.Name)
	return seeOther(c, admin.PlacePath(p.ID))
}

func (s *Server) place(c *fiber.Ctx) (stores.Place, error) {
	return s.Stores.Place(c.UserContext(), stores.ParseID[stores.PlaceID](c.Params("id")))
}

// handlePlace is one place with what it holds.
func (s *Server) handlePlace(c *fiber.Ctx, who *signedIn) error {
	p, err := s.place(c)
	if err != nil {
		return err
	}
	d := stores.PlaceDraft{Parent: p.Parent, Kind: p.Kind, Code: p.Code, Name: p.Name, Address: p.Address, Phone: p.Phone}
	return s.showPlace(c, who, fiber.StatusOK, ui.Errors{}, p, d)
}

func (s *Server) showPlace(c *fiber.Ctx, who *signedIn, status int, errs ui.Errors, p stores.Place, d stores.PlaceDraft) error {
	ctx := c.UserContext()
	m := &admin.PlaceView{Place: p, Draft: d, Search: oneLine(c.Query("q"), 60), After: oneLine(c.Query("after"), 20)}
	var err error
	if m.Shop, err = s.shopOf(c, who, p.Account, p.Name, errs); err != nil {
		return err
	}
	if m.Places, err = s.Stores.Places(ctx, p.Account); err != nil {
		return err
	}
	if m.Goods, err = s.Stores.GoodsList(ctx, stores.GoodsFilter{Account: p.Account, Place: p.ID, Search: m.Search, After: m.After}); err != nil {
		return err
	}
	counts, err := s.Stores.Counts(ctx, p.Account, 200)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(counts, func(x stores.Count) bool { return x.Place == p.ID && x.State == stores.CountOpen }); i >= 0 {
		m.Count = &counts[i]
	}
	if m.TillLink = s.tillLink(&p); m.TillLink != "" {
		if m.TillQR, err = ui.LinkQR(m.TillLink); err != nil {
			return err
		}
	}
	return render(c, status, admin.PlacePage(m))
}

// tillLink is the sign-in page of a store's staff, "" for a place where nobody redeems.
func (s *Server) tillLink(p *stores.Place) string {
	if s.Redemption == nil || p.Kind != stores.ShopKind || p.Disabled {
		return ""
	}
	return s.PublicURL + staff.AtPath(p.ID)
}

var errNoTill = fault.New(fault.NotFound, "error.not_found")

// handlePlaceTill is the code of the store's sign-in page as a drawing for printers.
func (s *Server) handlePlaceTill(c *fiber.Ctx, _ *signedIn) error {
	p, err := s.place(c)
	if err != nil {
		return err
	}
	link := s.tillLink(&p)
	if link == "" {
		return errNoTill
	}
	code, err := ui.LinkQR(link)
	if err != nil {
		return err
	}
	return sendQR(c, "image/svg+xml", "till-"+p.ID.String()+".svg", []byte(code.SVG()))
}

func (s *Server) handlePlaceEdit(c *fiber.Ctx, who *signedIn) error {
	p, err := s.place(c)
	if err != nil {
		return err
	}
	d := typedPlace(c)
	if err := s.Stores.EditPlace(c.UserContext(), who.keeper(c), p.ID, d); err != nil {
		return again(c, err, func(status int, errs ui.Errors) error { return s.showPlace(c, who, status, errs, p, d) })
	}
	s.flash(c, "success", "stores.done.saved")
	return seeOther(c, admin.PlacePath(p.ID))
}

func (s *Server) handlePlaceSwitch(c *fiber.Ctx, who *signedIn) error {
	p, err := s.place(c)
	if err != nil {
		return err
	}
	off := c.FormValue("to") == "off"
	if err := s.Stores.SwitchPlace(c.UserContext(), who.keeper(c), p.ID, off); err != nil {
		return err
	}
	s.flash(c, "success", switched(off))
	return seeOther(c, admin.PlacePath(p.ID))
}

func switched(off bool) string {
	if off {
		return "stores.done.off"
	}
	return "stores.done.on"
}

// storeFile makes a spreadsheet and hands it out. write fills the file and calls check with the
// number of rows before its first byte, which records who takes what. The file is whole before
// it goes out, so that a failure is never half a file.
func (s *Server) storeFile(c *fiber.Ctx, who *signedIn, what string, write func(ctx context.Context, w io.Writer, o sheets.StoreSheet, check func(int) error) error) error {
	ctx, file, closeFile, err := s.openFile(c)
	if err != nil {
		return err
	}
	defer closeFile()
	ip := s.clientIP(c)
	o := sheets.StoreSheet{Title: i18n.T(ctx, storeTitles[what]), Zone: campaigns.Shanghai(), Created: s.Now()}
	err = write(ctx, file, o, func(rows int) error {
		return s.People.Record(ctx, who.Person, ip, "stores.export."+what, "export", "", map[string]any{"rows": rows})
	})
	var end int64
	if err == nil {
		end, err = file.Seek(0, io.SeekEnd)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = file.Close()
		return fmt.Errorf("export %s: %w", what, err)
	}
	asSheet(c, what+".xlsx", i18n.T(ctx, "stores.file."+what, "stamp", s.Now().In(campaigns.Shanghai()).Format("20060102_1504")))
	c.Context().SetBodyStream(file, int(end)) // closes it, also when the client hangs up
	return nil
}

// storeTitles name the sheets of the files.
var storeTitles = map[string]string{
	"goods": "stores.goods.title", "movements": "stores.move.title", "staff": "stores.staff.title", "pins": "stores.staff.title", "wrong": "stores.import.title",
}
