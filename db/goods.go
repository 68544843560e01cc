package db

import (
	"context"
	"strconv"
	"strings"

	"kaquan/stores"
)

const (
	goodsColumns = `g.id, g.account_id, g.barcode, g.name, g.unit, g.price, g.minimum, g.picture, g.archived, g.created_at, g.updated_at`

	placeStock = `(SELECT COALESCE(SUM(l.quantity), 0) FROM stock_levels l WHERE l.goods_id = g.id AND l.place_id = $1)`

	qCountLow = `SELECT COUNT(*) FROM goods g
WHERE g.account_id = $1 AND g.archived = 0 AND g.minimum > g.stock`

	qGoods          = `SELECT ` + goodsColumns + ` FROM goods g WHERE g.id = $1`
	qGoodsByBarcode = `SELECT ` + goodsColumns + ` FROM goods g WHERE g.account_id = $1 AND g.barcode = $2`
	qGoodsCodes     = `SELECT ` + goodsColumns + ` FROM goods g WHERE g.account_id = $1`
	qCountGoods     = `SELECT COUNT(*) FROM goods WHERE account_id = $1`

	qInsertGoods = `INSERT INTO goods (id, account_id, barcode, name, unit, price, minimum, picture, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

	qUpdateGoods = `UPDATE goods SET barcode = $3, name = $4, unit = $5, price = $6, minimum = $7, updated_at = $8
WHERE id = $1 AND account_id = $2`

	qArchiveGoods = `UPDATE goods SET archived = $2, updated_at = $3 WHERE id = $1`
)

func goodsTargets(g *stores.Goods) []any {
	return []any{&g.ID, &g.Account, &g.Barcode, &g.Name, &g.Unit, &g.Price, &g.Minimum, &g.Picture, &g.Archived, (*instant)(&g.CreatedAt), (*instant)(&g.UpdatedAt)}
}

func scanGoods(row scanner) (g stores.Goods, err error) {
	err = row.Scan(goodsTargets(&g)...)
	return g, none(err, stores.ErrGoodsNotFound)
}

func (q *listQuery) limit() string { return "\nLIMIT $" + strconv.Itoa(len(q.args)) }

// goodsList is the statement of a filter; name and id are of the last row before.
func goodsList(f stores.GoodsFilter, name string, id stores.GoodsID) (string, []any) {
	q := &listQuery{}
	stock := "g.stock"
	if f.Place != 0 {
		q.args = append(q.args, int64(f.Place))
		stock = placeStock
	}
	q.and("g.account_id = ?1 AND g.archived = ?2", string(f.Account), f.Archived)
	if f.Place != 0 {
		q.where = append(q.where, "EXISTS (SELECT 1 FROM stock_levels l WHERE l.goods_id = g.id AND l.place_id = $1)")
	}
	if f.Low {
		q.where = append(q.where, "g.minimum > "+stock)
	}
	if f.Search != "" {
		code := strings.ToUpper(f.Search)
		q.and("(g.barcode >= ?1 AND g.barcode < ?2 OR instr(lower(g.name), ?3) > 0)", code, code+"\U0010FFFF", strings.ToLower(f.Search))
	}
	if id != 0 {
		q.and("(g.name, g.id) > (?1, ?2)", name, int64(id))
	}
	q.args = append(q.args, f.Limit)
	return q.statement("SELECT "+goodsColumns+", "+stock+"\nFROM goods g", "g.name, g.id") + q.limit(), q.args
}

// GoodsList implements stores.Store.
func (d *DB) GoodsList(ctx context.Context, f stores.GoodsFilter) ([]stores.GoodsRow, error) {
	var last stores.Goods
	if id := stores.ParseID[stores.GoodsID](f.After); id != 0 {
		var err error
		if last, err = d.Goods(ctx, id); err != nil {
			return nil, err
		}
	}
	query, args := goodsList(f, last.Name, last.ID)
	rows, err := d.read.QueryContext(ctx, query, args...)
	return collect(rows, err, func(row scanner) (r stores.GoodsRow, err error) {
		err = row.Scan(append(goodsTargets(&r.Goods), &r.Stock)...)
		return r, err
	})
}

// CountLow implements stores.Store.
func (d *DB) CountLow(ctx context.Context, account stores.AccountID) (n int, err error) {
	err = d.row(ctx, qCountLow, string(account)).Scan(&n)
	return n, err
}

// Goods implements stores.Store.
func (d *DB) Goods(ctx context.Context, id stores.GoodsID) (stores.Goods, error) {
	return scanGoods(d.row(ctx, qGoods, int64(id)))
}

// GoodsByBarcode implements stores.Store.
func (d *DB) GoodsByBarcode(ctx context.Context, account stores.AccountID, code string) (stores.Goods, error) {
	return scanGoods(d.row(ctx, qGoodsByBarcode, string(account), code))
}

// GoodsCodes implements stores.Store.
func (d *DB) GoodsCodes(ctx context.Context, account stores.AccountID) (map[string]stores.Goods, error) {
	all := map[string]stores.Goods{}
	rows, err := d.rows(ctx, qGoodsCodes, string(account))
	_, err = collect(rows, err, func(row scanner) (g stores.Goods, err error) {
		g, err = scanGoods(row)
		all[g.Barcode] = g
		return g, err
	})
	return all, err
}

// SaveGoods implements stores.Store.
func (d *DB) SaveGoods(ctx context.Context, account stores.AccountID, added, changed []stores.Goods, a stores.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		var n int
		if err := tx.row(qCountGoods, string(account)).Scan(&n); err != nil {
			return err
		}
		if len(added) > 0 && n+len(added) > stores.MaxGoods {
			return stores.ErrTooMany
		}
		object := ""
		for i := range changed {
			g := &changed[i]
			object = g.ID.String()
			err := tx.changed(stores.ErrGoodsNotFound, qUpdateGoods, int64(g.ID), string(account), g.Barcode, g.Name, g.Unit, g.Price, g.Minimum, ms(g.UpdatedAt))
			if err != nil {
				return barcodeTaken(err)
			}
		}
		for i := range added {
			g := &added[i]
			object = g.ID.String()
			if _, err := tx.exec(qInsertGoods, int64(g.ID), string(account), g.Barcode, g.Name, g.Unit, g.Price, g.Minimum, g.Picture, ms(g.CreatedAt), ms(g.UpdatedAt)); err != nil {
				return barcodeTaken(err)
			}
		}
		if len(added)+len(changed) > 1 {
			object = ""
		}
		return note(tx, a, "goods", object)
	})
}

func barcodeTaken(err error) error {
	if isDuplicate(err) {
		return stores.ErrBarcodeTaken.Because(err)
	}
	return err
}

// ArchiveGoods implements stores.Store.
func (d *DB) ArchiveGoods(ctx context.Context, id stores.GoodsID, off bool, a stores.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		if err := tx.changed(stores.ErrGoodsNotFound, qArchiveGoods, int64(id), off, ms(a.At)); err != nil {
			return err
		}
		return note(tx, a, "goods", id.String())
	})
}
