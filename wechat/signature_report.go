package wechat

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Signed names which of the two signatures of a page was refused.
type Signed string

// The signatures (protocol 2.3 and 3.1).
const (
	SignedPage Signed = "page" // wx.config, from jsapi_ticket and the address
	SignedCard Signed = "card" // cardExt, from the card's api_ticket; the address is no part of it
)

// SignatureReport is what a page tells when WeChat refused a signature. Its texts have
// been through CleanReport: no codes, tokens, openids or phone numbers are in them.
type SignatureReport struct {
	Digest    string // equal for what is the same within an hour
	Account   string
	Slug      string
	Which     Signed
	Href      string // the address as the browser shows it
	SignedURL string // the address that we signed
	Message   string // WeChat's words
	Agent     string // ios, android or other
	TicketAge time.Duration
	Count     int64
	FirstAt   time.Time
	LastAt    time.Time
}

const (
	maxReportAddress = 1024 // bytes
	maxReportWords   = 200  // characters
)

// CleanReport removes from a report what must not be stored and gives it its digest. It
// reports whether anything worth storing is left: both addresses are of the web, and
// WeChat's message is about a signature.
func CleanReport(r SignatureReport) (SignatureReport, bool) {
	if r.Which != SignedPage && r.Which != SignedCard {
		return r, false
	}
	r.Href, r.SignedURL, r.Message = CleanAddress(r.Href), CleanAddress(r.SignedURL), cleanMessage(r.Message)
	if r.Href == "" || r.SignedURL == "" || !signatureWords.MatchString(r.Message) {
		return r, false
	}
	hour := strconv.FormatInt(r.LastAt.Unix()/3600, 10)
	sum := sha256.Sum256([]byte(strings.Join([]string{r.Account, r.Slug, string(r.Which), r.Href, r.SignedURL, r.Message, r.Agent, hour}, "\x00")))
	r.Digest = hex.EncodeToString(sum[:16])
	return r, true
}

// settingWords are what WeChat says about a page when the account's settings, and no
// signature, are to blame (protocol 2.6).
var settingWords = regexp.MustCompile(`(?i)invalid url domain|offline verifying|permission denied`)

// SettingsBlamed is the part of a page's message that blames the account's settings, in
// WeChat's words; "" for other messages. A page as a whole is denied to every snapshot
// visitor (protocol 5.4), so that blames nobody.
func SettingsBlamed(which Signed, message string) string {
	blamed := strings.ToLower(settingWords.FindString(message))
	if which != SignedCard && blamed == "permission denied" {
		return ""
	}
	return blamed
}

var signatureWords = regexp.MustCompile(`(?i)signature|签名`)

const hidden = "*"

// secretNames are parts of parameter names whose values are nobody's business.
var secretNames = regexp.MustCompile(`(?i)(code|state|openid|unionid|token|ticket|secret|passw|session|auth|sign|nsukey|pass_ticket|phone|mobile|tel|name|plate|card|key|nonce|email|^uin$|^k$|^t$)`)

// secretShapes are values that give a person or a right away under whatever name: an
// openid, a number of a phone, anything long that looks random.
var secretShapes = regexp.MustCompile(`^o[0-9A-Za-z_-]{20,40}$|1[3-9]\d{9}|[0-9A-Za-z_-]{24,}`)

// CleanAddress is an address of the web without the values of parameters that could
// carry a secret: their place is kept by a *, and so is that of a fragment. Everything
// else stays as it was, since one character may be what is looked for. "" when the text
// is no such address.
func CleanAddress(text string) string {
	if len(text) == 0 || len(text) > maxReportAddress || strings.ContainsFunc(text, unseen) || strings.ContainsRune(text, unicode.ReplacementChar) {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	rest, fragment, hasFragment := strings.Cut(text, "#")
	before, query, hasQuery := strings.Cut(rest, "?")
	var b strings.Builder
	b.WriteString(cleanPath(before))
	if hasQuery {
		b.WriteString("?" + cleanQuery(query))
	}
	if hasFragment {
		b.WriteByte('#')
		if fragment != "" {
			b.WriteString(hidden)
		}
	}
	return b.String()
}

func cleanPath(before string) string {
	parts := strings.Split(before, "/")
	for i := 3; i < len(parts); i++ {
		if secret(parts[i]) {
			parts[i] = hidden
		}
	}
	return strings.Join(parts, "/")
}

// cleanQuery keeps names, order and separators.
func cleanQuery(query string) string {
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, value, assigned := strings.Cut(part, "=")
		switch plain, err := url.QueryUnescape(name); {
		case err != nil || secret(name):
			parts[i] = hidden
		case !assigned || value == "":
		case secretNames.MatchString(plain) || secret(value):
			parts[i] = name + "=" + hidden
		}
	}
	return strings.Join(parts, "&")
}

// secret reports whether a value has the shape of a secret, or carries an address or a
// query with one.
func secret(value string) bool {
	plain := value
	for range 3 { // what was encoded twice is still found
		if secretShapes.MatchString(plain) || strings.ContainsAny(plain, "=;@") {
			return true
		}
		next, err := url.QueryUnescape(plain)
		if err != nil {
			return true
		}
		plain = next
	}
	return false
}

func unseen(r rune) bool {
	return r <= ' ' || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zs, unicode.Zl, unicode.Zp)
}

var longWord = regexp.MustCompile(`[0-9A-Za-z_/?&=%.:-]{24,}|1[3-9]\d{9}`)

func cleanMessage(text string) string {
	text = strings.Map(func(r rune) rune {
		if r != ' ' && unseen(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, text)
	text = strings.TrimSpace(longWord.ReplaceAllStringFunc(text, func(word string) string {
		if signatureWords.MatchString(word) && !strings.ContainsAny(word, "=?&%/0123456789") {
			return word
		}
		return hidden
	}))
	if runes := []rune(text); len(runes) > maxReportWords {
		text = string(runes[:maxReportWords])
	}
	return text
}

// AgentClass is the kind of phone behind a User-Agent: ios, android or other.
func AgentClass(agent string) string {
	switch {
	case strings.Contains(agent, "iPhone"), strings.Contains(agent, "iPad"):
		return "ios"
	case strings.Contains(agent, "Android"):
		return "android"
	}
	return "other"
}

// Difference is where two addresses part, in characters from the start; -1 when they are
// the same. Fragments do not count: they are not signed.
func Difference(a, b string) int {
	x, y := []rune(withoutFragment(a)), []rune(withoutFragment(b))
	for i := range max(len(x), len(y)) {
		if i >= len(x) || i >= len(y) || x[i] != y[i] {
			return i
		}
	}
	return -1
}

// Cause is a usual reason for a refused signature, most telling first.
type Cause string

// The causes, in the order in which they are looked for.
const (
	CauseForeign  Cause = "foreign"  // the page is under another host than ours
	CauseScheme   Cause = "scheme"   // http and https
	CauseHost     Cause = "host"     // another host was signed
	CausePort     Cause = "port"     // the port is missing on one side
	CauseSlash    Cause = "slash"    // a slash at the end of the path
	CauseEncoding Cause = "encoding" // the same address, escaped differently
	CausePath     Cause = "path"     // another path
	CauseQuery    Cause = "query"    // parameters that were not signed, or no longer there
	CauseOrder    Cause = "order"    // the same parameters in another order
	CauseHidden   Cause = "hidden"   // equal but for values that were not kept
	CauseHash     Cause = "hash"     // equal; a fragment is there, which is not signed
	CauseTicket   Cause = "ticket"   // equal: then it is the ticket
	CauseCard     Cause = "card"     // cardExt does not sign an address
)

// Causes explains a report. host is the host (with its port, if any) that visitors use.
func (r *SignatureReport) Causes(host string) []Cause {
	page, err1 := url.Parse(withoutFragment(r.Href))
	signed, err2 := url.Parse(withoutFragment(r.SignedURL))
	if err1 != nil || err2 != nil {
		return nil
	}
	if r.Which == SignedCard {
		return []Cause{CauseCard}
	}
	var found []Cause
	add := func(c Cause, yes bool) {
		if yes {
			found = append(found, c)
		}
	}
	add(CauseForeign, host != "" && !strings.EqualFold(page.Hostname(), hostname(host)))
	add(CauseScheme, page.Scheme != signed.Scheme)
	add(CauseHost, page.Hostname() != signed.Hostname())
	add(CausePort, page.Port() != signed.Port())
	if a, b := page.EscapedPath(), signed.EscapedPath(); a != b {
		switch {
		case strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/"):
			found = append(found, CauseSlash)
		case page.Path == signed.Path:
			found = append(found, CauseEncoding)
		default:
			found = append(found, CausePath)
		}
	}
	if page.RawQuery != signed.RawQuery || page.ForceQuery != signed.ForceQuery {
		found = append(found, queryCause(page.RawQuery, signed.RawQuery))
	}
	if len(found) == 0 {
		add(CauseHidden, strings.Contains(r.Href, "="+hidden))
		add(CauseHash, strings.Contains(r.Href, "#"))
		found = append(found, CauseTicket)
	}
	return slices.Compact(found)
}

func queryCause(a, b string) Cause {
	plainA, errA := url.QueryUnescape(a)
	plainB, errB := url.QueryUnescape(b)
	x, y := strings.Split(a, "&"), strings.Split(b, "&")
	slices.Sort(x)
	slices.Sort(y)
	switch {
	case slices.Equal(x, y):
		return CauseOrder
	case errA == nil && errB == nil && plainA == plainB:
		return CauseEncoding
	}
	return CauseQuery
}

func hostname(host string) string {
	u := url.URL{Host: host}
	return u.Hostname()
}
