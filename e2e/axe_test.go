package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// violation is what axe found on a page.
type violation struct {
	ID     string   `json:"id"`
	Impact string   `json:"impact"`
	Help   string   `json:"help"`
	Nodes  []string `json:"nodes"`
}

// barriers are the serious violations that axe finds on the page.
func (t *tab) barriers(axe string) []violation {
	t.Helper()
	if _, err := eval[bool](t, page, axe+`;true`); err != nil {
		t.Fatal(err)
	}
	found, err := eval[[]violation](t, page, `axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], iframes: false})
  .then(r => r.violations.filter(v => v.impact === 'serious' || v.impact === 'critical')
    .map(v => ({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.target.join(' ') + ' ' + n.html.slice(0, 160))})))`)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestNoAdminPageHasASeriousBarrier follows every link of the admin and lets axe look at
// each kind of page, wide and light, and narrow and dark.
func TestNoAdminPageHasASeriousBarrier(t *testing.T) {
	t.Parallel()
	need(t, chromium() != "", "Chromium is not here")
	axe, err := os.ReadFile("../assets/node_modules/axe-core/axe.min.js")
	need(t, err == nil, "axe-core is not here: npm ci --prefix assets")
	p := demo(t, t.TempDir())
	admin := browse(t, 1280, 900)
	signIn(admin, p)
	names, pages := walk(t, admin, p)
	if len(names) < 25 {
		t.Fatalf("only %d kinds of pages were found: %s", len(names), strings.Join(names, " "))
	}
	told := map[string]bool{}
	for _, look := range []struct {
		width int64
		dark  bool
	}{{1280, false}, {375, true}} {
		admin.dark(look.dark)
		admin.do(chromedp.EmulateViewport(look.width, 900))
		for _, name := range names {
			admin.open(pages[name])
			admin.await(page, `document.readyState === 'complete'`)
			found := admin.barriers(string(axe))
			for _, v := range found {
				if what := v.ID + strings.Join(v.Nodes, ""); !told[what] { // what every page has is told once
					told[what] = true
					t.Errorf("%s at %d px: %s (%s): %s\n  %s", name, look.width, v.ID, v.Impact, v.Help, strings.Join(v.Nodes, "\n  "))
				}
			}
			if wide, err := eval[bool](admin, page, `document.documentElement.scrollWidth > window.innerWidth`); err == nil && wide {
				t.Errorf("%s is wider than %d px", name, look.width)
			}
		}
	}
	if testing.Verbose() {
		fmt.Println(strings.Join(names, "\n"))
	}
}
