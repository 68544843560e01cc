package doctor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kaquan/db"
	"kaquan/db/dbtest"
	"kaquan/doctor"
	"kaquan/i18n"
	"kaquan/wechat"
)

// world is a doctor on a real store that talks to a platform whose answers are scripted.
type world struct {
	*testing.T
	db       *db.DB
	folder   string
	account  wechat.Credentials
	platform *platform
	options  doctor.Options
	later    time.Duration // added to the clock
	mu       sync.Mutex
}

// platform answers like WeChat, or with a scripted body by path (and type, for tickets).
type platform struct {
	mu     sync.Mutex
	bodies map[string]string
	calls  map[string]int
	ahead  time.Duration // of its clock
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	path := r.URL.Path
	if kind := r.URL.Query().Get("type"); kind != "" {
		path += "/" + kind
	}
	p.calls[path]++
	w.Header().Set("Date", time.Now().Add(p.ahead).UTC().Format(http.TimeFormat))
	switch body := p.bodies[path]; {
	case body != "":
		fmt.Fprint(w, body)
	case strings.HasSuffix(r.URL.Path, "/getticket"):
		fmt.Fprintf(w, `{"errcode":0,"errmsg":"ok","ticket":"TICKET-%s-%d-0123456789abcdef","expires_in":7200}`, path, p.calls[path])
	default:
		fmt.Fprintf(w, `{"access_token":"TOKEN-%d-0123456789abcdef0123456789","expires_in":7200}`, p.calls[path])
	}
}

const (
	stable = "/cgi-bin/stable_token"
	jsapi  = "/cgi-bin/ticket/getticket/jsapi"
	card   = "/cgi-bin/ticket/getticket/wx_card"
)

func (p *platform) answers(path, body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bodies[path] = body
}

func (p *platform) called(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[path]
}

func errcode(code int, message string) string {
	return fmt.Sprintf(`{"errcode":%d,"errmsg":%q}`, code, message)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, folder: t.TempDir(), platform: &platform{bodies: map[string]string{}, calls: map[string]int{}}}
	server := httptest.NewServer(w.platform)
	t.Cleanup(server.Close)
	w.db = dbtest.OpenAt(t, w.folder)
	dbtest.Seed(t, w.db, time.Now)
	w.account = dbtest.Credentials()
	w.account.APIURL = server.URL
	hub := wechat.NewHub(wechat.HubOptions{
		Store: w.db, Now: w.now, Owner: "test",
		Find: func(context.Context, string) (wechat.Credentials, error) { return w.account, nil },
	})
	w.options = doctor.Options{
		Store: w.db, WeChat: hub, Fetches: w.db, Pushes: w.db, Files: w.db, Ask: true, Now: w.now, Version: "1.2.3",
		Accounts:  func(context.Context) ([]wechat.Credentials, error) { return []wechat.Credentials{w.account}, nil },
		PublicURL: "https://card.example.com", DataDir: w.folder, DBPath: filepath.Join(w.folder, "kaquan.db"), Ready: w.db.Ready,
		Space: func(string) (uint64, uint64, error) { return 50 << 30, 100 << 30, nil },
		// The public address is nobody's: what is not scripted must not leave the machine.
		HTTP: &http.Client{Transport: nobody{}},
		Say:  i18n.TArgs,
	}
	return w
}

type nobody struct{}

func (nobody) RoundTrip(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed }

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.later)
}

func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.later += d
}

func (w *world) service() *doctor.Service {
	s := doctor.New(w.options)
	w.Cleanup(s.Close)
	return s
}

// run makes all checks and gives those findings by check, each of them sound.
func (w *world) run(s *doctor.Service) map[doctor.Check]doctor.Finding {
	w.Helper()
	found, err := s.Run(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	all := map[doctor.Check]doctor.Finding{}
	for _, f := range found {
		all[f.Check] = f
		w.sound(f)
	}
	if len(all) != len(doctor.AccountChecks())+len(doctor.ProgramChecks()) {
		w.Fatalf("%d checks", len(all))
	}
	return all
}

// sound checks that a finding has all its parts, with sentences in both languages, and
// no secret.
func (w *world) sound(f doctor.Finding) {
	w.Helper()
	parts := []doctor.Text{f.What}
	if f.Level.Problem() {
		parts = append(parts, f.Impact, f.Place, f.Fix)
		if f.Since.IsZero() || f.Count < 1 {
			w.Errorf("%s: since %v, %d times", f.Check, f.Since, f.Count)
		}
	}
	parts = append(parts, f.Facts...)
	for _, text := range append(parts, doctor.Text{Key: f.Check.Name()}, doctor.Text{Key: f.Level.Name()}) {
		if !i18n.Has(text.Key) {
			w.Errorf("%s: no sentence %q", f.Check, text.Key)
		}
		for _, lang := range i18n.Languages() {
			if said := i18n.TArgs(i18n.With(w.Context(), lang), text.Key, text.Args); strings.Contains(said, "{{") || strings.Contains(said, "<nil>") {
				w.Errorf("%s: %s", f.Check, said)
			}
		}
	}
	raw, err := json.Marshal(f)
	if err != nil {
		w.Fatal(err)
	}
	for _, secret := range []string{w.account.Secret, "TOKEN-", "TICKET-", w.account.PushToken} {
		if strings.Contains(string(raw), secret) {
			w.Errorf("%s shows %s: %s", f.Check, secret, raw)
		}
	}
}

func (w *world) zh(t doctor.Text) string {
	return i18n.TArgs(i18n.With(w.Context(), i18n.ZH), t.Key, t.Args)
}

// expect compares one finding: its level and what its sentence holds.
func (w *world) expect(f doctor.Finding, level doctor.Level, words string) {
	w.Helper()
	if said := w.zh(f.What); f.Level != level || !strings.Contains(said, words) {
		w.Errorf("%s is %s: %s; want %s: %s", f.Check, f.Level, said, level, words)
	}
}
