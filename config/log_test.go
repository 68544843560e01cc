package config_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"kaquan/config"
)

func TestSecretsAndPersonalDataNeverReachTheLog(t *testing.T) {
	t.Parallel()
	const secret = "S3CR3T"
	addressed := &url.Error{Op: "Get", URL: "https://api.weixin.qq.com/cgi-bin/user?access_token=" + secret + "&openid=" + secret, Err: errors.New("refused")}
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		c := config.Config{LogLevel: "debug", LogFormat: format}
		log := c.Logger(&out)
		for _, key := range []string{
			"token", "access_token", "accessToken", "secret", "appSecret", "ticket", "jsapi_ticket", "openid", "OpenID", "unionid",
			"phone", "phone_number", "plate", "code", "card_code", "password", "Cookie", "Set-Cookie", "Authorization",
			"tokens", "session_key", "EncodingAESKey", "signature",
		} {
			log.Info("plain", key, secret)
			log.Info("grouped", slog.Group("request", key, secret))
			log.Info("as a group", slog.Group(key, "value", secret))
			log.With(key, secret).WithGroup("g").Info("bound", key, []string{secret})
			log.Info("bytes", key, []byte(secret))
		}
		log.Info("address "+addressed.URL, "err", fmt.Errorf("token: %w", addressed))
		log.Info("reply", "body", `{"access_token": "`+secret+`","expires_in":7200}`)
		log.Info("reply", "body", []byte(`{"ticket":"`+secret+`"}`))
		log.Info("stringer", "url", &url.URL{Scheme: "https", Host: "x", RawQuery: "js_code=" + secret + "&secret=" + secret})
		if strings.Contains(out.String(), secret) {
			for line := range strings.Lines(out.String()) {
				if strings.Contains(line, secret) {
					t.Errorf("%s: %s", format, line)
				}
			}
		}
	}
}

func TestWhatIsNeededToFindAProblemStaysInTheLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := config.Config{LogLevel: "info", LogFormat: "text"}
	c.Logger(&out).Info("token refreshed",
		"errcode", 40001, "rid", "rid-1", "token_kind", "jsapi", "support_code", "K7Q2", "status", 409, "encoded", "kept",
		"ticket_ttl", 90*time.Second, "has_token", true, "token_refreshed_at", time.Unix(0, 0).UTC(), "path", "/c/autumn?from=poster",
		"err", errors.New("refresh token: context deadline exceeded"))
	for _, want := range []string{
		"token refreshed", "errcode=40001", "rid=rid-1", "token_kind=jsapi", "support_code=K7Q2", "status=409", "encoded=kept",
		"ticket_ttl=1m30s", "has_token=true", "token_refreshed_at=1970", "from=poster", "refresh token: context deadline exceeded",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is gone from: %s", want, out.String())
		}
	}
}

func TestTheLogKeepsItsLevelAndFormat(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := config.Config{LogLevel: "WARN", LogFormat: "json"}
	log := c.Logger(&out)
	log.Info("quiet")
	log.Warn("heard")
	if got := out.String(); strings.Contains(got, "quiet") || !strings.HasPrefix(got, "{") || !strings.Contains(got, `"msg":"heard"`) {
		t.Fatal(got)
	}
}
