package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"kaquan/config"
)

// parse runs the settings through kong as the program does.
func parse(t *testing.T, args ...string) (config.Config, error) {
	t.Helper()
	var app struct {
		config.Config
		Serve struct{} `cmd:""`
	}
	parser, err := kong.New(&app)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(append(args, "serve"))
	return app.Config, err
}

func file(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kaquan.toml")
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheDefaultsAreTheDocumentedOnes(t *testing.T) {
	t.Parallel()
	got, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		Data: "./data", Listen: "127.0.0.1:8080", PublicURL: "http://127.0.0.1:8080",
		WeChatAPIURL: "https://api.weixin.qq.com", WeChatOpenURL: "https://open.weixin.qq.com",
		WeChatJSURL: "https://res.wx.qq.com/open/js/jweixin-1.6.0.js", PayURL: "https://api.mch.weixin.qq.com",
		SandboxListen: "127.0.0.1:8081", PushWindow: 10 * time.Minute, Backups: 7, LogLevel: "info", LogFormat: "text",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	if got.SQLitePath() != filepath.Join("data", "kaquan.db") {
		t.Fatal(got.SQLitePath())
	}
}

func TestAFlagWinsOverTheEnvironmentOverTheFileOverTheDefault(t *testing.T) {
	path := file(t, `
listen = "127.0.0.1:1001"
data = "/from/file"
log_level = "warn"
public_url = "https://File.example"
trusted_proxies = ["10.0.0.1", "10.1.0.0/16"]
`)
	t.Setenv("KAQUAN_LISTEN", "127.0.0.1:1002")
	t.Setenv("KAQUAN_DATA", "/from/env")
	got, err := parse(t, "--config", path, "--listen", "127.0.0.1:1003")
	if err != nil {
		t.Fatal(err)
	}
	if got.Listen != "127.0.0.1:1003" || got.Data != "/from/env" || got.LogLevel != "warn" || got.LogFormat != "text" {
		t.Fatalf("wrong order: %+v", got)
	}
	if got.PublicURL != "https://file.example" {
		t.Fatal(got.PublicURL)
	}
	if diff := cmp.Diff([]string{"10.0.0.1", "10.1.0.0/16"}, got.TrustedProxies); diff != "" {
		t.Fatal(diff)
	}
}

func TestTheMetricsTokenIsLongAndNeverPrinted(t *testing.T) {
	t.Parallel()
	const token = "0123456789abcdef"
	got, err := parse(t, "--metrics-listen", "127.0.0.1:9100", "--metrics-token", token)
	if err != nil || string(got.MetricsToken) != token || got.MetricsListen != "127.0.0.1:9100" {
		t.Fatalf("%v %+v", err, got)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if text := fmt.Sprintf(verb, got) + fmt.Sprintf(verb, got.MetricsToken); strings.Contains(text, token) || strings.Contains(text, "30313233") {
			t.Errorf("%s prints the token: %s", verb, text)
		}
	}
	if text, err := json.Marshal(got); err != nil || strings.Contains(string(text), token) {
		t.Errorf("JSON holds the token: %s %v", text, err)
	}
	if got, err := parse(t, "--config", file(t, `metrics_token = "from-the-file-0123"`)); err != nil || got.MetricsToken != "from-the-file-0123" {
		t.Errorf("from the file: %v", err)
	}
	for _, bad := range []string{"short", "with a blank 0123456789", "中文中文中文中文中文中文"} {
		_, err := parse(t, "--metrics-token", bad)
		if err == nil || !strings.Contains(err.Error(), "--metrics-token (KAQUAN_METRICS_TOKEN)") || strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := parse(t, "--metrics-listen", "9100"); err == nil || !strings.Contains(err.Error(), "--metrics-listen (KAQUAN_METRICS_LISTEN)") {
		t.Errorf("an address without a port: %v", err)
	}
}

func TestTheFileCanBeNamedByTheEnvironment(t *testing.T) {
	t.Setenv("KAQUAN_CONFIG", file(t, `log_format = "json"`))
	t.Setenv("KAQUAN_TRUSTED_PROXIES", "127.0.0.1, ::1")
	got, err := parse(t)
	if err != nil || got.LogFormat != "json" {
		t.Fatalf("%v %+v", err, got)
	}
	if diff := cmp.Diff([]string{"127.0.0.1", "::1"}, got.TrustedProxies); diff != "" {
		t.Fatal(diff)
	}
}

func TestAnEmptyVariableForProxiesMeansNone(t *testing.T) {
	t.Setenv("KAQUAN_TRUSTED_PROXIES", "")
	got, err := parse(t)
	if err != nil || len(got.TrustedProxies) != 0 {
		t.Fatalf("%v %q", err, got.TrustedProxies)
	}
}

func TestAMistakeInTheFileNamesLineAndKey(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, body, want string }{
		{"unknown key", "listen = \":1\"\nlistne = \":2\"", `line 2: "listne" is not a setting`},
		{"unknown table", "[wechat]\nurl = \"x\"", `"wechat`},
		{"the file inside the file", `config = "other.toml"`, `"config" is not a setting`},
		{"flag spelling", `public-url = "https://a.example"`, `"public-url" is not a setting`},
		{"wrong kind", "data = 3", "line 1"},
		{"broken", "listen = ", "line 1"},
	} {
		_, err := parse(t, "--config", file(t, tt.body))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := parse(t, "--config", filepath.Join(t.TempDir(), "gone.toml")); err == nil || !strings.Contains(err.Error(), "--config (KAQUAN_CONFIG)") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestAWrongSettingIsNamedWithFlagAndVariable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ flag, value, want string }{
		{"data", " ", "--data (KAQUAN_DATA): must name a folder"},
		{"listen", "8080", "--listen (KAQUAN_LISTEN): \"8080\" is not an address with a port"},
		{"listen", "127.0.0.1:99999", "no port between"},
		{"sandbox-listen", "x", "--sandbox-listen (KAQUAN_SANDBOX_LISTEN)"},
		{"public-url", "card.example.com", "--public-url (KAQUAN_PUBLIC_URL): must be a whole address"},
		{"public-url", "ftp://card.example.com", "must start with http:// or https://"},
		{"public-url", "https://card.example.com/shop", "must not have a path"},
		{"public-url", "https://card.example.com/?a=1", "must not have a user, a question mark"},
		{"public-url", "https://u:p@card.example.com", "must not have a user"},
		{"public-url", "https://卡券.example", "xn-- form"},
		{"public-url", "https://:443", "must be a whole address"},
		{"public-url", "https://a.example:700000", "no port between"},
		{"trusted-proxies", "proxy.example", "--trusted-proxies (KAQUAN_TRUSTED_PROXIES): \"proxy.example\""},
		{"trusted-proxies", "0.0.0.0/0", "would trust everybody"},
		{"wechat-api-url", "api.weixin.qq.com", "--wechat-api-url (KAQUAN_WECHAT_API_URL)"},
		{"wechat-js-url", "javascript:alert(1)", "--wechat-js-url (KAQUAN_WECHAT_JS_URL)"},
		{"push-window", "30s", "--push-window (KAQUAN_PUSH_WINDOW): must be between 1m and 24h"},
		{"push-window", "25h", "must be between 1m and 24h"},
		{"database", "postgres://u:hunter2@h/db", "\"postgres\" is not a supported database"},
		{"database", "kaquan.db", "must be a URL"},
		{"database", "sqlite:///srv/k.db?mode=ro", "file path only"},
		{"database", "sqlite:///srv/", "must end in a file name"},
		{"log-level", "loud", "--log-level (KAQUAN_LOG_LEVEL): \"loud\" is not debug, info, warn or error"},
		{"log-format", "xml", "--log-format (KAQUAN_LOG_FORMAT)"},
	} {
		_, err := parse(t, "--"+tt.flag+"="+tt.value)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("--%s=%s: got %v, want %q", tt.flag, tt.value, err, tt.want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a password is repeated: %v", err)
		}
	}
	_, err := parse(t, "--listen=x", "--log-level=loud")
	if err == nil || !strings.Contains(err.Error(), "--listen") || !strings.Contains(err.Error(), "--log-level") {
		t.Errorf("every mistake must be named at once: %v", err)
	}
}

func TestThePublicAddressHasOneForm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ listen, public, want string }{
		{":8080", "", "http://localhost:8080"},
		{"0.0.0.0:9000", "", "http://localhost:9000"},
		{"[::]:9000", "", "http://localhost:9000"},
		{"[::1]:9000", "", "http://[::1]:9000"},
		{"192.168.1.5:80", "", "http://192.168.1.5"},
		{":1", "HTTPS://Card.Example.COM/", "https://card.example.com"},
		{":1", "https://card.example.com:443", "https://card.example.com"},
		{":1", "http://card.example.com:80/", "http://card.example.com"},
		{":1", "http://card.example.com:8443", "http://card.example.com:8443"},
		{":1", "https://card.example.com:", "https://card.example.com"},
	} {
		got, err := parse(t, "--listen", tt.listen, "--public-url="+tt.public)
		if err != nil || got.PublicURL != tt.want {
			t.Errorf("%s %s: got %q %v, want %q", tt.listen, tt.public, got.PublicURL, err, tt.want)
		}
		if err := got.Validate(); err != nil || got.PublicURL != tt.want {
			t.Errorf("a second Validate changed %q: %v", got.PublicURL, err)
		}
	}
}

func TestTheDatabaseIsAFile(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"":                              "d/kaquan.db",
		"sqlite:///srv/kaquan/k.db":     "/srv/kaquan/k.db",
		"sqlite:k.db":                   "k.db",
		"sqlite://data/k.db":            "data/k.db",
		"sqlite:///srv/a%20b/%E5%8D%A1": "/srv/a b/卡",
	} {
		got, err := parse(t, "--data=d", "--database="+url)
		if err != nil || got.SQLitePath() != want {
			t.Errorf("%q: got %q %v, want %q", url, got.SQLitePath(), err, want)
		}
	}
}
