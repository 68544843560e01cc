package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/sheets"
	"kaquan/views/ui"
)

var errExportsOff = fault.New(fault.Unavailable, "imports.export.error.off")

// exporter makes files in the background, as many at once as there are slots, and can stop
// each of them.
type exporter struct {
	group sync.WaitGroup
	mu    sync.Mutex
	stops map[string]context.CancelFunc // by the id of the export
}

func (x *exporter) begin(id string, stop context.CancelFunc) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.stops == nil {
		x.stops = map[string]context.CancelFunc{}
	}
	x.stops[id] = stop
}

// stop ends what is made under the id and forgets it; again is safe.
func (x *exporter) stop(id string) {
	x.mu.Lock()
	stop := x.stops[id]
	delete(x.stops, id)
	x.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// exportWish is an export with what its row does not keep.
type exportWish struct {
	campaigns.Export
	search string
}

// startExport stores the export, has it recorded and begins to make it. Nothing is made that
// could not be recorded.
func (s *Server) startExport(ctx context.Context, w exportWish, record func(*campaigns.Export) error) error {
	if s.Exports == "" {
		return errExportsOff
	}
	w.Filter.Searched = w.search != ""
	var err error
	if w.Export, err = s.Campaigns.CreateExport(ctx, w.Export); err != nil {
		return err
	}
	return s.beginExport(ctx, w, record)
}

// beginExport is startExport for one that is stored.
func (s *Server) beginExport(ctx context.Context, w exportWish, record func(*campaigns.Export) error) error {
	if err := record(&w.Export); err != nil {
		_, e := s.Campaigns.CancelExport(context.WithoutCancel(ctx), w.ID)
		return errors.Join(err, e)
	}
	work, cancel := context.WithTimeout(i18n.With(s.Background, i18n.Lang(ctx)), time.Hour)
	s.exporter.begin(w.ID, cancel)
	s.exporter.group.Go(func() {
		defer s.exporter.stop(w.ID)
		s.runExport(work, &w)
	})
	return nil
}

// cancelExport ends an export that is on its way: its worker stops at the next row, and what
// it had written goes. The same again is safe.
func (s *Server) cancelExport(ctx context.Context, id string) error {
	e, err := s.Campaigns.CancelExport(ctx, id)
	if err != nil {
		return err
	}
	s.exporter.stop(id)
	return s.dropExport(&e) // also what a process that died had written
}

// dropExport removes the file of an export, whole or not; a repeat is safe.
func (s *Server) dropExport(e *campaigns.Export) (err error) {
	for _, name := range []string{s.exportFile(e), s.exportFile(e) + ".part"} {
		if e := os.Remove(name); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// runExport makes the file of an export and notes how it ended. A file that is not whole
// never has the name of one, and one whose export was cancelled meanwhile goes.
func (s *Server) runExport(ctx context.Context, w *exportWish) {
	e := &w.Export
	err := s.waitForSlot(ctx, e)
	if err == nil {
		defer func() { <-exportSlots }()
		s.Meter.Export(1)
		defer s.Meter.Export(-1)
		e.State, e.StartedAt = campaigns.ExportWorking, s.Now().UTC()
		if err = s.noteExport(ctx, e); err == nil {
			err = s.makeExport(ctx, w)
		}
	}
	e.DoneAt = s.Now().UTC()
	e.State, e.ExpiresAt = campaigns.ExportReady, e.DoneAt.Add(e.Life)
	if err != nil {
		e.State, e.ExpiresAt, e.Problem = campaigns.ExportFailed, time.Time{}, s.exportProblem(ctx, err)
		if ctx.Err() == nil && !errors.Is(err, campaigns.ErrExportOver) {
			s.Log.Error("export failed", "export", e.ID, "err", err)
		}
	}
	if err := s.noteExport(context.WithoutCancel(ctx), e); errors.Is(err, campaigns.ErrExportOver) {
		if err := s.dropExport(e); err != nil {
			s.Log.Error("drop export", "export", e.ID, "err", err)
		}
	}
}

// waitForSlot waits until few enough files are made.
func (s *Server) waitForSlot(ctx context.Context, e *campaigns.Export) error {
	alive := time.NewTicker(10 * time.Second)
	defer alive.Stop()
	for {
		select {
		case exportSlots <- struct{}{}:
			return nil
		case <-alive.C: // or a job that waits long is taken for dead
			if err := s.noteExport(ctx, e); errors.Is(err, campaigns.ErrExportOver) {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// exportProblem is why an export failed, as far as its owner can use it.
func (s *Server) exportProblem(ctx context.Context, err error) campaigns.ExportProblem {
	switch {
	case s.Background.Err() != nil:
		return campaigns.ExportStopped
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return campaigns.ExportSlow
	case errors.Is(err, syscall.ENOSPC):
		return campaigns.ExportDisk
	}
	return campaigns.ExportBroken
}

// noteExport notes how far an export is; ErrExportOver when it was ended meanwhile.
func (s *Server) noteExport(ctx context.Context, e *campaigns.Export) error {
	err := s.Campaigns.SaveExport(ctx, *e)
	if err != nil && ctx.Err() == nil && !errors.Is(err, campaigns.ErrExportOver) {
		s.Log.Error("note export", "export", e.ID, "err", err)
	}
	return err
}

// exportFile is where the file of an export is.
func (s *Server) exportFile(e *campaigns.Export) string {
	return filepath.Join(s.Exports, e.ID+"."+e.Format.Extension())
}

func (s *Server) makeExport(ctx context.Context, w *exportWish) error {
	e := &w.Export
	if err := os.MkdirAll(s.Exports, 0o700); err != nil {
		return err
	}
	name := s.exportFile(e)
	file, err := os.OpenFile(name+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(name + ".part") }()
	result, err := s.writeExport(ctx, file, w)
	if err == nil {
		e.Size, err = file.Seek(0, io.SeekEnd)
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	e.Rows, e.Total, e.SHA256 = int64(result.Rows), int64(result.Rows), result.SHA256
	return os.Rename(name+".part", name)
}

// writeExport writes what an export is about to out.
func (s *Server) writeExport(ctx context.Context, out io.Writer, w *exportWish) (sheets.Result, error) {
	e := &w.Export
	var hide *sheets.ClaimMask
	if e.Masked {
		hide = masks()
	}
	asCSV, plain := e.Format != campaigns.ExportXLSX, e.Format == campaigns.ExportPlainCSV
	switch e.Kind {
	case campaigns.ExportUsers:
		rows := s.Campaigns.EachVisitor(ctx, campaigns.VisitorFilter{Account: e.Account, Search: w.search})
		o := sheets.VisitorSheet{Hide: hide, Zone: campaigns.Shanghai(), Created: s.Now(), TempDir: s.Exports, CSV: asCSV, Plain: plain, Columns: e.Columns}
		return sheets.Visitors(ctx, out, passing(ctx, s, e, rows), o, nil)
	case campaigns.ExportCampaigns:
		page, err := s.Campaigns.Overview(ctx, campaigns.OverviewFilter{Account: e.Account})
		if err != nil {
			return sheets.Result{}, err
		}
		rows := page.Rows
		if e.Filter.Campaign != 0 {
			rows = nil
			for _, o := range page.Rows {
				if o.ID == e.Filter.Campaign {
					rows = append(rows, o)
				}
			}
		}
		return sheets.Campaigns(ctx, out, rows, sheets.CampaignSheet{Created: s.Now(), CSV: asCSV, Plain: plain, Columns: e.Columns})
	case campaigns.ExportClaims:
	}
	filter := campaigns.ClaimFilter{
		Account: e.Account, Campaign: e.Filter.Campaign, States: e.Filter.States, Channel: e.Filter.Channel, From: e.Filter.From, To: e.Filter.To, Blocked: e.Filter.Blocked, Search: w.search,
	}
	n, exact, err := s.Campaigns.CountClaims(ctx, filter, 5_000_000)
	if err != nil {
		return sheets.Result{}, err
	}
	if exact {
		e.Total = int64(n)
	}
	o := sheets.ClaimSheet{Hide: hide, Zone: campaigns.Shanghai(), Created: s.Now(), TempDir: s.Exports, CSV: asCSV, Plain: plain, Columns: e.Columns}
	if o.Campaigns, err = s.exported(ctx, e.Filter.Campaign); err != nil {
		return sheets.Result{}, err
	}
	return sheets.Claims(ctx, out, passing(ctx, s, e, s.Campaigns.EachClaim(ctx, filter)), o, nil)
}

// masks hide personal data as the pages do.
func masks() *sheets.ClaimMask {
	return &sheets.ClaimMask{Answer: ui.Mask, Nickname: ui.MaskText, OpenID: ui.ShortOpenID}
}

// exported are the campaigns whose claims may be in the file.
func (s *Server) exported(ctx context.Context, id campaigns.ID) ([]*campaigns.Campaign, error) {
	if id == 0 {
		return s.allCampaigns(ctx)
	}
	one, err := s.Campaigns.Campaign(ctx, id)
	return []*campaigns.Campaign{one}, err
}

// passing notes how far an export is while its rows pass, some times a second. It ends the
// rows of one that was cancelled by another process.
func passing[T any](ctx context.Context, s *Server, e *campaigns.Export, rows iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		last := time.Now()
		if err := s.noteExport(ctx, e); errors.Is(err, campaigns.ErrExportOver) { // with the total
			var none T
			yield(none, err)
			return
		}
		for row, err := range rows {
			if !yield(row, err) {
				return
			}
			e.Rows++
			if e.Rows%1000 == 0 && time.Since(last) > 500*time.Millisecond {
				if err := s.noteExport(ctx, e); errors.Is(err, campaigns.ErrExportOver) {
					yield(row, err)
					return
				}
				last = time.Now()
			}
		}
	}
}

// sendExport answers with the file of an export, once record has written down to whom.
func (s *Server) sendExport(c *fiber.Ctx, e *campaigns.Export, by string, record func() error) error {
	switch {
	case e.Open():
		return campaigns.ErrExportEarly
	case e.State != campaigns.ExportReady || !s.Now().Before(e.ExpiresAt):
		return campaigns.ErrExportGone
	}
	file, err := os.Open(s.exportFile(e))
	if errors.Is(err, fs.ErrNotExist) {
		return campaigns.ErrExportGone
	}
	if err != nil {
		return err
	}
	if err = record(); err == nil {
		err = s.Campaigns.CountExport(c.UserContext(), e.ID, by)
	}
	if err != nil {
		_ = file.Close()
		return err
	}
	words := i18n.T(c.UserContext(), "imports.export.kind."+string(e.Kind))
	stamp := e.CreatedAt.In(campaigns.Shanghai()).Format("20060102_1504")
	asSheet(c, fmt.Sprintf("%s.%s", e.Kind, e.Format.Extension()), words+"_"+stamp+"."+e.Format.Extension())
	if e.Format != campaigns.ExportXLSX {
		c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	}
	c.Context().SetBodyStream(file, int(e.Size)) // closes it
	return nil
}

// EndExports removes the files of exports that are over, and what a process left behind
// that died. A repeat is safe.
func (s *Server) EndExports(ctx context.Context) error {
	if s.Exports == "" {
		return nil
	}
	ended, err := s.Campaigns.EndExports(ctx)
	if err != nil {
		return err
	}
	for i := range ended {
		err = errors.Join(err, s.dropExport(&ended[i]))
	}
	// Files whose rows say nothing: of a database that was put back.
	entries, e := os.ReadDir(s.Exports)
	if errors.Is(e, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		info, e := entry.Info()
		if e == nil && !entry.IsDir() && strings.Contains(entry.Name(), ".") && time.Since(info.ModTime()) > 2*slices.Max(campaigns.ExportLives) {
			err = errors.Join(err, os.Remove(filepath.Join(s.Exports, entry.Name())))
		}
	}
	return errors.Join(err, e)
}
