package admin_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kaquan/i18n"
	"kaquan/views/admin"
)

var (
	actionShape = regexp.MustCompile(`^[a-z]+(\.[a-z_]+)+$`)
	// recorders are the functions that an action is given to.
	recorders = []string{"audit", "Record", "record", "note", "Audit", "edit", "start", "menuDone"}
	// made are actions of which the code writes the start alone, with all of their ends.
	made = map[string][]string{
		"campaign.":      {"pause", "resume", "archive", "tag", "untag"},
		"stores.export.": {"goods", "movements", "staff"},
	}
)

// actionsOf are the actions that a file of the program writes into the audit: literals and
// starts given to a recorder or to a field Action, and those of a variable that is.
func actionsOf(t *testing.T, path string) (found []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var take func(scope ast.Node, e ast.Expr)
	take = func(scope ast.Node, e ast.Expr) {
		switch e := e.(type) {
		case *ast.BasicLit:
			if text, err := strconv.Unquote(e.Value); err == nil && actionShape.MatchString(text) {
				found = append(found, text)
			}
		case *ast.BinaryExpr:
			start, ok := e.X.(*ast.BasicLit)
			if !ok || e.Op != token.ADD {
				return
			}
			text, err := strconv.Unquote(start.Value)
			if err != nil || !actionShape.MatchString(strings.TrimSuffix(text, ".")+".x") || !strings.HasSuffix(text, ".") {
				return
			}
			if len(made[text]) == 0 {
				t.Errorf("%s makes actions from %q: name them in this test", path, text)
			}
			for _, end := range made[text] {
				found = append(found, text+end)
			}
		case *ast.Ident:
			ast.Inspect(scope, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.AssignStmt:
					for i, left := range n.Lhs {
						if id, ok := left.(*ast.Ident); ok && id.Name == e.Name && i < len(n.Rhs) {
							if literal, ok := n.Rhs[i].(*ast.BasicLit); ok {
								take(scope, literal)
							}
						}
					}
				case *ast.ValueSpec:
					for i, id := range n.Names {
						if id.Name == e.Name && i < len(n.Values) {
							take(scope, n.Values[i])
						}
					}
				}
				return true
			})
		}
	}
	for _, d := range file.Decls {
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				name := ""
				switch f := n.Fun.(type) {
				case *ast.Ident:
					name = f.Name
				case *ast.SelectorExpr:
					name = f.Sel.Name
				}
				if slices.Contains(recorders, name) {
					for i, arg := range n.Args {
						if name == "menuDone" && i > 2 { // the words for the person
							break
						}
						take(d, arg)
					}
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Action" {
					take(d, n.Value)
				}
			case *ast.ValueSpec: // const AutosaveAction = …
				for i, id := range n.Names {
					if strings.HasSuffix(id.Name, "Action") && i < len(n.Values) {
						take(d, n.Values[i])
					}
				}
			}
			return true
		})
	}
	return found
}

func TestEveryActionOfTheProgramHasWordsAndAGroup(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	rooms, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	where := map[string]string{}
	for _, room := range rooms {
		if !room.IsDir() || slices.Contains([]string{"assets", "bench", "e2e", "sandbox", "tools", "miniprogram", "i18n"}, room.Name()) || strings.HasPrefix(room.Name(), ".") {
			continue
		}
		err := filepath.WalkDir(filepath.Join(root, room.Name()), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "_templ.go") {
				return err
			}
			for _, action := range actionsOf(t, path) {
				if !strings.HasPrefix(action, "imports.note.") { // notes of a report
					where[action] = path
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, sure := range []string{"campaign.create", "campaign.autosave", "channel.disable", "campaign.forget", "people.signin", "stores.goods.edit", "claims.export", "reach.menu.delete", "stores.signin.wechat", "campaign.restore", "api.refused"} {
		if where[sure] == "" {
			t.Errorf("the test does not see %s", sure)
		}
	}
	for action, path := range where {
		for _, lang := range []i18n.Language{i18n.ZH, i18n.EN} {
			if words := admin.ActionWords(i18n.With(context.Background(), lang), action); words == "" || words == action {
				t.Errorf("%s (%s) has no words in %s", action, path, lang)
			}
		}
		if admin.ActionGroup(action) == "" {
			t.Errorf("%s belongs to no group of the filter", action)
		}
	}
}
