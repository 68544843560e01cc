package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"kaquan/fault"
	"kaquan/wechat"
)

// Errors of Recheck.
var (
	ErrNoCheck   = fault.New(fault.NotFound, "doctor.error.no_check")
	ErrNoAccount = fault.New(fault.NotFound, "doctor.error.no_account")
)

// Fetches reads the log of token and ticket fetches.
type Fetches interface {
	// Fetches are the newest of an AppID.
	Fetches(ctx context.Context, app wechat.AppID, limit int) ([]wechat.Fetch, error)
	// FetchCounts counts an AppID's fetches since a time by the interface they went to.
	FetchCounts(ctx context.Context, app wechat.AppID, since time.Time) (map[string]int, error)
}

// Demand is what an account's campaigns need just now.
type Demand struct {
	Cards        bool      // a published campaign gives out WeChat cards
	LastReported time.Time // newest claim whose card the page saw added and no push confirmed
}

// Pushes tells when WeChat last spoke to us.
type Pushes interface {
	// LastPush is when the newest verified message came; zero for never.
	LastPush(ctx context.Context, account string) (time.Time, error)
	// Demand of the account's campaigns.
	Demand(ctx context.Context, account string) (Demand, error)
}

// Files lists the verification files.
type Files interface {
	VerifyFiles(ctx context.Context) ([]wechat.VerifyFile, error)
}

// Options are what a Service works with. Store, Accounts, WeChat, Fetches and Pushes
// must be given.
type Options struct {
	Store     Store
	Accounts  func(ctx context.Context) ([]wechat.Credentials, error)
	WeChat    *wechat.Hub
	Fetches   Fetches
	Pushes    Pushes
	Files     Files  // nil = none are served
	PublicURL string // scheme and host that visitors use
	DataDir   string // has backups/
	DBPath    string // kaquan.key beside it tells the age of the installation

	Ready       func(context.Context) error // nil = not checked
	WriterQueue func() int                  // nil = not known
	Space       func(folder string) (free, total uint64, err error)
	HTTP        *http.Client // for our own address
	TLS         *tls.Config  // for the certificate; nil = the system's roots
	// Ask makes Run fetch values that nobody keeps: for the command, while no server
	// may be running.
	Ask     bool
	Version string // for Report
	// Say translates for Report into the language of ctx; nil for keys.
	Say func(ctx context.Context, key string, args map[string]any) string
	Now func() time.Time
	Log *slog.Logger
}

const (
	probeLimit   = 5 * time.Second  // of one call to our own address
	refreshLimit = 12 * time.Second // of a fetch that a person waits for
	refreshGap   = 10 * time.Second // between two of them for one value
	slowChecks   = 10 * time.Minute // how long findings over the network are good for
	reportGap    = time.Minute
	maxNoted     = 1000
	sampleLife   = 8 * 24 * time.Hour
	historyLife  = 90 * 24 * time.Hour

	// Buckets is how many samples a strip of History has at most.
	Buckets = 96
)

// Service makes the checks and remembers what they found. Safe for concurrent use.
type Service struct {
	o Options

	mu          sync.Mutex
	subscribers map[chan struct{}]struct{}
	closed      bool
	slow        map[Check]Finding    // of the network, for some minutes
	asked       map[string]time.Time // account/kind → last Refresh by a person
	noted       map[Report]time.Time // account, kind and code → last report that was kept
}

// New makes a service; it starts nothing.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Space == nil {
		o.Space = space
	}
	own := http.Client{}
	if o.HTTP != nil {
		own = *o.HTTP
	}
	own.Timeout = probeLimit
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.HTTP = &own
	return &Service{
		o: o, subscribers: map[chan struct{}]struct{}{}, slow: map[Check]Finding{}, asked: map[string]time.Time{},
		noted: map[Report]time.Time{},
	}
}

// Run makes all checks now, records the findings and tells subscribers. A check whose
// evidence cannot be read is Unknown; the error is only about the list of accounts and
// the record. With it, the findings are still returned.
func (s *Service) Run(ctx context.Context) ([]Finding, error) {
	accounts, err := s.o.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	parts := make([][]Finding, len(accounts)+1)
	var all sync.WaitGroup
	for i, c := range accounts {
		all.Go(func() {
			if s.o.Ask {
				s.askMissing(ctx, c)
			}
			parts[i] = s.account(ctx, c)
		})
	}
	all.Go(func() { parts[len(accounts)] = s.program(ctx, accounts, false) })
	all.Wait()
	found := slices.Concat(parts...)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.record(ctx, found, true)
}

// Recheck makes one check now. For what depends on WeChat's answer to a fetch it really
// asks, at most every ten seconds for one value, and waits some seconds for it. What only
// visitors and WeChat can try again counts as changed: the reports until now are
// forgotten, and the next one opens the problem anew.
func (s *Service) Recheck(ctx context.Context, check Check, account string) (Finding, error) {
	accounts, err := s.o.Accounts(ctx)
	if err != nil {
		return Finding{}, err
	}
	var found []Finding
	if slices.Contains(ProgramChecks(), check) {
		account = ""
		found = s.program(ctx, accounts, true)
	} else {
		if !slices.Contains(AccountChecks(), check) {
			return Finding{}, ErrNoCheck
		}
		i := slices.IndexFunc(accounts, func(c wechat.Credentials) bool { return c.Account == account })
		if i < 0 {
			return Finding{}, ErrNoAccount
		}
		s.refresh(ctx, check, account)
		if err := s.forgive(ctx, check, account); err != nil {
			return Finding{}, err
		}
		found = s.account(ctx, accounts[i])
	}
	if err := ctx.Err(); err != nil {
		return Finding{}, err
	}
	// The others of the account are as new, and a fetch may have changed them too.
	found, err = s.record(ctx, found, false)
	for _, f := range found {
		if f.Check == check && f.Account == account {
			return f, err
		}
	}
	return Finding{}, errors.Join(err, ErrNoCheck)
}

// forgive forgets the reports that a check is about.
func (s *Service) forgive(ctx context.Context, check Check, account string) error {
	kind, some := map[Check]ReportKind{Push: PushRefused, OAuthDomain: OAuthFailed, JSDomain: SignatureBad}[check]
	if !some {
		return nil
	}
	s.mu.Lock()
	maps.DeleteFunc(s.noted, func(r Report, _ time.Time) bool { return r.Account == account && r.Kind == kind })
	s.mu.Unlock()
	return s.o.Store.DropReports(ctx, account, kind)
}

// refresh fetches what the check is about because a person asked. Its failure is in the
// log of fetches, where the checks read it.
func (s *Service) refresh(ctx context.Context, check Check, account string) {
	kind := wechat.AccessToken
	switch check {
	case AccessToken, IPAllowList, ForeignRefresher, Quota, Clock:
	case JSAPITicket, JSDomain:
		kind = wechat.JSAPITicket
	case CardTicket:
		kind = wechat.CardTicket
	default:
		return
	}
	key, now := account+"/"+string(kind), s.o.Now()
	s.mu.Lock()
	last, known := s.asked[key]
	recent := known && now.Sub(last) >= 0 && now.Sub(last) < refreshGap
	if !recent {
		s.asked[key] = now
	}
	s.mu.Unlock()
	if recent {
		return
	}
	a, err := s.o.WeChat.Account(ctx, account)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, refreshLimit)
	defer cancel()
	_, _ = a.Keeper().Refresh(ctx, kind)
}

// askMissing fetches the values that are not there.
func (s *Service) askMissing(ctx context.Context, c wechat.Credentials) {
	a, err := s.o.WeChat.Account(ctx, c.Account)
	if err != nil {
		return
	}
	states, err := a.Keeper().States(ctx)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, refreshLimit)
	defer cancel()
	for _, state := range states {
		if !state.Present {
			_, _ = a.Keeper().Token(ctx, state.Kind)
		}
	}
}

func (s *Service) record(ctx context.Context, found []Finding, all bool) ([]Finding, error) {
	Sort(found)
	saved, err := s.o.Store.SaveFindings(ctx, s.o.Now(), found, all)
	if err != nil {
		return found, err
	}
	s.tell()
	return saved, nil
}

// Latest findings without checking anything, in the order they are shown.
func (s *Service) Latest(ctx context.Context) ([]Finding, error) {
	found, err := s.o.Store.Latest(ctx)
	Sort(found)
	return found, err
}

// History of every check since a time: at most Buckets samples each, oldest first; a
// bucket in which nothing was checked has none. Step is the length of a bucket.
func (s *Service) History(ctx context.Context, since time.Time) (map[Key][]Sample, error) {
	return s.o.Store.Samples(ctx, since, Step(s.o.Now().Sub(since)))
}

// Step is the length of one bucket of a history that covers span: whole minutes.
func Step(span time.Duration) time.Duration {
	step := (span + Buckets - 1) / Buckets
	if rest := step % time.Minute; rest != 0 {
		step += time.Minute - rest
	}
	return max(step, time.Minute)
}

// Incidents, open ones first, then newest first.
func (s *Service) Incidents(ctx context.Context, limit int) ([]Incident, error) {
	return s.o.Store.Incidents(ctx, limit)
}

// Note keeps what another part of the program saw; At may be zero for now. Strangers can
// cause reports, so of the same kind and code one a minute is kept for an account.
func (s *Service) Note(ctx context.Context, r Report) error {
	if r.At.IsZero() {
		r.At = s.o.Now()
	}
	key := Report{Account: r.Account, Kind: r.Kind, Code: r.Code}
	s.mu.Lock()
	last, known := s.noted[key]
	recent := known && r.At.Sub(last).Abs() < reportGap
	if !recent {
		if len(s.noted) >= maxNoted {
			clear(s.noted)
		}
		s.noted[key] = r.At
	}
	s.mu.Unlock()
	if recent {
		return nil
	}
	r.Detail = redact(r.Detail)
	return s.o.Store.AddReport(ctx, r)
}

// Overall is the function of the same name, for those who hold a service.
func (s *Service) Overall(findings []Finding) (Level, int) { return Overall(findings) }

// Trim forgets what is too old to be shown. A repeat is safe.
func (s *Service) Trim(ctx context.Context) error {
	now := s.o.Now()
	return s.o.Store.TrimHealth(ctx, now.Add(-sampleLife), now.Add(-historyLife))
}

// Subscribe gives a channel that gets a value after each record, several at once as one,
// and is closed by cancel and by Close. Cancel may be called more than once.
func (s *Service) Subscribe() (news <-chan struct{}, cancel func()) {
	c := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		close(c)
		return c, func() {}
	}
	s.subscribers[c] = struct{}{}
	return c, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, there := s.subscribers[c]; there {
			delete(s.subscribers, c)
			close(c)
		}
	}
}

func (s *Service) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.subscribers {
		select {
		case c <- struct{}{}:
		default: // one is waiting already
		}
	}
}

// Close ends all subscriptions. A repeat is safe.
func (s *Service) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.subscribers {
		delete(s.subscribers, c)
		close(c)
	}
}

// PublicHost is the host of the public address without port, as the console wants it.
func (s *Service) PublicHost() string {
	u, err := url.Parse(s.o.PublicURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
