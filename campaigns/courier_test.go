package campaigns_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/db/dbtest"
)

// crm is a program that is told things.
type crm struct {
	mu     sync.Mutex
	status int
	heard  []heard
}

type heard struct {
	header http.Header
	body   string
}

func (c *crm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard = append(c.heard, heard{r.Header, string(body)})
	if c.status == http.StatusFound {
		w.Header().Set("Location", "/elsewhere")
	}
	w.WriteHeader(c.status)
	_, _ = io.WriteString(w, "well\x00 \n<b>noted</b>")
}

func (c *crm) turn(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = status
}

func (c *crm) take() []heard {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.heard
	c.heard = nil
	return list
}

// post is a campaign whose webhook is the crm, and who tells it.
type post struct {
	t        *testing.T
	db       *db.DB
	now      time.Time
	service  *campaigns.Service
	courier  *campaigns.Courier
	campaign *campaigns.Campaign
	crm      *crm
	secret   string
	visitors int
}

func openPost(t *testing.T, loopback bool, change func(*campaigns.Draft)) *post {
	t.Helper()
	p := &post{t: t, db: dbtest.Open(t), now: time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC), crm: &crm{status: http.StatusNoContent}}
	clock := func() time.Time { return p.now }
	server := httptest.NewServer(p.crm)
	t.Cleanup(server.Close)
	p.service = dbtest.Seed(t, p.db, clock)
	p.courier = campaigns.NewCourier(campaigns.CourierOptions{Store: p.db, Loopback: loopback, Now: clock})
	d := dbtest.Draft(p.now, "told", 10, campaigns.OwnCode)
	d.Notices.Webhook = campaigns.Webhook{URL: server.URL + "/hook", Events: campaigns.NoticeEvents}
	if change != nil {
		change(&d)
	}
	p.campaign = dbtest.Publish(t, p.service, d)
	return p
}

func (p *post) makeSecret() {
	p.t.Helper()
	var err error
	if p.secret, err = p.courier.NewSecret(context.Background(), campaigns.Actor{Name: "test"}, p.campaign.ID); err != nil {
		p.t.Fatal(err)
	}
}

func (p *post) claim() *campaigns.Claim {
	p.t.Helper()
	p.visitors++
	v := dbtest.Visitor(p.t, p.service, p.visitors)
	c, _, err := p.service.Claim(context.Background(), campaigns.Tap{Slug: p.campaign.Slug, Visitor: v.ID, Key: "key-of-claim-" + strconv.Itoa(p.visitors)})
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

func (p *post) run() []heard {
	p.t.Helper()
	if err := p.courier.Run(context.Background()); err != nil {
		p.t.Fatal(err)
	}
	return p.crm.take()
}

func (p *post) log() []campaigns.Notice {
	p.t.Helper()
	list, _, err := p.courier.Log(context.Background(), p.campaign.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	return list
}

func TestNoticesAreSignedAndNameNobody(t *testing.T) {
	t.Parallel()
	p := openPost(t, true, nil)
	early := p.claim()
	p.now = p.now.Add(time.Minute)
	if got := p.run(); len(got) != 0 {
		t.Fatalf("told without a secret: %v", got)
	}
	p.makeSecret()
	p.now = p.now.Add(time.Minute)
	claim := p.claim()
	got := p.run()
	if len(got) != 1 {
		t.Fatalf("%d notices, log %+v", len(got), p.log())
	}
	h := got[0].header
	stamp := h.Get("X-Kaquan-Timestamp")
	if stamp != strconv.FormatInt(p.now.Unix(), 10) || h.Get("X-Kaquan-Event") != "claim.confirmed" || h.Get("Content-Type") != "application/json" {
		t.Errorf("%v", h)
	}
	if want := campaigns.SignNotice(p.secret, stamp, []byte(got[0].body)); h.Get("X-Kaquan-Signature") != want || !strings.HasPrefix(want, "v1=") || len(want) != 67 {
		t.Errorf("signature %q, want %q", h.Get("X-Kaquan-Signature"), want)
	}
	if campaigns.SignNotice(p.secret, stamp, []byte(got[0].body+" ")) == h.Get("X-Kaquan-Signature") || campaigns.SignNotice(p.secret+"x", stamp, []byte(got[0].body)) == h.Get("X-Kaquan-Signature") {
		t.Error("the signature does not depend on the body or the secret")
	}
	var body struct {
		Event    string
		At       time.Time
		Campaign struct{ Slug, State string }
		Claim    struct {
			Ref   string
			Tail  string `json:"code_tail"`
			State string
		}
	}
	if err := json.Unmarshal([]byte(got[0].body), &body); err != nil {
		t.Fatal(err)
	}
	code := string(claim.Code)
	if body.Claim.Ref != string(claim.Ref) || body.Claim.Tail != code[len(code)-4:] || body.Claim.State != "confirmed" || body.Campaign.Slug != "told" || !body.At.Equal(claim.ConfirmedAt) {
		t.Errorf("%s", got[0].body)
	}
	for _, private := range []string{code, string(dbtest.OpenID(2)), "访客", string(early.Ref)} {
		if strings.Contains(got[0].body, private) {
			t.Errorf("the body has %q: %s", private, got[0].body)
		}
	}
	if again := p.run(); len(again) != 0 {
		t.Errorf("told twice: %v", again)
	}
	if log := p.log(); log[0].State != campaigns.NoticeSent || log[0].Status != 204 {
		t.Errorf("%+v", log[0])
	}
}

func TestAVoidCardIsToldOnce(t *testing.T) {
	t.Parallel()
	p := openPost(t, true, nil)
	p.makeSecret()
	p.now = p.now.Add(time.Second)
	claim := p.claim()
	p.run()
	p.now = p.now.Add(time.Minute)
	if _, err := p.service.Void(context.Background(), campaigns.Actor{Name: "test"}, claim.ID, campaigns.Withdrawal{Reason: campaigns.VoidAbuse, Note: "刷单"}); err != nil {
		t.Fatal(err)
	}
	got := p.run()
	if len(got) != 1 || !strings.Contains(got[0].body, `"event":"claim.voided"`) || !strings.Contains(got[0].body, `"ref":"`+string(claim.Ref)+`"`) || strings.Contains(got[0].body, "刷单") {
		t.Fatalf("%+v", got)
	}
	p.now = p.now.Add(2 * time.Hour)
	if again := p.run(); len(again) != 0 {
		t.Errorf("told twice: %v", again)
	}
}

func TestANoticeThatIsNotTakenIsToldAgainLaterAndLater(t *testing.T) {
	t.Parallel()
	p := openPost(t, true, nil)
	p.makeSecret()
	p.now = p.now.Add(time.Second)
	p.claim()
	p.crm.turn(http.StatusBadGateway)
	var waits []time.Duration
	for tries := 1; ; tries++ {
		if got := p.run(); len(got) != 1 {
			t.Fatalf("try %d was sent %d times", tries, len(got))
		}
		n := p.log()[0]
		if n.Tries != tries || n.Status != 502 || strings.ContainsAny(n.Answer, "\x00\n") {
			t.Fatalf("%+v", n)
		}
		if n.State == campaigns.NoticeFailed {
			break
		}
		waits = append(waits, n.DueAt.Sub(p.now))
		if p.now = n.DueAt.Add(-time.Millisecond); len(p.run()) != 0 {
			t.Fatal("it did not wait")
		}
		p.now = n.DueAt
	}
	if len(waits) != 7 || waits[0] != 10*time.Second || waits[6] != 12*time.Hour {
		t.Errorf("waits %v", waits)
	}
	p.crm.turn(http.StatusOK)
	if p.now = p.now.Add(48 * time.Hour); len(p.run()) != 1 { // the end of the campaign alone
		t.Error("a notice that failed was told again by itself")
	}
	var failed campaigns.Notice
	for _, n := range p.log() {
		if n.State == campaigns.NoticeFailed {
			failed = n
		}
	}
	if err := p.courier.Resend(context.Background(), p.campaign.ID, failed.ID); err != nil {
		t.Fatal(err)
	}
	if got := p.run(); len(got) != 1 || got[0].header.Get("X-Kaquan-Delivery") != strconv.FormatInt(failed.ID, 10) {
		t.Errorf("sent again: %v", got)
	}
	if err := p.courier.Resend(context.Background(), p.campaign.ID+1, failed.ID); err == nil {
		t.Error("another campaign sends it")
	}
}

func TestWebhooksAreToldOfRedemptionsStockAndTheEnd(t *testing.T) {
	t.Parallel()
	p := openPost(t, true, func(d *campaigns.Draft) {
		d.Total, d.Rules.LowStock = 3, campaigns.LowStock{Percent: 90, Reaction: campaigns.LowRemind}
	})
	p.makeSecret()
	p.now = p.now.Add(time.Second)
	claim := p.claim()
	if _, err := p.db.Record(context.Background(), claim.ID, campaigns.Event{Kind: campaigns.EventRedeemed, Source: campaigns.FromStaff, At: p.now.Add(time.Second)}, nil); err != nil {
		t.Fatal(err)
	}
	if err := p.service.WatchStock(context.Background()); err != nil {
		t.Fatal(err)
	}
	p.now = p.now.Add(2 * time.Second)
	events := map[string]int{}
	for _, h := range p.run() {
		events[h.header.Get("X-Kaquan-Event")]++
	}
	p.now = p.campaign.EndsAt.Add(time.Second)
	for range 2 {
		for _, h := range p.run() {
			events[h.header.Get("X-Kaquan-Event")]++
		}
	}
	for _, event := range campaigns.NoticeEvents {
		// A redeemed card is not made void; that has its own test.
		if want := map[bool]int{false: 1}[event == campaigns.ClaimVoided]; events[event] != want {
			t.Errorf("%s was told %d times, want %d", event, events[event], want)
		}
	}
}

func TestALateConfirmationIsToldOnce(t *testing.T) {
	t.Parallel()
	p := openPost(t, true, nil)
	p.makeSecret()
	p.now = p.now.Add(time.Second)
	p.claim()
	p.now = p.now.Add(5 * time.Hour) // nobody ran
	if got := p.run(); len(got) != 1 {
		t.Fatalf("%d", len(got))
	}
	p.now = p.now.Add(2 * time.Hour)
	if got := p.run(); len(got) != 0 {
		t.Errorf("told again: %v", got)
	}
}

func TestNoticesNeverLeaveForThisMachineOrByARedirect(t *testing.T) {
	t.Parallel()
	p := openPost(t, false, nil)
	p.makeSecret()
	if err := p.courier.Ping(context.Background(), p.campaign.ID); err != nil {
		t.Fatal(err)
	}
	if got := p.run(); len(got) != 0 || p.log()[0].Answer != campaigns.TroubleAddress {
		t.Errorf("this machine was called: %v %+v", got, p.log())
	}
	p = openPost(t, true, nil)
	p.makeSecret()
	p.crm.turn(http.StatusFound)
	if err := p.courier.Ping(context.Background(), p.campaign.ID); err != nil {
		t.Fatal(err)
	}
	if got := p.run(); len(got) != 1 || p.log()[0].State != campaigns.NoticeWaiting || p.log()[0].Status != 302 {
		t.Errorf("a redirect was followed: %d %+v", len(got), p.log())
	}
}
