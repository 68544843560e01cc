package stores

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kaquan/fault"
)

// Kind is why stock changed.
type Kind string

// The kinds. In and TransferIn are more, Out, TransferOut and Redeem are less; Count and Undo
// are either.
const (
	In          Kind = "in"
	Out         Kind = "out"
	TransferOut Kind = "transfer_out"
	TransferIn  Kind = "transfer_in"
	Counted     Kind = "count"
	Redeem      Kind = "redeem"
	Undo        Kind = "undo"
)

// Kinds lists every kind in the order of the screens.
func Kinds() []Kind { return []Kind{In, Out, TransferOut, TransferIn, Counted, Redeem, Undo} }

// fits reports whether a movement of the kind may have the quantity.
func (k Kind) fits(quantity int64) bool {
	switch k {
	case In, TransferIn:
		return quantity > 0
	case Out, TransferOut, Redeem:
		return quantity < 0
	case Counted, Undo:
		return quantity != 0
	}
	return false
}

// Move asks for one movement. The database applies it inside any transaction, so that another
// write, as redeeming a card, stands or falls with it.
type Move struct {
	Account  AccountID
	Place    PlaceID
	Goods    GoodsID
	Kind     Kind
	Quantity int64 // signed: less is negative
	Reason   string
	By       Actor
	Claim    ClaimID    // the card that was redeemed, 0 = none
	Peer     PlaceID    // the other place of a transfer
	Undoes   MovementID // the movement that this one takes back; at most one may
	Key      string     // of the request, unique: a repeat gives the first movement again
	At       time.Time
}

// Check tells what is wrong with the request itself.
func (m *Move) Check() error {
	var problems fault.List
	if m.Place == 0 {
		problems = append(problems, invalid("place", "choose"))
	}
	if m.Goods == 0 {
		problems = append(problems, invalid("goods", "choose"))
	}
	if !m.Kind.fits(m.Quantity) || m.Quantity > MaxQuantity || m.Quantity < -MaxQuantity {
		problems = append(problems, invalid("quantity", "quantity", "max", MaxQuantity))
	}
	line(&problems, "reason", &m.Reason, maxReason, false)
	if m.Key == "" || len(m.Key) > maxKey || !utf8.ValidString(m.Key) {
		problems = append(problems, invalid("key", "key"))
	}
	return problems.OrNil()
}

const (
	maxReason = 100
	maxKey    = 120
)

// Movement is one line of the log. It never changes.
type Movement struct {
	ID       MovementID
	Account  AccountID
	Place    PlaceID
	Goods    GoodsID
	Kind     Kind
	Quantity int64
	Before   int64 // stock of the place before
	After    int64 // Before + Quantity, never negative
	Reason   string
	Staff    StaffID // 0 = somebody in the admin
	By       string  // name, as it was then
	Claim    ClaimID
	Peer     PlaceID
	Undoes   MovementID
	Key      string
	At       time.Time
}

// Does reports whether the movement is what the request asks for; two requests with one key
// must be the same.
func (m *Movement) Does(r *Move) bool {
	return m.Account == r.Account && m.Place == r.Place && m.Goods == r.Goods && m.Kind == r.Kind && m.Quantity == r.Quantity && m.Claim == r.Claim && m.Undoes == r.Undoes
}

// MovementRow is a movement with the names that a list shows.
type MovementRow struct {
	Movement
	PlaceName string
	PeerName  string
	GoodsName string
	Barcode   string
	Unit      string
	Undone    bool // another movement took it back
}

// CanUndo reports whether Undo takes the movement back: goods that came, went or were moved. A
// redeemed card is undone where it was redeemed, a count by another count.
func (r *MovementRow) CanUndo() bool {
	return !r.Undone && slices.Contains([]Kind{In, Out, TransferOut, TransferIn}, r.Kind)
}

// MovementFilter selects movements of an account; zero values do not filter.
type MovementFilter struct {
	Account AccountID
	Place   PlaceID
	Goods   GoodsID
	Kind    Kind
	By      string // the whole name of who did it
	From    time.Time
	To      time.Time // not included
	After   string    // the cursor that the page before gave
	Limit   int       // 0 = 50
}

// MovementPage is a page of movements, the newest first; Next is the cursor of the one after.
type MovementPage struct {
	Rows []MovementRow
	Next string
}

// Cursor is where a page of movements ended.
type Cursor struct {
	At time.Time
	ID MovementID
}

func (c Cursor) String() string { return base36(c.At.UnixMilli()) + "." + c.ID.String() }

// ParseCursor reads what String made; false when it is none.
func ParseCursor(s string) (Cursor, bool) {
	ms, id, ok := strings.Cut(s, ".")
	n, err := strconv.ParseInt(ms, 36, 64)
	c := Cursor{At: time.UnixMilli(n).UTC(), ID: ParseID[MovementID](id)}
	return c, ok && err == nil && n > 0 && c.ID > 0
}

// Move books one movement: in, out, or one for a card (Claim). A repeat with the same key gives
// the first one again. NotEnough, ErrPlaceNotFound, ErrPlaceDisabled, ErrGoodsNotFound,
// ErrGoodsArchived, ErrKeyReused.
func (s *Service) Move(ctx context.Context, m Move) (Movement, error) {
	m.At = s.Now()
	if err := m.Check(); err != nil {
		return Movement{}, err
	}
	booked, err := s.store.Move(ctx, []Move{m}, s.audit(m.By, "stores.move", "kind", m.Kind, "quantity", m.Quantity))
	if err != nil {
		return Movement{}, err
	}
	return booked[0], nil
}

// Transfer moves stock from one place to another.
type Transfer struct {
	Account  AccountID
	From, To PlaceID
	Goods    GoodsID
	Quantity int64 // positive
	Reason   string
	By       Actor
	Key      string
}

// Transfer books both movements or none. Errors as of Move, and ErrSamePlace. A repeat with the
// same key is safe.
func (s *Service) Transfer(ctx context.Context, t Transfer) (out, in Movement, err error) {
	if t.To == 0 {
		return out, in, invalid("to", "choose")
	}
	if t.From == t.To {
		return out, in, ErrSamePlace
	}
	if t.Quantity <= 0 || len(t.Key) > maxKey-4 {
		return out, in, invalid("quantity", "quantity", "max", MaxQuantity)
	}
	key := func(leg string) string {
		if t.Key == "" {
			return ""
		}
		return t.Key + leg
	}
	moves := []Move{
		{Account: t.Account, Place: t.From, Peer: t.To, Goods: t.Goods, Kind: TransferOut, Quantity: -t.Quantity, Reason: t.Reason, By: t.By, Key: key("/out"), At: s.Now()},
		{Account: t.Account, Place: t.To, Peer: t.From, Goods: t.Goods, Kind: TransferIn, Quantity: t.Quantity, Reason: t.Reason, By: t.By, Key: key("/in"), At: s.Now()},
	}
	for i := range moves {
		if err := moves[i].Check(); err != nil {
			return out, in, err
		}
	}
	booked, err := s.store.Move(ctx, moves, s.audit(t.By, "stores.transfer", "quantity", t.Quantity))
	if err != nil {
		return out, in, err
	}
	return booked[0], booked[1], nil
}

// Undo takes a movement back with new ones; of a transfer both. ErrUndone when that has
// happened, ErrNoUndo for kinds that are undone elsewhere, NotEnough when the stock went on.
func (s *Service) Undo(ctx context.Context, by Actor, id MovementID, reason string) ([]Movement, error) {
	var problems fault.List
	if line(&problems, "reason", &reason, maxReason, false); len(problems) > 0 {
		return nil, problems
	}
	return s.store.UndoMovement(ctx, id, by, reason, s.audit(by, "stores.undo"))
}

// Movement finds one; ErrMovementNotFound.
func (s *Service) Movement(ctx context.Context, id MovementID) (MovementRow, error) {
	return s.store.Movement(ctx, id)
}

// Movements is a page of the log, the newest first.
func (s *Service) Movements(ctx context.Context, f MovementFilter) (MovementPage, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	limit := f.Limit
	f.Limit++
	rows, err := s.store.Movements(ctx, f)
	if err != nil {
		return MovementPage{}, err
	}
	page := MovementPage{Rows: rows}
	if len(rows) > limit {
		page.Rows = rows[:limit]
		last := &rows[limit-1]
		page.Next = Cursor{At: last.At, ID: last.ID}.String()
	}
	return page, nil
}

// EachMovement streams everything that the filter selects, for exports.
func (s *Service) EachMovement(ctx context.Context, f MovementFilter) iter.Seq2[MovementRow, error] {
	f.After, f.Limit = "", 1000
	return func(yield func(MovementRow, error) bool) {
		for {
			page, err := s.Movements(ctx, f)
			if err != nil {
				yield(MovementRow{}, err)
				return
			}
			for _, row := range page.Rows {
				if !yield(row, nil) {
					return
				}
			}
			if f.After = page.Next; f.After == "" {
				return
			}
		}
	}
}

// StockDraft is a row of a list of movements that somebody uploads: what came in, or with a
// minus went out.
type StockDraft struct {
	PlaceCode string
	Barcode   string
	Quantity  string
	Reason    string
	Row       int
}

// MaxStockRows bounds such a list: all of it is one transaction.
const MaxStockRows = 5000

// ImportStock books all rows or none; what is wrong comes back as RowErrors. With dry nothing is
// booked, and whether enough is there is not looked at. key makes a repeat safe.
func (s *Service) ImportStock(ctx context.Context, by Actor, account AccountID, key string, drafts []StockDraft, dry bool) (int, error) {
	if len(drafts) > MaxStockRows {
		return 0, invalid("file", "rows", "max", MaxStockRows)
	}
	places, err := s.store.Places(ctx, account)
	if err != nil {
		return 0, err
	}
	goods, err := s.store.GoodsCodes(ctx, account)
	if err != nil {
		return 0, err
	}
	byCode := map[string]PlaceID{}
	for i := range places {
		byCode[foldCode(places[i].Code)], byCode[foldCode(places[i].Name)] = places[i].ID, places[i].ID
	}
	var wrong RowErrors
	moves := make([]Move, 0, len(drafts))
	for i := range drafts {
		d := &drafts[i]
		g := goods[foldCode(d.Barcode)]
		m := Move{Account: account, Place: byCode[foldCode(d.PlaceCode)], Goods: g.ID, Kind: In, Reason: d.Reason, By: by, Key: key + "/" + strconv.Itoa(d.Row), At: s.Now()}
		digits, less := strings.CutPrefix(strings.TrimSpace(d.Quantity), "-")
		m.Quantity, err = ParseQuantity(digits)
		if less {
			m.Kind, m.Quantity = Out, -m.Quantity
		}
		if err != nil {
			wrong.add(d.Row, err)
			continue
		}
		if err := m.Check(); err != nil {
			wrong.add(d.Row, err)
			continue
		}
		moves = append(moves, m)
	}
	if err := wrong.orNil(); err != nil {
		return 0, err
	}
	if dry || len(moves) == 0 {
		return len(moves), nil
	}
	booked, err := s.store.Move(ctx, moves, s.audit(by, "stores.stock.import", "rows", len(moves)))
	if e := (*RowFault)(nil); asRowFault(err, &e) {
		wrong.add(drafts[e.Index].Row, e.Err)
		return 0, wrong
	}
	return len(booked), err
}

// Difference is a place and an article whose stock is not the sum of its movements; place 0 is
// all places together.
type Difference struct {
	Place      PlaceID
	Goods      GoodsID
	Level, Sum int64
}

// Verify compares every level of the account with the sum of its movements; levels is how many
// there are.
func (s *Service) Verify(ctx context.Context, account AccountID) (levels int, wrong []Difference, err error) {
	return s.store.VerifyStock(ctx, account)
}

// Level is the stock of an article at a place; 0 when it never was there.
func (s *Service) Level(ctx context.Context, place PlaceID, goods GoodsID) (int64, error) {
	return s.store.Level(ctx, place, goods)
}

// PlaceLevel is the stock of an article at one place.
type PlaceLevel struct {
	Place    PlaceID
	Name     string
	Kind     PlaceKind
	Disabled bool
	Quantity int64
}

// LevelsOf is the stock of an article at every place that ever had it.
func (s *Service) LevelsOf(ctx context.Context, goods GoodsID) ([]PlaceLevel, error) {
	return s.store.LevelsOf(ctx, goods)
}
