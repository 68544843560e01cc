package web

import (
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"kaquan/mini"
	"kaquan/stores"
)

type (
	miniPlace struct {
		ID     string `json:"id"`
		Parent string `json:"parent"`
		Depth  int    `json:"depth"`
		Kind   string `json:"kind"`
		Code   string `json:"code"`
		Name   string `json:"name"`
	}
	miniGoods struct {
		ID      string `json:"id"`
		Barcode string `json:"barcode"`
		Name    string `json:"name"`
		Unit    string `json:"unit"`
		Price   int64  `json:"price"` // fen
		Minimum int64  `json:"minimum"`
		Stock   int64  `json:"stock"`
		Total   int64  `json:"total"`
		Low     bool   `json:"low"`
		Picture string `json:"picture"`
	}
	miniLevel struct {
		Place string `json:"place"`
		Name  string `json:"name"`
		Kind  string `json:"kind"`
		Stock int64  `json:"stock"`
	}
	miniGoodsAnswer struct {
		Goods *miniGoods `json:"goods"`
	}
)

func placeAnswer(p *stores.PlaceRow) miniPlace {
	a := miniPlace{ID: p.ID.String(), Depth: p.Depth, Kind: string(p.Kind), Code: p.Code, Name: p.Name}
	if p.Parent != 0 {
		a.Parent = p.Parent.String()
	}
	return a
}

// handlePlaces is the tree of places; those that are disabled are left out, and what stood
// below them has no parent.
func (s *miniStaff) handlePlaces(c *fiber.Ctx, who *miniTill) error {
	list, err := s.Stores.Places(c.UserContext(), who.Staff.Account)
	if err != nil {
		return err
	}
	there, answer := map[stores.PlaceID]bool{}, make([]miniPlace, 0, len(list))
	for i := range list {
		if list[i].Disabled {
			continue
		}
		there[list[i].ID] = true
		one := placeAnswer(&list[i])
		if !there[list[i].Parent] {
			one.Parent = ""
		}
		answer = append(answer, one)
	}
	return sendJSON(c, fiber.StatusOK, struct {
		Places []miniPlace `json:"places"`
	}{answer})
}

// placeID is a place of the member's account by what a call names; the own one for "".
func (s *miniStaff) placeID(c *fiber.Ctx, who *miniTill, text string) (stores.PlaceID, error) {
	id := stores.ParseID[stores.PlaceID](text)
	if text == "" || id == who.Place.ID {
		return who.Place.ID, nil
	}
	p, err := s.Stores.Place(c.UserContext(), id)
	if err == nil && p.Account != who.Staff.Account {
		err = stores.ErrPlaceNotFound
	}
	return p.ID, err
}

// article is an article of the member's account.
func (s *miniStaff) article(c *fiber.Ctx, who *miniTill, text string) (stores.Goods, error) {
	g, err := s.Stores.Goods(c.UserContext(), stores.ParseID[stores.GoodsID](text))
	if err == nil && g.Account != who.Staff.Account {
		err = stores.ErrGoodsNotFound
	}
	return g, err
}

func (s *miniStaff) goodsRow(c *fiber.Ctx, r *stores.GoodsRow, place stores.PlaceID) (*miniGoods, error) {
	stock, err := s.Stores.Level(c.UserContext(), place, r.ID)
	a := &miniGoods{
		ID: r.ID.String(), Barcode: r.Barcode, Name: r.Name, Unit: r.Unit, Price: r.Price, Minimum: r.Minimum, Stock: stock, Total: r.Stock, Low: r.Low(),
	}
	if r.Picture != "" {
		a.Picture = s.PublicURL + "/mini/v1/staff/pictures/" + r.Picture
	}
	return a, err
}

// goodsAnswer is an article with its stock at a place and at all.
func (s *miniStaff) goodsAnswer(c *fiber.Ctx, g *stores.Goods, place stores.PlaceID) (*miniGoods, error) {
	levels, err := s.Stores.LevelsOf(c.UserContext(), g.ID)
	if err != nil {
		return nil, err
	}
	row := stores.GoodsRow{Goods: *g}
	for i := range levels {
		row.Stock += levels[i].Quantity
	}
	return s.goodsRow(c, &row, place)
}

// handleGoods lists articles by name.
func (s *miniStaff) handleGoods(c *fiber.Ctx, who *miniTill) error {
	place, err := s.placeID(c, who, c.Query("place"))
	if err != nil {
		return err
	}
	page, err := s.Stores.GoodsList(c.UserContext(), stores.GoodsFilter{
		Account: who.Staff.Account, Search: oneLine(c.Query("q"), 60), Low: c.Query("low") == "1", After: oneLine(c.Query("after"), 20),
	})
	if err != nil {
		return err
	}
	list := make([]*miniGoods, 0, len(page.Rows))
	for i := range page.Rows {
		one, err := s.goodsRow(c, &page.Rows[i], place)
		if err != nil {
			return err
		}
		list = append(list, one)
	}
	return sendJSON(c, fiber.StatusOK, struct {
		Goods []*miniGoods `json:"goods"`
		Next  string       `json:"next"`
	}{list, page.Next})
}

// handleArticle is one article with its stock everywhere.
func (s *miniStaff) handleArticle(c *fiber.Ctx, who *miniTill) error {
	g, err := s.article(c, who, c.Params("id"))
	if err != nil {
		return err
	}
	place, err := s.placeID(c, who, c.Query("place"))
	if err != nil {
		return err
	}
	goods, err := s.goodsAnswer(c, &g, place)
	if err != nil {
		return err
	}
	levels, err := s.Stores.LevelsOf(c.UserContext(), g.ID)
	if err != nil {
		return err
	}
	list := make([]miniLevel, 0, len(levels))
	for _, l := range levels {
		list = append(list, miniLevel{l.Place.String(), l.Name, string(l.Kind), l.Quantity})
	}
	return sendJSON(c, fiber.StatusOK, struct {
		Goods  *miniGoods  `json:"goods"`
		Levels []miniLevel `json:"levels"`
	}{goods, list})
}

// goodsDraft is an article as a body has it. The room reads amounts as people type them.
func goodsDraft(in *miniInput) stores.GoodsDraft {
	d := stores.GoodsDraft{Barcode: in.text("barcode"), Name: in.text("name"), Unit: in.text("unit"), Price: in.text("price"), Minimum: in.text("minimum")}
	if fen, ok := whole(d.Price); ok && fen >= 0 {
		d.Price = fmt.Sprintf("%d.%02d", fen/100, fen%100)
	} else if d.Price != "" {
		d.Price = "-" // no amount in yuan, so that it is refused
	}
	return d
}

// handleGoodsNew makes an article.
func (s *miniStaff) handleGoodsNew(c *fiber.Ctx, who *miniTill) error {
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	g, err := s.Stores.CreateGoods(c.UserContext(), who.Staff.Actor(who.IP), who.Staff.Account, goodsDraft(&in))
	if err != nil {
		return err
	}
	goods, err := s.goodsAnswer(c, &g, who.Place.ID)
	if err != nil {
		return err
	}
	return sendJSON(c, fiber.StatusCreated, miniGoodsAnswer{goods})
}

// handleGoodsSave changes an article.
func (s *miniStaff) handleGoodsSave(c *fiber.Ctx, who *miniTill) error {
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	g, err := s.article(c, who, c.Params("id"))
	if err != nil {
		return err
	}
	if err := s.Stores.EditGoods(c.UserContext(), who.Staff.Actor(who.IP), g.ID, goodsDraft(&in)); err != nil {
		return err
	}
	if g, err = s.Stores.Goods(c.UserContext(), g.ID); err != nil {
		return err
	}
	goods, err := s.goodsAnswer(c, &g, who.Place.ID)
	if err != nil {
		return err
	}
	return sendJSON(c, fiber.StatusOK, miniGoodsAnswer{goods})
}

// handlePicture serves an article's picture; it is named by its content.
func (s *miniStaff) handlePicture(c *fiber.Ctx) error {
	content, err := s.Stores.Picture(c.UserContext(), c.Params("name"))
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, http.DetectContentType(content))
	c.Set(fiber.HeaderCacheControl, "private, max-age=86400")
	return c.Send(content)
}

// handleScene is what a channel's short code stands for. The scan is counted.
func (m *minis) handleScene(c *fiber.Ctx, _ *mini.Session) error {
	slug, channel, err := m.Campaigns.ShortLink(c.UserContext(), c.Params("short"))
	if err != nil {
		return err
	}
	return sendJSON(c, fiber.StatusOK, struct {
		Slug    string `json:"slug"`
		Channel string `json:"ch"`
	}{string(slug), channel})
}

// handleMeExport hands out everything that is stored about the person.
func (m *minis) handleMeExport(c *fiber.Ctx, who *mini.Session) error {
	ctx := c.UserContext()
	p, err := m.Campaigns.ExportProfile(ctx, who.Visitor)
	if err != nil {
		return err
	}
	account, err := m.Accounts.Account(ctx, who.Account)
	if err != nil {
		return err
	}
	data := exportOf(ctx, &meVisit{brand: account.Name}, p, m.Now().UTC())
	if data.Mini, err = m.miniData(ctx, who.Visitor); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="my-data-`+p.Alias()+`.json"`)
	return sendJSON(c, fiber.StatusOK, data)
}
