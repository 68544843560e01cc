package config

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
)

// Redacted stands in the log where a secret or personal value was.
const Redacted = "•••"

// Logger writes to w with the level and format of the settings. It replaces the values of keys
// that name a secret or a person, and secrets inside addresses and replies that got into a text.
func (c *Config) Logger(w io.Writer) *slog.Logger {
	level, _ := c.level()
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: redact}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

func (c *Config) level() (slog.Level, error) {
	switch strings.ToLower(c.LogLevel) {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return slog.LevelInfo, fmt.Errorf("%q is not debug, info, warn or error", c.LogLevel)
}

var (
	// A key is split into words, so that access_token is a secret and errcode is not.
	secretWords = []string{
		"token", "secret", "ticket", "openid", "unionid", "phone", "mobile", "plate", "code", "password",
		"passwd", "cookie", "authorization", "key", "session", "signature",
	}
	// What is told about a secret or a person rather than being one: the last word of the key.
	harmlessEnds = []string{"kind", "type", "state", "status", "count", "age", "expires", "ttl", "quota"}
	// Codes for machines and for support, and names of jobs and sentences: how problems are found.
	harmlessKeys = []string{
		"key", "translation_key", "job_key", "error_code", "err_code", "fault_code",
		"status_code", "support_code", "exit_code",
	}

	// The seams of camelCase, with runs of capitals kept together: EncodingAESKey has three words.
	camel = regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`)
	word  = regexp.MustCompile(`[a-z0-9]+`)
	// Secrets in a query string or in a JSON reply, as they occur in errors of net/http.
	inText = regexp.MustCompile(`(?i)\b((?:\w+_)?(?:token|secret|ticket|key|code|openid|password|signature)|unionid|echostr)("\s*:\s*"|=)[^&\s"'\\]+`)
)

// redact is the ReplaceAttr of Logger.
func redact(groups []string, attr slog.Attr) slog.Attr {
	if len(groups) == 0 && (attr.Key == slog.TimeKey || attr.Key == slog.LevelKey || attr.Key == slog.SourceKey) {
		return attr
	}
	if secretKey(attr.Key) || slices.ContainsFunc(groups, secretKey) {
		switch attr.Value.Kind() {
		case slog.KindBool, slog.KindDuration, slog.KindTime:
			return attr
		}
		return slog.String(attr.Key, Redacted)
	}
	switch attr.Value.Kind() {
	case slog.KindString:
		return slog.String(attr.Key, scrub(attr.Value.String()))
	case slog.KindAny:
		switch v := attr.Value.Any().(type) {
		case error:
			return slog.String(attr.Key, scrub(v.Error()))
		case fmt.Stringer:
			return slog.String(attr.Key, scrub(v.String()))
		case []byte:
			return slog.String(attr.Key, scrub(string(v)))
		}
	}
	return attr
}

func secretKey(key string) bool {
	if slices.Contains(harmlessKeys, key) {
		return false
	}
	words := word.FindAllString(strings.ToLower(camel.ReplaceAllString(key, "${1}${3}_${2}${4}")), -1)
	if len(words) == 0 || slices.Contains(harmlessEnds, words[len(words)-1]) {
		return false
	}
	for i, w := range words {
		if slices.Contains(secretWords, strings.TrimSuffix(w, "s")) {
			return true
		}
		// OpenID and open_id are openid.
		if i > 0 && slices.Contains(secretWords, words[i-1]+w) {
			return true
		}
	}
	return false
}

func scrub(text string) string {
	if !strings.ContainsAny(text, `=":`) {
		return text
	}
	return inText.ReplaceAllString(text, "${1}${2}"+Redacted)
}
