package sheets

import (
	"context"
	"io"
	"iter"
	"time"

	"kaquan/i18n"
	"kaquan/stores"
)

// StoreSheet describes a file about stores.
type StoreSheet struct {
	Title   string         // of the sheet
	Zone    *time.Location // nil = UTC
	Created time.Time
}

// storeColumn is a column by its key in the catalogue.
type storeColumn struct {
	key   string
	kind  Kind
	width float64
}

// storeFile writes rows as an xlsx file, the words of its columns in the language of ctx. check
// is called with the number of rows before the first byte reaches w; its error stops everything.
func storeFile[T any](ctx context.Context, w io.Writer, o StoreSheet, columns []storeColumn, rows iter.Seq2[T, error], cells func(*T) []Cell, check func(rows int) error) (Result, error) {
	list := make([]Column, len(columns))
	for i, c := range columns {
		list[i] = Column{Header: i18n.T(ctx, "stores.column."+c.key), Kind: c.kind, Width: c.width}
	}
	x := NewWriter(&cancellable{ctx, w}, Options{Sheet: o.Title, Title: o.Title, Columns: list, Zone: o.Zone, Created: o.Created})
	defer x.Discard()
	n := 0
	for row, err := range rows {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = x.Write(cells(&row))
		}
		if err != nil {
			return Result{}, err
		}
		n++
	}
	if check != nil {
		if err := check(n); err != nil {
			return Result{}, err
		}
	}
	return x.Close()
}

// Goods writes articles with their stock. The file can be imported again.
func Goods(ctx context.Context, w io.Writer, o StoreSheet, rows iter.Seq2[stores.GoodsRow, error], check func(rows int) error) (Result, error) {
	states := map[bool]string{false: i18n.T(ctx, "stores.state.on"), true: i18n.T(ctx, "stores.state.archived")}
	return storeFile(ctx, w, o, []storeColumn{
		{"barcode", Text, 0},
		{"goods", Text, 30},
		{"unit", Text, 8},
		{"price", Money, 0},
		{"minimum", Number, 0},
		{"stock", Number, 0},
		{"state", Text, 10},
		{"created", Time, 0},
	}, rows, func(r *stores.GoodsRow) []Cell {
		return []Cell{String(r.Barcode), String(r.Name), String(r.Unit), Fen(r.Price), Int(r.Minimum), Int(r.Stock), String(states[r.Archived]), At(r.CreatedAt)}
	}, check)
}

// Movements writes the log.
func Movements(ctx context.Context, w io.Writer, o StoreSheet, rows iter.Seq2[stores.MovementRow, error], check func(rows int) error) (Result, error) {
	kinds := map[stores.Kind]string{}
	for _, k := range stores.Kinds() {
		kinds[k] = i18n.T(ctx, "stores.kind."+string(k))
	}
	return storeFile(ctx, w, o, []storeColumn{
		{"at", Time, 0},
		{"place", Text, 0},
		{"barcode", Text, 0},
		{"goods", Text, 30},
		{"kind", Text, 10},
		{"quantity", Number, 0},
		{"before", Number, 0},
		{"after", Number, 0},
		{"unit", Text, 8},
		{"by", Text, 0},
		{"peer", Text, 0},
		{"reason", Text, 30},
		{"claim", Text, 0},
		{"number", Text, 0},
	}, rows, func(r *stores.MovementRow) []Cell {
		claim := ""
		if r.Claim != 0 {
			claim = r.Claim.String()
		}
		return []Cell{
			At(r.At), String(r.PlaceName), String(r.Barcode), String(r.GoodsName), String(kinds[r.Kind]), Int(r.Quantity), Int(r.Before),
			Int(r.After), String(r.Unit), String(r.By), String(r.PeerName), String(r.Reason), String(claim), String(r.ID.String()),
		}
	}, check)
}

// Staff writes the list of staff, without anything that signs them in.
func Staff(ctx context.Context, w io.Writer, o StoreSheet, rows iter.Seq2[stores.StaffRow, error], check func(rows int) error) (Result, error) {
	states := map[bool]string{false: i18n.T(ctx, "stores.state.on"), true: i18n.T(ctx, "stores.state.off")}
	roles := roleWords(ctx)
	return storeFile(ctx, w, o, []storeColumn{
		{"place_code", Text, 14},
		{"place", Text, 0},
		{"name", Text, 0},
		{"role", Text, 10},
		{"state", Text, 10},
		{"wechat", Text, 10},
		{"seen", Time, 0},
		{"created", Time, 0},
	}, rows, func(r *stores.StaffRow) []Cell {
		bound := i18n.T(ctx, "common.no")
		if r.Visitor != 0 {
			bound = i18n.T(ctx, "common.yes")
		}
		return []Cell{String(r.PlaceCode), String(r.PlaceName), String(r.Name), String(roles[r.Role]), String(states[r.Disabled]), String(bound), At(r.LastSeenAt), At(r.CreatedAt)}
	}, check)
}

// NewStaff writes the PINs of staff that was just made; it is the only time that they are seen.
func NewStaff(ctx context.Context, w io.Writer, o StoreSheet, list []stores.NewStaff) (Result, error) {
	roles := roleWords(ctx)
	return storeFile(ctx, w, o, []storeColumn{{"place", Text, 0}, {"name", Text, 0}, {"role", Text, 10}, {"pin", Text, 10}}, each(list), func(m *stores.NewStaff) []Cell {
		return []Cell{String(m.PlaceName), String(m.Name), String(roles[m.Role]), String(m.PIN)}
	}, nil)
}

// WrongRows writes the rows of an upload as they were, with what is wrong in a column of its
// own in front, so that they can be mended and uploaded again.
func WrongRows(ctx context.Context, w io.Writer, o StoreSheet, rows [][]string, wrong func(row int) string) (Result, error) {
	width := 1
	for _, cells := range rows {
		width = max(width, len(cells))
	}
	columns := []Column{{Header: i18n.T(ctx, "stores.column.problem"), Width: 50}}
	for i := range width {
		columns = append(columns, Column{Header: string(rune('A' + i%26))})
	}
	x := NewWriter(&cancellable{ctx, w}, Options{Sheet: o.Title, Title: o.Title, Columns: columns, Zone: o.Zone, Created: o.Created})
	defer x.Discard()
	for i, cells := range rows {
		row := []Cell{String(wrong(i + 1))}
		for _, cell := range cells {
			row = append(row, String(cell))
		}
		for len(row) < len(columns) {
			row = append(row, Cell{})
		}
		if err := x.Write(row); err != nil {
			return Result{}, err
		}
	}
	return x.Close()
}

func roleWords(ctx context.Context) map[stores.Role]string {
	words := map[stores.Role]string{}
	for _, r := range stores.Roles() {
		words[r] = i18n.T(ctx, "stores.role."+string(r))
	}
	return words
}

// each is a list as a sequence that cannot fail.
func each[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}
