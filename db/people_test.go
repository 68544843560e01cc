package db_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/pquerna/otp/totp"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/db/dbtest"
	"kaquan/people"
	"kaquan/wechat"
)

// quick are password parameters that cost nothing.
var quick = &argon2id.Params{Memory: 1024, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

func TestOfTwentyFirstPeopleOneOwnsThePlace(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t)
	var won atomic.Int64
	var wg sync.WaitGroup
	for n := range 20 {
		wg.Go(func() {
			err := d.CreateFirstPerson(context.Background(), people.Person{ID: people.ID(string(rune('a' + n))), Login: string(rune('a' + n)), Role: people.Owner})
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, people.ErrSetupDone) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n, err := d.CountPeople(context.Background())
	ok(t, err)
	must(t, won.Load() == 1 && n == 1, "%d won, %d stored", won.Load(), n)
}

func TestSessionsAndOneTimeLinksOnTheRealStore(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	now := newClock(noon)
	s := people.New(d, people.Options{Now: now.now, Params: quick})
	p, err := s.CreatePerson(ctx, people.NewPerson{Login: "lisi", Password: "correct horse battery", Role: people.Operator})
	ok(t, err)
	_, err = s.CreatePerson(ctx, people.NewPerson{Login: "LiSi", Password: "correct horse battery", Role: people.Viewer})
	must(t, errors.Is(err, people.ErrLoginTaken), "one login twice: %v", err)

	link, err := s.IssueLoginLink(ctx, p.ID, time.Hour)
	ok(t, err)
	var in atomic.Int64
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, _, err := s.SignInByLink(ctx, link, "127.0.0.1", "test"); err == nil {
				in.Add(1)
			}
		})
	}
	wg.Wait()
	must(t, in.Load() == 1, "a one-time link let %d in", in.Load())

	token, _, err := s.SignIn(ctx, "lisi", "correct horse battery", "127.0.0.1", "test")
	ok(t, err)
	_, got, err := s.Session(ctx, token)
	ok(t, err)
	must(t, got.ID == p.ID && got.Role == people.Operator, "session of %+v", got)
	ok(t, s.ResetPassword(ctx, "lisi", "another good password"))
	_, _, err = s.Session(ctx, token)
	must(t, errors.Is(err, people.ErrNoSession), "a reset password must end the sessions: %v", err)

	token, _, err = s.SignIn(ctx, "lisi", "another good password", "127.0.0.1", "test")
	ok(t, err)
	now.add(people.IdleLife)
	ok(t, s.DeleteExpired(ctx))
	_, _, err = s.Session(ctx, token)
	must(t, errors.Is(err, people.ErrNoSession), "an idle session must end: %v", err)
	entries, err := s.ListAudit(ctx, people.AuditFilter{ObjectID: string(p.ID)})
	ok(t, err)
	must(t, len(entries) >= 3, "audit has %d entries", len(entries))
}

func TestSecretsAreSealedInTheFileAndChangingThemForgetsTokens(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	s := dbtest.Seed(t, d, func() time.Time { return noon })
	app := dbtest.Credentials().AppID
	ok(t, d.SaveToken(ctx, wechat.Token{AppID: app, Kind: "access_token", Value: "a-token-value", FetchedAt: noon, ExpiresAt: noon.Add(time.Hour)}))
	token, err := d.LoadToken(ctx, app, "access_token")
	ok(t, err)
	must(t, token.Value == "a-token-value" && token.ExpiresAt.Equal(noon.Add(time.Hour)), "token %+v", token)

	for _, column := range []string{"SELECT COUNT(*) FROM tokens WHERE instr(value, 'a-token-value') > 0", "SELECT COUNT(*) FROM accounts WHERE instr(secret, '" + dbtest.Credentials().Secret + "') > 0"} {
		must(t, count(t, d, column) == 0, "a secret stands in the file: %s", column)
	}
	a, err := d.Account(ctx, dbtest.Account)
	ok(t, err)
	must(t, a.Credentials.Secret == dbtest.Credentials().Secret && a.Credentials.PushToken == "pushtoken", "secrets do not read back")
	a.Credentials.Secret = "ffffffffffffffffffffffffffffffff"
	ok(t, s.SaveAccount(ctx, d, campaigns.Actor{Name: "test"}, a))
	_, err = d.LoadToken(ctx, app, "access_token")
	must(t, errors.Is(err, wechat.ErrNoToken), "the old secret's token is still there: %v", err)
}

func TestALeaseHasOneOwnerUntilItExpires(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	take := func(owner string, at time.Time) bool {
		got, err := d.AcquireLease(ctx, "token", owner, at, at.Add(10*time.Second))
		ok(t, err)
		return got
	}
	must(t, take("a", noon), "a free lease")
	must(t, !take("b", noon.Add(9*time.Second)), "a held lease was taken")
	must(t, take("b", noon.Add(10*time.Second)), "an expired lease")
	ok(t, d.ReleaseLease(ctx, "token", "a"))
	must(t, !take("a", noon.Add(11*time.Second)), "somebody else's lease was released")
	ok(t, d.ReleaseLease(ctx, "token", "b"))
	must(t, take("a", noon.Add(12*time.Second)), "a released lease")
}

func count(t *testing.T, d *db.DB, query string) int {
	t.Helper()
	n, err := d.Raw(query)
	ok(t, err)
	return n
}

func TestTheSecretOfASecondStepIsSealedAndItsRecoveryCodesAreHashed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	folder := t.TempDir()
	d := dbtest.OpenAt(t, folder)
	now := newClock(noon)
	s := people.New(d, people.Options{Now: now.now, Params: quick})
	p, err := s.CreatePerson(ctx, people.NewPerson{Login: "lisi", Password: "correct horse battery", Role: people.Owner})
	ok(t, err)
	ok(t, s.StartTwoStep(ctx, p))
	second, err := s.TwoStep(ctx, p.ID)
	ok(t, err)
	code, err := totp.GenerateCode(second.Secret, now.now())
	ok(t, err)
	codes, err := s.ConfirmTwoStep(ctx, p, "", code)
	ok(t, err)
	must(t, count(t, d, "SELECT COUNT(*) FROM two_steps WHERE instr(secret, '"+second.Secret+"') > 0") == 0, "the secret stands in the file")
	must(t, count(t, d, "SELECT COUNT(*) FROM recovery_codes WHERE length(hash) = 32 AND instr(hash, '"+codes[0]+"') = 0") == 10, "the codes are not stored as hashes")
	list, err := s.List(ctx)
	ok(t, err)
	must(t, list[0].TwoStep, "the list does not show it")
}
