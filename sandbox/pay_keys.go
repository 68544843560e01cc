package sandbox

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	cryptorand "crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// payKey is a key pair of WeChat Pay under the name that Wechatpay-Serial carries.
type payKey struct {
	serial string
	key    *rsa.PrivateKey
	cert   []byte // DER; nil for the bare public key
	until  time.Time
}

// newRSA is a fresh key pair. The system's randomness does not fail.
func newRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(cryptorand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// certify makes a certificate that the key signs itself; its serial is 40 hex digits, as
// those of WeChat Pay are.
func certify(key *rsa.PrivateKey, name string) (der []byte, serial string) {
	raw := make([]byte, 20)
	_, _ = cryptorand.Read(raw)
	raw[0] = raw[0]&0x3f | 0x40 // positive, and no leading zero
	cert := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(raw),
		Subject:      pkix.Name{CommonName: name, Organization: []string{"Sandbox WeChat Pay"}},
		NotBefore:    time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2045, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(cryptorand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return der, serialOf(cert)
}

func serialOf(cert *x509.Certificate) string { return fmt.Sprintf("%X", cert.SerialNumber) }

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func privatePEM(key *rsa.PrivateKey) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return pemText("PRIVATE KEY", der)
}

func publicPEM(key *rsa.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic(err)
	}
	return pemText("PUBLIC KEY", der)
}

var errPEM = errors.New("not an RSA key or certificate in PEM")

func readPrivate(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errPEM
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, errPEM
	}
	return key, nil
}

func readCertificate(text string) (*x509.Certificate, *rsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, nil, errPEM
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, nil, errPEM
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, nil, errPEM
	}
	return cert, key, nil
}

func readPublic(text string) (*rsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errPEM
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, ok := parsed.(*rsa.PublicKey)
	if err != nil || !ok {
		return nil, errPEM
	}
	return key, nil
}

// signRSA is the base64 of an RSA-SHA256 signature (pay protocol B1).
func signRSA(key *rsa.PrivateKey, message string) string {
	sum := sha256.Sum256([]byte(message))
	sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(sig)
}

func verifyRSA(key *rsa.PublicKey, message, signature string) bool {
	sig, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(message))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig) == nil
}

// sealed is the "resource" of a notification and the body of a certificate (B7, B8).
type sealed struct {
	Algorithm  string `json:"algorithm"`
	Ciphertext string `json:"ciphertext"`
	Associated string `json:"associated_data"`
	Nonce      string `json:"nonce"`
	Original   string `json:"original_type,omitempty"`
}

// sealGCM encrypts with the APIv3 key.
func sealGCM(key, associated string, text []byte) sealed {
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		panic(err) // openDesk checked the length
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	nonce := random(gcm.NonceSize(), letters)
	return sealed{
		Algorithm: "AEAD_AES_256_GCM", Associated: associated, Nonce: nonce,
		Ciphertext: base64.StdEncoding.EncodeToString(gcm.Seal(nil, []byte(nonce), text, []byte(associated))),
	}
}
