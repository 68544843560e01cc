package sandbox

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the protocol signs with MD5
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// testMerchant is made once: RSA keys take time.
var testMerchant = sync.OnceValue(func() Merchant { return NewMerchant("示例咖啡", testApp, miniApp) })

// note is a notification as the merchant's server saw it.
type note struct {
	path string
	head http.Header
	body string
}

// payWorld is a world with a merchant, whose server answers notifications as told.
type payWorld struct {
	*world
	m      Merchant
	notes  chan note
	hook   string // the merchant's server
	answer func(note) (int, string)
}

func newPayWorld(t *testing.T, change ...func(*Merchant)) *payWorld {
	t.Helper()
	p := &payWorld{m: testMerchant(), notes: make(chan note, 50)}
	p.m.Retries, p.m.Late = []time.Duration{time.Millisecond, time.Millisecond}, 30*time.Millisecond
	for _, f := range change {
		f(&p.m)
	}
	p.answer = func(n note) (int, string) {
		if n.head.Get("Wechatpay-Serial") != "" {
			return http.StatusNoContent, ""
		}
		return http.StatusOK, "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>"
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		n := note{r.URL.Path, r.Header, string(body)}
		status, text := p.answer(n)
		p.notes <- n
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	p.hook = server.URL
	p.world = newWorld(t, func(o *Options) {
		o.Merchant, o.Mini = &p.m, Mini{AppID: miniApp, Secret: miniPass}
	})
	t.Cleanup(server.Close)
	return p
}

func (p *payWorld) note() note {
	p.t.Helper()
	select {
	case n := <-p.notes:
		return n
	case <-time.After(5 * time.Second):
		p.t.Fatalf("no notification came; log %+v", p.Log())
		return note{}
	}
}

// settled waits for every delivery and requires that no notification is left.
func (p *payWorld) settled() {
	p.t.Helper()
	p.pushes.Wait()
	if len(p.notes) > 0 {
		p.t.Errorf("%d more notifications: %+v", len(p.notes), <-p.notes)
	}
}

func (p *payWorld) openID(persona string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.persona(persona).openID
}

// The test's own reading of A3.
func sign2(fields map[string]string, key, kind string) string {
	var names []string
	for name, value := range fields {
		if value != "" && name != "sign" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	text := ""
	for _, name := range names {
		text += name + "=" + fields[name] + "&"
	}
	text += "key=" + key
	sum := md5.Sum([]byte(text)) //nolint:gosec // see the import
	raw := sum[:]
	if kind == "HMAC-SHA256" {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(text))
		raw = mac.Sum(nil)
	}
	return strings.ToUpper(hex.EncodeToString(raw))
}

type texts = map[string]string

// flat reads children of the root, without the sandbox's reader.
func flat(t *testing.T, body string) texts {
	t.Helper()
	var doc struct {
		Items []struct {
			XMLName xml.Name
			Text    string `xml:",chardata"`
		} `xml:",any"`
	}
	if err := xml.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	out := texts{}
	for _, item := range doc.Items {
		out[item.XMLName.Local] = item.Text
	}
	return out
}

func joined(parts ...texts) texts {
	out := texts{}
	for _, part := range parts {
		for k, v := range part {
			out[k] = v
		}
	}
	return out
}

func document(fields texts) string {
	text := "<xml>"
	for name, value := range fields {
		text += "<" + name + "><![CDATA[" + value + "]]></" + name + ">"
	}
	return text + "</xml>"
}

// raw2 sends fields as they are and signs them unless a sign is there.
func (p *payWorld) raw2(path string, fields texts) string {
	p.t.Helper()
	if _, there := fields["sign"]; !there {
		fields["sign"] = sign2(fields, p.m.V2Key, fields["sign_type"])
	}
	_, text := p.do(http.MethodPost, path, "", []byte(document(fields)))
	return text
}

// call2 is a v2 call; a SUCCESS answer must be signed.
func (p *payWorld) call2(path string, fields texts) texts {
	p.t.Helper()
	out := flat(p.t, p.raw2(path, joined(texts{"appid": testApp, "mch_id": p.m.ID, "nonce_str": freshNonce()}, fields)))
	if out["return_code"] == "SUCCESS" && out["sign"] != sign2(out, p.m.V2Key, fields["sign_type"]) {
		p.t.Errorf("the answer of %s is not signed: %v", path, out)
	}
	return out
}

func (p *payWorld) order2(no string, more texts) texts {
	p.t.Helper()
	return p.call2("/pay/unifiedorder", joined(texts{
		"body": "咖啡券", "out_trade_no": no, "total_fee": "1200", "spbill_create_ip": "127.0.0.1", "notify_url": p.hook + "/v2/paid", "trade_type": "JSAPI",
		"openid": p.openID("lin"),
	}, more))
}

// front2 is what a page hands to getBrandWCPayRequest.
func (p *payWorld) front2(prepay, kind string) texts {
	fields := texts{
		"appId": testApp, "timeStamp": strconv.FormatInt(p.clock.Now().Unix(), 10), "nonceStr": freshNonce(), "package": "prepay_id=" + prepay, "signType": kind,
	}
	fields["paySign"] = sign2(fields, p.m.V2Key, kind)
	return fields
}

func sign3(t *testing.T, key, message string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(key))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(message))
	sig, err := rsa.SignPKCS1v15(rand.Reader, parsed.(*rsa.PrivateKey), crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(sig)
}

// publicKey reads a public key or the one of a certificate.
func publicKey(t *testing.T, text string) *rsa.PublicKey {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block.Type == "CERTIFICATE" {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		return cert.PublicKey.(*rsa.PublicKey)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PublicKey)
}

func fits(key *rsa.PublicKey, message, signature string) bool {
	sig, err := base64.StdEncoding.DecodeString(signature)
	sum := sha256.Sum256([]byte(message))
	return err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig) == nil
}

// signedBy reports whether headers sign a body with a key.
func signedBy(t *testing.T, key string, head http.Header, body string) bool {
	t.Helper()
	return fits(publicKey(t, key), head.Get("Wechatpay-Timestamp")+"\n"+head.Get("Wechatpay-Nonce")+"\n"+body+"\n", head.Get("Wechatpay-Signature"))
}

// open3 decrypts a resource.
func open3(t *testing.T, key string, r object) string {
	t.Helper()
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := base64.StdEncoding.DecodeString(r["ciphertext"].(string))
	plain, err := gcm.Open(nil, []byte(r["nonce"].(string)), text, []byte(r["associated_data"].(string)))
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// authorization signs a v3 request; parts replaces what is in the header.
func (p *payWorld) authorization(method, path, body string, parts texts) string {
	p.t.Helper()
	v := joined(texts{"mchid": p.m.ID, "nonce_str": freshNonce(), "timestamp": strconv.FormatInt(p.clock.Now().Unix(), 10), "serial_no": p.m.Serial}, parts)
	if v["signature"] == "" {
		v["signature"] = sign3(p.t, p.m.PrivateKey, method+"\n"+path+"\n"+v["timestamp"]+"\n"+v["nonce_str"]+"\n"+body+"\n")
	}
	return fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",signature="%s",timestamp="%s",serial_no="%s"`,
		v["mchid"], v["nonce_str"], v["signature"], v["timestamp"], v["serial_no"])
}

// call3 is a v3 call verified by the public key, as a merchant of today makes it.
func (p *payWorld) call3(method, path string, in any, headers ...string) (int, object) {
	p.t.Helper()
	body := ""
	if in != nil {
		raw, _ := json.Marshal(in)
		body = string(raw)
	}
	headers = append([]string{
		"Authorization", p.authorization(method, path, body, nil), "Accept", "application/json", "Content-Type", "application/json", "Wechatpay-Serial", p.m.WechatKeyID,
	}, headers...)
	res, text := p.do(method, path, "", []byte(body), headers...)
	if res.StatusCode < 300 && !signedBy(p.t, p.m.WechatPublicKey, res.Header, text) {
		p.t.Errorf("%s %s is not signed by the public key: %v", method, path, res.Header)
	}
	if text == "" {
		return res.StatusCode, object{}
	}
	return res.StatusCode, parse(p.t, text)
}

func (p *payWorld) body3(no string, more object) object {
	out := object{
		"appid": testApp, "mchid": p.m.ID, "description": "咖啡券", "out_trade_no": no, "notify_url": p.hook + "/v3/paid",
		"amount": object{"total": 1200, "currency": "CNY"}, "payer": object{"openid": p.openID("lin")},
	}
	for k, v := range more {
		out[k] = v
	}
	return out
}

// order3 places an order and returns its prepay_id.
func (p *payWorld) order3(no string, more object) string {
	p.t.Helper()
	status, out := p.call3(http.MethodPost, "/v3/pay/transactions/jsapi", p.body3(no, more))
	prepay, _ := out["prepay_id"].(string)
	if status != http.StatusOK || prepay == "" {
		p.t.Fatalf("order %s: %d %v", no, status, out)
	}
	return prepay
}

func (p *payWorld) front3(app, prepay string) texts {
	p.t.Helper()
	fields := texts{"appId": app, "timeStamp": strconv.FormatInt(p.clock.Now().Unix(), 10), "nonceStr": freshNonce(), "package": "prepay_id=" + prepay, "signType": "RSA"}
	fields["paySign"] = sign3(p.t, p.m.PrivateKey, app+"\n"+fields["timeStamp"]+"\n"+fields["nonceStr"]+"\n"+fields["package"]+"\n")
	return fields
}

// phonePay pays as a persona without a browser.
func (p *payWorld) phonePay(persona string, in any, headers ...string) object {
	p.t.Helper()
	body, _ := json.Marshal(in)
	res, text := p.do(http.MethodPost, "/phone/pay", persona, body, headers...)
	if res.StatusCode != http.StatusOK {
		return object{"status": res.StatusCode}
	}
	return parse(p.t, text)
}

// paid3 places an order and has it paid; its notification is left in the queue.
func (p *payWorld) paid3(no string) {
	p.t.Helper()
	p.order3(no, nil)
	if err := p.Pay(no); err != nil {
		p.t.Fatal(err)
	}
}

func (p *payWorld) query3(no string) object {
	p.t.Helper()
	status, out := p.call3(http.MethodGet, "/v3/pay/transactions/out-trade-no/"+no+"?mchid="+p.m.ID, nil)
	if status != http.StatusOK {
		p.t.Fatalf("query: %d %v", status, out)
	}
	return out
}

func (p *payWorld) refund3(order, no string, amount int) (int, object) {
	p.t.Helper()
	return p.call3(http.MethodPost, "/v3/refund/domestic/refunds", object{
		"out_trade_no": order, "out_refund_no": no, "notify_url": p.hook + "/v3/refunded", "amount": object{"refund": amount, "total": 1200, "currency": "CNY"},
	})
}

// event opens a v3 notification, which must be signed by the key.
func (p *payWorld) event(n note, key string) (envelope, inside object) {
	p.t.Helper()
	if !signedBy(p.t, key, n.head, n.body) {
		p.t.Errorf("the notification is not signed by the key: %v", n.head)
	}
	envelope = parse(p.t, n.body)
	return envelope, parse(p.t, open3(p.t, p.m.V3Key, envelope["resource"].(object)))
}

// openReqInfo decrypts a v2 refund notification.
func (p *payWorld) openReqInfo(text, key string) (string, bool) {
	p.t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) == 0 || len(raw)%aes.BlockSize != 0 {
		return "", false
	}
	sum := md5.Sum([]byte(key)) //nolint:gosec // see the import
	block, err := aes.NewCipher([]byte(hex.EncodeToString(sum[:])))
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i < len(raw); i += aes.BlockSize {
		block.Decrypt(raw[i:], raw[i:])
	}
	n := int(raw[len(raw)-1])
	if n < 1 || n > aes.BlockSize || !bytes.Equal(raw[len(raw)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return "", false
	}
	return string(raw[:len(raw)-n]), true
}
