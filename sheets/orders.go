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
	"kaquan/orders"
)

// orderColumns are those of both files. No person is in them, and no code that opens
// anything.
var orderColumns = []storeColumn{
	{"number", Text, 30},
	{"campaign", Text, 28},
	{"state", Text, 0},
	{"card", Text, 0},
	{"amount", Money, 0},
	{"back", Money, 0},
	{"fee", Money, 0},
	{"client", Text, 0},
	{"created", Time, 0},
	{"paid", Time, 0},
	{"ended", Time, 0},
	{"transaction", Text, 32},
	{"merchant", Text, 14},
}

func orderTexts(ctx context.Context, r *orders.Row) (state, card, client string) {
	return i18n.T(ctx, "pay.state."+string(r.State)), i18n.T(ctx, "admin.claim_state."+string(r.ClaimState)), i18n.T(ctx, "pay.client."+string(r.Client))
}

// feeFen is WeChat's fee rounded to fen.
func feeFen(milli int64) int64 {
	if milli < 0 {
		return -feeFen(-milli)
	}
	return (milli + 500) / 1000
}

// Orders writes orders as an xlsx file, its words in the language of ctx. check is called
// with the number of rows before the first byte reaches w; its error stops everything.
func Orders(ctx context.Context, w io.Writer, o StoreSheet, rows iter.Seq2[orders.Row, error], check func(rows int) error) error {
	columns := make([]Column, len(orderColumns))
	for i, c := range orderColumns {
		columns[i] = Column{Header: i18n.T(ctx, "pay.column."+c.key), Kind: c.kind, Width: c.width}
	}
	x := NewWriter(&cancellable{ctx, w}, Options{Sheet: o.Title, Title: o.Title, Columns: columns, Zone: o.Zone, Created: o.Created})
	defer x.Discard()
	n := 0
	for r, err := range rows {
		if err != nil {
			return err
		}
		state, card, client := orderTexts(ctx, &r)
		err := x.Write([]Cell{
			String(r.Number), String(r.CampaignName), String(state), String(card), Fen(r.Fen), Fen(r.BackFen), Fen(feeFen(r.FeeMilliFen)), String(client),
			At(r.CreatedAt), At(r.PaidAt), At(r.EndedAt), String(r.Transaction), String(r.MerchantID),
		})
		if err != nil {
			return err
		}
		n++
	}
	if err := check(n); err != nil {
		return err
	}
	_, err := x.Close()
	return err
}

// OrdersCSV is Orders as text, as spreadsheets read it. What it has written when check
// refuses is the caller's to throw away.
func OrdersCSV(ctx context.Context, w io.Writer, o StoreSheet, rows iter.Seq2[orders.Row, error], check func(rows int) error) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil { // or Excel reads it as something else
		return err
	}
	out := csv.NewWriter(&cancellable{ctx, w})
	header := make([]string, len(orderColumns))
	for i, c := range orderColumns {
		header[i] = i18n.T(ctx, "pay.column."+c.key)
	}
	_ = out.Write(header)
	moment := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(o.Zone).Format(time.DateTime)
	}
	n := 0
	for r, err := range rows {
		if err != nil {
			return err
		}
		state, card, client := orderTexts(ctx, &r)
		err := out.Write([]string{
			r.Number, noFormula(r.CampaignName), state, card, amount(r.Fen), amount(r.BackFen), amount(feeFen(r.FeeMilliFen)), client,
			moment(r.CreatedAt), moment(r.PaidAt), moment(r.EndedAt), r.Transaction + "\t", r.MerchantID, // a tab: or Excel makes a rounded number of 28 digits
		})
		if err != nil {
			return err
		}
		n++
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return err
	}
	return check(n)
}

// amount is fen as yuan, without a sign for the currency.
func amount(fen int64) string {
	sign := ""
	if fen < 0 {
		sign, fen = "-", -fen
	}
	cents := strconv.FormatInt(fen%100, 10)
	return sign + strconv.FormatInt(fen/100, 10) + "." + strings.Repeat("0", 2-len(cents)) + cents
}

// noFormula keeps a spreadsheet from reading a text as a formula.
func noFormula(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
