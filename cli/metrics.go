package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"kaquan/campaigns"
	"kaquan/config"
	"kaquan/db"
	"kaquan/metrics"
	"kaquan/wechat"
)

// measured answers a scrape from the store and the keepers.
type measured struct{ app *App }

var _ metrics.Source = measured{}

// Values implements metrics.Source.
func (m measured) Values(ctx context.Context) ([]metrics.Value, error) {
	ids, err := m.app.accountIDs(ctx)
	if err != nil {
		return nil, err
	}
	var values []metrics.Value
	for _, id := range ids {
		account, err := m.app.WeChat.Account(ctx, id)
		if err != nil {
			return nil, err
		}
		states, err := account.Keeper().States(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range states {
			values = append(values, metrics.Value{
				Account: campaigns.AccountID(id), Kind: s.Kind, Usable: s.Present, FetchedAt: s.FetchedAt, ExpiresAt: s.ExpiresAt,
			})
		}
	}
	return values, nil
}

// Quotas implements metrics.Source. WeChat's day begins at midnight in Shanghai.
func (m measured) Quotas(ctx context.Context) ([]metrics.Quota, error) {
	y, month, day := time.Now().In(campaigns.Shanghai()).Date()
	calls, err := m.app.DB.CallsSince(ctx, time.Date(y, month, day, 0, 0, 0, 0, campaigns.Shanghai()))
	quotas := make([]metrics.Quota, len(calls))
	for i, c := range calls {
		quotas[i] = metrics.Quota{Account: c.Account, Interface: c.Interface, Calls: c.Count}
	}
	return quotas, err
}

// Campaigns implements metrics.Source.
func (m measured) Campaigns(ctx context.Context) ([]metrics.Campaign, error) {
	ledger, err := m.app.DB.Ledger(ctx)
	all := make([]metrics.Campaign, len(ledger))
	for i, row := range ledger {
		all[i] = metrics.Campaign(row)
	}
	return all, err
}

// Writer implements metrics.Source.
func (m measured) Writer() metrics.Writer {
	s := m.app.DB.WriterStats()
	return metrics.Writer{Queued: s.Queued, Groups: s.Groups, Writes: s.Writes, LargestGroup: s.LargestGroup}
}

// meteredStore counts the fetches that it records, unless meter is nil.
type meteredStore struct {
	*db.DB
	meter *metrics.Registry
}

var _ wechat.Store = meteredStore{}

// RecordFetch implements wechat.Store.
func (s meteredStore) RecordFetch(ctx context.Context, f wechat.Fetch) error {
	if s.meter == nil {
		return s.DB.RecordFetch(ctx, f)
	}
	account, err := s.AccountOfApp(ctx, f.AppID)
	if err != nil {
		account = "unknown" // removed meanwhile; the fetch itself is still recorded
	}
	s.meter.Fetched(string(account), f)
	return s.DB.RecordFetch(ctx, f)
}

// scraped is the listener that answers /metrics and nothing else; nil when it is off.
type scraped struct {
	http *http.Server
	ln   net.Listener
}

// openScraped binds the address of the settings. Nobody is asked for a token there:
// whoever reaches the address may read the numbers.
func openScraped(cfg *config.Config, r *metrics.Registry) (*scraped, error) {
	if cfg.MetricsListen == "" {
		return nil, nil
	}
	ln, err := net.Listen("tcp", cfg.MetricsListen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s (KAQUAN_METRICS_LISTEN): %w", cfg.MetricsListen, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", r.Handler())
	return &scraped{ln: ln, http: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}}, nil
}

// serve answers scrapes until ctx ends; running ones finish.
func (s *scraped) serve(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.ln) }()
	select {
	case err := <-served:
		return fmt.Errorf("metrics: %w", err)
	case <-ctx.Done():
	}
	shutdown, done := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer done()
	err := s.http.Shutdown(shutdown)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	<-served
	return err
}

func (s *scraped) close() {
	if s != nil {
		_ = s.ln.Close() // closed already after serve
	}
}
