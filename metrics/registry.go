package metrics

import (
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"kaquan/wechat"
)

// Options are what a Registry is made of. Source must be given.
type Options struct {
	Version, Commit string
	Source          Source
	Now             func() time.Time // nil = time.Now
	Log             *slog.Logger     // nil = discard
}

// Registry holds every number. Its counting methods are safe for concurrent use and
// cheap enough for every request.
type Registry struct {
	all      *prometheus.Registry
	requests *prometheus.HistogramVec
	pushes   *prometheus.CounterVec
	fetches  *prometheus.CounterVec
	notices  *prometheus.CounterVec
	exports  prometheus.Gauge
}

// New makes a registry of its own; nothing is global, so tests may have several.
func New(o Options) *Registry {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Registry{
		all: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "kaquan_http_request_seconds", Help: "Time to answer, by method, route pattern and class of the status.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"method", "route", "status"}),
		pushes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kaquan_pushes_total", Help: "Messages that came to the push address, by what became of them.",
		}, []string{"account", "result"}),
		fetches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kaquan_wechat_fetches_total", Help: "Calls of this process for a token or ticket, by result and class of the error code.",
		}, []string{"account", "kind", "result", "class"}),
		notices: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kaquan_pay_notices_total", Help: "Notifications of WeChat Pay, by kind and what became of them.",
		}, []string{"account", "kind", "result"}),
		exports: prometheus.NewGauge(prometheus.GaugeOpts{Name: "kaquan_exports_running", Help: "Spreadsheets that are being written."}),
	}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "kaquan_build_info", Help: "Always 1; the labels name the build.",
		ConstLabels: prometheus.Labels{"version": o.Version, "commit": o.Commit, "go": runtime.Version()},
	}, func() float64 { return 1 })
	r.all.MustRegister(
		r.requests, r.pushes, r.fetches, r.notices, r.exports, build, &collector{source: o.Source, now: o.Now, log: o.Log},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return r
}

// scrapeLimit is how long a scrape may take before it is answered with 503.
const scrapeLimit = 8 * time.Second

// Handler answers a scrape. A source that fails costs its own numbers only; see
// kaquan_source_up. Who may scrape is the caller's business.
func (r *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(r.all, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Timeout: scrapeLimit, DisableCompression: true,
	})
}

// Request counts an answered request. route is the pattern of the route or "other",
// never an address: addresses hold codes and have no end.
func (r *Registry) Request(method, route string, status int, took time.Duration) {
	class := "other"
	if status >= 100 && status < 600 {
		class = strconv.Itoa(status/100) + "xx"
	}
	r.requests.WithLabelValues(method, route, class).Observe(took.Seconds())
}

// Push counts a message for an account, "unknown" for senders that name none of ours.
func (r *Registry) Push(account, result string) { r.pushes.WithLabelValues(account, result).Inc() }

// PayNotice counts a notification of WeChat Pay for an account of ours; kind is payment or
// refund.
func (r *Registry) PayNotice(account, kind, result string) {
	r.notices.WithLabelValues(account, kind, result).Inc()
}

// Export counts a spreadsheet that begins (1) or ends (-1).
func (r *Registry) Export(change int) { r.exports.Add(float64(change)) }

// Fetched counts a call for a token or ticket of an account.
func (r *Registry) Fetched(account string, f wechat.Fetch) {
	kind, result, class := string(f.Kind), "failed", "none"
	if !slices.Contains(wechat.Kinds(), f.Kind) {
		kind = "other"
	}
	switch {
	case f.OK:
		result = "ok"
	case f.ErrCode == 0:
		class = "network" // no answer, or none that can be read
	default:
		class = string((&wechat.APIError{Code: f.ErrCode}).Class())
	}
	r.fetches.WithLabelValues(account, kind, result, class).Inc()
}
