package web

import (
	"testing"
	"time"
)

func TestASupportCodeIsReadAsPeopleTypeIt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"K7Q-2M9": "K7Q-2M9", " k7q-2m9 ": "K7Q-2M9", "k7q2m9": "K7Q-2M9", "KKK-MMM": "KKK-MMM",
		"BRANDS": "", "234567": "", "K7Q2-M9": "", "K7Q--2M9": "", "K1Q-2M9": "", "K7Q-2M": "", "": "", "-": "", "咖啡券咖啡券": "",
	} {
		if got := supportShape(text); got != want {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
}

func TestTheLastFailuresAreFoundByTheirCodesAndOlderOnesForgotten(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
	s := &Server{Options: Options{Now: func() time.Time { return now }}}
	first := s.newSupport("GET /c/:slug")
	if seen, known := s.support.find(first); !known || seen.Where != "GET /c/:slug" || !seen.At.Equal(now) || supportShape(first) != first {
		t.Errorf("%q: %+v %v", first, seen, known)
	}
	for range len(s.support.last) {
		s.newSupport("sign page")
	}
	if _, known := s.support.find(first); known {
		t.Error("the book grows without end")
	}
	if _, known := s.support.find(""); known {
		t.Error("no code finds something")
	}
}
