package web

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kaquan/campaigns"
)

// counted is a meter that remembers.
type counted struct {
	mu       sync.Mutex
	requests map[string]int // "GET /c/:slug 200"
	pushes   map[string]int // "demo applied"
	exports  []int
}

func (m *counted) Request(method, route string, status int, _ time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[method+" "+route+" "+strconv.Itoa(status)]++
}

func (m *counted) Push(account, result string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pushes[account+" "+result]++
}

func (m *counted) Export(change int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.exports = append(m.exports, change)
}

func meter(w *world) *counted {
	m := &counted{requests: map[string]int{}, pushes: map[string]int{}}
	w.server.Meter = m
	return m
}

func TestRequestsAreCountedUnderPatternsOfTheRouteTableOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("latte", campaigns.OwnCode, nil)
	m := meter(w)
	b := w.browser()
	for i := range 30 {
		b.get("/c/latte?n=" + strconv.Itoa(i))
		b.get("/c/none" + strconv.Itoa(i))
		b.get("/no/such/page/" + strconv.Itoa(i))
		b.get("/.env." + strconv.Itoa(i))
		b.get("/admin/claims/" + strconv.Itoa(i) + "/13800138000")
		b.do(httptest.NewRequest(http.MethodPut, "/c/x"+strconv.Itoa(i), nil))
	}
	b.get("/")
	b.get("/healthz")
	for _, want := range []string{"GET /c/:slug 200", "GET /c/:slug 404", "GET other 404", "GET /healthz 200", "GET / 303"} {
		if m.requests[want] == 0 {
			t.Errorf("nothing under %q among %q", want, slices.Sorted(maps.Keys(m.requests)))
		}
	}
	if len(m.requests) > 12 {
		t.Errorf("180 addresses made %d series: %q", len(m.requests), slices.Sorted(maps.Keys(m.requests)))
	}
	for series := range m.requests {
		if route := strings.Fields(series)[1]; route != "other" && !w.server.patterns[route] {
			t.Errorf("%q is no route", series)
		}
	}
}

func TestPushesAreCountedByResultAndStrangersNameNoAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := meter(w)
	send := func(query, body string) {
		b := w.browser()
		b.do(httptest.NewRequest(http.MethodPost, "/w/push/demo"+query, strings.NewReader(body)))
	}
	send("?timestamp=1&nonce=2&signature=bad", "<xml></xml>")
	b := w.browser()
	for i := range 5 {
		b.do(httptest.NewRequest(http.MethodPost, "/w/push/other"+strconv.Itoa(i)+"%2f..?signature=x", strings.NewReader("<xml/>")))
	}
	if len(m.pushes) == 0 || m.pushes["demo refused"] == 0 {
		t.Errorf("pushes %v", m.pushes)
	}
	for series := range m.pushes {
		if series != "demo refused" && series != "unknown refused" && !strings.HasPrefix(series, "other") {
			t.Errorf("a sender made the series %q", series)
		}
	}
}

func TestMetricsNeedTheToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.Metrics = http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(out, "numbers 1\n") })
	scrape := func(authorization string) (int, string) {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		b := w.browser().do(r)
		return b.status, b.body
	}
	refused := func(authorization string) {
		t.Helper()
		if status, body := scrape(authorization); status != http.StatusNotFound || strings.Contains(body, "numbers") {
			t.Errorf("%q: %d %.80s", authorization, status, body)
		}
	}
	for _, authorization := range []string{"", "Bearer ", "Bearer x"} {
		refused(authorization) // no token is set: nobody gets in, not with an empty one either
	}
	w.server.MetricsToken = "a-long-enough-token"
	for _, authorization := range []string{"", "Bearer ", "Bearer a-long-enough-toke", "Bearer a-long-enough-tokens", "Basic a-long-enough-token", "a-long-enough-token"} {
		refused(authorization)
	}
	if status, body := scrape("Bearer a-long-enough-token"); status != http.StatusOK || body != "numbers 1\n" {
		t.Errorf("the token itself: %d %.80s", status, body)
	}
	w.server.Metrics = nil
	refused("Bearer a-long-enough-token")
}
