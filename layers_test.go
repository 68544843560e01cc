package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// everything stands for every room; only the rooms that put the parts together have it.
const everything = "*"

// mayImport is the table of docs/architecture.md: a room may import the rooms named here and its own
// folders. A new edge is an edit here, so that it is seen in review.
var mayImport = map[string][]string{
	"fault":      {},
	"wechat":     {},
	"sandbox":    {},
	"i18n":       {},
	"assets":     {},
	"config":     {"fault"},
	"people":     {"fault"},
	"jobs":       {"fault"},
	"campaigns":  {"fault", "wechat"},
	"metrics":    {"fault", "campaigns", "wechat"},
	"doctor":     {"fault", "wechat"},
	"reach":      {"fault", "wechat"},
	"pay":        {},
	"media":      {"fault"},
	"stores":     {"fault"},
	"mini":       {"fault", "campaigns", "wechat"},
	"redemption": {"fault", "campaigns", "stores", "wechat"},
	"orders":     {"fault", "campaigns", "pay", "wechat"},
	"db":         {"fault", "campaigns", "people", "doctor", "reach", "jobs", "wechat", "stores", "mini", "redemption", "orders", "media"},
	"sheets":     {"fault", "campaigns", "stores", "orders", "i18n"},
	"views":      {"fault", "campaigns", "people", "doctor", "reach", "stores", "mini", "redemption", "orders", "media", "i18n", "assets", "wechat"},
	"web":        {"fault", "views", "campaigns", "people", "doctor", "reach", "stores", "mini", "redemption", "orders", "media", "sheets", "jobs", "i18n", "assets", "wechat", "pay", "config"},
	"cli":        {everything},
	"main":       {"cli"},
	"bench":      {everything},
	"e2e":        {everything},
}

// testsMayImport is what the tests of a room may import besides: the real store and the sandbox, so
// that tests run on real parts. A room at the bottom is tested alone, and the sandbox never meets
// the code that it checks.
var testsMayImport = map[string][]string{
	"wechat":     {"sandbox"},
	"people":     {"db"},
	"jobs":       {"db"},
	"campaigns":  {"db", "sandbox"},
	"doctor":     {"campaigns", "db", "i18n"},
	"reach":      {"db", "campaigns"},
	"sheets":     {"db"},
	"pay":        {"sandbox"},
	"stores":     {"db"},
	"mini":       {"db", "sandbox"},
	"redemption": {"db", "stores", "campaigns"},
	"orders":     {"db", "sandbox", "redemption", "stores"},
	"web":        {"db", "sandbox"},
	"main":       {everything},
}

// top are the rooms that nobody imports.
var top = []string{"main", "bench", "e2e"}

// foreign names the rooms that may import a library which shapes its user, outside of tests. The
// whole-program tests in e2e may use any.
var foreign = map[string][]string{
	"github.com/gofiber/fiber/v2":   {"web", "bench"},
	"github.com/valyala/fasthttp":   {"web", "bench"},
	"modernc.org/sqlite":            {"db", "bench"},
	"github.com/jmoiron/sqlx":       {"db", "bench"},
	"github.com/pressly/goose/v3":   {"db"},
	"github.com/xuri/excelize/v2":   {"sheets", "bench"},
	"github.com/a-h/templ":          {"views", "web"},
	"github.com/prometheus":         {"metrics"},
	"github.com/alecthomas/kong":    {"config", "cli"},
	"github.com/chromedp/chromedp":  {"e2e"},
	"pgregory.net/rapid":            {},
	"go.uber.org/goleak":            {},
	"github.com/mattn/go-sqlite3":   {},
	"github.com/google/go-cmp/cmp":  {},
	"modernc.org/libc":              {},
	"github.com/pelletier/go-toml":  {"config"},
	"github.com/nicksnyder/go-i18n": {"i18n"},
}

type pkg struct {
	ImportPath, Dir, Name              string
	GoFiles, TestGoFiles, XTestGoFiles []string
	Imports, TestImports, XTestImports []string
}

const module = "kaquan"

// room is the first folder of one of our packages; "" for the packages of others.
func room(importPath string) string {
	if importPath == module {
		return "main"
	}
	inner, ours := strings.CutPrefix(importPath, module+"/")
	if !ours {
		return ""
	}
	first, _, _ := strings.Cut(inner, "/")
	return first
}

var packages = sync.OnceValues(func() ([]pkg, error) {
	out, err := golist("-e", "-json=ImportPath,Dir,Name,GoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports", "./...")
	if err != nil {
		return nil, err
	}
	var list []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, err
		}
		list = append(list, p)
	}
})

func golist(args ...string) ([]byte, error) {
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Stderr = os.Stderr
	return cmd.Output()
}

func load(t *testing.T) []pkg {
	t.Helper()
	list, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 5 {
		t.Fatalf("go list sees only %d packages", len(list))
	}
	return list
}

// broken tells why from may not import to, or "".
func broken(from, to string, inTests bool) string {
	allowed := mayImport[from]
	if inTests {
		allowed = append(slices.Clone(allowed), testsMayImport[from]...)
	}
	switch {
	case from == to:
		return ""
	case slices.Contains(top, to):
		return "nobody imports " + to
	case slices.Contains(allowed, to), slices.Contains(allowed, everything):
		return ""
	}
	return from + " may import " + strings.Join(allowed, ", ") + " only"
}

func TestEveryPackageImportsOnlyFromTheLayersBelowIt(t *testing.T) {
	t.Parallel()
	for _, p := range load(t) {
		from := room(p.ImportPath)
		if _, known := mayImport[from]; !known {
			t.Errorf("%s is not in the table of layers_test.go: give the room its layer", p.ImportPath)
			continue
		}
		check := func(imports []string, inTests bool) {
			for _, to := range imports {
				if room(to) == "" {
					continue
				}
				if why := broken(from, room(to), inTests); why != "" {
					t.Errorf("%s imports %s: %s", p.ImportPath, to, why)
				}
				if strings.HasSuffix(to, "test") && !inTests && !slices.Contains(top, from) {
					t.Errorf("%s imports %s, which is for tests", p.ImportPath, to)
				}
			}
		}
		check(p.Imports, false)
		check(p.TestImports, true)
		check(p.XTestImports, true)
	}
}

func TestTheTableItselfForbidsWhatMustNeverBe(t *testing.T) {
	t.Parallel()
	for _, edge := range []struct {
		from, to string
		inTests  bool
	}{
		{"sandbox", "wechat", true},
		{"sandbox", "wechat", false},
		{"wechat", "sandbox", false},
		{"web", "db", false},
		{"web", "sandbox", false},
		{"web", "metrics", false},
		{"db", "metrics", false},
		{"metrics", "db", false},
		{"campaigns", "db", false},
		{"campaigns", "web", true},
		{"db", "web", true},
		{"views", "db", true},
		{"cli", "main", false},
		{"e2e", "bench", true},
	} {
		if broken(edge.from, edge.to, edge.inTests) == "" {
			t.Errorf("%s → %s is allowed (in tests: %t)", edge.from, edge.to, edge.inTests)
		}
	}
	// The order of the rooms: what a room may import must not lead back to it.
	var walk func(path []string)
	walk = func(path []string) {
		for _, to := range mayImport[path[len(path)-1]] {
			if slices.Contains(path, to) {
				t.Errorf("the table has a circle: %s", strings.Join(append(path, to), " → "))
				return
			}
			if _, known := mayImport[to]; !known && to != everything {
				t.Errorf("%s is allowed but is no room", to)
			}
			walk(append(slices.Clone(path), to))
		}
	}
	for from := range mayImport {
		walk([]string{from})
	}
}

func TestLibrariesStayInTheRoomsThatOwnThem(t *testing.T) {
	t.Parallel()
	for _, p := range load(t) {
		if room(p.ImportPath) == "e2e" {
			continue
		}
		for _, to := range p.Imports {
			for library, rooms := range foreign {
				inside := to == library || strings.HasPrefix(to, library+"/")
				if inside && !slices.Contains(rooms, room(p.ImportPath)) {
					t.Errorf("%s imports %s, which belongs to %q", p.ImportPath, to, rooms)
				}
			}
		}
	}
}

func TestEveryFolderSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	for _, p := range load(t) {
		if len(p.GoFiles)+len(p.TestGoFiles)+len(p.XTestGoFiles) == 0 || room(p.ImportPath) == "main" {
			continue
		}
		if !slices.Contains(p.GoFiles, "doc.go") {
			t.Errorf("%s has no doc.go", p.ImportPath)
		}
		for _, vague := range []string{"util", "utils", "common", "helper", "helpers", "misc", "models", "shared", "base"} {
			if p.Name == vague || path.Base(p.ImportPath) == vague {
				t.Errorf("%s: name the package for what is in it", p.ImportPath)
			}
		}
	}
}

// banned are the calls of Fiber that reach known flaws below it, or read hostile input into structs,
// and the mode in which several processes would hold the writing connection.
var banned = []string{"Static", "SendFile", "Download", "AutoFormat", "BodyParser", "Prefork"}

func TestBannedCallsOfFiberAreNotMade(t *testing.T) {
	t.Parallel()
	for _, p := range load(t) {
		for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
			file := path.Join(p.Dir, name)
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range bannedUses(t, file, source) {
				t.Errorf("%s", found)
			}
		}
	}
}

func bannedUses(t *testing.T, name string, source []byte) []string {
	t.Helper()
	if !bytes.Contains(source, []byte("gofiber/fiber")) {
		return nil
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		var used *ast.Ident
		switch n := n.(type) {
		case *ast.SelectorExpr:
			used = n.Sel
		case *ast.KeyValueExpr:
			used, _ = n.Key.(*ast.Ident)
		}
		if used != nil && slices.Contains(banned, used.Name) {
			found = append(found, fset.Position(used.Pos()).String()+": "+used.Name+" must not be used")
		}
		return true
	})
	return found
}

func TestTheScanForBannedCallsFindsEachOfThem(t *testing.T) {
	t.Parallel()
	source := `package p
import "github.com/gofiber/fiber/v2"
func f(app *fiber.App, c *fiber.Ctx) {
	app.Static("/", "x"); c.SendFile("x"); c.Download("x"); c.AutoFormat(1)
	_ = c.BodyParser
	_ = fiber.New(fiber.Config{Prefork: true})
	c.Send(nil)
}`
	if found := bannedUses(t, "p.go", []byte(source)); len(found) != len(banned) {
		t.Fatalf("found %q", found)
	}
}

func TestSQLiteRunsOnTheLibcItWasReleasedWith(t *testing.T) {
	t.Parallel()
	out, err := golist("-m", "-f", "{{.Path}} {{.Version}} {{.GoMod}}", "modernc.org/sqlite", "modernc.org/libc")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	sqlite, libc := strings.Fields(lines[0]), strings.Fields(lines[1])
	gomod, err := os.ReadFile(sqlite[2])
	if err != nil {
		t.Fatal(err)
	}
	pinned := regexp.MustCompile(`(?m)^\s*(?:require )?modernc\.org/libc (\S+)`).FindSubmatch(gomod)
	if pinned == nil {
		t.Fatal("sqlite's go.mod names no libc")
	}
	if string(pinned[1]) != libc[1] {
		t.Fatalf("sqlite %s was released with libc %s, and go.mod has %s: set it back", sqlite[1], pinned[1], libc[1])
	}
}

func TestTheOtherSQLiteDriverAndTheTestToolsAreNotLinked(t *testing.T) {
	t.Parallel()
	out, err := golist("-e", "-deps", ".")
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.Lines(string(out)) {
		dep = strings.TrimSpace(dep)
		for _, no := range []string{"github.com/mattn/go-sqlite3", "github.com/chromedp", "pgregory.net/rapid", "go.uber.org/goleak"} {
			if dep == no || strings.HasPrefix(dep, no+"/") {
				t.Errorf("the program links %s", dep)
			}
		}
	}
}
