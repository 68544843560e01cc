package db_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
)

func TestWhoeverWasAnsweredReadsWhatTheyWrote(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store := dbtest.Open(t)
	service := dbtest.Seed(t, store, time.Now)
	draft := dbtest.Draft(time.Now(), "cached", 400, campaigns.OwnCode)
	draft.Limits.PerPerson = 100
	c := dbtest.Publish(t, service, draft)
	var all sync.WaitGroup
	for person := range 8 {
		all.Go(func() {
			v := dbtest.Visitor(t, service, person)
			for n := range 25 {
				if _, _, err := service.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(person, n)}); err != nil {
					t.Error(err)
					return
				}
				seen, err := service.BySlug(ctx, c.Slug)
				if err != nil || seen.Stock.Confirmed < int64(n+1) {
					t.Errorf("after claim %d of one person the campaign shows %+v (%v)", n+1, seen.Stock, err)
					return
				}
			}
		})
	}
	all.Wait()
	seen, err := service.BySlug(ctx, c.Slug)
	ok(t, err)
	if seen.Stock.Confirmed != 200 {
		t.Errorf("confirmed is %d, want 200", seen.Stock.Confirmed)
	}
	ok(t, service.Pause(ctx, campaigns.Actor{}, c.ID, "盘点"))
	for name, read := range map[string]func() (*campaigns.Campaign, error){
		"by slug": func() (*campaigns.Campaign, error) { return service.BySlug(ctx, c.Slug) },
		"by id":   func() (*campaigns.Campaign, error) { return service.Campaign(ctx, c.ID) },
	} {
		if seen, err := read(); err != nil || seen.PauseReason != "盘点" {
			t.Errorf("%s: the pause is not seen: %v %v", name, seen, err)
		}
	}
}

func TestAReaderCannotChangeWhatOthersRead(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store := dbtest.Open(t)
	service := dbtest.Seed(t, store, time.Now)
	c := dbtest.Publish(t, service, dbtest.Draft(time.Now(), "shared", 10, campaigns.OwnCode))
	first, err := service.BySlug(ctx, c.Slug)
	ok(t, err)
	first.Name, first.Stock.Total = "changed", 0
	second, err := service.BySlug(ctx, c.Slug)
	ok(t, err)
	if second.Name != c.Name || second.Stock.Total != 10 {
		t.Errorf("a reader's change shows: %q %d", second.Name, second.Stock.Total)
	}
}
