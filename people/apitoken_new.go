package people

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kaquan/fault"
)

// NewAPIToken is what an owner decides about a token, as it was typed.
type NewAPIToken struct {
	Name     string
	Scopes   []Scope
	Accounts []string      // empty = all
	IPs      []string      // addresses and CIDR blocks
	Origins  []string      // https://www.example.com
	Hosts    []string      // www.example.com, 127.0.0.1:8080
	Rate     int           // calls a second, 1 to 100,000; 0 = 50
	Life     time.Duration // 0 = no end, else a minute to ten years
}

const (
	apiRate     = 50
	apiMaxRate  = 100_000
	apiMaxItems = 50
	apiMaxLife  = 10 * 366 * 24 * time.Hour
)

// check is the token with everything in its one spelling, or every problem.
func (n NewAPIToken) check(now time.Time) (APIToken, error) {
	var problems fault.List
	bad := func(field, key string, args ...any) {
		problems = append(problems, fault.New(fault.Invalid, key, args...).On(field))
	}
	t := APIToken{Name: strings.TrimSpace(n.Name), Rate: n.Rate}
	if size := utf8.RuneCountInString(t.Name); size == 0 || size > 60 || !utf8.ValidString(t.Name) || strings.ContainsFunc(t.Name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		bad("name", "api.new.name_bad", "max", 60)
	}
	for _, c := range Scopes() {
		if slices.Contains(n.Scopes, c) {
			t.Scopes = append(t.Scopes, c)
		}
	}
	if len(t.Scopes) == 0 {
		bad("scopes", "api.new.scopes_bad")
	}
	t.Accounts = slices.Compact(slices.Sorted(slices.Values(n.Accounts)))
	each := func(field, key string, items []string, add func(item string) bool) {
		if len(items) > apiMaxItems {
			bad(field, "api.new.too_many", "max", apiMaxItems)
			return
		}
		for _, item := range items {
			if item = strings.TrimSpace(item); item != "" && !add(item) {
				bad(field, key, "value", cut(item, 100))
			}
		}
	}
	each("ips", "api.new.ips_bad", n.IPs, func(item string) bool {
		p, ok := parseBlock(item)
		t.IPs = append(t.IPs, p)
		return ok
	})
	each("origins", "api.new.origins_bad", n.Origins, func(item string) bool {
		origin, ok := cleanOrigin(item)
		t.Origins = append(t.Origins, origin)
		return ok
	})
	each("hosts", "api.new.hosts_bad", n.Hosts, func(item string) bool {
		host, ok := cleanHost(item)
		t.Hosts = append(t.Hosts, host)
		return ok
	})
	if len(t.Origins) > 0 && slices.ContainsFunc(t.Scopes, func(c Scope) bool { return !c.Public() }) {
		bad("origins", "api.new.origins_secret")
	}
	if t.Rate == 0 {
		t.Rate = apiRate
	}
	if t.Rate < 1 || t.Rate > apiMaxRate {
		bad("rate", "api.new.rate_bad", "max", apiMaxRate)
	}
	switch {
	case n.Life == 0:
	case n.Life < time.Minute || n.Life > apiMaxLife:
		bad("life", "api.new.life_bad")
	default:
		t.ExpiresAt = now.Add(n.Life)
	}
	return t, problems.OrNil()
}

// parseBlock reads an address or a CIDR block; an address is the block of itself.
func parseBlock(text string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), !p.Addr().Is4In6()
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), true
}

// cleanOrigin is the origin as browsers send it: lower case, no path, no default port.
func cleanOrigin(text string) (string, bool) {
	u, err := url.Parse(strings.TrimSuffix(strings.ToLower(text), "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return "", false
	}
	host, ok := cleanHost(HostOf(u))
	return u.Scheme + "://" + host, ok
}

var hostPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)

// cleanHost is a name or an IPv4 address, with a port or without, in lower case.
func cleanHost(text string) (string, bool) {
	text = strings.ToLower(text)
	name := text
	if host, port, err := net.SplitHostPort(text); err == nil {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return "", false
		}
		name = host
	}
	return text, hostPattern.MatchString(name) && !strings.Contains(name, "..")
}

// HostOf is the host of an address in lower case, with its port unless that is the
// scheme's own.
func HostOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}
