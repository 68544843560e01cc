package db

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kaquan/stores"
)

// TestListsOfStoresFindTheirRowsByAnIndex asks SQLite how it would answer every filter, in a
// database with ten thousand goods in fifty stores.
func TestListsOfStoresFindTheirRowsByAnIndex(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	d, err := Open(t.Context(), Options{Path: filepath.Join(folder, "kaquan.db"), KeyFile: filepath.Join(folder, "kaquan.key")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "kaquan.db")+"?_pragma=foreign_keys(0)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	for _, fill := range []string{
		`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
INSERT INTO places (id, account_id, kind, code, name, address, phone, created_at) SELECT i, 'demo', 'store', 'S' || i, '店 ' || i, '', '', 1 FROM n`,
		`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
INSERT INTO goods (id, account_id, barcode, name, unit, price, minimum, picture, created_at, updated_at)
SELECT i, 'demo', 'B' || i, '商品 ' || (i * 7919 % 10000), '件', 100, i % 3 * 6, '', 1, 1 FROM n`,
		`INSERT INTO stock_levels (goods_id, place_id, quantity) SELECT g.id, p.id, (g.id + p.id) % 2 FROM goods g JOIN places p ON p.id <= 20`,
		`UPDATE goods SET stock = (SELECT COALESCE(SUM(l.quantity), 0) FROM stock_levels l WHERE l.goods_id = goods.id)`,
		`INSERT INTO movements (account_id, place_id, goods_id, kind, quantity, before, after, reason, staff_id, by_name, key, at)
SELECT 'demo', p.id, g.id, 'in', 1, 0, 1, '', 0, '老板', g.id || '/' || p.id, g.id * 1000 + p.id FROM goods g JOIN places p ON p.id <= 3`,
	} {
		if _, err := raw.ExecContext(t.Context(), fill); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := raw.ExecContext(t.Context(), `INSERT INTO movements (account_id, place_id, goods_id, kind, quantity, before, after, reason, staff_id, by_name, key, at)
VALUES ('demo', 30, 1, 'in', 7, 0, 7, '', 0, '', 'without a level', 1)`); err != nil {
		t.Fatal(err)
	}
	levels, wrong, err := d.VerifyStock(t.Context(), "demo")
	lost := stores.Difference{Place: 30, Goods: 1, Level: 0, Sum: 7}
	// Of twenty places half of the levels differ from what the movements of the first three say.
	if err != nil || levels != 200_000 || len(wrong) != 100_001 || !slices.Contains(wrong, lost) {
		t.Errorf("%d of %d levels are wrong, %v", len(wrong), levels, err)
	}
	for _, change := range []string{`UPDATE movements SET quantity = 1 WHERE id = 1`, `DELETE FROM movements WHERE id = 1`} {
		if _, err := raw.ExecContext(t.Context(), change); err == nil {
			t.Errorf("the log lets %q happen", change)
		}
	}
	started := time.Now()
	check := func(name, query string, args []any) {
		t.Helper()
		rows, err := raw.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			t.Fatal(name, err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(detail, "SCAN") && !strings.Contains(detail, "CONSTANT") || strings.Contains(detail, "TEMP B-TREE") {
				t.Errorf("%s: %s", name, detail)
			}
		}
		_ = rows.Close()
		if rows, err = raw.QueryContext(t.Context(), query, args...); err != nil {
			t.Fatal(name, err)
		}
		n := 0
		for rows.Next() {
			n++
		}
		_ = rows.Close()
		if n == 0 || n > 51 {
			t.Errorf("%s gives %d rows", name, n)
		}
	}
	for i, f := range []stores.GoodsFilter{{}, {Search: "B77"}, {Search: "商品 12"}, {Low: true}, {Place: 3}, {Place: 3, Low: true}} {
		f.Account, f.Limit = "demo", 51
		query, args := goodsList(f, "", 0)
		check(fmt.Sprint("goods ", i), query, args)
		query, args = goodsList(f, "商品 1", 5)
		check(fmt.Sprint("goods on ", i), query, args)
	}
	for i, f := range []stores.MovementFilter{{}, {Place: 2}, {Goods: 7}, {Goods: 7, Place: 2}, {Kind: stores.In}, {By: "老板"}, {From: at(5_000_000), To: at(6_000_000)}, {Place: 2, Kind: stores.In, By: "老板"}} {
		f.Account, f.Limit = "demo", 51
		query, args := movementsQuery(f)
		check(fmt.Sprint("movements ", i), query, args)
		f.After = stores.Cursor{At: at(9_000_000), ID: 9_000_000}.String()
		query, args = movementsQuery(f)
		check(fmt.Sprint("movements on ", i), query, args)
	}
	check("low", qCountLow, []any{"demo"})
	check("barcode", qGoodsByBarcode, []any{"demo", "B5"})
	// All of it together is less than one page may take; the bound is wide for slow machines.
	if took := time.Since(started); took > 3*time.Second {
		t.Errorf("the lists took %s", took)
	}
}
