package db_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kaquan/db/dbtest"
	"kaquan/people"
)

func TestAPITokensReadBackAsTheyWereStoredAndTheTextIsNowhere(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	now := newClock(noon)
	s := people.New(d, people.Options{Now: now.now, Params: quick})
	text, made, err := s.CreateAPIToken(ctx, people.Person{ID: "p", Name: "老王"}, "192.0.2.1", people.NewAPIToken{
		Name: "官网", Scopes: []people.Scope{people.ScopeConfig}, IPs: []string{"10.0.0.0/8", "2001:db8::1"}, Origins: []string{"https://m.example.com"},
		Hosts: []string{"m.example.com"}, Accounts: []string{"demo"}, Rate: 7, Life: time.Hour,
	})
	ok(t, err)
	got, err := d.APITokenByHash(ctx, made.Hash)
	ok(t, err)
	if diff := cmp.Diff(made, got, cmpopts.EquateComparable(made.IPs[0])); diff != "" {
		t.Error(diff)
	}
	now.add(time.Second)
	_, plain, err := s.CreateAPIToken(ctx, people.Person{}, "", people.NewAPIToken{Name: "x", Scopes: people.Scopes()})
	ok(t, err)
	list, err := s.APITokens(ctx)
	ok(t, err)
	must(t, len(list) == 2 && list[0].ID == plain.ID && list[0].IPs == nil && list[0].ExpiresAt.IsZero(), "list %+v", list)
	_, err = d.APITokenByHash(ctx, make([]byte, 32))
	must(t, errors.Is(err, people.ErrAPITokenNotFound), "nobody's token: %v", err)
	for _, column := range []string{"hash", "tail", "name", "scopes"} {
		must(t, count(t, d, "SELECT COUNT(*) FROM api_tokens WHERE instr("+column+", '"+text[3:]+"') > 0") == 0, "%s holds the token", column)
	}
	must(t, count(t, d, "SELECT COUNT(*) FROM audit WHERE instr(detail, '"+text[3:]+"') > 0") == 0, "the audit holds the token")
}

func TestUseOfAPITokensAddsUpAndRevocationStays(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	s := people.New(d, people.Options{Now: func() time.Time { return noon }, Params: quick})
	text, token, err := s.CreateAPIToken(ctx, people.Person{}, "", people.NewAPIToken{Name: "x", Scopes: people.Scopes()})
	ok(t, err)
	access, err := s.APIToken(ctx, text)
	ok(t, err)
	for range 3 {
		access.Take(noon.Add(time.Minute))
	}
	ok(t, s.FlushAPIUse(ctx))
	ok(t, d.AddAPIUse(ctx, []people.APIUse{{ID: token.ID, Count: 2, LastAt: noon}, {ID: "gone", Count: 1, LastAt: noon}}))
	got, err := d.APITokenByHash(ctx, token.Hash)
	ok(t, err)
	must(t, got.Uses == 5 && got.LastUsedAt.Equal(noon.Add(time.Minute)), "used %d times, last %s", got.Uses, got.LastUsedAt)
	ok(t, d.RevokeAPIToken(ctx, token.ID, noon))
	ok(t, d.RevokeAPIToken(ctx, token.ID, noon.Add(time.Hour)))
	got, err = d.APITokenByHash(ctx, token.Hash)
	ok(t, err)
	must(t, got.RevokedAt.Equal(noon), "revoked at %s", got.RevokedAt)
	must(t, errors.Is(d.RevokeAPIToken(ctx, "gone", noon), people.ErrAPITokenNotFound), "nobody's token was revoked")
}
