package campaigns_test

import (
	"context"
	"errors"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/db/dbtest"
)

var rehearsed = time.Date(2026, 12, 1, 2, 0, 0, 0, time.UTC)

// toRehearse is a week of WeChat cards with a form.
func toRehearse(total int64) *campaigns.Campaign {
	d := dbtest.Draft(rehearsed, "winter", total, campaigns.WeChatCard)
	d.StartsAt, d.EndsAt, d.Form = rehearsed, rehearsed.AddDate(0, 0, 7), campaigns.ClassicForm()
	return campaignOf(d)
}

func campaignOf(d campaigns.Draft) *campaigns.Campaign {
	return &campaigns.Campaign{
		Account: d.Account, Slug: d.Slug, Name: d.Name, Status: campaigns.StatusDraft, StartsAt: d.StartsAt, EndsAt: d.EndsAt, ValidUntil: d.ValidUntil, Zone: d.Zone,
		Stock: campaigns.Stock{Total: d.Total}, Limits: d.Limits, Hold: d.Hold, Issuer: d.Issuer, CardID: d.CardID, Form: d.Form, Texts: d.Texts, Share: d.Share,
	}
}

func rehearse(t *testing.T, c *campaigns.Campaign, plan campaigns.RehearsalPlan) *campaigns.Rehearsal {
	t.Helper()
	r, err := campaigns.NewPatientRehearser(db.Scratch).Run(context.Background(), c, plan)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestARehearsalShowsEveryBehaviourAndTheLedgerHolds(t *testing.T) {
	t.Parallel()
	c := toRehearse(400)
	plan := campaigns.DefaultPlan()
	r := rehearse(t, c, plan)
	if !r.Holds() || r.Stock.Total != 400 {
		t.Errorf("the counters say %+v, the claims %+v", r.Stock, r.Counted)
	}
	if r.Stock.Held != 0 {
		t.Errorf("%d are still held after the end", r.Stock.Held)
	}
	sum := 0
	for _, turn := range r.Turns {
		sum += turn.People
		if want := plan.Visitors * plan.Share(turn.Behaviour) / 100; turn.People != want {
			t.Errorf("%s: %d people, want %d", turn.Behaviour, turn.People, want)
		}
		if served := turn.Behaviour != campaigns.LeavesIt; (turn.Served > 0) != served {
			t.Errorf("%s: %d were served", turn.Behaviour, turn.Served)
		}
	}
	if len(r.Turns) != len(campaigns.Behaviours) || sum != plan.Visitors {
		t.Errorf("%d behaviours, %d people", len(r.Turns), sum)
	}
	if r.Repeats == 0 || r.Expired == 0 || r.Late == 0 || r.Lost == 0 || r.Overdraft == 0 || r.PeakHeld == 0 || r.DepletedAt.IsZero() {
		t.Errorf("something did not happen: %+v", r)
	}
	if n := r.Refused(campaigns.RefusedForm); n != 60 {
		t.Errorf("%d wrong forms were refused, want 60", n)
	}
	for _, e := range []string{campaigns.ErrSoldOut.Key, campaigns.ErrLimit.Key} {
		if r.Refused(e) == 0 {
			t.Errorf("nobody was refused for %s", e)
		}
	}
	cards := 0
	for _, turn := range r.Turns {
		cards += turn.Cards
	}
	if int64(cards) != r.Stock.Confirmed {
		t.Errorf("%d cards are in wallets, the ledger has %d", cards, r.Stock.Confirmed)
	}
	if n := len(r.Levels); n == 0 || n > 60 || r.Levels[0].Left != 400 || !r.Levels[0].At.Equal(c.StartsAt) || r.Levels[n-1].Left > 40 {
		t.Errorf("the curve is %v", r.Levels)
	}
	var kinds []string
	for _, f := range r.Findings(c) {
		kinds = append(kinds, f.Kind)
	}
	for _, kind := range []string{"sold_out_early", "overdraft", "late", "lost", "limit"} {
		if !slices.Contains(kinds, kind) {
			t.Errorf("the findings %v lack %s", kinds, kind)
		}
	}
}

func TestTheSameSeedGivesTheSameRehearsal(t *testing.T) {
	t.Parallel()
	plan := campaigns.DefaultPlan()
	plan.Visitors = 100
	play := func(seed uint64, curve campaigns.Curve) campaigns.Rehearsal {
		plan.Seed, plan.Curve = seed, curve
		r := *rehearse(t, toRehearse(60), plan)
		r.Took, r.Plan = 0, campaigns.RehearsalPlan{}
		return r
	}
	for _, curve := range campaigns.Curves {
		first, again, other := play(7, curve), play(7, curve), play(8, curve)
		if !reflect.DeepEqual(first, again) {
			t.Errorf("%s: the same seed differs:\n%+v\n%+v", curve, first, again)
		}
		if reflect.DeepEqual(first, other) {
			t.Errorf("%s: another seed changes nothing", curve)
		}
	}
}

func TestAShortHoldIsFound(t *testing.T) {
	t.Parallel()
	plan := campaigns.DefaultPlan()
	plan.Visitors = 100
	short, long := toRehearse(5000), toRehearse(5000)
	short.Hold, long.Hold = 30*time.Second, time.Hour
	a, b := rehearse(t, short, plan), rehearse(t, long, plan)
	if a.TooSlow == 0 || b.TooSlow != 0 {
		t.Errorf("too slow for 30 s: %d, for an hour: %d", a.TooSlow, b.TooSlow)
	}
	if !slices.ContainsFunc(a.Findings(short), func(f campaigns.Finding) bool { return f.Kind == "hold_short" && f.Count == int64(a.TooSlow) }) {
		t.Error("no finding says so")
	}
}

func TestACodeOfOursHasNoWallet(t *testing.T) {
	t.Parallel()
	d := dbtest.Draft(rehearsed, "own", 5000, campaigns.OwnCode)
	d.StartsAt, d.EndsAt, d.Limits = rehearsed, rehearsed.AddDate(0, 0, 3), campaigns.Limits{PerPerson: 5, PerDay: 2}
	plan := campaigns.DefaultPlan()
	plan.Visitors, plan.Curve = 100, campaigns.Evening
	r := rehearse(t, campaignOf(d), plan)
	if len(r.Turns) != 3 || r.Stock.Held != 0 || r.PeakHeld != 0 || r.Expired != 0 || !r.Holds() {
		t.Errorf("%+v", r)
	}
	if r.Refused(campaigns.ErrDayLimit.Key) == 0 {
		t.Error("the daily limit stopped nobody")
	}
	if !slices.ContainsFunc(r.Findings(campaignOf(d)), func(f campaigns.Finding) bool { return f.Kind == "left_over" }) {
		t.Error("nobody says that most of the stock is left")
	}
}

// scratched counts the folders that a rehearsal leaves behind.
func scratched(t *testing.T, folder string) int {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestAStoppedRehearsalLeavesNothingBehind(t *testing.T) { //nolint:paralleltest // it moves the temporary folder
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	ctx, cancel := context.WithCancel(context.Background())
	seen := 0
	open := func(ctx context.Context) (campaigns.ScratchStore, func() error, error) {
		store, remove, err := db.Scratch(ctx)
		seen = scratched(t, folder)
		return &impatient{ScratchStore: store, after: 50, stop: cancel}, remove, err
	}
	r := campaigns.NewPatientRehearser(open)
	if _, err := r.Run(ctx, toRehearse(400), campaigns.DefaultPlan()); !errors.Is(err, context.Canceled) {
		t.Fatalf("a stopped rehearsal ends with %v", err)
	}
	if seen != 1 || scratched(t, folder) != 0 {
		t.Errorf("%d folders before, %d after", seen, scratched(t, folder))
	}
}

// impatient stops the rehearsal after some claims.
type impatient struct {
	campaigns.ScratchStore
	after int
	stop  func()
	r     *campaigns.Rehearser
	busy  error
}

func (s *impatient) Hold(ctx context.Context, claim *campaigns.Claim, l campaigns.Limits, e []campaigns.Event) (*campaigns.Claim, error) {
	if s.after--; s.after == 0 {
		if s.r != nil {
			_, s.busy = s.r.Run(ctx, toRehearse(10), campaigns.DefaultPlan())
		}
		s.stop()
	}
	return s.ScratchStore.Hold(ctx, claim, l, e)
}

func TestARehearsalThatTakesTooLongSaysSo(t *testing.T) {
	t.Parallel()
	if _, err := campaigns.NewHastyRehearser(db.Scratch).Run(context.Background(), toRehearse(400), campaigns.DefaultPlan()); !errors.Is(err, campaigns.ErrRehearsalLong) {
		t.Errorf("without any time: %v", err)
	}
}

func TestOneRehearsalAtATime(t *testing.T) {
	t.Parallel()
	var store *impatient
	var r *campaigns.Rehearser
	r = campaigns.NewPatientRehearser(func(ctx context.Context) (campaigns.ScratchStore, func() error, error) {
		scratch, remove, err := db.Scratch(ctx)
		store = &impatient{ScratchStore: scratch, after: 5, stop: func() {}, r: r}
		return store, remove, err
	})
	plan := campaigns.DefaultPlan()
	plan.Visitors = 100
	if _, err := r.Run(context.Background(), toRehearse(60), plan); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(store.busy, campaigns.ErrRehearsalBusy) {
		t.Errorf("a second one at the same time: %v", store.busy)
	}
}

func TestAPlanIsChecked(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*campaigns.RehearsalPlan){
		"a crowd":      func(p *campaigns.RehearsalPlan) { p.Visitors = 1_000_000 },
		"no curve":     func(p *campaigns.RehearsalPlan) { p.Curve = "wave" },
		"a debt":       func(p *campaigns.RehearsalPlan) { p.Shares[campaigns.LeavesIt] = -1 },
		"over hundred": func(p *campaigns.RehearsalPlan) { p.Shares[campaigns.LeavesIt] = 90 },
	} {
		plan := campaigns.DefaultPlan()
		if plan.Check() != nil {
			t.Fatal("the default plan is refused")
		}
		if spoil(&plan); plan.Check() == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestEveryTemplateMakesAGoodDraft(t *testing.T) {
	t.Parallel()
	empty := campaigns.Draft{Account: "demo", Slug: "new", StartsAt: rehearsed, Zone: campaigns.Shanghai(), Texts: campaigns.Texts{Brand: "示例咖啡", Purpose: "联系您"}}
	all := append(campaigns.SampleTemplates(), campaigns.TemplateOf(toRehearse(10)))
	if len(all) != 4 {
		t.Fatalf("%d templates", len(all))
	}
	for _, template := range all {
		d := empty
		template.Fill(&d)
		if err := d.Check(); err != nil {
			t.Errorf("%s: %v", template.Name, err)
		}
		if d.Account != "demo" || d.Slug != "new" || d.Texts.Brand != "示例咖啡" || d.Texts.Benefit == "" || d.Texts.Terms == "" && template.ID != "" {
			t.Errorf("%s makes %+v", template.Name, d)
		}
	}
}
