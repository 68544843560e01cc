package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"kaquan/assets"
	"kaquan/campaigns"
	"kaquan/config"
	"kaquan/db"
	"kaquan/doctor"
	"kaquan/jobs"
	"kaquan/media"
	"kaquan/metrics"
	"kaquan/mini"
	"kaquan/orders"
	"kaquan/people"
	"kaquan/reach"
	"kaquan/redemption"
	"kaquan/stores"
	"kaquan/web"
	"kaquan/wechat"
)

// App is the whole program as a value: opened, run until its context ends, closed.
type App struct {
	DB         *db.DB
	Campaigns  *campaigns.Service
	People     *people.Service
	WeChat     *wechat.Hub
	Doctor     *doctor.Service
	Reach      *reach.Service
	Stores     *stores.Service
	Redemption *redemption.Service
	Mini       *mini.Service
	Orders     *orders.Service
	Public     string // the address visitors use

	cfg     *config.Config
	log     *slog.Logger
	version Version
	ln      net.Listener
	stop    context.CancelFunc
	web     *web.Server
	// reconciler compares the ledger with WeChat's.
	reconciler *campaigns.Reconciler
	courier    *campaigns.Courier
	meter      *metrics.Registry // nil in commands that only look
	scraped    *scraped          // nil when metrics have no address of their own
}

// OpenStore opens and migrates the database of the settings.
func OpenStore(ctx context.Context, cfg *config.Config, log *slog.Logger) (*db.DB, error) {
	path := cfg.SQLitePath()
	d, err := db.Open(ctx, db.Options{Path: path, KeyFile: filepath.Join(filepath.Dir(path), "kaquan.key"), Log: log})
	if err != nil {
		return nil, err
	}
	applied, err := d.Migrate(ctx)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if len(applied) > 0 {
		log.Info("database migrated", "versions", applied)
	}
	return d, nil
}

// Open builds the program and binds its address, without answering yet.
func Open(ctx context.Context, cfg *config.Config, version Version, log *slog.Logger) (*App, error) {
	if !assets.Built() {
		log.Warn(assets.Missing)
	}
	store, err := OpenStore(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen on %s (KAQUAN_LISTEN): %w", cfg.Listen, err), store.Close())
	}
	a := &App{DB: store, cfg: cfg, log: log, version: version, ln: ln, Public: cfg.PublicURL}
	if strings.HasSuffix(a.Public, ":0") {
		a.Public = "http://" + ln.Addr().String() // the port that the system chose
	}
	a.meter = metrics.New(metrics.Options{Version: version.Number, Commit: version.Commit, Source: measured{a}, Log: log})
	if a.scraped, err = openScraped(cfg, a.meter); err != nil {
		return nil, errors.Join(err, ln.Close(), store.Close())
	}
	a.WeChat = a.newHub()
	a.Campaigns = campaigns.New(campaigns.Options{Store: store, Gateway: gateway{a.WeChat}, Followers: gateway{a.WeChat}, Voids: gateway{a.WeChat}, Log: log})
	host, _ := os.Hostname()
	a.reconciler = campaigns.NewReconciler(a.Campaigns, cardBook{a.WeChat}, host+"/"+strconv.Itoa(os.Getpid()), 0)
	a.courier = campaigns.NewCourier(campaigns.CourierOptions{Store: store, Loopback: cfg.LoopbackWebhooks, Log: log})
	a.People = people.New(store, people.Options{Log: log})
	a.Doctor = a.newDoctor(false)
	a.Reach = reach.New(reach.Options{Store: store, WeChat: a.WeChat, PublicURL: a.Public, Log: log})
	a.Mini = mini.New(mini.Options{Store: store, Campaigns: a.Campaigns, WeChat: a.WeChat, PublicURL: a.Public})
	a.Stores = stores.New(stores.Options{Store: store, Hasher: newPINs(), Log: log})
	a.Redemption = redemption.New(redemption.Options{Store: store, Places: a.Stores, Cards: tillCards{cardBook{a.WeChat}}, Log: log})
	a.Orders = a.newOrders()
	background, stop := context.WithCancel(context.Background())
	a.stop = stop
	a.web, err = web.New(web.Options{
		Campaigns: a.Campaigns, Scratch: db.Scratch, Accounts: store, People: a.People, WeChat: a.WeChat, Fetches: store, Signatures: store, Files: store,
		PublicURL: a.Public, TrustedProxies: cfg.TrustedProxies, CookieKey: store.Key("visitor cookies"),
		Media: media.New(store, nil), Courier: a.courier, Doctor: a.Doctor, Reach: a.Reach, Stores: a.Stores, Redemption: a.Redemption, Replier: a.Reach, Mini: a.Mini, Orders: a.Orders, Version: version.String(), Ready: store.Ready, Log: log, Background: background,
		Exports: filepath.Join(cfg.Data, "exports"),
		Meter:   a.meter, Metrics: a.meter.Handler(), MetricsToken: string(cfg.MetricsToken),
	})
	if err != nil {
		stop()
		a.scraped.close()
		return nil, errors.Join(err, ln.Close(), store.Close())
	}
	return a, nil
}

// wechatTransport keeps connections to the platform open: a token fetch should not pay
// for a handshake each time.
func wechatTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 16
	t.ResponseHeaderTimeout = 10 * time.Second
	return t
}

// newHub makes the hub of this process on the store.
func (a *App) newHub() *wechat.Hub {
	host, _ := os.Hostname()
	return wechat.NewHub(wechat.HubOptions{
		Store: meteredStore{a.DB, a.meter}, HTTP: &http.Client{Transport: wechatTransport()}, Log: a.log,
		Owner: host + "/" + strconv.Itoa(os.Getpid()), PushWindow: a.cfg.PushWindow,
		Find: func(ctx context.Context, id string) (wechat.Credentials, error) {
			c, err := mini.FindIn(a.DB, a.credentials)(ctx, id)
			return a.withEndpoints(c), err
		},
	})
}

// credentials are an account's, with the endpoints of the settings where the account
// names none.
func (a *App) credentials(ctx context.Context, id string) (wechat.Credentials, error) {
	account, err := a.DB.Account(ctx, campaigns.AccountID(id))
	if err != nil {
		return wechat.Credentials{}, err
	}
	return a.withEndpoints(account.Credentials), nil
}

func (a *App) withEndpoints(c wechat.Credentials) wechat.Credentials {
	for _, address := range []struct {
		of      *string
		setting string
	}{{&c.APIURL, a.cfg.WeChatAPIURL}, {&c.OpenURL, a.cfg.WeChatOpenURL}, {&c.JSURL, a.cfg.WeChatJSURL}} {
		if *address.of == "" {
			*address.of = address.setting
		}
	}
	return c
}

// gateway lets the domain sign cards through the hub.
type gateway struct{ hub *wechat.Hub }

var _ campaigns.Gateway = gateway{}

// SignCard implements campaigns.Gateway.
func (g gateway) SignCard(ctx context.Context, id campaigns.AccountID, r wechat.CardRequest) (string, error) {
	account, err := g.hub.Account(ctx, string(id))
	if err != nil {
		return "", err
	}
	return account.SignCard(ctx, account.OnlyWanted(ctx, r))
}

// Follower implements campaigns.Followers.
func (g gateway) Follower(ctx context.Context, id campaigns.AccountID, person wechat.OpenID) (wechat.Follower, error) {
	account, err := g.hub.Account(ctx, string(id))
	if err != nil {
		return wechat.Follower{}, err
	}
	return account.Follower(ctx, person)
}

// stopLimit is how long running requests may finish after a signal.
const stopLimit = 10 * time.Second

// Run answers requests and does the background work until ctx ends, then stops in order:
// no new requests, running ones finish, background work ends, queued writes are kept.
func (a *App) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var background sync.WaitGroup
	background.Go(func() { a.runner().Run(ctx) })
	background.Go(func() { a.WeChat.Run(ctx, a.accountIDs) })
	background.Go(func() { a.web.Work(ctx) })
	served := make(chan error, 2)
	if a.scraped != nil {
		background.Go(func() {
			if err := a.scraped.serve(ctx); err != nil {
				served <- err
			}
		})
		a.log.Info("serving metrics", "address", a.scraped.ln.Addr().String())
	}
	go func() { served <- a.web.Serve(a.ln) }()
	a.log.Info("serving", "address", a.ln.Addr().String(), "public", a.Public)

	var err error
	select {
	case err = <-served:
		err = fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	a.log.Info("stopping")
	a.stop()
	a.Doctor.Close() // pages that wait for news end
	shutdown, done := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer done()
	switch e := a.web.Shutdown(shutdown); {
	case errors.Is(e, context.DeadlineExceeded):
		// A browser keeps connections open on which it never asked for anything.
		a.log.Warn("connections were still open at the end")
	case e != nil:
		err = errors.Join(err, fmt.Errorf("stop: %w", e))
	}
	cancel()
	background.Wait()
	return errors.Join(err, a.People.FlushAPIUse(context.WithoutCancel(ctx)), a.Campaigns.FlushScans(context.WithoutCancel(ctx)), a.Campaigns.FlushVisits(context.WithoutCancel(ctx)))
}

// Close keeps every accepted write and releases the files.
func (a *App) Close() error {
	a.stop()
	_ = a.ln.Close() // closed already after Run
	a.scraped.close()
	return a.DB.Close()
}

func (a *App) accountIDs(ctx context.Context) ([]string, error) {
	accounts, err := a.DB.Accounts(ctx)
	ids := make([]string, len(accounts))
	for i, account := range accounts {
		ids[i] = string(account.ID)
	}
	return ids, err
}

// runner has the work that repeats.
func (a *App) runner() *jobs.Runner {
	r := jobs.New(a.log)
	r.Add(jobs.Task{Name: "return expired holds", Every: 5 * time.Second, Run: func(ctx context.Context) error {
		n, err := a.Campaigns.Sweep(ctx)
		if n > 0 {
			a.log.Info("holds expired", "count", n)
		}
		return err
	}})
	r.Add(jobs.Task{Name: "deliver notices", Every: 5 * time.Second, Limit: 5 * time.Minute, Run: a.courier.Run})
	r.Add(jobs.Task{Name: "watch the stock", Every: 5 * time.Second, Run: a.Campaigns.WatchStock})
	r.Add(jobs.Task{Name: "forget old sessions", Every: 15 * time.Minute, Run: func(ctx context.Context) error {
		return errors.Join(a.People.DeleteExpired(ctx), a.Stores.DeleteExpired(ctx))
	}})
	r.Add(jobs.Task{Name: "forget old sign-ins of mini programs", Every: 6 * time.Hour, Run: a.Mini.Trim})
	r.Add(jobs.Task{Name: "hand pictures to WeChat", Every: time.Minute, Run: a.Reach.RenewPictures})
	r.Add(jobs.Task{Name: "copy the database", Every: time.Hour, Limit: time.Hour, Run: a.nightly})
	r.Add(jobs.Task{Name: "check health", Every: time.Minute, Run: a.examine})
	r.Add(jobs.Task{Name: "forget old health", Every: time.Hour, Run: a.Doctor.Trim})
	r.Add(jobs.Task{Name: "count calls of programs", Every: 5 * time.Second, Run: a.People.FlushAPIUse})
	r.Add(jobs.Task{Name: "count scans of channels", Every: 5 * time.Second, Run: a.Campaigns.FlushScans})
	r.Add(jobs.Task{Name: "forget answers that are past their time", Every: time.Hour, Limit: 30 * time.Minute, Run: func(ctx context.Context) error {
		n, err := a.Campaigns.Forget(ctx)
		if n > 0 {
			a.log.Info("answers forgotten", "claims", n)
		}
		return err
	}})
	r.Add(jobs.Task{Name: "count visits", Every: time.Second, Run: a.Campaigns.FlushVisits})
	r.Add(jobs.Task{Name: "delete old exports", Every: 5 * time.Minute, Run: a.web.EndExports})
	r.Add(jobs.Task{Name: "forget old fetches", Every: 6 * time.Hour, Run: func(ctx context.Context) error {
		return a.DB.TrimFetches(ctx, time.Now().AddDate(0, 0, -30))
	}})
	a.addReconciling(r)
	a.addRedeeming(r)
	a.addPaying(r)
	return r
}
