package orders_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/db/dbtest"
	"kaquan/orders"
	"kaquan/pay"
	"kaquan/redemption"
	"kaquan/sandbox"
	"kaquan/stores"
	"kaquan/wechat"
)

const (
	appID  = "wx0000000000000001"
	miniID = "wx0000000000000002"
)

// merchant is made once: RSA keys take time.
var merchant = sync.OnceValue(func() sandbox.Merchant { return sandbox.NewMerchant("示例咖啡", appID, miniID) })

// world is a paid campaign, a till, and WeChat Pay as the sandbox plays it. Notifications
// are caught and delivered when a test says so.
type world struct {
	testing.TB
	db      *db.DB
	claims  *campaigns.Service
	orders  *orders.Service
	tills   *redemption.Service
	till    redemption.Till
	wechat  *sandbox.Server
	open    *campaigns.Campaign
	clock   func() time.Time
	step    func(time.Duration)
	payer   wechat.OpenID
	people  int
	boss    campaigns.Actor
	counted map[string]int

	mu      sync.Mutex
	notices []notice
	arrived chan struct{}
}

type notice struct {
	kind   string
	header http.Header
	body   []byte
}

// PayNotice counts what became of notifications.
func (w *world) PayNotice(_, kind, result string) { w.counted[kind+" "+result]++ }

type noHasher struct{}

func (noHasher) Hash(context.Context, string) (string, error)        { return "x", nil }
func (noHasher) Check(context.Context, string, string) (bool, error) { return false, nil }

func newWorld(tb testing.TB, version pay.Version, stock int64) *world {
	tb.Helper()
	var (
		mu  sync.Mutex
		now = time.Now().UTC().Truncate(time.Second)
	)
	w := &world{TB: tb, arrived: make(chan struct{}, 1000), boss: campaigns.Actor{ID: "boss", Name: "老板"}, counted: map[string]int{}}
	w.clock = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	w.step = func(d time.Duration) { mu.Lock(); now = now.Add(d); mu.Unlock() }

	ours := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		kind := "notify"
		if r.URL.Path == "/w/pay/demo/refund" {
			kind = "refund"
		}
		w.mu.Lock()
		w.notices = append(w.notices, notice{kind, r.Header.Clone(), body})
		w.mu.Unlock()
		w.arrived <- struct{}{}
		if version == pay.V2 {
			_, _ = io.WriteString(rw, "<xml><return_code><![CDATA[SUCCESS]]></return_code></xml>")
			return
		}
		rw.WriteHeader(http.StatusNoContent)
	}))
	tb.Cleanup(ours.Close)
	m := merchant()
	m.BillsAtOnce = true
	w.wechat = sandbox.New(sandbox.Options{AppID: appID, Secret: "0123456789abcdef0123456789abcdef", Mini: sandbox.Mini{AppID: miniID, Secret: "fedcba9876543210fedcba9876543210"}, Merchant: &m, Now: w.clock})
	tb.Cleanup(w.wechat.Close)
	theirs := httptest.NewServer(w.wechat)
	tb.Cleanup(theirs.Close)

	w.db = dbtest.OpenAt(tb, tb.TempDir())
	w.claims = dbtest.Seed(tb, w.db, w.clock)
	w.orders = orders.New(orders.Options{Store: w.db, PublicURL: ours.URL, PayURL: theirs.URL, Now: w.clock, Meter: w})
	w.ok(w.orders.SaveMerchant(w.ctx(), w.boss, orders.Merchant{Account: dbtest.Account, Merchant: pay.Merchant{
		ID: m.ID, AppIDs: []string{appID, miniID}, Version: version, SignType: pay.MD5, V2Key: m.V2Key, V3Key: m.V3Key,
		CertificatePEM: m.Certificate, PrivateKeyPEM: m.PrivateKey, PublicKeyID: m.WechatKeyID, PublicKeyPEM: m.WechatPublicKey,
		PlatformCertificatesPEM: m.PlatformCertificate,
	}}))
	d := dbtest.Draft(w.clock(), "paid", stock, campaigns.OwnCode)
	d.Limits.PerPerson, d.Price = 100, campaigns.Price{Fen: 990, RefundDays: 7}
	d.EndsAt = d.EndsAt.AddDate(0, 0, 30)
	w.open = dbtest.Publish(tb, w.claims, d)
	openID, _ := w.wechat.MiniIDs("lin")
	w.payer = wechat.OpenID(openID)

	places := stores.New(stores.Options{Store: w.db, Hasher: noHasher{}, Now: w.clock})
	w.tills = redemption.New(redemption.Options{Store: w.db, Places: places, Now: w.clock})
	place, err := places.CreatePlace(w.ctx(), stores.Actor{Name: "老板"}, stores.AccountID(dbtest.Account), stores.PlaceDraft{Kind: stores.ShopKind, Code: "N", Name: "国贸店"})
	w.ok(err)
	clerk, _, err := places.CreateStaff(w.ctx(), stores.Actor{Name: "老板"}, stores.AccountID(dbtest.Account), stores.StaffDraft{Place: place.ID, Name: "小李", Role: stores.Clerk})
	w.ok(err)
	w.till = redemption.Till{Staff: clerk, Place: place}
	return w
}

func (w *world) ctx() context.Context { return context.Background() }

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) must(fine bool, format string, args ...any) {
	w.Helper()
	if !fine {
		w.Fatalf(format, args...)
	}
}

// claim sets a card aside for somebody new.
func (w *world) claim() (*campaigns.Claim, error) {
	w.people++
	v := dbtest.Visitor(w.TB, w.claims, w.people)
	claim, _, err := w.claims.Claim(w.ctx(), campaigns.Tap{Slug: "paid", Visitor: v.ID, Key: fmt.Sprintf("claim-key-%d", w.people)})
	return claim, err
}

func (w *world) pay(claim *campaigns.Claim) (orders.Order, pay.Bridge, error) {
	return w.orders.Pay(w.ctx(), orders.Wish{Claim: claim.ID, Visitor: claim.Visitor, Client: orders.Mini, AppID: miniID, OpenID: w.payer, IP: "203.0.113.7"})
}

// prepaid is a claim whose order WeChat waits for.
func (w *world) prepaid() (*campaigns.Claim, orders.Order) {
	w.Helper()
	claim, err := w.claim()
	w.ok(err)
	o, bridge, err := w.pay(claim)
	w.ok(err)
	w.must(o.State == orders.Prepaid && bridge.PaySign != "", "order %s, bridge %+v", o.State, bridge)
	return claim, o
}

// caught waits until n notifications came in all, and gives the last.
func (w *world) caught(n int) notice {
	w.Helper()
	deadline := time.After(10 * time.Second)
	for {
		w.mu.Lock()
		if len(w.notices) >= n {
			last := w.notices[len(w.notices)-1]
			w.mu.Unlock()
			return last
		}
		w.mu.Unlock()
		select {
		case <-w.arrived:
		case <-deadline:
			w.Fatalf("no notification came")
		}
	}
}

func (w *world) deliver(n notice) pay.Reply {
	w.Helper()
	deliver := w.orders.Notify
	if n.kind == "refund" {
		deliver = w.orders.NotifyRefund
	}
	reply, err := deliver(w.ctx(), dbtest.Account, n.header, slices.Clone(n.body))
	w.ok(err)
	return reply
}

func (w *world) order(claim *campaigns.Claim) orders.Order {
	w.Helper()
	o, err := w.orders.OrderOfClaim(w.ctx(), claim.ID)
	w.ok(err)
	return o
}

func (w *world) state(claim *campaigns.Claim) campaigns.ClaimState {
	w.Helper()
	c, err := w.db.ClaimByID(w.ctx(), claim.ID)
	w.ok(err)
	return c.State
}

// adds checks the identities of money and of stock.
func (w *world) adds() {
	w.Helper()
	m, err := w.orders.CheckMoney(w.ctx(), dbtest.Account)
	w.ok(err)
	w.must(m.Holds(), "money does not add up: %+v", m)
	counted, stored, err := w.db.CheckStock(w.ctx(), w.open.ID)
	w.ok(err)
	w.must(counted == stored, "stock: counted %+v, stored %+v", counted, stored)
}
