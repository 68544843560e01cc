package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Config is every setting that is needed before the database opens. Embed it in a kong command
// struct; kong fills it and then calls Validate. Its one secret prints as dots.
type Config struct {
	Data             string        `name:"data" env:"KAQUAN_DATA" toml:"data" default:"./data" placeholder:"DIR" help:"Folder for the database, keys and files."`
	Listen           string        `name:"listen" env:"KAQUAN_LISTEN" toml:"listen" default:"127.0.0.1:8080" placeholder:"ADDR" help:"Address and port to listen on."`
	PublicURL        string        `name:"public-url" env:"KAQUAN_PUBLIC_URL" toml:"public_url" placeholder:"URL" help:"Address that visitors use, such as https://card.example.com. Default: from --listen."`
	TrustedProxies   []string      `name:"trusted-proxies" env:"KAQUAN_TRUSTED_PROXIES" toml:"trusted_proxies" placeholder:"IP" help:"Addresses or networks of reverse proxies whose forwarded headers count. Default: none."`
	Database         string        `name:"database" env:"KAQUAN_DATABASE" toml:"database" placeholder:"URL" help:"Database, such as sqlite:///srv/kaquan/kaquan.db. Default: kaquan.db in the data folder."`
	WeChatAPIURL     string        `name:"wechat-api-url" env:"KAQUAN_WECHAT_API_URL" toml:"wechat_api_url" default:"https://api.weixin.qq.com" placeholder:"URL" help:"WeChat API, or an egress proxy in front of it."`
	WeChatOpenURL    string        `name:"wechat-open-url" env:"KAQUAN_WECHAT_OPEN_URL" toml:"wechat_open_url" default:"https://open.weixin.qq.com" placeholder:"URL" help:"WeChat authorisation pages."`
	WeChatJSURL      string        `name:"wechat-js-url" env:"KAQUAN_WECHAT_JS_URL" toml:"wechat_js_url" default:"https://res.wx.qq.com/open/js/jweixin-1.6.0.js" placeholder:"URL" help:"WeChat JS-SDK script."`
	PushWindow       time.Duration `name:"push-window" env:"KAQUAN_PUSH_WINDOW" toml:"push_window" default:"10m" placeholder:"TIME" help:"How far the time of a WeChat message may be from this clock, 1m to 24h."`
	PayURL           string        `name:"pay-url" env:"KAQUAN_PAY_URL" toml:"pay_url" default:"https://api.mch.weixin.qq.com" placeholder:"URL" help:"WeChat Pay API."`
	LoopbackWebhooks bool          `name:"loopback-webhooks" env:"KAQUAN_LOOPBACK_WEBHOOKS" toml:"loopback_webhooks" help:"Let webhooks of campaigns be on this machine."`
	SandboxListen    string        `name:"sandbox-listen" env:"KAQUAN_SANDBOX_LISTEN" toml:"sandbox_listen" default:"127.0.0.1:8081" placeholder:"ADDR" help:"Address and port of the sandbox."`
	MetricsListen    string        `name:"metrics-listen" env:"KAQUAN_METRICS_LISTEN" toml:"metrics_listen" placeholder:"ADDR" help:"Address and port that answers /metrics and nothing else. Default: none."`
	MetricsToken     Secret        `name:"metrics-token" env:"KAQUAN_METRICS_TOKEN" toml:"metrics_token" placeholder:"TOKEN" help:"Bearer token for /metrics on --listen, at least 16 characters. Default: no such page."`
	Backups          int           `name:"backups" env:"KAQUAN_BACKUPS" toml:"backups" default:"7" placeholder:"COUNT" help:"How many nightly copies to keep in the folder backups; 0 makes none."`
	LogLevel         string        `name:"log-level" env:"KAQUAN_LOG_LEVEL" toml:"log_level" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error."`
	LogFormat        string        `name:"log-format" env:"KAQUAN_LOG_FORMAT" toml:"log_format" default:"text" placeholder:"FORMAT" help:"text or json."`
	File             File          `name:"config" env:"KAQUAN_CONFIG" toml:"-" placeholder:"FILE" help:"TOML file with any of these settings, such as public_url = \"https://…\"."`
}

// Validate checks every setting and brings it into its one form: addresses in lower case and
// without a trailing slash, PublicURL filled in from Listen. The error names each wrong setting
// with its flag and environment variable. Calling it again changes nothing.
func (c *Config) Validate() error {
	var problems []error
	wrong := func(setting, format string, args ...any) {
		env := "KAQUAN_" + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
		problems = append(problems, fmt.Errorf("--%s (%s): %s", setting, env, fmt.Sprintf(format, args...)))
	}

	if c.Data = strings.TrimSpace(c.Data); c.Data == "" {
		wrong("data", "must name a folder")
	}
	for _, listen := range []struct {
		setting string
		address string
	}{{"listen", c.Listen}, {"sandbox-listen", c.SandboxListen}} {
		if err := checkListen(listen.address); err != nil {
			wrong(listen.setting, "%v", err)
		}
	}
	if c.PushWindow < time.Minute || c.PushWindow > 24*time.Hour {
		wrong("push-window", "must be between 1m and 24h")
	}
	if c.Backups < 0 || c.Backups > 365 {
		wrong("backups", "must be between 0 and 365")
	}
	if c.MetricsListen = strings.TrimSpace(c.MetricsListen); c.MetricsListen != "" {
		if err := checkListen(c.MetricsListen); err != nil {
			wrong("metrics-listen", "%v", err)
		}
	}
	if err := c.MetricsToken.check(); err != nil {
		wrong("metrics-token", "%v", err)
	}
	if c.PublicURL == "" {
		c.PublicURL = fromListen(c.Listen)
	} else if origin, err := normaliseOrigin(c.PublicURL); err != nil {
		wrong("public-url", "%v", err)
	} else {
		c.PublicURL = origin
	}
	for _, endpoint := range []struct {
		setting string
		value   *string
	}{
		{"wechat-api-url", &c.WeChatAPIURL},
		{"wechat-open-url", &c.WeChatOpenURL},
		{"wechat-js-url", &c.WeChatJSURL},
		{"pay-url", &c.PayURL},
	} {
		u, err := normaliseURL(*endpoint.value)
		if err != nil {
			wrong(endpoint.setting, "%v", err)
			continue
		}
		*endpoint.value = strings.TrimRight(u.String(), "/")
	}
	var proxies []string
	for _, proxy := range c.TrustedProxies {
		// An empty variable, as container files write it, means none.
		if strings.TrimSpace(proxy) == "" {
			continue
		}
		network, err := normaliseNetwork(proxy)
		if err != nil {
			wrong("trusted-proxies", "%v", err)
			continue
		}
		proxies = append(proxies, network)
	}
	c.TrustedProxies = proxies
	if _, err := c.sqlitePath(); err != nil {
		wrong("database", "%v", err)
	}
	if _, err := c.level(); err != nil {
		wrong("log-level", "%v", err)
	}
	if c.LogFormat = strings.ToLower(c.LogFormat); c.LogFormat != "text" && c.LogFormat != "json" {
		wrong("log-format", "%q is not text or json", c.LogFormat)
	}
	return errors.Join(problems...)
}

// SQLitePath is the database file. It is valid after Validate.
func (c *Config) SQLitePath() string {
	path, err := c.sqlitePath()
	if err != nil {
		return filepath.Join(c.Data, "kaquan.db")
	}
	return path
}

func (c *Config) sqlitePath() (string, error) {
	if c.Database == "" {
		return filepath.Join(c.Data, "kaquan.db"), nil
	}
	// The text may one day hold a password, so errors never repeat it.
	u, err := url.Parse(c.Database)
	if err != nil || u.Scheme == "" {
		return "", errors.New("must be a URL such as sqlite:///srv/kaquan/kaquan.db")
	}
	if u.Scheme != "sqlite" {
		return "", fmt.Errorf("%q is not a supported database; use sqlite", u.Scheme)
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Port() != "" {
		return "", errors.New("takes a file path only, no user, port, options or fragment")
	}
	path := u.Host + u.Path
	if u.Opaque != "" {
		if path, err = url.PathUnescape(u.Opaque); err != nil {
			return "", errors.New("has a broken % escape in its path")
		}
	}
	if path == "" || strings.HasSuffix(path, "/") || strings.ContainsAny(path, "?\x00") {
		return "", errors.New("must end in a file name without ?")
	}
	return path, nil
}

func checkListen(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not an address with a port, such as 127.0.0.1:8080 or :8080", address)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q has no port between 0 and 65535", address)
	}
	return nil
}

// fromListen is the address for a browser on the same machine.
func fromListen(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return ""
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	origin, err := normaliseOrigin("http://" + net.JoinHostPort(host, port))
	if err != nil {
		return ""
	}
	return origin
}

// normaliseOrigin accepts scheme, host and port only: every path of the product is a contract that
// starts at the root.
func normaliseOrigin(raw string) (string, error) {
	u, err := normaliseURL(raw)
	if err != nil {
		return "", err
	}
	if strings.Trim(u.Path, "/") != "" {
		return "", fmt.Errorf("%q must not have a path; give Kaquan a host name of its own", raw)
	}
	return u.Scheme + "://" + u.Host, nil
}

func normaliseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Host == "" || u.Hostname() == "" {
		return nil, errors.New("must be a whole address such as https://card.example.com")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q must start with http:// or https://", u.Scheme+"://"+u.Host)
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, fmt.Errorf("%q must not have a user, a question mark or a fragment", u.Host)
	}
	for _, r := range u.Host {
		if r <= ' ' || r > '~' {
			return nil, fmt.Errorf("%q: write an international name in its xn-- form", u.Host)
		}
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			return nil, fmt.Errorf("%q has no port between 0 and 65535", u.Host)
		}
	}
	u.Host = strings.TrimSuffix(strings.ToLower(u.Host), ":")
	if u.Scheme == "http" {
		u.Host = strings.TrimSuffix(u.Host, ":80")
	} else {
		u.Host = strings.TrimSuffix(u.Host, ":443")
	}
	return u, nil
}

func normaliseNetwork(raw string) (string, error) {
	raw = strings.TrimSpace(raw)
	if ip, err := netip.ParseAddr(raw); err == nil && ip.Zone() == "" {
		return ip.Unmap().String(), nil
	}
	network, err := netip.ParsePrefix(raw)
	if err != nil {
		return "", fmt.Errorf("%q is not an address such as 127.0.0.1 or a network such as 10.0.0.0/8", raw)
	}
	if network.Bits() == 0 {
		return "", fmt.Errorf("%q would trust everybody; name the proxy", raw)
	}
	return network.Masked().String(), nil
}
