package admin

import (
	"context"
	"strconv"
	"time"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/views/layout"
	"kaquan/views/ui"
)

// Addresses of the pages about lists, pools and imports.
const (
	ListsPath   = "/admin/lists"
	PoolsPath   = "/admin/pools"
	ImportsPath = "/admin/imports"
	// PeopleImportPath takes a table of people.
	PeopleImportPath = ImportsPath + "/import"
)

// ListPath is the address of a list's page.
func ListPath(id campaigns.ListID) string { return ListsPath + "/" + string(id) }

// PoolPath is the address of a pool's page.
func PoolPath(id campaigns.PoolID) string { return PoolsPath + "/" + string(id) }

// ImportPath is the address of an import's page.
func ImportPath(id string) string { return ImportsPath + "/" + id }

// ListsView is the page with all lists.
type ListsView struct {
	Page                layout.Page
	Lists               []campaigns.List
	Name, Kind, Account string
	Accounts            []ui.Option
	Errors              ui.Errors
	CanWrite            bool
}

// ListView is the page of one list.
type ListView struct {
	Page     layout.Page
	List     campaigns.List
	Tails    []string // masked ends of some rows
	Errors   ui.Errors
	CanWrite bool
}

// PoolsView is the page with all pools.
type PoolsView struct {
	Page          layout.Page
	Pools         []campaigns.Pool
	Name, Account string
	Accounts      []ui.Option
	Errors        ui.Errors
	CanWrite      bool
}

// PoolView is the page of one pool.
type PoolView struct {
	Page     layout.Page
	Pool     campaigns.Pool
	Errors   ui.Errors
	CanWrite bool
}

// ImportState is how far an import is.
type ImportState string

// The states of an import.
const (
	ImportLooking ImportState = "looking"
	ImportReady   ImportState = "ready"
	ImportStoring ImportState = "storing"
	ImportDone    ImportState = "done"
	ImportFailed  ImportState = "failed"
)

// ImportView is the page of one import.
type ImportView struct {
	Page           layout.Page
	ID, Name, File string
	Back           string
	State          ImportState
	Done, Total    int
	Added          int
	Report         campaigns.ImportReport
	Problem        *fault.Error // why it failed, as far as the file is to blame
	Failed         bool         // it failed for another reason
	People         bool         // it is about people, not about rows of a list or pool
	Started        time.Time
}

// Works reports whether the import goes on by itself.
func (v *ImportView) Works() bool { return v.State == ImportLooking || v.State == ImportStoring }

func (v *ImportView) role() string {
	if v.State == ImportFailed {
		return "alert"
	}
	return "status"
}

// shown are the first problems; all of them are in the file.
func (v *ImportView) shown() []campaigns.ImportProblem {
	return v.Report.Problems[:min(len(v.Report.Problems), 20)]
}

func (v *ImportView) problemWords(ctx context.Context) string {
	if v.Problem != nil {
		return i18n.TArgs(ctx, v.Problem.Key, v.Problem.Args)
	}
	return i18n.T(ctx, "lists.import.broken")
}

func wholeText(n int) string { return strconv.Itoa(n) }

func listKinds(ctx context.Context) []ui.Option {
	var options []ui.Option
	for _, kind := range campaigns.ListKinds {
		options = append(options, ui.Option{Value: string(kind), Label: i18n.T(ctx, "lists.kind."+string(kind))})
	}
	return options
}

// newInput is a field of the form for a new list or pool.
func newInput(ctx context.Context, in ui.Input, errs ui.Errors) ui.Input {
	in.Label, in.Errors, in.Required = i18n.T(ctx, "lists.field."+in.Name), errs.Of(in.Name), true
	return in
}
