package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"kaquan/doctor"
	"kaquan/i18n"
	"kaquan/wechat"
)

type doctorCommand struct {
	JSON   bool `name:"json" help:"Print the findings as JSON."`
	Strict bool `help:"Exit with 3 when there are warnings and nothing is broken."`
}

// Exit codes of the doctor besides 0.
const (
	doctorBroken = 1
	doctorWarns  = 3
)

// ended is a command that has said everything and wants an exit code.
type ended int

func (e ended) Error() string { return "exit code " + strconv.Itoa(int(e)) }

// Run makes all checks once and prints them: exit code 1 when anything is broken, 3 when
// there are only warnings and --strict was given, else 0. It may run beside the server;
// values that nobody keeps are fetched, as the server would.
func (d doctorCommand) Run(ctx context.Context, env *Env) error {
	store, err := OpenStore(ctx, env.Config, env.Log)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	a := &App{DB: store, cfg: env.Config, log: env.Log, version: env.Version, Public: env.Config.PublicURL}
	a.WeChat = a.newHub()
	s := a.newDoctor(true)
	defer s.Close()
	found, err := s.Run(ctx)
	if err != nil {
		return err
	}
	level, problems := doctor.Overall(found)
	if d.JSON {
		out := json.NewEncoder(env.Out)
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		err = out.Encode(struct {
			Level    doctor.Level     `json:"level"`
			Problems int              `json:"problems"`
			Findings []doctor.Finding `json:"findings"`
		}{level, problems, found})
	} else {
		names, e := a.accountNames(ctx)
		if e != nil {
			return e
		}
		err = printFindings(terminal(ctx), env.Out, found, names)
	}
	switch {
	case err != nil:
		return err
	case level == doctor.Fail:
		return ended(doctorBroken)
	case level == doctor.Warn && d.Strict:
		return ended(doctorWarns)
	}
	return nil
}

// terminal is ctx with the language that the terminal speaks: Chinese where its settings
// say so, else English.
func terminal(ctx context.Context) context.Context {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := os.Getenv(name); value != "" {
			if strings.HasPrefix(value, "zh") {
				return i18n.With(ctx, i18n.ZH)
			}
			break
		}
	}
	return i18n.With(ctx, i18n.EN)
}

// printFindings writes one group for each account and one for the program, every problem
// with its five parts.
func printFindings(ctx context.Context, w io.Writer, found []doctor.Finding, names map[string]string) error {
	var b strings.Builder
	say := func(t doctor.Text) string { return i18n.TArgs(ctx, t.Key, t.Args) }
	_, problems := doctor.Overall(found)
	if problems == 0 {
		b.WriteString(i18n.T(ctx, "doctor.cli.summary_ok") + "\n")
	} else {
		b.WriteString(i18n.T(ctx, "doctor.cli.summary", "count", strconv.Itoa(problems)) + "\n")
	}
	group := "\x00"
	for _, f := range found {
		if f.Account != group {
			group = f.Account
			title := i18n.T(ctx, "doctor.program")
			if group != "" {
				title = names[group] + " (" + group + ")"
			}
			fmt.Fprintf(&b, "\n%s\n", title)
		}
		fmt.Fprintf(&b, "  %s %s  %s\n", doctor.Mark(f.Level), i18n.TArgs(ctx, f.Check.Name(), nil), say(f.What))
		if !f.Level.Problem() {
			continue
		}
		if !f.Since.IsZero() {
			since := i18n.DateTime(ctx, f.Since, nil)
			if f.Count > 1 {
				since += "  " + i18n.T(ctx, "doctor.cli.times", "count", strconv.Itoa(f.Count))
			}
			fmt.Fprintf(&b, "      %s: %s\n", i18n.T(ctx, "doctor.cli.since"), since)
		}
		for _, part := range []struct{ title, words string }{
			{i18n.T(ctx, "doctor.cli.impact"), say(f.Impact)},
			{i18n.T(ctx, "doctor.cli.place"), say(f.Place)},
			{i18n.T(ctx, "doctor.cli.fix"), say(f.Fix)},
			{i18n.T(ctx, "doctor.cli.value"), f.Value},
			{"rid", f.RID},
		} {
			if part.words != "" {
				fmt.Fprintf(&b, "      %s: %s\n", part.title, part.words)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// newDoctor makes the service on the program's own parts. ask lets it fetch what is
// missing; a running server does that by itself.
func (a *App) newDoctor(ask bool) *doctor.Service {
	path := a.cfg.SQLitePath()
	o := doctor.Options{
		Store: a.DB, Accounts: a.allCredentials, WeChat: a.WeChat, Fetches: a.DB, Pushes: a.DB, Files: a.DB,
		PublicURL: a.Public, DataDir: filepath.Dir(path), DBPath: path, Ready: a.DB.Ready,
		HTTP: &http.Client{}, Ask: ask, Say: i18n.TArgs, Version: a.version.String(), Log: a.log,
	}
	if !ask { // the queue of a command says nothing about the server's
		o.WriterQueue = func() int { return a.DB.WriterStats().Queued }
	}
	return doctor.New(o)
}

// allCredentials are those of every account, with the endpoints of the settings.
func (a *App) allCredentials(ctx context.Context) ([]wechat.Credentials, error) {
	accounts, err := a.DB.Accounts(ctx)
	all := make([]wechat.Credentials, len(accounts))
	for i, account := range accounts {
		all[i] = a.withEndpoints(account.Credentials)
	}
	return all, err
}

func (a *App) accountNames(ctx context.Context) (map[string]string, error) {
	accounts, err := a.DB.Accounts(ctx)
	names := make(map[string]string, len(accounts))
	for _, account := range accounts {
		names[string(account.ID)] = account.Name
	}
	return names, err
}

// examine is the task that keeps the health board new.
func (a *App) examine(ctx context.Context) error {
	_, err := a.Doctor.Run(ctx)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
