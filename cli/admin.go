package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"kaquan/people"
)

type adminCommand struct {
	Create        adminCreate `cmd:"" help:"Create an account; the password is read from standard input. 新建账号。"`
	ResetPassword adminReset  `cmd:"" help:"Set a new password, read from standard input, and end the person's sessions. 重设密码。"`
	List          adminList   `cmd:"" help:"List the accounts. 列出账号。"`
}

type adminCreate struct {
	Login string `required:"" help:"Sign-in name."`
	Name  string `help:"Name to show; the sign-in name when missing."`
	Role  string `default:"owner" enum:"owner,operator,viewer,finance" help:"owner, operator, viewer or finance."`
}

// Run creates an account in the database of the settings.
func (c adminCreate) Run(ctx context.Context, env *Env) error {
	password, err := readPassword(env)
	if err != nil {
		return err
	}
	if c.Name == "" {
		c.Name = c.Login
	}
	return withPeople(ctx, env, func(s *people.Service) error {
		p, err := s.CreatePerson(ctx, people.NewPerson{Login: c.Login, Name: c.Name, Password: password, Role: people.Role(c.Role)})
		if err == nil {
			_, err = fmt.Fprintln(env.Out, "created", p.Login, "as", p.Role)
		}
		return err
	})
}

type adminReset struct {
	Login     string `required:"" help:"Sign-in name."`
	NoTwoStep bool   `help:"Turn two-step sign-in off too, for somebody who lost the phone. 同时关闭两步验证。"`
}

// Run sets a new password. The person is signed out everywhere.
func (c adminReset) Run(ctx context.Context, env *Env) error {
	password, err := readPassword(env)
	if err != nil {
		return err
	}
	return withPeople(ctx, env, func(s *people.Service) error {
		if err := s.ResetPassword(ctx, c.Login, password); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(env.Out, "password set for", c.Login); err != nil || !c.NoTwoStep {
			return err
		}
		err := s.ForgetTwoStep(ctx, c.Login)
		if err == nil {
			_, err = fmt.Fprintln(env.Out, "two-step sign-in is off for", c.Login)
		}
		return err
	})
}

type adminList struct{}

// Run lists the accounts.
func (adminList) Run(ctx context.Context, env *Env) error {
	return withPeople(ctx, env, func(s *people.Service) error {
		list, err := s.List(ctx)
		if err != nil {
			return err
		}
		for _, p := range list {
			seen := "never"
			if !p.LastSeenAt.IsZero() {
				seen = p.LastSeenAt.Format("2006-01-02 15:04")
			}
			switch {
			case p.Disabled:
				seen += ", disabled"
			case p.Pending():
				seen += ", invited"
			case p.TwoStep:
				seen += ", two-step sign-in"
			}
			if _, err := fmt.Fprintf(env.Out, "%-24s %-10s %-16s last seen %s\n", p.Login, p.Role, p.Name, seen); err != nil {
				return err
			}
		}
		return nil
	})
}

// readPassword takes one line of standard input, so that no password stands in the
// process list or the shell's history.
func readPassword(env *Env) (string, error) {
	if _, err := fmt.Fprint(env.Err, "密码 password: "); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(io.LimitReader(env.In, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	password := strings.TrimRight(line, "\r\n")
	if password == "" {
		return "", errors.New("no password on standard input")
	}
	return password, nil
}

func withPeople(ctx context.Context, env *Env, fn func(*people.Service) error) error {
	store, err := OpenStore(ctx, env.Config, env.Log)
	if err != nil {
		return err
	}
	return errors.Join(fn(people.New(store, people.Options{Log: env.Log})), store.Close())
}
