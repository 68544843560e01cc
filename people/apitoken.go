package people

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/netip"
	"slices"
	"strings"
	"time"

	"kaquan/fault"
)

// Scope is one thing a program may ask for with its API token.
type Scope string

// The scopes.
const (
	ScopeConfig      Scope = "jssdk:config"        // sign wx.config
	ScopeNonce       Scope = "jssdk:nonce"         // a nonce and the time
	ScopeTickets     Scope = "wechat:tickets"      // read both tickets
	ScopeRedemptions Scope = "redemptions:read"    // read what was redeemed
	ScopeAccessToken Scope = "wechat:access-token" // read the access token, report a refused one

	ScopeHealth         Scope = "health:read"
	ScopeCampaigns      Scope = "campaigns:read"
	ScopeCampaignsWrite Scope = "campaigns:write" // make, edit, publish, pause, resume and end
	ScopeClaims         Scope = "claims:read"     // personal data is masked
	ScopeClaimsWrite    Scope = "claims:write"    // make cards void
	ScopeUsers          Scope = "users:read"      // the same
	ScopeExports        Scope = "exports:write"   // make files of what the token may read, and fetch them
	ScopeReveal         Scope = "claims:reveal"   // personal data as it is
)

// Scopes lists every scope, the harmless first.
func Scopes() []Scope {
	return []Scope{
		ScopeConfig, ScopeNonce, ScopeHealth, ScopeCampaigns, ScopeRedemptions, ScopeCampaignsWrite, ScopeClaims, ScopeClaimsWrite, ScopeUsers, ScopeExports, ScopeReveal,
		ScopeTickets, ScopeAccessToken,
	}
}

// Public reports whether a page in a browser may have the scope, where everybody can read
// the token.
func (c Scope) Public() bool { return c == ScopeConfig || c == ScopeNonce }

// Key is the translation key of the scope in words.
func (c Scope) Key() string {
	return "api.scope." + strings.NewReplacer(":", "_", "-", "_").Replace(string(c))
}

// APIToken is what the store knows of the token of another program: never its text.
type APIToken struct {
	ID         string
	Hash       []byte // SHA-256 of the text
	Tail       string // the text's last four characters, to tell tokens apart
	Name       string
	Scopes     []Scope
	Accounts   []string       // ids of official accounts; empty = all
	IPs        []netip.Prefix // of callers; empty = any
	Origins    []string       // of web pages that may call from a browser
	Hosts      []string       // that may be signed for besides our own
	Rate       int            // calls a second; a burst may be four times that
	CreatedBy  string
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero = never
	RevokedAt  time.Time // zero = not
	LastUsedAt time.Time
	Uses       int64
}

// The states of a token.
const (
	APIActive  = "active"
	APIExpired = "expired"
	APIRevoked = "revoked"
)

// State of the token at a time.
func (t *APIToken) State(now time.Time) string {
	switch {
	case !t.RevokedAt.IsZero():
		return APIRevoked
	case !t.ExpiresAt.IsZero() && !t.ExpiresAt.After(now):
		return APIExpired
	}
	return APIActive
}

// Has reports whether the token has the scope.
func (t *APIToken) Has(c Scope) bool { return slices.Contains(t.Scopes, c) }

// AllowsAccount reports whether the token may speak for the official account.
func (t *APIToken) AllowsAccount(id string) bool {
	return len(t.Accounts) == 0 || slices.Contains(t.Accounts, id)
}

// AllowsIP reports whether a call may come from the address. What is no address is only
// allowed where every address is.
func (t *APIToken) AllowsIP(ip string) bool {
	if len(t.IPs) == 0 {
		return true
	}
	addr, err := netip.ParseAddr(ip)
	return err == nil && slices.ContainsFunc(t.IPs, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

// AllowsOrigin reports whether a page of the origin may call.
func (t *APIToken) AllowsOrigin(origin string) bool { return slices.Contains(t.Origins, origin) }

// AllowsHost reports whether addresses on the host, lower case and without a default
// port, may be signed.
func (t *APIToken) AllowsHost(host string) bool { return slices.Contains(t.Hosts, host) }

// APIUse is how often a token was used since the last count.
type APIUse struct {
	ID     string
	Count  int64
	LastAt time.Time
}

// The refusals of API tokens. Store returns ErrAPITokenNotFound.
var (
	ErrAPITokenNotFound = fault.New(fault.NotFound, "api.token.not_found")
	ErrAPITokenMissing  = fault.New(fault.Unauthorized, "api.token.missing")
	ErrAPITokenUnknown  = fault.New(fault.Unauthorized, "api.token.unknown")
	ErrAPITokenExpired  = fault.New(fault.Unauthorized, "api.token.expired")
	ErrAPITokenRevoked  = fault.New(fault.Unauthorized, "api.token.revoked")
)

const (
	apiPrefix  = "kq_"
	apiRandom  = 40
	apiLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// newAPIToken is the prefix, by which scanners for leaked secrets find it, and 40 random
// letters and digits: 238 bits.
func newAPIToken() string {
	text := append(make([]byte, 0, len(apiPrefix)+apiRandom), apiPrefix...)
	for len(text) < cap(text) {
		var b [64]byte
		_, _ = rand.Read(b[:]) // never fails; the runtime stops the program instead
		for _, x := range b {
			if x < 4*62 && len(text) < cap(text) { // beyond it, some letters would come more often
				text = append(text, apiLetters[x%62])
			}
		}
	}
	return string(text)
}

// CreateAPIToken checks and stores a new token and returns its text, which nobody can
// read again. Problems are at the fields name, scopes, accounts, ips, origins, hosts,
// rate and life.
func (s *Service) CreateAPIToken(ctx context.Context, actor Person, ip string, n NewAPIToken) (text string, t APIToken, err error) {
	now := s.now().UTC()
	if t, err = n.check(now); err != nil {
		return "", t, err
	}
	text = newAPIToken()
	t.ID, t.Hash, t.Tail, t.CreatedBy, t.CreatedAt = newUUID(now), hashToken(text), text[len(text)-4:], actor.Name, now
	err = s.Record(ctx, actor, ip, "api.token_create", "api_token", t.ID, map[string]any{
		"name": t.Name, "scopes": t.Scopes, "accounts": t.Accounts, "ips": t.IPs, "origins": t.Origins, "hosts": t.Hosts, "rate": t.Rate,
	})
	if err == nil {
		err = s.store.CreateAPIToken(ctx, t)
	}
	s.api.forget()
	return text, t, err
}

// RevokeAPIToken ends a token at once; ErrAPITokenNotFound. A repeat is safe. Other
// processes notice within two seconds.
func (s *Service) RevokeAPIToken(ctx context.Context, actor Person, ip, id string) error {
	if err := s.store.RevokeAPIToken(ctx, id, s.now().UTC()); err != nil {
		return err
	}
	s.api.forget()
	s.note(ctx, actor, ip, "api.token_revoke", "api_token", id, nil)
	return nil
}

// APITokens lists every token, the newest first, with the calls that are not written down
// yet.
func (s *Service) APITokens(ctx context.Context) ([]APIToken, error) {
	list, err := s.store.ListAPITokens(ctx)
	for i := range list {
		n, last := s.api.use(&list[i]).peek()
		list[i].Uses += n
		if last.After(list[i].LastUsedAt) {
			list[i].LastUsedAt = last
		}
	}
	return list, err
}

// APIToken finds the token of a call by its text. Answers are up to two seconds old and
// cost no query; what this service changes itself counts at once. With ErrAPITokenExpired
// and ErrAPITokenRevoked comes the token that it was.
func (s *Service) APIToken(ctx context.Context, text string) (*APIAccess, error) {
	if text == "" {
		return nil, ErrAPITokenMissing
	}
	if len(text) != len(apiPrefix)+apiRandom || !strings.HasPrefix(text, apiPrefix) {
		return nil, ErrAPITokenUnknown
	}
	hash, now := sha256.Sum256([]byte(text)), s.now()
	a := s.api.recent(hash, now)
	if a == nil {
		generation := s.api.generation.Load()
		t, err := s.store.APITokenByHash(ctx, hash[:])
		if err != nil {
			if fault.CodeOf(err) == fault.NotFound {
				err = ErrAPITokenUnknown
			}
			return nil, err
		}
		if subtle.ConstantTimeCompare(t.Hash, hash[:]) != 1 {
			return nil, ErrAPITokenUnknown
		}
		a = s.api.remember(hash, t, now, generation)
	}
	switch a.State(now) {
	case APIRevoked:
		return a, ErrAPITokenRevoked
	case APIExpired:
		return a, ErrAPITokenExpired
	}
	return a, nil
}

// APIOrigin reports whether a page of the origin may call with some living token: all that
// can be known before the token is sent. Answers are up to two seconds old.
func (s *Service) APIOrigin(ctx context.Context, origin string) (bool, error) {
	now := s.now()
	if known := s.api.origins.Load(); known != nil && known.fresh(now) && known.generation == s.api.generation.Load() {
		return known.set[origin], nil
	}
	known := &apiOrigins{set: map[string]bool{}, at: now, generation: s.api.generation.Load()}
	list, err := s.store.ListAPITokens(ctx)
	if err != nil {
		return false, err
	}
	for i := range list {
		if list[i].State(now) == APIActive {
			for _, o := range list[i].Origins {
				known.set[o] = true
			}
		}
	}
	s.api.origins.Store(known)
	return known.set[origin], nil
}

// FlushAPIUse writes down the calls since the last time. Calls whose count cannot be
// written are kept for the next.
func (s *Service) FlushAPIUse(ctx context.Context) error {
	uses := s.api.takeUses()
	if len(uses) == 0 {
		return nil
	}
	err := s.store.AddAPIUse(ctx, uses)
	if err != nil {
		s.api.giveBack(uses)
	}
	return err
}
