package pay

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestCallsFollowNoRedirectAndAskForNoCompression(t *testing.T) {
	t.Parallel()
	followed := false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Error("compression is asked for")
		}
		if r.URL.Path == "/elsewhere" {
			followed = true
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	for _, m := range []Merchant{merchantV2(MD5), merchantV3()} {
		m.BaseURL = s.URL
		g, err := New(Options{Merchant: m, Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		var a *AnswerError
		if _, err := g.Prepay(t.Context(), orderOf("kq000001")); !errors.As(err, &a) || a.Status != http.StatusTemporaryRedirect || followed {
			t.Error(m.Version, err, followed)
		}
	}
}
