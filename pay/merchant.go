package pay

import (
	"fmt"
	"log/slog"
	"slices"
)

// Version of the API.
type Version string

// The versions. The empty one counts as V3.
const (
	V2 Version = "v2"
	V3 Version = "v3"
)

// SignType is how v2 signs.
type SignType string

// The kinds of v2 signature. The empty one counts as HMACSHA256.
const (
	MD5        SignType = "MD5"
	HMACSHA256 SignType = "HMAC-SHA256"
)

// DefaultBaseURL is WeChat's own address; BackupBaseURL is the second one.
const (
	DefaultBaseURL = "https://api.mch.weixin.qq.com"
	BackupBaseURL  = "https://api2.mch.weixin.qq.com"
)

// Merchant is everything needed to speak for one merchant. Printing it, in any way, shows
// no key. Only what its version needs has to be filled.
type Merchant struct {
	ID       string   // mch_id
	AppIDs   []string // bound to the merchant; the first one is used where a call names none
	Version  Version
	BaseURL  string   // "": DefaultBaseURL
	SignType SignType // v2
	V2Key    string   `json:"-"` // v2: API key, 32 characters
	V3Key    string   `json:"-"` // v3: APIv3 key, 32 bytes

	// The merchant API certificate and its key, PEM. v3 signs with the key; v2 needs both,
	// and only for refunds. SerialNo may stay empty when the certificate is given.
	CertificatePEM string
	PrivateKeyPEM  string `json:"-"`
	SerialNo       string

	// What v3 answers are verified with (B2): certificates, the public key, or both. With
	// neither the certificates are fetched at the first answer.
	PlatformCertificatesPEM string // any number, one after the other
	PublicKeyID             string // PUB_KEY_ID_…
	PublicKeyPEM            string
}

func (m Merchant) version() Version {
	if m.Version == "" {
		return V3
	}
	return m.Version
}

// String names the merchant and nothing secret.
func (m Merchant) String() string { return fmt.Sprintf("merchant %s (%s)", m.ID, m.version()) }

// Format prints String for every verb, so that no verb reaches the fields.
func (m Merchant) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(m.String())) }

// LogValue is String for structured logs.
func (m Merchant) LogValue() slog.Value { return slog.StringValue(m.String()) }

// app is the app id to use: the given one, or the first of the merchant.
func (m Merchant) app(given string) (string, error) {
	if given == "" && len(m.AppIDs) > 0 {
		return m.AppIDs[0], nil
	}
	if !slices.Contains(m.AppIDs, given) {
		return "", &InputError{Field: "app_id", Problem: "the merchant has no such app id"}
	}
	return given, nil
}
