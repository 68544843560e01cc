package sheets

import (
	"context"
	"encoding/csv"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"kaquan/i18n"
)

// Redeemed is a row of the file of redemptions; it holds nothing about the holder.
type Redeemed struct {
	At, BookedAt time.Time
	Place, Staff string
	Campaign     string
	Benefit      string
	Code         string
	State        string // in words
	Offline      bool
	Goods        string
	Quantity     int64
	UndoneAt     time.Time
	UndoneBy     string
	Claim        string
	Number       int64
}

var redeemedColumns = []storeColumn{
	{"at", Time, 0},
	{"place", Text, 0},
	{"staff", Text, 12},
	{"campaign", Text, 26},
	{"benefit", Text, 20},
	{"code", Text, 16},
	{"state", Text, 12},
	{"offline", Text, 8},
	{"goods", Text, 20},
	{"quantity", Number, 0},
	{"booked", Time, 0},
	{"undone_at", Time, 0},
	{"undone_by", Text, 12},
	{"claim", Text, 16},
	{"number", Number, 0},
}

// Redemptions writes rows as an xlsx file, its words in the language of ctx. check is called
// with the number of rows before the first byte reaches w; its error stops everything.
func Redemptions(ctx context.Context, w io.Writer, o StoreSheet, rows iter.Seq2[Redeemed, error], check func(rows int) error) (Result, error) {
	list := make([]Column, len(redeemedColumns))
	for i, c := range redeemedColumns {
		list[i] = Column{Header: i18n.T(ctx, "redemption.column."+c.key), Kind: c.kind, Width: c.width}
	}
	x := NewWriter(&cancellable{ctx, w}, Options{Sheet: o.Title, Title: o.Title, Columns: list, Zone: o.Zone, Created: o.Created})
	defer x.Discard()
	marks := offlineWords(ctx)
	n := 0
	for r, err := range rows {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = x.Write([]Cell{
				At(r.At), String(r.Place), String(r.Staff), String(r.Campaign), String(r.Benefit), String(r.Code), String(r.State), String(marks[r.Offline]),
				String(r.Goods), Int(r.Quantity), At(r.BookedAt), At(r.UndoneAt), String(r.UndoneBy), String(r.Claim), Int(r.Number),
			})
		}
		if err != nil {
			return Result{}, err
		}
		n++
	}
	if check != nil {
		if err := check(n); err != nil {
			return Result{}, err
		}
	}
	return x.Close()
}

// RedemptionsCSV writes the same table as text, with the mark by which Excel knows UTF-8, and
// says how many rows there are.
func RedemptionsCSV(ctx context.Context, w io.Writer, zone *time.Location, rows iter.Seq2[Redeemed, error]) (int, error) {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return 0, err
	}
	out := csv.NewWriter(&cancellable{ctx, w})
	header := make([]string, len(redeemedColumns))
	for i, c := range redeemedColumns {
		header[i] = i18n.T(ctx, "redemption.column."+c.key)
	}
	if err := out.Write(header); err != nil {
		return 0, err
	}
	moment := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(zone).Format(time.DateTime)
	}
	marks := offlineWords(ctx)
	n := 0
	for r, err := range rows {
		if err == nil {
			err = out.Write([]string{
				moment(r.At), unformula(r.Place), unformula(r.Staff), unformula(r.Campaign), unformula(r.Benefit), unformula(r.Code), r.State, marks[r.Offline],
				unformula(r.Goods), strconv.FormatInt(r.Quantity, 10), moment(r.BookedAt), moment(r.UndoneAt), unformula(r.UndoneBy), r.Claim, strconv.FormatInt(r.Number, 10),
			})
		}
		if err != nil {
			return n, err
		}
		n++
	}
	out.Flush()
	return n, out.Error()
}

func offlineWords(ctx context.Context) map[bool]string {
	return map[bool]string{true: i18n.T(ctx, "common.yes"), false: i18n.T(ctx, "common.no")}
}

// unformula keeps a spreadsheet from reading a text as a formula.
func unformula(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
