package db_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
)

// Campaigns of before there were versions get one, which reads as the program would have
// written it.
func TestACampaignOfBeforeVersionsGetsItsFirst(t *testing.T) {
	t.Parallel()
	ctx, folder := context.Background(), t.TempDir()
	d := dbtest.OpenAt(t, folder)
	now := func() time.Time { return time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC) }
	dbtest.Seed(t, d, now)
	service := campaigns.New(campaigns.Options{Store: d, Now: now})
	draft := dbtest.Draft(now(), "old", 100, campaigns.WeChatCard)
	draft.Form, draft.Limits.PerDay = campaigns.ClassicForm(), 3
	c, err := service.Create(ctx, campaigns.Actor{ID: "p", Name: "test"}, draft)
	ok(t, err)
	written, err := d.VersionAt(ctx, c.ID, 1)
	ok(t, err)

	script, err := os.ReadFile(filepath.Join("migrations", "0015_versions.sql"))
	ok(t, err)
	_, insert, found := strings.Cut(string(script), "INSERT INTO campaign_versions")
	must(t, found, "the migration fills nothing")
	raw, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "kaquan.db"))
	ok(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	for _, statement := range []string{"DELETE FROM campaign_versions", "INSERT INTO campaign_versions" + insert} {
		_, err := raw.ExecContext(ctx, statement)
		ok(t, err)
	}
	filled, err := d.VersionAt(ctx, c.ID, 9)
	ok(t, err)
	if list := campaigns.Diff(written.Draft, filled.Draft); len(list) > 0 || filled.Number != 1 || filled.Draft.Form[0].Key != draft.Form[0].Key {
		t.Errorf("the migration writes %v", list)
	}
}
