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
}

// Visitors writes the rows as a file to w, its words in the language of ctx. check is that
// of Claims.
func Visitors(ctx context.Context, w io.Writer, rows iter.Seq2[campaigns.VisitorRow, error], o VisitorSheet, check func(rows int) error) (Result, error) {
	name := func(key string) string { return i18n.T(ctx, "imports.column."+key) }
	x := NewTable(&cancellable{ctx, w}, o.CSV, Options{
		Sheet: i18n.T(ctx, "imports.export.kind.users"), Title: i18n.T(ctx, "imports.export.kind.users"), Zone: o.Zone, Created: o.Created, TempDir: o.TempDir,
		Columns: []Column{
			{Header: name("id"), Width: 16},
			{Header: name("openid"), Width: 32},
			{Header: name("nickname")},
			{Header: name("sex"), Kind: Text, Width: 8},
			{Header: name("region")},
			{Header: name("claims"), Kind: Number},
			{Header: name("first_seen"), Kind: Time},
			{Header: name("last_seen"), Kind: Time},
		},
	})
	defer x.Discard()
	sexes := [3]string{"", i18n.T(ctx, "imports.sex.1"), i18n.T(ctx, "imports.sex.2")}
	n := 0
	for r, err := range rows {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return Result{}, err
		}
		openid, nickname := string(r.OpenID), r.Nickname
		if o.Hide != nil {
			openid, nickname = o.Hide.OpenID(openid), o.Hide.Nickname(nickname)
		}
		err = x.Write([]Cell{
			String(r.ID.String()), String(openid), String(nickname), String(sexes[r.Sex]), String(r.Region), Int(int64(r.Claims)), At(r.FirstSeen), At(r.LastSeen),
		})
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
