package campaigns

import (
	"testing"
	"time"
)

func TestTheStandingConsentIsTheOneThatWasNotReplaced(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)
	p := Profile{Consents: []Consent{{Version: "b", At: at.Add(time.Hour), Withdrawn: at.Add(2 * time.Hour)}, {Version: "a", At: at}}}
	if c := p.Consent(); c == nil || c.Version != "a" {
		t.Errorf("got %+v", c)
	}
	p.Consents[1].Withdrawn = at
	if c := p.Consent(); c != nil {
		t.Errorf("a withdrawn consent stands: %+v", c)
	}
}
