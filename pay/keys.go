package pay

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Item is a setting that is examined, or the call.
type Item string

// The items.
const (
	ItemMerchant     Item = "merchant_id"
	ItemApps         Item = "app_ids"
	ItemVersion      Item = "version"
	ItemBaseURL      Item = "base_url"
	ItemSignType     Item = "sign_type"
	ItemV2Key        Item = "v2_key"
	ItemV3Key        Item = "v3_key"
	ItemPrivateKey   Item = "private_key"
	ItemCertificate  Item = "certificate"
	ItemSerial       Item = "serial_no"
	ItemPlatform     Item = "platform_certificates"
	ItemPublicKey    Item = "public_key"
	ItemPublicKeyID  Item = "public_key_id"
	ItemSelfTestCall Item = "call"
)

// Problem of an item; "" is none.
type Problem string

// The problems.
const (
	ProblemMissing     Problem = "missing"
	ProblemShape       Problem = "shape"        // cannot be read as what it should be
	ProblemWeak        Problem = "weak"         // RSA below 2048 bits
	ProblemMismatch    Problem = "mismatch"     // does not belong to its counterpart
	ProblemExpired     Problem = "expired"      // over, or not begun
	ProblemExpiresSoon Problem = "expires_soon" // within 30 days; works still
	ProblemRefused     Problem = "refused"      // the call: WeChat refused it; see Err
	ProblemUnreachable Problem = "unreachable"  // the call: no answer; see Err
	ProblemAnswer      Problem = "answer"       // the call: the answer cannot be verified; see Err
)

// Finding says whether one setting can work. It never holds a key.
type Finding struct {
	Item      Item
	Problem   Problem
	Serial    string    // of a certificate, or the id of the public key
	ExpiresAt time.Time // of a certificate, UTC
	Err       error     // of the call
}

// OK reports that the item works now.
func (f Finding) OK() bool { return f.Problem == "" || f.Problem == ProblemExpiresSoon }

// KeyError says which setting keeps New, or a refund, from working.
type KeyError struct{ Finding Finding }

// Error names the setting and the problem.
func (e *KeyError) Error() string {
	return fmt.Sprintf("pay: setting %s: %s", e.Finding.Item, e.Finding.Problem)
}

const (
	soon       = 30 * 24 * time.Hour
	minRSABits = 2048
	maxPEM     = 64 << 10
	publicKey  = "PUB_KEY_ID_"
)

var (
	merchantNo = regexp.MustCompile(`^[0-9]{6,32}$`)
	appNo      = regexp.MustCompile(`^[0-9A-Za-z_\-]{6,32}$`)
	keyText    = regexp.MustCompile(`^[!-~]{32}$`)
	serialText = regexp.MustCompile(`^[0-9A-F]{1,64}$`)
	keyIDText  = regexp.MustCompile(`^PUB_KEY_ID_[0-9A-Za-z_]{1,64}$`)
)

// ValidKeys examines the settings without a call: one finding per item that its version
// uses, also for those without a problem.
func ValidKeys(m Merchant, now time.Time) []Finding {
	_, findings := load(m, now)
	return findings
}

// keys are a merchant's settings, read.
type keys struct {
	private   *rsa.PrivateKey
	serial    string
	pair      *tls.Certificate
	box       cipher.AEAD // of the APIv3 key
	verifiers []verifier
}

// verifier is one key of WeChat.
type verifier struct {
	id        string
	key       *rsa.PublicKey
	from, end time.Time // zero for a public key: it does not expire
}

func (v verifier) valid(now time.Time) bool {
	return v.end.IsZero() || !now.Before(v.from) && now.Before(v.end)
}

func (k *keys) tlsConfig(given *tls.Config) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if given != nil {
		c = given.Clone()
	}
	c.Certificates = []tls.Certificate{*k.pair}
	return c
}

// load reads every setting and says what it found.
func load(m Merchant, now time.Time) (*keys, []Finding) {
	k := &keys{}
	var out []Finding
	add := func(item Item, p Problem) { out = append(out, Finding{Item: item, Problem: p}) }
	add(ItemMerchant, shaped(m.ID, merchantNo))
	add(ItemApps, appsProblem(m.AppIDs))
	add(ItemBaseURL, baseProblem(m.BaseURL))
	switch m.version() {
	case V2:
		add(ItemV2Key, shaped(m.V2Key, keyText))
		if m.SignType != "" && m.SignType != MD5 && m.SignType != HMACSHA256 {
			add(ItemSignType, ProblemShape)
		}
		if m.CertificatePEM != "" || m.PrivateKeyPEM != "" { // without both all but refunds works
			out = append(out, k.loadPair(m, now)...)
		}
	case V3:
		add(ItemV3Key, k.loadV3Key(m.V3Key))
		out = append(out, k.loadPair(m, now)...)
		out = append(out, k.loadVerifiers(m, now)...)
	default:
		add(ItemVersion, ProblemShape)
	}
	return k, out
}

func shaped(s string, like *regexp.Regexp) Problem {
	switch {
	case s == "":
		return ProblemMissing
	case !like.MatchString(s):
		return ProblemShape
	}
	return ""
}

func appsProblem(apps []string) Problem {
	if len(apps) == 0 {
		return ProblemMissing
	}
	for _, app := range apps {
		if p := shaped(app, appNo); p != "" {
			return p
		}
	}
	return ""
}

func baseProblem(base string) Problem {
	if base == "" {
		return ""
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && u.Scheme != "http" {
		return ProblemShape
	}
	return ""
}

func (k *keys) loadV3Key(key string) Problem {
	if key == "" {
		return ProblemMissing
	}
	if len(key) != 32 {
		return ProblemShape
	}
	box, err := newBox(key)
	if err != nil {
		return ProblemShape
	}
	k.box = box
	return ""
}

func newBox(key string) (cipher.AEAD, error) {
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// loadPair reads the merchant's private key, certificate and serial. v3 can do without the
// certificate, v2 without the serial.
func (k *keys) loadPair(m Merchant, now time.Time) []Finding {
	var p Problem
	k.private, p = readPrivateKey(m.PrivateKeyPEM)
	out := []Finding{{Item: ItemPrivateKey, Problem: p}}
	serial := tidySerial(m.SerialNo)
	if m.CertificatePEM == "" {
		if m.version() == V2 {
			return append(out, Finding{Item: ItemCertificate, Problem: ProblemMissing})
		}
		k.serial = serial
		return append(out, Finding{Item: ItemSerial, Problem: shaped(serial, serialText), Serial: serial})
	}
	cert := Finding{Item: ItemCertificate}
	certs, err := readCertificates(m.CertificatePEM)
	if err != nil {
		cert.Problem = ProblemShape
		return append(out, cert)
	}
	leaf := certs[0]
	k.serial = serialOf(leaf)
	cert.Serial, cert.ExpiresAt, cert.Problem = k.serial, leaf.NotAfter.UTC(), lifeProblem(leaf, now)
	if public, ok := leaf.PublicKey.(*rsa.PublicKey); !ok || k.private != nil && !k.private.PublicKey.Equal(public) {
		cert.Problem = ProblemMismatch
	}
	out = append(out, cert)
	if serial != "" {
		f := Finding{Item: ItemSerial, Problem: shaped(serial, serialText), Serial: serial}
		if f.OK() && normalSerial(serial) != k.serial {
			f.Problem = ProblemMismatch
		}
		out = append(out, f)
	}
	if k.private != nil && cert.Problem != ProblemMismatch {
		k.pair = &tls.Certificate{PrivateKey: k.private, Leaf: leaf}
		for _, c := range certs {
			k.pair.Certificate = append(k.pair.Certificate, c.Raw)
		}
	}
	return out
}

func lifeProblem(c *x509.Certificate, now time.Time) Problem {
	switch {
	case now.Before(c.NotBefore), !now.Before(c.NotAfter):
		return ProblemExpired
	case c.NotAfter.Sub(now) < soon:
		return ProblemExpiresSoon
	}
	return ""
}

func (k *keys) loadVerifiers(m Merchant, now time.Time) []Finding {
	var out []Finding
	if m.PublicKeyPEM != "" || m.PublicKeyID != "" {
		key, p := readPublicKey(m.PublicKeyPEM)
		id := strings.TrimSpace(m.PublicKeyID)
		idProblem := shaped(id, keyIDText)
		out = append(out, Finding{Item: ItemPublicKey, Problem: p, Serial: id}, Finding{Item: ItemPublicKeyID, Problem: idProblem})
		if p == "" && idProblem == "" {
			k.verifiers = append(k.verifiers, verifier{id: id, key: key})
		}
	}
	if m.PlatformCertificatesPEM == "" {
		return out
	}
	certs, err := readCertificates(m.PlatformCertificatesPEM)
	if err != nil {
		return append(out, Finding{Item: ItemPlatform, Problem: ProblemShape})
	}
	for _, c := range certs {
		f := Finding{Item: ItemPlatform, Serial: serialOf(c), ExpiresAt: c.NotAfter.UTC(), Problem: lifeProblem(c, now)}
		v, ok := certificateVerifier(c)
		if ok { // also an expired one: an unknown serial fetches its successor
			k.verifiers = append(k.verifiers, v)
		} else {
			f.Problem = ProblemWeak
		}
		out = append(out, f)
	}
	return out
}

func certificateVerifier(c *x509.Certificate) (verifier, bool) {
	key, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < minRSABits {
		return verifier{}, false
	}
	return verifier{id: serialOf(c), key: key, from: c.NotBefore, end: c.NotAfter}, true
}

func serialOf(c *x509.Certificate) string { return fmt.Sprintf("%X", c.SerialNumber) }

// tidySerial takes the forms that consoles and tools print: lower case, colons.
func tidySerial(s string) string {
	return strings.ToUpper(strings.NewReplacer(":", "", " ", "").Replace(strings.TrimSpace(s)))
}

// normalSerial is the form of serialOf, for comparing.
func normalSerial(s string) string {
	s = tidySerial(s)
	if trimmed := strings.TrimLeft(s, "0"); trimmed != "" {
		return trimmed
	}
	return s
}

func readPrivateKey(text string) (*rsa.PrivateKey, Problem) {
	if strings.TrimSpace(text) == "" {
		return nil, ProblemMissing
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil || len(text) > maxPEM {
		return nil, ProblemShape
	}
	var key *rsa.PrivateKey
	if any8, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		key, _ = any8.(*rsa.PrivateKey)
	} else if key1, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		key = key1
	}
	switch {
	case key == nil:
		return nil, ProblemShape
	case key.N.BitLen() < minRSABits:
		return nil, ProblemWeak
	}
	return key, ""
}

func readPublicKey(text string) (*rsa.PublicKey, Problem) {
	if strings.TrimSpace(text) == "" {
		return nil, ProblemMissing
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil || len(text) > maxPEM {
		return nil, ProblemShape
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, ok := parsed.(*rsa.PublicKey)
	switch {
	case err != nil, !ok:
		return nil, ProblemShape
	case key.N.BitLen() < minRSABits:
		return nil, ProblemWeak
	}
	return key, ""
}

// readCertificates reads one or more certificates and nothing else.
func readCertificates(text string) ([]*x509.Certificate, error) {
	if len(text) > maxPEM {
		return nil, errors.New("too large")
	}
	var out []*x509.Certificate
	for rest := []byte(text); ; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, errors.New("not a certificate")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("not a certificate")
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, errors.New("no certificate")
	}
	return out, nil
}
