package wechat

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestTheCatalogueExplainsNinetyCodesInBothLanguages(t *testing.T) {
	t.Parallel()
	codes := Codes()
	if len(codes) < 90 || !slices.IsSorted(codes) {
		t.Fatalf("%d codes", len(codes))
	}
	for _, language := range []string{"zh-CN", "en"} {
		raw, err := os.ReadFile("../i18n/locales/wechat." + language + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var sentences map[string]string
		if err := json.Unmarshal(raw, &sentences); err != nil {
			t.Fatal(err)
		}
		for _, code := range append(codes, 99999) {
			e := Explain(code)
			if e.Known != (code != 99999) || e.Class == "" || (e.Class == ClassUnknown) == e.Known {
				t.Errorf("%d: %+v", code, e)
			}
			for _, key := range []string{e.Meaning, e.Impact, e.Place} {
				if sentences[key] == "" {
					t.Errorf("%s: %d has no sentence %q", language, code, key)
				}
			}
		}
		for key := range sentences {
			number, ok := strings.CutPrefix(key, "wechat.error.")
			number, impact := strings.CutSuffix(number, ".impact")
			code, err := strconv.Atoi(number)
			if !ok || err != nil {
				continue
			}
			if e := Explain(code); !e.Known || impact && e.Impact != key {
				t.Errorf("%s: %q is a sentence of no code", language, key)
			}
		}
	}
}

// scripted answers everything well, except what it is told to.
type scripted struct {
	mu     sync.Mutex
	ticket string // answer to ticket calls, "" for a good one
	tokens atomic.Int64
	asked  atomic.Int64 // for tickets
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == pathStable {
		fmt.Fprintf(w, `{"access_token":"token-%d","expires_in":7200}`, s.tokens.Add(1))
		return
	}
	s.asked.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ticket != "" {
		fmt.Fprint(w, s.ticket)
		return
	}
	fmt.Fprint(w, `{"errcode":0,"ticket":"ticket","expires_in":7200}`)
}

func TestOnlyTokenErrorsRefreshAndNoFailureBecomesAValue(t *testing.T) {
	t.Parallel()
	for _, code := range append(Codes(), 12345) {
		s := newSetup(t)
		answers := &scripted{ticket: fmt.Sprintf(`{"errcode":%d,"errmsg":"no","ticket":"poison","expires_in":7200}`, code)}
		server := httptest.NewServer(answers)
		s.c.APIURL = server.URL
		a := s.process()
		if _, err := a.keeper.Token(t.Context(), JSAPITicket); err == nil {
			t.Errorf("%d: the failure is a ticket", code)
		}
		want := int64(1)
		if code == 40001 || code == 40014 || code == 42001 {
			want = 2
		}
		if n := answers.tokens.Load(); n != want {
			t.Errorf("%d: %d tokens were fetched, want %d", code, n, want)
		}
		if n := answers.asked.Load(); n != want {
			t.Errorf("%d: the ticket was asked for %d times, want %d", code, n, want)
		}
		if stored, err := s.store.LoadToken(t.Context(), s.c.AppID, JSAPITicket); err == nil {
			t.Errorf("%d: stored %v", code, stored)
		}
		answers.mu.Lock()
		answers.ticket = ""
		answers.mu.Unlock()
		if got, err := a.keeper.Refresh(t.Context(), JSAPITicket); err != nil || got.Value != "ticket" {
			t.Errorf("%d: after it: %v, %v", code, got, err)
		}
		server.Close()
	}
}

func TestTheDateOfAnswersTellsHowFarOurClockIsOff(t *testing.T) {
	t.Parallel()
	var date atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d := date.Load().(string); d != "" {
			w.Header().Set("Date", d)
		} else {
			w.Header()["Date"] = nil
		}
		if r.URL.Path == "/old" {
			w.Header().Set("Age", "600")
		}
		fmt.Fprint(w, `{"access_token":"token","expires_in":7200}`)
	}))
	t.Cleanup(server.Close)
	s := newSetup(t)
	s.c.APIURL = server.URL
	a := s.process()
	date.Store("")
	if _, err := a.ProbeClock(t.Context()); err == nil {
		t.Error("an answer without a date is one")
	}
	if _, ok := a.ClockSkew(); ok {
		t.Error("a skew out of nothing")
	}
	date.Store(time.Now().Add(-10 * time.Minute).UTC().Format(http.TimeFormat))
	s.token(a, AccessToken)
	skew, ok := a.ClockSkew()
	if !ok || skew.Ahead < 598*time.Second || skew.Ahead > 602*time.Second || skew.At.IsZero() {
		t.Errorf("after a fetch: %+v, %t", skew, ok)
	}
	date.Store(time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
	if skew, err := a.ProbeClock(t.Context()); err != nil || skew.Ahead > -3598*time.Second || skew.Ahead < -3602*time.Second {
		t.Errorf("after a probe: %+v, %v", skew, err)
	}
	date.Store("")
	_ = a.client.get(t.Context(), "/old", nil, nil)
	if again, _ := a.ClockSkew(); again.Ahead > -3598*time.Second {
		t.Errorf("the date of a cache counts: %+v", again)
	}
}

func TestCodesOfTheMiniProgramAreExplained(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]Class{40226: ClassVisitor, 87008: ClassInput, 87009: ClassVisitor, 10060004: ClassInput} {
		if e := Explain(code); !e.Known || e.Class != want {
			t.Errorf("%d: %+v", code, e)
		}
	}
}

func TestRangesOfCodesHaveOneSentence(t *testing.T) {
	t.Parallel()
	for from, last := range map[int]int{40015: 40027, 65301: 65317} {
		for code := from; code <= last; code++ {
			if e := Explain(code); !e.Known || e.Code != code || e.Class != ClassInput || e.Meaning != Explain(from).Meaning {
				t.Errorf("%d: %+v", code, e)
			}
		}
		for _, code := range []int{from - 1, last + 1} {
			if Explain(code).Meaning == Explain(from).Meaning {
				t.Errorf("%d is in the range from %d", code, from)
			}
		}
	}
}
