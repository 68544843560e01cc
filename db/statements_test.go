package db_test

import (
	"context"
	"database/sql"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kaquan/db/dbtest"
)

// queries are the constant statements of the package, by name, as the compiler sees them.
func queries(t *testing.T) map[string]string {
	t.Helper()
	fset := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	ok(t, err)
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		ok(t, err)
		files = append(files, f)
	}
	info := types.Info{Defs: map[*ast.Ident]types.Object{}}
	// Imports are not resolved: constants made of string literals need none.
	checker := types.Config{Error: func(error) {}, Importer: nil, FakeImportC: true}
	_, _ = checker.Check("db", fset, files, &info)
	all := map[string]string{}
	for ident, object := range info.Defs {
		if c, ok := object.(*types.Const); ok && regexp.MustCompile(`^q[A-Z]`).MatchString(ident.Name) && c.Val() != nil {
			all[ident.Name] = constant.StringVal(c.Val())
		}
	}
	return all
}

func TestEveryStatementPreparesAgainstTheMigratedSchema(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	dbtest.OpenAt(t, folder)
	raw, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "kaquan.db"))
	ok(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	all := queries(t)
	must(t, len(all) > 40, "only %d statements were found", len(all))
	for name, query := range all {
		s, err := raw.PrepareContext(context.Background(), query)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, query)
			continue
		}
		_ = s.Close()
	}
}

// SQLite seeks by the bound that is written first; "> 0" is only there to choose a partial
// index, and as the first bound it would read the whole index.
func TestTheBoundOfAnIndexComesBeforeTheConditionThatChoosesIt(t *testing.T) {
	t.Parallel()
	for name, query := range queries(t) {
		for _, found := range regexp.MustCompile(`(\w+_at) > 0 AND (?:\w+\.)?(\w+_at) [<>]`).FindAllStringSubmatch(query, -1) {
			if found[1] == found[2] {
				t.Errorf("%s: write the other bound of %s first", name, found[1])
			}
		}
	}
}

func TestHotQueriesUseAnIndex(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	dbtest.OpenAt(t, folder)
	raw, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "kaquan.db"))
	ok(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	all := queries(t)
	for _, name := range []string{
		"qCampaignBySlug", "qCampaignByID", "qClaimByID", "qClaimByKey", "qClaimsOf", "qQuota", "qExpiredHolds", "qClaimByCode", "qClaimByRefOf",
		"qClaimWaiting", "qMiniClaimByRef", "qCampaignOfCard", "qErasedSince", "qGiverOf", "qWaitingPushes", "qUnsettled", "qWithCode", "qPushTimes", "qTrimPushes", "qHistory", "qVisitorByID", "qToken", "qSessionByID", "qReplyRules", "qScene", "qScenes",
		"qOpenExports", "qCountOpenExports", "qDueNotices", "qNotices", "qTrimDeliveries", "qMedia", "qConfirmedNews", "qRedeemedNews", "qShare", "qTakeInvitation", "qTakePoolCode", "qMoveUniques", "qMoveInvitation", "qMovePoolCode", "qPoolCodeOf", "qPoolOfCode", "qStockNote",
	} {
		query, found := all[name]
		must(t, found, "no statement %s", name)
		args := make([]any, len(slices.Compact(slices.Sorted(slices.Values(regexp.MustCompile(`\$\d+`).FindAllString(query, -1))))))
		rows, err := raw.Query("EXPLAIN QUERY PLAN "+query, args...)
		ok(t, err)
		for rows.Next() {
			var id, parent, unused int
			var detail string
			ok(t, rows.Scan(&id, &parent, &unused, &detail))
			must(t, !strings.HasPrefix(detail, "SCAN"), "%s scans a whole table: %s", name, detail)
		}
		ok(t, rows.Err())
		_ = rows.Close()
	}
}
