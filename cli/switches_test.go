package cli

import (
	"maps"
	"net/url"
	"regexp"
	"sync"
	"testing"
	"time"
)

// upstream are the switches that keep tokens and tickets from us, and whether a visitor
// who is new can still be identified: the exchange of codes has no quota and no
// allow-list.
var upstream = map[string]bool{
	"token_killed": true, "ip_blocked": true, "quota_used": true, "rate_limited": true, "secret_wrong": false,
	"busy": false, "garbage": false, "network_down": false, "slow": true, "timeout": false, "card_denied": true,
}

// together runs a test for every switch at once: they wait for clocks, not for processors.
func together(t *testing.T, switches map[string]bool, test func(t *testing.T, name string, yes bool)) {
	t.Helper()
	var all sync.WaitGroup
	for name, yes := range switches {
		all.Go(func() { t.Run(name, func(t *testing.T) { test(t, name, yes) }) })
	}
	all.Wait()
}

// While the tokens live, nothing of this reaches a person who is known.
func TestWithTokensInHandEverySwitchLeavesKnownVisitorsAlone(t *testing.T) {
	t.Parallel()
	together(t, upstream, func(t *testing.T, name string, enters bool) {
		w := newWorld(t, nil, nil)
		early, known := w.visitor(), w.visitor()
		early.enter("latte").wants("form")
		before, ok := early.signature()
		if !ok {
			t.Fatal("the page has no signature")
		}
		known.enter("latte").wants("form")
		w.warm()
		w.turn(name, true)

		early.works(before) // signed before the trouble
		early.claim("latte").wants("claiming")
		id, ext := early.card("latte")
		if id == "" {
			t.Fatalf("no card: %s", early.body)
		}
		early.add(before, id, ext)
		w.until("the push makes it claimed", func() bool {
			state := found(statePattern, early.open("/c/latte?ch=poster").body)
			return state == "claimed" || state == "already"
		})

		known.open("/c/latte?ch=poster").wants("form") // a fresh page, signed now
		fresh, ok := known.signature()
		if !ok {
			t.Fatal("a fresh page has no signature")
		}
		known.works(fresh)

		stranger := w.visitor()
		stranger.open("/c/latte?ch=poster").wants("intro")
		if enters {
			stranger.enter("latte").wants("form")
		} else {
			stranger.enter("latte").wants("auth_failed")
		}
	})
}

// Without any token the page says so, and what needs none goes on.
func TestWithoutTokensPagesRenderAndSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	tokenless := maps.Clone(upstream)
	delete(tokenless, "card_denied")  // has a test of its own
	delete(tokenless, "token_killed") // there is none to kill
	together(t, tokenless, func(t *testing.T, name string, _ bool) {
		// The allow-list first: it lets people in and keeps tokens away.
		w := newWorld(t, func(w *world) { w.turn("ip_blocked", true) }, nil)
		v := w.visitor()
		v.enter("latte").wants("sign_failed")
		if name != "ip_blocked" {
			w.turn(name, true)
			w.turn("ip_blocked", false)
		}
		// Until the back-off is over the last error answers; then a page makes us ask.
		before, took := w.asked(), time.Duration(0)
		w.until("WeChat is asked under this switch", func() bool {
			start := time.Now()
			v.open("/c/latte?ch=poster").wants("sign_failed")
			took = time.Since(start)
			return w.asked() > before
		})
		if took > 4*time.Second {
			t.Errorf("the page waited %s for WeChat", took)
		}
		if _, signed := v.signature(); signed {
			t.Error("a page without a ticket carries a signature")
		}
		// Our own codes need nothing of WeChat.
		v.open("/c/cake?ch=poster").wants("ready")
		v.claim("cake").wants("claimed_local")
		// A stranger reads the introduction, and at worst why the login failed.
		w.visitor().open("/c/latte").wants("intro")

		w.turn(name, false)
		w.until("the page heals by itself", func() bool { return found(statePattern, v.open("/c/latte?ch=poster").body) == "form" })
		s, signed := v.signature()
		if !signed {
			t.Fatal("the healed page has no signature")
		}
		v.works(s)
	})
}

func TestWithoutTheRightToCardsAClaimIsHeldAndSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) { w.turn("card_denied", true) }, nil)
	v := w.visitor()
	v.enter("latte").wants("form")
	s, ok := v.signature()
	if !ok {
		t.Fatal("pages need no right to cards")
	}
	v.works(s)
	v.claim("latte").wants("claiming")
	claiming := v.body
	if id, _ := v.card("latte"); id != "" {
		t.Fatal("a card was signed")
	}
	v.wants("sign_failed")
	if !supportPattern.MatchString(v.body) {
		t.Errorf("no support code: %s", v.body)
	}
	// The unit stays set aside, so that the same tap works once the right is back.
	w.turn("card_denied", false)
	var id, ext string
	w.until("the card can be had", func() bool {
		v.body = claiming
		id, ext = v.card("latte")
		return id != ""
	})
	v.add(s, id, ext)
	w.until("claimed", func() bool { return found(statePattern, v.open("/c/latte?ch=poster").body) == "claimed" })
}

// Only a push that can be believed makes a card claimed; the others leave "confirming".
func TestPushesThatAreWrongOrLostLeaveTheClaimToBeConfirmed(t *testing.T) {
	t.Parallel()
	together(t, map[string]bool{
		"push_off": false, "push_bad_signature": false, "clock_skew": false, "push_tripled": true, "push_reordered": true,
	}, func(t *testing.T, name string, arrives bool) {
		w := newWorld(t, nil, nil)
		visitors := []*visitor{w.visitor(), w.visitor()}
		w.turn(name, true)
		for _, v := range visitors {
			v.enter("latte").wants("form")
			s, ok := v.signature()
			if !ok {
				t.Fatal("the page has no signature")
			}
			v.works(s)
			v.claim("latte").wants("claiming")
			page := v.body
			id, ext := v.card("latte")
			v.add(s, id, ext)
			v.body = page
			v.post("/c/latte/report", url.Values{"claim": {found(claimPattern, page)}, "outcome": {"added"}})
		}
		for _, v := range visitors {
			if !arrives {
				w.until("WeChat tried", func() bool { return w.phone.tried() >= len(visitors) })
				v.open("/c/latte?ch=poster").wants("confirming")
				continue
			}
			w.until("claimed", func() bool {
				state := found(statePattern, v.open("/c/latte?ch=poster").body)
				return state == "claimed" || state == "already"
			})
		}
		c, err := w.app.DB.CampaignBySlug(t.Context(), demoSlug)
		if err != nil {
			t.Fatal(err)
		}
		stock, err := w.app.Campaigns.CheckStock(t.Context(), c.ID)
		if want := map[bool]int64{true: 2, false: 0}[arrives]; err != nil || stock.Confirmed != want || stock.Issued() != 2 {
			t.Errorf("stock %+v (%v)", stock, err)
		}
	})
}

var supportPattern = regexp.MustCompile(`\b[2-9A-HJ-NP-Z]{3}-[2-9A-HJ-NP-Z]{3}\b`)

// tried is how many pushes the sandbox has finished with, one way or another.
func (s *standIn) tried() int {
	n := 0
	for _, e := range s.Log() {
		if e.Area == "push" {
			n++
		}
	}
	return n
}

// asked is how many calls for a token the sandbox has seen.
func (w *world) asked() int {
	n := 0
	for _, e := range w.phone.Log() {
		if e.Area == "token" {
			n++
		}
	}
	return n
}

// warm waits until the program holds both tickets.
func (w *world) warm() {
	w.Helper()
	account, err := w.app.WeChat.Account(w.Context(), string(demoAccount))
	if err != nil {
		w.Fatal(err)
	}
	w.until("all values are there", func() bool {
		states, err := account.Keeper().States(w.Context())
		for _, s := range states {
			if !s.Present {
				return false
			}
		}
		return err == nil
	})
}
