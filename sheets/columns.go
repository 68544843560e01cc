package sheets

import (
	"context"
	"slices"

	"kaquan/campaigns"
	"kaquan/i18n"
)

// filled is a column with what a row puts into it. Without a header it has the one of its
// export's column.
type filled[R any] struct {
	Column
	cell func(*R) Cell
}

// one is a column that stands for itself.
func one[R any](c Column, cell func(*R) Cell) []filled[R] { return []filled[R]{{c, cell}} }

// chosen are the columns of an export by their names, in the file's order; no names are all
// of them.
func chosen[R any](ctx context.Context, kind campaigns.ExportKind, names []string, all map[string][]filled[R]) []filled[R] {
	var list []filled[R]
	for _, c := range campaigns.ExportColumns(kind) {
		if names != nil && !slices.Contains(names, c.Name) {
			continue
		}
		for _, f := range all[c.Name] {
			if f.Header == "" {
				f.Header = i18n.T(ctx, c.Key)
			}
			list = append(list, f)
		}
	}
	return list
}

func columnsOf[R any](list []filled[R]) []Column {
	columns := make([]Column, len(list))
	for i := range list {
		columns[i] = list[i].Column
	}
	return columns
}

// cellsOf are the cells of a row, in the place of those of the row before.
func cellsOf[R any](row []Cell, list []filled[R], r *R) []Cell {
	row = row[:0]
	for i := range list {
		row = append(row, list[i].cell(r))
	}
	return row
}
