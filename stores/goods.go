package stores

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"kaquan/fault"
)

// Goods is an article that places hold. It can be what a card is exchanged for.
type Goods struct {
	ID        GoodsID
	Account   AccountID
	Barcode   string // unique in the account
	Name      string
	Unit      string // 件, 杯, 箱
	Price     int64  // fen
	Minimum   int64  // stock of all places below which it is low; 0 = never
	Picture   string // name of a stored picture (see SetPicture), "" = none
	Archived  bool
	CreatedAt time.Time
	UpdatedAt time.Time
}

// The bounds.
const (
	MaxGoods     = 100_000 // of an account
	MaxGoodsRows = 20_000  // of an import
	MaxPrice     = 1_000_000_00
	MaxQuantity  = 100_000_000 // of a movement and of a minimum
	maxBarcode   = 40
)

// GoodsDraft is what somebody types about an article. Row is of an import.
type GoodsDraft struct {
	Barcode string
	Name    string
	Unit    string // empty = 件
	Price   string // yuan: 12, 12.50; empty = 0
	Minimum string // empty = 0
	Row     int
}

// goods checks the draft and fills g.
func (d *GoodsDraft) goods(g *Goods) error {
	var problems fault.List
	d.Barcode = strings.ToUpper(strings.TrimSpace(d.Barcode))
	if d.Barcode == "" {
		problems = append(problems, invalid("barcode", "required"))
	} else if err := CheckBarcode(d.Barcode); err != nil {
		problems = append(problems, fault.All(err)...)
	}
	line(&problems, "name", &d.Name, maxName, true)
	line(&problems, "unit", &d.Unit, 10, false)
	if d.Unit == "" {
		d.Unit = "件"
	}
	price, err := ParseFen(d.Price)
	if err != nil || price > MaxPrice {
		problems = append(problems, invalid("price", "price"))
	}
	minimum, err := ParseQuantity(d.Minimum)
	if err != nil {
		problems = append(problems, invalid("minimum", "number"))
	}
	g.Barcode, g.Name, g.Unit, g.Price, g.Minimum = d.Barcode, d.Name, d.Unit, price, minimum
	return problems.OrNil()
}

// CheckBarcode takes a GTIN of 8, 12, 13 or 14 digits whose check digit fits, and any other
// code of up to 40 letters, digits and -_. ; ErrBarcode.
func CheckBarcode(code string) error {
	if code == "" || len(code) > maxBarcode || strings.ContainsFunc(code, func(r rune) bool { return !codeSign(r) }) {
		return ErrBarcode
	}
	if strings.Trim(code, "0123456789") != "" {
		return nil
	}
	switch len(code) {
	case 8, 12, 13, 14:
		sum := 0
		for i := range len(code) - 1 {
			weight := 1
			if (len(code)-i)%2 == 0 { // the digit before the check digit weighs 3
				weight = 3
			}
			sum += weight * int(code[i]-'0')
		}
		if (10-sum%10)%10 != int(code[len(code)-1]-'0') {
			return ErrBarcode
		}
	}
	return nil
}

// ParseFen reads an amount in yuan with at most two places as fen; nothing is 0.
func ParseFen(text string) (int64, error) {
	text = strings.NewReplacer(",", "", "，", "", "¥", "", "￥", "", "元", "", " ", "").Replace(text)
	if text == "" {
		return 0, nil
	}
	yuan, fen, point := strings.Cut(text, ".")
	if len(yuan) > 10 || len(fen) > 2 || point && fen == "" || strings.Trim(yuan+fen, "0123456789") != "" || yuan == "" {
		return 0, invalid("price", "price")
	}
	n, err := strconv.ParseInt(yuan+(fen + "00")[:2], 10, 64)
	return n, err
}

// ParseQuantity reads a whole number from 0 to MaxQuantity; nothing is 0.
func ParseQuantity(text string) (int64, error) {
	text = strings.NewReplacer(",", "", "，", "", " ", "").Replace(text)
	if text == "" {
		return 0, nil
	}
	if strings.Trim(text, "0123456789") != "" || len(text) > 12 {
		return 0, invalid("quantity", "number")
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n > MaxQuantity {
		return 0, invalid("quantity", "number")
	}
	return n, nil
}

// GoodsFilter selects goods of an account; zero values do not filter.
type GoodsFilter struct {
	Account  AccountID
	Search   string  // a whole barcode, its start, or a part of the name
	Low      bool    // stock of all places below the minimum
	Archived bool    // those that are archived, instead of the others
	Place    PlaceID // Stock is that of the place; only goods that were ever there
	After    string  // the cursor that the page before gave
	Limit    int     // 0 = 50
}

// GoodsRow is an article with its stock: of all places, or of the filter's.
type GoodsRow struct {
	Goods
	Stock int64
}

// Low reports that less than the minimum is there.
func (r *GoodsRow) Low() bool { return r.Minimum > 0 && r.Stock < r.Minimum }

// GoodsPage is a page of goods by name; Next is the cursor of the one after, "" at the end.
type GoodsPage struct {
	Rows []GoodsRow
	Next string
}

// GoodsList is a page of the account's goods, by name.
func (s *Service) GoodsList(ctx context.Context, f GoodsFilter) (GoodsPage, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	limit := f.Limit
	f.Limit++
	f.Search = strings.TrimSpace(f.Search)
	rows, err := s.store.GoodsList(ctx, f)
	if err != nil {
		return GoodsPage{}, err
	}
	page := GoodsPage{Rows: rows}
	if len(rows) > limit {
		page.Rows, page.Next = rows[:limit], rows[limit-1].ID.String()
	}
	return page, nil
}

// EachGoods streams everything that the filter selects, for exports.
func (s *Service) EachGoods(ctx context.Context, f GoodsFilter) iter.Seq2[GoodsRow, error] {
	f.After, f.Limit = "", 1000
	return func(yield func(GoodsRow, error) bool) {
		for {
			page, err := s.GoodsList(ctx, f)
			if err != nil {
				yield(GoodsRow{}, err)
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

// LowStock counts the goods of the account that are below their minimum.
func (s *Service) LowStock(ctx context.Context, account AccountID) (int, error) {
	return s.store.CountLow(ctx, account)
}

// Goods finds an article; ErrGoodsNotFound.
func (s *Service) Goods(ctx context.Context, id GoodsID) (Goods, error) {
	return s.store.Goods(ctx, id)
}

// GoodsByBarcode finds an article by what a scanner typed; ErrGoodsNotFound. A 12-digit UPC
// and the 13-digit EAN with a zero before it are the same.
func (s *Service) GoodsByBarcode(ctx context.Context, account AccountID, code string) (Goods, error) {
	code = strings.ToUpper(strings.TrimSpace(code))
	g, err := s.store.GoodsByBarcode(ctx, account, code)
	if fault.CodeOf(err) != fault.NotFound {
		return g, err
	}
	if short, zero := strings.CutPrefix(code, "0"); zero && len(code) == 13 {
		return s.store.GoodsByBarcode(ctx, account, short)
	}
	if len(code) == 12 {
		return s.store.GoodsByBarcode(ctx, account, "0"+code)
	}
	return g, err
}

// CreateGoods stores a new article. ErrBarcodeTaken, ErrTooMany. The barcode makes a repeat
// harmless.
func (s *Service) CreateGoods(ctx context.Context, by Actor, account AccountID, d GoodsDraft) (Goods, error) {
	now := s.Now()
	g := Goods{ID: GoodsID(s.ids.next(now)), Account: account, CreatedAt: now, UpdatedAt: now}
	if err := d.goods(&g); err != nil {
		return Goods{}, err
	}
	return g, s.store.SaveGoods(ctx, account, []Goods{g}, nil, s.audit(by, "stores.goods.create", "name", g.Name))
}

// EditGoods changes an article. ErrBarcodeTaken, ErrGoodsNotFound. A repeat is safe.
func (s *Service) EditGoods(ctx context.Context, by Actor, id GoodsID, d GoodsDraft) error {
	g, err := s.store.Goods(ctx, id)
	if err != nil {
		return err
	}
	if err := d.goods(&g); err != nil {
		return err
	}
	g.UpdatedAt = s.Now()
	return s.store.SaveGoods(ctx, g.Account, nil, []Goods{g}, s.audit(by, "stores.goods.edit", "name", g.Name))
}

// ArchiveGoods hides an article from lists and takes no more stock in, or brings it back. A
// repeat is safe.
func (s *Service) ArchiveGoods(ctx context.Context, by Actor, id GoodsID, off bool) error {
	return s.store.ArchiveGoods(ctx, id, off, s.audit(by, "stores.goods.archive", "off", off))
}

// ImportResult counts what an import did, or with dry would do.
type ImportResult struct {
	Added, Changed, Same int
}

// keep fills what a row leaves empty with what the article has, since many tables lack columns.
func (d *GoodsDraft) keep(old *Goods) {
	if d.Unit == "" {
		d.Unit = old.Unit
	}
	if d.Price == "" {
		d.Price = fmt.Sprintf("%d.%02d", old.Price/100, old.Price%100)
	}
	if d.Minimum == "" {
		d.Minimum = strconv.FormatInt(old.Minimum, 10)
	}
}

// ImportGoods stores new barcodes and changes known ones, of which empty cells change nothing:
// all rows or none. What is wrong comes back as RowErrors. With dry nothing is stored. A repeat
// is safe.
func (s *Service) ImportGoods(ctx context.Context, by Actor, account AccountID, drafts []GoodsDraft, dry bool) (ImportResult, error) {
	if len(drafts) > MaxGoodsRows {
		return ImportResult{}, invalid("file", "rows", "max", MaxGoodsRows)
	}
	known, err := s.store.GoodsCodes(ctx, account)
	if err != nil {
		return ImportResult{}, err
	}
	var (
		wrong        RowErrors
		result       ImportResult
		added, moved []Goods
		rows         = map[string]int{}
		now          = s.Now()
	)
	for i := range drafts {
		d := &drafts[i]
		g := Goods{Account: account, CreatedAt: now, UpdatedAt: now}
		old, exists := known[strings.ToUpper(strings.TrimSpace(d.Barcode))]
		if exists {
			d.keep(&old)
		}
		if err := d.goods(&g); err != nil {
			wrong.add(d.Row, err)
			continue
		}
		if first, twice := rows[g.Barcode]; twice {
			wrong.add(d.Row, invalid("barcode", "twice", "row", first))
			continue
		}
		rows[g.Barcode] = d.Row
		if !exists {
			g.ID = GoodsID(s.ids.next(now))
			added = append(added, g)
			result.Added++
			continue
		}
		g.ID, g.Picture, g.Archived, g.CreatedAt = old.ID, old.Picture, old.Archived, old.CreatedAt
		before := old
		before.UpdatedAt = now
		if g == before {
			result.Same++
			continue
		}
		moved = append(moved, g)
		result.Changed++
	}
	if err := wrong.orNil(); err != nil {
		return ImportResult{}, err
	}
	if dry || len(added)+len(moved) == 0 {
		return result, nil
	}
	return result, s.store.SaveGoods(ctx, account, added, moved, s.audit(by, "stores.goods.import", "added", result.Added, "changed", result.Changed))
}

func foldCode(code string) string { return strings.ToUpper(strings.TrimSpace(code)) }
