package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/sheets"
	"kaquan/views/ui"
)

// exportCeiling is the number of rows up to which a file is made while its reader waits.
const exportCeiling = 50_000

func (s *Server) exportCeiling() int { return cmp.Or(s.ExportCeiling, exportCeiling) }

var errExportsOff = fault.New(fault.Unavailable, "imports.export.error.off")

// exporter makes files in the background, as many at once as there are slots.
type exporter struct{ group sync.WaitGroup }

// exportWish is an export with what its row does not keep.
type exportWish struct {
	campaigns.Export
	search string
}

// startExport stores the export and begins to make it.
func (s *Server) startExport(ctx context.Context, w exportWish) (campaigns.Export, error) {
	if s.Exports == "" {
		return w.Export, errExportsOff
	}
	w.Filter.Searched = w.search != ""
	e, err := s.Campaigns.CreateExport(ctx, w.Export)
	if err != nil {
		return e, err
	}
	w.Export = e
	lang := i18n.Lang(ctx)
	s.exporter.group.Go(func() {
		ctx, cancel := context.WithTimeout(i18n.With(s.Background, lang), time.Hour)
		defer cancel()
		s.runExport(ctx, &w)
	})
	return e, nil
}

// runExport makes the file of an export and notes how it ended. A file that is not whole
// never has the name of one.
func (s *Server) runExport(ctx context.Context, w *exportWish) {
	e := &w.Export
	alive := time.NewTicker(10 * time.Second)
	defer alive.Stop()
	for taken := false; !taken; {
		select {
		case exportSlots <- struct{}{}:
			taken = true
		case <-alive.C: // or a job that waits long is taken for dead
			s.noteExport(ctx, e)
		case <-ctx.Done():
			e.State, e.DoneAt = campaigns.ExportFailed, s.Now().UTC()
			s.noteExport(context.WithoutCancel(ctx), e)
			return
		}
	}
	defer func() { <-exportSlots }()
	s.Meter.Export(1)
	defer s.Meter.Export(-1)
	e.State = campaigns.ExportWorking
	err := s.makeExport(ctx, w)
	e.DoneAt = s.Now().UTC()
	e.State, e.ExpiresAt = campaigns.ExportReady, e.DoneAt.Add(campaigns.ExportLife)
	if err != nil {
		e.State, e.ExpiresAt = campaigns.ExportFailed, time.Time{}
		if ctx.Err() == nil {
			s.Log.Error("export failed", "export", e.ID, "err", err)
		}
	}
	s.noteExport(context.WithoutCancel(ctx), e)
}

func (s *Server) noteExport(ctx context.Context, e *campaigns.Export) {
	if err := s.Campaigns.SaveExport(ctx, *e); err != nil && ctx.Err() == nil {
		s.Log.Error("note export", "export", e.ID, "err", err)
	}
}

// exportFile is where the file of an export is.
func (s *Server) exportFile(e *campaigns.Export) string {
	return filepath.Join(s.Exports, e.ID+"."+string(e.Format))
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
	asCSV := e.Format == campaigns.ExportCSV
	switch e.Kind {
	case campaigns.ExportUsers:
		rows := s.Campaigns.EachVisitor(ctx, campaigns.VisitorFilter{Account: e.Account, Search: w.search})
		o := sheets.VisitorSheet{Hide: hide, Zone: campaigns.Shanghai(), Created: s.Now(), TempDir: s.Exports, CSV: asCSV}
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
		return sheets.Campaigns(ctx, out, rows, asCSV, s.Now())
	case campaigns.ExportClaims:
	}
	filter := campaigns.ClaimFilter{
		Account: e.Account, Campaign: e.Filter.Campaign, States: e.Filter.States, Channel: e.Filter.Channel, From: e.Filter.From, To: e.Filter.To, Search: w.search,
	}
	n, exact, err := s.Campaigns.CountClaims(ctx, filter, 5_000_000)
	if err != nil {
		return sheets.Result{}, err
	}
	if exact {
		e.Total = int64(n)
	}
	o := sheets.ClaimSheet{Hide: hide, Zone: campaigns.Shanghai(), Created: s.Now(), TempDir: s.Exports, CSV: asCSV}
	if o.Campaigns, err = s.exported(ctx, e.Filter.Campaign); err != nil {
		return sheets.Result{}, err
	}
	return sheets.Claims(ctx, out, passing(ctx, s, e, s.Campaigns.EachClaim(ctx, filter)), o, nil)
}

// masks hide personal data as the pages do.
func masks() *sheets.ClaimMask {
	return &sheets.ClaimMask{Answer: ui.Mask, Nickname: ui.MaskText, OpenID: ui.ShortOpenID}
}

// passing notes how far an export is while its rows pass, some times a second.
func passing[T any](ctx context.Context, s *Server, e *campaigns.Export, rows iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		s.noteExport(ctx, e)
		last := time.Now()
		for row, err := range rows {
			if !yield(row, err) {
				return
			}
			e.Rows++
			if e.Rows%1000 == 0 && time.Since(last) > 500*time.Millisecond {
				s.noteExport(ctx, e)
				last = time.Now()
			}
		}
	}
}

// sendExport answers with the file of an export.
func (s *Server) sendExport(c *fiber.Ctx, e *campaigns.Export) error {
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
	if err := s.Campaigns.CountExport(c.UserContext(), e.ID); err != nil {
		_ = file.Close()
		return err
	}
	words := i18n.T(c.UserContext(), "imports.export.kind."+string(e.Kind))
	stamp := e.CreatedAt.In(campaigns.Shanghai()).Format("20060102_1504")
	asSheet(c, fmt.Sprintf("%s.%s", e.Kind, e.Format), words+"_"+stamp+"."+string(e.Format))
	if e.Format == campaigns.ExportCSV {
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
		for _, name := range []string{s.exportFile(&ended[i]), s.exportFile(&ended[i]) + ".part"} {
			if e := os.Remove(name); e != nil && !errors.Is(e, fs.ErrNotExist) {
				err = errors.Join(err, e)
			}
		}
	}
	// Files whose rows say nothing: of a database that was put back.
	entries, e := os.ReadDir(s.Exports)
	if errors.Is(e, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		info, e := entry.Info()
		if e == nil && !entry.IsDir() && strings.Contains(entry.Name(), ".") && time.Since(info.ModTime()) > 2*campaigns.ExportLife {
			err = errors.Join(err, os.Remove(filepath.Join(s.Exports, entry.Name())))
		}
	}
	return errors.Join(err, e)
}
