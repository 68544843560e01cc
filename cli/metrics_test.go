package cli

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"kaquan/config"
	"kaquan/wechat"
)

const scrapeToken = "scrape-token-0123456789"

// scrape reads the numbers; token is for the main address.
func scrape(t *testing.T, address, token string) (status int, text string, families map[string]*dto.MetricFamily) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode == http.StatusOK {
		parser := expfmt.NewTextParser(model.UTF8Validation)
		if families, err = parser.TextToMetricFamilies(strings.NewReader(string(body))); err != nil {
			t.Fatalf("the scrape does not parse: %v\n%s", err, body)
		}
	}
	return answer.StatusCode, string(body), families
}

// sum adds up the series of a family that have all the labels, given as pairs.
func sum(families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	total := 0.0
next:
	for _, m := range families[name].GetMetric() {
		have := map[string]string{}
		for _, l := range m.GetLabel() {
			have[l.GetName()] = l.GetValue()
		}
		for i := 0; i+1 < len(labels); i += 2 {
			if have[labels[i]] != labels[i+1] {
				continue next
			}
		}
		total += m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	return total
}

func TestNumbersMoveWithAClaimAndTellNothingPersonal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, func(c *config.Config) {
		c.MetricsListen, c.MetricsToken = "127.0.0.1:0", scrapeToken
	})
	own := "http://" + w.app.scraped.ln.Addr().String()
	w.warm()
	_, first, before := scrape(t, own, "")
	if sum(before, "kaquan_stock", "campaign", "latte", "part", "left") != 2000 || sum(before, "kaquan_wechat_value_usable", "account", "demo") != 3 {
		t.Errorf("before the claim:\n%s", first)
	}
	if age, left := sum(before, "kaquan_wechat_value_age_seconds", "kind", "access_token"), sum(before, "kaquan_wechat_value_left_seconds", "kind", "access_token"); age < 0 || age > 60 || left < 7000 || left > 7200 {
		t.Errorf("the token is %v s old and has %v s left", age, left)
	}

	v := w.visitor()
	v.enter("latte").wants("form")
	s, _ := v.signature()
	v.works(s)
	v.claim("latte").wants("claiming")
	id, ext := v.card("latte")
	v.add(s, id, ext)
	w.until("claimed", func() bool { return found(statePattern, v.open("/c/latte?ch=poster").body) == "claimed" })
	v.open("/c/nothing-13800138000")
	v.send(http.MethodPost, w.app.Public+"/w/push/18600000000", "text/xml", "<xml/>")

	var text string
	var after map[string]*dto.MetricFamily
	w.until("the claim shows, at most five seconds later", func() bool {
		_, text, after = scrape(t, own, "")
		return sum(after, "kaquan_claims", "campaign", "latte", "state", "confirmed") == 1
	})
	for _, want := range []struct {
		value  float64
		name   string
		labels []string
	}{
		{1999, "kaquan_stock", []string{"campaign", "latte", "part", "left"}},
		{1, "kaquan_stock", []string{"campaign", "latte", "part", "confirmed"}},
		{1, "kaquan_stock_identity", []string{"account", "demo", "campaign", "latte"}},
		{1, "kaquan_pushes_total", []string{"account", "demo", "result", "applied"}},
		{1, "kaquan_pushes_total", []string{"account", "unknown", "result", "refused"}},
		{3, "kaquan_wechat_fetches_total", []string{"account", "demo", "result", "ok", "class", "none"}},
		{1, "kaquan_wechat_calls_today", []string{"account", "demo", "interface", "stable_token"}},
		{2, "kaquan_wechat_calls_today", []string{"account", "demo", "interface", "getticket"}},
		{0, "kaquan_exports_running", nil},
		{1, "kaquan_build_info", []string{"version", "test"}},
		{3, "kaquan_source_up", nil},
		{1, "kaquan_http_request_seconds", []string{"method", "POST", "route", "/c/:slug/claim"}},
	} {
		if n := sum(after, want.name, want.labels...); n != want.value {
			t.Errorf("%s%v is %v, want %v", want.name, want.labels, n, want.value)
		}
	}
	if sum(after, "kaquan_writer_writes_total") <= sum(before, "kaquan_writer_writes_total") {
		t.Error("the writer stood still")
	}

	// The main address shows the same to those who have the token, and no page to others.
	for _, token := range []string{"", "wrong", scrapeToken + "x"} {
		if status, body, _ := scrape(t, w.app.Public, token); status != http.StatusNotFound || strings.Contains(body, "kaquan_") {
			t.Errorf("token %q: %d", token, status)
		}
	}
	status, main, _ := scrape(t, w.app.Public, scrapeToken)
	if status != http.StatusOK {
		t.Errorf("with the token: %d", status)
	}
	if answer, err := http.Get(own + "/admin"); err != nil || answer.StatusCode != http.StatusNotFound {
		t.Errorf("the listener has more than metrics: %v", err)
	} else {
		_ = answer.Body.Close()
	}
	for what, secret := range w.secrets() {
		for name, text := range map[string]string{"a scrape": text + main, "the log": w.log.String()} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %s", name, what)
			}
		}
	}
}

// secrets are what neither a scrape nor a log of the run may hold.
func (w *world) secrets() map[string]string {
	w.Helper()
	all := map[string]string{
		"the AppSecret": w.secret, "the push token": "pushtoken0123456789", "the metrics token": scrapeToken, "a phone number": "13800138000", "what a stranger wrote": "18600000000", "a name": "王小明",
	}
	account, err := w.app.WeChat.Account(w.Context(), string(demoAccount))
	if err != nil {
		w.Fatal(err)
	}
	for _, kind := range wechat.Kinds() {
		token, err := account.Keeper().Token(w.Context(), kind)
		if err != nil {
			w.Fatal(err)
		}
		all["the "+string(kind)] = token.Value
	}
	for _, e := range w.phone.Events() {
		for _, name := range []string{"FromUserName", "UserCardCode", "OuterStr"} {
			_, rest, _ := strings.Cut(e.Body, "<"+name+"><![CDATA[")
			value, _, ok := strings.Cut(rest, "]]>")
			if !ok || value == "" {
				w.Fatalf("the event has no %s", name)
			}
			all[name+" of a push"] = value
		}
	}
	return all
}

func TestTheMetricsListenerIsOffByDefaultAndEndsWithTheProgram(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	if w.app.scraped != nil {
		t.Error("metrics listen though nobody asked")
	}
	for _, token := range []string{"", "x"} {
		if status, _, _ := scrape(t, w.app.Public, token); status != http.StatusNotFound {
			t.Errorf("without a setting /metrics answers %d", status)
		}
	}

	var address string
	t.Run("on", func(t *testing.T) {
		on := newWorld(t, nil, func(c *config.Config) { c.MetricsListen = "127.0.0.1:0" })
		address = on.app.scraped.ln.Addr().String()
		if status, _, _ := scrape(t, "http://"+address, ""); status != http.StatusOK {
			t.Errorf("status %d", status)
		}
		if status, _, _ := scrape(t, on.app.Public, "anything"); status != http.StatusNotFound {
			t.Errorf("the main address answers %d without a token in the settings", status)
		}
	})
	if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
		_ = c.Close()
		t.Error("the listener outlives the program")
	}

	taken := &config.Config{}
	*taken = *w.app.cfg
	taken.Data, taken.MetricsListen = t.TempDir(), w.app.ln.Addr().String()
	if _, err := Open(context.Background(), taken, Version{}, w.app.log); err == nil || !strings.Contains(err.Error(), "KAQUAN_METRICS_LISTEN") {
		t.Errorf("a taken address: %v", err)
	}
}
