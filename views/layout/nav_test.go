package layout

import (
	"slices"
	"testing"

	"kaquan/people"
)

// A phone shows four pages that the person may open, never one twice, and the page that is
// open is marked there or at "more".
func TestThePhonesBarHoldsFourPagesThatThePersonMayOpen(t *testing.T) {
	t.Parallel()
	for _, role := range people.Roles() {
		p := Page{Person: people.Person{Role: role}}
		bar, all := p.bar(), p.entries()
		if want := min(inBar, len(all)); len(bar) != want {
			t.Errorf("%s has %d pages in the bar, want %d", role, len(bar), want)
		}
		seen := map[string]bool{}
		for _, e := range bar {
			if seen[e.Key] || !role.Can(e.Permission) {
				t.Errorf("%s has %s in the bar", role, e.Key)
			}
			seen[e.Key] = true
		}
		for _, e := range all {
			p.Nav = e.Key
			if p.elsewhere() == seen[e.Key] {
				t.Errorf("%s at %s: the page is marked twice or not at all", role, e.Key)
			}
		}
		if !slices.EqualFunc(all, p.entries(), func(a, b Entry) bool { return a.Key == b.Key }) {
			t.Errorf("%s: the bar takes entries out of the navigation", role)
		}
	}
}
