package db_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/wechat"
)

// wallets is WeChat's side of the cards.
type wallets struct {
	mu    sync.Mutex
	held  map[wechat.OpenID][]wechat.UserCard
	codes map[campaigns.CardCode]wechat.CodeInfo
	err   error
	calls int
	block chan struct{} // not nil: calls say so on it and wait
}

func newWallets() *wallets {
	return &wallets{held: map[wechat.OpenID][]wechat.UserCard{}, codes: map[campaigns.CardCode]wechat.CodeInfo{}}
}

func (w *wallets) put(c *card, status wechat.CodeStatus, outer string) {
	w.held[c.holder] = append(w.held[c.holder], wechat.UserCard{CardID: "pTestCard0000000000000000001", Code: c.code})
	w.codes[campaigns.CardCode(c.code)] = wechat.CodeInfo{CardID: "pTestCard0000000000000000001", OpenID: c.holder, Status: status, OuterStr: outer}
}

func (w *wallets) UserCards(ctx context.Context, _ campaigns.AccountID, person wechat.OpenID, _ wechat.CardID) ([]wechat.UserCard, error) {
	if w.block != nil {
		close(w.block)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	return w.held[person], w.err
}

func (w *wallets) OpenCode(_ context.Context, _ campaigns.AccountID, sealed string) (campaigns.CardCode, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	code, known := strings.CutPrefix(sealed, "sealed+")
	if !known {
		return "", &wechat.APIError{Code: 40056}
	}
	return campaigns.CardCode(code), w.err
}

func (w *wallets) CheckCode(_ context.Context, _ campaigns.AccountID, _ wechat.CardID, code campaigns.CardCode) (wechat.CodeInfo, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	info, known := w.codes[code]
	if !known {
		return info, wechat.ErrCodeUnknown
	}
	return info, w.err
}

// reported is a card that the page says is in the wallet, while WeChat's push was lost.
func (l *ledger) reported() card { return l.handed("") }

// handed is reported, with an encrypted code that the page handed over.
func (l *ledger) handed(sealed string) card { return l.report(l.card(), sealed) }

func (l *ledger) report(c card, sealed string) card {
	ctx := context.Background()
	_, err := l.db.Record(ctx, c.claim.ID, campaigns.Event{Kind: campaigns.EventOpened, Source: campaigns.FromServer, At: l.now.now()}, nil)
	ok(l.tb, err)
	_, err = l.service.Report(ctx, c.claim.ID, c.claim.Visitor, campaigns.SheetReport{Outcome: campaigns.WalletAdded, Sealed: sealed})
	ok(l.tb, err)
	return c
}

func (l *ledger) state(c *card) campaigns.ClaimState {
	claim, err := l.db.ClaimByID(context.Background(), c.claim.ID)
	ok(l.tb, err)
	return claim.State
}

func (l *ledger) reconciler(w campaigns.CardBook) *campaigns.Reconciler {
	return campaigns.NewReconciler(l.service, w, "test", time.Nanosecond)
}

func TestALostPushIsHealedWithinOneCycleAndAForgedReportNeverCounts(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l, w := newLedger(t), newWallets()
	lost, bare, forged, fresh := l.reported(), l.reported(), l.reported(), card{}
	w.put(&lost, wechat.CodeNormal, string(lost.claim.Ref))
	w.put(&bare, wechat.CodeConsumed, "") // WeChat does not always say where a card came from
	must(t, l.receive(lost.told("user_del_card", 30)) == campaigns.PushUnmatched, "the code is not known yet")
	l.now.add(61 * time.Second)
	fresh = l.reported()
	w.put(&fresh, wechat.CodeNormal, string(fresh.claim.Ref))

	run, err := l.reconciler(w).Run(ctx, campaigns.RunRecent)
	ok(t, err)
	must(t, run.Checked == 3 && run.Repaired == 2 && run.ID > 0, "run %+v", run)
	// The message that waited for the code is applied with it.
	must(t, l.state(&lost) == campaigns.Deleted && l.state(&bare) == campaigns.Redeemed, "lost %s, bare %s", l.state(&lost), l.state(&bare))
	must(t, l.state(&forged) == campaigns.Reported && l.state(&fresh) == campaigns.Reported, "forged %s, fresh %s", l.state(&forged), l.state(&fresh))
	differences, err := l.service.Differences(ctx, run.ID, 10)
	ok(t, err)
	must(t, len(differences) == 2 && differences[1].Claim == lost.claim.ID && differences[1].Was == campaigns.Reported && differences[1].Became == campaigns.Deleted, "differences %+v", differences)

	// At once again: only who has not been asked about is.
	calls := w.calls
	run, err = l.reconciler(w).Run(ctx, campaigns.RunRecent)
	ok(t, err)
	must(t, w.calls == calls && run.ID == 0, "asked %d times too often", w.calls-calls)
	l.now.add(16 * time.Minute)
	_, err = l.service.Sweep(ctx)
	ok(t, err)
	must(t, l.state(&forged) == campaigns.Released, "the forged one is %s", l.state(&forged))
	// The push that was late after all changes nothing more than its time.
	l.receive(bare.told("user_get_card", 1, "OuterStr", string(bare.claim.Ref)))
	stock, err := l.service.CheckStock(ctx, l.campaign.ID)
	ok(t, err)
	must(t, stock.Confirmed == 2, "stock %+v", stock)
}

func TestTheNightRepairsEveryKindOfDifferenceOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l, w := newLedger(t), newWallets()
	want := map[*card]campaigns.ClaimState{}
	confirmed := func(status wechat.CodeStatus, after campaigns.ClaimState, more ...string) *card {
		c := l.card()
		l.receive(c.told("user_get_card", 1, "OuterStr", string(c.claim.Ref)))
		for i, name := range more {
			l.receive(c.told(name, 2+i))
		}
		if status != "" {
			w.put(&c, status, string(c.claim.Ref))
		}
		want[&c] = after
		return &c
	}
	confirmed(wechat.CodeNormal, campaigns.Confirmed)
	confirmed(wechat.CodeConsumed, campaigns.Redeemed)
	confirmed(wechat.CodeDeleted, campaigns.Deleted)
	confirmed(wechat.CodeExpired, campaigns.Expired)
	confirmed(wechat.CodeGifted, campaigns.Gifted)
	confirmed(wechat.CodeUnavailable, campaigns.Voided)
	confirmed(wechat.CodeGiftTimeout, campaigns.Confirmed, "user_gifting_card")
	confirmed(wechat.CodeNormal, campaigns.Confirmed, "user_del_card")
	confirmed("", campaigns.Confirmed) // WeChat does not know the code
	moved := confirmed(wechat.CodeNormal, campaigns.Confirmed)
	w.codes[campaigns.CardCode(moved.code)] = wechat.CodeInfo{OpenID: "oSomebodyElse", Status: wechat.CodeNormal}

	l.now.add(16 * time.Hour) // 4:00 in Shanghai
	r := l.reconciler(w)
	ok(t, r.Nightly(ctx))
	ok(t, r.Nightly(ctx)) // not twice in one night
	runs, err := l.service.Runs(ctx, 10)
	ok(t, err)
	must(t, len(runs) == 1 && runs[0].Kind == campaigns.RunNightly && runs[0].Repaired == 7 && runs[0].Differing == 2 && runs[0].Checked == 10, "runs %+v", runs)
	for c, state := range want {
		must(t, l.state(c) == state, "%s is %s, want %s", c.code, l.state(c), state)
	}
	_, err = l.service.CheckStock(ctx, l.campaign.ID)
	ok(t, err)
}

func TestARunStopsWhenWeChatRefusesAndOnlyOneRunsAtATime(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l, w := newLedger(t), newWallets()
	for range 5 {
		l.reported()
	}
	l.now.add(2 * time.Minute)
	for code, stopped := range map[int]string{45009: campaigns.StopQuota, 48001: campaigns.StopRefused} {
		w.err, w.calls = &wechat.APIError{Code: code}, 0
		run, err := l.reconciler(w).Run(ctx, campaigns.RunManual)
		ok(t, err)
		must(t, run.Stopped == stopped && w.calls == 1 && run.Failed == 1, "%d: %+v after %d calls", code, run, w.calls)
	}
	w.err, w.calls = errors.New("no route"), 0
	run, err := l.reconciler(w).Run(ctx, campaigns.RunManual)
	ok(t, err)
	must(t, run.Stopped == campaigns.StopDown && w.calls == 3, "%+v after %d calls", run, w.calls)

	w.err, w.block = nil, make(chan struct{})
	long, cancel := context.WithCancel(ctx)
	done := make(chan campaigns.Run, 1)
	go func() {
		run, _ := campaigns.NewReconciler(l.service, w, "first", time.Nanosecond).Run(long, campaigns.RunManual)
		done <- run
	}()
	second := campaigns.NewReconciler(l.service, newWallets(), "second", time.Nanosecond)
	<-w.block
	_, err = second.Run(ctx, campaigns.RunManual)
	must(t, errors.Is(err, campaigns.ErrReconciling), "two at a time: %v", err)
	cancel()
	run = <-done
	must(t, run.Stopped == campaigns.StopTime, "run %+v", run)
	_, err = second.Run(ctx, campaigns.RunManual)
	ok(t, err)
}

func TestAnEncryptedCodeFromThePageFindsTheCardOfThisPersonAlone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l, w := newLedger(t), newWallets()
	own := l.card()
	w.codes[campaigns.CardCode(own.code)] = wechat.CodeInfo{OpenID: own.holder, Status: wechat.CodeNormal, OuterStr: string(own.claim.Ref)}
	own = l.report(own, "sealed+"+string(own.code)) // in no list of the person's cards
	thief := l.handed("sealed+" + string(own.code))
	liar, broken := l.handed("made-up"), l.handed("sealed+"+strings.Repeat("x", 2000))
	l.now.add(61 * time.Second)
	run, err := l.reconciler(w).Run(ctx, campaigns.RunRecent)
	ok(t, err)
	must(t, run.Checked == 4 && run.Repaired == 1 && run.Failed == 0, "run %+v", run)
	must(t, l.state(&own) == campaigns.Confirmed, "own is %s", l.state(&own))
	for _, c := range []card{thief, liar, broken} {
		must(t, l.state(&c) == campaigns.Reported, "a claim that WeChat does not vouch for is %s", l.state(&c))
	}
}
