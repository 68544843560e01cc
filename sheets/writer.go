package sheets

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
)

// Column is one column of the table.
type Column struct {
	Header string
	Kind   Kind    // the format of cells that stay empty, and the usual width
	Width  float64 // in characters; 0 = by Kind
}

// Options describe the file.
type Options struct {
	Sheet   string         // name of the first sheet, cleaned and cut as Excel needs it
	Columns []Column       // at least one
	Zone    *time.Location // in which times are shown; nil = UTC
	Title   string         // document property
	Created time.Time      // document property; zero = left out
	TempDir string         // where rows wait until Close, about 1 KB each; "" = the system's
	MaxRows int            // rows of one sheet with its header; 0 = Excel's 1,048,576
	Plain   bool           // of CSV: for programs, not for Excel
}

// Result says what Close has written.
type Result struct {
	Rows   int    // without headers
	Sheets int    // at least one
	SHA256 string // of the file, hexadecimal
}

// maxSheetBytes bounds the XML of one sheet: beyond 4 GiB a zip entry needs a form that Excel
// is picky about, so a new sheet starts before.
const maxSheetBytes = 4<<30 - 64<<20

// ErrClosed is the answer of a Writer that was closed or discarded.
var ErrClosed = errors.New("sheets: writer is closed")

// Writer writes one xlsx file. Rows wait in a temporary file; Close compresses them straight
// into the destination, so memory does not grow with the rows. A Writer is for one goroutine.
type Writer struct {
	o       Options
	out     *bufio.Writer
	sum     hash.Hash
	dir     string
	file    *excelize.File
	stream  *excelize.StreamWriter
	styles  [kinds]int
	header  []any
	cells   []excelize.Cell // the row that Write fills, again and again
	row     []any           // pointers to cells, or nil where a cell is empty
	name    string          // of the current sheet
	line    int             // last row written to the current sheet
	bytes   int64           // of the current sheet, at most
	perRow  int64           // bytes of a row besides its texts, at most
	result  Result
	failure error
}

// NewWriter makes a writer to w. Nothing is written to w before Close. Call Close for the
// file, and Discard in any case (it is safe after Close).
func NewWriter(w io.Writer, o Options) *Writer {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.MaxRows <= 1 || o.MaxRows > excelize.TotalRows {
		o.MaxRows = excelize.TotalRows
	}
	x := &Writer{o: o, sum: sha256.New(), name: sheetName(o.Sheet, 1)}
	x.out = bufio.NewWriterSize(io.MultiWriter(w, x.sum), 64<<10)
	if x.failure = x.open(); x.failure != nil {
		x.failure = fmt.Errorf("xlsx: %w", x.failure)
	}
	return x
}

func (x *Writer) open() error {
	if n := len(x.o.Columns); n < 1 || n > excelize.MaxColumns {
		return fmt.Errorf("%d columns", n)
	}
	// excelize keeps everything in memory, without a word, when it cannot make its temporary
	// file; a folder of our own fails loudly and is removed whole.
	var err error
	if x.dir, err = os.MkdirTemp(x.o.TempDir, "kaquan-xlsx-"); err != nil {
		return err
	}
	x.file = excelize.NewFile(excelize.Options{TmpDir: x.dir})
	x.file.SetZipWriter(x.zipWriter)
	for kind, format := range formats {
		if x.styles[kind], err = x.file.NewStyle(&excelize.Style{CustomNumFmt: &format}); err != nil {
			return err
		}
	}
	bold, err := x.file.NewStyle(&excelize.Style{
		Font:      &excelize.Font{Bold: true},
		Fill:      excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"F0F2F5"}},
		Alignment: &excelize.Alignment{Vertical: "center"},
	})
	if err != nil {
		return err
	}
	for _, c := range x.o.Columns {
		x.header = append(x.header, excelize.Cell{StyleID: bold, Value: clean(c.Header)})
		if c.Kind >= kinds {
			return fmt.Errorf("column %q has no kind", c.Header)
		}
	}
	x.cells = make([]excelize.Cell, len(x.o.Columns))
	x.row = make([]any, len(x.o.Columns))
	x.perRow = int64(64 + 80*len(x.o.Columns))
	if err := x.describe(); err != nil {
		return err
	}
	if err := x.file.SetSheetName(x.file.GetSheetName(0), x.name); err != nil {
		return err
	}
	return x.beginSheet()
}

// describe sets the document's properties.
func (x *Writer) describe() error {
	p := &excelize.DocProperties{Title: clean(x.o.Title), Creator: "Kaquan"}
	if !x.o.Created.IsZero() {
		p.Created = x.o.Created.UTC().Format(time.RFC3339)
		p.Modified = p.Created
	}
	return x.file.SetDocProps(p)
}

// zipWriter is where excelize writes the finished file. It offers a buffer for the whole of
// it; ours goes to the destination instead, with the quick compression: the file grows by a
// fifth, the time halves.
func (x *Writer) zipWriter(io.Writer) excelize.ZipWriter {
	z := zip.NewWriter(x.out)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestSpeed)
	})
	return z
}

// beginSheet starts the stream of the sheet x.name with its header.
func (x *Writer) beginSheet() error {
	var err error
	if x.stream, err = x.file.NewStreamWriter(x.name); err != nil {
		return err
	}
	// excelize puts each column before those it has; Excel wants them in ascending order.
	for i := len(x.o.Columns) - 1; i >= 0; i-- {
		c := x.o.Columns[i]
		width := c.Width
		if width <= 0 {
			width = widths[c.Kind]
		}
		if err := x.stream.SetColWidth(i+1, i+1, min(width, excelize.MaxColumnWidth)); err != nil {
			return err
		}
		if err := x.stream.SetColStyle(i+1, i+1, x.styles[c.Kind]); err != nil {
			return err
		}
	}
	err = x.stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})
	if err != nil {
		return err
	}
	x.line, x.bytes = 1, 64<<10
	x.result.Sheets++
	return x.stream.SetRow("A1", x.header, excelize.RowOpts{Height: 20})
}

// endSheet ends the current stream; only now is it known how far the filter reaches.
func (x *Writer) endSheet() error {
	corner, err := excelize.CoordinatesToCellName(len(x.o.Columns), x.line)
	if err != nil {
		return err
	}
	if err := x.file.AutoFilter(x.name, "A1:"+corner, nil); err != nil {
		return err
	}
	return x.stream.Flush()
}

func (x *Writer) nextSheet() error {
	if err := x.endSheet(); err != nil {
		return err
	}
	x.name = sheetName(x.o.Sheet, x.result.Sheets+1)
	if _, err := x.file.NewSheet(x.name); err != nil {
		return err
	}
	return x.beginSheet()
}

// Write appends a row; missing cells stay empty, and the caller may use the slice again. An
// error is final: every later call returns it.
func (x *Writer) Write(cells []Cell) error {
	if x.failure != nil {
		return x.failure
	}
	if err := x.write(cells); err != nil {
		x.failure = fmt.Errorf("xlsx row %d: %w", x.result.Rows+1, err)
	}
	return x.failure
}

func (x *Writer) write(cells []Cell) error {
	if len(cells) > len(x.row) {
		return fmt.Errorf("%d cells for %d columns", len(cells), len(x.row))
	}
	clear(x.row)
	size := x.perRow
	for i := range cells {
		value, kind := cells[i].value(x.o.Zone)
		if value == nil {
			continue
		}
		if text, ok := value.(string); ok {
			size += escapedSize(text)
		}
		x.cells[i] = excelize.Cell{StyleID: x.styles[kind], Value: value}
		x.row[i] = &x.cells[i]
	}
	if x.line >= x.o.MaxRows || x.bytes+size > maxSheetBytes {
		if err := x.nextSheet(); err != nil {
			return err
		}
	}
	x.line++
	x.bytes += size
	x.result.Rows++
	return x.stream.SetRow("A"+strconv.Itoa(x.line), x.row)
}

// Close writes the file and returns what is in it. When it fails, what reached the
// destination is no file.
func (x *Writer) Close() (Result, error) {
	defer x.Discard()
	if x.failure != nil {
		return Result{}, x.failure
	}
	err := x.endSheet()
	if err == nil {
		err = x.file.Write(nil) // zipWriter knows where to
	}
	if err == nil {
		err = x.out.Flush()
	}
	if err != nil {
		return Result{}, fmt.Errorf("write xlsx: %w", err)
	}
	x.result.SHA256 = hex.EncodeToString(x.sum.Sum(nil))
	return x.result, nil
}

// Discard frees what the writer holds, without a file unless Close has written it. A repeat
// is safe.
func (x *Writer) Discard() {
	if x.failure == nil {
		x.failure = ErrClosed
	}
	if x.file != nil {
		_ = x.file.Close() // its temporary files are gone with the folder in any case
		x.file, x.stream = nil, nil
	}
	if x.dir != "" {
		_ = os.RemoveAll(x.dir)
		x.dir = ""
	}
}

// escapedSize is at most how many bytes the text has in XML: entities take up to five, and
// "_x" may be the start of an escape of seven more.
func escapedSize(s string) int64 {
	n := len(s)
	for i := range len(s) {
		switch s[i] {
		case '&', '<', '>', '"', '\'', '\t':
			n += 4
		case '_':
			n += 7
		}
	}
	return int64(n)
}

// sheetName is base as Excel allows it for the n-th sheet: at most 31 characters, none of
// []:*?/\ and no apostrophe, never empty.
func sheetName(base string, n int) string {
	base = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`[]:*?/\'`, r) {
			return -1
		}
		return r
	}, clean(base)))
	if base == "" {
		base = "Sheet"
	}
	suffix := ""
	if n > 1 {
		suffix = " (" + strconv.Itoa(n) + ")"
	}
	var b strings.Builder
	units := len(suffix)
	for _, r := range base {
		if units += utf16.RuneLen(r); units > excelize.MaxSheetNameLength {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String()) + suffix
}
