package people_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/go-cmp/cmp"

	"kaquan/fault"
	"kaquan/people"
)

// cheap hashes keep the tests fast; they are as real as the dear ones.
var cheap = &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

const password = "correct horse 马"

type bundle struct {
	*people.Service
	store *memory
	log   *bytes.Buffer
	mu    sync.Mutex
	at    time.Time
}

func (b *bundle) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

func (b *bundle) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = b.at.Add(d)
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{store: &memory{}, log: &bytes.Buffer{}, at: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)}
	b.Service = people.New(b.store, people.Options{Now: b.now, Log: slog.New(slog.NewTextHandler(b.log, nil)), Params: cheap})
	return b
}

func (b *bundle) create(t *testing.T, login string, role people.Role) people.Person {
	t.Helper()
	p, err := b.CreatePerson(t.Context(), people.NewPerson{Login: login, Name: "王小明", Password: password, Role: role})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (b *bundle) signIn(t *testing.T, login string) string {
	t.Helper()
	token, _, err := b.SignIn(t.Context(), login, password, "192.0.2.1", "test")
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (b *bundle) mustRefuse(t *testing.T, token string) {
	t.Helper()
	if _, _, err := b.Session(t.Context(), token); !errors.Is(err, people.ErrNoSession) {
		t.Fatalf("the session must be over, got %v", err)
	}
}

func TestEachRoleCanDoWhatItsRowSays(t *testing.T) {
	t.Parallel()
	rows := map[people.Role]string{
		people.Owner:    "campaigns:read campaigns:write claims:read claims:write claims:export claims:reveal account:read account:write people:manage api:tokens orders:read orders:refund orders:approve",
		people.Operator: "campaigns:read campaigns:write claims:read claims:write claims:export claims:reveal account:read orders:read orders:refund",
		people.Viewer:   "campaigns:read claims:read account:read",
		people.Finance:  "campaigns:read claims:read claims:export orders:read orders:refund orders:approve",
		"admin":         "",
		"":              "",
	}
	for role, want := range rows {
		var can []string
		for _, p := range people.Permissions() {
			if role.Can(p) {
				can = append(can, string(p))
			}
		}
		if diff := cmp.Diff(want, strings.Join(can, " ")); diff != "" {
			t.Errorf("%q:\n%s", role, diff)
		}
	}
	if people.Owner.Can("campaigns:everything") {
		t.Error("an unknown permission is nobody's")
	}
}

func TestEveryRoleAndPermissionHasItsWordsInBothLanguages(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"zh-CN", "en"} {
		raw, err := os.ReadFile("../i18n/locales/people." + lang + ".json")
		if err != nil {
			t.Fatal(err)
		}
		words := map[string]string{}
		if err := json.Unmarshal(raw, &words); err != nil {
			t.Fatal(err)
		}
		for _, role := range people.Roles() {
			if words[role.Key()] == "" {
				t.Errorf("%s has no word for %s", lang, role.Key())
			}
		}
		for _, p := range people.Permissions() {
			if words[p.Key()] == "" {
				t.Errorf("%s has no word for %s", lang, p.Key())
			}
		}
	}
}

func TestCreateNamesEveryBrokenRuleOnItsField(t *testing.T) {
	t.Parallel()
	good := people.NewPerson{Login: "wang.xm", Name: "王小明", Password: password, Role: people.Viewer}
	scenarios := []struct {
		name   string
		change func(*people.NewPerson)
		want   string
	}{
		{"all is well", func(*people.NewPerson) {}, ""},
		{"login in capitals with blanks", func(n *people.NewPerson) { n.Login = "  Wang@Example.com " }, ""},
		{"no name", func(n *people.NewPerson) { n.Name = " " }, ""},
		{"family emoji in the name", func(n *people.NewPerson) { n.Name = "👩‍👩‍👧‍👦王" }, ""},
		{"no login", func(n *people.NewPerson) { n.Login = "" }, "login people.login.length"},
		{"endless login", func(n *people.NewPerson) { n.Login = strings.Repeat("a", 65) }, "login people.login.length"},
		{"Chinese login", func(n *people.NewPerson) { n.Login = "王小明" }, "login people.login.letters"},
		{"login with markup", func(n *people.NewPerson) { n.Login = "<script>" }, "login people.login.letters"},
		{"login that starts with a dash", func(n *people.NewPerson) { n.Login = "-rf" }, "login people.login.letters"},
		{"long name", func(n *people.NewPerson) { n.Name = strings.Repeat("王", 41) }, "name people.name.long"},
		{"name that turns text around", func(n *people.NewPerson) { n.Name = "ab\u202ecd" }, "name people.name.letters"},
		{"name with a line break", func(n *people.NewPerson) { n.Name = "a\nb" }, "name people.name.letters"},
		{"name of broken bytes", func(n *people.NewPerson) { n.Name = "a\xff" }, "name people.name.letters"},
		{"nine characters of Chinese", func(n *people.NewPerson) { n.Password = strings.Repeat("密", 9) }, "password people.password.short"},
		{"ten characters of Chinese", func(n *people.NewPerson) { n.Password = strings.Repeat("密", 10) }, ""},
		{"long password", func(n *people.NewPerson) { n.Password = strings.Repeat("a", 129) }, "password people.password.long"},
		{"password is the login", func(n *people.NewPerson) { n.Login, n.Password = "wangxiaoming", "WangXiaoMing" }, "password people.password.is_login"},
		{"unknown role", func(n *people.NewPerson) { n.Role = "root" }, "role people.role.unknown"},
		{"unknown language", func(n *people.NewPerson) { n.Language = "tlh" }, "language people.language.unknown"},
		{"everything wrong", func(n *people.NewPerson) { *n = people.NewPerson{Login: "?", Password: "x"} }, "login people.login.length, password people.password.short, role people.role.unknown"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			n := good
			s.change(&n)
			_, err := setup(t).CreatePerson(t.Context(), n)
			var got []string
			for _, e := range fault.All(err) {
				got = append(got, e.Field+" "+e.Key)
			}
			if diff := cmp.Diff(s.want, strings.Join(got, ", ")); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func TestTheSameLoginIsTakenHoweverItIsTyped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, "wang", people.Owner)
	_, err := b.CreatePerson(t.Context(), people.NewPerson{Login: " WANG", Password: password, Role: people.Viewer})
	if !errors.Is(err, people.ErrLoginTaken) || fault.All(err)[0].Field != "login" {
		t.Fatalf("got %v", err)
	}
}

func TestSignInStartsASessionAndSignOutEndsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.create(t, "wang", people.Operator)
	token, session, err := b.SignIn(t.Context(), " Wang ", password, "192.0.2.1", strings.Repeat("浏", 200))
	if err != nil {
		t.Fatal(err)
	}
	if len(token) != 43 || len(session.CSRF) != 43 || session.CSRF == token || bytes.Contains(session.ID, []byte(token)) {
		t.Fatalf("weak session: %q %+v", token, session)
	}
	if !strings.HasPrefix(session.Agent, "浏") || len(session.Agent) > 256 || strings.ContainsRune(session.Agent, '\uFFFD') {
		t.Fatalf("the agent must be cut between characters: %q", session.Agent)
	}
	got, who, err := b.Session(t.Context(), token)
	if err != nil || who.ID != p.ID || got.CSRF != session.CSRF {
		t.Fatalf("got %+v %+v %v", got, who, err)
	}
	for range 2 {
		if err := b.SignOut(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	b.mustRefuse(t, token)
	b.mustRefuse(t, "")
	b.mustRefuse(t, "forged")
}

func TestUnknownLoginWrongPasswordAndDisabledPersonLookTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, "wang", people.Operator)
	gone := b.create(t, "gone", people.Operator)
	if err := b.store.edit(gone.ID, func(p *people.Person) { p.Disabled = true }); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, try := range [][2]string{{"nobody", password}, {"wang", "wrong password"}, {"wang", ""}, {"wang", strings.Repeat("x", 4096)}, {"gone", password}} {
		_, _, err := b.SignIn(t.Context(), try[0], try[1], "192.0.2.1", "")
		if !errors.Is(err, people.ErrSignIn) {
			t.Fatalf("%q: got %v", try, err)
		}
		texts = append(texts, err.Error())
	}
	if len(b.store.sessions) > 0 {
		t.Fatal("a refused sign-in left a session")
	}
	for _, text := range texts {
		if text != texts[0] {
			t.Fatalf("errors differ: %q", texts)
		}
	}
	refused, _ := b.ListAudit(t.Context(), people.AuditFilter{Action: "people.signin.refused"})
	if len(refused) != 5 {
		t.Fatalf("every refusal is recorded, got %d", len(refused))
	}
}

func TestTooManyFailuresCloseTheLoginForAWhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, "wang", people.Operator)
	b.create(t, "li", people.Operator)
	for i := range 8 {
		if _, _, err := b.SignIn(t.Context(), "wang", "wrong password", fmt.Sprintf("192.0.2.%d", i), ""); !errors.Is(err, people.ErrSignIn) {
			t.Fatal(err)
		}
	}
	_, _, err := b.SignIn(t.Context(), "wang", password, "198.51.100.1", "")
	if !errors.Is(err, people.ErrTooMany) || fault.All(err)[0].Args["seconds"] != 30 {
		t.Fatalf("got %v", fault.All(err))
	}
	if people.ErrTooMany.Args != nil {
		t.Fatal("the shared error was changed")
	}
	b.signIn(t, "li")
	b.pass(30 * time.Second)
	b.signIn(t, "wang")
}

func TestTooManyFailuresCloseTheAddressAndAllOfItsNetwork(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, "wang", people.Operator)
	for i := range 30 {
		if _, _, err := b.SignIn(t.Context(), fmt.Sprint("guess", i), "wrong password", fmt.Sprintf("2001:db8::%x", i), ""); !errors.Is(err, people.ErrSignIn) {
			t.Fatal(err)
		}
	}
	if _, _, err := b.SignIn(t.Context(), "wang", password, "2001:db8::ffff", ""); !errors.Is(err, people.ErrTooMany) {
		t.Fatalf("got %v", err)
	}
	if _, _, err := b.SignInByLink(t.Context(), "guess", "2001:db8::ffff", ""); !errors.Is(err, people.ErrTooMany) {
		t.Fatalf("got %v", err)
	}
	b.signIn(t, "wang")
}

func TestSuccessfulSignInsNeverUseUpTheLimit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, "wang", people.Operator)
	for range 40 {
		b.signIn(t, "wang")
	}
}

func TestSessionEndsWhenIdleAndNeverOutlivesAWeek(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, "wang", people.Operator)
	idle := b.signIn(t, "wang")
	b.pass(people.IdleLife - time.Second)
	if _, _, err := b.Session(t.Context(), idle); err != nil {
		t.Fatalf("still in time: %v", err)
	}
	b.pass(people.IdleLife - time.Second)
	if _, _, err := b.Session(t.Context(), idle); err != nil {
		t.Fatalf("a request must prolong the session: %v", err)
	}
	b.pass(people.IdleLife)
	b.mustRefuse(t, idle)

	busy := b.signIn(t, "wang")
	for range 14 {
		b.pass(people.IdleLife - time.Minute)
		if _, _, err := b.Session(t.Context(), busy); err != nil {
			t.Fatal(err)
		}
	}
	b.pass(14 * time.Minute)
	b.mustRefuse(t, busy)
	if len(b.store.sessions) > 0 {
		t.Fatal("ended sessions must be removed")
	}
}

func TestOldSessionsAreSweptAndLiveOnesStay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, "wang", people.Operator)
	b.signIn(t, "wang")
	b.pass(people.IdleLife)
	live := b.signIn(t, "wang")
	if err := b.DeleteExpired(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Session(t.Context(), live); err != nil || len(b.store.sessions) != 1 {
		t.Fatalf("%d sessions, %v", len(b.store.sessions), err)
	}
}

func TestDisabledPersonLosesTheSession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.create(t, "wang", people.Operator)
	token := b.signIn(t, "wang")
	if err := b.store.edit(p.ID, func(p *people.Person) { p.Disabled = true }); err != nil {
		t.Fatal(err)
	}
	b.mustRefuse(t, token)
}

func TestResetPasswordEndsAllSessionsAndLinks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.create(t, "wang", people.Operator)
	first, second := b.signIn(t, "wang"), b.signIn(t, "wang")
	link, err := b.IssueLoginLink(t.Context(), p.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.ResetPassword(t.Context(), "Wang", "short"); fault.All(err)[0].Field != "password" {
		t.Fatal(err)
	}
	if err := b.ResetPassword(t.Context(), "Wang", "another password"); err != nil {
		t.Fatal(err)
	}
	b.mustRefuse(t, first)
	b.mustRefuse(t, second)
	if _, _, err := b.SignInByLink(t.Context(), link, "", ""); !errors.Is(err, people.ErrOneTimeUsed) {
		t.Fatal(err)
	}
	if _, _, err := b.SignIn(t.Context(), "wang", password, "", ""); !errors.Is(err, people.ErrSignIn) {
		t.Fatal("the old password must not work")
	}
	if _, _, err := b.SignIn(t.Context(), "wang", "another password", "", ""); err != nil {
		t.Fatal(err)
	}
	if err := b.ResetPassword(t.Context(), "nobody", password); !errors.Is(err, people.ErrPersonNotFound) || fault.All(err)[0].Field != "login" {
		t.Fatal(err)
	}
}

func TestSignInThatRacesWithAResetGetsNoSession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, "wang", people.Operator)
	var once sync.Once
	b.store.onCreate = func() {
		once.Do(func() {
			if err := b.ResetPassword(t.Context(), "wang", "another password"); err != nil {
				t.Error(err)
			}
		})
	}
	token, _, err := b.SignIn(t.Context(), "wang", password, "", "")
	if !errors.Is(err, people.ErrSignIn) || token != "" || len(b.store.sessions) > 0 {
		t.Fatalf("a session of the old password survived: %q %v", token, err)
	}
}

func TestHashIsRenewedWhenTheParametersChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.create(t, "wang", people.Operator)
	dearer := *cheap
	dearer.Iterations = 2
	later := people.New(b.store, people.Options{Now: b.now, Params: &dearer})
	if _, _, err := later.SignIn(t.Context(), "wang", "wrong password", "", ""); err == nil {
		t.Fatal("wrong password accepted")
	}
	if now, _ := b.store.PersonByID(t.Context(), p.ID); now.PasswordHash != p.PasswordHash {
		t.Fatal("a refused sign-in must not change the hash")
	}
	if _, _, err := later.SignIn(t.Context(), "wang", password, "", ""); err != nil {
		t.Fatal(err)
	}
	now, _ := b.store.PersonByID(t.Context(), p.ID)
	if !strings.Contains(now.PasswordHash, "t=2,") {
		t.Fatalf("not renewed: %s", now.PasswordHash)
	}
	if _, _, err := later.SignIn(t.Context(), "wang", password, "", ""); err != nil {
		t.Fatalf("the renewed hash must work: %v", err)
	}
	if again, _ := b.store.PersonByID(t.Context(), p.ID); again.PasswordHash != now.PasswordHash {
		t.Fatal("renewed without need")
	}
}

func TestLoginLinkWorksOnceAndOnlyInTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.create(t, "wang", people.Owner)
	link, err := b.IssueLoginLink(t.Context(), p.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var good sync.Map
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if token, _, err := b.SignInByLink(t.Context(), link, "192.0.2.1", ""); err == nil {
				good.Store(token, true)
			} else if !errors.Is(err, people.ErrOneTimeUsed) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n := 0
	good.Range(func(token, _ any) bool {
		n++
		if _, who, err := b.Session(t.Context(), token.(string)); err != nil || who.ID != p.ID {
			t.Errorf("%v %v", who, err)
		}
		return true
	})
	if n != 1 {
		t.Fatalf("the link worked %d times", n)
	}
	late, _ := b.IssueLoginLink(t.Context(), p.ID, time.Hour)
	b.pass(time.Hour)
	if _, _, err := b.SignInByLink(t.Context(), late, "", ""); !errors.Is(err, people.ErrOneTimeUsed) {
		t.Fatalf("got %v", err)
	}
	if _, err := b.IssueLoginLink(t.Context(), "nobody", time.Hour); !errors.Is(err, people.ErrPersonNotFound) {
		t.Fatalf("got %v", err)
	}
}

func TestSetupMakesOneOwnerOfManyWhoTry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var tokens []string
	for range 10 {
		token, err := b.IssueSetupToken(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	var wg sync.WaitGroup
	cookies := make(chan string, len(tokens))
	for i, token := range tokens {
		wg.Go(func() {
			p, cookie, err := b.Setup(t.Context(), token, people.NewPerson{Login: fmt.Sprint("owner", i), Password: password, Role: people.Viewer})
			switch {
			case err == nil && p.Role == people.Owner:
				cookies <- cookie
			case !errors.Is(err, people.ErrSetupDone):
				t.Errorf("got %+v %v", p, err)
			}
		})
	}
	wg.Wait()
	if len(cookies) != 1 || len(b.store.people) != 1 {
		t.Fatalf("%d owners, %d people", len(cookies), len(b.store.people))
	}
	if _, who, err := b.Session(t.Context(), <-cookies); err != nil || who.Role != people.Owner {
		t.Fatalf("the owner must be signed in: %+v %v", who, err)
	}
	if _, err := b.IssueSetupToken(t.Context()); !errors.Is(err, people.ErrSetupDone) {
		t.Fatalf("got %v", err)
	}
}

func TestSetupTokenSurvivesATypoButNotItsTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token, err := b.IssueSetupToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := people.NewPerson{Login: "owner", Password: "short"}
	if _, _, err := b.Setup(t.Context(), token, n); fault.CodeOf(err) != fault.Invalid {
		t.Fatalf("got %v", err)
	}
	n.Password = password
	if _, _, err := b.Setup(t.Context(), "forged", n); !errors.Is(err, people.ErrSetupToken) {
		t.Fatalf("got %v", err)
	}
	p := people.Person{ID: "x", Login: "someone"}
	if err := b.store.CreatePerson(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	link, err := b.IssueLoginLink(t.Context(), p.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	b.store.people = nil
	if _, _, err := b.Setup(t.Context(), link, n); !errors.Is(err, people.ErrSetupToken) {
		t.Fatalf("a login link must not set up: %v", err)
	}
	b.pass(30 * time.Minute)
	if _, _, err := b.Setup(t.Context(), token, n); !errors.Is(err, people.ErrSetupToken) {
		t.Fatalf("got %v", err)
	}
	token, _ = b.IssueSetupToken(t.Context())
	if _, _, err := b.Setup(t.Context(), token, n); err != nil {
		t.Fatal(err)
	}
}

func TestForeignCSRFTokenIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, "wang", people.Owner)
	_, mine, _ := b.SignIn(t.Context(), "wang", password, "", "")
	_, other, _ := b.SignIn(t.Context(), "wang", password, "", "")
	if err := b.CheckCSRF(mine, mine.CSRF); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"", other.CSRF, mine.CSRF + "x", mine.CSRF[:42]} {
		if err := b.CheckCSRF(mine, token); !errors.Is(err, people.ErrCSRF) {
			t.Errorf("%q: got %v", token, err)
		}
	}
	if err := b.CheckCSRF(people.Session{}, ""); err == nil {
		t.Error("no session, no token")
	}
}

func TestHashingWaitsItsTurnOnlyAsLongAsTheRequestLives(t *testing.T) {
	t.Parallel()
	slow := &argon2id.Params{Memory: 32 << 10, Iterations: 30, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	s := people.New(&memory{}, people.Options{Params: slow})
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error, 6)
	for i := range 6 {
		go func() {
			_, err := s.CreatePerson(ctx, people.NewPerson{Login: fmt.Sprint("p", i), Password: password, Role: people.Viewer})
			results <- err
		}()
	}
	first := <-results
	cancel()
	busy := 0
	for range 5 {
		if err := <-results; errors.Is(err, people.ErrBusy) {
			busy++
		}
	}
	if first != nil || busy < 2 {
		t.Fatalf("first %v, %d gave up", first, busy)
	}
}

func TestAuditNamesTheActorAndHoldsNoSecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.create(t, "wang", people.Owner)
	token := b.signIn(t, "wang")
	_, _, _ = b.SignIn(t.Context(), "hunter2-typed-as-login", "hunter2-password", "192.0.2.9", "")
	link, _ := b.IssueLoginLink(t.Context(), p.ID, time.Hour)
	if _, _, err := b.SignInByLink(t.Context(), link, "192.0.2.1", ""); err != nil {
		t.Fatal(err)
	}
	b.pass(time.Millisecond)
	if err := b.Record(t.Context(), p, "192.0.2.1", "claims.export", "campaign", "7", map[string]any{"rows": 312}); err != nil {
		t.Fatal(err)
	}
	entries, err := b.ListAudit(t.Context(), people.AuditFilter{})
	if err != nil {
		t.Fatal(err)
	}
	e := entries[0]
	if e.Actor != p.ID || e.ActorName != "王小明" || e.Detail != `{"rows":312}` || e.ID <= entries[1].ID || e.ID[14] != '7' {
		t.Fatalf("got %+v", e)
	}
	if last := entries[len(entries)-1]; last.Action != "people.create" || last.ActorName != "system" {
		t.Fatalf("got %+v", last)
	}
	all := fmt.Sprint(entries) + b.log.String()
	for _, secret := range []string{token, link, password, "hunter2", p.PasswordHash} {
		if strings.Contains(all, secret) {
			t.Errorf("%q leaked into audit or log", secret)
		}
	}
	if err := b.Record(t.Context(), p, "", "x", "", "", func() {}); err == nil {
		t.Error("a detail that is no JSON must be an error")
	}
}
