package web

import (
	"context"
	"io"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"kaquan/sheets"
	"kaquan/stores"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

func goodsFilter(c *fiber.Ctx, account string) (f stores.GoodsFilter, show string) {
	f = stores.GoodsFilter{Account: stores.AccountID(account), Search: oneLine(c.Query("q"), 60), After: oneLine(c.Query("after"), 20)}
	switch show = c.Query("show"); show {
	case "low":
		f.Low = true
	case "archived":
		f.Archived = true
	default:
		show = ""
	}
	return f, show
}

// handleGoodsList lists the goods.
func (s *Server) handleGoodsList(c *fiber.Ctx, who *signedIn) error {
	return s.showGoods(c, who, fiber.StatusOK, ui.Errors{}, stores.GoodsDraft{Barcode: oneLine(c.Query("barcode"), 40)})
}

func (s *Server) showGoods(c *fiber.Ctx, who *signedIn, status int, errs ui.Errors, d stores.GoodsDraft) (err error) {
	m := &admin.GoodsList{Draft: d}
	if m.Shop, err = s.shop(c, who, "stores.goods.title", errs); err != nil {
		return err
	}
	f, show := goodsFilter(c, m.Account)
	m.Search, m.Show, m.After = f.Search, show, f.After
	if m.Rows, err = s.Stores.GoodsList(c.UserContext(), f); err != nil {
		return err
	}
	if m.Low, err = s.Stores.LowStock(c.UserContext(), f.Account); err != nil {
		return err
	}
	return render(c, status, admin.GoodsPage(m))
}

func typedGoods(c *fiber.Ctx) stores.GoodsDraft {
	return stores.GoodsDraft{Barcode: typed(c, "barcode"), Name: typed(c, "name"), Unit: typed(c, "unit"), Price: typed(c, "price"), Minimum: typed(c, "minimum")}
}

func (s *Server) handleGoodsNew(c *fiber.Ctx, who *signedIn) error {
	account, err := s.shopAccount(c)
	if err != nil {
		return err
	}
	d := typedGoods(c)
	g, err := s.Stores.CreateGoods(c.UserContext(), who.keeper(c), account, d)
	if err != nil {
		return again(c, err, func(status int, errs ui.Errors) error { return s.showGoods(c, who, status, errs, d) })
	}
	s.flash(c, "success", "stores.done.goods_new", "name", g.Name)
	return seeOther(c, admin.ArticlePath(g.ID))
}

// handleGoodsExport is the filtered list as xlsx.
func (s *Server) handleGoodsExport(c *fiber.Ctx, who *signedIn) error {
	account, err := s.shopAccount(c)
	if err != nil {
		return err
	}
	f, _ := goodsFilter(c, string(account))
	return s.storeFile(c, who, "goods", func(ctx context.Context, w io.Writer, o sheets.StoreSheet, check func(int) error) error {
		_, err := sheets.Goods(ctx, w, o, s.Stores.EachGoods(ctx, f), check)
		return err
	})
}

func (s *Server) article(c *fiber.Ctx) (stores.Goods, error) {
	return s.Stores.Goods(c.UserContext(), stores.ParseID[stores.GoodsID](c.Params("id")))
}

func articleDraft(g *stores.Goods) stores.GoodsDraft {
	return stores.GoodsDraft{Barcode: g.Barcode, Name: g.Name, Unit: g.Unit, Price: admin.YuanInput(g.Price), Minimum: blankZero(int(g.Minimum))}
}

// handleArticle is one article.
func (s *Server) handleArticle(c *fiber.Ctx, who *signedIn) error {
	g, err := s.article(c)
	if err != nil {
		return err
	}
	return s.showArticle(c, who, fiber.StatusOK, ui.Errors{}, &admin.Article{Goods: g, Draft: articleDraft(&g)})
}

func (s *Server) showArticle(c *fiber.Ctx, who *signedIn, status int, errs ui.Errors, m *admin.Article) (err error) {
	ctx := c.UserContext()
	g := &m.Goods
	if m.Shop, err = s.shopOf(c, who, g.Account, g.Name, errs); err != nil {
		return err
	}
	if m.Levels, err = s.Stores.LevelsOf(ctx, g.ID); err != nil {
		return err
	}
	for _, l := range m.Levels {
		m.Stock += l.Quantity
	}
	page, err := s.Stores.Movements(ctx, stores.MovementFilter{Account: g.Account, Goods: g.ID, Limit: 10})
	if err != nil {
		return err
	}
	m.Movements = page.Rows
	if m.Form.Key == "" {
		m.Form = admin.MoveForm{Key: randomText(16), Kind: "in"}
	}
	m.Form.Goods, m.Form.Fixed, m.Form.Back = g.Barcode, true, admin.ArticlePath(g.ID)
	if m.Form.Places, err = s.Stores.Places(ctx, g.Account); err != nil {
		return err
	}
	return render(c, status, admin.ArticlePage(m))
}

func (s *Server) handleArticleEdit(c *fiber.Ctx, who *signedIn) error {
	g, err := s.article(c)
	if err != nil {
		return err
	}
	d := typedGoods(c)
	if err := s.Stores.EditGoods(c.UserContext(), who.keeper(c), g.ID, d); err != nil {
		return again(c, err, func(status int, errs ui.Errors) error {
			return s.showArticle(c, who, status, errs, &admin.Article{Goods: g, Draft: d})
		})
	}
	s.flash(c, "success", "stores.done.saved")
	return seeOther(c, admin.ArticlePath(g.ID))
}

func (s *Server) handleArticleArchive(c *fiber.Ctx, who *signedIn) error {
	g, err := s.article(c)
	if err != nil {
		return err
	}
	off, done := c.FormValue("to") == "off", "stores.done.restored"
	if off {
		done = "stores.done.archived"
	}
	if err := s.Stores.ArchiveGoods(c.UserContext(), who.keeper(c), g.ID, off); err != nil {
		return err
	}
	s.flash(c, "success", done)
	return seeOther(c, admin.ArticlePath(g.ID))
}

// handleArticlePicture is the article's picture.
func (s *Server) handleArticlePicture(c *fiber.Ctx, _ *signedIn) error {
	g, err := s.article(c)
	if err != nil {
		return err
	}
	content, err := s.Stores.Picture(c.UserContext(), g.Picture)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, http.DetectContentType(content))
	return c.Send(content)
}

// handleArticlePictureSet stores an uploaded picture, or takes it away (op drop).
func (s *Server) handleArticlePictureSet(c *fiber.Ctx, who *signedIn) error {
	g, err := s.article(c)
	if err != nil {
		return err
	}
	if c.FormValue("op") == "drop" {
		err = s.Stores.DropPicture(c.UserContext(), who.keeper(c), g.ID)
	} else {
		err = s.setPicture(c, who, g.ID)
	}
	if err != nil {
		return again(c, err, func(status int, errs ui.Errors) error {
			return s.showArticle(c, who, status, errs, &admin.Article{Goods: g, Draft: articleDraft(&g)})
		})
	}
	s.flash(c, "success", "stores.done.saved")
	return seeOther(c, admin.ArticlePath(g.ID))
}

func (s *Server) setPicture(c *fiber.Ctx, who *signedIn, id stores.GoodsID) error {
	upload, err := c.FormFile("picture")
	if err != nil || upload.Size > stores.MaxPicture {
		return stores.ErrPicture.Because(err)
	}
	file, err := upload.Open()
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	return s.Stores.SetPicture(c.UserContext(), who.keeper(c), id, content)
}
