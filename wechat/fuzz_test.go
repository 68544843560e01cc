package wechat

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzParseEvent(f *testing.F) {
	f.Add([]byte(gotCard))
	f.Add([]byte("<xml><a><b>1</b></a></xml>"))
	f.Add([]byte(`<!DOCTYPE x><xml><a>1</a></xml>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := ParseEvent(body)
		if err != nil {
			if !errors.Is(err, ErrBadEvent) {
				t.Errorf("another error: %v", err)
			}
			return
		}
		if len(e.Raw) == 0 || len(e.Raw) > maxEventFields || e.CreateTime < 0 || e.DedupeKey("a") == e.DedupeKey("b") {
			t.Errorf("got %+v", e)
		}
	})
}

func FuzzDecrypt(f *testing.F) {
	c := testCrypt(f)
	f.Add(c.Encrypt([]byte("message")))
	for _, v := range vectors(f) {
		f.Add(v.Inputs["encrypt"])
	}
	f.Fuzz(func(t *testing.T, text string) {
		message, err := c.Decrypt(text)
		if err != nil {
			if err != ErrCrypt { //nolint:errorlint // exactly this one
				t.Errorf("another error: %v", err)
			}
			return
		}
		if again, err := c.Decrypt(c.Encrypt(message)); err != nil || string(again) != string(message) {
			t.Errorf("%q becomes %q, %v", message, again, err)
		}
	})
}

func FuzzParseAnswer(f *testing.F) {
	for _, text := range []string{
		notListed, `{"access_token":"T","expires_in":7200}`, `{"errcode":"40001","errmsg":"x"}`, "\ufeff{}", "<html>", `{"expires_in":"1e999"}`,
	} {
		f.Add(200, []byte(text))
	}
	f.Fuzz(func(t *testing.T, status int, raw []byte) {
		var out issued
		err := parseAnswer("/x", status, raw, &out, []string{testSecret})
		if err == nil {
			if life, ok := lifetime(out.ExpiresIn); ok && (life <= 0 || life > longestLife) {
				t.Errorf("%s lives %v", out.ExpiresIn, life)
			}
			return
		}
		var (
			api *APIError
			bad *AnswerError
		)
		if !errors.As(err, &api) && !errors.As(err, &bad) {
			t.Errorf("another error: %v", err)
		}
		if text := err.Error(); strings.Contains(text, testSecret) || strings.ContainsAny(text, "\n\r\x00") || !utf8.ValidString(text) || Meaning(err) == "" {
			t.Errorf("bad text %q", text)
		}
	})
}
