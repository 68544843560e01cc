package metrics_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"kaquan/campaigns"
	"kaquan/metrics"
	"kaquan/wechat"
)

// shop is a source whose numbers a test changes.
type shop struct {
	looks    atomic.Int32
	broken   bool
	now      time.Time
	campaign metrics.Campaign
}

func (s *shop) Values(context.Context) ([]metrics.Value, error) {
	return []metrics.Value{
		{Account: "demo", Kind: wechat.AccessToken, Usable: true, FetchedAt: s.now.Add(-time.Minute), ExpiresAt: s.now.Add(time.Hour)},
		{Account: "demo", Kind: wechat.CardTicket},
	}, nil
}

func (s *shop) Quotas(context.Context) ([]metrics.Quota, error) {
	return []metrics.Quota{{Account: "demo", Interface: "stable_token", Calls: 7}}, nil
}

func (s *shop) Campaigns(context.Context) ([]metrics.Campaign, error) {
	s.looks.Add(1)
	if s.broken {
		return []metrics.Campaign{s.campaign}[:0], errors.New("disk on fire")
	}
	return []metrics.Campaign{s.campaign}, nil
}

func (s *shop) Writer() metrics.Writer {
	return metrics.Writer{Queued: 3, Groups: 10, Writes: 40, LargestGroup: 9}
}

func newShop() *shop {
	return &shop{now: time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC), campaign: metrics.Campaign{
		Account: "demo", Slug: "latte", Stock: campaigns.Stock{Total: 10, Held: 1, Confirmed: 2},
		Claims: map[campaigns.ClaimState]int64{campaigns.Held: 1, campaigns.Confirmed: 1, campaigns.Redeemed: 1, campaigns.Released: 4},
	}}
}

func registry(s *shop) *metrics.Registry {
	return metrics.New(metrics.Options{Version: "1.2.3", Commit: "abc", Source: s, Now: func() time.Time { return s.now }})
}

// scrape reads the numbers as Prometheus does.
func scrape(t *testing.T, r *metrics.Registry) map[string]*dto.MetricFamily {
	t.Helper()
	out := httptest.NewRecorder()
	r.Handler().ServeHTTP(out, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	body, _ := io.ReadAll(out.Result().Body)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(body)))
	if err != nil || out.Code != http.StatusOK {
		t.Fatalf("the scrape answered %d: %v", out.Code, err)
	}
	return families
}

// number is the one series of a family with the labels given as pairs.
func number(t *testing.T, families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
next:
	for _, m := range families[name].GetMetric() {
		have := map[string]string{}
		for _, l := range m.GetLabel() {
			have[l.GetName()] = l.GetValue()
		}
		for i := 0; i+1 < len(labels); i += 2 {
			if have[labels[i]] != labels[i+1] {
				continue next
			}
		}
		switch {
		case m.Gauge != nil:
			return m.GetGauge().GetValue()
		case m.Counter != nil:
			return m.GetCounter().GetValue()
		case m.Histogram != nil:
			return float64(m.GetHistogram().GetSampleCount())
		}
	}
	t.Fatalf("no %s%v among %v", name, labels, slices.Sorted(maps.Keys(families)))
	return 0
}

func TestAScrapeHasEveryNumber(t *testing.T) {
	t.Parallel()
	s := newShop()
	r := registry(s)
	r.Request("GET", "/c/:slug", 200, 20*time.Millisecond)
	r.Request("GET", "/c/:slug", 503, time.Second)
	r.Push("demo", "applied")
	r.PayNotice("demo", "payment", "applied")
	r.Export(1)
	r.Fetched("demo", wechat.Fetch{Kind: wechat.AccessToken, OK: true})
	r.Fetched("demo", wechat.Fetch{Kind: wechat.AccessToken, ErrCode: 45009})
	r.Fetched("demo", wechat.Fetch{Kind: wechat.CardTicket, Message: "no route"})
	got := scrape(t, r)
	for _, want := range []struct {
		value  float64
		name   string
		labels []string
	}{
		{60, "kaquan_wechat_value_age_seconds", []string{"account", "demo", "kind", "access_token"}},
		{3600, "kaquan_wechat_value_left_seconds", []string{"account", "demo", "kind", "access_token"}},
		{1, "kaquan_wechat_value_usable", []string{"kind", "access_token"}},
		{0, "kaquan_wechat_value_usable", []string{"kind", "wx_card_ticket"}},
		{7, "kaquan_wechat_calls_today", []string{"account", "demo", "interface", "stable_token"}},
		{1, "kaquan_wechat_fetches_total", []string{"kind", "access_token", "result", "ok", "class", "none"}},
		{1, "kaquan_wechat_fetches_total", []string{"kind", "access_token", "result", "failed", "class", "quota"}},
		{1, "kaquan_wechat_fetches_total", []string{"kind", "wx_card_ticket", "result", "failed", "class", "network"}},
		{1, "kaquan_claims", []string{"campaign", "latte", "state", "redeemed"}},
		{0, "kaquan_claims", []string{"campaign", "latte", "state", "voided"}},
		{10, "kaquan_stock", []string{"campaign", "latte", "part", "total"}},
		{2, "kaquan_stock", []string{"campaign", "latte", "part", "confirmed"}},
		{1, "kaquan_stock", []string{"campaign", "latte", "part", "held"}},
		{7, "kaquan_stock", []string{"campaign", "latte", "part", "left"}},
		{1, "kaquan_stock_identity", []string{"campaign", "latte"}},
		{3, "kaquan_writer_queue", nil},
		{10, "kaquan_writer_groups_total", nil},
		{40, "kaquan_writer_writes_total", nil},
		{9, "kaquan_writer_largest_group", nil},
		{1, "kaquan_http_request_seconds", []string{"method", "GET", "route", "/c/:slug", "status", "2xx"}},
		{1, "kaquan_http_request_seconds", []string{"route", "/c/:slug", "status", "5xx"}},
		{1, "kaquan_pushes_total", []string{"account", "demo", "result", "applied"}},
		{1, "kaquan_pay_notices_total", []string{"account", "demo", "kind", "payment", "result", "applied"}},
		{1, "kaquan_exports_running", nil},
		{1, "kaquan_build_info", []string{"version", "1.2.3", "commit", "abc"}},
		{1, "kaquan_source_up", []string{"part", "campaigns"}},
	} {
		if n := number(t, got, want.name, want.labels...); n != want.value {
			t.Errorf("%s%v is %v, want %v", want.name, want.labels, n, want.value)
		}
	}
	if got["go_goroutines"] == nil {
		t.Error("nothing about the Go runtime")
	}
	if len(got["kaquan_wechat_value_age_seconds"].GetMetric()) != 1 {
		t.Error("a ticket that never was has an age")
	}
}

func TestCountersThatDisagreeWithTheClaimsShowAtOnce(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]func(*metrics.Campaign){
		"a held one too many":      func(c *metrics.Campaign) { c.Stock.Held++ },
		"a confirmed one too few":  func(c *metrics.Campaign) { c.Stock.Confirmed-- },
		"a claim without a unit":   func(c *metrics.Campaign) { c.Claims[campaigns.Gifted] = 1 },
		"one bucket for the other": func(c *metrics.Campaign) { c.Stock.Held, c.Stock.Confirmed = 2, 1 },
	} {
		s := newShop()
		wrong(&s.campaign)
		if number(t, scrape(t, registry(s)), "kaquan_stock_identity") != 0 {
			t.Errorf("%s: the identity holds", name)
		}
	}
	s := newShop()
	s.campaign.Claims[campaigns.Released] = 900
	if number(t, scrape(t, registry(s)), "kaquan_stock_identity") != 1 {
		t.Error("returned units count against the stock")
	}
}

func TestTheSourceIsAskedOnceInFiveSeconds(t *testing.T) {
	t.Parallel()
	s := newShop()
	r := registry(s)
	for range 5 {
		scrape(t, r)
	}
	if n := s.looks.Load(); n != 1 {
		t.Fatalf("asked %d times", n)
	}
	s.now = s.now.Add(5 * time.Second)
	s.campaign.Stock.Total = 11
	if number(t, scrape(t, r), "kaquan_stock", "part", "total") != 11 || s.looks.Load() != 2 {
		t.Error("the numbers did not move on")
	}
}

func TestAPartThatFailsLeavesTheOthers(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.broken = true
	got := scrape(t, registry(s))
	if number(t, got, "kaquan_source_up", "part", "campaigns") != 0 || number(t, got, "kaquan_source_up", "part", "values") != 1 {
		t.Error("the broken part is not named")
	}
	if got["kaquan_stock"] != nil || got["kaquan_wechat_calls_today"] == nil {
		t.Error("wrong numbers were left out")
	}
}
