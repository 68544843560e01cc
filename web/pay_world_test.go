package web

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/orders"
	"kaquan/pay"
	"kaquan/sandbox"
)

// payApp is the account's. The sandbox knows it as its mini program, since it tells the
// openids of that one.
var (
	payApp      = string(dbtest.Credentials().AppID)
	payMerchant = sync.OnceValue(func() sandbox.Merchant { // RSA keys take time
		m := sandbox.NewMerchant("示例咖啡", payApp, "wx00000000000000ff")
		m.BillsAtOnce = true
		m.Retries = []time.Duration{}
		return m
	})
)

// payWorld is a world whose account has a merchant at the sandbox, and a campaign that
// costs ¥9.90. Notifications reach the server over HTTP when a test lets them.
type payWorld struct {
	*world
	wechat  *sandbox.Server
	address string // of WeChat Pay
	notices chan *http.Request

	mu      sync.Mutex
	counted map[string]int
}

// PayNotice counts what became of notifications.
func (w *payWorld) PayNotice(account, kind, result string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counted[account+" "+kind+" "+result]++
}

func (w *payWorld) count(key string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counted[key]
}

func newPayWorld(t *testing.T, version pay.Version) *payWorld {
	t.Helper()
	w := &payWorld{world: newWorld(t), notices: make(chan *http.Request, 100), counted: map[string]int{}}
	ours := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		again := r.Clone(t.Context())
		again.Body, again.RequestURI = io.NopCloser(bytes.NewReader(body)), ""
		w.notices <- again
		if version == pay.V2 {
			_, _ = io.WriteString(rw, "<xml><return_code><![CDATA[SUCCESS]]></return_code></xml>")
			return
		}
		rw.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(ours.Close)
	m := payMerchant()
	w.wechat = sandbox.New(sandbox.Options{AppID: "wx00000000000000ff", Secret: "0123456789abcdef0123456789abcdef", Mini: sandbox.Mini{AppID: payApp, Secret: "fedcba9876543210fedcba9876543210"}, Merchant: &m, Now: w.clock})
	t.Cleanup(w.wechat.Close)
	theirs := httptest.NewServer(w.wechat)
	t.Cleanup(theirs.Close)
	w.address = theirs.URL
	w.server.Orders = orders.New(orders.Options{Store: w.db, PublicURL: ours.URL, Meter: w, Now: w.clock})
	w.merchant(m, version)
	w.publish("set", campaigns.OwnCode, func(d *campaigns.Draft) {
		d.Price, d.Limits.PerPerson = campaigns.Price{Fen: 990, RefundDays: 7}, 5
	})
	return w
}

// merchant gives the account the merchant m.
func (w *payWorld) merchant(m sandbox.Merchant, version pay.Version) {
	w.Helper()
	w.pass(time.Second) // a change is told by its time
	err := w.server.Orders.SaveMerchant(w.Context(), campaigns.Actor{Name: "老板"}, orders.Merchant{Account: dbtest.Account, Merchant: pay.Merchant{
		ID: m.ID, AppIDs: []string{payApp}, Version: version, BaseURL: w.address, V2Key: m.V2Key, V3Key: m.V3Key, CertificatePEM: m.Certificate, PrivateKeyPEM: m.PrivateKey,
		PlatformCertificatesPEM: m.PlatformCertificate, PublicKeyID: m.WechatKeyID, PublicKeyPEM: m.WechatPublicKey,
	}})
	if err != nil {
		w.Fatal(err)
	}
}

// payer opens the page as somebody whom the sandbox knows.
func (w *payWorld) payer() *browser {
	w.Helper()
	openID, _ := w.wechat.MiniIDs("lin")
	return w.browser().enter("set", openID[1:])
}

// notice waits for the next notification.
func (w *payWorld) notice() *http.Request {
	w.Helper()
	select {
	case r := <-w.notices:
		return r
	case <-time.After(10 * time.Second):
		w.Fatal("no notification came")
		return nil
	}
}

// deliver sends a notification as it came, or changed, and gives the answer.
func (w *payWorld) deliver(r *http.Request, change func(*http.Request, []byte) []byte) (status int, answer string) {
	w.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.Fatal(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	sent := httptest.NewRequest(http.MethodPost, r.URL.Path, nil)
	sent.Header = r.Header.Clone()
	if change != nil {
		body = change(sent, body)
	}
	if sent.URL.Path != r.URL.Path {
		sent.RequestURI = sent.URL.Path
	}
	sent.Body, sent.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	sent.Header.Del("Content-Length")
	response, err := w.server.App().Test(sent, 10_000)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// newest is the newest order.
func (w *payWorld) newest() orders.Row {
	w.Helper()
	page, err := w.server.Orders.List(w.Context(), orders.Filter{Account: dbtest.Account, Limit: 1})
	if err != nil || len(page.Rows) == 0 {
		w.Fatalf("no order: %v", err)
	}
	return page.Rows[0]
}

// bodyOf reads a request's body and leaves it there.
func (w *payWorld) bodyOf(r *http.Request) string {
	w.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.Fatal(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}
