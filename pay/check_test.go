package pay

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

func finding(all []Finding, item Item) (Finding, bool) {
	for _, f := range all {
		if f.Item == item {
			return f, true
		}
	}
	return Finding{}, false
}

func TestKeysThatCannotWorkAreNamed(t *testing.T) {
	t.Parallel()
	p := people()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this Go makes no short keys")
	}
	weak := certify(small, 3, testNow.Add(-time.Hour), testNow.Add(100*24*time.Hour))
	dying := certify(p.merchant.key, 5, testNow.Add(-time.Hour), testNow.Add(24*time.Hour))
	dead := certify(p.merchant.key, 6, testNow.Add(-2*time.Hour), testNow.Add(-time.Hour))
	for name, c := range map[string]struct {
		change func(*Merchant)
		item   Item
		want   Problem
	}{
		"fine":                {func(*Merchant) {}, ItemCertificate, ""},
		"serial with colons":  {func(m *Merchant) { m.SerialNo = "4a:8b:07:e7:9b:82:69:fe" }, ItemSerial, ""},
		"no merchant":         {func(m *Merchant) { m.ID = "" }, ItemMerchant, ProblemMissing},
		"merchant of letters": {func(m *Merchant) { m.ID = "abcdefgh" }, ItemMerchant, ProblemShape},
		"no apps":             {func(m *Merchant) { m.AppIDs = nil }, ItemApps, ProblemMissing},
		"version":             {func(m *Merchant) { m.Version = "v4" }, ItemVersion, ProblemShape},
		"address":             {func(m *Merchant) { m.BaseURL = "ftp://x" }, ItemBaseURL, ProblemShape},
		"short v3 key":        {func(m *Merchant) { m.V3Key = "short" }, ItemV3Key, ProblemShape},
		"no v3 key":           {func(m *Merchant) { m.V3Key = "" }, ItemV3Key, ProblemMissing},
		"no private key":      {func(m *Merchant) { m.PrivateKeyPEM = "" }, ItemPrivateKey, ProblemMissing},
		"certificate as key":  {func(m *Merchant) { m.PrivateKeyPEM = p.merchant.certPEM() }, ItemPrivateKey, ProblemShape},
		"weak key":            {func(m *Merchant) { m.PrivateKeyPEM = weak.keyPEM() }, ItemPrivateKey, ProblemWeak},
		"key of another":      {func(m *Merchant) { m.PrivateKeyPEM = p.platform.keyPEM() }, ItemCertificate, ProblemMismatch},
		"cut certificate":     {func(m *Merchant) { m.CertificatePEM = m.CertificatePEM[:200] }, ItemCertificate, ProblemShape},
		"key as certificate":  {func(m *Merchant) { m.CertificatePEM = m.PrivateKeyPEM }, ItemCertificate, ProblemShape},
		"soon over":           {func(m *Merchant) { m.CertificatePEM = dying.certPEM() }, ItemCertificate, ProblemExpiresSoon},
		"over":                {func(m *Merchant) { m.CertificatePEM = dead.certPEM() }, ItemCertificate, ProblemExpired},
		"wrong serial":        {func(m *Merchant) { m.SerialNo = "ABCDEF" }, ItemSerial, ProblemMismatch},
		"no serial":           {func(m *Merchant) { m.CertificatePEM = "" }, ItemSerial, ProblemMissing},
		"no public key":       {func(m *Merchant) { m.PublicKeyPEM = "" }, ItemPublicKey, ProblemMissing},
		"no id":               {func(m *Merchant) { m.PublicKeyID = "" }, ItemPublicKeyID, ProblemMissing},
		"serial as id":        {func(m *Merchant) { m.PublicKeyID = "ABCDEF" }, ItemPublicKeyID, ProblemShape},
		"weak platform":       {func(m *Merchant) { m.PlatformCertificatesPEM = weak.certPEM() }, ItemPlatform, ProblemWeak},
		"platform":            {func(m *Merchant) { m.PlatformCertificatesPEM = p.platform.certPEM() }, ItemPlatform, ""},
	} {
		m := merchantV3()
		c.change(&m)
		f, ok := finding(ValidKeys(m, testNow), c.item)
		if !ok || f.Problem != c.want {
			t.Errorf("%s: %+v", name, f)
		}
		_, err := New(Options{Merchant: m, Now: clock})
		var k *KeyError
		if usable := c.want == "" || c.want == ProblemExpiresSoon || c.want == ProblemExpired; usable != (err == nil) || err != nil && !errors.As(err, &k) {
			t.Errorf("%s: New answers %v", name, err)
		}
	}
	two := merchantV2("SHA-1")
	if f, _ := finding(ValidKeys(two, testNow), ItemSignType); f.Problem != ProblemShape {
		t.Error(f)
	}
	two = merchantV2(MD5)
	two.V2Key = "short"
	if f, _ := finding(ValidKeys(two, testNow), ItemV2Key); f.Problem != ProblemShape {
		t.Error(f)
	}
}

func TestTheSelfTestCallTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	call := func(g Gateway) Finding {
		f, _ := finding(g.Check(t.Context()), ItemSelfTestCall)
		return f
	}
	three := newFakeV3(t)
	three.on("POST /v3/security/echo", func(body []byte, _ *http.Request) (int, any) { return 200, json.RawMessage(body) })
	if f := call(three.gateway(nil)); !f.OK() {
		t.Error(f)
	}
	for answer, want := range map[string]Problem{`{}`: "", `{"echo_message":"another"}`: ProblemAnswer} { // B10 names no field: the signature is the proof
		three.on("POST /v3/security/echo", func([]byte, *http.Request) (int, any) { return 200, json.RawMessage(answer) })
		if f := call(three.gateway(nil)); f.Problem != want {
			t.Errorf("%s: %+v", answer, f)
		}
	}
	three.on("POST /v3/security/echo", func(body []byte, _ *http.Request) (int, any) { return 200, json.RawMessage(body) })
	if f := call(three.gateway(func(m *Merchant) {
		m.PrivateKeyPEM, m.CertificatePEM, m.SerialNo = people().platform.keyPEM(), "", "AB"
	})); f.Problem != ProblemRefused || !Misconfigured(f.Err) {
		t.Error(f)
	}
	three.set(func() { three.spoil = true })
	if f := call(three.gateway(nil)); f.Problem != ProblemAnswer {
		t.Error(f)
	}
	three.set(func() {
		three.spoil, three.signer, three.serial = false, people().platform.key, people().platform.serial()
	})
	if f := call(three.gateway(func(m *Merchant) { m.PublicKeyID, m.PublicKeyPEM = "", "" })); !f.OK() {
		t.Error("with certificates that have to be fetched:", f)
	}
	two := newFakeV2(t, MD5)
	if f := call(two.gateway(nil)); !f.OK() {
		t.Error(f)
	}
	if f := call(two.gateway(func(m *Merchant) { m.V2Key = strings.Repeat("k", 32) })); f.Problem != ProblemRefused {
		t.Error(f)
	}
	gone := two.gateway(nil)
	two.Close()
	if f := call(gone); f.Problem != ProblemUnreachable || strings.Contains(f.Err.Error(), "http") {
		t.Error(f)
	}
}
