package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"kaquan/db"
)

const (
	// backupFolder is where the doctor looks, inside the data folder.
	backupFolder = "backups"
	nightlyName  = "nightly-"
	keyName      = "kaquan.key"
	backupTime   = "20060102-150405"
)

type backupCommand struct {
	To    string `arg:"" optional:"" placeholder:"FILE" help:"File to write. Default: a name with the time in the folder backups of the data folder. 目标文件。"`
	NoKey bool   `help:"Leave the key out: without it the secrets in the copy cannot be read. 不包含密钥文件。"`
}

// Run copies the database, and the key that seals its secrets beside it, while the server
// may go on working.
func (c backupCommand) Run(ctx context.Context, env *Env) error {
	store, err := OpenStore(ctx, env.Config, env.Log)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	to := c.To
	if to == "" {
		to = filepath.Join(env.Config.Data, backupFolder, "kaquan-"+time.Now().Format(backupTime)+".db")
	}
	if err := store.Backup(ctx, to); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(env.Out, to); err != nil || c.NoKey {
		return err
	}
	key := keyOf(to)
	if err := copyFile(key, filepath.Join(filepath.Dir(env.Config.SQLitePath()), keyName)); err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.Out, key)
	return err
}

// keyOf is the key file that belongs to a copy.
func keyOf(copied string) string { return strings.TrimSuffix(copied, ".db") + ".key" }

// copyFile makes to, which must not exist, readable by its owner alone.
func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

type restoreCommand struct {
	From string `arg:"" placeholder:"FILE" help:"Copy that backup made. 备份文件。"`
}

// Run puts a copy in the place of the database. The server must be stopped. What was there
// is kept in a folder whose name it prints; a copy that is damaged or of a newer program
// changes nothing.
func (c restoreCommand) Run(ctx context.Context, env *Env) error {
	version, err := db.CheckCopy(ctx, c.From)
	if err != nil {
		return err
	}
	if (healthcheckCommand{}).Run(ctx, env) == nil {
		return fmt.Errorf("a server answers at %s: stop it first", env.Config.Listen)
	}
	path := env.Config.SQLitePath()
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	aside := filepath.Join(folder, "before-restore-"+time.Now().Format(backupTime))
	key := filepath.Join(folder, keyName)
	newKey := keyOf(c.From)
	if _, err := os.Stat(newKey); err != nil {
		newKey = ""
	}
	moved := []string{path, path + "-wal", path + "-shm"}
	if newKey != "" {
		moved = append(moved, key)
	}
	kept := false
	for _, name := range moved {
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.MkdirAll(aside, 0o700); err != nil {
			return err
		}
		if err := os.Rename(name, filepath.Join(aside, filepath.Base(name))); err != nil {
			return err
		}
		kept = true
	}
	if err := copyFile(path, c.From); err != nil {
		return err
	}
	if newKey != "" {
		if err := copyFile(key, newKey); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(env.Out, "restored %s (schema version %d)\n", filepath.Base(c.From), version); err != nil {
		return err
	}
	if newKey == "" {
		if _, err := fmt.Fprintln(env.Out, "there was no key beside it: the key that is here stays, and must be the one of that time"); err != nil {
			return err
		}
	}
	if kept {
		_, err = fmt.Fprintln(env.Out, "what was there before is in", aside)
	}
	return err
}

// nightly copies the database once a day into the folder that the doctor looks at, without
// the key, and keeps the last ones. keep 0 makes none.
func (a *App) nightly(ctx context.Context) error {
	keep := a.cfg.Backups
	if keep == 0 {
		return nil
	}
	folder := filepath.Join(a.cfg.Data, backupFolder)
	names, err := filepath.Glob(filepath.Join(folder, nightlyName+"*.db"))
	if err != nil {
		return err
	}
	slices.Sort(names)
	now := time.Now()
	if len(names) > 0 {
		made, err := os.Stat(names[len(names)-1])
		if err == nil && now.Sub(made.ModTime()) < 23*time.Hour {
			return nil
		}
	}
	name := filepath.Join(folder, nightlyName+now.Format(backupTime)+".db")
	if err := a.DB.Backup(ctx, name); err != nil {
		return err
	}
	names = append(names, name)
	for _, old := range names[:max(0, len(names)-keep)] {
		if err := os.Remove(old); err != nil {
			return err
		}
	}
	return nil
}
