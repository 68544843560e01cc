package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/redemption"
	"kaquan/stores"
	"kaquan/wechat"
)

// lightPINs hashes as the program does, with less work.
type lightPINs struct{}

func (lightPINs) Hash(_ context.Context, pin string) (string, error) {
	return argon2id.CreateHash(pin, &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
}

func (lightPINs) Check(context.Context, string, string) (bool, error) {
	return false, errors.New("nobody signs in here")
}

// books opens the data of a program that has stopped.
func books(t *testing.T, folder string) *db.DB {
	t.Helper()
	store, err := db.Open(t.Context(), db.Options{Path: filepath.Join(folder, "kaquan.db"), KeyFile: filepath.Join(folder, "kaquan.key")})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

const (
	tillAccount = "demo"
	tillCards   = 60
	delivery    = 100
)

// till is what the test knows of the store.
type till struct {
	place    stores.PlaceID
	staff    stores.StaffID
	pin      string
	beans    stores.GoodsID
	campaign campaigns.ID
	codes    []string
}

// furnish makes a store with stock, and cards that are exchanged for it.
func furnish(t *testing.T, store *db.DB) (x till) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	by := stores.Actor{Name: "test"}
	shop := stores.New(stores.Options{Store: store, Hasher: lightPINs{}})
	place, err := shop.CreatePlace(ctx, by, tillAccount, stores.PlaceDraft{Kind: stores.ShopKind, Code: "GM", Name: "国贸店"})
	must(err)
	m, pin, err := shop.CreateStaff(ctx, by, tillAccount, stores.StaffDraft{Place: place.ID, Name: "王店长", Role: stores.Manager})
	must(err)
	beans, err := shop.CreateGoods(ctx, by, tillAccount, stores.GoodsDraft{Barcode: "6901234567892", Name: "拿铁豆"})
	must(err)
	_, err = shop.Move(ctx, stores.Move{Account: tillAccount, Place: place.ID, Goods: beans.ID, Kind: stores.In, Quantity: delivery, By: by, Key: "delivery"})
	must(err)
	x = till{place: place.ID, staff: m.ID, pin: pin, beans: beans.ID}
	claims := campaigns.New(campaigns.Options{Store: store})
	start := time.Now().Add(-time.Hour)
	c, err := claims.Create(ctx, campaigns.Actor{Name: "test"}, campaigns.Draft{
		Account: tillAccount, Slug: "beans", Name: "拿铁豆兑换", Total: tillCards, Issuer: campaigns.OwnCode, StartsAt: start, EndsAt: start.AddDate(0, 1, 0),
		ValidUntil: start.AddDate(0, 2, 0), Zone: campaigns.Shanghai(), Limits: campaigns.Limits{PerPerson: 1}, Hold: 2 * time.Minute,
		Texts:     campaigns.Texts{Benefit: "拿铁豆 1 包", Brand: "示例咖啡"},
		Redeeming: campaigns.Redeeming{Goods: beans.ID.String(), Quantity: 1},
	})
	must(err)
	must(claims.Publish(ctx, campaigns.Actor{Name: "test"}, c.ID))
	x.campaign = c.ID
	for i := range tillCards {
		v, err := claims.Visit(ctx, campaigns.Visitor{Account: tillAccount, OpenID: wechat.OpenID(fmt.Sprintf("oTill%023d", i))})
		must(err)
		claim, _, err := claims.Claim(ctx, campaigns.Tap{Slug: "beans", Visitor: v.ID, Key: fmt.Sprintf("tap-%016d", i)})
		must(err)
		x.codes = append(x.codes, string(claim.Code))
	}
	return x
}

// device is a phone of the staff with the mini program.
type device struct {
	*http.Client
	app, person, staff string
}

// send is a call of the mini program; status 0 says that no answer came.
func (d *device) send(method, address, key string, body any) (status int, answer map[string]any) {
	raw, err := json.Marshal(body)
	if err != nil {
		return 0, nil
	}
	r, err := http.NewRequest(method, address, bytes.NewReader(raw))
	if err != nil {
		return 0, nil
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Kaquan-Session", d.person)
	r.Header.Set("X-Kaquan-Staff", d.staff)
	r.Header.Set("Idempotency-Key", key)
	res, err := d.Do(r)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil || json.Unmarshal(text, &answer) != nil {
		return 0, nil
	}
	return res.StatusCode, answer
}

// tillDevice takes a phone to the till.
func tillDevice(t *testing.T, p *program, x *till) *device {
	t.Helper()
	d := &device{Client: client(t), app: p.App + "/mini/v1"}
	step := func(address string, body map[string]any, want int) map[string]any {
		t.Helper()
		status, answer := d.send(http.MethodPost, address, "", body)
		if status != want {
			t.Fatalf("%s answers %d %v", address, status, answer)
		}
		return answer
	}
	persona := step(p.Phone+"/phone/mini/visitor", map[string]any{}, http.StatusOK)["persona"]
	code := step(p.Phone+"/phone/mini/login", map[string]any{"persona": persona}, http.StatusOK)["code"]
	d.person, _ = step(d.app+"/session", map[string]any{"code": code, "app_id": "wx5a9d0c0ffee0b0b2"}, http.StatusCreated)["token"].(string)
	d.staff, _ = step(d.app+"/staff/session", map[string]any{"place": x.place.String(), "staff": x.staff.String(), "pin": x.pin}, http.StatusCreated)["token"].(string)
	return d
}

func TestAKilledProgramKeepsRedemptionsAndStockTogether(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	demo(t, folder).stop(t) // makes the data
	store := books(t, folder)
	x := furnish(t, store)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}

	// Phones redeem and book deliveries at once; three times the power goes in between, and
	// the phones send what was not answered again, with the same keys.
	const phones = 4
	answered := make([]atomic.Bool, tillCards)  // the card was said to be redeemed
	delivered := make([]atomic.Bool, tillCards) // the delivery was said to be booked
	round := func(p *program, stopAfter int64) {
		devices := make([]*device, phones)
		for i := range devices {
			devices[i] = tillDevice(t, p, &x)
		}
		var (
			all   sync.WaitGroup
			count atomic.Int64
			once  sync.Once
			cut   = make(chan struct{})
		)
		for i, d := range devices {
			all.Go(func() {
				for n := i; n < tillCards; n += phones {
					if !answered[n].Load() {
						status, _ := d.send(http.MethodPost, d.app+"/staff/redemptions", fmt.Sprintf("redeem-%08d", n), map[string]any{"code": x.codes[n]})
						for ; status == http.StatusTooManyRequests; status, _ = d.send(http.MethodPost, d.app+"/staff/redemptions", fmt.Sprintf("redeem-%08d", n), map[string]any{"code": x.codes[n]}) {
							<-time.After(300 * time.Millisecond)
						}
						if status == 0 {
							return // the power is gone
						}
						if status != http.StatusCreated && status != http.StatusOK {
							t.Errorf("card %d answers %d", n, status)
							return
						}
						answered[n].Store(true)
					}
					if n%3 == 0 && !delivered[n].Load() {
						status, _ := d.send(http.MethodPost, d.app+"/staff/movements", fmt.Sprintf("deliver-%08d", n), map[string]any{"kind": "in", "place": x.place.String(), "goods": x.beans.String(), "quantity": 2})
						if status == 0 || status == http.StatusTooManyRequests {
							continue
						}
						delivered[n].Store(status == http.StatusCreated || status == http.StatusOK)
					}
					if stopAfter > 0 && count.Add(1) >= stopAfter {
						once.Do(func() { close(cut) })
					}
				}
			})
		}
		if stopAfter > 0 {
			<-cut
			p.kill(t)
		}
		all.Wait()
	}
	for range 3 {
		round(demo(t, folder), 4+rand.Int64N(8))
	}
	p := demo(t, folder)
	round(p, 0)
	p.stop(t)

	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "verify", "--data", folder).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "beans") {
		t.Errorf("verify: %v\n%s", err, out)
	}
	audit(t, folder, &x, answered, delivered)
}

// audit compares what was answered with cards, redemptions and stock.
func audit(t *testing.T, folder string, x *till, answered, delivered []atomic.Bool) {
	t.Helper()
	ctx := t.Context()
	store := books(t, folder)
	defer func() { _ = store.Close() }()
	shop := stores.New(stores.Options{Store: store})
	counter := redemption.New(redemption.Options{Store: store, Places: shop})
	booked := map[string]int{}
	for r, err := range counter.Each(ctx, redemption.Filter{Account: tillAccount, Campaign: x.campaign}) {
		if err != nil {
			t.Fatal(err)
		}
		booked[string(r.Code)]++
		if r.State != redemption.Done || r.Movement == 0 {
			t.Errorf("redemption %d is %s with movement %d", r.ID, r.State, r.Movement)
		}
		claim, err := store.ClaimByID(ctx, r.Claim)
		if err != nil || claim.State != campaigns.Redeemed {
			t.Errorf("the card of redemption %d is %v: %v", r.ID, claim, err)
		}
	}
	for n, code := range x.codes {
		if !answered[n].Load() || booked[code] != 1 {
			t.Errorf("card %d: answered %t, booked %d times", n, answered[n].Load(), booked[code])
		}
	}
	var taken, came int64
	promised := int64(0)
	for m, err := range shop.EachMovement(ctx, stores.MovementFilter{Account: tillAccount, Goods: x.beans}) {
		switch {
		case err != nil:
			t.Fatal(err)
		case m.Kind == stores.Redeem:
			taken -= m.Quantity
		case m.Quantity == 2:
			came++
		}
	}
	for n := range delivered {
		if delivered[n].Load() {
			promised++
		}
	}
	level, err := shop.Level(ctx, x.place, x.beans)
	if err != nil || taken != tillCards || came < promised || level != delivery-taken+2*came {
		t.Errorf("%d are left, %d were taken, %d deliveries came and %d were promised: %v", level, taken, came, promised, err)
	}
	t.Logf("%d cards, %d deliveries, %d left", len(booked), came, level)
}
