package e2e

import (
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// guest is somebody in WeChat with cookies of their own.
type guest struct {
	*http.Client
	fields url.Values // of the claim form
}

var (
	field  = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)"`)
	state  = regexp.MustCompile(`data-state="(\w+)"`)
	digits = regexp.MustCompile(`aria-label="(\d{12})"`)
)

// arrive makes a new persona and walks it through the authorisation to the page.
func arrive(tb testing.TB, p *program, slug string) guest {
	tb.Helper()
	g := guest{Client: client(tb)}
	tell(tb, g.Client, p, `{"do":"visitor"}`)
	address := p.App + "/w/oauth?c=" + slug
	for hop := 0; hop < 6; hop++ {
		status, text, next := request(tb, g.Client, http.MethodGet, address, nil)
		if status == http.StatusOK {
			if found := state.FindStringSubmatch(text); found == nil || found[1] != "ready" {
				tb.Fatalf("the page is %q:\n%s", found, text)
			}
			g.fields = url.Values{}
			for _, f := range field.FindAllStringSubmatch(text, -1) {
				g.fields.Set(f[1], f[2])
			}
			return g
		}
		base, err := url.Parse(address)
		if err != nil {
			tb.Fatal(err)
		}
		to, err := base.Parse(next)
		if err != nil || next == "" {
			tb.Fatalf("%s answers %d and leads nowhere: %v", base.Path, status, err)
		}
		address = to.String()
	}
	tb.Fatal("the authorisation goes round in circles")
	return g
}

// tell presses a button of the phone page.
func tell(tb testing.TB, c *http.Client, p *program, command string) {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, p.Phone+"/sandbox-ui/control", strings.NewReader(command))
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("Origin", p.Phone)
	r.Header.Set("Content-Type", "application/json")
	answer, err := c.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode >= 300 {
		tb.Fatalf("the phone answers %s to %s", answer.Status, command)
	}
}

func TestAKilledProgramKeepsEveryClaimItAnswered(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	p := demo(t, folder)
	guests := make([]guest, 32)
	for i := range guests {
		guests[i] = arrive(t, p, "cake")
	}

	// Everybody claims at once; the power goes after the tenth answer.
	codes := make([]string, len(guests))
	answers := make(chan int, len(guests))
	var all sync.WaitGroup
	for i, g := range guests {
		all.Go(func() {
			defer func() { answers <- i }()
			answer, err := g.PostForm(p.App+"/c/cake/claim", g.fields)
			if err != nil {
				return // not answered: nothing was promised
			}
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusSeeOther {
				codes[i] = "answered"
			}
		})
	}
	for range 10 {
		<-answers
	}
	p.kill(t)
	all.Wait()

	p = demo(t, folder)
	kept, answered := 0, 0
	for i, g := range guests {
		_, text, _ := request(t, g.Client, http.MethodGet, p.App+"/c/cake", nil)
		found := digits.FindStringSubmatch(text)
		if found != nil {
			kept++
		}
		if codes[i] != "" {
			answered++
			if found == nil {
				t.Errorf("guest %d was answered and has no card: %s", i, state.FindString(text))
			}
		}
	}
	if answered == 0 {
		t.Error("nobody was answered before the kill: the test proves nothing")
	}
	t.Logf("%d answered before the kill, %d cards after it", answered, kept)
	p.stop(t)

	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "verify", "--data", folder).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "cake") {
		t.Errorf("verify: %v\n%s", err, out)
	}
}
