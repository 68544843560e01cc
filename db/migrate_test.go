package db

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/pressly/goose/v3"
)

// A database of an older program is copied before its schema changes, for its owner alone;
// one that needs no change is not.
func TestADatabaseIsCopiedBeforeItsSchemaChanges(t *testing.T) {
	t.Parallel()
	ctx, folder := context.Background(), t.TempDir()
	open := func() *DB {
		t.Helper()
		d, err := Open(ctx, Options{Path: filepath.Join(folder, "kaquan.db"), KeyFile: filepath.Join(folder, "kaquan.key")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
	old := open()
	pool, err := openPool(old.path, writing, 1)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, pool, os.DirFS("migrations"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to change
		if _, err := old.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
	}
	copies, err := filepath.Glob(filepath.Join(folder, "before-upgrade-v1-*.db"))
	if err != nil || len(copies) != 1 {
		t.Fatalf("copies: %v, %v", copies, err)
	}
	info, err := os.Stat(copies[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if version, err := CheckCopy(ctx, copies[0]); err != nil || version != 1 {
		t.Errorf("the copy has version %d, %v", version, err)
	}
}
