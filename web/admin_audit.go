package web

import (
	"context"
	"io"
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

const (
	auditPage = 50
	// maxAuditRows is how many lines one file holds.
	maxAuditRows = 100_000
)

// errAuditLong refuses a file of too many lines.
var errAuditLong = fault.New(fault.Invalid, "audit.error.long", "max", maxAuditRows)

// handleAudit lists who did what, newest first.
func (s *Server) handleAudit(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	query := auditQuery(c)
	f := auditFilter(query)
	f.Limit = auditPage + 1
	list, err := s.People.ListAudit(ctx, f)
	if err != nil {
		return err
	}
	m := &admin.Audit{Query: query, Zone: campaigns.Shanghai()}
	if len(list) > auditPage {
		list = list[:auditPage]
		m.Next = list[auditPage-1].ID
	}
	if m.Rows, err = s.auditRows(ctx, list); err != nil {
		return err
	}
	if isFragment(c) {
		c.Set("HX-Push-Url", query.URL())
		return render(c, fiber.StatusOK, admin.AuditTable(m))
	}
	team, err := s.People.List(ctx)
	if err != nil {
		return err
	}
	for _, p := range team {
		m.Names = append(m.Names, p.Name)
	}
	m.Page = s.page(c, who, "audit", "audit.title")
	return render(c, fiber.StatusOK, admin.AuditPage(m))
}

// auditRows are lines with the names of what they are about where those are at hand.
func (s *Server) auditRows(ctx context.Context, list []people.AuditEntry) ([]admin.AuditRow, error) {
	rows := make([]admin.AuditRow, len(list))
	var changes []campaigns.Change
	for i, e := range list {
		r := &rows[i]
		r.AuditEntry = e
		if id := campaigns.ParseID[campaigns.ID](e.ObjectID); e.ObjectKind == "campaign" && id != 0 {
			if c, err := s.Campaigns.Campaign(ctx, id); err == nil { // a draft may be deleted since
				r.Name = c.Name
			}
		}
		if r.OfCampaign() {
			changes = append(changes, r.Changes()...)
		}
	}
	names, err := s.namesOf(ctx, changes...)
	for i := range rows {
		rows[i].Names = names
	}
	return rows, err
}

// auditQuery reads the filter of an address; what makes no sense is left out.
func auditQuery(c *fiber.Ctx) admin.AuditQuery {
	q := admin.AuditQuery{
		Person: oneLine(c.Query("person"), 64), Object: oneLine(c.Query("object"), 120),
		From: day(c.Query("from")), To: day(c.Query("to")), Before: oneLine(c.Query("before"), 64),
	}
	if group := c.Query("group"); len(admin.GroupWords(group)) > 0 {
		q.Group = group
	}
	return q
}

func auditFilter(q admin.AuditQuery) people.AuditFilter {
	f := people.AuditFilter{Person: q.Person, Actions: admin.GroupWords(q.Group), Before: q.Before, ObjectID: q.Object}
	if kind, id, ok := strings.Cut(q.Object, ":"); ok {
		f.ObjectKind, f.ObjectID = kind, id
	}
	if q.From != "" {
		f.From = startOfDay(q.From, 0)
	}
	if q.To != "" {
		f.To = startOfDay(q.To, 1)
	}
	return f
}

// handleAuditExport is the filtered audit as a CSV file, all of its pages.
func (s *Server) handleAuditExport(c *fiber.Ctx, who *signedIn) error {
	ctx, file, closeFile, err := s.openFile(c)
	if err != nil {
		return err
	}
	defer closeFile()
	query := auditQuery(c)
	query.Before = ""
	rows, err := s.auditFile(ctx, file, auditFilter(query))
	if err == nil {
		err = s.People.Record(ctx, who.Person, s.clientIP(c), "audit.export", "export", "", map[string]any{"rows": rows})
	}
	var end int64
	if err == nil {
		end, err = file.Seek(0, io.SeekEnd)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = file.Close()
		return err
	}
	asSheet(c, "audit.csv", i18n.T(ctx, "audit.title")+"_"+s.Now().In(campaigns.Shanghai()).Format("20060102_1504")+".csv")
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	c.Context().SetBodyStream(file, int(end)) // closes it, also when the client hangs up
	return nil
}

// auditFile writes the lines that the filter finds.
func (s *Server) auditFile(ctx context.Context, w io.Writer, f people.AuditFilter) (rows int, err error) {
	o := sheets.Options{Zone: campaigns.Shanghai()}
	for _, name := range []string{"time", "who", "action", "name", "object", "detail", "ip"} {
		o.Columns = append(o.Columns, sheets.Column{Header: i18n.T(ctx, "audit.column."+name)})
	}
	table := sheets.NewTable(w, true, o)
	defer table.Discard()
	for f.Limit = 500; ; {
		list, err := s.People.ListAudit(ctx, f)
		if err != nil {
			return rows, err
		}
		if rows += len(list); rows > maxAuditRows {
			return rows, errAuditLong
		}
		lines, err := s.auditRows(ctx, list)
		if err != nil {
			return rows, err
		}
		for i := range lines {
			r := &lines[i]
			err := table.Write([]sheets.Cell{
				sheets.At(r.At.Truncate(time.Second)), sheets.String(r.ActorWords(ctx)), sheets.String(admin.ActionWords(ctx, r.Action)), sheets.String(r.Action),
				sheets.String(r.ObjectWords(ctx)), sheets.String(r.DetailWords(ctx)), sheets.String(r.IP),
			})
			if err != nil {
				return rows, err
			}
		}
		if len(list) < f.Limit {
			_, err := table.Close()
			return rows, err
		}
		f.Before = list[len(list)-1].ID
	}
}
