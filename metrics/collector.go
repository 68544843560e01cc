package metrics

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kaquan/campaigns"
	"kaquan/wechat"
)

// Source is what a scrape asks for. Its answers are kept for five seconds, so that
// several scrapers, or a hasty one, cost the store nothing.
type Source interface {
	// Values are the tokens and tickets of every account.
	Values(ctx context.Context) ([]Value, error)
	// Quotas are today's calls per account and interface; the day is WeChat's.
	Quotas(ctx context.Context) ([]Quota, error)
	// Campaigns are those not archived, with counters and claims read at one instant.
	Campaigns(ctx context.Context) ([]Campaign, error)
	// Writer is the state of the store's writer.
	Writer() Writer
}

// Value is a token or ticket without its value. Zero times mean that there never was one.
type Value struct {
	Account              campaigns.AccountID
	Kind                 wechat.Kind
	Usable               bool
	FetchedAt, ExpiresAt time.Time
}

// Quota is how often an interface was called.
type Quota struct {
	Account   campaigns.AccountID
	Interface string
	Calls     int64
}

// Campaign is a stock as its counters have it, and the claims as they are.
type Campaign struct {
	Account campaigns.AccountID
	Slug    campaigns.Slug
	Stock   campaigns.Stock
	Claims  map[campaigns.ClaimState]int64
}

// Adds reports whether the counters agree with the claims: the stock identity.
func (c Campaign) Adds() bool {
	var held, given int64
	for state, n := range c.Claims {
		switch state.Bucket() {
		case campaigns.SetAside:
			held += n
		case campaigns.GivenOut:
			given += n
		case campaigns.Returned:
		}
	}
	return held == c.Stock.Held && given == c.Stock.Confirmed
}

// Writer is the group-committing writer: what waits now, and counts since the start.
type Writer struct {
	Queued                       int
	Groups, Writes, LargestGroup int64
}

const (
	keepFor  = 5 * time.Second
	askLimit = 4 * time.Second
)

// collector asks the source at a scrape.
type collector struct {
	source Source
	now    func() time.Time
	log    *slog.Logger

	mu   sync.Mutex
	at   time.Time
	last snapshot
}

type snapshot struct {
	values    []Value
	quotas    []Quota
	campaigns []Campaign
	up        map[string]bool
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("kaquan_"+name, help, labels, nil)
}

var (
	valueUsable  = desc("wechat_value_usable", "1 while the token or ticket can be used.", "account", "kind")
	valueAge     = desc("wechat_value_age_seconds", "Time since the token or ticket was fetched.", "account", "kind")
	valueLeft    = desc("wechat_value_left_seconds", "Time until the token or ticket expires; negative once it has.", "account", "kind")
	callsToday   = desc("wechat_calls_today", "Calls of an interface since midnight in Shanghai, by all processes.", "account", "interface")
	claimsNow    = desc("claims", "Claims of a campaign by state.", "account", "campaign", "state")
	stockNow     = desc("stock", "Stock of a campaign: total, confirmed, held, left.", "account", "campaign", "part")
	identity     = desc("stock_identity", "1 while the counters of the stock agree with the claims, 0 when they do not.", "account", "campaign")
	writerQueue  = desc("writer_queue", "Writes that wait for the next group.")
	writerGroups = desc("writer_groups_total", "Groups committed, each with one sync to the disk.")
	writerWrites = desc("writer_writes_total", "Writes in those groups.")
	writerMost   = desc("writer_largest_group", "Most writes in one group since the start.")
	sourceUp     = desc("source_up", "1 when the numbers of a part could be read at the last look.", "part")
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		valueUsable, valueAge, valueLeft, callsToday, claimsNow, stockNow, identity, writerQueue, writerGroups, writerWrites, writerMost, sourceUp,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s, now := c.look(), c.now()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, v := range s.values {
		account, kind := string(v.Account), string(v.Kind)
		gauge(valueUsable, truth(v.Usable), account, kind)
		if !v.FetchedAt.IsZero() {
			gauge(valueAge, now.Sub(v.FetchedAt).Seconds(), account, kind)
			gauge(valueLeft, v.ExpiresAt.Sub(now).Seconds(), account, kind)
		}
	}
	for _, q := range s.quotas {
		gauge(callsToday, float64(q.Calls), string(q.Account), q.Interface)
	}
	for _, x := range s.campaigns {
		account, slug := string(x.Account), string(x.Slug)
		// Every state, also at zero: an alert on a series that is not there stays silent.
		for _, state := range campaigns.ClaimStates {
			gauge(claimsNow, float64(x.Claims[state]), account, slug, string(state))
		}
		gauge(stockNow, float64(x.Stock.Total), account, slug, "total")
		gauge(stockNow, float64(x.Stock.Confirmed), account, slug, "confirmed")
		gauge(stockNow, float64(x.Stock.Held), account, slug, "held")
		gauge(stockNow, float64(x.Stock.Left()), account, slug, "left")
		gauge(identity, truth(x.Adds()), account, slug)
	}
	for part, up := range s.up {
		gauge(sourceUp, truth(up), part)
	}
	w := c.source.Writer()
	gauge(writerQueue, float64(w.Queued))
	gauge(writerMost, float64(w.LargestGroup))
	out <- prometheus.MustNewConstMetric(writerGroups, prometheus.CounterValue, float64(w.Groups))
	out <- prometheus.MustNewConstMetric(writerWrites, prometheus.CounterValue, float64(w.Writes))
}

// look is what the source says, at most five seconds old. Scrapes that come together
// wait for one look. What cannot be read is left out: an old number would look alive.
func (c *collector) look() snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if age := now.Sub(c.at); c.last.up != nil && age >= 0 && age < keepFor {
		return c.last
	}
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	defer cancel()
	s := snapshot{up: map[string]bool{}}
	var err error
	seen := func(part string) {
		s.up[part] = err == nil
		if err != nil {
			c.log.Warn("metrics not read", "part", part, "err", err)
		}
	}
	s.values, err = c.source.Values(ctx)
	seen("values")
	s.quotas, err = c.source.Quotas(ctx)
	seen("quotas")
	s.campaigns, err = c.source.Campaigns(ctx)
	seen("campaigns")
	c.at, c.last = now, s
	return s
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
