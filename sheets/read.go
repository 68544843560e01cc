package sheets

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"kaquan/fault"
)

// Errors of a table that somebody uploads, on the field "file".
var (
	ErrNoTable   = fault.New(fault.Invalid, "sheets.error.no_table").On("file")
	ErrTableText = fault.New(fault.Invalid, "sheets.error.text").On("file")
	ErrTableHuge = fault.New(fault.Invalid, "sheets.error.huge").On("file")
)

const (
	// maxUnzipped bounds what a workbook may grow to, so that a small file cannot fill the
	// memory.
	maxUnzipped = 64 << 20
	// maxReadCell bounds a cell in bytes; what is longer is no name of anything.
	maxReadCell = 4 << 10
)

// TooManyRows is the refusal of a table with more than limit rows.
func TooManyRows(limit int) *fault.Error {
	return fault.New(fault.Invalid, "sheets.error.rows", "max", limit).On("file")
}

// Read reads the first sheet of an xlsx file, or a CSV file in UTF-8, UTF-16 or GBK
// (GB 18030) with commas, semicolons or tabs. Cells are trimmed; a formula is the value
// that was saved with it, as text. Rows stand at their place, so that row i is line i+1 of
// the sheet: empty ones are there, without cells, except at the end. At most columns cells
// of a row are kept, and more than limit rows with something in them are refused
// (TooManyRows). What is no table is ErrNoTable, ErrTableText or ErrTableHuge.
func Read(content []byte, limit, columns int) ([][]string, error) {
	switch {
	case bytes.HasPrefix(content, []byte("PK\x03\x04")):
		return readWorkbook(content, limit, columns)
	case bytes.HasPrefix(content, []byte("\xD0\xCF\x11\xE0")): // xls, or an xlsx with a password
		return nil, ErrNoTable
	}
	text, err := DecodeText(content)
	if err != nil {
		return nil, err
	}
	return ReadText(text, limit, columns)
}

// table collects rows within the bounds.
type table struct {
	rows           [][]string
	full           int // rows with something in them
	limit, columns int
}

func (t *table) add(cells []string) error {
	var kept []string
	for _, cell := range cells[:min(len(cells), t.columns)] {
		if len(cell) > maxReadCell {
			return ErrTableHuge
		}
		kept = append(kept, strings.TrimSpace(cell))
	}
	for len(kept) > 0 && kept[len(kept)-1] == "" {
		kept = kept[:len(kept)-1]
	}
	if len(kept) > 0 {
		if t.full++; t.full > t.limit {
			return TooManyRows(t.limit)
		}
	} else if len(t.rows) > 2*t.limit+1000 {
		return TooManyRows(t.limit) // a sheet of empty rows
	}
	t.rows = append(t.rows, kept)
	return nil
}

func (t *table) done() [][]string {
	for len(t.rows) > 0 && len(t.rows[len(t.rows)-1]) == 0 {
		t.rows = t.rows[:len(t.rows)-1]
	}
	return t.rows
}

func readWorkbook(content []byte, limit, columns int) ([][]string, error) {
	file, err := excelize.OpenReader(bytes.NewReader(content), excelize.Options{UnzipSizeLimit: maxUnzipped, UnzipXMLSizeLimit: maxUnzipped})
	if err != nil {
		if strings.Contains(err.Error(), "unzip size exceeds") {
			return nil, ErrTableHuge.Because(err)
		}
		return nil, ErrNoTable.Because(err)
	}
	defer func() { _ = file.Close() }()
	names := file.GetSheetList()
	if len(names) == 0 {
		return nil, ErrNoTable
	}
	rows, err := file.Rows(names[0])
	if err != nil {
		return nil, ErrNoTable.Because(err)
	}
	defer func() { _ = rows.Close() }()
	t := table{limit: limit, columns: columns}
	for rows.Next() {
		cells, err := rows.Columns()
		if err != nil {
			return nil, ErrNoTable.Because(err)
		}
		if err := t.add(cells); err != nil {
			return nil, err
		}
	}
	if err := rows.Error(); err != nil {
		return nil, ErrNoTable.Because(err)
	}
	return t.done(), nil
}

// ReadText reads text as CSV with the separator that its first line has: a tab, a
// semicolon or a comma, in Chinese too. It keeps to the bounds of Read.
func ReadText(text string, limit, columns int) ([][]string, error) {
	first, _, _ := strings.Cut(strings.TrimLeft(text, "\r\n"), "\n")
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord = -1, true, true
	for _, separator := range "\t;；，" {
		if strings.ContainsRune(first, separator) {
			r.Comma = separator
			break
		}
	}
	if strings.ContainsRune(first, ',') && r.Comma != '\t' {
		r.Comma = ','
	}
	t := table{limit: limit, columns: columns}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return t.done(), nil
		}
		if err != nil {
			return nil, ErrNoTable.Because(err)
		}
		// The reader leaves empty lines out; they count.
		if line, _ := r.FieldPos(0); line-1 > len(t.rows) && line <= 2*limit+1000 {
			t.rows = append(t.rows, make([][]string, line-1-len(t.rows))...)
		}
		if err := t.add(cells); err != nil {
			return nil, err
		}
	}
}

// DecodeText is a text file as UTF-8: by its mark at the start, else UTF-8 when it is valid,
// UTF-16 when every second byte is mostly zero, and GB 18030, which contains GBK, when it
// is that without a fault. ErrTableText for pictures, programs and cut files.
func DecodeText(content []byte) (string, error) {
	decode := func(e encoding.Encoding, content []byte) (string, error) {
		out, err := e.NewDecoder().Bytes(content)
		if err != nil || bytes.ContainsRune(out, utf8.RuneError) || bytes.IndexByte(out, 0) >= 0 {
			return "", ErrTableText
		}
		return string(out), nil
	}
	switch {
	case bytes.HasPrefix(content, []byte("\xEF\xBB\xBF")):
		content = content[3:]
		if !utf8.Valid(content) {
			return "", ErrTableText
		}
	case bytes.HasPrefix(content, []byte("\xFF\xFE")), bytes.HasPrefix(content, []byte("\xFE\xFF")):
		return decode(unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM), content)
	}
	if even, odd := zeros(content); even+odd > 0 {
		switch {
		case len(content)%2 == 0 && odd > len(content)/20 && even == 0:
			return decode(unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), content)
		case len(content)%2 == 0 && even > len(content)/20 && odd == 0:
			return decode(unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), content)
		}
		return "", ErrTableText
	}
	if utf8.Valid(content) {
		return string(content), nil
	}
	return decode(simplifiedchinese.GB18030, content)
}

// zeros counts the zero bytes at even and at odd places.
func zeros(content []byte) (even, odd int) {
	for i, b := range content {
		switch {
		case b != 0:
		case i%2 == 0:
			even++
		default:
			odd++
		}
	}
	return even, odd
}
