package web

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/fault"
	"kaquan/stores"
)

// movementUndo is how long a movement can be taken back on a phone; in the admin there is
// no end.
const movementUndo = 24 * time.Hour

// maxMiniQuantity is the most that one call moves.
const maxMiniQuantity = 1_000_000

type (
	miniMovement struct {
		ID        string `json:"id"`
		Kind      string `json:"kind"`
		Place     string `json:"place"`
		PlaceName string `json:"place_name"`
		PeerName  string `json:"peer_name"`
		Goods     string `json:"goods"`
		GoodsName string `json:"goods_name"`
		Barcode   string `json:"barcode"`
		Unit      string `json:"unit"`
		Quantity  int64  `json:"quantity"`
		Before    int64  `json:"before"`
		After     int64  `json:"after"`
		Reason    string `json:"reason"`
		By        string `json:"by"`
		At        string `json:"at"`
		Undone    bool   `json:"undone"`
		UndoUntil string `json:"undo_until"`
	}
	miniMoved struct {
		Movements []miniMovement `json:"movements"`
		Goods     *miniGoods     `json:"goods"`
	}
	miniCount struct {
		ID        string          `json:"id"`
		Place     string          `json:"place"`
		PlaceName string          `json:"place_name"`
		State     string          `json:"state"`
		By        string          `json:"by"`
		OpenedAt  string          `json:"opened_at"`
		Different int             `json:"different"`
		Lines     []miniCountLine `json:"lines"`
	}
	miniCountLine struct {
		Goods      string `json:"goods"`
		Name       string `json:"name"`
		Barcode    string `json:"barcode"`
		Unit       string `json:"unit"`
		Expected   int64  `json:"expected"`
		Seen       int64  `json:"seen"`
		Difference int64  `json:"difference"`
	}
)

// canUndo reports whether the member may take a movement back here: one's own, or a
// manager those of everybody.
func (s *miniStaff) canUndo(who *miniTill, r *stores.MovementRow) bool {
	return r.CanUndo() && (r.Staff == who.Staff.ID || who.Staff.Role.Manages()) && s.Stores.Now().Before(r.At.Add(movementUndo))
}

func (s *miniStaff) movementAnswer(who *miniTill, r *stores.MovementRow) miniMovement {
	a := miniMovement{
		ID: r.ID.String(), Kind: string(r.Kind), Place: r.Place.String(), PlaceName: r.PlaceName, PeerName: r.PeerName, Goods: r.Goods.String(), GoodsName: r.GoodsName,
		Barcode: r.Barcode, Unit: r.Unit, Quantity: r.Quantity, Before: r.Before, After: r.After, Reason: r.Reason, By: r.By, At: stamp(r.At), Undone: r.Undone,
	}
	if s.canUndo(who, r) {
		a.UndoUntil = stamp(r.At.Add(movementUndo))
	}
	return a
}

func (s *miniStaff) movementAnswers(c *fiber.Ctx, who *miniTill, booked []stores.Movement) ([]miniMovement, error) {
	list := make([]miniMovement, 0, len(booked))
	for i := range booked {
		row, err := s.Stores.Movement(c.UserContext(), booked[i].ID)
		if err != nil {
			return nil, err
		}
		list = append(list, s.movementAnswer(who, &row))
	}
	return list, nil
}

// sendMoved answers with what was booked and the article's stock after it.
func (s *miniStaff) sendMoved(c *fiber.Ctx, who *miniTill, status int, booked []stores.Movement) error {
	list, err := s.movementAnswers(c, who, booked)
	if err != nil {
		return err
	}
	g, err := s.Stores.Goods(c.UserContext(), booked[0].Goods)
	if err != nil {
		return err
	}
	goods, err := s.goodsAnswer(c, &g, booked[0].Place)
	if err != nil {
		return err
	}
	return sendJSON(c, status, miniMoved{list, goods})
}

var (
	errMoveKind     = fault.New(fault.Invalid, "stores.error.choose").On("kind")
	errMoveQuantity = fault.New(fault.Invalid, "stores.error.quantity", "max", maxMiniQuantity).On("quantity")
)

// handleMove books stock in, out, or from one place to another.
func (s *miniStaff) handleMove(c *fiber.Ctx, who *miniTill) error {
	ctx := c.UserContext()
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	key, err := who.key(c, &in)
	if err != nil {
		return err
	}
	place, err := s.placeID(c, who, in.text("place"))
	if err != nil {
		return err
	}
	g, err := s.article(c, who, in.text("goods"))
	if err != nil {
		return err
	}
	quantity, ok := whole(in.text("quantity"))
	if !ok || quantity < 1 || quantity > maxMiniQuantity {
		return errMoveQuantity
	}
	// Every kind has a movement under this key, so that a key of another kind is noticed.
	const leg = "/out"
	move := stores.Move{Account: who.Staff.Account, Place: place, Goods: g.ID, Quantity: quantity, Reason: in.text("reason"), By: who.Staff.Actor(who.IP), Key: key + leg}
	var booked []stores.Movement
	switch in.text("kind") {
	case "in":
		move.Kind = stores.In
		booked, err = one(s.Stores.Move(ctx, move))
	case "out":
		move.Kind, move.Quantity = stores.Out, -quantity
		booked, err = one(s.Stores.Move(ctx, move))
	case "move":
		var to stores.PlaceID
		if in.text("to") != "" {
			if to, err = s.placeID(c, who, in.text("to")); err != nil {
				return stores.ErrPlaceNotFound.On("to")
			}
		}
		var less, more stores.Movement
		less, more, err = s.Stores.Transfer(ctx, stores.Transfer{
			Account: move.Account, From: place, To: to, Goods: g.ID, Quantity: quantity, Reason: move.Reason, By: move.By, Key: strings.TrimSuffix(move.Key, leg),
		})
		booked = []stores.Movement{less, more}
	default:
		return errMoveKind
	}
	if err != nil {
		return stockProblem(err)
	}
	return s.sendMoved(c, who, who.status(booked[0].At), booked)
}

func one(m stores.Movement, err error) ([]stores.Movement, error) { return []stores.Movement{m}, err }

// handleMovements lists the log, the newest first.
func (s *miniStaff) handleMovements(c *fiber.Ctx, who *miniTill) error {
	f := stores.MovementFilter{Account: who.Staff.Account, Goods: stores.ParseID[stores.GoodsID](c.Query("goods")), After: oneLine(c.Query("after"), 40)}
	if text := c.Query("place"); text != "" {
		place, err := s.placeID(c, who, text)
		if err != nil {
			return err
		}
		f.Place = place
	}
	if kind := stores.Kind(c.Query("kind")); slices.Contains(stores.Kinds(), kind) {
		f.Kind = kind
	}
	if c.Query("mine") == "1" {
		f.By = who.Staff.Name
	}
	page, err := s.Stores.Movements(c.UserContext(), f)
	if err != nil {
		return err
	}
	list := make([]miniMovement, 0, len(page.Rows))
	for i := range page.Rows {
		list = append(list, s.movementAnswer(who, &page.Rows[i]))
	}
	return sendJSON(c, fiber.StatusOK, struct {
		Movements []miniMovement `json:"movements"`
		Next      string         `json:"next"`
	}{list, page.Next})
}

// handleMovementUndo writes the opposite of a movement; of a transfer both.
func (s *miniStaff) handleMovementUndo(c *fiber.Ctx, who *miniTill) error {
	ctx := c.UserContext()
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	row, err := s.Stores.Movement(ctx, stores.ParseID[stores.MovementID](c.Params("id")))
	switch {
	case err == nil && row.Account != who.Staff.Account:
		return stores.ErrMovementNotFound
	case err != nil:
		return err
	case row.Undone:
		return stores.ErrUndone
	case !s.canUndo(who, &row):
		return stores.ErrNoUndo
	}
	booked, err := s.Stores.Undo(ctx, who.Staff.Actor(who.IP), row.ID, in.text("reason"))
	if err != nil {
		return stockProblem(err)
	}
	slices.SortStableFunc(booked, func(a, b stores.Movement) int { // the side that was asked about comes first
		switch row.Place {
		case a.Place:
			return -1
		case b.Place:
			return 1
		}
		return 0
	})
	return s.sendMoved(c, who, fiber.StatusCreated, booked)
}

// count is a count of the member's account as its answer.
func (s *miniStaff) count(c *fiber.Ctx, who *miniTill, id stores.CountID) (*miniCount, error) {
	ctx := c.UserContext()
	count, lines, err := s.Stores.Count(ctx, id)
	if err == nil && count.Account != who.Staff.Account {
		err = stores.ErrCountNotFound
	}
	if err != nil {
		return nil, err
	}
	place, err := s.Stores.Place(ctx, count.Place)
	if err != nil {
		return nil, err
	}
	a := &miniCount{
		ID: count.ID.String(), Place: count.Place.String(), PlaceName: place.Name, State: string(count.State), By: count.By, OpenedAt: stamp(count.OpenedAt),
		Different: count.Different, Lines: make([]miniCountLine, 0, len(lines)),
	}
	for i := range lines {
		l := &lines[i]
		a.Lines = append(a.Lines, miniCountLine{l.Goods.String(), l.GoodsName, l.Barcode, l.Unit, l.Expected, l.Seen, l.Difference()})
	}
	return a, nil
}

func (s *miniStaff) sendCount(c *fiber.Ctx, who *miniTill, status int, id stores.CountID) error {
	count, err := s.count(c, who, id)
	if err != nil {
		return err
	}
	return sendJSON(c, status, struct {
		Count *miniCount `json:"count"`
	}{count})
}

// handleCountOpen starts a count, or answers with the one that is open at the place.
func (s *miniStaff) handleCountOpen(c *fiber.Ctx, who *miniTill) error {
	ctx := c.UserContext()
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	if _, err := who.key(c, &in); err != nil {
		return err
	}
	place, err := s.placeID(c, who, in.text("place"))
	if err != nil {
		return err
	}
	count, err := s.Stores.OpenCount(ctx, who.Staff.Actor(who.IP), place)
	if !errors.Is(err, stores.ErrCountOpen) {
		if err != nil {
			return err
		}
		return s.sendCount(c, who, fiber.StatusCreated, count.ID)
	}
	list, e := s.Stores.Counts(ctx, who.Staff.Account, 200)
	if e != nil {
		return e
	}
	i := slices.IndexFunc(list, func(x stores.Count) bool { return x.Place == place && x.State == stores.CountOpen })
	if i < 0 {
		return err // it was closed this moment
	}
	return s.sendCount(c, who, fiber.StatusOK, list[i].ID)
}

func (s *miniStaff) handleCount(c *fiber.Ctx, who *miniTill) error {
	return s.sendCount(c, who, fiber.StatusOK, countID(c))
}

// handleCountSeen notes how many of an article are there.
func (s *miniStaff) handleCountSeen(c *fiber.Ctx, who *miniTill) error {
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	if _, err := s.count(c, who, countID(c)); err != nil {
		return err
	}
	g, err := s.article(c, who, in.text("goods"))
	if err != nil {
		return err
	}
	seen, ok := whole(in.text("seen"))
	if !ok || seen < 0 || seen > stores.MaxQuantity {
		return errMoveQuantity.On("seen")
	}
	if err := s.Stores.SetSeen(c.UserContext(), countID(c), g.ID, seen); err != nil {
		return err
	}
	return s.sendCount(c, who, fiber.StatusOK, countID(c))
}

func (s *miniStaff) handleCountDrop(c *fiber.Ctx, who *miniTill) error {
	if _, err := s.count(c, who, countID(c)); err != nil {
		return err
	}
	if err := s.Stores.DropSeen(c.UserContext(), countID(c), stores.ParseID[stores.GoodsID](c.Params("goods"))); err != nil {
		return err
	}
	return s.sendCount(c, who, fiber.StatusOK, countID(c))
}

// handleCountClose books every difference.
func (s *miniStaff) handleCountClose(c *fiber.Ctx, who *miniTill) error {
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	if _, err := s.count(c, who, countID(c)); err != nil {
		return err
	}
	booked, err := s.Stores.CloseCount(c.UserContext(), who.Staff.Actor(who.IP), countID(c), oneLine(in.text("reason"), 60))
	if err != nil {
		return stockProblem(err)
	}
	list, err := s.movementAnswers(c, who, booked)
	if err != nil {
		return err
	}
	count, err := s.count(c, who, countID(c))
	if err != nil {
		return err
	}
	return sendJSON(c, fiber.StatusOK, struct {
		Count     *miniCount     `json:"count"`
		Movements []miniMovement `json:"movements"`
	}{count, list})
}

func (s *miniStaff) handleCountCancel(c *fiber.Ctx, who *miniTill) error {
	if _, err := s.count(c, who, countID(c)); err != nil {
		return err
	}
	if err := s.Stores.CancelCount(c.UserContext(), who.Staff.Actor(who.IP), countID(c)); err != nil {
		return err
	}
	return s.sendCount(c, who, fiber.StatusOK, countID(c))
}
