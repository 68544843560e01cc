package db_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"kaquan/db/dbtest"
)

func TestListsAndSearchesReadNoWholeTableOfClaimsOrVisitors(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	dbtest.OpenAt(t, folder)
	raw, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "kaquan.db"))
	ok(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	all := queries(t)
	for name, args := range map[string][]any{
		"qOverviews": {""}, "qOverviewOwners": nil, "qOverviewHours": {"[]"}, "qOverviewTotals": {"[]"}, "qVisitorsByOpenID": {"a", "b", 1}, "qVisitorsByName": {"a", "b", 1}, "qClaimByRef": {"a"},
		"qStatusNow": {1}, "qPreferences": {"p"}, "qTakeUndo": {"a", "b", 1, 2},
	} {
		rows, err := raw.Query("EXPLAIN QUERY PLAN "+all[name], args...)
		ok(t, err)
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			ok(t, rows.Scan(&id, &parent, &unused, &detail))
			plan = append(plan, detail)
			for _, table := range []string{"k", "claims", "v", "visitors", "audit", "h", "t", "campaign_undos", "person_preferences"} {
				scan := "SCAN " + table
				must(t, detail != scan, "%s reads all of %s: %s", name, table, detail)
			}
		}
		ok(t, rows.Err())
		_ = rows.Close()
		whole := strings.Join(plan, "\n")
		switch name {
		case "qOverviewHours":
			must(t, strings.Contains(whole, "COVERING INDEX claims_confirmed"), "the hours are not in the index:\n%s", whole)
		case "qOverviewTotals":
			must(t, strings.Contains(whole, "claims_campaign_state (campaign_id=? AND state=?)"), "redeemed claims are not in the index:\n%s", whole)
		case "qOverviewOwners":
			must(t, strings.Contains(whole, "audit_made"), "owners are not in the index:\n%s", whole)
		}
	}
}
