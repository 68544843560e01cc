package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"kaquan/campaigns"
)

// prepare makes a folder with a campaign and its visitors, closed, ready for seedClaims.
func prepare(ctx context.Context, folder string) (campaigns.ID, []campaigns.VisitorID, error) {
	h, err := openHouse(ctx, folder, campaigns.OwnCode)
	if err != nil {
		return 0, nil, err
	}
	visitors, err := h.visitors(ctx, crowd)
	return h.campaign.ID, visitors, errors.Join(err, h.store.Close())
}

// seedClaims fills a campaign's store with confirmed claims up to the number, straight
// through the driver, and leaves the counters right. The store must be closed.
func seedClaims(ctx context.Context, folder string, campaign campaigns.ID, visitors []campaigns.VisitorID, from, to int) error {
	pool, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "bench.db")+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=cache_size(-262144)")
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	pool.SetMaxOpenConns(1)
	const batch = 20_000
	base := time.Now().Add(-90 * 24 * time.Hour).UTC().Truncate(time.Second)
	for start := from; start < to; start += batch {
		tx, err := pool.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		claim, err := tx.PrepareContext(ctx, rawClaim)
		for n := start; n < min(to, start+batch) && err == nil; n++ {
			at := base.Add(time.Duration(n) * time.Second)
			phone := fmt.Sprintf("138%08d", n)
			_, err = claim.ExecContext(ctx, int64(campaigns.FirstClaimID(at)), int64(campaign), int64(visitors[n%len(visitors)]), string(benchAccount),
				fmt.Sprintf("s%011d", n), "own_code", "confirmed", fmt.Sprintf("%012d", n), fmt.Sprintf("seed-key-%d", n), "poster", at.Format("2006-01-02"),
				at.UnixMilli(), at.UnixMilli(), at.UnixMilli(), campaigns.ConsentVersion, "王小明", phone, phone[7:],
				`{"car_model":"轿车","name":"王小明","phone":"`+phone+`","plate":"京A12345"}`)
		}
		if err == nil {
			_, err = tx.ExecContext(ctx, `UPDATE campaign_stock SET confirmed = confirmed + $1 WHERE campaign_id = $2`, min(to, start+batch)-start, int64(campaign))
		}
		if err == nil {
			err = tx.Commit()
		}
		if err != nil {
			_ = tx.Rollback()
			return err
		}
	}
	_, err = pool.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}
