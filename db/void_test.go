package db_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/db/dbtest"
	"kaquan/fault"
	"kaquan/people"
	"kaquan/redemption"
	"kaquan/wechat"
)

// voids is WeChat where cards are made void: it answers err, and does meanwhile before.
type voids struct {
	err       error
	meanwhile func()
	calls     int
}

func (v *voids) VoidCard(context.Context, campaigns.AccountID, wechat.CardID, campaigns.CardCode, string) error {
	v.calls++
	if v.meanwhile != nil {
		v.meanwhile()
	}
	return v.err
}

var (
	staff   = campaigns.Actor{ID: "p1", Name: "小李", IP: "192.0.2.7"}
	mistake = campaigns.Withdrawal{Reason: campaigns.VoidMistake, Note: "重复发放"}
)

// withVoids is the domain on the database, with WeChat.
func withVoids(d *db.DB, now *clock, v *voids) *campaigns.Service {
	return campaigns.New(campaigns.Options{Store: d, Now: now.now, Voids: v})
}

func lines(t *testing.T, d *db.DB, action string) []people.AuditEntry {
	t.Helper()
	list, err := d.ListAudit(context.Background(), people.AuditFilter{Action: action})
	ok(t, err)
	return list
}

func TestAVoidCardKeepsItsUnitAndTheTillRefusesIt(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newShop(t)
	c := s.campaign("void", campaigns.OwnCode, nil)
	claim := s.card(c)
	before, err := s.claims.CheckStock(ctx, c.ID)
	ok(t, err)
	void, err := s.claims.Void(ctx, staff, claim.ID, mistake)
	ok(t, err)
	must(t, void.State == campaigns.Voided && void.VoidedAt.Equal(noon), "%+v", void)
	_, err = s.claims.Void(ctx, staff, claim.ID, mistake)
	ok(t, err) // a repeat is safe
	after, err := s.claims.CheckStock(ctx, c.ID)
	ok(t, err)
	must(t, after == before, "the stock moved from %+v to %+v", before, after)
	v := s.look(&s.north, string(claim.Code))
	must(t, v.Verdict == redemption.Voided, "the till says %s", v.Verdict)
	_, _, err = s.redeem(&s.north, claim, "key-of-a-void-card")
	must(t, errors.Is(err, redemption.ErrRefused), "%v", err)
	history, err := s.db.History(ctx, claim.ID)
	ok(t, err)
	last := history[len(history)-1]
	must(t, last.Kind == campaigns.EventVoided && last.Source == campaigns.FromStaff && last.Detail == "mistake", "%+v", last)
	audit := lines(t, s.db, "claims.void")
	must(t, len(audit) == 1 && audit[0].ObjectID == claim.ID.String() && audit[0].ActorName == "小李", "%+v", audit)
	must(t, audit[0].Detail == `{"note":"重复发放","reason":"claims.reason.mistake"}`, "%s", audit[0].Detail)
}

func TestOnlyAGoodCardInItsHoldersHandsBecomesVoid(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newShop(t)
	c := s.campaign("good", campaigns.OwnCode, nil)
	wechatCards := s.campaign("wallet", campaigns.WeChatCard, nil)
	refused := func(name string, claim *campaigns.Claim, want error) {
		t.Helper()
		before, err := s.db.ClaimByID(ctx, claim.ID)
		ok(t, err)
		_, err = s.claims.Void(ctx, staff, claim.ID, mistake)
		must(t, errors.Is(err, want), "%s: %v", name, err)
		after, err := s.db.ClaimByID(ctx, claim.ID)
		ok(t, err)
		must(t, after.State == before.State && after.VoidedAt.IsZero(), "%s: %s became %s", name, before.State, after.State)
	}
	for _, kind := range []campaigns.EventKind{campaigns.EventGifted, campaigns.EventDeleted, campaigns.EventExpired, campaigns.EventRefunded} {
		claim := s.card(c)
		_, err := s.db.Record(ctx, claim.ID, campaigns.Event{Kind: kind, Source: campaigns.FromPush, At: noon}, nil)
		ok(t, err)
		refused(string(kind), claim, campaigns.ErrVoidState)
	}
	used := s.card(c)
	_, _, err := s.redeem(&s.north, used, "key-of-a-used-card")
	ok(t, err)
	refused("redeemed", used, campaigns.ErrVoidState)

	v := dbtest.Visitor(t, s.claims, 900)
	held, _, err := s.claims.Claim(ctx, campaigns.Tap{Slug: wechatCards.Slug, Visitor: v.ID, Key: key(900, 0)})
	ok(t, err)
	refused("held", held, campaigns.ErrVoidState)

	s.cards.checkErr, s.cards.consume = &wechat.NetworkError{}, []error{&wechat.NetworkError{}}
	waits := s.card(wechatCards)
	r, _, err := s.redeem(&s.north, waits, "key-of-a-waiting-card")
	ok(t, err)
	must(t, r.State == redemption.Pending, "%s", r.State)
	refused("pending", waits, campaigns.ErrVoidPending)

	d := dbtest.Draft(noon, "short", 10, campaigns.OwnCode)
	d.ValidUntil = d.EndsAt
	short := s.card(dbtest.Publish(t, s.claims, d))
	s.now.add(d.ValidUntil.Sub(noon) + time.Second)
	refused("past its time", short, campaigns.ErrVoidState)

	for name, w := range map[string]campaigns.Withdrawal{"no reason": {}, "made up": {Reason: "x"}, "other without words": {Reason: campaigns.VoidOther, Note: " "}} {
		_, err := s.claims.Void(ctx, staff, short.ID, w)
		must(t, len(fault.All(err)) == 1 && fault.All(err)[0].Field != "", "%s: %v", name, err)
	}
	_, err = s.claims.Void(ctx, staff, 77, mistake)
	must(t, errors.Is(err, campaigns.ErrNotFound), "%v", err)
	must(t, len(lines(t, s.db, "claims.void")) == 0, "a refusal left a line in the audit")
}

func TestACardOfWeChatsIsVoidThereBeforeItIsVoidHere(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newShop(t)
	c := s.campaign("wallet", campaigns.WeChatCard, nil)
	v := &voids{err: &wechat.APIError{Code: 40127}}
	service := withVoids(s.db, s.now, v)
	claim := s.card(c)
	_, err := service.Void(ctx, staff, claim.ID, mistake)
	var answer *wechat.APIError
	must(t, errors.Is(err, campaigns.ErrVoidWeChat) && errors.As(err, &answer) && answer.Code == 40127, "%v", err)
	same, err := s.db.ClaimByID(ctx, claim.ID)
	ok(t, err)
	must(t, same.State == campaigns.Confirmed, "WeChat said no, and it is %s", same.State)
	_, err = s.claims.Void(ctx, staff, claim.ID, mistake) // of a program without WeChat
	must(t, errors.Is(err, campaigns.ErrVoidWeChat), "%v", err)

	// While WeChat takes the card out of the wallet, a till begins to redeem it: WeChat refuses
	// the till, and the void is written all the same.
	v.err = nil
	v.meanwhile = func() {
		s.cards.status, s.cards.checkErr, s.cards.consume = wechat.CodeUnavailable, &wechat.NetworkError{}, []error{&wechat.NetworkError{}}
		r, _, err := s.redeem(&s.north, claim, "key-of-the-till-meanwhile")
		ok(t, err)
		must(t, r.State == redemption.Pending, "%s", r.State)
	}
	void, err := service.Void(ctx, staff, claim.ID, mistake)
	ok(t, err)
	must(t, void.State == campaigns.Voided && v.calls == 2, "%s after %d calls", void.State, v.calls)
	s.cards.checkErr = nil
	s.now.add(time.Minute)
	n, err := s.service.Settle(ctx)
	ok(t, err)
	same, err = s.db.ClaimByID(ctx, claim.ID)
	ok(t, err)
	must(t, n == 1 && same.State == campaigns.Voided && s.coffees() == 50, "%d settled, the claim is %s, %d coffees", n, same.State, s.coffees())
	_, err = service.Void(ctx, staff, claim.ID, mistake)
	ok(t, err)
	must(t, v.calls == 2, "a void card was made void again at WeChat")
}

func TestOfVoidingAndRedeemingAtOnceExactlyOneWins(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newShop(t)
	c := s.campaign("race", campaigns.OwnCode, nil)
	const cards = 40
	var won [cards]struct{ void, used error }
	var wg sync.WaitGroup
	var list []*campaigns.Claim
	for range cards {
		list = append(list, s.card(c))
	}
	for i, claim := range list {
		wg.Go(func() { _, won[i].void = s.claims.Void(ctx, staff, claim.ID, mistake) })
		wg.Go(func() { _, _, won[i].used = s.redeem(&s.north, claim, fmt.Sprintf("key-of-card-%d", i)) })
	}
	wg.Wait()
	used := 0
	for i, claim := range list {
		got, err := s.db.ClaimByID(ctx, claim.ID)
		ok(t, err)
		switch {
		case won[i].void == nil && errors.Is(won[i].used, redemption.ErrRefused):
			must(t, got.State == campaigns.Voided, "card %d is %s", i, got.State)
		case won[i].used == nil && errors.Is(won[i].void, campaigns.ErrVoidState):
			must(t, got.State == campaigns.Redeemed, "card %d is %s", i, got.State)
			used++
		default:
			t.Errorf("card %d: void %v, redeem %v", i, won[i].void, won[i].used)
		}
	}
	must(t, s.coffees() == int64(50-used), "%d cards used, %d coffees left", used, s.coffees())
	_, err := s.claims.CheckStock(ctx, c.ID)
	ok(t, err)
}

// Voiding among all other events in any order keeps the stock identity, takes nothing from
// the stock, and a void card stays void unless it turns out to be redeemed.
func TestVoidingInAnyOrderWithOtherEventsKeepsTheLedger(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		now := newClock(noon)
		dbtest.Seed(t, d, now.now)
		s := withVoids(d, now, &voids{})
		draft := dbtest.Draft(noon, campaigns.Slug(fmt.Sprintf("void-%d", run)), 3, campaigns.WeChatCard)
		draft.CardID = wechat.CardID(fmt.Sprintf("pVoidCard%011d", run))
		c := dbtest.Publish(t, s, draft)
		var claims []*campaigns.Claim
		for i := range 3 {
			claim, _, err := s.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: dbtest.Visitor(t, s, i).ID, Key: key(i, run)})
			ok(t, err)
			claims = append(claims, claim)
		}
		kinds := []campaigns.EventKind{
			campaigns.EventOpened, campaigns.EventReported, campaigns.EventConfirmed, campaigns.EventConfirmed, campaigns.EventReleased, campaigns.EventRedeemed,
			campaigns.EventGifted, campaigns.EventReturned, campaigns.EventDeleted, campaigns.EventRestored, campaigns.EventExpired,
		}
		for step := range rapid.IntRange(1, 20).Draw(r, "steps") {
			now.add(time.Second)
			claim := rapid.SampledFrom(claims).Draw(r, "claim")
			before, err := d.ClaimByID(ctx, claim.ID)
			ok(t, err)
			stock, err := s.CheckStock(ctx, c.ID)
			ok(t, err)
			if rapid.IntRange(0, 2).Draw(r, "action") > 0 {
				e := campaigns.Event{Kind: rapid.SampledFrom(kinds).Draw(r, "kind"), Source: campaigns.FromPush, At: now.now()}
				if e.Kind == campaigns.EventConfirmed {
					e.Code = campaigns.CardCode(fmt.Sprintf("%012d", int64(claim.ID)%1_000_000_000_000))
				}
				_, err = d.Record(ctx, claim.ID, e, nil)
				ok(t, err)
			} else {
				_, err := s.Void(ctx, staff, claim.ID, mistake)
				may := before.State == campaigns.Confirmed || before.State == campaigns.Voided
				if may != (err == nil) || !may && !errors.Is(err, campaigns.ErrVoidState) {
					r.Fatalf("step %d: void of %s: %v", step, before.State, err)
				}
				after, err := s.CheckStock(ctx, c.ID)
				if err != nil || after != stock {
					r.Fatalf("step %d: stock %+v became %+v, %v", step, stock, after, err)
				}
			}
			row, err := d.ClaimByID(ctx, claim.ID)
			ok(t, err)
			if !before.VoidedAt.IsZero() && row.State != campaigns.Voided && row.State != campaigns.Redeemed {
				r.Fatalf("step %d: a void card became %s", step, row.State)
			}
			if _, err := s.CheckStock(ctx, c.ID); err != nil {
				r.Fatalf("step %d: %v", step, err)
			}
		}
	})
}

func TestManyAreMadeVoidOneByOne(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newShop(t)
	c := s.campaign("many", campaigns.OwnCode, nil)
	good, used := s.card(c), s.card(c)
	_, _, err := s.redeem(&s.north, used, "key-of-a-used-card")
	ok(t, err)
	done, err := s.claims.VoidMany(ctx, staff, []campaigns.ClaimID{used.ID, good.ID, 77}, mistake)
	ok(t, err)
	must(t, done.Done == 1 && len(done.Refused) == 2 && errors.Is(done.Refused[0], campaigns.ErrVoidState) && errors.Is(done.Refused[1], campaigns.ErrNotFound), "%+v", done)
	_, err = s.claims.VoidMany(ctx, staff, make([]campaigns.ClaimID, campaigns.MaxClaims+1), mistake)
	must(t, errors.Is(err, campaigns.ErrManyClaims), "%v", err)
}

func TestWhoIsBlockedClaimsNothingAndKeepsWhatTheyHave(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, now := dbtest.Open(t), newClock(noon)
	s := dbtest.Seed(t, d, now.now)
	one := dbtest.Publish(t, s, dbtest.Draft(noon, "one", 10, campaigns.OwnCode))
	two := dbtest.Publish(t, s, dbtest.Draft(noon, "two", 10, campaigns.WeChatCard))
	v, other := dbtest.Visitor(t, s, 1), dbtest.Visitor(t, s, 2)
	tap := func(c *campaigns.Campaign, who campaigns.Visitor) (*campaigns.Claim, error) {
		claim, _, err := s.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: who.ID, Key: key(int(who.ID%1000), int(c.ID%1000))})
		return claim, err
	}
	claim, err := tap(one, v)
	ok(t, err)
	blocked, err := s.Block(ctx, staff, []campaigns.ClaimID{claim.ID, claim.ID})
	ok(t, err)
	must(t, len(blocked) == 1 && blocked[0] == v.ID, "%v", blocked)
	again, err := s.Block(ctx, staff, []campaigns.ClaimID{claim.ID})
	ok(t, err)
	must(t, len(again) == 0 && len(lines(t, d, "visitor.block")) == 1, "a repeat blocked %v", again)

	_, err = tap(two, v)
	must(t, errors.Is(err, campaigns.ErrBlocked), "%v", err)
	kept, err := tap(one, v) // the retry of the tap that won
	ok(t, err)
	must(t, kept.ID == claim.ID && kept.State == campaigns.Confirmed, "%+v", kept)
	_, err = tap(two, other)
	ok(t, err)
	page, err := s.Claims(ctx, campaigns.ClaimFilter{Blocked: true})
	ok(t, err)
	must(t, len(page.Rows) == 1 && page.Rows[0].ID == claim.ID && page.Rows[0].BlockedAt.Equal(noon), "%+v", page.Rows)
	n, _, err := s.CountClaims(ctx, campaigns.ClaimFilter{Blocked: true}, 10)
	ok(t, err)
	must(t, n == 1, "%d", n)
	stock, err := s.CheckStock(ctx, two.ID)
	ok(t, err)
	must(t, stock.Issued() == 1, "a refused tap took stock: %+v", stock)

	free, err := s.Unblock(ctx, staff, blocked)
	ok(t, err)
	must(t, len(free) == 1 && len(lines(t, d, "visitor.unblock")) == 1, "%v", free)
	_, err = tap(two, v)
	ok(t, err)
}

func TestErasingOnesDataDoesNotEndABlock(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, now := dbtest.Open(t), newClock(noon)
	s := dbtest.Seed(t, d, now.now)
	c := dbtest.Publish(t, s, dbtest.Draft(noon, "one", 10, campaigns.OwnCode))
	v := dbtest.Visitor(t, s, 1)
	claim, _, err := s.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(1, 0)})
	ok(t, err)
	_, err = s.Block(ctx, staff, []campaigns.ClaimID{claim.ID})
	ok(t, err)
	ok(t, d.EraseVisitor(ctx, v.ID, campaigns.Audit{Action: "visitor.erase", Detail: "{}", At: noon}))
	back := dbtest.Visitor(t, s, 1)
	must(t, back.ID != v.ID, "the erased row came back")
	draft := dbtest.Draft(noon, "two", 10, campaigns.OwnCode)
	_, _, err = s.Claim(ctx, campaigns.Tap{Slug: dbtest.Publish(t, s, draft).Slug, Visitor: back.ID, Key: key(1, 1)})
	must(t, errors.Is(err, campaigns.ErrBlocked), "%v", err)
}
