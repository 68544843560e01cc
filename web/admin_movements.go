package web

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/gofiber/fiber/v2"

	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/sheets"
	"kaquan/stores"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

func logQuery(c *fiber.Ctx) admin.LogQuery {
	q := admin.LogQuery{
		Goods: oneLine(c.Query("goods"), 40), By: oneLine(c.Query("by"), 40), From: day(c.Query("from")), To: day(c.Query("to")), After: oneLine(c.Query("after"), 40),
	}
	if id := stores.ParseID[stores.PlaceID](c.Query("place")); id != 0 {
		q.Place = id.String()
	}
	if kind := stores.Kind(c.Query("kind")); slices.Contains(stores.Kinds(), kind) {
		q.Kind = string(kind)
	}
	return q
}

// logFilter is what the query means; nothing is false when the barcode belongs to no article.
func (s *Server) logFilter(ctx context.Context, account stores.AccountID, q admin.LogQuery) (f stores.MovementFilter, something bool, err error) {
	f = stores.MovementFilter{Account: account, Place: stores.ParseID[stores.PlaceID](q.Place), Kind: stores.Kind(q.Kind), By: q.By, After: q.After}
	if q.From != "" {
		f.From = startOfDay(q.From, 0)
	}
	if q.To != "" {
		f.To = startOfDay(q.To, 1)
	}
	if q.Goods != "" {
		g, err := s.Stores.GoodsByBarcode(ctx, account, q.Goods)
		if errors.Is(err, stores.ErrGoodsNotFound) {
			return f, false, nil
		}
		if err != nil {
			return f, false, err
		}
		f.Goods = g.ID
	}
	return f, true, nil
}

// handleMovements is the log.
func (s *Server) handleMovements(c *fiber.Ctx, who *signedIn) error {
	return s.showLog(c, who, fiber.StatusOK, ui.Errors{}, admin.MoveForm{Key: randomText(16), Kind: "in", Place: oneLine(c.Query("place"), 20)})
}

func (s *Server) showLog(c *fiber.Ctx, who *signedIn, status int, errs ui.Errors, form admin.MoveForm) (err error) {
	ctx := c.UserContext()
	m := &admin.Log{Query: logQuery(c), Form: form}
	if m.Shop, err = s.shop(c, who, "stores.move.title", errs); err != nil {
		return err
	}
	account := stores.AccountID(m.Account)
	f, something, err := s.logFilter(ctx, account, m.Query)
	if err != nil {
		return err
	}
	if something {
		if m.Rows, err = s.Stores.Movements(ctx, f); err != nil {
			return err
		}
	}
	if m.Places, err = s.Stores.Places(ctx, account); err != nil {
		return err
	}
	m.Form.Places = m.Places
	if m.Counts, err = s.Stores.Counts(ctx, account, 5); err != nil {
		return err
	}
	return render(c, status, admin.LogPage(m))
}

// handleMovementsExport is the filtered log as xlsx.
func (s *Server) handleMovementsExport(c *fiber.Ctx, who *signedIn) error {
	account, err := s.shopAccount(c)
	if err != nil {
		return err
	}
	f, something, err := s.logFilter(c.UserContext(), account, logQuery(c))
	if err != nil {
		return err
	}
	return s.storeFile(c, who, "movements", func(ctx context.Context, w io.Writer, o sheets.StoreSheet, check func(int) error) error {
		rows := s.Stores.EachMovement(ctx, f)
		if !something {
			rows = func(func(stores.MovementRow, error) bool) {}
		}
		_, err := sheets.Movements(ctx, w, o, rows, check)
		return err
	})
}

// handleMove books stock in, out, or from one place to another.
func (s *Server) handleMove(c *fiber.Ctx, who *signedIn) error {
	account, err := s.shopAccount(c)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	f := admin.MoveForm{
		Key: oneLine(c.FormValue("key"), 60), Kind: c.FormValue("kind"), Place: c.FormValue("place"), To: c.FormValue("to"),
		Goods: oneLine(typed(c, "goods"), 40), Quantity: oneLine(typed(c, "quantity"), 12), Reason: typed(c, "reason"),
	}
	m, g, err := s.move(ctx, who.keeper(c), account, &f)
	back := stores.ParseID[stores.GoodsID](lastPart(c.FormValue("back")))
	if err != nil {
		return again(c, err, func(status int, errs ui.Errors) error {
			if fault.CodeOf(err) != fault.Invalid {
				f.Key = randomText(16) // nothing was booked under the old one
			}
			if back != 0 && back == g.ID {
				return s.showArticle(c, who, status, errs, &admin.Article{Goods: g, Draft: articleDraft(&g), Form: f})
			}
			return s.showLog(c, who, status, errs, f)
		})
	}
	change := i18n.Number(ctx, m.Quantity)
	if m.Quantity > 0 {
		change = "+" + change
	}
	s.flash(c, "success", "stores.done.moved", "goods", g.Name, "change", change, "after", m.After)
	if back == g.ID {
		return seeOther(c, admin.ArticlePath(g.ID))
	}
	return seeOther(c, s.atAccount(c, admin.MovementsPath))
}

// atAccount keeps the account of the request in an address.
func (s *Server) atAccount(c *fiber.Ctx, path string) string {
	if account := oneLine(c.Query("account"), 40); account != "" {
		return path + "?account=" + account // it was checked against those that exist
	}
	return path
}

func lastPart(path string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[i+1:]
		}
	}
	return path
}

func (s *Server) move(ctx context.Context, by stores.Actor, account stores.AccountID, f *admin.MoveForm) (m stores.Movement, g stores.Goods, err error) {
	if g, err = s.Stores.GoodsByBarcode(ctx, account, f.Goods); err != nil {
		return m, g, err
	}
	quantity, err := stores.ParseQuantity(f.Quantity)
	if err != nil {
		return m, g, err
	}
	place := stores.ParseID[stores.PlaceID](f.Place)
	switch f.Kind {
	case "transfer":
		m, _, err = s.Stores.Transfer(ctx, stores.Transfer{
			Account: account, From: place, To: stores.ParseID[stores.PlaceID](f.To), Goods: g.ID, Quantity: quantity, Reason: f.Reason, By: by, Key: f.Key,
		})
	case "out":
		m, err = s.Stores.Move(ctx, stores.Move{Account: account, Place: place, Goods: g.ID, Kind: stores.Out, Quantity: -quantity, Reason: f.Reason, By: by, Key: f.Key})
	default:
		m, err = s.Stores.Move(ctx, stores.Move{Account: account, Place: place, Goods: g.ID, Kind: stores.In, Quantity: quantity, Reason: f.Reason, By: by, Key: f.Key})
	}
	if e := (*stores.RowFault)(nil); errors.As(err, &e) {
		err = e.Err
	}
	return m, g, err
}

// handleMovementUndo takes a movement back.
func (s *Server) handleMovementUndo(c *fiber.Ctx, who *signedIn) error {
	back := s.atAccount(c, admin.MovementsPath)
	_, err := s.Stores.Undo(c.UserContext(), who.keeper(c), stores.ParseID[stores.MovementID](c.Params("id")), "")
	if err != nil {
		return s.sorry(c, err, back)
	}
	s.flash(c, "success", "stores.done.undone")
	return seeOther(c, back)
}

// handleCountOpen starts a count at a place, or leads to the one under way.
func (s *Server) handleCountOpen(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	p, err := s.Stores.Place(ctx, stores.ParseID[stores.PlaceID](c.FormValue("place")))
	if err != nil {
		return err
	}
	count, err := s.Stores.OpenCount(ctx, who.keeper(c), p.ID)
	if errors.Is(err, stores.ErrCountOpen) {
		counts, e := s.Stores.Counts(ctx, p.Account, 200)
		if e != nil {
			return e
		}
		if i := slices.IndexFunc(counts, func(x stores.Count) bool { return x.Place == p.ID && x.State == stores.CountOpen }); i >= 0 {
			count, err = counts[i], nil
		}
	}
	if err != nil {
		return s.sorry(c, err, admin.PlacePath(p.ID))
	}
	return seeOther(c, admin.CountPath(count.ID))
}

// handleCount is a count.
func (s *Server) handleCount(c *fiber.Ctx, who *signedIn) error {
	return s.showCount(c, who, fiber.StatusOK, ui.Errors{}, "", "")
}

func countID(c *fiber.Ctx) stores.CountID { return stores.ParseID[stores.CountID](c.Params("id")) }

func (s *Server) showCount(c *fiber.Ctx, who *signedIn, status int, errs ui.Errors, goods, seen string) (err error) {
	ctx := c.UserContext()
	m := &admin.CountView{Goods: goods, Seen: seen}
	if m.Count, m.Lines, err = s.Stores.Count(ctx, countID(c)); err != nil {
		return err
	}
	if m.Place, err = s.Stores.Place(ctx, m.Count.Place); err != nil {
		return err
	}
	if m.Shop, err = s.shopOf(c, who, m.Count.Account, i18n.T(ctx, "stores.count.title"), errs); err != nil {
		return err
	}
	return render(c, status, admin.CountPage(m))
}

// handleCountSeen notes how many of a scanned article are there.
func (s *Server) handleCountSeen(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	count, _, err := s.Stores.Count(ctx, countID(c))
	if err != nil {
		return err
	}
	goods, seen := oneLine(typed(c, "goods"), 40), oneLine(typed(c, "seen"), 12)
	err = func() error {
		g, err := s.Stores.GoodsByBarcode(ctx, count.Account, goods)
		if err != nil {
			return err
		}
		n, err := stores.ParseQuantity(seen)
		if all := fault.All(err); len(all) > 0 {
			return all[0].On("seen")
		}
		if seen == "" {
			return fault.New(fault.Invalid, "stores.error.required").On("seen")
		}
		return s.Stores.SetSeen(ctx, count.ID, g.ID, n)
	}()
	if err != nil {
		return again(c, err, func(status int, errs ui.Errors) error { return s.showCount(c, who, status, errs, goods, seen) })
	}
	return seeOther(c, admin.CountPath(count.ID))
}

func (s *Server) handleCountDrop(c *fiber.Ctx, _ *signedIn) error {
	err := s.Stores.DropSeen(c.UserContext(), countID(c), stores.ParseID[stores.GoodsID](c.FormValue("goods")))
	if err != nil {
		return s.sorry(c, err, admin.CountPath(countID(c)))
	}
	return seeOther(c, admin.CountPath(countID(c)))
}

func (s *Server) handleCountClose(c *fiber.Ctx, who *signedIn) error {
	back := admin.CountPath(countID(c))
	booked, err := s.Stores.CloseCount(c.UserContext(), who.keeper(c), countID(c), oneLine(c.FormValue("reason"), 60))
	if err != nil {
		return s.sorry(c, err, back)
	}
	s.flash(c, "success", "stores.done.counted", "count", len(booked))
	return seeOther(c, back)
}

func (s *Server) handleCountCancel(c *fiber.Ctx, who *signedIn) error {
	back := admin.CountPath(countID(c))
	if err := s.Stores.CancelCount(c.UserContext(), who.keeper(c), countID(c)); err != nil {
		return s.sorry(c, err, back)
	}
	s.flash(c, "success", "stores.done.cancelled")
	return seeOther(c, back)
}
