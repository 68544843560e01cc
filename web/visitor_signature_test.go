package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/doctor"
	"kaquan/wechat"
)

// complaint is what claim.js sends about a refused signature.
func (b *browser) complaint(pairs ...string) url.Values {
	fields := url.Values{
		"_csrf": {b.csrf()}, "which": {"page"}, "message": {"config:invalid signature"},
		"href": {publicURL + "/c/latte?ch=poster&from=singlemessage"}, "signed": {publicURL + "/c/latte?ch=poster"},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		fields.Set(pairs[i], pairs[i+1])
	}
	return fields
}

func (w *world) reports() []wechat.SignatureReport {
	w.Helper()
	list, err := w.db.SignatureReports(w.Context(), "demo", 500)
	if err != nil {
		w.Fatal(err)
	}
	return list
}

func TestARefusedSignatureIsKeptForStaffWithoutSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("latte", campaigns.WeChatCard, nil)
	b := w.browser().enter("latte", "lin").wants(http.StatusOK, "ready")
	if !strings.Contains(b.body, `"url":"`+publicURL+`/c/latte?ch=poster"`) {
		t.Error("the page does not know which address was signed")
	}
	token := b.csrf()
	w.pass(90 * time.Second)
	sent := b.complaint("href", publicURL+"/c/latte?ch=poster&code=071SECRET&state=st-SECRET&openid=oSECRET&access_token=SECRET&x=13800138000#SECRET")
	if b.post("/c/latte/signature", sent, true); b.status != http.StatusNoContent {
		t.Fatalf("%d %s", b.status, b.body)
	}
	sent.Set("_csrf", token)
	w.pass(time.Minute)
	if b.post("/c/latte/signature", sent, true); b.status != http.StatusNoContent {
		t.Fatalf("again: %d", b.status)
	}
	list := w.reports()
	if len(list) != 1 || list[0].Count != 2 {
		t.Fatalf("stored %+v", list)
	}
	r := list[0]
	if want := publicURL + "/c/latte?ch=poster&code=*&state=*&openid=*&access_token=*&x=*#*"; r.Href != want || r.SignedURL != publicURL+"/c/latte?ch=poster" {
		t.Errorf("stored %q and %q", r.Href, r.SignedURL)
	}
	if r.Slug != "latte" || r.Which != wechat.SignedPage || r.Agent != "android" || r.TicketAge < 2*time.Minute || r.TicketAge > 3*time.Minute {
		t.Errorf("stored %+v", r)
	}
	if at := wechat.Difference(r.Href, r.SignedURL); at != len(r.SignedURL) {
		t.Errorf("they part at %d, want %d", at, len(r.SignedURL))
	}
}

func TestHostileComplaintsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("latte", campaigns.WeChatCard, nil)
	b := w.browser().enter("latte", "lin")
	token := b.csrf()
	good := b.complaint()
	for name, row := range map[string]struct {
		change []string
		status int
	}{
		"no token":           {[]string{"_csrf", ""}, http.StatusForbidden},
		"a forged token":     {[]string{"_csrf", "x" + token}, http.StatusForbidden},
		"another kind":       {[]string{"which", "all"}, http.StatusUnprocessableEntity},
		"a script":           {[]string{"href", "javascript:alert(1)"}, http.StatusUnprocessableEntity},
		"words of their own": {[]string{"message", "buy watches"}, http.StatusUnprocessableEntity},
		"a long address":     {[]string{"href", publicURL + "/" + strings.Repeat("a/", 520)}, http.StatusUnprocessableEntity},
		"a flood":            {[]string{"message", strings.Repeat("signature ", 500)}, http.StatusRequestEntityTooLarge},
		"backwards text":     {[]string{"signed", publicURL + "/\u202e"}, http.StatusUnprocessableEntity},
	} {
		fields := url.Values{}
		for key := range good {
			fields.Set(key, good.Get(key))
		}
		for i := 0; i+1 < len(row.change); i += 2 {
			fields.Set(row.change[i], row.change[i+1])
		}
		if b.post("/c/latte/signature", fields, true); b.status != row.status {
			t.Errorf("%s: %d, want %d", name, b.status, row.status)
		}
		w.pass(10 * time.Second)
	}
	r := httptest.NewRequest(http.MethodPost, "/c/latte/signature", strings.NewReader(good.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if b.do(r); b.status != http.StatusForbidden {
		t.Errorf("from another site: %d", b.status)
	}
	if b.post("/c/nothing/signature", good, true); b.status != http.StatusNotFound {
		t.Errorf("of no campaign: %d", b.status)
	}
	if n := len(w.reports()); n != 0 {
		t.Errorf("%d hostile reports were kept", n)
	}
	statuses := map[int]int{}
	for range 40 {
		b.post("/c/latte/signature", good, true)
		statuses[b.status]++
		w.pass(500 * time.Millisecond) // what the limit of a visitor's taps allows
	}
	if statuses[http.StatusTooManyRequests] == 0 || statuses[http.StatusNoContent] < 20 {
		t.Errorf("forty in twenty seconds: %v", statuses)
	}
}

func TestTheBoardHearsWhatThePageBlamesTheSettingsFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.Doctor = doctor.New(doctor.Options{Store: w.db, Now: w.clock})
	t.Cleanup(w.server.Doctor.Close)
	w.publish("latte", campaigns.WeChatCard, nil)
	b := w.browser().enter("latte", "lin")
	for _, said := range [][2]string{{"page", "config:fail, Error: invalid url domain"}, {"card", "addCard:permission denied"}} {
		w.pass(2 * time.Minute)
		b.get("/c/latte")
		if b.post("/c/latte/signature", b.complaint("which", said[0], "message", said[1]), true); b.status != http.StatusNoContent {
			t.Errorf("%s: %d", said[1], b.status)
		}
	}
	w.pass(2 * time.Minute)
	b.get("/c/latte")
	if b.post("/c/latte/signature", b.complaint("message", "config:permission denied"), true); b.status != http.StatusUnprocessableEntity {
		t.Error("a snapshot page blames the account")
	}
	reports, err := w.db.Reports(t.Context(), "demo", doctor.SignatureBad, w.clock().Add(-time.Hour), 10)
	if err != nil || len(reports) != 2 || reports[0].Detail != "permission denied" || reports[1].Detail != "invalid url domain" {
		t.Errorf("the board heard %+v, %v", reports, err)
	}
	if n := len(w.reports()); n != 0 {
		t.Errorf("%d of them are kept as signatures", n)
	}
}
