package campaigns

import "slices"

// ExportColumn is a column that an export can have: its name for forms and programs, the
// translation key of its header, and whether it tells something about a person.
type ExportColumn struct {
	Name, Key string
	Personal  bool
}

// answersColumn stands for all questions of the forms: each has a column of its own.
const answersColumn = "answers"

var exportColumns = map[ExportKind][]ExportColumn{
	ExportClaims: {
		{"campaign", "export.column.campaign", false},
		{"state", "export.column.state", false},
		{"code", "export.column.code", false},
		{answersColumn, "imports.export.column.answers", true},
		{"nickname", "export.column.nickname", true},
		{"openid", "export.column.openid", true},
		{"channel", "export.column.channel", false},
		{"created", "export.column.created", false},
		{"confirmed", "export.column.confirmed", false},
		{"redeemed", "export.column.redeemed", false},
		{"hold_until", "export.column.hold_until", false},
		{"released", "export.column.released", false},
		{"ref", "export.column.ref", false},
	},
	ExportUsers: {
		{"id", "imports.column.id", false},
		{"openid", "imports.column.openid", true},
		{"nickname", "imports.column.nickname", true},
		{"sex", "imports.column.sex", true},
		{"region", "imports.column.region", true},
		{"claims", "imports.column.claims", false},
		{"first_seen", "imports.column.first_seen", false},
		{"last_seen", "imports.column.last_seen", false},
	},
	ExportCampaigns: {
		{"name", "shell.stats.name", false},
		{"slug", "shell.stats.slug", false},
		{"state", "shell.stats.state", false},
		{"starts", "shell.stats.starts", false},
		{"ends", "shell.stats.ends", false},
		{"total", "shell.stats.total", false},
		{"confirmed", "shell.stats.confirmed", false},
		{"held", "shell.stats.held", false},
		{"left", "shell.stats.left", false},
		{"today", "shell.stats.today", false},
		{"visits", "shell.stats.visits", false},
		{"redeemed", "shell.stats.redeemed", false},
		{"channels", "shell.stats.channels", false},
		{"tags", "shell.stats.tags", false},
		{"owner", "shell.stats.owner", false},
	},
}

// ExportColumns are the columns that an export of the kind can have, in the file's order;
// nil for what is no kind.
func ExportColumns(kind ExportKind) []ExportColumn { return exportColumns[kind] }

// PlainExportColumns are the names of the columns that tell nothing about a person: what is
// chosen until somebody chooses.
func PlainExportColumns(kind ExportKind) []string {
	var names []string
	for _, c := range exportColumns[kind] {
		if !c.Personal {
			names = append(names, c.Name)
		}
	}
	return names
}

// ChooseExportColumns checks a choice of columns and returns it in the file's order, each
// once. nil stays nil: all of them. ErrExportColumns for an empty choice, ErrExportColumn
// with the name for one that the kind does not have; both stand on columns.
func ChooseExportColumns(kind ExportKind, names []string) ([]string, error) {
	if names == nil {
		return nil, nil
	}
	if len(names) == 0 {
		return nil, ErrExportColumns
	}
	var chosen []string
	for _, c := range exportColumns[kind] {
		if slices.Contains(names, c.Name) {
			chosen = append(chosen, c.Name)
		}
	}
	for _, name := range names {
		if !slices.Contains(chosen, name) {
			return nil, ErrExportColumn(name)
		}
	}
	return chosen, nil
}

// Personal reports whether a column of the export tells something about a person.
func (e *Export) Personal() bool {
	return slices.ContainsFunc(exportColumns[e.Kind], func(c ExportColumn) bool {
		return c.Personal && (e.Columns == nil || slices.Contains(e.Columns, c.Name))
	})
}

// Exposes reports whether the file has personal data as it is.
func (e *Export) Exposes() bool { return e.Personal() && !e.Masked }
