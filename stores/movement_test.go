package stores_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kaquan/fault"
	"kaquan/stores"
)

func TestStockIsTheSumOfItsMovementsWhateverHappensAtOnce(t *testing.T) {
	t.Parallel()
	w := open(t)
	places := []stores.Place{w.place("A", 0), w.place("B", 0), w.place("C", 0)}
	articles := []stores.Goods{w.article("g1"), w.article("g2")}
	var run atomic.Int64
	rapid.Check(t, func(rt *rapid.T) {
		round := run.Add(1)
		type step struct{ kind, from, to, goods, quantity, key int }
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
			n := func(name string, most int) int { return rapid.IntRange(0, most).Draw(rt, name) }
			return step{n("kind", 4), n("from", 2), n("to", 2), n("goods", 1), n("quantity", 9) + 1, n("key", 20)}
		}), 1, 24).Draw(rt, "steps")
		var work sync.WaitGroup
		for worker := range 3 {
			work.Go(func() {
				for i := worker; i < len(steps); i += 3 {
					x := steps[i]
					from, to, g, key := places[x.from], places[x.to], articles[x.goods], fmt.Sprintf("%d/%d", round, x.key)
					var err error
					switch x.kind {
					case 0, 1:
						var m stores.Movement
						if m, err = w.move(from, g, int64(x.quantity), key); err == nil && x.quantity > 7 {
							_, err = w.Undo(t.Context(), boss, m.ID, "")
						}
					case 2:
						_, err = w.move(from, g, -int64(x.quantity), key)
					case 3:
						_, _, err = w.Transfer(t.Context(), stores.Transfer{Account: account, From: from.ID, To: to.ID, Goods: g.ID, Quantity: int64(x.quantity), By: boss, Key: key})
					case 4:
						var c stores.Count
						if c, err = w.OpenCount(t.Context(), boss, from.ID); err == nil {
							err = w.SetSeen(t.Context(), c.ID, g.ID, int64(x.quantity))
							_, e := w.CloseCount(t.Context(), boss, c.ID, "")
							err = errors.Join(err, e)
						}
					}
					if code := fault.CodeOf(err); err != nil && code != fault.Conflict && code != fault.Invalid {
						rt.Errorf("step %+v: %v", x, err)
					}
				}
			})
		}
		work.Wait()
		_, wrong, err := w.Verify(t.Context(), account)
		if err != nil || len(wrong) > 0 {
			rt.Fatalf("stock is not the sum of its movements: %+v %v", wrong, err)
		}
	})
	for _, p := range places {
		for _, g := range articles {
			after := w.level(p, g)
			var chain []stores.MovementRow
			for m, err := range w.EachMovement(t.Context(), stores.MovementFilter{Account: account, Place: p.ID, Goods: g.ID}) {
				w.ok(err)
				chain = append(chain, m)
			}
			for _, m := range chain { // the newest first
				if m.After != after || m.Before+m.Quantity != m.After {
					t.Fatalf("%+v does not end at %d", m.Movement, after)
				}
				after = m.Before
			}
			if after != 0 {
				t.Errorf("the first movement starts at %d", after)
			}
		}
	}
}

func TestARequestThatIsSentTwiceMovesOnce(t *testing.T) {
	t.Parallel()
	w := open(t)
	p, q, g := w.place("A", 0), w.place("B", 0), w.article("g1")
	first, err := w.move(p, g, 10, "k")
	w.ok(err)
	again, err := w.move(p, g, 10, "k")
	w.ok(err)
	if again != first || w.level(p, g) != 10 {
		t.Errorf("%+v, then %+v, level %d", first, again, w.level(p, g))
	}
	_, err = w.move(p, g, 11, "k")
	w.refused(err, stores.ErrKeyReused)
	for range 2 {
		_, _, err = w.Transfer(t.Context(), stores.Transfer{Account: account, From: p.ID, To: q.ID, Goods: g.ID, Quantity: 4, By: boss, Key: "t"})
		w.ok(err)
	}
	if w.level(p, g) != 6 || w.level(q, g) != 4 {
		t.Errorf("levels %d and %d", w.level(p, g), w.level(q, g))
	}
	w.addsUp()
}

func TestStockNeverGoesBelowZeroAndTheRefusalSaysHowManyAreThere(t *testing.T) {
	t.Parallel()
	w := open(t)
	p, q, g := w.place("A", 0), w.place("B", 0), w.article("g1")
	_, err := w.move(p, g, -1, "a")
	w.refused(err, stores.ErrNotEnough)
	_, err = w.move(p, g, 3, "b")
	w.ok(err)
	var sold atomic.Int64
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			if _, err := w.move(p, g, -1, fmt.Sprint("c", i)); err == nil {
				sold.Add(1)
			}
		})
	}
	work.Wait()
	if sold.Load() != 3 || w.level(p, g) != 0 {
		t.Errorf("%d of 3 were sold, %d are left", sold.Load(), w.level(p, g))
	}
	_, _, err = w.Transfer(t.Context(), stores.Transfer{Account: account, From: p.ID, To: q.ID, Goods: g.ID, Quantity: 5, By: boss, Key: "t"})
	w.refused(err, stores.ErrNotEnough)
	if all := fault.All(err); len(all) != 1 || all[0].Args["have"] != int64(0) || all[0].Args["need"] != int64(5) {
		t.Errorf("%+v", all)
	}
	if w.level(q, g) != 0 {
		t.Error("half a transfer")
	}
}

func TestAMovementIsTakenBackOnceAndATransferWhole(t *testing.T) {
	t.Parallel()
	w := open(t)
	p, q, g := w.place("A", 0), w.place("B", 0), w.article("g1")
	m, err := w.move(p, g, 10, "k")
	w.ok(err)
	_, in, err := w.Transfer(t.Context(), stores.Transfer{Account: account, From: p.ID, To: q.ID, Goods: g.ID, Quantity: 4, By: boss, Key: "t"})
	w.ok(err)
	_, err = w.Undo(t.Context(), boss, m.ID, "")
	w.refused(err, stores.ErrNotEnough) // four of the ten are elsewhere
	undone, err := w.Undo(t.Context(), boss, in.ID, "送错了")
	w.ok(err)
	if len(undone) != 2 || w.level(p, g) != 10 || w.level(q, g) != 0 {
		t.Errorf("%d movements, levels %d and %d", len(undone), w.level(p, g), w.level(q, g))
	}
	_, err = w.Undo(t.Context(), boss, in.ID, "")
	w.refused(err, stores.ErrUndone)
	_, err = w.Undo(t.Context(), boss, undone[0].ID, "")
	w.refused(err, stores.ErrNoUndo)
	_, err = w.Undo(t.Context(), boss, m.ID, "")
	w.ok(err)
	w.addsUp()
}

func TestAClosedPlaceAndAnArchivedArticleTakeNothingIn(t *testing.T) {
	t.Parallel()
	w := open(t)
	p, q, g := w.place("A", 0), w.place("B", 0), w.article("g1")
	_, err := w.move(p, g, 10, "k")
	w.ok(err)
	w.ok(w.SwitchPlace(t.Context(), boss, p.ID, true))
	_, err = w.move(p, g, 1, "k2")
	w.refused(err, stores.ErrPlaceDisabled)
	_, _, err = w.Transfer(t.Context(), stores.Transfer{Account: account, From: p.ID, To: q.ID, Goods: g.ID, Quantity: 10, By: boss, Key: "t"})
	w.ok(err) // it can be emptied
	_, _, err = w.Transfer(t.Context(), stores.Transfer{Account: account, From: q.ID, To: p.ID, Goods: g.ID, Quantity: 1, By: boss, Key: "t2"})
	w.refused(err, stores.ErrPlaceDisabled)
	w.ok(w.ArchiveGoods(t.Context(), boss, g.ID, true))
	_, err = w.move(q, g, 1, "k3")
	w.refused(err, stores.ErrGoodsArchived)
	_, err = w.move(q, g, -1, "k4")
	w.ok(err)
	_, err = w.Move(t.Context(), stores.Move{Account: "other", Place: q.ID, Goods: g.ID, Kind: stores.Out, Quantity: -1, By: boss, Key: "k5"})
	w.refused(err, stores.ErrPlaceNotFound)
}

func TestACountBooksItsDifferencesOnceAndKeepsWhatMovedMeanwhile(t *testing.T) {
	t.Parallel()
	w := open(t)
	p, g, h := w.place("A", 0), w.article("g1"), w.article("g2")
	for i, a := range []stores.Goods{g, h} {
		_, err := w.move(p, a, 10, fmt.Sprint("k", i))
		w.ok(err)
	}
	c, err := w.OpenCount(t.Context(), boss, p.ID)
	w.ok(err)
	_, err = w.OpenCount(t.Context(), boss, p.ID)
	w.refused(err, stores.ErrCountOpen)
	w.ok(w.SetSeen(t.Context(), c.ID, g.ID, 8))
	w.ok(w.SetSeen(t.Context(), c.ID, h.ID, 10))
	_, err = w.move(p, g, -3, "sold")
	w.ok(err)
	if c, lines, err := w.Count(t.Context(), c.ID); err != nil || len(lines) != 2 || c.Lines != 2 || c.Different != 1 {
		t.Errorf("%+v %+v %v", c, lines, err)
	}
	var closed atomic.Int64
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			if booked, err := w.CloseCount(t.Context(), boss, c.ID, "月底"); err == nil && len(booked) == 1 {
				closed.Add(1)
			}
		})
	}
	work.Wait()
	if closed.Load() != 1 || w.level(p, g) != 5 || w.level(p, h) != 10 {
		t.Errorf("closed %d times, levels %d and %d", closed.Load(), w.level(p, g), w.level(p, h))
	}
	w.refused(w.SetSeen(t.Context(), c.ID, g.ID, 1), stores.ErrCountClosed)
	w.refused(w.CancelCount(t.Context(), boss, c.ID), stores.ErrCountClosed)
	w.addsUp()
}

func TestTheLogIsReadInPagesByEveryFilter(t *testing.T) {
	t.Parallel()
	w := open(t)
	p, q, g := w.place("A", 0), w.place("B", 0), w.article("g1")
	start := w.clock()
	for i := range 7 {
		_, err := w.move(p, g, 2, fmt.Sprint("k", i))
		w.ok(err)
		w.pass(time.Hour)
	}
	_, _, err := w.Transfer(t.Context(), stores.Transfer{Account: account, From: p.ID, To: q.ID, Goods: g.ID, Quantity: 4, By: boss, Key: "t"})
	w.ok(err)
	for name, row := range map[string]struct {
		f    stores.MovementFilter
		want int
	}{
		"all":          {stores.MovementFilter{}, 9},
		"a place":      {stores.MovementFilter{Place: q.ID}, 1},
		"goods":        {stores.MovementFilter{Goods: g.ID, Place: p.ID}, 8},
		"a kind":       {stores.MovementFilter{Kind: stores.TransferIn}, 1},
		"somebody":     {stores.MovementFilter{By: boss.Name}, 9},
		"nobody":       {stores.MovementFilter{By: "老"}, 0},
		"a span":       {stores.MovementFilter{From: start.Add(time.Hour), To: start.Add(3 * time.Hour)}, 2},
		"another firm": {stores.MovementFilter{Account: "other"}, 0},
	} {
		if row.f.Account == "" {
			row.f.Account = account
		}
		n := 0
		for {
			row.f.Limit = 3
			page, err := w.Movements(t.Context(), row.f)
			w.ok(err)
			n += len(page.Rows)
			if row.f.After = page.Next; page.Next == "" {
				break
			}
		}
		all := 0
		for _, err := range w.EachMovement(t.Context(), row.f) {
			w.ok(err)
			all++
		}
		if n != row.want || all != row.want {
			t.Errorf("%s: %d in pages, %d streamed, want %d", name, n, all, row.want)
		}
	}
}

func TestAListOfStockIsBookedWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	w := open(t)
	p, g := w.place("A", 0), w.article("g1")
	list := []stores.StockDraft{{PlaceCode: "a", Barcode: "G1", Quantity: "5", Row: 2}, {PlaceCode: "A", Barcode: "g1", Quantity: "-9", Row: 3}}
	_, err := w.ImportStock(t.Context(), boss, account, "file", list, false)
	wrong := stores.RowErrors{}
	if !errors.As(err, &wrong) || wrong[0].Row != 3 || wrong[0].Key != stores.ErrNotEnough.Key || w.level(p, g) != 0 {
		t.Fatalf("%v, level %d", err, w.level(p, g))
	}
	list[1].Quantity = "-2"
	for range 2 {
		n, err := w.ImportStock(t.Context(), boss, account, "file", list, false)
		w.ok(err)
		if n != 2 || w.level(p, g) != 3 {
			t.Errorf("%d rows, level %d", n, w.level(p, g))
		}
	}
	_, err = w.ImportStock(t.Context(), boss, account, "x", []stores.StockDraft{{PlaceCode: "?", Barcode: "?", Quantity: "1.5", Row: 1}, {PlaceCode: "?", Barcode: "?", Quantity: "1", Row: 2}}, true)
	if !errors.As(err, &wrong) || len(wrong) != 3 || !strings.Contains(wrong.Error(), "row 1") {
		t.Errorf("%+v", wrong)
	}
}
