package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/sheets"
	"kaquan/stores"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// importHomes are the pages that the imports belong to.
var importHomes = map[string]string{"goods": admin.GoodsPath, "staff": admin.StaffPath, "stock": admin.MovementsPath}

// importTitles name the pages.
var importTitles = map[string]string{"goods": "stores.import.goods", "staff": "stores.import.staff", "stock": "stores.import.stock"}

// importing is the empty page of an import.
func (s *Server) importing(what string) adminHandler {
	return func(c *fiber.Ctx, who *signedIn) error {
		return s.showImport(c, who, fiber.StatusOK, ui.Errors{}, &admin.StoreImport{What: what})
	}
}

func (s *Server) showImport(c *fiber.Ctx, who *signedIn, status int, errs ui.Errors, m *admin.StoreImport) (err error) {
	if m.Shop, err = s.shop(c, who, importTitles[m.What], errs); err != nil {
		return err
	}
	m.Back = importHomes[m.What]
	if m.Key == "" {
		m.Key = randomText(16)
	}
	return render(c, status, admin.StoreImportPage(m))
}

const importColumns = 12

// uploadedRows are the rows of the uploaded file, else of the pasted text; one more than the
// limit, since a header is none of them.
func uploadedRows(c *fiber.Ctx, limit int) ([][]string, error) {
	if upload, err := c.FormFile("file"); err == nil && upload.Filename != "" {
		file, err := upload.Open()
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		content, err := io.ReadAll(file) // the server's body limit bounds it
		if err != nil {
			return nil, err
		}
		return sheets.Read(content, limit+1, importColumns)
	}
	text := strings.ReplaceAll(strings.ToValidUTF8(c.FormValue("rows"), ""), "\r\n", "\n")
	rows, err := sheets.ReadText(text, limit+1, importColumns)
	if all := fault.All(err); len(all) > 0 {
		return nil, all[0].On("rows")
	}
	if err == nil && len(rows) == 0 {
		err = fault.New(fault.Invalid, "stores.import.no_rows").On("rows")
	}
	return rows, err
}

// importRun is what one kind of import does with its rows.
type importRun struct {
	limit int
	// run checks, or with dry off stores; count is of the rows, words say what it did or would do.
	run func(ctx context.Context, by stores.Actor, account stores.AccountID, key string, rows [][]string, dry bool) (count int, words string, made []stores.NewStaff, err error)
}

func (s *Server) importOf(what string) importRun {
	switch what {
	case "goods":
		return importRun{stores.MaxGoodsRows, func(ctx context.Context, by stores.Actor, account stores.AccountID, _ string, rows [][]string, dry bool) (int, string, []stores.NewStaff, error) {
			drafts := sheets.GoodsDrafts(rows)
			r, err := s.Stores.ImportGoods(ctx, by, account, drafts, dry)
			key := "stores.done.import_goods"
			if dry {
				key = "stores.import.ready_goods"
			}
			return len(drafts), i18n.T(ctx, key, "added", r.Added, "changed", r.Changed, "same", r.Same), nil, err
		}}
	case "staff":
		return importRun{stores.MaxStaffRows, func(ctx context.Context, by stores.Actor, account stores.AccountID, _ string, rows [][]string, dry bool) (int, string, []stores.NewStaff, error) {
			made, err := s.Stores.ImportStaff(ctx, by, account, sheets.StaffDrafts(rows), dry)
			return len(made), i18n.T(ctx, "stores.import.ready_staff", "count", len(made)), made, err
		}}
	}
	return importRun{stores.MaxStockRows, func(ctx context.Context, by stores.Actor, account stores.AccountID, key string, rows [][]string, dry bool) (int, string, []stores.NewStaff, error) {
		n, err := s.Stores.ImportStock(ctx, by, account, "import/"+key, sheets.StockDrafts(rows), dry)
		words := "stores.done.import_stock"
		if dry {
			words = "stores.import.ready_stock"
		}
		return n, i18n.T(ctx, words, "count", n), nil, err
	}}
}

// handleImport checks a table (op check), stores it (save), or gives it back as a file with what
// is wrong in each row (wrong). The checked table travels in the page, so that what is stored is
// what was checked.
func (s *Server) handleImport(what string) adminHandler {
	kind := s.importOf(what)
	return func(c *fiber.Ctx, who *signedIn) error {
		account, err := s.shopAccount(c)
		if err != nil {
			return err
		}
		op := c.FormValue("op")
		m := &admin.StoreImport{What: what, Key: oneLine(c.FormValue("key"), 40)}
		rows, err := uploadedRows(c, kind.limit)
		if err == nil {
			m.Rows = rowsInPlace(rows)
			if op == "save" && m.Key == "" {
				op = "check"
			}
			var made []stores.NewStaff
			m.Count, m.Ready, made, err = kind.run(c.UserContext(), who.keeper(c), account, m.Key, rows, op != "save")
			if err == nil && m.Count == 0 {
				err = fault.New(fault.Invalid, "stores.import.no_rows").On("rows")
			}
			if err == nil && op == "save" {
				if what == "staff" {
					return s.sendPINs(c, made)
				}
				s.flashText(c, "success", m.Ready)
				return seeOther(c, s.atAccount(c, importHomes[what]))
			}
		}
		switch wrong := stores.RowErrors(nil); {
		case err == nil:
			return s.showImport(c, who, fiber.StatusOK, ui.Errors{}, m)
		case errors.As(err, &wrong) && op == "wrong":
			return s.sendWrong(c, rows, wrong)
		case errors.As(err, &wrong):
			m.Wrong = wrong
			return s.showImport(c, who, fiber.StatusUnprocessableEntity, ui.Errors{}, m)
		}
		return again(c, err, func(status int, errs ui.Errors) error { return s.showImport(c, who, status, errs, m) })
	}
}

// rowsInPlace is a table as text with tabs; its rows keep their numbers.
func rowsInPlace(rows [][]string) string {
	var b strings.Builder
	for _, cells := range rows {
		for i, cell := range cells {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(strings.ReplaceAll(strings.Join(strings.Fields(cell), " "), `"`, "'"))
		}
		if len(cells) == 1 {
			b.WriteByte('\t') // so that tabs are what separates
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (s *Server) sheetOf(c *fiber.Ctx, what string) sheets.StoreSheet {
	ctx := c.UserContext()
	asSheet(c, what+".xlsx", i18n.T(ctx, "stores.file."+what, "stamp", s.Now().In(campaigns.Shanghai()).Format("20060102_1504")))
	return sheets.StoreSheet{Title: i18n.T(ctx, storeTitles[what]), Zone: campaigns.Shanghai(), Created: s.Now()}
}

// sendWrong gives the table back with what is wrong in each row.
func (s *Server) sendWrong(c *fiber.Ctx, rows [][]string, wrong stores.RowErrors) error {
	ctx := c.UserContext()
	words := map[int][]string{}
	for _, e := range wrong {
		words[e.Row] = append(words[e.Row], admin.StoreRowSentence(ctx, e))
	}
	var file bytes.Buffer
	o := s.sheetOf(c, "wrong")
	if _, err := sheets.WrongRows(ctx, &file, o, rows, func(row int) string { return strings.Join(words[row], "; ") }); err != nil {
		return err
	}
	return c.Send(file.Bytes())
}

// sendPINs hands out the PINs of an import; they are nowhere else.
func (s *Server) sendPINs(c *fiber.Ctx, made []stores.NewStaff) error {
	var file bytes.Buffer
	o := s.sheetOf(c, "pins")
	if _, err := sheets.NewStaff(c.UserContext(), &file, o, made); err != nil {
		return err
	}
	return c.Send(file.Bytes())
}
