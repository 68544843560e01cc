package campaigns

import (
	"context"
	"slices"
	"strings"

	"kaquan/fault"
)

// ImportRow is a cell of a file and the line it stands in, from 1.
type ImportRow struct {
	Row  int
	Text string
}

// ImportProblem is a line that cannot be imported.
type ImportProblem struct {
	ImportRow
	*fault.Error
}

// ImportReport is what a look at a file found. Rows = New + Changed + Known + Twice + Bad.
type ImportReport struct {
	Rows     int
	New      int
	Changed  int // there already, and something of the row is new: of imports of people
	Known    int // there already
	Twice    int // more than once in the file
	Bad      int
	Problems []ImportProblem // of the bad ones and of those that come twice, in the order of the file

	Cards int            // that an import of people would give
	Given int            // that it gave
	Notes []*fault.Error // what people should know, as sentences
}

// Work is how many rows the import would store.
func (r *ImportReport) Work() int { return r.New + r.Changed }

// Import is a file that was looked at and can be stored.
type Import struct {
	Report ImportReport
	values []string // the new ones, normalised
	there  int64    // rows before the import
	survey func(ctx context.Context, values []string) ([]RowKnown, error)
	normal func(text string) (string, bool)
	store  func(ctx context.Context, values []string) (int, error)
	finish func(ctx context.Context, added int) error
}

// importStep is how many rows one read or write takes: claims wait at most for one step.
const importStep = 400

// Progress is told how many of the rows are done.
type Progress func(done, total int)

// ListImport is an import into a list, PoolImport one into a pool. Look does the dry run,
// Store the rest.
func (s *Service) ListImport(actor Actor, l List) *Import {
	facts := func(values []string) []Fact {
		list := make([]Fact, len(values))
		for i, v := range values {
			list[i] = Fact{l.Kind, v}
		}
		return list
	}
	return &Import{
		there:  l.Rows,
		normal: l.Kind.Normal,
		survey: func(ctx context.Context, values []string) ([]RowKnown, error) {
			there, err := s.store.OnList(ctx, l.ID, facts(values))
			known := make([]RowKnown, len(there))
			for i, yes := range there {
				if yes {
					known[i] = RowHere
				}
			}
			return known, err
		},
		store: func(ctx context.Context, values []string) (int, error) {
			return s.store.AddToList(ctx, l.ID, facts(values), s.now().UTC())
		},
		finish: func(ctx context.Context, added int) error {
			return s.store.NoteImport(ctx, "list", string(l.ID), s.audit(actor, "list.import", s.now().UTC(), map[string]any{"added": added}))
		},
	}
}

// PoolImport is an import into a pool.
func (s *Service) PoolImport(actor Actor, p Pool) *Import {
	return &Import{
		there:  p.Total,
		normal: PoolCode,
		survey: func(ctx context.Context, values []string) ([]RowKnown, error) {
			return s.store.InPool(ctx, p.ID, values)
		},
		store: func(ctx context.Context, values []string) (int, error) {
			return s.store.AddToPool(ctx, p.ID, values, s.now().UTC())
		},
		finish: func(ctx context.Context, added int) error {
			return s.store.NoteImport(ctx, "pool", string(p.ID), s.audit(actor, "pool.import", s.now().UTC(), map[string]any{"added": added}))
		},
	}
}

// importHeaders are words that people put above the column.
var importHeaders = []string{
	"手机", "手机号", "手机号码", "电话", "联系电话", "车牌", "车牌号", "车牌号码", "券码", "兑换码", "邀请码", "卡号", "编码", "代码",
	"openid", "unionid", "phone", "mobile", "plate", "code", "coupon", "coupon code", "card code",
}

// ImportColumn takes the one column of a table that an import is about: the one below a
// known word in the first row, else the first. Empty cells are left out.
func ImportColumn(rows [][]string) []ImportRow {
	column, first := 0, true
	var list []ImportRow
	for i, cells := range rows {
		if first && len(cells) > 0 {
			first = false
			at := slices.IndexFunc(cells, func(cell string) bool {
				return slices.Contains(importHeaders, strings.ToLower(strings.TrimSpace(cell)))
			})
			if at >= 0 {
				column = at
				continue
			}
		}
		if column < len(cells) && cells[column] != "" {
			list = append(list, ImportRow{i + 1, cells[column]})
		}
	}
	return list
}

// Look finds out what the rows would do; it changes nothing.
func (m *Import) Look(ctx context.Context, rows []ImportRow, progress Progress) error {
	report := ImportReport{Rows: len(rows)}
	m.values = nil
	bad := func(r ImportRow, key string, args ...any) {
		r.Text = shorten(r.Text, 60)
		report.Problems = append(report.Problems, ImportProblem{r, fault.New(fault.Invalid, key, args...)})
	}
	seen := make(map[string]int, len(rows))
	var (
		values []string
		from   []ImportRow
	)
	flush := func() error {
		known, err := m.survey(ctx, values)
		if err != nil {
			return err
		}
		for i, k := range known {
			switch k {
			case RowNew:
				m.values = append(m.values, values[i])
				report.New++
			case RowHere:
				report.Known++
			case RowElsewhere:
				bad(from[i], "lists.problem.elsewhere")
				report.Bad++
			case RowOnCard:
				bad(from[i], "lists.problem.on_card")
				report.Bad++
			}
		}
		values, from = values[:0], from[:0]
		return ctx.Err()
	}
	for i, r := range rows {
		value, ok := m.normal(r.Text)
		row, again := seen[value]
		switch {
		case !ok:
			bad(r, "lists.problem.shape")
			report.Bad++
		case again:
			bad(r, "lists.problem.twice", "row", row)
			report.Twice++
		default:
			seen[value] = r.Row
			values, from = append(values, value), append(from, r)
		}
		if len(values) == importStep {
			if err := flush(); err != nil {
				return err
			}
			progress(i+1, len(rows))
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if m.there+int64(report.New) > MaxListRows {
		return ErrListFull
	}
	slices.SortStableFunc(report.Problems, func(a, b ImportProblem) int { return a.Row - b.Row })
	m.Report = report
	progress(len(rows), len(rows))
	return nil
}

// Store stores what Look found to be new, in steps, and says how many were still new then.
// Stopped half-way it keeps what it has; the same file again adds the rest.
func (m *Import) Store(ctx context.Context, progress Progress) (added int, err error) {
	done := 0
	for part := range slices.Chunk(m.values, importStep) {
		if err = ctx.Err(); err != nil {
			break
		}
		n, failed := m.store(ctx, part)
		if failed != nil {
			err = failed
			break
		}
		added, done = added+n, done+len(part)
		progress(done, len(m.values))
	}
	if failed := m.finish(context.WithoutCancel(ctx), added); err == nil {
		err = failed
	}
	return added, err
}
