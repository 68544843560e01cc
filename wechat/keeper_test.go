package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const notListed = `{"errcode":40164,"errmsg":"invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: 65a1b2c3-0badcafe-12345678"}`

func TestTwoHundredCallersCauseOneFetch(t *testing.T) {
	t.Parallel()
	s := newSetup(t).overNetwork()
	s.platform.gate = make(chan struct{})
	a := s.process()
	var started, done sync.WaitGroup
	for range 200 {
		started.Add(1)
		done.Go(func() {
			started.Done()
			if got, err := a.keeper.Token(t.Context(), CardTicket); err != nil || !strings.HasPrefix(got.Value, "TICKET-wx_card") {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	started.Wait()
	close(s.platform.gate)
	done.Wait()
	s.called(pathStable, 1)
	s.called(pathTicket+"/wx_card", 1)
	s.called(pathTicket+"/jsapi", 0)
	s.store.free(t)
	if log := s.store.log(); len(log) != 2 || !log[0].OK || log[0].Kind != AccessToken || log[0].Source != "stable_token" || log[0].Reason != reasonAbsent || log[1].Source != "getticket" {
		t.Errorf("the log of fetches is %+v", log)
	}
}

func TestAUsableValueCostsNoStoreAndNoAllocation(t *testing.T) {
	s := newSetup(t)
	a := s.process()
	s.token(a, AccessToken)
	s.store.mu.Lock() // the store would block now
	defer s.store.mu.Unlock()
	if n := testing.AllocsPerRun(100, func() { _, _ = a.keeper.Token(context.Background(), AccessToken) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTwoProcessesShareOneFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t)
		s.platform.gate = make(chan struct{})
		var wg sync.WaitGroup
		values := make([]string, 2)
		for i := range values {
			a := s.process()
			wg.Go(func() { values[i] = s.token(a, JSAPITicket).Value })
		}
		time.Sleep(time.Second) // one waits for WeChat, the other for the store
		close(s.platform.gate)
		wg.Wait()
		if values[0] != values[1] || values[0] == "" {
			t.Errorf("the processes have %q", values)
		}
		s.called(pathStable, 1)
		s.called(pathTicket+"/jsapi", 1)
		s.token(s.process(), JSAPITicket) // a third, later one finds everything stored
		s.called(pathTicket+"/jsapi", 1)
	})
}

func TestTheLeaseOfADeadProcessIsTakenOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t)
		now := time.Now()
		_, _ = s.store.AcquireLease(t.Context(), "token/wx0000000000000001/access_token", "dead", now, now.Add(leaseLimit))
		s.token(s.process(), AccessToken)
		if waited := time.Since(now); waited < leaseLimit || waited > renewLimit {
			t.Errorf("waited %v", waited)
		}
		s.called(pathStable, 1)
	})
}

func TestAnImpatientCallerDoesNotEndTheFetchOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t)
		s.platform.gate = make(chan struct{})
		a := s.process()
		first, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := a.keeper.Token(first, AccessToken)
			failed <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("the impatient caller got %v", err)
		}
		close(s.platform.gate)
		s.token(a, AccessToken)
		s.called(pathStable, 1)
	})
}

func TestARefusedTokenIsRenewedOnceAndTheCallRepeated(t *testing.T) {
	t.Parallel()
	s := newSetup(t).overNetwork()
	a := s.process()
	s.token(a, AccessToken)
	s.platform.forget()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if code, err := a.DecryptCode(t.Context(), "ENCRYPTED+/="); err != nil || code != "012345678901" {
				t.Errorf("got %q, %v", code, err)
			}
		})
	}
	wg.Wait()
	s.called(pathStable, 2)
	if log := s.store.log(); len(log) != 2 || log[1].Reason != reasonRejected {
		t.Errorf("the log of fetches is %+v", log)
	}
	s.store.free(t)
	if body := s.platform.bodies["/card/code/decrypt"]; body != `{"encrypt_code":"ENCRYPTED+/="}`+"\n" {
		t.Errorf("the body is %s", body)
	}
}

func TestATokenThatAnotherProcessRenewedIsTakenFromTheStore(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	a, b := s.process(), s.process()
	s.token(a, AccessToken)
	s.token(b, AccessToken)
	if _, err := b.keeper.Refresh(t.Context(), AccessToken); err != nil { // a's value is dead now
		t.Fatal(err)
	}
	if _, err := a.DecryptCode(t.Context(), "ENCRYPTED"); err != nil {
		t.Fatal(err)
	}
	s.called(pathStable, 2)
}

func TestEndlessRefusalsCauseOneRenewalInTenSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t)
		a := s.process()
		s.platform.say(func(r *http.Request, _ []byte) string {
			if r.URL.Path == "/card/code/decrypt" {
				return `{"errcode":42001,"errmsg":"access_token expired rid: 65a1b2c3-0badcafe-12345678"}`
			}
			return ""
		})
		refused := func() {
			t.Helper()
			var api *APIError
			if _, err := a.DecryptCode(t.Context(), "ENCRYPTED"); !errors.As(err, &api) || api.Code != 42001 {
				t.Fatalf("got %v", err)
			}
		}
		for range 100 {
			refused()
		}
		s.called(pathStable, 2) // the first one, and one renewal
		time.Sleep(stormLimit)
		refused()
		s.called(pathStable, 3)
	})
}

func TestOnlyTokenErrorsRenewTheToken(t *testing.T) {
	t.Parallel()
	for _, code := range []int{-1, 40013, 40056, 40164, 41001, 45009, 48001, 61024} {
		s := newSetup(t)
		a := s.process()
		s.token(a, AccessToken)
		s.platform.say(func(*http.Request, []byte) string { return fmt.Sprintf(`{"errcode":%d,"errmsg":"no"}`, code) })
		if _, err := a.DecryptCode(t.Context(), "ENCRYPTED"); err == nil {
			t.Errorf("%d: no error", code)
		}
		s.called(pathStable, 1)
		s.called("/card/code/decrypt", 1)
	}
}

func TestAClosedAllowListDoesNotCauseAStorm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t)
		a := s.process()
		s.platform.say(func(*http.Request, []byte) string { return notListed })
		for range 300 {
			_, err := a.keeper.Token(t.Context(), JSAPITicket)
			var api *APIError
			if !errors.As(err, &api) || api.IP() != "203.0.113.7" || api.RID != "65a1b2c3-0badcafe-12345678" || Meaning(err) != "wechat.error.40164" {
				t.Fatalf("got %v", err)
			}
		}
		s.called(pathStable, 1)
		states, err := a.keeper.States(t.Context())
		if err != nil || states[0].Present || states[0].LastError == nil || states[0].NextRefresh.IsZero() {
			t.Errorf("the states are %+v, %v", states, err)
		}
		if log := s.store.log(); len(log) != 1 || log[0].OK || log[0].ErrCode != 40164 || log[0].RID == "" || log[0].Source != "stable_token" {
			t.Errorf("the log of fetches is %+v", log)
		}
		// The list is open now: a person who presses refresh need not wait, and the
		// tickets come back with the token.
		s.platform.say(nil)
		if _, err := a.keeper.Refresh(t.Context(), AccessToken); err != nil {
			t.Fatal(err)
		}
		s.token(a, JSAPITicket)
		if log := s.store.log(); log[1].Reason != reasonManual {
			t.Errorf("the reason is %q", log[1].Reason)
		}
	})
}

func TestFailuresBackOffAndRecover(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t)
		a := s.process()
		s.platform.say(func(*http.Request, []byte) string { return `{"errcode":-1,"errmsg":"system error"}` })
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { a.keeper.Run(ctx) })
		time.Sleep(time.Hour)
		// 1, 2, 4 … 64 s, then two minutes less a fifth at most.
		if n := s.platform.count(pathStable); n < 30 || n > 50 {
			t.Errorf("%d attempts in an hour", n)
		}
		s.platform.say(nil)
		time.Sleep(lastRetry + storeCheck)
		for _, kind := range Kinds() {
			if _, err := s.store.LoadToken(t.Context(), s.c.AppID, kind); err != nil {
				t.Errorf("%s is not back: %v", kind, err)
			}
		}
		cancel()
		wg.Wait()
	})
}

func TestValuesAreRenewedBeforeTheyEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t)
		a := s.process()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { a.keeper.Run(ctx) })
		synctest.Wait()
		for range 24 * 60 {
			time.Sleep(time.Minute)
			for _, kind := range Kinds() {
				if v := a.keeper.slots[kind].current.Load(); v == nil || time.Until(v.ExpiresAt) < 7200*time.Second/6 {
					t.Fatalf("%s is %v", kind, v)
				}
			}
		}
		cancel()
		wg.Wait()
		for _, path := range []string{pathStable, pathTicket + "/jsapi", pathTicket + "/wx_card"} {
			if n := s.platform.count(path); n < 15 || n > 17 {
				t.Errorf("%s was called %d times in a day", path, n)
			}
		}
		if log := s.store.log(); log[len(log)-1].Reason != reasonDue {
			t.Errorf("the reason is %q", log[len(log)-1].Reason)
		}
	})
}

func TestABackgroundFailureKeepsTheValueUsable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t)
		a := s.process()
		first := s.token(a, AccessToken)
		s.platform.say(func(*http.Request, []byte) string { return notListed })
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { a.keeper.Run(ctx) })
		time.Sleep(110 * time.Minute)
		if got := s.token(a, AccessToken); got.Value != first.Value {
			t.Errorf("got %v", got)
		}
		if n := s.platform.count(pathStable); n < 2 || n > 8 {
			t.Errorf("%d attempts", n)
		}
		states, err := a.keeper.States(t.Context())
		if err != nil || !states[0].Present || states[0].LastError == nil || states[0].Tail != Mask(first.Value) {
			t.Errorf("the state is %+v, %v", states[0], err)
		}
		cancel()
		wg.Wait()
	})
}

func TestATicketIsOfItsTypeAndSurvivesADeadToken(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	a := s.process()
	s.token(a, AccessToken)
	s.platform.forget()
	if got := s.token(a, JSAPITicket); got.Value != "TICKET-jsapi-0123456789" || got.Kind != JSAPITicket {
		t.Errorf("got %#v", got.Value)
	}
	if got := s.token(a, CardTicket); got.Value != "TICKET-wx_card-0123456789" {
		t.Errorf("got %#v", got.Value)
	}
	s.called(pathStable, 2)
	s.called(pathTicket+"/jsapi", 2)
	s.called(pathTicket+"/wx_card", 1)
	if _, err := a.keeper.Token(t.Context(), "other"); err == nil {
		t.Error("an unknown kind has a value")
	}
}

func TestTheModeChoosesTheInterface(t *testing.T) {
	t.Parallel()
	s := newSetup(t).overNetwork()
	s.c.Mode = ""
	s.token(s.process(), AccessToken)
	want := `{"grant_type":"client_credential","appid":"wx0000000000000001","secret":"` + testSecret + `","force_refresh":false}` + "\n"
	if got := s.platform.bodies[pathStable]; got != want || s.platform.queries[pathStable] != "POST " {
		t.Errorf("stable asked %s %s", s.platform.queries[pathStable], got)
	}
	s = newSetup(t).overNetwork()
	s.c.Mode = Classic
	if got := s.token(s.process(), AccessToken); got.Source != "token" {
		t.Errorf("the source is %q", got.Source)
	}
	if got := s.platform.queries[pathClassic]; got != "GET appid=wx0000000000000001&grant_type=client_credential&secret="+testSecret {
		t.Errorf("classic asked %s", got)
	}
	s.called(pathStable, 0)
}

func TestHostileAnswersAreNeverValues(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		`{"access_token":"TOKEN","expires_in":0}`, `{"access_token":"TOKEN","expires_in":-7200}`, `{"access_token":"TOKEN"}`,
		`{"access_token":"TOKEN","expires_in":"soon"}`, `{"access_token":"","expires_in":7200}`, `{"access_token":7,"expires_in":7200}`,
		`{"access_token":"TO KEN","expires_in":7200}`, `{"access_token":"` + strings.Repeat("x", maxValue+1) + `","expires_in":7200}`,
		`{"errcode":"x","access_token":"TOKEN","expires_in":7200}`, `{"errcode":99999999999,"access_token":"TOKEN","expires_in":7200}`,
		`<html>`, `[]`, ` `, `null`, `{"access_token":"TOKEN","expires_in":7200`,
	} {
		s := newSetup(t)
		s.platform.say(func(*http.Request, []byte) string { return answer })
		_, err := s.process().keeper.Token(t.Context(), AccessToken)
		var bad *AnswerError
		if !errors.As(err, &bad) || Meaning(err) != "wechat.error.answer" {
			t.Errorf("%.60s: %v", answer, err)
		}
		if len(s.store.tokens) != 0 {
			t.Errorf("%.60s is stored", answer)
		}
	}
	for _, long := range []string{`"7200"`, "7201", "1e30", "1e999", "9223372036854775807"} {
		s := newSetup(t)
		s.platform.say(func(*http.Request, []byte) string { return `{"access_token":"TOKEN","expires_in":` + long + `}` })
		if got := s.token(s.process(), AccessToken); got.life() != longestLife {
			t.Errorf("%s lives %v", long, got.life())
		}
	}
}

func TestAValueFromTheFutureIsNotUsed(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	now := time.Now()
	_ = s.store.SaveToken(t.Context(), Token{
		AppID: s.c.AppID, Kind: AccessToken, Value: "TOKEN-of-a-wrong-clock", FetchedAt: now.Add(time.Hour), ExpiresAt: now.Add(3 * time.Hour),
	})
	a := s.process()
	if got := s.token(a, AccessToken); got.Value == "TOKEN-of-a-wrong-clock" {
		t.Error("it is used")
	}
	if states, err := a.keeper.States(t.Context()); err != nil || !states[0].Present || states[1].Present {
		t.Errorf("the states are %+v, %v", states, err)
	}
}

func TestAStoreThatCannotSaveDoesNotLoseTheToken(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	o := s.options(HubOptions{})
	o.Store = readOnly{s.store}
	a, err := NewHub(o).Account(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	s.token(a, AccessToken)
	s.token(a, AccessToken)
	s.called(pathStable, 1)
}

type readOnly struct{ *memory }

func (readOnly) SaveToken(context.Context, Token) error   { return errors.New("disk full") }
func (readOnly) RecordFetch(context.Context, Fetch) error { return errors.New("disk full") }

func TestNothingThatIsPrintedShowsASecret(t *testing.T) {
	t.Parallel()
	s := newSetup(t).overNetwork()
	a := s.process()
	all := []any{a.keeper, a, s.c, &s.c, a.keeper.States, OAuthToken{OpenID: "oVisitor0123456789", AccessToken: "oauth-token-of-visitor"}, User{OpenID: "oVisitor0123456789"}}
	for _, kind := range Kinds() {
		v := s.token(a, kind)
		all = append(all, v, &v)
	}
	crypt, err := NewCrypt(testPush, strings.Repeat("A", 43), s.c.AppID)
	if err != nil {
		t.Fatal(err)
	}
	all = append(all, crypt)
	if states, err := a.keeper.States(t.Context()); err != nil || states[2].Tail == "" {
		t.Errorf("the states are %v, %v", states, err)
	} else {
		all = append(all, states)
	}
	// WeChat repeats what it was sent, then answers nonsense, then is gone.
	visitor := OAuthToken{OpenID: "oVisitor0123456789", AccessToken: "oauth-token-of-visitor"}
	failures := func(p *Account) {
		_, e1 := p.keeper.Refresh(t.Context(), AccessToken)
		_, e2 := p.keeper.Refresh(t.Context(), JSAPITicket)
		_, e3 := p.ExchangeCode(t.Context(), "the-code-of-visitor")
		_, e4 := p.UserInfo(t.Context(), visitor)
		_, e5 := p.DecryptCode(t.Context(), "ENCRYPTED")
		for i, e := range []error{e1, e2, e3, e4, e5} {
			if e == nil {
				t.Errorf("failure %d did not happen", i)
			}
			all = append(all, e)
		}
		states, _ := p.keeper.States(t.Context())
		all = append(all, states)
	}
	s.platform.say(func(r *http.Request, body []byte) string {
		text, _ := json.Marshal(r.URL.RawQuery + " " + string(body))
		return `{"errcode":45009,"errmsg":` + string(text) + `}`
	})
	failures(a)
	s.platform.say(func(r *http.Request, body []byte) string { return r.URL.RawQuery + string(body) })
	failures(a)
	gone := httptest.NewServer(s.platform)
	gone.Close()
	s.c.APIURL = gone.URL
	for _, mode := range []Mode{Stable, Classic} {
		s.c.Mode = mode
		failures(s.process())
	}
	s.c.APIURL = "http://[bad"
	failures(s.process())
	for _, v := range all {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			noSecrets(t, fmt.Sprintf("%s of %T", verb, v), fmt.Sprintf(verb, v))
		}
		text, _ := json.Marshal(v)
		if _, isVisitor := v.(OAuthToken); !isVisitor {
			if _, isUser := v.(User); !isUser {
				noSecrets(t, fmt.Sprintf("JSON of %T", v), string(text))
			}
		}
	}
	noSecrets(t, "the log", s.logs.String())
	if !strings.Contains(s.logs.String(), "not renewed") {
		t.Error("failures are not logged")
	}
	for _, f := range s.store.log() {
		noSecrets(t, "the log of fetches", fmt.Sprintf("%+v", f))
	}
}
