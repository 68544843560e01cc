package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"kaquan/campaigns"
)

// The stores' data set when it is small and when it is what a large chain has: 50 stores, 200
// staff, 10,000 articles each with 30 movements, and 200,000 redemptions.
const (
	benchPlaces = 50
	benchStaff  = 200
	smallGoods  = 200
	largeGoods  = 10_000
	goodsMoves  = 30
	smallTill   = 2_000
	largeTill   = 200_000
)

// measureStores compares the pages of goods, of movements and of redemptions when there is
// little and when there is much.
func measureStores(ctx context.Context, folder string, report func(name string, value float64, unit string)) error {
	campaign, visitors, err := prepare(ctx, folder)
	if err != nil {
		return err
	}
	if err := seedClaims(ctx, folder, campaign, visitors, 0, largeTill); err != nil {
		return err
	}
	pages := []struct{ name, path string }{
		{"goods", "/admin/goods?q=" + "%E6%8B%BF%E9%93%81"}, // a part of the name, which half of them have
		{"movements", "/admin/movements?kind=in"},
		{"redemptions", "/admin/redemptions?state=done"},
	}
	medians := make([][2]time.Duration, len(pages))
	goods, tills := 0, 0
	for i, size := range []struct{ goods, tills int }{{smallGoods, smallTill}, {largeGoods, largeTill}} {
		if err := seedStores(ctx, folder, campaign, goods, size.goods, tills, size.tills); err != nil {
			return err
		}
		goods, tills = size.goods, size.tills
		for n, page := range pages {
			if medians[n][i], err = pageMedian(ctx, folder, fmt.Sprintf("bench-%s%d", page.name, i), page.path); err != nil {
				return err
			}
		}
	}
	for n, page := range pages {
		report(page.name+"_list_ms", float64(medians[n][1].Microseconds())/1000, "ms")
		report(page.name+"_list_growth", float64(medians[n][1])/float64(medians[n][0]), "ratio")
	}
	return nil
}

// seedStores fills the tables straight through the driver. The store must be closed.
func seedStores(ctx context.Context, folder string, campaign campaigns.ID, goodsFrom, goodsTo, tillFrom, tillTo int) error {
	pool, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "bench.db")+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=cache_size(-262144)")
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	pool.SetMaxOpenConns(1)
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var failed error
	exec := func(query string, args ...any) {
		if failed == nil {
			_, failed = tx.ExecContext(ctx, query, args...)
		}
	}
	account, base := string(benchAccount), time.Now().Add(-90*24*time.Hour).UnixMilli()
	for n := 1; n <= benchPlaces && goodsFrom == 0; n++ {
		exec(`INSERT INTO places (id, account_id, kind, code, name, address, phone, created_at) VALUES ($1, $2, 'store', $3, $4, '', '', $5)`,
			n, account, fmt.Sprintf("S%03d", n), fmt.Sprintf("%d 号店", n), base)
	}
	for n := 1; n <= benchStaff && goodsFrom == 0; n++ {
		exec(`INSERT INTO staff (id, account_id, place_id, name, role, pin_hash, created_at) VALUES ($1, $2, $3, $4, 'staff', '', $5)`,
			n, account, n%benchPlaces+1, fmt.Sprintf("店员 %d", n), base)
	}
	for n := goodsFrom + 1; n <= goodsTo; n++ {
		exec(`INSERT INTO goods (id, account_id, barcode, name, unit, price, minimum, picture, created_at, updated_at) VALUES ($1, $2, $3, $4, '件', 1800, $5, '', $6, $6)`,
			n, account, fmt.Sprintf("SKU-%06d", n), fmt.Sprintf("%s %d", [...]string{"冬日拿铁", "提拉米苏"}[n%2], n), n%20, base)
		stock := [benchPlaces + 1]int{}
		for m := range goodsMoves {
			place := (n+m)%10 + 1
			exec(`INSERT INTO movements (account_id, place_id, goods_id, kind, quantity, before, after, reason, staff_id, by_name, key, at) VALUES ($1, $2, $3, 'in', 2, $4, $5, '', $6, $7, $8, $9)`,
				account, place, n, stock[place], stock[place]+2, place, fmt.Sprintf("店员 %d", place), fmt.Sprintf("m/%d/%d", n, m), base+int64(n*goodsMoves+m)*1000)
			stock[place] += 2
		}
		for place, quantity := range stock {
			if quantity > 0 {
				exec(`INSERT INTO stock_levels (goods_id, place_id, quantity) VALUES ($1, $2, $3)`, n, place, quantity)
			}
		}
		exec(`UPDATE goods SET stock = $2 WHERE id = $1`, n, 2*goodsMoves)
	}
	exec(`INSERT INTO redemptions (account_id, campaign_id, claim_id, code, place_id, place_name, staff_id, staff_name, state, offline, wechat, at, booked_at, key)
SELECT account_id, campaign_id, id, code, n % $2 + 1, (n % $2 + 1) || ' 号店', n % $3 + 1, '店员 ' || (n % $3 + 1), 'done', 0, 0, confirmed_at + 60000, confirmed_at + 60000, 'till/' || n
FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM claims WHERE campaign_id = $1) WHERE n > $4 AND n <= $5 ORDER BY n`,
		int64(campaign), benchPlaces, benchStaff, tillFrom, tillTo)
	if failed != nil {
		return failed
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	for _, query := range []string{"ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"} {
		if _, err := pool.ExecContext(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

// pageMedian is how long a page of the admin takes.
func pageMedian(ctx context.Context, folder, login, path string) (time.Duration, error) {
	s, err := serve(ctx, folder, campaigns.OwnCode)
	if err != nil {
		return 0, err
	}
	cookies, err := s.signIn(ctx, login)
	if err != nil {
		return 0, errors.Join(err, s.stop())
	}
	var took []time.Duration
	for range 60 {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
		if err != nil {
			return 0, errors.Join(err, s.stop())
		}
		r.Header.Set("Cookie", cookies)
		start := time.Now()
		size, err := fetch(r)
		if err != nil {
			return 0, errors.Join(err, s.stop())
		}
		if size < 10_000 {
			return 0, errors.Join(fmt.Errorf("%s has %d bytes only", path, size), s.stop())
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[len(took)/2], s.stop()
}
