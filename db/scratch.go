package db

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"kaquan/campaigns"
)

var _ campaigns.Scratch = Scratch

// Scratch opens an empty, migrated ledger in a folder of its own below the system's
// temporary one. The returned function closes it and removes the folder.
func Scratch(ctx context.Context) (campaigns.ScratchStore, func() error, error) {
	folder, err := os.MkdirTemp("", "kaquan-rehearsal-")
	if err != nil {
		return nil, nil, err
	}
	d, err := Open(ctx, Options{Path: filepath.Join(folder, "scratch.db"), KeyFile: filepath.Join(folder, "scratch.key"), Scratch: true})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(folder))
	}
	remove := func() error { return errors.Join(d.Close(), os.RemoveAll(folder)) }
	if _, err := d.Migrate(ctx); err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	return d, remove, nil
}
