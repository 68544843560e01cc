package pay

import (
	"crypto/aes"
	"crypto/md5" //nolint:gosec // the protocol says MD5
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the protocol says SHA-1
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	testMerchant = "1900000109"
	testApp      = "wx0123456789abcdef"
	testMiniApp  = "wxfedcba9876543210"
	testPayer    = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
	testV2Key    = "192006250b4c09247ec02edce69f6a2d"
	testV3Key    = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb"
	testKeyID    = "PUB_KEY_ID_0114232134912410000000000000"
)

var testNow = time.Date(2026, 3, 2, 4, 5, 6, 0, time.UTC)

func clock() time.Time { return testNow }

// identity is a key with a certificate.
type identity struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

func newIdentity(serial int64, from, end time.Time) identity {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return certify(key, serial, from, end)
}

func certify(key *rsa.PrivateKey, serial int64, from, end time.Time) identity {
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, NotBefore: from, NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	c, err = x509.ParseCertificate(raw)
	if err != nil {
		panic(err)
	}
	return identity{key, c}
}

func (i identity) certPEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw}))
}

func (i identity) keyPEM() string {
	raw, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

func (i identity) publicPEM() string {
	raw, err := x509.MarshalPKIXPublicKey(&i.key.PublicKey)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: raw}))
}

func (i identity) serial() string { return serialOf(i.cert) }

// people are the keys of all tests; making RSA keys is slow.
var people = sync.OnceValue(func() (p struct{ merchant, platform, public identity }) {
	from, end := testNow.Add(-time.Hour), testNow.Add(365*24*time.Hour)
	p.merchant = newIdentity(0x4A8B07E79B8269FE, from, end)
	p.platform = newIdentity(0x5157F09EFDC096DE, from, end)
	p.public = newIdentity(1, from, end)
	return p
})

func merchantV3() Merchant {
	p := people()
	return Merchant{
		ID: testMerchant, AppIDs: []string{testApp, testMiniApp}, Version: V3, V3Key: testV3Key,
		PrivateKeyPEM: p.merchant.keyPEM(), CertificatePEM: p.merchant.certPEM(),
		PublicKeyID: testKeyID, PublicKeyPEM: p.public.publicPEM(),
	}
}

func merchantV2(kind SignType) Merchant {
	p := people()
	return Merchant{
		ID: testMerchant, AppIDs: []string{testApp, testMiniApp}, Version: V2, V2Key: testV2Key, SignType: kind,
		PrivateKeyPEM: p.merchant.keyPEM(), CertificatePEM: p.merchant.certPEM(),
	}
}

func orderOf(number string) Order {
	return Order{
		AppID: testMiniApp, OpenID: testPayer, OutTradeNo: number, Description: "储值卡 <100> & more 🎁", Attach: "a=1&b=<2>",
		AmountFen: 1999, ClientIP: "203.0.113.7", NotifyURL: "https://example.com/pay/notify", ExpiresAt: testNow.Add(time.Hour),
	}
}

// fakeV3 is WeChat: it checks every signature and signs its answers.
type fakeV3 struct {
	*httptest.Server
	t       *testing.T
	mu      sync.Mutex
	signer  *rsa.PrivateKey
	serial  string
	skew    time.Duration
	spoil   bool // signs wrong
	fetches int
	routes  map[string]func(body []byte, r *http.Request) (int, any)
}

func newFakeV3(t *testing.T) *fakeV3 {
	t.Helper()
	f := &fakeV3{t: t, signer: people().public.key, serial: testKeyID, routes: map[string]func([]byte, *http.Request) (int, any){}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	f.on("GET /v3/certificates", func([]byte, *http.Request) (int, any) {
		f.mu.Lock()
		f.fetches++
		f.mu.Unlock()
		p := people().platform
		return 200, map[string]any{"data": []any{map[string]any{
			"serial_no": p.serial(), "encrypt_certificate": sealed(p.certPEM(), "certificate", ""),
		}}}
	})
	return f
}

func (f *fakeV3) on(route string, h func(body []byte, r *http.Request) (int, any)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.routes[route] = h
}

func (f *fakeV3) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// gateway speaks to the fake; change may alter the merchant.
func (f *fakeV3) gateway(change func(*Merchant)) Gateway {
	f.t.Helper()
	m := merchantV3()
	m.BaseURL = f.URL
	if change != nil {
		change(&m)
	}
	g, err := New(Options{Merchant: m, Now: clock})
	if err != nil {
		f.t.Fatal(err)
	}
	return g
}

var authPattern = regexp.MustCompile(`^WECHATPAY2-SHA256-RSA2048 mchid="(\d+)",nonce_str="(\w+)",timestamp="(\d+)",serial_no="(\w+)",signature="([^"]+)"$`)

func (f *fakeV3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	m := authPattern.FindStringSubmatch(r.Header.Get("Authorization"))
	p := people()
	if m == nil || m[1] != testMerchant || m[4] != p.merchant.serial() || !fresh(m[3], testNow) ||
		!signedV3(&p.merchant.key.PublicKey, lines(r.Method, r.RequestURI, m[3], m[2], string(body)), m[5]) {
		w.Header().Set("Request-ID", "0812-268443699")
		w.WriteHeader(401)
		_, _ = io.WriteString(w, `{"code":"SIGN_ERROR","message":"wrong"}`)
		return
	}
	f.mu.Lock()
	h := f.routes[r.Method+" "+r.URL.Path]
	f.mu.Unlock()
	if h == nil {
		w.Header().Set("Request-ID", "0812-268512771")
		w.WriteHeader(404)
		_, _ = io.WriteString(w, `{"code":"ORDER_NOT_EXIST","message":"unknown"}`)
		return
	}
	status, out := h(body, r)
	raw, plain := out.([]byte)
	if !plain && out != nil {
		raw, _ = json.Marshal(out)
	}
	if status < 300 && !plain {
		for name, values := range f.stamp(raw) {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(status)
	_, _ = w.Write(raw)
}

// stamp signs a body as WeChat does now.
func (f *fakeV3) stamp(body []byte) http.Header {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := seconds(testNow.Add(f.skew))
	if f.spoil {
		body = append([]byte(" "), body...)
	}
	return stampOf(f.signer, f.serial, at, "d824f2e086d3c1df967785d13fcd22ef", body)
}

func stampOf(key *rsa.PrivateKey, serial, at, nonce string, body []byte) http.Header {
	signature, err := signV3(key, lines(at, nonce, string(body)))
	if err != nil {
		panic(err)
	}
	h := http.Header{}
	h.Set("Wechatpay-Timestamp", at)
	h.Set("Wechatpay-Nonce", nonce)
	h.Set("Wechatpay-Signature", signature)
	h.Set("Wechatpay-Serial", serial)
	h.Set("Wechatpay-Signature-Type", scheme)
	return h
}

// sealed encrypts with the APIv3 key.
func sealed(text, data, original string) map[string]any {
	box, err := newBox(testV3Key)
	if err != nil {
		panic(err)
	}
	const nonce = "uluk4a9R25RW"
	return map[string]any{
		"algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": data, "original_type": original,
		"ciphertext": base64.StdEncoding.EncodeToString(box.Seal(nil, []byte(nonce), []byte(text), []byte(data))),
	}
}

// fakeV2 is WeChat's XML side over TLS; refunds need the merchant's certificate.
type fakeV2 struct {
	*httptest.Server
	t      *testing.T
	kind   SignType
	mu     sync.Mutex
	routes map[string]func(in fields, r *http.Request) any
}

func newFakeV2(t *testing.T, kind SignType) *fakeV2 {
	t.Helper()
	f := &fakeV2{t: t, kind: kind, routes: map[string]func(fields, *http.Request) any{}}
	f.Server = httptest.NewUnstartedServer(f)
	f.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	f.StartTLS()
	t.Cleanup(f.Close)
	return f
}

func (f *fakeV2) on(path string, h func(in fields, r *http.Request) any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.routes[path] = h
}

func (f *fakeV2) gateway(change func(*Merchant)) Gateway {
	f.t.Helper()
	m := merchantV2(f.kind)
	m.BaseURL = f.URL
	if change != nil {
		change(&m)
	}
	g, err := New(Options{Merchant: m, Now: clock, Transport: f.Client().Transport.(*http.Transport)})
	if err != nil {
		f.t.Fatal(err)
	}
	return g
}

// signed completes an answer as WeChat does, with a field nobody knows.
func (f *fakeV2) signed(out fields) fields {
	for name, value := range map[string]string{
		"return_code": "SUCCESS", "return_msg": "OK", "result_code": "SUCCESS", "mch_id": testMerchant,
		"nonce_str": "5K8264ILTKCH16CQ2502SI8ZNMTM67VS", "new_field_of_wechat": "<&>",
	} {
		if _, given := out[name]; !given {
			out[name] = value
		}
	}
	out["sign"] = signV2(out, testV2Key, f.kind)
	return out
}

func (f *fakeV2) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	in, err := readXML(body, "xml")
	f.mu.Lock()
	h := f.routes[r.URL.Path]
	f.mu.Unlock()
	var out any
	switch {
	case err != nil || in["mch_id"] != testMerchant || !signedV2(in, testV2Key, f.kind) || in["sign_type"] != string(f.kind):
		out = fields{"return_code": "FAIL", "return_msg": "签名错误"}
	case strings.HasPrefix(r.URL.Path, "/secapi/") && (len(r.TLS.PeerCertificates) == 0 || !r.TLS.PeerCertificates[0].Equal(people().merchant.cert)):
		out = fields{"return_code": "FAIL", "return_msg": "证书验证失败"}
	case h == nil:
		out = f.signed(fields{"appid": in["appid"], "result_code": "FAIL", "err_code": "ORDERNOTEXIST", "err_code_des": "unknown"})
	default:
		out = h(in, r)
	}
	switch out := out.(type) {
	case fields:
		_, _ = io.WriteString(w, cdata(out))
	case []byte:
		_, _ = w.Write(out)
	case int:
		w.WriteHeader(out)
	default:
		panic(fmt.Sprintf("%T", out))
	}
}

// cdata writes the way WeChat does.
func cdata(f fields) string {
	var b strings.Builder
	b.WriteString("<xml>\n")
	for name, value := range f {
		b.WriteString("<" + name + "><![CDATA[" + value + "]]></" + name + ">\n")
	}
	return b.String() + "</xml>"
}

// sealECB makes req_info.
func sealECB(text, apiKey string) string {
	pad := aes.BlockSize - len(text)%aes.BlockSize
	raw := append([]byte(text), strings.Repeat(string(rune(pad)), pad)...)
	return base64.StdEncoding.EncodeToString(ecb(raw, apiKey))
}

func ecb(raw []byte, apiKey string) []byte {
	sum := md5.Sum([]byte(apiKey)) //nolint:gosec // the protocol says MD5
	block, err := aes.NewCipher([]byte(hex.EncodeToString(sum[:])))
	if err != nil {
		panic(err)
	}
	for i := 0; i < len(raw); i += aes.BlockSize {
		block.Encrypt(raw[i:], raw[i:])
	}
	return raw
}

func sha1Of(raw []byte) string {
	sum := sha1.Sum(raw) //nolint:gosec // the protocol says SHA-1
	return hex.EncodeToString(sum[:])
}
