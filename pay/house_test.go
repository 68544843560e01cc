package pay

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Money is whole fen.
func TestNoFileOfThePackageKnowsFractionalNumbers(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 15 {
		t.Fatal(files, err)
	}
	banned := regexp.MustCompile(`^(Parse|Append|Format)?[Ff]loat(32|64)?$`)
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				if banned.MatchString(n.Name) {
					t.Errorf("%s uses %s", name, n.Name)
				}
			case *ast.BasicLit:
				if n.Kind == token.FLOAT {
					t.Errorf("%s has the number %s", name, n.Value)
				}
			case *ast.ImportSpec:
				path := strings.Trim(n.Path.Value, `"`)
				if strings.HasPrefix(path, "kaquan") || strings.HasPrefix(path, "log") && !(name == "merchant.go" && path == "log/slog") {
					t.Errorf("%s imports %s", name, path)
				}
			}
			return true
		})
	}
}

func TestPrintingShowsNoKeyAndNoPayer(t *testing.T) {
	t.Parallel()
	m := merchantV3()
	m.V2Key = testV2Key
	g, err := New(Options{Merchant: m})
	if err != nil {
		t.Fatal(err)
	}
	things := []any{
		m, &m,
		Options{Merchant: m},
		g, orderOf("kq0001"),
		Payment{OpenID: testPayer},
		BillRow{OpenID: testPayer},
		[]Merchant{m},
		map[string]Payment{"a": {OpenID: testPayer}},
	}
	for _, thing := range things {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			text := fmt.Sprintf(verb, thing)
			for _, secret := range []string{testV2Key, testV3Key, testPayer, "PRIVATE KEY", fmt.Sprintf("%x", testPayer)} {
				if strings.Contains(text, secret) {
					t.Errorf("%s of %T shows %s", verb, thing, secret)
				}
			}
		}
	}
	if text := m.LogValue().String(); strings.Contains(text, testV3Key) {
		t.Error("the log value shows the key")
	}
}
