package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/wechat"
)

const (
	callers   = 64
	claimSpan = 4 * time.Second
)

// measureClaims compares durable claims through the domain service with the raw driver
// writing the same rows: in groups of 64, and in one transaction each.
func measureClaims(ctx context.Context, folder string, report func(name string, value float64, unit string)) error {
	// The sides take turns, so that a slow minute of the disk hits all of them.
	var service, grouped, naive float64
	const rounds = 3
	for round := range rounds {
		for _, side := range []struct {
			sum     *float64
			measure func(context.Context, string) (float64, error)
		}{{&grouped, rawGroups}, {&service, serviceClaims}, {&naive, rawSingles}} {
			sub, err := os.MkdirTemp(folder, fmt.Sprintf("claims-%d-", round))
			if err != nil {
				return err
			}
			rate, err := side.measure(ctx, sub)
			if err != nil {
				return err
			}
			*side.sum += rate / rounds
			if err := os.RemoveAll(sub); err != nil {
				return err
			}
		}
	}
	report("claims_per_second", service, "claims/s")
	report("raw_groups_per_second", grouped, "claims/s")
	report("raw_singles_per_second", naive, "claims/s")
	report("claim_commit_ratio", service/grouped, "ratio")
	report("claim_naive_ratio", service/naive, "ratio")
	return nil
}

// house is a store with one campaign that never runs out and many visitors.
type house struct {
	store    *db.DB
	service  *campaigns.Service
	campaign *campaigns.Campaign
}

const (
	benchAccount campaigns.AccountID = "bench"
	benchAppID   wechat.AppID        = "wxbench000000001"
	benchSlug    campaigns.Slug      = "bench"
)

func openStore(ctx context.Context, folder string) (*db.DB, error) {
	store, err := db.Open(ctx, db.Options{Path: filepath.Join(folder, "bench.db"), KeyFile: filepath.Join(folder, "bench.key")})
	if err != nil {
		return nil, err
	}
	_, err = store.Migrate(ctx)
	return store, err
}

func openHouse(ctx context.Context, folder string, issuer campaigns.Issuer) (*house, error) {
	store, err := openStore(ctx, folder)
	if err != nil {
		return nil, err
	}
	h := &house{store: store, service: campaigns.New(campaigns.Options{Store: store})}
	account := campaigns.Account{ID: benchAccount, Name: "bench", Credentials: wechat.Credentials{
		Account: string(benchAccount), AppID: benchAppID, Secret: "benchsecret", PushToken: "benchtoken", Mode: wechat.Stable,
	}}
	if err := h.service.SaveAccount(ctx, store, campaigns.Actor{}, account); err != nil {
		return nil, err
	}
	h.campaign, err = h.publish(ctx, benchSlug, issuer)
	if errors.Is(err, campaigns.ErrSlugTaken) { // the folder was used before
		h.campaign, err = h.service.BySlug(ctx, benchSlug)
	}
	return h, err
}

func (h *house) publish(ctx context.Context, slug campaigns.Slug, issuer campaigns.Issuer) (*campaigns.Campaign, error) {
	now := time.Now()
	draft := campaigns.Draft{
		Account: benchAccount, Slug: slug, Name: "bench", StartsAt: now.Add(-time.Hour), EndsAt: now.Add(24 * time.Hour), Zone: campaigns.Shanghai(),
		Total: campaigns.MaxTotal, Limits: campaigns.Limits{PerPerson: 100, PerDay: 100}, Hold: time.Hour, Issuer: issuer, Form: campaigns.ClassicForm(),
		Texts: campaigns.Texts{Benefit: "冬日拿铁买一赠一", Brand: "示例咖啡", Purpose: "联系你兑奖"},
	}
	if issuer == campaigns.WeChatCard {
		draft.CardID = "pBenchCard0000000000000001"
	}
	c, err := h.service.Create(ctx, campaigns.Actor{}, draft)
	if err != nil {
		return nil, err
	}
	return c, h.service.Publish(ctx, campaigns.Actor{}, c.ID)
}

func (h *house) visitors(ctx context.Context, n int) ([]campaigns.VisitorID, error) {
	ids := make([]campaigns.VisitorID, n)
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			v, err := h.service.Visit(ctx, campaigns.Visitor{Account: benchAccount, OpenID: wechat.OpenID(fmt.Sprintf("oBench%022d", i)), Nickname: "微信用户"})
			ids[i], errs[i] = v.ID, err
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func answers(n int64) map[string]string {
	return map[string]string{"name": "王小明", "plate": "京A12345", "car_model": "轿车", "phone": fmt.Sprintf("138%08d", n%100_000_000)}
}

// crowd is how many visitors take turns; with 100 claims each they outlast the span.
const crowd = 4000

func serviceClaims(ctx context.Context, folder string) (float64, error) {
	h, err := openHouse(ctx, folder, campaigns.WeChatCard)
	if err != nil {
		return 0, err
	}
	defer func() { _ = h.store.Close() }()
	visitors, err := h.visitors(ctx, crowd)
	if err != nil {
		return 0, err
	}
	rate, err := h.claim(ctx, visitors, "bench-key")
	if err != nil {
		return 0, err
	}
	if _, err := h.service.CheckStock(ctx, h.campaign.ID); err != nil {
		return 0, err
	}
	return rate, nil
}

// claim lets all callers claim for the span and returns the durable claims a second.
func (h *house) claim(ctx context.Context, visitors []campaigns.VisitorID, keys string) (float64, error) {
	return press(claimSpan, func() func(n int64) error {
		return func(n int64) error {
			_, _, err := h.service.Claim(ctx, campaigns.Tap{
				Slug: h.campaign.Slug, Visitor: visitors[n%crowd], Key: fmt.Sprintf("%s-%d", keys, n), Channel: "poster", Answers: answers(n), Consent: true,
			})
			return err
		}
	})
}

// press lets all callers work for the span and returns how often a second it was done. Each
// caller gets a function of its own; the first error stops everybody.
func press(span time.Duration, caller func() func(n int64) error) (float64, error) {
	var (
		next, done atomic.Int64
		all        sync.WaitGroup
		failed     atomic.Pointer[error]
	)
	start := time.Now()
	for range callers {
		all.Go(func() {
			once := caller()
			for time.Since(start) < span && failed.Load() == nil {
				if err := once(next.Add(1)); err != nil {
					failed.Store(&err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return float64(done.Load()) / time.Since(start).Seconds(), nil
}

// The statements of one claim, as the raw driver runs them: the same rows, nothing
// guarded, nobody waiting.
const (
	rawStock = `UPDATE campaign_stock SET held = held + 1 WHERE campaign_id = $1 AND held + confirmed < total`
	rawQuota = `INSERT INTO visitor_quotas (visitor_id, campaign_id, taken, day, day_taken) VALUES ($1, $2, 1, $3, 1)
ON CONFLICT (visitor_id, campaign_id) DO UPDATE SET taken = visitor_quotas.taken + 1, day_taken = visitor_quotas.day_taken + 1`
	rawClaim = `INSERT INTO claims (id, campaign_id, visitor_id, account_id, ref, issuer, state, code, idem_key, channel, day, hold_until,
  created_at, confirmed_at, consent, holder_name, holder_phone, phone_tail, answers)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`
	rawEvent = `INSERT INTO claim_events (claim_id, at, kind, source, detail) VALUES ($1, $2, $3, $4, $5)`
)

func rawGroups(ctx context.Context, folder string) (float64, error)  { return raw(ctx, folder, 64) }
func rawSingles(ctx context.Context, folder string) (float64, error) { return raw(ctx, folder, 1) }

func raw(ctx context.Context, folder string, group int) (float64, error) {
	h, err := openHouse(ctx, folder, campaigns.WeChatCard)
	if err != nil {
		return 0, err
	}
	visitors, err := h.visitors(ctx, crowd)
	if err != nil {
		return 0, err
	}
	if err := h.store.Close(); err != nil {
		return 0, err
	}
	pool, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "bench.db")+"?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=cache_size(-65536)&_pragma=wal_autocheckpoint(4000)")
	if err != nil {
		return 0, err
	}
	defer func() { _ = pool.Close() }()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	var stmts [6]*sql.Stmt
	for i, query := range []string{"BEGIN IMMEDIATE", "COMMIT", rawStock, rawQuota, rawClaim, rawEvent} {
		if stmts[i], err = conn.PrepareContext(ctx, query); err != nil {
			return 0, err
		}
	}
	run := func(i int, args ...any) {
		if err == nil {
			_, err = stmts[i].ExecContext(context.Background(), args...)
		}
	}
	start := time.Now()
	n := int64(0)
	for time.Since(start) < claimSpan && err == nil {
		run(0)
		for range group {
			n++
			now := time.Now().UnixMilli()
			id := int64(campaigns.FirstClaimID(time.Now())) + n
			visitor := int64(visitors[n%crowd])
			phone := fmt.Sprintf("138%08d", n%100_000_000)
			run(4, id, int64(h.campaign.ID), visitor, string(benchAccount), string(campaigns.NewRef()), "wechat_card", "held", "", fmt.Sprintf("bench-key-%d", n), "poster",
				"2026-11-21", now+120_000, now, 0, campaigns.ConsentVersion, "王小明", phone, phone[7:], `{"car_model":"轿车","name":"王小明","phone":"`+phone+`","plate":"京A12345"}`)
			run(2, int64(h.campaign.ID))
			run(3, visitor, int64(h.campaign.ID), "2026-11-21")
			run(5, id, now, "held", "page", "")
		}
		run(1)
	}
	took := time.Since(start)
	if err != nil {
		return 0, err
	}
	return float64(n) / took.Seconds(), nil
}
