package db_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/db/dbtest"
	"kaquan/redemption"
	"kaquan/stores"
	"kaquan/wechat"
)

// plainHasher stands where argon2 does: these tests are not about PINs.
type plainHasher struct{}

func (plainHasher) Hash(_ context.Context, pin string) (string, error) { return "plain:" + pin, nil }

func (plainHasher) Check(_ context.Context, pin, hash string) (bool, error) {
	return hash == "plain:"+pin, nil
}

// shop is an account with two stores, coffee in stock, and two campaigns.
type shop struct {
	tb      testing.TB
	db      *db.DB
	now     *clock
	claims  *campaigns.Service
	stores  *stores.Service
	service *redemption.Service
	cards   *tillCards
	coffee  stores.Goods
	north   redemption.Till // a clerk
	boss    redemption.Till // the manager of the same store
	south   redemption.Till // a clerk of the other
	people  int
}

// tillCards is WeChat at the till.
type tillCards struct {
	mu       sync.Mutex
	status   wechat.CodeStatus
	checkErr error
	consume  []error // the answers in turn; nil consumes
	calls    int
}

func (c *tillCards) Check(context.Context, campaigns.AccountID, wechat.CardID, campaigns.CardCode) (wechat.CodeInfo, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return wechat.CodeInfo{Status: c.status, CanConsume: c.status == wechat.CodeNormal}, c.checkErr
}

func (c *tillCards) Consume(context.Context, campaigns.AccountID, wechat.CardID, campaigns.CardCode) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if len(c.consume) > 0 {
		err := c.consume[0]
		c.consume = c.consume[1:]
		if err != nil {
			return err
		}
	}
	if c.status == wechat.CodeConsumed {
		return &wechat.APIError{Code: 40099}
	}
	c.status = wechat.CodeConsumed
	return nil
}

// account is dbtest's, as the stores call it.
const account = stores.AccountID(dbtest.Account)

func newShop(tb testing.TB) *shop {
	tb.Helper()
	ctx := context.Background()
	d, now := dbtest.OpenAt(tb, tb.TempDir()), newClock(noon)
	s := &shop{tb: tb, db: d, now: now, claims: dbtest.Seed(tb, d, now.now), cards: &tillCards{status: wechat.CodeNormal}}
	s.stores = stores.New(stores.Options{Store: d, Hasher: plainHasher{}, Now: now.now})
	s.service = redemption.New(redemption.Options{Store: d, Places: s.stores, Cards: s.cards, Now: now.now})
	boss := stores.Actor{Name: "老板"}
	var err error
	s.coffee, err = s.stores.CreateGoods(ctx, boss, account, stores.GoodsDraft{Barcode: "LATTE", Name: "拿铁", Unit: "杯"})
	ok(tb, err)
	till := func(place stores.Place, name string, role stores.Role) redemption.Till {
		m, _, err := s.stores.CreateStaff(ctx, boss, account, stores.StaffDraft{Place: place.ID, Name: name, Role: role})
		ok(tb, err)
		return redemption.Till{Staff: m, Place: place}
	}
	north, err := s.stores.CreatePlace(ctx, boss, account, stores.PlaceDraft{Kind: stores.ShopKind, Code: "N", Name: "国贸店"})
	ok(tb, err)
	south, err := s.stores.CreatePlace(ctx, boss, account, stores.PlaceDraft{Kind: stores.ShopKind, Code: "S", Name: "南站店"})
	ok(tb, err)
	s.north, s.boss, s.south = till(north, "小李", stores.Clerk), till(north, "王店长", stores.Manager), till(south, "小张", stores.Clerk)
	_, err = s.stores.Move(ctx, stores.Move{Account: account, Place: north.ID, Goods: s.coffee.ID, Kind: stores.In, Quantity: 50, By: boss, Key: "delivery"})
	ok(tb, err)
	return s
}

// campaign publishes one whose cards are exchanged for a coffee.
func (s *shop) campaign(slug campaigns.Slug, issuer campaigns.Issuer, change func(*campaigns.Redeeming)) *campaigns.Campaign {
	s.tb.Helper()
	d := dbtest.Draft(noon, slug, 1000, issuer)
	d.Redeeming = campaigns.Redeeming{Goods: s.coffee.ID.String(), Quantity: 1}
	if change != nil {
		change(&d.Redeeming)
	}
	return dbtest.Publish(s.tb, s.claims, d)
}

// card claims one, and for cards of WeChat's confirms it.
func (s *shop) card(c *campaigns.Campaign) *campaigns.Claim {
	s.tb.Helper()
	ctx := context.Background()
	s.people++
	v := dbtest.Visitor(s.tb, s.claims, s.people)
	claim, _, err := s.claims.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(s.people, 0)})
	ok(s.tb, err)
	if c.Issuer == campaigns.WeChatCard {
		claim, err = s.db.Record(ctx, claim.ID, campaigns.Event{Kind: campaigns.EventConfirmed, Source: campaigns.FromPush, At: s.now.now(), Code: campaigns.CardCode(fmt.Sprintf("9%011d", s.people))}, nil)
		ok(s.tb, err)
	}
	return claim
}

func (s *shop) look(till *redemption.Till, text string) redemption.View {
	s.tb.Helper()
	v, err := s.service.Look(context.Background(), till, text)
	ok(s.tb, err)
	return v
}

func (s *shop) redeem(till *redemption.Till, claim *campaigns.Claim, key string) (redemption.Redemption, redemption.View, error) {
	return s.service.Redeem(context.Background(), till, redemption.Confirm{Claim: claim.ID, Key: key})
}

func (s *shop) coffees() int64 {
	n, err := s.stores.Level(context.Background(), s.north.Place.ID, s.coffee.ID)
	ok(s.tb, err)
	return n
}

func (s *shop) state(claim *campaigns.Claim) campaigns.ClaimState {
	c, err := s.db.ClaimByID(context.Background(), claim.ID)
	ok(s.tb, err)
	return c.State
}

func TestAHundredTillsRedeemOneCardOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	card := s.card(s.campaign("own", campaigns.OwnCode, nil))
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		won  int
		lost int
	)
	for i := range 100 {
		wg.Go(func() {
			till := s.north
			if i%2 == 1 {
				till = s.boss
			}
			_, v, err := s.redeem(&till, card, fmt.Sprintf("redeem-%04d", i))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case errors.Is(err, redemption.ErrRefused) && v.Verdict == redemption.Used && v.Prior != nil && v.Prior.PlaceName == "国贸店" && v.Prior.StaffName != "" && v.Prior.At.Equal(noon):
				lost++
			default:
				t.Errorf("%v, %+v", err, v)
			}
		})
	}
	wg.Wait()
	must(t, won == 1 && lost == 99, "%d won, %d were told who and when", won, lost)
	must(t, s.coffees() == 49 && s.state(card) == campaigns.Redeemed, "%d coffees, card %s", s.coffees(), s.state(card))
	_, wrong, err := s.stores.Verify(t.Context(), account)
	ok(t, err)
	must(t, len(wrong) == 0, "stock differs: %+v", wrong)
}

func TestALostAnswerIsGivenAgainAndAKeyBelongsToOneCard(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	c := s.campaign("own", campaigns.OwnCode, nil)
	card, other := s.card(c), s.card(c)
	first, _, err := s.redeem(&s.north, card, "the-same-key")
	ok(t, err)
	again, _, err := s.redeem(&s.north, card, "the-same-key")
	ok(t, err)
	must(t, again.ID == first.ID && s.coffees() == 49, "again %d, first %d, %d coffees", again.ID, first.ID, s.coffees())
	_, _, err = s.redeem(&s.north, other, "the-same-key")
	must(t, errors.Is(err, redemption.ErrKeyReused), "%v", err)
}

func TestARedemptionIsTakenBackWithinFiveMinutesAndNotLater(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newShop(t)
	card := s.card(s.campaign("own", campaigns.OwnCode, nil))
	r, _, err := s.redeem(&s.north, card, "redeem-one")
	ok(t, err)
	_, err = s.service.Undo(ctx, &s.south, r.ID)
	must(t, errors.Is(err, redemption.ErrNotFound), "another store: %v", err)
	s.now.add(4*time.Minute + 59*time.Second)
	undone, err := s.service.Undo(ctx, &s.boss, r.ID)
	ok(t, err)
	must(t, undone.UndoneBy == "王店长" && s.coffees() == 50 && s.state(card) == campaigns.Confirmed, "%+v, %d coffees, card %s", undone, s.coffees(), s.state(card))
	_, err = s.service.Undo(ctx, &s.boss, r.ID)
	must(t, errors.Is(err, redemption.ErrUndone), "again: %v", err)
	// At the very same moment it can be used again, and then the minutes pass.
	r, _, err = s.redeem(&s.north, card, "redeem-two")
	ok(t, err)
	must(t, s.coffees() == 49 && s.state(card) == campaigns.Redeemed, "%d coffees, card %s", s.coffees(), s.state(card))
	s.now.add(5*time.Minute + time.Second)
	_, err = s.service.Undo(ctx, &s.north, r.ID)
	must(t, errors.Is(err, redemption.ErrTooLate), "late: %v", err)
	page, err := s.service.List(ctx, redemption.Filter{Account: dbtest.Account})
	ok(t, err)
	must(t, len(page.Rows) == 2 && page.Rows[1].State == redemption.Undone && page.Rows[0].State == redemption.Done && page.Rows[0].GoodsName == "拿铁", "rows %+v", page.Rows)
	history, err := s.db.History(ctx, card.ID)
	ok(t, err)
	must(t, len(history) == 5, "history %+v", history) // held, confirmed, redeemed, undone, redeemed
}

func TestTheTillSaysWhyACardIsNotGood(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newShop(t)
	here := s.campaign("here", campaigns.OwnCode, func(r *campaigns.Redeeming) { r.Places = []string{s.north.Place.ID.String()} })
	later := s.campaign("later", campaigns.OwnCode, func(r *campaigns.Redeeming) { r.From = noon.Add(time.Hour) })
	many := s.campaign("many", campaigns.OwnCode, func(r *campaigns.Redeeming) { r.Quantity = 51 })
	foreign := s.campaign("foreign", campaigns.WeChatCard, nil)
	event := func(c *campaigns.Claim, kind campaigns.EventKind) *campaigns.Claim {
		c, err := s.db.Record(ctx, c.ID, campaigns.Event{Kind: kind, Source: campaigns.FromPush, At: s.now.now()}, nil)
		ok(t, err)
		return c
	}
	pass, err := s.service.Pass(ctx, s.card(here), here)
	ok(t, err)
	for name, row := range map[string]struct {
		till *redemption.Till
		text string
		want redemption.Verdict
	}{
		"good here":              {&s.north, pass, redemption.Good},
		"typed in groups":        {&s.north, " " + s.card(here).Code.Grouped(), redemption.Good},
		"not at the other store": {&s.south, pass, redemption.OtherStore},
		"not yet":                {&s.north, string(s.card(later).Code), redemption.NotYet},
		"no coffee for it":       {&s.north, string(s.card(many).Code), redemption.NoGoods},
		"being given away":       {&s.north, string(event(s.card(foreign), campaigns.EventGifted).Code), redemption.Gifting},
		"deleted":                {&s.north, string(event(s.card(foreign), campaigns.EventDeleted).Code), redemption.Deleted},
		"voided":                 {&s.north, string(event(s.card(here), campaigns.EventVoided).Code), redemption.Voided},
		"expired":                {&s.north, string(event(s.card(foreign), campaigns.EventExpired).Code), redemption.Expired},
		"nobody's":               {&s.north, "123456789012", redemption.Unknown},
		"signed by nobody":       {&s.north, pass[:len(pass)-2] + "AA", redemption.Forged},
		"another code":           {&s.north, strings.Replace(pass, "KQ1.", "KQ1.x", 1), redemption.Forged},
	} {
		if v := s.look(row.till, row.text); v.Verdict != row.want {
			t.Errorf("%s: %s, want %s", name, v.Verdict, row.want)
		}
	}
	for _, text := range []string{"", "x", strings.Repeat("9", 400), "12 34", "<script>"} {
		if _, err := s.service.Look(ctx, &s.north, text); err == nil {
			t.Errorf("%.20q can be a code", text)
		}
	}
	store := s.north
	store.Staff.Role = stores.Stockkeeper
	_, err = s.service.Look(ctx, &store, pass)
	must(t, errors.Is(err, redemption.ErrNotAllowed), "%v", err)
}

func TestACardOfWeChatsIsConsumedThereAndALostAnswerIsAskedFor(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	lost := &wechat.NetworkError{Path: "/card/code/consume", Err: errors.New("timeout")}
	for name, row := range map[string]struct {
		answers []error
		status  wechat.CodeStatus // after the first call
		check   error
		state   redemption.State
		verdict redemption.Verdict
		settled redemption.State
		claim   campaigns.ClaimState
	}{
		"at once":                        {nil, "", nil, redemption.Done, redemption.Good, redemption.Done, campaigns.Redeemed},
		"the answer is lost, it is done": {[]error{lost}, wechat.CodeConsumed, nil, redemption.Done, redemption.Good, redemption.Done, campaigns.Redeemed},
		"nobody knows, then it is done":  {[]error{lost}, wechat.CodeConsumed, lost, redemption.Pending, redemption.Good, redemption.Done, campaigns.Redeemed},
		"it did not happen, then it did": {[]error{lost}, wechat.CodeNormal, nil, redemption.Pending, redemption.Good, redemption.Done, campaigns.Redeemed},
		"somebody else used it":          {[]error{&wechat.APIError{Code: 40099}}, "", nil, "", redemption.Used, redemption.Failed, campaigns.Confirmed},
		"the holder gives it away":       {[]error{&wechat.APIError{Code: 40127}}, "", nil, "", redemption.Gifting, redemption.Failed, campaigns.Confirmed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			card := s.card(s.campaign("foreign", campaigns.WeChatCard, nil))
			must(t, s.look(&s.north, string(card.Code)).Verdict == redemption.Good && !s.look(&s.north, string(card.Code)).CanUndo, "not good, or to be undone")
			s.cards.consume, s.cards.checkErr = row.answers, row.check
			if row.status != "" {
				s.cards.status = row.status
			}
			r, v, err := s.redeem(&s.north, card, "redeem-it")
			must(t, (err == nil) == (row.state != "") && r.State == row.state && v.Verdict == row.verdict, "%s, %s: %v", r.State, v.Verdict, err)
			if r.State == redemption.Pending {
				_, second, err := s.redeem(&s.boss, card, "another-try")
				must(t, errors.Is(err, redemption.ErrRefused) && second.Verdict == redemption.Waits, "meanwhile: %s, %v", second.Verdict, err)
			}
			s.cards.checkErr = nil
			s.now.add(11 * time.Second)
			_, err = s.service.Settle(ctx)
			ok(t, err)
			page, err := s.service.List(ctx, redemption.Filter{Account: dbtest.Account})
			ok(t, err)
			must(t, len(page.Rows) == 1 && page.Rows[0].State == row.settled && s.state(card) == row.claim, "settled %+v, card %s", page.Rows, s.state(card))
			coffees := int64(50)
			if row.claim == campaigns.Redeemed {
				coffees = 49
			}
			must(t, s.coffees() == coffees, "%d coffees", s.coffees())
			if row.claim == campaigns.Redeemed {
				_, err = s.service.Undo(ctx, &s.north, page.Rows[0].ID)
				must(t, errors.Is(err, redemption.ErrNoUndo), "undo: %v", err)
			}
		})
	}
}

func TestWhatATillAcceptedWithoutNetworkIsBookedOnceOrIsATask(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newShop(t)
	c := s.campaign("own", campaigns.OwnCode, nil)
	good, used, typed := s.card(c), s.card(c), s.card(c)
	goodPass, err := s.service.Pass(ctx, good, c)
	ok(t, err)
	usedPass, err := s.service.Pass(ctx, used, c)
	ok(t, err)
	_, _, err = s.redeem(&s.boss, used, "redeemed-online")
	ok(t, err)
	accepted := s.now.now()
	s.now.add(2 * time.Hour)
	list := []redemption.Offline{
		{Text: goodPass, At: accepted, Key: "offline-good"},
		{Text: usedPass, At: accepted, Key: "offline-used"},
		{Text: string(typed.Code), At: accepted, Key: "offline-typed"},
		{Text: goodPass[:len(goodPass)-2] + "AA", At: accepted, Key: "offline-forged"},
	}
	want := []redemption.Verdict{redemption.Good, redemption.Used, redemption.Unclear, redemption.Forged}
	for round := range 2 { // the first answer may be lost
		done, err := s.service.Sync(ctx, &s.north, list)
		ok(t, err)
		for i, d := range done {
			must(t, d.Verdict == want[i] && d.Key == list[i].Key, "round %d, %s: %s", round, d.Key, d.Verdict)
		}
	}
	r, err := s.db.RedemptionOf(ctx, good.ID)
	ok(t, err)
	must(t, r.Offline && r.At.Equal(accepted) && s.coffees() == 48, "%+v, %d coffees", r, s.coffees())
	tasks, err := s.service.Conflicts(ctx, dbtest.Account, 0, true)
	ok(t, err)
	must(t, len(tasks) == 3 && tasks[2].Verdict == redemption.Used && tasks[2].StaffName == "小李", "tasks %+v", tasks)
	ok(t, s.service.ResolveConflict(ctx, tasks[0].ID, stores.Actor{Name: "王店长"}, "已退"))
	ok(t, s.service.ResolveConflict(ctx, tasks[0].ID, stores.Actor{Name: "王店长"}, "已退"))
	tasks, err = s.service.Conflicts(ctx, dbtest.Account, s.north.Place.ID, true)
	ok(t, err)
	must(t, len(tasks) == 2, "open tasks %+v", tasks)
}

func TestEveryDigitOfAPassIsSigned(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newShop(t)
	c := s.campaign("own", campaigns.OwnCode, nil)
	card := s.card(c)
	pass, err := s.service.Pass(ctx, card, c)
	ok(t, err)
	same, err := s.service.Pass(ctx, card, c)
	ok(t, err)
	must(t, pass == same && len(pass) < 140, "pass %q, again %q", pass, same)
	for i := range pass {
		for _, sign := range []byte("0A") {
			if pass[i] == sign {
				continue
			}
			changed := pass[:i] + string(sign) + pass[i+1:]
			if v, err := s.service.Look(ctx, &s.north, changed); err == nil && v.Verdict == redemption.Good {
				t.Fatalf("%q is good", changed)
			}
		}
	}
	s.now.add(time.Second)
	_, err = s.service.RenewKey(ctx)
	ok(t, err)
	must(t, s.look(&s.north, pass).Verdict == redemption.Good, "an old pass is refused after the key was renewed")
	renewed, err := s.service.Pass(ctx, card, c)
	ok(t, err)
	must(t, renewed != pass && s.look(&s.north, renewed).Scan.Signed, "renewed %q", renewed)
}
