package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// kaquan runs a command line on a data folder and returns exit code, output and errors.
func kaquan(tb testing.TB, folder, in string, args ...string) (int, string, string) {
	tb.Helper()
	var out, errOut bytes.Buffer
	args = append([]string{"--data", folder, "--listen", "127.0.0.1:0", "--sandbox-listen", "127.0.0.1:0"}, args...)
	code := run(tb.Context(), Version{Number: "1.2.3", Commit: "abc"}, args, strings.NewReader(in), &out, &errOut)
	return code, out.String(), errOut.String()
}

func TestCommandsSayWhatTheyDidAndHowItEnded(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, row := range []struct {
		name, in string
		args     []string
		code     int
		out, err string
	}{
		{"version", "", []string{"version"}, 0, "kaquan 1.2.3 (abc)", ""},
		{"help", "", []string{"--help"}, 0, "healthcheck", ""},
		{"an unknown command", "", []string{"fly"}, 2, "", "fly"},
		{"an unknown flag", "", []string{"version", "--fast"}, 2, "", "--fast"},
		{"a wrong setting", "", []string{"version", "--public-url", "card"}, 2, "", "KAQUAN_PUBLIC_URL"},
		{"migrate", "", []string{"migrate"}, 0, "up to date", ""},
		{"migrate again", "", []string{"migrate"}, 0, "up to date", ""},
		{"the first account", "correct horse battery\n", []string{"admin", "create", "--login", "wang"}, 0, "created wang as owner", ""},
		{"the same name again", "correct horse battery\n", []string{"admin", "create", "--login", "wang"}, 1, "", "kaquan: "},
		{"a short password", "short\n", []string{"admin", "create", "--login", "li"}, 1, "", "kaquan:"},
		{"no password", "", []string{"admin", "create", "--login", "li"}, 1, "", "no password"},
		{"a role that is none", "correct horse battery\n", []string{"admin", "create", "--login", "li", "--role", "king"}, 2, "", "role"},
		{"a new password", "another long password\n", []string{"admin", "reset-password", "--login", "wang"}, 0, "password set for wang", ""},
		{"a new password and no second step", "another long password\n", []string{"admin", "reset-password", "--login", "wang", "--no-two-step"}, 0, "two-step sign-in is off for wang", ""},
		{"a new password for nobody", "another long password\n", []string{"admin", "reset-password", "--login", "zhao"}, 1, "", "kaquan:"},
		{"the list", "", []string{"admin", "list"}, 0, "wang", ""},
		{"a demo where somebody works", "", []string{"demo"}, 1, "", "--data"},
		{"verify with nothing to verify", "", []string{"verify"}, 0, "", ""},
		{"healthcheck of a program that is not there", "", []string{"healthcheck", "--listen", "127.0.0.1:1"}, 1, "", "no answer"},
	} {
		code, out, errOut := kaquan(t, folder, row.in, row.args...)
		if code != row.code || !strings.Contains(out, row.out) || !strings.Contains(errOut, row.err) {
			t.Errorf("%s: exit %d, want %d\nout: %s\nerr: %s", row.name, code, row.code, out, errOut)
		}
		if strings.Contains(errOut, "people.") || strings.Contains(errOut, "constraint") {
			t.Errorf("%s: the error is for machines: %s", row.name, errOut)
		}
		if strings.Contains(out+errOut, "horse") || strings.Contains(out+errOut, "another long") {
			t.Errorf("%s: printed the password", row.name)
		}
	}
	if info, err := os.Stat(filepath.Join(folder, "kaquan.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file is not for its owner alone: %v %v", info, err)
	}
}

// live is a buffer that one goroutine writes and another reads.
type live struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *live) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *live) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestServePrintsTheSetupLinkAnswersAndStops(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out, errOut live
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, Version{Number: "test"}, []string{"serve", "--data", folder, "--listen", "127.0.0.1:0"}, strings.NewReader(""), &out, &errOut)
	}()
	link := regexp.MustCompile(`http://(127\.0\.0\.1:\d+)/admin/setup\?token=\S+`)
	var address string
	for end := time.Now().Add(20 * time.Second); address == "" && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if found := link.FindStringSubmatch(out.String()); found != nil {
			address = found[1]
		}
	}
	if address == "" {
		t.Fatalf("no setup link:\n%s%s", out.String(), errOut.String())
	}
	ready := -1
	for end := time.Now().Add(10 * time.Second); ready != 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		ready, _, _ = kaquan(t, t.TempDir(), "", "healthcheck", "--listen", address)
	}
	if ready != 0 {
		t.Errorf("healthcheck of a running program ended with %d:\n%s", ready, errOut.String())
	}
	stop()
	select {
	case code := <-ended:
		if code != 0 {
			t.Errorf("a stop ended with %d:\n%s", code, errOut.String())
		}
	case <-time.After(20 * time.Second):
		t.Fatal("serve did not stop")
	}
	if token := regexp.MustCompile(`token=(\S+)`).FindStringSubmatch(out.String()); strings.Contains(errOut.String(), token[1]) {
		t.Error("the setup token is in the log")
	}
}
