package db

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrate brings the schema to the newest version and returns the versions applied. Each
// migration is one transaction. A repeat is safe. A schema newer than this binary is
// refused with a sentence. Before changing a schema that exists, a copy of the file is
// made beside it.
func (d *DB) Migrate(ctx context.Context) ([]int64, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	// The writer's pool has one connection and the writer keeps it.
	pool, err := openPool(d.path, writing, 1)
	if err != nil {
		return nil, err
	}
	defer func() { _ = pool.Close() }()
	// Migrations of one release may land in another order than their numbers say.
	provider, err := goose.NewProvider(goose.DialectSQLite3, pool, files, goose.WithAllowOutofOrder(true))
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	current, err := provider.GetDBVersion(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	sources := provider.ListSources()
	newest := sources[len(sources)-1].Version
	if current > newest {
		return nil, fmt.Errorf("the database has schema version %d, this program knows up to %d: start the newer program, or restore the copy made before the upgrade", current, newest)
	}
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	if current > 0 && pending {
		name := fmt.Sprintf("before-upgrade-v%d-%s.db", current, time.Now().UTC().Format("20060102-150405"))
		if err := d.Backup(ctx, filepath.Join(filepath.Dir(d.path), name)); err != nil {
			return nil, fmt.Errorf("copy before migration: %w", err)
		}
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	applied := make([]int64, 0, len(results))
	for _, r := range results {
		applied = append(applied, r.Source.Version)
	}
	return applied, nil
}
