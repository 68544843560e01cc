package cli

import (
	"context"
	"errors"
	"fmt"
)

type serveCommand struct{}

// Run serves until a signal. On a fresh installation it prints the one-time setup link.
func (serveCommand) Run(ctx context.Context, env *Env) error {
	app, err := Open(ctx, env.Config, env.Version, env.Log)
	if err != nil {
		return err
	}
	if err := app.printSetup(ctx, env); err != nil {
		return errors.Join(err, app.Close())
	}
	return errors.Join(app.Run(ctx), app.Close())
}

// printSetup prints where the first administrator is made, while there is none. Nobody
// who cannot read this terminal can make one.
func (a *App) printSetup(ctx context.Context, env *Env) error {
	n, err := a.DB.CountPeople(ctx)
	if err != nil || n > 0 {
		return err
	}
	token, err := a.People.IssueSetupToken(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Out, "\n还没有管理员。30 分钟内打开这个链接创建第一个账号：\nNo administrator yet. Create the first account within 30 minutes:\n\n  %s/admin/setup?token=%s\n\n", a.Public, token)
	return err
}
