package db_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/db/dbtest"
	"kaquan/fault"
	"kaquan/wechat"
)

// followers says who follows.
type followers func(person wechat.OpenID) (bool, error)

func (f followers) Follower(_ context.Context, _ campaigns.AccountID, person wechat.OpenID) (wechat.Follower, error) {
	yes, err := f(person)
	return wechat.Follower{OpenID: person, Subscribed: yes}, err
}

// ruled opens a store and a service whose clock the test moves.
func ruled(t testing.TB, f campaigns.Followers) (*db.DB, *campaigns.Service, *clock) {
	t.Helper()
	d, now := dbtest.Open(t), newClock(noon)
	dbtest.Seed(t, d, now.now)
	return d, campaigns.New(campaigns.Options{Store: d, Now: now.now, Followers: f}), now
}

// listOf makes a list with rows.
func listOf(t testing.TB, s *campaigns.Service, kind campaigns.ListKind, values ...string) campaigns.List {
	t.Helper()
	ctx := context.Background()
	l, err := s.CreateList(ctx, campaigns.Actor{}, dbtest.Account, kind, fmt.Sprintf("%s %d %v", kind, len(values), values[0]))
	ok(t, err)
	var rows []campaigns.ImportRow
	for i, v := range values {
		rows = append(rows, campaigns.ImportRow{Row: i + 1, Text: v})
	}
	m := s.ListImport(campaigns.Actor{}, l)
	ok(t, m.Look(ctx, rows, func(int, int) {}))
	must(t, m.Report.New == len(values), "%+v", m.Report)
	_, err = m.Store(ctx, func(int, int) {})
	ok(t, err)
	return l
}

// poolOf makes a pool of n codes.
func poolOf(t testing.TB, s *campaigns.Service, name string, n int) campaigns.Pool {
	t.Helper()
	ctx := context.Background()
	p, err := s.CreatePool(ctx, campaigns.Actor{}, dbtest.Account, name)
	ok(t, err)
	var rows []campaigns.ImportRow
	for i := range n {
		rows = append(rows, campaigns.ImportRow{Row: i + 1, Text: fmt.Sprintf("%s-%05d", name, i)})
	}
	m := s.PoolImport(campaigns.Actor{}, p)
	ok(t, m.Look(ctx, rows, func(int, int) {}))
	added, err := m.Store(ctx, func(int, int) {})
	ok(t, err)
	must(t, added == n, "%d codes were stored", added)
	return p
}

func phoneForm() campaigns.Form {
	return campaigns.Form{{Key: "phone", Kind: campaigns.MobileField, Label: "手机号", Required: true}, {Key: "plate", Kind: campaigns.PlateField, Label: "车牌号"}}
}

func phone(n int) string { return fmt.Sprintf("139%08d", n) }

// wants fails unless err is the refusal; nil wants success.
func wants(t testing.TB, err error, refusal *fault.Error) {
	t.Helper()
	if refusal == nil {
		ok(t, err)
		return
	}
	must(t, errors.Is(err, refusal), "got %v, want %v", err, refusal)
}

// sound checks the stock and what the rules counted.
func sound(t testing.TB, s *campaigns.Service, id campaigns.ID) campaigns.Stock {
	t.Helper()
	stock, err := s.CheckStock(context.Background(), id)
	ok(t, err)
	differing, err := s.CheckRules(context.Background(), id)
	ok(t, err)
	must(t, len(differing) == 0, "the rules do not add up: %v", differing)
	return stock
}

func TestAHundredClaimersWithOnePhoneNumberGetOneCard(t *testing.T) {
	t.Parallel()
	_, s, _ := ruled(t, nil)
	draft := dbtest.Draft(noon, "once", 200, campaigns.OwnCode)
	draft.Form, draft.Rules.Once = phoneForm(), []string{campaigns.OncePhone}
	c := dbtest.Publish(t, s, draft)
	var won, refused atomic.Int64
	var wg sync.WaitGroup
	for n := range 100 {
		v := dbtest.Visitor(t, s, n)
		typed := []string{"13900000001", "139 0000 0001", "+86 139-0000-0001", "１３９０００００００１"}[n%4]
		wg.Go(func() {
			_, _, err := s.Claim(context.Background(), campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(n, 0), Answers: map[string]string{"phone": typed}, Consent: true})
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, campaigns.ErrOncePhone):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	must(t, won.Load() == 1 && refused.Load() == 99, "%d won, %d were refused", won.Load(), refused.Load())
	must(t, sound(t, s, c.ID).Confirmed == 1, "the stock counts more than one")
}

func TestTheShareOfADayIsExactAndOpensAtTheHourOfRelease(t *testing.T) {
	t.Parallel()
	_, s, now := ruled(t, nil)
	draft := dbtest.Draft(noon, "share", 100, campaigns.OwnCode)
	draft.EndsAt = noon.AddDate(0, 0, 5)
	draft.Rules.DayTotal, draft.Rules.ReleaseMinute = 10, 13*60 // 13:00 in Shanghai; it is 12:00
	c := dbtest.Publish(t, s, draft)
	visitor := 0
	rush := func(want int) {
		t.Helper()
		var won, refused atomic.Int64
		var wg sync.WaitGroup
		for range 40 {
			visitor++
			v, n := dbtest.Visitor(t, s, visitor), visitor
			wg.Go(func() {
				_, _, err := s.Claim(context.Background(), campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(n, 0)})
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, campaigns.ErrDayShare):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		must(t, int(won.Load()) == want && int(refused.Load()) == 40-want, "%d won and %d were refused, want %d", won.Load(), refused.Load(), want)
		sound(t, s, c.ID)
	}
	rush(10)
	wants(t, s.Barred(context.Background(), c, 0, ""), campaigns.ErrDayShare)
	must(t, c.NextRelease(now.now()).Equal(noon.Add(time.Hour)), "the next release is %v", c.NextRelease(now.now()))
	now.add(time.Hour - time.Second)
	rush(0)
	now.add(time.Second)
	ok(t, s.Barred(context.Background(), c, 0, ""))
	rush(10)
	now.add(12 * time.Hour) // after midnight it is still the same share
	rush(0)
	now.add(12 * time.Hour)
	rush(10)
	must(t, c.NextRelease(c.EndsAt.Add(-time.Minute)).IsZero(), "a share opens after the end")
}

func TestAnInvitationCodeWorksOnceAndComesBackWithAReleasedHold(t *testing.T) {
	t.Parallel()
	_, s, now := ruled(t, nil)
	codes := listOf(t, s, campaigns.ListCode, "VIP-1", "VIP-2")
	draft := dbtest.Draft(noon, "invited", 100, campaigns.WeChatCard)
	draft.Rules.Invitation = campaigns.Invitation{Mode: campaigns.ListInvitation, List: codes.ID}
	c := dbtest.Publish(t, s, draft)
	tap := func(n int, code string) error {
		v := dbtest.Visitor(t, s, n)
		_, _, err := s.Claim(context.Background(), campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(n, 0), Invitation: code})
		return err
	}
	err := tap(1, "")
	must(t, fault.All(err)[0].Field == "invitation", "%v", err)
	wants(t, tap(1, "VIP-3"), campaigns.ErrInvitation)
	var won atomic.Int64
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() {
			if err := tap(100+n, " vip-１ "); err == nil {
				won.Add(1)
			} else if !errors.Is(err, campaigns.ErrInvitation) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	must(t, won.Load() == 1, "a code worked %d times", won.Load())
	sound(t, s, c.ID)
	now.add(time.Hour)
	_, err = s.Sweep(context.Background())
	ok(t, err)
	must(t, sound(t, s, c.ID).Issued() == 0, "the hold is still counted")
	wants(t, tap(200, "VIP-1"), nil)
	wants(t, tap(201, "VIP-1"), campaigns.ErrInvitation)
	l, err := s.List(context.Background(), codes.ID)
	ok(t, err)
	must(t, l.Rows == 2 && l.Used == 1, "%+v", l)
}

func TestASharedInvitationIsComparedWithoutCaseAndWidth(t *testing.T) {
	t.Parallel()
	_, s, _ := ruled(t, nil)
	draft := dbtest.Draft(noon, "shared", 100, campaigns.OwnCode)
	draft.Rules.Invitation = campaigns.Invitation{Mode: campaigns.SharedInvitation, Code: "LATTE"}
	c := dbtest.Publish(t, s, draft)
	for n, code := range []string{"latte", " ＬＡＴＴＥ ", "LAT TE"} {
		v := dbtest.Visitor(t, s, n)
		_, _, err := s.Claim(context.Background(), campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(n, 0), Invitation: code})
		wants(t, err, nil)
	}
	v := dbtest.Visitor(t, s, 9)
	_, _, err := s.Claim(context.Background(), campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(9, 0), Invitation: "MOCHA"})
	wants(t, err, campaigns.ErrInvitation)
}

func TestACodeOfAPoolNeverGoesOutTwice(t *testing.T) {
	t.Parallel()
	_, s, _ := ruled(t, nil)
	pool := poolOf(t, s, "shop", 60)
	draft := dbtest.Draft(noon, "pooled", 100, campaigns.CodePool)
	draft.Rules.Pool = pool.ID
	c := dbtest.Publish(t, s, draft)
	var codes sync.Map
	var won, soldOut atomic.Int64
	var wg sync.WaitGroup
	for n := range 120 {
		v := dbtest.Visitor(t, s, n)
		wg.Go(func() {
			claim, _, err := s.Claim(context.Background(), campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(n, 0)})
			switch {
			case errors.Is(err, campaigns.ErrSoldOut):
				soldOut.Add(1)
			case err != nil:
				t.Error(err)
			default:
				won.Add(1)
				if _, twice := codes.LoadOrStore(claim.Code, n); twice || claim.Code == "" || claim.State != campaigns.Confirmed {
					t.Errorf("%q went out twice or not at all", claim.Code)
				}
			}
		})
	}
	wg.Wait()
	must(t, won.Load() == 60 && soldOut.Load() == 60, "%d won, %d sold out", won.Load(), soldOut.Load())
	must(t, sound(t, s, c.ID).Confirmed == 60, "a refused claim kept its unit")
	p, err := s.Pool(context.Background(), pool.ID)
	ok(t, err)
	must(t, p.Total == 60 && p.Left() == 0, "%+v", p)
	wants(t, s.DeletePool(context.Background(), campaigns.Actor{}, pool.ID), campaigns.ErrPoolUsed)
}

func TestListsLetInAndKeepOut(t *testing.T) {
	t.Parallel()
	_, s, _ := ruled(t, nil)
	allowed, blocked := listOf(t, s, campaigns.ListPhone, phone(1), phone(2)), listOf(t, s, campaigns.ListOpenID, string(dbtest.OpenID(2)))
	draft := dbtest.Draft(noon, "listed", 100, campaigns.OwnCode)
	draft.Form, draft.Rules.AllowList, draft.Rules.BlockList, draft.Rules.Channels = phoneForm(), allowed.ID, blocked.ID, []string{"poster"}
	c := dbtest.Publish(t, s, draft)
	tap := func(n, number int, channel string) error {
		v := dbtest.Visitor(t, s, n)
		_, _, err := s.Claim(context.Background(), campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(n, number), Channel: channel, Answers: map[string]string{"phone": phone(number)}, Consent: true})
		return err
	}
	wants(t, tap(1, 1, "menu"), campaigns.ErrChannel)
	wants(t, tap(1, 3, "poster"), campaigns.ErrNotOnList)
	wants(t, tap(2, 2, "poster"), campaigns.ErrBlocked)
	wants(t, tap(2, 3, "poster"), campaigns.ErrBlocked)
	wants(t, tap(1, 1, "poster"), nil)
	must(t, sound(t, s, c.ID).Issued() == 1, "a refusal took stock")
	wants(t, s.DeleteList(context.Background(), campaigns.Actor{}, allowed.ID), campaigns.ErrListUsed)
	ok(t, s.End(context.Background(), campaigns.Actor{}, c.ID))
	ok(t, s.DeleteList(context.Background(), campaigns.Actor{}, allowed.ID))
	_, err := s.List(context.Background(), allowed.ID)
	wants(t, err, campaigns.ErrListNotFound)
}

func TestOnlyFollowersClaimAndAMessageOfWeChatIsBelievedAtOnce(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	var down atomic.Bool
	_, s, now := ruled(t, followers(func(person wechat.OpenID) (bool, error) {
		asked.Add(1)
		if down.Load() {
			return false, errors.New("down")
		}
		return person == dbtest.OpenID(1), nil
	}))
	draft := dbtest.Draft(noon, "fans", 100, campaigns.OwnCode)
	draft.Rules.Followers, draft.Limits.PerPerson = true, 9
	c := dbtest.Publish(t, s, draft)
	taps := 0
	tap := func(n int) error {
		v := dbtest.Visitor(t, s, n)
		taps++
		_, _, err := s.Claim(context.Background(), campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(n, taps)})
		return err
	}
	wants(t, tap(1), nil)
	wants(t, tap(1), nil)
	must(t, asked.Load() == 1, "WeChat was asked %d times", asked.Load())
	wants(t, tap(2), campaigns.ErrNeedFollow)
	push := func(event string, n int) {
		_, err := s.Receive(context.Background(), dbtest.Account, wechat.Event{
			FromUser: string(dbtest.OpenID(n)), CreateTime: now.now().Unix(), MsgType: "event", Event: event,
		}, []byte("<xml/>"))
		ok(t, err)
	}
	push("subscribe", 2)
	wants(t, tap(2), nil)
	push("unsubscribe", 1)
	wants(t, tap(1), campaigns.ErrNeedFollow)
	down.Store(true)
	now.add(2 * time.Minute)
	wants(t, tap(2), campaigns.ErrFollowUnknown)
	v := dbtest.Visitor(t, s, 2)
	claim, _, err := s.Claim(context.Background(), campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(2, 4)})
	must(t, err == nil && claim != nil, "a retry of a claim that was made is refused: %v", err)
}

func TestLowStockIsNotedAndPausesOncePerCrossing(t *testing.T) {
	t.Parallel()
	d, s, _ := ruled(t, nil)
	draft := dbtest.Draft(noon, "low", 10, campaigns.OwnCode)
	draft.Rules.LowStock = campaigns.LowStock{Percent: 50, Reaction: campaigns.LowPause}
	c := dbtest.Publish(t, s, draft)
	ctx := context.Background()
	claim := func(n int) {
		v := dbtest.Visitor(t, s, n)
		_, _, err := s.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(n, 0)})
		ok(t, err)
	}
	status := func() *campaigns.Campaign {
		ok(t, s.WatchStock(ctx))
		c, err := d.CampaignByID(ctx, c.ID)
		ok(t, err)
		return c
	}
	for n := range 5 {
		claim(n)
	}
	must(t, status().Status == campaigns.StatusPublished, "half is not below half")
	claim(5)
	is := status()
	must(t, is.Status == campaigns.StatusPaused && is.PauseReason == campaigns.LowStockReason, "%s %q", is.Status, is.PauseReason)
	note, err := s.LowStockNote(ctx, c.ID)
	ok(t, err)
	must(t, note != nil && note.Left == 4 && note.Total == 10 && note.Paused && note.At.Equal(noon), "%+v", note)
	ok(t, s.Resume(ctx, campaigns.Actor{}, c.ID))
	must(t, status().Status == campaigns.StatusPublished, "it pauses again although staff let it go on")
	more := campaigns.DraftOf(status())
	more.Total = 100
	_, err = s.Edit(ctx, campaigns.Actor{}, c.ID, more)
	ok(t, err)
	status()
	note, err = s.LowStockNote(ctx, c.ID)
	must(t, err == nil && note == nil, "the note stays after the stock came: %+v %v", note, err)
	less := campaigns.DraftOf(status())
	less.Total = 8
	_, err = s.Edit(ctx, campaigns.Actor{}, c.ID, less)
	ok(t, err)
	must(t, status().Status == campaigns.StatusPaused, "the second crossing is not noticed")
}

func TestASecondImportAddsNothingAndBadRowsAreNamed(t *testing.T) {
	t.Parallel()
	_, s, _ := ruled(t, nil)
	ctx := context.Background()
	other := poolOf(t, s, "OTHER", 2)
	must(t, other.ID != "", "no pool")
	pool, err := s.CreatePool(ctx, campaigns.Actor{}, dbtest.Account, "import")
	ok(t, err)
	_, err = s.CreatePool(ctx, campaigns.Actor{}, dbtest.Account, "import")
	wants(t, err, campaigns.ErrPoolName)
	rows := campaigns.ImportColumn([][]string{{"门店", "券码"}, {"一店", "ABCD-1"}, nil, {"一店", "abc"}, {"二店", "ABCD-1"}, {"", "ＡＢＣＤ２"}, {"", "OTHER-00001"}, {"", "=1+1"}, {"三店"}})
	m := s.PoolImport(campaigns.Actor{}, pool)
	ok(t, m.Look(ctx, rows, func(int, int) {}))
	r := m.Report
	must(t, r.Rows == 6 && r.New == 2 && r.Bad == 3 && r.Twice == 1 && r.Known == 0, "%+v", r)
	for i, want := range []int{4, 5, 7, 8} {
		must(t, r.Problems[i].Row == want, "problem %d is in line %d, want %d", i, r.Problems[i].Row, want)
	}
	added, err := m.Store(ctx, func(int, int) {})
	must(t, err == nil && added == 2, "%d %v", added, err)
	added, err = m.Store(ctx, func(int, int) {})
	must(t, err == nil && added == 0, "again: %d %v", added, err)
	ok(t, m.Look(ctx, rows, func(int, int) {}))
	must(t, m.Report.New == 0 && m.Report.Known == 2, "%+v", m.Report)
}

// TestWhateverHappensToClaimsTheRulesAddUp plays random claims, releases, late cards and
// redemptions, and compares every counter with the claims.
func TestWhateverHappensToClaimsTheRulesAddUp(t *testing.T) {
	t.Parallel()
	number := 0
	d, s, now := ruled(t, nil)
	rapid.Check(t, func(r *rapid.T) {
		number++
		ctx := context.Background()
		issuer := rapid.SampledFrom([]campaigns.Issuer{campaigns.WeChatCard, campaigns.OwnCode, campaigns.CodePool}).Draw(r, "issuer")
		draft := dbtest.Draft(now.now(), campaigns.Slug(fmt.Sprintf("model-%d", number)), 8, issuer)
		draft.EndsAt = draft.StartsAt.AddDate(0, 0, 30)
		draft.Form, draft.Limits.PerPerson = phoneForm(), 3
		draft.Rules.Once, draft.Rules.DayTotal = []string{campaigns.OncePhone}, 4
		codes, err := s.CreateList(ctx, campaigns.Actor{}, dbtest.Account, campaigns.ListCode, fmt.Sprint("codes ", number))
		ok(t, err)
		var facts []campaigns.Fact
		for i := range 6 {
			facts = append(facts, campaigns.Fact{Kind: campaigns.ListCode, Value: fmt.Sprint("CODE", i)})
		}
		_, err = d.AddToList(ctx, codes.ID, facts, now.now())
		ok(t, err)
		draft.Rules.Invitation = campaigns.Invitation{Mode: campaigns.ListInvitation, List: codes.ID}
		if issuer == campaigns.CodePool {
			draft.Rules.Pool = poolOf(t, s, fmt.Sprint("P", number), 5).ID
		}
		if issuer != campaigns.WeChatCard && rapid.Bool().Draw(r, "paid") { // such a claim is held until somebody confirms it
			draft.Price.Fen = 990
		}
		c := dbtest.Publish(t, s, draft)
		var made []*campaigns.Claim
		for i := range rapid.IntRange(3, 16).Draw(r, "steps") {
			switch what := rapid.SampledFrom([]string{"claim", "claim", "claim", "pass", "sweep", "late", "refund"}).Draw(r, "step"); {
			case what == "pass":
				now.add(time.Duration(rapid.IntRange(1, 600).Draw(r, "minutes")) * time.Minute)
			case what == "sweep":
				_, err := s.Sweep(ctx)
				ok(t, err)
			case what == "claim":
				v := dbtest.Visitor(t, s, rapid.IntRange(0, 4).Draw(r, "who"))
				claim, _, err := s.Claim(ctx, campaigns.Tap{
					Slug: c.Slug, Visitor: v.ID, Key: key(number, i), Consent: true, Invitation: fmt.Sprint("code", rapid.IntRange(0, 6).Draw(r, "code")),
					Answers: map[string]string{"phone": phone(rapid.IntRange(0, 5).Draw(r, "phone"))},
				})
				if err == nil {
					made = append(made, claim)
				} else if len(fault.All(err)) == 0 || fault.All(err)[0].Code == fault.Internal {
					t.Fatal(err)
				}
			case len(made) > 0:
				kind := map[string]campaigns.EventKind{"late": campaigns.EventConfirmed, "refund": campaigns.EventRefunded}[what]
				claim := made[rapid.IntRange(0, len(made)-1).Draw(r, "which")]
				e := campaigns.Event{Kind: kind, Source: campaigns.FromSystem, At: now.now()}
				if kind == campaigns.EventConfirmed && issuer == campaigns.WeChatCard {
					e.Code = campaigns.CardCode(fmt.Sprintf("%012d", claim.ID%1_000_000_000_000))
				}
				_, err := d.Record(ctx, claim.ID, e, nil)
				ok(t, err)
			}
		}
		_, err = s.CheckStock(ctx, c.ID)
		ok(t, err)
		share, err := s.CheckRules(ctx, c.ID)
		ok(t, err)
		for _, line := range share {
			r.Fatal(line)
		}
	})
}
