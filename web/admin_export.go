package web

import (
	"net/url"
	"os"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/fault"
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
