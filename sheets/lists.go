package sheets

import (
	"context"
	"errors"
	"io"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
)

// importColumns bounds the columns that are looked at for the one that an import is about.
const importColumns = 20

// ReadImport reads the one column of a file that an import into a list or a pool is about,
// with the bounds of Read: at most campaigns.MaxImportRows rows and a header.
func ReadImport(content []byte) ([]campaigns.ImportRow, error) {
	rows, err := Read(content, campaigns.MaxImportRows+1, importColumns)
	if errors.Is(err, TooManyRows(0)) { // the header counts as well there
		return nil, TooManyRows(campaigns.MaxImportRows)
	}
	if err != nil {
		return nil, err
	}
	list := campaigns.ImportColumn(rows)
	if len(list) > campaigns.MaxImportRows {
		return nil, TooManyRows(campaigns.MaxImportRows)
	}
	if len(list) == 0 {
		return nil, ErrNoTable
	}
	return list, nil
}

// ImportProblems writes the lines of a file that could not be imported as an xlsx file to w,
// each with the reason in the language of ctx.
func ImportProblems(ctx context.Context, w io.Writer, problems []campaigns.ImportProblem, created time.Time) (Result, error) {
	x := NewWriter(w, Options{Sheet: i18n.T(ctx, "lists.problems"), Title: i18n.T(ctx, "lists.problems"), Created: created, Columns: []Column{
		{Header: i18n.T(ctx, "lists.problem.row"), Kind: Number},
		{Header: i18n.T(ctx, "lists.problem.text"), Kind: Text, Width: 32},
		{Header: i18n.T(ctx, "lists.problem.why"), Kind: Text, Width: 60},
	}})
	defer x.Discard()
	for _, p := range problems {
		if err := x.Write([]Cell{Int(int64(p.Row)), String(p.Text), String(i18n.TArgs(ctx, p.Key, p.Args))}); err != nil {
			return Result{}, err
		}
	}
	return x.Close()
}
