package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	testSecret = "5ecre7aaaabbbbccccddddeeeeffff99"
	testPush   = "AAAAApushtokenAAAAA"
)

// memory is a Store that several keepers can share.
type memory struct {
	mu      sync.Mutex
	tokens  map[string]Token
	leases  map[string]lease
	fetches []Fetch
}

type lease struct {
	owner string
	until time.Time
}

func newMemory() *memory { return &memory{tokens: map[string]Token{}, leases: map[string]lease{}} }

func (m *memory) LoadToken(_ context.Context, app AppID, kind Kind) (Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tokens[string(app)+"/"+string(kind)]
	if !ok {
		return Token{}, ErrNoToken
	}
	return t, nil
}

func (m *memory) SaveToken(_ context.Context, t Token) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tokens[string(t.AppID)+"/"+string(t.Kind)] = t
	return nil
}

func (m *memory) AcquireLease(_ context.Context, name, owner string, now, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l, held := m.leases[name]; held && l.owner != owner && l.until.After(now) {
		return false, nil
	}
	m.leases[name] = lease{owner, until}
	return true, nil
}

func (m *memory) ReleaseLease(_ context.Context, name, owner string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.leases[name].owner == owner {
		delete(m.leases, name)
	}
	return nil
}

func (m *memory) RecordFetch(_ context.Context, f Fetch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fetches = append(m.fetches, f)
	return nil
}

func (m *memory) log() []Fetch {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Fetch(nil), m.fetches...)
}

func (m *memory) free(t *testing.T) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.leases) != 0 {
		t.Errorf("leases are still held: %v", m.leases)
	}
}

// platform plays WeChat. Its tokens differ from each other, and only the last one works.
type platform struct {
	mu      sync.Mutex
	calls   map[string]int // by path; tickets by type too
	issued  int
	token   string
	expires any
	answer  func(r *http.Request, body []byte) string // "" for the usual answer
	gate    chan struct{}                             // when set, answers wait for it
	bodies  map[string]string
	queries map[string]string
}

func newPlatform() *platform {
	return &platform{calls: map[string]int{}, expires: 7200, bodies: map[string]string{}, queries: map[string]string{}}
}

func (p *platform) count(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[path]
}

func (p *platform) say(answer func(r *http.Request, body []byte) string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

// forget makes the present token invalid, as another program's fetch does.
func (p *platform) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.token = "replaced-by-another-program"
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	gate := p.gate
	p.mu.Unlock()
	if gate != nil {
		<-gate
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	name := r.URL.Path
	if kind := r.URL.Query().Get("type"); kind != "" {
		name += "/" + kind
	}
	p.calls[name]++
	p.bodies[r.URL.Path], p.queries[r.URL.Path] = string(body), r.Method+" "+r.URL.RawQuery
	w.Header().Set("Content-Type", "text/plain") // as WeChat does
	if p.answer != nil {
		if text := p.answer(r, body); text != "" {
			_, _ = io.WriteString(w, text)
			return
		}
	}
	reply := func(v map[string]any) { _ = json.NewEncoder(w).Encode(v) }
	refused := map[string]any{"errcode": 40001, "errmsg": "invalid credential, access_token is invalid or not latest rid: 65a1b2c3-0badcafe-12345678"}
	switch r.URL.Path {
	case pathStable, pathClassic:
		p.issued++
		p.token = fmt.Sprintf("TOKEN-%020d", p.issued)
		reply(map[string]any{"access_token": p.token, "expires_in": p.expires})
	case pathTicket:
		if r.URL.Query().Get("access_token") != p.token {
			reply(refused)
			return
		}
		reply(map[string]any{"errcode": 0, "errmsg": "ok", "ticket": "TICKET-" + r.URL.Query().Get("type") + "-0123456789", "expires_in": p.expires})
	case "/card/code/decrypt":
		if r.URL.Query().Get("access_token") != p.token {
			reply(refused)
			return
		}
		reply(map[string]any{"errcode": 0, "errmsg": "ok", "code": "012345678901"})
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// RoundTrip answers without a network, for the tests whose clock is not the real one.
func (p *platform) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

func testCredentials() Credentials {
	return Credentials{Account: "shop", AppID: "wx0000000000000001", Secret: testSecret, PushToken: testPush, Mode: Stable}
}

// setup is a process: a hub with one account.
type setup struct {
	*testing.T
	platform *platform
	store    *memory
	logs     *bytes.Buffer
	c        Credentials
}

func newSetup(t *testing.T) *setup {
	return &setup{T: t, platform: newPlatform(), store: newMemory(), logs: &bytes.Buffer{}, c: testCredentials()}
}

// overNetwork gives the platform a real server.
func (s *setup) overNetwork() *setup {
	server := httptest.NewServer(s.platform)
	s.Cleanup(server.Close)
	s.c.APIURL, s.c.OpenURL, s.c.JSURL = server.URL, server.URL, server.URL
	return s
}

func (s *setup) options(o HubOptions) HubOptions {
	o.Store, o.Owner = s.store, "test"
	o.Log = slog.New(slog.NewTextHandler(&lockedWriter{w: s.logs}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Find = func(context.Context, string) (Credentials, error) { return s.c, nil }
	if s.c.APIURL == "" {
		o.HTTP = &http.Client{Transport: s.platform}
	}
	return o
}

// process is one more process that shares the store.
func (s *setup) process() *Account {
	s.Helper()
	a, err := NewHub(s.options(HubOptions{})).Account(s.Context(), "shop")
	if err != nil {
		s.Fatal(err)
	}
	return a
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func (s *setup) token(a *Account, kind Kind) Token {
	s.Helper()
	t, err := a.keeper.Token(s.Context(), kind)
	if err != nil {
		s.Fatal(err)
	}
	return t
}

func (s *setup) called(path string, want int) {
	s.Helper()
	if got := s.platform.count(path); got != want {
		s.Errorf("%s was called %d times, want %d", path, got, want)
	}
}

// noSecrets fails when text holds one of the test's secrets.
func noSecrets(t *testing.T, what, text string) {
	t.Helper()
	for _, secret := range []string{testSecret, testPush, "TOKEN-0000000", "TICKET-jsapi", "TICKET-wx_card", "oauth-token-of-visitor", "the-code-of-visitor", "oVisitor0123456789"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s shows %q: %s", what, secret, text)
		}
	}
}
