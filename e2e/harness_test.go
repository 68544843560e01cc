package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kaquan/assets"
)

// need ends the test when a part is missing: it fails where the whole suite was asked
// for, as ./task test does, and is skipped on a clone with Go alone.
func need(tb testing.TB, there bool, what string) {
	tb.Helper()
	if there {
		return
	}
	if os.Getenv("KAQUAN_E2E") == "required" {
		tb.Fatal(what)
	}
	tb.Skip(what)
}

// binary builds the program once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "kaquan-e2e-")
	if err != nil {
		return "", err
	}
	built = folder
	path := filepath.Join(folder, "kaquan")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, "kaquan").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// built is the folder of the program, removed after the tests.
var built string

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(code)
}

// program is a running kaquan.
type program struct {
	Folder string // its data
	App    string // address of the app
	Phone  string // address of the sandbox, demo only
	Admin  string // one-time link into the admin
	cmd    *exec.Cmd
	out    *record
}

// record keeps what a process prints, for waiting and for reports.
type record struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func (r *record) add(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text.WriteString(line + "\n")
	close(r.more)
	r.more = make(chan struct{})
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// await waits for a text that fits and returns its groups.
func (r *record) await(tb testing.TB, pattern string) []string {
	tb.Helper()
	re := regexp.MustCompile(pattern)
	late := time.After(30 * time.Second)
	for {
		r.mu.Lock()
		found, more := re.FindStringSubmatch(r.text.String()), r.more
		r.mu.Unlock()
		if found != nil {
			return found
		}
		select {
		case <-more:
		case <-late:
			tb.Fatalf("never printed %s:\n%s", pattern, r)
		}
	}
}

// start runs kaquan with free ports on a data folder. It is stopped at the test's end.
func start(tb testing.TB, folder string, env []string, args ...string) *program {
	tb.Helper()
	need(tb, assets.Built(), assets.Missing)
	path, err := binary()
	if err != nil {
		tb.Fatal(err)
	}
	p := &program{Folder: folder, out: &record{more: make(chan struct{})}}
	p.cmd = exec.Command(path, args...)
	p.cmd.Env = append(os.Environ(), append([]string{
		"KAQUAN_DATA=" + folder, "KAQUAN_LISTEN=127.0.0.1:0", "KAQUAN_SANDBOX_LISTEN=127.0.0.1:0", "KAQUAN_LOG_LEVEL=debug",
	}, env...)...)
	reader, writer := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = writer, writer
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(reader)
		lines.Buffer(make([]byte, 1<<20), 1<<20)
		for lines.Scan() {
			p.out.add(lines.Text())
		}
	}()
	tb.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.stop(tb)
		}
		_ = writer.Close()
		<-read
		if tb.Failed() {
			tb.Logf("the program said:\n%s", p.out)
		}
	})
	return p
}

// demo starts `kaquan demo` and reads its links.
func demo(tb testing.TB, folder string) *program {
	tb.Helper()
	p := start(tb, folder, nil, "demo")
	p.Phone = p.out.await(tb, `phone\s+(http://\S+)/phone`)[1]
	found := p.out.await(tb, `admin\s+((http://[^/\s]+)/admin/login/link\?token=\S+)`)
	p.Admin, p.App = found[1], found[2]
	return p
}

// stop asks the program to end and fails the test when it does not end well.
func (p *program) stop(tb testing.TB) {
	tb.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		tb.Errorf("stop: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			tb.Errorf("the program ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		<-done
		tb.Errorf("the program did not stop within 20 seconds")
	}
}

// kill ends the program as a power cut would.
func (p *program) kill(tb testing.TB) {
	tb.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		tb.Fatal(err)
	}
	_ = p.cmd.Wait() // "signal: killed" is what we asked for
}

// client is an HTTP client with cookies of its own that does not follow redirects.
func client(tb testing.TB) *http.Client {
	tb.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// inWeChat are the headers of a page that WeChat's browser asks for.
const inWeChat = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/116.0 Mobile Safari/537.36 XWEB/1160117 MicroMessenger/8.0.50.2701(0x28003253) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64"

// request sends one request as a visitor's browser would and returns status, body and
// the place it points to.
func request(tb testing.TB, c *http.Client, method, address string, form url.Values, headers ...string) (int, string, string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("User-Agent", inWeChat)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := c.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return answer.StatusCode, string(text), answer.Header.Get("Location")
}
