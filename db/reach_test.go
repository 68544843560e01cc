package db_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/reach"
	"kaquan/wechat"
)

func TestScansKeepNoOpenID(t *testing.T) {
	t.Parallel()
	folder, ctx := t.TempDir(), context.Background()
	d := dbtest.OpenAt(t, folder)
	now := time.Date(2026, 11, 20, 4, 0, 0, 0, time.UTC)
	dbtest.Seed(t, d, func() time.Time { return now })
	ok(t, d.SaveScene(ctx, reach.Scene{Account: "demo", Scene: "s", Name: "n", Channel: "c", CreatedAt: now, Permanent: true}))
	const person = "oPersonWhoScansTheCode"
	for range 2 {
		ok(t, d.SceneScanned(ctx, reach.Scan{Account: "demo", Scene: "s", OpenID: person, Dedupe: "one", Follows: true, At: now}))
	}
	ok(t, d.SceneScanned(ctx, reach.Scan{Account: "demo", Scene: "s", OpenID: person, Dedupe: "two", Follows: true, At: now}))
	list, err := d.Scenes(ctx, "demo")
	ok(t, err)
	must(t, len(list) == 1 && list[0].Scans == 2 && list[0].Followers == 1, "%+v", list)
	ok(t, d.Close())
	files, err := filepath.Glob(filepath.Join(folder, "kaquan.db*"))
	ok(t, err)
	for _, name := range files {
		content, err := os.ReadFile(name)
		ok(t, err)
		must(t, !bytes.Contains(content, []byte(person)), "%s holds the openid", name)
	}
}

func TestCampaignsOfOtherAccountsAreNotAnsweredWith(t *testing.T) {
	t.Parallel()
	ctx, d := context.Background(), dbtest.Open(t)
	now := time.Date(2026, 11, 20, 4, 0, 0, 0, time.UTC)
	s := dbtest.Seed(t, d, func() time.Time { return now })
	c := dbtest.Publish(t, s, dbtest.Draft(now, "x", 1, campaigns.OwnCode))
	got, err := d.ReachCampaign(ctx, "demo", int64(c.ID))
	ok(t, err)
	must(t, got.Public && got.Slug == "x" && got.Title == c.Texts.Benefit, "%+v", got)
	_, err = d.ReachCampaign(ctx, "other", int64(c.ID))
	must(t, errors.Is(err, campaigns.ErrCampaignNotFound), "%v", err)
}

func TestStockChangesRememberTheirOutcome(t *testing.T) {
	t.Parallel()
	ctx, d := context.Background(), dbtest.Open(t)
	change := reach.StockChange{Key: "k", Account: "demo", Card: wechat.CardID("p"), Delta: 5, At: time.Now()}
	first, _, err := d.BeginStockChange(ctx, change)
	ok(t, err)
	must(t, first, "the first is not")
	again, outcome, err := d.BeginStockChange(ctx, change)
	ok(t, err)
	must(t, !again && outcome == reach.StockPending, "%t %s", again, outcome)
	ok(t, d.EndStockChange(ctx, "k", reach.StockChanged))
	_, outcome, err = d.BeginStockChange(ctx, change)
	ok(t, err)
	must(t, outcome == reach.StockChanged, "%s", outcome)
}
