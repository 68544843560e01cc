package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// scan reads a QR code off the screen with another program than ours.
func scan(tb testing.TB, b *tab, where place, selector string) string {
	tb.Helper()
	zbar, err := exec.LookPath("zbarimg")
	need(tb, err == nil, "no zbarimg found: run ./task setup")
	b.await(where, fmt.Sprintf(`(() => { const e = document.querySelector(%q); if (!e) return false; e.scrollIntoView({block: 'center', behavior: 'instant'}); return e.getBoundingClientRect().width > 60; })()`, selector))
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		tb.Fatal(err)
	}
	file := filepath.Join(tb.TempDir(), "screen.png")
	if err := os.WriteFile(file, picture, 0o600); err != nil {
		tb.Fatal(err)
	}
	out, err := exec.Command(zbar, "--quiet", "--raw", file).Output()
	if err != nil {
		tb.Fatalf("no code on the screen: %v", err)
	}
	return strings.TrimSpace(string(out))
}
