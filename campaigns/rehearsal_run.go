package campaigns

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"kaquan/fault"
	"kaquan/wechat"
)

const (
	maxLevels  = 60              // points of the curve
	sweepEvery = 5 * time.Second // as the program returns expired holds
)

// performance is a rehearsal under way: one goroutine, a clock that jumps from one step
// to the next, and the real service on a scratch store.
type performance struct {
	ctx      context.Context
	service  *Service
	store    Store
	campaign *Campaign
	answers  func(n int) map[string]string
	rng      *rand.Rand
	now      time.Time
	steps    stepQueue
	count    int64

	people   []*guest
	result   *Rehearsal
	refused  map[string]int
	levels   []StockLevel
	settled  map[ClaimID]bool // confirmed: the clock need not look at its hold
	sweeping map[time.Time]bool
}

// guest is a rehearsed visitor.
type guest struct {
	n         int
	behaviour Behaviour
	visitor   VisitorID
	openid    wechat.OpenID
	taps      int // keys used
	cards     int
	cancelled bool // closed the wallet sheet once
	slow      bool // a hold ran out on them
}

func (g *guest) key() string { return fmt.Sprintf("rehearsal-%d-%d", g.n, g.taps) }

// step is something that happens at a moment; steps of one moment happen in order.
type step struct {
	at    time.Time
	order int64
	do    func() error
}

type stepQueue []step

func (q stepQueue) Len() int      { return len(q) }
func (q stepQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q stepQueue) Less(i, j int) bool {
	return q[i].at.Before(q[j].at) || q[i].at.Equal(q[j].at) && q[i].order < q[j].order
}
func (q *stepQueue) Push(x any) { *q = append(*q, x.(step)) }
func (q *stepQueue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// wallet signs for nobody: the cards of a rehearsal go into no wallet.
type wallet struct{}

func (wallet) SignCard(context.Context, AccountID, wechat.CardRequest) (string, error) {
	return "{}", nil
}

// rehearse plays the plan on the store.
func rehearse(ctx context.Context, store ScratchStore, c *Campaign, plan RehearsalPlan) (*Rehearsal, error) {
	p := &performance{
		ctx: ctx, store: store, now: c.StartsAt.Add(-time.Minute), rng: rand.New(rand.NewPCG(plan.Seed, 0x6b61)),
		result: &Rehearsal{Plan: plan}, refused: map[string]int{}, settled: map[ClaimID]bool{}, sweeping: map[time.Time]bool{},
	}
	p.service = New(Options{Store: store, Gateway: wallet{}, Followers: crowd{}, Now: func() time.Time { return p.now }})
	p.answers = answersTo(c.Form)
	if err := p.stage(store, c, plan.Visitors); err != nil {
		return nil, err
	}
	p.invite(plan)
	if err := p.greet(); err != nil {
		return nil, err
	}
	for len(p.steps) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		next := heap.Pop(&p.steps).(step)
		p.now = next.at
		if err := next.do(); err != nil {
			return nil, err
		}
	}
	return p.result, p.close()
}

// stage puts a published copy of the campaign, with its whole stock, into the store. The
// account is a made-up one: secrets stay where they are.
func (p *performance) stage(store ScratchStore, c *Campaign, guests int) error {
	account := Account{ID: c.Account, Name: "rehearsal", Credentials: wechat.Credentials{
		Account: string(c.Account), AppID: "wx0000000000000000", Secret: "rehearsal", PushToken: "rehearsal", Mode: wechat.Stable,
	}}
	if err := p.service.SaveAccount(p.ctx, store, Actor{}, account); err != nil {
		return err
	}
	draft := DraftOf(c)
	if err := p.rule(&draft, guests); err != nil {
		return err
	}
	copied, err := p.service.Create(p.ctx, Actor{}, draft)
	if err != nil {
		return err
	}
	if err := p.service.Publish(p.ctx, Actor{}, copied.ID); err != nil {
		return err
	}
	p.campaign, err = p.service.Campaign(p.ctx, copied.ID)
	p.levels = []StockLevel{{c.StartsAt, c.Stock.Total}}
	return err
}

// invite decides who comes when. Every share of at least one person is somebody.
func (p *performance) invite(plan RehearsalPlan) {
	kinds := make([]Behaviour, 0, plan.Visitors)
	for _, b := range Behaviours[1:] {
		if !b.Applies(p.campaign) {
			continue
		}
		for range plan.Visitors * plan.Share(b) / 100 {
			kinds = append(kinds, b)
		}
	}
	for len(kinds) < plan.Visitors {
		kinds = append(kinds, ClaimsOnce)
	}
	p.rng.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	for n, b := range kinds {
		g := &guest{n: n, behaviour: b, openid: guestID(n)}
		p.people = append(p.people, g)
		p.at(p.arrival(plan.Curve), func() error { return p.arrive(g) })
	}
}

// greet signs everybody in beforehand, many at a time: the store writes them in groups,
// and who is first makes no difference.
func (p *performance) greet() error {
	const doors = 32
	var group sync.WaitGroup
	failed := make([]error, doors)
	for door := range doors {
		group.Go(func() {
			for i := door; i < len(p.people) && failed[door] == nil; i += doors {
				var v Visitor
				v, failed[door] = p.service.Visit(p.ctx, Visitor{Account: p.campaign.Account, OpenID: p.people[i].openid})
				p.people[i].visitor = v.ID
			}
		})
	}
	group.Wait()
	return errors.Join(failed...)
}

// arrival draws a moment between start and end.
func (p *performance) arrival(curve Curve) time.Time {
	start, window := p.campaign.StartsAt, p.campaign.EndsAt.Sub(p.campaign.StartsAt)
	even := func() time.Time { return start.Add(time.Duration(p.rng.Float64() * float64(window))) }
	for range 50 {
		at := even()
		switch curve {
		case Steady:
		case Rush:
			at = start.Add(time.Duration(p.rng.ExpFloat64() * float64(min(10*time.Minute, window/10))))
		case Evening:
			y, m, d := at.In(p.campaign.Zone).Date()
			peak := time.Date(y, m, d, 20, 30, 0, 0, p.campaign.Zone).Add(time.Duration(p.rng.NormFloat64() * float64(time.Hour)))
			if p.rng.Float64() < 0.7 {
				at = peak
			}
		}
		if !at.Before(start) && at.Before(p.campaign.EndsAt) {
			return at.Truncate(time.Millisecond)
		}
	}
	return even().Truncate(time.Millisecond)
}

func (p *performance) at(t time.Time, do func() error) {
	p.count++
	heap.Push(&p.steps, step{t.Truncate(time.Millisecond), p.count, do})
}

// soon does something after between least and most.
func (p *performance) soon(least, most time.Duration, do func() error) {
	p.at(p.now.Add(least+time.Duration(p.rng.Float64()*float64(most-least))), do)
}

// look notes how the stock stands after a step.
func (p *performance) look() error {
	c, err := p.store.CampaignByID(p.ctx, p.campaign.ID)
	if err != nil {
		return err
	}
	left := c.Stock.Left()
	if left != p.levels[len(p.levels)-1].Left {
		p.levels = append(p.levels, StockLevel{p.now, left})
	}
	if left <= 0 && p.result.DepletedAt.IsZero() {
		p.result.DepletedAt = p.now
	}
	if c.Stock.Held > p.result.PeakHeld {
		p.result.PeakHeld, p.result.PeakAt = c.Stock.Held, p.now
	}
	p.result.Overdraft = max(p.result.Overdraft, c.Stock.Overdraft())
	p.campaign.Stock = c.Stock
	return nil
}

func (p *performance) arrive(g *guest) error {
	if g.behaviour == AnswersBad {
		wrong, consent := spoil(p.campaign.Form, p.answers(g.n))
		_, _, err := p.service.Claim(p.ctx, p.tapOf(g, wrong, consent))
		if !p.refuse(err) {
			return cmp.Or(err, fmt.Errorf("rehearsal: wrong answers were taken"))
		}
		p.soon(10*time.Second, 45*time.Second, func() error { return p.tap(g) })
		return nil
	}
	return p.tap(g)
}

// refuse counts a refusal and reports whether err is one.
func (p *performance) refuse(err error) bool {
	reasons := fault.All(err)
	if len(reasons) == 0 || reasons[0].Code == fault.Internal || reasons[0].Code == fault.Unavailable {
		return false
	}
	if reasons[0].Field != "" {
		p.refused[RefusedForm]++
		return true
	}
	p.refused[reasons[0].Key]++
	return true
}

// claim is one tap; nil without an error means that it was refused.
func (p *performance) claim(g *guest) (*Claim, error) {
	claim, _, err := p.service.Claim(p.ctx, p.tapOf(g, p.answers(g.n), true))
	if p.refuse(err) {
		if fault.All(err)[0].Key == ErrSoldOut.Key && p.campaign.Stock.Confirmed < p.campaign.Stock.Total {
			p.result.Blocked++
		}
		return nil, nil
	}
	return claim, err
}

// tap claims with a new key and goes on as the guest does.
func (p *performance) tap(g *guest) error {
	g.taps++
	claim, err := p.claim(g)
	if claim == nil {
		return err
	}
	if err := p.look(); err != nil {
		return err
	}
	if g.behaviour == TapsTwice && g.taps == 1 {
		p.soon(200*time.Millisecond, 1500*time.Millisecond, func() error { return p.repeat(g, claim.ID) })
	}
	if claim.State == Confirmed {
		g.cards++
		p.goOn(g)
		return nil
	}
	p.watch(claim)
	p.soon(2*time.Second, 8*time.Second, func() error { return p.openWallet(g, claim) })
	return nil
}

// repeat taps once more with the key that is used already.
func (p *performance) repeat(g *guest, first ClaimID) error {
	claim, err := p.claim(g)
	if claim != nil && claim.ID == first {
		p.result.Repeats++
	}
	return err
}

// goOn is what happens after a card: some want one more.
func (p *performance) goOn(g *guest) {
	if g.behaviour == TriesAgain && g.taps < maxAttempts {
		p.soon(20*time.Second, 90*time.Second, func() error { return p.tap(g) })
	}
}

// watch lets the clock return the claim's unit, as the program's sweep does.
func (p *performance) watch(claim *Claim) {
	at := claim.HoldUntil.Truncate(sweepEvery).Add(sweepEvery)
	p.at(at, func() error {
		if p.settled[claim.ID] || p.sweeping[at] {
			return nil
		}
		p.sweeping[at] = true
		n, err := p.service.Sweep(p.ctx)
		if err != nil || n == 0 {
			return err
		}
		p.result.Expired += n
		return p.look()
	})
}

func (p *performance) openWallet(g *guest, claim *Claim) error {
	_, _, _, err := p.service.Open(p.ctx, claim.ID, g.visitor)
	if p.refuse(err) {
		// Their place is gone; a page says so and offers to start over.
		p.tooSlow(g)
		if g.taps < maxAttempts {
			p.soon(5*time.Second, 30*time.Second, func() error { return p.tap(g) })
		}
		return nil
	}
	if err != nil {
		return err
	}
	if g.behaviour == LeavesIt || g.behaviour == ComesBack && !g.cancelled {
		p.soon(2*time.Second, 10*time.Second, func() error { return p.cancel(g, claim) })
		return nil
	}
	// Most add the card at once; some read it all first.
	p.soon(3*time.Second, 20*time.Second, func() error {
		if p.rng.Float64() < 0.06 {
			p.at(p.now.Add(time.Duration(p.rng.ExpFloat64()*float64(time.Minute))), func() error { return p.add(g, claim) })
			return nil
		}
		return p.add(g, claim)
	})
	return nil
}

func (p *performance) cancel(g *guest, claim *Claim) error {
	g.cancelled = true
	if _, err := p.service.Report(p.ctx, claim.ID, g.visitor, SheetReport{Outcome: WalletCancelled}); err != nil {
		return err
	}
	if g.behaviour == ComesBack {
		p.soon(15*time.Second, 4*time.Minute, func() error { return p.openWallet(g, claim) })
	}
	return nil
}

func (p *performance) tooSlow(g *guest) {
	if !g.slow {
		g.slow = true
		p.result.TooSlow++
	}
}

// add puts the card into the wallet, whatever our clock says about the hold: WeChat does
// not ask us.
func (p *performance) add(g *guest, claim *Claim) error {
	if p.now.After(claim.HoldUntil) {
		p.tooSlow(g)
	}
	g.cards++
	p.goOn(g)
	confirm := func() error { return p.receive(g, claim) }
	if g.behaviour == LatePush {
		late := claim.HoldUntil
		if late.Before(p.now) {
			late = p.now
		}
		p.at(late.Add(sweepEvery+time.Duration(1+p.rng.IntN(20))*time.Minute), confirm)
		return nil
	}
	reported, err := p.service.Report(p.ctx, claim.ID, g.visitor, SheetReport{Outcome: WalletAdded})
	if err != nil {
		return err
	}
	if g.behaviour == LosesPush {
		p.watch(reported)
		night := p.now.In(p.campaign.Zone)
		night = time.Date(night.Year(), night.Month(), night.Day()+1, nightlyHour, 0, 0, 0, p.campaign.Zone)
		p.at(night, func() error { return p.reconcile(claim) })
		return nil
	}
	p.soon(500*time.Millisecond, 4*time.Second, confirm)
	return nil
}

// receive is WeChat's message that the card is in the wallet.
func (p *performance) receive(g *guest, claim *Claim) error {
	p.settled[claim.ID] = true
	result, err := p.service.Receive(p.ctx, p.campaign.Account, wechat.Event{
		FromUser: string(g.openid), CreateTime: p.now.Unix(), MsgType: "event", Event: "user_get_card",
		CardID: string(p.campaign.CardID), UserCardCode: p.code(), OuterStr: string(claim.Ref),
	}, []byte("<xml/>"))
	if err == nil && result != PushApplied {
		err = fmt.Errorf("rehearsal: a message came out as %s", result)
	}
	if err != nil {
		return err
	}
	return p.look()
}

// reconcile finds the card that no message told about.
func (p *performance) reconcile(claim *Claim) error {
	p.settled[claim.ID] = true
	p.result.Lost++
	e := Event{Kind: EventConfirmed, Source: FromReconcile, At: p.now, Code: CardCode(p.code())}
	if _, err := p.store.Record(p.ctx, claim.ID, e, nil); err != nil {
		return err
	}
	return p.look()
}

func (p *performance) code() string {
	p.count++
	return fmt.Sprintf("%012d", p.count)
}

// close adds up what the ledger says at the end.
func (p *performance) close() error {
	r := p.result
	var err error
	if r.Counted, r.Stock, err = p.store.CheckStock(p.ctx, p.campaign.ID); err != nil {
		return err
	}
	for row, err := range p.store.EachClaim(p.ctx, ClaimFilter{Campaign: p.campaign.ID}) {
		if err != nil {
			return err
		}
		if row.Late() {
			r.Late++
		}
	}
	for _, b := range Behaviours {
		turn := Turn{Behaviour: b}
		for _, g := range p.people {
			if g.behaviour != b {
				continue
			}
			turn.People++
			turn.Cards += g.cards
			if g.cards > 0 {
				turn.Served++
			}
		}
		if b.Applies(p.campaign) {
			r.Turns = append(r.Turns, turn)
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(p.refused)) {
		r.Refusals = append(r.Refusals, Refusals{reason, p.refused[reason]})
	}
	slices.SortStableFunc(r.Refusals, func(a, b Refusals) int { return b.Count - a.Count })
	r.Levels = thin(p.levels, p.campaign.EndsAt)
	return nil
}

// thin keeps at most maxLevels points over the time in which the stock moved: a rush of
// ten minutes in a week would be a cliff, and one straggler a month later a flat line.
func thin(all []StockLevel, end time.Time) []StockLevel {
	from, to := all[0].At, all[len(all)*98/100].At
	to = to.Add(to.Sub(from)/10 + time.Second)
	if to.After(end) {
		to = end
	}
	levels := make([]StockLevel, 0, maxLevels)
	i := 0
	for n := range maxLevels {
		at := from.Add(to.Sub(from) * time.Duration(n) / (maxLevels - 1))
		for i+1 < len(all) && !all[i+1].At.After(at) {
			i++
		}
		levels = append(levels, StockLevel{at, all[i].Left})
	}
	return levels
}

// answersTo makes answers that pass the form, different for every visitor where they can be.
func answersTo(form Form) func(n int) map[string]string {
	return func(n int) map[string]string {
		answers := make(map[string]string, len(form))
		for _, field := range form {
			for _, try := range append(slices.Clone(field.Options), fmt.Sprintf("139%08d", n), fmt.Sprintf("京A%05d", n), "演练", "1", "2000-01-01") {
				if _, err := field.check(try); err == nil {
					answers[field.Key] = try
					break
				}
			}
		}
		return answers
	}
}

// spoil leaves out what the form insists on: the first required answer, else the consent.
func spoil(form Form, answers map[string]string) (wrong map[string]string, consent bool) {
	for _, field := range form {
		if field.Required {
			delete(answers, field.Key)
			return answers, true
		}
	}
	return answers, false
}
