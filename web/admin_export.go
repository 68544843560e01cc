package web

import (
	"context"
	"net/url"
	"os"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/fault"
	"kaquan/i18n"
)

// exportLimit is how long making a file may take; a million rows take a fraction of it.
const exportLimit = 10 * time.Minute

// exportSlots bounds the files that are made at once: each one keeps a processor busy.
var exportSlots = make(chan struct{}, 2)

var errExportsBusy = fault.New(fault.RateLimited, "export.busy")

// asSheet names the answer as a spreadsheet to be saved; plain is for old browsers.
func asSheet(c *fiber.Ctx, plain, name string) {
	c.Set(fiber.HeaderContentType, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+plain+`"; filename*=UTF-8''`+url.PathEscape(name))
	c.Set(fiber.HeaderCacheControl, "no-store")
}

// tempFile is a file that is gone when it is closed; where the system allows, its name is
// gone at once, so that even a crash leaves nothing behind.
type tempFile struct{ *os.File }

// openFile is the start of a file that is made while its reader waits: one of the slots,
// counted, with a limit of its own, and the place that the file is written to. closeFile gives
// the slot back. errExportsBusy when there is none.
func (s *Server) openFile(c *fiber.Ctx) (ctx context.Context, file *tempFile, closeFile func(), err error) {
	select {
	case exportSlots <- struct{}{}:
	default:
		return nil, nil, nil, errExportsBusy
	}
	s.Meter.Export(1)
	ctx, cancel := context.WithTimeout(i18n.With(s.Background, i18n.Lang(c.UserContext())), exportLimit)
	closeFile = func() {
		cancel()
		s.Meter.Export(-1)
		<-exportSlots
	}
	if file, err = newTempFile(); err != nil {
		closeFile()
		return nil, nil, nil, err
	}
	return ctx, file, closeFile, nil
}

func newTempFile() (*tempFile, error) {
	f, err := os.CreateTemp("", "kaquan-export-*.xlsx")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name())
	return &tempFile{f}, nil
}

func (f *tempFile) Close() error {
	err := f.File.Close()
	_ = os.Remove(f.Name())
	return err
}
