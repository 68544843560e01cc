package web

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
)

// push sends a message as WeChat does: signed with the token over token, time and nonce.
func (w *world) push(method, token, body string, change func(url.Values)) (int, string) {
	w.Helper()
	q := url.Values{"timestamp": {strconv.FormatInt(w.clock().Unix(), 10)}, "nonce": {strconv.FormatInt(w.nonces.Add(1), 10)}, "echostr": {"5927"}}
	parts := []string{token, q.Get("timestamp"), q.Get("nonce")}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	q.Set("signature", hex.EncodeToString(sum[:]))
	if change != nil {
		change(q)
	}
	b := w.browser()
	r := httptest.NewRequest(method, "/w/push/"+string(dbtest.Account)+"?"+q.Encode(), strings.NewReader(body))
	r.Header.Set("Content-Type", "text/xml")
	b.do(r)
	return b.status, b.body
}

// got is the message for a card that went into a wallet.
func (w *world) got(openid, ref, code string) string {
	return fmt.Sprintf(`<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[%s]]></FromUserName><CreateTime>%d</CreateTime>`+
		`<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[user_get_card]]></Event><CardId><![CDATA[pTestCard0000000000000000001]]></CardId>`+
		`<IsGiveByFriend>0</IsGiveByFriend><UserCardCode><![CDATA[%s]]></UserCardCode><OuterStr><![CDATA[%s]]></OuterStr></xml>`, openid, w.clock().Unix(), code, ref)
}

func TestThePushAddressAnswersOnlyWhoSigns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := dbtest.Credentials().PushToken
	for _, row := range []struct {
		name, method, token, body string
		change                    func(url.Values)
		status                    int
		answer                    string
	}{
		{"the check of the address", http.MethodGet, token, "", nil, 200, "5927"},
		{"the check with another token", http.MethodGet, "guessed", "", nil, 403, ""},
		{"a message with another token", http.MethodPost, "guessed", w.got("oX", "r", "1"), nil, 403, ""},
		{"no signature", http.MethodPost, token, w.got("oX", "r", "1"), func(q url.Values) { q.Del("signature") }, 403, ""},
		{"an old timestamp", http.MethodPost, token, w.got("oX", "r", "1"), func(q url.Values) { q.Set("timestamp", "1000000000") }, 403, ""},
		{"encrypted without a key", http.MethodPost, token, w.got("oX", "r", "1"), func(q url.Values) { q.Set("encrypt_type", "aes"); q.Set("msg_signature", "x") }, 403, ""},
		{"no XML", http.MethodPost, token, `{"a":1}`, nil, 400, ""},
		{"an entity bomb", http.MethodPost, token, `<!DOCTYPE x [<!ENTITY a "aa">]><xml><A>&a;</A></xml>`, nil, 400, ""},
		{"a message about nothing of ours", http.MethodPost, token, w.got("oX", "nobody", "1"), nil, 200, "success"},
		{"too large", http.MethodPost, token, "<xml><A>" + strings.Repeat("a", maxPush) + "</A></xml>", nil, 413, ""},
	} {
		status, answer := w.push(row.method, row.token, row.body, row.change)
		if status != row.status || row.answer != "" && answer != row.answer {
			t.Errorf("%s: %d %q, want %d %q", row.name, status, answer, row.status, row.answer)
		}
	}
}

func TestThePushConfirmsTheClaimOnceHoweverOftenItComes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("latte", campaigns.WeChatCard, nil)
	b := w.browser().enter("latte", "Lin")
	b.post("/c/latte/claim", b.form(), true).wants(200, "claiming")
	ref := string(w.claims("latte")[0].Ref)
	message := w.got("oLin", ref, "012345678901")
	for range 3 {
		if status, answer := w.push(http.MethodPost, dbtest.Credentials().PushToken, message, nil); status != 200 || answer != "success" {
			t.Fatalf("%d %q", status, answer)
		}
	}
	row := w.claims("latte")[0]
	if row.State != campaigns.Confirmed || row.Code != "012345678901" {
		t.Errorf("the claim is %s with code %q", row.State, row.Code)
	}
	if c, err := w.service.BySlug(t.Context(), "latte"); err != nil || c.Stock.Confirmed != 1 || c.Stock.Held != 0 {
		t.Errorf("stock is %+v (%v)", c.Stock, err)
	}
	r := httptest.NewRequest(http.MethodGet, "/c/latte/state?ch=poster", nil)
	r.Header.Set("X-Kq-Fragment", "1")
	b.do(r).wants(200, "claimed")
	b.get("/c/latte").wants(200, "already") // back after having seen it

	// The reference of one person in a message about another changes nothing for either.
	other := w.browser().enter("latte", "Mei")
	other.post("/c/latte/claim", other.form(), true).wants(200, "claiming")
	for _, claim := range w.claims("latte") {
		if claim.State == campaigns.Held {
			ref = string(claim.Ref)
		}
	}
	if status, _ := w.push(http.MethodPost, dbtest.Credentials().PushToken, w.got("oStranger", ref, "999999999999"), nil); status != 200 {
		t.Errorf("a message that fits nobody answers %d", status)
	}
	other.get("/c/latte").wants(200, "claiming")
}
