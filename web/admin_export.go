package web

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/sheets"
	"kaquan/views/admin"
)

// exportLimit is how long making a file may take; a million rows take a fraction of it.
const exportLimit = 10 * time.Minute

// exportSlots bounds the files that are made at once: each one keeps a processor busy.
var exportSlots = make(chan struct{}, 2)

var errExportsBusy = fault.New(fault.RateLimited, "export.busy")

// handleExport makes an xlsx file of the filtered claims and sends it. The file is whole
// before its first byte goes out: a failure is a page that says so and never half a file,
// and the browser knows the size. Personal data is masked for those who may not see it.
func (s *Server) handleExport(c *fiber.Ctx, who *signedIn) error {
	if s.Exports != "" { // what takes longer is made in the background
		query := claimQuery(c)
		query.Before = 0
		_, exact, err := s.Campaigns.CountClaims(c.UserContext(), claimFilter(query), s.exportCeiling())
		if err != nil {
			return err
		}
		if !exact {
			path := query.URL(admin.ExportsPath)
			if strings.Contains(path, "?") {
				return seeOther(c, path+"&new=")
			}
			return seeOther(c, path+"?new=")
		}
	}
	select {
	case exportSlots <- struct{}{}:
		defer func() { <-exportSlots }()
	default:
		return errExportsBusy
	}
	s.Meter.Export(1)
	defer s.Meter.Export(-1)
	// The request's own deadline is for pages; the program's end stops an export as well.
	ctx, cancel := context.WithTimeout(i18n.With(s.Background, i18n.Lang(c.UserContext())), exportLimit)
	defer cancel()
	file, err := newTempFile()
	if err != nil {
		return err
	}
	size, err := s.export(ctx, c, who, file)
	if err != nil {
		_ = file.Close()
		return fmt.Errorf("export: %w", err)
	}
	name := i18n.T(ctx, "export.file", "stamp", s.Now().In(campaigns.Shanghai()).Format("20060102_1504"))
	asSheet(c, "claims.xlsx", name)
	c.Context().SetBodyStream(file, size) // closes it, also when the client hangs up
	return nil
}

// asSheet names the answer as a spreadsheet to be saved; plain is for old browsers.
func asSheet(c *fiber.Ctx, plain, name string) {
	c.Set(fiber.HeaderContentType, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+plain+`"; filename*=UTF-8''`+url.PathEscape(name))
	c.Set(fiber.HeaderCacheControl, "no-store")
}

// export fills the file and records who takes what before anything is handed out.
func (s *Server) export(ctx context.Context, c *fiber.Ctx, who *signedIn, file *tempFile) (size int, err error) {
	query := claimQuery(c)
	query.Before = 0
	o := sheets.ClaimSheet{Zone: campaigns.Shanghai(), Created: s.Now()}
	if o.Campaigns, err = s.exported(ctx, query.Campaign); err != nil {
		return 0, err
	}
	if !who.can(people.ClaimsReveal) {
		o.Hide = masks()
	}
	ip := s.clientIP(c)
	record := func(rows int) error {
		detail, campaign := exportDetail(query), ""
		detail["rows"], detail["masked"] = rows, o.Hide != nil
		if query.Campaign != 0 {
			campaign = query.Campaign.String()
		}
		return s.People.Record(ctx, who.Person, ip, "claims.export", "campaign", campaign, detail)
	}
	if _, err := sheets.Claims(ctx, file, s.Campaigns.EachClaim(ctx, claimFilter(query)), o, record); err != nil {
		return 0, err
	}
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	_, err = file.Seek(0, io.SeekStart)
	return int(end), err
}

// exported are the campaigns whose claims may be in the file.
func (s *Server) exported(ctx context.Context, id campaigns.ID) ([]*campaigns.Campaign, error) {
	if id == 0 {
		return s.allCampaigns(ctx)
	}
	one, err := s.Campaigns.Campaign(ctx, id)
	return []*campaigns.Campaign{one}, err
}

// exportDetail is the filter for the audit. What was searched for may be somebody's phone
// number, so only that there was a search is kept.
func exportDetail(q admin.ClaimQuery) map[string]any {
	detail := map[string]any{"search": q.Search != ""}
	for name, value := range map[string]string{"channel": q.Channel, "from": q.From, "to": q.To} {
		if value != "" {
			detail[name] = value
		}
	}
	if len(q.States) > 0 {
		detail["states"] = q.States
	}
	return detail
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
