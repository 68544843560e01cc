package sheets

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
)

// peopleColumns bounds the columns of a table of people.
const peopleColumns = 60

// ReadPeople reads a table of people with the bounds of Read: at most
// campaigns.MaxImportRows rows and a header.
func ReadPeople(content []byte) (campaigns.PeopleTable, error) {
	rows, err := Read(content, campaigns.MaxImportRows+1, peopleColumns)
	if errors.Is(err, TooManyRows(0)) { // the header counts as well there
		return campaigns.PeopleTable{}, TooManyRows(campaigns.MaxImportRows)
	}
	if err != nil {
		return campaigns.PeopleTable{}, err
	}
	table, err := campaigns.PeopleOf(rows)
	if err == nil && len(table.Rows) == 0 {
		err = ErrNoTable
	}
	return table, err
}

// VisitorSheet describes an export of visitors.
type VisitorSheet struct {
	Hide    *ClaimMask     // nil = personal data as it is
	Zone    *time.Location // nil = UTC
	Created time.Time
	TempDir string
	CSV     bool
	Plain   bool     // of CSV: for programs
	Columns []string // of campaigns.ExportColumns; nil = all
}

// Visitors writes the rows as a file to w, its words in the language of ctx. check is that
// of Claims.
func Visitors(ctx context.Context, w io.Writer, rows iter.Seq2[campaigns.VisitorRow, error], o VisitorSheet, check func(rows int) error) (Result, error) {
	columns := chosen(ctx, campaigns.ExportUsers, o.Columns, visitorColumns(ctx, o.Hide))
	x := NewTable(&cancellable{ctx, w}, o.CSV, Options{
		Sheet: i18n.T(ctx, "imports.export.kind.users"), Title: i18n.T(ctx, "imports.export.kind.users"), Zone: o.Zone, Created: o.Created, TempDir: o.TempDir,
		Columns: columnsOf(columns), Plain: o.Plain,
	})
	defer x.Discard()
	var row []Cell
	n := 0
	for r, err := range rows {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return Result{}, err
		}
		row = cellsOf(row, columns, &r)
		if err := x.Write(row); err != nil {
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

// visitorColumns are the columns that there can be, by name. What has no masked form is left
// out where personal data is hidden.
func visitorColumns(ctx context.Context, mask *ClaimMask) map[string][]filled[campaigns.VisitorRow] {
	type row = campaigns.VisitorRow
	hide := ClaimMask{Nickname: asItIs, OpenID: asItIs}
	sexes := [3]string{"", i18n.T(ctx, "imports.sex.1"), i18n.T(ctx, "imports.sex.2")}
	if mask != nil {
		hide, sexes = *mask, [3]string{}
	}
	return map[string][]filled[row]{
		"id":         one(Column{Width: 16}, func(r *row) Cell { return String(r.ID.String()) }),
		"openid":     one(Column{Width: 32}, func(r *row) Cell { return String(hide.OpenID(string(r.OpenID))) }),
		"nickname":   one(Column{}, func(r *row) Cell { return String(hide.Nickname(r.Nickname)) }),
		"sex":        one(Column{Width: 8}, func(r *row) Cell { return String(sexes[r.Sex]) }),
		"region":     one(Column{}, func(r *row) Cell { return String(hide.Nickname(r.Region)) }),
		"claims":     one(Column{Kind: Number}, func(r *row) Cell { return Int(int64(r.Claims)) }),
		"first_seen": one(Column{Kind: Time}, func(r *row) Cell { return At(r.FirstSeen) }),
		"last_seen":  one(Column{Kind: Time}, func(r *row) Cell { return At(r.LastSeen) }),
	}
}
