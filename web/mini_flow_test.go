package web_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/stores"
)

// node is where Node is; the suite as a whole needs it, a clone with Go alone does not.
func node(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("KAQUAN_E2E") == "required" {
			t.Fatal("node is missing")
		}
		t.Skip("node is missing")
	}
	return path
}

// live serves the world to real phones, by the real clock.
func (w *miniWorld) live() (address string) {
	w.Helper()
	w.now.Store(0)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- w.server.Serve(ln) }()
	w.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := w.server.Shutdown(ctx); err != nil {
			w.Error(err)
		}
		if err := <-served; err != nil {
			w.Error(err)
		}
	})
	return "http://" + ln.Addr().String()
}

// runs plays a script of the mini program and gives what it found.
func (w *miniWorld) runs(script string, env ...string) map[string]any {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, node(w.T), "../miniprogram/tests/"+script)
	c.Env = append(os.Environ(), append([]string{"SANDBOX_URL=" + w.platform, "MINI_APP_ID=" + miniApp}, env...)...)
	var problems strings.Builder
	c.Stderr = &problems
	out, err := c.Output()
	found := map[string]any{}
	if err != nil || json.Unmarshal(out, &found) != nil {
		w.Fatalf("%s: %v\n%s\n%s", script, err, out, problems.String())
	}
	return found
}

func TestTheMiniProgramItselfSignsInClaimsAndShowsTheCard(t *testing.T) {
	t.Parallel()
	node(t)
	w := openMini(t)
	address := w.live()
	w.publish("latte", campaigns.OwnCode, func(d *campaigns.Draft) {
		d.Form = campaigns.Form{{Key: "phone", Kind: campaigns.MobileField, Label: "手机号", Required: true}, {Key: "name", Kind: campaigns.TextField, Label: "姓名", Required: true}}
		d.Texts.Purpose = "联系您"
	})
	w.publish("muffin", campaigns.WeChatCard, nil)
	found := w.runs("flow.mjs", "KAQUAN_URL="+address, "KAQUAN_SLUG=latte", "KAQUAN_CARD_SLUG=muffin")
	if found["before"] != "form" || len(found["code"].(string)) != 12 || found["cancelled"] == found["added"] {
		t.Errorf("it found %v", found)
	}
}

func TestTheMiniProgramItselfRedeemsAndBooksStock(t *testing.T) {
	t.Parallel()
	node(t)
	w := openMiniShop(t)
	address := w.live()
	w.publish("juice", campaigns.OwnCode, nil)
	found := w.runs("staff-flow.mjs", "KAQUAN_URL="+address, "KAQUAN_SLUG=juice", "PLACE=GM", "STAFF=王店长", "PIN="+w.pins["王店长"], "BARCODE="+w.beans.Barcode)
	if !strings.Contains(found["second"].(string), "国贸店") || found["stock"] != 7.0 {
		t.Errorf("it found %v", found)
	}
	if levels, wrong, err := w.stores.Verify(context.Background(), stores.AccountID(dbtest.Account)); err != nil || len(wrong) > 0 || levels == 0 {
		t.Errorf("%d levels, %v, %v", levels, wrong, err)
	}
}

func TestTheMiniProgramItselfPaysRedeemsAndIsPaidBack(t *testing.T) {
	t.Parallel()
	node(t)
	w := openMiniShop(t)
	address := w.live()
	_, bank := w.sells("set", 2)
	found := w.runs("pay-flow.mjs", "KAQUAN_URL="+address, "BANK_URL="+bank, "KAQUAN_SLUG=set", "PLACE=GM", "STAFF=王店长", "PIN="+w.pins["王店长"])
	if found["cancelled"] != "pay_failed" || found["used"] != "orders.error.used" {
		t.Errorf("it found %v", found)
	}
	money, err := w.server.Orders.CheckMoney(context.Background(), dbtest.Account)
	if err != nil || !money.Holds() || money.PaidFen != 2*990 || money.KeptFen != 990 {
		t.Errorf("money %+v, %v", money, err)
	}
}
