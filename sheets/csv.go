package sheets

import (
	"bufio"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"
)

// Table is a file that is written row by row, whatever its format. Discard is safe after
// Close; a Table is for one goroutine.
type Table interface {
	Write(cells []Cell) error
	Close() (Result, error)
	Discard()
}

// NewTable makes an xlsx file, or a CSV file for Excel, to w.
func NewTable(w io.Writer, asCSV bool, o Options) Table {
	if asCSV {
		return NewCSV(w, o)
	}
	return NewWriter(w, o)
}

// CSV writes a CSV file as Excel reads one: UTF-8 with its mark, lines that end in CR LF,
// and nothing that it would run as a formula. A plain one is for programs, which take every
// text as it is: no mark, nothing in front of a text. Unlike an xlsx file, what reached w
// before a failure is a part of the file.
type CSV struct {
	plain   bool
	zone    *time.Location
	sum     hash.Hash
	out     *bufio.Writer
	rows    *csv.Writer
	texts   []string
	columns int
	result  Result
	failure error
}

// NewCSV makes a CSV file to w; of the options only the columns, the zone and plain count.
func NewCSV(w io.Writer, o Options) *CSV {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	x := &CSV{plain: o.Plain, zone: o.Zone, sum: sha256.New(), columns: len(o.Columns), result: Result{Sheets: 1}}
	x.out = bufio.NewWriterSize(io.MultiWriter(w, x.sum), 64<<10)
	if !x.plain {
		_, x.failure = x.out.WriteString("\ufeff")
	}
	x.rows = csv.NewWriter(x.out)
	x.rows.UseCRLF = true
	for _, c := range o.Columns {
		x.texts = append(x.texts, x.text(c.Header))
	}
	if x.failure == nil {
		x.failure = x.rows.Write(x.texts)
	}
	return x
}

// Write implements Table.
func (x *CSV) Write(cells []Cell) error {
	if x.failure == nil && len(cells) > x.columns {
		x.failure = fmt.Errorf("csv row %d: %d cells for %d columns", x.result.Rows+1, len(cells), x.columns)
	}
	if x.failure != nil {
		return x.failure
	}
	x.texts = x.texts[:0]
	for i := range x.columns {
		text := ""
		if i < len(cells) {
			text = x.cell(&cells[i])
		}
		x.texts = append(x.texts, text)
	}
	if x.failure = x.rows.Write(x.texts); x.failure == nil {
		x.result.Rows++
	}
	return x.failure
}

// Close implements Table.
func (x *CSV) Close() (Result, error) {
	x.rows.Flush()
	if x.failure == nil {
		x.failure = x.rows.Error()
	}
	if x.failure == nil {
		x.failure = x.out.Flush()
	}
	if x.failure != nil {
		return Result{}, fmt.Errorf("write csv: %w", x.failure)
	}
	x.failure = ErrClosed
	x.result.SHA256 = hex.EncodeToString(x.sum.Sum(nil))
	return x.result, nil
}

// Discard implements Table; there is nothing to free.
func (x *CSV) Discard() {
	if x.failure == nil {
		x.failure = ErrClosed
	}
}

// cell is a cell as text.
func (x *CSV) cell(c *Cell) string {
	switch c.kind {
	case Number:
		return decimal(c.number, 0)
	case Money:
		sign, n := "", c.number
		if n < 0 {
			sign, n = "-", -n
		}
		return fmt.Sprintf("%s%d.%02d", sign, n/100, n%100)
	case Time:
		return time.Unix(c.number, 0).In(x.zone).Format(time.DateTime)
	case Text:
		return x.text(clean(c.text))
	}
	return ""
}

func (x *CSV) text(text string) string {
	if x.plain {
		return text
	}
	return harmless(text)
}

// harmless keeps a spreadsheet from running a text as a formula.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
