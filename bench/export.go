package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"kaquan/campaigns"
)

const exportRows = 1_000_000

// measureExport compares the export of a million claims over HTTP with excelize's
// StreamWriter writing the same cells from memory. Each side runs in a process of its
// own, whose peak memory is the system's own count.
func measureExport(ctx context.Context, folder string, report func(name string, value float64, unit string)) error {
	campaign, visitors, err := prepare(ctx, folder)
	if err != nil {
		return err
	}
	if err := seedClaims(ctx, folder, campaign, visitors, 0, exportRows); err != nil {
		return err
	}
	product, err := child(ctx, "export", folder)
	if err != nil {
		return err
	}
	limit, err := child(ctx, "excelize", folder)
	if err != nil {
		return err
	}
	report("export_rows_per_second", product.rate, "rows/s")
	report("excelize_rows_per_second", limit.rate, "rows/s")
	report("export_ratio", product.rate/limit.rate, "ratio")
	report("export_rss_mb", product.peakMB, "MB")
	ratio, err := claimsDuringExport(ctx, folder, visitors)
	if err == nil {
		report("claims_during_export_ratio", ratio, "ratio")
	}
	return err
}

// claimsDuringExport compares claims a second while the million rows are exported with
// claims a second in peace, in one process.
func claimsDuringExport(ctx context.Context, folder string, visitors []campaigns.VisitorID) (float64, error) {
	s, err := serve(ctx, folder, campaigns.OwnCode)
	if err != nil {
		return 0, err
	}
	cookies, err := s.signIn(ctx, "claims")
	if err != nil {
		return 0, errors.Join(err, s.stop())
	}
	alone, err := s.claim(ctx, visitors, "alone-key")
	if err != nil {
		return 0, errors.Join(err, s.stop())
	}
	exported := make(chan error, 1)
	go func() {
		_, err := s.download(ctx, cookies)
		exported <- err
	}()
	beside, err := s.claim(ctx, visitors, "beside-key")
	select {
	case early := <-exported:
		err = errors.Join(err, early, errors.New("the export was over before the claims"))
	default:
		err = errors.Join(err, <-exported)
	}
	return beside / alone, errors.Join(err, s.stop())
}

// outcome is what a child process measured.
type outcome struct{ rate, peakMB float64 }

// child runs this program again for one measurement.
func child(ctx context.Context, what, folder string) (outcome, error) {
	var o outcome
	self, err := os.Executable()
	if err != nil {
		return o, err
	}
	cmd := exec.CommandContext(ctx, self, "-child", what, "-folder", folder)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return o, fmt.Errorf("%s: %w", what, err)
	}
	_, err = fmt.Sscan(string(out), &o.rate, &o.peakMB)
	return o, err
}

// runChild measures in this process and prints rows a second and peak memory in MB.
func runChild(ctx context.Context, what, folder string) error {
	measure := map[string]func(context.Context, string) (time.Duration, error){"export": exportOnce, "excelize": excelizeOnce}[what]
	if measure == nil {
		return fmt.Errorf("no measurement %q", what)
	}
	took, err := measure(ctx, folder)
	if err != nil {
		return err
	}
	peak, err := peakMemory(os.Getpid())
	if err != nil {
		return err
	}
	_, err = fmt.Println(exportRows/took.Seconds(), peak)
	return err
}

// exportOnce has the running product make the file of all columns and fetches it, as an
// administrator does.
func exportOnce(ctx context.Context, folder string) (time.Duration, error) {
	s, err := serve(ctx, folder, campaigns.OwnCode)
	if err != nil {
		return 0, err
	}
	cookies, err := s.signIn(ctx, "bench")
	if err != nil {
		return 0, err
	}
	start := time.Now()
	size, err := s.download(ctx, cookies)
	took := time.Since(start)
	if err == nil && size < exportRows*20 {
		err = fmt.Errorf("the file has %d bytes only", size)
	}
	return took, errors.Join(err, s.stop())
}

func (s *server) download(ctx context.Context, cookies string) (int64, error) {
	form := url.Values{"format": {string(campaigns.ExportXLSX)}, "full": {"1"}, "reason": {"bench"}}
	for _, c := range campaigns.ExportColumns(campaigns.ExportClaims) {
		form.Add("columns", c.Name)
	}
	var page bytes.Buffer
	ask := func(method, path string, body io.Reader, out io.Writer) (int64, error) {
		r, err := http.NewRequestWithContext(ctx, method, s.url+path, body)
		if err != nil {
			return 0, err
		}
		r.Header.Set("Cookie", cookies)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return fetchInto(r, out)
	}
	if _, err := ask(http.MethodGet, "/admin/exports?new=", nil, &page); err != nil {
		return 0, err
	}
	token := csrfField.FindSubmatch(page.Bytes())
	if token == nil {
		return 0, errors.New("no token in the dialog")
	}
	form.Set("_csrf", string(token[1]))
	if _, err := ask(http.MethodPost, "/admin/exports", strings.NewReader(form.Encode()), io.Discard); err != nil {
		return 0, err
	}
	for {
		page.Reset()
		if _, err := ask(http.MethodGet, "/admin/exports", nil, &page); err != nil {
			return 0, err
		}
		// The files of earlier exports stand on the page too, below.
		if !bytes.Contains(page.Bytes(), []byte(`data-exports="working"`)) {
			file := exportFile.FindSubmatch(page.Bytes())
			if file == nil {
				return 0, errors.New("the export failed")
			}
			return ask(http.MethodGet, string(file[1]), nil, io.Discard)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// exportFile is the address of the newest file on the page of exports.
var exportFile = regexp.MustCompile(`href="(/admin/exports/[^"]+/file)"`)

// fetch asks for something and reads all of it; anything but 200 in the end is an error.
func fetch(r *http.Request) (int64, error) { return fetchInto(r, io.Discard) }

func fetchInto(r *http.Request, out io.Writer) (int64, error) {
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s answers %s", r.URL.Path, answer.Status)
	}
	return io.Copy(out, answer.Body)
}

// excelizeOnce writes the cells of the export with the library alone.
func excelizeOnce(_ context.Context, folder string) (time.Duration, error) {
	start := time.Now()
	f := excelize.NewFile()
	defer func() { _ = f.Close() }()
	text, err := f.NewStyle(&excelize.Style{NumFmt: 49})
	if err != nil {
		return 0, err
	}
	format := "yyyy-mm-dd hh:mm:ss"
	date, err := f.NewStyle(&excelize.Style{CustomNumFmt: &format})
	if err != nil {
		return 0, err
	}
	w, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		return 0, err
	}
	at := time.Now().UTC()
	for n := range exportRows {
		row := exportCells(n, at.Add(time.Duration(n)*time.Second), text, date)
		if err := w.SetRow("A"+strconv.Itoa(n+2), row); err != nil {
			return 0, err
		}
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	out, err := os.Create(filepath.Join(folder, "limit.xlsx"))
	if err != nil {
		return 0, err
	}
	err = errors.Join(f.Write(out), out.Close(), os.Remove(out.Name()))
	return time.Since(start), err
}

// peakMemory is the largest resident set of a process so far, in MB.
func peakMemory(pid int) (float64, error) { return memory(pid, "VmHWM:") }

// memory reads one line of the system's count in MB.
func memory(pid int, line string) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for l := range bytes.Lines(status) {
		if rest, ok := strings.CutPrefix(string(l), line); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024, err
		}
	}
	return 0, fmt.Errorf("no %s", line)
}

// exportCells are the cells of one row as the product's export writes them: texts with
// the text format, times as times, nothing where nothing is.
func exportCells(n int, at time.Time, text, date int) []any {
	words := func(s string) any { return excelize.Cell{StyleID: text, Value: s} }
	moment := func() any { return excelize.Cell{StyleID: date, Value: at} }
	return []any{
		words("bench"), words("已领取"), words(fmt.Sprintf("%012d", n)), words("王小明"), words("京A12345"), words("轿车"), words(fmt.Sprintf("138%08d", n)), nil,
		words("微信用户"), words(fmt.Sprintf("oBench%022d", n%crowd)), words("poster"), moment(), moment(), nil, moment(), nil, words(fmt.Sprintf("s%011d", n)),
	}
}
