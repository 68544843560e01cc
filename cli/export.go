package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"time"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/sheets"
)

type exportCommand struct {
	Claims    exportClaimsCommand    `cmd:"" help:"Write claims to a file, personal data as it is. 导出领取记录。"`
	Users     exportUsersCommand     `cmd:"" help:"Write users to a file, personal data as it is. 导出用户。"`
	Campaigns exportCampaignsCommand `cmd:"" help:"Write campaigns and their numbers to a file. 导出活动和数字。"`
}

// exportTarget is what every export asks for.
type exportTarget struct {
	Account string `required:"" placeholder:"ID" help:"Official account. 公众号编号。"`
	To      string `required:"" placeholder:"FILE" help:"File to write: .xlsx or .csv. 目标文件。"`

	Columns []string `placeholder:"NAME" help:"Only these columns, by their names in the API. 只要这些列。"`
}

type exportClaimsCommand struct {
	exportTarget `embed:""`

	Campaign string `placeholder:"SLUG" help:"Only of this campaign. 只要这个活动。"`
	From     string `placeholder:"DAY" help:"Claimed on this day or later, as 2026-11-21. 从哪天。"`
	Until    string `placeholder:"DAY" help:"Claimed on this day or before. 到哪天。"`
}

type (
	exportUsersCommand struct {
		exportTarget `embed:""`
	}
	exportCampaignsCommand struct {
		exportTarget `embed:""`
	}
)

// writer is what an export does once everything is open.
type writer func(ctx context.Context, service *campaigns.Service, account campaigns.AccountID, out io.Writer, asCSV bool, bar *progressLine) (sheets.Result, error)

// run opens the database, writes the file, which must not exist, and notes it in the audit.
// What fails leaves no file.
func (t *exportTarget) run(ctx context.Context, env *Env, kind campaigns.ExportKind, detail map[string]any, write writer) (err error) {
	asCSV := filepath.Ext(t.To) == ".csv"
	if !asCSV && filepath.Ext(t.To) != ".xlsx" {
		return fault.New(fault.Invalid, "imports.cli.extension")
	}
	if t.Columns, err = campaigns.ChooseExportColumns(kind, t.Columns); err != nil {
		return err
	}
	store, err := OpenStore(ctx, env.Config, env.Log)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	account, err := store.Account(ctx, campaigns.AccountID(t.Account))
	if err != nil {
		return err
	}
	file, err := os.OpenFile(t.To, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fault.New(fault.Conflict, "imports.cli.exists", "file", t.To)
	}
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, file.Close())
		if err != nil {
			_ = os.Remove(t.To)
		}
	}()
	service := campaigns.New(campaigns.Options{Store: store, Log: env.Log})
	detail["by"], detail["kind"], detail["masked"] = "command line", kind, false
	if t.Columns != nil {
		detail["columns"] = t.Columns
	}
	if err := people.New(store, people.Options{Log: env.Log}).Record(ctx, people.Person{}, "", string(kind)+".export", "account", string(account.ID), detail); err != nil {
		return err
	}
	words := terminal(ctx)
	result, err := write(words, service, account.ID, file, asCSV, &progressLine{out: env.Err, every: time.Second})
	if err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.Out, i18n.T(words, "imports.cli.exported", "rows", result.Rows, "file", t.To, "sum", result.SHA256))
	return err
}

// Run writes claims.
func (c *exportClaimsCommand) Run(ctx context.Context, env *Env) error {
	detail := map[string]any{"campaign": c.Campaign, "from": c.From, "to": c.Until}
	return c.run(ctx, env, campaigns.ExportClaims, detail, func(ctx context.Context, service *campaigns.Service, account campaigns.AccountID, out io.Writer, asCSV bool, bar *progressLine) (sheets.Result, error) {
		f := campaigns.ClaimFilter{Account: account}
		var err error
		if f.From, err = dayOf(c.From, 0); err != nil {
			return sheets.Result{}, err
		}
		if f.To, err = dayOf(c.Until, 1); err != nil {
			return sheets.Result{}, err
		}
		o := sheets.ClaimSheet{Zone: campaigns.Shanghai(), Created: time.Now(), CSV: asCSV, Columns: c.Columns}
		list, err := service.Campaigns(ctx, campaigns.CampaignFilter{Account: account, Archived: true})
		if err != nil {
			return sheets.Result{}, err
		}
		for _, one := range list {
			if c.Campaign == "" || string(one.Slug) == c.Campaign {
				o.Campaigns = append(o.Campaigns, one)
			}
		}
		if c.Campaign != "" {
			if len(o.Campaigns) == 0 {
				return sheets.Result{}, campaigns.ErrCampaignNotFound
			}
			f.Campaign = o.Campaigns[0].ID
		}
		return sheets.Claims(ctx, out, told(service.EachClaim(ctx, f), bar), o, nil)
	})
}

// Run writes users.
func (c *exportUsersCommand) Run(ctx context.Context, env *Env) error {
	return c.run(ctx, env, campaigns.ExportUsers, map[string]any{}, func(ctx context.Context, service *campaigns.Service, account campaigns.AccountID, out io.Writer, asCSV bool, bar *progressLine) (sheets.Result, error) {
		rows := service.EachVisitor(ctx, campaigns.VisitorFilter{Account: account})
		return sheets.Visitors(ctx, out, told(rows, bar), sheets.VisitorSheet{Zone: campaigns.Shanghai(), Created: time.Now(), CSV: asCSV, Columns: c.Columns}, nil)
	})
}

// Run writes campaigns.
func (c *exportCampaignsCommand) Run(ctx context.Context, env *Env) error {
	return c.run(ctx, env, campaigns.ExportCampaigns, map[string]any{}, func(ctx context.Context, service *campaigns.Service, account campaigns.AccountID, out io.Writer, asCSV bool, _ *progressLine) (sheets.Result, error) {
		page, err := service.Overview(ctx, campaigns.OverviewFilter{Account: account})
		if err != nil {
			return sheets.Result{}, err
		}
		return sheets.Campaigns(ctx, out, page.Rows, sheets.CampaignSheet{Created: time.Now(), CSV: asCSV, Columns: c.Columns})
	})
}

// told counts rows on their way.
func told[T any](rows iter.Seq2[T, error], bar *progressLine) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		n := 0
		for row, err := range rows {
			if !yield(row, err) {
				return
			}
			if n++; n%1000 == 0 {
				bar.show(n, 0)
			}
		}
	}
}

// dayOf is the start of a day in Shanghai, some days later; zero for no day.
func dayOf(text string, later int) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, campaigns.Shanghai())
	if err != nil {
		return t, fault.New(fault.Invalid, "imports.cli.day").Because(err)
	}
	return t.AddDate(0, 0, later), nil
}
