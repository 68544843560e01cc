package stores

import (
	"context"
	"slices"
	"strings"
	"time"

	"kaquan/fault"
)

// PlaceKind tells a shop from a room for stock.
type PlaceKind string

// The kinds.
const (
	ShopKind  PlaceKind = "store"     // 门店: cards are redeemed here
	StockKind PlaceKind = "warehouse" // 仓库
)

// PlaceKinds lists them in the order of the screens.
func PlaceKinds() []PlaceKind { return []PlaceKind{ShopKind, StockKind} }

// Place is a store or a warehouse; both hold stock. Parent makes a tree, 0 is its root.
type Place struct {
	ID        PlaceID
	Account   AccountID
	Parent    PlaceID
	Kind      PlaceKind
	Code      string // unique in the account, without regard to case
	Name      string // unique in the account
	Address   string
	Phone     string
	Disabled  bool
	CreatedAt time.Time
}

// The bounds.
const (
	MaxPlaces  = 1000 // of an account
	MaxDepth   = 5    // of the tree
	maxName    = 60
	maxCode    = 20
	maxAddress = 120
	maxPhone   = 30
)

// PlaceDraft is what somebody types about a place.
type PlaceDraft struct {
	Parent  PlaceID
	Kind    PlaceKind
	Code    string
	Name    string
	Address string
	Phone   string
}

func (d *PlaceDraft) clean() error {
	var problems fault.List
	if !slices.Contains(PlaceKinds(), d.Kind) {
		problems = append(problems, invalid("kind", "choose"))
	}
	line(&problems, "name", &d.Name, maxName, true)
	line(&problems, "code", &d.Code, maxCode, true)
	d.Code = strings.ToUpper(d.Code)
	if strings.ContainsFunc(d.Code, func(r rune) bool { return !codeSign(r) }) {
		problems = append(problems, invalid("code", "code_signs"))
	}
	line(&problems, "address", &d.Address, maxAddress, false)
	line(&problems, "phone", &d.Phone, maxPhone, false)
	return problems.OrNil()
}

func codeSign(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '-' || r == '_' || r == '.'
}

func (p *Place) take(d *PlaceDraft) {
	p.Parent, p.Kind, p.Code, p.Name, p.Address, p.Phone = d.Parent, d.Kind, d.Code, d.Name, d.Address, d.Phone
}

// PlaceRow is a place with what hangs on it.
type PlaceRow struct {
	Place
	Depth int // in the tree; 0 = at the root
	Staff int // who may sign in
}

// PlaceStock sums up what a place holds.
type PlaceStock struct {
	Articles int   // goods with stock
	Pieces   int64 // sum of all levels
}

// PlaceStocks sums up what each of the account's places holds; a place that holds nothing is
// not there.
func (s *Service) PlaceStocks(ctx context.Context, account AccountID) (map[PlaceID]PlaceStock, error) {
	return s.store.PlaceStocks(ctx, account)
}

// Places lists the account's places as a tree: parents first, children below them, siblings
// by name.
func (s *Service) Places(ctx context.Context, account AccountID) ([]PlaceRow, error) {
	list, err := s.store.Places(ctx, account)
	if err != nil {
		return nil, err
	}
	below := map[PlaceID][]PlaceRow{}
	known := map[PlaceID]bool{}
	for _, p := range list {
		known[p.ID] = true
	}
	for _, p := range list {
		parent := p.Parent
		if !known[parent] {
			parent = 0
		}
		below[parent] = append(below[parent], p)
	}
	tree := make([]PlaceRow, 0, len(list))
	var walk func(parent PlaceID, depth int)
	walk = func(parent PlaceID, depth int) {
		for _, p := range below[parent] {
			p.Depth = depth
			tree = append(tree, p)
			walk(p.ID, depth+1)
		}
	}
	walk(0, 0)
	return tree, nil
}

// Place finds a place; ErrPlaceNotFound.
func (s *Service) Place(ctx context.Context, id PlaceID) (Place, error) {
	return s.store.Place(ctx, id)
}

// CreatePlace stores a new place. ErrCodeTaken, ErrNameTaken, ErrParent, ErrTooMany. Code and
// name make a repeat harmless: it is refused.
func (s *Service) CreatePlace(ctx context.Context, by Actor, account AccountID, d PlaceDraft) (Place, error) {
	if err := d.clean(); err != nil {
		return Place{}, err
	}
	now := s.Now()
	p := Place{ID: PlaceID(s.ids.next(now)), Account: account, CreatedAt: now}
	p.take(&d)
	return p, s.store.CreatePlace(ctx, p, s.audit(by, "stores.place.create", "name", p.Name))
}

// EditPlace changes a place. Errors as of CreatePlace, and ErrPlaceNotFound. A repeat is safe.
func (s *Service) EditPlace(ctx context.Context, by Actor, id PlaceID, d PlaceDraft) error {
	if err := d.clean(); err != nil {
		return err
	}
	p, err := s.store.Place(ctx, id)
	if err != nil {
		return err
	}
	p.take(&d)
	return s.store.UpdatePlace(ctx, p, s.audit(by, "stores.place.edit", "name", p.Name))
}

// SwitchPlace disables a place or brings it back. A disabled place signs nobody in and takes
// no movements but corrections; its sessions end. A repeat is safe.
func (s *Service) SwitchPlace(ctx context.Context, by Actor, id PlaceID, off bool) error {
	return s.store.SwitchPlace(ctx, id, off, s.audit(by, "stores.place.switch", "off", off))
}
