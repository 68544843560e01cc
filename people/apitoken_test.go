package people_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kaquan/fault"
	"kaquan/people"
)

func (b *bundle) apiToken(t *testing.T, change func(*people.NewAPIToken)) (string, people.APIToken) {
	t.Helper()
	n := people.NewAPIToken{Name: "官网", Scopes: []people.Scope{people.ScopeConfig}}
	if change != nil {
		change(&n)
	}
	text, token, err := b.CreateAPIToken(t.Context(), people.Person{ID: "p1", Name: "老王"}, "192.0.2.1", n)
	if err != nil {
		t.Fatal(err)
	}
	return text, token
}

func TestATokenIsKnownByItsHashAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text, token := b.apiToken(t, nil)
	if !regexp.MustCompile(`^kq_[0-9A-Za-z]{40}$`).MatchString(text) {
		t.Fatalf("the token looks like %q", text)
	}
	if other, _ := b.apiToken(t, nil); other == text {
		t.Fatal("two tokens are the same")
	}
	sum := sha256.Sum256([]byte(text))
	if !bytes.Equal(token.Hash, sum[:]) || token.Tail != text[39:] || token.CreatedBy != "老王" || token.Rate != 50 {
		t.Errorf("stored as %+v", token)
	}
	for _, e := range b.store.audit {
		if strings.Contains(e.Detail, text[3:]) || e.Action != "api.token_create" || e.ObjectID == "" {
			t.Errorf("audit %+v", e)
		}
	}
	stored, err := json.Marshal(b.store.api)
	if err != nil || strings.Contains(string(stored), text[3:]) || strings.Contains(b.log.String(), text[3:]) {
		t.Error("the text of the token is kept somewhere")
	}
	got, err := b.APIToken(t.Context(), text)
	if err != nil || got.ID != token.ID {
		t.Fatalf("%v, %v", got, err)
	}
	for text, want := range map[string]error{
		"": people.ErrAPITokenMissing, "x": people.ErrAPITokenUnknown, text[:42]: people.ErrAPITokenUnknown, text + "x": people.ErrAPITokenUnknown,
		"kq_" + strings.Repeat("a", 40): people.ErrAPITokenUnknown,
	} {
		if _, err := b.APIToken(t.Context(), text); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

func TestATokenEndsAtOnceWhenItIsRevokedAndOnTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text, token := b.apiToken(t, nil)
	brief, _ := b.apiToken(t, func(n *people.NewAPIToken) { n.Life = time.Hour })
	for _, one := range []string{text, brief} {
		if _, err := b.APIToken(t.Context(), one); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.RevokeAPIToken(t.Context(), people.Person{}, "", token.ID); err != nil {
		t.Fatal(err)
	}
	if a, err := b.APIToken(t.Context(), text); !errors.Is(err, people.ErrAPITokenRevoked) || a.ID != token.ID {
		t.Errorf("revoked: %v", err)
	}
	at := b.now()
	b.pass(time.Hour)
	if _, err := b.APIToken(t.Context(), brief); !errors.Is(err, people.ErrAPITokenExpired) {
		t.Errorf("expired: %v", err)
	}
	if err := b.RevokeAPIToken(t.Context(), people.Person{}, "", token.ID); err != nil || !b.store.api[0].RevokedAt.Equal(at) {
		t.Errorf("a second revocation moved the time or failed: %v", err)
	}
	if err := b.RevokeAPIToken(t.Context(), people.Person{}, "", "nothing"); !errors.Is(err, people.ErrAPITokenNotFound) {
		t.Errorf("revoking nothing: %v", err)
	}
}

func TestManyCallsCostOneReadAndAnotherProcessIsNoticedWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text, token := b.apiToken(t, nil)
	for range 1000 {
		if _, err := b.APIToken(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	if b.store.apiReads != 1 {
		t.Errorf("%d reads for a thousand calls", b.store.apiReads)
	}
	if err := b.store.RevokeAPIToken(t.Context(), token.ID, b.now()); err != nil { // behind the service's back
		t.Fatal(err)
	}
	b.pass(2 * time.Second)
	if _, err := b.APIToken(t.Context(), text); !errors.Is(err, people.ErrAPITokenRevoked) {
		t.Errorf("after two seconds: %v", err)
	}
}

func TestCallsAreCountedInBatchesAndNoneIsLost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text, _ := b.apiToken(t, func(n *people.NewAPIToken) { n.Rate = 2 })
	a, err := b.APIToken(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	allowed := 0
	for range 20 {
		if a.Take(b.now()) {
			allowed++
		}
	}
	if allowed != 8 {
		t.Errorf("a burst of %d at two calls a second, want 8", allowed)
	}
	b.pass(time.Second)
	if first, second, third := a.Take(b.now()), a.Take(b.now()), a.Take(b.now()); !first || !second || third {
		t.Error("a second later two calls should be free")
	}
	list, err := b.APITokens(t.Context())
	if err != nil || list[0].Uses != 23 || !list[0].LastUsedAt.Equal(b.now()) || b.store.api[0].Uses != 0 {
		t.Fatalf("before the flush: %+v, %v", list, err)
	}
	b.store.broken = errors.New("disk")
	if err := b.FlushAPIUse(t.Context()); err == nil {
		t.Fatal("the failure is hidden")
	}
	b.store.broken = nil
	for range 2 {
		if err := b.FlushAPIUse(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if b.store.api[0].Uses != 23 {
		t.Errorf("%d calls are written down, want 23", b.store.api[0].Uses)
	}
}

func TestWhatATokenIsHeldToIsCheckedAndSpeltOneWay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, token := b.apiToken(t, func(n *people.NewAPIToken) {
		n.Scopes = []people.Scope{people.ScopeNonce, people.ScopeConfig, "other"}
		n.IPs, n.Origins, n.Hosts = []string{"10.1.2.3/8", "::ffff:192.0.2.7", " "}, []string{"HTTPS://M.Example.com:443/"}, []string{"M.Example.com", "127.0.0.1:8080"}
		n.Accounts = []string{"b", "a", "b"}
	})
	if got := fmt.Sprint(token.Scopes, token.IPs, token.Origins, token.Hosts, token.Accounts); got != "[jssdk:config jssdk:nonce] [10.0.0.0/8 192.0.2.7/32] [https://m.example.com] [m.example.com 127.0.0.1:8080] [a b]" {
		t.Errorf("stored %s", got)
	}
	if !token.AllowsIP("10.9.9.9") || !token.AllowsIP("::ffff:192.0.2.7") || token.AllowsIP("192.0.2.8") || token.AllowsIP("") {
		t.Error("addresses")
	}
	if !token.AllowsAccount("a") || token.AllowsAccount("c") || !token.AllowsOrigin("https://m.example.com") || token.AllowsOrigin("http://m.example.com") || token.AllowsOrigin("") {
		t.Error("accounts or origins")
	}
	for name, bad := range map[string]people.NewAPIToken{
		"name":    {Name: "  ", Scopes: people.Scopes()},
		"scopes":  {Name: "x", Scopes: []people.Scope{"admin"}},
		"ips":     {Name: "x", Scopes: people.Scopes(), IPs: []string{"10.0.0.0/33"}},
		"origins": {Name: "x", Scopes: []people.Scope{people.ScopeTickets}, Origins: []string{"https://a.example"}},
		"hosts":   {Name: "x", Scopes: people.Scopes(), Hosts: []string{"https://a.example/"}},
		"rate":    {Name: "x", Scopes: people.Scopes(), Rate: -1},
		"life":    {Name: "x", Scopes: people.Scopes(), Life: time.Second},
	} {
		_, _, err := b.CreateAPIToken(t.Context(), people.Person{}, "", bad)
		if all := fault.All(err); len(all) != 1 || all[0].Field != name || all[0].Code != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, origin := range []string{"*", "null", "https://a.example/path", "https://a.example?x", "ftp://a.example", "https://u@a.example", "https://", "a.example", "https://a_b!.example", "https://a.example:0"} {
		if _, _, err := b.CreateAPIToken(t.Context(), people.Person{}, "", people.NewAPIToken{Name: "x", Scopes: []people.Scope{people.ScopeConfig}, Origins: []string{origin}}); err == nil {
			t.Errorf("origin %q was taken", origin)
		}
	}
	if len(b.store.api) != 1 {
		t.Error("a refused token was stored")
	}
}

func TestOriginsOfLivingTokensMayAsk(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, token := b.apiToken(t, func(n *people.NewAPIToken) { n.Origins = []string{"https://a.example"} })
	may := func(origin string) bool {
		known, err := b.APIOrigin(t.Context(), origin)
		if err != nil {
			t.Fatal(err)
		}
		return known
	}
	if !may("https://a.example") || may("https://b.example") || may("") {
		t.Error("the wrong origins")
	}
	if err := b.RevokeAPIToken(t.Context(), people.Person{}, "", token.ID); err != nil {
		t.Fatal(err)
	}
	if may("https://a.example") {
		t.Error("the origin of a revoked token")
	}
}

func TestOnlyTheOwnerLetsProgramsInAndEveryScopeHasWords(t *testing.T) {
	t.Parallel()
	for _, role := range people.Roles() {
		if role.Can(people.APITokens) != (role == people.Owner) {
			t.Errorf("%s", role)
		}
	}
	if people.ScopeAccessToken.Key() != "api.scope.wechat_access_token" {
		t.Error(people.ScopeAccessToken.Key())
	}
	if public := slices.Collect(func(yield func(people.Scope) bool) {
		for _, c := range people.Scopes() {
			if c.Public() && !yield(c) {
				return
			}
		}
	}); len(public) != 2 {
		t.Errorf("public scopes %v", public)
	}
	for address, want := range map[string]string{"https://A.example:443/x": "a.example", "http://a.example:80": "a.example", "https://a.example:80": "a.example:80"} {
		u, err := url.Parse(address)
		if err != nil || people.HostOf(u) != want {
			t.Errorf("%s: %s", address, people.HostOf(u))
		}
	}
}
