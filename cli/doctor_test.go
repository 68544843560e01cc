package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/config"
	"kaquan/db"
	"kaquan/db/dbtest"
	"kaquan/doctor"
	"kaquan/i18n"
	"kaquan/sandbox"
	"kaquan/wechat"
)

const testSecret = "5ec4e7000000000000000000000000ff"

// shop is a data folder with one account whose WeChat is a sandbox.
type shop struct {
	*testing.T
	folder  string
	sandbox *sandbox.Server
	url     string
	fetches atomic.Int64 // of access tokens
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{T: t, folder: t.TempDir()}
	s.sandbox = sandbox.New(sandbox.Options{AppID: sandboxAppID, Secret: testSecret, PushToken: "token", StartURL: "http://127.0.0.1/"})
	t.Cleanup(s.sandbox.Close)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cgi-bin/stable_token" {
			s.fetches.Add(1)
		}
		s.sandbox.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	s.save(s.url)
	return s
}

func (s *shop) open() *db.DB {
	s.Helper()
	d, err := OpenStore(s.Context(), s.config(), slog.New(slog.DiscardHandler))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = d.Close() })
	return d
}

func (s *shop) config() *config.Config {
	const nobody = "http://127.0.0.1:1"
	dbtest.Prepare(s, s.folder)
	c := &config.Config{
		Data: s.folder, Listen: "127.0.0.1:0", SandboxListen: "127.0.0.1:0", WeChatAPIURL: nobody, WeChatOpenURL: nobody, WeChatJSURL: nobody,
		PayURL: nobody, PushWindow: 10 * time.Minute, LogLevel: "info", LogFormat: "text",
	}
	if err := c.Validate(); err != nil {
		s.Fatal(err)
	}
	return c
}

func (s *shop) save(api string) {
	s.Helper()
	d := s.open()
	service := campaigns.New(campaigns.Options{Store: d})
	err := service.SaveAccount(s.Context(), d, campaigns.Actor{Name: "test"}, campaigns.Account{
		ID: "shop", Name: "示例咖啡", Credentials: wechat.Credentials{
			Account: "shop", AppID: sandboxAppID, Secret: testSecret, PushToken: "token", Mode: wechat.Stable, APIURL: api, OpenURL: api, JSURL: api, Sandbox: true,
		},
	})
	if err != nil {
		s.Fatal(err)
	}
	if err := d.Close(); err != nil {
		s.Fatal(err)
	}
}

// findings runs the command and reads what it printed.
func (s *shop) findings(args ...string) (int, map[doctor.Check]doctor.Finding) {
	s.Helper()
	code, out, errOut := kaquan(s, s.folder, "", append([]string{"doctor", "--json"}, args...)...)
	var answer struct {
		Level    doctor.Level
		Problems int
		Findings []doctor.Finding
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		s.Fatalf("%v\n%s\n%s", err, out, errOut)
	}
	if strings.Contains(out+errOut, testSecret) {
		s.Error("the secret was printed")
	}
	all := map[doctor.Check]doctor.Finding{}
	for _, f := range answer.Findings {
		all[f.Check] = f
	}
	if level, n := doctor.Overall(answer.Findings); level != answer.Level || n != answer.Problems {
		s.Errorf("%s with %d problems", answer.Level, answer.Problems)
	}
	return code, all
}

func TestTheDoctorsExitCodeAndSentenceForEachFaultOfTheSandbox(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		fault  string
		args   []string
		code   int
		check  doctor.Check
		level  doctor.Level
		words  string
		closed bool
	}{
		{"", nil, 0, doctor.AccessToken, doctor.OK, "剩余", false},
		{"ip_blocked", nil, 1, doctor.IPAllowList, doctor.Fail, "不在白名单", false},
		{"secret_wrong", nil, 1, doctor.AccessToken, doctor.Fail, "AppSecret 不正确", false},
		{"quota_used", nil, 1, doctor.Quota, doctor.Fail, "额度已用完", false},
		{"rate_limited", nil, 1, doctor.Quota, doctor.Warn, "太频繁", false},
		{"busy", nil, 1, doctor.AccessToken, doctor.Fail, "繁忙", false},
		{"garbage", nil, 1, doctor.AccessToken, doctor.Fail, "不是微信接口", false},
		{"network_down", nil, 1, doctor.AccessToken, doctor.Fail, "连不上微信", false},
		{"clock_skew", nil, 1, doctor.Clock, doctor.Fail, "慢", false},
		{"card_denied", nil, 0, doctor.CardTicket, doctor.Warn, "48001", false},
		{"card_denied", []string{"--strict"}, 3, doctor.CardTicket, doctor.Warn, "48001", false},
		{"", []string{"--strict"}, 0, doctor.AccessToken, doctor.OK, "剩余", false},
	} {
		t.Run(row.fault+strings.Join(row.args, ""), func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			if row.fault != "" {
				if err := s.sandbox.SetSwitch(row.fault, true); err != nil {
					t.Fatal(err)
				}
			}
			code, all := s.findings(row.args...)
			f := all[row.check]
			said := i18n.TArgs(i18n.With(t.Context(), i18n.ZH), f.What.Key, f.What.Args)
			if code != row.code || f.Level != row.level || !strings.Contains(said, row.words) {
				t.Errorf("exit %d, want %d; %s is %s: %s", code, row.code, row.check, f.Level, said)
			}
		})
	}
}

func TestTheDoctorPrintsTheFivePartsInBothLanguages(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	if err := s.sandbox.SetSwitch("ip_blocked", true); err != nil {
		t.Fatal(err)
	}
	_, all := s.findings()
	found := []doctor.Finding{all[doctor.AccessToken], all[doctor.IPAllowList], all[doctor.Disk]}
	for lang, words := range map[i18n.Language][]string{
		i18n.ZH: {"总体：有 2 个问题", "示例咖啡 (shop)", "✗ IP 白名单", "影响: ", "在哪里改: 微信公众平台", "要填的值: 203.0.113.7", "开始于: ", "本系统"},
		i18n.EN: {"2 problems", "✗ IP allow-list", "Impact: ", "Where: WeChat console", "Value: 203.0.113.7", "Since: ", "This system"},
	} {
		var b strings.Builder
		if err := printFindings(i18n.With(t.Context(), lang), &b, found, map[string]string{"shop": "示例咖啡"}); err != nil {
			t.Fatal(err)
		}
		for _, w := range words {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s: no %q in\n%s", lang, w, b.String())
			}
		}
	}
	code, out, _ := kaquan(t, t.TempDir(), "", "doctor")
	if code != 0 || !strings.Contains(out, "✓") {
		t.Errorf("a new installation: exit %d\n%s", code, out)
	}
}

// The keys of the doctor's sentences are arguments of its own functions, where the scan
// of i18n does not look.
func TestEverySentenceOfTheDoctorExists(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("../doctor/*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			key, _ := strconv.Unquote(literal.Value)
			about := strings.HasPrefix(key, "doctor.") || strings.HasPrefix(key, "wechat.")
			if about && !strings.HasSuffix(key, ".") {
				if seen++; !i18n.Has(key) {
					t.Errorf("%s: no sentence %q", name, key)
				}
			}
			return true
		})
	}
	for _, check := range append(doctor.AccountChecks(), doctor.ProgramChecks()...) {
		for _, key := range []string{check.Name(), "doctor." + string(check) + ".ok"} {
			if !i18n.Has(key) {
				t.Errorf("no sentence %q", key)
			}
		}
	}
	if seen < 60 {
		t.Errorf("only %d keys were seen", seen)
	}
}

// process is one more process on the shop's database.
func (s *shop) process(name string) *wechat.Account {
	s.Helper()
	d := s.open()
	hub := wechat.NewHub(wechat.HubOptions{
		Store: d, Owner: name,
		Find: func(ctx context.Context, id string) (wechat.Credentials, error) {
			a, err := d.Account(ctx, campaigns.AccountID(id))
			return a.Credentials, err
		},
	})
	account, err := hub.Account(s.Context(), "shop")
	if err != nil {
		s.Fatal(err)
	}
	return account
}

func TestAThousandCallersInTwoProcessesCauseOneFetch(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	now := time.Now()
	old := wechat.Token{AppID: sandboxAppID, Kind: wechat.AccessToken, Value: "expired", FetchedAt: now.Add(-2 * time.Hour), ExpiresAt: now.Add(-time.Minute), Source: "stable_token"}
	if err := s.open().SaveToken(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	both := []*wechat.Account{s.process("one"), s.process("two")}
	var (
		wg     sync.WaitGroup
		start  = make(chan struct{})
		values sync.Map
	)
	for i := range 1000 {
		wg.Go(func() {
			<-start
			got, err := both[i%2].Keeper().Token(t.Context(), wechat.AccessToken)
			if err != nil {
				t.Errorf("a caller failed: %v", err)
				return
			}
			values.Store(got.Value, true)
		})
	}
	close(start)
	wg.Wait()
	if n := s.fetches.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
	different := 0
	values.Range(func(value, _ any) bool { different++; return value != "expired" || t.Failed() })
	if different != 1 {
		t.Errorf("%d values", different)
	}
}

func TestATokenThatIsKilledEarlyCostsOneRefreshAndOneRetry(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	account := s.process("one")
	if _, err := account.Keeper().Token(t.Context(), wechat.AccessToken); err != nil {
		t.Fatal(err)
	}
	if err := s.sandbox.SetSwitch("token_killed", true); err != nil {
		t.Fatal(err)
	}
	if _, err := account.SignPage(t.Context(), "http://127.0.0.1/c/x"); err != nil {
		t.Errorf("the caller noticed: %v", err)
	}
	if n := s.fetches.Load(); n != 2 {
		t.Errorf("%d fetches", n)
	}
	fetches, err := s.open().Fetches(t.Context(), sandboxAppID, 10)
	if err != nil {
		t.Fatal(err)
	}
	var log []string
	for _, f := range fetches {
		log = append(log, fmt.Sprintf("%s %s %t", f.Source, f.Reason, f.OK))
	}
	want := "getticket absent true, stable_token rejected true, getticket absent false, stable_token absent true"
	if got := strings.Join(log, ", "); got != want {
		t.Errorf("the log is %s", got)
	}
	if _, all := s.findings(); all[doctor.ForeignRefresher].Level != doctor.Warn || all[doctor.ForeignRefresher].Count != 1 {
		t.Errorf("nobody is suspected: %+v", all[doctor.ForeignRefresher])
	}
}

func TestTheRunningProgramChecksItselfAndForgetsWhatIsOld(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	app, err := Open(t.Context(), s.config(), Version{Number: "test"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	news, cancel := app.Doctor.Subscribe()
	defer cancel()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	<-news // the task runs at once
	found, err := app.Doctor.Latest(t.Context())
	if err != nil || len(found) != 15 {
		t.Errorf("%d findings, %v", len(found), err)
	}
	if code, _ := s.findings(); code != 0 { // beside the server
		t.Errorf("exit %d", code)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for range news { // ends because the service has closed
	}
	if err := app.Close(); err != nil {
		t.Error(err)
	}
}

func TestWithWeChatDownTheProgramStartsAndSignsUntilTheValuesEnd(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.save("http://127.0.0.1:1") // nobody is there
	d := s.open()
	now := time.Now()
	put := func(kind wechat.Kind, left time.Duration) {
		t.Helper()
		err := d.SaveToken(t.Context(), wechat.Token{
			AppID: sandboxAppID, Kind: kind, Value: "value-of-" + string(kind) + "-0123456789", Source: "test",
			FetchedAt: now.Add(left - 2*time.Hour), ExpiresAt: now.Add(left),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range wechat.Kinds() {
		put(kind, 10*time.Minute)
	}
	app, err := Open(t.Context(), s.config(), Version{Number: "test"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = app.Close()
	})
	for _, path := range []string{"/readyz", "/admin/login"} {
		res, err := http.Get(app.Public + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s answers %s", path, res.Status)
		}
	}
	account, err := app.WeChat.Account(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	if page, err := account.SignPage(t.Context(), app.Public+"/c/x"); err != nil || page.Signature == "" {
		t.Errorf("not signed although the ticket lives: %v", err)
	}
	found, err := app.Doctor.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if f := found[0]; f.Check != doctor.AccessToken || f.Level == doctor.Fail {
		t.Errorf("the token is %s: %v", f.Level, f.What)
	}
	// Another process sees the values after their end.
	for _, kind := range wechat.Kinds() {
		put(kind, -time.Minute)
	}
	if _, err := s.process("two").SignPage(t.Context(), app.Public+"/c/x"); err == nil {
		t.Error("signed with a ticket that has ended")
	}
}
