package db_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/db/dbtest"
	"kaquan/wechat"
)

var noon = time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC) // 12:00 in Shanghai

// clock is a clock that tests move.
type clock struct{ ms atomic.Int64 }

func newClock(t time.Time) *clock {
	c := &clock{}
	c.ms.Store(t.UnixMilli())
	return c
}
func (c *clock) now() time.Time      { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) add(d time.Duration) { c.ms.Add(d.Milliseconds()) }
func key(visitor, n int) string      { return fmt.Sprintf("key-%d-%d-xxxx", visitor, n) }
func ok(tb testing.TB, err error)    { tb.Helper(); must(tb, err == nil, "unexpected error: %v", err) }

func must(tb testing.TB, cond bool, format string, args ...any) {
	tb.Helper()
	if !cond {
		tb.Fatalf(format, args...)
	}
}

func TestFiveHundredTapsOnAStockOfOneHundredGiveExactlyOneHundredHolds(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t)
	s := dbtest.Seed(t, d, func() time.Time { return noon })
	for _, issuer := range []campaigns.Issuer{campaigns.WeChatCard, campaigns.OwnCode} {
		c := dbtest.Publish(t, s, dbtest.Draft(noon, campaigns.Slug("race-"+string(issuer)[:3]), 100, issuer))
		var won, soldOut atomic.Int64
		var wg sync.WaitGroup
		for n := range 500 {
			v := dbtest.Visitor(t, s, n)
			wg.Go(func() {
				_, _, err := s.Claim(context.Background(), campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(n, 0)})
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, campaigns.ErrSoldOut):
					soldOut.Add(1)
				default:
					t.Errorf("claim %d: %v", n, err)
				}
			})
		}
		wg.Wait()
		must(t, won.Load() == 100 && soldOut.Load() == 400, "%s: %d won, %d were told it is sold out", issuer, won.Load(), soldOut.Load())
		stock, err := s.CheckStock(context.Background(), c.ID)
		ok(t, err)
		must(t, stock.Left() == 0 && stock.Issued() == 100, "%s: stock %+v", issuer, stock)
	}
}

func TestOnePersonTappingFiftyTimesGetsTheLimitAndARetryGetsTheSameClaim(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t)
	s := dbtest.Seed(t, d, func() time.Time { return noon })
	draft := dbtest.Draft(noon, "limit", 100, campaigns.OwnCode)
	draft.Limits.PerPerson = 3
	c := dbtest.Publish(t, s, draft)
	v := dbtest.Visitor(t, s, 1)
	var won atomic.Int64
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() {
			_, _, err := s.Claim(context.Background(), campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(1, n)})
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, campaigns.ErrLimit) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	must(t, won.Load() == 3, "%d claims, limit is 3", won.Load())

	v2 := dbtest.Visitor(t, s, 2)
	ids := sync.Map{}
	for range 20 {
		wg.Go(func() {
			claim, _, err := s.Claim(context.Background(), campaigns.Tap{Slug: c.Slug, Visitor: v2.ID, Key: key(2, 0)})
			if err != nil {
				t.Error(err)
				return
			}
			ids.Store(claim.ID, true)
		})
	}
	wg.Wait()
	count := 0
	ids.Range(func(any, any) bool { count++; return true })
	must(t, count == 1, "one key gave %d claims", count)
	_, err := s.CheckStock(context.Background(), c.ID)
	ok(t, err)
}

func TestTheDailyLimitOpensAgainAtMidnightOfTheCampaignsZone(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t)
	now := newClock(time.Date(2026, 11, 21, 15, 59, 0, 0, time.UTC)) // 23:59 in Shanghai
	s := dbtest.Seed(t, d, now.now)
	draft := dbtest.Draft(now.now(), "daily", 100, campaigns.OwnCode)
	draft.Limits = campaigns.Limits{PerPerson: 5, PerDay: 1}
	c := dbtest.Publish(t, s, draft)
	v := dbtest.Visitor(t, s, 1)
	tap := func(n int) error {
		_, _, err := s.Claim(context.Background(), campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(1, n)})
		return err
	}
	ok(t, tap(0))
	must(t, errors.Is(tap(1), campaigns.ErrDayLimit), "a second claim on the same day must be refused")
	now.add(2 * time.Minute)
	ok(t, tap(2))
}

func TestAnExpiredHoldReturnsItsStockAndALateEventStillWins(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	now := newClock(noon)
	s := dbtest.Seed(t, d, now.now)
	c := dbtest.Publish(t, s, dbtest.Draft(noon, "holds", 1, campaigns.WeChatCard))
	first, second := dbtest.Visitor(t, s, 1), dbtest.Visitor(t, s, 2)
	held, _, err := s.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: first.ID, Key: key(1, 0)})
	ok(t, err)
	_, _, err = s.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: second.ID, Key: key(2, 0)})
	must(t, errors.Is(err, campaigns.ErrSoldOut), "the only unit is set aside: %v", err)

	now.add(c.Hold + time.Second)
	n, err := s.Sweep(ctx)
	ok(t, err)
	must(t, n == 1, "swept %d holds", n)
	_, _, err = s.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: second.ID, Key: key(2, 1)})
	ok(t, err)

	event := wechat.Event{FromUser: string(first.OpenID), CreateTime: now.now().Unix(), Event: "user_get_card", CardID: string(c.CardID), UserCardCode: "226009850808", OuterStr: string(held.Ref)}
	for i, want := range []campaigns.PushResult{campaigns.PushApplied, campaigns.PushDuplicate, campaigns.PushDuplicate} {
		got, err := s.Receive(ctx, dbtest.Account, event, []byte("<xml/>"))
		ok(t, err)
		must(t, got == want, "delivery %d: %s, want %s", i+1, got, want)
	}
	claim, err := d.ClaimByID(ctx, held.ID)
	ok(t, err)
	must(t, claim.State == campaigns.Confirmed && claim.Late() && claim.Code == "226009850808", "late claim: %+v", claim)
	stock, err := s.CheckStock(ctx, c.ID)
	ok(t, err)
	must(t, stock.Overdraft() == 1, "the overdraft must show: %+v", stock)
}

func TestAnOwnHoldThatIsOverStandsInNobodysWay(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	now := newClock(noon)
	s := dbtest.Seed(t, d, now.now)
	c := dbtest.Publish(t, s, dbtest.Draft(noon, "again", 1, campaigns.WeChatCard))
	v := dbtest.Visitor(t, s, 1)
	tap := func(n int) (*campaigns.Claim, error) {
		claim, _, err := s.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(1, n)})
		return claim, err
	}
	first, err := tap(1)
	ok(t, err)
	now.add(c.Hold)
	_, err = tap(2)
	must(t, errors.Is(err, campaigns.ErrLimit) || errors.Is(err, campaigns.ErrSoldOut), "the hold is good to its last moment: %v", err)
	now.add(time.Second)
	second, err := tap(2) // the sweeper has not been there
	ok(t, err)
	must(t, second.ID != first.ID && second.State == campaigns.Held, "the second tap got %s %s", second.ID, second.State)
	counted, stored, err := d.CheckStock(ctx, c.ID)
	ok(t, err)
	must(t, counted == stored && stored.Held == 1, "stock is %+v, rows say %+v", stored, counted)
}

func TestAForeignReferenceInAnEventConfirmsNobodyElsesClaim(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	s := dbtest.Seed(t, d, func() time.Time { return noon })
	c := dbtest.Publish(t, s, dbtest.Draft(noon, "refs", 10, campaigns.WeChatCard))
	victim, thief := dbtest.Visitor(t, s, 1), dbtest.Visitor(t, s, 2)
	claim, _, err := s.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: victim.ID, Key: key(1, 0)})
	ok(t, err)
	got, err := s.Receive(ctx, dbtest.Account, wechat.Event{
		FromUser: string(thief.OpenID), CreateTime: noon.Unix(), Event: "user_get_card", CardID: string(c.CardID), UserCardCode: "111122223333", OuterStr: string(claim.Ref),
	}, []byte("<xml/>"))
	ok(t, err)
	must(t, got == campaigns.PushApplied, "the thief's card is real: %s", got)
	theirs, err := d.ClaimsOf(ctx, c.ID, thief.ID)
	ok(t, err)
	must(t, len(theirs) == 1 && theirs[0].Code == "111122223333", "the thief has %+v", theirs)
	claim, err = d.ClaimByID(ctx, claim.ID)
	ok(t, err)
	must(t, claim.State == campaigns.Held && claim.Code == "", "outer_str is not signed, yet it decided: %+v", claim)
}

func TestPausedScheduledAndEndedCampaignsTakeNoClaims(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	now := newClock(noon)
	s := dbtest.Seed(t, d, now.now)
	draft := dbtest.Draft(noon, "window", 10, campaigns.OwnCode)
	draft.StartsAt, draft.EndsAt = noon.Add(time.Minute), noon.Add(2*time.Minute)
	c := dbtest.Publish(t, s, draft)
	v := dbtest.Visitor(t, s, 1)
	tap := func(n int) error {
		_, _, err := s.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(1, n)})
		return err
	}
	must(t, errors.Is(tap(0), campaigns.ErrNotOpen), "one minute before the start")
	now.add(time.Minute)
	ok(t, s.Pause(ctx, campaigns.Actor{}, c.ID, "活动调整中，稍后开放"))
	must(t, errors.Is(tap(1), campaigns.ErrNotOpen), "while paused")
	ok(t, s.Resume(ctx, campaigns.Actor{}, c.ID))
	ok(t, tap(2))
	now.add(time.Minute)
	must(t, errors.Is(tap(3), campaigns.ErrNotOpen), "at the very end")
	_, _, err := s.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(1, 2)})
	ok(t, err) // the retry of a tap that won still gets its claim
}

// The model: any order of taps, reports, events and time keeps the stock identity after
// every step, never issues more than the total without a late event, and never gives a
// person more than the limit.
func TestRandomLivesOfClaimsKeepTheStockIdentity(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t)
	ctx := context.Background()
	campaign := 0
	rapid.Check(t, func(r *rapid.T) {
		campaign++
		now := newClock(noon)
		s := dbtest.Seed(t, d, now.now)
		draft := dbtest.Draft(noon, campaigns.Slug(fmt.Sprintf("model-%d", campaign)), rapid.Int64Range(1, 4).Draw(r, "total"), campaigns.WeChatCard)
		draft.Limits.PerPerson = rapid.IntRange(1, 2).Draw(r, "per person")
		draft.CardID = wechat.CardID(fmt.Sprintf("pModelCard%010d", campaign))
		c := dbtest.Publish(t, s, draft)
		visitors := make([]campaigns.Visitor, 4)
		for i := range visitors {
			visitors[i] = dbtest.Visitor(t, s, i)
		}
		var claims []*campaigns.Claim
		late := int64(0)
		pick := func() *campaigns.Claim { return claims[rapid.IntRange(0, len(claims)-1).Draw(r, "claim")] }
		steps := rapid.IntRange(1, 25).Draw(r, "steps")
		for step := range steps {
			action := rapid.IntRange(0, 7).Draw(r, "action")
			if len(claims) == 0 {
				action = 0
			}
			switch action {
			case 0, 1, 2:
				v := visitors[rapid.IntRange(0, len(visitors)-1).Draw(r, "visitor")]
				k := key(int(v.ID%1000), rapid.IntRange(0, 3).Draw(r, "key"))
				claim, _, err := s.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: k})
				if err == nil {
					claims = append(claims, claim)
				} else if !errors.Is(err, campaigns.ErrSoldOut) && !errors.Is(err, campaigns.ErrLimit) {
					r.Fatalf("claim: %v", err)
				}
			case 3:
				claim := pick()
				_, err := s.Report(ctx, claim.ID, claim.Visitor, campaigns.SheetReport{
					Outcome: rapid.SampledFrom([]campaigns.Outcome{campaigns.WalletAdded, campaigns.WalletCancelled, campaigns.WalletRefused}).Draw(r, "outcome"), Detail: "x",
				})
				ok(t, err)
			case 4, 5:
				claim := pick()
				v, err := d.VisitorByID(ctx, claim.Visitor)
				ok(t, err)
				e := wechat.Event{
					FromUser: string(v.OpenID), CreateTime: now.now().Unix(), CardID: string(c.CardID), OuterStr: string(claim.Ref),
					UserCardCode: fmt.Sprintf("%012d", int64(claim.ID)%1_000_000_000_000),
					Event:        rapid.SampledFrom([]string{"user_get_card", "user_get_card", "user_del_card", "user_consume_card"}).Draw(r, "event"),
				}
				_, err = s.Receive(ctx, dbtest.Account, e, []byte(fmt.Sprint(step)))
				ok(t, err)
			case 6:
				now.add(time.Duration(rapid.IntRange(1, 200).Draw(r, "seconds")) * time.Second)
			case 7:
				_, err := s.Sweep(ctx)
				ok(t, err)
			}
			stock, err := s.CheckStock(ctx, c.ID)
			if err != nil {
				r.Fatalf("after step %d: %v", step, err)
			}
			late = 0
			for _, claim := range claims {
				row, err := d.ClaimByID(ctx, claim.ID)
				ok(t, err)
				if row.Late() {
					late++
				}
				history, err := d.History(ctx, claim.ID)
				ok(t, err)
				kinds := make([]campaigns.EventKind, len(history))
				for i, e := range history {
					kinds[i] = e.Kind
				}
				if got := campaigns.Fold(kinds...); got != row.State {
					r.Fatalf("claim %v is %s, its events amount to %s: %v", row.ID, row.State, got, kinds)
				}
			}
			if stock.Overdraft() > late {
				r.Fatalf("overdrawn by %d with %d late claims", stock.Overdraft(), late)
			}
		}
	})
}

func TestAnswersOutliveAKillAndUnansweredWritesMayNot(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	d := dbtest.OpenAt(t, folder)
	s := dbtest.Seed(t, d, func() time.Time { return noon })
	c := dbtest.Publish(t, s, dbtest.Draft(noon, "crash", 1000, campaigns.OwnCode))
	var answered sync.Map
	var wg sync.WaitGroup
	for n := range 64 {
		v := dbtest.Visitor(t, s, n)
		wg.Go(func() {
			claim, _, err := s.Claim(context.Background(), campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(n, 0)})
			if err == nil {
				answered.Store(claim.ID, true)
			}
		})
	}
	wg.Wait()
	// What a killed process leaves: the files as they are on disk, with no close.
	crashed := t.TempDir()
	for _, name := range []string{"kaquan.db", "kaquan.db-wal", "kaquan.key"} {
		b, err := os.ReadFile(filepath.Join(folder, name))
		ok(t, err)
		ok(t, os.WriteFile(filepath.Join(crashed, name), b, 0o600))
	}
	again := dbtest.OpenAt(t, crashed)
	answered.Range(func(id, _ any) bool {
		_, err := again.ClaimByID(context.Background(), id.(campaigns.ClaimID))
		ok(t, err)
		return true
	})
	_, _, err := again.CheckStock(context.Background(), c.ID)
	ok(t, err)
}

func TestOneFailingWriteRollsBackAloneAndAPanicHurtsNobodyElse(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t)
	ctx := context.Background()
	now := newClock(noon)
	s := dbtest.Seed(t, d, now.now)
	_ = s
	boom := errors.New("boom")
	var wg sync.WaitGroup
	for n := range 300 {
		wg.Go(func() {
			err := d.Write(ctx, func(tx *db.Tx) error {
				if n%3 == 1 {
					panic("boom")
				}
				if n%3 == 2 {
					return boom
				}
				return nil
			})
			if n%3 == 0 && err != nil || n%3 != 0 && err == nil {
				t.Errorf("write %d: %v", n, err)
			}
		})
	}
	wg.Wait()
	ok(t, d.Ready(ctx))
	must(t, d.WriterStats().LargestGroup > 1, "writes were never grouped: %+v", d.WriterStats())
}

func TestAStopAnswersEveryAcceptedWriteAndRefusesLaterOnes(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t)
	ctx := context.Background()
	errs := make(chan error, 500)
	var wg sync.WaitGroup
	for range 500 {
		wg.Go(func() { errs <- d.Ready(ctx) })
	}
	ok(t, d.Close())
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil && !errors.Is(err, db.ErrClosed) {
			t.Fatalf("a write was neither kept nor refused clearly: %v", err)
		}
	}
	must(t, errors.Is(d.Ready(ctx), db.ErrClosed), "a closed store must say so")
}
