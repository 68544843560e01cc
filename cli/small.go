package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/orders"
	"kaquan/stores"
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

// Run compares every campaign's counters with its claims, and every stock level with its
// movements, and the money with the cards; a difference fails.
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
	wrong, wrongLevels, wrongMoney := 0, 0, 0
	money := orders.New(orders.Options{Store: store, Log: env.Log})
	shops := stores.New(stores.Options{Store: store, Log: env.Log})
	for _, account := range accounts {
		levels, off, err := shops.Verify(ctx, stores.AccountID(account.ID))
		if err != nil {
			return err
		}
		if err := printLevels(env.Out, string(account.ID), levels, off); err != nil {
			return err
		}
		wrongLevels += len(off)
		list, err := service.Campaigns(ctx, campaigns.CampaignFilter{Account: account.ID, Archived: true})
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
			differing, err := service.CheckRules(ctx, c.ID)
			if err != nil {
				return err
			}
			if len(differing) > 0 {
				verdict = "✗ " + strings.Join(differing, "; ")
				wrong++
			}
			if _, err := fmt.Fprintf(env.Out, "%-40s %d = %d + %d + %d  %s\n", c.Slug, stock.Total, stock.Confirmed, stock.Held, stock.Left(), verdict); err != nil {
				return err
			}
		}
	}
	merchants, err := store.Merchants(ctx)
	if err != nil {
		return err
	}
	for _, account := range merchants {
		holds, err := printMoney(ctx, env.Out, money, account)
		if err != nil {
			return err
		}
		if !holds {
			wrongMoney++
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d campaigns do not add up", wrong)
	}
	if wrongLevels > 0 {
		return fmt.Errorf("%d stock levels are not the sum of their movements", wrongLevels)
	}
	if wrongMoney > 0 {
		return fmt.Errorf("the money of %d accounts does not add up", wrongMoney)
	}
	return nil
}

// printLevels says how an account's stock compares with its log; nothing where there is none.
func printLevels(w io.Writer, account string, levels int, wrong []stores.Difference) error {
	if levels == 0 && len(wrong) == 0 {
		return nil
	}
	verdict := "✓"
	if len(wrong) > 0 {
		verdict = "✗"
	}
	if _, err := fmt.Fprintf(w, "%-40s %d stock levels  %s\n", account, levels, verdict); err != nil {
		return err
	}
	for _, d := range wrong {
		if _, err := fmt.Fprintf(w, "  place %s, goods %s: %d, but its movements sum up to %d\n", d.Place, d.Goods, d.Level, d.Sum); err != nil {
			return err
		}
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
