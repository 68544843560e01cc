package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium is the browser of this machine, "" when there is none.
func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless_shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
	if _, err := os.Stat(mac); err == nil {
		return mac
	}
	return ""
}

// tab is one page of a browser of its own. Clicks are real ones, so that a covered
// button is found out.
type tab struct {
	testing.TB
	ctx context.Context

	mu     sync.Mutex
	main   cdp.FrameID
	worlds map[cdp.FrameID]runtime.ExecutionContextID
	faults []string
}

// place is where a script runs: the page, or the page inside the phone's screen.
type place string

const (
	page   place = "page"
	screen place = "screen"
)

// patience is how long a page may take to show what a test waits for.
const patience = 20 * time.Second

// browse opens a browser with a window of the size.
func browse(tb testing.TB, width, height int) *tab {
	tb.Helper()
	path := chromium()
	need(tb, path != "", "no Chromium found: run ./task setup")
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(width, height),
		chromedp.Flag("lang", "zh-CN"), chromedp.Flag("accept-lang", "zh-CN"), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
	)...)
	tb.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	tb.Cleanup(cancel)
	t := &tab{TB: tb, ctx: ctx, worlds: map[cdp.FrameID]runtime.ExecutionContextID{}}
	t.do(chromedp.EmulateViewport(int64(width), int64(height)))
	t.main = cdp.FrameID(chromedp.FromContext(ctx).Target.TargetID)
	if err := chromedp.Listen(ctx, t.listen); err != nil {
		tb.Fatal(err)
	}
	return t
}

// listen follows the pages that come and go, and remembers what no page may do.
func (t *tab) listen(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExecutionContextCreated:
		var about struct {
			IsDefault bool        `json:"isDefault"`
			FrameID   cdp.FrameID `json:"frameId"`
		}
		if json.Unmarshal(e.Context.AuxData, &about) == nil && about.IsDefault {
			t.worlds[about.FrameID] = e.Context.ID
		}
	case *runtime.EventExceptionThrown:
		t.faults = append(t.faults, thrown(e.ExceptionDetails).Error())
	case *log.EventEntryAdded:
		// A refused status is part of many stories; a broken policy of none.
		if e.Entry.Source == log.EntrySourceSecurity && strings.Contains(e.Entry.Text, "Content Security Policy") {
			t.faults = append(t.faults, e.Entry.Text)
		}
	}
}

// thrown is what a script threw, as an error.
func thrown(d *runtime.ExceptionDetails) error {
	if d.Exception != nil && d.Exception.Description != "" {
		return errors.New(d.Exception.Description)
	}
	return errors.New(d.Text)
}

// clean fails the test when a page threw or broke the content policy.
func (t *tab) clean() {
	t.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, fault := range t.faults {
		t.Errorf("in the browser: %s", fault)
	}
}

func (t *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(t.ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func (t *tab) open(address string) {
	t.Helper()
	t.do(chromedp.Navigate(address))
}

// visit types an address on the phone and waits for the page behind it: the page before it
// may well be in the state that the test looks for next.
func (t *tab) visit(address string) {
	t.Helper()
	t.await(page, `document.querySelector('#url')`)
	_, _ = eval[bool](t, screen, `window.before = true`) // there may be nothing on the screen yet
	if _, err := eval[bool](t, page, fmt.Sprintf(`(() => { document.querySelector('#url').value = %q; document.querySelector('#address').requestSubmit(); return true; })()`, address)); err != nil {
		t.Fatal(err)
	}
	t.await(screen, `!window.before && document.readyState === 'complete'`)
}

// world is the script context of a place, 0 when the frame is not there yet.
func (t *tab) world(where place) runtime.ExecutionContextID {
	t.mu.Lock()
	defer t.mu.Unlock()
	newest := runtime.ExecutionContextID(0)
	for frame, id := range t.worlds {
		if (frame == t.main) == (where == page) && id > newest {
			newest = id
		}
	}
	return newest
}

// eval runs an expression in a place and decodes what it gives, promises included.
func eval[T any](t *tab, where place, expression string) (T, error) {
	var value T
	yes := true
	params := runtime.EvaluateParams{Expression: expression, ReturnByValue: &yes, AwaitPromise: &yes}
	if where == screen {
		if params.ContextID = t.world(screen); params.ContextID == 0 {
			return value, fmt.Errorf("the phone's screen shows nothing yet")
		}
	}
	ctx, cancel := context.WithTimeout(t.ctx, 10*time.Second)
	defer cancel()
	answer, err := chromedp.Call(ctx, runtime.Evaluate, params)
	switch {
	case err != nil:
		return value, err
	case answer.ExceptionDetails != nil:
		return value, thrown(answer.ExceptionDetails)
	case answer.Result == nil || len(answer.Result.Value) == 0:
		return value, nil
	}
	return value, json.Unmarshal(answer.Result.Value, &value)
}

// await runs an expression until it is true.
func (t *tab) await(where place, expression string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last error
	for end := time.Now().Add(patience); time.Now().Before(end); <-tick.C {
		// A page on its way out answers with an error; the next one is asked again.
		ok, err := eval[bool](t, where, "!!("+expression+")")
		if ok && err == nil {
			return
		}
		last = err
	}
	shown, _ := eval[string](t, where, "document.body ? document.body.innerText.slice(0, 1500) : ''")
	at, _ := eval[string](t, where, "location.pathname")
	t.shoot("failed")
	t.Fatalf("never became true on the %s at %s: %s (%v)\nit shows:\n%s", where, at, expression, last, shown)
}

// state waits for the claim page's state.
func (t *tab) state(where place, name string) {
	t.Helper()
	t.await(where, fmt.Sprintf(`document.querySelector('[data-state]')?.dataset.state === %q`, name))
}

// shows waits for a text.
func (t *tab) shows(where place, text string) {
	t.Helper()
	t.await(where, fmt.Sprintf(`document.body && document.body.innerText.includes(%q)`, text))
}

// find is an expression for the first visible element that fits the selector; with
// text, the first that also contains it. It looks into open shadow trees of the body.
func find(selector, text string) string {
	return fmt.Sprintf(`(() => {
  const roots = [document, ...[...document.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean)];
  for (const root of roots) for (const e of root.querySelectorAll(%q)) {
    const r = e.getBoundingClientRect();
    if (r.width && r.height && (e.innerText || e.value || '').includes(%q)) return e;
  }
  return null;
})()`, selector, text)
}

// spot is a point of the window.
type spot struct{ X, Y float64 }

// settle waits until an element stands still and returns its middle: a sheet that slides
// in is clicked where it ends up, not where it was. A page that goes away meanwhile takes
// its element along, and the next one is asked.
func (t *tab) settle(where place, selector, text string) spot {
	t.Helper()
	element := find(selector, text)
	middle := fmt.Sprintf(`(() => { const e = %s; e.scrollIntoView({block: 'center', behavior: 'instant'}); const r = e.getBoundingClientRect(); return {X: r.left + r.width / 2, Y: r.top + r.height / 2}; })()`, element)
	var before spot
	var last error
	looks := 0
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		t.await(where, element)
		now, err := eval[spot](t, where, middle)
		switch {
		case err != nil:
			last, looks = err, 0
			continue
		case looks > 0 && now == before, looks > 40: // some things never stand still
			return now
		}
		before, looks = now, looks+1
	}
	t.Fatalf("%s %q: %v", selector, text, last)
	return before
}

// click clicks the middle of an element with the mouse.
func (t *tab) click(where place, selector, text string) {
	t.Helper()
	at := t.settle(where, selector, text)
	if where == screen {
		corner, err := eval[spot](t, page, `(() => { const e = document.querySelector('iframe#screen'); e.scrollIntoView({block: 'nearest', behavior: 'instant'}); const r = e.getBoundingClientRect(); return {X: r.left + e.clientLeft, Y: r.top + e.clientTop}; })()`)
		if err != nil {
			t.Fatal(err)
		}
		at.X, at.Y = at.X+corner.X, at.Y+corner.Y
	}
	t.do(chromedp.MouseClickXY(at.X, at.Y))
}

// fill types a value into a field of a form.
func (t *tab) fill(where place, name, value string) {
	t.Helper()
	field := fmt.Sprintf(`document.querySelector('[name=%q]')`, name)
	t.await(where, field)
	_, err := eval[bool](t, where, fmt.Sprintf(`(() => { const e = %s; e.focus(); e.value = %q; e.dispatchEvent(new Event('input', {bubbles: true})); e.dispatchEvent(new Event('change', {bubbles: true})); return true; })()`, field, value))
	if err != nil {
		t.Fatalf("fill %s: %v", name, err)
	}
}

// tick checks a box.
func (t *tab) tick(where place, name string) {
	t.Helper()
	box := fmt.Sprintf(`document.querySelector('input[type=checkbox][name=%q]')`, name)
	t.await(where, box)
	if _, err := eval[bool](t, where, box+`.checked || (`+box+`.click(), true)`); err != nil {
		t.Fatal(err)
	}
}

// text is the text of the first element that fits.
func (t *tab) text(where place, selector string) string {
	t.Helper()
	got, err := eval[string](t, where, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ''`, selector))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(got)
}

// dark switches the colours that the browser prefers.
func (t *tab) dark(on bool) {
	t.Helper()
	value := "light"
	if on {
		value = "dark"
	}
	_, err := chromedp.Call(t.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}}})
	if err != nil {
		t.Fatal(err)
	}
}

// shoot keeps a picture of what the window shows, in the folder that KAQUAN_PICTURES
// names.
func (t *tab) shoot(name string) {
	t.Helper()
	t.keep(name, chromedp.CaptureScreenshot())
}

// whole keeps a picture of the whole page.
func (t *tab) whole(name string) {
	t.Helper()
	t.keep(name, chromedp.FullScreenshot(100))
}

func (t *tab) keep(name string, take chromedp.Action[[]byte]) {
	t.Helper()
	folder := os.Getenv("KAQUAN_PICTURES")
	if folder == "" {
		return
	}
	picture, err := chromedp.Run(t.ctx, take)
	file := filepath.Join(folder, name+".png")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o755)
	}
	if err == nil {
		err = os.WriteFile(file, picture, 0o644)
	}
	if err != nil {
		t.Errorf("picture %s: %v", name, err)
	}
}
