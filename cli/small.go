package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"kaquan/campaigns"
)

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(env *Env) error {
	_, err := fmt.Fprintln(env.Out, "kaquan", env.Version)
	return err
}

type migrateCommand struct{}

// Run migrates and stops. A repeat is safe.
func (migrateCommand) Run(ctx context.Context, env *Env) error {
	store, err := OpenStore(ctx, env.Config, env.Log)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.Out, "database is up to date:", env.Config.SQLitePath())
	return errors.Join(err, store.Close())
}

type verifyCommand struct{}

// Run compares every campaign's counters with its claims; a difference fails.
func (verifyCommand) Run(ctx context.Context, env *Env) error {
	store, err := OpenStore(ctx, env.Config, env.Log)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	service := campaigns.New(campaigns.Options{Store: store, Log: env.Log})
	accounts, err := store.Accounts(ctx)
	if err != nil {
		return err
	}
	wrong := 0
	for _, account := range accounts {
		for _, state := range campaigns.States {
			list, err := service.Campaigns(ctx, campaigns.CampaignFilter{Account: account.ID, State: state})
			if err != nil {
				return err
			}
			for _, c := range list {
				stock, err := service.CheckStock(ctx, c.ID)
				verdict := "✓"
				if errors.Is(err, campaigns.ErrLedger) {
					verdict = "✗ " + err.Error()
					wrong++
				} else if err != nil {
					return err
				}
				if _, err := fmt.Fprintf(env.Out, "%-40s %d = %d + %d + %d  %s\n", c.Slug, stock.Total, stock.Confirmed, stock.Held, stock.Left(), verdict); err != nil {
					return err
				}
			}
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d campaigns do not add up", wrong)
	}
	return nil
}

type healthcheckCommand struct{}

// Run asks /readyz of the server that the same settings describe.
func (healthcheckCommand) Run(ctx context.Context, env *Env) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	address := env.Config.Listen
	for _, any := range []string{"0.0.0.0:", "[::]:", ":"} {
		if port, ok := strings.CutPrefix(address, any); ok {
			address = "127.0.0.1:" + port
			break
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("no answer from %s: %w", address, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", address, response.Status)
	}
	_, err = fmt.Fprintln(env.Out, "ready")
	return err
}
