package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/sheets"
)

type importCommand struct {
	Users importUsersCommand `cmd:"" help:"Bring the user table of another system along. 导入用户表。"`
}

type importUsersCommand struct {
	File     string `arg:"" placeholder:"FILE" help:"Table with a column openid: csv or xlsx. 用户表。"`
	Account  string `required:"" placeholder:"ID" help:"Official account that the openids belong to. 公众号编号。"`
	Campaign string `placeholder:"SLUG" help:"Campaign in which people with addcard = 1 get a card. 补发到哪个活动。"`
	DryRun   bool   `help:"Only say what would happen. 只检查，不写入。"`
	Problems string `placeholder:"FILE" help:"Where lines with problems are written. Default: the table's name and -problems.xlsx. 有问题的行写到哪里。"`
}

// maxImportTable bounds a table in bytes, as the admin does.
const maxImportTable = 64 << 20

// Run looks at the table, says what it would do, and does it. A second run of the same
// table changes nothing. It may run beside the server.
func (c importUsersCommand) Run(ctx context.Context, env *Env) error {
	content, err := readBounded(c.File, maxImportTable)
	if err != nil {
		return err
	}
	table, err := sheets.ReadPeople(content)
	if err != nil {
		return err
	}
	store, err := OpenStore(ctx, env.Config, env.Log)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	service := campaigns.New(campaigns.Options{Store: store, Log: env.Log})
	account, err := store.Account(ctx, campaigns.AccountID(c.Account))
	if err != nil {
		return err
	}
	var campaign *campaigns.Campaign
	if c.Campaign != "" {
		if campaign, err = service.BySlug(ctx, campaigns.Slug(c.Campaign)); err != nil {
			return err
		}
	}
	work, err := service.PeopleImport(campaigns.Actor{Name: "command line"}, account.ID, campaign)
	if err != nil {
		return err
	}
	ctx = terminal(ctx)
	bar := &progressLine{out: env.Err, every: time.Second}
	if err := work.Look(ctx, table, bar.show); err != nil {
		return err
	}
	r := &work.Report
	say := func(key string, args ...any) { fmt.Fprintln(env.Out, i18n.T(ctx, key, args...)) }
	say("imports.cli.checked", "rows", r.Rows, "new", r.New, "changed", r.Changed, "known", r.Known, "twice", r.Twice, "bad", r.Bad, "cards", r.Cards)
	for _, note := range r.Notes {
		fmt.Fprintln(env.Out, i18n.TArgs(ctx, note.Key, note.Args))
	}
	if c.DryRun {
		say("imports.cli.dry")
	} else {
		added, err := work.Store(ctx, bar.show)
		say("imports.cli.done", "added", added, "given", r.Given)
		if err != nil {
			return err
		}
	}
	if len(r.Problems) == 0 {
		return nil
	}
	name := c.Problems
	if name == "" {
		name = c.File[:len(c.File)-len(filepath.Ext(c.File))] + "-problems.xlsx"
	}
	if err := writeProblems(ctx, name, r.Problems); err != nil {
		return err
	}
	say("imports.cli.problems", "count", len(r.Problems), "file", name)
	return nil
}

func writeProblems(ctx context.Context, name string, problems []campaigns.ImportProblem) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = sheets.ImportProblems(ctx, file, problems, time.Now())
	return errors.Join(err, file.Close())
}

// readBounded is a file of at most limit bytes.
func readBounded(name string, limit int64) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = sheets.ErrTableHuge
	}
	return content, err
}

// progressLine says from time to time how far a long command is.
// A total of 0 is not known.
type progressLine struct {
	out   io.Writer
	every time.Duration
	last  time.Time
}

func (p *progressLine) show(done, total int) {
	now := time.Now()
	if p.last.IsZero() {
		p.last = now
	}
	if now.Sub(p.last) < p.every {
		return
	}
	p.last = now
	if total == 0 {
		fmt.Fprintln(p.out, done)
		return
	}
	fmt.Fprintf(p.out, "%d / %d\n", done, total)
}
